"""Runs a plan: each step as it says, each migration with its history row, and tells what happens by events.

Decides nothing: what runs and how it commits is in the `Plan`. Prints nothing. After every statement it makes
sure that the transaction is still the one that it opened; what became of a lost COMMIT is asked, not guessed.
"""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace

import psycopg
from psycopg.pq import TransactionStatus

from fsapi_nb.database import failures
from fsapi_nb.database.check import OPENING, ask
from fsapi_nb.database.check import holds as is_met
from fsapi_nb.database.connection import Connection, Session, server_message
from fsapi_nb.database.failures import Whereabouts
from fsapi_nb.database.history import JournalRow, Recorder
from fsapi_nb.database.lock import holds
from fsapi_nb.database.recovery import witness
from fsapi_nb.database.watch import Watcher
from fsapi_nb.errors import CheckViolated, DatabaseError, FsapiError, Interrupted, Locked, TransactionEnded
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
from fsapi_nb.model import Check, Direction, Done, Mode, Part, Plan, Statement, Step
from fsapi_nb.script.checksum import statements_checksum
from fsapi_nb.script.redact import redact_line, redact_sql

_CHUNK = 1 << 20
#: A step in a transaction that fails with one of these has done nothing, and may succeed when tried again.
_RETRYABLE = {"55P03": "lock timeout", "40P01": "deadlock", "40001": "serialization failure"}
_INVALID = """
    SELECT pg_catalog.format('%%I.%%I', n.nspname, c.relname) FROM pg_catalog.pg_index i
    JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE i.indrelid = pg_catalog.to_regclass(%(relation)s) AND c.relname = %(name)s AND NOT i.indisvalid
"""


@dataclass(slots=True)
class Runner:
    """One run of one plan on one session that holds the lock `key`.

    `reopen` gives another session that holds it, once the connection is lost; `look` a second connection, from
    which a long step is watched. A step that a lock, a deadlock or a serialization failure stops is tried again for
    `max_wait` seconds.
    """

    session: Session
    recorder: Recorder
    key: int
    emit: Observers
    reopen: Callable[[], Session]
    look: Callable[[], AbstractContextManager[Connection]]
    max_wait: float = 60.0
    _done: list[Done] = field(default_factory=list)
    _notices: list[str] = field(default_factory=list)
    _began: float = 0.0
    _at: Whereabouts | None = None
    _idle: bool = True
    _watcher: Watcher = field(init=False)

    def __post_init__(self) -> None:
        """Prepare to be watched; nobody looks before `run`."""
        self._watcher = Watcher(self._whereabouts, self.look, self.emit, self.session.settings["lock_timeout"])

    def _whereabouts(self) -> tuple[Whereabouts, int] | None:
        """What the server is at work on, and in which session: asked by the watcher, from its thread."""
        at = self._at
        return None if self._idle or at is None else (at, self.session.facts.pid)

    def run(self, plan: Plan) -> tuple[Done, ...]:
        """Run every step in order; return what was completed.

        Raises StatementFailed, TransactionEnded or Interrupted, each of which says where things stand.
        """
        self.emit(RunStarted(plan, str(self.recorder.run_id)))
        self._watcher.start()
        try:
            self._run_all(plan)
        except (FsapiError, Interrupted) as error:
            self.emit(RunFailed(error))
            raise
        finally:
            self._idle = True
            self._watcher.stop()
        self.emit(RunFinished(plan))
        return tuple(self._done)

    def _run_all(self, plan: Plan) -> None:
        try:
            with self._listening():
                for number, step in enumerate(plan.steps):
                    self._run_step(step, number)
                self._run_marks(plan)
        except Interrupted:
            raise
        except KeyboardInterrupt:
            names = tuple(done.name for done in self._done)
            raise Interrupted("stopped between two steps", self._standing(), names) from None
        except psycopg.Error as error:
            message = server_message(error)
            raise DatabaseError(
                f"{message.message} [{message.sqlstate or 'connection lost'}]",
                details=tuple(message.lines()),
                state=f"this was between two migrations. {self._standing()}",
            ) from None

    def _standing(self) -> str:
        return failures.before(self._done).strip() or "nothing was run."

    @contextlib.contextmanager
    def _listening(self) -> Iterator[None]:
        """Hear the server's notices while the plan runs."""
        connection = self.session.connection
        connection.add_notice_handler(self._notice)
        try:
            yield
        finally:
            connection.remove_notice_handler(self._notice)

    def _notice(self, diagnosis: psycopg.errors.Diagnostic) -> None:
        severity = diagnosis.severity_nonlocalized or "NOTICE"
        message = redact_line(diagnosis.message_primary or "")
        self._notices.append(f"{severity}: {message}")
        self.emit(NoticeReceived(self._at.part.migration.name if self._at else "", severity, message))

    def _run_step(self, step: Step, number: int) -> None:
        started = time.monotonic()
        if step.parts[0].number == 0 or step.resumes:
            self._begin_migration(step, started)
        self.emit(StepStarted(step, number))
        self._idle = False
        if step.mode is Mode.TRANSACTION:
            self._run_transaction(step, number)
        else:
            self._run_alone(step)
        self._idle = True
        for part in step.parts:
            if part.completes:
                self._finish(part)
        self.emit(StepFinished(step, number, time.monotonic() - started))

    def _begin_migration(self, step: Step, started: float) -> None:
        """Give the file a clean session, and make sure that the lock is still ours."""
        self._began = started
        self._notices = []
        self.session.clean()
        if not holds(self.session, self.key):
            raise Locked(
                "the lock is not ours any more: a migration before released it",
                state=self._standing(),
                hint="take pg_advisory_unlock_all() out of the migrations, and run again.",
            )
        for statement in step.restore_session:
            self.session.connection.execute(statement.text.encode())

    def _finish(self, part: Part) -> None:
        elapsed = time.monotonic() - self._began
        done = Done(part.migration.name, part.direction, elapsed, part.of, tuple(self._notices))
        self._done.append(done)
        self._notices = []
        self.emit(MigrationFinished(done.name, done.direction, done.elapsed))

    # -- a step that is one transaction ------------------------------------------------------------------------

    def _run_transaction(self, step: Step, number: int) -> None:
        """Run it, again where a lock or a deadlock was in the way, until it is committed or has failed for good."""
        try:
            self._try_until_done(step, number)
        except KeyboardInterrupt:
            raise self._interrupted() from None

    def _try_until_done(self, step: Step, number: int) -> None:
        pauses = _pauses(self.max_wait)
        attempts, heard = 0, len(self._notices)
        while True:
            attempts += 1
            del self._notices[heard:]  # what an attempt said that was undone
            self._at = Whereabouts(step, step.parts[0])
            try:
                self._attempt(step)
            except psycopg.Error as error:
                if self._was_committed(error):
                    return
                self._retry_or_raise(error, number, attempts, pauses)
            except (TransactionEnded, CheckViolated) as error:
                self.session.rollback()
                self._journal_outcome("failed", error.message)
                raise
            else:
                return

    def _attempt(self, step: Step) -> None:
        self.session.connection.execute(step.begin.encode())
        for part in step.parts:
            self._at = Whereabouts(step, part)
            self._apply_options(part, local=True)
            identity = None if part.is_parsed else self._transaction_id()
            for statement in part.statements:
                self._at = Whereabouts(step, part, statement)
                self._send(part, statement)
                self._expect(TransactionStatus.INTRANS)
            for check in part.checks:
                self._check(step, part, check)
            self._at = Whereabouts(step, part, recording=True)
            if identity is not None and identity != self._transaction_id():
                raise failures.ended(self._at, self._done)
            self._record(step, part)
        self._at = Whereabouts(step, step.parts[-1], committing=True)
        if self.session.connection.execute("COMMIT").statusmessage != "COMMIT":
            raise failures.ended(self._at, self._done)

    def _check(self, step: Step, part: Part, check: Check) -> None:
        """Ask what must hold before this is committed. Raises CheckViolated where it does not."""
        self._at = Whereabouts(step, part, check.statement, checking=check, shift=len(OPENING))
        self.emit(StatementStarted(part.migration.name, check.statement))
        found = ask(self.session.connection, check.statement.text)
        if not is_met(found):
            raise failures.violated(self._at, check, found, self._done)

    def _transaction_id(self) -> object:
        row = self.session.connection.execute("SELECT pg_catalog.pg_current_xact_id()::text").fetchone()
        return row[0] if row else None

    def _expect(self, status: TransactionStatus) -> None:
        """Make sure that a statement left the transaction as it was: open in a step, none outside."""
        if self.session.status is not status and self._at:
            raise failures.ended(self._at, self._done)

    def _retry_or_raise(self, error: psycopg.Error, number: int, attempts: int, pauses: Iterator[float]) -> None:
        """Wait for the next attempt, or raise what ends the run."""
        at = self._here
        lost = self.session.lost
        if not lost:
            self.session.rollback()
        pause = next(pauses, None) if not lost and error.sqlstate in _RETRYABLE else None
        text = failures.journalled(at, error)
        if pause is None:
            self._journal_outcome("failed", text)
            tried = failures.Tried(attempts, self.max_wait, self._watcher.blockage(at.step), tuple(self._notices))
            raise failures.failed(at, error, self._done, lost=lost, tried=tried) from None
        self._journal_outcome("retried", text)
        self.emit(StepRetried(at.step, number, attempts, pause, _RETRYABLE[error.sqlstate or ""]))
        self._idle = True
        time.sleep(pause)
        self._idle = False

    @property
    def _here(self) -> Whereabouts:
        if self._at is None:
            raise RuntimeError("no step has begun")
        return self._at

    def _was_committed(self, error: psycopg.Error) -> bool:
        """Whether a COMMIT whose answer was lost took place: asked over another connection, once the old one is gone."""
        at = self._here
        if not (at.committing and self.session.lost):
            return False
        try:
            self._take_over()
        except FsapiError as unreachable:
            state = (
                f"the connection was lost at COMMIT, and {unreachable.message}: the next run looks whether it was done."
            )
            raise failures.failed(at, error, self._done, lost=True, state=state) from None
        if not self.recorder.is_recorded(self._done_row(at.part)):
            return False
        if not at.part.completes:
            state = (
                f"the connection was lost; step {at.part.number + 1} is committed, and the next run goes on from there."
            )
            raise failures.failed(at, error, self._done, lost=True, state=state) from None
        return True

    def _take_over(self) -> None:
        """Go on with a new session that holds the lock: the one before has ended, or it could not be had."""
        self.session = self.reopen()
        self.recorder = replace(self.recorder, session=self.session)

    # -- a step outside of any transaction ---------------------------------------------------------------------

    def _run_alone(self, step: Step) -> None:
        (part,) = step.parts
        (statement,) = part.statements
        self._at = Whereabouts(step, part, statement)
        try:
            self._apply_options(part, local=False)
            self._journal_start(part, statement)
            self._send(part, statement)
            self._expect(TransactionStatus.IDLE)
            self._check_index(statement)
            self._at = Whereabouts(step, part, recording=True)
            with self.session.connection.transaction():
                self._record(step, part)
        except psycopg.Error as error:
            self._fail_alone(error)
        except KeyboardInterrupt:
            raise self._interrupted() from None

    def _journal_start(self, part: Part, statement: Statement) -> None:
        """Write down that the statement is about to be sent, and what the catalog says before it."""
        seen = witness(self.session, statement.effect)
        with self.session.connection.transaction():
            self.session.be_ourselves()
            self.recorder.journal(replace(self._row(part, "started", in_transaction=False), witness=seen))

    def _fail_alone(self, error: psycopg.Error) -> None:
        at, lost = self._here, self.session.lost
        if not lost and not at.recording:  # what has run is left in flight: the next run looks what is there
            self._journal_outcome("failed", failures.journalled(at, error))
        tried = failures.Tried(blockage=self._watcher.blockage(at.step), notices=tuple(self._notices))
        raise failures.failed(at, error, self._done, lost=lost, tried=tried) from None

    def _check_index(self, statement: Statement) -> None:
        """Make sure that no index was left invalid: IF NOT EXISTS passes over one in silence."""
        effect = statement.effect
        if effect is None or effect.name is None or not statement.builds_index:
            return
        row = self.session.connection.execute(_INVALID, {"relation": effect.relation, "name": effect.name}).fetchone()
        if row is None:
            return
        error = psycopg.errors.ObjectNotInPrerequisiteState(f"the index {row[0]} is there, but invalid")
        self._journal_outcome("failed", str(error))
        hint = f"somebody's build left it: DROP INDEX CONCURRENTLY {row[0]}; and run again."
        raise failures.failed(self._here, error, self._done, lost=False, hint=hint)

    # -- what both have in common ------------------------------------------------------------------------------

    def _send(self, part: Part, statement: Statement) -> None:
        """Send one statement byte for byte, with its COPY data."""
        self.emit(StatementStarted(part.migration.name, statement))
        text = statement.text.encode()
        if statement.copy is None:
            self.session.connection.execute(text)
            return
        data = memoryview(statement.copy.data)
        with self.session.connection.cursor().copy(text) as copy:
            for start in range(0, len(data), _CHUNK):
                copy.write(data[start : start + _CHUNK])

    def _apply_options(self, part: Part, *, local: bool) -> None:
        script = part.migration.script(part.direction)
        for name in ("lock_timeout", "statement_timeout"):
            if script and name in script.options:
                values = [name, script.options[name], local]
                self.session.connection.execute("SELECT pg_catalog.set_config(%s, %s, %s)", values)

    def _record(self, step: Step, part: Part) -> None:
        """Write what a part has done, in the transaction that is open; as the role that we are, whatever it set."""
        self.session.be_ourselves()
        row = replace(self._done_row(part), in_transaction=step.mode is Mode.TRANSACTION)
        if not part.completes:
            self.recorder.journal(row)
        elif part.direction is Direction.UP:
            self.recorder.applied(row)
        elif part.entry is not None:
            self.recorder.rolled_back(row, part.entry)
        else:
            self.recorder.journal(row)  # a partly applied migration has no entry that could go

    def _done_row(self, part: Part) -> JournalRow:
        duration = round((time.monotonic() - self._began) * 1000)
        return replace(self._row(part, "done", in_transaction=True), duration_ms=duration)

    def _row(self, part: Part, state: str, *, in_transaction: bool) -> JournalRow:
        """The journal's row of a step; of several, or outside of a transaction, with the text that it runs."""
        row = JournalRow(
            part.migration, part.direction.value, state, part.number + 1, part.of, in_transaction=in_transaction
        )
        if part.of == 1 and in_transaction:
            return row
        text = ";\n".join(statement.text for statement in part.statements)
        return replace(row, step_checksum=statements_checksum(part.statements), script=redact_sql(text))

    def _run_marks(self, plan: Plan) -> None:
        """Record what is only recorded, all of it or nothing."""
        if not plan.marks:
            return
        with self.session.connection.transaction():
            for migration in plan.marks:
                self.recorder.baseline(migration)
        self._done += [Done(migration.name, Direction.UP, 0.0) for migration in plan.marks]

    def _journal_outcome(self, state: str, message: str) -> None:
        """The journal's row of a failure is kept if it can be; what failed is what the user must hear of."""
        at = self._here
        if self.session.lost:
            return
        row = self._row(at.part, state, in_transaction=at.step.mode is Mode.TRANSACTION)
        with contextlib.suppress(psycopg.Error), self.session.connection.transaction():
            self.session.be_ourselves()
            self.recorder.journal(replace(row, message=redact_line(message)))

    def _interrupted(self) -> Interrupted:
        """The user stopped: psycopg has cancelled the statement; make sure that it ended, and say where things stand."""
        at = self._here
        committed = False
        with contextlib.suppress(psycopg.Error, FsapiError):
            self.session.rollback()
            if self.session.lost:
                self._take_over()
            committed = at.committing and self.recorder.is_recorded(self._done_row(at.part))
            if at.step.mode is Mode.TRANSACTION and not committed:
                self._journal_outcome("failed", "interrupted")
        if committed and at.part.completes:
            self._finish(at.part)
        return failures.interrupted(at, self._done, committed=committed)


def _pauses(seconds: float) -> Iterator[float]:
    """How long to wait before each further attempt, in seconds: growing, with jitter, for so long in all."""
    deadline = time.monotonic() + seconds
    pause = 0.1
    while (left := deadline - time.monotonic()) > 0:
        yield min(pause * random.uniform(0.5, 1.5), left)
        pause = min(pause * 2, 5.0)
