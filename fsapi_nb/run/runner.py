"""Runs a plan: each step as it says, each migration with its history row, and tells what happens by events.

Decides nothing: what runs and how it commits is in the `Plan`. Prints nothing. Who owns the connection: `RunState`,
which all modules of this room share. What is in flight: a step that is a transaction travels in one go, and the steps
that follow travel behind it (`transaction`, `ahead`); a step outside of a transaction is sent alone (`alone`). What a
lost connection means is in `outcome`.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

import psycopg

from fsapi_nb import stop
from fsapi_nb.errors import DatabaseError, FsapiError, Interrupted, revise, with_state
from fsapi_nb.events import Observers, RunFailed, RunFinished, RunStarted, StepStarted
from fsapi_nb.history.record import Recorder, done_row
from fsapi_nb.model.history import HistoryEntry
from fsapi_nb.model.plan import CompletedMigration, Mode, Plan, Step
from fsapi_nb.model.schema_change import SchemaChanges
from fsapi_nb.plan.kept_rows import rows_kept
from fsapi_nb.postgres.connect import server_message
from fsapi_nb.postgres.session import Connection, Session
from fsapi_nb.run import failures, outcome, rows
from fsapi_nb.run.alone import AloneRunner
from fsapi_nb.run.catalog_readings import CatalogReadings
from fsapi_nb.run.position import RunPosition
from fsapi_nb.run.resume import prepare_session
from fsapi_nb.run.row_tally import RowTally
from fsapi_nb.run.state import RunState
from fsapi_nb.run.transaction import TransactionRunner
from fsapi_nb.run.watch import Watcher
from fsapi_nb.script.redact import written_secrets
from fsapi_nb.text.masking import hiding


@dataclass(slots=True)
class Runner:
    """One run of one plan on one session that holds the lock.

    `reopen` gives another session that holds it, once the connection is lost; `renew` one that takes the lock over from
    a session that is outdated; `look` a second connection, from which a long step is watched. A step that a lock, a
    deadlock or a serialization failure stops is tried again for `max_wait` seconds. `read_catalog` makes what reads the
    catalog between steps; None if nobody wants to know what changed. `schema_changes` are those of the whole run.
    """

    session: Session
    recorder: Recorder
    emit: Observers
    reopen: Callable[[], Session]
    renew: Callable[[Session], Session]
    look: Callable[[], AbstractContextManager[Connection]]
    max_wait: float = 60.0
    read_catalog: Callable[[RunState], CatalogReadings] | None = None
    schema_changes: SchemaChanges | None = None
    _run: RunState = field(init=False)
    _watcher: Watcher = field(init=False)
    _transactions: TransactionRunner = field(init=False)
    _alone: AloneRunner = field(init=False)
    _readings: CatalogReadings | None = None

    def run(self, plan: Plan, entries: Sequence[HistoryEntry] = ()) -> tuple[CompletedMigration, ...]:
        """Run every step in order, over a history of these entries; return what was completed.

        Raises StatementFailed, TransactionEnded or Interrupted, each of which says where things stand.
        """
        self._prepare(plan, entries)
        self.emit(RunStarted(plan, str(self.recorder.run_id)))
        self._watcher.start()
        try:
            with hiding(_written_secrets(plan)):
                self._run_all(plan)
        except (FsapiError, Interrupted) as error:
            failed = error
            if self._readings:
                self._readings.keep()
            if plan.verb == "redo":
                failed = revise(error, state=failures.half_redone(error.state, self._run.done))
            self.emit(RunFailed(failed))
            raise failed from error.__cause__
        finally:
            self._run.is_idle = True
            self._watcher.stop()
        self.emit(RunFinished(plan))
        return tuple(self._run.done)

    def _prepare(self, plan: Plan, entries: Sequence[HistoryEntry]) -> None:
        self._run = RunState(
            self.session, self.recorder, self.emit, self.reopen, self.max_wait, plan.steps, rows_kept(plan, entries)
        )
        self._watcher = Watcher(self._position, self.look, self.emit, self.session.settings["lock_timeout"])
        self._transactions = TransactionRunner(self._run, self._clean, self._watcher.blockage)
        self._alone = AloneRunner(self._run, self._watcher.blockage)
        self._readings = self.read_catalog(self._run) if self.read_catalog and plan.steps else None

    def _position(self) -> tuple[RunPosition, int] | None:
        """Return what the server is at work on, and in which session: asked by the watcher, from its thread."""
        run = self._run
        at = run.position
        return None if run.is_idle or at is None else (at, run.session.facts.pid)

    def _run_all(self, plan: Plan) -> None:
        run, ahead = self._run, self._transactions.ahead
        try:
            run.session.connection().add_notice_handler(run.hear)
            rows.announce(run, plan)
            if self._readings:
                ahead.one_by_one = self._readings.begin(plan)
            for number, step in enumerate(plan.steps):
                run.number = number
                stop.check()
                self._run_step(step)
                if self._readings:
                    self._readings.after(step)
            rows.close_redo(run, plan)
            rows.write_rows(run, plan)
            if self._readings:
                self.schema_changes = self._readings.end()
                self._readings.keep()
        except KeyboardInterrupt:
            raise outcome.interrupted(run, ahead) from None
        except psycopg.Error as error:
            raise self._failed_between(error) from None
        except BaseException:
            outcome.abandon(run, ahead)
            raise

    def _failed_between(self, error: psycopg.Error) -> FsapiError:
        """Return the error of what failed outside of every step."""
        run = self._run
        refused = None if run.session.is_lost() else run.recorder.refusal(error, recording=True)
        if refused:
            return with_state(refused, run.between())
        message = server_message(error)
        return DatabaseError(
            f"{message.message} [{message.sqlstate or 'connection lost'}]",
            details=tuple(message.lines()),
            state=run.between(),
        )

    def _run_step(self, step: Step) -> None:
        run = self._run
        run.step_began = started = time.monotonic()
        if step.parts[0].number == 0 or step.resumes:
            self._begin_migration(step, started)
        self.emit(StepStarted(step, run.number))
        run.position, run.is_idle = RunPosition(step, step.parts[0]), False
        took: Sequence[float | None] = ()
        if outcome.was_committed_unheard(run, self._transactions.ahead, step):
            pass
        elif step.mode is Mode.TRANSACTION:
            took = self._transactions.run_step(step)
        else:
            self._alone.run_step(step)
        run.finish(step, run.number, took)
        self._keep_session(step)

    def _begin_migration(self, step: Step, started: float) -> None:
        """Give the file a clean session; one that is under way has it already."""
        run = self._run
        if not self._transactions.ahead:
            if not run.session.is_tidy():
                self._clean()
            prepare_session(run, step)
        run.session.mark_dirty()
        run.migration_began = started
        run.notices, run.waits, run.tally = [], [], RowTally()

    def _clean(self) -> None:
        """Bring the session back to how one begins now: if a step changed the settings of new ones, by a new one."""
        run = self._run
        run.session.clean()
        if not run.session.is_outdated:
            return
        try:
            run.take_over(self.renew(run.session))
        except FsapiError as error:
            raise with_state(error, run.between()) from error.__cause__

    def _keep_session(self, step: Step) -> None:
        """Journal what a step in a transaction has left in the session, if others follow.

        What was written with it knew what lasts as long as the transaction. If this fails, that is what a later run
        goes by.
        """
        run, part = self._run, step.parts[-1]
        if step.mode is not Mode.TRANSACTION or part.completes or run.session.is_lost():
            return
        with contextlib.suppress(psycopg.Error):
            left = run.recorder.left_behind(done_row(part))
            run.session.commit([left], before=run.recorder.captured(part))


def _written_secrets(plan: Plan) -> Iterator[str]:
    """Yield the secrets that the scripts hold: what the server says of a failure may quote them."""
    for source in {part.migration.up.written.source for step in plan.steps for part in step.parts}:
        yield from written_secrets(source)
