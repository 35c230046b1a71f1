"""Look at what the database holds: all of it, what a pattern means, or one object. Writes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import psycopg

from fsapi_nb.catalog.schema.asking import refusal
from fsapi_nb.catalog.schema.lookup import look_up, means_pattern
from fsapi_nb.catalog.schema.names import is_of, matching
from fsapi_nb.catalog.schema.overview import RELATIONS, TYPES, Overview, SchemaObject
from fsapi_nb.catalog.schema.page import ObjectPage, Partition
from fsapi_nb.catalog.schema.read_others import read_other
from fsapi_nb.catalog.schema.read_overview import read_overview, read_sizes, with_sizes
from fsapi_nb.catalog.schema.read_relation import read_relation
from fsapi_nb.catalog.schema.read_rows import read_rows, why_not
from fsapi_nb.catalog.schema.read_sql import read_sql
from fsapi_nb.catalog.schema.secrets import without_secrets
from fsapi_nb.catalog.schema.shown_kinds import KINDS
from fsapi_nb.errors import UNCHANGED, UsageError
from fsapi_nb.history.store import HistoryStore
from fsapi_nb.postgres.session import Connection
from fsapi_nb.text.command import Advice, command
from fsapi_nb.text.near import did_you_mean, near
from fsapi_nb.verbs.open import open_store
from fsapi_nb.verbs.options import VerbOptions
from fsapi_nb.views import results

#: Kinds beside relations whose SQL is shown.
_WRITTEN = TYPES | {"sequence"}
#: Rows that a page shows if nobody says how many, and of which kinds: a view's query may cost anything.
_ROWS = 5
_SHOWN = frozenset({"table", "materialized view"})


def schema(
    options: VerbOptions, name: str | None = None, *, kind: str | None = None, rows: int | None = None
) -> results.SchemaResult | results.ObjectResult:
    """Return what is there: everything, what a pattern means, or the page of one object."""
    if rows is not None and rows < 0:
        raise UsageError(f"the number of rows must be 0 or more (got {rows})", state=UNCHANGED)
    own = options.access.schema
    with open_store(options, writing=False) as store:
        try:
            connection = store.session.connection()
            schemas = [own, *(["public"] if name is not None else [])] if own else None  # public is in its search_path
            if kind is not None and kind not in KINDS:
                _require_kind(read_overview(connection, schemas), kind)
            if name is not None and not means_pattern(connection, schemas, name):
                overview, found = look_up(connection, schemas, name, kind)
                if found[0].kind != "schema":
                    return read_page(store, overview, found, rows)
                name = f"{found[0].written}.*"
            return _overview(store, read_overview(connection, schemas), name, kind)
        except psycopg.Error as error:
            refused = refusal(error, "the database" if name is None else name)
            if refused is None:
                raise
            raise refused from error


def _require_kind(overview: Overview, kind: str) -> None:
    """Raise UsageError if there is no such kind of object."""
    known = dict.fromkeys([*KINDS, *(each.kind for each in overview.objects)])
    if kind in known:
        return
    close = near(kind, known)
    hint = did_you_mean(close) if close else f"the kinds are {', '.join(known)}."
    raise UsageError(f"there is no kind of object {kind!r}", state=UNCHANGED, hint=hint)


def _overview(store: HistoryStore, overview: Overview, pattern: str | None, kind: str | None) -> results.SchemaResult:
    found = tuple(overview.own) if pattern is None else matching(overview, pattern)
    shown, notes = with_sizes(store.session.connection(), [each for each in found if is_of(each, kind)], overview.path)
    return results.SchemaResult(replace(overview, notes=notes), shown, pattern, kind, store.identity)


def read_page(
    store: HistoryStore, overview: Overview, found: Sequence[SchemaObject], rows: int | None
) -> results.ObjectResult:
    """Return the page of an object, with so many of its first rows. Raises psycopg.Error."""
    connection, item = store.session.connection(), found[0]
    is_relation = item.kind in RELATIONS
    page = _relation(connection, item, overview) if is_relation else read_other(connection, found, overview)
    if is_relation or item.kind in _WRITTEN:
        text, notes = read_sql(connection, item, overview.path)
        page = replace(page, definition=text, notes=(*page.notes, *notes))
    if is_relation:
        page = _with_rows(connection, page, rows, protected=store.identity.protected)
    page = replace(without_secrets(page), is_own=item.owner == overview.role)
    return results.ObjectResult(page, store.identity)


def _relation(connection: Connection, item: SchemaObject, overview: Overview) -> ObjectPage:
    """Return the page of a relation, its size and those of its partitions in it."""
    page = read_relation(connection, item, overview)
    (item,), notes = with_sizes(connection, [item], overview.path)
    parts = (*page.partitions, *page.children)
    sizes = read_sizes(connection, [each.oid for each in parts], overview.path)[0]

    def sized(parts: tuple[Partition, ...]) -> tuple[Partition, ...]:
        return tuple(replace(each, size=sizes[each.oid].size) if each.oid in sizes else each for each in parts)

    return replace(
        page,
        item=item,
        partitions=sized(page.partitions),
        children=sized(page.children),
        notes=(*page.notes, *notes),
    )


def _with_rows(connection: Connection, page: ObjectPage, wanted: int | None, *, protected: bool) -> ObjectPage:
    """Return the page with its first rows: by itself only of tables that are not protected, and if nothing runs for it."""
    item = page.item
    if wanted == 0 or not page.columns or not page.populated or (wanted is None and item.kind not in _SHOWN):
        return page
    if wanted is None:
        why = "this database is protected" if protected else why_not(connection, item)
        if why is not None:
            hint = Advice(command("schema", item.called, rows=str(_ROWS)), " shows them")
            return replace(page, notes=(*page.notes, Advice(f"the first rows are not shown: {why}; ", hint)))
    sample, notes = read_rows(connection, page, _ROWS if wanted is None else wanted)
    return replace(page, rows=sample, notes=(*page.notes, *notes))
