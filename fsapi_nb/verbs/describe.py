r"""Answer psql's backslash commands (`\d orders`, `\dt`, `\l`) with the values of the verb `schema`. Writes nothing."""

from __future__ import annotations

import re
from dataclasses import replace

import psycopg
from psycopg import sql

from fsapi_nb.catalog.backslash import ListingCommand, OwnList, read_backslash
from fsapi_nb.catalog.schema.asking import ask, refusal
from fsapi_nb.catalog.schema.names import find, matching, possible_names
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

Described = results.SchemaResult | results.ObjectResult | results.CatalogListResult


def describe(options: VerbOptions, text: str) -> Described:
    """Return what a backslash command asks for: a page of one object, or a list."""
    wanted = read_backslash(text)
    with open_store(options, writing=False) as store:
        try:
            if wanted.own:
                return _own_list(store, wanted, wanted.own)
            if wanted.page:
                return _page(store, options, wanted)
            return _list(store, _overview_of(store, options, wanted), wanted)
        except psycopg.Error as error:
            raise refusal(error, wanted.text) or error from None


def _own_list(store: HistoryStore, wanted: ListingCommand, own: OwnList) -> results.CatalogListResult:
    found = read_own_list(store.session.connection(), wanted, own)
    return results.CatalogListResult(found, wanted.name, store.identity)


def _overview(store: HistoryStore, options: VerbOptions, *, system: bool, name: str | None = None) -> Overview:
    """Return the objects of the schema of the options, or of all of users; with `system`, PostgreSQL's own as well.

    With a name it is only what is called exactly so.
    """
    own, connection = options.access.schema, store.session.connection()
    schemas = [own] if own else None
    if system:
        schemas = [found for (found,) in ask(connection, {"": _ALL_SCHEMAS})[""]]
    return read_overview(connection, schemas, among=None if name is None else possible_names(name))


def _overview_of(store: HistoryStore, options: VerbOptions, wanted: ListingCommand) -> Overview:
    """Return the objects that a list is chosen from: those of the schemas that its pattern names, if it names some."""
    pattern = wanted.pattern
    if pattern is None or pattern.schema is None:
        return _overview(store, options, system=wanted.system)
    connection = store.session.connection()
    named = re.compile(pattern.schema, re.DOTALL | re.IGNORECASE)
    schemas = [name for (name,) in ask(connection, {"": _ALL_SCHEMAS})[""] if named.match(name)]
    return read_overview(connection, schemas)


def _page(store: HistoryStore, options: VerbOptions, wanted: ListingCommand) -> Described:
    """Return the page of the object that is named; of an index its line. Raises UsageError if there is none.

    What is called exactly so comes before what is written with other letters, and users' objects before PostgreSQL's.
    """
    name = str(wanted.name)
    if page := _page_of_exactly(store, _overview(store, options, system=wanted.system, name=name), wanted):
        return page
    indexes = read_own_list(store.session.connection(), wanted, OwnList.INDEXES)
    if indexes.rows and "sequence" in wanted.kinds:
        return results.CatalogListResult(indexes, name, store.identity)
    if page := _page_of_exactly(store, _overview(store, options, system=True, name=name), wanted):
        return page
    overview = _overview(store, options, system=wanted.system)
    return read_page(store, overview, _found(overview, wanted), rows=0)


def _page_of_exactly(store: HistoryStore, overview: Overview, wanted: ListingCommand) -> results.ObjectResult | None:
    """Return the page of the object that is named, if it is the only one."""
    try:
        found = _found(overview, wanted)
    except UsageError:
        return None
    return read_page(store, overview, found, rows=0)


def _found(overview: Overview, wanted: ListingCommand) -> tuple[SchemaObject, ...]:
    """Return the object of the wanted kinds that the name means. Raises UsageError if there is none."""
    of_kinds = tuple(each for each in overview.objects if each.kind in wanted.kinds)
    return find(replace(overview, objects=of_kinds), str(wanted.name))


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
