"""Reads what lint must know of columns: whether a change of their type, or a NOT NULL, has to look at their rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import psycopg
from psycopg import sql

from fsapi_nb.catalog.table_names import set_queries
from fsapi_nb.model.action import TableSet
from fsapi_nb.model.column_facts import ColumnFacts, ColumnName
from fsapi_nb.postgres.ask import ask_about_session, ask_together
from fsapi_nb.postgres.session import Connection

_SESSION = sql.SQL("SELECT pg_catalog.current_schemas(true)::pg_catalog.text[], pg_catalog.current_setting('TimeZone')")
_LIMITS = sql.SQL("SELECT set_config('statement_timeout', '1000', true), set_config('lock_timeout', '100', true)")
_UTC = {"UTC", "Etc/UTC", "GMT", "Etc/GMT", "UCT", "Zulu"}
_COLUMNS = """
    SELECT w.key, format_type(a.atttypid, a.atttypmod), a.attnotnull OR (h.alone AND EXISTS (
        SELECT FROM pg_constraint AS c WHERE c.conrelid = a.attrelid AND c.contype = 'c' AND c.convalidated
        AND pg_get_expr(c.conbin, c.conrelid) = format('(%I IS NOT NULL)', a.attname)
    )), EXISTS (
        SELECT FROM pg_index AS i WHERE i.indrelid = a.attrelid
        AND (a.attnum = ANY (i.indkey::int2[]) OR 0 = ANY (i.indkey::int2[]) OR i.indpred IS NOT NULL)
    ), NOT h.alone OR EXISTS (
        SELECT FROM pg_constraint AS c WHERE c.contype IN ('c', 'f')
        AND ((c.conrelid = a.attrelid AND a.attnum = ANY (c.conkey)) OR (c.confrelid = a.attrelid AND a.attnum = ANY (c.confkey)))
    )
    FROM unnest({keys}::int[], {tables}::oid[], {names}::name[]) AS w(key, id, name)
    JOIN pg_attribute AS a ON a.attrelid = w.id AND a.attname = w.name AND a.attnum > 0 AND NOT a.attisdropped
    -- A table below this one may have other indexes and constraints.
    CROSS JOIN LATERAL (
        SELECT NOT EXISTS (SELECT FROM pg_inherits AS i WHERE i.inhparent = a.attrelid) AS alone
    ) AS h
"""


def read_column_facts(connection: Connection, wanted: Iterable[ColumnName]) -> Mapping[ColumnName, ColumnFacts]:
    """Return what the catalog says of these columns, in the session's own search_path.

    Those that it does not have are missing; so are all if it does not answer in time.

    Raises:
        psycopg.OperationalError: The connection is lost.
    """
    columns = sorted(set(wanted))
    if not columns:
        return {}
    try:
        return _read(connection, columns)
    except psycopg.Error:
        if connection.closed:
            raise
        return {}


def _read(connection: Connection, columns: list[ColumnName]) -> Mapping[ColumnName, ColumnFacts]:
    (((path, zone),),) = ask_about_session(connection, {"session": _SESSION}).values()
    asked = set_queries({TableSet(each.table) for each in columns}, path)
    numbers = asked.numbers(ask_together(connection, {"": _LIMITS, **asked.queries}))
    found = [(key, number) for key, each in enumerate(columns) for number in numbers.get(TableSet(each.table), ())]
    query = sql.SQL(_COLUMNS).format(
        keys=sql.Literal([key for key, _ in found]),
        tables=sql.Literal([number for _, number in found]),
        names=sql.Literal([columns[key].column for key, _ in found]),
    )
    rows = ask_together(connection, {"": _LIMITS, "columns": query})["columns"]
    return {
        columns[key]: ColumnFacts(written, not_null, indexed, constrained, zone in _UTC)
        for key, written, not_null, indexed, constrained in rows
    }
