r"""Answer psql's backslash commands (`\d orders`, `\dt`, `\l`) with the values of the verb `schema`. Writes nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import psycopg
from psycopg import sql

from fsapi_nb.catalog.backslash import ListingCommand, OwnList, read_backslash
from fsapi_nb.catalog.pattern import NamePattern
from fsapi_nb.catalog.schema.asking import ask, refusal
from fsapi_nb.catalog.schema.names import find, matching
from fsapi_nb.catalog.schema.overview import Overview, SchemaObject
from fsapi_nb.catalog.schema.own_lists import read_own_list
from fsapi_nb.catalog.schema.read_overview import read_overview, with_sizes
from fsapi_nb.errors import UsageError
from fsapi_nb.history.store import HistoryStore
from fsapi_nb.verbs.open import open_store
from fsapi_nb.verbs.options import VerbOptions
from fsapi_nb.verbs.schema import read_page
from fsapi_nb.views import results

_ALL_SCHEMAS = sql.SQL("SELECT nspname::text FROM pg_namespace WHERE nspname !~ '^pg_(toast|temp)' ORDER BY 1")
_SYSTEM = ("pg_catalog", "information_schema")

Described = results.SchemaResult | results.ObjectResult | results.CatalogListResult


def describe(options: VerbOptions, text: str) -> Described:
    """Return what a backslash command asks for: a page of one object, or a list."""
    wanted = read_backslash(text)
    pattern = wanted.pattern
    with open_store(options, writing=False) as store:
        try:
            if wanted.own:
                return _own_list(store, wanted, wanted.own)
            if wanted.page:
                return _page(store, options, wanted)
            overview = _overview(store, options, system=wanted.system or _names_system(pattern))
            return _list(store, overview, wanted)
        except psycopg.Error as error:
            raise refusal(error, wanted.text) or error from None


def _own_list(store: HistoryStore, wanted: ListingCommand, own: OwnList) -> results.CatalogListResult:
    found = read_own_list(store.session.connection(), wanted, own)
    return results.CatalogListResult(found, wanted.name, store.identity)


def _overview(store: HistoryStore, options: VerbOptions, *, system: bool) -> Overview:
    """Return the objects of the schema of the options, or of all of users; with `system`, PostgreSQL's own as well."""
    own, connection = options.access.schema, store.session.connection()
    schemas = [own] if own else None
    if system:
        schemas = [name for (name,) in ask(connection, {"": _ALL_SCHEMAS})[""]]
    return read_overview(connection, schemas)


def _names_system(pattern: NamePattern | None) -> bool:
    """Return whether a pattern names a schema of PostgreSQL's own."""
    return bool(pattern and pattern.schema) and any(re.match(str(pattern and pattern.schema), each) for each in _SYSTEM)


def _page(store: HistoryStore, options: VerbOptions, wanted: ListingCommand) -> Described:
    """Return the page of the object that is named; of an index its line. Raises UsageError if there is none."""
    name, connection = str(wanted.name), store.session.connection()
    overview = _overview(store, options, system=wanted.system)
    try:
        found = _found(overview, name, wanted.kinds)
    except UsageError as unknown:
        indexes = read_own_list(connection, wanted, OwnList.INDEXES)
        if indexes.rows and "sequence" in wanted.kinds:
            return results.CatalogListResult(indexes, name, store.identity)
        overview = _overview(store, options, system=True)
        try:
            found = _found(overview, name, wanted.kinds)
        except UsageError:
            raise unknown from None
    return read_page(store, overview, found, rows=0)


def _found(overview: Overview, name: str, kinds: Sequence[str]) -> tuple[SchemaObject, ...]:
    """Return the object of these kinds that a name means. Raises UsageError if there is none."""
    return find(replace(overview, objects=tuple(each for each in overview.objects if each.kind in kinds)), name)


def _list(store: HistoryStore, overview: Overview, wanted: ListingCommand) -> results.SchemaResult:
    """Return the objects of these kinds; parts of others and fsapi_nb's own tables only if they are asked for by name."""
    if wanted.name is not None:
        found = matching(overview, wanted.name)
    elif wanted.kinds in (("sequence",), ("extension",), ("schema",)) or wanted.system:
        found = tuple(each for each in overview.objects if not each.is_history)
    else:
        found = tuple(overview.own)
    objects = [each for each in found if each.kind in wanted.kinds]
    shown, notes = with_sizes(store.session.connection(), objects, overview.path)
    return results.SchemaResult(replace(overview, notes=notes), shown, wanted.name, wanted.noun, store.identity)
