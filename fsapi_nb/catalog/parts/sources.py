"""SQL of the parts of a catalog: address, kind, schema, name, the relation that it is of, and its state as JSON."""

from __future__ import annotations

from fsapi_nb.catalog.kinds import ROLE

_USERS = "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"
# Relations of users: none of an extension, none of the history, nothing temporary.
_RELATION = f"""
    {_USERS} AND c.relpersistence <> 't' AND c.oid <> ALL(%(ours)s) AND NOT EXISTS (
        SELECT FROM pg_depend m WHERE m.classid = 'pg_class'::regclass AND m.objid = c.oid AND m.deptype = 'e')
"""
_NO_MEMBER = (
    "NOT EXISTS (SELECT FROM pg_depend m WHERE m.classid = '{0}'::regclass AND m.objid = {1} AND m.deptype = 'e')"
)


_ACL = f"""(SELECT jsonb_agg(jsonb_build_array({ROLE.format("grantee")}, privilege_type, is_grantable)
    ORDER BY grantee, privilege_type) FROM aclexplode({{}}))"""


def _acl(column: str, kind: str, owner: str) -> str:
    """Return SQL of who may do what, and of what they may do by default."""
    defaults = f"acldefault('{kind}', {owner})"
    return (
        f"'acl', {_ACL.format(f'coalesce({column}, {defaults})')}, 'default_acl', {_ACL.format(defaults)},"
        f" 'owner', quote_ident(pg_get_userbyid({owner}))"
    )


_TABLESPACE = "(SELECT quote_ident(spcname) FROM pg_tablespace WHERE oid = {0}.reltablespace)"

SCHEMAS = f"""
    SELECT 'pg_namespace', n.oid, 0, 'schema', NULL, quote_ident(n.nspname), NULL::oid, jsonb_build_object(
        'comment', obj_description(n.oid, 'pg_namespace'), {_acl("n.nspacl", "n", "n.nspowner")})
    FROM pg_namespace n WHERE {_USERS} AND {_NO_MEMBER.format("pg_namespace", "n.oid")}
"""
EXTENSIONS = """
    SELECT 'pg_extension', e.oid, 0, 'extension', quote_ident(n.nspname), quote_ident(e.extname), NULL::oid,
        jsonb_build_object('comment', obj_description(e.oid, 'pg_extension'), 'version', e.extversion)
    FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.oid >= 16384
"""
TABLES = f"""
    SELECT 'pg_class', c.oid, 0, 'table', quote_ident(n.nspname), quote_ident(c.relname), NULL::oid, jsonb_build_object(
        'comment', obj_description(c.oid, 'pg_class'), {_acl("c.relacl", "r", "c.relowner")},
        'partitioned', c.relkind = 'p', 'persistence', c.relpersistence, 'options', to_jsonb(c.reloptions),
        'toast_options', (SELECT to_jsonb(reloptions) FROM pg_class WHERE oid = c.reltoastrelid),
        'rls', c.relrowsecurity, 'force_rls', c.relforcerowsecurity, 'tablespace', {_TABLESPACE.format("c")},
        'method', (SELECT quote_ident(amname) FROM pg_am WHERE oid = c.relam AND amname <> 'heap'),
        'identity', c.relreplident, 'identity_index', (SELECT indexrelid FROM pg_index WHERE indrelid = c.oid AND indisreplident),
        'cluster_index', (SELECT indexrelid FROM pg_index WHERE indrelid = c.oid AND indisclustered),
        'partition_key', pg_get_partkeydef(c.oid), 'bound', pg_get_expr(c.relpartbound, c.oid),
        'parents', (SELECT jsonb_agg(inhparent::bigint ORDER BY inhseqno) FROM pg_inherits WHERE inhrelid = c.oid),
        'type', nullif(c.reloftype, 0)::bigint)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p') AND {_RELATION}
"""
# What an identity is, unless it is what it gets by itself.
_IDENTITY = """
    (SELECT CASE WHEN s.seqstart = 1 AND s.seqincrement = 1 AND s.seqmin = 1 AND s.seqcache = 1 AND NOT s.seqcycle
                  AND s.seqmax = CASE s.seqtypid WHEN 20 THEN 9223372036854775807 WHEN 23 THEN 2147483647 ELSE 32767 END
                  AND i.relname = concat(c.relname, '_', a.attname, '_seq') THEN '' ELSE
            format(' (SEQUENCE NAME %%I.%%I START WITH %%s INCREMENT BY %%s MINVALUE %%s MAXVALUE %%s CACHE %%s%%s)',
                   z.nspname, i.relname, s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache,
                   CASE WHEN s.seqcycle THEN ' CYCLE' END) END
     FROM pg_depend d JOIN pg_sequence s ON s.seqrelid = d.objid JOIN pg_class i ON i.oid = d.objid
     JOIN pg_namespace z ON z.oid = i.relnamespace
     WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid AND d.refobjsubid = a.attnum AND d.deptype = 'i'
       AND d.classid = 'pg_class'::regclass)
"""
_SET_IDENTITY = """
    (SELECT format('SET START WITH %%s SET INCREMENT BY %%s SET MINVALUE %%s SET MAXVALUE %%s SET CACHE %%s SET%%s CYCLE',
                   s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache, CASE WHEN NOT s.seqcycle THEN ' NO' END)
     FROM pg_depend d JOIN pg_sequence s ON s.seqrelid = d.objid
     WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid AND d.refobjsubid = a.attnum AND d.deptype = 'i'
       AND d.classid = 'pg_class'::regclass)
"""
_NOT_NULL_NAME = """
    (SELECT quote_ident(conname) FROM pg_constraint WHERE conrelid = c.oid AND contype = 'n' AND conkey[1] = a.attnum
     AND conname <> concat(c.relname, '_', a.attname, '_not_null'))
"""
COLUMNS = f"""
    SELECT 'pg_class', c.oid, a.attnum, 'column', NULL, quote_ident(a.attname), c.oid, jsonb_build_object(
        'comment', col_description(c.oid, a.attnum), {_acl("a.attacl", "c", "c.relowner")},
        'type', format_type(a.atttypid, a.atttypmod), 'type_oid', a.atttypid::bigint, 'modifier', a.atttypmod,
        'type_category', t.typcategory, 'base_oid', (CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE t.oid END)::bigint,
        'collation', CASE WHEN a.attcollation NOT IN (0, t.typcollation) THEN a.attcollation::regcollation::text END,
        'collation_oid', a.attcollation::bigint, 'not_null', a.attnotnull,
        'not_null_name', CASE WHEN a.attnotnull THEN {_NOT_NULL_NAME} END,
        'not_null_constraint', CASE WHEN a.attnotnull THEN (SELECT quote_ident(conname) FROM pg_constraint
                               WHERE conrelid = c.oid AND contype = 'n' AND conkey[1] = a.attnum) END,
        'identity', a.attidentity, 'identity_options', CASE WHEN a.attidentity <> '' THEN {_IDENTITY} END,
        'identity_sequence', CASE WHEN a.attidentity <> '' THEN {_SET_IDENTITY} END, 'generated', a.attgenerated,
        'expression', CASE WHEN a.attgenerated <> '' THEN pg_get_expr(e.adbin, e.adrelid) END,
        'definition', CASE WHEN a.attgenerated <> '' THEN md5(e.adbin::text) END,
        'storage', CASE WHEN a.attstorage <> t.typstorage THEN a.attstorage END, 'default_storage', t.typstorage,
        'compression', nullif(a.attcompression, ''), 'statistics', nullif(a.attstattarget, -1),
        'options', to_jsonb(a.attoptions), 'local', a.attislocal, 'inherited', a.attinhcount > 0)
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_attrdef e ON e.adrelid = c.oid AND e.adnum = a.attnum
    WHERE c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped AND {_RELATION}
"""
DEFAULTS = f"""
    SELECT 'pg_attrdef', c.oid, a.attnum, 'default', NULL, quote_ident(a.attname), c.oid, jsonb_build_object(
        'definition', md5(e.adbin::text), 'text', pg_get_expr(e.adbin, e.adrelid), 'inherited', a.attinhcount > 0)
    FROM pg_attrdef e JOIN pg_attribute a ON a.attrelid = e.adrelid AND a.attnum = e.adnum
    JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE a.attgenerated = '' AND c.relkind IN ('r', 'p', 'v') AND {_RELATION}
"""
# A not-null constraint is said of its column.
CONSTRAINTS = f"""
    SELECT 'pg_constraint', o.oid, 0, 'constraint', NULL, quote_ident(o.conname), c.oid, jsonb_build_object(
        'comment', obj_description(o.oid, 'pg_constraint'), 'type', o.contype, 'text', pg_get_constraintdef(o.oid),
        'definition', md5(concat_ws('|', o.contype, o.conrelid, o.confrelid, o.conkey, o.confkey, o.confupdtype,
            o.confdeltype, o.confmatchtype, o.conbin, o.conexclop, o.conpfeqop, o.connoinherit, o.convalidated,
            to_jsonb(o)->'conenforced', to_jsonb(o)->'conperiod', to_jsonb(o)->'confdelsetcols',
            x.indkey, x.indclass, x.indoption, x.indexprs, x.indpred, to_jsonb(x)->'indnullsnotdistinct', x.indnkeyatts)),
        'deferrable', o.condeferrable, 'deferred', o.condeferred, 'options', to_jsonb(i.reloptions),
        'index', o.conindid::bigint, 'inherited', NOT o.conislocal OR o.conparentid <> 0, 'parent', o.conparentid::bigint,
        'index_comment', obj_description(i.oid, 'pg_class'))
    FROM pg_constraint o JOIN pg_class c ON c.oid = o.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_index x ON x.indexrelid = o.conindid AND o.contype IN ('p', 'u', 'x')
    LEFT JOIN pg_class i ON i.oid = x.indexrelid
    WHERE o.contype IN ('c', 'f', 'p', 'u', 'x') AND c.relkind IN ('r', 'p') AND {_RELATION}
"""
INDEXES = f"""
    SELECT 'pg_class', i.oid, 0, 'index', quote_ident(n.nspname), quote_ident(i.relname), c.oid, jsonb_build_object(
        'comment', obj_description(i.oid, 'pg_class'), 'text', pg_get_indexdef(i.oid), 'options', to_jsonb(i.reloptions),
        'tablespace', {_TABLESPACE.format("i")}, 'definition', md5(concat_ws('|', i.relam, x.indisunique, x.indkey,
            x.indcollation, x.indclass, x.indoption, x.indexprs, x.indpred, to_jsonb(x)->'indnullsnotdistinct', x.indnkeyatts,
            x.indisvalid)),
        'expressions', x.indexprs IS NOT NULL OR x.indpred IS NOT NULL,
        'statistics', (SELECT jsonb_object_agg(attnum, attstattarget) FROM pg_attribute
                       WHERE attrelid = i.oid AND attstattarget >= 0),
        'inherited', i.relispartition, 'parent', (SELECT inhparent::bigint FROM pg_inherits WHERE inhrelid = i.oid))
    FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class c ON c.oid = x.indrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'm') AND {_RELATION}
      AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = i.oid AND contype IN ('p', 'u', 'x'))
"""
SEQUENCES = f"""
    SELECT 'pg_class', c.oid, 0, 'sequence', quote_ident(n.nspname), quote_ident(c.relname), NULL::oid, jsonb_build_object(
        'comment', obj_description(c.oid, 'pg_class'), {_acl("c.relacl", "s", "c.relowner")},
        'persistence', c.relpersistence, 'type', format_type(s.seqtypid, NULL), 'start', s.seqstart, 'increment', s.seqincrement,
        'min', s.seqmin, 'max', s.seqmax, 'cache', s.seqcache, 'cycle', s.seqcycle,
        'of_identity', coalesce(d.deptype = 'i', false), 'owner_table', d.refobjid::bigint, 'owner_column', d.refobjsubid)
    FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i')
        AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0
    WHERE {_RELATION}
"""
VIEWS = f"""
    SELECT 'pg_class', c.oid, 0, CASE c.relkind WHEN 'm' THEN 'materialized view' ELSE 'view' END,
        quote_ident(n.nspname), quote_ident(c.relname), NULL::oid, jsonb_build_object(
        'comment', obj_description(c.oid, 'pg_class'), {_acl("c.relacl", "r", "c.relowner")},
        'text', rtrim(pg_get_viewdef(c.oid), ';'), 'definition', (SELECT md5(ev_action::text) FROM pg_rewrite
            WHERE ev_class = c.oid AND rulename = '_RETURN'), 'options', to_jsonb(c.reloptions),
        'populated', c.relispopulated, 'method', (SELECT quote_ident(amname) FROM pg_am WHERE oid = c.relam AND amname <> 'heap'),
        'tablespace', {_TABLESPACE.format("c")}, 'columns', (
            SELECT jsonb_agg(jsonb_build_object('name', quote_ident(attname), 'type', format_type(atttypid, atttypmod),
                'comment', col_description(c.oid, attnum), 'default', (SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef
                 WHERE adrelid = c.oid AND adnum = attnum)) ORDER BY attnum)
            FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped))
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('v', 'm') AND {_RELATION}
"""
TRIGGERS = f"""
    SELECT 'pg_trigger', g.oid, 0, 'trigger', NULL, quote_ident(g.tgname), c.oid, jsonb_build_object(
        'comment', obj_description(g.oid, 'pg_trigger'), 'text', pg_get_triggerdef(g.oid), 'enabled', g.tgenabled,
        'definition', md5(concat_ws('|', g.tgfoid, g.tgtype, g.tgattr, g.tgargs, g.tgqual, g.tgdeferrable, g.tginitdeferred,
            g.tgconstrrelid, g.tgoldtable, g.tgnewtable)), 'inherited', g.tgparentid <> 0)
    FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE (NOT g.tgisinternal OR (g.tgparentid <> 0 AND g.tgconstraint = 0)) AND {_RELATION}
"""
RULES = f"""
    SELECT 'pg_rewrite', r.oid, 0, 'rule', NULL, quote_ident(r.rulename), c.oid, jsonb_build_object(
        'comment', obj_description(r.oid, 'pg_rewrite'), 'text', rtrim(pg_get_ruledef(r.oid), ';'), 'enabled', r.ev_enabled,
        'definition', md5(concat_ws('|', r.ev_type, r.is_instead, r.ev_qual, r.ev_action)))
    FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE r.rulename <> '_RETURN' AND {_RELATION}
"""
POLICIES = f"""
    SELECT 'pg_policy', p.oid, 0, 'policy', NULL, quote_ident(p.polname), c.oid, jsonb_build_object(
        'comment', obj_description(p.oid, 'pg_policy'), 'text', concat(
            CASE WHEN NOT p.polpermissive THEN ' AS RESTRICTIVE' END,
            CASE p.polcmd WHEN 'r' THEN ' FOR SELECT' WHEN 'a' THEN ' FOR INSERT' WHEN 'w' THEN ' FOR UPDATE'
                 WHEN 'd' THEN ' FOR DELETE' END,
            ' TO ' || (SELECT string_agg({ROLE.format("role")}, ', ' ORDER BY {ROLE.format("role")} COLLATE "C")
                       FROM unnest(p.polroles) AS role),
            ' USING (' || pg_get_expr(p.polqual, p.polrelid) || ')',
            ' WITH CHECK (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')'),
        'definition', md5(concat_ws('|', p.polcmd, p.polpermissive, p.polroles, p.polqual::text, '|', p.polwithcheck::text)))
    FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {_RELATION}
"""
STATISTICS = f"""
    SELECT 'pg_statistic_ext', s.oid, 0, 'statistics', quote_ident(z.nspname), quote_ident(s.stxname), c.oid, jsonb_build_object(
        'comment', obj_description(s.oid, 'pg_statistic_ext'), 'owner', quote_ident(pg_get_userbyid(s.stxowner)),
        'text', pg_get_statisticsobjdef(s.oid), 'target', nullif(s.stxstattarget, -1),
        'definition', md5(concat_ws('|', s.stxkeys, s.stxkind, s.stxexprs)))
    FROM pg_statistic_ext s JOIN pg_namespace z ON z.oid = s.stxnamespace JOIN pg_class c ON c.oid = s.stxrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {_RELATION}
"""
FUNCTIONS = f"""
    SELECT 'pg_proc', p.oid, 0, CASE p.prokind WHEN 'p' THEN 'procedure' ELSE 'function' END,
        quote_ident(n.nspname), quote_ident(p.proname), NULL::oid, jsonb_build_object(
        'comment', obj_description(p.oid, 'pg_proc'), {_acl("p.proacl", "f", "p.proowner")},
        'text', rtrim(pg_get_functiondef(p.oid), E'\\n'),
        'arguments', pg_get_function_identity_arguments(p.oid),
        'definition', md5((to_jsonb(p) - '{{oid,proname,pronamespace,proowner,proacl}}'::text[])::text),
        'shape', concat_ws('|', p.prorettype, p.proretset, p.proargnames, p.proargmodes, p.proallargtypes),
        'defaults', p.pronargdefaults, 'language', (SELECT lanname FROM pg_language WHERE oid = p.prolang),
        'body', p.prosqlbody IS NOT NULL)
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE p.prokind <> 'a' AND {_USERS} AND {_NO_MEMBER.format("pg_proc", "p.oid")}
      AND NOT EXISTS (SELECT FROM pg_depend m WHERE m.classid = 'pg_proc'::regclass AND m.objid = p.oid AND m.deptype = 'i')
"""
_TYPE = f"""
    SELECT 'pg_type', t.oid, 0, {{kind}}, quote_ident(n.nspname), quote_ident(t.typname), NULL::oid, jsonb_build_object(
        'comment', obj_description(t.oid, 'pg_type'), {_acl("t.typacl", "T", "t.typowner")}, {{state}})
    FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace {{join}}
    WHERE {{condition}} AND {_USERS} AND {_NO_MEMBER.format("pg_type", "t.oid")}
"""
ENUMS = _TYPE.format(
    kind="'enum'",
    state="""'labels', (SELECT jsonb_agg(jsonb_build_array(oid::bigint, quote_literal(enumlabel)) ORDER BY enumsortorder)
                        FROM pg_enum WHERE enumtypid = t.oid)""",
    join="",
    condition="t.typtype = 'e'",
)
COMPOSITES = _TYPE.format(
    kind="'composite'",
    state="""'attributes', (SELECT jsonb_agg(jsonb_build_object('number', a.attnum, 'name', quote_ident(a.attname),
                'type', concat(format_type(a.atttypid, a.atttypmod), CASE WHEN a.attcollation NOT IN (0, u.typcollation)
                    THEN ' COLLATE ' || a.attcollation::regcollation::text END), 'type_oid', a.atttypid::bigint,
                'modifier', a.atttypmod, 'comment', col_description(a.attrelid, a.attnum)) ORDER BY a.attnum)
            FROM pg_attribute a JOIN pg_type u ON u.oid = a.atttypid
            WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped)""",
    join="JOIN pg_class c ON c.oid = t.typrelid",
    condition="t.typtype = 'c' AND c.relkind = 'c'",
)
DOMAINS = _TYPE.format(
    kind="'domain'",
    state="""'base', format_type(t.typbasetype, t.typtypmod), 'base_oid', t.typbasetype::bigint, 'default', t.typdefault,
        'not_null', t.typnotnull,
        'collation', CASE WHEN t.typcollation NOT IN (0, b.typcollation) THEN t.typcollation::regcollation::text END,
        'constraints', (SELECT jsonb_agg(jsonb_build_object('oid', oid::bigint, 'name', quote_ident(conname),
                'text', pg_get_constraintdef(oid), 'comment', obj_description(oid, 'pg_constraint')) ORDER BY conname COLLATE "C")
            FROM pg_constraint WHERE contypid = t.oid AND contype = 'c')""",
    join="JOIN pg_type b ON b.oid = t.typbasetype",
    condition="t.typtype = 'd'",
)
RANGES = _TYPE.format(
    kind="'range'",
    state="""'text', (SELECT concat('SUBTYPE = ', format_type(r.rngsubtype, NULL),
            (SELECT format(', SUBTYPE_OPCLASS = %%I.%%I', z.nspname, o.opcname) FROM pg_opclass o
             JOIN pg_namespace z ON z.oid = o.opcnamespace WHERE o.oid = r.rngsubopc),
            CASE WHEN r.rngcollation <> 0 THEN ', COLLATION = ' || r.rngcollation::regcollation::text END,
            CASE WHEN r.rngcanonical <> 0 THEN ', CANONICAL = ' || r.rngcanonical::regproc::text END,
            CASE WHEN r.rngsubdiff <> 0 THEN ', SUBTYPE_DIFF = ' || r.rngsubdiff::regproc::text END,
            ', MULTIRANGE_TYPE_NAME = ' || format_type(r.rngmultitypid, NULL)) FROM pg_range r WHERE r.rngtypid = t.oid)""",
    join="",
    condition="t.typtype = 'r'",
)

#: Every query of parts.
SOURCES = (
    *(SCHEMAS, EXTENSIONS, TABLES, COLUMNS, DEFAULTS, CONSTRAINTS, INDEXES, SEQUENCES, VIEWS),
    *(TRIGGERS, RULES, POLICIES, STATISTICS, FUNCTIONS, ENUMS, COMPOSITES, DOMAINS, RANGES),
)

#: What is not a part of its own, and the part that it is a piece of.
PIECES = """
    SELECT 'pg_rewrite', r.oid, 'pg_class', r.ev_class, 0 FROM pg_rewrite r WHERE r.rulename = '_RETURN' AND r.oid >= 16384
    UNION ALL SELECT 'pg_attrdef', e.oid, CASE a.attgenerated WHEN '' THEN 'pg_attrdef' ELSE 'pg_class' END, e.adrelid, e.adnum
        FROM pg_attrdef e JOIN pg_attribute a ON a.attrelid = e.adrelid AND a.attnum = e.adnum
    UNION ALL SELECT 'pg_type', t.oid, 'pg_class', c.oid, 0 FROM pg_type t JOIN pg_class c ON c.oid = t.typrelid
        WHERE c.relkind <> 'c' AND t.oid >= 16384
    UNION ALL SELECT 'pg_class', c.oid, 'pg_type', c.reltype, 0 FROM pg_class c WHERE c.relkind = 'c' AND c.oid >= 16384
    UNION ALL SELECT 'pg_type', t.typarray, 'pg_type', t.oid, 0 FROM pg_type t WHERE t.typarray >= 16384
    UNION ALL SELECT 'pg_type', r.rngmultitypid, 'pg_type', r.rngtypid, 0 FROM pg_range r WHERE r.rngtypid >= 16384
    UNION ALL SELECT 'pg_class', o.conindid, 'pg_constraint', o.oid, 0 FROM pg_constraint o WHERE o.contype IN ('p', 'u', 'x')
    UNION ALL SELECT 'pg_constraint', o.oid, 'pg_type', o.contypid, 0 FROM pg_constraint o WHERE o.contypid <> 0
    UNION ALL SELECT 'pg_constraint', o.oid, 'pg_class', o.conrelid, o.conkey[1] FROM pg_constraint o
        WHERE o.contype = 'n' AND o.conrelid <> 0
    UNION ALL SELECT 'pg_trigger', g.oid, 'pg_constraint', g.tgconstraint, 0 FROM pg_trigger g
        WHERE g.tgisinternal AND g.tgconstraint <> 0
    UNION ALL SELECT 'pg_class', d.objid, 'pg_class', d.refobjid, d.refobjsubid FROM pg_depend d
        WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype = 'i' AND d.refobjsubid > 0
    UNION ALL SELECT 'pg_class', c.reltoastrelid, 'pg_class', c.oid, 0 FROM pg_class c WHERE c.reltoastrelid >= 16384
"""
NEEDS = """
    SELECT d.classid::regclass::text, d.objid::bigint, d.objsubid, d.refclassid::regclass::text, d.refobjid::bigint,
           d.refobjsubid, d.deptype FROM pg_depend d
    WHERE d.objid >= 16384 AND d.refobjid >= 16384 AND d.deptype NOT IN ('e', 'x')
"""
#: Who may use what a role makes, beside what is said of it: by kind, and by schema (NULL: in all, in place of the usual).
DEFAULT_PRIVILEGES = f"""
    SELECT quote_ident(pg_get_userbyid(d.defaclrole)), quote_ident(n.nspname), d.defaclobjtype,
        {_ACL.format("d.defaclacl")}, CASE WHEN d.defaclnamespace = 0 THEN
        {_ACL.format("acldefault(CASE d.defaclobjtype WHEN 'S' THEN 's' ELSE d.defaclobjtype END, d.defaclrole)")} END
    FROM pg_default_acl d LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace
"""
CASTS = "SELECT castsource::bigint, casttarget::bigint, castcontext FROM pg_cast"
