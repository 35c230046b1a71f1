"""Which migrations are meant: by name, by number, or all of them."""

from __future__ import annotations

import pytest

from fsapi_nb.errors import NothingToDo, UnknownMigration, UsageError
from fsapi_nb.model import Folder, History, HistoryEntry, MigrationStatus, State
from fsapi_nb.plan.reconcile import Standing
from fsapi_nb.plan.target import choose_down, choose_up, find_name

USERS, POSTS, AGAIN = "2026_01_01_00_00_users.sql", "2026_01_01_00_01_posts.sql", "2026_01_01_00_02_users.sql"
NAMES = [USERS, POSTS, AGAIN]


@pytest.mark.parametrize("wanted", [POSTS, POSTS.removesuffix(".sql"), "posts", "posts.sql"])
def test_a_name_may_be_short(wanted: str) -> None:
    """The whole file name, or what follows the time, with `.sql` or without."""
    assert find_name(wanted, NAMES) == POSTS


def test_a_name_is_found_in_either_form_of_its_accents() -> None:
    """A Mac's keyboard and file dialogs write é as two characters."""
    assert find_name("cafe\u0301", ["2026_01_01_00_00_caf\u00e9.sql"]) == "2026_01_01_00_00_caf\u00e9.sql"


def test_a_short_name_of_several_is_refused() -> None:
    """All of them are named; the whole name decides."""
    with pytest.raises(UnknownMigration, match=f"{USERS}, {AGAIN}"):
        find_name("users", NAMES)
    assert find_name(AGAIN, NAMES) == AGAIN


@pytest.mark.parametrize(
    ("wanted", "hint"),
    [
        ("post", f"did you mean {POSTS}?"),
        ("POSTS", f"did you mean {POSTS}?"),
        ("psots", f"did you mean {POSTS}?"),
        ("user", f"did you mean {USERS} or {AGAIN}?"),
        ("2026_01_01_00_01", f"did you mean {POSTS}?"),
        ("nothing_like_it", "`status` lists them all."),
        ("", "`status` lists them all."),
    ],
)
def test_an_unknown_name_is_refused_with_what_may_be_meant(wanted: str, hint: str) -> None:
    """A part of a name is never taken for it."""
    with pytest.raises(UnknownMigration) as raised:
        find_name(wanted, NAMES)
    assert raised.value.hint == hint


def standing() -> Standing:
    """One of each state, in the order of their names; the first is applied as it stands."""
    entry = HistoryEntry(1, "2026_01_01_00_00_a.sql")
    states = [
        ("2026_01_01_00_01_b.sql", State.LATE, None),
        ("2026_01_01_00_02_c.sql", State.DRIFTED, entry),
        ("2026_01_01_00_03_d.sql", State.PARTLY_APPLIED, None),
        ("2026_01_01_00_04_e.sql", State.MISSING, entry),
        ("2026_01_01_00_05_f.sql", State.PENDING, None),
        ("2026_01_01_00_06_g.sql", State.BROKEN, None),
        ("2026_01_01_00_07_é.sql", State.PENDING, None),
    ]
    unsettled = tuple(MigrationStatus(name, state, entry) for name, state, entry in states)
    return Standing(Folder(), History((entry,), exists=True), unsettled)


def up(to: str | None = None, count: int | None = None) -> str:
    """The short names of what would be applied."""
    return "".join(status.name[17:-4] for status in choose_up(standing(), to=to, count=count))


def test_everything_pending_is_applied_in_the_order_of_names() -> None:
    """What is applied already is left alone, whatever is wrong with it."""
    assert up() == "bdfgé"


def test_the_next_few_or_up_to_one() -> None:
    """`to` is included; where it is applied already, what waits before it is meant."""
    assert up(count=2) == "bd"
    assert up(count=99) == "bdfgé"
    assert up(to="f") == "bdf"
    assert up(to="c") == "b"
    assert up(to="a") == ""


def history(count: int) -> History:
    """That many migrations, applied in another order than that of their names."""
    return History(tuple(HistoryEntry(n, f"2026_01_01_00_{59 - n:02}_m{n}.sql") for n in range(count)), exists=True)


def down(applied: int, *, to: str | None = None, count: int | None = None, everything: bool = False) -> str:
    """The numbers of what would be rolled back."""
    entries = choose_down(history(applied), to=to, count=count, everything=everything)
    return "".join(str(entry.id) for entry in entries)


def test_rollback_goes_back_in_the_order_of_applying() -> None:
    """Not in that of names; the last one where nothing is said."""
    assert down(4) == "3"
    assert down(4, count=3) == "321"
    assert down(4, everything=True) == "3210"
    assert down(4, to="m1") == "32"
    assert down(4, to="m3") == ""


def test_what_cannot_be_meant_is_refused() -> None:
    """More than there is, nothing at all, two options at once, a name that is not applied."""
    with pytest.raises(NothingToDo):
        down(0)
    for count in (5, 0, -1):
        with pytest.raises(UsageError):
            down(4, count=count)
    for count in (0, -1):
        with pytest.raises(UsageError):
            up(count=count)
    with pytest.raises(UsageError, match="--to and a number exclude each other"):
        down(4, to="m1", count=1)
    with pytest.raises(UsageError, match="exclude"):
        down(4, to="m1", everything=True)
    with pytest.raises(UsageError, match="exclude"):
        up(to="a", count=1)
    with pytest.raises(UnknownMigration):
        down(4, to="users")
