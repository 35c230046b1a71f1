"""A redo that is cut off at any step boundary: another redo ends where the first was to, and rolls nothing else back."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

import pytest

from fsapi_nb.errors import FsapiError
from tests.faults.client import Client
from tests.faults.migrations import Migrations
from tests.faults.proxy import Action, Message, Rule
from tests.faults.sweep import Tally, steps_of
from tests.faults.world import Place, World

REDONE = Migrations(
    "redone",
    (
        ("CREATE TABLE users (n int, m int);", "DROP TABLE users;"),
        (
            "CREATE INDEX CONCURRENTLY users_n ON users (n);\nALTER TABLE users ADD COLUMN o int;",
            "ALTER TABLE users DROP COLUMN o;\nDROP INDEX CONCURRENTLY users_n;",
        ),
    ),
)
_EDITED = (
    "CREATE INDEX CONCURRENTLY users_n ON users (m);\nALTER TABLE users ADD COLUMN o bigint;",
    REDONE.scripts[1][1],
)
_DEFINITIONS = """
    SELECT array_agg(pg_get_indexdef(indexrelid) ORDER BY 1)::text || (
        SELECT string_agg(attname || ' ' || atttypid::regtype, ', ' ORDER BY attnum) FROM pg_attribute
        WHERE attrelid = 'users'::regclass AND attnum > 0 AND NOT attisdropped)
    FROM pg_index WHERE indrelid = 'users'::regclass
"""


@contextlib.contextmanager
def edited(world: World) -> Iterator[Place]:
    """Both applied and a hundred users; then the second migration is edited."""
    with world.place(REDONE) as place:
        place.migrator().migrate()
        place.rows("INSERT INTO users SELECT generate_series(1, 100), 0")
        name = REDONE.file_names()[1]
        (place.folder / name).write_text("-- UP\n{}\n\n-- DOWN\n{}\n".format(*_EDITED))
        yield place


def undisturbed(world: World) -> list[Message]:
    """What a redo says that is not disturbed."""
    with edited(world) as place, place.proxy() as proxy:
        place.migrator(proxy.address).redo()
        return list(proxy.messages)


def cut_off(place: Place, rule: Rule) -> None:
    with place.proxy(rule) as proxy:
        with contextlib.suppress(FsapiError):
            place.migrator(proxy.address).redo()
        assert proxy.fired.wait(60), "the fault was not reached"


def killed(place: Place, number: int, action: Action) -> None:
    clients: list[Client] = []
    known = threading.Event()

    def kill() -> None:
        known.wait()
        clients[0].kill()

    with place.proxy(Rule(number, action, kill)) as proxy:
        clients.append(Client(proxy.address, place.folder, verb="redo"))
        known.set()
        try:
            assert clients[0].outcome()[0] == "killed"
        finally:
            clients[0].close()


def assert_redone(place: Place, verb: str) -> None:
    """Once more, by that verb; then all is as after an undisturbed redo, and the users are there."""
    place.await_quiet()
    getattr(place.migrator(), verb)()
    names = [name for (name,) in place.rows("SELECT name::text FROM migrations ORDER BY id")]
    assert names == REDONE.file_names()
    assert place.value("SELECT count(*) FROM users") == 100
    definitions = str(place.value(_DEFINITIONS))
    assert "users_n ON public.users USING btree (m)" in definitions
    assert "o bigint" in definitions


@pytest.mark.parametrize("action", [Action.REQUEST_LOST, Action.ANSWER_LOST], ids=["before", "after"])
@pytest.mark.parametrize("kill", [True, False], ids=["killed", "connection lost"])
def test_a_redo_that_was_cut_off_is_continued_by_another(
    world: World, tally: Tally, action: Action, *, kill: bool, every_fault: bool
) -> None:
    """Wherever: before and after each commit and each statement outside of a transaction; the users are kept."""
    steps = steps_of(undisturbed(world))
    assert len(steps) >= 6
    for number in steps if every_fault else steps[kill::4]:
        with edited(world) as place, tally.judging(f"redo, message {number}, {action.value}"):
            if kill:
                killed(place, number, action)
            else:
                cut_off(place, Rule(number, action))
            assert_redone(place, "redo")
