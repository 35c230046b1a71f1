"""What the server says beside its results: NOTICE, WARNING and the like, without passwords."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from fsapi_nb.database.wire import Connection


def notice_of(diagnosis: psycopg.errors.Diagnostic) -> tuple[str, str]:
    """Return the severity (NOTICE, WARNING, INFO, LOG, DEBUG) and the message, its detail in parentheses behind it."""
    from fsapi_nb.script.redact import redact_line

    severity, message = diagnosis.severity_nonlocalized or "NOTICE", diagnosis.message_primary or ""
    if diagnosis.message_detail:
        message += f" ({'; '.join(diagnosis.message_detail.splitlines())})"
    return severity, redact_line(message)


@contextmanager
def listening(connection: Connection) -> Iterator[list[str]]:
    """Collect what the server says over this connection, a text each: `WARNING: no privileges were granted for "t"`."""
    heard: list[str] = []

    def hear(diagnosis: psycopg.errors.Diagnostic) -> None:
        heard.append(": ".join(notice_of(diagnosis)))

    connection.add_notice_handler(hear)
    try:
        yield heard
    finally:
        connection.remove_notice_handler(hear)
