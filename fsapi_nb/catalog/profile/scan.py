"""Makes a profile of a table itself: one query that reads it once, or a sample of it if it is large.

What was read is kept by the server for as long as the query runs, so that each column can be grouped. The table is
locked against being altered meanwhile, and against nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from psycopg import sql

from fsapi_nb.catalog.profile.hidden import LONGEST, hidden, shown
from fsapi_nb.catalog.profile.shape import ProfiledColumn, RelationShape
from fsapi_nb.catalog.profile.value import ColumnProfile, ProfileSource, ScanCost, TableProfile
from fsapi_nb.catalog.schema.asking import ask
from fsapi_nb.catalog.table_sizes import WITHOUT_INDEXES
from fsapi_nb.postgres.session import Connection

#: Bytes and rows of a table that are read; of a larger one it is a sample of about so many.
MOST_BYTES, MOST_ROWS = 256 << 20, 500_000
#: How long the query may run, in milliseconds, if no other time is given.
LONGEST_TIME = "60000"
_MOST_FREQUENT = 10
_SAMPLED = frozenset({"table", "materialized view"})

_WHOLE = sql.SQL("""
    WITH rows_read AS MATERIALIZED (SELECT {columns} FROM {table} {sample}) {groups}
    SELECT 0, count(*)::int8, NULL::int8, NULL::text, NULL::text, NULL::text[], NULL::int8[] FROM rows_read {parts}
""")
_GROUP = sql.SQL(", {group} AS MATERIALIZED (SELECT {column} AS v, count(*) AS n FROM rows_read GROUP BY 1)")
_ORDERED = sql.SQL("""
    UNION ALL SELECT {number}, (SELECT n FROM {group} WHERE v IS NULL), (SELECT count(*) FROM {group} WHERE v IS NOT NULL),
        (SELECT left(v::text, {long}) FROM {group} WHERE v IS NOT NULL ORDER BY v LIMIT 1),
        (SELECT left(v::text, {long}) FROM {group} WHERE v IS NOT NULL ORDER BY v DESC LIMIT 1),
        (SELECT array_agg(left(f.v::text, {long}) ORDER BY f.n DESC, f.v) FROM ({frequent}) AS f),
        (SELECT array_agg(f.n ORDER BY f.n DESC, f.v) FROM ({frequent}) AS f)
""")
_FREQUENT = sql.SQL("SELECT v, n FROM {group} WHERE v IS NOT NULL AND n > 1 ORDER BY n DESC, v LIMIT {most}")
_UNORDERED = sql.SQL("""
    UNION ALL SELECT {number}, (SELECT count(*) - count({column}) FROM rows_read), NULL, NULL, NULL, NULL, NULL
""")


def cost_of(shape: RelationShape) -> ScanCost:
    """Return what it costs to read a relation; of a large one a share is read."""
    if shape.kind not in _SAMPLED:
        return ScanCost(shape.size, shape.rows, None)
    share = min(MOST_BYTES / shape.size if shape.size else 1.0, MOST_ROWS / shape.rows if shape.rows else 1.0)
    return ScanCost(shape.size, shape.rows, share if share < 1.0 else None)


def read_table(connection: Connection, shape: RelationShape, timeout: str | None = None) -> TableProfile:
    """Return the profile of the rows that the role sees, of a large table that of a sample.

    Raises:
        psycopg.Error: It took too long, the table is locked, or the role may not read it.
    """
    read = [each for each in shape.columns if each.readable]
    cost = cost_of(shape)
    settings = {**WITHOUT_INDEXES, "statement_timeout": timeout or LONGEST_TIME, "row_security": "on"}
    rows = ask(connection, {"": _query(shape, read, cost)}, settings)[""] if read else []
    found = {number: row for number, *row in rows}
    count: int | None = found[0][0] if found else None
    limited = shape.kind not in _SAMPLED and count == MOST_ROWS
    profiles = {
        each.name: _column(each, found[number], count or 0) for number, each in enumerate(read, 1) if number in found
    }
    unread = {
        each.name: ColumnProfile(each.name, each.type, why=f"this role may not select {each.written}")
        for each in shape.columns
    }
    sampled = cost.share is not None or limited
    return TableProfile(
        *(shape.schema, shape.name, shape.kind, shape.written),
        ProfileSource.SAMPLE if sampled else ProfileSource.TABLE if read else ProfileSource.NOTHING,
        columns=tuple((unread | profiles)[each.name] for each in shape.columns),
        rows=count,
        share=cost.share,
        sees_all=not shape.hides_rows,
    )


def _query(shape: RelationShape, columns: Sequence[ProfiledColumn], cost: ScanCost) -> sql.Composable:
    names = [sql.Identifier(f"c{number}") for number in range(1, len(columns) + 1)]
    groups = [sql.Identifier(f"g{number}") for number in range(1, len(columns) + 1)]
    parts: list[sql.Composable] = []
    grouped: list[sql.Composable] = []
    for number, (each, name, group) in enumerate(zip(columns, names, groups, strict=True), 1):
        if not each.ordered:
            parts.append(_UNORDERED.format(number=sql.Literal(number), column=name))
            continue
        grouped.append(_GROUP.format(group=group, column=name))
        frequent = _FREQUENT.format(group=group, most=sql.Literal(_MOST_FREQUENT))
        parts.append(
            _ORDERED.format(number=sql.Literal(number), group=group, frequent=frequent, long=sql.Literal(LONGEST + 1))
        )
    selected = [
        sql.SQL("{} AS {}").format(sql.Identifier(each.name), name) for each, name in zip(columns, names, strict=True)
    ]
    return _WHOLE.format(
        columns=sql.SQL(", ").join(selected),
        table=sql.Identifier(shape.schema, shape.name),
        sample=_sample(shape, cost),
        groups=sql.SQL("").join(grouped),
        parts=sql.SQL("").join(parts),
    )


def _sample(shape: RelationShape, cost: ScanCost) -> sql.Composable:
    """Return what limits the reading: whole pages by chance, the same ones each time; of a view its first rows."""
    if shape.kind not in _SAMPLED:
        return sql.SQL("LIMIT {}").format(sql.Literal(MOST_ROWS))
    if cost.share is None:
        return sql.SQL("")
    return sql.SQL("TABLESAMPLE SYSTEM ({}) REPEATABLE (1)").format(sql.Literal(100 * cost.share))


def _column(shape: ProfiledColumn, row: Sequence[Any], rows: int) -> ColumnProfile:
    nulls, distinct, minimum, maximum, frequent, counts = row
    return hidden(
        ColumnProfile(
            shape.name,
            shape.type,
            (nulls or 0) / rows if rows else None,
            distinct,
            None if minimum is None else shown(minimum),
            None if maximum is None else shown(maximum),
            tuple((shown(value), count / rows) for value, count in zip(frequent or (), counts or (), strict=True)),
            why="" if shape.ordered else "its type has no order",
        )
    )
