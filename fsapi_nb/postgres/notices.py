"""What the server says beside its results: NOTICE, WARNING and the like, without secrets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from fsapi_nb.model.server import ServerMessage
from fsapi_nb.postgres.wire import Connection


def notice_of(diagnosis: psycopg.errors.Diagnostic) -> tuple[str, str]:
    """Return the severity (NOTICE, WARNING, INFO, LOG, DEBUG) and the message, with its detail and hint in lines below it."""
    from fsapi_nb.script.redact import redact_line
    from fsapi_nb.text.masking import hide_known

    said = ServerMessage(None, diagnosis.message_primary or "", diagnosis.message_detail, diagnosis.message_hint)
    below = [line.removeprefix("  ") for line in said.lines()]
    return diagnosis.severity_nonlocalized or "NOTICE", hide_known(redact_line("\n".join([said.message, *below])))


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
