"""Read the page of a table, view, materialized view or foreign table: its parts, what it needs and what needs it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from psycopg import sql

from fsapi_nb.actions.tree_names import joined
from fsapi_nb.catalog.schema.asking import ask, gone, plain
from fsapi_nb.catalog.schema.dependents import dependents_query, grants_of, grants_query, needs_query
from fsapi_nb.catalog.schema.dependents import read_dependents as dependents_of
from fsapi_nb.catalog.schema.overview import Overview, SchemaObject
from fsapi_nb.catalog.schema.page import (
    Constraint,
    Index,
    NamedPart,
    ObjectPage,
    PageColumn,
    PageKey,
    Partition,
)
from fsapi_nb.catalog.table_sizes import HELD
from fsapi_nb.postgres.session import Connection, Rows

_HEAD = """
    SELECT c.relpersistence::text, c.relrowsecurity, c.relforcerowsecurity, c.relreplident::text, c.relispopulated,
        CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END,
        CASE WHEN c.relispartition THEN pg_get_expr(c.relpartbound, c.oid) END,
        array(SELECT inhparent::regclass::text FROM pg_inherits WHERE inhrelid = c.oid ORDER BY inhseqno),
        c.relispartition, (SELECT spcname::text FROM pg_tablespace WHERE oid = c.reltablespace),
        (SELECT amname::text FROM pg_am WHERE oid = c.relam AND amname <> 'heap'), c.reloptions::text[],
        CASE WHEN c.reloftype <> 0 THEN format_type(c.reloftype, NULL) END,
        (SELECT s.srvname::text FROM pg_foreign_table AS f JOIN pg_foreign_server AS s ON s.oid = f.ftserver
         WHERE f.ftrelid = c.oid)
    FROM pg_class AS c WHERE c.oid = {oid}"""
_COLUMNS = """
    SELECT a.attname::text, format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(d.adbin, d.adrelid, true),
        a.attgenerated::text, a.attidentity::text,
        CASE WHEN a.attcollation NOT IN (0, t.typcollation) THEN a.attcollation::regcollation::text END,
        a.attinhcount > 0 AND NOT c.relispartition, p.conkey IS NOT NULL, col_description(a.attrelid, a.attnum)
    FROM pg_attribute AS a JOIN pg_type AS t ON t.oid = a.atttypid JOIN pg_class AS c ON c.oid = a.attrelid
    LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    LEFT JOIN pg_constraint AS p ON p.conrelid = a.attrelid AND p.contype = 'p' AND a.attnum = ANY(p.conkey)
    WHERE a.attrelid = {oid} AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum"""
_COLUMN_NAMES = """
    array(SELECT a.attname::text FROM unnest({key}) WITH ORDINALITY AS of(number, place)
          JOIN pg_attribute AS a ON a.attrelid = {table} AND a.attnum = of.number ORDER BY of.place)"""
_CONSTRAINTS = f"""
    SELECT k.conname::text, k.contype::text, pg_get_constraintdef(k.oid, true), k.convalidated,
        obj_description(k.oid, 'pg_constraint'), {_COLUMN_NAMES.format(key="k.conkey", table="k.conrelid")}
    FROM pg_constraint AS k WHERE k.conrelid = {{oid}} AND k.contype IN ('p', 'u', 'c', 'x')
    ORDER BY array_position(ARRAY['p', 'u', 'x', 'c'], k.contype::text), k.conname COLLATE "C" """
_ACTION = (
    "CASE {0} WHEN 'c' THEN 'CASCADE' WHEN 'r' THEN 'RESTRICT' WHEN 'n' THEN 'SET NULL' WHEN 'd' THEN 'SET DEFAULT' END"
)
# A key that is a copy of one of the table above a partition counts only on the side where the partition is.
_KEYS = f"""
    SELECT k.conname::text, k.conrelid::regclass::text, {_COLUMN_NAMES.format(key="k.conkey", table="k.conrelid")},
        k.confrelid::regclass::text, {_COLUMN_NAMES.format(key="k.confkey", table="k.confrelid")},
        concat_ws(' ', CASE k.confmatchtype WHEN 'f' THEN 'MATCH FULL' END,
            'ON UPDATE ' || {_ACTION.format("k.confupdtype")}, 'ON DELETE ' || {_ACTION.format("k.confdeltype")},
            CASE WHEN k.condeferred THEN 'DEFERRABLE INITIALLY DEFERRED' WHEN k.condeferrable THEN 'DEFERRABLE' END,
            CASE WHEN to_jsonb(k)->>'conenforced' = 'false' THEN 'NOT ENFORCED' END),
        k.convalidated, obj_description(k.oid, 'pg_constraint')
    FROM pg_constraint AS k LEFT JOIN pg_constraint AS above ON above.oid = k.conparentid
    WHERE k.contype = 'f' AND k.{{side}} = {{oid}} AND (above.oid IS NULL OR above.{{side}} <> k.{{side}})
    ORDER BY k.conrelid::regclass::text COLLATE "C", k.conname COLLATE "C" """
_INDEXES = """
    SELECT n.nspname::text, i.relname::text, x.indrelid::regclass::text, pg_get_indexdef(i.oid, 0, true), am.amname::text,
        x.indisunique, x.indisprimary, x.indisvalid, x.indisready,
        (SELECT conname::text FROM pg_constraint WHERE conindid = i.oid AND contype IN ('p', 'u', 'x') LIMIT 1),
        CASE WHEN i.relkind = 'i' AND NOT EXISTS (SELECT FROM held WHERE held.id IN (i.oid, x.indrelid))
             THEN pg_relation_size(i.oid) END,
        CASE WHEN i.relkind = 'i' THEN pg_stat_get_numscans(i.oid) END, {last}, obj_description(i.oid, 'pg_class')
    FROM pg_index AS x JOIN pg_class AS i ON i.oid = x.indexrelid JOIN pg_class AS c ON c.oid = x.indrelid
    JOIN pg_namespace AS n ON n.oid = i.relnamespace JOIN pg_am AS am ON am.oid = i.relam
    WHERE c.relkind IN ('r', 'p', 'm') AND {which}
    ORDER BY x.indrelid::regclass::text COLLATE "C", x.indisprimary DESC, i.relname COLLATE "C" """
_TRIGGERS = """
    SELECT g.tgname::text, pg_get_triggerdef(g.oid, true), g.tgenabled::text, obj_description(g.oid, 'pg_trigger')
    FROM pg_trigger AS g WHERE g.tgrelid = {oid} AND NOT g.tgisinternal ORDER BY g.tgname COLLATE "C" """
_POLICIES = """
    SELECT p.polname::text, concat_ws(' ',
        CASE WHEN NOT p.polpermissive THEN 'RESTRICTIVE' END, 'FOR ' || CASE p.polcmd WHEN 'r' THEN 'SELECT'
            WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
        'TO ' || (SELECT string_agg(CASE role WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(role)) END, ', ')
                  FROM unnest(p.polroles) AS role),
        'USING (' || pg_get_expr(p.polqual, p.polrelid, true) || ')',
        'WITH CHECK (' || pg_get_expr(p.polwithcheck, p.polrelid, true) || ')'), '', obj_description(p.oid, 'pg_policy')
    FROM pg_policy AS p WHERE p.polrelid = {oid} ORDER BY p.polname COLLATE "C" """
_RULES = """
    SELECT r.rulename::text, pg_get_ruledef(r.oid, true), r.ev_enabled::text, obj_description(r.oid, 'pg_rewrite')
    FROM pg_rewrite AS r WHERE r.ev_class = {oid} AND r.rulename <> '_RETURN' ORDER BY r.rulename COLLATE "C" """
_CHILDREN = """
    SELECT i.inhrelid, i.inhrelid::regclass::text, c.relispartition, pg_get_expr(c.relpartbound, c.oid)
    FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
    WHERE i.inhparent = {oid} ORDER BY c.relname COLLATE "C", i.inhrelid"""
_CONSTRAINT_KINDS = {"p": "PRIMARY KEY", "u": "UNIQUE", "c": "CHECK", "x": "EXCLUDE"}
_ENABLED = {"D": "disabled", "R": "only in replicas", "A": "always"}
_LAST_SCAN_FROM = 160000


def read_relation(connection: Connection, item: SchemaObject, overview: Overview) -> ObjectPage:
    """Return the page of a relation, without its rows and its SQL.

    Raises:
        psycopg.Error: It cannot be read: another session has locked it, say.
        UsageError: It is gone by now.
    """
    oid = sql.Literal(item.oid)
    texts = {
        "head": _HEAD,
        "columns": _COLUMNS,
        "constraints": _CONSTRAINTS,
        "triggers": _TRIGGERS,
        "policies": _POLICIES,
        "rules": _RULES,
        "children": _CHILDREN,
    }
    queries: dict[str, sql.Composable] = {name: sql.SQL(text).format(oid=oid) for name, text in texts.items()}
    queries |= {
        "out": sql.SQL(_KEYS).format(oid=oid, side=sql.SQL("conrelid")),
        "in": sql.SQL(_KEYS).format(oid=oid, side=sql.SQL("confrelid")),
        "indexes": indexes_query(connection, [item.oid]),
        "grants": grants_query("pg_class", item.oid),
        "used_by": dependents_query("pg_class", item.oid),
        "uses": needs_query("pg_class", item.oid),
    }
    answers = ask(connection, queries)
    path = overview.path
    names = {each.oid: each.written for each in overview.objects}
    children = [
        (Partition(number, names.get(number, plain(name, path)), plain(bound or "", path)), is_partition)
        for number, name, is_partition, bound in answers["children"]
    ]
    if not answers["head"]:
        raise gone(item.qualified)
    (head,) = answers["head"]
    parents = tuple(plain(name, path) for name in head[7])
    page = ObjectPage(
        item,
        tuple(_traits(item, head)),
        columns=tuple(columns_of(answers["columns"], path)),
        constraints=tuple(_constraints(answers["constraints"], path)),
        references=tuple(_foreign_keys(answers["out"], path)),
        referenced_by=tuple(_foreign_keys(answers["in"], path)),
        indexes=tuple(indexes_of(answers["indexes"], path)),
        triggers=tuple(_parts(answers["triggers"], path)),
        policies=tuple(_parts(answers["policies"], path)),
        rules=tuple(_parts(answers["rules"], path)),
        grants=grants_of(answers["grants"]),
        populated=item.kind != "materialized view" or bool(head[4]),
        partitions=tuple(each for each, is_partition in children if is_partition),
        children=tuple(each for each, is_partition in children if not is_partition),
        used_by=dependents_of(answers["used_by"], path),
        uses=dependents_of(answers["uses"], path),
    )
    if head[8]:
        return replace(page, partition_of=f"{', '.join(parents)} {plain(head[6] or '', path)}".strip())
    return replace(page, parents=parents)


def read_indexes(
    connection: Connection, overview: Overview, relations: Sequence[int] | None = None
) -> tuple[Index, ...]:
    """Return the indexes of these relations, by their numbers, or of all that users have made but the history's.

    Raises psycopg.Error.
    """
    known = {each.oid for each in overview.objects if not each.is_history}
    chosen = known if relations is None else known.intersection(relations)
    return tuple(indexes_of(ask(connection, {"": indexes_query(connection, sorted(chosen))})[""], overview.path))


def indexes_query(connection: Connection, relations: Sequence[int]) -> sql.Composable:
    """Return the question what indexes these relations have."""
    last = "pg_stat_get_lastscan(i.oid)" if connection.info.server_version >= _LAST_SCAN_FROM else "NULL::timestamptz"
    which = sql.SQL("x.indrelid = ANY({}::oid[])").format(sql.Literal(list(relations)))
    return sql.SQL(f"WITH held AS MATERIALIZED ({HELD}) {_INDEXES}").format(last=sql.SQL(last), which=which)


def indexes_of(rows: Rows, path: Sequence[str]) -> Iterator[Index]:
    """Yield the indexes of the answer."""
    for schema, name, table, definition, *rest in rows:
        yield Index(schema, name, plain(table, path), plain(definition, path), *rest)


def columns_of(rows: Rows, path: Sequence[str]) -> Iterator[PageColumn]:
    """Yield the columns of the answer."""
    generated = {"s": "stored", "v": "virtual"}
    identities = {"a": "always", "d": "by default"}
    for name, kind, not_null, default, made, identity, collation, inherited, primary, comment in rows:
        yield PageColumn(
            name,
            plain(kind, path),
            not_null,
            plain(default, path) if default else default,
            generated.get(made, ""),
            identities.get(identity, ""),
            collation,
            inherited,
            primary,
            comment,
        )


def _foreign_keys(rows: Rows, path: Sequence[str]) -> Iterator[PageKey]:
    for name, table, columns, target, target_columns, actions, valid, comment in rows:
        names = tuple(columns), plain(target, path), tuple(target_columns)
        yield PageKey(name, plain(table, path), *names, actions, valid, comment)


def _constraints(rows: Rows, path: Sequence[str]) -> Iterator[Constraint]:
    for name, kind, definition, valid, comment, columns in rows:
        text = plain(definition.removesuffix(" NOT VALID"), path)
        yield Constraint(name, _CONSTRAINT_KINDS[kind], text, tuple(columns), valid, comment)


def _parts(rows: Rows, path: Sequence[str]) -> Iterator[NamedPart]:
    for name, definition, enabled, comment in rows:
        yield NamedPart(name, plain(definition, path), _ENABLED.get(enabled, ""), comment)


def _traits(item: SchemaObject, head: Sequence[object]) -> Iterator[str]:
    """Yield what is so of a relation and not of most."""
    persistence, secured, forced, identity, populated, key, _, _, _, tablespace, method, options, of, server = head
    replicated = {"n": "replica identity nothing", "f": "replica identity full"}.get(str(identity), "")
    replicated = replicated if item.kind == "table" else ""
    yield from (
        words
        for holds, words in (
            (persistence == "u", "unlogged"),
            (key, f"partitioned by {key}"),
            (of, f"of type {of}"),
            (server, f"on the server {joined([str(server)])}"),
            (item.kind == "materialized view" and not populated, "not populated"),
            (secured or forced, _security(on=bool(secured), forced=bool(forced))),
            (replicated, replicated),
            (tablespace, f"in the tablespace {joined([str(tablespace)])}"),
            (method, f"stored by {method}"),
        )
        if holds
    )
    if isinstance(options, list):
        yield from options


def _security(*, on: bool, forced: bool) -> str:
    if not on:
        return "row-level security is off, though forced for its owner"
    return f"row-level security is on{' and forced for its owner' if forced else ''}"
