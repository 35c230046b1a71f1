"""What a run of a runbook came to, for the terminal and as JSON; and what was made by `runbook:new`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fsapi_nb.errors import Interrupted
from fsapi_nb.runbook.progress import duration
from fsapi_nb.runbook.record import RunbookState, RunRecord
from fsapi_nb.text.safe import visible
from fsapi_nb.views.results import Result

_WORDS = {RunbookState.DONE: "succeeded", RunbookState.FAILED: "failed", RunbookState.INTERRUPTED: "was interrupted"}


@dataclass(frozen=True, slots=True, repr=False)
class RunbookResult(Result):
    """A run's record, and the two files that hold it."""

    record: RunRecord
    executed: Path
    report: Path

    @property
    def exit_code(self) -> int:
        """What the terminal ends with."""
        return {RunbookState.DONE: 0, RunbookState.INTERRUPTED: Interrupted.exit_code}.get(self.record.state, 1)

    def lines(self, *, times: bool = False) -> list[str]:
        """What came of it, where it ended if it did so early, and where the record is."""
        record = self.record
        took = f" after {duration(record.elapsed)}" if times else ""
        lines = [f"Runbook {record.id} {_WORDS[record.state]}{took}."]
        failure = record.failure
        if failure:
            cell = failure.cell
            lines += [f"in cell {cell.number} ({cell.id}): {visible(cell.title)}"] if cell else []
            lines += [f"  {visible(line)}" for line in failure.lines]
        for event in record.events:
            lines.append(f"  {visible(f'{event.event:<8} {event.state:<8} {event.migration or str()}')}")
        failed = [check for check in record.checks if not check.passed]
        if record.checks:
            lines.append(f"  checks: {len(record.checks) - len(failed)} of {len(record.checks)} hold")
        if record.unread:
            lines.append(f"  the journal could not be read: {visible(record.unread)}")
        return [*lines, f"  notebook: {visible(str(self.executed))}", f"  report:   {visible(str(self.report))}"]

    def table(self) -> tuple[list[str], list[Sequence[Any]]]:
        """The cells that are code."""
        columns = ["cell", "id", "state", "seconds", "source"]
        return columns, [
            (cell.number, cell.id, cell.state.value, round(cell.elapsed, 3), cell.source)
            for cell in self.record.cells
            if cell.state
        ]

    def to_json(self) -> dict[str, Any]:
        """The record without the outputs, which the executed notebook has."""
        record = self.record
        failure = record.failure
        return {
            "runbook": record.id,
            "state": record.state.value,
            "notebook": record.notebook,
            "rollback": record.rollback,
            "started": record.started.isoformat(),
            "elapsed_ms": round(record.elapsed * 1000),
            "database": {
                "name": record.database.identity.name,
                "database": record.database.identity.database,
                "protected": record.database.identity.protected,
                "server": record.database.server,
                "address": record.database.address,
                "role": record.database.role,
                "system_identifier": record.database.system,
            },
            "parameters": {each.name: each.shown for each in record.parameters},
            "cells": [
                {
                    "number": cell.number,
                    "id": cell.id,
                    "state": cell.state.value,
                    "elapsed_ms": round(cell.elapsed * 1000),
                }
                for cell in record.cells
                if cell.state
            ],
            "failure": {
                "cell": failure.cell.id if failure.cell else None,
                "number": failure.cell.number if failure.cell else None,
                "error": failure.name,
                "lines": list(failure.lines),
            }
            if failure
            else None,
            "checks": [
                {"title": check.title, "passed": check.passed, "cell": check.cell.id} for check in record.checks
            ],
            "journal": [
                {
                    "id": event.id,
                    "event": event.event,
                    "state": event.state,
                    "migration": event.migration,
                    "duration_ms": event.duration_ms,
                    "cell": event.cell,
                    "message": event.message,
                }
                for event in record.events
            ],
            "journal_unread": record.unread,
            "files": {"notebook": str(self.executed), "report": str(self.report)},
        }


@dataclass(frozen=True, slots=True, repr=False)
class NewRunbook(Result):
    """A notebook that was made."""

    path: Path

    def lines(self, *, times: bool = False) -> list[str]:
        """Where it is, and how it is run."""
        shown = visible(str(self.path))
        return [f"Created {shown}", f"Open it in JupyterLab; run it with: sapi runbook:run {shown}"]

    def table(self) -> tuple[list[str], list[Sequence[Any]]]:
        """The file."""
        return ["file"], [(str(self.path),)]

    def to_json(self) -> dict[str, Any]:
        """The file."""
        return {"file": str(self.path)}
