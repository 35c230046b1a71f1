"""Compare two catalogs: databases, the folder's end, files with a schema. Writes nothing in any of them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, replace
from functools import partial

from fsapi_nb.catalog.comparison import CatalogReading, ViewReader, compare, without_order
from fsapi_nb.catalog.view_text import read_views
from fsapi_nb.errors import DatabaseError, EmbeddedServerError, Untrusted
from fsapi_nb.model.folder import Folder
from fsapi_nb.model.server import Identity
from fsapi_nb.project.address import find_address
from fsapi_nb.project.configuration import EMBEDDED
from fsapi_nb.project.permissions import find_requests
from fsapi_nb.project.root import find_binaries
from fsapi_nb.servers.needs import ServerNeeds
from fsapi_nb.text.command import command
from fsapi_nb.verbs.catalogs import (
    ReadDatabase,
    ScratchCatalog,
    naming,
    open_folder,
    open_loaded,
    open_scratch_catalog,
    read_database,
    schema_folder,
    without_options,
    without_secrets,
)
from fsapi_nb.verbs.open import open_store, read_folder
from fsapi_nb.verbs.options import VerbOptions, compared_schemas
from fsapi_nb.verbs.scratch import open_scratch_server
from fsapi_nb.verbs.sides import DATABASE, FOLDER, read_schema_text, refuse_file_as_schema, unknown_side
from fsapi_nb.views import results
from fsapi_nb.views.results.changed_objects import without_owner


@dataclass(frozen=True, slots=True)
class FolderSide:
    """Migrations, or a file with a schema as one of them, that run in a scratch database; `label` is what it is called."""

    label: str
    folder: Folder
    is_file: bool = False


@dataclass(frozen=True, slots=True)
class DatabaseSide:
    """A database that was only read, and what it is called."""

    label: str
    found: ReadDatabase


Side = FolderSide | DatabaseSide


@dataclass(frozen=True, slots=True)
class _Opened:
    """The catalog of a side; the session in its database, if that is a scratch database."""

    label: str
    reading: CatalogReading
    scratch: ScratchCatalog | None = None


def diff(options: VerbOptions, a: str, b: str) -> results.DifferenceResult:
    """Return what differs from `a` to `b`: each is `database`, `folder`, a database's name or URL, or a file.

    Databases are read before anything runs on a scratch server, which is started only if a folder
    or a file needs it, or if two databases of different versions have views that differ in their words.

    Raises:
        UsageError: One of the two names nothing that can be compared, or `--schema` names a file.
        ConfigurationError: A file cannot be read.
        ReplayFailed: A file or a migration does not run in an empty scratch database.
        DatabaseError: A catalog cannot be read.
    """
    refuse_file_as_schema(options, lambda file: command("diff", a, file))
    with ExitStack() as stack:
        sides = [find_side(options, each) for each in (a, b)]
        found = [each.found for each in sides if isinstance(each, DatabaseSide)]
        needs = found[0].server if found else ServerNeeds()
        one, other = (_open(options, each, stack, needs) for each in sides)
        notes = dict.fromkeys(note for each in found for note in each.notes)
        before, after = one.reading, other.reading
        if any(each.lacks_options for each in found):
            before, after = without_options(before), without_options(after)
        reader = _view_reader(one, other)
        if reader is None and before.version != after.version:
            reader = _reader_of_copy(options, b, stack)
        changes = compare(before, after, reader)
    differing, reordered = without_order(changes)
    return results.DifferenceResult(
        without_owner(without_secrets(differing), after.owner),
        one.label,
        other.label,
        max(len(each.snapshot.objects) for each in (before, after)),
        reordered,
        _identity([each.identity for each in found]),
        (*notes, *([] if reader else _note_of_versions(one, other))),
    )


def find_side(options: VerbOptions, wanted: str, *, defined: bool = False) -> Side:
    """Return what a word names: a database that is read now, with its definitions if it is `defined`; or what runs later.

    Raises:
        UsageError: It names nothing.
        ConfigurationError: A file cannot be read.
        DatabaseError: The catalog cannot be read.
    """
    if wanted == FOLDER:
        return FolderSide("the folder", read_folder(options))
    text = None if wanted == DATABASE else read_schema_text(options.project, wanted)
    if text is not None:
        return FolderSide(text.name, schema_folder(text.name, text.text), is_file=True)
    with open_store(options if wanted == DATABASE else _on(options, wanted), writing=False) as store:
        found = read_database(store, compared_schemas(options), defined=defined)
    return DatabaseSide(_shown(found, wanted), found)


def _open(options: VerbOptions, side: Side, stack: ExitStack, needs: ServerNeeds) -> _Opened:
    if isinstance(side, DatabaseSide):
        return _Opened(side.label, side.found.reading)
    with naming(side.label) if side.is_file else nullcontext():
        opened = stack.enter_context(open_folder(options, side.folder, needs, foreign=side.is_file))
    return _Opened(side.label, opened.reading, opened)


def _shown(side: ReadDatabase, label: str) -> str:
    """Return what a database is called: by its name in the project, never by its URL."""
    named = label != DATABASE and "://" not in label and "=" not in label
    return label if named or side.identity is None else side.identity.label


def _on(options: VerbOptions, wanted: str) -> VerbOptions:
    """Return the options of the same verb on another database."""
    access, project = options.access, options.project
    if wanted not in project.databases and not any(sign in wanted for sign in ("://", "=", "@", EMBEDDED)):
        raise unknown_side(wanted, sorted(project.databases))
    address = find_address(project, option=wanted)
    binaries = access.postgres_bin == find_binaries(project)
    requests = find_requests(project, address, start=options.start, binaries=binaries)
    return replace(options, access=replace(access, address=address, requests=requests))


def _view_reader(one: _Opened, other: _Opened) -> ViewReader | None:
    """Return what reads the views of both on one server: that of the scratch database, if there is one."""
    scratch = other.scratch or one.scratch
    return partial(read_views, scratch.connection) if scratch else None


def _reader_of_copy(options: VerbOptions, wanted: str, stack: ExitStack) -> ViewReader | None:
    """Return what reads the views of two databases on a copy of the definitions of one; None if none can be made."""
    side = find_side(options, wanted, defined=True)
    assert isinstance(side, DatabaseSide)
    try:
        scratch = stack.enter_context(open_scratch_server(options, side.found.needs, foreign=True))
        address = stack.enter_context(open_loaded(options, side.found, scratch))
    except (DatabaseError, EmbeddedServerError, Untrusted):  # no server here may be used, or has what they need
        return None
    return partial(read_views, stack.enter_context(open_scratch_catalog(options, address)).connection)


def _identity(found: Sequence[Identity | None]) -> Identity | None:
    """Return the one database that the result is about; None if it is about two, or about none."""
    return found[0] if len(found) == 1 else None


def _note_of_versions(one: _Opened, other: _Opened) -> tuple[str, ...]:
    """Return what to say of two databases on servers of different versions, where no scratch server reads the views."""
    versions = (one.reading.version, other.reading.version)
    if versions[0] == versions[1]:
        return ()
    return (
        f"PostgreSQL {versions[0]} and {versions[1]} write views in different words: a view that differs may be the same",
    )
