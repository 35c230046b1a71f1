"""The results that the server sent, as columns with names and types, and rows of Python values.

What reads a value follows from its column's type alone (`types`); nothing is formatted here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping

from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGresult

from fsapi_nb.model.result import Column, ResultSet
from fsapi_nb.postgres.wire import Connection, encoding_of
from fsapi_nb.query.values.columns import read_column
from fsapi_nb.query.values.loaders import Load, Type, decode, loads_of
from fsapi_nb.query.values.stored import ColumnarRows, ColumnValues, GrowableArray, array_of, tolist
from fsapi_nb.query.values.types import look_up_types


def read_results(connection: Connection, results: Iterable[PGresult]) -> tuple[ResultSet, ...]:
    """Return the result of each statement, in order.

    Args:
        results: What libpq received; one result of many rows may have come in several parts.
    """
    answers = [part for part in results if part.status != ExecStatus.EMPTY_QUERY]
    oids = {part.ftype(index) for part in answers for index in range(part.nfields)}
    types = look_up_types(connection, oids)
    encoding = encoding_of(connection)
    loads = loads_of(oids, types, encoding)
    return tuple(_read_result(parts, types, loads, encoding) for parts in _by_statement(answers))


def _by_statement(answers: list[PGresult]) -> Iterator[deque[PGresult]]:
    """Yield the parts of each result: those with rows, and the last, with the command's tag. None is kept here."""
    parts = deque[PGresult]()
    for part in _emptied(answers):
        parts.append(part)
        if part.status != ExecStatus.TUPLES_CHUNK:
            yield parts
            parts = deque()


def _emptied(answers: list[PGresult]) -> Iterator[PGresult]:
    answers.reverse()
    while answers:
        yield answers.pop()


def _read_result(
    parts: deque[PGresult], types: Mapping[int, Type], loads: Mapping[int, Load], encoding: str
) -> ResultSet:
    last = parts[-1]
    columns = read_columns(last, types, encoding)
    count = sum(part.ntuples for part in parts)
    # Libpq gives the tag to whichever part it had in hand when that came.
    command = b"".join(part.command_status or b"" for part in parts).decode()
    if not columns:
        return ResultSet(columns, [()] * count, command)

    def read(part: PGresult) -> Iterator[list[object]]:
        return (read_column(part, index, loads.get(column.type_oid), encoding) for index, column in enumerate(columns))

    if len(parts) <= 2:  # the usual one part with rows, and perhaps the last without
        return ResultSet(columns, [row for part in parts for row in zip(*read(part), strict=True)], command)
    grown = [GrowableArray("O") for _ in columns]
    while parts:  # each is let go as soon as it is read, as all of them take as much memory as their values
        part = parts.popleft()
        for column, values in zip(grown, read(part), strict=True):
            column.more(part.ntuples)[:] = array_of(values)
    return ResultSet(
        columns, ColumnarRows([ColumnValues(column.finish(), None, tolist) for column in grown], count), command
    )


def read_columns(result: PGresult, types: Mapping[int, Type], encoding: str) -> tuple[Column, ...]:
    """Return the names of a result's columns and, by OID, of their types."""
    columns = []
    for index in range(result.nfields):
        oid, name = result.ftype(index), decode(result.fname(index) or b"", encoding)
        found = _type(types, oid)
        columns.append(Column(name, oid, found.name, result.fmod(index), found.kind == "e"))
    return tuple(columns)


def _type(types: Mapping[int, Type], oid: int) -> Type:
    return types.get(oid) or Type(f"oid {oid}")  # it was dropped in the same text
