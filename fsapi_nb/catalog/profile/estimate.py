"""Makes a profile of what ANALYZE has kept: at once, and without reading the table.

The view `pg_stats` shows a role the statistics of the columns that it may select, and none of a table whose rows it may
not all see.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from psycopg import sql

from fsapi_nb.catalog.profile.hidden import hidden, shown
from fsapi_nb.catalog.profile.shape import ProfiledColumn, RelationShape
from fsapi_nb.catalog.profile.value import ColumnProfile, ProfileSource, TableProfile
from fsapi_nb.catalog.schema.asking import ask
from fsapi_nb.postgres.session import Connection

_MOST_FREQUENT = 10
_BOOLEANS = {"t": "true", "f": "false"}  # in arrays they are written otherwise than alone
# What was sampled with all children comes before what was sampled of the table alone.
_STATISTICS = sql.SQL("""
    SELECT DISTINCT ON (attname) attname::text, null_frac::float8, n_distinct::float8,
           most_common_vals::text, most_common_vals::text::text[], most_common_freqs::float8[],
           histogram_bounds::text, histogram_bounds::text::text[]
    FROM pg_stats WHERE schemaname = {schema} AND tablename = {name} ORDER BY attname, inherited DESC
""")
_ENDS = sql.SQL("""
    SELECT (SELECT kept.v::text FROM unnest({values}) AS kept(v) ORDER BY kept.v {collation} LIMIT 1),
           (SELECT kept.v::text FROM unnest({values}) AS kept(v) ORDER BY kept.v {collation} DESC LIMIT 1)
""")


def read_estimates(connection: Connection, shape: RelationShape) -> TableProfile:
    """Return the profile of a relation as far as the server has statistics. Raises psycopg.Error."""
    query = _STATISTICS.format(schema=sql.Literal(shape.schema), name=sql.Literal(shape.name))
    rows = {name: row for name, *row in ask(connection, {"": query})[""]}
    ends = _read_ends(connection, shape, rows)
    columns = [_column(each, rows.get(each.name), ends.get(each.name), shape.rows) for each in shape.columns]
    return TableProfile(
        *(shape.schema, shape.name, shape.kind, shape.written),
        ProfileSource.STATISTICS if rows else ProfileSource.NOTHING,
        columns=tuple(columns),
        rows=shape.rows,
        analyzed_at=shape.analyzed_at,
        changed=shape.changed,
        sees_all=not shape.hides_rows,
    )


def _read_ends(
    connection: Connection, shape: RelationShape, rows: Mapping[str, list[Any]]
) -> dict[str, tuple[str, str]]:
    """Return the least and the greatest value that the server has kept of each column whose values it can compare.

    Frequent values are not among the bounds of the histogram, so they are compared with these, by the server.
    """
    queries = {
        each.name: _ENDS.format(
            values=_values(each.plain, rows[each.name]),
            collation=sql.SQL("COLLATE " + each.collation) if each.collation else sql.SQL(""),
        )
        for each in shape.columns
        if each.name in rows and each.plain and each.ordered and _kept(rows[each.name])
    }
    found = ask(connection, queries) if queries else {}
    return {name: found[name][0] for name in queries}


def _kept(row: list[Any]) -> list[str]:
    """Return the arrays of values that the server has kept, as it writes them."""
    return [text for text in (row[2], row[5]) if text is not None]


def _values(kind: str, row: list[Any]) -> sql.Composable:
    arrays = [sql.SQL("{}::{}[]").format(sql.Literal(text), sql.SQL(kind)) for text in _kept(row)]
    return sql.SQL(" || ").join(arrays)


def _column(
    shape: ProfiledColumn, row: list[Any] | None, ends: tuple[str, str] | None, rows: int | None
) -> ColumnProfile:
    if row is None:
        why = "" if shape.readable else f"this role may not select {shape.written}"
        return ColumnProfile(shape.name, shape.type, why=why)
    nulls, distinct, _, kept, shares, _, bounds = row
    frequent = [_BOOLEANS.get(value, value) for value in kept or ()] if shape.plain == "boolean" else kept
    if ends is None and bounds and not frequent:
        ends = (bounds[0], bounds[-1])
    least, greatest = (shown(ends[0]), shown(ends[1])) if ends else (None, None)
    profile = ColumnProfile(
        shape.name,
        shape.type,
        nulls,
        _distinct(distinct, rows),
        least,
        greatest,
        tuple((shown(value), share) for value, share in zip(frequent or (), shares or (), strict=True))[
            :_MOST_FREQUENT
        ],
        why="" if shape.ordered else "its type has no order",
    )
    return hidden(profile)


def _distinct(number: float, rows: int | None) -> int | None:
    """Return how many different values there are: below zero it is a share of the rows, zero is not known."""
    if number > 0:
        return round(number)
    return round(-number * rows) if number < 0 and rows is not None else None
