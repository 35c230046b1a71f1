"""The client is killed at any step boundary, in one of two schemas, under row-level security and changing settings.

The migrations change what new sessions begin with, and a policy chooses rows by it: a step that ran in a session of
other settings, or a second time, or in the other schema, leaves other rows.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from fsapi_nb import Migrator
from fsapi_nb.errors import HistoryError
from fsapi_nb.model.migration import Direction
from fsapi_nb.run import watch
from tests.faults.client import NEVER, Client
from tests.faults.migrations import Migrations
from tests.faults.proxy import Action, Message, Rule
from tests.faults.sweep import Tally, steps_of
from tests.faults.world import Place, World

_HISTORY = ("migrations", "migrations_scripts", "migrations_journal")
_SCHEMAS = ("s_a", 's "b" 1%')


def _set(*changes: str) -> str:
    """Change the settings of the database, or of the role in it; who runs the rest may not."""
    whose = {"database": "DATABASE %I", "role": "ROLE %2$I IN DATABASE %1$I"}
    calls = "\n".join(
        f"EXECUTE format('ALTER {whose[who]} {what}', current_database(), session_user);"
        for who, what in (change.split(": ") for change in changes)
    )
    return f"SET ROLE NONE;\nDO $$ BEGIN\n{calls}\nEND $$;\nRESET ROLE;"


def _row_security(on: str) -> str:
    return "\n".join(f"ALTER TABLE {table} {on} ROW LEVEL SECURITY;" for table in _HISTORY)


GUARDED = Migrations(
    "guarded",
    (
        (
            "CREATE TABLE accounts (tenant text, balance int, seen timestamptz);\n"
            "INSERT INTO accounts VALUES ('a', 0), ('b', 0);\n"
            "ALTER TABLE accounts ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;\n"
            "CREATE POLICY own ON accounts USING (tenant = current_setting('app.tenant', true));\n"
            + _row_security("ENABLE"),
            _row_security("DISABLE") + "\nDROP TABLE accounts;",
        ),
        (
            _set("database: SET app.tenant = a", "database: SET search_path = elsewhere"),
            _set("database: RESET app.tenant", "database: RESET search_path"),
        ),
        (
            (
                "BEGIN;\nUPDATE accounts SET balance = balance + 1;\nCOMMIT;\n"
                "BEGIN;\nUPDATE accounts SET balance = balance + 10;\nCOMMIT;"
            ),
            "UPDATE accounts SET balance = balance - 11;",
        ),
        (
            # What runs behind a change of settings must need none of them: it would be refused in a new session.
            _set('role: SET timezone = "Asia/Tokyo"', "database: SET app.tenant = b")
            + "\nCREATE INDEX CONCURRENTLY accounts_tenant ON accounts (tenant);\nCOMMENT ON TABLE accounts IS NULL;",
            _set("role: RESET timezone", "database: SET app.tenant = a")
            + "\nDROP INDEX CONCURRENTLY accounts_tenant;\nCOMMENT ON TABLE accounts IS NULL;",
        ),
        (
            "UPDATE accounts SET balance = balance + 100, seen = '2026-01-01 00:00';",
            "UPDATE accounts SET balance = balance - 100, seen = '2025-01-01 00:00';",
        ),
    ),
)
_SETTINGS = """
    SELECT setrole <> 0, setconfig::text FROM pg_db_role_setting
    WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database()) ORDER BY 1
"""


@dataclass(frozen=True, slots=True)
class Schemas:
    """A place with two schemas, whose migrations one role runs; `other` may do everything with their tables, and owns none."""

    place: Place
    role: str
    other: str

    def address(self, role: str, address: str | None = None) -> str:
        """How that role gets there."""
        return make_conninfo(address or self.place.address, options=f"-c role={role}")

    def run(self, direction: Direction, schema: str, address: str | None = None) -> None:
        """Apply everything in one schema, or roll everything back there."""
        self.place.run(direction, self.address(self.role, address), schema=schema)

    def state(self) -> object:
        """What both schemas hold, what their histories say, and what is set."""
        histories = [
            self.place.rows(
                f"SELECT h.name::text, s.checksum FROM {_quoted(schema)}.migrations h "
                f"LEFT JOIN {_quoted(schema)}.migrations_scripts s USING (id) ORDER BY h.id"
            )
            for schema in _SCHEMAS
        ]
        rows = [
            self.place.rows(
                f"SELECT tenant, balance, seen AT TIME ZONE 'UTC' FROM {_quoted(schema)}.accounts ORDER BY 1"
            )
            for schema in _SCHEMAS
            if self.place.value(f"SELECT to_regclass('{_quoted(schema)}.accounts') IS NOT NULL")
        ]
        snapshot = self.place.snapshot()
        return (
            histories,
            rows,
            self.place.rows(_SETTINGS),
            snapshot.invalid,
            snapshot.contents.replace(self.role, "the role").splitlines(),
        )

    def assert_guarded(self, schema: str) -> None:
        """Whoever may not see all rows of the history is refused, and changes nothing."""
        if not self.place.value(
            f"SELECT EXISTS (SELECT FROM pg_class WHERE oid = to_regclass('{_quoted(schema)}.migrations') AND relrowsecurity)"
        ):
            return
        written = _quoted(schema)
        self.place.rows(f"GRANT ALL ON SCHEMA {written} TO {self.other}")
        self.place.rows(f"GRANT ALL ON ALL TABLES IN SCHEMA {written} TO {self.other}")
        self.place.rows(f"GRANT ALL ON ALL SEQUENCES IN SCHEMA {written} TO {self.other}")
        before = self.state()
        for verb in ("status", "migrate", "rollback"):
            migrator = Migrator(self.address(self.other), self.place.folder, schema=schema)
            with pytest.raises(HistoryError, match="row-level security"):
                getattr(migrator, verb)()
        assert self.state() == before
        self.place.rows(f"DROP OWNED BY {self.other}")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@contextlib.contextmanager
def schemas(world: World) -> Iterator[Schemas]:
    """Two empty schemas."""
    with world.place(GUARDED) as place:
        name = str(place.value("SELECT current_database()"))
        both = Schemas(place, f"{name}_r", f"{name}_o")
        place.rows(f"CREATE ROLE {both.role}; CREATE ROLE {both.other}")
        try:
            for schema in _SCHEMAS:
                place.rows(f"CREATE SCHEMA {_quoted(schema)} AUTHORIZATION {both.role}")
            yield both
        finally:
            with psycopg.connect(place.address, autocommit=True) as connection:
                connection.execute(f"DROP OWNED BY {both.role}, {both.other} CASCADE".encode())
                connection.execute(f"DROP ROLE {both.role}, {both.other}".encode())


@dataclass(frozen=True, slots=True)
class Reference:
    """What an undisturbed run says and leaves."""

    messages: list[Message]
    left: object


def prepare(both: Schemas, direction: Direction) -> None:
    """The first schema has everything; the second too, if it is to be rolled back."""
    both.run(Direction.UP, _SCHEMAS[0])
    if direction is Direction.DOWN:
        both.run(Direction.UP, _SCHEMAS[1])
        both.place.await_quiet()


def undisturbed(world: World, direction: Direction) -> Reference:
    with schemas(world) as both:
        prepare(both, direction)
        with both.place.proxy() as proxy:
            both.run(direction, _SCHEMAS[1], proxy.address)
        both.place.await_quiet()
        return Reference(list(proxy.messages), both.state())


def kill(both: Schemas, direction: Direction, rule: tuple[int, Action]) -> None:
    """Run in a process that is killed at a message."""
    clients: list[Client] = []
    known = threading.Event()

    def end() -> None:
        known.wait()
        clients[0].kill()

    with both.place.proxy(Rule(*rule, end)) as proxy:
        clients.append(
            Client(
                both.address(both.role, proxy.address), both.place.folder, direction, watched=False, schema=_SCHEMAS[1]
            )
        )
        known.set()
        try:
            assert clients[0].outcome()[0] == "killed"
            assert proxy.fired.wait(60), "the fault was not reached"
        finally:
            clients[0].close()


@pytest.mark.parametrize("direction", list(Direction), ids=lambda direction: direction.value)
@pytest.mark.parametrize("action", [Action.REQUEST_LOST, Action.ANSWER_LOST], ids=["before", "after"])
def test_a_client_that_is_killed_in_one_schema_is_continued_there(
    world: World,
    tally: Tally,
    direction: Direction,
    action: Action,
    monkeypatch: pytest.MonkeyPatch,
    *,
    every_fault: bool,
) -> None:
    """Before and after each commit and each statement outside of a transaction: the other schema keeps what it has."""
    # Messages are counted on all connections: a machine that is busy would have other numbers, for what it watches.
    monkeypatch.setattr(watch, "_MOMENT", NEVER)
    reference = undisturbed(world, direction)
    steps = steps_of(reference.messages)
    assert len(steps) >= len(GUARDED.scripts) + 3
    messages = reference.messages[: steps[-1]]
    answered = [number for number, message in enumerate(messages, 1) if message.is_answered]
    for number in answered if every_fault else steps[2 * (action is Action.ANSWER_LOST) :: 5]:
        with schemas(world) as both, tally.judging(f"two schemas, {direction.value}, message {number}, {action.value}"):
            prepare(both, direction)
            kill(both, direction, (number, action))
            both.place.await_quiet()
            both.assert_guarded(_SCHEMAS[1])
            both.run(direction, _SCHEMAS[1])
            assert both.state() == reference.left
