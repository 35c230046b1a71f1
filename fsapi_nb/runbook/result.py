"""The results of `runbook:run` and `runbook:new`, for the terminal and as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fsapi_nb.errors import Interrupted
from fsapi_nb.model.history import JournalEntry
from fsapi_nb.model.server import DatabaseFacts, Identity
from fsapi_nb.runbook.progress import duration
from fsapi_nb.runbook.record import Failure, RunbookState, RunRecord
from fsapi_nb.text.safe import visible
from fsapi_nb.views.document import STORED, Document, Item, Medium, Paragraphs, Records, ResultTable, paragraph
from fsapi_nb.views.results import Result

_WORDS = {RunbookState.DONE: "succeeded", RunbookState.FAILED: "failed", RunbookState.INTERRUPTED: "was interrupted"}


@dataclass(frozen=True, slots=True, repr=False)
class RunbookResult(Result):
    """The record of a run, and the two files that hold it."""

    record: RunRecord
    executed: Path
    report: Path
    identity: Identity | None = None

    @property
    def exit_code(self) -> int:
        """The exit code of the terminal command."""
        return {RunbookState.DONE: 0, RunbookState.INTERRUPTED: Interrupted.exit_code}.get(self.record.state, 1)

    def headline(self) -> str:
        """Return the run's id and how it ended."""
        return self._headline(times=False)

    def document(self, medium: Medium = STORED) -> Document:
        """Return the failure if there is one, the migrations and checks, and the files of the record."""
        summary = Paragraphs([Item(self._summary_lines())])
        cells = [
            Item(rows=[(cell.number, cell.id, cell.state.value, cell.source)])
            for cell in self.record.cells
            if cell.state and medium.folded
        ]
        table = ResultTable(["cell", "id", "state", "source"], cells)
        return Document(self._headline(times=medium.times), [summary, table])

    def _headline(self, *, times: bool) -> str:
        took = f" after {duration(self.record.elapsed)}" if times else ""
        return f"Runbook {self.record.id} {_WORDS[self.record.state]}{took}."

    def _summary_lines(self) -> list[str]:
        record, lines = self.record, []
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

    def records(self) -> Records:
        """Return the code cells."""
        rows = [
            (cell.number, cell.id, cell.state.value, round(cell.elapsed, 3), cell.source)
            for cell in self.record.cells
            if cell.state
        ]
        return Records(["cell", "id", "state", "seconds", "source"], rows)

    def facts(self) -> dict[str, Any]:
        """Return the record without the outputs: these are in the executed notebook."""
        record = self.record
        return {
            "runbook": record.id,
            "state": record.state.value,
            "notebook": record.notebook,
            "rollback": record.rollback,
            "started": record.started.isoformat(),
            "elapsed_ms": round(record.elapsed * 1000),
            "database": _database_facts(record.database),
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
            "failure": _failure_facts(record.failure) if record.failure else None,
            "checks": [
                {"title": check.title, "passed": check.passed, "cell": check.cell.id} for check in record.checks
            ],
            "journal": [_event_facts(event) for event in record.events],
            "journal_unread": record.unread,
            "files": {"notebook": str(self.executed), "report": str(self.report)},
        }


def _database_facts(database: DatabaseFacts) -> dict[str, Any]:
    return {
        "name": database.identity.name,
        "database": database.identity.database,
        "protected": database.identity.protected,
        "server": database.server,
        "address": database.address,
        "role": database.role,
        "system_identifier": database.system,
    }


def _failure_facts(failure: Failure) -> dict[str, Any]:
    return {
        "cell": failure.cell.id if failure.cell else None,
        "number": failure.cell.number if failure.cell else None,
        "error": failure.name,
        "lines": list(failure.lines),
    }


def _event_facts(event: JournalEntry) -> dict[str, Any]:
    return {
        "id": event.id,
        "event": event.event,
        "state": event.state,
        "migration": event.migration,
        "duration_ms": event.duration_ms,
        "cell": event.cell,
        "message": event.message,
    }


@dataclass(frozen=True, slots=True, repr=False)
class NewRunbook(Result):
    """A notebook that `runbook:new` made."""

    path: Path
    identity: Identity | None = None

    def headline(self) -> str:
        """Return the notebook's path."""
        return f"Created {visible(str(self.path))}"

    def document(self, medium: Medium = STORED) -> Document:
        """Return the notebook's path, and the command that runs it."""
        run = f"Open it in JupyterLab; run it with: sapi runbook:run {visible(str(self.path))}"
        return Document(self.headline(), [Paragraphs([paragraph(run, run)])])

    def records(self) -> Records:
        """Return the file."""
        return Records(["file"], [(str(self.path),)])

    def facts(self) -> dict[str, Any]:
        """Return the file."""
        return {"file": str(self.path)}
