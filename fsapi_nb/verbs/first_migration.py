"""Write the schema of a database as its first migration, prove it, and record it as applied (`baseline --from-database`).

Nothing is run on the database but the history's rows. The file is written once it is proven: an empty scratch database
migrated with it has an equal catalog.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass

import psycopg

from fsapi_nb.catalog.comparison import CatalogReading, read_catalog
from fsapi_nb.catalog.ddl.definitions import Definitions
from fsapi_nb.catalog.ddl.first_migration import unwritten_lines
from fsapi_nb.catalog.ddl.read_definitions import read_definitions
from fsapi_nb.catalog.server_needs import read_needs
from fsapi_nb.errors import ConfirmationRequired, PlanChanged, RefusedPlan
from fsapi_nb.folder import read as folders
from fsapi_nb.history.store import HistoryStore
from fsapi_nb.model.folder import Folder
from fsapi_nb.servers.needs import ServerNeeds
from fsapi_nb.text.command import Advice, command
from fsapi_nb.text.words import counted
from fsapi_nb.verbs.catalogs import not_read
from fsapi_nb.verbs.draft import stage
from fsapi_nb.verbs.open import open_to_write, read_folder_if_there
from fsapi_nb.verbs.options import VerbOptions, compared_schemas, require_place
from fsapi_nb.verbs.prove_first import prove
from fsapi_nb.verbs.publish_applied import publish_applied
from fsapi_nb.verbs.write import shown_path
from fsapi_nb.views import results

_NOTHING = "unchanged; no file was written."
_LIMITS = b"""
    SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;
    SET LOCAL statement_timeout TO '60s';
    SET LOCAL lock_timeout TO '1s';
"""
_NAMES = b"SELECT pg_catalog.quote_ident(current_user), pg_catalog.quote_ident(%s)"


@dataclass(frozen=True, slots=True)
class _Schema:
    """What is read of the database: its catalog, its definitions, what they need of a server.

    `history_schema` is the schema of the history, as SQL writes it.
    """

    reading: CatalogReading
    definitions: Definitions
    needs: ServerNeeds
    history_schema: str


def baseline_from_database(options: VerbOptions, name: str, *, yes: bool) -> results.BaselineResult:
    """Write the schema as the first migration, and record it as applied.

    Args:
        options: The options of the Migrator.
        name: The file's name after the time.
        yes: Do it on a protected database, and leave out what cannot be written.

    Raises:
        RefusedPlan: There are migrations or a history already, or an empty database would not get the same schema.
        ConfirmationRequired: The database is protected or something cannot be written, and `yes` is not given.
        PlanChanged: The schema has changed meanwhile.
        DatabaseError: No scratch server can run the schema, or the catalog cannot be read.
    """
    words = folders.words_of(name)
    require_place(options)
    folder = read_folder_if_there(options)
    _refuse_files(folder)
    with open_to_write(options, folder) as store:
        _refuse_history(store)
        schema, identity = _read(options, store), store.identity
    if not yes:
        _confirm(schema.definitions, identity.name or identity.database, name, is_protected=identity.protected)
    proven = prove(options, schema.definitions, schema.reading, schema.needs, schema.history_schema)
    now = datetime.datetime.now(datetime.UTC)
    with stage(options.directory, None, words, proven.text, planned=folder, now=now) as file:
        with open_to_write(options, folder) as store:
            if _read(options, store).reading != schema.reading:
                raise _changed()
        publish_applied(options, file, folder, proven.text)
    return results.BaselineResult(
        shown_path(options, file.name),
        schema.reading.snapshot,
        schema.definitions.unwritten,
        proven.server,
        identity,
        proven.notes,
    )


def _read(options: VerbOptions, store: HistoryStore) -> _Schema:
    """Read the schema in one transaction that writes nothing."""
    connection, schemas = store.session.connection(), compared_schemas(options)
    try:
        with connection.transaction():
            connection.execute(_LIMITS, prepare=False)
            ((role, history_schema),) = connection.execute(_NAMES, [store.tables.schema]).fetchall()
            # What belongs to the role that reads is written without an owner: the role that migrates will own it.
            return _Schema(
                read_catalog(connection, schemas, owner=role),
                read_definitions(connection, schemas),
                read_needs(connection, is_protected=store.identity.protected),
                history_schema,
            )
    except psycopg.Error as error:
        raise not_read(error, store.identity) from None


def _refuse_files(folder: Folder) -> None:
    if folder.names:
        last = folder.names[-1]
        raise RefusedPlan(
            f"the folder has {counted(len(folder.names), 'file')} already, so the schema is not written as the first one",
            state=_NOTHING,
            hint=Advice(
                "if they say what the database has: ",
                command("baseline", last),
                " records them all as applied; else give an empty folder with --dir",
            ),
        )


def _refuse_history(store: HistoryStore) -> None:
    history = store.history()
    applied = [entry.name for entry in history.entries]
    begun = [*applied, *(each.name for each in history.unfinished)]
    if begun:
        raise RefusedPlan(
            f"this database has a history already: {counted(len(begun), 'migration')}, the last is {begun[-1]}",
            state=_NOTHING,
            hint=Advice(
                "bring their files back into the folder; if they are gone for good, ",
                command("retire", missing=True),
                " takes their rows out, and the schema can be written then",
            ),
        )


def _confirm(definitions: Definitions, database: str, name: str, *, is_protected: bool) -> None:
    """Raise ConfirmationRequired for a protected database, and for what the file cannot hold."""
    unwritten = [*unwritten_lines(definitions.unwritten)]
    reasons = [f"the database {database} is protected"] if is_protected else []
    reasons += [f"{counted(len(unwritten), 'object')} cannot be written whole"] if unwritten else []
    again = command("baseline", name, from_database=True, yes=True)
    if reasons:
        raise ConfirmationRequired(
            f"{' and '.join(reasons)}: nothing was done yet",
            details=tuple(f"  {line}" for line in unwritten),
            state=_NOTHING,
            hint=Advice("to write the rest, with a comment for what is left out, and record it: ", again)
            if unwritten
            else Advice("to write the file, and record it, which is all that is done in the database: ", again),
        )


def _changed() -> PlanChanged:
    return PlanChanged(
        "the schema was changed while it was written",
        state=_NOTHING,
        hint="run it again.",
    )
