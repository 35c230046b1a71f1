"""Numbers in words."""

from __future__ import annotations

import pytest

from fsapi_nb.text.words import counted


@pytest.mark.parametrize(
    ("count", "noun", "words"),
    [
        (0, "table", "0 tables"),
        (1, "index", "1 index"),
        (2, "index", "2 indexes"),
        (2, "policy", "2 policies"),
        (2, "foreign key", "2 foreign keys"),
        (2, "operator class", "2 operator classes"),
    ],
)
def test_a_number_has_its_noun(count: int, noun: str, words: str) -> None:
    """In the singular for one, else in the plural of English."""
    assert counted(count, noun) == words
