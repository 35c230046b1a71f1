"""Prepare a session for the rest of a migration whose first steps ran in another one, which is gone.

What its statements had only set in the session is set again; then what the journal says of that session is compared
with this one. Nothing is in flight. A lost connection is an error of the run, which has done nothing of the step yet.
"""

from __future__ import annotations

import psycopg

from fsapi_nb.errors import DatabaseError, PartlyApplied, revise
from fsapi_nb.history.kept_session import own_names, read_state
from fsapi_nb.model.migration import Direction, Statement
from fsapi_nb.model.plan import Step
from fsapi_nb.plan.other_session import refuse_other_session
from fsapi_nb.postgres.connect import server_message
from fsapi_nb.run import failures
from fsapi_nb.run.position import RunPosition
from fsapi_nb.run.state import RunState
from fsapi_nb.script.session_state import named_settings
from fsapi_nb.text.command import Advice, command


def prepare_session(run: RunState, step: Step) -> None:
    """Make the session what the step needs of the one before.

    Raises DatabaseError if something cannot be set again, PartlyApplied if the session lacks what may be needed.
    """
    for statement in step.restore_session:
        _restore(run, step, statement)
    _compare(run, step)


def _restore(run: RunState, step: Step, statement: Statement) -> None:
    """Run a statement again that an earlier run had run in its session."""
    try:
        run.session.connection().execute(statement.text.encode())
    except psycopg.Error as error:
        message, at = server_message(error), RunPosition(step, step.parts[0])
        name = at.part.migration.name
        can_undo = at.part.direction is Direction.UP and at.part.migration.down is not None
        raise DatabaseError(
            f"{name}:{statement.line}: what an earlier run had set in its session cannot be set again: "
            f"{message.message} [{message.sqlstate or 'connection lost'}]",
            details=tuple(message.lines()),
            state=f"unchanged; {at.before_it()}.",
            hint=Advice(
                "make what is missing, and run again",
                *(("; ", command("rollback"), " undoes what was done") if can_undo else ()),
                ".",
            ),
        ) from None


def _compare(run: RunState, step: Step) -> None:
    """Make sure that the settings are those that the migration's first steps had."""
    part, before = step.parts[0], step.session_before
    if before is None:
        return
    script = part.migration.script(part.direction)
    names = {*before.state, *named_settings(script.written.text if script else ""), *own_names(run.session.settings)}
    state = read_state(run.session, run.recorder.lock, sorted(names))
    try:
        refuse_other_session(part, before, state)
    except PartlyApplied as error:
        raise revise(error, state=f"{error.state}{failures.before(run.done)}") from error.__cause__
