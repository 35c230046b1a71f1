"""Waits for the server that are interrupted: the statement is cancelled, and the connection can be used again."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pytest
from psycopg import generators

from fsapi_nb.postgres.wait import StoppableConnection
from fsapi_nb.stop import StopSignal, heeding
from tests.conftest import Project


class InterruptedAt(Generator[Any, Any, Any]):
    """A conversation behind one step of which the user interrupts, before Python has done with that step."""

    def __init__(self, conversation: Any, step: int) -> None:
        self._conversation = conversation
        self._left = step

    def send(self, ready: Any) -> Any:
        wanted = self._conversation.send(ready)
        self._left -= 1
        if self._left == 0:
            raise KeyboardInterrupt
        return wanted

    def throw(self, *error: Any) -> Any:
        return self._conversation.throw(*error)


@pytest.mark.parametrize("size", [0, 32 << 20], ids=["short", "too long for one step"])
@pytest.mark.parametrize("step", [1, 2, 3])
@pytest.mark.parametrize("in_verb", [True, False], ids=["in a verb", "a connection for other tools"])
def test_an_interrupt_in_the_middle_of_a_step_cancels_the_statement(
    project: Project, *, step: int, size: int, in_verb: bool
) -> None:
    """Also behind the first, when what the conversation waits for has not been kept yet: a TypeError came of that."""
    heed: AbstractContextManager[object] = heeding(StopSignal()) if in_verb else nullcontext()
    with StoppableConnection.connect(project.database, autocommit=True) as connection, heed:
        connection.pgconn.send_query(b"SELECT pg_catalog.pg_sleep(60) --" + b" " * size)
        with pytest.raises(KeyboardInterrupt):
            connection.wait(InterruptedAt(generators.execute(connection.pgconn), step))
        row = connection.execute("SELECT 1").fetchone()
        assert row is not None
        assert row[0] == 1
