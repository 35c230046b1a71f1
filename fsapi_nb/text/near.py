"""Find the word that was meant by one that is not known: `statsu` is almost `status`."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_MOST = 3
_ALIKE = 0.7  # of 1: how much of two words must be the same
_BEHIND = 0.1  # how much less alike than the nearest a word may be


def near(word: str, known: Iterable[str]) -> list[str]:
    """Return the known words that are almost this one, or begin with it; the nearest first, at most three."""
    alike = {each: difflib.SequenceMatcher(None, word, each).ratio() for each in known}
    best = max(alike.values(), default=0.0)
    close = [each for each, ratio in alike.items() if ratio >= max(_ALIKE, best - _BEHIND)]
    begun = [each for each in alike if word and each.startswith(word)]
    return list(dict.fromkeys([*sorted(close, key=lambda each: -alike[each]), *begun]))[:_MOST]


def did_you_mean(words: Iterable[str]) -> str:
    """Return the question that names the words which may have been meant."""
    return f"did you mean {' or '.join(words)}?"
