"""What a forecast says of the statements of a plan is what a server does, one after the other, in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import psycopg
import pytest

from fsapi_nb.model.action import LockMode
from fsapi_nb.model.forecast import WorkKind
from tests.actions.cases import strict
from tests.actions.foreseen import forecast_of, plan_of, statements_of
from tests.actions.lock_tracer import Connection, Relations, Seen, add_locks, held_by
from tests.conftest import MakeDatabase

_TABLES = b"""
    CREATE TABLE owners (id int PRIMARY KEY, name text);
    CREATE TABLE pets (id int PRIMARY KEY, owner_id int REFERENCES owners, tag varchar(10), note text);
    CREATE TABLE visits (pet_id int REFERENCES pets ON DELETE CASCADE, at date, note text);
    CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
    CREATE TRIGGER touched BEFORE UPDATE ON visits FOR EACH ROW EXECUTE FUNCTION touch();
    CREATE VIEW names AS SELECT name FROM owners;
    INSERT INTO owners VALUES (1, 'Ann');
    INSERT INTO pets VALUES (1, 1, 'cat', '');
    INSERT INTO visits VALUES (1, '2026-01-01', '');
"""
#: Plans, each of some migrations, of which each fact is decided before they run.
PLANS = [
    (
        "ALTER TABLE visits ADD CONSTRAINT c CHECK (pet_id > 0) NOT VALID;",
        "ALTER TABLE visits VALIDATE CONSTRAINT c; ALTER TABLE visits DROP CONSTRAINT c;",
    ),
    ("CREATE TABLE IF NOT EXISTS toys (id int); CREATE INDEX ON toys (id); DROP TABLE toys;",),
    ("CREATE TABLE IF NOT EXISTS pets (id int); CREATE INDEX ON pets (id);",),
    ("ALTER TABLE visits RENAME TO old; CREATE TABLE IF NOT EXISTS visits (at date); CREATE INDEX ON visits (at);",),
    ("ALTER TABLE visits RENAME TO old; ALTER TABLE old ADD COLUMN by text; DROP TABLE old;",),
    ("DROP TABLE visits; DROP TABLE pets CASCADE; DROP TABLE owners CASCADE;",),
    ("DROP TABLE visits; DROP TABLE IF EXISTS visits; CREATE TABLE visits (at date); DROP TABLE visits;",),
    ("ALTER TABLE pets DROP COLUMN note; ALTER TABLE pets DROP COLUMN tag; ALTER TABLE pets DROP COLUMN owner_id;",),
    ("ALTER TABLE pets DROP CONSTRAINT pets_owner_id_fkey; ALTER TABLE pets DROP COLUMN note;",),
    ("ALTER TABLE pets ALTER note SET NOT NULL; ALTER TABLE pets ALTER note TYPE text; ALTER TABLE pets DROP note;",),
    ("ALTER TABLE owners ALTER id TYPE bigint; ALTER TABLE pets ALTER id TYPE bigint;",),
    ("ALTER TABLE owners ADD FOREIGN KEY (id) REFERENCES pets; ALTER TABLE pets DROP note, DROP tag;",),
    ("ALTER TABLE pets ADD UNIQUE (tag); ALTER TABLE pets DROP CONSTRAINT pets_owner_id_fkey;",),
    ("CREATE INDEX ON pets (tag); ALTER TABLE pets DROP note; ALTER TABLE visits DROP pet_id;",),
    ("COMMENT ON TABLE pets IS 'x'; ALTER TABLE pets ENABLE ROW LEVEL SECURITY; ALTER TABLE pets DROP note;",),
    ("CREATE TABLE toys (pet_id int REFERENCES pets); ALTER TABLE pets DROP owner_id;",),
    ("DROP TABLE visits; ALTER TABLE pets DROP owner_id;",),
    ("ALTER TABLE visits DROP CONSTRAINT visits_pet_id_fkey; DROP TABLE visits; DROP TABLE pets;",),
    ("ALTER TABLE visits DROP pet_id; DROP TABLE visits;",),
    (
        "ALTER TABLE visits DROP CONSTRAINT visits_pet_id_fkey, ADD FOREIGN KEY (pet_id) REFERENCES pets; DROP TABLE visits;",
    ),
    ("CREATE TABLE toys (pet_id int REFERENCES pets);", "DROP TABLE toys;"),
    ("CREATE TABLE boxes (id int PRIMARY KEY); CREATE TABLE toys (box_id int REFERENCES boxes);", "DROP TABLE toys;"),
    (
        "CREATE TABLE toys (pet_id int REFERENCES pets) PARTITION BY LIST (pet_id);",
        "CREATE TABLE toys_one PARTITION OF toys FOR VALUES IN (1);",
    ),
    (
        "CREATE TABLE toys (id int);",
        "ALTER TABLE toys ADD COLUMN name text; CREATE INDEX ON toys (name); DROP TABLE toys;",
    ),
]


#: Plans of which the catalog does not tell everything any more once they have begun.
OPEN = [
    ("ALTER TABLE pets RENAME owner_id TO keeper; ALTER TABLE pets DROP keeper;",),
    (
        "ALTER TABLE pets ADD twin int; ALTER TABLE pets ADD FOREIGN KEY (twin) REFERENCES pets; ALTER TABLE pets DROP twin;",
    ),
    (
        "ALTER TABLE visits ADD FOREIGN KEY (pet_id) REFERENCES owners; ALTER TABLE visits DROP CONSTRAINT visits_pet_id_fkey1;",
    ),
    ("ALTER TABLE visits ADD owner int REFERENCES owners; ALTER TABLE visits DROP CONSTRAINT visits_owner_fkey;",),
    ("ALTER TABLE pets DROP CONSTRAINT pets_owner_id_fkey; ALTER TABLE owners ALTER id TYPE bigint;",),
    ("ALTER TABLE pets DROP CONSTRAINT pets_owner_id_fkey; ALTER TABLE pets DROP owner_id;",),
    ("ALTER TABLE pets DROP owner_id; ALTER TABLE owners ALTER id TYPE bigint;",),
    ("DROP TRIGGER touched ON visits; DROP FUNCTION touch CASCADE;",),
]


@pytest.mark.parametrize("scripts", OPEN)
def test_what_an_earlier_statement_changed_is_left_open(make_database: MakeDatabase, scripts: tuple[str, ...]) -> None:
    """What is said to be certain is locked, and what is locked is said, if only as possible."""
    with make_database() as address, psycopg.connect(address, autocommit=True) as connection:
        connection.execute(_TABLES)
        plan = plan_of(*scripts)
        found = list(forecast_of(connection, plan).statements)
        taken = list(_locks(connection, [each.text for each in statements_of(plan)]))
    for said, locks in zip(found, taken, strict=True):
        certain = {lock.table: lock.mode for lock in said.locks if lock.condition is None}
        possible = {lock.table for lock in said.locks}
        assert _strict(certain).items() <= locks.items()
        assert set(locks) <= possible


@pytest.mark.parametrize("scripts", PLANS)
def test_each_statement_locks_what_is_foreseen(make_database: MakeDatabase, scripts: tuple[str, ...]) -> None:
    """Each table that was there before is locked as is said, by the name that it has then; nothing is left open."""
    with make_database() as address, psycopg.connect(address, autocommit=True) as connection:
        connection.execute(_TABLES)
        plan = plan_of(*scripts)
        found = list(forecast_of(connection, plan).statements)
        assert {lock.condition for each in found for lock in each.locks} <= {None}
        taken = list(_locks(connection, [each.text for each in statements_of(plan)]))
    assert [_strict({lock.table: lock.mode for lock in each.locks}) for each in found] == taken


def test_rows_are_checked_once_by_a_constraint_that_the_plan_adds(make_database: MakeDatabase) -> None:
    """VALIDATE reads the table for what was added without a check, and not again, or for what was checked when added."""
    plan = plan_of(
        "ALTER TABLE visits ADD CONSTRAINT c CHECK (pet_id > 0) NOT VALID; ALTER TABLE visits VALIDATE CONSTRAINT c; "
        "ALTER TABLE visits VALIDATE CONSTRAINT c; ALTER TABLE visits ADD CONSTRAINT d CHECK (pet_id > 1); "
        "ALTER TABLE visits VALIDATE CONSTRAINT d;"
    )
    with make_database() as address, psycopg.connect(address, autocommit=True) as connection:
        connection.execute(_TABLES)
        found = list(forecast_of(connection, plan).statements)
    assert [[(work.kind, work.condition) for work in each.work] for each in found] == [
        [],
        [(WorkKind.SCAN, None)],
        [],
        [(WorkKind.SCAN, None)],
        [],
    ]


def test_rows_of_a_table_that_the_plan_makes_are_its_own(make_database: MakeDatabase) -> None:
    """It reads no other tables, as a view does, even if a foreign key ties it to one."""
    plan = plan_of("CREATE TABLE toys (pet_id int REFERENCES pets); INSERT INTO toys SELECT id FROM pets;")
    with make_database() as address, psycopg.connect(address, autocommit=True) as connection:
        connection.execute(_TABLES)
        _, fills = forecast_of(connection, plan).statements
    assert [(work.kind, work.table) for work in fills.work] == [(WorkKind.ROWS, "toys")]


def _locks(connection: Connection, statements: Iterable[str]) -> Iterator[dict[str, LockMode]]:
    """What each statement locks of what was there before all of them, each committed alone."""
    first = Relations.read(connection)
    for statement in statements:
        now, seen = Relations.read(connection), Seen()
        with connection.transaction():
            connection.execute(statement.encode())
            add_locks(seen, {lock for lock in held_by(connection) if lock[0] in first.names}, now)
        yield _strict(seen.locks)


def _strict(locks: dict[str, LockMode]) -> dict[str, LockMode]:
    return {name: mode for name, mode in locks.items() if strict(mode)}


_TRIGGERS = b"""
    CREATE TABLE notes (id int, text text, seen int);
    CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
    CREATE TRIGGER stamped BEFORE INSERT OR UPDATE ON notes FOR EACH ROW EXECUTE FUNCTION stamp();
    CREATE TRIGGER "For text" AFTER UPDATE OF text ON notes FOR EACH ROW EXECUTE FUNCTION stamp();
    CREATE TRIGGER emptied AFTER TRUNCATE ON notes EXECUTE FUNCTION stamp();
    CREATE TRIGGER never BEFORE DELETE ON notes FOR EACH ROW EXECUTE FUNCTION stamp();
    ALTER TABLE notes DISABLE TRIGGER never;
    CREATE TRIGGER own BEFORE DELETE ON notes FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
"""


@pytest.mark.parametrize(
    ("script", "unknown"),
    [
        ("INSERT INTO notes VALUES (1)", "what trigger stamped of notes does"),
        ("UPDATE notes SET seen = 1", "what trigger stamped of notes does"),
        ("UPDATE notes SET text = ''", 'what triggers "For text", stamped of notes do'),
        ("TRUNCATE notes", "what trigger emptied of notes does"),
        ("DELETE FROM notes", None),
        ("ALTER TABLE notes ADD COLUMN k int DEFAULT 1", None),
        ("UPDATE notes SET seen = stamp_of(id)", "what the function stamp_of does, what trigger stamped of notes does"),
    ],
)
def test_what_triggers_of_a_table_do_is_unknown(make_database: MakeDatabase, script: str, unknown: str | None) -> None:
    """Those are named that the statement may fire: enabled ones, for what it does, with a function of users."""
    with make_database() as address, psycopg.connect(address, autocommit=True) as connection:
        connection.execute(_TRIGGERS)
        (found,) = forecast_of(connection, plan_of(f"{script};")).statements
    assert found.unknown == unknown


def test_a_trigger_that_the_plan_drops_before_is_not_fired(make_database: MakeDatabase) -> None:
    """It is gone by then; that of a table that the plan renames is found under the new name."""
    plan = plan_of(
        "DROP TRIGGER stamped ON notes; INSERT INTO notes VALUES (1);",
        "ALTER TABLE notes RENAME TO memos; TRUNCATE memos;",
    )
    with make_database() as address, psycopg.connect(address, autocommit=True) as connection:
        connection.execute(_TRIGGERS)
        found = list(forecast_of(connection, plan).statements)
    assert [each.unknown for each in found] == [None, None, None, "what trigger emptied of memos does"]
