"""How long a statement outside of a transaction waits for locks: as long as the run waits, if it blocks nobody."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from fsapi_nb.model.migration import Statement
from fsapi_nb.postgres.session import Session
from fsapi_nb.script.options import milliseconds

# They wait for every transaction that uses the table, once in each phase, and others read and write meanwhile. To give
# up would also throw away what was built. DETACH PARTITION CONCURRENTLY is not one: in the end it locks the partition.
_PATIENT = ("CREATE INDEX CONCURRENTLY", "DROP INDEX CONCURRENTLY", "REINDEX CONCURRENTLY")
#: Sets the longer limit, unless the script itself has set another lock_timeout than the usual one.
LENGTHEN = """SELECT pg_catalog.set_config('lock_timeout', %(longer)s, false)
    WHERE pg_catalog.current_setting('lock_timeout')::pg_catalog.interval
        OPERATOR(pg_catalog.=) %(usual)s::pg_catalog.interval"""
#: Sets the usual limit again.
USUAL = "SELECT pg_catalog.set_config('lock_timeout', %(usual)s, false)"


def blocks_nobody(statement: Statement) -> bool:
    """Return whether a statement lets others read and write while it waits for them."""
    return statement.traits.kind in _PATIENT


def longer_wait(settings: Mapping[str, str], seconds: float) -> dict[str, str] | None:
    """Return the `usual` limit of these settings and a `longer` one of `seconds`; None if it would not be longer."""
    usual = settings.get("lock_timeout", "0")
    limit = milliseconds(usual.replace(" ", ""))
    if not limit or limit >= seconds * 1000:
        return None
    return {"usual": usual, "longer": f"{seconds * 1000:.0f}ms"}


@contextmanager
def patient(session: Session, seconds: float) -> Iterator[None]:
    """Let statements wait for locks for `seconds`, unless the session waits longer, or a script has said how long."""
    values = longer_wait(session.settings, seconds)
    if values is None:
        yield
        return
    lengthened = session.connection().execute(LENGTHEN.encode(), values).fetchone()
    try:
        yield
    finally:
        if lengthened and not session.is_lost():
            session.connection().execute(USUAL.encode(), values)
