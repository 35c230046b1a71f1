"""One run of a runbook, from the notebook as it was found to the two files that are its record.

Everything that can be refused is refused before the kernel starts. Decides the order, and what becomes of a cell that
fails; kernels, sections, masks and reports are others' work.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import os
import re
import secrets
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from fsapi_nb.errors import UNCHANGED, ConfigurationError, ConfirmationRequired, FsapiError, Interrupted, UsageError
from fsapi_nb.migrator import Migrator
from fsapi_nb.model.history import JournalEntry
from fsapi_nb.model.server import DatabaseFacts
from fsapi_nb.project.origin import SCHEMA, Origin, environment_of, origin
from fsapi_nb.runbook import notebook as notebooks
from fsapi_nb.runbook.kernel import CellOutcome, End, Kernel, started
from fsapi_nb.runbook.parameters import (
    INJECTED,
    ParameterValue,
    Value,
    bind,
    find_parameters,
    injected_source,
    secret_source,
)
from fsapi_nb.runbook.progress import Progress
from fsapi_nb.runbook.provenance import find_provenance
from fsapi_nb.runbook.record import CellRecord, Failure, ParameterRecord, RunbookState, RunRecord
from fsapi_nb.runbook.report import report
from fsapi_nb.runbook.result import RunbookResult
from fsapi_nb.runbook.sections import ROLLBACK, SectionedCell, place, runs, title_of
from fsapi_nb.text.masking import Mask
from fsapi_nb.text.secrets import find_passwords
from fsapi_nb.verbs.trust import RECORDS, require_inside

_EVERY = 0.2  # seconds between two drawings of the time that a cell takes
_STATES = {
    End.DONE: RunbookState.DONE,
    End.FAILED: RunbookState.FAILED,
    End.INTERRUPTED: RunbookState.INTERRUPTED,
    End.KERNEL_DIED: RunbookState.FAILED,
}
_UNDONE = "what was not committed is rolled back; `sapi migrate:status` shows the outcome."
_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


@dataclass(frozen=True, slots=True, repr=False)
class RunbookRequest:
    """What is to be run, on what, with which values, and where the record goes.

    `secrets` are names of parameters; `output` is a folder, `runs` beside the notebook where it is None.
    `schema` is the one that everything in it works in.
    """

    notebook: Path
    database: str | None = None
    given: Mapping[str, Value] = field(default_factory=dict)
    secrets: Sequence[str] = ()
    output: Path | None = None
    rollback: bool = False
    confirmed: bool = False
    schema: str | None = None


def run_runbook(order: RunbookRequest, progress: Progress) -> RunbookResult:
    """Execute the notebook and write its record; what failed in it is in the result.

    Raises UsageError, ConfigurationError, ConfirmationRequired, or the database's own, before anything was run.
    """
    path = order.notebook.absolute()
    require_inside(path.parent, [path] if order.output else [path, path.parent / RECORDS], named=path)
    original = notebooks.read(path)
    bound = _bind(original.document, order)
    document = original.document
    if any(each.given for each in bound):
        notebooks.inject(document, injected_source(bound))
    placed = place(document.cells)
    if order.rollback and not any(ROLLBACK in each.tags and each.is_code for each in placed):
        raise UsageError(f"{original.name} has no cell tagged {ROLLBACK}", state=UNCHANGED)
    migrator = _migrator(order, original.path.parent)
    facts = migrator.facts()
    _refuse_unconfirmed(facts, confirmed=order.confirmed)
    run = _RunbookRun(
        order, original, placed, bound, _mask(bound, order, migrator.known_secrets()), _files(order, original)
    )
    progress.begin(f"runbook {run.files.id}: {original.name} on {_told(facts)}")
    run.save()
    asyncio.run(run.execute(progress))
    record = run.record(facts, migrator)
    notebooks.write(run.files.report, report(record))
    return RunbookResult(record, run.files.executed, run.files.report)


def _bind(document: Any, order: RunbookRequest) -> tuple[ParameterValue, ...]:
    cell = notebooks.parameters_cell(document)
    parameters = find_parameters(cell.source) if cell is not None else ()
    return bind(parameters, order.given, secrets=order.secrets, environment=os.environ)


def _migrator(order: RunbookRequest, folder: Path) -> Migrator:
    """What the notebook's magics will work with: the project is that of the notebook's folder."""
    with contextlib.chdir(folder):
        return Migrator(order.database, application="fsapi_nb:sapi", schema=order.schema)


def _refuse_unconfirmed(facts: DatabaseFacts, *, confirmed: bool) -> None:
    identity = facts.identity
    if identity.protected and not confirmed:
        raise ConfirmationRequired(
            f"the database {identity.name or identity.database} is protected: no cell was run",
            state=UNCHANGED,
            hint="say --yes to run the notebook on it; its cells need not say it again, and the report does.",
        )


def _told(facts: DatabaseFacts) -> str:
    name = facts.identity.name
    database = facts.identity.database
    return f"{name} ({database})" if name and name != database else database


def _mask(bound: Sequence[ParameterValue], order: RunbookRequest, known: Iterable[str]) -> Mask:
    """What must be in no file: the secret parameters, their defaults, and the passwords that lead to databases.

    `known` are those that the project and the environment hold.
    """
    values = [str(each.value) for each in bound if each.secret and each.value is not None]
    values += [str(each.parameter.literal) for each in bound if each.secret and each.parameter.literal is not None]
    values += [
        *find_passwords(order.database or ""),
        *(password for value in values for password in find_passwords(value)),
    ]
    return Mask([*values, *known])


@dataclass(frozen=True, slots=True)
class _Files:
    """The run's identity, and its files, which are named by it."""

    id: str
    began: datetime.datetime
    executed: Path
    report: Path


def _files(order: RunbookRequest, original: notebooks.Original) -> _Files:
    """Where the record goes; the folder is there then. Raises ConfigurationError where it cannot be written."""
    began = datetime.datetime.now(datetime.UTC)
    run_id = f"{began:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
    folder = order.output or original.path.parent / RECORDS
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"the folder {folder} cannot be made: {error.strerror}", state=UNCHANGED) from None
    stem = f"{original.path.stem}.{run_id}"
    return _Files(run_id, began, folder / f"{stem}.ipynb", folder / f"{stem}.html")


@dataclass(slots=True)
class _RunbookRun:
    """The run while it goes on: what became of each cell so far."""

    order: RunbookRequest
    original: notebooks.Original
    placed: Sequence[SectionedCell]
    bound: Sequence[ParameterValue]
    mask: Mask
    files: _Files
    _states: dict[int, tuple[RunbookState, float]] = field(default_factory=dict)
    _state: RunbookState | None = None
    _failure: tuple[int | None, CellOutcome] | None = None
    _elapsed: float = 0.0

    async def execute(self, progress: Progress) -> None:
        """Run the cells in a fresh kernel, up to the first that fails."""
        told = Origin(self.original.name, self.files.id, self.order.database or origin().database, self.order.confirmed)
        environment = environment_of(told, {name: value for name, value in os.environ.items() if name != _PAGE})
        if self.order.schema is not None:
            environment[SCHEMA] = self.order.schema
        began = time.monotonic()
        self._state = RunbookState.DONE
        try:
            folder = self.original.path.parent
            async with started(self.original.document, folder, environment, progress.stopping) as kernel:
                await self._run_cells(kernel, progress)
        except Interrupted:
            self._end(RunbookState.INTERRUPTED, None, CellOutcome(End.INTERRUPTED))
        finally:
            self._elapsed = time.monotonic() - began
            self.save()

    async def _run_cells(self, kernel: Kernel, progress: Progress) -> None:
        for number, placed in enumerate(self.placed):
            if not runs(placed, rollback=self.order.rollback):
                if placed.is_code:
                    self._states[number] = (RunbookState.SKIPPED, 0.0)
                continue
            if kernel.interrupted:
                self._end(RunbookState.INTERRUPTED, None, CellOutcome(End.INTERRUPTED))
                return
            state, ended = await self._run_cell(kernel, number, progress)
            if state is not RunbookState.DONE:
                self._end(state, number, ended)
                return
            self.save()

    async def _run_cell(self, kernel: Kernel, number: int, progress: Progress) -> tuple[RunbookState, CellOutcome]:
        placed = self.placed[number]
        cell = notebooks.as_code(self.original.document, number)
        progress.started(number + 1, len(self.placed), placed.section, placed.title(), self.mask)
        began = time.monotonic()
        async with _ticking(progress, began):
            ended = await kernel.run(cell, number)
            if cell.id == INJECTED and ended.end is End.DONE:
                await kernel.tell(secret_source(self.bound))
        state, elapsed = _STATES[ended.end], time.monotonic() - began
        self._states[number] = (state, elapsed)
        progress.ended(state, elapsed)
        return state, ended

    def _end(self, state: RunbookState, number: int | None, ended: CellOutcome) -> None:
        self._state = state
        self._failure = (number, ended)

    def save(self) -> None:
        """Write the notebook as far as it has come, without the secrets."""
        original = self.original.document
        document = {**original, "cells": [self.mask.cell(cell) for cell in original.cells]}
        document["metadata"] = self.mask.document(original.metadata)
        document["metadata"]["fsapi_nb"] = {
            "runbook": self.files.id,
            "notebook": self.original.name,
            "state": self._state.value if self._state else "starting",
            "cells": {
                self.placed[number].cell["id"]: {"state": state.value, "elapsed_ms": round(elapsed * 1000)}
                for number, (state, elapsed) in self._states.items()
            },
        }
        try:
            notebooks.save(document, self.files.executed)
        except OSError as error:
            raise ConfigurationError(
                f"{self.files.executed} cannot be written: {error.strerror}",
                state=UNCHANGED if not self._states else _UNDONE,
            ) from None

    # -- what is left of it --------------------------------------------------------------------------------------

    def record(self, facts: DatabaseFacts, migrator: Migrator) -> RunRecord:
        """The record of the whole run, without the secrets."""
        cells = tuple(self._cell(number) for number in range(len(self.placed)))
        events, unread = self._events(migrator)
        return RunRecord(
            id=self.files.id,
            title=self.mask.text(title_of(self.placed, self.original.path.stem)),
            notebook=self.original.name,
            digest=self.original.digest,
            state=self._state or RunbookState.FAILED,
            started=self.files.began,
            elapsed=self._elapsed,
            database=facts,
            provenance=find_provenance(self.original.path.parent),
            confirmed=self.order.confirmed,
            rollback=self.order.rollback,
            parameters=tuple(
                ParameterRecord(each.name, self.mask.text(each.shown()), each.given, each.secret) for each in self.bound
            ),
            cells=cells,
            failure=self._told_failure(cells),
            events=events,
            unread=unread,
        )

    def _cell(self, number: int) -> CellRecord:
        placed = self.placed[number]
        cell = self.mask.cell(self.original.document.cells[number])
        state, elapsed = self._states.get(number, (None, 0.0))
        if state is None and runs(placed, rollback=self.order.rollback):
            state = RunbookState.NOT_REACHED
        section = self.mask.text(placed.section)
        outputs = tuple(cell.get("outputs", ()))
        return CellRecord(number + 1, cell["id"], cell["cell_type"], section, cell["source"], state, elapsed, outputs)

    def _events(self, migrator: Migrator) -> tuple[tuple[JournalEntry, ...], str | None]:
        """The journal's rows of this run, or why there are none to be had."""
        try:
            events = migrator.history(runbook=self.files.id).events
        except FsapiError as error:
            return (), self.mask.text(error.message)
        return tuple(replace(event, message=self._masked(event.message)) for event in events), None

    def _masked(self, text: str | None) -> str | None:
        return None if text is None else self.mask.text(text)

    def _told_failure(self, cells: Sequence[CellRecord]) -> Failure | None:
        if self._failure is None:
            return None
        number, ended = self._failure
        cell = None if number is None else cells[number]
        name, text = ended.name, self.mask.text(_COLOUR.sub("", ended.text))
        if ended.end is End.KERNEL_DIED:
            return Failure(cell, "KernelDied", ("the kernel died while this cell was running.", f"Database: {_UNDONE}"))
        if ended.end is End.INTERRUPTED and not name:
            return Failure(cell, Interrupted.__name__, ("stopped by whoever ran it.", f"Database: {_UNDONE}"))
        if not text and cell is not None:  # IPython's UsageError is only printed
            text = _printed(cell)
        return Failure(cell, name, tuple(f"{name}: {text}".rstrip(": ").splitlines()))


#: JupyterLab's name for the notebook that a kernel serves; ours serves this one.
_PAGE = "JPY_SESSION_NAME"


def _printed(cell: CellRecord) -> str:
    """The last that a cell printed on standard error."""
    texts = [output.get("text", "") for output in cell.outputs if output.get("name") == "stderr"]
    lines = [line for text in texts for line in str(text).splitlines() if line.strip()]
    return lines[-1] if lines else ""


@asynccontextmanager
async def _ticking(progress: Progress, began: float) -> AsyncIterator[None]:
    """Let whoever looks see that time goes by."""

    async def tick() -> None:
        while True:
            await asyncio.sleep(_EVERY)
            progress.tick(time.monotonic() - began)

    task = asyncio.ensure_future(tick())
    try:
        yield
    finally:
        task.cancel()
