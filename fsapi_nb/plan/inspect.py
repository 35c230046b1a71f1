"""Show one migration: its scripts without passwords, what would run of it, how its file differs.

Refuses nothing: a migration that cannot run is shown with what is wrong with it.
"""

from __future__ import annotations

from fsapi_nb.errors import FaultyMigrations, FsapiError
from fsapi_nb.model.history import StoredScripts
from fsapi_nb.model.migration import Script
from fsapi_nb.model.plan import Plan
from fsapi_nb.model.status import Inspection, MigrationStatus, State
from fsapi_nb.plan import refuse
from fsapi_nb.plan.collect import applied_migration, collect, down_steps, up_steps
from fsapi_nb.plan.input import PlanInput
from fsapi_nb.plan.text_difference import script_difference
from fsapi_nb.script.stored_text import stored_migration, to_store


def inspect(status: MigrationStatus, given: PlanInput, stored: StoredScripts | None) -> Inspection:
    """Return what a detail view shows of a migration; if it has no file any more, what was stored of it."""
    migration = given.folder.get(status.name)
    scripts = to_store(migration) if migration else stored or StoredScripts()
    difference: tuple[str, ...] = ()
    if status.state is State.DRIFTED and migration and stored and stored.recorded:
        difference = tuple(script_difference(stored, migration))
    plan, refusal = _plan(status, given)
    shown = migration or (stored_migration(status.name, stored) if stored else None)
    return Inspection(
        up=scripts.up,
        down=scripts.down,
        plan=plan,
        refusal=refusal,
        difference=difference,
        up_line=_first_line(shown.up) if shown else None,
        down_line=_first_line(shown.down) if shown else None,
    )


def _first_line(script: Script | None) -> int | None:
    return script.first_line if script and script.written.complete else None


def _plan(status: MigrationStatus, given: PlanInput) -> tuple[Plan, str | None]:
    try:
        return _plan_one(status, given), None
    except FsapiError as error:
        return Plan("migrate"), error.advice()


def _plan_one(status: MigrationStatus, given: PlanInput) -> Plan:
    """Return what would run of one migration alone: its DOWN if it is applied, else its UP."""
    progress = given.history.progress(status.name)
    if status.entry is None:
        if status.migration is None:
            raise FaultyMigrations(status.problems)
        return Plan("migrate", collect([up_steps(status.migration, given, progress)]))
    down = applied_migration(status.entry, given)
    refuse.irreversible([status.entry], [down], given.stored, given.folder)
    return Plan("rollback", collect([down_steps(down, status.entry, given, progress)]) if down else ())
