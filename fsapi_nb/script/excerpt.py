"""Locate a statement in its file, with its line as it may be shown: passwords starred."""

from __future__ import annotations

from collections.abc import Sequence

from fsapi_nb.model.migration import Migration, Statement
from fsapi_nb.model.place import SourceLocation
from fsapi_nb.script.redact import redact_line, redact_sql


def shown_lines(migration: Migration) -> list[str]:
    """Return the lines of the file as they may be shown.

    This searches the whole text for secrets, however long it is.
    """
    return redact_sql(migration.up.written.source).split("\n")


def statement_place(name: str, statement: Statement, lines: Sequence[str]) -> SourceLocation:
    """Return the place of a statement in its file, with an excerpt that begins with the statement.

    Args:
        name: The name of the file.
        statement: A statement of it.
        lines: The lines of the file, as `shown_lines` returns them.
    """
    if statement.line > len(lines):
        return SourceLocation(name, statement.line)
    line = redact_line(lines[statement.line - 1].rstrip("\r"))
    return SourceLocation(name, statement.line, None, line, near=begin_in(statement, line))


def begin_in(statement: Statement, line: str) -> int | None:
    """Return the column at which a statement begins in its line as shown; None if it begins the line."""
    if statement.text_line != statement.line or statement.text_column == 1:
        return None
    # A starred password before the statement moves it, so its text is looked for.
    words = redact_line(statement.text.split("\n", 1)[0])[:40]
    found = line.rfind(words, 0, statement.text_column - 1 + len(words))
    return (found if found >= 0 else statement.text_column - 1) + 1
