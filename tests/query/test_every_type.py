"""Every type of PostgreSQL reaches Python and pandas exactly, whichever way its rows take."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.pq import TransactionStatus

from bench.types import CASES, SETUP, Case
from fsapi_nb.model.result import ResultSet
from fsapi_nb.query.query import run_query
from fsapi_nb.query.values.stored import ColumnarRows
from fsapi_nb.views.frames import to_frame
from tests.conftest import MakeDatabase

Connection = psycopg.Connection[tuple[Any, ...]]


@pytest.fixture(scope="module")
def connection(make_database: MakeDatabase) -> Iterator[Connection]:
    """One session for all tests, as none changes anything."""
    with make_database() as address:
        with psycopg.connect(address, autocommit=True) as first:
            first.execute(SETUP.encode())
        with psycopg.connect(address, autocommit=True) as connection:
            yield connection


def query(connection: Connection, sql: str) -> ResultSet:
    (result,) = run_query(connection, sql)
    assert connection.pgconn.transaction_status == TransactionStatus.IDLE
    return result


def as_text(connection: Connection, sql: str) -> ResultSet:
    """The same result by the way that everything can take: as one of several statements."""
    result, _ = run_query(connection, f"{sql}; SET fsapi_nb.nothing = ''")
    assert not isinstance(result.rows, ColumnarRows)
    return result


def shown(values: Any) -> list[str]:
    """Values as one can compare them: NaN is itself, 1 is not 1.0, 1.1 not 1.10."""
    return [f"{type(value).__name__} {value!r}" for value in values]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_type_is_exact(connection: Connection, case: Case) -> None:
    """Its values, and the dtype of its column, both among rows that are copied and among such that come as text."""
    for result in (query(connection, case.query), as_text(connection, case.query)):
        assert [column.name for column in result.columns] == [name for name, _, _ in case.columns]
        for index, (_, dtype, values) in enumerate(case.columns):
            assert shown(row[index] for row in result.rows) == shown(values)
            assert str(to_frame(result).dtypes.iloc[index]) == dtype


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_both_ways_make_the_same_frame(connection: Connection, case: Case) -> None:
    """Whether the rows were kept by column or as tuples."""
    copied, text = to_frame(query(connection, case.query)), to_frame(as_text(connection, case.query))
    pd.testing.assert_frame_equal(copied, text, check_exact=True)
    for index in range(copied.shape[1]):
        assert shown(copied.iloc[:, index].tolist()) == shown(text.iloc[:, index].tolist())
        assert copied.iloc[:, index].isna().tolist() == text.iloc[:, index].isna().tolist()


NUMERIC = st.one_of(
    st.decimals(places=2, min_value=-(10**12), max_value=10**12).map(str),
    st.from_regex(r"-?[0-9]{1,60}(\.[0-9]{0,60})?", fullmatch=True),
    st.from_regex(r"-?0\.0{0,40}[0-9]{1,9}", fullmatch=True),
    st.integers(-(10**20), 10**20).map(str),
    st.sampled_from(["NaN", "Infinity", "-Infinity", "1e-30", "1e30", "9" * 200, "0", "0.000", "-0"]),
)
COLUMNS = {
    "int8": st.integers(-(2**63), 2**63 - 1).map(str),
    "numeric": NUMERIC,
    "float4": st.floats(width=32).map(str),
    "float8": st.floats().map(str),
    "text": st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=80),
    "date": st.one_of(st.dates().map(str), st.sampled_from(["infinity", "-infinity", "0044-03-15 BC", "10000-01-01"])),
    "timestamp": st.one_of(st.datetimes().map(str), st.sampled_from(["infinity", "0044-03-15 BC", "294276-12-31"])),
    "timestamptz": st.datetimes().map(str),
    "time": st.one_of(st.times().map(str), st.just("24:00")),
    "interval": st.builds(
        "{} mons {} days {} seconds".format, st.sampled_from([0, 0, 0, 5]), *[st.integers(-(10**8), 10**8)] * 2
    ),
    "bytea": st.binary(max_size=20).map(lambda value: "\\x" + value.hex()),
    "uuid": st.uuids().map(str),
}


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_the_values_both_ways_agree(connection: Connection, data: st.DataObject) -> None:
    """Columns of any of these types beside one another, of any values, with NULL anywhere."""
    types = data.draw(st.lists(st.sampled_from(sorted(COLUMNS)), min_size=1, max_size=4))
    count = data.draw(st.integers(1, 6))
    columns = [data.draw(st.lists(st.none() | COLUMNS[name], min_size=count, max_size=count)) for name in types]
    arrays = ", ".join(
        f"ARRAY[{', '.join(map(literal, values))}]::{name}[]" for name, values in zip(types, columns, strict=True)
    )
    sql = f"SELECT * FROM unnest({arrays}) AS t"
    copied, text = query(connection, sql), as_text(connection, sql)
    assert isinstance(copied.rows, ColumnarRows)
    assert copied.columns == text.columns
    assert copied.command == text.command
    assert [shown(row) for row in copied.rows] == [shown(row) for row in text.rows]
    pd.testing.assert_frame_equal(to_frame(copied), to_frame(text), check_exact=True)


def literal(value: str | None) -> str:
    return "NULL" if value is None else "'" + value.replace("'", "''") + "'"
