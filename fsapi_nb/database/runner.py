"""Runs a plan: each step as it says, each migration with its history row, and tells what happens by events.

Decides nothing: what runs and how it commits is in the `Plan`. Prints nothing. A step in a transaction travels in one
go, its history row and COMMIT behind its statements: what stands behind one that fails never runs. Only inline data,
checks and a text that the parser does not know are waited for. What became of a COMMIT that was sent and not answered
is asked, not guessed.
"""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace

import psycopg
from psycopg import sql
from psycopg.pq import TransactionStatus

from fsapi_nb.database import failures
from fsapi_nb.database.batch import Batch
from fsapi_nb.database.check import OPENING, ask
from fsapi_nb.database.check import holds as is_met
from fsapi_nb.database.connection import OURSELVES, Connection, Session, server_message
from fsapi_nb.database.failures import Whereabouts
from fsapi_nb.database.pipeline import Message
from fsapi_nb.database.recorder import JournalRow, Recorder, refusal
from fsapi_nb.database.recovery import witness
from fsapi_nb.database.watch import Watcher
from fsapi_nb.errors import (
    CheckViolated,
    DatabaseError,
    FsapiError,
    Interrupted,
    MigrationFileError,
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
from fsapi_nb.model import Check, Direction, Done, Mode, Part, Plan, Statement, Step
from fsapi_nb.script.checksum import statements_checksum
from fsapi_nb.script.quiet import is_quiet
from fsapi_nb.script.redact import redact_line, redact_sql

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
    """One run of one plan on one session that holds the lock.

    `reopen` gives another session that holds it, once the connection is lost; `look` a second connection, from
    which a long step is watched. A step that a lock, a deadlock or a serialization failure stops is tried again for
    `max_wait` seconds.
    """

    session: Session
    recorder: Recorder
    emit: Observers
    reopen: Callable[[], Session]
    look: Callable[[], AbstractContextManager[Connection]]
    max_wait: float = 60.0
    _done: list[Done] = field(default_factory=list)
    _notices: list[str] = field(default_factory=list)
    _began: float = 0.0
    _step_began: float = 0.0
    _at: Whereabouts | None = None
    _sealed: bool = False  # COMMIT was sent: the transaction may be committed, whatever we have heard
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
        self._step_began = started = time.monotonic()
        if step.parts[0].number == 0 or step.resumes:
            self._begin_migration(step, started)
        self.emit(StepStarted(step, number))
        self._idle = False
        if step.mode is Mode.TRANSACTION:
            self._run_transaction(step, number)
        else:
            self._run_alone(step, number)
        self._finish(step, number)

    def _begin_migration(self, step: Step, started: float) -> None:
        """Give the file a clean session."""
        if not self.session.tidy:
            self.session.clean()
        self.session.touch()
        self._began = started
        self._notices = []
        for statement in step.restore_session:
            self.session.connection.execute(statement.text.encode())

    def _finish(self, step: Step, number: int) -> None:
        """The step is committed: tell so, and what is complete with it."""
        self._idle = True
        for part in step.parts:
            if part.completes:
                elapsed = time.monotonic() - self._began
                done = Done(part.migration.name, part.direction, elapsed, part.of, tuple(self._notices))
                self._done.append(done)
                self._notices = []
                self.emit(MigrationFinished(done.name, done.direction, done.elapsed))
        self.emit(StepFinished(step, number, time.monotonic() - self._step_began))

    # -- a step that is one transaction ------------------------------------------------------------------------

    def _run_transaction(self, step: Step, number: int) -> None:
        """Run it, again where a lock or a deadlock was in the way, until it is committed or has failed for good."""
        try:
            self._try_until_done(step, number)
        except KeyboardInterrupt:
            raise self._interrupted(number) from None

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
                lost = self.session.lost
                if lost and self._sealed and self._was_committed(error, number):
                    return
                self._retry_or_raise(error, number, attempts, pauses, lost=lost)
            except MigrationFileError as error:  # the inline data are not those that were planned
                self.session.rollback()
                self._journal_outcome("failed", error.message)
                error.state = self._here.left() + failures.before(self._done)
                raise
            except (TransactionEnded, CheckViolated) as error:
                self.session.rollback()
                self._journal_outcome("failed", error.message)
                raise
            else:
                return

    def _attempt(self, step: Step) -> None:
        self._sealed = False
        whole = all(part.of == 1 for part in step.parts)
        quiet = whole and all(part.is_parsed and not part.checks and is_quiet(part.statements) for part in step.parts)
        # Not inside the transaction: it would take a snapshot, and the script may begin with SET TRANSACTION.
        batch = Batch(self.session, self._arrived, before=() if quiet else self.session.forgetting())
        batch.add(Whereabouts(step, step.parts[0]), Message(step.begin.encode()))
        for part in step.parts:
            self._say(batch, step, part)
            ours = () if quiet else OURSELVES
            recording = Whereabouts(step, part, recording=True)
            batch.add(recording, *ours, *self._records(step, part, prepared=quiet))
        self._sealed = True
        batch.add(Whereabouts(step, step.parts[-1], committing=True), Message(b"COMMIT"))
        # A step that is tried again must find the session as the steps before it have left it.
        then = self.session.tidying if quiet else self.session.cleaning if whole else ()
        if batch.send(then=then) != b"COMMIT":
            raise failures.ended(self._here, self._done)

    def _arrived(self, at: Whereabouts) -> None:
        """The server is at work on that."""
        self._at = at
        if at.statement:
            self.emit(StatementStarted(at.part.migration.name, at.statement))

    def _say(self, batch: Batch, step: Step, part: Part) -> None:
        """Everything of a part but its record; what must be waited for is waited for."""
        batch.add(Whereabouts(step, part), *self._options(part))
        identity = None
        if not part.is_parsed:
            batch.send()
            identity = self._transaction_id()
        for statement in part.statements:
            at = Whereabouts(step, part, statement)
            if part.is_parsed and statement.copy is None:
                batch.add(at, Message(statement.text.encode()))
                continue
            batch.send()
            self._arrived(at)
            self._send(statement)
            self._expect(TransactionStatus.INTRANS)
        for check in part.checks:
            batch.send()
            self._check(step, part, check)
        if identity is not None and identity != self._transaction_id():
            raise failures.ended(self._here, self._done)

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

    def _retry_or_raise(
        self, error: psycopg.Error, number: int, attempts: int, pauses: Iterator[float], *, lost: bool
    ) -> None:
        """Wait for the next attempt, or raise what ends the run."""
        at = self._here
        self.session.rollback()
        refused = refusal(error)
        if refused:
            refused.state = refused.state or at.left() + failures.before(self._done)
            self._journal_outcome("failed", refused.message)
            raise refused
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

    def _was_committed(self, error: psycopg.Error, number: int) -> bool:
        """Whether a COMMIT that was sent and not answered took place: asked over another connection, once the old one is gone."""
        at = self._here
        last = at.step.parts[-1]
        try:
            self._take_over()
        except FsapiError as unreachable:
            state = (
                f"the connection was lost before COMMIT was answered, and {unreachable.message}: "
                "the next run looks whether it was done."
            )
            raise failures.failed(at, error, self._done, lost=True, state=state) from None
        if not self.recorder.is_recorded(self._done_row(last)):
            return False
        if not last.completes:
            state = (
                f"the connection was lost; step {last.number + 1} is committed, and the next run goes on from there."
            )
            raise failures.failed(at, error, self._done, lost=True, state=state) from None
        return True

    def _take_over(self) -> None:
        """Go on with a new session that holds the lock: the one before has ended, or it could not be had."""
        self.session = self.reopen()
        self.recorder = replace(self.recorder, session=self.session)

    # -- a step outside of any transaction ---------------------------------------------------------------------

    def _run_alone(self, step: Step, number: int) -> None:
        (part,) = step.parts
        (statement,) = part.statements
        self._at, self._sealed = Whereabouts(step, part), False
        try:
            self._set_options(part)
            self._journal_start(part, statement)
            self._arrived(Whereabouts(step, part, statement))
            self._send(statement)
            self._expect(TransactionStatus.IDLE)
            self._check_index(statement)
            self._at = Whereabouts(step, part, recording=True)
            self.session.commit(self._records(step, part))
        except psycopg.Error as error:
            self._fail_alone(error)
        except KeyboardInterrupt:
            raise self._interrupted(number) from None

    def _journal_start(self, part: Part, statement: Statement) -> None:
        """Write down that the statement is about to be sent, and what the catalog says before it."""
        seen = witness(self.session, statement.effect)
        row = replace(self._row(part, "started", in_transaction=False), witness=seen)
        self.session.commit([*self.session.forgetting(), *self.recorder.journal(row)])

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

    def _send(self, statement: Statement) -> None:
        """Send one statement byte for byte, with its COPY data, and wait until it is done."""
        text = statement.text.encode()
        if statement.copy is None:
            self.session.connection.execute(text)
            return
        with self.session.connection.cursor().copy(text) as copy:
            for piece in statement.copy.chunks():
                copy.write(piece)

    def _options(self, part: Part) -> tuple[Message, ...]:
        """The settings that the file asks for, until the end of the transaction."""
        return tuple(
            Message(sql.SQL("SET LOCAL {} TO {}").format(sql.Identifier(name), sql.Literal(value)).as_bytes())
            for name, value in _wanted(part).items()
        )

    def _set_options(self, part: Part) -> None:
        """The same outside of any transaction."""
        for name, value in _wanted(part).items():
            self.session.connection.execute("SELECT pg_catalog.set_config(%s, %s, false)", [name, value])

    def _records(self, step: Step, part: Part, *, prepared: bool = False) -> tuple[Message, ...]:
        """What writes down that a part is done."""
        row = self._done_row(part, in_transaction=step.mode is Mode.TRANSACTION)
        if part.completes and part.direction is Direction.UP:
            return self.recorder.applied(row, prepared=prepared)
        if part.completes and part.entry is not None:  # a partly applied migration has no entry that could go
            return self.recorder.rolled_back(row, part.entry, prepared=prepared)
        return self.recorder.journal(row, prepared=prepared)

    def _done_row(self, part: Part, *, in_transaction: bool = True) -> JournalRow:
        duration = round((time.monotonic() - self._began) * 1000)
        row = self._row(part, "done", in_transaction=True)
        return replace(row, duration_ms=duration, in_transaction=in_transaction)

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
        self.session.commit([message for migration in plan.marks for message in self.recorder.baseline(migration)])
        self._done += [Done(migration.name, Direction.UP, 0.0) for migration in plan.marks]

    def _journal_outcome(self, state: str, message: str) -> None:
        """The journal's row of a failure is kept if it can be; what failed is what the user must hear of."""
        at = self._here
        if self.session.lost:
            return
        row = self._row(at.part, state, in_transaction=at.step.mode is Mode.TRANSACTION)
        with contextlib.suppress(psycopg.Error):
            self.session.commit(self.recorder.journal(replace(row, message=redact_line(message))))

    def _interrupted(self, number: int) -> Interrupted:
        """The user stopped: the statement was cancelled; make sure that it ended, and say where things stand."""
        at = self._here
        committed = False
        with contextlib.suppress(psycopg.Error, FsapiError):
            self.session.rollback()
            if self.session.lost:
                self._take_over()
            committed = self._sealed and self.recorder.is_recorded(self._done_row(at.step.parts[-1]))
            if at.step.mode is Mode.TRANSACTION and not committed:
                self._journal_outcome("failed", "interrupted")
        if committed:
            self._finish(at.step, number)
        return failures.interrupted(at, self._done, committed=committed)


def _wanted(part: Part) -> dict[str, str]:
    """The timeouts that a script's `-- fsapi:` lines ask for."""
    script = part.migration.script(part.direction)
    options = script.options if script else {}
    return {name: options[name] for name in ("lock_timeout", "statement_timeout") if name in options}


def _pauses(seconds: float) -> Iterator[float]:
    """How long to wait before each further attempt, in seconds: growing, with jitter, for so long in all."""
    deadline = time.monotonic() + seconds
    pause = 0.1
    while (left := deadline - time.monotonic()) > 0:
        yield min(pause * random.uniform(0.5, 1.5), left)
        pause = min(pause * 2, 5.0)
