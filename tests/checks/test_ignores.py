"""Comments that switch rules off mean what they mean to squawk, which is asked as well."""

from __future__ import annotations

import pytest

from fsapi_nb.checks.ignores import read_ignores
from fsapi_nb.checks.squawk import find_squawk
from tests.checks.scripts import migration

DROP, LINE = "DROP TABLE a;", 2


@pytest.mark.parametrize(
    ("comment", "ignored"),
    [
        ("-- squawk-ignore ban-drop-table", True),
        ("--squawk-ignore ban-drop-table", True),
        ("-- squawk-ignore renaming-table, ban-drop-table", True),
        ("-- squawk-ignore renaming-table,ban-drop-table", True),
        ("-- squawk-ignore ban-drop-table -- nobody uses it", True),
        ("/* squawk-ignore ban-drop-table */", True),
        ("-- squawk-ignore-file", True),
        ("-- squawk-ignore-file ban-drop-table", True),
        ("-- squawk-ignore-file ban-drop-table, renaming-table", True),
        ("-- squawk-ignore", False),
        ("-- squawk-ignore renaming-table", False),
        ("-- squawk-ignore-file renaming-table", False),
        ("-- squawk-ignore ban-drop-table because", False),
        ("-- squawk-ignore ban-drop-table renaming-table", False),
        ("-- squawk-ignore: ban-drop-table", False),
        ("-- SQUAWK-IGNORE BAN-DROP-TABLE", False),
        ("-- please squawk-ignore ban-drop-table", False),
        ("SELECT '\\n-- squawk-ignore ban-drop-table';", False),
    ],
)
def test_a_comment_switches_off_what_it_switches_off_for_squawk(comment: str, ignored: bool) -> None:
    """One comment serves both."""
    text = f"{comment}\n{DROP}\n"
    assert read_ignores(migration(text)).has("ban-drop-table", LINE) is ignored
    squawk = find_squawk()
    assert squawk
    found = {each.rule for each in squawk.run(text, in_transaction=True, version=18)}
    assert ("ban-drop-table" not in found) is ignored


@pytest.mark.parametrize(
    ("text", "line", "ignored"),
    [
        (f"{DROP} -- squawk-ignore ban-drop-table\n", 1, True),
        (f"-- squawk-ignore ban-drop-table\n-- why\n{DROP}\n", 3, False),
        (f"-- squawk-ignore ban-drop-table\n\n{DROP}\n", 3, False),
        (f"{DROP}\n-- squawk-ignore-file ban-drop-table\n", 1, True),
        ("-- squawk-ignore-file ban-drop-table\n-- UP\nDROP TABLE a;\n", 3, True),
    ],
)
def test_a_comment_is_about_its_own_line_and_the_next(text: str, line: int, ignored: bool) -> None:
    """A comment further above is about something else; one about the file may be anywhere in it."""
    assert read_ignores(migration(text)).has("ban-drop-table", line) is ignored


def test_a_string_and_data_are_no_comments() -> None:
    """Neither a value nor a line of COPY switches a rule off."""
    text = (
        "SELECT '\n-- squawk-ignore-file\n';\nCOPY a FROM stdin;\n-- squawk-ignore-file\n\\.\nDROP TABLE a;\n"
        "DO $$ BEGIN\n-- squawk-ignore-file\nEND $$;\n"
    )
    assert not read_ignores(migration(text)).has("ban-drop-table", 7)
