"""The record of an execution: what became of each cell, what failed, and the journal's rows. Hides all secrets."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from fsapi_nb.errors import FsapiError, Interrupted
from fsapi_nb.migrator import Migrator
from fsapi_nb.model.history import JournalEntry
from fsapi_nb.model.server import DatabaseFacts
from fsapi_nb.runbook.execution import UNDONE, Execution
from fsapi_nb.runbook.kernel import End
from fsapi_nb.runbook.provenance import find_provenance
from fsapi_nb.runbook.record import CellRecord, Failure, ParameterRecord, RunbookState, RunRecord
from fsapi_nb.runbook.sections import runs, title_of
from fsapi_nb.text.masking import Mask

_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


def summarise(execution: Execution, facts: DatabaseFacts, migrator: Migrator) -> RunRecord:
    """Return the record of an execution that has ended. Reads the journal, and asks git about the project.

    Args:
        execution: What was run.
        facts: The database that it ran on.
        migrator: The `Migrator` of that database, which reads the journal.
    """
    original, mask = execution.original, execution.mask
    cells = tuple(_cell_record(execution, number) for number in range(len(execution.cells)))
    events, unread = _journal(migrator, execution.files.id, mask)
    return RunRecord(
        id=execution.files.id,
        title=mask.text(title_of(execution.cells, original.path.stem)),
        notebook=original.name,
        digest=original.digest,
        state=execution.state or RunbookState.FAILED,
        started=execution.files.began,
        elapsed=execution.elapsed,
        database=facts,
        provenance=find_provenance(original.path.parent),
        confirmed=execution.request.confirmed,
        rollback=execution.request.rollback,
        parameters=tuple(
            ParameterRecord(each.name, mask.text(each.shown()), each.given, each.secret) for each in execution.values
        ),
        cells=cells,
        failure=_failure(execution, cells),
        events=events,
        unread=unread,
    )


def _cell_record(execution: Execution, number: int) -> CellRecord:
    sectioned = execution.cells[number]
    cell = execution.mask.cell(execution.original.document.cells[number])
    state, elapsed = execution.cell_states.get(number, (None, 0.0))
    if state is None and runs(sectioned, rollback=execution.request.rollback):
        state = RunbookState.NOT_REACHED
    section = execution.mask.text(sectioned.section)
    outputs = tuple(cell.get("outputs", ()))
    return CellRecord(number + 1, cell["id"], cell["cell_type"], section, cell["source"], state, elapsed, outputs)


def _journal(migrator: Migrator, run_id: str, mask: Mask) -> tuple[tuple[JournalEntry, ...], str | None]:
    """Return the journal's rows of that run; if they cannot be read, none and the reason.

    The database may be gone by now. What the run did must be recorded all the same.
    """
    try:
        events = migrator.history(runbook=run_id).events
    except FsapiError as error:
        return (), mask.text(error.message)
    return tuple(
        replace(each, message=mask.text(each.message) if each.message else each.message) for each in events
    ), None


def _failure(execution: Execution, cells: Sequence[CellRecord]) -> Failure | None:
    if execution.failure is None:
        return None
    number, outcome = execution.failure
    cell = None if number is None else cells[number]
    name, text = outcome.name, execution.mask.text(_COLOUR.sub("", outcome.text))
    if outcome.end is End.KERNEL_DIED:
        return Failure(cell, "KernelDied", ("the kernel died while this cell was running.", f"Database: {UNDONE}"))
    if outcome.end is End.INTERRUPTED and not name:
        return Failure(cell, Interrupted.__name__, ("the run was interrupted by its user.", f"Database: {UNDONE}"))
    if not text and cell is not None:  # IPython only prints the text of its UsageError
        text = _last_error_line(cell)
    return Failure(cell, name, tuple(f"{name}: {text}".rstrip(": ").splitlines()))


def _last_error_line(cell: CellRecord) -> str:
    """Return the last line that a cell printed on standard error; an empty text if there is none."""
    texts = [output.get("text", "") for output in cell.outputs if output.get("name") == "stderr"]
    lines = [line for text in texts for line in str(text).splitlines() if line.strip()]
    return lines[-1] if lines else ""
