"""Lay out what statements do in columns: their lines, what they do, and with which effects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fsapi_nb.text.width import text_width
from fsapi_nb.text.wrap import wrap

#: Columns of a terminal that a plan takes, unless a single word is longer.
WIDTH = 118
_WORDS = 56  # of these for what a statement does, if some have effects
_GAP = 3


@dataclass(frozen=True, slots=True)
class StatementEntry:
    """One statement, or several alike: its lines in the file, what it does, and with which effects.

    `hint` stands beside what it does, behind the effects; `below` are lines below it, as they are.
    """

    where: str
    words: Sequence[str]
    effects: Sequence[str] = ()
    hint: str = ""
    below: Sequence[str] = ()


def entry_lines(entries: Sequence[StatementEntry], indent: int) -> list[str]:
    """Return the entries as lines, each column aligned. Long words and effects take several lines."""
    number = max((len(each.where) for each in entries), default=0)
    beside = [word for each in entries if each.effects or each.hint for word in each.words]
    words = max((text_width(line) for word in beside for line in wrap(word, _WORDS)), default=0)
    words = min(words, _WORDS)
    return [line for each in entries for line in _lines(each, indent + number, words)]


def _lines(entry: StatementEntry, number: int, words: int) -> list[str]:
    """Return one entry: a phrase of what it does beside one of its effects, until both are through."""
    before = f"{entry.where:>{number}}  "
    room = WIDTH - number - 2
    if not entry.effects and not entry.hint:
        said = [line for word in entry.words for line in _wrapped(word, room)]
        return [*_beside(before, said), *entry.below]
    said = [line for word in entry.words for line in _wrapped(word, words)]
    effects = _flowed(entry.effects, room - words - _GAP) + ([entry.hint] if entry.hint else [])
    shift = 1 if said and text_width(said[0]) > words else 0  # a word that cannot be broken
    rows = max(len(said), len(effects) + shift)
    lines = []
    for row in range(rows):
        left = said[row] if row < len(said) else ""
        effect = effects[row - shift] if 0 <= row - shift < len(effects) else ""
        lines.append(_padded(left, words + _GAP, effect))
    return [*_beside(before, lines), *entry.below]


def _padded(left: str, width: int, right: str) -> str:
    return f"{left}{' ' * max(width - text_width(left), _GAP)}{right}" if right else left


def _beside(before: str, lines: Sequence[str]) -> list[str]:
    first, *rest = lines or [""]
    return [before + first, *(" " * len(before) + line for line in rest)]


def _flowed(phrases: Sequence[str], room: int) -> list[str]:
    """Return phrases with semicolons between them, as many on a line as it has room for."""
    lines = [""]
    for number, phrase in enumerate(phrases):
        piece = phrase + (";" if number < len(phrases) - 1 else "")
        if number and text_width(lines[-1]) + 1 + text_width(piece) <= room:
            lines[-1] += f" {piece}"
            continue
        lines += _wrapped(piece, room)
    return lines[1:]


def _wrapped(text: str, room: int) -> list[str]:
    return wrap(text, max(room, 20))
