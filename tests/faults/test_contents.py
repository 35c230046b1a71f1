"""What the databases of cases are compared by tells apart whatever pg_dump tells apart."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from tests.catalog.nasty_schema import CHANGES, NASTY, NEWER_CHANGES
from tests.conftest import MakeDatabase
from tests.faults.contents import Connection, Reader

_ROLES = ("reader", "writer")


@pytest.fixture
def nasty(server: str, make_database: MakeDatabase) -> Iterator[tuple[Connection, Reader]]:
    """A connection to a database with something of every kind, and its reader; the roles go when the rights have gone."""
    with psycopg.connect(server, autocommit=True) as admin:
        for role in _ROLES:
            admin.execute(f"CREATE ROLE {role}".encode())
        reader = Reader(server)
        try:
            with make_database() as address, psycopg.connect(address, autocommit=True) as connection:
                connection.execute(NASTY.encode())
                yield connection, reader
        finally:
            for role in _ROLES:
                admin.execute(f"DROP ROLE {role}".encode())


def test_every_change_that_pg_dump_sees_is_seen(nasty: tuple[Connection, Reader], *, every_fault: bool) -> None:
    """Each of the statements changes pg_dump's text; without --faults=all, every fifth of them is tried."""
    connection, reader = nasty
    newer = [sql for since, some in NEWER_CHANGES.items() if connection.info.server_version >= since for sql in some]
    unseen, before = [], read(connection, reader)
    for statement in (*CHANGES, *newer)[:: 1 if every_fault else 5]:
        with connection.transaction(force_rollback=True):
            connection.execute(statement.encode())
            if read(connection, reader) == before:
                unseen.append(statement)
    assert unseen == []
    assert read(connection, reader) == before


def read(connection: Connection, reader: Reader) -> str:
    """What it holds, whatever the statement has set."""
    with connection.transaction(force_rollback=True):
        connection.execute(b"SET LOCAL search_path TO pg_catalog")
        return reader.read(connection)
