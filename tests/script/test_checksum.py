"""The checksum: the same for the same tokens, another one for any other."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from fsapi_nb.script.checksum import ALGORITHM
from tests.script.reading import quick, read

TOKENS = (
    "SELECT",
    "a",
    '"a"',
    "'a'",
    "$$a$$",
    "1",
    "1.0",
    "(",
    ")",
    ",",
    ";",
    "::",
    "||",
    "é",
    "E'\\''",
    "NULL",
    "+",
    "*",
)
GAPS = (
    " ",
    "\n",
    "\t",
    "\r\n",
    " -- it's\n",
    "/* ; */",
    "/* a /* b */\n-- DOWN\n*/",
    "\n\n-- $$\n  ",
    "-- fsapi comment\n",
)


def checksum(text: str) -> str:
    return read(text).checksum


def test_the_algorithm_is_named() -> None:
    """So that an old checksum can be told from a different text when there is a new one."""
    name, _, digest = checksum("SELECT 1").partition(":")
    assert name == ALGORITHM
    assert len(digest) == 64


@quick
@given(st.data(), st.lists(st.sampled_from(TOKENS), min_size=1, max_size=12), st.booleans())
def test_blanks_and_comments_do_not_matter_and_tokens_do(data: st.DataObject, tokens: list[str], down: bool) -> None:
    """Whatever stands between the tokens; whichever token is changed, added, left out or moved."""
    assume(all(one[-1] != "'" or other[0] != "'" for one, other in itertools.pairwise(tokens)))

    def written(tokens: list[str]) -> str:
        pieces = [token + data.draw(st.sampled_from(GAPS)) for token in tokens]
        text = data.draw(st.sampled_from(GAPS)) + "".join(pieces)
        return f"-- UP\nSELECT 1;\n-- DOWN\n{text}" if down else f"-- UP\n{text}"

    before = checksum(written(tokens))
    assert checksum(written(tokens)) == before
    index = data.draw(st.integers(0, len(tokens) - 1))
    for other in ([*tokens[:index], *tokens[index + 1 :]], [*tokens, "b"], ["b", *tokens]):
        assert checksum(written(other)) != before
    assert checksum(written([*tokens[:index], "other", *tokens[index + 1 :]])) != before


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("CREATE TABLE t (a varchar(10))", "CREATE TABLE t (a varchar(99))"),
        ("ALTER TABLE t ALTER a SET DEFAULT 1", "ALTER TABLE t ALTER a SET DEFAULT 2"),
        ("DO $$ a $$", "DO $$ b $$"),
        ("DO $$ a $$", "DO $$ a  $$"),
        ("SELECT 'a -- b'", "SELECT 'a -- c'"),
        ("INSERT INTO t VALUES ('a')", "INSERT INTO t VALUES ('A')"),
        ("COPY t FROM stdin;\n1\n\\.\n", "COPY t FROM stdin;\n2\n\\.\n"),
        ("COPY t FROM stdin;\n1\n\\.\n", "COPY t FROM stdin;\n1\n\n\\.\n"),
        ("SELECT ab", "SELECT a b"),
        ("-- UP\nSELECT 1;", "-- UP\nSELECT 1;\n-- DOWN\n"),
        ("-- UP\nSELECT 1; SELECT 2;\n-- DOWN\n", "-- UP\nSELECT 1;\n-- DOWN\nSELECT 2;"),
        ("-- UP\n-- DOWN\nSELECT 'a", "-- UP\n-- DOWN\nSELECT 'b"),
        ("-- UP\n-- DOWN\nSELECT E'a\\xff'", "-- UP\n-- DOWN\nSELECT E'b\\xff'"),
        ("-- UP\n-- DOWN\nCOPY t FROM stdin;\n1", "-- UP\n-- DOWN\nCOPY t FROM stdin;\n2"),
    ],
)
def test_what_runs_differently_has_another_checksum(one: str, other: str) -> None:
    """Literals, types, bodies, data, names; which section it stands in; what the scanner refuses, too."""
    assert checksum(one) != checksum(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("SELECT 1;", "-- about\n\nSELECT\t1 ; -- done\n"),
        ("SELECT 1;", "-- UP\nSELECT 1;"),
        ("-- UP\nSELECT 'a\nb';\n-- DOWN\n", "-- UP\r\nSELECT 'a\r\nb';\r\n-- DOWN\r\n"),
        ("COPY t FROM stdin;\n1\n2\n\\.\n", "COPY t FROM stdin;\r\n1\r\n2\r\n\\.\r\n"),
        ("-- UP\nSELECT 1;", "\ufeff-- UP\nSELECT 1;"),
    ],
)
def test_a_checkout_on_another_system_is_no_edit(one: str, other: str) -> None:
    """Line ends, byte order marks, blanks and comments."""
    assert checksum(one) == checksum(other)
