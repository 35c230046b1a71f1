"""How large tables are, without waiting for anybody: sizes of files, rows as the planner estimates them, or counted.

The functions that look at files take ACCESS SHARE, so they are called only for tables that nobody holds in ACCESS
EXCLUSIVE mode; of the others the catalog's own figures are taken, which VACUUM and ANALYZE have left there.

To plan a query of a table, PostgreSQL executes functions that expressions of its indexes and statistics call with
constants, as the role that asks. So no table is counted in which such an expression needs what a user has made.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from psycopg import sql

from fsapi_nb.actions.tree_names import joined
from fsapi_nb.model.forecast import TableSize
from fsapi_nb.model.table_facts import FoundTable, RowEvent, UserTrigger
from fsapi_nb.postgres.session import Rows

_PAGE = 8192
#: Rows of tables up to this size are counted, as estimates of small tables are often old: in bytes.
_COUNTED = 4 << 20
#: So much is read in all to count rows, of so many tables: each takes locks, of which a server has few.
_COUNTED_IN_ALL = 64 << 20
_COUNTED_TABLES = 100

#: The relations of this database that a session holds in ACCESS EXCLUSIVE mode.
HELD = """
    SELECT relation AS id FROM pg_locks WHERE locktype = 'relation' AND mode = 'AccessExclusiveLock'
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""
# What an expression calls is in `pg_depend`, unless it is PostgreSQL's own. A value of an enum calls nothing of users.
_MADE_BY_USERS = """
    SELECT FROM pg_depend AS d WHERE d.classid = {catalog}::regclass AND d.objid = {id}
    AND d.refclassid IN ('pg_proc'::regclass, 'pg_operator'::regclass, 'pg_type'::regclass)
    AND NOT EXISTS (
        SELECT FROM pg_type AS e WHERE d.refclassid = 'pg_type'::regclass AND e.oid = d.refobjid AND e.typtype = 'e')"""
#: Whether to plan a query of the relation `c` calls what users have made.
IS_PLANNED_BY_USERS = f"""
    EXISTS (SELECT FROM pg_index AS x WHERE x.indrelid = c.oid AND (x.indexprs IS NOT NULL OR x.indpred IS NOT NULL)
        AND EXISTS ({_MADE_BY_USERS.format(catalog="'pg_class'", id="x.indexrelid")}))
    OR EXISTS (SELECT FROM pg_statistic_ext AS x WHERE x.stxrelid = c.oid AND x.stxexprs IS NOT NULL
        AND EXISTS ({_MADE_BY_USERS.format(catalog="'pg_statistic_ext'", id="x.oid")}))"""
# A partitioned table has the size of its partitions, so these are looked at, too.
_TABLES = f"""
    WITH RECURSIVE wanted(id) AS (
        SELECT unnest({{numbers}}::oid[])
        UNION SELECT i.inhrelid FROM wanted JOIN pg_class AS c ON c.oid = wanted.id AND c.relkind = 'p'
        JOIN pg_inherits AS i ON i.inhparent = wanted.id
    ), held AS MATERIALIZED ({HELD}
    ), locked AS MATERIALIZED (
        SELECT id FROM held
        UNION SELECT indrelid FROM pg_index JOIN held ON held.id = indexrelid
        UNION SELECT c.oid FROM pg_class AS c JOIN held ON held.id = c.reltoastrelid
        UNION SELECT c.oid FROM pg_class AS c JOIN pg_index AS i ON i.indrelid = c.reltoastrelid
            JOIN held ON held.id = i.indexrelid
    )
    SELECT c.oid, n.nspname::text, c.relname::text, c.relkind::text, visible.oid = c.oid, parent.inhparent,
        f.sized, c.relpages::bigint, c.reltuples::float8, pg_stat_get_live_tuples(c.oid),
        CASE WHEN f.sized THEN pg_relation_size(c.oid) ELSE c.relpages::bigint * 8192 END,
        CASE WHEN f.sized THEN pg_total_relation_size(c.oid)
             ELSE (c.relpages + COALESCE(t.relpages, 0) + COALESCE(x.pages, 0)) * 8192 END,
        COALESCE(x.count, 0)::int, c.reltoastrelid <> 0,
        f.sized AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
            AND NOT row_security_active(c.oid) AND NOT ({IS_PLANNED_BY_USERS}), triggers.found
    FROM wanted JOIN pg_class AS c ON c.oid = wanted.id
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
    CROSS JOIN LATERAL (
        SELECT {{looks}} AND c.relkind IN ('r', 'm') AND NOT EXISTS (SELECT FROM locked WHERE locked.id = c.oid) AS sized
    ) AS f
    LEFT JOIN LATERAL (
        SELECT o.oid FROM unnest({{path}}::name[]) WITH ORDINALITY AS p(schema, place)
        JOIN pg_namespace AS s ON s.nspname = p.schema
        JOIN pg_class AS o ON o.relnamespace = s.oid AND o.relname = c.relname
        ORDER BY p.place LIMIT 1
    ) AS visible ON true
    LEFT JOIN pg_inherits AS parent ON parent.inhrelid = c.oid AND c.relispartition
    LEFT JOIN pg_class AS t ON t.oid = c.reltoastrelid
    LEFT JOIN LATERAL (
        SELECT count(*), sum(i.relpages::bigint) AS pages FROM pg_index AS x
        JOIN pg_class AS i ON i.oid = x.indexrelid WHERE x.indrelid = c.oid
    ) AS x ON true
    LEFT JOIN LATERAL (
        SELECT jsonb_agg(jsonb_build_array(t.tgname, t.tgtype, ARRAY(SELECT a.attname::text FROM pg_attribute AS a
            WHERE a.attrelid = t.tgrelid AND a.attnum = ANY (t.tgattr))) ORDER BY t.tgname) AS found
        FROM pg_trigger AS t
        WHERE t.tgrelid = c.oid AND NOT t.tgisinternal AND t.tgenabled IN ('O', 'A') AND t.tgfoid >= 16384
    ) AS triggers ON true
    ORDER BY c.oid"""


def tables_query(numbers: Iterable[int], path: Sequence[str], *, looks: bool) -> sql.Composable:
    """Return the question what these relations are, and how large; `looks` says whether files may be looked at."""
    return sql.SQL(_TABLES).format(
        numbers=sql.Literal(sorted(numbers)), path=sql.Literal(list(path)), looks=sql.Literal(looks)
    )


#: Set for counting: a scan of an index would count as a use of it, and no index would be unused any more.
WITHOUT_INDEXES: Mapping[str, str] = dict.fromkeys(
    ("enable_indexscan", "enable_indexonlyscan", "enable_bitmapscan"), "off"
)


def count_query(rows: Rows) -> sql.Composable | None:
    """Return the question how many rows the small ones of these relations have; None if there are none to count."""
    parts: list[sql.Composable] = []
    left = _COUNTED_IN_ALL
    for number, schema, name, _, _, _, _, _, _, _, heap, _, _, _, readable, _ in sorted(rows, key=lambda row: row[10]):
        left -= heap
        if readable and 0 < heap <= _COUNTED and left >= 0 and len(parts) < _COUNTED_TABLES:
            table = sql.Identifier(schema, name)
            parts.append(sql.SQL("SELECT {}::oid, count(*) FROM ONLY {}").format(sql.Literal(number), table))
    return sql.SQL(" UNION ALL ").join(parts) if parts else None


def tables_of(rows: Rows, counted: Mapping[int, int]) -> dict[int, FoundTable]:
    """Return the relations of the answer by their numbers, with the rows that were counted."""
    found = {}
    for row in rows:
        number, schema, name, kind, visible, parent, sized, pages, tuples, live, heap, total, indexes, toast, *_ = row
        size = None
        if kind in {"r", "m"}:
            exact = number in counted or (sized and heap == 0)
            rows_ = counted.get(number, 0) if exact else _estimate(pages, tuples, live, heap)
            size = TableSize(rows_, int(total), exact)
        written = joined([name] if visible else [schema, name])
        found[int(number)] = FoundTable(written, kind, size, int(heap), indexes, parent, toast, _triggers(row[-1]))
    return _summed(found)


def _triggers(found: Sequence[tuple[str, int, Sequence[str]]] | None) -> tuple[UserTrigger, ...]:
    every = sum(event.value for event in RowEvent)
    return tuple(UserTrigger(name, RowEvent(type_ & every), frozenset(columns)) for name, type_, columns in found or ())


def _estimate(pages: int, tuples: float, live: int, heap: int) -> int | None:
    """Return how many rows a table has, as the planner does: the density that ANALYZE saw, in the pages of now."""
    if tuples > 0 and pages > 0:
        return round(tuples / pages * (heap / _PAGE))
    if tuples == 0 and pages == 0 and heap == 0:
        return 0
    return int(live) or None


def _summed(found: dict[int, FoundTable]) -> dict[int, FoundTable]:
    """Return the relations, the partitioned ones with the size of their partitions."""
    parts: dict[int, list[int]] = {}
    for number, table in found.items():
        if table.parent is not None:
            parts.setdefault(table.parent, []).append(number)

    def sum_up(number: int) -> FoundTable:
        table = found[number]
        if table.kind == "p" and table.size is None:
            below = [sum_up(each) for each in parts.get(number, ())]
            found[number] = table = table._replace(size=_sum(below), heap=sum(each.heap for each in below))
        return table

    for number in list(found):
        sum_up(number)
    return found


def _sum(parts: Iterable[FoundTable]) -> TableSize:
    sizes = [each.size for each in parts if each.size]
    rows = [size.rows for size in sizes if size.rows is not None]
    return TableSize(
        sum(rows) if len(rows) == len(sizes) else None,
        sum(each.size for each in sizes),
        all(each.exact for each in sizes),
    )
