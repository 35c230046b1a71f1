"""The messages of the server that are not errors: NOTICE, WARNING and the like, without secrets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from fsapi_nb.model.server import ServerMessage
from fsapi_nb.postgres.wire import Connection


def notice_of(diagnosis: psycopg.errors.Diagnostic) -> tuple[str, str]:
    """Return the severity (NOTICE, WARNING, INFO, LOG, DEBUG) and the message, followed by lines of detail and hint."""
    from fsapi_nb.script.redact import redact_line
    from fsapi_nb.text.masking import hide_known

    message = ServerMessage(None, diagnosis.message_primary or "", diagnosis.message_detail, diagnosis.message_hint)
    below = [line.removeprefix("  ") for line in message.lines()]
    return diagnosis.severity_nonlocalized or "NOTICE", hide_known(redact_line("\n".join([message.message, *below])))


@contextmanager
def listening(connection: Connection) -> Iterator[list[str]]:
    """Collect the notices of a connection as texts, such as `WARNING: no privileges were granted for "t"`."""
    notices: list[str] = []

    def collect(diagnosis: psycopg.errors.Diagnostic) -> None:
        notices.append(": ".join(notice_of(diagnosis)))

    connection.add_notice_handler(collect)
    try:
        yield notices
    finally:
        connection.remove_notice_handler(collect)
