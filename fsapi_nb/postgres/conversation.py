"""The private parts of psycopg, all of them here: the conversations by which it speaks with libpq.

A conversation is a generator that yields what it waits for (`Wait`) and is sent what the socket is ready for (`Ready`).
Its parts are not documented, and may change with any release of psycopg:

- `generators.send` (here `flush`), `fetch` and `fetch_many` send what libpq holds, and receive one result or all of a message. Nothing
  public gives results as libpq has them: cursors read values by the session's adapters, begin transactions of their own,
  and cannot hand on a result while the next is still to come.
- `waiting.wait` (here `wait_for`) moves a conversation on whenever the socket is ready. `Connection.wait` does so for one at a time, while
  a cancel must go on with a conversation that was interrupted, and for a moment only.
- `Connection._connect_gen` is the conversation in which a connection is opened: nothing public reaches it, so that a
  signal could not stop it.
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
    """A connection that lets a subclass have a hand in the conversation in which it is opened."""

    @classmethod
    def opening(cls, conversation: Any) -> Any:
        """Return the conversation that is to be held instead."""
        return conversation

    @classmethod
    def _connect_gen(cls, *args: Any, **kwargs: Any) -> Any:
        return cls.opening(super()._connect_gen(*args, **kwargs))
