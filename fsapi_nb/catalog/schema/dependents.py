"""Read what needs an object and what it needs, by `pg_depend`, and who may do what with it.

A function whose body is a text, as those in PL/pgSQL are, is in no `pg_depend`: what it reads nobody knows.
"""

from __future__ import annotations

from collections.abc import Sequence

from psycopg import sql

from fsapi_nb.catalog.schema.asking import plain
from fsapi_nb.catalog.schema.page import Dependent, Grant
from fsapi_nb.postgres.session import Rows

_MOST = 500  # of more objects that need one nobody reads the list
# A view needs a table by its rule, a default by its column's: each counts as what it belongs to. A function or column
# that has the type of a table's rows needs the table.
_DEPENDENT = """
    WITH base AS (
        SELECT {catalog}::regclass::oid AS class, {oid}::oid AS id
        UNION SELECT 'pg_type'::regclass, t.oid FROM pg_type AS t
            WHERE {catalog}::regclass = 'pg_class'::regclass AND t.typrelid = {oid}::oid
        UNION SELECT 'pg_type'::regclass, t.typarray FROM pg_type AS t
            WHERE t.typarray <> 0 AND ({catalog}::regclass = 'pg_class'::regclass AND t.typrelid = {oid}::oid
                OR {catalog}::regclass = 'pg_type'::regclass AND t.oid = {oid}::oid)
    ), direct AS (
        SELECT DISTINCT d.classid, d.objid, d.objsubid FROM base JOIN pg_depend AS d
            ON d.refclassid = base.class AND d.refobjid = base.id AND d.deptype IN ('n', 'a')
    ), owners AS (
        SELECT DISTINCT
            CASE WHEN coalesce(r.oid, a.oid) IS NULL THEN d.classid ELSE 'pg_class'::regclass::oid END AS class,
            coalesce(r.ev_class, a.adrelid, d.objid) AS id, coalesce(a.adnum, d.objsubid) AS part
        FROM direct AS d
        LEFT JOIN pg_rewrite AS r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
        LEFT JOIN pg_attrdef AS a ON d.classid = 'pg_attrdef'::regclass AND a.oid = d.objid
        LEFT JOIN pg_class AS c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid
        LEFT JOIN pg_constraint AS k ON d.classid = 'pg_constraint'::regclass AND k.oid = d.objid
        LEFT JOIN pg_trigger AS g ON d.classid = 'pg_trigger'::regclass AND g.oid = d.objid
        LEFT JOIN pg_policy AS p ON d.classid = 'pg_policy'::regclass AND p.oid = d.objid
        WHERE d.classid <> 'pg_type'::regclass AND NOT coalesce(g.tgisinternal, false)
            AND NOT coalesce({catalog}::regclass = 'pg_type'::regclass AND k.contypid = {oid}::oid, false)
            AND NOT ({catalog}::regclass = 'pg_class'::regclass AND (
                coalesce(coalesce(r.ev_class, a.adrelid, k.conrelid, g.tgrelid, p.polrelid) = {oid}::oid, false)
                OR d.classid = 'pg_constraint'::regclass OR coalesce(c.oid = {oid}::oid, false)
                OR coalesce(c.relkind IN ('i', 'I', 't'), false)
                OR EXISTS (SELECT FROM pg_inherits AS i WHERE i.inhrelid = c.oid AND i.inhparent = {oid}::oid)))
    )
    SELECT k.type, k.identity FROM owners, LATERAL pg_identify_object(class, id, part::int) AS k
    WHERE k.identity IS NOT NULL ORDER BY k.type COLLATE "C", k.identity COLLATE "C" LIMIT {most}"""
_NEEDED = """
    SELECT DISTINCT k.type, k.identity FROM (
        SELECT d.refclassid, d.refobjid FROM pg_depend AS d
        WHERE d.deptype = 'n' AND d.classid = {catalog}::regclass AND d.objid = {oid}::oid
        UNION SELECT d.refclassid, d.refobjid FROM pg_rewrite AS r JOIN pg_depend AS d
            ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid AND d.deptype = 'n'
        WHERE {catalog}::regclass = 'pg_class'::regclass AND r.ev_class = {oid}::oid AND r.rulename = '_RETURN'
    ) AS d, LATERAL pg_identify_object(d.refclassid, d.refobjid, 0) AS k
    WHERE d.refclassid <> 'pg_namespace'::regclass AND d.refobjid >= 16384
        AND NOT (d.refclassid = {catalog}::regclass AND d.refobjid = {oid}::oid)
    ORDER BY k.type, k.identity LIMIT {most}"""
_LISTS = {
    "pg_class": (
        "SELECT relacl, NULL::text, relowner, CASE relkind WHEN 'S' THEN 's' ELSE 'r' END::\"char\" FROM pg_class"
        " WHERE oid = {oid} UNION ALL (SELECT attacl, attname::text, 0, 'c' FROM pg_attribute"
        " WHERE attrelid = {oid} AND attacl IS NOT NULL AND NOT attisdropped ORDER BY attnum)"
    ),
    "pg_proc": "SELECT proacl, NULL::text, proowner, 'f'::\"char\" FROM pg_proc WHERE oid = {oid}",
    "pg_type": "SELECT typacl, NULL::text, typowner, 'T'::\"char\" FROM pg_type WHERE oid = {oid}",
}
# An owner that has all the rights of one is not worth a line.
_GRANTS = """
    SELECT CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(g.grantee)::text END COLLATE "C",
        l.part COLLATE "C", array_agg(DISTINCT g.privilege_type),
        array_agg(DISTINCT g.privilege_type) FILTER (WHERE g.is_grantable)
    FROM ({lists}) AS l(acl, part, owner, kind), LATERAL aclexplode(l.acl) AS g
    GROUP BY g.grantee, l.part, l.owner, l.kind
    HAVING g.grantee <> l.owner OR NOT array_agg(g.privilege_type) @> (
        SELECT array_agg(d.privilege_type) FROM aclexplode(acldefault(l.kind, l.owner)) AS d WHERE d.grantee = l.owner)
    ORDER BY 2 NULLS FIRST, 1"""
#: The rights in the order in which they are shown.
_RIGHTS = (
    *("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER", "MAINTAIN"),
    *("EXECUTE", "USAGE", "CREATE", "CONNECT", "TEMPORARY"),
)


def dependents_query(catalog: str, oid: int) -> sql.Composable:
    """Return the question what needs an object, its own parts left out."""
    return sql.SQL(_DEPENDENT).format(catalog=sql.Literal(catalog), oid=sql.Literal(oid), most=sql.Literal(_MOST))


def needs_query(catalog: str, oid: int) -> sql.Composable:
    """Return the question what of users an object needs."""
    return sql.SQL(_NEEDED).format(catalog=sql.Literal(catalog), oid=sql.Literal(oid), most=sql.Literal(_MOST))


def read_dependents(rows: Rows, path: Sequence[str]) -> tuple[Dependent, ...]:
    """Return the objects of the answer."""
    return tuple(Dependent(kind, plain(identity, path)) for kind, identity in rows)


def grants_query(catalog: str, oid: int) -> sql.Composable:
    """Return the question who may do what with an object, as far as it was said: nothing is said of defaults."""
    lists = sql.SQL(_LISTS[catalog]).format(oid=sql.Literal(oid))
    return sql.SQL(_GRANTS).format(lists=lists)


def grants_of(rows: Rows) -> tuple[Grant, ...]:
    """Return the rights of the answer."""
    return tuple(Grant(role, _ordered(rights), _ordered(passed or []), part) for role, part, rights, passed in rows)


def _ordered(rights: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted(rights, key=lambda each: (_RIGHTS.index(each) if each in _RIGHTS else len(_RIGHTS), each)))
