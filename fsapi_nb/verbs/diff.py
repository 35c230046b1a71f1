"""Compare two catalogs: databases, the folder's end, files with a schema. Writes nothing in any of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial

from fsapi_nb.catalog.comparison import CatalogReading, ViewReader, compare, without_order
from fsapi_nb.catalog.view_text import read_views
from fsapi_nb.model.server import Identity
from fsapi_nb.project.address import find_address
from fsapi_nb.project.configuration import EMBEDDED
from fsapi_nb.project.permissions import find_requests
from fsapi_nb.project.root import find_binaries
from fsapi_nb.servers.scratch import Scratch
from fsapi_nb.verbs.catalogs import (
    ReadDatabase,
    ScratchCatalog,
    open_folder,
    open_schema,
    read_database,
    without_options,
    without_secrets,
)
from fsapi_nb.verbs.open import open_store, read_folder
from fsapi_nb.verbs.options import VerbOptions, compared_schemas
from fsapi_nb.verbs.scratch import open_scratch_server
from fsapi_nb.verbs.sides import DATABASE, FOLDER, SchemaText, read_schema_text, unknown_side
from fsapi_nb.views import results


@dataclass(frozen=True, slots=True)
class _Side:
    """One of the two that are compared: what it is called, and its catalog, in a scratch database or only read."""

    label: str
    reading: CatalogReading
    scratch: ScratchCatalog | None = None
    read: ReadDatabase | None = None


#: Opens a catalog in a scratch database, which names these roles; the database is dropped with the stack.
Opener = Callable[[ExitStack, Scratch, Sequence[str]], ScratchCatalog]


def diff(options: VerbOptions, a: str, b: str) -> results.DifferenceResult:
    """Return what differs from `a` to `b`: each is `database`, `folder`, a database's name or URL, or a file.

    Databases are read before anything runs on a scratch server, which is started only if a folder or a file needs it.

    Raises:
        UsageError: One of the two names nothing that can be compared.
        ConfigurationError: A file cannot be read.
        ReplayFailed: A file or a migration does not run in an empty scratch database.
        DatabaseError: A catalog cannot be read.
    """
    with ExitStack() as stack:
        sides = [_find(options, each) for each in (a, b)]
        found = [each for each in sides if isinstance(each, ReadDatabase)]
        roles = sorted({role for each in found for role in each.roles})
        scratch = stack.enter_context(open_scratch_server(options, foreign=True)) if len(found) < len(sides) else None
        one, other = (_open(each, label, stack, scratch, roles) for each, label in zip(sides, (a, b), strict=True))
        notes = dict.fromkeys(note for each in found for note in each.notes)
        before, after = one.reading, other.reading
        if any(each.notes for each in found):
            before, after = without_options(before), without_options(after)
        changes = compare(before, after, _view_reader(one, other))
    differing, reordered = without_order(changes)
    identities = [each.identity for each in found]
    return results.DifferenceResult(
        without_secrets(differing),
        one.label,
        other.label,
        max(len(each.snapshot.objects) for each in (before, after)),
        reordered,
        _identity(identities),
        (*notes, *_note_of_versions(one, other)),
    )


def _find(options: VerbOptions, wanted: str) -> ReadDatabase | Opener:
    """Return the catalog of a database, or what opens that of a folder or a file."""
    schemas = compared_schemas(options)
    if wanted == FOLDER:
        folder = read_folder(options)
        return lambda stack, scratch, roles: stack.enter_context(
            open_folder(options, folder, schemas, scratch=scratch, roles=roles)
        )
    text = None if wanted == DATABASE else read_schema_text(options.project, wanted)
    if text is not None:
        return partial(_open_text, options, text)
    with open_store(options if wanted == DATABASE else _on(options, wanted), writing=False) as store:
        return read_database(store, schemas)


def _open_text(
    options: VerbOptions, text: SchemaText, stack: ExitStack, scratch: Scratch, roles: Sequence[str]
) -> ScratchCatalog:
    schemas = compared_schemas(options)
    return stack.enter_context(open_schema(options, text.name, text.text, schemas, scratch=scratch, roles=roles))


def _open(
    side: ReadDatabase | Opener, label: str, stack: ExitStack, scratch: Scratch | None, roles: Sequence[str]
) -> _Side:
    if isinstance(side, ReadDatabase):
        return _Side(_shown(side, label), side.reading, read=side)
    assert scratch is not None
    opened = side(stack, scratch, roles)
    return _Side("the folder" if label == FOLDER else label, opened.reading, scratch=opened)


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


def _view_reader(one: _Side, other: _Side) -> ViewReader | None:
    """Return what reads the views of both on one server: that of the scratch database, if there is one."""
    scratch = other.scratch or one.scratch
    return partial(read_views, scratch.connection) if scratch else None


def _identity(found: Sequence[Identity | None]) -> Identity | None:
    """Return the one database that the result is about; None if it is about two, or about none."""
    return found[0] if len(found) == 1 else None


def _note_of_versions(one: _Side, other: _Side) -> tuple[str, ...]:
    """Return what to say of two databases on servers of different versions, where no scratch server reads the views."""
    versions = (one.reading.version, other.reading.version)
    if one.scratch or other.scratch or versions[0] == versions[1]:
        return ()
    return (
        f"PostgreSQL {versions[0]} and {versions[1]} write views in different words: a view that differs may be the same",
    )
