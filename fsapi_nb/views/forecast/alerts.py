"""What a reader of a plan must see first: what is lost for good, then what is blocked for long, then what is slow.

Each list begins with the largest, and is folded: however long the plan is, this is a few lines.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from fsapi_nb.model.action import Blocks, LossKind
from fsapi_nb.model.forecast import DataLoss, Forecast, Span, StatementForecast, StepForecast, TableSize
from fsapi_nb.model.migration import Direction
from fsapi_nb.model.plan import Step
from fsapi_nb.text.fold import Fold
from fsapi_nb.text.safe import visible_line
from fsapi_nb.text.words import counted
from fsapi_nb.views.document import Alert
from fsapi_nb.views.forecast.effects import effects_of, is_described, is_lost, lost_words
from fsapi_nb.views.forecast.quantities import byte_words, during, is_instant, is_slow, list_of, size_words

_SHOWN = Fold(5)
_TABLES = 4  # that one line names


class Place(NamedTuple):
    """Where a statement stands: the file, and the line in it."""

    file: str
    line: int


class Placed(NamedTuple):
    """A statement of a plan, with its step, its place, and the name of the script that undoes it."""

    place: Place
    back: str
    statement: StatementForecast
    step: StepForecast


class _Blocked(NamedTuple):
    """A table that is blocked, for how long at most, and by which statement."""

    table: str
    blocks: Blocks
    span: Span | None
    place: Place
    conditional: bool


@dataclass(frozen=True, slots=True)
class _Names:
    """What the words of all alerts need: the sizes of tables, and whether a place must name its file."""

    sizes: dict[str, TableSize]
    many: bool

    def at(self, place: Place) -> str:
        """Return a place behind what it is about."""
        return self.at_all([place])

    def at_all(self, places: Sequence[Place]) -> str:
        """Return the first of the places, and how many others there are."""
        if not places:
            return ""
        more = f" and {counted(len(places) - 1, 'other place')}" if len(places) > 1 else ""
        file, line = places[0]
        return f" ({visible_line(file)}:{line}{more})" if self.many else f" (line {line}{more})"

    def table(self, name: str) -> str:
        """Return a table's name; that of a large one with its size."""
        size = self.sizes.get(name)
        shown = f" ({size_words(size)})" if size and byte_words(size.size) else ""
        return f"{visible_line(name)}{shown}"


def _dangerous(steps: Sequence[Step], forecast: Forecast) -> Iterator[Placed]:
    """Yield the statements of a plan that an alert may be about: of a long seed none."""
    for step, expected in zip(steps, forecast.steps, strict=True):
        for part, found in zip(step.parts, expected.parts, strict=True):
            back = "DOWN" if part.direction is Direction.UP else "UP"
            for each in found.statements:
                if each.losses or each.unknown or is_slow(each.span) or each.blocks:
                    yield Placed(Place(part.migration.name, each.line), back, each, expected)


def alerts_of(steps: Sequence[Step], forecast: Forecast, *, instants: bool) -> tuple[Alert, ...]:
    """Return what is dangerous of a plan.

    Args:
        steps: The plan's.
        forecast: What they will do.
        instants: Whether to name what is blocked for an instant only, as it must be if the steps do not show it.
    """
    statements = list(_dangerous(steps, forecast))
    files = {part.migration.name for step in steps for part in step.parts}
    names = _Names(dict(forecast.sizes), len(files) > 1)
    found = (
        Alert("Lost for good", *_folded(_lost(forecast.drops, statements, names)), grave=True),
        Alert("Blocks", *_folded(_blocked(statements, names, instants=instants))),
        Alert("Slow", *_folded(_slow(statements, names))),
        Alert("Unknown", *_folded(_unknown(statements, names))),
    )
    return tuple(alert for alert in found if alert.texts)


def _folded(texts: Sequence[str]) -> tuple[tuple[str, ...], bool]:
    """Return the first of the texts, and whether these are all."""
    shown = _SHOWN.apply(texts, lambda text: [text], lambda left: f"… and {len(left):,} more")
    return tuple(shown), len(shown) == len(texts)


# -- what is lost ------------------------------------------------------------------------------------------------------


def _lost(drops: Iterable[DataLoss], statements: Iterable[Placed], names: _Names) -> list[str]:
    found: list[tuple[DataLoss, Place | None]] = [(each, None) for each in drops]
    found += [(loss, each.place) for each in statements for loss in each.statement.losses]
    places: dict[str, list[Place]] = {}
    for loss, place in sorted(filter(lambda each: is_lost(each[0]), found), key=lambda each: _weight(each[0])):
        places.setdefault(lost_words(loss), []).extend([place] if place else [])
    return [f"{words}{names.at_all(at)}" for words, at in places.items()]


def _weight(found: DataLoss) -> tuple[bool, int]:
    """Return what sorts losses: schemas and databases first, then by rows; one of unknown size before small ones."""
    rows = found.rows.rows if found.rows else None
    return found.loss.kind is not LossKind.LARGER, -(1_000 if rows is None else rows)


# -- what is blocked ---------------------------------------------------------------------------------------------------


def _blocked(statements: Iterable[Placed], names: _Names, *, instants: bool) -> list[str]:
    """Return which tables are blocked for how long; those that have that in common are one line."""
    groups: dict[tuple[Blocks, str, bool], list[_Blocked]] = {}
    for each in sorted(_longest(statements), key=_urgency):
        if instants or not is_instant(each.span):
            lasting = f" {during(each.span)}" if each.span else ""
            groups.setdefault((each.blocks, lasting, each.conditional), []).append(each)
    return [_blocked_words(*key, found, names) for key, found in groups.items()]


def _longest(statements: Iterable[Placed]) -> Iterable[_Blocked]:
    """Return for each table the longest that it is blocked."""
    longest: dict[str, dict[Blocks, _Blocked]] = {}
    for each in statements:
        for lock in each.statement.blocks:
            conditional = lock.condition is not None
            if is_described(lock.table) and (conditional or lock.table.startswith("the ")):
                continue  # kin of a table that is named beside it
            blocked = _Blocked(lock.table, lock.blocks, _held(each, lock.table, lock.blocks), each.place, conditional)
            known = longest.setdefault(lock.table, {})
            if lock.blocks not in known or _urgency(blocked) < _urgency(known[lock.blocks]):
                known[lock.blocks] = blocked
    return [each for known in longest.values() for each in known.values() if not _is_covered(each, known)]


def _is_covered(found: _Blocked, known: dict[Blocks, _Blocked]) -> bool:
    """Return whether a table whose writes are blocked is blocked altogether for as long."""
    whole = known.get(Blocks.READS_AND_WRITES)
    if found.blocks is not Blocks.WRITES or whole is None:
        return False
    return _urgency(whole)[:2] <= _urgency(found)[:2]


def _held(found: Placed, table: str, blocks: Blocks) -> Span | None:
    """Return how long a table is blocked: until the transaction ends if later statements hold the lock."""
    for held in found.step.held:
        if held.table == table and held.blocks is blocks:
            return held.span
    return found.statement.span


def _urgency(found: _Blocked) -> tuple[float, bool, bool]:
    """Return what sorts them: the longest first (an unknown time before mere seconds), and what keeps readers out."""
    longest = 30.0 if found.span is None else found.span.high
    return -longest, found.conditional, found.blocks is not Blocks.READS_AND_WRITES


def _blocked_words(blocks: Blocks, lasting: str, conditional: bool, found: Sequence[_Blocked], names: _Names) -> str:
    tables = list_of([names.table(each.table) for each in found], _TABLES)
    place = names.at(found[0].place) if len(found) == 1 else ""
    return f"{'perhaps ' * conditional}{blocks.value} of {tables}{lasting}{place}"


# -- what else a reader must know --------------------------------------------------------------------------------------


def _slow(statements: Iterable[Placed], names: _Names) -> list[str]:
    """Return what takes long and blocks nothing: what blocks is said with how long it does."""
    slow = [each for each in statements if is_slow(each.statement.span) and not each.statement.blocks]
    slow.sort(key=lambda each: -each.statement.span.high if each.statement.span else 0.0)
    return [f"{_slow_words(each, names)}{names.at(each.place)}" for each in slow]


def _slow_words(found: Placed, names: _Names) -> str:
    effects = effects_of([found.statement], found.back)
    certain = [work.table for work in found.statement.work if work.condition is None]
    tables = certain or [work.table for work in found.statement.work]
    known = [names.sizes[table] for table in tables if table in names.sizes]
    largest = size_words(max(known, key=lambda size: size.size, default=None))
    words = visible_line(", ".join(found.statement.words))
    return f"{words}: {effects.takes}{f', {largest}' if largest else ''}"


def _unknown(statements: Iterable[Placed], names: _Names) -> list[str]:
    found: dict[str, list[Place]] = {}
    for each in statements:
        if each.statement.unknown:
            found.setdefault(visible_line(each.statement.unknown), []).append(each.place)
    return [f"{words}{names.at_all(places)}" for words, places in found.items()]
