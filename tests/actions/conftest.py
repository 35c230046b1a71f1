"""A server with the tables that the cases are about, and all cases run on it, once for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from fsapi_nb.actions.statement import actions_of
from tests.actions.cases import FOLDER, Case, Server, statements
from tests.actions.foreseen import foreseen
from tests.actions.lock_tracer import Relations, Seen, traced
from tests.conftest import MakeDatabase


@pytest.fixture(scope="package")
def traced_server(make_database: MakeDatabase) -> Iterator[Server]:
    with make_database() as address, psycopg.connect(address, autocommit=True) as connection:
        connection.execute("SET allow_in_place_tablespaces = on")
        connection.execute("CREATE TABLESPACE lock_space LOCATION ''")
        try:
            connection.execute((FOLDER / "lock_schema.sql").read_bytes())
            yield Server(address, connection, Relations.read(connection))
        finally:
            connection.execute("DROP TABLESPACE lock_space")


@pytest.fixture(scope="package")
def cases(traced_server: Server) -> list[Case]:
    """All cases, run."""
    found = []
    for statement in statements(traced_server.version):
        actions = actions_of(statement, traced_server.version)
        case = Case(statement, actions, Seen(), foreseen(traced_server.connection, statement))
        traced_server.spread(case)
        for action in actions:
            for work in action.work:
                traced_server.tables(work.tables)
        try:
            with traced(traced_server.connection, statement, traced_server.before) as seen:
                case.seen = seen
        except psycopg.Error as error:
            pytest.fail(f"{statement}: {error}")
        found.append(case)
    return found
