"""Find the word that was meant by one that is not known: `statsu` is almost `status`."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_MOST = 3


def near(word: str, known: Iterable[str]) -> list[str]:
    """Return the known words that are almost this one, or begin with it; the nearest first, at most three."""
    words = list(known)
    begun = [each for each in words if word and each.startswith(word)]
    close = difflib.get_close_matches(word, words, n=_MOST, cutoff=0.7)
    return list(dict.fromkeys([*close, *begun]))[:_MOST]


def did_you_mean(words: Iterable[str]) -> str:
    """Return the question that names the words which may have been meant."""
    return f"did you mean {' or '.join(words)}?"
