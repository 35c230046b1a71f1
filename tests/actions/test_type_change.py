"""What a forecast says is lost with the type of a column is what a server loses: each pair of types is tried."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from tests.actions.foreseen import forecast_of, plan_of
from tests.actions.lock_tracer import Connection
from tests.conftest import MakeDatabase

#: Types of a column, with values of it that others may not hold.
TYPES = {
    "smallint": "-32768, 32767, 7",
    "integer": "-2147483648, 2147483647, 7",
    "bigint": "-9223372036854775808, 9223372036854775807, 7",
    "real": "0.1, 7.25, 16777216",
    "double precision": "0.1, 7.25, 2147483647",
    "numeric": "0.123456789012345678, 7.5, 1234567890",
    "numeric(8, 3)": "12345.678, 0.001, 7.5",
    "numeric(10, 3)": "1234567.891, 0.001, 7.5",
    "numeric(8, 2)": "123456.78, 0.01, 7.5",
    "text": "'1234567', '7.5', 'seven'",
    "varchar(5)": "'12345', '7.5', 'seven'",
    "varchar(8)": "'12345678', '7.5', 'seven'",
    "date": "'2026-01-31', '0044-03-15 BC'",
    "timestamp": "'2026-01-31 12:34:56.789012', '2026-01-31'",
    "short": "'123', 'sev'",
    "timestamp(3)": "'2026-01-31 12:34:56.789', '2026-01-31'",
}
#: Changes that lose nothing, of which a false alarm would be the gravest, by the old type.
HARMLESS = {
    "smallint": {"integer"},
    "integer": {"bigint", "numeric", "numeric(10, 3)", "double precision"},
    "bigint": {"integer"},
    "numeric(8, 3)": {"numeric(10, 3)", "numeric"},
    "numeric(8, 2)": {"numeric(8, 3)"},
    "varchar(5)": {"varchar(8)", "text", "words"},
    "short": {"varchar(5)", "text"},
    "date": {"timestamp"},
    "timestamp(3)": {"timestamp"},
}
#: Changes that lose values without an error.
LOST = {
    "bigint": {"real", "double precision"},
    "double precision": {"real", "integer"},
    "numeric": {"integer", "real"},
    "numeric(8, 3)": {"numeric(8, 2)", "integer"},
    "timestamp": {"date", "timestamp(3)"},
}


@pytest.fixture(scope="module")
def connection(make_database: MakeDatabase) -> Iterator[Connection]:
    """A database with a table for each type."""
    with make_database() as address, psycopg.connect(address, autocommit=True) as connection:
        connection.execute("CREATE DOMAIN short AS varchar(3); CREATE DOMAIN words AS text CHECK (VALUE <> '')")
        for kind, values in TYPES.items():
            table = f'CREATE TABLE "of {kind}" AS SELECT unnest(ARRAY[{values}]::{kind}[])::{kind} AS a'
            connection.execute(table.encode())
        yield connection


@pytest.mark.parametrize("old", TYPES)
def test_what_the_server_loses_is_foreseen(connection: Connection, old: str) -> None:
    """Each value of a type that is changed comes back the same, or the change fails, unless a loss is said."""
    lost = {new for new in TYPES if _loses(connection, old, new)}
    assert lost >= LOST.get(old, set())
    assert {new for new in lost if not _foreseen(connection, old, new)} == set()


@pytest.mark.parametrize("old", HARMLESS)
def test_nothing_is_said_to_be_lost_with_a_wider_type(connection: Connection, old: str) -> None:
    """Common changes lose nothing, and are said to take nothing away, so that nobody is asked a second time."""
    assert {new for new in HARMLESS[old] if _foreseen(connection, old, new)} == set()


def test_a_value_that_is_computed_may_be_lost(connection: Connection) -> None:
    """What becomes of a value that is computed, the types do not tell; so with one of a type that the plan changes."""
    (found,) = forecast_of(connection, plan_of('ALTER TABLE "of integer" ALTER a TYPE bigint USING a / 2;')).statements
    assert found.losses
    assert found.destroys
    first, second = forecast_of(
        connection,
        plan_of('ALTER TABLE "of integer" ALTER a TYPE numeric; ALTER TABLE "of integer" ALTER a TYPE bigint;'),
    ).statements
    assert not first.losses
    assert second.losses


def _foreseen(connection: Connection, old: str, new: str) -> bool:
    (found,) = forecast_of(connection, plan_of(f'ALTER TABLE "of {old}" ALTER a TYPE {new};')).statements
    assert bool(found.losses) <= found.destroys
    return bool(found.losses) or found.destroys


def _loses(connection: Connection, old: str, new: str) -> bool:
    """Whether a change of the type succeeds, and values are others, or none of the old type, after a change back."""
    look = f'SELECT array_agg(a::text ORDER BY a::text) FROM "of {old}"'.encode()
    is_changed = False
    try:
        with connection.transaction(force_rollback=True):
            before = connection.execute(look).fetchone()
            connection.execute(f'ALTER TABLE "of {old}" ALTER a TYPE {new}'.encode())
            is_changed = True
            connection.execute(f'ALTER TABLE "of {old}" ALTER a TYPE {old} USING a::{old}'.encode())
            return connection.execute(look).fetchone() != before
    except psycopg.DatabaseError:
        return is_changed
