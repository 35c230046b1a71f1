"""The private parts of psycopg that fsapi_nb uses, all of them here: the conversations by which psycopg talks to libpq.

A conversation is a generator that yields what it waits for (`Wait`) and is sent what the socket is ready for (`Ready`).
Its parts are not documented, and may change with any release of psycopg:

- `generators.send` (here `flush`), `fetch` and `fetch_many` send what libpq holds, and receive one result or all results
  of a message. Nothing public gives results as libpq has them: cursors decode values with the session's adapters, begin
  transactions of their own, and cannot pass a result on while the next one is still to come.
- `waiting.wait` (here `wait_for`) resumes a conversation whenever the socket is ready. `Connection.wait` only runs a
  conversation from its beginning to its end, while a cancel must resume an interrupted one, for a moment at a time.
- `Connection._connect_gen` is the conversation in which a connection is opened. Nothing public reaches it, and without it
  a signal could not stop the wait for a server.
"""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.abc import PQGen
from psycopg.generators import fetch, fetch_many
from psycopg.generators import send as flush
from psycopg.waiting import Ready, Wait
from psycopg.waiting import wait as wait_for

__all__ = ["OpenedByConversation", "PQGen", "Ready", "Wait", "fetch", "fetch_many", "flush", "wait_for"]


class OpenedByConversation(psycopg.Connection[Any]):
    """A connection whose subclass can replace the conversation in which it is opened."""

    @classmethod
    def opening(cls, conversation: Any) -> Any:
        """Return the conversation that is held instead."""
        return conversation

    @classmethod
    def _connect_gen(cls, *args: Any, **kwargs: Any) -> Any:
        return cls.opening(super()._connect_gen(*args, **kwargs))
