"""Run a step that is one statement outside of any transaction, such as CREATE INDEX CONCURRENTLY.

Who owns the connection: the run's state. What is in flight: one statement, and before it, committed, the journal's word
that it is about to be sent, with what the catalog says of what it makes. A lost connection, a kill or a failure leaves
that word behind: the next run, and the next attempt of this one, ask the catalog what there is. What no catalog tells
is sent once, and is in doubt if it failed behind a COMMIT of its own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import psycopg
from psycopg import sql
from psycopg.pq import TransactionStatus

from fsapi_nb.errors import with_state
from fsapi_nb.history.record import done_row, row_of
from fsapi_nb.model.history import COMMITTED_ITSELF
from fsapi_nb.model.migration import Statement
from fsapi_nb.model.plan import Step, StepPart
from fsapi_nb.model.server import Blockage
from fsapi_nb.postgres.ask import ask
from fsapi_nb.run import failures
from fsapi_nb.run.catalog_view import find_relation, view_before
from fsapi_nb.run.patience import blocks_nobody, patient
from fsapi_nb.run.position import RunPosition
from fsapi_nb.run.recover import clear_up
from fsapi_nb.run.refusal import refusal_of
from fsapi_nb.run.state import RETRYABLE, RunState
from fsapi_nb.run.timeouts import script_timeouts
from fsapi_nb.run.transaction import pauses_between_attempts

_INVALID = sql.SQL("""
    SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) FROM pg_catalog.pg_index i
    JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE i.indrelid = {} AND c.relname = {} AND NOT i.indisvalid
""")


@dataclass(slots=True)
class AloneRunner:
    """Runs the steps of one run that are outside of transactions. `blockage` gives who was seen to block a step.

    `_begun` is how many transactions the session had begun before a statement of which no catalog tells; None for
    others.
    """

    run: RunState
    blockage: Callable[[Step], Blockage]
    _begun: int | None = None

    def run_step(self, step: Step) -> None:
        """Run the statement, again if a lock or a deadlock was in the way and the catalog tells what that has left."""
        run = self.run
        (part,) = step.parts
        (statement,) = part.statements
        pauses, attempts, seen, reason = pauses_between_attempts(run.max_wait), 0, None, ""
        while True:
            attempts, began = attempts + 1, time.monotonic()
            run.position, run.is_sealed, self._begun = RunPosition(step, part), False, None
            try:
                self._set_options(part)
                if attempts == 1:
                    seen = self._journal_start(part, statement)
                run.arrive(RunPosition(step, part, statement))
                with patient(run.session, run.max_wait if blocks_nobody(statement) else 0):
                    if attempts == 1 or not clear_up(run.session, statement, seen):
                        run.tally.add(part.direction, statement, self._attempt(statement))
                self._check_index(statement)
                self._record(step, part)
            except psycopg.Error as error:
                self._retry_or_raise(error, attempts, pauses)
                reason = RETRYABLE[error.sqlstate or ""]
            else:
                run.succeeded(attempts, began, reason, self.blockage(step))
                return

    def _set_options(self, part: StepPart) -> None:
        """Set what the file asks for, outside of any transaction."""
        for name, value in script_timeouts(part).items():
            self.run.session.connection().execute("SELECT pg_catalog.set_config(%s, %s, false)", [name, value])

    def _journal_start(self, part: StepPart, statement: Statement) -> str | None:
        """Write down that the statement is about to be sent, and what the catalog says before it, which is returned."""
        session, recorder = self.run.session, self.run.recorder
        seen = view_before(session, statement.traits.effect)
        row = row_of(part, "started", in_transaction=False)._replace(witness=seen)
        session.commit([*session.forgetting(), *recorder.journal(row)])
        return seen

    def _attempt(self, statement: Statement) -> bytes:
        if not statement.leaves_a_trace:
            self._begun = self.run.session.transactions_begun()
        tag = self.run.send(statement)
        self.run.expect(TransactionStatus.IDLE)
        return tag

    def _record(self, step: Step, part: StepPart) -> None:
        run = self.run
        run.position = RunPosition(step, part, recording=True)
        row = done_row(part, waited=time.monotonic() - run.migration_began, in_transaction=False)
        recorded = [*run.recorder.done(part, row), *run.recorder.still(run.kept[run.number], step)]
        run.session.commit(recorded, before=run.recorder.captured(part))

    def _check_index(self, statement: Statement) -> None:
        """Make sure that no index was left invalid: IF NOT EXISTS passes over one in silence."""
        run, effect = self.run, statement.traits.effect
        if effect is None or effect.name is None or not statement.builds_index:
            return
        relation = find_relation(run.session, effect.relation)
        query = _INVALID.format(sql.Literal(relation), sql.Literal(effect.name))
        rows = ask(run.session.connection(), query) if relation is not None else ()
        if not rows:
            return
        ((index,),) = rows
        error = psycopg.errors.ObjectNotInPrerequisiteState(f"the index {index} is there, but invalid")
        refusal = refusal_of(error, run.here())
        run.journal_outcome("failed", refusal.message.message)
        hint = f"somebody's build left it: DROP INDEX CONCURRENTLY {index}; and run again."
        raise failures.failed(refusal, run.done, hint=hint)

    def _retry_or_raise(self, error: psycopg.Error, attempts: int, pauses: Iterator[float]) -> None:
        """Wait for the next attempt, or raise what ends the run."""
        run, at = self.run, self.run.here()
        may = (
            not run.session.is_lost() and not at.recording and at.statement is not None and at.statement.leaves_a_trace
        )
        # One that was patient has waited for all of it.
        may = may and time.monotonic() - run.step_began < run.max_wait
        pause = next(pauses, None) if may and error.sqlstate in RETRYABLE else None
        if pause is None:
            self._fail(error, attempts)
        else:
            run.pause(error, attempts, pause)

    def _fail(self, error: psycopg.Error, attempts: int) -> None:
        run, at = self.run, self.run.here()
        lost = run.session.is_lost()
        refusal = refusal_of(error, at, lost=lost)
        if not lost and not at.recording and self._has_committed():
            run.journal_outcome("in doubt", COMMITTED_ITSELF + refusal.journalled)
            raise failures.half_committed(refusal, run.done, notices=tuple(run.notices)) from None
        if not lost and not at.recording:  # what has run is left in flight: the next run looks what is there
            run.journal_outcome("failed", refusal.journalled)
        refused = None if lost else run.recorder.refusal(error, recording=at.statement is None)
        if refused:
            raise with_state(refused, failures.state_after(at, lost=lost) + failures.before(run.done)) from None
        tried = failures.Attempts(attempts, run.max_wait, self.blockage(at.step), tuple(run.notices))
        tables = run.recorder.tables
        raise failures.failed(refusal, run.done, tried=tried, tables=tables) from None

    def _has_committed(self) -> bool:
        """Ask whether the statement that failed has ended a transaction by itself: a part of it may be committed then.

        Only asked of those of which no catalog tells: the question before it was one transaction, it is one, this is one.
        """
        return self._begun is not None and self.run.session.transactions_begun() > self._begun + 2
