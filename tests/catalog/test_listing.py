"""Two cheap listings of the catalog tell every change of a schema, in words that are kept here for each."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from fsapi_nb.catalog.listing import reading
from fsapi_nb.catalog.listing.changes import difference
from fsapi_nb.catalog.listing.reading import CatalogListing, read_listing
from fsapi_nb.catalog.listing.rows import SOURCE_OF, SOURCES
from fsapi_nb.catalog.read import _queries
from fsapi_nb.postgres.ask import SETTINGS
from fsapi_nb.postgres.session import Connection, Rows
from tests.catalog.nasty_schema import CHANGES, NASTY, NEWER_CHANGES
from tests.conftest import MakeDatabase

ROLES = ("reader", "writer")
GOLDEN = Path(__file__).with_name("listed_changes.txt")
MADE = Path(__file__).with_name("listed_objects.txt")


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


def listing(
    connection: Connection, before: CatalogListing | None = None, schemas: list[str] | None = None
) -> CatalogListing:
    """Read a listing, also inside of an open transaction."""

    def ask(queries: Mapping[str, sql.SQL]) -> dict[str, Rows]:
        with connection.transaction():
            for name, value in SETTINGS.items():
                connection.execute("SELECT pg_catalog.set_config(%s, %s, true)", [name, value])
            return {name: connection.execute(query).fetchall() for name, query in queries.items()}

    return read_listing(ask, connection.info.server_version, schemas, before)


def changed(connection: Connection, statements: str, home: str = "shop") -> list[str]:
    """What statements change, told in lines; they are undone again."""
    with connection.transaction(force_rollback=True):
        before = listing(connection)
        connection.execute(statements.encode())
        return [change.line() for change in difference(before, listing(connection, before), home)]


@pytest.mark.parametrize("many", [0, 10_000])
def test_every_change_is_told_in_these_words(nasty: Connection, monkeypatch: pytest.MonkeyPatch, many: int) -> None:
    """Each of these statements changes what pg_dump writes, and none is passed over in silence.

    That holds in a large catalog, too, in which old rows are counted.
    """
    monkeypatch.setattr(reading, "_MANY", many)
    version = nasty.info.server_version
    newer = {sql for since, some in NEWER_CHANGES.items() for sql in some if version >= since}
    every = (*CHANGES, *(sql for some in NEWER_CHANGES.values() for sql in some))
    golden = _golden()
    found = {sql: changed(nasty, sql) for sql in every if sql in CHANGES or sql in newer}
    assert found == {sql: _older(sql, lines, version) for sql, lines in golden.items() if sql in found}
    assert set(golden) == set(every)
    assert all(golden.values())


def _older(sql: str, lines: list[str], version: int) -> list[str]:
    """The lines as an older server has them.

    Before 17 a view's definition says where in the text each name was, and before 15 everybody may make tables in public.
    """
    if version < 170000 and sql.startswith("CREATE OR REPLACE VIEW shop.names WITH"):
        return [f"{line}, replaced" for line in lines]
    everybody = version < 150000 and sql == "REVOKE ALL ON SCHEMA public FROM PUBLIC"
    return ["schema public: ALL revoked from PUBLIC"] if everybody else lines


def _golden() -> dict[str, list[str]]:
    """The lines of each statement, as the file has them."""
    found: dict[str, list[str]] = {}
    statement = ""
    for line in GOLDEN.read_text(encoding="utf-8").splitlines():
        if line.startswith("    "):
            found[statement].append(line.strip())
        else:
            statement = line
            found[statement] = []
    return found


def test_every_catalog_that_a_snapshot_reads_is_listed(nasty: Connection) -> None:
    """What has a definition in a snapshot is noticed by a listing: each catalog that is filled here has rows there.

    But for operator classes: all that are here belong to an extension.
    """
    rows = listing(nasty).rows
    listed = {source.table for name, source in SOURCES.items() if rows.get(name)}
    read = {query.catalog for query in _queries(nasty)} - {"pg_user_mapping", "pg_opclass"} | {"pg_user_mappings"}
    assert read <= listed
    assert "pg_opclass" in SOURCE_OF and "pg_opclass" not in listed


def test_any_role_may_read_it(nasty: Connection) -> None:
    """A role without rights reads the same, but for the options of user mappings, which only some may see."""
    with nasty.transaction(force_rollback=True):
        nasty.execute(b"CREATE SUBSCRIPTION s CONNECTION 'password=hunter2' PUBLICATION p WITH (connect = false)")
        everything = listing(nasty)
        nasty.execute(b"SET LOCAL ROLE writer")
        found = listing(nasty)
    assert {name for name in found.rows if found.rows[name] != everything.rows[name]} == {"user mapping"}
    assert found.rows["subscription"] and found.rows["user mapping"]


def test_a_second_listing_is_the_same_as_a_first_one(nasty: Connection) -> None:
    """Rows that are not read again are those that were read before."""
    before = listing(nasty)
    after = listing(nasty, before)
    assert after.rows == before.rows
    assert difference(before, after, "shop") == ()


def test_all_that_is_made_is_told_and_all_that_is_dropped(nasty: Connection, make_database: MakeDatabase) -> None:
    """Of something of every kind: an object is told once, what belongs to it is counted, and the order is that of kinds."""
    with make_database() as address, psycopg.connect(address, autocommit=True) as connection:
        empty = listing(connection)
        connection.execute(NASTY.encode())
        full = listing(connection, empty)
        made = [change.line() for change in difference(empty, full, "shop")]
        dropped = [change.line() for change in difference(full, empty, "shop")]
        assert full.rows == listing(connection).rows
    assert made == MADE.read_text(encoding="utf-8").splitlines()
    assert [line.split(" (")[0] for line in dropped] == [
        line.split(" (")[0].replace("created ", "dropped ") for line in made
    ]
