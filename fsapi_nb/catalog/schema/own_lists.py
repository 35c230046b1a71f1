"""Reads lists of what is not among the objects of an overview: indexes, privileges, roles, databases and their kin."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import LiteralString

from psycopg import sql

from fsapi_nb.catalog.backslash import ListingCommand, OwnList
from fsapi_nb.catalog.schema.asking import ask
from fsapi_nb.postgres.session import Connection
from fsapi_nb.script.redact import redact_line

_INDEXES = """
    SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname),
        quote_ident(tn.nspname) || '.' || quote_ident(t.relname),
        split_part(pg_get_indexdef(c.oid), ' USING ', 2),
        concat_ws(', ', CASE WHEN x.indisprimary THEN 'primary key' WHEN x.indisunique THEN 'unique' END,
                        CASE WHEN NOT x.indisvalid THEN 'invalid' END),
        c.relpages::int8 * current_setting('block_size')::int8, pg_stat_get_numscans(c.oid), obj_description(c.oid, 'pg_class')
    FROM pg_index AS x JOIN pg_class AS c ON c.oid = x.indexrelid JOIN pg_class AS t ON t.oid = x.indrelid
    JOIN pg_namespace AS n ON n.oid = c.relnamespace JOIN pg_namespace AS tn ON tn.oid = t.relnamespace
    WHERE t.relpersistence <> 't' AND {where} ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C" """
# The catalog is walked, as pg_partition_tree() would lock every partition. Pages are those that the last VACUUM or
# ANALYZE has seen.
_PARTITIONED = """
    SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname),
        CASE c.relkind WHEN 'p' THEN 'table' ELSE 'index' END, pg_get_userbyid(c.relowner)::text,
        (SELECT quote_ident(tn.nspname) || '.' || quote_ident(t.relname) FROM pg_index AS x
         JOIN pg_class AS t ON t.oid = x.indrelid JOIN pg_namespace AS tn ON tn.oid = t.relnamespace
         WHERE x.indexrelid = c.oid),
        (SELECT quote_ident(un.nspname) || '.' || quote_ident(u.relname) FROM pg_inherits AS i
         JOIN pg_class AS u ON u.oid = i.inhparent JOIN pg_namespace AS un ON un.oid = u.relnamespace
         WHERE i.inhrelid = c.oid AND c.relispartition),
        leaves.number, leaves.pages * current_setting('block_size')::int8, obj_description(c.oid, 'pg_class')
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace CROSS JOIN LATERAL (
        WITH RECURSIVE parts AS (
            SELECT inhrelid FROM pg_inherits WHERE inhparent = c.oid
            UNION ALL SELECT i.inhrelid FROM parts JOIN pg_inherits AS i ON i.inhparent = parts.inhrelid
        )
        SELECT count(*) AS number, NULLIF(sum(greatest(p.relpages, 0)), 0)::int8 AS pages
        FROM parts JOIN pg_class AS p ON p.oid = parts.inhrelid WHERE p.relkind NOT IN ('p', 'I')
    ) AS leaves
    WHERE c.relkind = ANY({kinds}) AND c.relpersistence <> 't' AND {where}
    ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C" """
_PRIVILEGES = """
    SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname),
        CASE c.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'table' WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view'
                       WHEN 'S' THEN 'sequence' ELSE 'foreign table' END,
        pg_get_userbyid(c.relowner)::text,
        CASE WHEN c.relacl IS NULL THEN 'its owner alone' ELSE array_to_string(c.relacl, ', ') END,
        (SELECT string_agg(quote_ident(a.attname) || ': ' || array_to_string(a.attacl, ', '), '; ' ORDER BY a.attnum)
         FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attacl IS NOT NULL AND NOT a.attisdropped),
        (SELECT string_agg(quote_ident(p.polname), ', ' ORDER BY p.polname COLLATE "C") FROM pg_policy AS p
         WHERE p.polrelid = c.oid)
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND c.relpersistence <> 't' AND {where}
    ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C" """
_DEFAULT_PRIVILEGES = """
    SELECT pg_get_userbyid(c.defaclrole)::text, quote_ident(n.nspname),
        CASE c.defaclobjtype WHEN 'r' THEN 'table' WHEN 'S' THEN 'sequence' WHEN 'f' THEN 'function' WHEN 'T' THEN 'type'
                             WHEN 'n' THEN 'schema' WHEN 'L' THEN 'large object' ELSE c.defaclobjtype::text END AS kind,
        CASE WHEN cardinality(c.defaclacl) = 0 THEN 'none' ELSE array_to_string(c.defaclacl, ', ') END
    FROM pg_default_acl AS c LEFT JOIN pg_namespace AS n ON n.oid = c.defaclnamespace
    WHERE {where} ORDER BY pg_get_userbyid(c.defaclrole) COLLATE "C", n.nspname COLLATE "C" NULLS FIRST, kind """
_ROLES = """
    SELECT quote_ident(c.rolname), concat_ws(', ', CASE WHEN rolsuper THEN 'superuser' END,
            CASE WHEN NOT rolcanlogin THEN 'cannot log in' END, CASE WHEN rolcreatedb THEN 'creates databases' END,
            CASE WHEN rolcreaterole THEN 'creates roles' END, CASE WHEN rolreplication THEN 'replication' END,
            CASE WHEN rolbypassrls THEN 'bypasses row-level security' END,
            CASE WHEN rolconnlimit >= 0 THEN rolconnlimit || ' connections' END,
            CASE WHEN rolvaliduntil IS NOT NULL THEN 'password until ' || rolvaliduntil END),
        (SELECT string_agg(quote_ident(g.rolname), ', ' ORDER BY g.rolname COLLATE "C") FROM pg_auth_members AS m
         JOIN pg_roles AS g ON g.oid = m.roleid WHERE m.member = c.oid), shobj_description(c.oid, 'pg_authid')
    FROM pg_roles AS c WHERE {where} ORDER BY c.rolname COLLATE "C" """
_DATABASES = """
    SELECT quote_ident(c.datname), pg_get_userbyid(c.datdba)::text, pg_encoding_to_char(c.encoding)::text,
        c.datcollate::text, array_to_string(c.datacl, ', '), {size}, shobj_description(c.oid, 'pg_database')
    FROM pg_database AS c WHERE {where} ORDER BY c.datname COLLATE "C" """
# The size of every file of a database is asked for: only if somebody wants it.
_SIZE = """CASE WHEN has_database_privilege(c.oid, 'CONNECT') OR pg_has_role('pg_read_all_stats', 'USAGE')
                THEN pg_database_size(c.oid) END"""


@dataclass(frozen=True, slots=True)
class CatalogList:
    """A list: a `noun` for its rows, and their columns. `bytes` and `numbers` are the places of sizes and counts."""

    noun: str
    columns: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...] = ()
    bytes: int | None = None
    numbers: frozenset[int] = frozenset()


#: Columns with texts in which there may be secrets.
_STARRED = {"definition", "comment"}
_SHAPES = {
    OwnList.INDEXES: CatalogList(
        "index", ("index", "table", "definition", "what", "size", "scans", "comment"), bytes=4, numbers=frozenset({5})
    ),
    OwnList.PRIVILEGES: CatalogList("relation", ("name", "kind", "owner", "privileges", "of columns", "policies")),
    OwnList.PARTITIONED: CatalogList(
        "partitioned relation",
        ("name", "kind", "owner", "table", "part of", "partitions", "size", "comment"),
        bytes=6,
    ),
    OwnList.DEFAULT_PRIVILEGES: CatalogList("default privilege", ("of objects of", "in schema", "kind", "privileges")),
    OwnList.ROLES: CatalogList("role", ("role", "attributes", "member of", "comment")),
    OwnList.DATABASES: CatalogList(
        "database", ("database", "owner", "encoding", "collation", "privileges", "size", "comment"), bytes=5
    ),
}
# Each query, and the names that a pattern is compared with.
_QUERIES = {
    OwnList.INDEXES: (_INDEXES, ("c.relname",)),
    OwnList.PARTITIONED: (_PARTITIONED, ("c.relname",)),
    OwnList.PRIVILEGES: (_PRIVILEGES, ("c.relname",)),
    OwnList.DEFAULT_PRIVILEGES: (_DEFAULT_PRIVILEGES, ("n.nspname", "pg_get_userbyid(c.defaclrole)")),
    OwnList.ROLES: (_ROLES, ("c.rolname",)),
    OwnList.DATABASES: (_DATABASES, ("c.datname",)),
}
_IN_SCHEMAS = frozenset({OwnList.INDEXES, OwnList.PARTITIONED, OwnList.PRIVILEGES})


def read_own_list(connection: Connection, wanted: ListingCommand, own: OwnList) -> CatalogList:
    """Return the list that a command wants. Raises psycopg.Error."""
    text, names = _QUERIES[own]
    shape = _SHAPES[own]
    query = sql.SQL(text).format(
        where=sql.SQL(" AND ").join(_conditions(wanted, own, names)),
        size=sql.SQL(_SIZE if wanted.more else "NULL::int8"),
        kinds=_kinds(wanted),
    )
    rows = ask(connection, {"": query})[""]
    found = tuple(
        tuple(
            redact_line(value) if name in _STARRED and isinstance(value, str) else value
            for name, value in zip(shape.columns, row, strict=True)
        )
        for row in rows
    )
    return CatalogList(shape.noun, shape.columns, found, shape.bytes, shape.numbers)


def _kinds(wanted: ListingCommand) -> sql.Literal:
    """Return which kinds of partitioned relations are wanted: both, unless a letter names one."""
    kinds = {"t": "p", "i": "I"}
    return sql.Literal([kinds[letter] for letter in sorted(wanted.letters & kinds.keys() or kinds)])


def _conditions(wanted: ListingCommand, own: OwnList, names: Iterable[LiteralString]) -> Iterator[sql.Composable]:
    """Yield what limits a list to the names that are wanted; PostgreSQL's own only if they are asked for."""
    pattern, in_schema = wanted.pattern, own in _IN_SCHEMAS
    yield sql.SQL("true")
    if pattern:
        fits = [sql.SQL("{} ~ {}").format(sql.SQL(name), sql.Literal(pattern.name)) for name in names]
        yield sql.SQL("({})").format(sql.SQL(" OR ").join(fits))
    if in_schema and pattern and pattern.schema:
        yield sql.SQL("n.nspname ~ {}").format(sql.Literal(pattern.schema))
    elif in_schema and not wanted.system:
        yield sql.SQL("n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'")
    elif own is OwnList.ROLES and not wanted.system and not pattern:
        yield sql.SQL("c.rolname !~ '^pg_'")
    elif own is OwnList.DATABASES and not wanted.system and not pattern:
        yield sql.SQL("NOT c.datistemplate")
    if own is OwnList.PARTITIONED and not pattern and "n" not in wanted.letters:
        yield sql.SQL("NOT c.relispartition")
    if in_schema:
        yield sql.SQL("n.nspname !~ '^pg_(toast|temp)'")
