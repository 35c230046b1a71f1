"""One message to the server and all that it answers: the text exactly as it is, parameters beside it.

By the simple query protocol; by the extended one where there are parameters. Results are text in both. No
transaction is begun here, and no value is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import psycopg
from psycopg import generators
from psycopg.abc import PQGen
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGconn, PGresult

Connection: TypeAlias = psycopg.Connection[Any]


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back for one message: the good results, and the error that ended them."""

    results: list[PGresult]
    error: psycopg.Error | None


@dataclass(frozen=True, slots=True)
class Bound:
    """Parameters as they travel: each one's text (None is NULL), and its type's OID (0: PostgreSQL finds it)."""

    values: Sequence[bytes | None] = field(repr=False)
    types: Sequence[int]


FAILED = (ExecStatus.FATAL_ERROR, ExecStatus.BAD_RESPONSE)
COPYING = (ExecStatus.COPY_IN, ExecStatus.COPY_OUT, ExecStatus.COPY_BOTH)


def encoding_of(connection: Connection) -> str:
    """The codec of the client encoding; UTF-8 where it is unknown, and for SQL_ASCII, which means any bytes."""
    try:
        encoding = connection.info.encoding
    except psycopg.Error:
        return "utf-8"
    return "utf-8" if encoding == "ascii" else encoding


def send(connection: Connection, message: bytes, bound: Bound | None = None) -> Reply:
    """Send one message, and wait for all that comes back; Ctrl-C meanwhile cancels it on the server.

    With parameters it holds one statement: PostgreSQL refuses more.
    """
    results: list[PGresult] = []
    error: psycopg.Error | None = None
    try:
        if bound is None:
            connection.pgconn.send_query(message)
        else:
            connection.pgconn.send_query_params(message, bound.values, bound.types)
        connection.wait(collect(connection.pgconn, results))
    except psycopg.OperationalError as lost:
        error = lost
    for result in results:
        if result.status in FAILED:
            error = error_from_result(result, encoding_of(connection))
            break
    return Reply([result for result in results if result.status not in FAILED], error)


def collect(pgconn: PGconn, results: list[PGresult]) -> PQGen[None]:
    """Receive every result of a message into `results`, which keeps what came when an error cuts this short."""
    yield from generators.send(pgconn)
    while (result := (yield from generators.fetch(pgconn))) is not None:
        results.append(result)
        if result.status in COPYING:
            return  # libpq repeats this result for ever until the copy is ended
