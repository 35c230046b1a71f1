"""Decide whose tables may be used.

The owner of a table can make everybody who reads or writes it run code of the owner.

Trusted are superusers, the owner of the database, and the role that runs the verb, with the roles that it is a member
of. A history of another role is used as long as nothing in it runs code; a view or a foreign table is never read as
one.
"""

from __future__ import annotations

from psycopg import sql

from fsapi_nb.errors import UNCHANGED, HistoryError
from fsapi_nb.history.tables import Tables
from fsapi_nb.model.migration import TableGrant
from fsapi_nb.postgres.ask import ask
from fsapi_nb.postgres.session import Session

#: The expression that says whether the role with the OID `{0}` is trusted. A superuser is a member of every role.
TRUSTED = """(EXISTS (
        SELECT FROM pg_catalog.pg_roles o WHERE o.oid OPERATOR(pg_catalog.=) {0}
        AND (o.rolsuper OR o.rolname OPERATOR(pg_catalog.=) ANY (ARRAY[current_user, session_user])))
    OR {0} OPERATOR(pg_catalog.=) (SELECT d.datdba FROM pg_catalog.pg_database d
                                   WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database())
    OR (pg_catalog.current_setting('is_superuser') OPERATOR(pg_catalog.=) 'off'
        AND pg_catalog.pg_has_role({0}, 'MEMBER')))"""
# The defaults of the tables as fsapi and fsapi_nb make them, and constants. Only PostgreSQL's own functions fit: the
# names of others are written with their schemas.
_PLAIN = (
    r"^(nextval\('[^']*'::regclass\)|now\(\)|clock_timestamp\(\)|pg_backend_pid\(\)|CURRENT_TIMESTAMP|LOCALTIMESTAMP|"
    r"SESSION_USER|current_setting\('application_name'::text\)|-?\d+|true|false|'[^']*'::[a-z ]+|NULL::[a-z ]+)$"
)
_CODE = sql.SQL("""
    SELECT pg_catalog.format('%I.%I', n.nspname, c.relname), pg_catalog.pg_get_userbyid(c.relowner)::text, found.what
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace, LATERAL (
        SELECT pg_catalog.format('the trigger %I', t.tgname) FROM pg_catalog.pg_trigger t
        WHERE t.tgrelid = c.oid AND NOT t.tgisinternal AND t.tgenabled <> 'D'
        UNION ALL SELECT pg_catalog.format('the rule %I', r.rulename) FROM pg_catalog.pg_rewrite r
        WHERE r.ev_class = c.oid AND r.ev_enabled <> 'D'
        UNION ALL SELECT pg_catalog.format('the type of the column %I', a.attname) FROM pg_catalog.pg_attribute a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.atttypid >= 16384
        UNION ALL SELECT pg_catalog.format('the default of the column %I', a.attname) FROM pg_catalog.pg_attrdef d
        JOIN pg_catalog.pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
        WHERE d.adrelid = c.oid AND (a.attgenerated <> '' OR pg_catalog.pg_get_expr(d.adbin, d.adrelid) !~ {plain})
        UNION ALL SELECT pg_catalog.format('the constraint %I', k.conname) FROM pg_catalog.pg_constraint k
        WHERE k.conrelid = c.oid AND k.contype = 'c'
        UNION ALL SELECT pg_catalog.format('the index %s', i.indexrelid::regclass) FROM pg_catalog.pg_index i
        WHERE i.indrelid = c.oid AND (i.indexprs IS NOT NULL OR i.indpred IS NOT NULL
            OR EXISTS (SELECT FROM pg_catalog.unnest(i.indclass::oid[]) AS o WHERE o >= 16384))
        UNION ALL SELECT pg_catalog.format('the table %s, which inherits from it,', h.inhrelid::regclass)
        FROM pg_catalog.pg_inherits h WHERE h.inhparent = c.oid
        UNION ALL SELECT pg_catalog.format('the foreign key %I of %s', k.conname, k.conrelid::regclass)
        FROM pg_catalog.pg_constraint k WHERE k.confrelid = c.oid AND k.contype = 'f'
            AND NOT (k.confdeltype = ANY ('{{a,r}}') AND k.confupdtype = ANY ('{{a,r}}'))
        UNION ALL SELECT 'the key of its partitions' WHERE c.relkind = 'p'
        UNION ALL SELECT pg_catalog.format('the key of the partitions of %s', h.inhparent::regclass)
        FROM pg_catalog.pg_inherits h WHERE h.inhrelid = c.oid AND c.relispartition
    ) AS found(what)
    WHERE n.nspname = {schema} AND c.relname = ANY ({names}::text[]) AND NOT {trusted} ORDER BY 1, 3
""")


# A role with TRIGGER on a table can make its writers run a function; up to PostgreSQL 17 also a role with REFERENCES,
# by a trigger of a table that a foreign key deletes from.
_WRITERS = sql.SQL("""
    SELECT c.relname::text,
           CASE a.grantee WHEN 0 THEN 'PUBLIC'
               ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END,
           pg_catalog.array_agg(DISTINCT a.privilege_type)
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace, LATERAL (
        SELECT * FROM pg_catalog.aclexplode(c.relacl) UNION ALL
        SELECT x.* FROM pg_catalog.pg_attribute t, pg_catalog.aclexplode(t.attacl) x
        WHERE t.attrelid = c.oid AND t.attacl IS NOT NULL) a
    WHERE n.nspname = {} AND c.relname = ANY ({}::text[]) AND a.grantee <> c.relowner
      AND a.privilege_type = ANY ('{{INSERT,UPDATE,DELETE,TRUNCATE,TRIGGER,REFERENCES}}'::text[])
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_roles r
                      WHERE r.oid = a.grantee AND (r.rolsuper OR r.rolname = current_user))
    GROUP BY c.relname, a.grantee ORDER BY 1, 2
""")


def find_grants(session: Session, tables: Tables) -> tuple[TableGrant, ...]:
    """Return the rights of other roles to write the tables.

    Owners, superusers and the role of the session are left out.
    """
    written = dict(zip(tables.names, tables.written, strict=True))
    rows = ask(session.connection(), _WRITERS.format(sql.Literal(tables.schema), list(tables.names)))
    return tuple(TableGrant(written[name], role, tuple(rights)) for name, role, rights in rows)


def _question(tables: Tables) -> sql.Composed:
    return _CODE.format(
        plain=sql.Literal(_PLAIN),
        schema=sql.Literal(tables.schema),
        names=list(tables.names),
        trusted=sql.SQL(TRUSTED.format("c.relowner")),
    )


def runs_code(session: Session, tables: Tables) -> bool:
    """Ask whether the tables of an untrusted role would run code; reads no row of them."""
    return bool(ask(session.connection(), _question(tables)))


def refuse_code(session: Session, tables: Tables) -> None:
    """Raise HistoryError if the tables of an untrusted role would run code."""
    found = ask(session.connection(), _question(tables))
    if found:
        name, owner, what = found[0]
        raise HistoryError(
            f"{name} belongs to the role {owner!r}, and {what} would run with the rights of the role that migrates",
            details=tuple(f"  {each} of {table}" for table, _, each in found[1:]),
            state=UNCHANGED,
            hint=f"look at it; if it is meant, let a superuser take the table over: ALTER TABLE {name} OWNER TO CURRENT_USER;",
        )
