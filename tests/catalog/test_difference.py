"""Two snapshots, compared: what was added, removed, changed, and in which order it is told."""

from __future__ import annotations

from fsapi_nb.catalog.difference import ChangeKind, difference, without_remarks
from fsapi_nb.catalog.snapshot import CatalogObject, make_snapshot

USERS = CatalogObject("table", "public.users", "CREATE TABLE public.users (\n    id integer\n)", ("id",))
NAMED = CatalogObject("table", "public.users", "CREATE TABLE public.users (\n    id bigint\n)", ("id",))
INDEX = CatalogObject("index", "public.i", "CREATE INDEX i ON public.users (id)")
PAIR = CatalogObject("table", "public.pair", "CREATE TABLE public.pair (...)", ("a", "b"))
TURNED = CatalogObject("table", "public.pair", "CREATE TABLE public.pair (...)", ("b", "a"))


def test_equal_snapshots_do_not_differ() -> None:
    """However they were put together."""
    assert make_snapshot([USERS, INDEX]) == make_snapshot([INDEX, USERS])
    assert difference(make_snapshot([USERS, INDEX]), make_snapshot([INDEX, USERS])) == ()


def test_every_object_that_differs_is_told_once_sorted() -> None:
    """By kind and identity, with both definitions."""
    changes = difference(make_snapshot([USERS, PAIR]), make_snapshot([NAMED, INDEX]))
    assert [change.title() for change in changes] == [
        "added index public.i",
        "removed table public.pair",
        "changed table public.users",
    ]
    assert (changes[2].before, changes[2].after) == (USERS.definition, NAMED.definition)


def test_definitions_are_shown_as_unified_lines() -> None:
    """`-` what was, `+` what is, and what stands around it."""
    added, changed = difference(make_snapshot([USERS]), make_snapshot([NAMED, INDEX]))
    assert added.lines() == ["+CREATE INDEX i ON public.users (id)"]
    assert changed.lines() == [" CREATE TABLE public.users (", "-    id integer", "+    id bigint", " )"]


def test_places_far_apart_are_told_apart() -> None:
    """Of a long definition only what stands around the changes, with line numbers where there are several."""
    text = [f"line {number}" for number in range(40)]
    other = [*text[:5], "changed", *text[6:30], "changed too", *text[31:]]
    (change,) = difference(
        make_snapshot([CatalogObject("view", "v", "\n".join(text))]),
        make_snapshot([CatalogObject("view", "v", "\n".join(other))]),
    )
    lines = change.lines()
    assert [line for line in lines if line.startswith("@@")] == ["@@ -3,7 +3,7 @@", "@@ -28,7 +28,7 @@"]
    assert " line 20" not in lines


def test_another_order_of_columns_is_a_remark_that_may_be_passed_over() -> None:
    """It is told, as a kind of its own."""
    (change,) = difference(make_snapshot([PAIR]), make_snapshot([TURNED]))
    assert change.change is ChangeKind.REORDERED and change.is_remark
    assert without_remarks([change]) == ()


def test_a_new_column_is_no_other_order() -> None:
    """Only those that both have are compared, so that a column in the middle is no remark."""
    wider = CatalogObject("table", "public.pair", PAIR.definition, ("a", "x", "b"))
    assert difference(make_snapshot([PAIR]), make_snapshot([wider])) == ()
