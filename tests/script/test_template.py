"""Names of migration files, and the template."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsapi_nb.script.naming import TEMPLATE, bad_file_name, is_placeholder, next_name, slug
from fsapi_nb.text.safe import visible_name
from tests.script.reading import quick, read

NOW = datetime.datetime(2026, 1, 31, 9, 30, 59, tzinfo=datetime.UTC)
TIME = "2026_01_31_09_30_"


@pytest.mark.parametrize(
    "words", ["a", "add_phone", "2nd", "Add-Phone.v2", "größe", "हिन्दी", "索引", "a" * 234, "é" * 200]
)
def test_names_in_any_script_are_good(words: str) -> None:
    """Letters, digits, marks of letters, underscores, dashes, dots; the history's column counts characters."""
    assert bad_file_name(f"{TIME}{words}.sql") is None


@pytest.mark.parametrize(
    "name",
    [
        "add_phone.sql",
        f"{TIME}.sql",
        f"{TIME}a",
        f"{TIME}a.SQL",
        f"{TIME}a.sql\n",
        "2026_1_31_9_30_a.sql",
        "2026_13_31_09_30_a.sql",
        "2026_02_30_09_30_a.sql",
        "2026_01_31_24_00_a.sql",
        "0000_01_01_00_00_a.sql",
        "٢٠٢٦_٠١_٣١_٠٩_٣٠_a.sql",
        f"../{TIME}a.sql",
        f"{TIME}../a.sql",
        f"{TIME}a/b.sql",
        f"{TIME}a\\b.sql",
        f"{TIME}a..b.sql",
        f"{TIME}a..sql",
        f"{TIME}.a.sql",
        f"{TIME}_a.sql",
        f"{TIME}a b.sql",
        f"{TIME}a\u00a0b.sql",
        f"{TIME}a\x1b[2J.sql",
        f"{TIME}a\u200bb.sql",
        f"{TIME}a\u202eb.sql",
        f"{TIME}a\udc80.sql",
        f"{TIME}e\u0301.sql",
        f"{TIME}a'b.sql",
        f"{TIME}😀.sql",
        f"{TIME}{'a' * 235}.sql",
    ],
)
def test_names_that_would_cause_trouble_are_bad(name: str) -> None:
    """No time, no order, another folder, nothing to see, two forms of one letter, too long for the history."""
    assert bad_file_name(name)


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("Add phone", "add_phone"),
        ("add-phone.sql", "add_phone"),
        ("  a \t b  ", "a_b"),
        ("gro\u0308ße", "größe"),
        ("a/b", None),
        ("../a", None),
        ("a.b", None),
        ("", None),
        (" ", None),
        ("_a", None),
        ("a;b", None),
        ("é" * 101, None),
    ],
)
def test_words_become_a_name_or_are_refused(what: str, words: str | None) -> None:
    """Nothing that was typed is dropped in silence."""
    assert slug(what) == words


@quick
@given(st.text())
def test_what_a_slug_lets_through_is_a_good_name(what: str) -> None:
    """As part of a file name, short enough for every file system."""
    words = slug(what)
    if words is not None:
        name = next_name(words, [], NOW)
        assert bad_file_name(name) is None
        assert len(name.encode()) <= 255


def test_the_next_name_is_now_in_utc() -> None:
    """Whatever zone the clock is in."""
    tokyo = NOW.astimezone(datetime.timezone(datetime.timedelta(hours=9)))
    assert next_name("a", [], tokyo) == f"{TIME}a.sql"


@pytest.mark.parametrize(
    ("newest", "expected"),
    [
        ("2026_01_31_09_29_x.sql", "2026_01_31_09_30_a.sql"),
        ("2026_01_31_09_30_x.sql", "2026_01_31_09_31_a.sql"),
        ("2026_01_31_23_59_x.sql", "2026_02_01_00_00_a.sql"),
        ("2030_12_31_23_59_x.sql", "2031_01_01_00_00_a.sql"),
        ("2030_12_31_23_59_a bad name.sql", "2031_01_01_00_00_a.sql"),
        ("no_migration.sql", "2026_01_31_09_30_a.sql"),
    ],
)
def test_the_next_name_sorts_after_every_file(newest: str, expected: str) -> None:
    """A file of the future, and one whose name is bad, count too."""
    assert next_name("a", ["2025_01_01_00_00_x.sql", newest], NOW) == expected


def test_the_template_is_not_taken_for_a_migration() -> None:
    """Both its sections are known as unwritten."""
    migration = read(TEMPLATE)
    assert is_placeholder(migration.up.written.text)
    assert migration.down
    assert is_placeholder(migration.down.written.text)


def test_a_name_can_be_shown_anywhere() -> None:
    """Control characters and broken bytes are escaped."""
    assert visible_name("é\x1b\udc80.sql") == "é\\x1b\\udc80.sql"
