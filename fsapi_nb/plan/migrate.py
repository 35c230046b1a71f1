"""Plan what applies migrations: all pending ones, or every file to an empty database.

Every fault in the scripts that are to run is found here, all at once, before anything happens.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from fsapi_nb.errors import (
    UNCHANGED,
    OutOfOrder,
)
from fsapi_nb.model.history import History
from fsapi_nb.model.migration import Direction
from fsapi_nb.model.plan import Plan, StepPart
from fsapi_nb.model.status import MigrationStatus, State
from fsapi_nb.plan import ran_before, refuse
from fsapi_nb.plan.collect import collect, up_steps
from fsapi_nb.plan.down import down_warnings
from fsapi_nb.plan.draft import amended_notes
from fsapi_nb.plan.input import PlanInput
from fsapi_nb.plan.secrets import secret_notes
from fsapi_nb.plan.selection import choose_up
from fsapi_nb.plan.session import session_notes


def plan_migrate(given: PlanInput, *, to: str | None = None, count: int | None = None) -> Plan:
    """Plan to apply all pending migrations, or those up to and with `to`, or the next `count`.

    Args:
        given: The files, the history and the rules.
        to: The last migration to apply.
        count: How many to apply; those that `given` has as settled just now count.

    Raises:
        UsageError: Both `to` and `count` are given, or `count` is below 1.
        UnknownMigration: There is no such migration.
        InDoubt: The outcome of a statement cannot be determined.
        Drifted: The file of an applied migration was edited.
        PartlyApplied: A rollback ended half-way, or what ended half-way cannot go on.
        RanBefore: A pending script has run already.
        OutOfOrder: A pending file is older than an applied one, and the database is protected.
        FaultyMigrations: The scripts have faults; it holds all of them.
    """
    statuses = given.standing.needs_attention
    refuse.doubt(statuses, given.history)
    refuse.drift(statuses, given.stored)
    chosen = choose_up(given.standing, to=to, count=count, settled=given.settled_in(Direction.UP))
    refuse.half_rolled_back(statuses, given.history)
    refuse.half_without_file(statuses)
    ran_before.refuse(chosen, matches(given, chosen), given.history)
    late = [status for status in chosen if status.state is State.LATE]
    if late and given.protected and not given.out_of_order:
        raise OutOfOrder(
            f"{refuse.count_migrations(late)} older than the newest applied one, and this database is protected",
            details=tuple(f"  {status.name}" for status in late),
            state=UNCHANGED,
            hint="rename the file so that it sorts last, or pass --out-of-order.",
        )
    steps = collect(
        up_steps(status.migration, given, given.history.progress(status.name))
        if status.migration
        else ((), list(status.problems))
        for status in chosen
    )
    amends = tuple(_amended(status) for status in statuses if status.state is State.APPLIED)
    files = [status.migration for status in chosen if status.migration]
    warnings = (*down_warnings(files, given.encoding), *secret_notes(files))
    renames = ran_before.edited_renames(chosen, statuses)
    notes = (*_late_notes(late), *_missing_notes(statuses), *renames, *amended_notes(amends), *warnings)
    return Plan("migrate", steps, notes=(*notes, *session_notes(steps)), amends=amends)


def plan_fresh(given: PlanInput) -> Plan:
    """Plan to apply every file to a database in which everything was dropped.

    Raises what `plan_migrate` raises.
    """
    history = History(exists=given.history.exists)
    empty = PlanInput(
        given.folder,
        history,
        allow_unparsed=given.allow_unparsed,
        encoding=given.encoding,
        look_at_procedures=given.look_at_procedures,
    )
    return plan_migrate(empty)


def matches(given: PlanInput, pending: Sequence[MigrationStatus]) -> tuple[ran_before.EarlierRun, ...]:
    """Return those of the pending migrations whose work applied ones without a file have done."""
    missing = [s.entry for s in given.standing.needs_attention if s.state is State.MISSING and s.entry]
    return ran_before.find_matches(pending, missing, given.stored, given.history, given.folder)


def _late_notes(late: Sequence[MigrationStatus]) -> Iterable[str]:
    return (f"late: {status.name} is older than the newest applied migration" for status in late)


def _missing_notes(statuses: Sequence[MigrationStatus]) -> Iterable[str]:
    return (
        f"missing: {status.name} is applied, but has no file" for status in statuses if status.state is State.MISSING
    )


def _amended(status: MigrationStatus) -> StepPart:
    if status.migration is None:
        raise ValueError(f"{status.name} has no file that gained a DOWN")
    return StepPart(status.migration, Direction.UP, (), entry=status.entry)
