"""What is said of a whole script is what a server does: each migration of the example, UP and DOWN, in one transaction."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from fsapi_nb.actions.locks import strongest
from fsapi_nb.folder.read import read_folder
from fsapi_nb.model.action import LockMode
from fsapi_nb.model.migration import Direction, Migration, Statement, TransactionRule
from tests.actions.lock_kin import tables_of
from tests.actions.lock_tracer import Connection, Relations, Seen, add_locks, held_by
from tests.actions.scripts import actions_of_script
from tests.actions.written import MIGRATIONS
from tests.conftest import MakeDatabase

#: One must be committed before it ends, the other cannot be in a transaction.
NOT_TRACED = {"2025_11_26_09_02_add_refunded_status.sql", "2025_11_25_09_03_index_large_table.sql"}


@pytest.fixture(scope="module")
def connection(make_database: MakeDatabase) -> Iterator[Connection]:
    with make_database() as address, psycopg.connect(address, autocommit=True) as connection:
        yield connection


def test_the_locks_of_a_script_are_those_of_the_server(connection: Connection) -> None:
    """Of what the script makes itself nothing is said, and of what was there before all that blocks somebody."""
    folder = read_folder(MIGRATIONS)
    migrations = [migration for name in folder.names if (migration := folder.get(name)) is not None]
    faults: list[str] = []
    for migration in migrations:
        faults += _wrong(connection, migration, Direction.UP)
    for migration in reversed(migrations):
        faults += _wrong(connection, migration, Direction.DOWN)
    assert len(migrations) > 20
    assert not faults, "\n".join(faults)


def _wrong(connection: Connection, migration: Migration, direction: Direction) -> Iterator[str]:
    script = migration.script(direction)
    assert script is not None
    statements = [
        each
        for each in script.parsed.statements
        if each.traits.rule in {TransactionRule.ALLOWED, TransactionRule.REFUSED}
    ]
    if migration.name in NOT_TRACED:
        for statement in statements:
            connection.execute(statement.text.encode())
        return
    before, seen = Relations.read(connection), Seen()
    version = connection.info.server_version // 10000
    found = [lock for actions in actions_of_script(statements, version) for each in actions for lock in each.locks]
    said = {
        (name, lock.mode, lock.condition is None)
        for lock in strongest(found)
        for name in tables_of(connection, lock.tables, before)
    }
    with connection.transaction():
        for statement in statements:
            _run(connection, statement)
        add_locks(seen, held_by(connection), before)
    for name in sorted({name for name, _, _ in said} | seen.locks.keys()):
        certain = max((mode for table, mode, is_certain in said if table == name and is_certain), default=0)
        possible = max((mode for table, mode, _ in said if table == name), default=0)
        mode = seen.locks.get(name, 0)
        strict = mode if mode >= LockMode.SHARE_UPDATE_EXCLUSIVE else 0
        if not (certain if certain >= LockMode.SHARE_UPDATE_EXCLUSIVE else 0) <= strict <= possible:
            yield f"{migration.name} {direction.name}: {name} is locked in {mode!r}, not {certain!r} to {possible!r}"


def _run(connection: Connection, statement: Statement) -> None:
    if statement.copy is None:
        connection.execute(statement.text.encode())
        return
    with connection.cursor() as cursor, cursor.copy(statement.text.encode()) as copy:
        for chunk in statement.copy.contents.chunks(statement.copy.start, statement.copy.size):
            copy.write(chunk)
