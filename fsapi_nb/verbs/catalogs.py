"""Read the catalogs that `drift` and `diff` compare: a database, the folder's end, a file with a schema.

A database is only read, in one transaction that writes nothing and is bound to seconds. A folder and a file run in a
scratch database.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import psycopg

from fsapi_nb.catalog.comparison import CatalogReading, read_catalog
from fsapi_nb.catalog.difference import Change
from fsapi_nb.errors import UNCHANGED, DatabaseError, MigrationFileError, ReplayFailed, revise
from fsapi_nb.folder.read import encode
from fsapi_nb.history.store import HistoryStore
from fsapi_nb.model.folder import Folder
from fsapi_nb.model.server import Identity
from fsapi_nb.postgres.connect import connect, server_message
from fsapi_nb.postgres.session import Connection
from fsapi_nb.servers.scratch import Scratch
from fsapi_nb.text.command import Advice, command
from fsapi_nb.verbs.options import VerbOptions
from fsapi_nb.verbs.replay import open_replay

_LIMITS = b"""
    SET TRANSACTION READ ONLY;
    SET LOCAL statement_timeout TO '15s';
    SET LOCAL lock_timeout TO '1s';
"""
# Roles that the objects of this database belong to or that have rights on them.
_ROLES = b"""
    SELECT DISTINCT r.rolname::text FROM pg_catalog.pg_shdepend d JOIN pg_catalog.pg_roles r ON r.oid = d.refobjid
    WHERE d.refclassid = 'pg_catalog.pg_authid'::regclass
      AND d.dbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
    ORDER BY 1
"""
_OWNER = """
    SELECT pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(relowner)) FROM pg_catalog.pg_class
    WHERE oid = pg_catalog.to_regclass(%s)
"""
_HIDDEN = b"""
    SELECT count(*), current_user FROM pg_catalog.pg_user_mappings WHERE umoptions IS NULL
    AND NOT (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user)
"""


@dataclass(frozen=True, slots=True)
class ReadDatabase:
    """The catalog of a database that was only read, the roles it names, and what could not be seen: `notes`."""

    reading: CatalogReading
    roles: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    identity: Identity | None = None


@dataclass(frozen=True, slots=True)
class ScratchCatalog:
    """The catalog of a scratch database, and the open session in it, by which views of other servers are read."""

    reading: CatalogReading
    connection: Connection = field(repr=False)
    address: str = field(repr=False)
    scratch: Scratch = field(repr=False)


def read_database(store: HistoryStore, schemas: Sequence[str] | None) -> ReadDatabase:
    """Return the catalog of the database that is open. Raises DatabaseError if it cannot be read."""
    connection = store.session.connection()
    try:
        with connection.transaction():
            connection.execute(_LIMITS, prepare=False)
            owner = _owner(store, connection)
            reading = read_catalog(connection, schemas, owner=owner)
            roles = tuple(role for (role,) in connection.execute(_ROLES))
            ((hidden, role),) = connection.execute(_HIDDEN).fetchall()
    except psycopg.Error as error:
        raise not_read(error, store.identity) from None
    if not hidden:
        return ReadDatabase(reading, roles, identity=store.identity)
    note = f"the options of user mappings are not compared: the role {role} may not see them"
    return ReadDatabase(without_options(reading), roles, (note,), store.identity)


@contextmanager
def open_folder(
    options: VerbOptions,
    folder: Folder,
    schemas: Sequence[str] | None,
    *,
    scratch: Scratch | None = None,
    roles: Sequence[str] = (),
    foreign: bool = False,
) -> Iterator[ScratchCatalog]:
    """Yield the catalog that the migrations of a folder give, in a scratch database that is dropped after the block."""
    with (
        open_replay(options, folder, scratch=scratch, roles=roles, foreign=foreign) as replayed,
        open_scratch_catalog(options, replayed.address, replayed.scratch, schemas) as found,
    ):
        yield found


@contextmanager
def open_scratch_catalog(
    options: VerbOptions, address: str, scratch: Scratch, schemas: Sequence[str] | None
) -> Iterator[ScratchCatalog]:
    """Yield the catalog of a scratch database; the session is closed after the block."""
    with connect(address, f"{options.access.application} (scratch)"[:63]) as connection:
        ((owner,),) = connection.execute(b"SELECT pg_catalog.quote_ident(current_user)").fetchall()
        yield ScratchCatalog(read_catalog(connection, schemas, owner=owner), connection, address, scratch)


def schema_folder(name: str, text: str) -> Folder:
    """Return a file with a schema as a folder of one migration, which makes it in an empty database.

    Raises MigrationFileError if the text cannot be run.
    """
    from fsapi_nb.script.migration import read_migration

    migration, problems = read_migration(name, encode(text))
    if migration is None or problems:
        raise MigrationFileError(problems[0], state=UNCHANGED)
    return Folder().with_draft(migration)


@contextmanager
def open_schema(
    options: VerbOptions,
    name: str,
    text: str,
    schemas: Sequence[str] | None,
    *,
    scratch: Scratch | None = None,
    roles: Sequence[str] = (),
) -> Iterator[ScratchCatalog]:
    """Yield the catalog that a file with a schema makes in an empty database.

    Raises ReplayFailed if it does not run there.
    """
    try:
        with open_folder(options, schema_folder(name, text), schemas, scratch=scratch, roles=roles) as found:
            yield found
    except ReplayFailed as error:
        reason = error.message.partition(": ")[2]
        raise revise(error, message=f"{name} does not run in an empty scratch database: {reason}") from error.__cause__


def without_secrets(changes: Iterable[Change]) -> tuple[Change, ...]:
    """Return the changes with the secrets in their definitions starred, to be shown: functions and defaults hold some."""
    return tuple(replace(each, before=_starred(each.before), after=_starred(each.after)) for each in changes)


def _starred(definition: str | None) -> str | None:
    from fsapi_nb.script.redact import redact_sql

    return None if definition is None else redact_sql(definition)


def without_options(reading: CatalogReading) -> CatalogReading:
    """Return a catalog without the options of user mappings, which not every role may see."""
    objects = tuple(
        replace(each, definition=each.definition.split("\n    OPTIONS ")[0]) if each.kind == "user mapping" else each
        for each in reading.snapshot.objects
    )
    return replace(reading, snapshot=replace(reading.snapshot, objects=objects))


def _owner(store: HistoryStore, connection: Connection) -> str | None:
    """Return the role that runs migrations there: the owner of the history."""
    if store.no_schema:
        return None
    found = connection.execute(_OWNER.encode(), [store.tables.written[0]]).fetchone()
    return str(found[0]) if found else None


def not_read(error: psycopg.Error, identity: Identity) -> DatabaseError:
    """Return the error for a catalog that the server did not let be read."""
    message = server_message(error)
    code = f" [{message.sqlstate}]" if message.sqlstate else ""
    return DatabaseError(
        f"the catalog of {identity.database} could not be read: {message.message}{code}",
        details=tuple(message.lines()),
        state=UNCHANGED,
        hint=Advice("if another session holds a lock: ", command("blockers"), " shows who; then try again."),
    )
