"""Runs a plan: each step as it says, each migration with its history row, and tells what happens by events.

Decides nothing: what runs and how it commits is in the `Plan`. Prints nothing. A step in a transaction travels in one
go, its history row and COMMIT behind its statements, and the steps that follow travel behind it, so that the server
need not wait for us: what stands behind a statement that fails never runs. Only inline data, checks and a text that the
parser does not know are waited for. What became of a COMMIT that was sent and not answered is asked, not guessed.
"""

from __future__ import annotations

import contextlib
import json
import random
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from itertools import zip_longest

import psycopg
from psycopg import sql
from psycopg.pq import TransactionStatus

from fsapi_nb import stop
from fsapi_nb.errors import (
    AssertionViolated,
    DatabaseError,
    FsapiError,
    Interrupted,
    MigrationFileError,
    PartlyApplied,
    TransactionEnded,
)
from fsapi_nb.events import (
    MigrationFinished,
    NoticeReceived,
    Observers,
    RunFailed,
    RunFinished,
    RunStarted,
    StatementStarted,
    StepFinished,
    StepRetried,
    StepStarted,
)
from fsapi_nb.history.changed_rows import may_not_change
from fsapi_nb.history.kept_session import own_names, read_state
from fsapi_nb.history.record import JournalRow, Recorder
from fsapi_nb.history.recording import done_row, options, row_of, travels, wanted
from fsapi_nb.history.retired_row import not_restored, read_retired_rows
from fsapi_nb.model.history import COMMITTED_ITSELF, HistoryEntry, RowChangeKind
from fsapi_nb.model.migration import Check, Direction, Statement
from fsapi_nb.model.plan import CompletedMigration, Mode, Plan, Step, StepPart
from fsapi_nb.plan.kept_rows import KeptRow, rows_kept
from fsapi_nb.plan.other_session import refuse_other_session
from fsapi_nb.postgres.ask import ask, role_of
from fsapi_nb.postgres.connect import server_message
from fsapi_nb.postgres.notices import notice_of
from fsapi_nb.postgres.pipeline import Message
from fsapi_nb.postgres.session import AS_CONNECTED_ROLE, Connection, Session, in_own_transaction
from fsapi_nb.run import failures
from fsapi_nb.run.batch import Batch, PassedOver
from fsapi_nb.run.failures import RunPosition
from fsapi_nb.run.patience import blocks_nobody, patient
from fsapi_nb.run.recover import clear_up, find_relation, witness
from fsapi_nb.run.watch import Watcher
from fsapi_nb.script.contents import read_copy_data
from fsapi_nb.script.plain_definitions import is_quiet
from fsapi_nb.script.redact import redact_line, written_secrets
from fsapi_nb.script.session_state import named_settings
from fsapi_nb.text.masking import hiding

#: A step in a transaction that fails with one of these has done nothing, and may succeed when tried again.
_RETRYABLE = {"55P03": "lock timeout", "40P01": "deadlock", "40001": "serialization failure"}
_AHEAD = 4  # steps that are sent behind the one that is waited for: enough that the server need not wait
_INVALID = sql.SQL("""
    SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) FROM pg_catalog.pg_index i
    JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE i.indrelid = {} AND c.relname = {} AND NOT i.indisvalid
""")


@dataclass(slots=True)
class Runner:
    """One run of one plan on one session that holds the lock.

    `reopen` gives another session that holds it, once the connection is lost; `renew` one that takes the lock over from
    a session that is outdated; `look` a second connection, from which a long step is watched. A step that a lock, a deadlock or a serialization failure stops is tried again for
    `max_wait` seconds.
    """

    session: Session
    recorder: Recorder
    emit: Observers
    reopen: Callable[[], Session]
    renew: Callable[[Session], Session]
    look: Callable[[], AbstractContextManager[Connection]]
    max_wait: float = 60.0
    _done: list[CompletedMigration] = field(default_factory=list)
    _notices: list[str] = field(default_factory=list)
    _began: float = 0.0
    _step_began: float = 0.0
    _steps: Sequence[Step] = ()
    _travelling: Sequence[bool] = ()
    _kept: Sequence[KeptRow | None] = ()
    _number: int = 0
    _at: RunPosition | None = None
    _sealed: bool = False  # COMMIT was sent: the transaction may be committed, whatever we have heard
    _ahead: deque[tuple[int, Batch]] = field(default_factory=deque)  # sent behind the step that is waited for
    _unsure: deque[int] = field(default_factory=deque)  # sent over a connection that is lost, and not answered
    _idle: bool = True
    _begun: int | None = None  # the session's transactions before a statement of which no catalog tells
    _watcher: Watcher = field(init=False)

    def __post_init__(self) -> None:
        """Prepare to be watched; nobody looks before `run`."""
        self._watcher = Watcher(self._whereabouts, self.look, self.emit, self.session.settings["lock_timeout"])

    def _whereabouts(self) -> tuple[RunPosition, int] | None:
        """What the server is at work on, and in which session: asked by the watcher, from its thread."""
        at = self._at
        return None if self._idle or at is None else (at, self.session.facts.pid)

    def run(self, plan: Plan, entries: Sequence[HistoryEntry] = ()) -> tuple[CompletedMigration, ...]:
        """Run every step in order, over a history of these entries; return what was completed.

        Raises StatementFailed, TransactionEnded or Interrupted, each of which says where things stand.
        """
        self.emit(RunStarted(plan, str(self.recorder.run_id)))
        self._watcher.start()
        try:
            self._kept = rows_kept(plan, entries)
            with hiding(_written_secrets(plan)):
                self._run_all(plan)
        except (FsapiError, Interrupted) as error:
            if plan.verb == "redo":
                error.state = failures.half_redone(error.state, self._done)
            self.emit(RunFailed(error))
            raise
        finally:
            self._idle = True
            self._watcher.stop()
        self.emit(RunFinished(plan))
        return tuple(self._done)

    def _run_all(self, plan: Plan) -> None:
        self._steps, self._travelling = plan.steps, [travels(step) for step in plan.steps]
        try:
            self.session.connection().add_notice_handler(self._notice)
            self._announce(plan)
            for number, step in enumerate(self._steps):
                self._number = number
                stop.check()
                self._run_step(step)
            self._close(plan)
            self._run_marks(plan)
        except KeyboardInterrupt:
            raise self._interrupted() from None
        except psycopg.Error as error:
            refused = None if self.session.is_lost() else self.recorder.refusal(error, recording=True)
            if refused:
                refused.state = self._between()
                raise refused from None
            message = server_message(error)
            raise DatabaseError(
                f"{message.message} [{message.sqlstate or 'connection lost'}]",
                details=tuple(message.lines()),
                state=self._between(),
            ) from None
        except BaseException:
            self._abandon()
            raise

    def _abandon(self) -> None:
        """Nothing that was sent ahead may run any more."""
        self._ahead.clear()
        with contextlib.suppress(psycopg.Error):
            self.session.abandon()

    def _standing(self) -> str:
        return failures.before(self._done).strip() or "nothing was run."

    def _between(self) -> str:
        """Where things stand if what failed belongs to no migration's step."""
        return f"this was between two migrations.{failures.before(self._done)}" if self._done else self._standing()

    def _notice(self, diagnosis: psycopg.errors.Diagnostic) -> None:
        severity, message = notice_of(diagnosis)
        self._notices.append(f"{severity}: {message}")
        self.emit(NoticeReceived(self._at.part.migration.name if self._at else "", severity, message))

    def _run_step(self, step: Step) -> None:
        self._step_began = started = time.monotonic()
        if step.parts[0].number == 0 or step.resumes:
            self._begin_migration(step, started)
        self.emit(StepStarted(step, self._number))
        self._at, self._idle = RunPosition(step, step.parts[0]), False
        took: Sequence[float | None] = ()
        if self._was_committed_unheard(step):
            pass
        elif step.mode is Mode.TRANSACTION:
            took = self._run_transaction(step)
        else:
            self._run_alone(step)
        self._finish(step, self._number, took)
        self._keep_session(step)

    def _keep_session(self, step: Step) -> None:
        """Journal what a step in a transaction has left in the session, if others follow.

        What was written with it knew what lasts as long as the transaction. If this fails, that is what a later run goes by.
        """
        part = step.parts[-1]
        if step.mode is not Mode.TRANSACTION or part.completes or self.session.is_lost():
            return
        row = done_row(part)
        with contextlib.suppress(psycopg.Error):
            self.session.commit([self.recorder.left_behind(row)], before=self.recorder.captured(part))

    def _begin_migration(self, step: Step, started: float) -> None:
        """Give the file a clean session; one that is under way has it already."""
        if not self._ahead:
            if not self.session.is_tidy():
                self._clean()
            for statement in step.restore_session:
                self._restore(step, statement)
            self._compare_session(step)
        self.session.mark_dirty()
        self._began = started
        self._notices = []

    def _restore(self, step: Step, statement: Statement) -> None:
        """Run a statement again that an earlier run had run in its session. Raises DatabaseError if it is refused now."""
        try:
            self.session.connection().execute(statement.text.encode())
        except psycopg.Error as error:
            message, at = server_message(error), RunPosition(step, step.parts[0])
            name = at.part.migration.name
            can_undo = at.part.direction is Direction.UP and at.part.migration.down is not None
            raise DatabaseError(
                f"{name}:{statement.line}: what an earlier run had set in its session cannot be set again: "
                f"{message.message} [{message.sqlstate or 'connection lost'}]",
                details=tuple(message.lines()),
                state=f"{at.before_it()}; nothing was run now.",
                hint=f"make what is missing, and run again{'; `rollback` undoes what was done' if can_undo else ''}.",
            ) from None

    def _compare_session(self, step: Step) -> None:
        """Make sure that a migration goes on with the settings that its first steps had. Raises PartlyApplied."""
        part, before = step.parts[0], step.session_before
        if before is None:
            return
        script = part.migration.script(part.direction)
        names = {*before.state, *named_settings(script.text if script else ""), *own_names(self.session.settings)}
        state = read_state(self.session, self.recorder.lock, sorted(names))
        try:
            refuse_other_session(part, before, state)
        except PartlyApplied as error:
            error.state = f"{error.state}{failures.before(self._done)}"
            raise

    def _clean(self) -> None:
        """Bring the session back to how one begins now: where a step changed the settings of new ones, by a new one."""
        self.session.clean()
        if not self.session.is_outdated:
            return
        try:
            self._take_over(self.renew(self.session))
        except FsapiError as error:
            error.state = self._between()
            raise

    def _finish(self, step: Step, number: int, took: Sequence[float | None] = ()) -> None:
        """The step is committed: tell so, and what is complete with it.

        `took` are the seconds that the history says of its parts, where it was heard. By our clock, answers that come
        together would all have taken no time.
        """
        self._at, self._idle = None, True
        for part, recorded in zip_longest(step.parts, took):
            if part.completes:
                elapsed = time.monotonic() - self._began if recorded is None else recorded
                done = CompletedMigration(part.migration.name, part.direction, elapsed, part.of, tuple(self._notices))
                self._done.append(done)
                self._notices = []
                self.emit(MigrationFinished(done.name, done.direction, done.elapsed))
        self.emit(StepFinished(step, number, time.monotonic() - self._step_began))

    # -- a step that is one transaction ------------------------------------------------------------------------

    def _run_transaction(self, step: Step) -> Sequence[float | None]:
        """Run it, again where a lock or a deadlock was in the way, until it is committed or has failed for good.

        Returns the seconds that each of its parts took, unless the answer was lost.
        """
        pauses = _pauses(self.max_wait)
        attempts, heard = 0, len(self._notices)
        while True:
            attempts += 1
            del self._notices[heard:]  # what an attempt said that was undone
            self._at = RunPosition(step, step.parts[0])
            try:
                return self._attempt(step)
            except PassedOver:
                self._ahead.clear()
                self._clean()
                attempts -= 1
            except psycopg.Error as error:
                lost = self.session.is_lost()
                if lost and self._sealed and self._was_committed(error):
                    return ()
                self._ahead.clear()
                self._retry_or_raise(error, attempts, pauses, lost=lost)
            except (TransactionEnded, AssertionViolated, MigrationFileError) as error:
                self._abandon()
                self.session.rollback()
                self._journal_outcome("failed", error.message)
                if isinstance(error, MigrationFileError):  # the inline data are not those that were planned
                    error.state = self._here.left() + failures.before(self._done)
                raise

    def _attempt(self, step: Step) -> Sequence[float | None]:
        self._sealed = bool(self._ahead)
        if self._ahead:
            _, batch = self._ahead.popleft()
        else:
            batch = self._compose(step, self._number, waited=time.monotonic() - self._began)
            self._sealed = True
            batch.send(last=not self._is_followed(self._number))
        self._send_ahead()
        if batch.receive() != b"COMMIT":
            raise failures.ended(self._here, self._done)
        return batch.took

    def _send_ahead(self) -> None:
        """Send the steps behind this one, too, as far as they travel: each is passed over where one before it fails."""
        while len(self._ahead) < _AHEAD and self._is_followed(before := self._number + len(self._ahead)):
            batch = self._compose(self._steps[before + 1], before + 1)
            self._ahead.append((before + 1, batch))
            batch.send(last=not self._is_followed(before + 1))

    def _is_followed(self, number: int) -> bool:
        """Whether the step behind that one is sent before that one is answered."""
        return number + 1 < len(self._steps) and self._travelling[number] and self._travelling[number + 1]

    def _compose(self, step: Step, number: int, *, waited: float = 0.0) -> Batch:
        """Everything of the step of that number up to its COMMIT, to be sent; what must be waited for is sent and waited for.

        `waited` are the seconds since its migration began.
        """
        whole = all(part.of == 1 for part in step.parts)
        quiet = whole and not self.session.facts.event_triggers and _is_quiet(step)
        # Not inside the transaction: it would take a snapshot, and the script may begin with SET TRANSACTION.
        before = () if quiet else in_own_transaction(*self.session.forgetting())
        # A step that is tried again must find the session as the steps before it have left it.
        then = self.session.tidying if quiet else self.session.cleaning if whole else ()
        batch = Batch(self.session, self._arrived, before, then)
        batch.add(RunPosition(step, step.parts[0]), Message(step.begin.encode()))
        for before_it, part in zip((None, *step.parts), step.parts, strict=False):
            if before_it and before_it.direction is not part.direction:
                batch.add(RunPosition(step, before_it, resetting=True), *self.session.resetting)
            self._say(batch, step, part)
            ours = () if quiet else AS_CONNECTED_ROLE
            row = done_row(part, waited=waited)
            batch.add(RunPosition(step, part), *self.recorder.captured(part))
            batch.add(RunPosition(step, part, recording=True), *ours, *self.recorder.done(part, row, prepared=quiet))
        still = self.recorder.still(self._kept[number], step)
        batch.add(RunPosition(step, step.parts[-1], recording=True), *still)
        batch.add(RunPosition(step, step.parts[-1], committing=True), Message(b"COMMIT"))
        return batch

    def _arrived(self, at: RunPosition) -> None:
        """The server is at work on that."""
        self._at = at
        if at.statement:
            self.emit(StatementStarted(at.part.migration.name, at.statement))

    def _say(self, batch: Batch, step: Step, part: StepPart) -> None:
        """Everything of a part but its record; what must be waited for is waited for."""
        batch.add(RunPosition(step, part), *options(part))
        identity = None
        if not part.is_parsed:
            batch.exchange()
            identity = self._transaction_id()
        for statement in part.statements:
            at = RunPosition(step, part, statement)
            if part.is_parsed and statement.copy is None:
                batch.add(at, Message(statement.text.encode()))
                continue
            batch.exchange()
            self._arrived(at)
            self._send(statement)
            self._expect(TransactionStatus.INTRANS)
        for check in part.checks:
            batch.exchange()
            self._check(step, part, check)
        if identity is not None and identity != self._transaction_id():
            raise failures.ended(self._here, self._done)

    def _check(self, step: Step, part: StepPart, check: Check) -> None:
        """Ask what must hold before this is committed. Raises AssertionViolated where it does not."""
        from fsapi_nb.run.check import OPENING, holds
        from fsapi_nb.run.check import ask as ask_check

        self._at = RunPosition(step, part, check.statement, checking=check, shift=len(OPENING))
        self.emit(StatementStarted(part.migration.name, check.statement))
        found = ask_check(self.session.connection(), check.statement.text)
        if not holds(found):
            raise failures.violated(self._at, check, found, self._done)

    def _transaction_id(self) -> object:
        row = self.session.connection().execute("SELECT pg_catalog.pg_current_xact_id()::pg_catalog.text").fetchone()
        return row[0] if row else None

    def _expect(self, status: TransactionStatus) -> None:
        """Make sure that a statement left the transaction as it was: open in a step, none outside."""
        if self.session.status() is not status and self._at:
            raise failures.ended(self._at, self._done)

    def _retry_or_raise(self, error: psycopg.Error, attempts: int, pauses: Iterator[float], *, lost: bool) -> None:
        """Wait for the next attempt, or raise what ends the run."""
        at = self._here
        self.session.rollback()
        refused: FsapiError | None = None
        if not lost:
            refused = failures.outdated(at, error) or self.recorder.refusal(error, recording=at.recording)
        if refused:
            refused.state = refused.state or at.left() + failures.before(self._done)
            self._journal_outcome("failed", refused.message)
            raise refused
        pause = next(pauses, None) if not lost and error.sqlstate in _RETRYABLE else None
        if pause is None:
            self._journal_outcome("failed", failures.journalled(at, error))
            tried = failures.Attempts(attempts, self.max_wait, self._watcher.blockage(at.step), tuple(self._notices))
            raise failures.failed(at, error, self._done, lost=lost, tried=tried, tables=self.recorder.tables) from None
        self._pause(error, attempts, pause)

    def _pause(self, error: psycopg.Error, attempts: int, pause: float) -> None:
        """Wait for so many seconds before the step is tried again."""
        self._journal_outcome("retried", failures.journalled(self._here, error))
        self.emit(StepRetried(self._here.step, self._number, attempts, pause, _RETRYABLE[error.sqlstate or ""]))
        self._idle = True
        stop.pause(pause)
        self._idle = False

    @property
    def _here(self) -> RunPosition:
        if self._at is None:
            raise RuntimeError("no step has begun")
        return self._at

    def _was_committed(self, error: psycopg.Error) -> bool:
        """Whether a COMMIT that was sent and not answered took place: asked over another connection, once the old one is gone."""
        at = self._here
        last = at.step.parts[-1]
        self._unsure.extend(number for number, _ in self._ahead)
        self._ahead.clear()
        try:
            self._take_over(self.reopen())
        except FsapiError as unreachable:
            state = (
                f"the connection was lost before COMMIT was answered, and {unreachable.message}: "
                "the next run looks whether it was done."
            )
            raise failures.failed(at, error, self._done, lost=True, state=state) from None
        if not self._is_recorded(at.step):
            return False
        if not last.completes:
            state = (
                f"the connection was lost; step {last.number + 1} is committed, and the next run goes on from there."
            )
            raise failures.failed(at, error, self._done, lost=True, state=state) from None
        return True

    def _was_committed_unheard(self, step: Step) -> bool:
        """Whether a step was sent behind the one that the connection was lost over, and committed as well."""
        if not self._unsure or self._unsure.popleft() != self._number or not self._is_recorded(step):
            self._unsure.clear()  # what stands behind one that was not committed was not, either
            return False
        return True

    def _is_recorded(self, step: Step) -> bool:
        """Whether the journal says that this run has done the step."""
        return self.recorder.is_recorded(done_row(step.parts[-1]))

    def _take_over(self, session: Session) -> None:
        """Go on with a new session that holds the lock: the one before has ended, or it could not be had."""
        session.connection().add_notice_handler(self._notice)
        self.session, self.recorder = session, replace(self.recorder, session=session)

    # -- a step outside of any transaction ---------------------------------------------------------------------

    def _run_alone(self, step: Step) -> None:
        """Run its statement, again if a lock or a deadlock was in the way and the catalog tells what that has left."""
        (part,) = step.parts
        (statement,) = part.statements
        pauses, attempts, seen = _pauses(self.max_wait), 0, None
        while True:
            attempts += 1
            self._at, self._sealed, self._begun = RunPosition(step, part), False, None
            try:
                self._set_options(part)
                if attempts == 1:
                    seen = self._journal_start(part, statement)
                self._arrived(RunPosition(step, part, statement))
                with patient(self.session, self.max_wait if blocks_nobody(statement) else 0):
                    if attempts == 1 or not clear_up(self.session, statement, seen):
                        self._attempt_alone(statement)
                self._check_index(statement)
                self._at = RunPosition(step, part, recording=True)
                row = done_row(part, waited=time.monotonic() - self._began, in_transaction=False)
                recorded = [*self.recorder.done(part, row), *self.recorder.still(self._kept[self._number], step)]
                self.session.commit(recorded, before=self.recorder.captured(part))
            except psycopg.Error as error:
                self._retry_alone_or_raise(error, attempts, pauses)
            else:
                return

    def _attempt_alone(self, statement: Statement) -> None:
        if not statement.leaves_a_trace:
            self._begun = self.session.transactions_begun()
        self._send(statement)
        self._expect(TransactionStatus.IDLE)

    def _journal_start(self, part: StepPart, statement: Statement) -> str | None:
        """Write down that the statement is about to be sent, and what the catalog says before it, which is returned."""
        seen = witness(self.session, statement.effect)
        row = row_of(part, "started", in_transaction=False)._replace(witness=seen)
        self.session.commit([*self.session.forgetting(), *self.recorder.journal(row)])
        return seen

    def _retry_alone_or_raise(self, error: psycopg.Error, attempts: int, pauses: Iterator[float]) -> None:
        """Wait for the next attempt, or raise what ends the run."""
        at, lost = self._here, self.session.is_lost()
        may = not lost and not at.recording and at.statement is not None and at.statement.leaves_a_trace
        may = (
            may and time.monotonic() - self._step_began < self.max_wait
        )  # one that was patient has waited for all of it
        pause = next(pauses, None) if may and error.sqlstate in _RETRYABLE else None
        if pause is None:
            self._fail_alone(error, attempts)
        else:
            self._pause(error, attempts, pause)

    def _fail_alone(self, error: psycopg.Error, attempts: int) -> None:
        at, lost = self._here, self.session.is_lost()
        ended = not lost and not at.recording and self._has_committed()
        if ended:
            self._journal_outcome("in doubt", COMMITTED_ITSELF + failures.journalled(at, error))
            raise failures.half_committed(at, error, self._done, notices=tuple(self._notices)) from None
        if not lost and not at.recording:  # what has run is left in flight: the next run looks what is there
            self._journal_outcome("failed", failures.journalled(at, error))
        refused = None if lost else self.recorder.refusal(error, recording=at.statement is None)
        if refused:
            refused.state = failures.state_after(at, lost=lost) + failures.before(self._done)
            raise refused from None
        tried = failures.Attempts(attempts, self.max_wait, self._watcher.blockage(at.step), tuple(self._notices))
        raise failures.failed(at, error, self._done, lost=lost, tried=tried, tables=self.recorder.tables) from None

    def _has_committed(self) -> bool:
        """Whether the statement that failed has ended a transaction by itself, so that a part of it may be committed.

        Only asked of those of which no catalog tells: the question before it was one transaction, it is one, this is one.
        """
        return self._begun is not None and self.session.transactions_begun() > self._begun + 2

    def _check_index(self, statement: Statement) -> None:
        """Make sure that no index was left invalid: IF NOT EXISTS passes over one in silence."""
        effect = statement.effect
        if effect is None or effect.name is None or not statement.builds_index:
            return
        relation = find_relation(self.session, effect.relation)
        query = _INVALID.format(sql.Literal(relation), sql.Literal(effect.name))
        rows = ask(self.session.connection(), query) if relation is not None else ()
        if not rows:
            return
        ((index,),) = rows
        error = psycopg.errors.ObjectNotInPrerequisiteState(f"the index {index} is there, but invalid")
        self._journal_outcome("failed", str(error))
        hint = f"somebody's build left it: DROP INDEX CONCURRENTLY {index}; and run again."
        raise failures.failed(self._here, error, self._done, lost=False, hint=hint)

    # -- what both have in common ------------------------------------------------------------------------------

    def _send(self, statement: Statement) -> None:
        """Send one statement byte for byte, with its COPY data, and wait until it is done."""
        text = statement.text.encode()
        if statement.copy is None:
            self.session.connection().execute(text)
            return
        with self.session.connection().cursor().copy(text) as copy:
            for piece in read_copy_data(statement.copy):
                copy.write(piece)

    def _set_options(self, part: StepPart) -> None:
        """The settings that the file asks for, outside of any transaction."""
        for name, value in wanted(part).items():
            self.session.connection().execute("SELECT pg_catalog.set_config(%s, %s, false)", [name, value])

    def _announce(self, plan: Plan) -> None:
        """Journal what a run that is cut off must have said of itself, before anything of the plan can be committed."""
        rows = [
            JournalRow(
                None, each.event, each.state, name=each.name, message=json.dumps(each.names) if each.names else None
            )
            for each in plan.announces
        ]
        if rows:
            self.session.commit([message for row in rows for message in self.recorder.journal(row)])

    def _close(self, plan: Plan) -> None:
        """Journal that a redo in several steps is done; that it is, stands in the history already."""
        last = plan.steps[-1] if plan.verb == "redo" and plan.steps else None
        if last and len(last.parts) == 1:
            row = JournalRow(None, "redo", "done", name=last.parts[0].migration.name)
            with contextlib.suppress(psycopg.Error):
                self.session.commit(self.recorder.journal(row))

    def _run_marks(self, plan: Plan) -> None:
        """Write what is only recorded or changed in the history, all of it or nothing."""
        if not (plan.marks or plan.amends or plan.changes):
            return
        restored = [change.entry.name for change in plan.changes if change.kind is RowChangeKind.RESTORE]
        rows = read_retired_rows(self.session, self.recorder.tables, restored)
        messages = [message for name, row in rows.items() for message in self.recorder.restored(name, row)]
        others = (change for change in plan.changes if change.kind is not RowChangeKind.RESTORE)
        messages += [message for change in others for message in self.recorder.change(change)]
        messages += [message for each in plan.marks for message in self.recorder.baseline(each, place=plan.place)]
        for part in plan.amends:
            if part.entry is not None:
                messages += self.recorder.repaired(part.migration, part.entry)
        try:
            self.session.commit(messages)
        except psycopg.errors.InsufficientPrivilege as error:
            if not plan.changes:
                raise
            raise may_not_change(error, self.recorder.tables, role_of(self.session)) from None
        except (psycopg.errors.UniqueViolation, psycopg.errors.NumericValueOutOfRange) as error:
            if not restored:
                raise
            raise not_restored(error, self.recorder.tables) from None
        self._done += [CompletedMigration(migration.name, Direction.UP, 0.0) for migration in plan.marks]

    def _journal_outcome(self, state: str, message: str) -> None:
        """The journal's row of a failure is kept if it can be; what failed is what the user must hear of."""
        at = self._here
        if self.session.is_lost():
            return
        row = row_of(at.part, state, in_transaction=at.step.mode is Mode.TRANSACTION)
        with contextlib.suppress(psycopg.Error):
            self.session.commit(self.recorder.journal(row._replace(message=redact_line(message))))

    def _interrupted(self) -> Interrupted:
        """The user stopped: what runs is cancelled; make sure that it ended, and say where things stand."""
        at, sealed = self._at, self._sealed or self._at is None
        under_way = [*([self._number] if at else ()), *(number for number, _ in self._ahead)]
        if not under_way:
            names = tuple(done.name for done in self._done)
            return Interrupted("stopped between two steps", self._standing(), names)
        committed = False
        at = at or self._beginning(under_way[0])
        with contextlib.suppress(psycopg.Error, FsapiError):
            self._abandon()
            self.session.rollback()
            if self.session.is_lost():
                self._take_over(self.reopen())
            # What was sent may have been committed before it was cancelled: in order, as far as that goes.
            for number in under_way:
                at = at if at.step is self._steps[number] else self._beginning(number)
                committed = sealed and self._is_recorded(at.step)
                if not committed:
                    break
                self._finish(at.step, number)
            if at.step.mode is Mode.TRANSACTION and not committed:
                self._at = at
                self._journal_outcome("failed", "interrupted")
        return failures.interrupted(at, self._done, committed=committed)

    def _beginning(self, number: int) -> RunPosition:
        return RunPosition(self._steps[number], self._steps[number].parts[0])


def _written_secrets(plan: Plan) -> Iterator[str]:
    """The secrets that the scripts hold: what the server says of a failure may quote them."""
    for source in {part.migration.source for step in plan.steps for part in step.parts}:
        yield from written_secrets(source)


def _is_quiet(step: Step) -> bool:
    """Whether the step leaves nothing behind in its session, between its parts neither."""
    alike = len({part.direction for part in step.parts}) == 1
    return alike and all(part.is_parsed and not part.checks and is_quiet(part.statements) for part in step.parts)


def _pauses(seconds: float) -> Iterator[float]:
    """How long to wait before each further attempt, in seconds: growing, with jitter, for so long in all."""
    deadline = time.monotonic() + seconds
    pause = 0.1
    while (left := deadline - time.monotonic()) > 0:
        yield min(pause * random.uniform(0.5, 1.5), left)
        pause = min(pause * 2, 5.0)
