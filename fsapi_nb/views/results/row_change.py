"""How a change of a history row that runs nothing is shown: in a plan, and once it is done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fsapi_nb.model.history import RowChange, RowChangeKind
from fsapi_nb.text.fold import Fold
from fsapi_nb.text.safe import visible_line
from fsapi_nb.views.results.base import counted

_DONE = {
    RowChangeKind.RENAME: "Renamed {} in the history",
    RowChangeKind.RETIRE: "Retired {}",
    RowChangeKind.RESTORE: "Restored {} as applied",
}


def planned(changes: Sequence[RowChange]) -> list[str]:
    """Return what a plan's headline says of them."""
    return [f"{kind.value} {counted(count, 'migration')}" for kind, count in _counts(changes)]


def done(changes: Sequence[RowChange]) -> list[str]:
    """Return what a result's headline says of them, a part each."""
    return [_DONE[kind].format(counted(count, "migration")) for kind, count in _counts(changes)]


def lines(changes: Sequence[RowChange], fold: Fold) -> list[str]:
    """Return a line for each, as far as the fold shows them."""
    return fold.apply(
        changes,
        lambda each: [f"  {each.kind.value:<7} {visible_line(_text(each))}"],
        lambda gap: f"  … {counted(len(gap), 'row')} more",
    )


def rows(changes: Sequence[RowChange], fold: Fold) -> list[tuple[str, str]]:
    """Return kind and text of each, as far as the fold shows them."""
    return fold.apply(
        changes,
        lambda each: [(each.kind.value, _text(each))],
        lambda gap: ("…", f"{counted(len(gap), 'row')} more"),
    )


def as_json(changes: Sequence[RowChange]) -> list[dict[str, Any]]:
    """Return them as JSON holds them."""
    return [{"kind": each.kind.value, "name": each.entry.name, "other": each.other} for each in changes]


def _text(change: RowChange) -> str:
    other = f" to {change.other}" if change.kind is RowChangeKind.RENAME else ""
    return f"{change.entry.name}{other}"


def _counts(changes: Sequence[RowChange]) -> list[tuple[RowChangeKind, int]]:
    counts = [(kind, sum(1 for each in changes if each.kind is kind)) for kind in RowChangeKind]
    return [(kind, count) for kind, count in counts if count]
