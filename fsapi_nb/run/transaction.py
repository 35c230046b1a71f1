"""Run a step that is one transaction: compose what is sent, wait for it, and try again what a lock has stopped.

Everything of a step travels in one go, its history row and COMMIT behind its statements. Only inline data, checks and a
text that the parser does not know are waited for. Who owns the connection: the run's state. What is in flight: the
batch that is waited for, and what is sent ahead of it. A lost connection means: before COMMIT was sent, the step is
undone; behind that the journal is asked (`outcome`).
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import psycopg
from psycopg.pq import TransactionStatus

from fsapi_nb.errors import AssertionViolated, MigrationFileError, TransactionEnded, with_state
from fsapi_nb.events import StatementStarted
from fsapi_nb.history.record import done_row
from fsapi_nb.model.migration import Check
from fsapi_nb.model.plan import Step, StepPart
from fsapi_nb.model.server import Blockage
from fsapi_nb.postgres.pipeline import Message
from fsapi_nb.postgres.session import AS_CONNECTED_ROLE, in_own_transaction
from fsapi_nb.run import failures, outcome
from fsapi_nb.run.ahead import SentAhead
from fsapi_nb.run.batch import Batch, PassedOver
from fsapi_nb.run.position import RunPosition
from fsapi_nb.run.refusal import refusal_of
from fsapi_nb.run.state import RETRYABLE, RunState
from fsapi_nb.run.timeouts import timeout_messages
from fsapi_nb.script.plain_definitions import is_plain


@dataclass(slots=True)
class TransactionRunner:
    """Runs the steps of one run that are transactions.

    `clean` brings the session back to how it began; `blockage` gives who was seen to block a step.
    """

    run: RunState
    clean: Callable[[], None]
    blockage: Callable[[Step], Blockage]
    ahead: SentAhead = field(init=False)

    def __post_init__(self) -> None:
        """Prepare to send ahead."""
        self.ahead = SentAhead(self.run.steps, self.compose)

    def run_step(self, step: Step) -> Sequence[float | None]:
        """Run the step, again if a lock or a deadlock was in the way, until it is committed or has failed for good.

        Return the seconds that each of its parts took; nothing if the answer was lost.
        """
        run = self.run
        pauses = pauses_between_attempts(run.max_wait)
        attempts, heard, reason = 0, len(run.notices), ""
        while True:
            attempts, began = attempts + 1, time.monotonic()
            del run.notices[heard:]  # what an attempt said that was undone
            run.position = RunPosition(step, step.parts[0])
            try:
                took = self._attempt(step)
            except PassedOver:
                self.ahead.forget()
                self.clean()
                attempts -= 1
            except psycopg.Error as error:
                lost = run.session.is_lost()
                if lost and run.is_sealed and outcome.was_committed(run, self.ahead, error):
                    return ()
                self.ahead.forget()
                self._retry_or_raise(error, attempts, pauses, lost=lost)
                reason = RETRYABLE[error.sqlstate or ""]
            except (TransactionEnded, AssertionViolated, MigrationFileError) as error:
                outcome.abandon(run, self.ahead)
                run.session.rollback()
                run.journal_outcome("failed", error.message)
                if isinstance(error, MigrationFileError):  # the inline data are not those that were planned
                    raise with_state(error, run.here().left() + failures.before(run.done)) from error.__cause__
                raise
            else:
                run.succeeded(attempts, began, reason, self.blockage(step))
                return took

    def _attempt(self, step: Step) -> Sequence[float | None]:
        run = self.run
        run.is_sealed = bool(self.ahead)
        if self.ahead:
            batch = self.ahead.take()
        else:
            batch = self.compose(step, run.number, waited=time.monotonic() - run.migration_began)
            run.is_sealed = True
            batch.send(last=not self.ahead.is_followed(run.number))
        self.ahead.fill(run.number)
        if batch.receive() != b"COMMIT":
            raise failures.ended(run.here(), run.done)
        run.tally.take(batch.tally)
        return batch.took

    def compose(self, step: Step, number: int, *, waited: float = 0.0) -> Batch:
        """Return all messages of the step of that number up to its COMMIT; what must be waited for is sent and waited for.

        `waited` are the seconds since its migration began.
        """
        session, recorder = self.run.session, self.run.recorder
        whole = all(part.of == 1 for part in step.parts)
        quiet = whole and not session.facts.event_triggers and is_quiet(step)
        # Not inside the transaction: it would take a snapshot, and the script may begin with SET TRANSACTION.
        before = () if quiet else in_own_transaction(*session.forgetting())
        # A step that is tried again must find the session as the steps before it have left it.
        then = session.tidying if quiet else session.cleaning if whole else ()
        batch = Batch(session, self.run.arrive, before, then)
        batch.add(RunPosition(step, step.parts[0]), Message(step.begin.encode()))
        for before_it, part in zip((None, *step.parts), step.parts, strict=False):
            if before_it and before_it.direction is not part.direction:
                batch.add(RunPosition(step, before_it, resetting=True), *session.resetting)
            self._append_part(batch, step, part)
            ours = () if quiet else AS_CONNECTED_ROLE
            row = done_row(part, waited=waited)
            batch.add(RunPosition(step, part), *recorder.captured(part))
            batch.add(RunPosition(step, part, recording=True), *ours, *recorder.done(part, row, prepared=quiet))
        last = step.parts[-1]
        batch.add(RunPosition(step, last, recording=True), *recorder.still(self.run.kept[number], step))
        batch.add(RunPosition(step, last, committing=True), Message(b"COMMIT"))
        return batch

    def _append_part(self, batch: Batch, step: Step, part: StepPart) -> None:
        """Append everything of a part but its record; what must be waited for is waited for."""
        run = self.run
        batch.add(RunPosition(step, part), *timeout_messages(part))
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
            run.arrive(at)
            tag = run.send(statement)
            if part.is_parsed:  # of several statements, only the first answer would be counted
                batch.tally.add(part.direction, statement, tag)
            run.expect(TransactionStatus.INTRANS)
        for check in part.checks:
            batch.exchange()
            self._check(step, part, check)
        if identity is not None and identity != self._transaction_id():
            raise failures.ended(run.here(), run.done)

    def _check(self, step: Step, part: StepPart, check: Check) -> None:
        """Ask what must hold before this is committed. Raises AssertionViolated if it does not hold."""
        from fsapi_nb.run.check import OPENING, holds
        from fsapi_nb.run.check import ask as ask_check

        run = self.run
        run.position = at = RunPosition(step, part, check.statement, checking=check, shift=len(OPENING))
        run.emit(StatementStarted(part.migration.name, check.statement))
        found = ask_check(run.session.connection(), check.statement.text)
        if not holds(found):
            raise failures.violated(at, check, found, run.done)

    def _transaction_id(self) -> object:
        row = (
            self.run.session.connection().execute("SELECT pg_catalog.pg_current_xact_id()::pg_catalog.text").fetchone()
        )
        return row[0] if row else None

    def _retry_or_raise(self, error: psycopg.Error, attempts: int, pauses: Iterator[float], *, lost: bool) -> None:
        """Wait for the next attempt, or raise what ends the run."""
        run, at = self.run, self.run.here()
        run.session.rollback()
        refusal, refused = refusal_of(error, at, lost=lost), None
        if not lost:
            refused = failures.outdated(refusal) or run.recorder.refusal(error, recording=at.recording)
        if refused:
            run.journal_outcome("failed", refused.message)
            raise with_state(refused, refused.state or at.left() + failures.before(run.done))
        pause = next(pauses, None) if not lost and error.sqlstate in RETRYABLE else None
        if pause is None:
            run.journal_outcome("failed", refusal.journalled)
            tried = failures.Attempts(attempts, run.max_wait, self.blockage(at.step), tuple(run.notices))
            tables = run.recorder.tables
            raise failures.failed(refusal, run.done, tried=tried, tables=tables) from None
        run.pause(error, attempts, pause)


def is_quiet(step: Step) -> bool:
    """Return whether the step leaves nothing behind in its session, between its parts neither."""
    alike = len({part.direction for part in step.parts}) == 1
    return alike and all(is_plain(part) and not part.checks for part in step.parts)


def pauses_between_attempts(seconds: float) -> Iterator[float]:
    """Yield how long to wait before each further attempt, in seconds: growing, with jitter, for so long in all."""
    deadline = time.monotonic() + seconds
    pause = 0.1
    while (left := deadline - time.monotonic()) > 0:
        yield min(pause * random.uniform(0.5, 1.5), left)  # noqa: S311 - jitter, no secret
        pause = min(pause * 2, 5.0)
