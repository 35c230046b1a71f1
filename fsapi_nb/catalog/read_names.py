"""Reads the names that SQL may hold: schemas, relations, functions, and the columns of some relations.

For completion: bounded, in one snapshot, without a lock on any table, and never slower than a second.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from psycopg import sql

from fsapi_nb.catalog.database_names import DatabaseNames, NamedObject, is_of_users
from fsapi_nb.postgres.ask import ask_about_session, ask_together
from fsapi_nb.postgres.session import Connection, Rows, set_all

#: At most so many names of a kind are read. Of more relations those of a beginning can be asked for.
MOST = 5_000
_LIMITS = {"statement_timeout": "1s", "lock_timeout": "100ms"}
_PATH = sql.SQL("SELECT pg_catalog.current_schemas(true)::pg_catalog.text[]")
_KINDS = {"r": "table", "p": "table", "v": "view", "m": "view", "f": "table"}

_SCHEMAS = sql.SQL("""
    SELECT nspname::text, nullif(quote_ident(nspname), nspname) FROM pg_namespace
    WHERE has_schema_privilege(oid, 'USAGE') AND nspname !~ '^pg_(toast|temp)'
    ORDER BY nspname ~ '^(pg_|information_schema$)', nspname COLLATE "C" LIMIT {most}
""")
_RELATIONS = sql.SQL("""
    SELECT n.nspname::text, c.relname::text, c.relkind::text, nullif(quote_ident(c.relname), c.relname)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname = ANY({schemas})
      AND c.relname LIKE {beginning}
    ORDER BY n.nspname ~ '^(pg_|information_schema$)', array_position({path}, n.nspname::text),
             c.relispartition, c.relname COLLATE "C", n.nspname COLLATE "C" LIMIT {most}
""")
_FUNCTIONS = sql.SQL("""
    SELECT DISTINCT n.nspname::text, p.proname::text, 'function', nullif(quote_ident(p.proname), p.proname)
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE n.nspname = ANY({own}) AND p.prorettype <> 'trigger'::regtype
    ORDER BY 2, 1 LIMIT {most}
""")
_COLUMNS = sql.SQL("""
    SELECT n.nspname::text, c.relname::text, a.attname::text, nullif(quote_ident(a.attname), a.attname)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE c.relname = ANY({tables}) AND n.nspname = ANY({schemas}) AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
      AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY n.nspname, c.relname, a.attnum LIMIT {most}
""")


def read_names(connection: Connection, tables: Collection[str], beginning: str | None) -> DatabaseNames:
    """Return the names that the session may use.

    Args:
        connection: In autocommit mode, with no transaction open; its limits of time are set.
        tables: The relations whose columns are read, without their schemas.
        beginning: Only relations whose name begins so, in these letters; empty for all, None for no relations.

    Raises:
        psycopg.Error: The catalog could not be read, or not in time.
    """
    connection.execute(set_all(_LIMITS))
    (((path,),),) = ask_about_session(connection, {"path": _PATH}).values()
    limit = sql.Literal(MOST)
    schemas = ask_together(connection, {"": _SCHEMAS.format(most=limit)})[""]
    names = [name for name, _ in schemas]
    own = [name for name in names if is_of_users(name)]
    values = {
        "schemas": _texts(names),
        "own": _texts(own),
        "path": _texts(path),
        "beginning": sql.Literal(re.sub(r"([\\%_])", r"\\\1", beginning or "") + "%"),
        "tables": _texts(sorted(tables)),
        "most": limit,
    }
    queries = {"columns": _COLUMNS}
    if beginning is not None:
        queries |= {"relations": _RELATIONS, "functions": _FUNCTIONS}
    asked = ask_together(connection, {name: query.format(**values) for name, query in queries.items()})
    found: dict[str, Rows] = {"relations": [], "functions": []} | asked
    columns: dict[tuple[str, str], tuple[str, ...]] = {}
    for schema, relation, column, _ in found["columns"]:
        columns[schema, relation] = (*columns.get((schema, relation), ()), column)
    return DatabaseNames(
        tuple(path),
        tuple(names),
        tuple(NamedObject(schema, name, _KINDS[kind]) for schema, name, kind, _ in found["relations"]),
        tuple(NamedObject(schema, name, kind) for schema, name, kind, _ in found["functions"]),
        columns,
        whole=beginning == "" and len(found["relations"]) < MOST,
        quoted=_quoted(
            [
                *schemas,
                *((row[1], row[3]) for key in ("relations", "functions") for row in found[key]),
                *((row[2], row[3]) for row in found["columns"]),
            ]
        ),
    )


def _texts(values: Iterable[str]) -> sql.Composable:
    return sql.SQL("ARRAY[{}]::text[]").format(sql.SQL(", ").join(map(sql.Literal, values)))


def _quoted(names: Iterable[tuple[str, str | None]]) -> dict[str, str]:
    return {name: written for name, written in names if written is not None}
