"""File names of other tools: which files are not whole migrations, and what to do with them."""

from __future__ import annotations

import pytest

from fsapi_nb.script.foreign_names import Siblings, explain_bad_name, find_foreign

A, B, C = "2026_01_01_00_00_", "2026_01_01_00_01_", "2026_03_01_00_00_"


@pytest.mark.parametrize("word", ["up", "down", "do", "undo", "rollback", "revert", "DOWN"])
def test_a_dotted_word_makes_a_half(word: str) -> None:
    """Alone, too: run as an UP, the half that takes a change back would undo it."""
    name = f"{A}create_a.{word}.sql"
    fault = find_foreign((name,))[name]
    assert f"(.{word})" in fault.message
    assert f"{A}create_a.sql" in fault.hint


@pytest.mark.parametrize(
    ("up", "down"),
    [
        (f"{A}a.up.sql", f"{A}a.down.sql"),
        (f"{A}a.do.sql", f"{A}a.undo.sql"),
        (f"{A}a.sql", f"{A}a.rollback.sql"),
        (f"{A}a_up.sql", f"{B}a_down.sql"),
        (f"{A}a-up.sql", f"{A}a-down.sql"),
        (f"{A}a_up.sql", f"{C}a_down.sql"),
        (f"{A}a.sql", f"{A}a_down.sql"),
        (f"{A}a.sql", f"{B}a_rollback.sql"),
        (f"{A}deploy_a.sql", f"{B}revert_a.sql"),
    ],
)
def test_both_halves_of_a_pair_are_named(up: str, down: str) -> None:
    """Each says which the other one is, and what one file of both looks like."""
    faults = find_foreign(sorted((up, down)))
    assert down in faults
    assert up in faults[down].message
    assert f"-- UP` the SQL of {up}, below a line `-- DOWN` that of {down}" in faults[down].hint
    if up != f"{A}a.sql" or "." not in down[:-4]:
        assert down in faults[up].message


@pytest.mark.parametrize("words", ["V1__create_a", "U1__create_a", "V1.2__create_a", "R__views", "B3__base"])
def test_flyways_prefix_is_found_behind_a_time(words: str) -> None:
    """Somebody has put the time before the name, as an error may have advised."""
    name = f"{A}{words}.sql"
    assert f"by its name ({words.partition('__')[0]}__)" in find_foreign((name,))[name].message


def test_an_undo_of_flyway_names_what_it_takes_back() -> None:
    """The file that it belongs to is in the folder."""
    names = (f"{A}U1__create_a.sql", f"{A}V1__create_a.sql")
    assert names[1] in find_foreign(names)[names[0]].message
    assert names[0] in find_foreign(names)[names[1]].hint


@pytest.mark.parametrize(
    "names",
    [
        (f"{A}scale_down.sql",),
        (f"{A}break_it_down.sql", f"{B}start_up.sql"),
        (f"{A}undo_last_weeks_change.sql",),
        (f"{A}add_phone.sql", f"{B}other.sql", f"{C}add_phone_rollback.sql"),
        (f"{A}a.b.sql", f"{A}v1.2.sql"),
        (f"{A}Very__odd.sql", f"{A}U__x.sql"),
        (f"{A}follow_up.sql", f"{B}follow.sql"),
    ],
)
def test_words_alone_make_no_pair(names: tuple[str, ...]) -> None:
    """A name that ends in `down` may be a change like any other."""
    assert not find_foreign(names)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("U1__create_a.sql", "below a line `-- DOWN`"),
        ("000001_create_a.down.sql", "below a line `-- DOWN`"),
        ("20260131093000_create_a.down.sql", "2026_01_31_09_30_create_a.sql"),
        ("down.sql", "up.sql"),
        ("20260131093000_create_a.sql", "rename it to 2026_01_31_09_30_create_a.sql"),
        ("R__views.sql", "new file when it changes"),
        ("notes.sql", "rename it, such as 2026_01_31_09_30_add_phone.sql"),
    ],
)
def test_the_hint_for_a_bad_name_does_not_lead_astray(name: str, words: str) -> None:
    """What takes a change back must not get a migration's name."""
    assert words in explain_bad_name(name, "bad", Siblings((name,))).hint


def test_a_half_without_a_time_names_its_pair() -> None:
    """So that both are found."""
    fault = explain_bad_name("1_a.down.sql", "bad", Siblings(("1_a.down.sql", "1_a.up.sql")))
    assert "1_a.up.sql" in fault.message
    assert fault.hint.startswith("make one file of both")


@pytest.mark.parametrize(
    ("up", "down", "whole"),
    [
        ("20170101120000-add-a-up.sql", "20170101120000-add-a-down.sql", "2017_01_01_12_00_add-a.sql"),
        ("0001_a_up.sql", "0001_a_down.sql", "2026_01_31_09_30_a.sql"),
        ("0001_a.sql", "0001_a_rollback.sql", "2026_01_31_09_30_a.sql"),
        ("deploy_a.sql", "revert_a.sql", "2026_01_31_09_30_a.sql"),
    ],
)
def test_a_pair_without_times_is_found_by_its_words(up: str, down: str, whole: str) -> None:
    """Else the hint would be to give each half a migration's name."""
    for name in {up, down} - {"0001_a.sql"}:
        fault = explain_bad_name(name, "bad", Siblings((up, down)))
        assert "two halves" in fault.message
        assert f"make one file of both, {whole}: below a line `-- UP` the SQL of {up}" in fault.hint
    assert "rename it" in explain_bad_name("0001_break_it_down.sql", "bad", Siblings(("0001_break_it_down.sql",))).hint


@pytest.mark.parametrize("word", ["down", "undo", "revert", "rollback", "Down"])
def test_a_name_that_only_says_down_is_a_half(word: str) -> None:
    """Whatever the time of the other one: it would run behind it and take it back."""
    down = f"{B}{word}.sql"
    fault = find_foreign((f"{A}up.sql", down))[down]
    assert fault.message == "by its name, this file undoes what another one does"
    pair = find_foreign((down, f"{B}up.sql"))[down]
    assert f"{B}name.sql: below a line `-- UP` the SQL of {B}up.sql" in pair.hint
    assert not find_foreign((f"{A}up.sql", f"{B}downtime.sql", f"{B}cool_down.sql"))
