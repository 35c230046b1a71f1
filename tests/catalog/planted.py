"""Objects that a role without rights plants in schemas of the search_path, and whether anybody has executed one of them.

Each of PostgreSQL's own operators, functions, aggregates and types that fsapi_nb's statements name has a namesake: with the
same arguments, and with types that fit better. PostgreSQL counts each call, also in a transaction that is rolled back.
"""

from __future__ import annotations

import re
import time
from functools import cache
from pathlib import Path

import psycopg
from psycopg import sql

import fsapi_nb

_TYPES = [
    "oid",
    "name",
    "text",
    "varchar",
    "bpchar",
    '"char"',
    "int2",
    "int4",
    "int8",
    "float8",
    "numeric",
    "bool",
    "timestamp",
    "timestamptz",
    "interval",
    "uuid",
    "json",
    "jsonb",
    "regclass",
    "xid",
    "oidvector",
    "int2vector",
    "_text",
    "_name",
    "_oid",
    "_int2",
    "_int4",
    "_char",
    "aclitem",
    "anyelement",
    "anyarray",
    "anynonarray",
]
_OPERATORS = [
    "=",
    "<>",
    "<",
    ">",
    "<=",
    ">=",
    "+",
    "-",
    "*",
    "/",
    "||",
    "~",
    "~*",
    "!~",
    "~~",
    "!~~",
    "~~*",
    "@>",
    "<@",
    "&&",
    "->",
    "->>",
    "&",
    "|",
    "<<",
    ">>",
    "%",
]
# The body is never inlined, and so it is counted.
_OPERATOR = """
    CREATE FUNCTION {schema}.{function}({left}, {right}) RETURNS {result} LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
    CREATE OPERATOR {schema}.{name} (LEFTARG = {left}, RIGHTARG = {right}, FUNCTION = {schema}.{function});
"""
# Of a polymorphic result the type of an argument must be taken.
_SIGNATURES = """
    SELECT p.proname::text, pg_get_function_result(p.oid), p.prokind::text, p.proargtypes::regtype[]::text[]
    FROM pg_proc p WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.prokind IN ('f', 'a') AND p.proname = ANY(%s)
      AND p.prorettype NOT IN ('internal'::regtype, 'trigger'::regtype, 'cstring'::regtype)
      AND NOT p.proargtypes::oid[] && ARRAY['internal'::regtype, 'cstring'::regtype]::oid[]
      AND p.provariadic = 0 AND p.proallargtypes IS NULL AND p.prorettype <> 'record'::regtype
    ORDER BY p.oid
"""
_RESULTS = """
    SELECT o.oprname::text, o.oprleft::regtype::text, o.oprright::regtype::text, o.oprresult::regtype::text
    FROM pg_operator o WHERE o.oprkind = 'b' AND o.oprname = ANY(%s)
      AND o.oprleft::regtype::text = ANY(%s) AND o.oprright::regtype::text = ANY(%s)
"""
_CALLED = """
    SELECT schemaname || '.' || funcname || ': ' || pg_get_function_identity_arguments(funcid)
    FROM pg_stat_user_functions WHERE schemaname = ANY(%s) AND calls > 0 ORDER BY 1
"""


@cache
def named_functions() -> list[str]:
    """Return every word of the program that could be the name of a function."""
    files = Path(fsapi_nb.__file__).parent.rglob("*.py")
    return sorted({word for file in files for word in re.findall(r"\b([a-z][a-z0-9_]+)\(", file.read_text())})


def plant(connection: psycopg.Connection, schema: str) -> None:
    """Plant all of it in a schema, as the role of the connection."""
    connection.execute("SET search_path TO pg_catalog")
    with connection.transaction():
        for name, left, right, result in _operators(connection):
            function = sql.Identifier(f"{left} {name} {right}").as_string()
            parts = {
                "schema": schema,
                "function": function,
                "name": name,
                "left": left,
                "right": right,
                "result": result,
            }
            connection.execute(_OPERATOR.format(**parts).encode())
        for statement in _functions(connection, schema):
            connection.execute(statement)
        for kind in (
            "text",
            "name",
            "oid",
            "int4",
            "int8",
            "bool",
            "uuid",
            "json",
            "timestamptz",
            "regclass",
            "interval",
        ):
            _plant_type(connection, schema, kind)
        for relation in (
            "pg_class",
            "pg_namespace",
            "pg_locks",
            "pg_stat_activity",
            "pg_settings",
            "pg_database",
            "pg_index",
        ):
            _plant_view(connection, schema, relation)
    connection.execute("RESET search_path")


def called(connection: psycopg.Connection, *schemas: str) -> list[str]:
    """Return what was executed of it; sessions must have ended before."""
    wait = 1.5 if connection.info.server_version < 150000 else 0.0  # its statistics travel by a socket
    time.sleep(wait)
    return [name for (name,) in connection.execute(_CALLED, [list(schemas)])]


def _operators(connection: psycopg.Connection) -> list[tuple[str, str, str, str]]:
    types = [kind for kind in _TYPES if kind not in {"anyelement", "anyarray", "anynonarray"}]
    known = {kind: kind for kind in types}
    found = {}
    rows = connection.execute("SELECT t, t::regtype::text FROM unnest(%s::text[]) AS t", [types]).fetchall()
    names: dict[str, str] = dict(rows)
    written = sorted({*names.values(), *known})
    for name, left, right, result in connection.execute(_RESULTS, [_OPERATORS, written, written]):
        found[name, left, right] = result
    for name in _OPERATORS:
        for left, right in [(kind, kind) for kind in names.values()] + _CROSSED:
            found.setdefault((name, left, right), "bool" if name not in {"+", "-", "*", "/", "||"} else left)
    return [(*key, result) for key, result in found.items()]


#: Pairs that PostgreSQL has no operator of, so that one of these is a better fit than its own.
_CROSSED = [
    ("name", "character varying"),
    ("character varying", "text"),
    ("text", "character varying"),
    ("character varying", "name"),
    ("oid", "integer"),
    ("oid", "bigint"),
    ('"char"', "text"),
    ("anyelement", "anyelement"),
    ("anyarray", "anyarray"),
    ("anyarray", "anyelement"),
    ("text", "name[]"),
]


def _functions(connection: psycopg.Connection, schema: str) -> list[bytes]:
    """The namesakes, those of the same arguments first, as a function and an aggregate cannot have the same."""
    signatures = connection.execute(_SIGNATURES, [named_functions()]).fetchall()
    # What takes anything may be written in C only; what takes any element is called for as much.
    rows = [
        (name, result, kind, ["anyelement" if each == '"any"' else each for each in types])
        for name, result, kind, types in signatures
    ]
    better = [
        (name, result, kind, [fit if each == "text" else each for each in types])
        for name, result, kind, types in rows
        for fit in ("character varying", "name")
        if "text" in types and not any(each.startswith("any") for each in types)
    ]
    found: dict[tuple[str, ...], bytes] = {}
    for name, result, kind, types in [*rows, *better]:
        make = _aggregate if kind == "a" else _function
        found.setdefault((name, *types), make(schema, name, types, result))
    return [each for each in found.values() if each]


def _function(schema: str, name: str, types: list[str], result: str) -> bytes:
    body = "AS 'BEGIN RETURN; END'" if result.startswith(("SETOF", "void")) else "AS 'BEGIN RETURN NULL; END'"
    own = sql.Identifier(schema, name).as_string()
    return f"CREATE FUNCTION {own}({', '.join(types)}) RETURNS {result} LANGUAGE plpgsql {body}".encode()


def _aggregate(schema: str, name: str, types: list[str], _: str) -> bytes:
    if len(types) == 0:
        arguments, inputs = "*", "bigint"
    elif any(kind.startswith("any") or kind == '"any"' for kind in types):
        return b""
    else:
        arguments, inputs = ", ".join(types), f"bigint, {', '.join(types)}"
    step, own = sql.Identifier(schema, f"step_of_{name}").as_string(), sql.Identifier(schema, name).as_string()
    return (
        f"CREATE OR REPLACE FUNCTION {step}({inputs}) RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RETURN 0; END';"
        f"CREATE AGGREGATE {own}({arguments}) (SFUNC = {step}, STYPE = bigint)"
    ).encode()


def _plant_type(connection: psycopg.Connection, schema: str, kind: str) -> None:
    own, base = sql.Identifier(schema, kind).as_string(), f"pg_catalog.{kind}"
    trap = sql.Identifier(schema, f"trap_of_{kind}").as_string()
    connection.execute(
        f"CREATE FUNCTION {trap}({base}) RETURNS bool LANGUAGE plpgsql AS 'BEGIN RETURN true; END';"
        f"CREATE DOMAIN {own} AS {base} CHECK ({trap}(VALUE))".encode()
    )


def _plant_view(connection: psycopg.Connection, schema: str, relation: str) -> None:
    own, trap = (sql.Identifier(schema, name).as_string() for name in (relation, f"trap_of_{relation}"))
    connection.execute(
        f"CREATE FUNCTION {trap}() RETURNS bool LANGUAGE plpgsql AS 'BEGIN RETURN true; END';"
        f"CREATE VIEW {own} AS SELECT * FROM pg_catalog.{relation} WHERE {trap}()".encode()
    )
