"""Queries of views, sequences, indexes, triggers, rules, policies and extended statistics."""

from __future__ import annotations

from fsapi_nb.catalog.ddl.query_parts import NOTHING, OF_USERS, ROLE, DefinitionQuery, grants, lines, settings

#: SQL of a JSON array of the comments on columns, and of their privileges: column, then what is said of it.
COMMENTS = """
    (SELECT jsonb_agg(jsonb_build_array(quote_ident(a.attname), s.description) ORDER BY a.attnum)
     FROM pg_description s JOIN pg_attribute a ON a.attrelid = s.objoid AND a.attnum = s.objsubid
     WHERE s.classoid = 'pg_class'::regclass AND s.objoid = c.oid AND s.objsubid > 0)
"""
COLUMN_GRANTS = f"""
    (SELECT jsonb_agg(jsonb_build_array(quote_ident(a.attname), {grants("a.attacl", "NULL::aclitem[]", "c.relowner")})
                      ORDER BY a.attnum)
     FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attacl IS NOT NULL)
"""
#: SQL of an array of ALTER statements: what ALTER TABLE … ALTER COLUMN sets beside type and default.
ATTRIBUTE_OPTIONS = settings(
    "(SELECT array_agg(o) FROM unnest(a.attoptions) AS o WHERE o ~ '^n_distinct(_inherited)?=')"
)
TABLESPACE = "(SELECT 'TABLESPACE ' || quote_ident(spcname) FROM pg_tablespace WHERE oid = {0}.reltablespace)"
METHOD = "(SELECT 'USING ' || quote_ident(amname) FROM pg_am WHERE oid = c.relam AND {0})"
NOT_HEAP = "amname <> 'heap'"

_VIEW_METHOD = METHOD.format(NOT_HEAP)
_VIEW_WORDS = "CASE c.relkind WHEN 'm' THEN 'MATERIALIZED VIEW ' ELSE 'VIEW ' END || c.oid::regclass"
_VIEW_SETTINGS = (
    f"'WITH (' || concat_ws(', ', {settings('c.reloptions')}, {settings('toast.reloptions', 'toast.')}) || ')'"
)
_VIEW_COLUMNS = f"""
    (SELECT array_agg(statement ORDER BY a.attnum, statement)
     FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
     CROSS JOIN LATERAL unnest(ARRAY[
        CASE WHEN c.relkind = 'm' AND a.attstorage <> t.typstorage THEN 'STORAGE ' || CASE a.attstorage
             WHEN 'p' THEN 'PLAIN' WHEN 'm' THEN 'MAIN' WHEN 'e' THEN 'EXTERNAL' ELSE 'EXTENDED' END END,
        CASE a.attcompression WHEN 'p' THEN 'COMPRESSION pglz' WHEN 'l' THEN 'COMPRESSION lz4' END,
        'STATISTICS ' || nullif(a.attstattarget, -1), '(' || {ATTRIBUTE_OPTIONS} || ')']) AS setting
     CROSS JOIN LATERAL format('ALTER %%s ALTER COLUMN %%I SET %%s', {_VIEW_WORDS}, a.attname, setting) AS statement
     WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND setting IS NOT NULL)
"""
# A view that others need, and that needs them, is made first with its columns only.
_STUB = """
    (SELECT format('CREATE VIEW %%s AS SELECT %%s', c.oid::regclass, string_agg(
        format('NULL::%%s%%s AS %%I', format_type(a.atttypid, a.atttypmod),
               CASE WHEN a.attcollation NOT IN (0, t.typcollation) THEN ' COLLATE ' || a.attcollation::regcollation END,
               a.attname), ', ' ORDER BY a.attnum))
     FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
     WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)
"""
_VIEW_BODY = f"""
    concat_ws(E'\\n', concat_ws(' ', {_VIEW_WORDS}, {_VIEW_METHOD}, nullif({_VIEW_SETTINGS}, 'WITH ()'), {TABLESPACE.format("c")},
              'AS'),
              rtrim(pg_get_viewdef(c.oid), ';'), CASE c.relkind WHEN 'm' THEN 'WITH NO DATA' END)
"""
_VIEWS = f"""
    SELECT c.oid AS object, jsonb_build_object(
               'reference', {_VIEW_WORDS}, 'grant', 'TABLE ' || c.oid::regclass,
               'create', ARRAY['CREATE ' || {_VIEW_BODY}],
               'stub', CASE c.relkind WHEN 'v' THEN ARRAY[{_STUB}] END,
               'full', CASE c.relkind WHEN 'v' THEN ARRAY['CREATE OR REPLACE ' || {_VIEW_BODY}] END,
               'after', {_VIEW_COLUMNS},
               'later', CASE WHEN c.relkind = 'm' AND c.relispopulated THEN jsonb_build_object(
                   'kind', 'rows of materialized view', 'parent', jsonb_build_array('pg_class', c.oid),
                   'create', ARRAY['REFRESH MATERIALIZED VIEW ' || c.oid::regclass],
                   'drop', 'REFRESH MATERIALIZED VIEW ' || c.oid::regclass || ' WITH NO DATA') END,
               'column grants', {COLUMN_GRANTS}, 'comments', {COMMENTS}) AS facts,
           c.relowner AS owner, 'r'::"char" AS acl_kind, c.relacl AS privileges
    FROM pg_class c LEFT JOIN pg_class toast ON toast.oid = c.reltoastrelid
    WHERE c.relkind IN ('v', 'm') AND {OF_USERS}
"""
# What a sequence has by itself is not written.
_SEQUENCE = """
    concat_ws(' ',
        CASE WHEN s.seqincrement <> 1 THEN 'INCREMENT BY ' || s.seqincrement END,
        CASE WHEN s.seqmin <> CASE WHEN s.seqincrement > 0 THEN 1 ELSE lowest END THEN 'MINVALUE ' || s.seqmin END,
        CASE WHEN s.seqmax <> CASE WHEN s.seqincrement > 0 THEN highest ELSE -1 END THEN 'MAXVALUE ' || s.seqmax END,
        CASE WHEN s.seqstart <> CASE WHEN s.seqincrement > 0 THEN s.seqmin ELSE s.seqmax END
             THEN 'START WITH ' || s.seqstart END,
        CASE WHEN s.seqcache <> 1 THEN 'CACHE ' || s.seqcache END, CASE WHEN s.seqcycle THEN 'CYCLE' END)
"""
_RANGES = """
    CROSS JOIN LATERAL (SELECT CASE s.seqtypid WHEN 21 THEN 32767 WHEN 23 THEN 2147483647 ELSE 9223372036854775807 END
                               AS highest) AS h
    CROSS JOIN LATERAL (SELECT -highest - 1 AS lowest) AS l
    LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i')
     AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0
    LEFT JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
    LEFT JOIN pg_class o ON o.oid = d.refobjid
"""
_OF_SEQUENCE = """
    c.relkind = 'S' AND c.relnamespace = ANY(%(spaces)s) AND c.oid <> ALL(%(ours)s) AND c.relpersistence <> 't'
    AND NOT EXISTS (SELECT FROM pg_depend m
                    WHERE m.classid = 'pg_class'::regclass AND m.objid = c.oid AND m.deptype = 'e')
    AND (%(relation)s::oid IS NULL OR %(relation)s IN (c.oid, d.refobjid))
"""
_SEQUENCES = f"""
    SELECT c.oid AS object, jsonb_build_object(
               'reference', 'SEQUENCE ' || c.oid::regclass,
               'create', ARRAY[concat_ws(' ', CASE c.relpersistence WHEN 'u' THEN 'CREATE UNLOGGED' ELSE 'CREATE' END,
                   'SEQUENCE ' || c.oid::regclass, 'AS ' || format_type(nullif(s.seqtypid, 20), NULL),
                   nullif({_SEQUENCE}, ''))],
               'later', CASE WHEN d.objid IS NOT NULL THEN jsonb_build_object(
                   'kind', 'owner of sequence', 'parent', jsonb_build_array('pg_class', d.refobjid),
                   'create', ARRAY[format('ALTER SEQUENCE %%s OWNED BY %%s.%%I', c.oid::regclass, o.oid::regclass, a.attname)],
                   'drop', format('ALTER SEQUENCE %%s OWNED BY NONE', c.oid::regclass)) END,
               'column grants', {COLUMN_GRANTS}) AS facts,
           c.relowner AS owner, 's'::"char" AS acl_kind, c.relacl AS privileges
    FROM pg_class c JOIN pg_sequence s ON s.seqrelid = c.oid {_RANGES}
    WHERE d.deptype IS DISTINCT FROM 'i' AND {_OF_SEQUENCE}
"""
# The name that an identity's sequence gets by itself is not written.
_IDENTITY = f"""
    concat(CASE a.attidentity WHEN 'a' THEN 'GENERATED ALWAYS AS IDENTITY' ELSE 'GENERATED BY DEFAULT AS IDENTITY' END,
           ' (' || nullif(concat_ws(' ',
               CASE WHEN c.relname <> concat(o.relname, '_', a.attname, '_seq') OR c.relnamespace <> o.relnamespace
                    THEN 'SEQUENCE NAME ' || c.oid::regclass END,
               nullif({_SEQUENCE}, '')), '') || ')')
"""
_IDENTITIES = f"""
    SELECT c.oid AS object, jsonb_build_object(
               'reference', 'SEQUENCE ' || c.oid::regclass, 'parent', jsonb_build_array('pg_class', o.oid),
               'inline', jsonb_build_array(a.attnum, {_IDENTITY}),
               'create', ARRAY[format('ALTER TABLE %%s ALTER COLUMN %%I ADD %%s', o.oid::regclass, a.attname, {_IDENTITY})],
               'drop', format('ALTER TABLE %%s ALTER COLUMN %%I DROP IDENTITY', o.oid::regclass, a.attname),
               'after', CASE WHEN c.relpersistence <> o.relpersistence AND %(version)s >= 150000 THEN ARRAY[format(
                   'ALTER SEQUENCE %%s SET %%s', c.oid::regclass,
                   CASE c.relpersistence WHEN 'u' THEN 'UNLOGGED' ELSE 'LOGGED' END)] END,
               'column grants', {COLUMN_GRANTS}, 'same owner', c.relowner = o.relowner) AS facts,
           c.relowner AS owner, 's'::"char" AS acl_kind, c.relacl AS privileges
    FROM pg_class c JOIN pg_sequence s ON s.seqrelid = c.oid {_RANGES}
    WHERE d.deptype = 'i' AND {_OF_SEQUENCE}
"""
_DEFAULTS = f"""
    SELECT d.oid AS object, jsonb_build_object(
               'reference', '', 'parent', jsonb_build_array('pg_class', c.oid),
               'inline', jsonb_build_array(a.attnum, 'DEFAULT ' || expression),
               'copies', (SELECT p.oid FROM pg_inherits i
                   JOIN pg_attribute b ON b.attrelid = i.inhparent AND b.attname = a.attname
                   JOIN pg_attrdef p ON p.adrelid = b.attrelid AND p.adnum = b.attnum
                   WHERE i.inhrelid = c.oid AND a.attinhcount > 0 AND pg_get_expr(p.adbin, p.adrelid) = expression LIMIT 1),
               'create', ARRAY[format('%%s ALTER COLUMN %%I SET DEFAULT %%s', words, a.attname, expression)],
               'drop', format('%%s ALTER COLUMN %%I DROP DEFAULT', words, a.attname)) AS facts, {NOTHING}
    FROM pg_attrdef d
    JOIN pg_class c ON c.oid = d.adrelid
    JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
    CROSS JOIN LATERAL pg_get_expr(d.adbin, d.adrelid) AS expression
    CROSS JOIN LATERAL concat(CASE c.relkind WHEN 'v' THEN 'ALTER VIEW ' ELSE 'ALTER TABLE ONLY ' END, c.oid::regclass) AS words
    WHERE a.attgenerated = '' AND NOT a.attisdropped AND {OF_USERS}
"""
#: SQL of an array of statements: what is said of an index `i` with its row `x` beside its definition.
_INDEX_STATEMENTS = lines(
    f"'ALTER INDEX ' || i.oid::regclass || ' SET ' || {TABLESPACE.format('i')}",
    "CASE WHEN x.indisclustered THEN format('ALTER TABLE %%s CLUSTER ON %%I', c.oid::regclass, i.relname) END",
    """CASE WHEN x.indisreplident
       THEN format('ALTER TABLE ONLY %%s REPLICA IDENTITY USING INDEX %%I', c.oid::regclass, i.relname) END""",
    """(SELECT format('ALTER INDEX %%s ATTACH PARTITION %%s', inhparent::regclass, i.oid::regclass)
        FROM pg_inherits WHERE inhrelid = i.oid)""",
)
OF_INDEX = f"""
    {_INDEX_STATEMENTS} || coalesce((
        SELECT array_agg(format('ALTER INDEX %%s ALTER COLUMN %%s SET STATISTICS %%s', i.oid::regclass, attnum, attstattarget)
                         ORDER BY attnum)
        FROM pg_attribute WHERE attrelid = i.oid AND attstattarget >= 0), '{{}}')
"""
#: SQL of no DROP, if an index goes with the one that it is attached to; NULL for others.
ATTACHED = "CASE WHEN EXISTS (SELECT FROM pg_inherits WHERE inhrelid = i.oid) THEN '' END"
INVALID = """
    CASE WHEN i.relkind = 'i' AND NOT (x.indisvalid AND x.indisready)
         THEN 'the index is invalid: it is written as one that is valid' END
"""
_INDEXES = f"""
    SELECT i.oid AS object, jsonb_build_object(
               'reference', 'INDEX ' || i.oid::regclass, 'parent', jsonb_build_array('pg_class', c.oid),
               'create', ARRAY[pg_get_indexdef(i.oid)], 'drop', {ATTACHED}, 'after', {OF_INDEX},
               'unwritten', {INVALID}) AS facts, {NOTHING}
    FROM pg_index x
    JOIN pg_class i ON i.oid = x.indexrelid
    JOIN pg_class c ON c.oid = x.indrelid
    WHERE c.relkind IN ('r', 'p', 'm') AND {OF_USERS}
      AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = i.oid AND contype IN ('p', 'u', 'x'))
"""
_ENABLED = """
    ARRAY['ALTER TABLE ' || c.oid::regclass || CASE {0} WHEN 'D' THEN ' DISABLE' WHEN 'R' THEN ' ENABLE REPLICA'
          WHEN 'A' THEN ' ENABLE ALWAYS' ELSE ' ENABLE' END || ' {1} ' || quote_ident({2})]
"""
_TRIGGERS = f"""
    SELECT g.oid AS object, jsonb_build_object(
               'reference', format('TRIGGER %%I ON %%s', g.tgname, c.oid::regclass),
               'parent', jsonb_build_array('pg_class', c.oid),
               'create', CASE WHEN parent.oid IS NULL THEN ARRAY[pg_get_triggerdef(g.oid)] ELSE '{{}}' END,
               'drop', CASE WHEN parent.oid IS NOT NULL
                       THEN format('ALTER TABLE %%s ENABLE TRIGGER %%I', c.oid::regclass, g.tgname) END,
               'after', CASE WHEN g.tgenabled <> 'O' OR parent.oid IS NOT NULL
                        THEN {_ENABLED.format("g.tgenabled", "TRIGGER", "g.tgname")} END) AS facts, {NOTHING}
    FROM pg_trigger g
    JOIN pg_class c ON c.oid = g.tgrelid
    LEFT JOIN pg_trigger parent ON parent.oid = g.tgparentid
    WHERE CASE WHEN parent.oid IS NULL THEN NOT g.tgisinternal
               ELSE parent.tgenabled <> g.tgenabled AND (g.tgconstraint = 0 OR NOT g.tgisinternal) END AND {OF_USERS}
"""
_RULES = f"""
    SELECT r.oid AS object, jsonb_build_object(
               'reference', format('RULE %%I ON %%s', r.rulename, c.oid::regclass),
               'parent', jsonb_build_array('pg_class', c.oid), 'create', ARRAY[pg_get_ruledef(r.oid)],
               'after', CASE WHEN r.ev_enabled <> 'O' THEN {_ENABLED.format("r.ev_enabled", "RULE", "r.rulename")} END)
           AS facts, {NOTHING}
    FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class
    WHERE r.rulename <> '_RETURN' AND {OF_USERS}
"""
_POLICIES = f"""
    SELECT p.oid AS object, jsonb_build_object(
               'reference', format('POLICY %%I ON %%s', p.polname, c.oid::regclass),
               'parent', jsonb_build_array('pg_class', c.oid),
               'create', ARRAY[concat_ws(E'\\n    ',
                   format('CREATE POLICY %%I ON %%s', p.polname, c.oid::regclass)
                   || CASE WHEN NOT p.polpermissive THEN ' AS RESTRICTIVE' ELSE '' END
                   || CASE p.polcmd WHEN 'r' THEN ' FOR SELECT' WHEN 'a' THEN ' FOR INSERT' WHEN 'w' THEN ' FOR UPDATE'
                                    WHEN 'd' THEN ' FOR DELETE' ELSE '' END
                   || (SELECT ' TO ' || string_agg({ROLE.format("role")}, ', ' ORDER BY {ROLE.format("role")} COLLATE "C")
                       FROM unnest(p.polroles) AS role),
                   'USING (' || pg_get_expr(p.polqual, p.polrelid) || ')',
                   'WITH CHECK (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')')]) AS facts, {NOTHING}
    FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid
    WHERE {OF_USERS}
"""
_STATISTICS = """
    SELECT s.oid AS object, jsonb_build_object(
               'reference', format('STATISTICS %%I.%%I', n.nspname, s.stxname),
               'parent', jsonb_build_array('pg_class', c.oid),
               'create', ARRAY[pg_get_statisticsobjdef(s.oid)],
               'after', CASE WHEN s.stxstattarget >= 0 THEN ARRAY[format(
                   'ALTER STATISTICS %%I.%%I SET STATISTICS %%s', n.nspname, s.stxname, s.stxstattarget)] END) AS facts,
           s.stxowner AS owner, NULL::"char" AS acl_kind, NULL::aclitem[] AS privileges
    FROM pg_statistic_ext s JOIN pg_class c ON c.oid = s.stxrelid JOIN pg_namespace n ON n.oid = s.stxnamespace
    WHERE s.stxnamespace = ANY(%(spaces)s) AND c.oid <> ALL(%(ours)s)
      AND (%(relation)s::oid IS NULL OR c.oid = %(relation)s)
"""


def queries(_version: int) -> tuple[DefinitionQuery, ...]:
    """Return the queries; the same for every server."""
    return (
        DefinitionQuery("pg_class", _VIEWS),
        DefinitionQuery("pg_class", _SEQUENCES),
        DefinitionQuery("pg_class", _IDENTITIES),
        DefinitionQuery("pg_class", _INDEXES),
        DefinitionQuery("pg_attrdef", _DEFAULTS),
        DefinitionQuery("pg_trigger", _TRIGGERS),
        DefinitionQuery("pg_rewrite", _RULES),
        DefinitionQuery("pg_policy", _POLICIES),
        DefinitionQuery("pg_statistic_ext", _STATISTICS),
    )
