"""Show the lines of a migration that findings are in, secrets starred."""

from __future__ import annotations

from functools import cached_property

from fsapi_nb.model.migration import Migration
from fsapi_nb.model.place import SourceLocation
from fsapi_nb.script.excerpt import shown_lines
from fsapi_nb.script.redact import redact_line


class Excerpts:
    """The lines of one file. Its text is searched for secrets when the first line is asked for."""

    def __init__(self, migration: Migration) -> None:
        self._migration = migration

    @cached_property
    def _shown(self) -> list[str]:
        return shown_lines(self._migration)

    @cached_property
    def _written(self) -> list[str]:
        return self._migration.up.written.source.split("\n")

    def place(self, line: int, column: int) -> SourceLocation:
        """Return a place of the file with its line; its column counts in that, where a starred secret may move it."""
        if line > len(self._shown):
            return SourceLocation(self._migration.name, line, column)
        shown = redact_line(self._shown[line - 1].rstrip("\r"))
        written = self._written[line - 1].rstrip("\r")
        return SourceLocation(self._migration.name, line, _moved(column, written, shown), shown)


def _moved(column: int, written: str, shown: str) -> int | None:
    """Return the column in the line as it is shown; None if there are stars before it and behind it."""
    if shown[: column - 1] == written[: column - 1]:
        return column
    rest = written[column - 1 :]
    return len(shown) - len(rest) + 1 if shown.endswith(rest) else None
