"""Which type an OID is, and what reads its values: the built-in ones by heart, the database's own from its catalog.

No value of a result is read here.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence

import psycopg
from psycopg.pq.abc import PGresult
from psycopg.types.multirange import MultirangeInfo
from psycopg.types.range import RangeInfo

from fsapi_nb.postgres.wire import Connection, encoding_of, send
from fsapi_nb.query.values.columns import read_column
from fsapi_nb.query.values.loaders import Type

FIRST_USER_OID = 16384  # from here on, an OID means another type in every database


@functools.cache
def _builtin_types() -> dict[int, Type]:
    """Return the types that every server has, from psycopg's own list, with their arrays."""
    types: dict[int, Type] = {}
    for info in psycopg.adapters.types:
        if info.oid >= FIRST_USER_OID:
            continue
        types[info.oid] = Type(info.name)
        if isinstance(info, RangeInfo | MultirangeInfo):
            types[info.oid] = Type(info.name, "r" if isinstance(info, RangeInfo) else "m", info.subtype_oid)
        if info.array_oid:
            types[info.array_oid] = Type(f"{info.name}[]", "a", info.oid, info.delimiter)
    return types


# Sent after the transaction has ended, so that it can neither spoil it nor see less than was committed. The session is
# the user's, whose search_path may have operators of others.
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
    """Return the built-in types and those of these OIDs; the catalog is asked for these, and for what they consist of."""
    types = dict(_builtin_types())
    wanted = set(oids) - types.keys()
    while wanted:
        found = _read_catalog(connection, wanted)
        types |= found
        wanted = {type_.below for type_ in found.values() if type_.below} - types.keys()
    return types


def look_up_enums(connection: Connection, oids: Iterable[int]) -> dict[int, Type]:
    """Return the built-in types, and those of these OIDs that are enums.

    Raises:
        psycopg.Error: The catalog cannot be asked; a transaction may be open then.
    """
    known = _builtin_types()
    wanted = set(oids) - known.keys()
    if not wanted:
        return known
    reply = send(connection, _CATALOG.format(", ".join(map(str, wanted))).encode())
    if reply.error:
        raise reply.error
    found = _entries(connection, reply.results)
    return known | {oid: type_ for oid, type_ in found.items() if type_.kind == "e"}


def _read_catalog(connection: Connection, oids: Iterable[int]) -> dict[int, Type]:
    """Return what pg_type says; nothing if it cannot be asked, as the values can be read as text."""
    reply = send(connection, _CATALOG.format(", ".join(map(str, oids))).encode())
    if reply.error:
        return {}
    return _entries(connection, reply.results)


def _entries(connection: Connection, results: Sequence[PGresult]) -> dict[int, Type]:
    (result,) = results
    columns = [read_column(result, index, None, encoding_of(connection)) for index in range(5)]
    return {
        int(str(oid)): Type(str(name), str(kind), int(str(below)), str(delimiter))
        for oid, name, kind, delimiter, below in zip(*columns, strict=True)
    }
