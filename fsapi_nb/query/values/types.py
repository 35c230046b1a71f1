"""Which type an OID is, and what reads its values: the built-in ones by heart, the database's own from its catalog.

No value of a result is read here.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import psycopg
from psycopg.pq.abc import PGresult
from psycopg.types.multirange import MultirangeInfo
from psycopg.types.range import RangeInfo

from fsapi_nb.postgres.wire import Connection, encoding_of, send
from fsapi_nb.query.values.columns import read_column
from fsapi_nb.query.values.nested import array_reader, multirange_reader, range_reader
from fsapi_nb.query.values.scalars import READERS, Reader


@dataclass(frozen=True, slots=True)
class Type:
    """A type's name, and what reads its values; None where they stay text."""

    name: str
    read: Reader | None


FIRST_USER_OID = 16384  # from here on, an OID means another type in every database


@functools.cache
def _builtin_types() -> dict[int, Type]:
    """The types that every server has, from psycopg's own list, with their arrays."""
    infos = [info for info in psycopg.adapters.types if info.oid < FIRST_USER_OID]
    scalars = {info.oid: READERS.get(info.name) for info in infos}
    types: dict[int, Type] = {}
    for info in infos:
        read = scalars[info.oid]
        if isinstance(info, RangeInfo):
            read = range_reader(scalars[info.subtype_oid])
        elif isinstance(info, MultirangeInfo):
            read = multirange_reader(scalars[info.subtype_oid])
        types[info.oid] = Type(info.name, read)
        if info.array_oid:
            types[info.array_oid] = Type(f"{info.name}[]", array_reader(read, info.delimiter))
    return types


@dataclass(frozen=True, slots=True)
class _CatalogEntry:
    """A row of pg_type: `kind` is typtype (an array is `a` here); `below` the type of an element, base or bound."""

    name: str
    kind: str
    below: int
    delimiter: str


# Sent after the transaction has ended, so that it can neither spoil it nor see less than was committed. The session is the
# user's, whose search_path may have operators of others.
_CATALOG = """
SELECT t.oid, pg_catalog.format_type(t.oid, NULL), k.kind, t.typdelim,
    CASE WHEN k.kind OPERATOR(pg_catalog.=) 'a' THEN t.typelem
         WHEN k.kind OPERATOR(pg_catalog.=) 'd' THEN t.typbasetype ELSE coalesce(r.rngsubtype, 0) END
FROM pg_catalog.pg_type t
CROSS JOIN LATERAL (SELECT CASE WHEN t.typcategory OPERATOR(pg_catalog.=) 'A' AND t.typtype OPERATOR(pg_catalog.=) 'b'
                                THEN 'a' ELSE t.typtype END) k (kind)
LEFT JOIN pg_catalog.pg_range r ON t.oid OPERATOR(pg_catalog.=) ANY (ARRAY[r.rngtypid, r.rngmultitypid])
WHERE t.oid OPERATOR(pg_catalog.=) ANY (ARRAY[{}]::pg_catalog.oid[])
"""


def look_up_types(connection: Connection, oids: Iterable[int]) -> dict[int, Type]:
    """The types of these OIDs; the catalog is asked for those that are not built in, and for what they consist of."""
    known = _builtin_types()
    catalog: dict[int, _CatalogEntry] = {}
    wanted = set(oids) - known.keys()
    while wanted:
        found = _read_catalog(connection, wanted)
        catalog |= found
        wanted = {entry.below for entry in found.values() if entry.below} - known.keys() - catalog.keys()
    return known | {oid: Type(entry.name, _reader_of(oid, catalog)) for oid, entry in catalog.items()}


def look_up_enums(connection: Connection, oids: Iterable[int]) -> dict[int, Type]:
    """The built-in types, and those of these OIDs that are enums. Raises psycopg.Error: a transaction may be open."""
    known = _builtin_types()
    wanted = set(oids) - known.keys()
    if not wanted:
        return known
    reply = send(connection, _CATALOG.format(", ".join(map(str, wanted))).encode())
    if reply.error:
        raise reply.error
    found = _entries(connection, reply.results)
    return known | {oid: Type(entry.name, None) for oid, entry in found.items() if entry.kind == "e"}


def _read_catalog(connection: Connection, oids: Iterable[int]) -> dict[int, _CatalogEntry]:
    """What pg_type says; nothing where it cannot be asked, as the values are at hand all the same, as text."""
    reply = send(connection, _CATALOG.format(", ".join(map(str, oids))).encode())
    if reply.error:
        return {}
    return _entries(connection, reply.results)


def _entries(connection: Connection, results: Sequence[PGresult]) -> dict[int, _CatalogEntry]:
    (result,) = results
    columns = [read_column(result, index, None, encoding_of(connection)) for index in range(5)]
    return {
        int(str(oid)): _CatalogEntry(str(name), str(kind), int(str(below)), str(delimiter))
        for oid, name, kind, delimiter, below in zip(*columns, strict=True)
    }


def _reader_of(oid: int, catalog: dict[int, _CatalogEntry]) -> Reader | None:
    if builtin := _builtin_types().get(oid):
        return builtin.read
    if not (entry := catalog.get(oid)):
        return None
    below = _reader_of(entry.below, catalog)
    match entry.kind:
        case "a":
            return array_reader(below, entry.delimiter)
        case "d":
            return below
        case "r":
            return range_reader(below)
        case "m":
            return multirange_reader(below)
        case _:
            return None
