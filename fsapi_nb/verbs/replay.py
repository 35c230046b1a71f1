"""Replay a folder's migrations in a scratch database: the schema that they give, beside the one that a database has.

The product's own runner applies them, with the settings of the verb, so that they do there what they did elsewhere. A
template is kept for the contents of the folder, so that the next replay copies it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace

from psycopg import sql

from fsapi_nb import __version__
from fsapi_nb.errors import UNCHANGED, FsapiError, Interrupted, ReplayFailed, UnknownMigration, revise
from fsapi_nb.history.access import DatabaseAccess
from fsapi_nb.model.folder import Folder
from fsapi_nb.model.migration import Statement
from fsapi_nb.plan.migrate import plan_migrate
from fsapi_nb.postgres.connect import connect
from fsapi_nb.project.address import Address
from fsapi_nb.project.root import Project
from fsapi_nb.script.server_objects import find_server_objects, may_name_server_objects
from fsapi_nb.servers.needs import ServerNeeds
from fsapi_nb.servers.scratch import Scratch
from fsapi_nb.text.secrets import Secret, revealed
from fsapi_nb.verbs.options import VerbOptions
from fsapi_nb.verbs.request import PlanRequest
from fsapi_nb.verbs.run import run_plan
from fsapi_nb.verbs.scratch import hint_of, open_scratch_server, scratch_application

_PLACE = "a scratch database"
_STATE = "unchanged; the migrations were run in a scratch database only, which is dropped."


@dataclass(frozen=True, slots=True)
class Replayed:
    """A scratch database in which migrations were applied, and what makes further ones on the same server.

    `address` is libpq's connection string of the database.
    """

    address: str = field(repr=False)
    scratch: Scratch


@contextmanager
def open_replay(
    options: VerbOptions,
    folder: Folder,
    *,
    until: str | None = None,
    scratch: Scratch | None = None,
    needs: ServerNeeds | None = None,
    roles: Iterable[str] = (),
    foreign: bool = False,
) -> Iterator[Replayed]:
    """Yield a scratch database in which the migrations are applied; drop it after the block.

    Databases that the block makes by `Replayed.scratch` are the caller's to drop; those of a process that was killed
    are dropped by the next one.

    Args:
        options: The options of the verb; settings and the chosen schema count here as well.
        folder: The migrations, from the disk or made of stored texts, which are applied in the order of their names.
        until: The name of the last one to apply; None for all.
        scratch: The scratch server, if the caller has opened it already.
        needs: What the server must have besides the extensions that the migrations ask for; if it is not open yet.
        foreign: Whether the texts are not files of the project; if the server is not open yet.
        roles: Roles that the migrations or definitions may name: an embedded server gets those that it lacks.

    Raises:
        UnknownMigration: The folder has no file of the name `until`.
        ReplayFailed: A migration does not run there.
        Untrusted: The user has not allowed all that the project asks for.
        DatabaseError: No server has what the migrations need, or it cannot be used.
    """
    if until is not None and not folder.has(until):
        raise UnknownMigration(f"there is no migration {until!r} in the folder", state=UNCHANGED)
    folder = folder if until is None else folder.up_to(until)
    objects = find_server_objects(statements_of(folder))
    with ExitStack() as stack:
        if scratch is None:
            wanted = (needs or ServerNeeds()).with_extensions(objects.extensions)
            scratch = stack.enter_context(
                open_scratch_server(options, replace(wanted, roles=frozenset()), foreign=foreign)
            )
        needed = {*roles, *(needs.roles if needs else ()), *objects.named} - objects.made
        settings = sorted((name, revealed(value)) for name, value in options.access.settings.items())
        contents = contents_of(options.project, folder, options.access.schema, settings)
        scratch.make_roles(needed)
        address = _filled(options, folder, contents, scratch, objects.made)
        try:
            yield Replayed(address, scratch)
        finally:
            scratch.drop(address)


def _filled(options: VerbOptions, folder: Folder, contents: str, scratch: Scratch, made: set[str]) -> str:
    """Return the address of a copy of the template, which is made if there is none."""

    def fill(empty: str) -> None:
        scratch.drop_roles(made)  # an earlier replay has made them, and a second CREATE ROLE is an error
        _apply(options, folder, empty, scratch)

    return scratch.filled(contents, fill)


def contents_of(project: Project, folder: Folder, *further: object) -> str:
    """Return a digest of what a template depends on: the files, the project's settings, fsapi_nb's version.

    The digest has 16 hexadecimal digits. `further` is what else it depends on.
    """
    digest = hashlib.sha256(f"{__version__}\0{sorted(project.table.items(), key=str)}\0{further}".encode())
    for name in folder.names:
        digest.update(os.fsencode(f"\0{name}\0{folder.digest(name) or _text_of(folder, name)}"))
    return digest.hexdigest()[:16]


def options_on(options: VerbOptions, address: str) -> VerbOptions:
    """Return the options of the same verb on a scratch database: its observers see nothing of that."""
    access = options.access
    there = DatabaseAccess(
        options.project,
        Address(Secret(address), _PLACE, unprotected=True),
        settings=access.settings,
        application=scratch_application(options),
        max_wait=access.max_wait,
        schema=access.schema,
    )
    return replace(options, access=there, observers=())


def statements_of(folder: Folder) -> Iterator[Statement]:
    """Yield the statements of every UP that may name a role or an extension; the others need not be parsed."""
    for migration in map(folder.get, folder.names):
        if migration and may_name_server_objects(migration.up.written.text):
            yield from migration.up.parsed.statements


def _text_of(folder: Folder, name: str) -> str:
    """Return what a migration says that was not read from a file; nothing of one that cannot be used."""
    migration = folder.get(name)
    return migration.checksum if migration else ""


def _apply(options: VerbOptions, folder: Folder, empty: str, scratch: Scratch) -> None:
    """Apply every migration in an empty database. Raises ReplayFailed."""
    make_schemas(options, empty)
    request = PlanRequest(out_of_order=True, allow_unparsed=True, changes=False)
    try:
        run_plan(options_on(options, empty), request, plan_migrate, yes=True, folder=folder)
    except FsapiError as error:
        raise _failed(error, scratch) from error.__cause__
    except Interrupted as error:
        raise revise(error, message="stopped while the migrations were replayed", state=_STATE) from error.__cause__


def make_schemas(options: VerbOptions, empty: str) -> None:
    """Make the schemas that the settings name, which must be there before the first migration."""
    configured = options.project.table.get("schema")
    names = {name for name in (options.access.schema, configured) if name is not None}
    with connect(empty, options.access.application) as connection:
        for name in sorted(map(str, names)):
            connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(name)))


def _failed(error: FsapiError, scratch: Scratch) -> ReplayFailed:
    """Return the error of a replay: what failed there is not a failure of the user's database."""
    return ReplayFailed(
        f"the migrations do not run in an empty scratch database: {error.message}",
        details=error.details,
        state=_STATE,
        hint=hint_of(error, scratch, error.hint),
    )
