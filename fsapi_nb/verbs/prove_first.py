"""Prove the first migration of a database: it gives an empty scratch database an equal catalog, and its DOWN empties it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from fsapi_nb.catalog.comparison import CatalogReading, compare, without_order
from fsapi_nb.catalog.ddl.definitions import Definitions
from fsapi_nb.catalog.ddl.first_migration import first_migration
from fsapi_nb.catalog.difference import Change, difference
from fsapi_nb.catalog.read import read_snapshot
from fsapi_nb.catalog.snapshot import Snapshot
from fsapi_nb.catalog.view_text import read_views
from fsapi_nb.errors import FsapiError, Interrupted, RefusedPlan, revise
from fsapi_nb.folder import read as folders
from fsapi_nb.model.folder import Folder
from fsapi_nb.model.migration import Migration
from fsapi_nb.plan.migrate import plan_migrate
from fsapi_nb.plan.rollback import plan_rollback
from fsapi_nb.postgres.connect import connect
from fsapi_nb.servers.needs import ServerNeeds
from fsapi_nb.servers.scratch import Scratch
from fsapi_nb.text.words import counted
from fsapi_nb.verbs.catalogs import open_scratch_catalog, without_secrets
from fsapi_nb.verbs.installed import without_installed
from fsapi_nb.verbs.options import VerbOptions, compared_schemas
from fsapi_nb.verbs.planning import Planner
from fsapi_nb.verbs.replay import make_schemas, options_on
from fsapi_nb.verbs.request import PlanRequest
from fsapi_nb.verbs.run import run_plan
from fsapi_nb.verbs.scratch import hint_of, open_scratch_server

_NAME = "0001_01_01_00_00_first.sql"  # of the text in the scratch database only
_STATE = "unchanged; no file was written and nothing was recorded. What was tried ran in a scratch database only."
_HINT = (
    "please report this with the objects named above; meanwhile make the first migration of what "
    "pg_dump --schema-only writes, and record it with baseline NAME."
)


@dataclass(frozen=True, slots=True)
class ProvenText:
    """The text of the first migration, the server that it was proven on, and what must be known of it."""

    text: str
    server: str
    notes: tuple[str, ...] = ()


def prove(
    options: VerbOptions, definitions: Definitions, found: CatalogReading, needs: ServerNeeds, history_schema: str
) -> ProvenText:
    """Return the text of the first migration, once it has run in an empty database.

    A DOWN that does not empty that database again is left out, and a note says why.

    Args:
        options: The options of the verb.
        definitions: What the database has.
        found: Its catalog, with which the one of the scratch database is compared.
        needs: What the scratch server must have.
        history_schema: The schema of the history, as SQL writes it.

    Raises:
        RefusedPlan: The text does not run, or gives another catalog.
        DatabaseError: No scratch server has what is needed, or it cannot be used.
    """
    text = first_migration(definitions, history_schema=history_schema)
    with _saying_what_was_stopped(), open_scratch_server(options, needs, foreign=True) as scratch:
        address = scratch.make()
        try:
            make_schemas(options, address)
            rest = without_installed(definitions, scratch, address)
            before = _snapshot(options, address)
            draft = folders.parse_text(_NAME, first_migration(rest, history_schema=history_schema))
            _run_up(options, draft, address, scratch, _advice(scratch, needs))
            _refuse_difference(options, definitions, found, address, _advice(scratch, needs))
            reasons = tuple(_down_faults(options, draft, address, before, history_schema))
        finally:
            scratch.drop(address)
        if reasons:
            text = first_migration(definitions, history_schema=history_schema, with_down=False)
        return ProvenText(text, scratch.label, reasons)


@contextmanager
def _saying_what_was_stopped() -> Iterator[None]:
    try:
        yield
    except Interrupted as error:
        message = "stopped while the schema was proven in a scratch database"
        raise revise(error, message=message, state=_STATE) from error.__cause__


def _run_up(options: VerbOptions, draft: Migration, address: str, scratch: Scratch, advice: str) -> None:
    try:
        _run(options, draft, address, plan_migrate)
    except FsapiError as error:
        raise RefusedPlan(
            f"what was written of the schema does not run in an empty database: {_reason(error)}",
            details=error.details,
            state=_STATE,
            hint=hint_of(error, scratch, advice),
        ) from error.__cause__


def _refuse_difference(
    options: VerbOptions, definitions: Definitions, found: CatalogReading, address: str, advice: str
) -> None:
    """Raise RefusedPlan if the scratch database has another catalog, but for what is known not to be written."""
    with open_scratch_catalog(options, address) as given:
        changes = compare(given.reading, found, partial(read_views, given.connection))
    known = {(each.kind, each.identity) for each in definitions.unwritten}
    differing, _ = without_order(changes)
    left = without_secrets(each for each in differing if (each.kind, each.identity) not in known)
    if left:
        raise RefusedPlan(
            f"an empty database does not get the same schema: {counted(len(left), 'object')} of "
            f"{len(found.snapshot.objects)} would differ",
            details=tuple(_lines(left)),
            state=_STATE,
            hint=advice,
        )


def _advice(scratch: Scratch, needs: ServerNeeds) -> str:
    """Return what to do about a schema that is not the same on the scratch server: it may be of another version."""
    if needs.version in (None, scratch.session.facts.version // 10_000):
        return _HINT
    return (
        f"it was tried on {scratch.label}, and the database is of PostgreSQL {needs.version}: with one of that version here "
        f"(on Debian or Ubuntu: apt install postgresql-{needs.version}; it is found by itself) or named with --scratch URL, "
        "run it again."
    )


def _down_faults(
    options: VerbOptions, draft: Migration, address: str, before: Snapshot, history_schema: str
) -> Iterator[str]:
    """Yield why the DOWN is left out; nothing if it empties the database."""
    try:
        _run(options, draft, address, partial(plan_rollback, everything=True), verb="rollback")
    except FsapiError as error:
        yield f"the file has no DOWN: what was written for it does not run ({_reason(error)})"
        return
    left = [
        each.title()
        for each in difference(before, _snapshot(options, address))
        if (each.kind, each.identity) != ("schema", history_schema)
    ]
    if left:
        yield f"the file has no DOWN: what was written for it does not restore {', '.join(left)}"


def _run(options: VerbOptions, draft: Migration, address: str, planner: Planner, verb: str = "migrate") -> None:
    request = PlanRequest(verb, allow_unparsed=True, changes=False)
    run_plan(options_on(options, address), request, planner, yes=True, folder=Folder().with_draft(draft))


def _snapshot(options: VerbOptions, address: str) -> Snapshot:
    with connect(address, options.access.application) as connection:
        return read_snapshot(connection, compared_schemas(options))


def _reason(error: FsapiError) -> str:
    """Return what was refused, without the place in a file that nobody has."""
    return re.sub(rf"\A{re.escape(_NAME)}(:\d+)*: ", "", error.message)


def _lines(changes: Sequence[Change]) -> Iterator[str]:
    for change in changes:
        yield f"  {change.title()}"
        yield from (f"    {line}" for line in change.lines())
