"""Which migration a name means, and what is said of one that the verb cannot use."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fsapi_nb.errors import UnknownMigration
from fsapi_nb.model.folder import Folder
from fsapi_nb.model.history import History, HistoryEntry, RetiredMigration
from fsapi_nb.model.status import MigrationStatus, State
from fsapi_nb.plan.names import find_applied, find_filed, find_known, find_name, find_retired
from fsapi_nb.plan.reconcile import Reconciled

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
        ("nothing_like_it", "`sapi migrate:status` lists them all."),
        ("", "`sapi migrate:status` lists them all."),
        ("2027_02_02_00_00_posts.sql", f"did you mean {POSTS}?"),
        ("2026_01_01_00_01_psots", f"did you mean {POSTS}?"),
        (f"migrations/{POSTS}", f"give {POSTS}."),
        (f"C:\\work\\{POSTS}", f"give {POSTS}."),
        ("./posts", f"give {POSTS}."),
    ],
)
def test_an_unknown_name_is_refused_with_what_may_be_meant(wanted: str, hint: str) -> None:
    """A part of a name is never taken for it."""
    with pytest.raises(UnknownMigration) as raised:
        find_name(wanted, NAMES)
    assert raised.value.hint == hint


A, B, C, D, E = (f"2026_01_01_00_0{number}_{name}.sql" for number, name in enumerate(("a", "b", "c", "d", "e")))


def standing() -> Reconciled:
    """`a` and `c` are applied, `c` without a file; `b` is late, `d` pending, `e` was retired."""
    entries = tuple(HistoryEntry(number, name) for number, name in enumerate((A, C)))
    needs_attention = (
        MigrationStatus(B, State.LATE),
        MigrationStatus(C, State.MISSING, entries[1]),
        MigrationStatus(D, State.PENDING),
    )
    folder = Folder(digests=dict.fromkeys((A, B, D), "digest"))
    return Reconciled(folder, History(entries, exists=True, retired=(RetiredMigration(E),)), needs_attention)


def retired(name: str, found: Reconciled) -> str:
    """As `retire --undo` looks a name up."""
    return find_retired(name, found, retired=[E])


@pytest.mark.parametrize(
    ("find", "names"),
    [(find_known, (A, B, C, D)), (find_applied, (A, C)), (find_filed, (A, B, D)), (retired, (A, C, E))],
)
def test_each_verb_finds_what_it_can_use(find: Callable[[str, Reconciled], str], names: tuple[str, ...]) -> None:
    """By the whole name and by its part after the time."""
    for name in names:
        assert find(name, standing()) == find(name[17:-4], standing()) == name


@pytest.mark.parametrize(
    ("find", "name", "message", "hint"),
    [
        (find_applied, "d", f"{D} is not applied: it is pending", f"the nearest applied: {C} before it."),
        (find_applied, "b", f"{B} is not applied: it is late", f"the nearest applied: {A} before it, {C} after it."),
        (find_applied, "e", f"{E} was retired: its row is not in the history any more", f"retire {E} --undo"),
        (find_known, "e", f"{E} was retired: its row is not in the history any more", f"retire {E} --undo"),
        (find_filed, "e", f"{E} was retired: its row is not in the history any more", f"retire {E} --undo"),
        (find_filed, "c", f"{C} has no file: it is only in the history", "bring the file back"),
        (retired, "d", f"{D} was not retired: it is pending", "`sapi migrate:history` lists what was retired."),
        (find_applied, "z", "there is no migration 'z'", "`sapi migrate:status` lists them all."),
        (find_applied, "", "the name of the migration is empty", "`sapi migrate:status` lists them all."),
    ],
)
def test_a_name_that_a_verb_cannot_use_is_said_to_be_what_it_is(
    find: Callable[[str, Reconciled], str], name: str, message: str, hint: str
) -> None:
    """A migration that is there is never said not to be; what may be given instead is named."""
    with pytest.raises(UnknownMigration) as raised:
        find(name, standing())
    assert raised.value.message == message
    assert hint in (raised.value.hint or "")


def test_what_is_not_applied_has_no_neighbours_where_nothing_is() -> None:
    """An empty history is said to be one."""
    nothing = Reconciled(Folder(digests={A: "digest"}), History(), (MigrationStatus(A, State.PENDING),))
    with pytest.raises(UnknownMigration) as raised:
        find_applied("a", nothing)
    assert raised.value.hint == "nothing is applied; `sapi migrate:status` lists what is there."
