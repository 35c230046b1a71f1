"""Reads lists of what is not among the objects of an overview: indexes, privileges, roles, databases."""

from __future__ import annotations

from dataclasses import dataclass

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


_SHAPES = {
    OwnList.INDEXES: CatalogList(
        "index", ("index", "table", "definition", "what", "size", "scans", "comment"), bytes=4, numbers=frozenset({5})
    ),
    OwnList.PRIVILEGES: CatalogList("relation", ("name", "kind", "owner", "privileges", "of columns", "policies")),
    OwnList.ROLES: CatalogList("role", ("role", "attributes", "member of", "comment")),
    OwnList.DATABASES: CatalogList(
        "database", ("database", "owner", "encoding", "collation", "privileges", "size", "comment"), bytes=5
    ),
}
_QUERIES = {
    OwnList.INDEXES: (_INDEXES, "c.relname"),
    OwnList.PRIVILEGES: (_PRIVILEGES, "c.relname"),
    OwnList.ROLES: (_ROLES, "c.rolname"),
    OwnList.DATABASES: (_DATABASES, "c.datname"),
}


def read_own_list(connection: Connection, wanted: ListingCommand, own: OwnList) -> CatalogList:
    """Return the list that a command wants. Raises psycopg.Error."""
    text, column = _QUERIES[own]
    shape = _SHAPES[own]
    query = sql.SQL(text).format(
        where=_where(wanted, own, column), size=sql.SQL(_SIZE if wanted.more else "NULL::int8")
    )
    rows = ask(connection, {"": query})[""]
    at = shape.columns.index("definition") if "definition" in shape.columns else None
    found = tuple(
        tuple(redact_line(value) if place == at else value for place, value in enumerate(row)) for row in rows
    )
    return CatalogList(shape.noun, shape.columns, found, shape.bytes, shape.numbers)


def _where(wanted: ListingCommand, own: OwnList, column: str) -> sql.Composable:
    """Return which names are wanted; PostgreSQL's own only if they are asked for."""
    pattern, in_schema = wanted.pattern, own in (OwnList.INDEXES, OwnList.PRIVILEGES)
    parts: list[sql.Composable] = []
    if pattern:
        parts.append(sql.SQL("{} ~ {}").format(sql.SQL(column), sql.Literal(pattern.name)))
    if in_schema and pattern and pattern.schema:
        parts.append(sql.SQL("n.nspname ~ {}").format(sql.Literal(pattern.schema)))
    elif in_schema and not wanted.system:
        parts.append(sql.SQL("n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"))
    elif own is OwnList.ROLES and not wanted.system and not pattern:
        parts.append(sql.SQL("c.rolname !~ '^pg_'"))
    elif own is OwnList.DATABASES and not wanted.system and not pattern:
        parts.append(sql.SQL("NOT c.datistemplate"))
    if in_schema:
        parts.append(sql.SQL("n.nspname !~ '^pg_(toast|temp)'"))
    return sql.SQL(" AND ").join(parts) if parts else sql.SQL("true")
