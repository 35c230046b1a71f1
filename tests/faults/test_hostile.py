"""Databases that are set up against us, by accident or on purpose: a run works, or says why it does not."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from fsapi_nb.errors import FsapiError, ReadOnlyDatabase
from fsapi_nb.model.migration import Direction
from tests.faults.client import client
from tests.faults.held import BUILD, DETACH, DROP, STANDS_STILL, UNIQUE, UNNAMED, Held, holding, stage
from tests.faults.migrations import MIXED, PLAIN, Migrations
from tests.faults.sweep import Case, Fault, Tally, compare, disturb, finish, undisturbed
from tests.faults.world import Place, World

HELD = [UNNAMED, DETACH, BUILD, DROP, UNIQUE]
SAMPLE = 2
#: Functions and operators that lie, in a schema that is looked at before PostgreSQL's own.
_LIARS = """
    CREATE SCHEMA liars;
    CREATE FUNCTION liars.never(int, int) RETURNS bool LANGUAGE sql AS 'SELECT false';
    CREATE OPERATOR liars.= (LEFTARG = int, RIGHTARG = int, FUNCTION = liars.never);
    CREATE FUNCTION liars.never(text, text) RETURNS bool LANGUAGE sql AS 'SELECT false';
    CREATE OPERATOR liars.= (LEFTARG = text, RIGHTARG = text, FUNCTION = liars.never);
    CREATE FUNCTION liars.pg_backend_pid() RETURNS int LANGUAGE sql AS 'SELECT 1';
    CREATE FUNCTION liars.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS 'SELECT NULL::timestamptz';
    CREATE FUNCTION liars.now() RETURNS timestamptz LANGUAGE sql AS 'SELECT NULL::timestamptz';
    CREATE FUNCTION liars.current_setting(text) RETURNS text LANGUAGE sql AS $$SELECT ''$$;
    CREATE FUNCTION liars.to_regclass(text) RETURNS regclass LANGUAGE sql AS 'SELECT NULL::regclass';
"""
_LOGGING = """
    CREATE TABLE seen (tag text);
    CREATE FUNCTION see() RETURNS event_trigger LANGUAGE plpgsql AS
    $$ BEGIN INSERT INTO public.seen VALUES (tg_tag); END $$;
    CREATE EVENT TRIGGER sees ON ddl_command_end EXECUTE FUNCTION see();
"""
_FORBIDDING = """
    CREATE FUNCTION forbid() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
    IF EXISTS (SELECT FROM pg_event_trigger_ddl_commands() WHERE object_identity LIKE 'public.migrations%')
    THEN RAISE 'no tables here'; END IF; END $$;
    CREATE EVENT TRIGGER forbids ON ddl_command_end EXECUTE FUNCTION forbid();
"""
_PRIVILEGES = """
    ALTER DEFAULT PRIVILEGES REVOKE ALL ON TABLES FROM CURRENT_USER;
    ALTER DEFAULT PRIVILEGES REVOKE ALL ON SEQUENCES FROM CURRENT_USER;
    ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO PUBLIC;
    ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
"""
#: Of an index without a name nothing tells in another database whether it was there before.
_MOVED = replace(
    MIXED,
    truths=(("2026_01_01_00_00_mixed.sql", "up", 5, "SELECT to_regclass('elsewhere.e_i_idx') IS NOT NULL"),),
)
#: Names that mean something only under the search_path that an earlier step has set.
_ELSEWHERE = Migrations(
    "elsewhere",
    (
        (
            (
                "CREATE SCHEMA elsewhere;\nCREATE TABLE elsewhere.e (i int);\nCREATE INDEX e_i ON elsewhere.e (i);\n"
                "CREATE TABLE elsewhere.p (i int) PARTITION BY RANGE (i);\n"
                "CREATE TABLE elsewhere.p1 PARTITION OF elsewhere.p FOR VALUES FROM (0) TO (10);"
            ),
            "DROP SCHEMA elsewhere CASCADE;",
        ),
        (
            (
                "SET search_path TO elsewhere;\nDROP INDEX CONCURRENTLY e_i;\n"
                "ALTER TABLE p DETACH PARTITION p1 CONCURRENTLY;\nCREATE INDEX CONCURRENTLY e_j ON e (i);"
            ),
            (
                "SET search_path TO elsewhere;\nDROP INDEX e_j;\nCREATE INDEX e_i ON e (i);\n"
                "ALTER TABLE p1 DROP CONSTRAINT p1_i_check;\nALTER TABLE p ATTACH PARTITION p1 FOR VALUES FROM (0) TO (10);"
            ),
        ),
    ),
)
_TEMPORARY = Migrations(
    "temporary",
    (
        (
            (
                "CREATE TEMP TABLE migrations (i int);\nCREATE TEMP TABLE migrations_journal (i int);\n"
                "CREATE TEMP TABLE migrations_scripts (i int);\nSET search_path TO pg_temp, pg_catalog, public;\n"
                "CREATE FUNCTION pg_temp.never(int, int) RETURNS bool LANGUAGE sql AS 'SELECT false';\n"
                "CREATE OPERATOR pg_temp.= (LEFTARG = int, RIGHTARG = int, FUNCTION = pg_temp.never);\n"
                "CREATE TABLE public.a (i int);\nVACUUM public.a;"
            ),
            "DROP TABLE a;",
        ),
    ),
)


def set_database(place: Place, settings: str) -> None:
    """Set something for every session of the database."""
    place.rows(f"ALTER DATABASE {place.value('SELECT current_database()')} SET {settings}")


def assert_life_goes_on(place: Place) -> None:
    """Everything is applied, nothing is pending then, and everything can be rolled back."""
    place.run(Direction.UP)
    assert [name for name, _ in place.snapshot().applied] == place.migrations.file_names()
    assert place.migrator().migrate().done == ()
    assert place.migrator().pending().statuses == ()
    place.run(Direction.DOWN)
    assert place.snapshot().applied == ()


@pytest.fixture
def lying(world: World) -> Iterator[Place]:
    """A place with the liars, whose scripts set a search_path of their own."""
    with world.place(PLAIN) as place:
        columns = "id serial PRIMARY KEY, name varchar(255) UNIQUE, applied_at timestamp DEFAULT now(), duration_ms int"
        place.rows(f"CREATE TABLE public.migrations ({columns}); {_LIARS}")
        for file in place.folder.iterdir():
            text = file.read_text().replace("-- UP\n", "-- UP\nSET search_path TO public;\n")
            file.write_text(text.replace("-- DOWN\n", "-- DOWN\nSET search_path TO public;\n"))
        yield place


def test_functions_and_operators_that_lie_are_not_asked(lying: Place) -> None:
    """They are in a schema that comes first in the search_path of every session."""
    set_database(lying, "search_path = liars, public")
    assert_life_goes_on(lying)


def test_operators_that_hide_postgresqls_own_do_no_harm(lying: Place) -> None:
    """Even its own catalog comes after the liars: it works, or it is refused before anything ran."""
    set_database(lying, "search_path = liars, pg_catalog, public")
    try:
        lying.run(Direction.UP)
    except FsapiError:
        assert lying.value("SELECT pg_catalog.to_regclass('public.a') IS NULL")
        assert lying.rows("SELECT name FROM public.migrations") == []
    else:
        assert_life_goes_on(lying)


def test_temporary_objects_with_our_names_are_not_taken_for_ours(world: World) -> None:
    """A script makes tables and an operator in pg_temp, puts that first, and leaves them for the next step."""
    with world.place(_TEMPORARY) as place:
        assert_life_goes_on(place)


@pytest.mark.parametrize(
    "prepare",
    [_LOGGING, _PRIVILEGES, "CREATE SCHEMA other; CREATE TABLE other.migrations (version bigint PRIMARY KEY)"],
    ids=["event trigger", "default privileges", "another tool's table elsewhere"],
)
def test_what_a_database_does_to_every_new_table_does_not_disturb(world: World, prepare: str) -> None:
    """An event trigger that logs, default privileges, tables of that name in other schemas."""
    with world.place(PLAIN) as place:
        place.rows(prepare)
        assert_life_goes_on(place)


def test_tables_that_may_not_be_made_are_a_clear_error_and_one_more_run_completes(world: World) -> None:
    """An event trigger that forbids them: nothing was run."""
    with world.place(PLAIN) as place:
        place.rows(_FORBIDDING)
        with pytest.raises(FsapiError, match="no tables here"):
            place.migrator().migrate()
        assert place.value("SELECT to_regclass('a') IS NULL AND to_regclass('migrations') IS NULL")
        place.rows("DROP EVENT TRIGGER forbids")
        assert_life_goes_on(place)


def test_serializable_by_default_changes_nothing(world: World, tally: Tally) -> None:
    """Not for one runner, and not for two that start together."""
    reference = undisturbed(world, MIXED)
    with world.place(MIXED) as place:
        set_database(place, "default_transaction_isolation = serializable")
        with client(place.address, place.folder) as first, client(place.address, place.folder) as second:
            assert [first.outcome(), second.outcome()] == [("done", "")] * 2
        with tally.judging("two runners, serializable"):
            difference = compare(reference.left[Direction.UP], place.snapshot())
            assert not difference, difference


def test_read_only_by_default_is_refused_before_anything_is_written(world: World) -> None:
    """Clearly, and without our tables."""
    with world.place(PLAIN) as place:
        set_database(place, "default_transaction_read_only = on")
        with pytest.raises(ReadOnlyDatabase, match="default_transaction_read_only"):
            place.migrator().migrate()
        assert place.value("SELECT to_regclass('migrations') IS NULL")


@pytest.fixture
def psql(world: World) -> Path:
    """psql, beside pg_dump."""
    program = world.pg_dump.with_name("psql")
    if not program.exists():
        pytest.skip("no psql beside pg_dump")
    return program


def restore(source: Place, target: Place, psql: Path) -> None:
    """Put a dump of one database, our tables included, into another."""
    # Something first, so that no OID is what it was.
    target.rows("CREATE TABLE z1 (i int PRIMARY KEY); CREATE TABLE z2 (i int PRIMARY KEY); DROP TABLE z1, z2")
    dump = subprocess.run([source.world.pg_dump, f"--dbname={source.address}"], capture_output=True, check=True).stdout
    command = [str(psql), "--quiet", "--set=ON_ERROR_STOP=1", f"--dbname={target.address}"]
    subprocess.run(command, input=dump, capture_output=True, check=True)


def test_a_restored_dump_of_an_unfinished_run_is_completed(world: World, held: Held, psql: Path, tally: Tally) -> None:
    """The client was killed in a step; the dump has our journal, and other OIDs where it is restored."""
    with stage(world, held) as source, world.place(held.migrations) as target:
        with holding(source, held), client(source.address, source.folder, lock_timeout="1min") as runner:
            source.wait_for(STANDS_STILL)
            runner.kill()
            source.await_quiet()
        restore(source, target, psql)
        with tally.judging(f"restored dump of an unfinished {held.name}"):
            source.run(Direction.UP)
            finish(target, Direction.UP)
            difference = compare(source.snapshot(dumped=True), target.snapshot(dumped=True))
            assert not difference, difference


@pytest.mark.parametrize("fault", [Fault.KILLED_BEFORE, Fault.KILLED_AFTER], ids=lambda fault: fault.name.lower())
@pytest.mark.parametrize(
    ("migrations", "direction"),
    [(_MOVED, Direction.UP), (_MOVED, Direction.DOWN), (_ELSEWHERE, Direction.UP)],
    ids=lambda value: value.name.lower(),
)
def test_a_restored_dump_of_a_step_that_is_not_recorded_is_completed(
    world: World, migrations: Migrations, direction: Direction, fault: Fault, psql: Path, tally: Tally
) -> None:
    """The client was killed before or after CREATE or DROP INDEX CONCURRENTLY; then the database was moved."""
    reference = undisturbed(world, migrations, dumped=True)
    for number in reference.alone(direction):
        if "CONCURRENTLY" not in reference.messages[direction][number - 1].text:
            continue
        with world.place(migrations) as source, world.place(migrations) as target:
            if direction is Direction.DOWN:
                source.run(Direction.UP)
            disturb(source, Case(fault, direction, number))
            source.await_quiet()
            restore(source, target, psql)
            with tally.judging(f"restored dump of a step that is not recorded ({direction.value}, {number})"):
                finish(target, direction)
                difference = compare(reference.left[direction], target.snapshot(dumped=True))
                assert not difference, difference
