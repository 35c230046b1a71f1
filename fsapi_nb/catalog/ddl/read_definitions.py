"""Reads the definitions of a database's objects, in one transaction that writes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from types import ModuleType

from fsapi_nb.catalog.ddl import (
    global_queries,
    member_queries,
    relation_queries,
    routine_queries,
    table_queries,
    text_search_queries,
    type_queries,
)
from fsapi_nb.catalog.ddl.definition import Definition, ObjectAddress, Unwritten
from fsapi_nb.catalog.ddl.definitions import Definitions
from fsapi_nb.catalog.ddl.needs import with_needs
from fsapi_nb.catalog.ddl.order import in_order
from fsapi_nb.catalog.ddl.query_parts import DefinitionQuery, complete
from fsapi_nb.catalog.ddl.statements import definitions_of, rows_of, unwritten_of
from fsapi_nb.catalog.kinds import used
from fsapi_nb.catalog.read import ask_briefly, open_catalog
from fsapi_nb.postgres.session import Connection

_PARTITIONS = """
    SELECT i.inhrelid, i.inhparent FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid AND c.relispartition
    WHERE c.relkind IN ('r', 'p', 'f')
"""
_OWNED = """
    SELECT objid, refobjid FROM pg_depend WHERE classid = 'pg_class'::regclass AND refclassid = 'pg_class'::regclass
    AND deptype = 'a' AND refobjsubid > 0 AND objid IN (SELECT seqrelid FROM pg_sequence)
"""
_RELATIONS = (table_queries, relation_queries)
_OTHERS = (type_queries, routine_queries, text_search_queries, global_queries, member_queries)


def read_definitions(
    connection: Connection,
    schemas: Sequence[str] | None = None,
    relation: int | None = None,
    datatype: int | None = None,
) -> Definitions:
    """Return the definitions of these schemas' objects, and of what depends on them.

    Args:
        connection: Any; inside of an open transaction its changes are seen. The session stays as it was.
        schemas: Their names; None for all schemas of users, and for what is in no schema.
        relation: The OID of a table, view or other relation: only it and what belongs to it are read.
        datatype: The OID of a type that is not a table's: only it, with its constraints, is read of all types and tables.

    Raises:
        psycopg.Error: A lock is not granted, say: a view's definition needs one.
    """
    definitions: list[Definition] = []
    unwritten: list[Unwritten] = []
    with open_catalog(connection, schemas) as catalog:
        version = connection.info.server_version
        values = {
            "spaces": catalog.schemas,
            "ours": catalog.ours,
            "everything": schemas is None and relation is None and datatype is None,
            "relation": relation,
            "type": datatype,
            "version": version,
        }
        for query in _queries(connection, version, _modules(relation, datatype)):
            found = ask_briefly(connection, complete(query), values)
            for row in rows_of(query.catalog, found):
                definitions += definitions_of(row)
                unwritten += unwritten_of(row)
        definitions = with_needs(definitions, connection, relation)
        partitions, owned = _pairs(connection, _PARTITIONS), _pairs(connection, _OWNED)
    ordered, cycles = in_order(definitions, partitions, owned)
    return Definitions(
        ordered, tuple(sorted((*unwritten, *cycles), key=lambda each: (each.kind, each.identity, each.why)))
    )


def _modules(relation: int | None, datatype: int | None) -> tuple[ModuleType, ...]:
    """Return the modules that have the queries of what is wanted."""
    if datatype is not None:
        return (type_queries,)
    return _RELATIONS if relation is not None else (*_RELATIONS, *_OTHERS)


def _queries(connection: Connection, version: int, modules: Iterable[ModuleType]) -> list[DefinitionQuery]:
    """Return the queries that this server understands, without those that would find nothing."""
    queries: list[DefinitionQuery] = [query for module in modules for query in module.queries(version)]
    filled = {name for (name,) in connection.execute(used(query.catalog for query in queries).encode())}
    return [query for query in queries if query.catalog in filled]


def _pairs(connection: Connection, query: str) -> dict[ObjectAddress, ObjectAddress]:
    found: Iterable[tuple[int, int]] = connection.execute(query.encode())
    return {ObjectAddress("pg_class", one): ObjectAddress("pg_class", other) for one, other in found}
