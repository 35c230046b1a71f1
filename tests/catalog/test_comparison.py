"""Catalogs of servers of different versions and with different roles differ in what is different, and in nothing else.

`--postgres-bin` names another version to compare; the installations of the system are compared with it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from fsapi_nb.catalog.comparison import CatalogReading, compare, read_catalog
from fsapi_nb.catalog.difference import Change, without_remarks
from fsapi_nb.catalog.snapshot import CatalogObject
from fsapi_nb.catalog.view_text import cut, read_views
from fsapi_nb.postgres.session import Connection
from fsapi_nb.servers import embedded
from tests.catalog.nasty_schema import NASTY
from tests.catalog.tricky_schema import TRICKY
from tests.conftest import MakeDatabase
from tests.servers.embedded_servers import INSTALLATIONS

ROLES = ("reader", "writer")


def make_roles(address: str) -> None:
    with psycopg.connect(address, autocommit=True) as connection:
        for role in ROLES:
            with contextlib.suppress(psycopg.errors.DuplicateObject):
                connection.execute(f"CREATE ROLE {role}".encode())


def drop_roles(address: str) -> None:
    with psycopg.connect(address, autocommit=True) as connection:
        for role in ROLES:
            connection.execute(f"DROP ROLE {role}".encode())


@pytest.fixture(scope="module")
def roles(server: str) -> Iterator[None]:
    """Roles on the server of the session."""
    make_roles(server)
    yield
    drop_roles(server)


@pytest.fixture(scope="module", params=INSTALLATIONS, ids=lambda found: found.parent.name)
def other_server(
    request: pytest.FixtureRequest, server: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The address of a server of another version."""
    binaries: Path = request.param
    with psycopg.connect(server) as connection:
        if embedded.server_version(binaries).split(".")[0] == str(connection.info.server_version // 10_000):
            pytest.skip("the same version")
    home = tmp_path_factory.mktemp("other") / ".fsapi_nb"
    address = embedded.attach(home, bin_folder=binaries, database="postgres")
    make_roles(address)
    yield address
    embedded.destroy(home)


@contextlib.contextmanager
def opened(address: str, *scripts: str) -> Iterator[Connection]:
    with psycopg.connect(address, autocommit=True) as connection:
        for script in scripts:
            connection.execute(script.encode())
        yield connection


@contextlib.contextmanager
def made_on(server: str, name: str) -> Iterator[str]:
    """The address of a new database on another server than that of the session."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0".encode())
        yield make_conninfo(server, dbname=name)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def differences(one: Connection, other: Connection) -> list[str]:
    """What differs from the database of the second to that of the first, which is the one that reads views."""
    found = compare(read_catalog(other, None), read_catalog(one, None), lambda views: read_views(one, views))
    return titles(found)


def titles(changes: tuple[Change, ...]) -> list[str]:
    return [change.title() for change in without_remarks(changes)]


@pytest.mark.parametrize("script", [NASTY, TRICKY], ids=["nasty", "tricky"])
def test_the_same_sql_makes_no_difference_on_another_version(
    roles: None, make_database: MakeDatabase, other_server: str, script: str
) -> None:
    """Whichever of the two reads the views of the other one."""
    with (
        make_database() as address,
        made_on(other_server, "same") as elsewhere,
        opened(address, script) as here,
        opened(elsewhere, script) as there,
    ):
        assert len(read_catalog(here, None).snapshot.objects) > 50
        assert differences(here, there) == []
        assert differences(there, here) == []


def test_what_really_differs_is_seen_on_another_version(
    roles: None, make_database: MakeDatabase, other_server: str
) -> None:
    """A view of another condition, a view that needs what is not there, an index, a right."""
    with (
        make_database() as address,
        made_on(other_server, "differs") as elsewhere,
        opened(address, NASTY) as here,
        opened(
            elsewhere,
            NASTY,
            "CREATE OR REPLACE VIEW shop.names AS SELECT id, name FROM shop.customers WHERE name <> 'x'",
            "ALTER TABLE shop.orders ADD new integer; CREATE VIEW shop.news AS SELECT new FROM shop.orders",
            "DROP INDEX shop.orders_amount; GRANT DELETE ON shop.orders TO reader",
        ) as there,
    ):
        assert differences(there, here) == [
            "removed index shop.orders_amount",
            "changed table shop.orders",
            "changed view shop.names",
            "added view shop.news",
        ]


def test_the_owner_of_everything_is_the_same_role_under_another_name(roles: None, make_database: MakeDatabase) -> None:
    """Only what another role owns, or has rights on, differs; a role's name in a function's text stays as it is."""
    script = """
        CREATE TABLE a (id integer); CREATE TABLE b (id integer); CREATE VIEW v AS SELECT id FROM a;
        CREATE FUNCTION f() RETURNS text LANGUAGE plpgsql AS $$ BEGIN
GRANT SELECT ON a TO writer;
        RETURN 'postgres'; END $$;
        GRANT SELECT ON a TO reader; REVOKE DELETE ON b FROM CURRENT_USER;
        ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO reader;
    """
    with (
        make_database() as one,
        make_database() as two,
        opened(one, script) as here,
        opened(two, "GRANT ALL ON SCHEMA public TO writer", "SET ROLE writer", script, "RESET ROLE") as there,
    ):
        there.execute(b"REVOKE ALL ON SCHEMA public FROM writer")
        assert titles(compare(read_catalog(here, None), read_catalog(there, None))) == []
        there.execute(b"ALTER TABLE b OWNER TO reader")
        assert titles(compare(read_catalog(here, None), read_catalog(there, None))) == ["changed table public.b"]


def test_a_filled_materialized_view_is_the_same_as_an_empty_one(make_database: MakeDatabase) -> None:
    """Whether it is filled is a matter of data."""
    view = "CREATE MATERIALIZED VIEW m AS SELECT 1 AS a"
    with (
        make_database() as one,
        make_database() as two,
        opened(one, view) as here,
        opened(two, f"{view} WITH NO DATA") as there,
    ):
        assert compare(read_catalog(here, None), read_catalog(there, None)) == ()


def test_a_right_on_the_schema_public_is_a_difference(make_database: MakeDatabase) -> None:
    """Where its owner is the same on both sides, everybody was allowed to create there by hand."""
    with make_database() as one, make_database() as two, opened(one) as here, opened(two) as there:
        verb = (
            "REVOKE CREATE ON SCHEMA public FROM"
            if here.info.server_version < 150000
            else "GRANT CREATE ON SCHEMA public TO"
        )
        there.execute(f"{verb} PUBLIC".encode())
        assert titles(compare(read_catalog(here, None), read_catalog(there, None))) == ["changed schema public"]


def test_the_schema_public_as_older_servers_made_it_is_no_difference(make_database: MakeDatabase) -> None:
    """But it is one if somebody else owns it or may do something in it."""
    with (
        make_database() as one,
        make_database() as two,
        opened(one) as here,
        opened(two) as there,
        there.transaction(force_rollback=True),
    ):
        there.execute(b"ALTER SCHEMA public OWNER TO CURRENT_USER; GRANT CREATE ON SCHEMA public TO PUBLIC")
        assert compare(read_catalog(here, None), read_catalog(there, None)) == ()
        there.execute(b"REVOKE USAGE ON SCHEMA public FROM PUBLIC")
        assert titles(compare(read_catalog(here, None), read_catalog(there, None))) == ["changed schema public"]


@pytest.mark.parametrize(
    "query",
    [
        "SELECT 1; CREATE TABLE planted ()",
        "SELECT 1; COMMIT; CREATE TABLE planted ()",
        "SELECT 1 AS a; COPY (SELECT 1) TO PROGRAM 'touch /tmp/planted'",
        "SELECT plant()",
        "WITH x AS (INSERT INTO a VALUES (1) RETURNING id) SELECT id FROM x",
        "SELECT 'it''s; \"' AS \"a;'b\"",
    ],
)
def test_the_text_of_a_strange_server_runs_nothing(database: str, query: str) -> None:
    """It is read as the query of one view, or not at all."""
    setup = (
        "CREATE TABLE a (id integer)",
        "CREATE FUNCTION plant() RETURNS integer LANGUAGE plpgsql AS $$ BEGIN CREATE TABLE planted (); RETURN 1; END $$",
    )
    view = CatalogObject("view", "public.v", f"CREATE VIEW public.v AS\n{query};\nOWNER TO x;y")
    with opened(database, *setup) as connection:
        before = read_catalog(connection, None)
        read = read_views(connection, [view])
        assert [each.definition.endswith(";\nOWNER TO x;y") for each in read.values()] in ([], [True])
        assert read_catalog(connection, None) == before
        assert connection.execute(b"SELECT count(*) FROM a").fetchone() == (0,)


def test_a_query_ends_where_its_semicolon_is() -> None:
    """Not at one inside of a string or a name, nor at one of what stands behind it."""
    assert cut("CREATE VIEW v AS\n SELECT ';\n' AS \";\n\"\n;\nCOMMENT IS 'a;'") == (
        "CREATE VIEW v AS",
        " SELECT ';\n' AS \";\n\"\n;",
        "\nCOMMENT IS 'a;'",
    )


def test_a_reading_says_whose_database_it_is(database: str) -> None:
    """The role that owns most; the one that reads where nobody owns anything."""
    with opened(database) as connection:
        role = connection.info.user
        assert read_catalog(connection, None).owner == role
        connection.execute(b"CREATE TABLE a (); CREATE TABLE b ()")
        found = read_catalog(connection, None)
        assert isinstance(found, CatalogReading)
        assert (found.owner, found.version) == (role, connection.info.server_version // 10_000)
