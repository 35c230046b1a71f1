"""The DDL of a database creates an equal one; what it does not write is named. The snapshot is the judge."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import psycopg
import pytest

from fsapi_nb.catalog.ddl.definitions import Definitions
from fsapi_nb.catalog.ddl.read_definitions import read_definitions
from fsapi_nb.catalog.difference import difference
from fsapi_nb.catalog.read import read_snapshot
from fsapi_nb.postgres.session import Connection
from tests.catalog.nasty_schema import NASTY
from tests.conftest import MakeDatabase

ROLES = ("reader", "writer")


@pytest.fixture(scope="module")
def roles(server: str) -> Iterator[None]:
    """Roles that rights are given to; gone when the databases that know them are."""
    with psycopg.connect(server, autocommit=True) as connection:
        for role in ROLES:
            with contextlib.suppress(psycopg.errors.DuplicateObject):
                connection.execute(f"CREATE ROLE {role}".encode())
        yield
        for role in ROLES:
            connection.execute(f"DROP ROLE {role}".encode())


@pytest.fixture
def pair(roles: None, make_database: MakeDatabase) -> Iterator[tuple[Connection, Connection]]:
    """Connections to two empty databases."""
    with (
        make_database() as one,
        make_database() as other,
        psycopg.connect(one, autocommit=True) as source,
        psycopg.connect(other, autocommit=True) as copy,
    ):
        yield source, copy


def copied(source: Connection, copy: Connection) -> Definitions:
    """The definitions of a database, after they were run in the other one; each has the same text."""
    definitions = read_definitions(source)
    copy.execute(definitions.script().encode())
    assert read_definitions(copy).script() == definitions.script()
    return definitions


def titles(source: Connection, copy: Connection) -> list[str]:
    """What differs, a line each."""
    return [change.title() for change in difference(read_snapshot(source, None), read_snapshot(copy, None))]


def test_the_script_creates_an_equal_database(pair: tuple[Connection, Connection]) -> None:
    """Something of every kind, in an empty database; a password stays out and is named."""
    source, copy = pair
    source.execute(NASTY.encode())
    definitions = copied(source, copy)
    assert titles(source, copy) == ["changed user mapping reader on server far"]
    assert [(each.kind, each.why) for each in definitions.unwritten] == [
        ("user mapping", "options that may be secret are left out: password")
    ]
    assert "hunter2" not in definitions.script()


def test_every_object_of_the_snapshot_has_a_definition(pair: tuple[Connection, Connection]) -> None:
    """Nothing is left out in silence."""
    source, _ = pair
    source.execute(NASTY.encode())
    definitions = read_definitions(source)
    known = {(each.kind, each.identity) for each in definitions.ordered}
    known |= {(each.kind, each.identity) for each in definitions.unwritten}
    assert [each for each in read_snapshot(source, None).objects if (each.kind, each.identity) not in known] == []
