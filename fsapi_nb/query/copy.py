"""A query whose rows come as a binary copy: `COPY (the text) TO STDOUT (FORMAT binary)`, read while the server sends.

Why so, as measured with a million rows of eight columns, as multiples of a copy that is thrown away (`bench.queries`):
psycopg's rows made into a frame take 5 to 7; a copy, whose rows are bytes that numpy reads by column, about 1.5, most
of it for making Decimals and texts. To get each value out of libpq's results, before anything is made of it, takes as
much CPU as to receive and take apart a whole copy. ADBC and connectorx are about as quick, but lose values
(`bench.exactness`), and need a connection of their own, which is in another transaction.

Only a text that is one plain query is copied, and only if every column is of a type that its bytes say exactly. All
else goes the way of `query`, which is right for everything. No transaction is begun or ended here.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import psycopg
from psycopg.pq.abc import PGresult

from fsapi_nb.model.result import Column, ResultSet
from fsapi_nb.postgres.wire import Connection, Reply, copy_out, encoding_of, texts_of
from fsapi_nb.query.values.binary import BinaryColumn, columns_of
from fsapi_nb.query.values.chunk import fields, unframe
from fsapi_nb.query.values.results import read_columns
from fsapi_nb.query.values.stored import ColumnarRows
from fsapi_nb.query.values.types import FIRST_USER_OID, look_up_enums

OPENING = "COPY ("
# The text may end in a comment of one line.
_CLOSING = "\n) TO STDOUT (FORMAT binary)"

# The parser takes so long as that to read a text: 20 ms.
_LONGEST = 20_000
# What has been imported by whoever makes frames or tables of results.
_BY_COLUMN = frozenset({"numpy", "pyarrow", "polars", "duckdb"})
# What makes a query more than a plain one. A column may have such a name, too; its query is only slower then.
_MORE_THAN_READS = frozenset({"INSERT", "UPDATE", "DELETE_P", "MERGE", "INTO", "FOR", "PARAM"})
# What shows a query its own text, or changes the session that it runs in.
_TELLTALES = frozenset({b"current_query", b"pg_stat_activity", b"pg_stat_get_activity", b"set_config"})


def plain_query(sql: str) -> str | None:
    """Return the text up to the end of its query if it is one SELECT, VALUES, TABLE or WITH that only reads.

    None for every other text; and before anything has been imported that takes results by column: for a terminal that
    shows some rows, importing numpy and the parser would cost more time than all else.
    """
    if sys.modules.keys().isdisjoint(_BY_COLUMN) or len(sql) > _LONGEST or not psycopg.capabilities.has_pipeline():
        return None
    from fsapi_nb.script.classify import node_of
    from fsapi_nb.script.parser import SEMICOLON, parse, scan
    from fsapi_nb.script.tokens import SqlSyntaxError

    text = sql.encode()
    tokens, problem = scan(text)
    if problem or any(
        token.kind in _MORE_THAN_READS or _is_telltale(text[token.start : token.end]) for token in tokens
    ):
        return None
    try:
        statements = parse(text)
    except SqlSyntaxError:
        return None
    if len(statements) != 1 or node_of(statements[0].tree)[0] != "select_stmt":
        return None
    (statement,) = statements
    if any(token.kind == SEMICOLON and token.start < statement.start for token in tokens):
        return None
    return text[: statement.end].decode()


def _is_telltale(token: bytes) -> bool:
    return token.strip(b'"').lower() in _TELLTALES


@dataclass(frozen=True, slots=True)
class Announced:
    """The columns that a query will have, and what reads each from its bytes."""

    columns: tuple[Column, ...]
    readers: list[BinaryColumn]


def announced_columns(connection: Connection, described: PGresult) -> Announced | None:
    """Return the columns that the server announced; None if one of them is read as text.

    Raises:
        psycopg.Error: The types could not be looked up.
    """
    info, encoding = connection.info, encoding_of(connection)
    if info.parameter_status("standard_conforming_strings") != "on":
        return None  # the parser may have found the end of the query elsewhere
    oids = [described.ftype(index) for index in range(described.nfields)]
    types = look_up_enums(connection, oids)
    readers = columns_of(
        oids,
        [oid for oid in types if oid >= FIRST_USER_OID],
        encoding=encoding,
        date_style=info.parameter_status("DateStyle") or "",
        interval_style=info.parameter_status("IntervalStyle") or "",
    )
    return Announced(read_columns(described, types, encoding), readers) if readers else None


@dataclass(frozen=True, slots=True)
class Copied:
    """What came of a copy: its reply, and the result, which there is if the reply has no error."""

    reply: Reply
    result: ResultSet | None


def copy_rows(connection: Connection, message: bytes, announced: Announced) -> Copied:
    """Run the query whose columns were announced, and read its rows as they come.

    Args:
        message: The COPY of the query, encoded for this connection.

    Returns:
        The reply; it has the error of a query that failed, and then there is no result.
    """
    count: int | None = None

    def take(rows: bytearray, sizes: list[int], listen: Callable[[], None]) -> None:
        nonlocal count
        unframe(rows, sizes, is_first=count is None)
        count = (count or 0) + len(sizes)
        if not sizes:
            return
        for reader, field in zip(announced.readers, fields(rows, sizes, len(announced.readers)), strict=True):
            listen()
            reader.take(field)

    reply = copy_out(connection, message, take)
    if reply.error:
        return Copied(reply, None)
    try:
        values = [reader.finish(partial(texts_of, connection)) for reader in announced.readers]
    except psycopg.Error as error:
        return Copied(Reply(reply.results, error), None)
    # The tag of the query itself; the copy's is COPY.
    return Copied(reply, ResultSet(announced.columns, ColumnarRows(values, count or 0), f"SELECT {count or 0}"))


def message_of(connection: Connection, text: str) -> bytes:
    """Return the COPY that is sent for a plain query."""
    return f"{OPENING}{text}{_CLOSING}".encode(encoding_of(connection))
