"""Which migration a name means, and what is said of one that the verb cannot use."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fsapi_nb.errors import UnknownMigration
from fsapi_nb.model.folder import Folder
from fsapi_nb.model.history import History, HistoryEntry, RetiredMigration
from fsapi_nb.model.status import MigrationStatus, State
from fsapi_nb.plan.names import find_applied, find_file, find_filed, find_known, find_name, find_retired
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
        ("POST", f"did you mean {POSTS}?"),
        ("POSTS", f"did you mean {POSTS}?"),
        ("psots", f"did you mean {POSTS}?"),
        ("pos.sql", f"did you mean {POSTS}?"),
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
    """What is only like a name is never taken for it."""
    with pytest.raises(UnknownMigration) as raised:
        find_name(wanted, NAMES)
    assert raised.value.hint == hint


ADD_PHONE, PHONE, CAFE = (
    "2026_02_03_04_05_add_phone.sql",
    "2026_03_03_04_05_phone_numbers.sql",
    "2026_03_04_00_00_menu_of_caf\u00e9s.sql",
)
PARTS = [*NAMES, ADD_PHONE, PHONE, CAFE]


@pytest.mark.parametrize(
    ("part", "name"),
    [
        ("post", POSTS),
        ("2026_01_01_00_01", POSTS),
        ("2026_01_01_00_01_p", POSTS),
        ("2026_02", ADD_PHONE),
        ("add", ADD_PHONE),
        ("dd_ph", ADD_PHONE),
        ("04_05_add", ADD_PHONE),
        ("phone", PHONE),
        ("phone.sql", ADD_PHONE),
        ("one_num", PHONE),
        ("cafe\u0301", CAFE),
        ("of", CAFE),
    ],
)
def test_a_part_that_only_one_name_has_is_enough(part: str, name: str) -> None:
    """A beginning of the name or of its words goes before a part in the middle; `.sql` says that the name ends there."""
    assert find_name(part, PARTS) == name


def test_a_part_of_several_names_is_refused_with_some_of_them() -> None:
    """As many as a reader takes in; the error has them all."""
    names = [f"2026_01_01_00_{number:02}_add_{number}.sql" for number in range(8)]
    with pytest.raises(UnknownMigration) as raised:
        find_name("add", names)
    assert raised.value.message == f"'add' is a part of the names of 8 migrations: {', '.join(names[:5])} and 3 more"
    assert raised.value.hint == "give more of one."
    assert raised.value.matches == tuple(names)


@pytest.mark.parametrize("number", ["2", "26", "202", "_", "1_"])
def test_a_number_is_not_a_part_of_a_name(number: str) -> None:
    """`rollback --to 2` was meant as a count, whatever name has a 2 in it."""
    with pytest.raises(UnknownMigration, match="is too little of a migration's name"):
        find_name(number, [POSTS, "2026_01_01_00_05_add_26.sql"])
    assert find_name("26", [POSTS, "2026_01_01_00_05_26.sql"]) == "2026_01_01_00_05_26.sql"


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
    """By the whole name, and by its part after the time."""
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


def phones() -> Reconciled:
    """`add_phone` is applied, `drop_phone` pending; a `phone_book` was retired."""
    entry = HistoryEntry(1, "2026_01_01_00_00_add_phone.sql")
    pending = "2026_01_01_00_02_drop_phone.sql"
    retired = RetiredMigration("2025_01_01_00_00_phone_book.sql")
    folder = Folder(digests=dict.fromkeys((entry.name, pending), "digest"))
    needs_attention = (MigrationStatus(pending, State.PENDING),)
    return Reconciled(folder, History((entry,), exists=True, retired=(retired,)), needs_attention)


def test_a_part_is_not_taken_for_the_one_of_several_that_a_verb_could_use() -> None:
    """Only `add_phone` could be rolled back, but who says `phone` may have meant the other: nothing is guessed."""
    with pytest.raises(UnknownMigration, match="'_phone' is a part of the names of 2 migrations"):
        find_applied("_phone", phones())
    assert find_applied("add", phones()) == "2026_01_01_00_00_add_phone.sql"
    with pytest.raises(UnknownMigration, match="drop_phone.sql is not applied: it is pending"):
        find_applied("drop", phones())


def test_a_retired_migration_is_meant_if_nothing_else_is() -> None:
    """It is not in the list of `status`, so its name makes no other ambiguous, unless the verb puts rows back."""
    assert find_known("add", phones()) == find_known("d_pho", phones()) == "2026_01_01_00_00_add_phone.sql"
    with pytest.raises(UnknownMigration, match="phone_book.sql was retired"):
        find_known("book", phones())
    assert find_retired("book", phones(), retired=["2025_01_01_00_00_phone_book.sql"])[17:] == "phone_book.sql"
    with pytest.raises(UnknownMigration, match="names of 3 migrations"):
        find_retired("hone", phones(), retired=["2025_01_01_00_00_phone_book.sql"])


def test_the_name_of_a_file_that_is_recorded_is_given_whole() -> None:
    """`rename OLD NEW` writes NEW into the history: a part of it is a question."""
    with pytest.raises(UnknownMigration) as raised:
        find_filed("drop", phones())
    assert (raised.value.message, raised.value.hint) == (
        "there is no file 'drop'",
        "did you mean 2026_01_01_00_02_drop_phone.sql?",
    )
    assert find_filed("drop_phone", phones()) == "2026_01_01_00_02_drop_phone.sql"


def test_the_name_of_a_cell_is_never_a_part() -> None:
    """`%%migration phone` beside `add_phone` begins a new file."""
    found = phones()
    assert find_file("phone", found.folder, found.history) is None
    assert find_file("add_phone", found.folder, found.history) == "2026_01_01_00_00_add_phone.sql"


def test_what_is_not_applied_has_no_neighbours_where_nothing_is() -> None:
    """An empty history is said to be one."""
    nothing = Reconciled(Folder(digests={A: "digest"}), History(), (MigrationStatus(A, State.PENDING),))
    with pytest.raises(UnknownMigration) as raised:
        find_applied("a", nothing)
    assert raised.value.hint == "nothing is applied; `sapi migrate:status` lists what is there."
