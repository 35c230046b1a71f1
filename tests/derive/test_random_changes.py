"""Whatever a few statements change together, the derived DOWN runs and restores the catalog."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import hypothesis
import psycopg
import pytest
from hypothesis import strategies as st

from fsapi_nb.catalog.difference import difference, without_remarks
from fsapi_nb.catalog.parts.part import CatalogParts
from fsapi_nb.catalog.parts.read_parts import read_parts
from fsapi_nb.catalog.read import read_snapshot
from fsapi_nb.catalog.snapshot import Snapshot
from fsapi_nb.derive.derive import derive
from tests.conftest import MakeDatabase
from tests.derive.cases import SCHEMA
from tests.derive.random_changes import changes

Connection = psycopg.Connection[tuple[Any, ...]]
Before = tuple[Connection, CatalogParts, Snapshot]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def before(make_database: MakeDatabase) -> Iterator[Before]:
    """A connection to the schema of the cases, without rows, and its two readings."""
    with make_database() as address, psycopg.connect(address, autocommit=True) as connection:
        connection.execute(SCHEMA.encode())
        connection.execute("TRUNCATE shop.orders, shop.customers, shop.events, shop.events_2")
        yield connection, read_parts(connection), read_snapshot(connection, None)


@hypothesis.settings(max_examples=60)
@hypothesis.given(ups=st.lists(changes(), min_size=1, max_size=12))
def test_random_changes_are_taken_back(before: Before, ups: list[str]) -> None:
    """Statements that do not run are left out: of twelve, a few do."""
    connection, parts, snapshot = before
    with connection.transaction(force_rollback=True):
        ran = [up for up in ups if _runs(connection, up)]
        for statement in derive(parts, read_parts(connection)).statements:
            connection.execute(statement.encode())
        assert (ran, without_remarks(difference(snapshot, read_snapshot(connection, None)))) == (ran, ())


def _runs(connection: Connection, up: str) -> bool:
    try:
        with connection.transaction():
            connection.execute(up.encode())
    except psycopg.Error:
        return False
    return True
