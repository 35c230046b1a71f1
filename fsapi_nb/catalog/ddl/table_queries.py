"""Queries of tables, with their columns, and of their constraints.

A partition whose columns stand as its parent's is made as PARTITION OF; another one is made by itself and attached.
"""

from __future__ import annotations

from fsapi_nb.catalog.ddl.query_parts import NOTHING, OF_USERS, DefinitionQuery, lines, options, secrets, settings
from fsapi_nb.catalog.ddl.relation_queries import (
    ATTACHED,
    ATTRIBUTE_OPTIONS,
    COLUMN_GRANTS,
    COMMENTS,
    INVALID,
    METHOD,
    NOT_HEAP,
    OF_INDEX,
    TABLESPACE,
)

_NOT_NULL = """
    concat(CASE WHEN n.conislocal AND n.conname <> concat(c.relname, '_', a.attname, '_not_null')
                THEN 'CONSTRAINT ' || quote_ident(n.conname) || ' ' END,
           'NOT NULL', CASE WHEN n.connoinherit THEN ' NO INHERIT' END)
"""
# Whether NOT NULL stands in the column's line. From PostgreSQL 18 on it is a constraint, which can be NOT VALID or
# inherited; before, that of a child cannot be told from its parent's.
_INLINE_NOT_NULL = """
    a.attnotnull AND coalesce(n.convalidated AND (n.conislocal OR c.relispartition), true)
"""
_STORAGE = """
    CASE {0}.attstorage WHEN 'p' THEN 'PLAIN' WHEN 'm' THEN 'MAIN' WHEN 'e' THEN 'EXTERNAL' ELSE 'EXTENDED' END
"""
# What a child has of its parents when it is made is set only where it differs.
_PARENTS = """
    FROM pg_inherits i JOIN pg_attribute b ON b.attrelid = i.inhparent AND b.attname = a.attname
    WHERE i.inhrelid = c.oid AND a.attinhcount > 0
"""
_ALTERS = f"""
    unnest(ARRAY[
        CASE WHEN a.attnotnull AND n.oid IS NULL AND NOT listed AND NOT EXISTS (SELECT {_PARENTS} AND b.attnotnull)
             THEN format('ALTER COLUMN %%I SET NOT NULL', a.attname) END,
        CASE WHEN NOT a.attnotnull AND EXISTS (SELECT {_PARENTS} AND b.attnotnull)
             THEN format('ALTER COLUMN %%I DROP NOT NULL', a.attname) END,
        CASE WHEN n.conislocal AND NOT (listed AND n.convalidated) AND NOT (c.relispartition AND attached IS NOT NULL)
             THEN format('ADD CONSTRAINT %%I NOT NULL %%I%%s%%s', n.conname, a.attname,
                         CASE WHEN n.connoinherit THEN ' NO INHERIT' END,
                         CASE WHEN NOT n.convalidated THEN ' NOT VALID' END) END,
        CASE WHEN a.attstorage <> t.typstorage OR EXISTS (SELECT {_PARENTS} AND b.attstorage <> a.attstorage)
             THEN format('ALTER COLUMN %%I SET STORAGE %%s', a.attname, {_STORAGE.format("a")}) END,
        CASE WHEN NOT listed AND EXISTS (SELECT {_PARENTS} AND b.attcompression <> a.attcompression)
             THEN format('ALTER COLUMN %%I SET COMPRESSION %%s', a.attname,
                         CASE a.attcompression WHEN 'p' THEN 'pglz' WHEN 'l' THEN 'lz4' ELSE 'default' END) END,
        CASE WHEN a.attgenerated = '' AND NOT a.atthasdef AND attached IS NULL
                  AND EXISTS (SELECT {_PARENTS} AND b.atthasdef AND b.attgenerated = '')
             THEN format('ALTER COLUMN %%I DROP DEFAULT', a.attname) END,
        CASE WHEN a.attstattarget >= 0 THEN format('ALTER COLUMN %%I SET STATISTICS %%s', a.attname, a.attstattarget) END,
        format('ALTER COLUMN %%I SET (%%s)', a.attname, {ATTRIBUTE_OPTIONS}),
        CASE WHEN NOT listed THEN format('ALTER COLUMN %%I OPTIONS (%%s)', a.attname, {options("a.attfdwoptions")}) END
    ]) AS change
"""
# NULL in `format` is an empty text: what must not be said without it is left out.
_SAID = "change IS NOT NULL AND change NOT LIKE '%%SET ()' AND change NOT LIKE '%%OPTIONS ()'"
_LISTED = """
    CASE WHEN c.relispartition THEN attached IS NOT NULL WHEN c.reloftype <> 0 THEN false
         ELSE a.attislocal END
"""
_EACH = f"""
    FROM pg_attribute a
    JOIN pg_type t ON t.oid = a.atttypid
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    LEFT JOIN pg_constraint n ON n.conrelid = a.attrelid AND n.contype = 'n' AND n.conkey[1] = a.attnum
    CROSS JOIN LATERAL (SELECT {_LISTED} AS listed) AS l
"""
_OF_TABLE = "a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped"
_LIST = f"""
    (SELECT jsonb_agg(jsonb_build_array(
               a.attnum,
               concat_ws(' ', quote_ident(a.attname), format_type(a.atttypid, a.atttypmod),
                   'OPTIONS (' || {options("a.attfdwoptions")} || ')',
                   CASE a.attcompression WHEN 'p' THEN 'COMPRESSION pglz' WHEN 'l' THEN 'COMPRESSION lz4' END,
                   CASE WHEN a.attcollation NOT IN (0, t.typcollation) THEN 'COLLATE ' || a.attcollation::regcollation END,
                   CASE WHEN a.attgenerated <> '' THEN format('GENERATED ALWAYS AS (%%s) %%s',
                        pg_get_expr(d.adbin, d.adrelid), CASE a.attgenerated WHEN 's' THEN 'STORED' ELSE 'VIRTUAL' END) END),
               CASE WHEN {_INLINE_NOT_NULL} THEN {_NOT_NULL} END) ORDER BY a.attnum)
     {_EACH} WHERE {_OF_TABLE} AND listed)
"""
_CHANGES = f"""
    (SELECT array_agg(concat('ALTER TABLE ', CASE WHEN change LIKE 'ALTER%%' THEN 'ONLY ' END, c.oid::regclass, ' ', change)
                      ORDER BY a.attnum, change COLLATE "C")
     {_EACH} CROSS JOIN LATERAL {_ALTERS} WHERE {_OF_TABLE} AND {_SAID})
"""
_NOT_NULL_COMMENTS = """
    (SELECT array_agg(format('COMMENT ON CONSTRAINT %%I ON %%s IS %%L', n.conname, c.oid::regclass,
                             obj_description(n.oid, 'pg_constraint')) ORDER BY n.conname COLLATE "C")
     FROM pg_constraint n WHERE n.conrelid = c.oid AND n.contype = 'n' AND obj_description(n.oid, 'pg_constraint') <> '')
"""
# A partition that is attached must have its parent's checks before.
_CHECKS = """
    (SELECT array_agg(format('CONSTRAINT %%I %%s', o.conname, pg_get_constraintdef(o.oid)) ORDER BY o.conname COLLATE "C")
     FROM pg_constraint o WHERE o.conrelid = c.oid AND o.contype = 'c' AND NOT o.conislocal AND attached IS NOT NULL)
"""
_NAMES = """
    (SELECT array_agg(a.attname::text || ' ' || a.attgenerated::text || coalesce(pg_get_expr(d.adbin, d.adrelid), '')
                      ORDER BY a.attnum)
     FROM pg_attribute a
     LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum AND a.attgenerated <> ''
     WHERE a.attrelid = {0} AND a.attnum > 0 AND NOT a.attisdropped)
"""
_ATTACHED = f"""
    CASE WHEN c.relispartition AND ({_NAMES.format("c.oid")} <> {_NAMES.format("parent.inhparent")}
            OR EXISTS (SELECT FROM pg_depend WHERE refclassid = 'pg_class'::regclass AND refobjid = c.oid AND refobjsubid > 0
                       AND classid = 'pg_class'::regclass AND deptype = 'i'))
         THEN format('ALTER TABLE ONLY %%s ATTACH PARTITION %%s %%s', parent.inhparent::regclass, c.oid::regclass, bound) END
"""
_INHERITS = """
    (SELECT 'INHERITS (' || string_agg(inhparent::regclass::text, ', ' ORDER BY inhseqno) || ')'
     FROM pg_inherits WHERE inhrelid = c.oid AND NOT c.relispartition HAVING count(*) > 0)
"""
# Columns of parents come first in CREATE TABLE. Those that a parent gets later stand at the end, and are the same ones.
_REORDERED = """
    NOT c.relispartition AND c.reloftype = 0 AND (
        SELECT array_agg(a.attnum ORDER BY a.attnum)
               <> array_agg(a.attnum ORDER BY place.parent NULLS LAST, place.number, a.attnum)
        FROM pg_attribute a
        LEFT JOIN LATERAL (
            SELECT i.inhseqno AS parent, b.attnum AS number FROM pg_inherits i
            JOIN pg_attribute b ON b.attrelid = i.inhparent AND b.attname = a.attname
            WHERE i.inhrelid = c.oid AND a.attinhcount > 0 ORDER BY i.inhseqno LIMIT 1) AS place ON true
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)
"""
_SETTINGS = f"nullif(concat_ws(', ', {settings('c.reloptions')}, {settings('toast.reloptions', 'toast.')}), '')"
# A partition has tablespace and access method of its parent if nothing else is said.
_OF_PARENT = "EXISTS (SELECT FROM pg_class p WHERE p.oid = parent.inhparent AND p.{0} NOT IN (0, c.{0}))"
_OTHER_METHOD = METHOD.format(f"({NOT_HEAP} OR {_OF_PARENT.format('relam')})")
_OTHER_TABLESPACE = f"""
    coalesce({TABLESPACE.format("c")}, CASE WHEN {_OF_PARENT.format("reltablespace")} THEN 'TABLESPACE pg_default' END)
"""
_SECURITY = lines(
    "attached",
    "CASE WHEN c.relrowsecurity THEN format('ALTER TABLE %%s ENABLE ROW LEVEL SECURITY', c.oid::regclass) END",
    "CASE WHEN c.relforcerowsecurity THEN format('ALTER TABLE ONLY %%s FORCE ROW LEVEL SECURITY', c.oid::regclass) END",
    """format('ALTER TABLE ONLY %%s REPLICA IDENTITY ', c.oid::regclass)
       || CASE WHEN c.relkind = 'f' THEN NULL
               WHEN c.relreplident = 'n' THEN 'NOTHING' WHEN c.relreplident = 'f' THEN 'FULL' END""",
)
_TABLES = f"""
    SELECT c.oid AS object, jsonb_build_object(
               'reference', words, 'grant', 'TABLE ' || c.oid::regclass,
               'head', concat_ws(' ', CASE c.relpersistence WHEN 'u' THEN 'CREATE UNLOGGED' ELSE 'CREATE' END, words,
                   'OF ' || format_type(nullif(c.reloftype, 0), NULL),
                   CASE WHEN c.relispartition AND attached IS NULL THEN 'PARTITION OF ' || parent.inhparent::regclass END),
               'listless', c.reloftype <> 0 OR c.relispartition AND attached IS NULL,
               'columns', {_LIST}, 'checks', {_CHECKS},
               'tail', concat_ws(' ', CASE WHEN c.relispartition AND attached IS NULL THEN bound END, {_INHERITS},
                   'PARTITION BY ' || pg_get_partkeydef(c.oid), {_OTHER_METHOD},
                   'SERVER ' || quote_ident(server.srvname), 'OPTIONS (' || {options("f.ftoptions")} || ')',
                   'WITH (' || {_SETTINGS} || ')', {_OTHER_TABLESPACE}),
               'after', coalesce({_CHANGES}, '{{}}') || {_SECURITY} || coalesce({_NOT_NULL_COMMENTS}, '{{}}'),
               'unwritten', CASE WHEN parent.inhdetachpending THEN 'it is being detached: it is written as a partition'
                   WHEN {_REORDERED} THEN 'a parent has got columns after it: they stand before its own' END,
               'secrets', concat_ws(', ', {secrets("f.ftoptions")},
                   (SELECT string_agg({secrets("attfdwoptions")}, ', ' ORDER BY attnum)
                    FROM pg_attribute WHERE attrelid = c.oid AND attfdwoptions IS NOT NULL)),
               'column grants', {COLUMN_GRANTS}, 'comments', {COMMENTS}) AS facts,
           c.relowner AS owner, 'r'::"char" AS acl_kind, c.relacl AS privileges
    FROM pg_class c
    LEFT JOIN pg_class toast ON toast.oid = c.reltoastrelid
    LEFT JOIN pg_foreign_table f ON f.ftrelid = c.oid
    LEFT JOIN pg_foreign_server server ON server.oid = f.ftserver
    LEFT JOIN pg_inherits parent ON parent.inhrelid = c.oid AND c.relispartition
    CROSS JOIN LATERAL (SELECT concat(CASE c.relkind WHEN 'f' THEN 'FOREIGN ' END, 'TABLE ', c.oid::regclass) AS words,
                               pg_get_expr(c.relpartbound, c.oid) AS bound) AS w
    CROSS JOIN LATERAL (SELECT {_ATTACHED} AS attached) AS attaching
    WHERE c.relkind IN ('r', 'p', 'f') AND {OF_USERS}
"""
_INDEX_SETTINGS = lines(f"'ALTER INDEX ' || i.oid::regclass || ' SET (' || {settings('i.reloptions')} || ')'")
_INDEX_COMMENT = lines(
    "'COMMENT ON INDEX ' || i.oid::regclass || ' IS ' || quote_literal(obj_description(i.oid, 'pg_class'))"
)
# To be checked for a whole tree a constraint is added to it: what is kept by an index, to each table by itself.
_CONSTRAINTS = f"""
    SELECT o.oid AS object, jsonb_build_object(
               'reference', format('CONSTRAINT %%I ON %%s', o.conname, c.oid::regclass),
               'parent', jsonb_build_array('pg_class', c.oid),
               'inline', CASE WHEN o.contype IN ('p', 'u', 'c', 'x') AND o.convalidated
                         THEN jsonb_build_array(0, format('CONSTRAINT %%I %%s', o.conname, pg_get_constraintdef(o.oid))) END,
               'create', ARRAY[format('ALTER TABLE %%s%%s ADD CONSTRAINT %%I %%s',
                   CASE WHEN o.contype IN ('p', 'u', 'x') THEN 'ONLY ' END, c.oid::regclass, o.conname,
                   pg_get_constraintdef(o.oid))],
               'drop', coalesce({ATTACHED}, format('ALTER TABLE %%s DROP CONSTRAINT %%I', c.oid::regclass, o.conname)),
               'after', {_INDEX_SETTINGS}
                        || CASE WHEN i.oid IS NOT NULL THEN {OF_INDEX} END || {_INDEX_COMMENT},
               'unwritten', coalesce({INVALID}, CASE WHEN EXISTS (
                   SELECT FROM pg_trigger WHERE tgconstraint = o.oid AND tgenabled <> 'O')
                   THEN 'its triggers are disabled: it is written as one that is kept' END)) AS facts, {NOTHING}
    FROM pg_constraint o
    JOIN pg_class c ON c.oid = o.conrelid
    LEFT JOIN pg_index x ON x.indexrelid = o.conindid AND o.contype IN ('p', 'u', 'x')
    LEFT JOIN pg_class i ON i.oid = x.indexrelid
    WHERE {OF_USERS} AND CASE o.contype WHEN 'c' THEN o.conislocal WHEN 'f' THEN o.conparentid = 0
                                        ELSE o.contype IN ('p', 'u', 'x') END
"""


def queries(_version: int) -> tuple[DefinitionQuery, ...]:
    """Return the queries; the same for every server."""
    return (DefinitionQuery("pg_class", _TABLES), DefinitionQuery("pg_constraint", _CONSTRAINTS))
