"""Refuse what must not be planned: the scripts are sound, but running them would be wrong."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence

from fsapi_nb.errors import (
    UNCHANGED,
    Drifted,
    FaultyMigrations,
    InDoubt,
    Irreversible,
    PartlyApplied,
    RefusedPlan,
    UsageError,
)
from fsapi_nb.model.folder import Folder
from fsapi_nb.model.history import History, HistoryEntry, PartialMigration, StepRecord, StoredScripts
from fsapi_nb.model.migration import Direction, Migration
from fsapi_nb.model.status import MigrationStatus, State
from fsapi_nb.plan.steps import ScriptStep
from fsapi_nb.plan.text_difference import script_difference, text_difference
from fsapi_nb.script.naming import is_placeholder
from fsapi_nb.script.stored_text import lacks_secret
from fsapi_nb.text.command import Advice, Command, command
from fsapi_nb.text.sql import quote_literal

_MOST = 20


def count_migrations(things: Sequence[object]) -> str:
    """Return how many there are, as the beginning of a sentence."""
    return f"{len(things)} migration{'s are' if len(things) != 1 else ' is'}"


def other_steps(migration: Migration, pieces: Sequence[ScriptStep], done: Sequence[StepRecord]) -> None:
    """Raise PartlyApplied if the first steps of the file are not those that ran."""
    from fsapi_nb.script.checksum import statements_checksum

    for record in done:
        now = pieces[record.number].statements if record.number < len(pieces) else ()
        if record.checksum is not None and statements_checksum(now) != record.checksum:
            raise PartlyApplied(
                f"{migration.name} was edited in step {record.number + 1}, which an earlier run has committed",
                details=tuple(f"  {line}" for line in text_difference(record.text, now)),
                state=f"unchanged; {'its first step is' if len(done) == 1 else f'its first {len(done)} steps are'} committed.",
                hint="take the edit back and run again; put the change behind these steps, or into a new migration.",
            )


def irreversible(
    entries: Sequence[HistoryEntry],
    down: Sequence[Migration | None],
    stored: Mapping[str, StoredScripts],
    folder: Folder,
) -> None:
    """Raise Irreversible if one of several migrations cannot be rolled back: all of them are, or none.

    Args:
        entries: The migrations to roll back.
        down: For each of them what would be rolled back, as `collect.applied_migration` returns it.
        stored: The scripts that ran, by name.
        folder: The files.
    """
    stuck = [
        (entry, migration)
        for entry, migration in zip(entries, down, strict=True)
        if migration is None or migration.down is None
    ]
    if not stuck:
        return
    lines = [
        f"  {entry.name}: {_why_not(entry, migration, stored.get(entry.name), folder)}" for entry, migration in stuck
    ]
    hint = Advice(
        "add a DOWN below its UP, leave the UP as it ran, and run ",
        command("migrate"),
        ", which records the DOWN; then run this again. Or write a new migration that reverts the change.",
    )
    if starred := [
        entry.name
        for entry, migration in stuck
        if migration is None and (kept := stored.get(entry.name)) and kept.redacted
    ]:
        found = shlex.quote(f"*{starred[0]}")
        hint = Advice(
            f"bring the file back as it ran (`git log --all -- {found}` finds it), and roll back again; or accept "
            "the DOWN of the file that is there with ",
            command("repair", starred[0]),
            ".",
        )
    raise Irreversible(
        f"{count_migrations(lines)} irreversible",
        details=(*lines[:_MOST], *([f"  … and {len(lines) - _MOST} more"] if len(lines) > _MOST else [])),
        state=UNCHANGED,
        hint=hint,
    )


def _why_not(entry: HistoryEntry, migration: Migration | None, stored: StoredScripts | None, folder: Folder) -> str:
    if migration:
        return "it has no DOWN"
    if stored is None or not stored.redacted:
        return "there is neither its file nor a stored DOWN that could run"
    fate = "was edited" if entry.name in folder.digests or entry.name in folder.unusable else "is gone"
    lack = "*** in place of a secret" if lacks_secret(stored) else "not all of its data"
    return f"its stored DOWN holds {lack}, so it is not run, and its file {fate}"


def template(migration: Migration) -> None:
    """Raise FaultyMigrations if the UP is still the template's: there is nothing to record as applied."""
    if is_placeholder(migration.up.written.text):
        raise FaultyMigrations(migration.up.parsed.problems, state=UNCHANGED)


def halves(migrations: Sequence[Migration]) -> None:
    """Raise FaultyMigrations if files of another tool are among them, such as one that undoes a change."""
    from fsapi_nb.script.migration import refusal_of

    problems = tuple(problem for migration in migrations if (problem := refusal_of(migration)))
    if problems:
        raise FaultyMigrations(problems, state=UNCHANGED)


def unless_last(name: str, history: History) -> None:
    """Raise RefusedPlan unless that migration was applied last: others were built on it."""
    names = list(history.by_name)
    later = names[names.index(name) + 1 :]
    if later:
        raise RefusedPlan(
            f"{name} is not the last applied migration, so it cannot be swapped alone",
            details=tuple(f"  applied after it: {each}" for each in later),
            state=UNCHANGED,
            hint=Advice("roll back to it first: ", command("rollback", to=name)),
        )


def drift(statuses: Sequence[MigrationStatus], stored_scripts: Mapping[str, StoredScripts]) -> None:
    """Raise Drifted, with the differences, if files of applied migrations were edited."""
    drifted = [status for status in statuses if status.state is State.DRIFTED]
    if not drifted:
        return
    details: list[str] = []
    for status in drifted:
        details.append(f"  {status.name}: {status.note}")
        details += [f"    {line}" for problem in status.problems for line in problem.lines()]
        stored = stored_scripts.get(status.name)
        if status.migration and stored and stored.recorded:
            details += [f"    {line}" for line in script_difference(stored, status.migration)]
    raise Drifted(
        f"{count_migrations(drifted)} not what was applied",
        details=tuple(details),
        state=UNCHANGED,
        hint=Advice(
            "restore the file and put the change into a new migration; or accept the file with ",
            command("repair", drifted[0].name),
            ", or swap the last one with ",
            command("redo"),
            ".",
        ),
    )


def doubt(statuses: Sequence[MigrationStatus], history: History) -> None:
    """Raise InDoubt if the outcome of a statement outside of a transaction cannot be determined."""
    doubtful = [status for status in statuses if status.state is State.IN_DOUBT]
    if not doubtful:
        return
    name = doubtful[0].name
    progress = history.progress(name)
    sent = progress.attempted if progress else None
    lines = (sent.text or "").strip().splitlines() if sent else []
    raise InDoubt(
        f"{name} is in doubt: {doubtful[0].note}",
        details=(
            (
                f"  SELECT step, state, script FROM {history.journal} WHERE migration = {quote_literal(name)} "
                "AND state = 'started' ORDER BY id DESC LIMIT 1;"
            ),
            f"  step {sent.number + 1 if sent else '?'}, started:",
            *(f"    {line}" for line in lines[:_MOST]),
            *([f"    … {len(lines) - _MOST} lines more"] if len(lines) > _MOST else []),
        ),
        state=UNCHANGED,
        hint=Advice("look whether it has done its work, then run ", *_answers(doubtful[0]), "."),
    )


def _answers(status: MigrationStatus) -> tuple[str | Command, ...]:
    done, retry = command("resolve", status.name, done=True), command("resolve", status.name, retry=True)
    if status.rolling_back:
        return done, " (it has) or ", retry, " (it has not: the next rollback runs it again)"
    undo = command("resolve", status.name, undo=True)
    return done, " (it has), ", retry, " (it has not: run it again) or ", undo, " (roll back what was done before it)"


def undo_of_down(progress: PartialMigration, history: History) -> None:
    """Raise UsageError if the step in doubt is one of a rollback.

    It would run again, and nothing undoes a DOWN.
    """
    if progress.direction is Direction.UP:
        return
    name, goes_on = progress.name, "redo" if progress.name in history.redone else "rollback"
    raise UsageError(
        f"the step of {name} in doubt is one of its DOWN, and --undo rolls back what an UP has done",
        state="unchanged; the step is in doubt as before.",
        hint=Advice(
            "look whether it has done its work, then run ",
            command("resolve", name, done=True),
            " (it has) or ",
            command("resolve", name, retry=True),
            " (it has not), and finish with ",
            command(goes_on),
            ".",
        ),
    )


def half_rolled_back(statuses: Sequence[MigrationStatus], history: History) -> None:
    """Raise PartlyApplied if a rollback ended half-way: an UP would build on what is half gone."""
    half = [status for status in statuses if status.state is State.PARTLY_APPLIED and status.rolling_back]
    if half:
        redone = half[0].name in history.redone
        raise PartlyApplied(
            f"the {'redo' if redone else 'rollback'} of {half[0].name} ended half-way: {half[0].note}",
            state=UNCHANGED,
            hint=Advice("finish it with ", command("redo" if redone else "rollback"), "."),
        )


def same_rollback_again(history: History, *, count: int | None, settled: int) -> None:
    """Raise RefusedPlan if the last rollback of that number was cut off.

    The same again would roll back others, too.

    As many as were `settled` just now count as rolled back by this run.
    """
    names = history.rolled_back
    left = [name for name in names if history.get(name) or history.progress(name)]
    done = len(names) - len(left)
    newest = [entry.name for entry in reversed(history.entries)]
    if count is None or count != len(names) or not left or done <= settled or newest[: len(left)] != left:
        return
    raise RefusedPlan(
        Advice(
            command("rollback", str(count)),
            f" was cut off after {done} of {count}: the same again would roll back {done} more than those",
        ),
        details=tuple(f"  still applied: {name}" for name in left),
        state=UNCHANGED,
        hint=Advice(
            command("rollback", str(len(left))),
            " does the rest; ",
            command("rollback", to="NAME"),
            " says how far to go, whatever was done before.",
        ),
    )


def half_without_file(statuses: Sequence[MigrationStatus]) -> None:
    """Raise PartlyApplied if the file of a migration that ended half-way is gone.

    Nothing may be applied on top of it.
    """
    half = [status for status in statuses if status.state is State.PARTLY_APPLIED and status.migration is None]
    if half:
        raise PartlyApplied(
            f"{half[0].name} ended half-way, and its file is gone: {half[0].note}",
            state=UNCHANGED,
            hint="bring the file back (is another branch checked out?) and run again.",
        )


def half(statuses: Sequence[MigrationStatus]) -> None:
    """Raise PartlyApplied if any migration ended half-way."""
    half = [status for status in statuses if status.state is State.PARTLY_APPLIED]
    if half:
        raise PartlyApplied(
            f"{half[0].name} ended half-way: {half[0].note}",
            state=UNCHANGED,
            hint=Advice(
                "finish it with ",
                *(() if half[0].rolling_back else (command("migrate"), " or ")),
                command("rollback"),
                " first.",
            ),
        )
