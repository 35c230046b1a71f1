"""Reads the tables of a database, their columns and keys, for a diagram. The whole catalog is in `catalog`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fsapi_nb.catalog.diagram import Diagram, ForeignKey, Table, TableColumn, TableName, among
from fsapi_nb.catalog.read import open_catalog
from fsapi_nb.errors import UsageError
from fsapi_nb.postgres.session import Connection

#: A partition counts as its topmost parent; what belongs to an extension is left out.
_COLUMNS = """
    SELECT c.oid, n.nspname::text, c.relname::text,
           (SELECT count(*) - 1 FROM pg_catalog.pg_partition_tree(c.oid) WHERE c.relkind = 'p'),
           a.attnum, a.attname::text, format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(d.adbin, d.adrelid)
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE c.relkind IN ('r', 'p', 'f') AND NOT c.relispartition AND c.relpersistence <> 't'
      AND c.relnamespace = ANY(%(spaces)s) AND c.oid <> ALL(%(ours)s) AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_depend m
        WHERE m.classid = 'pg_catalog.pg_class'::regclass AND m.objid = c.oid AND m.deptype = 'e')
    ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C", a.attnum
"""
# Only what holds of every row: no partial index, none that is not finished, none over expressions.
_UNIQUE = """
    SELECT indrelid, (indkey::int2[])[0:indnkeyatts - 1], indisprimary FROM pg_catalog.pg_index
    WHERE indisunique AND indisvalid AND indpred IS NULL AND indexprs IS NULL AND indrelid = ANY(%(tables)s)
"""
_FOREIGN_KEYS = """
    SELECT DISTINCT k.conname::text, coalesce(pg_partition_root(k.conrelid)::oid, k.conrelid), array(
               SELECT attname::text FROM unnest(k.conkey) WITH ORDINALITY AS x(n, i)
               JOIN pg_catalog.pg_attribute ON attrelid = k.conrelid AND attnum = x.n ORDER BY i),
           coalesce(pg_partition_root(k.confrelid)::oid, k.confrelid), array(
               SELECT attname::text FROM unnest(k.confkey) WITH ORDINALITY AS x(n, i)
               JOIN pg_catalog.pg_attribute ON attrelid = k.confrelid AND attnum = x.n ORDER BY i)
    FROM pg_catalog.pg_constraint k
    WHERE k.contype = 'f' AND k.conparentid = 0
      AND coalesce(pg_partition_root(k.conrelid)::oid, k.conrelid) = ANY(%(tables)s)
"""
Row = tuple[Any, ...]


def read_diagram(connection: Connection, schemas: Sequence[str] | None) -> Diagram:
    """Return the tables of these schemas, without fsapi_nb's own, with their foreign keys.

    Args:
        schemas: Their names; None for all schemas of users.

    Raises:
        UsageError: There is no such schema.
        psycopg.Error: The catalog cannot be read.
    """
    with open_catalog(connection, schemas) as catalog:
        if schemas is not None and len(catalog.schemas) < len(set(schemas)):
            raise UsageError(
                f"there is no schema {' or '.join(schemas)}", hint="look at the name; \\dn in psql lists them."
            )
        columns = connection.execute(_COLUMNS.encode(), {"spaces": catalog.schemas, "ours": catalog.ours}).fetchall()
        tables = {"tables": sorted({row[0] for row in columns})}
        unique = connection.execute(_UNIQUE.encode(), tables).fetchall()
        keys = connection.execute(_FOREIGN_KEYS.encode(), tables).fetchall()
    return make_diagram(columns, unique, keys)


def make_diagram(columns: Sequence[Row], unique: Sequence[Row], keys: Sequence[Row]) -> Diagram:
    """Return the diagram of what the three queries gave."""
    names = {row[0]: TableName(row[1], row[2]) for row in columns}
    numbers = {(row[0], row[4]): row[5] for row in columns}
    required = {(row[0], row[5]) for row in columns if row[7]}
    sets = [(oid, frozenset(numbers[oid, number] for number in numbered), primary) for oid, numbered, primary in unique]
    foreign_keys = [
        ForeignKey(
            name,
            names[oid],
            tuple(from_columns),
            names.get(target, _ELSEWHERE),
            tuple(to_columns),
            mandatory=all((oid, column) in required for column in from_columns),
            single=any(owner == oid and columns <= set(from_columns) for owner, columns, _ in sets),
        )
        for name, oid, from_columns, target, to_columns in keys
    ]
    tables: dict[int, list[TableColumn]] = {oid: [] for oid in names}
    for oid, _, _, _, _, name, kind, not_null, default in columns:
        if name is not None:
            tables[oid].append(
                TableColumn(
                    name,
                    kind,
                    not_null,
                    default,
                    primary=any(owner == oid and primary and name in columns for owner, columns, primary in sets),
                    unique=any(owner == oid and not primary and columns == {name} for owner, columns, primary in sets),
                    references=_references(foreign_keys, names[oid], name),
                )
            )
    partitions = {row[0]: row[3] for row in columns}
    return among(
        Diagram(
            tuple(Table(names[oid], tuple(found), max(partitions[oid], 0)) for oid, found in tables.items()),
            tuple(sorted(foreign_keys, key=lambda key: (key.table, key.name, key.columns))),
        )
    )


#: What a foreign key leads to where its table is not among those that were asked for.
_ELSEWHERE = TableName("", "")


def _references(keys: Sequence[ForeignKey], table: TableName, column: str) -> tuple[str, ...]:
    """Return the columns that this one refers to by foreign keys."""
    found = {
        f"{key.target}.{to}" if key.target is not _ELSEWHERE else ""
        for key in keys
        if key.table == table
        for name, to in zip(key.columns, key.target_columns, strict=True)
        if name == column
    }
    return tuple(sorted(found))
