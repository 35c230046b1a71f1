"""Reads what must be known of a relation before its columns are profiled. No user's function is run, nothing is locked."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from psycopg import sql

from fsapi_nb.catalog.schema.asking import ask, gone
from fsapi_nb.postgres.session import Connection

_KINDS = {
    "r": "table",
    "p": "table",
    "f": "foreign table",
    "v": "view",
    "m": "materialized view",
}
# With all partitions and children, whose rows belong to it.
_RELATION = sql.SQL("""
    WITH RECURSIVE tree(oid) AS (
        SELECT {oid}::oid UNION SELECT i.inhrelid FROM pg_inherits i JOIN tree ON i.inhparent = tree.oid
    ), sums AS (
        SELECT sum(CASE WHEN c.reltuples >= 0 THEN c.reltuples::float8 END) FILTER (WHERE c.relkind <> 'p') AS rows,
               sum(c.relpages::int8) FILTER (WHERE c.relkind <> 'p') AS pages,
               sum(pg_stat_get_mod_since_analyze(c.oid)) AS changed,
               count(*) > 1 AS has_children
        FROM tree JOIN pg_class c ON c.oid = tree.oid
    )
    SELECT n.nspname::text, c.relname::text, c.relkind::text,
           quote_ident(n.nspname) || '.' || quote_ident(c.relname), row_security_active(c.oid),
           sums.rows, sums.pages * current_setting('block_size')::int8, sums.has_children,
           greatest(pg_stat_get_last_analyze_time(c.oid), pg_stat_get_last_autoanalyze_time(c.oid)), sums.changed
    FROM sums, pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.oid = {oid}
""")
# Below domains and arrays is the type whose order counts: an operator class for btree, its own or one of a type that it
# is stored alike as (varchar as text). Ranges and enums have one in any case.
_COLUMNS = sql.SQL("""
    SELECT a.attname::text, quote_ident(a.attname), format_type(a.atttypid, a.atttypmod),
           has_column_privilege(a.attrelid, a.attnum, 'SELECT'),
           t.typtype IN ('e', 'r', 'm') OR EXISTS (
               SELECT FROM pg_opclass o JOIN pg_am m ON m.oid = o.opcmethod AND m.amname = 'btree'
               WHERE o.opcdefault AND (o.opcintype = t.oid OR EXISTS (
                   SELECT FROM pg_cast k WHERE k.castsource = t.oid AND k.casttarget = o.opcintype
                   AND k.castmethod = 'b' AND k.castcontext = 'i'))),
           CASE WHEN below.depth = 0 AND (t.typnamespace = 'pg_catalog'::regnamespace OR t.typtype = 'e')
                THEN format_type(t.oid, -1) END,
           (SELECT quote_ident(s.nspname) || '.' || quote_ident(c.collname)
            FROM pg_collation c JOIN pg_namespace s ON s.oid = c.collnamespace WHERE c.oid = a.attcollation)
    FROM pg_attribute a, LATERAL (
        WITH RECURSIVE below(oid, depth) AS (
            SELECT a.atttypid, 0
            UNION ALL
            SELECT CASE WHEN b.typtype = 'd' THEN b.typbasetype ELSE b.typelem END,
                   below.depth + (b.typtype <> 'd')::int
            FROM below JOIN pg_type b ON b.oid = below.oid
            WHERE b.typtype = 'd' OR EXISTS (SELECT FROM pg_type e WHERE e.oid = b.typelem AND e.typarray = b.oid)
        ) SELECT below.oid, below.depth FROM below JOIN pg_type b ON b.oid = below.oid
        WHERE b.typtype <> 'd' AND NOT EXISTS (SELECT FROM pg_type e WHERE e.oid = b.typelem AND e.typarray = b.oid)
    ) AS below JOIN pg_type t ON t.oid = below.oid
    WHERE a.attrelid = {oid} AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY a.attnum
""")


@dataclass(frozen=True, slots=True)
class ProfiledColumn:
    """A column as a profile needs it.

    `readable` says whether the role may select it; `ordered` whether its values can be compared; `plain` is the type
    below its domains, with the `collation`, if its values can be read back without running anything of a user.
    """

    name: str
    written: str
    type: str
    readable: bool
    ordered: bool
    plain: str | None
    collation: str | None


@dataclass(frozen=True, slots=True)
class RelationShape:
    """A relation as a profile needs it; `rows` and `size` are what the server estimates, with partitions and children."""

    schema: str
    name: str
    kind: str
    written: str
    hides_rows: bool
    rows: int | None
    size: int
    has_children: bool
    analyzed_at: datetime.datetime | None
    changed: int | None
    columns: tuple[ProfiledColumn, ...]


def read_shape(connection: Connection, oid: int, name: str) -> RelationShape:
    """Return the relation of that number, which was found by a name. Raises psycopg.Error, and UsageError if it is gone."""
    number = sql.Literal(oid)
    found = ask(connection, {"relation": _RELATION.format(oid=number), "columns": _COLUMNS.format(oid=number)})
    if not found["relation"]:
        raise gone(name)
    ((schema, name, kind, written, hides, rows, size, children, analyzed_at, changed),) = found["relation"]
    return RelationShape(
        schema,
        name,
        _KINDS[kind],
        written,
        hides,
        None if rows is None else round(rows),
        int(size or 0),
        children,
        analyzed_at,
        None if changed is None else int(changed),
        tuple(ProfiledColumn(*row) for row in found["columns"]),
    )
