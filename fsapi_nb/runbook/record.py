"""The record of a run as values: each cell, each check, the journal's rows, who, where and when. Holds no secrets."""

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
    """How a run or one of its cells ended."""

    DONE = "done"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    SKIPPED = "skipped"
    NOT_REACHED = "not reached"


@dataclass(frozen=True, slots=True)
class CellRecord:
    """One cell after the run. `number` counts all cells from one; `elapsed` is in seconds.

    `state` is None if the cell is not code.
    """

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
    """A check that was made, as its cell's output describes it."""

    title: str
    passed: bool
    cell: CellRecord


@dataclass(frozen=True, slots=True)
class Failure:
    """The error that ended a run early, with its cell; None if it was between two cells."""

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
    """A whole run.

    `events` are its rows in the journal; `unread` says why they could not be read. `elapsed` is in seconds. `confirmed`
    is whether `--yes` was given, `rollback` whether only the rollback was run.
    """

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
        """Return how many cells ended in that state."""
        return sum(1 for cell in self.cells if cell.state is state)


def _checks(cell: CellRecord) -> list[CheckRecord]:
    found = []
    for output in cell.outputs:
        metadata = output.get("metadata", {}).get("fsapi")  # whatever the cell has put there
        check = metadata.get("check") if isinstance(metadata, Mapping) else None
        if isinstance(check, Mapping) and isinstance(check.get("passed"), bool):
            found.append(CheckRecord(str(check.get("title") or cell.title), check["passed"], cell))
    return found
