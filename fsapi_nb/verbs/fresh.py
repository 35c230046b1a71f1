"""The verb fresh: drop everything in the managed schemas, then apply every migration."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import replace

from fsapi_nb.errors import UNCHANGED, ConfigurationError, FsapiError, Interrupted, Protected, with_state
from fsapi_nb.history.store import HistoryStore
from fsapi_nb.model.folder import Folder
from fsapi_nb.model.history import History
from fsapi_nb.model.migration import Migration, Statement
from fsapi_nb.model.plan import Plan
from fsapi_nb.model.server import Identity
from fsapi_nb.plan import migrate
from fsapi_nb.plan.input import PlanInput
from fsapi_nb.postgres.notices import listening
from fsapi_nb.run.kept_settings import find_kept_settings
from fsapi_nb.run.left_behind import refuse_left_behind
from fsapi_nb.run.reset import drop_all, find_drops
from fsapi_nb.script.stored_text import stored_migration
from fsapi_nb.text.command import Advice, Option, command
from fsapi_nb.text.words import counted
from fsapi_nb.verbs.execute import schema_notes
from fsapi_nb.verbs.foresee import foresee
from fsapi_nb.verbs.open import locked, open_to_write, read_folder
from fsapi_nb.verbs.options import VerbOptions
from fsapi_nb.verbs.planning import needs_yes
from fsapi_nb.verbs.request import PlanRequest
from fsapi_nb.verbs.run import run, run_result
from fsapi_nb.views import results


def fresh(
    options: VerbOptions, request: PlanRequest, *, apply: bool, confirmed_name: str | None, yes: bool
) -> results.RunResult:
    """Drop everything in the managed schemas; with `apply`, apply every migration then.

    `confirmed_name` is the database's name, as the user gave it to confirm.
    """
    started = time.monotonic()
    folder = read_folder(options)
    if apply:
        _refuse_empty(folder)
    with open_to_write(options, folder) as store:
        identity = store.identity
        _refuse_unconfirmed(identity, confirmed_name)
        plan = plan_fresh(options, store, folder, request)
        if not yes:
            why = f"fresh drops {_count_drops(plan)} of the database {identity.database}"
            raise needs_yes(plan, why, identity, foresee(plan, store))
        with locked(options, store) as recorder, listening(store.session.connection()) as notices:
            plan = plan_fresh(options, store, folder, request)
            kept = _kept(store, folder, _applied_migrations(store, store.history()))
            drop_all(store.session, recorder, plan.drops, schemas=_schemas(options, store))
        written = () if apply else schema_notes(options, store)
    # PostgreSQL says by a NOTICE that a drop takes other objects along, which is wanted here.
    warnings = tuple(notice for notice in notices if not notice.startswith("NOTICE"))
    if not apply:
        return run_result("fresh", (), (*warnings, *plan.notes, *written), started, store, recorder, drops=plan.drops)
    applied = _apply(options, plan, request, yes=yes)
    return replace(
        applied,
        verb="fresh",
        notes=(*warnings, *kept, *applied.notes),
        elapsed=time.monotonic() - started,
        drops=plan.drops,
        run_id=applied.run_id or str(recorder.run_id),
    )


def plan_fresh(options: VerbOptions, store: HistoryStore, folder: Folder, request: PlanRequest) -> Plan:
    """Return the plan of fresh: what it drops, and every migration. Looks at the catalog, changes nothing."""
    history = store.history()
    applied, schemas = _applied_migrations(store, history), _schemas(options, store)
    # Objects that are in no schema serve the other schemas of this database as well.
    beside = () if options.access.schema else applied
    drops = find_drops(store.session, store.tables, schemas=schemas, applied=beside)
    refuse_left_behind(store.session, drops, schemas=schemas, applied=applied)
    plan = migrate.plan_fresh(
        PlanInput(
            folder,
            history,
            allow_unparsed=request.allow_unparsed,
            encoding=store.session.encoding,
            look_at_procedures=store.procedures,
        )
    )
    lack = (f"{folder.lack}: nothing is applied afterwards",) if folder.lack else ()
    return Plan("fresh", plan.steps, (*lack, *_kept(store, folder, applied), *plan.notes), drops=drops)


def _apply(options: VerbOptions, dropped: Plan, request: PlanRequest, *, yes: bool) -> results.RunResult:
    """Apply every migration to what is empty now; an error says what had been dropped before."""
    try:
        return run(options, replace(request, verb="migrate"), yes=yes)
    except (FsapiError, Interrupted) as error:
        gone = f"{_count_drops(dropped)} had been dropped and the history emptied, which is committed."
        raise with_state(error, gone, error.state) from error.__cause__


def _applied_migrations(store: HistoryStore, history: History) -> list[Migration]:
    """Return the applied migrations, as far as their text was stored."""
    stored = store.scripts([entry.name for entry in history.entries])
    ran = (stored_migration(entry.name, stored[entry.name]) for entry in history.entries if entry.name in stored)
    return [migration for migration in ran if migration]


def _schemas(options: VerbOptions, store: HistoryStore) -> list[str]:
    """Return the schemas that `fresh` may empty."""
    if options.access.schema:
        return [options.access.schema]
    return [str(name) for name in options.project.table.get("schemas", [store.tables.schema])]


def _kept(store: HistoryStore, folder: Folder, applied: Iterable[Migration]) -> tuple[str, ...]:
    """Return a note on settings that migrations have made and that `fresh` does not take back."""
    migrations = (*applied, *map(folder.get, folder.names))
    note = find_kept_settings(store.session, _statements_up(migrations))
    return (note,) if note else ()


def _statements_up(migrations: Iterable[Migration | None]) -> Iterator[Statement]:
    """Yield the statements of every UP."""
    for migration in migrations:
        yield from migration.up.parsed.statements if migration else ()


def _refuse_empty(folder: Folder) -> None:
    if folder.lack:
        raise ConfigurationError(
            f"{folder.lack}: fresh would drop everything and apply nothing",
            state=UNCHANGED,
            hint=Advice(
                "give the folder with --dir; to leave the database empty: ", command("fresh", no_migrate=True), "."
            ),
        )


def _refuse_unconfirmed(identity: Identity, confirmed_name: str | None) -> None:
    name = identity.database
    if confirmed_name is not None and confirmed_name != name:
        raise Protected(
            f"this is the database {name}, not {confirmed_name}",
            state=UNCHANGED,
            hint="look where you are.",
        )
    if identity.protected and confirmed_name is None:
        raise Protected(
            "this database is protected, and fresh would drop everything in it",
            state=UNCHANGED,
            hint=Advice("if that is meant, add the database's name: ", Option("--confirm", (name,))),
        )


def _count_drops(plan: Plan) -> str:
    return counted(len(plan.drops), "object")
