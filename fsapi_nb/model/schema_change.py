"""What changed in a schema, object by object, as a value that a result shows and the journal keeps."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any, NamedTuple

CREATED, DROPPED, CHANGED = "created", "dropped", "changed"
#: The event of changes that all migrations of a run have made together.
WHOLE_RUN = "run"


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

    `left_out` counts changes that are known, but were not kept. `migrations` is how many a run completed between the
    two readings. `note` says what else must be known of it, and `unknown` why nothing is known; both are empty
    otherwise.
    """

    changes: tuple[SchemaChange, ...] = ()
    left_out: int = 0
    migrations: int = 1
    note: str = ""
    unknown: str = ""

    def facts(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "changes": [
                {"action": each.action, "kind": each.kind, "name": each.name, "details": list(each.details)}
                for each in self.changes
            ],
            "left_out": self.left_out,
            "migrations": self.migrations,
            "note": self.note,
            "unknown": self.unknown,
        }


class KeptChanges(NamedTuple):
    """What one migration has changed in the schema, or all those of a run: then `migration` is None.

    `event` is `up`, `down` or `run`. `names` are the migrations that it is about, by their names now. `at` is when the
    first of them was completed.
    """

    migration: str | None
    event: str
    run_id: str
    at: datetime.datetime
    names: tuple[str, ...]
    changes: SchemaChanges
