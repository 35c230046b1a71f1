"""Runs a plan: each step as it says, each migration with its history row, and tells what happens by events.

Decides nothing: what runs and how it commits is in the `Plan`. Prints nothing. After every statement it makes
sure that the transaction is still the one that it opened.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import psycopg
from psycopg.pq import TransactionStatus

from fsapi_nb.database.connection import Session, server_message
from fsapi_nb.database.history import Recorder
from fsapi_nb.database.lock import holds
from fsapi_nb.errors import (
    DatabaseError,
    FsapiError,
    Interrupted,
    Locked,
    Place,
    ServerMessage,
    StatementFailed,
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
    StepStarted,
)
from fsapi_nb.model import Direction, Done, Migration, Mode, Part, Plan, Statement, Step
from fsapi_nb.script.sections import redact_line

_CHUNK = 1 << 20
_HINTS = {
    "25001": "this statement needs a place outside of any transaction: put `-- fsapi: transaction=off` above the first "
    "statement, so that each statement commits alone.",
    "2D000": "a procedure or DO block commits by itself: put it into a migration of its own with the line "
    "`-- fsapi: transaction=off`, so that each statement commits alone.",
    "55P03": "somebody else uses the table; run again, or wait longer with --lock-timeout 30s.",
    "55P04": "a new enum value must be committed before it is used: put the use into a migration of its own.",
    "55006": "deferred checks are waiting: put SET CONSTRAINTS ALL IMMEDIATE; before this statement.",
    "42501": "the role lacks a right; run as the owner, or let the owner grant it.",
    "0A000": None,
    "57014": "a statement_timeout ended it, or somebody cancelled it.",
}


@dataclass(slots=True)
class Runner:
    """One run of one plan on one session that holds the lock `key`."""

    session: Session
    recorder: Recorder
    key: int
    emit: Observers
    _done: list[Done] = field(default_factory=list)
    _notices: list[str] = field(default_factory=list)
    _began: float = 0.0
    _migration: str = ""

    def run(self, plan: Plan) -> tuple[Done, ...]:
        """Run every step in order; return what was completed.

        Raises StatementFailed, TransactionEnded or Interrupted, each of which says where things stand.
        """
        self.emit(RunStarted(plan, str(self.recorder.run_id)))
        try:
            self._run_all(plan)
        except (FsapiError, Interrupted) as error:
            self.emit(RunFailed(error))
            raise
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
            raise Interrupted("stopped between two steps", self._state_before(), self._names()) from None
        except psycopg.Error as error:
            message = server_message(error)
            raise DatabaseError(
                f"{message.message} [{message.sqlstate or 'connection lost'}]",
                details=tuple(message.lines()),
                state=f"this was between two migrations; `status` tells where things stand.{self._before()}",
            ) from None

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
        severity, message = diagnosis.severity_nonlocalized or "NOTICE", diagnosis.message_primary or ""
        self._notices.append(f"{severity}: {message}")
        self.emit(NoticeReceived(self._migration, severity, message))

    def _run_step(self, step: Step, number: int) -> None:
        started = time.monotonic()
        first = step.parts[0]
        if first.number == 0 or step.restore_session:
            self._begin_migration(step, started)
        self.emit(StepStarted(step, number))
        if step.mode is Mode.TRANSACTION:
            self._run_transaction(step)
        else:
            self._run_alone(first)
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
                state=self._state_before(),
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

    def _run_transaction(self, step: Step) -> None:
        part, statement = step.parts[0], None
        try:
            self.session.connection.execute(step.begin.encode())
            for part in step.parts:
                self._apply_options(part, local=True)
                before = None if part.statements and part.statements[0].kind != "SQL" else self._transaction_id()
                for statement in part.statements:
                    self._send(part, statement)
                    self._expect(TransactionStatus.INTRANS, part, statement)
                statement = None
                if before is not None and before != self._transaction_id():
                    raise self._ended(part, None)
                self._record(part, in_transaction=True)
            tag = self.session.connection.execute("COMMIT").statusmessage
            if tag != "COMMIT":
                raise self._ended(part, None)
        except psycopg.Error as error:
            raise self._failed(step, part, statement, error) from None
        except TransactionEnded as error:
            with contextlib.suppress(psycopg.Error):
                self.session.rollback()
            self._journal_failure(part, ServerMessage(None, error.message), in_transaction=True)
            raise
        except KeyboardInterrupt:
            raise self._interrupted(step, part) from None

    def _transaction_id(self) -> object:
        row = self.session.connection.execute("SELECT pg_catalog.pg_current_xact_id()::text").fetchone()
        return row[0] if row else None

    def _expect(self, status: TransactionStatus, part: Part, statement: Statement) -> None:
        """Make sure that a statement left the transaction as it was: open in a step, none outside."""
        if self.session.status is not status:
            raise self._ended(part, statement)

    def _ended(self, part: Part, statement: Statement | None) -> TransactionEnded:
        where = f"{part.migration.name}:{statement.line}" if statement else part.migration.name
        return TransactionEnded(
            f"{where}: the script ended the transaction that the migration runs in",
            state=f"what ran before that in {part.migration.name} may be committed, and it is not recorded as "
            f"{_did(part.direction)}; what came after was rolled back.{self._before()}",
            hint="look what is there; take COMMIT and ROLLBACK out of the script, or put `-- fsapi: transaction=off` "
            "above its first statement.",
        )

    # -- a step outside of any transaction ---------------------------------------------------------------------

    def _run_alone(self, part: Part) -> None:
        (statement,) = part.statements
        try:
            self._apply_options(part, local=False)
            with self.session.connection.transaction():
                self.session.be_ourselves()
                self._journal(part, "started", in_transaction=False)
            self._send(part, statement)
            self._expect(TransactionStatus.IDLE, part, statement)
            self._check_index(part, statement)
            with self.session.connection.transaction():
                self._record(part, in_transaction=False)
        except psycopg.Error as error:
            raise self._failed_alone(part, statement, error) from None
        except KeyboardInterrupt:
            raise self._interrupted_alone(part) from None

    def _check_index(self, part: Part, statement: Statement) -> None:
        """Make sure that no index was left invalid: IF NOT EXISTS passes over one in silence."""
        if statement.creates_index is None:
            return
        query = """
            SELECT n.nspname || '.' || c.relname FROM pg_catalog.pg_index i
            JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
            JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
            WHERE c.oid = pg_catalog.to_regclass(%s) AND NOT i.indisvalid
        """
        row = self.session.connection.execute(query, [statement.creates_index]).fetchone()
        if row is None:
            return
        error = psycopg.errors.ObjectNotInPrerequisiteState(f"the index {row[0]} is there, but invalid")
        hint = f"an earlier build left it: DROP INDEX CONCURRENTLY {row[0]}; and run again."
        raise self._failed_alone(part, statement, error, hint=hint)

    # -- what both have in common ------------------------------------------------------------------------------

    def _send(self, part: Part, statement: Statement) -> None:
        """Send one statement byte for byte, with its COPY data."""
        self._migration = part.migration.name
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

    def _record(self, part: Part, *, in_transaction: bool) -> None:
        """Write what a part has done, in the transaction that is open; as the role that we are, whatever it set."""
        self.session.be_ourselves()
        duration = round((time.monotonic() - self._began) * 1000)
        if not part.completes:
            self._journal(part, "done", in_transaction=in_transaction, duration_ms=duration)
        elif part.direction is Direction.UP:
            self.recorder.applied(
                part.migration, step=part.of, steps=part.of, in_transaction=in_transaction, duration_ms=duration
            )
        elif part.entry is not None:
            self.recorder.rolled_back(
                part.migration,
                part.entry,
                step=part.of,
                steps=part.of,
                in_transaction=in_transaction,
                duration_ms=duration,
            )

    def _run_marks(self, plan: Plan) -> None:
        """Record what is only recorded, all of it or nothing."""
        if not plan.marks:
            return
        with self.session.connection.transaction():
            for migration in plan.marks:
                self.recorder.baseline(migration)
        self._done += [Done(migration.name, Direction.UP, 0.0) for migration in plan.marks]

    def _journal(
        self,
        part: Part,
        state: str,
        *,
        in_transaction: bool,
        duration_ms: int | None = None,
        error: str | None = None,
    ) -> None:
        self.recorder.journal(
            part.migration,
            part.direction.value,
            state,
            part.number + 1,
            part.of,
            in_transaction=in_transaction,
            duration_ms=duration_ms,
            error=error,
        )

    # -- when something goes wrong -----------------------------------------------------------------------------

    def _failed(self, step: Step, part: Part, statement: Statement | None, error: psycopg.Error) -> StatementFailed:
        """A step that is a transaction failed: roll it back, journal that, and say where things stand."""
        message = server_message(error)
        state = self._rolled_back_state(step, part)
        if self.session.lost:
            state = f"the connection was lost, so PostgreSQL rolls the step back; `status` tells.{self._before()}"
            if statement is None:
                state = f"the connection was lost around COMMIT: `status` tells whether it was done.{self._before()}"
        else:
            self.session.rollback()
            self._journal_failure(part, message, in_transaction=True)
        return self._statement_failed(part, statement, error, message, state)

    def _failed_alone(
        self, part: Part, statement: Statement, error: psycopg.Error, *, hint: str | None = None
    ) -> StatementFailed:
        message = server_message(error)
        if self.session.lost:
            state = f"the connection was lost; whether {statement.kind} happened is in doubt.{self._before()}"
        else:
            self._journal_failure(part, message, in_transaction=False)
            done = f"steps 1 to {part.number} of {part.of} are committed; " if part.number else ""
            state = (
                f"{done}step {part.number + 1} of {part.of} failed, and the next run begins with it.{self._before()}"
            )
        return self._statement_failed(part, statement, error, message, state, hint=hint)

    def _journal_failure(self, part: Part, message: ServerMessage, *, in_transaction: bool) -> None:
        """The journal's row of a failure is kept if it can be; what failed is what the user must hear of."""
        text = f"{message.message} [{message.sqlstate}]" if message.sqlstate else message.message
        with contextlib.suppress(psycopg.Error), self.session.connection.transaction():
            self.session.be_ourselves()
            self._journal(part, "failed", in_transaction=in_transaction, error=redact_line(text))

    def _statement_failed(
        self,
        part: Part,
        statement: Statement | None,
        error: psycopg.Error,
        message: ServerMessage,
        state: str,
        *,
        hint: str | None = None,
    ) -> StatementFailed:
        hint = hint or _HINTS.get(message.sqlstate or "")
        if message.sqlstate == "0A000" and "extension" in message.message:
            hint = "this server lacks the extension: install it there, or use another PostgreSQL (--postgres-bin for the embedded one)."
        if statement is None and message.sqlstate:
            message = ServerMessage(
                message.sqlstate, f"at COMMIT: {message.message}", message.detail, message.hint, message.context
            )
        return StatementFailed(
            message,
            migration=part.migration.name,
            place=_place(part.migration, statement, error) if statement else None,
            state=state,
            applied=tuple(done.name for done in self._done),
            hint=hint,
        )

    def _rolled_back_state(self, step: Step, part: Part) -> str:
        names = " and ".join(dict.fromkeys(each.migration.name for each in step.parts))
        if part.number:
            return f"steps 1 to {part.number} of {part.of} of {names} are committed, the next was rolled back.{self._before()}"
        return f"{names} was rolled back and left nothing behind.{self._before()}"

    def _before(self) -> str:
        """What this run had done before, as the end of a sentence."""
        if not self._done:
            return ""
        names = ", ".join(done.name for done in self._done[-3:])
        more = f" and {len(self._done) - 3} before" if len(self._done) > 3 else ""
        return f" Done before in this run: {names}{more}."

    def _state_before(self) -> str:
        return (self._before() or " nothing was run.").strip()

    def _interrupted(self, step: Step, part: Part) -> Interrupted:
        """The user stopped a transaction; psycopg has cancelled the statement on the server already."""
        with contextlib.suppress(psycopg.Error):
            self.session.rollback()
            self._journal_failure(part, ServerMessage(None, "interrupted"), in_transaction=True)
        state = self._rolled_back_state(step, part)
        return Interrupted(f"stopped while {part.migration.name} was running", state, self._names())

    def _interrupted_alone(self, part: Part) -> Interrupted:
        with contextlib.suppress(psycopg.Error):
            self.session.rollback()
            self._journal_failure(part, ServerMessage(None, "interrupted"), in_transaction=False)
        state = f"step {part.number + 1} of {part.of} was cancelled, and the next run begins with it.{self._before()}"
        return Interrupted(f"stopped while {part.migration.name} was running", state, self._names())

    def _names(self) -> tuple[str, ...]:
        return tuple(done.name for done in self._done)


def _did(direction: Direction) -> str:
    return "applied" if direction is Direction.UP else "rolled back"


def _place(migration: Migration, statement: Statement, error: psycopg.Error) -> Place:
    """Where the server's error stands in the file; the statement's first line where the server does not say."""
    lines = migration.source.split("\n")
    position = error.diag.statement_position
    line, column = statement.line, None
    if position:
        before = statement.text[: int(position) - 1]
        line = statement.text_line + before.count("\n")
        column = int(position) - 1 - (before.rfind("\n") + 1) + 1
        if line == statement.text_line:
            column += max(lines[line - 1].find(statement.text.split("\n")[0].rstrip("\r")), 0)
    source = lines[line - 1].rstrip("\r") if line <= len(lines) else None
    if source is not None and redact_line(source) != source:
        return Place(migration.name, line, None, redact_line(source))
    return Place(migration.name, line, column, source)
