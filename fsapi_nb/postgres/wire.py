"""Send one message to the server exactly as written, and receive everything that it answers.

A message goes by the simple query protocol, or by the extended one if it has parameters. Results are text in both. Only a
binary copy is different: its rows are passed on as they come. This module begins no transaction and decodes no value.

Each function owns the connection while it runs, and leaves nothing in flight, except that `send` stops at the beginning
of a COPY. If the connection is lost, or cannot be made usable again after Ctrl-C, the server rolls back.
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
    """The answer to one message: the results, and the error that ended them, if there was one."""

    results: list[PGresult]
    error: psycopg.Error | None


@dataclass(frozen=True, slots=True)
class QueryParameters:
    """Parameters as they are sent: each one's text (None is NULL), and its type's OID (0: PostgreSQL infers it)."""

    values: Sequence[bytes | None] = field(repr=False)
    types: Sequence[int]


FAILED = (ExecStatus.FATAL_ERROR, ExecStatus.BAD_RESPONSE, ExecStatus.PIPELINE_ABORTED)
COPYING = (ExecStatus.COPY_IN, ExecStatus.COPY_OUT, ExecStatus.COPY_BOTH)


def encoding_of(connection: psycopg.BaseConnection[Any]) -> str:
    """Return Python's codec of the client encoding; UTF-8 if it is unknown, and for SQL_ASCII, which means any bytes."""
    try:
        encoding = connection.info.encoding
    except psycopg.Error:
        return "utf-8"
    return "utf-8" if encoding == "ascii" else encoding


def send(
    connection: Connection, message: bytes, bound: QueryParameters | None = None, *, part: int | None = None
) -> Reply:
    """Send one message, and wait for its whole answer. Ctrl-C cancels it on the server.

    Args:
        connection: A connection with nothing in flight.
        message: The SQL; with parameters only one statement, as PostgreSQL refuses more.
        bound: The parameters, if the message has any.
        part: Split a result of more rows than this into results of so many rows, followed by one without rows. Needs
            libpq 17 or newer; has no effect with an older one.
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
    """Ask the server, in one round trip, what columns a statement would return. Ctrl-C cancels on the server.

    Args:
        connection: A connection with nothing in flight.
        before: Statements that are executed first.
        message: The statement; it is not executed.

    Returns:
        One result for each statement before it, one for its preparation, and its description as the last one.
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
        pgconn.pipeline_sync()  # without it, the server would wait for more
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
            raise psycopg.OperationalError("the connection is lost")  # else this would wait for the Sync for ever
        if result is None:
            continue  # the end of one message's answer
        if result.status == ExecStatus.PIPELINE_SYNC:
            return
        results.append(result)


def _leave_pipeline(connection: Connection) -> None:
    try:
        connection.pgconn.exit_pipeline_mode()
    except psycopg.Error:
        connection.close()  # answers are left after an interrupt, or the connection is lost


_ROWS_AT_ONCE = 8192  # of a copy: with fewer, each row would take longer
_BYTES_AT_ONCE = 4 << 20  # the limit if rows are long: more would take more memory
_BYTES_AHEAD = (
    2 << 20
)  # libpq moves everything it holds at each read: with far more, that would cost more than it saves


class _Ahead:
    """What the server sends while rows are being decoded. A socket's buffer is too small to keep the server busy."""

    def __init__(self, pgconn: PGconn) -> None:
        self._pgconn = pgconn
        self._bytes = 0

    def listen(self) -> None:
        """Receive what has arrived, unless much of it is still unused. Raises psycopg.OperationalError."""
        if self._bytes < _BYTES_AHEAD and (waiting := _waiting(self._pgconn.socket)):
            self._pgconn.consume_input()
            self._bytes += waiting

    def use(self, size: int) -> None:
        """Note that so many bytes of it have been used."""
        self._bytes = max(self._bytes - size, 0)


def _waiting(socket: int) -> int:
    """Return how many unread bytes a socket holds; 0 if the system does not tell."""
    if sys.platform == "win32":
        return 0
    import fcntl
    import termios

    count = array("i", [0])
    fcntl.ioctl(socket, termios.FIONREAD, count)
    return count[0]


_Take: TypeAlias = Callable[[bytearray, list[int], Callable[[], None]], None]


def copy_out(connection: Connection, message: bytes, take: _Take) -> Reply:
    """Send a binary `COPY ... TO STDOUT`, and pass its rows on, some thousands at a time.

    An exception of `take` ends the copy, and so does Ctrl-C. Afterwards the connection can be used, or is closed.

    Args:
        connection: A connection with nothing in flight.
        message: The COPY statement.
        take: Called with the rows' bytes, the size of each row, and a function to call now and then while it works: that
            receives more, so that the server need not pause.
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
    # The server sends each row as a message of its own. They are joined at once: keeping a million small buffers would
    # take longer than everything else here.
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
    """End a copy in the middle of its rows, so that the connection can be used again; else close it."""
    try:
        connection.cancel_safe(timeout=5.0)
        while connection.pgconn.get_copy_data(0)[0] > 0:
            pass  # rows that were sent before the server got the request
        connection.wait(collect(connection.pgconn, []))
    except psycopg.Error:
        connection.close()  # the server rolls back


def texts_of(connection: Connection, type_oid: int, values: Sequence[bytes]) -> list[str]:
    """Return PostgreSQL's own texts of some values.

    Args:
        connection: A connection with nothing in flight.
        type_oid: The type of the values, a built-in one of fixed length.
        values: The values in PostgreSQL's binary format.

    Raises:
        psycopg.Error: The server refuses, or the connection is lost.
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
    """Receive every result of a message into `results`, which keeps those that came before an error.

    Raises psycopg.OperationalError if the connection is lost. A statement's error is a result here.
    """
    yield from flush(pgconn)
    while (result := (yield from fetch(pgconn))) is not None:
        results.append(result)
        if result.status in COPYING:
            return  # libpq returns this result again and again until the copy is ended
