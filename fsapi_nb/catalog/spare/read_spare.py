"""Reads what is spare or lacking in a database: from its catalog and its statistics, without a lock on any table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from psycopg import sql

from fsapi_nb.catalog.schema.asking import ask, known_oids
from fsapi_nb.catalog.spare.findings import SpareFindings
from fsapi_nb.catalog.spare.judge import judge
from fsapi_nb.catalog.spare.spare_rows import ForeignKeyRow, IndexRow, KeylessRow, SequenceRow
from fsapi_nb.postgres.session import Connection

_NAME = "quote_ident({0}n.nspname) || '.' || quote_ident({0}c.relname)"
_TREE = "FROM pg_partition_tree(c.oid) AS part"
_SIZE = f"""current_setting('block_size')::int8 * CASE WHEN c.relkind IN ('p', 'I') THEN
    (SELECT sum(p.relpages::int8) {_TREE} JOIN pg_class AS p ON p.oid = part.relid) ELSE c.relpages END"""
_SINCE_15 = 150000
_LONGEST = "10000"  # milliseconds of each question: a catalog may have a hundred thousand tables
_NOT_OF_EXTENSION = """NOT EXISTS (SELECT FROM pg_depend AS m
    WHERE m.classid = 'pg_class'::regclass AND m.objid = {oid} AND m.deptype = 'e')"""

# An index of a partition that belongs to that of the table counts with that one.
_INDEXES = """
    SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname),
        quote_ident(n.nspname) || '.' || quote_ident(t.relname), c.oid::int8, t.oid::int8,
        array(SELECT concat_ws(' ', CASE WHEN x.indkey[k] = 0 THEN pg_get_indexdef(x.indexrelid, k + 1, false)
                                         ELSE x.indkey[k]::text END, x.indclass[k], x.indcollation[k], x.indoption[k])
              FROM generate_series(0, x.indnkeyatts - 1) AS k ORDER BY k),
        (x.indkey::int2[])[0:x.indnkeyatts - 1]::int4[], (x.indkey::int2[])[x.indnkeyatts:]::int4[],
        m.amname::text, pg_get_expr(x.indpred, x.indrelid), x.indexprs IS NOT NULL,
        x.indisunique, x.indisprimary, x.indisexclusion,
        EXISTS (SELECT FROM pg_constraint AS k WHERE k.conindid = x.indexrelid AND k.contype IN ('p', 'u', 'x', 'f')),
        x.indisreplident, x.indisvalid, c.relkind = 'I',
        EXISTS (SELECT FROM pg_stat_progress_create_index AS b WHERE b.index_relid = x.indexrelid),
        {nulls_not_distinct},
        (CASE c.relkind WHEN 'I' THEN (SELECT coalesce(sum(pg_stat_get_numscans(part.relid)), 0) {tree})
                        ELSE pg_stat_get_numscans(c.oid) END)::int8, ({size})::int8
    FROM pg_index AS x JOIN pg_class AS c ON c.oid = x.indexrelid JOIN pg_class AS t ON t.oid = x.indrelid
    JOIN pg_namespace AS n ON n.oid = c.relnamespace JOIN pg_am AS m ON m.oid = c.relam
    WHERE c.relnamespace = ANY({{spaces}}::oid[]) AND t.oid <> ALL({{ours}}::oid[]) AND NOT c.relispartition
      AND t.relpersistence <> 't' AND {not_of_extension}"""
_KEYS = f"""
    SELECT quote_ident(k.conname), {_NAME.format("")}, c.oid::int8,
        (SELECT quote_ident(o.nspname) || '.' || quote_ident(f.relname) FROM pg_class AS f
         JOIN pg_namespace AS o ON o.oid = f.relnamespace WHERE f.oid = k.confrelid),
        k.conkey::int4[], (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY x.i)
            FROM unnest(k.conkey) WITH ORDINALITY AS x(n, i)
            JOIN pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = x.n),
        c.relkind = 'p', ({_SIZE})::int8
    FROM pg_constraint AS k JOIN pg_class AS c ON c.oid = k.conrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE k.contype = 'f' AND k.conparentid = 0 AND c.relnamespace = ANY({{spaces}}::oid[])
      AND c.oid <> ALL({{ours}}::oid[]) AND {_NOT_OF_EXTENSION.format(oid="c.oid")}"""
_SEQUENCES = f"""
    SELECT {_NAME.format("")}, coalesce(quote_ident(tn.nspname) || '.' || quote_ident(t.relname), ''),
        coalesce(quote_ident(a.attname), ''), coalesce(format_type(a.atttypid, NULL), ''),
        CASE WHEN has_sequence_privilege(c.oid, 'USAGE, SELECT') THEN pg_sequence_last_value(c.oid) END,
        least(s.seqmax, CASE a.atttypid WHEN 'int2'::regtype THEN 32767 WHEN 'int4'::regtype THEN 2147483647
                        ELSE s.seqmax END),
        has_sequence_privilege(c.oid, 'USAGE, SELECT')
    FROM pg_sequence AS s JOIN pg_class AS c ON c.oid = s.seqrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
    LEFT JOIN pg_depend AS d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid
        AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i')
    LEFT JOIN pg_class AS t ON t.oid = d.refobjid LEFT JOIN pg_namespace AS tn ON tn.oid = t.relnamespace
    LEFT JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid
    WHERE s.seqincrement > 0 AND NOT s.seqcycle AND c.relpersistence = 'p' AND c.relnamespace = ANY({{spaces}}::oid[])
      AND c.oid <> ALL({{ours}}::oid[]) AND {_NOT_OF_EXTENSION.format(oid="c.oid")}"""
_KEYLESS = f"""
    SELECT {_NAME.format("")}, ({_SIZE})::int8, CASE WHEN c.relhasindex THEN (
        SELECT quote_ident(i.relname) FROM pg_index AS x JOIN pg_class AS i ON i.oid = x.indexrelid
        WHERE x.indrelid = c.oid AND x.indisunique AND x.indisvalid AND x.indimmediate AND x.indpred IS NULL
          AND x.indexprs IS NULL AND c.relkind = 'r'
          AND NOT EXISTS (SELECT FROM pg_constraint AS k WHERE k.conindid = x.indexrelid)
          AND NOT EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = c.oid AND NOT a.attnotnull
                          AND a.attnum = ANY((x.indkey::int2[])[0:x.indnkeyatts - 1]))
        ORDER BY x.indnkeyatts, i.relname COLLATE "C" LIMIT 1) END
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence <> 't'
      AND c.relnamespace = ANY({{spaces}}::oid[]) AND c.oid <> ALL({{ours}}::oid[])
      AND NOT EXISTS (SELECT FROM pg_constraint AS k WHERE k.conrelid = c.oid AND k.contype = 'p')
      AND {_NOT_OF_EXTENSION.format(oid="c.oid")}"""
_SERVER = sql.SQL("""
    SELECT (SELECT d.stats_reset FROM pg_stat_database AS d WHERE d.datname = current_database()),
        pg_is_in_recovery(), (SELECT count(*) FROM pg_stat_replication)::int4
""")


def read_spare(connection: Connection, schemas: Sequence[str] | None) -> SpareFindings:
    """Return what is spare or lacking in these schemas, or in all of users.

    Raises:
        psycopg.Error: The catalog could not be read, or not in time.
    """
    spaces, ours = known_oids(connection, schemas)
    values = {"spaces": _array(spaces), "ours": _array(ours)}
    since_15 = connection.info.server_version >= _SINCE_15
    indexes = _INDEXES.format(
        nulls_not_distinct="x.indnullsnotdistinct" if since_15 else "false",
        not_of_extension=_NOT_OF_EXTENSION.format(oid="c.oid"),
        tree=_TREE,
        size=_SIZE,
    )
    asked = {"indexes": indexes, "keys": _KEYS, "sequences": _SEQUENCES, "keyless": _KEYLESS}
    queries: dict[str, sql.Composable] = {name: sql.SQL(text).format(**values) for name, text in asked.items()}
    found = ask(connection, {**queries, "server": _SERVER}, {"statement_timeout": _LONGEST})
    ((since, is_replica, replicas),) = found["server"]
    sequences = [SequenceRow(*row) for row in found["sequences"]]
    return SpareFindings(
        judge(
            [_index(*row) for row in found["indexes"]],
            [_foreign_key(*row) for row in found["keys"]],
            sequences,
            [KeylessRow(*row) for row in found["keyless"]],
        ),
        since,
        is_replica,
        replicas,
        sum(not each.readable for each in sequences),
    )


def _index(
    name: str,
    table: str,
    oid: int,
    table_oid: int,
    keys: list[str],
    columns: list[int],
    included: list[int],
    *rest: Any,
) -> IndexRow:
    return IndexRow(name, table, oid, table_oid, tuple(keys), tuple(columns), frozenset(included), *rest)


def _foreign_key(name: str, table: str, oid: int, target: str, columns: list[int], *rest: Any) -> ForeignKeyRow:
    return ForeignKeyRow(name, table, oid, target, tuple(columns), *rest)


def _array(numbers: Sequence[int]) -> sql.Composable:
    return sql.Literal("{" + ",".join(map(str, numbers)) + "}")
