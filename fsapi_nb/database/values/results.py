"""The results that the server sent, as columns with names and types, and rows of Python values.

What reads a value follows from its column's type alone (`types`); nothing is formatted here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGresult

from fsapi_nb.database.values.columns import decode_cell, read_column
from fsapi_nb.database.values.types import Type, look_up_types
from fsapi_nb.database.wire import Connection, encoding_of


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a result. `type_name` is the catalog's short name (`int4`, `text[]`, `app.mood`).

    PostgreSQL announces a column of a domain as a column of the type below it.
    """

    name: str
    type_oid: int
    type_name: str


@dataclass(frozen=True, slots=True)
class ResultSet:
    """What one statement answered; `command` is the server's tag (`SELECT 3`, `INSERT 0 2`, `CREATE TABLE`).

    `columns` is empty where a statement returns no rows. (`SELECT FROM t` has rows of no columns.)
    """

    columns: tuple[Column, ...]
    rows: list[tuple[object, ...]]
    command: str


def read_results(connection: Connection, results: Sequence[PGresult]) -> tuple[ResultSet, ...]:
    """The result of each statement, in order."""
    answers = [result for result in results if result.status != ExecStatus.EMPTY_QUERY]
    types = look_up_types(connection, {r.ftype(index) for r in answers for index in range(r.nfields)})
    encoding = encoding_of(connection)
    return tuple(_read_result(result, types, encoding) for result in answers)


def _read_result(result: PGresult, types: dict[int, Type], encoding: str) -> ResultSet:
    columns: list[Column] = []
    values: list[list[object]] = []
    for index in range(result.nfields):
        oid = result.ftype(index)
        kind = types.get(oid) or Type(f"oid {oid}", None)  # it was dropped in the same text
        columns.append(Column(decode_cell(result.fname(index) or b"", encoding), oid, kind.name))
        values.append(read_column(result, index, kind.read, encoding))
    rows: list[tuple[object, ...]] = [()] * result.ntuples
    if columns:
        rows = list(zip(*values, strict=True))
    return ResultSet(tuple(columns), rows, (result.command_status or b"").decode())
