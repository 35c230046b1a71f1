"""How long a statement outside of a transaction waits for locks: as long as the run waits, if it blocks nobody."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from fsapi_nb.model.migration import Statement
from fsapi_nb.postgres.session import Session
from fsapi_nb.script.options import milliseconds

# They wait for every transaction that uses the table, once in each phase, and others read and write meanwhile. To give
# up would also throw away what was built. DETACH PARTITION CONCURRENTLY is not one: in the end it locks the partition.
_PATIENT = ("CREATE INDEX CONCURRENTLY", "DROP INDEX CONCURRENTLY", "REINDEX CONCURRENTLY")
# A lock_timeout that the script itself has set stays.
_LENGTHEN = """SELECT pg_catalog.set_config('lock_timeout', %(longer)s, false)
    WHERE pg_catalog.current_setting('lock_timeout')::pg_catalog.interval
        OPERATOR(pg_catalog.=) %(usual)s::pg_catalog.interval"""
_USUAL = "SELECT pg_catalog.set_config('lock_timeout', %(usual)s, false)"


def blocks_nobody(statement: Statement) -> bool:
    """Return whether a statement lets others read and write while it waits for them."""
    return statement.traits.kind in _PATIENT


@contextmanager
def patient(session: Session, seconds: float) -> Iterator[None]:
    """Let statements wait for locks for `seconds`, unless the session waits longer, or a script has said how long."""
    usual = session.settings.get("lock_timeout", "0")
    limit = milliseconds(usual.replace(" ", ""))
    if not limit or limit >= seconds * 1000:
        yield
        return
    values = {"usual": usual, "longer": f"{seconds * 1000:.0f}ms"}
    lengthened = session.connection().execute(_LENGTHEN.encode(), values).fetchone()
    try:
        yield
    finally:
        if lengthened and not session.is_lost():
            session.connection().execute(_USUAL.encode(), values)
