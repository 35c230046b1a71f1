"""How a change of a history row that runs nothing is shown: in a plan, and once it is done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fsapi_nb.model.history import RowChange, RowChangeKind
from fsapi_nb.text.safe import visible_line
from fsapi_nb.text.words import counted

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


def change_line(change: RowChange) -> str:
    """Return the line of one change."""
    return f"  {change.kind.value:<7} {visible_line(change_text(change))}"


def change_text(change: RowChange) -> str:
    """Return the name that is changed, with its new name if it gets one."""
    other = f" to {change.other}" if change.kind is RowChangeKind.RENAME else ""
    return f"{change.entry.name}{other}"


def as_json(changes: Sequence[RowChange]) -> list[dict[str, Any]]:
    """Return them as JSON holds them."""
    return [{"kind": each.kind.value, "name": each.entry.name, "other": each.other} for each in changes]


def _counts(changes: Sequence[RowChange]) -> list[tuple[RowChangeKind, int]]:
    counts = [(kind, sum(1 for each in changes if each.kind is kind)) for kind in RowChangeKind]
    return [(kind, count) for kind, count in counts if count]
