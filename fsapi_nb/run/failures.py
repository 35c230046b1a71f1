"""The errors of a run: what failed, where in the file, what the database holds now, what to do next. Pure.

The runner gives what it knows as values; the server is not asked here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from fsapi_nb.errors import AssertionViolated, Interrupted, RefusedPlan, StatementFailed, TransactionEnded
from fsapi_nb.history.tables import Tables
from fsapi_nb.model.migration import Check, Direction
from fsapi_nb.model.plan import CompletedMigration, Mode
from fsapi_nb.model.server import NO_BLOCKAGE, Blockage, ServerMessage
from fsapi_nb.postgres.defaults import OUTDATED
from fsapi_nb.run.hints import hint_for, hint_recording
from fsapi_nb.run.position import RunPosition
from fsapi_nb.run.refusal import Refusal
from fsapi_nb.script.excerpt import shown_lines, statement_place
from fsapi_nb.text.command import Advice, command

if TYPE_CHECKING:
    from fsapi_nb.model.result import ResultSet

#: Those that another session is the cause of: lock timeout, deadlock.
_LOCKS = {"55P03", "40P01"}


@dataclass(frozen=True, slots=True)
class Attempts:
    """How often a step was tried, for how many seconds at most, who was seen to block it, what the server said."""

    attempts: int = 1
    max_wait: float = 0.0
    blockage: Blockage = NO_BLOCKAGE
    notices: tuple[str, ...] = ()


_ONCE = Attempts()


def before(done: Sequence[CompletedMigration]) -> str:
    """Return what a run had done before, as the end of a sentence."""
    if not done:
        return ""
    names = ", ".join(each.name for each in done[-3:])
    more = f" and {len(done) - 3} before" if len(done) > 3 else ""
    return f" Done before in this run: {names}{more}."


def half_redone(state: str | None, done: Sequence[CompletedMigration]) -> str:
    """Return what the database holds after a redo that failed: with a word first if its DOWN alone is committed."""
    if [each.direction for each in done] != [Direction.DOWN]:
        return state or ""
    name, rest = done[0].name, (state or "").removesuffix(before(done)).rstrip(".")
    return Advice(
        f"{name} was rolled back, and its UP is not complete; the next ",
        command("redo"),
        ", or ",
        command("migrate"),
        f", goes on with it ({rest}).",
    )


def failed(
    refusal: Refusal,
    done: Sequence[CompletedMigration],
    *,
    state: str | None = None,
    hint: str | None = None,
    tried: Attempts = _ONCE,
    tables: Tables | None = None,
) -> StatementFailed:
    """Return the error of a statement that was refused, or that the connection was lost over.

    `tables` are those of the history.
    """
    at, lost, message = refusal.at, refusal.lost, refusal.said
    if state is None and is_history_gone(at, message):
        state = state_without_history(at)
        hint = Advice(
            command("plan"),
            " shows what the next run would do; to record what is applied, running nothing: ",
            command("baseline", at.part.migration.name),
        )
    elif hint is None and at.recording and not lost:
        hint = hint_recording(message, at.part.statements, tables)
    elif hint is None:
        hint = hint_for(message, at.statement, tables, alone=at.step.mode is not Mode.TRANSACTION)
    shown = refusal.shown
    if tried.attempts > 1:
        shown = replace(shown, message=f"{shown.message}, tried again for {tried.max_wait:g} s")
    return StatementFailed(
        shown,
        migration=at.part.migration.name,
        place=refusal.place,
        state=(state or state_after(at, lost=lost)) + before(done),
        applied=tuple(each.name for each in done),
        steps_before=at.part.number,
        hint=hint,
        attempts=tried.attempts,
        notices=tried.notices,
        blockage=tried.blockage if message.sqlstate in _LOCKS else None,
    )


def outdated(refusal: Refusal) -> RefusedPlan | None:
    """Return the refusal of a redo whose DOWN has changed what new sessions begin with, which its text did not show."""
    at = refusal.at
    if not at.resetting or OUTDATED not in refusal.message.message:
        return None
    name = at.part.migration.name
    return RefusedPlan(
        f"the DOWN of {name} changes what new sessions begin with, so its UP cannot run in the same transaction",
        details=("  Code that it runs changes settings of the database or the role, or event triggers.",),
        hint=Advice(command("rollback"), ", and then ", command("migrate"), ": the UP runs in a new session then."),
    )


def half_committed(
    refusal: Refusal, done: Sequence[CompletedMigration], *, notices: tuple[str, ...] = ()
) -> StatementFailed:
    """Return the error of a block or procedure that failed after it had committed by itself."""
    at, part = refusal.at, refusal.at.part
    begun = f"{at.before_it()}; " if part.number else ""
    state = (
        f"{begun}step {part.number + 1} of {part.of} had committed by itself before it failed: a part of it may be "
        "committed, and the next run does not repeat it."
    )
    name = part.migration.name
    retry, done_by_hand = command("resolve", name, retry=True), command("resolve", name, done=True)
    hint = Advice(
        "look what is there, then run ",
        retry,
        " (run it again), ",
        done_by_hand,
        " (the rest was done by hand) or ",
        command("resolve", name, undo=True),
        " (roll back what was done before it).",
    )
    if part.direction is Direction.DOWN:
        hint = Advice(
            "look what is there, then run ",
            retry,
            " (run it again) or ",
            done_by_hand,
            " (the rest was done by hand), and run this again.",
        )
    return failed(refusal, done, state=state, hint=hint, tried=Attempts(notices=notices))


def state_after(at: RunPosition, *, lost: bool) -> str:
    """Return what the database holds after a failure."""
    part = at.part
    if at.step.mode is Mode.TRANSACTION:
        return f"the connection was lost; {at.left()}" if lost else at.left()
    begun = f"{at.before_it()}; " if part.number else ""
    if at.recording:
        return f"{begun}step {part.number + 1} of {part.of} was run and not recorded; the next run looks what is there."
    if lost:
        return f"{begun}the connection was lost in step {part.number + 1}; the next run looks whether it happened."
    return f"{begun}step {part.number + 1} of {part.of} failed, and the next run begins with it."


def is_history_gone(at: RunPosition, message: ServerMessage) -> bool:
    """Return whether a step outside of a transaction has dropped a table of the history; no ROLLBACK brings it back."""
    alone = at.step.mode is not Mode.TRANSACTION
    return alone and at.recording and message.sqlstate == "42P01" and message.context is None


def state_without_history(at: RunPosition) -> str:
    """Return what the database holds after such a step."""
    part = at.part
    return (
        f"{at.before_it() + '; ' if part.number else ''}step {part.number + 1} of {part.of} was run; a table of the history "
        "is gone with it, and what was recorded there: the next run takes it for not applied."
    )


def ended(at: RunPosition, done: Sequence[CompletedMigration]) -> TransactionEnded:
    """Return the error of a script that ended the transaction that belongs to the runner."""
    part = at.part
    where = f"{part.migration.label}:{at.statement.line}" if at.statement else part.migration.label
    did = "applied" if part.direction is Direction.UP else "rolled back"
    return TransactionEnded(
        f"{where}: the script ended the transaction that the migration runs in",
        state=f"what ran before that in {part.migration.name} may be committed, and it is not recorded as {did}; "
        f"what came after was rolled back.{before(done)}",
        hint="look what is there; take COMMIT and ROLLBACK out of the script, or put `-- fsapi: transaction=off` above "
        "its first statement.",
    )


def violated(at: RunPosition, check: Check, found: ResultSet, done: Sequence[CompletedMigration]) -> AssertionViolated:
    """Return the error of a check that does not hold, so that the migration's transaction is undone."""
    statement = check.statement
    return AssertionViolated(
        check.title,
        found,
        place=statement_place(at.part.migration.label, statement, shown_lines(at.part.migration)),
        state=at.left() + before(done),
        hint="look at the rows: error.to_frame(); the check stands below the UP of the file.",
    )


def interrupted(at: RunPosition, done: Sequence[CompletedMigration], *, committed: bool) -> Interrupted:
    """Return the error of a run that the user stopped, after the server has ended the statement."""
    part = at.part
    if committed and not at.step.parts[-1].completes:
        state = (
            f"step {part.number + 1} of {part.of} had been committed in that moment; the next run goes on from there."
        )
    elif committed:
        state = f"{part.migration.name} had been committed in that moment."
    elif at.step.mode is Mode.TRANSACTION:
        state = at.left()
    else:
        state = f"step {part.number + 1} of {part.of} was cancelled; the next run looks whether it happened."
    names = tuple(each.name for each in done)
    return Interrupted(f"stopped while {part.migration.name} was running", state + before(done), names)
