"""Look into the catalog for what a statement outside of a transaction makes or has left.

Reads only; the judging is for `plan.judge`.
"""

from __future__ import annotations

import json
from typing import Any

from psycopg import sql

from fsapi_nb.model.migration import Effect, EffectKind
from fsapi_nb.plan.judge import CatalogView
from fsapi_nb.postgres.ask import ask, ask_about_session, role_of
from fsapi_nb.postgres.session import Session

_RELATION = sql.SQL("SELECT pg_catalog.to_regclass({})::pg_catalog.oid::pg_catalog.int8")


_INDEXES = sql.SQL("""
    SELECT coalesce((
        SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
            'oid', i.indexrelid::bigint, 'name', x.relname, 'valid', i.indisvalid,
            'identity', pg_catalog.format('%I.%I', n.nspname, x.relname),
            'definition', pg_catalog.pg_get_indexdef(i.indexrelid)) ORDER BY i.indexrelid)
        FROM pg_catalog.pg_index i
        JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
        JOIN pg_catalog.pg_namespace n ON n.oid = x.relnamespace
        WHERE i.indrelid = c.oid), '[]') AS indexes
    FROM pg_catalog.pg_class c WHERE c.oid = {}
""")


_INDEX = sql.SQL("""
    SELECT c.oid::bigint, coalesce(i.indisvalid, true), pg_catalog.format('%I.%I', n.nspname, c.relname)
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
    WHERE c.oid = {}
""")


# Of the table, its partitions and their TOAST tables; of somebody else's REINDEX nothing is looked at.
_LEFTOVERS = sql.SQL(r"""
    WITH parts AS (
        SELECT {table}::oid AS oid UNION SELECT relid FROM pg_catalog.pg_partition_tree({table}::oid::regclass)
    ), tables AS (
        SELECT oid FROM parts
        UNION SELECT c.reltoastrelid FROM pg_catalog.pg_class c JOIN parts ON parts.oid = c.oid
    )
    SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
        'oid', i.indexrelid::bigint, 'identity', pg_catalog.format('%I.%I', n.nspname, x.relname))
        ORDER BY i.indexrelid), '[]') AS leftovers
    FROM pg_catalog.pg_index i
    JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = x.relnamespace
    WHERE NOT i.indisvalid AND x.relname ~ '_cc(new|old)\d*$'
      AND ({table}::oid IS NULL OR i.indrelid IN (SELECT oid FROM tables))
      AND ({name}::text IS NULL OR n.nspname = {name})
""")


_TABLE = sql.SQL("""
    SELECT coalesce((SELECT indrelid FROM pg_catalog.pg_index WHERE indexrelid = {0}), {0}::oid, 0::oid)::bigint
""")


_PARTITION = sql.SQL("""
    SELECT p.oid::bigint AS parent_oid, c.oid::bigint AS child_oid, i.inhrelid IS NOT NULL AS attached,
           coalesce(i.inhdetachpending, false) AS pending,
           pg_catalog.format('%I.%I', pn.nspname, p.relname) AS parent,
           pg_catalog.format('%I.%I', cn.nspname, c.relname) AS child
    FROM pg_catalog.pg_class p
    JOIN pg_catalog.pg_namespace pn ON pn.oid = p.relnamespace
    CROSS JOIN pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace cn ON cn.oid = c.relnamespace
    LEFT JOIN pg_catalog.pg_inherits i ON i.inhparent = p.oid AND i.inhrelid = c.oid
    WHERE p.oid = {} AND c.oid = {}
""")


_DATABASE = sql.SQL(
    "SELECT oid::bigint, pg_catalog.pg_get_userbyid(datdba)::text FROM pg_catalog.pg_database WHERE datname = {}"
)


_TABLESPACE = sql.SQL(
    "SELECT oid::bigint, pg_catalog.pg_get_userbyid(spcowner)::text FROM pg_catalog.pg_tablespace WHERE spcname = {}"
)


_THERE = {
    EffectKind.DATABASE_CREATED: _DATABASE,
    EffectKind.DATABASE_DROPPED: _DATABASE,
    EffectKind.TABLESPACE_CREATED: _TABLESPACE,
    EffectKind.TABLESPACE_DROPPED: _TABLESPACE,
}


_SUBSCRIPTION = sql.SQL("""
    SELECT oid::bigint, pg_catalog.pg_get_userbyid(subowner)::text, pg_catalog.to_json(subpublications)
    FROM pg_catalog.pg_subscription WHERE subname = {}
    AND subdbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
""")


_HERE = sql.SQL("""
    SELECT oid::text, pg_catalog.has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE')
    FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()
""")


_CLUSTER = sql.SQL("SELECT system_identifier::text FROM pg_catalog.pg_control_system()")


def find_relation(session: Session, name: str | None) -> int | None:
    """Return the OID of a relation whose name is read with the session's own search_path; None if there is none."""
    if name is None:
        return None
    ((oid,),) = ask_about_session(session.connection(), {"oid": _RELATION.format(sql.Literal(name))})["oid"]
    return None if oid is None else int(oid)


def look(session: Session, effect: Effect, before: CatalogView | None = None) -> CatalogView:
    """Return what the catalog says of an effect's names now.

    If the view from before is given, the same relations are looked at by their OIDs, whatever the search_path is.
    """
    known = before or {}
    match effect.kind:
        case EffectKind.INDEX_CREATED:
            relation = known.get("relation") or find_relation(session, effect.relation)
            row = ask_for_row(session, _INDEXES, relation)
            return {"relation": relation, "indexes": row[0]} if row else {"relation": None, "indexes": []}
        case EffectKind.REINDEXED:
            return _look_for_leftovers(session, effect, known)
        case EffectKind.PARTITION_DETACHED:
            parent = known.get("parent_oid") or find_relation(session, effect.relation)
            child = known.get("child_oid") or find_relation(session, effect.name)
            row = ask_for_row(session, _PARTITION, parent, child)
            keys = ("parent_oid", "child_oid", "attached", "pending", "parent", "child")
            return dict(zip(keys, row, strict=True)) if row else {"attached": False, "pending": False}
        case EffectKind.INDEX_DROPPED:
            return _look_at_index(session, known.get("index") or find_relation(session, effect.relation))
        case EffectKind.REPEATABLE | EffectKind.UNKNOWN:
            return {}
    row = ask_for_row(session, _THERE.get(effect.kind, _SUBSCRIPTION), effect.name)
    oid, owner, *publications = row or (None, None, [])
    there: dict[str, object] = {"there": oid is not None, "oid": oid, "owner": owner, "role": role_of(session)}
    return there | {"publications": publications[0]} if publications else there


def _look_for_leftovers(session: Session, effect: Effect, known: CatalogView) -> CatalogView:
    table = known.get("table")
    if table is None and effect.relation is not None:
        (table,) = ask_for_row(session, _TABLE, find_relation(session, effect.relation)) or (0,)
    values = {"table": sql.Literal(table), "name": sql.Literal(effect.name)}
    ((leftovers,),) = ask(session.connection(), _LEFTOVERS.format(**values))
    return {"table": table, "leftovers": leftovers}


def _look_at_index(session: Session, index: int | None) -> CatalogView:
    row = ask_for_row(session, _INDEX, index)
    if row is None:
        return {"there": False, "index": None}
    return {"there": True, **dict(zip(("index", "valid", "identity"), row, strict=True))}


def ask_for_row(session: Session, query: sql.SQL, *values: object) -> tuple[Any, ...] | None:
    """Return the first row of an answer; None if there is no row."""
    rows = ask(session.connection(), query.format(*map(sql.Literal, values)))
    return rows[0] if rows else None


def place_of_database(session: Session) -> str:
    """Return which database of which cluster this is: a restored dump is in another one.

    Managed servers may not tell the cluster's identifier.
    """
    ((database, may_ask),) = ask(session.connection(), _HERE)
    cluster = [str(identifier) for (identifier,) in ask(session.connection(), _CLUSTER)] if may_ask else []
    return "/".join((*cluster, str(database)))


def view_before(session: Session, effect: Effect) -> str | None:
    """Return what the catalog says before a statement is sent, as the journal keeps it; None if it cannot help."""
    if effect.kind in {EffectKind.REPEATABLE, EffectKind.UNKNOWN}:
        return None
    return json.dumps({**look(session, effect), "place": place_of_database(session)})
