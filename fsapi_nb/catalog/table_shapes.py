"""SQL of what tables are made of, and of types and functions: what conditions of a forecast depend on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from psycopg import sql

from fsapi_nb.catalog.table_sizes import HELD
from fsapi_nb.model.table_facts import ColumnShape, ConstraintShape, IndexShape, TableShape, TypeShape
from fsapi_nb.postgres.session import Rows

_NAMES = """array(SELECT a.attname::text FROM unnest({0}::int2[]) AS k(number)
    JOIN pg_attribute AS a ON a.attrelid = {1} AND a.attnum = k.number)"""
_QUERIES = {
    "columns": """SELECT attrelid, attname::text, atttypid, atttypmod, attcollation, attnotnull, attgenerated::text
        FROM pg_attribute WHERE attrelid = ANY({numbers}) AND attnum > 0 AND NOT attisdropped""",
    # To write a CHECK out, PostgreSQL takes ACCESS SHARE: of a table that somebody holds it stays unknown.
    "constraints": f"""SELECT conrelid, conname::text, contype::text, {_NAMES.format("conkey", "conrelid")}, convalidated,
        CASE WHEN contype = 'c' AND conrelid NOT IN ({HELD}) THEN pg_get_constraintdef(oid) ELSE '' END, confrelid,
        {_NAMES.format("confkey", "confrelid")}, confupdtype::text, confdeltype::text
        FROM pg_constraint WHERE conrelid = ANY({{numbers}})""",
    "indexes": f"""SELECT indrelid, c.relname::text, {_NAMES.format("indkey", "indrelid")},
        indexprs IS NOT NULL OR indpred IS NOT NULL
        FROM pg_index JOIN pg_class AS c ON c.oid = indexrelid WHERE indrelid = ANY({{numbers}})""",
    "parts": """SELECT tgrelid, 'trigger ' || tgname FROM pg_trigger
        WHERE tgrelid = ANY({numbers}) AND NOT tgisinternal
        UNION ALL SELECT ev_class, 'rule ' || rulename FROM pg_rewrite WHERE ev_class = ANY({numbers})
        UNION ALL SELECT polrelid, 'policy ' || polname FROM pg_policy WHERE polrelid = ANY({numbers})""",
    "types": """WITH RECURSIVE wanted(id) AS (
            SELECT unnest({types})
            UNION SELECT atttypid FROM pg_attribute WHERE attrelid = ANY({numbers}) AND attnum > 0 AND atttypid <> 0
            UNION SELECT t.typbasetype FROM wanted JOIN pg_type AS t ON t.oid = wanted.id AND t.typtype = 'd'
        )
        SELECT t.oid, t.typname::text, t.typtype::text, t.typbasetype, t.typtypmod,
            t.typnotnull OR EXISTS (SELECT FROM pg_constraint WHERE contypid = t.oid)
        FROM wanted JOIN pg_type AS t ON t.oid = wanted.id""",
    "casts": "SELECT castsource, casttarget FROM pg_cast WHERE castmethod = 'b'",
    "volatile": "SELECT oid FROM pg_proc WHERE oid = ANY({functions}) AND provolatile = 'v'",
}


def shape_queries(numbers: Iterable[int], types: Iterable[int], functions: Iterable[int]) -> dict[str, sql.Composable]:
    """Return the questions about these relations, types and functions, by the names of their answers."""
    values = {"numbers": numbers, "types": types, "functions": functions}
    literals = {name: sql.SQL("{}::oid[]").format(sql.Literal(sorted(each))) for name, each in values.items()}
    return {name: sql.SQL(query).format(**literals) for name, query in _QUERIES.items()}


def shapes_of(answers: Mapping[str, Rows]) -> dict[int, TableShape]:
    """Return what the relations of the answers are made of, by their numbers."""
    columns: dict[int, dict[str, ColumnShape]] = {}
    constraints: dict[int, dict[str, ConstraintShape]] = {}
    indexes: dict[int, dict[str, IndexShape]] = {}
    parts: dict[int, set[str]] = {}
    for number, name, *values in answers["columns"]:
        columns.setdefault(number, {})[name] = ColumnShape(*values)
    for number, name, kind, own, valid, definition, referenced, others, on_update, on_delete in answers["constraints"]:
        constraints.setdefault(number, {})[name] = ConstraintShape(
            kind, frozenset(own), valid, definition, referenced or None, frozenset(others), on_update, on_delete
        )
    for number, name, own, is_computed in answers["indexes"]:
        indexes.setdefault(number, {})[name] = IndexShape(frozenset(own), is_computed)
    for number, name in answers["parts"]:
        parts.setdefault(number, set()).add(name)
    return {
        number: TableShape(
            columns.get(number, {}),
            constraints.get(number, {}),
            indexes.get(number, {}),
            frozenset(parts.get(number, ())),
        )
        for number in columns
    }


def types_of(answers: Mapping[str, Rows]) -> dict[int, TypeShape]:
    """Return the types of the answers by their numbers."""
    return {number: TypeShape(*values) for number, *values in answers["types"]}
