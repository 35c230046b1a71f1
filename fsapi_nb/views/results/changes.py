"""What migrations have changed in the schema, as their runs have kept it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fsapi_nb.model.schema_change import KeptChanges, SchemaChanges
from fsapi_nb.model.server import Identity
from fsapi_nb.text.fold import Fold
from fsapi_nb.text.safe import visible_line
from fsapi_nb.text.words import counted
from fsapi_nb.views.document import STORED, Document, Item, Medium, Records, ResultTable, gap, notes_of
from fsapi_nb.views.results.base import Result
from fsapi_nb.views.results.schema_changes import COLUMN, changes_item, fold_of

_MANY = Fold(10, 10)
_INDENT = " " * 6
_SIGNS = {"up": "↑", "down": "↓"}
_NOTHING = "nothing in the schema"


@dataclass(frozen=True, slots=True, repr=False)
class ChangesResult(Result):
    """What was changed in the schema: by the migration `name`, `since` a migration or a moment, or by the last run.

    `kept` has it in order. Of some it may not be known, which is said of them.
    """

    kept: tuple[KeptChanges, ...]
    name: str | None = None
    since: str | None = None
    identity: Identity | None = None
    notes: tuple[str, ...] = ()

    def headline(self) -> str:
        """Return whose changes they are, and how many."""
        whose = "the last run"
        if self.name is not None:
            whose = visible_line(self.name)
            together = [len(each.names) for each in self.kept if each.migration is None and len(each.names) > 1]
            whose = f"{counted(together[-1], 'migration')} in one run, {whose} among them" if together else whose
        elif self.since is not None:
            whose = f"what ran since {visible_line(self.since)}"
        if not self.kept:
            why = ": it was recorded as applied without being run here" if self.name else ": there was none"
            return f"Nothing is known of {whose}{self._on()}{why}."
        count = sum(len(each.changes.changes) + each.changes.left_out for each in self.kept)
        unknown = sum(1 for each in self.kept if each.changes.unknown)
        if unknown == len(self.kept):
            return f"What {whose} changed in the schema{self._on()} is not known."
        beside = f"; of {counted(unknown, 'migration')} it is not known" if unknown else ""
        return f"{counted(count, 'change')} of the schema by {whose}{self._on()}{beside}"

    def document(self, medium: Medium = STORED) -> Document:
        """Return each migration with what it changed; with times, when. Of many the first and the last are stored."""
        items = medium.items(
            _MANY,
            self.kept,
            lambda each: self._item(each, medium),
            lambda left: gap(f"  … {len(left)} more", f"… {len(left)} more", "", "", ""),
        )
        table = ResultTable(["migration", "direction", COLUMN, "at"], items, sparse=True)
        return Document(self.headline(), [table], notes_of(self.notes, medium))

    def _item(self, kept: KeptChanges, medium: Medium) -> Item:
        when = f"{kept.at:%Y-%m-%d %H:%M:%S}" if medium.times else ""
        what = _what(kept.names) if kept.migration is None else kept.names[0]
        changed = changes_item(kept.changes, fold_of(len(self.kept)), medium, indent=_INDENT)
        text = str(changed.rows[0][0]) or _NOTHING
        head = f"  {_SIGNS.get(kept.event, '↕')} {visible_line(what)}{f'  {when}' if when else ''}"
        return Item(
            [head, *(changed.lines or [f"{_INDENT}{_NOTHING}"])], [(what, kept.event, text, when)], changed.whole
        )

    def records(self) -> Records:
        """Return a row for each object that was changed."""
        rows = [
            (kept.migration, kept.event, kept.at, change.action, change.kind, change.name, ", ".join(change.details))
            for kept in self.kept
            for change in kept.changes.changes
        ]
        return Records(["migration", "direction", "at", "action", "kind", "name", "details"], rows)

    def facts(self) -> dict[str, Any]:
        """Return all that is kept."""
        return {
            **self.subject(),
            "name": self.name,
            "since": self.since,
            "schema_changes": [
                {
                    "migrations": list(kept.names),
                    "direction": kept.event,
                    "at": kept.at,
                    "run_id": kept.run_id,
                    **_facts(kept.changes),
                }
                for kept in self.kept
            ],
            "notes": self.notes,
        }


def _facts(changes: SchemaChanges) -> dict[str, Any]:
    return {name: value for name, value in changes.facts().items() if name != "migrations"}


def _what(names: Sequence[str]) -> str:
    """Return the migrations of a run whose catalog was only read before and after it."""
    if len(names) == 1:
        return names[0]
    return f"{counted(len(names), 'migration')} in one run, {names[0]} to {names[-1]}: what they changed together"
