"""The SQL of statements as a plan shows it: folded away, or a line of it where the words for it say little."""

from __future__ import annotations

import re

from fsapi_nb.model.forecast import StatementForecast
from fsapi_nb.text.safe import visible, visible_line

_SAY_LITTLE = frozenset({"INSERT", "UPDATE", "DELETE", "MERGE", "SELECT", "DO", "CALL", "WITH", "SQL"})
_EXCERPT = 56  # characters
_LONGEST = 1_000  # characters of one statement that a notebook stores
_COMMENTS = re.compile(r"\A(?:\s+|--[^\n]*(?:\n|\Z)|/\*.*?\*/)*", re.DOTALL)


def excerpt(statement: StatementForecast) -> str:
    """Return the beginning of its SQL on one line; empty if its words say what it does."""
    if statement.kind not in _SAY_LITTLE:
        return ""
    # Long blanks are cut first: of a megabyte of data nobody reads more than a line.
    text = " ".join(_COMMENTS.sub("", statement.sql[:4_000]).split())
    text = visible_line(text)
    if len(text) <= _EXCERPT:
        return text
    words = text[: _EXCERPT - 1].rpartition(" ")[0]  # not the beginning of a word, unless it is a long one
    return f"{words if len(words) > _EXCERPT // 2 else text[: _EXCERPT - 2]} …"


def whole_sql(statement: StatementForecast) -> str:
    """Return all of its SQL, as it may be shown."""
    return visible(statement.sql.strip("\n").replace("\r\n", "\n"))


def stored_sql(statement: StatementForecast) -> tuple[str, bool]:
    """Return as much of its SQL as a notebook stores, and whether that is all."""
    text = statement.sql.strip("\n")
    if len(text) <= _LONGEST:
        return whole_sql(statement), True
    cut = visible(text[:_LONGEST].replace("\r\n", "\n"))
    return f"{cut}\n… {len(text) - _LONGEST:,} characters more", False
