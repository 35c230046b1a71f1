"""The plan of each verb: what would run, in which steps, or why it must not.

Every fault in the scripts that are to run is found here, all at once, before anything happens. Each function
takes the folder and the history as values and returns a `Plan`, or raises what keeps it from being one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from fsapi_nb.errors import (
    UNCHANGED,
    Drifted,
    FaultyMigrations,
    OutOfOrder,
    PartlyApplied,
    UnknownMigration,
    UsageError,
    revise,
)
from fsapi_nb.model.folder import Folder
from fsapi_nb.model.history import History, HistoryEntry, PartialMigration, StoredScripts
from fsapi_nb.model.migration import Direction, Migration, Procedure, Statement
from fsapi_nb.model.place import Problem
from fsapi_nb.model.plan import Announcement, Mode, Plan, SessionBefore, Step, StepPart
from fsapi_nb.model.status import MigrationStatus, State
from fsapi_nb.plan import ran_before, refuse
from fsapi_nb.plan.down import down_warnings
from fsapi_nb.plan.encoding import unfit, unfit_steps
from fsapi_nb.plan.judge import Sent
from fsapi_nb.plan.names import find_applied
from fsapi_nb.plan.other_session import made_by_rest, refuse_other_session, settings_made
from fsapi_nb.plan.reconcile import Reconciled, is_drifted, is_what_ran, only_adds_down, reconcile
from fsapi_nb.plan.secrets import secret_notes
from fsapi_nb.plan.selection import choose_down, choose_up
from fsapi_nb.plan.session import refuse_lost, restored, session_notes, statements_of
from fsapi_nb.plan.steps import ScriptStep, cut
from fsapi_nb.plan.stored_down import is_journalled, refuse_altered
from fsapi_nb.plan.text_difference import script_difference
from fsapi_nb.script.checksum import statements_checksum
from fsapi_nb.script.encoding import Encoding
from fsapi_nb.script.session_state import named_settings, settings_of_transaction
from fsapi_nb.script.stored_text import stored_migration, to_store
from fsapi_nb.text.command import Advice, command


@dataclass(frozen=True)
class PlanInput:
    """What a plan is made over: the files, the history, and the rules of this database and this run.

    `stored` gives the text that ran of the applied migrations that a plan may need, by name. `settled` are the
    migrations that became complete just now, when what an earlier run had left in flight was looked at: they count
    as part of this run, so that finishing an interrupted rollback rolls nothing else back. `encoding` is the
    database's, if it does not hold every character. `look_at_procedures` gives
    those of the database; it is asked once at most, and only where a script calls one. `look_at_session` gives what a new
    session begins with of the settings that are set, or that have these names; it is asked if a migration goes on.
    """

    folder: Folder
    history: History
    stored: Mapping[str, StoredScripts] = field(default_factory=dict)
    protected: bool = False
    out_of_order: bool = False
    allow_unparsed: bool = False
    encoding: Encoding | None = None
    settled: tuple[tuple[str, Direction], ...] = ()
    look_at_procedures: Callable[[], Iterable[Procedure]] = tuple
    look_at_session: Callable[[Iterable[str]], Mapping[str, str]] = lambda _names: {}

    @cached_property
    def standing(self) -> Reconciled:
        """Where each migration stands."""
        return reconcile(self.folder, self.history)

    @cached_property
    def _procedures(self) -> tuple[Procedure, ...]:
        waiting = (status.migration for status in self.standing.needs_attention if status.entry is None)
        statements = (statement for each in waiting if each for statement in each.up.parsed.statements)
        defined = (statement.traits.procedure for statement in statements)
        return (*(each for each in defined if each and each.name), *self.look_at_procedures())

    def procedures(self) -> tuple[Procedure, ...]:
        """The procedures that the database has, or has once what is pending is applied."""
        return self._procedures

    def settled_in(self, direction: Direction) -> int:
        """How many became complete in that direction just now."""
        return sum(1 for _, each in self.settled if each is direction)


def plan_migrate(given: PlanInput, *, to: str | None = None, count: int | None = None) -> Plan:
    """Apply what is pending: all of it, up to and with `to`, or the next `count`."""
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
    notes = (*_late_notes(late), *_missing_notes(statuses), *renames, *_amended_notes(amends), *warnings)
    return Plan("migrate", steps, notes=(*notes, *session_notes(steps)), amends=amends)


def plan_rollback(
    given: PlanInput, *, to: str | None = None, count: int | None = None, everything: bool = False
) -> Plan:
    """Undo the last migration, the last `count`, all after `to`, or everything; newest first, as applied.

    A migration that is partly applied counts as the last; only what was done of it is undone.
    """
    statuses = given.standing.needs_attention
    refuse.doubt(statuses, given.history)
    refuse.same_rollback_again(given.history, count=count, settled=given.settled_in(Direction.DOWN))
    halves = [s for s in statuses if s.state is State.PARTLY_APPLIED and not s.entry]
    entries = choose_down(
        given.standing, to=to, count=count, everything=everything, half=len(halves) + given.settled_in(Direction.DOWN)
    )
    down = [applied_migration(entry, given) for entry in entries]
    refuse.irreversible(entries, down, given.stored, given.folder)
    found = (
        down_steps(migration, entry, given, given.history.progress(entry.name))
        for migration, entry in zip(down, entries, strict=True)
        if migration
    )
    try:
        steps = collect(found)
    except FaultyMigrations as error:  # the text that was stored runs, so that to correct the file is not enough
        name = error.problems[0].place.file
        hint = Advice(
            "correct the DOWN in the file, accept that with ", command("repair", name), ", and roll back again."
        )
        raise revise(error, hint=hint) from None
    undone = [step for status in halves for step in _half_applied(status, given)]
    steps = (*undone, *steps)
    notes = (*_down_notes(entries, down, given), *session_notes(steps))
    plan = Plan("rollback", steps, notes=notes)
    return replace(plan, announces=(*_given_up(plan, given), *_numbered(plan, count)))


def plan_undo(given: PlanInput, *, name: str) -> Plan:
    """Roll back what was done of one migration that ended half-way, and nothing else.

    A step of it that is in doubt counts as not having happened. The journal says that only by the DOWN that follows: a DOWN
    that fails leaves it in doubt. Raises PartlyApplied if the migration does not stand half-way any more: somebody else has
    gone on with it.
    """
    given = _without_doubt(given, name)
    refuse.doubt(given.standing.needs_attention, given.history)
    progress, entry = given.history.progress(name), given.history.get(name)
    down = applied_migration(entry, given) if entry else None
    if progress is None:
        raise PartlyApplied(
            f"{name} is not half-way any more: another run has gone on with it",
            state="unchanged; the step is settled.",
            hint=Advice("look at ", command("status"), "."),
        )
    if entry and down:
        steps = collect([down_steps(down, entry, given, progress)])
    else:
        steps = _half_applied(given.standing.status(name), given)
    plan = Plan("rollback", steps, notes=tuple(session_notes(steps)))
    return replace(plan, announces=(*_given_up(plan, given), Announcement("resolve", name)))


def _without_doubt(given: PlanInput, name: str) -> PlanInput:
    """The same, as if the step of that migration which is in doubt had not happened."""
    history = given.history
    told = (replace(each, in_flight=False) if each.name == name else each for each in history.unfinished)
    return replace(given, history=replace(history, unfinished=tuple(told)))


def _numbered(plan: Plan, count: int | None) -> tuple[Announcement, ...]:
    """What the journal must know of a rollback of several by their number: cut off, it means others the next time."""
    names = tuple(dict.fromkeys(name for name, _ in plan.migrations))
    return (Announcement("rollback", names[0], names=names),) if count is not None and len(names) > 1 else ()


def _given_up(plan: Plan, given: PlanInput) -> tuple[Announcement, ...]:
    """The redos that end with this rollback: it finishes their DOWN, and nothing is applied again."""
    gone = {name for name, direction in (*plan.migrations, *given.settled) if direction is Direction.DOWN}
    return tuple(Announcement("redo", name, "abandoned") for name in given.history.redone if name in gone)


def _half_applied(status: MigrationStatus, given: PlanInput) -> tuple[Step, ...]:
    """The steps that undo what was done of a migration that ended half-way."""
    from fsapi_nb.plan.undo import undo_pieces

    progress, migration = given.history.progress(status.name), status.migration
    if progress is None or migration is None or migration.down is None:
        gone = migration is None
        raise PartlyApplied(
            f"{status.name} ended half-way, and {'its file is gone' if gone else 'it has no DOWN'}",
            state=UNCHANGED,
            hint=Advice(
                f"{'bring the file back and ' if gone else ''}finish it with ", command("migrate"), ", or write a DOWN."
            ),
        )
    up, problems = cut(migration, migration.up, allow_unparsed=given.allow_unparsed, procedures=given.procedures)
    down, more = cut(migration, migration.down, allow_unparsed=given.allow_unparsed, procedures=given.procedures)
    if problems or more:
        raise FaultyMigrations((*problems, *more))
    applied = progress.done if progress.direction is Direction.UP else progress.applied_before
    refuse.other_steps(migration, up, applied)
    pieces = undo_pieces(migration, up, down, done=len(applied))
    nothing = ScriptStep(Mode.TRANSACTION, "its DOWN undoes nothing of what was done; it is recorded", ())
    steps = _steps(migration, Direction.DOWN, pieces or (nothing,), progress, None, given)
    return collect([(steps, unfit_steps(migration, steps, given.encoding))])


def plan_fresh(given: PlanInput) -> Plan:
    """Apply every file to what is empty once everything was dropped."""
    history = History(exists=given.history.exists)
    empty = PlanInput(
        given.folder,
        history,
        allow_unparsed=given.allow_unparsed,
        encoding=given.encoding,
        look_at_procedures=given.look_at_procedures,
    )
    return plan_migrate(empty)


def plan_repair(given: PlanInput, *, name: str) -> Plan:
    """Accept the file of an applied migration as it is now: its checksum and its scripts."""
    entry = given.history.by_name[find_applied(name, given.standing)]
    file = given.folder.reading(entry.name)
    if file.problems:
        raise FaultyMigrations(file.problems)
    if file.migration is None:
        raise UnknownMigration(
            f"{entry.name} has no file that could be accepted: it is only in the history",
            hint=Advice(
                "bring the file back; if it has another name now, rename its row with ",
                command("rename", entry.name, "NEW"),
                "; if it is gone for good, take the row out of the history with ",
                command("retire", entry.name),
                ".",
            ),
        )
    if entry.checksum == file.migration.checksum:
        return Plan("repair")
    refuse.template(file.migration)
    return Plan("repair", to_record=(file.migration,))


def plan_one(status: MigrationStatus, given: PlanInput) -> Plan:
    """What would run of one migration, whatever stands before it: its UP where it is not applied, else its DOWN."""
    progress = given.history.progress(status.name)
    if status.entry is None:
        if status.migration is None:
            raise FaultyMigrations(status.problems)
        return Plan("migrate", collect([up_steps(status.migration, given, progress)]))
    down = applied_migration(status.entry, given)
    refuse.irreversible([status.entry], [down], given.stored, given.folder)
    return Plan("rollback", collect([down_steps(down, status.entry, given, progress)]) if down else ())


def plan_draft(draft: Migration, given: PlanInput, *, redo: bool) -> Plan:
    """What a cell's text would do alone: its steps; nothing where it is applied as it stands; a DOWN that is only recorded.

    Raises FaultyMigrations for its faults, in both directions (it is being written, so a DOWN counts);
    Drifted where it is applied and says something else, unless it is to be swapped by `redo`.
    """
    steps, problems = up_steps(draft, given, given.history.progress(draft.name))
    if draft.down:
        problems = [
            *problems,
            *cut(draft, draft.down, allow_unparsed=given.allow_unparsed, procedures=given.procedures)[1],
            *unfit(draft, draft.down.parsed.statements, given.encoding),
        ]
    if problems:
        raise FaultyMigrations(tuple(problems), state="unchanged; the file was not written.")
    entry = given.history.get(draft.name)
    if entry is None:
        if redo and draft.name not in given.history.redone:
            raise UsageError(f"{draft.name} is not applied, so there is nothing to redo", hint="use --apply.")
        return Plan("redo" if redo else "migrate", steps)
    if not is_drifted(draft, entry):
        return Plan("redo")
    if redo:
        refuse.unless_last(draft.name, given.history)
        return Plan("redo", steps)
    if only_adds_down(draft, entry):
        part = StepPart(draft, Direction.UP, (), entry=entry)
        return Plan("repair", amends=(part,), notes=tuple(_amended_notes([part])))
    raise _drafted_over(draft, given)


def _drafted_over(draft: Migration, given: PlanInput) -> Drifted:
    file = given.folder.get(draft.name)
    stored = given.stored.get(draft.name) or (to_store(file) if file else None)
    hint = "put the change into a new migration; or pass --redo to roll it back and apply this text."
    if stored and stored.down is None:
        hint = "put the change into a new migration: this one has no DOWN, so --redo could not roll it back."
    return Drifted(
        f"{draft.name} is applied, and this text is not what ran",
        details=tuple(f"  {line}" for line in script_difference(stored, draft)) if stored else (),
        state="unchanged; the file was not written.",
        hint=hint,
    )


def text_that_ran(given: PlanInput, progress: PartialMigration) -> Migration | None:
    """The migration whose step is in flight or was refused, if its text is still known; None where it was edited."""
    stored = given.stored.get(progress.name)
    candidates = [given.folder.get(progress.name), stored_migration(progress.name, stored) if stored else None]
    attempted = progress.attempted
    for migration in candidates:
        script = migration.script(progress.direction) if migration else None
        pieces = cut(migration, script, procedures=given.procedures)[0] if migration and script else ()
        if attempted is None or attempted.number >= len(pieces):
            continue
        if statements_checksum(pieces[attempted.number].statements) == attempted.checksum:
            return migration
    return None


def sent_by_file(given: PlanInput, progress: PartialMigration) -> Sent | None:
    """Return the step that was sent last as the file has it; None if a step up to it is not what the journal says that ran.

    What the journal says is compared, and never executed: others may have written it.
    """
    migration, attempted = given.folder.get(progress.name), progress.attempted
    script = migration.script(progress.direction) if migration else None
    if migration is None or script is None or attempted is None or attempted.number != len(progress.done):
        return None
    records = (*progress.done, attempted)
    pieces = cut(migration, script, procedures=given.procedures)[0][: len(records)]
    if [statements_checksum(piece.statements) for piece in pieces] != [record.checksum for record in records]:
        return None
    *before, last = pieces
    settings = (each for piece in before for each in piece.statements if each.traits.changes_session)
    return Sent(last.statements[0], tuple(settings)) if len(last.statements) == 1 else None


def matches(given: PlanInput, pending: Sequence[MigrationStatus]) -> tuple[ran_before.EarlierRun, ...]:
    """Return those of the pending migrations whose work applied ones without a file have done."""
    missing = [s.entry for s in given.standing.needs_attention if s.state is State.MISSING and s.entry]
    return ran_before.find_matches(pending, missing, given.stored, given.history, given.folder)


def up_steps(
    migration: Migration, given: PlanInput, progress: PartialMigration | None
) -> tuple[tuple[Step, ...], list[Problem]]:
    """Return the steps of a migration's UP that are still to run, and what keeps them from running."""
    pieces, problems = cut(migration, migration.up, allow_unparsed=given.allow_unparsed, procedures=given.procedures)
    steps = _steps(migration, Direction.UP, pieces, progress, None, given)
    return steps, [*problems, *unfit_steps(migration, steps, given.encoding)]


def down_steps(
    migration: Migration, entry: HistoryEntry, given: PlanInput, progress: PartialMigration | None
) -> tuple[tuple[Step, ...], list[Problem]]:
    """Return the steps of a migration's DOWN that are still to run, and what keeps them from running."""
    pieces, problems = cut(
        migration, migration.down or migration.up, allow_unparsed=given.allow_unparsed, procedures=given.procedures
    )
    steps = _steps(migration, Direction.DOWN, pieces, progress, entry, given)
    return steps, [*problems, *unfit_steps(migration, steps, given.encoding)]


def _steps(
    migration: Migration,
    direction: Direction,
    pieces: Sequence[ScriptStep],
    progress: PartialMigration | None,
    entry: HistoryEntry | None,
    given: PlanInput,
) -> tuple[Step, ...]:
    """The pieces as steps of that migration, without those that an earlier run has done."""
    state = progress.session if progress and progress.direction is direction else {}
    done = progress.done if progress and progress.direction is direction else ()
    refuse.other_steps(migration, pieces, done)
    refuse_lost(migration, direction, pieces, state, done=len(done), is_applied=entry is not None)
    if done and len(done) == len(pieces):
        # Its last step was edited away: all that there is of it is done, so it is only recorded.
        part = StepPart(migration, direction, (), len(pieces), len(pieces) + 1, entry)
        return (Step(Mode.TRANSACTION, "all of its steps are done; it is recorded", (part,), resumes=True),)
    steps = [
        Step(
            mode=piece.mode,
            reason=piece.reason,
            parts=(StepPart(migration, direction, piece.statements, number, len(pieces), entry),),
            begin=piece.begin,
        )
        for number, piece in enumerate(pieces)
        if number >= len(done)
    ]
    if done:
        before, rest = statements_of(pieces[: len(done)]), statements_of(pieces[len(done) :])
        last = (
            "" if progress and progress.outlived else "\n".join(each.text for each in pieces[len(done) - 1].statements)
        )
        own = settings_of_transaction(last)
        steps[0] = _resumed(steps[0], SessionBefore(state, own), before, rest, given)
    return tuple(steps)


def _resumed(
    step: Step, had: SessionBefore, before: Sequence[Statement], rest: Sequence[Statement], given: PlanInput
) -> Step:
    """The first step that is left, with what must be in its session; raises PartlyApplied if that cannot be had."""
    (part,), again = step.parts, restored(before)
    step = replace(step, resumes=True, restore_session=again)
    if not had.state:
        return step
    script = part.migration.script(part.direction)
    now = given.look_at_session({*had.state, *named_settings(script.written.text if script else "")})
    own = had.own | made_by_rest(rest, {*had.state, *now})
    refuse_other_session(part, SessionBefore(had.state, own | settings_made(again)), now)
    return replace(step, session_before=SessionBefore(had.state, own))


def collect(results: Iterable[tuple[Sequence[Step], Sequence[Problem]]]) -> tuple[Step, ...]:
    """All steps; or every problem of every script, together."""
    steps: list[Step] = []
    problems: list[Problem] = []
    for found, faults in results:
        steps += found
        problems += faults
    if problems:
        raise FaultyMigrations(tuple(problems))
    return tuple(steps)


def applied_migration(entry: HistoryEntry, given: PlanInput) -> Migration | None:
    """What can be rolled back of an entry: the file if it is what ran, else what was stored; None if neither."""
    migration = given.folder.get(entry.name)
    stored = given.stored.get(entry.name)
    if migration and (
        is_what_ran(migration, entry) or only_adds_down(migration, entry) or is_journalled(migration, stored)
    ):
        return migration
    if stored and stored.recorded:
        refuse_altered(entry, stored)
        return None if stored.redacted else stored_migration(entry.name, stored)
    return migration


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


def _amended_notes(amends: Sequence[StepPart]) -> Iterable[str]:
    return (f"the file {part.migration.name} has gained a DOWN: it is recorded, and nothing is run" for part in amends)


def _down_notes(entries: Sequence[HistoryEntry], down: Sequence[Migration | None], given: PlanInput) -> Iterable[str]:
    for entry, migration in zip(entries, down, strict=True):
        file = given.folder.get(entry.name)
        if file is None:
            yield f"the file {entry.name} is gone; the DOWN that was stored is used"
        elif only_adds_down(file, entry):
            yield f"the DOWN that {entry.name} has gained since it was applied is used"
        elif is_journalled(file, given.stored.get(entry.name)):
            yield f"what is stored of {entry.name} is not what ran, and its file is: the file's DOWN is used"
        elif is_drifted(file, entry):
            yield f"{entry.name} was edited after it was applied; the DOWN that was stored is used"
        if migration and migration.down and not migration.down.parsed.statements and not migration.down.parsed.unparsed:
            yield f"the DOWN of {entry.name} holds no SQL: it is recorded as rolled back, and nothing is undone"
