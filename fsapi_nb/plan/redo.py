"""Plan a redo, or the rest of one that was cut off half-way.

A redo that needs several steps commits its DOWN before its UP. The journal says that a redo has begun, so that the
next one goes on with the same migration: the last applied one is then the one before it, which nobody has asked for.
"""

from __future__ import annotations

from collections.abc import Sequence

from fsapi_nb.errors import FaultyMigrations, UnknownMigration
from fsapi_nb.model.migration import Direction, Migration
from fsapi_nb.model.plan import Announcement, Mode, Plan, Step
from fsapi_nb.plan import refuse
from fsapi_nb.plan.collect import applied_migration, collect, down_steps, up_steps
from fsapi_nb.plan.down import down_warnings
from fsapi_nb.plan.input import PlanInput
from fsapi_nb.plan.names import find_applied
from fsapi_nb.plan.rollback import plan_rollback
from fsapi_nb.plan.secrets import secret_notes
from fsapi_nb.plan.selection import choose_down
from fsapi_nb.plan.session import session_notes
from fsapi_nb.script.session_state import may_change_new_sessions, sets_transaction
from fsapi_nb.text.command import Advice, command


def plan_redo(given: PlanInput, *, name: str | None = None) -> Plan:
    """Plan to roll the last applied migration back with its stored DOWN, and to apply its file again.

    The steps are one transaction if both scripts allow it. A redo that was cut off half-way is continued first.

    Args:
        given: The files, the history and the rules.
        name: The last applied migration, or the one whose redo was cut off; None for whichever it is.

    Raises:
        UnknownMigration: There is no such migration, or it has no file.
        NothingToDo: Nothing is applied.
        RefusedPlan: Another migration was applied after it, or what is stored of it was altered.
        InDoubt: The outcome of a statement cannot be determined.
        PartlyApplied: Another migration ended half-way.
        Irreversible: It has no DOWN that could run.
        FaultyMigrations: Its scripts have faults.
    """
    statuses = given.standing.needs_attention
    refuse.doubt(statuses, given.history)
    half = interrupted_redo(given, name=name)
    refuse.half([status for status in statuses if status.name != half])
    if half is not None:
        return _continued(half, given)
    if given.settled:
        name = given.settled[0][0]
        note = Advice(f"an earlier rollback of {name} is complete by that; ", command("migrate"), " applies it again")
        return Plan("redo", notes=(note,))
    (entry,) = choose_down(given.standing, to=None, count=1, everything=False)
    if name is not None:
        refuse.unless_last(find_applied(name, given.standing), given.history)
    migration = _file(entry.name, given, hint=Advice(command("rollback"), " needs no file."))
    back = plan_rollback(given)
    forth = collect([up_steps(migration, given, None)])
    steps = _as_one(back.steps, forth)
    notes = (*back.notes, *down_warnings([migration]), *secret_notes([migration]), *session_notes(forth))
    return Plan("redo", steps, notes=notes, announces=_announced(steps, entry.name))


def interrupted_redo(given: PlanInput, *, name: str | None = None) -> str | None:
    """Return the migration whose redo was cut off half-way; with a `name`, only if it is that one.

    Half-way means that the DOWN has begun, or is complete, and that no UP is complete after it.
    """
    history = given.history
    half = [each for each in history.redone if history.get(each) is None or history.progress(each)]
    if not half:
        return None
    if name is None:
        return half[-1]
    found = find_applied(name, given.standing, also=half)
    return found if found in half else None


def _continued(name: str, given: PlanInput) -> Plan:
    """Plan what is left of a redo: the rest of its DOWN, and the rest of its UP."""
    hint = Advice(
        "bring the file back and run ",
        command("redo"),
        " again; ",
        command("redo", "NAME"),
        " takes the migration that was applied last.",
    )
    migration = _file(name, given, hint=hint)
    entry, progress = given.history.get(name), given.history.progress(name)
    back: tuple[Step, ...] = ()
    down = applied_migration(entry, given) if entry else None
    if entry and down is None:  # its UP must not run on top of what its DOWN has not undone
        refuse.irreversible([entry], [down], given.stored, given.folder)
    if entry and down:
        back, progress = collect([down_steps(down, entry, given, progress)]), None
    elif progress and progress.direction is Direction.DOWN:
        progress = None
    steps = (*back, *collect([up_steps(migration, given, progress)]))
    note = f"the redo of {name} was cut off: it is continued, and nothing else is rolled back"
    notes = (
        note,
        *down_warnings([migration]),
        *secret_notes([migration]),
        *session_notes(steps),
    )
    return Plan("redo", steps, notes=notes, announces=_announced(steps, name))


def _file(name: str, given: PlanInput, *, hint: str) -> Migration:
    """Return the migration of the file that is to be applied. Raises FaultyMigrations, UnknownMigration."""
    file = given.folder.reading(name)
    if file.problems:
        raise FaultyMigrations(file.problems)
    if file.migration is None:
        raise UnknownMigration(f"there is no file {name} to apply again", hint=hint)
    return file.migration


def _announced(steps: Sequence[Step], name: str) -> tuple[Announcement, ...]:
    """Return what the journal must know before a redo whose DOWN may be committed without its UP."""
    begins_back = bool(steps) and steps[0].parts[0].direction is Direction.DOWN
    return (Announcement("redo", name),) if begins_back and len(steps) > 1 else ()


def _as_one(back: Sequence[Step], forth: Sequence[Step]) -> tuple[Step, ...]:
    """Return DOWN and UP as one transaction if each is one, else one after the other.

    They are not joined if the DOWN may change the settings of the database or the role: the UP must run in a session
    that has them. Nor if one of them sets something for its transaction, which would hold for the other as well. The
    runner takes away between the two what else the DOWN leaves in the session, whatever the texts show.
    """
    alone = len(back) == len(forth) == 1 and back[0].mode is forth[0].mode is Mode.TRANSACTION
    if not alone or back[0].begin != forth[0].begin:
        return (*back, *forth)
    down, up = ([each for part in steps[0].parts for each in part.statements] for steps in (back, forth))
    if any(map(may_change_new_sessions, down)) or any(map(sets_transaction, (*down, *up))):
        return (*back, *forth)
    reason = "one transaction for both directions, together with the history row"
    return (Step(Mode.TRANSACTION, reason, (*back[0].parts, *forth[0].parts), back[0].begin),)
