"""What one run knows of itself: its session, where it is, what it has done. Shared by all that run its steps.

Who owns the connection: the run does, alone. `session` holds the lock; once its connection is lost, or new sessions
would begin with other settings, another session that holds the lock takes its place (`take_over`), and so that of the
recorder's. Another thread may look at `position` and `is_idle` (the watcher does) and at nothing else.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import zip_longest

import psycopg
from psycopg.pq import TransactionStatus

from fsapi_nb import stop
from fsapi_nb.errors import UNCHANGED
from fsapi_nb.events import MigrationFinished, NoticeReceived, Observers, StatementStarted, StepFinished, StepRetried
from fsapi_nb.history.record import Recorder, row_of
from fsapi_nb.model.migration import Statement
from fsapi_nb.model.outcome import StepWait
from fsapi_nb.model.plan import CompletedMigration, Mode, Step
from fsapi_nb.model.server import Blockage
from fsapi_nb.plan.kept_rows import KeptRow
from fsapi_nb.postgres.notices import notice_of
from fsapi_nb.postgres.session import Session
from fsapi_nb.run import failures
from fsapi_nb.run.position import RunPosition
from fsapi_nb.run.refusal import refusal_of
from fsapi_nb.run.row_tally import RowTally
from fsapi_nb.script.contents import read_copy_data
from fsapi_nb.script.redact import redact_line

#: A step in a transaction that fails with one of these has done nothing, and may succeed when tried again.
RETRYABLE = {"55P03": "lock timeout", "40P01": "deadlock", "40001": "serialization failure"}


@dataclass(slots=True)
class RunState:
    """The state of one run.

    `number` is that of the step that is run, `kept` says for each step which row of the history must be there behind
    it. `position` is None between two steps. `is_sealed` once COMMIT was sent: the transaction may be committed,
    whatever was heard of it. Times are of a monotonic clock, in seconds.
    """

    session: Session
    recorder: Recorder
    emit: Observers
    reopen: Callable[[], Session]
    max_wait: float
    steps: Sequence[Step] = ()
    kept: Sequence[KeptRow | None] = ()
    number: int = 0
    position: RunPosition | None = None
    is_idle: bool = True
    is_sealed: bool = False
    migration_began: float = 0.0
    step_began: float = 0.0
    done: list[CompletedMigration] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    tally: RowTally = field(default_factory=RowTally)
    waits: list[StepWait] = field(default_factory=list)

    def here(self) -> RunPosition:
        """Return where the run is. A step must have begun."""
        if self.position is None:
            raise RuntimeError("no step has begun")
        return self.position

    def beginning(self, number: int) -> RunPosition:
        """Return the position at which the step of that number begins."""
        return RunPosition(self.steps[number], self.steps[number].parts[0])

    def arrive(self, at: RunPosition) -> None:
        """Note that the server is at work on that."""
        self.position = at
        if at.statement:
            self.emit(StatementStarted(at.part.migration.name, at.statement))

    def hear(self, diagnosis: psycopg.errors.Diagnostic) -> None:
        """Keep a notice of the server, and pass it on."""
        severity, message = notice_of(diagnosis)
        self.notices.append(f"{severity}: {message}")
        self.emit(NoticeReceived(self.position.part.migration.name if self.position else "", severity, message))

    def take_over(self, session: Session) -> None:
        """Go on with another session that holds the lock: the one before has ended, or it could not be had."""
        session.connection().add_notice_handler(self.hear)
        self.session, self.recorder = session, replace(self.recorder, session=session)

    def send(self, statement: Statement) -> bytes:
        """Send one statement byte for byte, with its COPY data, wait until it is done, and return its command tag.

        Raises psycopg.Error; MigrationFileError if the data are not those that were planned.
        """
        text = statement.text.encode()
        if statement.copy is None:
            return (self.session.connection().execute(text).statusmessage or "").encode()
        cursor = self.session.connection().cursor()
        with cursor.copy(text) as copy:
            for piece in read_copy_data(statement.copy):
                copy.write(piece)
        return (cursor.statusmessage or "").encode()

    def expect(self, status: TransactionStatus) -> None:
        """Raise TransactionEnded unless a statement left the transaction as it was: open in a step, none outside."""
        if self.session.status() is not status and self.position:
            raise failures.ended(self.position, self.done)

    def finish(self, step: Step, number: int, took: Sequence[float | None] = ()) -> None:
        """Note that the step is committed, and tell so, and what is complete with it.

        `took` are the seconds that the history says of its parts, if that was heard. By this clock, answers that come
        together would all have taken no time.
        """
        self.position, self.is_idle = None, True
        for part, recorded in zip_longest(step.parts, took):
            if part.completes:
                elapsed = time.monotonic() - self.migration_began if recorded is None else recorded
                done = CompletedMigration(
                    part.migration.name,
                    part.direction,
                    elapsed,
                    part.of,
                    tuple(self.notices),
                    self.tally.changed(part.direction),
                    tuple(self.waits),
                )
                self.done.append(done)
                self.notices, self.waits = [], []
                self.emit(MigrationFinished(done.name, done.direction, done.elapsed))
        self.emit(StepFinished(step, number, time.monotonic() - self.step_began))

    def journal_outcome(self, state: str, message: str) -> None:
        """Write the journal's row of a failure, if it can be written: what failed is what the user must hear of."""
        at = self.here()
        if self.session.is_lost():
            return
        row = row_of(at.part, state, in_transaction=at.step.mode is Mode.TRANSACTION)
        with contextlib.suppress(psycopg.Error):
            self.session.commit(self.recorder.journal(row._replace(message=redact_line(message))))

    def pause(self, error: psycopg.Error, attempts: int, seconds: float) -> None:
        """Wait for so many seconds before the step is tried again."""
        self.journal_outcome("retried", refusal_of(error, self.here()).journalled)
        reason = RETRYABLE[error.sqlstate or ""]
        self.emit(StepRetried(self.here().step, self.number, attempts, seconds, reason))
        self.is_idle = True
        stop.pause(seconds)
        self.is_idle = False

    def succeeded(self, attempts: int, last_began: float, reason: str, blockage: Blockage) -> None:
        """Note what the step that is done has waited for, if it has.

        Args:
            attempts: How many were made.
            last_began: When the last one began.
            reason: Why the one before it ended.
            blockage: Who was seen to block the step.
        """
        if attempts > 1 or blockage.blockers:
            waited = last_began - self.step_began if attempts > 1 else 0.0
            number = self.steps[self.number].parts[-1].number + 1
            self.waits.append(StepWait(number, attempts, reason, waited, blockage))

    def standing(self) -> str:
        """Return what the run has done so far, as what the database holds."""
        return failures.before(self.done).strip() or UNCHANGED

    def between(self) -> str:
        """Return what the database holds if what failed belongs to no migration's step."""
        return f"this was between two migrations.{failures.before(self.done)}" if self.done else self.standing()
