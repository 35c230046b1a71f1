"""A step of a plan as lines of text: with its statements, or all of it in one line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from fsapi_nb.text.safe import visible_line
from fsapi_nb.text.width import text_width
from fsapi_nb.views.forecast.columns import WIDTH, StatementEntry, entry_lines
from fsapi_nb.views.forecast.effects import effects_of, is_lost
from fsapi_nb.views.forecast.repetitions import Repetition
from fsapi_nb.views.forecast.sql import excerpt, whole_sql
from fsapi_nb.views.forecast.step import IRREVERSIBLE, LeftOut, PartView, StepView

_INDENT = 5
_SUBCOMMANDS = 6  # of one ALTER TABLE that are shown
_NAME = 50  # columns of a name, of many that stand below each other
# What is dangerous of a step, as one says it of a step, and of several.
_LOSES, _BLOCKS = ("loses data", "lose data"), ("blocks", "block tables")
_UNKNOWN, _IRREVERSIBLE = ("runs what is unknown", "run what is unknown"), ("irreversible", "irreversible")
_FEW = 24  # columns that the words of a line have at least


def step_lines(view: StepView, *, named: bool) -> list[str]:
    """Return a step with its statements; `named` says whether the migration is named."""
    lines: list[str] = []
    for number, part in enumerate(view.parts()):
        before = f"{view.number:>3}. " if number == 0 else " " * _INDENT
        lines += [f"{before}{part.head(named=named)}", *_statement_lines(part, full=view.full)]
    return [*lines, *(" " * _INDENT + each for each in view.remarks())]


def _statement_lines(part: PartView, *, full: bool) -> list[str]:
    entries = [_entry(each, part, full=full) for each in part.shown]
    entries += [
        StatementEntry(str(each.statement.line), [f"check: {visible_line(each.title)}"]) for each in part.part.checks
    ]
    return entry_lines(entries or [StatementEntry("", ["no statement: it is only recorded"])], _INDENT)


def _entry(shown: Repetition | LeftOut, part: PartView, *, full: bool) -> StatementEntry:
    if isinstance(shown, LeftOut):
        return StatementEntry("", [shown.words])
    first, words = shown.statements[0], [visible_line(word) for word in shown.words]
    effects = effects_of(shown.statements, part.back).phrases()
    if full:
        sql = whole_sql(first).split("\n") if first.sql else []
        below = [f"{'':>{_INDENT + 6}}{line}".rstrip() for line in sql]
        return StatementEntry(shown.lines, words, effects, below=below)
    return StatementEntry(shown.lines, some(words), effects, excerpt(first) if shown.times == 1 else "")


def some(words: Sequence[str]) -> list[str]:
    """Return the subcommands of a statement, of many the first."""
    if len(words) <= _SUBCOMMANDS + 1:
        return list(words)
    return [*words[:_SUBCOMMANDS], f"… and {len(words) - _SUBCOMMANDS} more"]


# -- a step in one line ------------------------------------------------------------------------------------------------


class ShortStep(NamedTuple):
    """A step in one line: what it does in few `words`, and whether that is all."""

    line: str
    words: str
    whole: bool


def short_steps(views: Sequence[StepView], *, named: bool) -> list[ShortStep]:
    """Return a line for each step: its name, what it does in few words, and what is dangerous of it."""
    places = len(str(max((view.number for view in views), default=0)))
    heads = [f"{view.number:>{max(places, 3)}}. {short_head(view, named=named)}" for view in views]
    width = min(max(map(text_width, heads), default=0), _NAME + 12)
    return [_short_step(view, head, width) for view, head in zip(views, heads, strict=True)]


def short_head(view: StepView, *, named: bool) -> str:
    """Return what a step runs of which migration."""
    return "; ".join(part.head(named=named).removesuffix(IRREVERSIBLE) for part in view.parts())


def _short_step(view: StepView, head: str, width: int) -> ShortStep:
    marks = marks_of(view)
    behind = f"  ({', '.join(marks)})" if marks else ""
    begin = f"{head}{' ' * max(width - text_width(head), 0)}   "
    room = max(WIDTH - text_width(begin) - text_width(behind), _FEW)
    words, whole = _few_words(view, room)
    return ShortStep(f"{begin}{words}{behind}", words, whole)


def marks_of(view: StepView) -> list[str]:
    """Return what is dangerous of a step, in a word or two for each."""
    return [one for one, _ in dangers_of(view)]


def dangers_of(view: StepView) -> list[tuple[str, str]]:
    """Return what is dangerous of a step: as one says it of a step, and of several."""
    statements = [each for part in view.expected.parts for each in part.statements]
    losing = any(is_lost(loss) for each in statements for loss in each.losses)
    blocking = any(each.blocks for each in statements)
    unknown = any(each.unknown for each in statements)
    irreversible = any(part.irreversible for part in view.expected.parts)
    found = [(_LOSES, losing), (_BLOCKS, blocking), (_UNKNOWN, unknown), (_IRREVERSIBLE, irreversible)]
    return [words for words, is_so in found if is_so]


def _few_words(view: StepView, room: int) -> tuple[str, bool]:
    """Return what a step does in so many columns, and whether that is all that it does."""
    said: list[str] = []
    left = 0
    for part in view.parts():
        for each in part.shown:
            phrases = [visible_line(word) for word in each.words] if isinstance(each, Repetition) else []
            left += 0 if phrases else len(each.statements)
            for phrase in phrases:
                fits = not left and text_width("; ".join([*said, phrase])) <= room
                said += [phrase] if fits else []
                left += not fits
    if not said and not left:
        return "no statement", True
    if not left:
        return "; ".join(said), all(part.whole for part in view.parts())
    return "; ".join([*said, f"… {left:,} more"] if said else [_cut(view, room)]), False


def _cut(view: StepView, room: int) -> str:
    """Return the beginning of the first phrase, which alone is too long."""
    first = next(each for part in view.parts() for each in part.shown)
    words = visible_line(first.words[0]) if isinstance(first, Repetition) else first.words
    return f"{words[: max(room - 2, 1)]} …"
