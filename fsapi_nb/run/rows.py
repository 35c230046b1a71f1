"""Write what a plan says of the history beside its steps: announcements, and rows that need no run.

Each call is one transaction of its own: all of it is written, or nothing. Nothing else is in flight.
"""

from __future__ import annotations

import contextlib
import json

import psycopg

from fsapi_nb.history.changed_rows import may_not_change
from fsapi_nb.history.record import JournalRow, Recorder
from fsapi_nb.history.retired_row import not_restored, read_retired_rows
from fsapi_nb.model.history import RowChangeKind
from fsapi_nb.model.migration import Direction
from fsapi_nb.model.plan import CompletedMigration, Plan
from fsapi_nb.postgres.ask import role_of
from fsapi_nb.postgres.pipeline import Message
from fsapi_nb.run.state import RunState


def announcements(recorder: Recorder, plan: Plan) -> list[Message]:
    """Return the messages by which a run that is cut off has said what it was about to do."""
    rows = [
        JournalRow(None, each.event, each.state, name=each.name, message=json.dumps(each.names) if each.names else None)
        for each in plan.announces
    ]
    return [message for row in rows for message in recorder.journal(row)]


def end_of_redo(recorder: Recorder, plan: Plan) -> list[Message]:
    """Return the messages that journal that a redo in several steps is done."""
    last = plan.steps[-1] if plan.verb == "redo" and plan.steps else None
    if not last or len(last.parts) != 1:
        return []
    return list(recorder.journal(JournalRow(None, "redo", "done", name=last.parts[0].migration.name)))


def announce(run: RunState, plan: Plan) -> None:
    """Journal what a run that is cut off must have said of itself, before anything of the plan can be committed."""
    messages = announcements(run.recorder, plan)
    if messages:
        run.session.commit(messages)


def close_redo(run: RunState, plan: Plan) -> None:
    """Journal that a redo in several steps is done. That it is, stands in the history already."""
    messages = end_of_redo(run.recorder, plan)
    if messages:
        with contextlib.suppress(psycopg.Error):
            run.session.commit(messages)


def write_rows(run: RunState, plan: Plan) -> None:
    """Write what is only recorded or changed in the history.

    Raises HistoryError if the role may not write it, or a row to be restored is there already.
    """
    if not (plan.to_record or plan.amends or plan.changes):
        return
    restored = _restored(plan)
    try:
        run.session.commit(row_messages(run.recorder, plan))
    except psycopg.errors.InsufficientPrivilege as error:
        if not plan.changes:
            raise
        raise may_not_change(error, run.recorder.tables, role_of(run.session)) from None
    except (psycopg.errors.UniqueViolation, psycopg.errors.NumericValueOutOfRange) as error:
        if not restored:
            raise
        raise not_restored(error, run.recorder.tables) from None
    run.done += [CompletedMigration(migration.name, Direction.UP, 0.0) for migration in plan.to_record]


def _restored(plan: Plan) -> list[str]:
    return [change.entry.name for change in plan.changes if change.kind is RowChangeKind.RESTORE]


def row_messages(recorder: Recorder, plan: Plan) -> list[Message]:
    """Return the messages that record and change rows, and run nothing; what is put back is read from the journal."""
    rows = read_retired_rows(recorder.session, recorder.tables, _restored(plan))
    messages = [message for name, row in rows.items() for message in recorder.restored(name, row)]
    others = (change for change in plan.changes if change.kind is not RowChangeKind.RESTORE)
    messages += [message for change in others for message in recorder.change(change)]
    messages += [message for each in plan.to_record for message in recorder.baseline(each, place=plan.place)]
    for part in plan.amends:
        if part.entry is not None:
            messages += recorder.repaired(part.migration, part.entry)
    return messages
