"""One message to the server and all that it answers: the text exactly as it is, parameters beside it.

By the simple query protocol; by the extended one where there are parameters. Results are text in both, but for a binary
copy, whose rows are handed on as they come. No transaction is begun here, and no value is read.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import psycopg
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, ExecStatus, Format, TransactionStatus
from psycopg.pq.abc import PGconn, PGresult

from fsapi_nb.postgres.conversation import PQGen, Wait, fetch, flush

Connection: TypeAlias = psycopg.Connection[Any]


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back for one message: the good results, and the error that ended them."""

    results: list[PGresult]
    error: psycopg.Error | None


@dataclass(frozen=True, slots=True)
class QueryParameters:
    """Parameters as they travel: each one's text (None is NULL), and its type's OID (0: PostgreSQL finds it)."""

    values: Sequence[bytes | None] = field(repr=False)
    types: Sequence[int]


FAILED = (ExecStatus.FATAL_ERROR, ExecStatus.BAD_RESPONSE, ExecStatus.PIPELINE_ABORTED)
COPYING = (ExecStatus.COPY_IN, ExecStatus.COPY_OUT, ExecStatus.COPY_BOTH)


def encoding_of(connection: psycopg.BaseConnection[Any]) -> str:
    """The codec of the client encoding; UTF-8 where it is unknown, and for SQL_ASCII, which means any bytes."""
    try:
        encoding = connection.info.encoding
    except psycopg.Error:
        return "utf-8"
    return "utf-8" if encoding == "ascii" else encoding


def send(
    connection: Connection, message: bytes, bound: QueryParameters | None = None, *, part: int | None = None
) -> Reply:
    """Send one message, and wait for all that comes back; Ctrl-C meanwhile cancels it on the server.

    With parameters it holds one statement: PostgreSQL refuses more. With `part`, a result of more rows than that comes
    as several of so many, then one without rows, where libpq can do so (from 17 on).
    """
    results: list[PGresult] = []
    error: psycopg.Error | None = None
    try:
        if bound is None:
            connection.pgconn.send_query(message)
        else:
            connection.pgconn.send_query_params(message, bound.values, bound.types)
        if part and psycopg.capabilities.has_stream_chunked():
            connection.pgconn.set_chunked_rows_mode(part)
        connection.wait(collect(connection.pgconn, results))
    except psycopg.OperationalError as lost:
        error = lost
    return _reply(connection, results, error)


def _reply(connection: Connection, results: Sequence[PGresult], error: psycopg.Error | None) -> Reply:
    for result in results:
        if result.status in FAILED:
            error = error_from_result(result, encoding_of(connection))
            break
    return Reply([result for result in results if result.status not in FAILED], error)


def describe(connection: Connection, before: Sequence[bytes], message: bytes) -> Reply:
    """Run the statements `before`, and have the server say what `message` would return: all in one round trip.

    `message` is not executed. Its description is the last of the results; there are as many others as statements before
    it, and one more. Ctrl-C meanwhile cancels on the server.
    """
    pgconn = connection.pgconn
    results: list[PGresult] = []
    error: psycopg.Error | None = None
    try:
        pgconn.enter_pipeline_mode()
        for statement in before:
            pgconn.send_query_params(statement, None)
        pgconn.send_prepare(b"", message)
        pgconn.send_describe_prepared(b"")
        pgconn.pipeline_sync()
        connection.wait(_collect_pipeline(pgconn, results))
    except psycopg.OperationalError as lost:
        error = lost
    finally:
        _leave_pipeline(connection)
    return _reply(connection, results, error)


def _collect_pipeline(pgconn: PGconn, results: list[PGresult]) -> PQGen[None]:
    yield from flush(pgconn)
    while True:
        result = yield from fetch(pgconn)
        if result is None and pgconn.status == ConnStatus.BAD:
            raise psycopg.OperationalError("the connection is lost")  # nothing more comes, not even the end
        if result is None:
            continue  # so ends each message's answer
        if result.status == ExecStatus.PIPELINE_SYNC:
            return
        results.append(result)


def _leave_pipeline(connection: Connection) -> None:
    try:
        connection.pgconn.exit_pipeline_mode()
    except psycopg.Error:
        connection.close()  # interrupted in the middle of it, or lost


_ROWS_AT_ONCE = 8192  # of a copy: fewer would cost more time each
_BYTES_AT_ONCE = 4 << 20  # and about so many, where rows are long: more would cost memory
_BYTES_AHEAD = 2 << 20  # libpq moves all that it holds at each read, so that far more would cost more than waiting


class _Ahead:
    """Hears the server while rows are made use of: a socket holds too little for it to go on meanwhile."""

    def __init__(self, pgconn: PGconn) -> None:
        self._pgconn = pgconn
        self._bytes = 0

    def listen(self) -> None:
        """Receive what has come, unless much of what came before is still to be used. Raises psycopg.OperationalError."""
        if self._bytes < _BYTES_AHEAD and (waiting := _waiting(self._pgconn.socket)):
            self._pgconn.consume_input()
            self._bytes += waiting

    def use(self, size: int) -> None:
        """So many bytes of it are used now."""
        self._bytes = max(self._bytes - size, 0)


def _waiting(socket: int) -> int:
    """How many bytes a socket holds that nobody has read; 0 where the system does not say."""
    if sys.platform == "win32":
        return 0
    import fcntl
    import termios

    count = array("i", [0])
    fcntl.ioctl(socket, termios.FIONREAD, count)
    return count[0]


_Take: TypeAlias = Callable[[bytearray, list[int], Callable[[], None]], None]


def copy_out(connection: Connection, message: bytes, take: _Take) -> Reply:
    """Send a binary `COPY ... TO STDOUT`, and hand on its rows, some at a time, as their bytes and the size of each.

    `take` calls its third argument now and then, so that the server can go on meanwhile. Whatever `take` raises ends the
    copy, and so does Ctrl-C; the connection can be used afterwards, or is closed.
    """
    results: list[PGresult] = []
    error: psycopg.Error | None = None
    try:
        connection.pgconn.send_query(message)
        connection.wait(_collect_copy(connection.pgconn, results, take))
    except psycopg.OperationalError as lost:
        error = lost
    finally:
        if connection.pgconn.transaction_status == TransactionStatus.ACTIVE:
            _abandon_copy(connection)
    return _reply(connection, results, error)


def _collect_copy(pgconn: PGconn, results: list[PGresult], take: _Take) -> PQGen[None]:
    yield from flush(pgconn)
    started = yield from fetch(pgconn)
    if started is None or started.status != ExecStatus.COPY_OUT:
        results.extend([started] if started else [])
    else:
        yield from _collect_rows(pgconn, take)
    while (result := (yield from fetch(pgconn))) is not None:
        results.append(result)


def _collect_rows(pgconn: PGconn, take: _Take) -> PQGen[None]:
    # The server sends each row as a message of its own. They are put together at once, as to keep a million little
    # buffers costs more than all else that is done here.
    rows, sizes, receive = bytearray(), list[int](), pgconn.get_copy_data
    ahead = _Ahead(pgconn)
    while True:
        size, row = receive(1)
        if size > 0:
            rows += row
            sizes.append(size)
            if len(sizes) < _ROWS_AT_ONCE:
                continue
        elif size == 0 and len(rows) < _BYTES_AT_ONCE:
            while not (yield Wait.R):
                pass
            pgconn.consume_input()
            continue
        if sizes:
            ahead.use(len(rows))
            take(rows, sizes, ahead.listen)
            rows, sizes = bytearray(), []
        if size < 0:
            return


def _abandon_copy(connection: Connection) -> None:
    """End a copy in the midst of its rows."""
    try:
        connection.cancel_safe(timeout=5.0)
        while connection.pgconn.get_copy_data(0)[0] > 0:
            pass  # what the server had sent before it was told
        connection.wait(collect(connection.pgconn, []))
    except psycopg.Error:
        connection.close()  # the server rolls back


def texts_of(connection: Connection, type_oid: int, values: Sequence[bytes]) -> list[str]:
    """PostgreSQL's own texts for some values of a built-in type of fixed length, given as its binary format has them.

    Raises psycopg.Error.
    """
    head = b"".join(number.to_bytes(4, "big") for number in (1, 0, type_oid, len(values), 1))
    encoded = head + b"".join(len(value).to_bytes(4, "big") + value for value in values)
    oid = psycopg.adapters.types[type_oid].array_oid
    results: list[PGresult] = []
    connection.pgconn.send_query_params(b"SELECT pg_catalog.unnest($1)", [encoded], [oid], [Format.BINARY])
    connection.wait(collect(connection.pgconn, results))
    reply = _reply(connection, results, None)
    if reply.error:
        raise reply.error
    (result,) = reply.results
    return [(result.get_value(row, 0) or b"").decode("ascii") for row in range(result.ntuples)]


def collect(pgconn: PGconn, results: list[PGresult]) -> PQGen[None]:
    """Receive every result of a message into `results`, which keeps what came when an error cuts this short."""
    yield from flush(pgconn)
    while (result := (yield from fetch(pgconn))) is not None:
        results.append(result)
        if result.status in COPYING:
            return  # libpq repeats this result for ever until the copy is ended
