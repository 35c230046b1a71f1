"""What PostgreSQL refused in a run, and where in the file: found out once, for the journal's row and for the exception. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import psycopg

from fsapi_nb.model.migration import Migration, Statement
from fsapi_nb.model.place import SourceLocation
from fsapi_nb.model.server import ServerMessage
from fsapi_nb.postgres.connect import server_message
from fsapi_nb.postgres.quoted_values import hide_row, without_values
from fsapi_nb.run.position import RunPosition
from fsapi_nb.script.excerpt import shown_lines, statement_place

# `COPY t, line 3` in each of the languages that PostgreSQL speaks (lc_messages).
_DATA_LINE = re.compile(r"(?:^COPY .*?, [^\d,]+|COPY、\D+|복사, )(\d+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Refusal:
    """What the server said (`message`), while the run was `at`, and the `place` in the file; None if it is not one of it.

    `lost` if the connection was lost over it.
    """

    at: RunPosition
    message: ServerMessage
    place: SourceLocation | None
    lost: bool = False

    @property
    def said(self) -> ServerMessage:
        """The message without a row that holds a secret of the script."""
        statement = self.at.statement
        return hide_row(self.message, statement.text) if statement else self.message

    @property
    def shown(self) -> ServerMessage:
        """The message as the user reads it, with what was being done."""
        at, said = self.at, self.said
        text = said.message
        if at.recording and not self.lost:
            text = f"while the history was written: {text}"
        elif at.resetting and not self.lost:
            text = f"while the session was brought back to how it began, behind the DOWN: {text}"
        elif at.committing:
            text = f"at COMMIT: {text}"
        return replace(said, message=text)

    @property
    def journalled(self) -> str:
        """Return what the journal keeps of a failure: the line of the file if there is one, the message, the code.

        No value of a row is in it.
        """
        where = ""
        if self.place and not self.at.recording and not self.at.committing:
            where = f"line {self.place.line}: "
        code = f" [{self.message.sqlstate}]" if self.message.sqlstate else ""
        return f"{where}{without_values(self.message)}{code}"


def refusal_of(error: psycopg.Error, at: RunPosition, *, lost: bool = False) -> Refusal:
    """Return what an error of the driver says of the run that was there."""
    place = _place(at.part.migration, at.statement, error, at.shift) if at.statement else None
    return Refusal(at, server_message(error), place, lost)


def copied_line(context: str | None) -> int | None:
    """Return the line of the data that the context of an error in COPY names, whatever its language."""
    match = _DATA_LINE.search(context or "")
    return int(match[1]) if match else None


def _line_of_data(statement: Statement, error: psycopg.Error) -> int | None:
    """Return the line of the file with the data that a COPY was refused for. The server counts lines of data."""
    line = copied_line(error.diag.context) if statement.copy else None
    return statement.copy.line + line - 1 if line and statement.copy else None


def _place(migration: Migration, statement: Statement, error: psycopg.Error, shift: int) -> SourceLocation:
    """Return where the server's error is in the file; the statement's first line if the server does not say."""
    position = error.diag.statement_position
    data, shown = _line_of_data(statement, error), shown_lines(migration)
    if not position and not data:
        return statement_place(migration.label, statement, shown)
    lines = migration.up.written.source.split("\n")
    line, column = data or statement.line, None
    if position:
        text = statement.text[: max(int(position) - 1 - shift, 0)]
        line = statement.text_line + text.count("\n")
        column = len(text) - (text.rfind("\n") + 1) + 1
        if line == statement.text_line:
            column += statement.text_column - 1
    source = lines[line - 1].rstrip("\r") if line <= len(lines) else None
    if source is not None and shown[line - 1].rstrip("\r") != source:
        return SourceLocation(migration.label, line, None, shown[line - 1].rstrip("\r"))
    return SourceLocation(migration.label, line, column, source)
