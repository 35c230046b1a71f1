"""Read the catalogs that `drift` and `diff` compare: a database, the folder's end, a file with a schema.

A database is only read, in one transaction that writes nothing and is bound to seconds. A folder and a file run in a
scratch database.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import psycopg

from fsapi_nb.catalog.change.tried import attempt
from fsapi_nb.catalog.change.whole_objects import ROWS
from fsapi_nb.catalog.comparison import CatalogReading, read_catalog
from fsapi_nb.catalog.ddl.definitions import Definitions
from fsapi_nb.catalog.ddl.read_definitions import read_definitions
from fsapi_nb.catalog.ddl.script import written
from fsapi_nb.catalog.difference import Change
from fsapi_nb.catalog.server_needs import read_needs
from fsapi_nb.errors import UNCHANGED, DatabaseError, MigrationFileError, ReplayFailed, revise
from fsapi_nb.folder.read import encode
from fsapi_nb.history.store import HistoryStore
from fsapi_nb.model.folder import Folder
from fsapi_nb.model.server import Identity
from fsapi_nb.postgres.connect import connect, server_message
from fsapi_nb.postgres.session import Connection
from fsapi_nb.servers.needs import ServerNeeds
from fsapi_nb.servers.scratch import Scratch
from fsapi_nb.text.command import Advice, command
from fsapi_nb.verbs.installed import without_installed
from fsapi_nb.verbs.options import VerbOptions, compared_schemas
from fsapi_nb.verbs.replay import open_replay
from fsapi_nb.verbs.scratch import scratch_application

_LIMITS = b"""
    SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;
    SET LOCAL statement_timeout TO '15s';
    SET LOCAL lock_timeout TO '1s';
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
    """The catalog of a database that was only read, what a server like its own has, what could not be seen: `notes`.

    `definitions` are there if they were asked for. `lacks_options` says that the role may not see those of user mappings.
    """

    reading: CatalogReading
    needs: ServerNeeds
    notes: tuple[str, ...] = ()
    identity: Identity | None = None
    definitions: Definitions | None = None
    lacks_options: bool = False

    @property
    def server(self) -> ServerNeeds:
        """What a scratch server needs for migrations or a file: what those need beside it, they say themselves."""
        return replace(self.needs, extensions={}, collations=frozenset(), icu=False)


@dataclass(frozen=True, slots=True)
class ScratchCatalog:
    """The catalog of a scratch database, and the open session in it, by which views of other servers are read."""

    reading: CatalogReading
    connection: Connection = field(repr=False)


def read_database(store: HistoryStore, schemas: Sequence[str] | None, *, defined: bool = False) -> ReadDatabase:
    """Return the catalog of the database that is open, with its definitions if it is to be `defined`.

    Raises DatabaseError if it cannot be read.
    """
    connection = store.session.connection()
    try:
        with connection.transaction():
            connection.execute(_LIMITS, prepare=False)
            owner = _owner(store, connection)
            reading = read_catalog(connection, schemas, owner=owner)
            needs = read_needs(connection, is_protected=store.identity.protected)
            definitions = read_definitions(connection, schemas) if defined else None
            ((hidden, role),) = connection.execute(_HIDDEN).fetchall()
    except psycopg.Error as error:
        raise not_read(error, store.identity) from None
    if not hidden:
        return ReadDatabase(reading, needs, (), store.identity, definitions)
    note = f"the options of user mappings are not compared: the role {role} may not see them"
    return ReadDatabase(without_options(reading), needs, (note,), store.identity, definitions, lacks_options=True)


@contextmanager
def open_folder(
    options: VerbOptions, folder: Folder, needs: ServerNeeds, *, foreign: bool = False
) -> Iterator[ScratchCatalog]:
    """Yield the catalog that the migrations of a folder give, in a scratch database that is dropped after the block.

    `foreign` says that their texts are not files of the project's migrations.
    """
    with (
        open_replay(options, folder, needs=needs, foreign=foreign) as replayed,
        open_scratch_catalog(options, replayed.address) as found,
    ):
        yield found


@contextmanager
def open_scratch_catalog(options: VerbOptions, address: str) -> Iterator[ScratchCatalog]:
    """Yield the catalog of a scratch database; the session is closed after the block."""
    with connect(address, scratch_application(options)) as connection:
        ((owner,),) = connection.execute(b"SELECT pg_catalog.quote_ident(current_user)").fetchall()
        yield ScratchCatalog(read_catalog(connection, compared_schemas(options), owner=owner), connection)


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
def naming(name: str) -> Iterator[None]:
    """Name the file with a schema in the error of one that does not run in an empty database."""
    try:
        yield
    except ReplayFailed as error:
        reason = error.message.partition(": ")[2]
        raise revise(error, message=f"{name} does not run in an empty scratch database: {reason}") from error.__cause__


@contextmanager
def open_loaded(options: VerbOptions, found: ReadDatabase, scratch: Scratch) -> Iterator[str]:
    """Yield the address of a scratch database with the definitions of a database; it is dropped after the block.

    What cannot be made there is missing: the comparison with the database says so. No query of the database's runs:
    its materialized views stay empty.
    """
    assert found.definitions is not None
    scratch.make_roles(found.needs.roles)
    address = scratch.make()
    try:
        definitions = without_installed(found.definitions, scratch, address)
        with connect(address, scratch_application(options)) as connection:
            for setting in (b"SET search_path TO ''", b"SET check_function_bodies TO off"):
                connection.execute(setting)
            wanted = [each for each in definitions.ordered if each.kind != ROWS]
            attempt(connection, [statement for _, statements in written(wanted) for statement in statements])
        yield address
    finally:
        scratch.drop(address)


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
