"""Run statements on a copy in an order in which they succeed: one that fails is tried again behind the others."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import psycopg

from fsapi_nb.postgres.connect import server_message
from fsapi_nb.postgres.session import Connection


@dataclass(frozen=True, slots=True)
class TriedStatements:
    """What has run, in its order, and what has not, with what the server said of it."""

    done: tuple[str, ...] = ()
    failed: tuple[tuple[str, str], ...] = ()


def attempt(connection: Connection, statements: Iterable[str]) -> TriedStatements:
    """Run the statements, each by itself and as one statement. Raises psycopg.Error only if the connection is lost."""
    done: list[str] = []
    waiting, failed = [*statements], list[tuple[str, str]]()
    while waiting:
        failed = []
        for statement in waiting:
            try:
                # Prepared, so that the server parses it as one statement or refuses it.
                connection.execute(statement.encode(), prepare=True)
            except psycopg.Error as error:
                if connection.closed:
                    raise
                failed.append((statement, server_message(error).message))
            else:
                done.append(statement)
        if len(failed) == len(waiting):
            break
        waiting = [statement for statement, _ in failed]
    return TriedStatements(tuple(done), tuple(failed))
