"""The place of a statement in its file, with its line as it may be shown: without passwords, cut to where it begins."""

from __future__ import annotations

from collections.abc import Sequence

from fsapi_nb.model.migration import Migration, Statement
from fsapi_nb.model.place import SourceLocation
from fsapi_nb.script.redact import redact_line, redact_sql


def shown_lines(migration: Migration) -> list[str]:
    """Return the lines of the file as they may be shown. Looks through the whole text, however long it is."""
    return redact_sql(migration.source).split("\n")


def statement_place(name: str, statement: Statement, lines: Sequence[str]) -> SourceLocation:
    """Return where a statement stands; of several in one line, the excerpt begins with this one.

    Args:
        name: What the file is called.
        lines: Those of `shown_lines`.
    """
    if statement.line > len(lines):
        return SourceLocation(name, statement.line)
    line = redact_line(lines[statement.line - 1].rstrip("\r"))
    return SourceLocation(name, statement.line, None, line, near=begin_in(statement, line))


def begin_in(statement: Statement, line: str) -> int | None:
    """Return the column of its line, as it is shown, at which a statement begins; None if nothing stands before it."""
    if statement.text_line != statement.line or statement.text_column == 1:
        return None
    # A password that is starred out before it has moved it: then the text is looked for.
    words = redact_line(statement.text.split("\n", 1)[0])[:40]
    found = line.rfind(words, 0, statement.text_column - 1 + len(words))
    return (found if found >= 0 else statement.text_column - 1) + 1
