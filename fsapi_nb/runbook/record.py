"""The values that are left of a run: each cell, each check, the journal's rows, who, where and when. Nothing secret."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from fsapi_nb.model.history import JournalEntry
from fsapi_nb.model.server import DatabaseFacts
from fsapi_nb.runbook.provenance import Provenance


class RunbookState(Enum):
    """How a run ended, or a cell in it."""

    DONE = "done"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    SKIPPED = "skipped"
    NOT_REACHED = "not reached"


@dataclass(frozen=True, slots=True)
class CellRecord:
    """What became of one cell. `number` counts all cells from one; `elapsed` is in seconds."""

    number: int
    id: str
    kind: str
    section: str
    source: str
    state: RunbookState | None = None
    elapsed: float = 0.0
    outputs: Sequence[Mapping[str, Any]] = ()

    @property
    def title(self) -> str:
        """Its first line."""
        return next((line.strip() for line in self.source.splitlines() if line.strip()), "")


@dataclass(frozen=True, slots=True)
class CheckRecord:
    """A check that was made, as its output tells it."""

    title: str
    passed: bool
    cell: CellRecord


@dataclass(frozen=True, slots=True)
class Failure:
    """What ended a run early, and in which cell."""

    cell: CellRecord | None
    name: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ParameterRecord:
    """A parameter as the record may show it."""

    name: str
    shown: str
    given: bool
    secret: bool


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A whole run. `events` are the journal's rows of it; `unread` says why they could not be read."""

    id: str
    title: str
    notebook: str
    digest: str
    state: RunbookState
    started: datetime.datetime
    elapsed: float
    database: DatabaseFacts
    provenance: Provenance
    confirmed: bool = False
    rollback: bool = False
    parameters: tuple[ParameterRecord, ...] = ()
    cells: tuple[CellRecord, ...] = ()
    failure: Failure | None = None
    events: tuple[JournalEntry, ...] = ()
    unread: str | None = None

    @property
    def checks(self) -> tuple[CheckRecord, ...]:
        """The checks that were made, in order."""
        return tuple(check for cell in self.cells for check in _checks(cell))

    def count(self, state: RunbookState) -> int:
        """How many cells ended so."""
        return sum(1 for cell in self.cells if cell.state is state)


def _checks(cell: CellRecord) -> list[CheckRecord]:
    found = []
    for output in cell.outputs:
        ours = output.get("metadata", {}).get("fsapi")
        check = ours.get("check") if isinstance(ours, Mapping) else None
        if isinstance(check, Mapping) and isinstance(check.get("passed"), bool):
            found.append(CheckRecord(str(check.get("title") or cell.title), check["passed"], cell))
    return found
