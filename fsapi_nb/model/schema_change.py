"""What changed in a schema, object by object, as a value that a result shows and the journal keeps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

CREATED, DROPPED, CHANGED = "created", "dropped", "changed"
_ACTIONS = {CREATED, DROPPED, CHANGED}


class SchemaChange(NamedTuple):
    """What became of one object: its kind (`table`), its name as SQL writes it, and details as phrases."""

    action: str
    kind: str
    name: str
    details: tuple[str, ...] = ()

    def line(self) -> str:
        """Return it in one line: `created table orders (6 columns, 2 indexes)`, `orders: + column token text`."""
        if self.action == CHANGED:
            subject = self.name if self.kind == "table" else f"{self.kind} {self.name}"
            return f"{subject}: {', '.join(self.details)}"
        behind = f" ({', '.join(self.details)})" if self.details else ""
        return f"{self.action} {self.kind} {self.name}{behind}"


@dataclass(frozen=True, slots=True)
class SchemaChanges:
    """What changed between two readings of the catalog.

    `left_out` counts changes that are known, but not kept. `together_with` are the other migrations of the run if the
    catalog was only read before and after all of them. `unknown` says why nothing is known; empty if it is known.
    """

    changes: tuple[SchemaChange, ...] = ()
    left_out: int = 0
    together_with: int = 0
    unknown: str = ""

    def facts(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "changes": [
                {"action": each.action, "kind": each.kind, "name": each.name, "details": list(each.details)}
                for each in self.changes
            ],
            "left_out": self.left_out,
            "together_with": self.together_with,
            "unknown": self.unknown,
        }


def change_of(value: Any) -> SchemaChange | None:
    """Return a change that was kept as a list; None if the value has another form."""
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) < 3:
        return None
    action, *texts = value
    is_sound = all(isinstance(text, str) for text in texts) and isinstance(action, str) and action in _ACTIONS
    return SchemaChange(action, texts[0], texts[1], tuple(texts[2:])) if is_sound else None
