"""Find who stored the scripts of a migration, and what was stored, as far as the journal says.

The journal is another table than the one of the scripts: a role that may write only one of them cannot make both agree.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from psycopg import sql

from fsapi_nb.history.tables import Tables
from fsapi_nb.model.history import NAME_BEFORE

# Only the last step of a script: until all of a DOWN has run, what is stored is what an UP has left.
_EVENTS = sql.SQL("""
    SELECT migration::text, event, role::text, at, checksum, CASE WHEN witness LIKE 'sha256:%' THEN witness END, message FROM {}
    WHERE state = 'done' AND event = ANY ('{{up,baseline,repair,down,rename}}'::text[]) AND step IS NOT DISTINCT FROM steps
    ORDER BY id
""")


class Author(NamedTuple):
    """Who stored the scripts of a migration and when, their checksum, and the digest of what was stored."""

    by: str | None = None
    at: datetime.datetime | None = None
    journalled: str | None = None
    kept: str | None = None


def authors_query(tables: Tables) -> sql.Composed:
    """Return the query for the events that `fold_authors` takes."""
    return _EVENTS.format(tables.journal)


def fold_authors(rows: Iterable[Sequence[Any]]) -> dict[str, Author]:
    """Return the author of what is stored of each migration, by its name now; rows are oldest first.

    A rename moves what is stored to another name. The undo of `retire` puts back what that took away, as it was.
    """
    found: dict[str, Author] = {}
    for name, event, role, at, checksum, kept, message in rows:
        if event == "down":
            found.pop(name, None)
        elif event != "rename":
            found[name] = Author(role, at, checksum, kept)
        elif before := found.pop((message or "").removeprefix(NAME_BEFORE), None):
            found[name] = before
        else:
            found.pop(name, None)
    return found
