"""What a database holds, as lines that can be compared with another database's: every row of its catalogs and its tables.

`pg_dump` says the same in ten times the time. Numbers of objects differ from database to database: names stand in their place.
What differs by itself, such as statistics and flags that VACUUM corrects later, is left out, and so are fsapi_nb's tables.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import psycopg

Connection = psycopg.Connection[tuple[Any, ...]]

_OURS = "migrations|pg_toast|pg_temp"
_CATALOGS = """
    SELECT c.relname::text, a.attname::text, a.atttypid::regtype::text
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
    WHERE c.relnamespace = 'pg_catalog'::regnamespace AND c.relkind = 'r' AND NOT c.relisshared
    AND c.relname NOT IN ('pg_statistic', 'pg_statistic_ext_data', 'pg_largeobject') ORDER BY c.relname, a.attnum
"""
_REFERENCES = """
    SELECT fktable::text, fkcols[1], pktable::text, is_array FROM pg_get_catalog_foreign_keys() WHERE cardinality(fkcols) = 1
"""
#: Rights that an owner has anyway stand in a catalog or do not.
_RIGHTS = {
    "relacl": "nullif(relacl, acldefault(CASE relkind WHEN 'S' THEN 's'::\"char\" ELSE 'r'::\"char\" END, relowner))",
    "nspacl": "nullif(nspacl, acldefault('n', nspowner))",
    "proacl": "nullif(proacl, acldefault('f', proowner))",
    "typacl": "nullif(typacl, acldefault('T', typowner))",
}
#: Columns whose values may be any catalog's, with the column that says which.
_OF_ANY_CATALOG = {
    ("pg_depend", "objid"): "pg_identify_object(classid, objid, objsubid)",
    ("pg_depend", "refobjid"): "pg_identify_object(refclassid, refobjid, refobjsubid)",
    ("pg_description", "objoid"): "pg_identify_object(classoid, objoid, objsubid)",
    ("pg_seclabel", "objoid"): "pg_identify_object(classoid, objoid, objsubid)",
    ("pg_init_privs", "objoid"): "pg_identify_object(classoid, objoid, objsubid)",
}
#: What holds expressions is compared as PostgreSQL writes it.
_WRITTEN = {
    "pg_attrdef": "pg_get_expr(adbin, adrelid)",
    "pg_class": "pg_get_expr(relpartbound, oid), (SELECT own.reloptions FROM pg_class AS own WHERE own.oid = pg_class.reltoastrelid)",
    "pg_constraint": "pg_get_constraintdef(oid)",
    "pg_index": "pg_get_indexdef(indexrelid)",
    "pg_partitioned_table": "pg_get_partkeydef(partrelid)",
    "pg_policy": "pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)",
    "pg_proc": "CASE WHEN prokind <> 'a' THEN pg_get_functiondef(oid) END",
    "pg_publication_rel": "pg_get_expr(prqual, prrelid)",
    "pg_rewrite": "pg_get_ruledef(oid)",
    "pg_statistic_ext": "pg_get_statisticsobjdef(oid)",
    "pg_trigger": "pg_get_triggerdef(oid)",
    "pg_type": "pg_get_expr(typdefaultbin, 0)",
}
#: Numbers of files and rows, and flags that say what may be there.
_BY_ITSELF = {
    *(
        "relfilenode",
        "relpages",
        "reltuples",
        "relallvisible",
        "relallfrozen",
        "relfrozenxid",
        "relminmxid",
        "relrewrite",
    ),
    *(
        "reltoastrelid",
        "relhasindex",
        "relhasrules",
        "relhastriggers",
        "relhassubclass",
        "indcheckxmin",
        "attmissingval",
    ),
    *("atthasmissing", "conbin", "tgconstrindid"),
}
#: Whose name would differ, and what is no more than a trace of something else.
_SOME_ROWS = {
    "pg_attribute": "attnum > 0",
    "pg_trigger": "NOT tgisinternal",
    "pg_depend": "(deptype IN ('e', 'x') OR (deptype IN ('a', 'i') AND classid = 'pg_class'::regclass AND objsubid = 0))",
}
_TABLES = f"""
    SELECT oid::regclass::text, relkind = 'S' FROM pg_class
    WHERE oid >= 16384 AND (relkind IN ('r', 'S') OR (relkind = 'm' AND relispopulated)) AND relpersistence <> 't' AND oid::regclass::text !~ '{_OURS}'
    ORDER BY 1
"""


class Reader:
    """Reads databases of one server: all that was written in them since the reader was made."""

    def __init__(self, server: str) -> None:
        with psycopg.connect(server, autocommit=True, options="-c search_path=pg_catalog") as connection:
            self._query = _query(connection)

    def read(self, connection: Connection) -> str:
        """Return what the database holds, a line for each row, sorted; the connection's search_path is pg_catalog."""
        lines = [f"{catalog}: {row}" for catalog, row in connection.execute(self._query)]
        return "\n".join(sorted([*lines, *_rows(connection)]))


def _rows(connection: Connection) -> Iterator[str]:
    """Yield the rows of tables, and where sequences stand."""
    queries = [
        f"SELECT '{name.replace(chr(39), chr(39) * 2)}', "
        + (
            f"last_value || ' ' || is_called FROM {name}"
            if is_sequence
            else f"whole_row::text FROM ONLY {name} AS whole_row"
        )
        for name, is_sequence in connection.execute(_TABLES)
    ]
    if queries:
        yield from (f"{name}: {row}" for name, row in connection.execute(" UNION ALL ".join(queries).encode()))


def _query(connection: Connection) -> bytes:
    """Write the query that gives every row of every catalog that was written from now on."""
    columns: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for catalog, column, kind in connection.execute(_CATALOGS):
        columns[catalog].append((column, kind))
    references = {(table, column): (to, many) for table, column, to, many in connection.execute(_REFERENCES)}
    ((now,),) = connection.execute("SELECT pg_current_xact_id()::text::bigint % (1::bigint << 32)")
    parts = []
    for catalog, names in columns.items():
        assert catalog in _WRITTEN or not any(kind == "pg_node_tree" for _, kind in names), catalog
        values = [
            _value(catalog, column, references)
            for column, kind in names
            if column not in {"oid", *_BY_ITSELF} and kind != "pg_node_tree"
        ]
        written = ", ".join([*values, *([_WRITTEN[catalog]] if catalog in _WRITTEN else [])])
        condition = f"age(xmin) <= age('{now}'::xid) AND {_SOME_ROWS.get(catalog, 'true')}"
        parts.append(f"SELECT '{catalog}' AS catalog, row({written})::text AS written FROM {catalog} WHERE {condition}")
    return f"SELECT * FROM ({' UNION ALL '.join(parts)}) AS rows WHERE written !~ '{_OURS}'".encode()


def _value(catalog: str, column: str, references: dict[tuple[str, str], tuple[str, bool]]) -> str:
    """Write the column, with the name of the object that it refers to."""
    if (catalog, column) in _OF_ANY_CATALOG:
        return f"({_OF_ANY_CATALOG[catalog, column]}).identity"
    to, many = references.get((catalog, column), ("", False))
    if not to:
        return _RIGHTS.get(column, column)
    named = (
        f"CASE WHEN {{0}} < 16384 THEN {{0}}::text ELSE (pg_identify_object('{to}'::regclass, {{0}}, 0)).identity END"
    )
    if not many:
        return named.format(column)
    return f"ARRAY(SELECT {named.format('each')} FROM unnest({column}::oid[]) AS each)"
