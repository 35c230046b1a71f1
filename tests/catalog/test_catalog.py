"""A snapshot holds everything that a migration can change, and nothing that differs by itself; pg_dump is the judge."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from fsapi_nb.catalog.difference import ChangeKind, difference, without_remarks
from fsapi_nb.catalog.read import ask_briefly, read_snapshot
from fsapi_nb.catalog.snapshot import Snapshot
from fsapi_nb.postgres.session import Connection
from fsapi_nb.servers import embedded
from tests.catalog.nasty_schema import CHANGES, NASTY, NEWER_CHANGES
from tests.conftest import ROOT, MakeDatabase, Project

ROLES = ("reader", "writer")


@pytest.fixture(scope="module")
def roles(server: str) -> Iterator[None]:
    """Roles that rights are given to; gone when the database that knows them is."""
    with psycopg.connect(server, autocommit=True) as connection:
        for role in ROLES:
            with contextlib.suppress(psycopg.errors.DuplicateObject):
                connection.execute(f"CREATE ROLE {role}".encode())
        yield
        for role in ROLES:
            connection.execute(f"DROP ROLE {role}".encode())


@pytest.fixture(scope="module")
def nasty(roles: None, make_database: MakeDatabase) -> Iterator[Connection]:
    """A connection to a database with something of every kind."""
    with make_database() as address, psycopg.connect(address, autocommit=True) as connection:
        connection.execute(NASTY.encode())
        yield connection


def snapshot(project: Project, schemas: list[str] | None = None) -> Snapshot:
    """What stands in the project's database."""
    with psycopg.connect(project.database, autocommit=True) as connection:
        return read_snapshot(connection, schemas)


def titles(before: Snapshot, after: Snapshot) -> list[str]:
    """What differs, a line each."""
    return [change.title() for change in difference(before, after)]


def test_every_change_that_pg_dump_sees_is_seen(nasty: Connection) -> None:
    """Of each statement in the list it was checked that it changes pg_dump's text (or REFRESH, which fills a view)."""
    before = read_snapshot(nasty, None)
    newer = [sql for since, some in NEWER_CHANGES.items() if nasty.info.server_version >= since for sql in some]
    unseen = []
    for statement in (*CHANGES, *newer):
        with nasty.transaction(force_rollback=True):
            nasty.execute(statement.encode())
            if not without_remarks(difference(before, read_snapshot(nasty, None))):
                unseen.append(statement)
    assert unseen == []
    assert read_snapshot(nasty, None) == before


def test_the_whole_of_a_schema_goes_with_it(nasty: Connection) -> None:
    """A DOWN that drops all that the UP made leaves no trace in the snapshot."""
    everything = read_snapshot(nasty, None)
    kinds = {each.kind for each in everything.objects}
    assert kinds >= {"table", "table constraint", "index", "policy", "rule", "cast", "publication", "default acl"}
    with nasty.transaction(force_rollback=True):
        nasty.execute(
            b"DROP PUBLICATION changes; DROP EVENT TRIGGER watched; DROP FOREIGN DATA WRAPPER wrapper CASCADE"
        )
        nasty.execute(b'DROP SCHEMA shop CASCADE; DROP SCHEMA "odd ""name" CASCADE')
        left = [f"{each.kind} {each.identity}" for each in read_snapshot(nasty, None).objects]
    assert left == ["extension plpgsql", "schema public"]


def test_passwords_of_foreign_servers_are_starred(nasty: Connection) -> None:
    """A user mapping's options are in the snapshot, its password is not."""
    text = "\n".join(each.definition for each in read_snapshot(nasty, None).objects)
    assert "hunter2" not in text
    assert "password '***'" in text


def test_only_the_schemas_that_are_asked_for(nasty: Connection) -> None:
    """What stands in other schemas is left out; what hangs on one of ours without standing in it is not."""
    shop = read_snapshot(nasty, ["shop"])
    assert {each.identity.split(".")[0] for each in shop.objects if each.kind == "table"} == {"shop"}
    assert shop.get("schema", "shop") and shop.get("event trigger", "watched") and shop.get("extension", "hstore")
    assert shop.get("schema", "public") is None
    assert read_snapshot(nasty, []).objects == ()


def test_the_session_does_not_matter(nasty: Connection) -> None:
    """Neither search_path nor time zone nor date style of whoever reads, and none of them is changed."""
    before = read_snapshot(nasty, None)
    with nasty.transaction(force_rollback=True):
        nasty.execute(
            b"SET LOCAL search_path TO shop; SET LOCAL TimeZone TO 'Asia/Tokyo'; SET LOCAL DateStyle TO 'SQL, DMY'"
        )
        assert read_snapshot(nasty, None) == before
        assert nasty.execute(b"SHOW search_path").fetchone() == ("shop",)


def test_no_table_stays_locked_while_a_reading_goes_on(database: str) -> None:
    """PostgreSQL locks the tables of a view to write it, and would keep them locked until the whole catalog is read."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("CREATE TABLE t (i int); CREATE VIEW v AS SELECT i FROM t")
        with connection.transaction():
            ((text,),) = ask_briefly(connection, "SELECT pg_get_viewdef('v'::regclass)", {})
            assert "FROM t" in text
            locked = "SELECT FROM pg_locks WHERE pid = pg_backend_pid() AND relation = 't'::regclass"
            assert connection.execute(locked).fetchall() == []


def test_any_role_may_read_it(nasty: Connection) -> None:
    """A role without rights reads the same, but for what only their owners may see: the options of user mappings."""
    before = read_snapshot(nasty, None)
    with nasty.transaction(force_rollback=True):
        nasty.execute(b"CREATE SUBSCRIPTION s CONNECTION 'password=hunter2' PUBLICATION p WITH (connect = false)")
        everything = read_snapshot(nasty, None)
        nasty.execute(b"SET LOCAL ROLE writer")
        changes = difference(everything, read_snapshot(nasty, None))
        assert [change.kind for change in changes] == ["user mapping"]
    assert [change.title() for change in difference(before, everything)] == ["added subscription s"]


def test_a_table_that_shadows_a_catalog_is_only_a_table(nasty: Connection) -> None:
    """Temporary tables are no part of a schema, whatever they are called."""
    before = read_snapshot(nasty, None)
    with nasty.transaction(force_rollback=True):
        nasty.execute(b"CREATE TEMP TABLE pg_class (oid oid); CREATE TEMP TABLE pg_depend (classid oid)")
        assert read_snapshot(nasty, None) == before


def test_the_order_of_columns_is_a_remark(project: Project) -> None:
    """A column that was dropped and made again is the same column at another place, and leaves no gap."""
    project.rows("CREATE TABLE t (a integer, b text DEFAULT 'x', c date)")
    before = snapshot(project)
    project.rows_in_session("ALTER TABLE t DROP COLUMN b", "ALTER TABLE t ADD COLUMN b text DEFAULT 'x'")
    (change,) = difference(before, snapshot(project))
    assert change.change is ChangeKind.REORDERED
    assert change.title() == "table public.t: columns in another order"
    assert change.lines() == [" a", "+c", " b", "-c"]
    assert without_remarks([change]) == ()


def test_the_order_of_creation_and_the_oids_do_not_matter(project: Project, make_database: MakeDatabase) -> None:
    """Two databases with the same objects, made in another order and by another way, give equal snapshots."""
    project.rows("CREATE TYPE mood AS ENUM ('sad', 'glad')")
    project.rows("CREATE TABLE a (id integer PRIMARY KEY, m mood DEFAULT 'sad')")
    project.rows("CREATE TABLE b (a integer CONSTRAINT of_a REFERENCES a)")
    project.rows("CREATE INDEX b_a ON b (a)")
    with make_database() as other, psycopg.connect(other, autocommit=True) as connection:
        for statement in (
            "CREATE TABLE junk ()",
            "CREATE TABLE b (x integer, a integer)",
            "CREATE INDEX b_a ON b (a)",
            "ALTER TABLE b DROP COLUMN x",
            "CREATE TYPE mood AS ENUM ('glad')",
            "ALTER TYPE mood ADD VALUE 'sad' BEFORE 'glad'",
            "CREATE TABLE a (id integer, m mood)",
            "ALTER TABLE a ALTER COLUMN m SET DEFAULT 'sad'",
            "ALTER TABLE a ADD PRIMARY KEY (id)",
            "ALTER TABLE b ADD CONSTRAINT of_a FOREIGN KEY (a) REFERENCES a",
            "DROP TABLE junk",
        ):
            connection.execute(statement.encode())
        assert read_snapshot(connection, None) == snapshot(project)


def test_an_index_that_was_not_finished_differs_from_a_finished_one(project: Project) -> None:
    """A failed CREATE INDEX CONCURRENTLY leaves an invalid index of the right definition."""
    project.rows("CREATE TABLE t AS SELECT 1 AS a UNION ALL SELECT 1")
    with pytest.raises(psycopg.errors.UniqueViolation):
        project.rows("CREATE UNIQUE INDEX CONCURRENTLY i ON t (a)")
    broken = snapshot(project)
    project.rows("DROP INDEX i")
    project.rows("DELETE FROM t WHERE ctid = '(0,1)'")
    project.rows("CREATE UNIQUE INDEX CONCURRENTLY i ON t (a)")
    (change,) = difference(broken, snapshot(project))
    assert change.lines()[:2] == [" CREATE UNIQUE INDEX i ON public.t USING btree (a)", "-INVALID"]


def test_our_own_tables_are_left_out(project: Project) -> None:
    """What a run records of itself is no part of the schema; a table of others that is called migrations is."""
    before = snapshot(project)
    project.write("nothing", "SELECT 1;", "SELECT 1;")
    project.migrator().migrate()
    assert snapshot(project) == before
    project.rows("CREATE SCHEMA laravel")
    project.rows("CREATE TABLE laravel.migrations (id serial PRIMARY KEY, migration text, batch integer)")
    assert "added table laravel.migrations" in titles(before, snapshot(project))


@pytest.fixture
def pg_dump(request: pytest.FixtureRequest) -> Path:
    """The dump program of the server that is used."""
    binaries = request.config.getoption("--postgres-bin")
    if request.config.getoption("--postgres-url"):
        return Path(shutil.which("pg_dump") or pytest.skip("pg_dump is needed beside --postgres-url"))
    return (Path(binaries) if binaries else embedded.default_bin_folder()) / "pg_dump"


def dump(pg_dump: Path, project: Project) -> str:
    """The schema as pg_dump writes it, without our tables and the random keys of newer versions."""
    parts = conninfo_to_dict(project.database)
    names = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "dbname": "PGDATABASE", "password": "PGPASSWORD"}
    environment = os.environ | {names[key]: str(value) for key, value in parts.items() if key in names and value}
    command = [str(pg_dump), "--schema-only", "--exclude-table=public.migrations*"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return re.sub(r"\\(un)?restrict .*", "", done.stdout)


def test_the_example_project_changes_as_pg_dump_says(project: Project, pg_dump: Path) -> None:
    """Each migration changes the snapshot if and only if it changes pg_dump's text, on the way up and back down."""
    shutil.copytree(ROOT / "migrations", project.folder, dirs_exist_ok=True)
    migrator = project.migrator()
    seen = [(dump(pg_dump, project), snapshot(project))]
    names = sorted(path.name for path in project.folder.iterdir())
    for _ in names:
        migrator.migrate(count=1)
        seen.append((dump(pg_dump, project), snapshot(project)))
    for name, (dump_before, before), (dump_after, after) in zip(names, seen, seen[1:], strict=False):
        assert bool(difference(before, after)) is (dump_before != dump_after), name
    migrator.rollback(everything=True)
    assert snapshot(project) == seen[0][1]
