"""The errors of a run: what failed, where in the file, what the database holds now, what to do next. Pure.

The runner gives what it knows as values; the server is not asked here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import psycopg

from fsapi_nb.errors import AssertionViolated, Interrupted, RefusedPlan, StatementFailed, TransactionEnded
from fsapi_nb.history.tables import Tables
from fsapi_nb.model.migration import Check, Direction, Migration, Statement
from fsapi_nb.model.place import SourceLocation
from fsapi_nb.model.plan import CompletedMigration, Mode, Step, StepPart
from fsapi_nb.model.server import NO_BLOCKAGE, Blockage, ServerMessage
from fsapi_nb.postgres.connect import server_message
from fsapi_nb.postgres.defaults import OUTDATED
from fsapi_nb.postgres.quoted_values import hide_row, without_values
from fsapi_nb.run.hints import hint_for, hint_recording
from fsapi_nb.script.excerpt import shown_lines, statement_place
from fsapi_nb.text.command import Advice, command

if TYPE_CHECKING:
    from fsapi_nb.model.result import ResultSet

#: Those that another session is the cause of: lock timeout, deadlock.
_LOCKS = {"55P03", "40P01"}
# `COPY t, line 3` in each of the languages that PostgreSQL speaks (lc_messages).
_DATA_LINE = re.compile(r"(?:^COPY .*?, [^\d,]+|COPY、\D+|복사, )(\d+)", re.MULTILINE)


class RunPosition(NamedTuple):
    """Where a run is: the step, the part of it, and the statement that was sent last.

    `checking` while a check is asked, behind `shift` characters of ours; `recording` while the history is written,
    `resetting` while the session is brought back to how it began behind the part, `committing` once COMMIT was sent.
    """

    step: Step
    part: StepPart
    statement: Statement | None = None
    recording: bool = False
    resetting: bool = False
    committing: bool = False
    checking: Check | None = None
    shift: int = 0

    def left(self) -> str:
        """Return what the database holds of the migration once its step in a transaction is undone."""
        name = self.part.migration.name
        if self.part.number:
            return f"{self.before_it()}; step {self.part.number + 1} was undone."
        if self.step.parts[0].direction is Direction.DOWN:
            applied = "applied" if self.step.parts[0].entry else "partly applied"
            return f"nothing of this was kept: {name} is {applied}, as before."
        return f"{name} was rolled back and left nothing behind."

    def before_it(self) -> str:
        """Return what is committed of the migration before this step."""
        number, of, name = self.part.number, self.part.of, self.part.migration.name
        if number == 1:
            return f"step 1 of {of} of {name} is committed"
        return f"steps 1 to {number} of {of} of {name} are committed"


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
    at: RunPosition,
    error: psycopg.Error,
    done: Sequence[CompletedMigration],
    *,
    lost: bool,
    state: str | None = None,
    hint: str | None = None,
    tried: Attempts = _ONCE,
    tables: Tables | None = None,
) -> StatementFailed:
    """Return the error of a statement that PostgreSQL refused, or over which the connection was lost."""
    message = server_message(error)
    if at.statement:
        message = hide_row(message, at.statement.text)
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
    text = message.message
    if at.recording and not lost:
        text = f"while the history was written: {text}"
    elif at.resetting and not lost:
        text = f"while the session was brought back to how it began, behind the DOWN: {text}"
    elif at.committing:
        text = f"at COMMIT: {text}"
    if tried.attempts > 1:
        text += f", tried again for {tried.max_wait:g} s"
    message = ServerMessage(message.sqlstate, text, message.detail, message.hint, message.context)
    return StatementFailed(
        message,
        migration=at.part.migration.name,
        place=_place(at.part.migration, at.statement, error, at.shift) if at.statement else None,
        state=(state or state_after(at, lost=lost)) + before(done),
        applied=tuple(each.name for each in done),
        steps_before=at.part.number,
        hint=hint,
        attempts=tried.attempts,
        notices=tried.notices,
        blockage=tried.blockage if message.sqlstate in _LOCKS else None,
    )


def outdated(at: RunPosition, error: psycopg.Error) -> RefusedPlan | None:
    """Return the refusal of a redo whose DOWN has changed what new sessions begin with, which its text did not show."""
    if not at.resetting or OUTDATED not in (error.diag.message_primary or ""):
        return None
    name = at.part.migration.name
    return RefusedPlan(
        f"the DOWN of {name} changes what new sessions begin with, so its UP cannot run in the same transaction",
        details=("  Code that it runs changes settings of the database or the role, or event triggers.",),
        hint=Advice(command("rollback"), ", and then ", command("migrate"), ": the UP runs in a new session then."),
    )


def half_committed(
    at: RunPosition, error: psycopg.Error, done: Sequence[CompletedMigration], *, notices: tuple[str, ...] = ()
) -> StatementFailed:
    """Return the error of a block or procedure that failed after it had committed by itself."""
    part = at.part
    begun = f"{at.before_it()}; " if part.number else ""
    state = (
        f"{begun}step {part.number + 1} of {part.of} had committed by itself before it failed: a part of it may be "
        "committed, and the next run does not repeat it."
    )
    name = part.migration.name
    retry, done_by_hand = command("resolve", name, retry=True), command("resolve", name, done=True)
    hint = Advice(
        "look what is there, then say ",
        retry,
        " (run it again), ",
        done_by_hand,
        " (the rest was done by hand) or ",
        command("resolve", name, undo=True),
        " (roll back what was done before it).",
    )
    if part.direction is Direction.DOWN:
        hint = Advice(
            "look what is there, then say ",
            retry,
            " (run it again) or ",
            done_by_hand,
            " (the rest was done by hand), and run this again.",
        )
    return failed(at, error, done, lost=False, state=state, hint=hint, tried=Attempts(notices=notices))


def journalled(at: RunPosition, error: psycopg.Error) -> str:
    """Return what the journal keeps of a failure: the line of the file if there is one, the message, the code.

    No value of a row is in it.
    """
    message = server_message(error)
    where = ""
    if at.statement and not at.recording and not at.committing:
        where = f"line {_place(at.part.migration, at.statement, error, at.shift).line}: "
    return f"{where}{without_values(message)}" + (f" [{message.sqlstate}]" if message.sqlstate else "")


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


def copied_line(context: str | None) -> int | None:
    """Return the line of the data that the context of an error in COPY names, whatever its language."""
    match = _DATA_LINE.search(context or "")
    return int(match[1]) if match else None


def _line_of_data(statement: Statement, error: psycopg.Error) -> int | None:
    """Return the line of the file with the data that a COPY was refused for. The server counts lines of data."""
    line = copied_line(error.diag.context) if statement.copy else None
    return statement.copy.line + line - 1 if line and statement.copy else None


def _place(migration: Migration, statement: Statement, error: psycopg.Error, shift: int) -> SourceLocation:
    """Return where the server's error is in the file; the statement's first line if the server does not say."""
    position = error.diag.statement_position
    data, shown = _line_of_data(statement, error), shown_lines(migration)
    if not position and not data:
        return statement_place(migration.label, statement, shown)
    lines = migration.source.split("\n")
    line, column = data or statement.line, None
    if position:
        text = statement.text[: max(int(position) - 1 - shift, 0)]
        line = statement.text_line + text.count("\n")
        column = len(text) - (text.rfind("\n") + 1) + 1
        if line == statement.text_line:
            column += statement.text_column - 1
    source = lines[line - 1].rstrip("\r") if line <= len(lines) else None
    if source is not None and shown[line - 1].rstrip("\r") != source:
        return SourceLocation(migration.label, line, None, shown[line - 1].rstrip("\r"))
    return SourceLocation(migration.label, line, column, source)
