"""Read the first rows of a table, each value as a text that is cut: few rows, few columns, few bytes.

Values whose column is named as a secret is are starred, and what looks like one in the others. Values that take much room
are not read.
"""

from __future__ import annotations

from collections.abc import Sequence

import psycopg
from psycopg import sql

from fsapi_nb.catalog.schema.asking import LOCK, ask, gone
from fsapi_nb.catalog.schema.overview import SchemaObject
from fsapi_nb.catalog.schema.page import ObjectPage, SampleRows
from fsapi_nb.catalog.table_sizes import IS_PLANNED_BY_USERS
from fsapi_nb.postgres.ask import SETTINGS, why_unread
from fsapi_nb.postgres.session import Connection
from fsapi_nb.text.secrets import STARS, hide_in_message, is_secret_name

#: Columns that are shown, characters of a value, and bytes of one that is read at all.
_COLUMNS, _CHARACTERS, _BYTES = 20, 40, 64 * 1024
_TIMEOUT = 1_000  # milliseconds
_MOST_TABLES = 100  # a server has few locks, and each partition takes some


# A query of a table runs what its policies call, and what its indexes call with constants to plan the query.
_SAFE = f"""
    WITH RECURSIVE tree(id) AS (
        SELECT {{oid}}::oid UNION SELECT i.inhrelid FROM tree JOIN pg_inherits AS i ON i.inhparent = tree.id
    )
    SELECT bool_and(NOT row_security_active(c.oid)), bool_and(NOT ({IS_PLANNED_BY_USERS})),
        bool_and(c.relkind <> 'f'), count(*)
    FROM tree JOIN pg_class AS c ON c.oid = tree.id"""


def why_not(connection: Connection, item: SchemaObject) -> str | None:
    """Return why the rows of a table should not be read unless somebody asks for them; None if nothing speaks against it.

    Raises psycopg.Error, and UsageError if it is gone by now.
    """
    found = ask(connection, {"": sql.SQL(_SAFE).format(oid=sql.Literal(item.oid))})[""]
    ((unsecured, unplanned, here, tables),) = found
    if not tables:
        raise gone(item.qualified)
    reasons = {
        "its policies, which somebody has written, would run as this role": unsecured,
        "an index of it calls what somebody has written, which would run as this role": unplanned,
        "some of them are on another server": here,
        f"all of its {tables - 1:,} partitions would be locked": tables <= _MOST_TABLES,
    }
    return next((reason for reason, holds in reasons.items() if not holds), None)


def read_rows(connection: Connection, page: ObjectPage, count: int) -> tuple[SampleRows | None, tuple[str, ...]]:
    """Return the first rows by the primary key, or as they come; why there are none, if there are none.

    They are read as the role that asks, whose policies count.

    Raises:
        psycopg.OperationalError: The connection is lost.
    """
    columns = page.columns[:_COLUMNS]
    order = tuple(column.name for column in page.columns if column.primary)
    try:
        with connection.transaction():
            connection.execute(_LIMITS)
            rows = connection.execute(_query(page.item, [column.name for column in columns], order, count)).fetchall()
    except psycopg.Error as error:
        if connection.closed:
            raise
        return None, (f"the first rows are not shown: {why_unread(error, locked='the table', slow='to read them')}",)
    cells = tuple(tuple(_shown(value, size) for value, size in zip(row[::2], row[1::2], strict=True)) for row in rows)
    names = tuple(column.name for column in columns)
    return SampleRows(names, cells, order, len(page.columns) - len(columns)), ()


# Values are written alike in every session. Policies find what they name in the session's own search_path.
_SET = {name: value for name, value in SETTINGS.items() if name not in {"search_path", "row_security"}}
_LIMITS = sql.SQL("; ").join(
    [
        sql.SQL("SET TRANSACTION READ ONLY"),
        *(
            sql.SQL("SET LOCAL {} TO {}").format(sql.Identifier(name), sql.Literal(value))
            for name, value in {**_SET, "statement_timeout": str(_TIMEOUT), "lock_timeout": str(LOCK)}.items()
        ),
    ]
)


def _query(item: SchemaObject, columns: Sequence[str], order: Sequence[str], count: int) -> sql.Composed:
    """Return the query: of each column the beginning of its value and, where that is left out, how large it is."""
    values: list[sql.Composable] = []
    for name in columns:
        column = sql.Identifier(name)
        if is_secret_name(name):
            text = sql.SQL("CASE WHEN pg_catalog.num_nulls({}) OPERATOR(pg_catalog.=) 0 THEN {} END").format(
                column, sql.Literal(STARS)
            )
            values += [text, sql.SQL("NULL::pg_catalog.int4")]
            continue
        large = sql.SQL("pg_catalog.pg_column_size({}) OPERATOR(pg_catalog.>) {}").format(column, sql.Literal(_BYTES))
        # `format` writes a value as its type does; a cast to text may be a function that a user has made.
        values += [
            sql.SQL(
                "CASE WHEN {} OR pg_catalog.num_nulls({}) OPERATOR(pg_catalog.=) 1 THEN NULL"
                " ELSE pg_catalog.left(pg_catalog.format('%s', {}), {}) END"
            ).format(large, column, column, sql.Literal(_CHARACTERS + 1)),
            sql.SQL("CASE WHEN {} THEN pg_catalog.pg_column_size({}) END").format(large, column),
        ]
    by = sql.SQL(" ORDER BY {}").format(sql.SQL(", ").join(map(sql.Identifier, order))) if order else sql.SQL("")
    table = sql.Identifier(item.schema or "", item.name)
    return sql.SQL("SELECT {} FROM {}{} LIMIT {}").format(sql.SQL(", ").join(values), table, by, sql.Literal(count))


def _shown(value: str | None, size: int | None) -> str | None:
    if size is not None:
        return f"({size:,} bytes)"
    if value is None:
        return None
    value = hide_in_message(value)
    return value if len(value) <= _CHARACTERS else value[:_CHARACTERS] + "…"
