"""The execution of a notebook, cell by cell, up to the first cell that fails. Keeps the executed notebook on disk.

The kernel has the database's connections; this process has none while cells run. After every cell the notebook is
written again, without its secrets, so that whatever ends the run leaves a record of the cells before.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from fsapi_nb.errors import UNCHANGED, ConfigurationError, Interrupted
from fsapi_nb.project.origin import SCHEMA, Origin, environment_of, origin
from fsapi_nb.runbook import notebook as notebooks
from fsapi_nb.runbook.kernel import CellOutcome, End, Kernel, started
from fsapi_nb.runbook.parameters import INJECTED, ParameterValue, secret_source
from fsapi_nb.runbook.progress import Progress
from fsapi_nb.runbook.record import RunbookState
from fsapi_nb.runbook.request import RunbookRequest, RunFiles
from fsapi_nb.runbook.sections import SectionedCell, runs
from fsapi_nb.text.masking import Mask

UNDONE = "what was not committed is rolled back; `sapi migrate:status` shows the outcome."
_TICK = 0.2  # seconds between two updates of the time that a cell takes
#: JupyterLab's variable with the name of the notebook that a kernel serves. If fsapi_nb itself runs in a kernel, that
#: is another notebook than this one.
_PAGE = "JPY_SESSION_NAME"
_STATES = {
    End.DONE: RunbookState.DONE,
    End.FAILED: RunbookState.FAILED,
    End.INTERRUPTED: RunbookState.INTERRUPTED,
    End.KERNEL_DIED: RunbookState.FAILED,
}


@dataclass(slots=True)
class Execution:
    """One execution of a notebook, and what became of its cells so far.

    `cell_states` has the state and the seconds of each cell, by its number from zero. `failure` has the number of the
    cell, or None if no cell was running. `elapsed` is in seconds.
    """

    request: RunbookRequest
    original: notebooks.Original
    cells: Sequence[SectionedCell]
    values: Sequence[ParameterValue]
    mask: Mask
    files: RunFiles
    cell_states: dict[int, tuple[RunbookState, float]] = field(default_factory=dict)
    state: RunbookState | None = None
    failure: tuple[int | None, CellOutcome] | None = None
    elapsed: float = 0.0

    async def execute(self, progress: Progress) -> None:
        """Run the cells in a new kernel, up to the first that fails. Signals of this process interrupt the kernel.

        Raises ConfigurationError if the kernel does not start or the notebook cannot be written.
        """
        request = self.request
        origin_of_cells = Origin(
            self.original.name, self.files.id, request.database or origin().database, request.confirmed
        )
        inherited = {name: value for name, value in os.environ.items() if name != _PAGE}
        environment = environment_of(origin_of_cells, inherited)
        if request.schema is not None:
            environment[SCHEMA] = request.schema
        began = time.monotonic()
        self.state = RunbookState.DONE
        try:
            folder = self.original.path.parent
            async with started(self.original.document, folder, environment, progress.stopping) as kernel:
                await self._run_cells(kernel, progress)
        except Interrupted:
            self._end(RunbookState.INTERRUPTED, None, CellOutcome(End.INTERRUPTED))
        finally:
            self.elapsed = time.monotonic() - began
            self.save()

    async def _run_cells(self, kernel: Kernel, progress: Progress) -> None:
        for number, cell in enumerate(self.cells):
            if not runs(cell, rollback=self.request.rollback):
                if cell.is_code:
                    self.cell_states[number] = (RunbookState.SKIPPED, 0.0)
                continue
            if kernel.interrupted:  # between two cells, or by a cell that caught the interrupt
                self._end(RunbookState.INTERRUPTED, None, CellOutcome(End.INTERRUPTED))
                return
            state, outcome = await self._run_cell(kernel, number, progress)
            if state is not RunbookState.DONE:
                self._end(state, number, outcome)
                return
            self.save()

    async def _run_cell(self, kernel: Kernel, number: int, progress: Progress) -> tuple[RunbookState, CellOutcome]:
        sectioned = self.cells[number]
        cell = notebooks.as_code(self.original.document, number)
        progress.started(number + 1, len(self.cells), sectioned.section, sectioned.title(), self.mask)
        began = time.monotonic()
        async with _ticking(progress, began):
            outcome = await kernel.run(cell, number)
            if cell.id == INJECTED and outcome.end is End.DONE:
                # The cell in the record has the other values only. The secrets override the notebook's own now.
                await kernel.run_silently(secret_source(self.values))
        state, elapsed = _STATES[outcome.end], time.monotonic() - began
        self.cell_states[number] = (state, elapsed)
        progress.ended(state, elapsed)
        return state, outcome

    def _end(self, state: RunbookState, number: int | None, outcome: CellOutcome) -> None:
        self.state = state
        self.failure = (number, outcome)

    def save(self) -> None:
        """Write the notebook as it is now, without the secrets. Raises ConfigurationError if that fails."""
        original = self.original.document
        document = {**original, "cells": [self.mask.cell(cell) for cell in original.cells]}
        document["metadata"] = self.mask.document(original.metadata)
        document["metadata"]["fsapi_nb"] = {
            "runbook": self.files.id,
            "notebook": self.original.name,
            "state": self.state.value if self.state else "starting",
            "cells": {
                self.cells[number].cell["id"]: {"state": state.value, "elapsed_ms": round(elapsed * 1000)}
                for number, (state, elapsed) in self.cell_states.items()
            },
        }
        with self.written(self.files.executed):
            notebooks.save(document, self.files.executed)

    @contextmanager
    def written(self, file: Path) -> Iterator[None]:
        """Turn the OSError of a file of the record that cannot be written into a ConfigurationError."""
        try:
            yield
        except OSError as error:
            state = UNDONE if self.cell_states else UNCHANGED
            raise ConfigurationError(f"{file} cannot be written: {error.strerror}", state=state) from None


@asynccontextmanager
async def _ticking(progress: Progress, began: float) -> AsyncIterator[None]:
    """Update the time that the progress shows, while the block runs."""

    async def tick() -> None:
        while True:
            await asyncio.sleep(_TICK)
            progress.tick(time.monotonic() - began)

    task = asyncio.ensure_future(tick())
    try:
        yield
    finally:
        task.cancel()
