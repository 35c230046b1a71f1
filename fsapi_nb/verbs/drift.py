"""Compare a database with what its applied migrations give. Writes nothing there."""

from __future__ import annotations

from functools import partial

from fsapi_nb.catalog.comparison import CatalogReading, compare, without_order
from fsapi_nb.catalog.view_text import read_views
from fsapi_nb.errors import NotUpToDate
from fsapi_nb.text.command import command
from fsapi_nb.text.words import counted
from fsapi_nb.verbs.applied import Applied, applied_migrations
from fsapi_nb.verbs.catalogs import (
    ReadDatabase,
    open_folder,
    read_database,
    without_options,
    without_secrets,
)
from fsapi_nb.verbs.open import notes_without_schema, open_store, read_folder_if_there
from fsapi_nb.verbs.options import VerbOptions, compared_schemas
from fsapi_nb.verbs.sides import DATABASE, refuse_file_as_schema
from fsapi_nb.views import results
from fsapi_nb.views.results.changed_objects import without_owner


def drift(options: VerbOptions) -> results.DriftResult:
    """Return what the database has that its applied migrations do not give, and the reverse.

    Raises:
        UsageError: `--schema` names a file.
        HistoryError: Of an applied migration there is neither a file nor a stored text that could be run.
        ReplayFailed: An applied migration does not run in an empty scratch database.
        DatabaseError: The catalog cannot be read, or the scratch server cannot be used.
    """
    refuse_file_as_schema(options, lambda file: command("diff", DATABASE, file))
    applied, found, notes = read_applied(options)
    with open_folder(options, applied.folder, found.server, foreign=applied.foreign) as expected:
        given = _seen(expected.reading, found)
        changes = compare(given, found.reading, partial(read_views, expected.connection))
    differing, reordered = without_order(changes)
    return results.DriftResult(
        without_owner(without_secrets(differing), found.reading.owner),
        f"the replay of {counted(len(applied.folder.names), 'applied migration')}",
        "the database",
        len(found.reading.snapshot.objects),
        reordered,
        found.identity,
        (*notes, *applied.notes, *found.notes),
    )


def require_no_drift(found: results.DriftResult | results.DifferenceResult) -> None:
    """Raise NotUpToDate if anything differs, for `--check`."""
    if found.attention:
        raise NotUpToDate(found.headline(), details=tuple(found.findings()))


def read_applied(options: VerbOptions, *, defined: bool = False) -> tuple[Applied, ReadDatabase, tuple[str, ...]]:
    """Return what is applied, and what is there, with its definitions if it is to be `defined`.

    The session ends before the replay begins.
    """
    folder = read_folder_if_there(options)
    with open_store(options, folder, writing=False) as store:
        history = store.history()
        stored = store.scripts([entry.name for entry in history.entries])
        notes = notes_without_schema(store, folder)
        found = read_database(store, compared_schemas(options), defined=defined)
        return applied_migrations(folder, history, stored), found, notes


def _seen(expected: CatalogReading, found: ReadDatabase) -> CatalogReading:
    """Return what the migrations give, without what could not be seen in the database."""
    return without_options(expected) if found.lacks_options else expected
