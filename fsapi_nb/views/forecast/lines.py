"""A step of a plan as lines of text: with its statements, or all of it in one line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from fsapi_nb.text.safe import visible_line
from fsapi_nb.text.width import text_width
from fsapi_nb.text.wrap import wrap
from fsapi_nb.views.forecast.columns import WIDTH, StatementEntry, entry_lines
from fsapi_nb.views.forecast.effects import effects_of, is_lost
from fsapi_nb.views.forecast.repetitions import Repetition
from fsapi_nb.views.forecast.sql import excerpt, whole_sql
from fsapi_nb.views.forecast.step import IRREVERSIBLE, SUBCOMMANDS, LeftOut, PartView, StepView

_INDENT = 5
_NAME = 50  # columns of a name, of many that stand below each other
# What is dangerous of a step, as one says it of a step, and of several.
_LOSES, _BLOCKS = ("loses data", "lose data"), ("blocks", "block tables")
_UNKNOWN, _IRREVERSIBLE = ("runs what is unknown", "run what is unknown"), ("irreversible", "irreversible")
_MORE = len("; … 999 more")
_FEW = 36  # columns that the words of a line have at least


def step_lines(view: StepView, *, named: bool) -> list[str]:
    """Return a step with its statements; `named` says whether the migration is named."""
    lines: list[str] = []
    for number, part in enumerate(view.parts):
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
    advice = [f"{'':>{_INDENT + 6}}{line}" for each in part.advice(shown) for line in wrap(each, WIDTH - _INDENT - 6)]
    if full:
        sql = whole_sql(first).split("\n") if first.sql else []
        below = [f"{'':>{_INDENT + 6}}{line}".rstrip() for line in sql]
        return StatementEntry(shown.lines, words, effects, below=[*advice, *below])
    hint = excerpt(first) if shown.times == 1 else ""
    return StatementEntry(shown.lines, some(words), effects, hint, below=advice)


def some(words: Sequence[str]) -> list[str]:
    """Return the subcommands of a statement, of many the first."""
    if len(words) <= SUBCOMMANDS + 1:
        return list(words)
    return [*words[:SUBCOMMANDS], f"… and {len(words) - SUBCOMMANDS} more"]


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
    return "; ".join(part.head(named=named).removesuffix(IRREVERSIBLE) for part in view.parts)


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
    irreversible = any(part.irreversible for part in view.parts)
    found = [(_LOSES, losing), (_BLOCKS, blocking), (_UNKNOWN, unknown), (_IRREVERSIBLE, irreversible)]
    return [words for words, is_so in found if is_so]


def _few_words(view: StepView, room: int) -> tuple[str, bool]:
    """Return what a step does in so many columns, the dangerous first, and whether that is all that it does."""
    shown = sorted((each for part in view.parts for each in part.shown), key=_harmlessness)
    runs = [each for each in shown if isinstance(each, Repetition)]
    phrases = [visible_line(word) for run in runs for word in run.words]
    left = sum(len(each.statements) for each in shown if isinstance(each, LeftOut))
    whole = "; ".join(phrases)
    if not left and text_width(whole) <= room:
        return whole or "no statement", all(part.whole for part in view.parts)
    kept = 0
    while kept < len(phrases) and text_width("; ".join(phrases[: kept + 1])) <= room - _MORE:
        kept += 1
    left += len(phrases) - kept
    if not kept:
        return _cut(phrases[0], room, left - 1), False
    return "; ".join([*phrases[:kept], f"… {left:,} more"]), False


def _harmlessness(shown: Repetition | LeftOut) -> int:
    """Return what sorts statements: first those that lose data, then those that block, and last what is left out."""
    if isinstance(shown, LeftOut):
        return 3
    if any(is_lost(loss) for each in shown.turn for loss in each.losses):
        return 0
    return 1 if any(each.blocks for each in shown.turn) else 2


def _cut(phrase: str, room: int, left: int) -> str:
    """Return the beginning of a phrase that is too long, and how many others there are."""
    more = f"; … {left:,} more" if left else ""
    return f"{phrase[: max(room - len(more) - 2, _FEW // 2)].rstrip()} …{more}"
