"""Hide values of rows that the server's messages quote, in every language of PostgreSQL's messages. No I/O."""

from __future__ import annotations

import re
from dataclasses import replace

from fsapi_nb.model.server import ServerMessage
from fsapi_nb.text.secrets import STARS, is_secret_name

_OPENING, _CLOSING = '["»„“«]', '["«”“»]'
# `Key (lower(token), id)=(abc, 1) already exists.`
_KEY = re.compile(r"\((?P<columns>.+?)\)=\((?P<values>.*)\)", re.DOTALL)
# `COPY t, line 3, column token: "abc"`, and `COPY t, line 3: "a@x	abc"`
_COLUMN = re.compile(
    rf"^(?P<before>.*\bCOPY\b.*?(?P<column>[\w.]+)\"?: ?{_OPENING})(?P<value>.*){_CLOSING}", re.MULTILINE
)
_ROW = re.compile(r"\(.*\)", re.DOTALL)
_VALUE = re.compile(rf"(?P<before>{_OPENING}).*(?P<after>{_CLOSING})", re.DOTALL)
_NAME = re.compile(r"[\w.]+")
_ROWS = frozenset({"23502", "23514"})  # NOT NULL and CHECK: their detail quotes each value of the row
_ABOUT_COLUMNS = "22P04"  # the format of a COPY: its message names columns, not values


def hide_key(detail: str) -> str:
    """Return a DETAIL such as `Key (token)=(...)`, with stars for the values if a column's name is that of a secret."""
    found = _KEY.search(detail)
    if found is None or not names_secret(found["columns"]):
        return detail
    return detail[: found.start("values")] + STARS + detail[found.end("values") :]


def hide_copied(context: str) -> str:
    """Return a CONTEXT of a COPY, with stars for the value if the column's name is that of a secret."""
    return _COLUMN.sub(lambda found: _starred(found) if is_secret_name(found["column"]) else found[0], context)


def hide_row(message: ServerMessage, statement: str) -> ServerMessage:
    """Return a message without the values of a row, if its statement contains a secret's name.

    All values are hidden: the message does not say which of them belongs to that column. A row has the order of its
    table, a line that of its COPY.

    Args:
        message: The server's message.
        statement: The statement that failed.
    """
    if not names_secret(statement):
        return message
    detail, context = message.detail, message.context
    if detail and message.sqlstate in _ROWS:
        detail = _ROW.sub(f"({STARS})", detail)
    if context:
        context = _COLUMN.sub(_starred, context)
    return replace(message, detail=detail, context=context)


def without_values(message: ServerMessage) -> str:
    """Return a message as the journal keeps it: without the value that a conversion refused, which is a user's data."""
    if (message.sqlstate or "").startswith("22") and message.sqlstate != _ABOUT_COLUMNS:
        return _VALUE.sub(rf"\g<before>{STARS}\g<after>", message.message)
    return message.message


def names_secret(text: str) -> bool:
    """Return whether a word of a text is a secret's name, such as `token`."""
    return any(is_secret_name(word) for word in _NAME.findall(text))


def _starred(found: re.Match[str]) -> str:
    return f"{found['before']}{STARS}{found[0][-1]}"
