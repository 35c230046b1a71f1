"""Find out whether an index is what a CREATE INDEX makes, by making it again on an empty copy of the table.

The copy is undone. Expressions, operator classes and predicates are compared as the server understands them, however
they are written.
"""

from __future__ import annotations

from collections.abc import Sequence

import psycopg
from psycopg import sql

from fsapi_nb.postgres.ask import OWN_NAMES, ask
from fsapi_nb.postgres.session import Connection
from fsapi_nb.script.effects import index_on
from fsapi_nb.script.tokens import SqlSyntaxError

_COPY = "fsapi_nb_copy_%d"  # it is undone in the transaction that makes it
_TABLE = sql.SQL("""
    SELECT n.nspname::text, c.relname::text
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = {}
""")
# All that an index is, but for its name and its table. As JSON, `indnullsnotdistinct` may be absent, as it is up to 14.
_SAME = """
    WITH defined AS (
        SELECT i.indexrelid, i.indrelid, pg_catalog.jsonb_build_array(
            c.relam, i.indisunique, i.indnkeyatts, i.indclass::text, i.indcollation::text, i.indoption::text,
            pg_catalog.to_jsonb(i) -> 'indnullsnotdistinct', pg_catalog.pg_get_expr(i.indpred, i.indrelid), c.reloptions,
            (SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_array(
                pg_catalog.pg_get_indexdef(i.indexrelid, a.attnum, false), a.attoptions) ORDER BY a.attnum)
             FROM pg_catalog.pg_attribute a WHERE a.attrelid = i.indexrelid)) AS definition
        FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
        WHERE i.indexrelid = ANY(%(indexes)s::oid[]) OR i.indrelid = %(copy)s::regclass
    )
    SELECT one.indexrelid::bigint FROM defined one, defined made
    WHERE made.indrelid = %(copy)s::regclass AND one.indrelid <> made.indrelid AND one.definition = made.definition
"""


def same_indexes(connection: Connection, statement: str, table: int, indexes: Sequence[int]) -> set[int] | None:
    """Return those of a table's indexes that are as the CREATE INDEX says; None if that cannot be found out.

    The session must have the settings and the role with which the statement ran. Changes nothing.
    """
    rows = ask(connection, _TABLE.format(sql.Literal(table)))
    if not rows:
        return None
    ((schema, name),) = rows
    copy = sql.Identifier(schema, _COPY % table)
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(sql.SQL("CREATE TABLE {} (LIKE {})").format(copy, sql.Identifier(schema, name)))
            connection.execute(index_on(statement, schema, _COPY % table).encode())
            connection.execute(OWN_NAMES)
            values = {"indexes": list(indexes), "copy": copy.as_string(connection)}
            return {oid for (oid,) in connection.execute(_SAME, values)}
    except (psycopg.Error, SqlSyntaxError):
        return None
