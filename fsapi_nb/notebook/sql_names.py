"""Choose the names that complete SQL at the cursor. Pure: the names have been read before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from fsapi_nb.catalog.database_names import DatabaseNames, NamedObject, is_of_users
from fsapi_nb.notebook.unfinished_sql import Cursor, Expected, Parts
from fsapi_nb.text.sql import quote_name

#: At most so many names are offered: nobody reads more, and a page draws them all.
MOST = 300


@dataclass(frozen=True, slots=True)
class Offer:
    """A text that can replace what is typed, and the kind of what it names."""

    text: str
    kind: str


def offers_at(cursor: Cursor, names: DatabaseNames, *, closed: bool = False) -> list[Offer]:
    """Return what the typed fragment can become: columns of the statement's relations first, then relations.

    Args:
        cursor: What is typed, and what is around it.
        names: The names of the database.
        closed: Whether a double quote follows the cursor already, as editors put it there.
    """
    found: dict[str, Offer] = {}
    for name, text, kind in _candidates(cursor, names):
        if not _begins(name, cursor):
            continue
        offer = Offer(_in_quotes(name, closed=closed) if cursor.quoted else text, kind)
        found.setdefault(offer.text, offer)
        if len(found) == MOST:
            break
    return list(found.values())


def objects_at(typed: str, names: DatabaseNames) -> list[Offer]:
    """Return what a word of a command can become that names an object, as it is called: `orders`, `shop.orders`."""
    found: dict[str, Offer] = {}
    for each in (*names.relations, *names.functions):
        qualified = f"{each.schema}.{each.name}"
        if not typed and not is_of_users(each.schema):
            continue
        if each.schema in names.path and _starts(each.name, typed):
            found.setdefault(each.name, Offer(each.name, each.kind))
        elif _starts(qualified, typed) or _starts(each.name, typed):
            found.setdefault(qualified, Offer(qualified, each.kind))
        if len(found) == MOST:
            break
    return list(found.values())


def wanted_tables(cursor: Cursor) -> frozenset[str]:
    """Return the relations whose columns must be known to complete at a cursor, without their schemas."""
    tables = {parts[-1] for parts in cursor.tables}
    if cursor.before and cursor.before[-1] not in cursor.aliases:
        tables.add(cursor.before[-1])
    return frozenset(tables)


def _candidates(cursor: Cursor, names: DatabaseNames) -> Iterator[tuple[str, str, str]]:
    """Yield each name that may be meant, with its text and its kind, the likeliest first."""
    if cursor.before:
        yield from _behind_dot(cursor, names)
        return
    if cursor.expected is Expected.RELATION:
        yield from _relations(cursor, names)
        return
    yield from _columns(cursor.own_tables or cursor.tables, names)
    if cursor.fragment:
        for alias in cursor.aliases:
            yield alias, names.written(alias), "alias"
        yield from _columns(cursor.tables, names)
        yield from _relations(cursor, names)
        yield from _objects(names.functions, names)


def _behind_dot(cursor: Cursor, names: DatabaseNames) -> Iterator[tuple[str, str, str]]:
    """Yield the columns of the relation before the dot, and what is in the schema of that name."""
    alias = cursor.aliases.get(cursor.before[-1]) if len(cursor.before) == 1 else None
    if cursor.expected is Expected.ANYTHING:
        yield from _columns([alias or cursor.before], names)
    if len(cursor.before) == 1 and alias is None:
        (schema,) = cursor.before
        for each in (*names.relations, *(() if cursor.expected is Expected.RELATION else names.functions)):
            if each.schema == schema:
                yield each.name, names.written(each.name), each.kind


def _columns(tables: Iterable[Parts], names: DatabaseNames) -> Iterator[tuple[str, str, str]]:
    for parts in tables:
        relation = names.find(parts)
        if relation:
            for column in names.columns_of(*relation):
                yield column, names.written(column), "column"


def _relations(cursor: Cursor, names: DatabaseNames) -> Iterator[tuple[str, str, str]]:
    """Yield relations and schemas; PostgreSQL's own only if something is typed."""
    shown = [each for each in names.relations if cursor.fragment or is_of_users(each.schema)]
    yield from _objects(shown, names)
    for schema in names.schemas:
        if cursor.fragment or is_of_users(schema):
            yield schema, names.written(schema), "schema"


def _objects(objects: Iterable[NamedObject], names: DatabaseNames) -> Iterator[tuple[str, str, str]]:
    """Yield what the search_path finds by its name, everything else with its schema."""
    hidden: list[NamedObject] = []
    for each in objects:
        if each.schema in names.path:
            yield each.name, names.written(each.name), each.kind
        else:
            hidden.append(each)
    for each in hidden:
        yield each.name, f"{names.written(each.schema)}.{names.written(each.name)}", each.kind


def _begins(name: str, cursor: Cursor) -> bool:
    """Return whether a name begins as it is typed: in quotes exactly, else in any case of letters."""
    if cursor.quoted:
        return name.startswith(cursor.fragment[1:].replace('""', '"'))
    return _starts(name, cursor.fragment)


def _starts(name: str, typed: str) -> bool:
    return name.lower().startswith(typed.lower())


def _in_quotes(name: str, *, closed: bool) -> str:
    written = quote_name(name)
    return written[:-1] if closed else written
