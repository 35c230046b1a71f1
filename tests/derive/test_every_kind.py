"""The way back of each change of every kind of object: it restores the catalog, or it is known that it does not."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from fsapi_nb.catalog.difference import difference, without_remarks
from fsapi_nb.catalog.parts.read_parts import read_parts
from fsapi_nb.catalog.read import read_snapshot
from fsapi_nb.derive.derive import derive
from tests.catalog.nasty_schema import CHANGES, NASTY, NEWER_CHANGES
from tests.conftest import MakeDatabase

Connection = psycopg.Connection[tuple[Any, ...]]
ROLES = ("reader", "writer")

#: What differs after these, and `down` says so: what no statement brings back, and objects with passwords, which are
#: left alone.
LEFT = {
    "ALTER TABLE shop.derived NO INHERIT shop.base",
    "ALTER MATERIALIZED VIEW shop.counts ALTER COLUMN orders SET STATISTICS 7",
    "ALTER FUNCTION shop.stamp() DEPENDS ON EXTENSION hstore",
    "ALTER OPERATOR FAMILY shop.family USING hash ADD OPERATOR 1 shop.=== (shop.point3, shop.point3)",
    "ALTER SERVER far OPTIONS (SET host 'there')",
    "ALTER SERVER far OPTIONS (DROP port)",
    "ALTER USER MAPPING FOR reader SERVER far OPTIONS (SET user 'other')",
    "GRANT USAGE ON FOREIGN SERVER far TO reader",
    "ALTER FOREIGN TABLE shop.afar OPTIONS (SET table_name 'u')",
    "ALTER FOREIGN TABLE shop.afar ALTER COLUMN a OPTIONS (SET column_name 'c')",
}


@pytest.fixture
def nasty(server: str, make_database: MakeDatabase) -> Iterator[Connection]:
    """A connection to a database with something of every kind."""
    with psycopg.connect(server, autocommit=True) as admin:
        for role in ROLES:
            with contextlib.suppress(psycopg.errors.DuplicateObject):
                admin.execute(f"CREATE ROLE {role}".encode())
        with make_database() as address, psycopg.connect(address, autocommit=True) as connection:
            connection.execute(NASTY.encode())
            yield connection
        for role in ROLES:
            admin.execute(f"DROP ROLE {role}".encode())


@pytest.mark.slow
def test_each_change_is_taken_back(nasty: Connection) -> None:
    """Every statement that changes something, and one that drops nearly everything."""
    newer = [sql for since, some in NEWER_CHANGES.items() if nasty.info.server_version >= since for sql in some]
    parts, before = read_parts(nasty), read_snapshot(nasty, None)
    left = set()
    for up in (*CHANGES, *newer, "DROP SCHEMA shop CASCADE"):
        with nasty.transaction(force_rollback=True):
            nasty.execute(up.encode())
            for statement in derive(parts, read_parts(nasty)).statements:
                nasty.execute(statement.encode())
            if without_remarks(difference(before, read_snapshot(nasty, None))):
                left.add(up)
    assert left == LEFT


@pytest.mark.slow
def test_what_was_made_goes_without_a_trace(database: str, nasty: Connection) -> None:
    """The way back from a schema with something of every kind to an empty database."""
    with psycopg.connect(database, autocommit=True) as connection, connection.transaction(force_rollback=True):
        parts, before = read_parts(connection), read_snapshot(connection, None)
        connection.execute(NASTY.encode())
        for statement in derive(parts, read_parts(connection)).statements:
            connection.execute(statement.encode())
        assert without_remarks(difference(before, read_snapshot(connection, None))) == ()
