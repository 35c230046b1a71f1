"""Rows of other tables that a DELETE or TRUNCATE takes away are said to be lost: those that the server deletes."""

from __future__ import annotations

import psycopg
import pytest

from tests.actions.foreseen import forecast_of, plan_of
from tests.actions.lock_tracer import Connection
from tests.conftest import MakeDatabase

_TABLES = b"""
    CREATE TABLE owners (id int PRIMARY KEY, name text);
    CREATE TABLE pets (id int PRIMARY KEY, owner_id int REFERENCES owners ON DELETE CASCADE);
    CREATE TABLE visits (pet_id int REFERENCES pets ON DELETE CASCADE) PARTITION BY LIST (pet_id);
    CREATE TABLE visits_one PARTITION OF visits FOR VALUES IN (1);
    CREATE TABLE bills (pet_id int REFERENCES pets ON DELETE SET NULL, owner_id int REFERENCES owners ON UPDATE CASCADE);
    INSERT INTO owners VALUES (1, 'Ann'), (2, 'Ben');
    INSERT INTO pets VALUES (1, 1);
    INSERT INTO visits VALUES (1);
    INSERT INTO bills VALUES (1, NULL);
"""
CASES = [
    ("DELETE FROM owners WHERE id = 1", ["pets", "visits"]),
    ("DELETE FROM owners", ["pets", "visits"]),
    ("DELETE FROM pets", ["visits"]),
    ("DELETE FROM visits", []),
    ("WITH gone AS (DELETE FROM pets RETURNING id) SELECT * FROM gone", ["visits"]),
    ("UPDATE owners SET name = 'x'", []),
    ("TRUNCATE owners CASCADE", ["bills", "pets", "visits"]),
    ("TRUNCATE bills CASCADE", []),
]


@pytest.mark.parametrize(("statement", "others"), CASES, ids=[statement for statement, _ in CASES])
def test_rows_that_go_with_others_are_lost(make_database: MakeDatabase, statement: str, others: list[str]) -> None:
    """They go by ON DELETE CASCADE, over several tables, too, and partitions with their table."""
    with make_database() as address, psycopg.connect(address, autocommit=True) as connection:
        connection.execute(_TABLES)
        (said,) = forecast_of(connection, plan_of(f"{statement};")).statements
        before = _counts(connection)
        connection.execute(statement.encode())
        gone = [name for name, count in _counts(connection).items() if count < before[name]]
    own = {action.loss.name for action in said.losses if " that refer to " not in action.loss.words} - set(others)
    assert sorted({loss.loss.name for loss in said.losses} - own) == others
    assert sorted({*gone} - own) == others


def test_a_key_that_the_plan_changes_before_is_not_relied_on(make_database: MakeDatabase) -> None:
    """What the catalog says of a foreign key ends with a statement that drops it."""
    plan = plan_of("ALTER TABLE pets DROP CONSTRAINT pets_owner_id_fkey; DELETE FROM owners;")
    with make_database() as address, psycopg.connect(address, autocommit=True) as connection:
        connection.execute(_TABLES)
        _, deletes = forecast_of(connection, plan).statements
    assert [loss.loss.words for loss in deletes.losses] == ["all rows of owners"]


def test_an_update_of_other_columns_changes_no_rows_elsewhere(make_database: MakeDatabase) -> None:
    """ON UPDATE CASCADE has its effect only if a column changes that a foreign key leads to."""
    with make_database() as address, psycopg.connect(address, autocommit=True) as connection:
        connection.execute(_TABLES)
        found = {
            column: {
                work.table: work.condition
                for work in forecast_of(connection, plan_of(text)).steps[0].parts[0].statements[0].work
            }
            for column, text in {"name": "UPDATE owners SET name = 'x';", "id": "UPDATE owners SET id = 3;"}.items()
        }
    assert found == {"name": {"owners": None}, "id": {"owners": None, "bills": None}}


def _counts(connection: Connection) -> dict[str, int]:
    names = ("owners", "pets", "visits", "bills")
    query = " UNION ALL ".join(f"SELECT '{name}', count(*) FROM {name}" for name in names)
    return dict(connection.execute(query.encode()).fetchall())
