"""Which migrations are to be run: up to a name, by number, or all of them."""

from __future__ import annotations

import pytest

from fsapi_nb.errors import NothingToDo, UnknownMigration, UsageError
from fsapi_nb.model.folder import Folder
from fsapi_nb.model.history import History, HistoryEntry
from fsapi_nb.model.status import MigrationStatus, State
from fsapi_nb.plan.reconcile import Reconciled
from fsapi_nb.plan.selection import choose_down, choose_up


def standing() -> Reconciled:
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
    needs_attention = tuple(MigrationStatus(name, state, entry) for name, state, entry in states)
    return Reconciled(Folder(), History((entry,), exists=True), needs_attention)


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


def applied_only(count: int) -> Reconciled:
    """That many applied migrations, applied in another order than that of their names."""
    entries = tuple(HistoryEntry(n, f"2026_01_01_00_{59 - n:02}_m{n}.sql") for n in range(count))
    return Reconciled(Folder(), History(entries, exists=True), ())


def down(applied: int, *, to: str | None = None, count: int | None = None, everything: bool = False) -> str:
    """The numbers of what would be rolled back."""
    entries = choose_down(applied_only(applied), to=to, count=count, everything=everything)
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
