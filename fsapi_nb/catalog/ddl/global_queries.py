"""Queries of schemas, and of what stands in none: extensions, event triggers, publications, foreign servers and the like."""

from __future__ import annotations

from fsapi_nb.catalog.ddl.query_parts import NOTHING, ROLE, DefinitionQuery, options, secrets

_UNOWNED = 'NULL::"char" AS acl_kind, NULL::aclitem[] AS privileges'
# An empty database has a schema `public`, of an owner, with privileges and a comment: what differs from these is said.
_PUBLIC = "n.nspname = 'public'"
_SCHEMAS = f"""
    SELECT n.oid AS object, jsonb_build_object(
               'reference', 'SCHEMA ' || quote_ident(n.nspname),
               'create', CASE WHEN NOT {_PUBLIC} THEN ARRAY['CREATE SCHEMA ' || quote_ident(n.nspname)]
                              WHEN n.nspowner <> first_owner AND pg_get_userbyid(n.nspowner) = current_user
                              THEN ARRAY['ALTER SCHEMA public OWNER TO CURRENT_USER'] ELSE '{{}}' END,
               'same owner', {_PUBLIC} AND n.nspowner = first_owner,
               'first comment', CASE WHEN {_PUBLIC} THEN 'standard public schema' END) AS facts,
           n.nspowner AS owner, 'n'::"char" AS acl_kind, n.nspacl AS privileges
    FROM pg_namespace n
    CROSS JOIN LATERAL (SELECT CASE WHEN %(version)s < 150000 THEN 10
                                    ELSE (SELECT oid FROM pg_roles WHERE rolname = 'pg_database_owner') END AS first_owner) AS f
    WHERE n.oid = ANY(%(spaces)s)
"""
_PUBLIC_PRIVILEGES = """
    (acldefault('n', found.owner) || CASE WHEN known.identity = 'public'
        THEN CASE WHEN %(version)s < 150000
             THEN ARRAY[makeaclitem(0, found.owner, 'USAGE', false), makeaclitem(0, found.owner, 'CREATE', false)]
             ELSE ARRAY[makeaclitem(0, found.owner, 'USAGE', false)] END ELSE '{}'::aclitem[] END)
"""
# The version is said where it is not the one that the server installs by itself. plpgsql is in every database.
_EXTENSIONS = f"""
    SELECT e.oid AS object, jsonb_build_object(
               'reference', 'EXTENSION ' || quote_ident(e.extname),
               'create', CASE WHEN e.extname = 'plpgsql' THEN '{{}}'::text[] ELSE ARRAY[concat_ws(' ',
                   'CREATE EXTENSION ' || quote_ident(e.extname) || ' WITH SCHEMA ' || quote_ident(n.nspname),
                   CASE WHEN e.extversion IS DISTINCT FROM
                             (SELECT default_version FROM pg_available_extensions WHERE name = e.extname)
                        THEN 'VERSION ' || quote_literal(e.extversion) END)] END,
               'same owner', true,
               'first comment', (SELECT comment FROM pg_available_extensions WHERE name = e.extname)) AS facts,
           e.extowner AS owner, {_UNOWNED}
    FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
    WHERE %(everything)s OR e.extnamespace = ANY(%(spaces)s)
"""
_EVENT_TRIGGERS = f"""
    SELECT e.oid AS object, jsonb_build_object(
               'reference', 'EVENT TRIGGER ' || quote_ident(e.evtname),
               'create', ARRAY[concat_ws(E'\\n    ', format('CREATE EVENT TRIGGER %%I ON %%s', e.evtname, e.evtevent),
                   (SELECT 'WHEN TAG IN (' || string_agg(quote_literal(tag), ', ' ORDER BY tag COLLATE "C") || ')'
                    FROM unnest(e.evttags) AS tag), 'EXECUTE FUNCTION ' || e.evtfoid::regproc || '()')],
               'after', CASE WHEN e.evtenabled <> 'O' THEN ARRAY[format('ALTER EVENT TRIGGER %%I %%s', e.evtname,
                   CASE e.evtenabled WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA' ELSE 'ENABLE ALWAYS' END)] END)
           AS facts, e.evtowner AS owner, {_UNOWNED}
    FROM pg_event_trigger e JOIN pg_proc p ON p.oid = e.evtfoid
    WHERE %(everything)s OR p.pronamespace = ANY(%(spaces)s)
"""
_PUBLICATIONS = f"""
    SELECT p.oid AS object, jsonb_build_object(
               'reference', 'PUBLICATION ' || quote_ident(p.pubname),
               'create', ARRAY[concat('CREATE PUBLICATION ', quote_ident(p.pubname),
                   CASE WHEN p.puballtables THEN ' FOR ALL TABLES'
                        ELSE (SELECT ' FOR {{words}}' || string_agg(line, ', ' ORDER BY line COLLATE "C")
                              FROM ({{members}}) AS m) END,
                   (SELECT ' WITH (' || nullif(concat_ws(', ',
                       CASE WHEN NOT (p.pubinsert AND p.pubupdate AND p.pubdelete AND p.pubtruncate)
                       THEN 'publish = ' || quote_literal(concat_ws(', ', CASE WHEN p.pubinsert THEN 'insert' END,
                           CASE WHEN p.pubupdate THEN 'update' END, CASE WHEN p.pubdelete THEN 'delete' END,
                           CASE WHEN p.pubtruncate THEN 'truncate' END)) END,
                       CASE WHEN p.pubviaroot THEN 'publish_via_partition_root = true' END,
                       CASE to_jsonb(p) ->> 'pubgencols' WHEN 's' THEN 'publish_generated_columns = stored' END), '')
                    || ')'))]) AS facts,
           p.pubowner AS owner, {_UNOWNED}
    FROM pg_publication p WHERE %(everything)s
"""
_PUBLISHED_14 = "SELECT 'ONLY ' || r.prrelid::regclass AS line FROM pg_publication_rel r WHERE r.prpubid = p.oid"
_PUBLISHED = """
    SELECT concat('TABLE ONLY ', r.prrelid::regclass,
                  (SELECT ' (' || string_agg(quote_ident(attname), ', ' ORDER BY attname COLLATE "C") || ')'
                   FROM pg_attribute WHERE attrelid = r.prrelid AND attnum = ANY(r.prattrs)),
                  (SELECT CASE expression WHEN '' THEN '' ELSE ' WHERE ('
                          || CASE WHEN expression ~ '^\\(.*\\)$' THEN expression ELSE '(' || expression || ')' END || ')' END
                   FROM pg_get_expr(r.prqual, r.prrelid) AS expression)) AS line
    FROM pg_publication_rel r WHERE r.prpubid = p.oid
    UNION ALL
    SELECT 'TABLES IN SCHEMA ' || n.pnnspid::regnamespace FROM pg_publication_namespace n WHERE n.pnpubid = p.oid
"""
_SUBSCRIPTIONS = f"""
    SELECT s.oid AS object, jsonb_build_object(
               'reference', 'SUBSCRIPTION ' || quote_ident(s.subname), 'create', '{{}}'::text[],
               'unwritten', 'where it connects to may hold a password') AS facts, {NOTHING}
    FROM pg_subscription s
    WHERE %(everything)s AND s.subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
_WRAPPERS = f"""
    SELECT w.oid AS object, jsonb_build_object(
               'reference', 'FOREIGN DATA WRAPPER ' || quote_ident(w.fdwname), 'secrets', {secrets("w.fdwoptions")},
               'create', ARRAY[concat_ws(' ', 'CREATE FOREIGN DATA WRAPPER ' || quote_ident(w.fdwname),
                   'HANDLER ' || nullif(w.fdwhandler, 0)::regproc, 'VALIDATOR ' || nullif(w.fdwvalidator, 0)::regproc,
                   'OPTIONS (' || {options("w.fdwoptions")} || ')')]) AS facts,
           w.fdwowner AS owner, 'F'::"char" AS acl_kind, w.fdwacl AS privileges
    FROM pg_foreign_data_wrapper w WHERE %(everything)s
"""
_SERVERS = f"""
    SELECT s.oid AS object, jsonb_build_object(
               'reference', 'SERVER ' || quote_ident(s.srvname), 'grant', 'FOREIGN SERVER ' || quote_ident(s.srvname),
               'secrets', {secrets("s.srvoptions")},
               'create', ARRAY[concat_ws(' ', 'CREATE SERVER ' || quote_ident(s.srvname), 'TYPE ' || quote_literal(s.srvtype),
                   'VERSION ' || quote_literal(s.srvversion), 'FOREIGN DATA WRAPPER ' || quote_ident(w.fdwname),
                   'OPTIONS (' || {options("s.srvoptions")} || ')')]) AS facts,
           s.srvowner AS owner, 'S'::"char" AS acl_kind, s.srvacl AS privileges
    FROM pg_foreign_server s JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw WHERE %(everything)s
"""
# Not everybody may read the options of a mapping, and nobody but a superuser the table of mappings: whose they are, and
# the owner of the server those of all users.
_SEEN = """
    (m.umuser <> 0 AND m.usename = current_user
     AND (pg_has_role(s.srvowner, 'USAGE') OR has_server_privilege(s.oid, 'USAGE')))
    OR (m.umuser = 0 AND pg_has_role(s.srvowner, 'USAGE'))
    OR (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
"""
_MAPPINGS = f"""
    SELECT m.umid AS object, jsonb_build_object(
               'reference', name, 'secrets', {secrets("m.umoptions")},
               'unwritten', CASE WHEN NOT ({_SEEN}) THEN 'this role may not see its options' END,
               'create', ARRAY[concat_ws(' ', 'CREATE ' || name, 'OPTIONS (' || {options("m.umoptions")} || ')')]) AS facts,
           {NOTHING}
    FROM pg_user_mappings m JOIN pg_foreign_server s ON s.oid = m.srvid
    CROSS JOIN LATERAL format('USER MAPPING FOR %%s SERVER %%I', {ROLE.format("m.umuser")}, m.srvname) AS name
    WHERE %(everything)s
"""
_LANGUAGES = """
    SELECT l.oid AS object, jsonb_build_object(
               'reference', 'LANGUAGE ' || quote_ident(l.lanname),
               'create', ARRAY[concat_ws(' ', CASE WHEN l.lanpltrusted THEN 'CREATE TRUSTED' ELSE 'CREATE' END,
                   'LANGUAGE ' || quote_ident(l.lanname), 'HANDLER ' || nullif(l.lanplcallfoid, 0)::regproc,
                   'INLINE ' || nullif(l.laninline, 0)::regproc, 'VALIDATOR ' || nullif(l.lanvalidator, 0)::regproc)]) AS facts,
           l.lanowner AS owner, 'l'::"char" AS acl_kind, l.lanacl AS privileges
    FROM pg_language l WHERE l.oid >= 16384 AND %(everything)s
"""
_TRANSFORMS = f"""
    SELECT t.oid AS object, jsonb_build_object(
               'reference', name,
               'create', ARRAY[format('CREATE %%s (%%s)', name, concat_ws(', ',
                   'FROM SQL WITH FUNCTION ' || nullif(t.trffromsql, 0::regproc)::regprocedure,
                   'TO SQL WITH FUNCTION ' || nullif(t.trftosql, 0::regproc)::regprocedure))]) AS facts, {NOTHING}
    FROM pg_transform t JOIN pg_type y ON y.oid = t.trftype JOIN pg_language l ON l.oid = t.trflang
    CROSS JOIN LATERAL format('TRANSFORM FOR %%s LANGUAGE %%I', format_type(t.trftype, NULL), l.lanname) AS name
    WHERE %(everything)s OR y.typnamespace = ANY(%(spaces)s)
"""
_METHODS = f"""
    SELECT a.oid AS object, jsonb_build_object(
               'reference', 'ACCESS METHOD ' || quote_ident(a.amname),
               'create', ARRAY[format('CREATE ACCESS METHOD %%I TYPE %%s HANDLER %%s', a.amname,
                   CASE a.amtype WHEN 't' THEN 'TABLE' ELSE 'INDEX' END, a.amhandler)]) AS facts, {NOTHING}
    FROM pg_am a WHERE a.oid >= 16384 AND %(everything)s
"""
# Those of a schema are added to the general ones, and have no defaults of their own.
_DEFAULTS = f"""
    SELECT d.oid AS object, jsonb_build_object(
               'reference', '', 'create', '{{}}'::text[], 'same owner', true,
               'default privileges', concat_ws(' ', 'ALTER DEFAULT PRIVILEGES FOR ROLE ' || {ROLE.format("d.defaclrole")},
                   'IN SCHEMA ' || nullif(d.defaclnamespace, 0)::regnamespace),
               'grant', CASE d.defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES' WHEN 'f' THEN 'FUNCTIONS'
                        WHEN 'T' THEN 'TYPES' WHEN 'n' THEN 'SCHEMAS' ELSE 'LARGE OBJECTS' END) AS facts,
           d.defaclrole AS owner, CASE WHEN d.defaclnamespace = 0
               THEN CASE d.defaclobjtype WHEN 'S' THEN 's' ELSE d.defaclobjtype END END::"char" AS acl_kind,
           d.defaclacl AS privileges
    FROM pg_default_acl d WHERE %(everything)s OR d.defaclnamespace = ANY(%(spaces)s)
"""


def queries(version: int) -> tuple[DefinitionQuery, ...]:
    """Return the queries for a server of that version (150004 is 15.4)."""
    words, members = ("", _PUBLISHED) if version >= 150000 else ("TABLE ", _PUBLISHED_14)
    publications = _PUBLICATIONS.format(words=words, members=members)
    return (
        DefinitionQuery("pg_namespace", _SCHEMAS, _PUBLIC_PRIVILEGES),
        DefinitionQuery("pg_extension", _EXTENSIONS),
        DefinitionQuery("pg_event_trigger", _EVENT_TRIGGERS),
        DefinitionQuery("pg_transform", _TRANSFORMS),
        DefinitionQuery("pg_default_acl", _DEFAULTS),
        DefinitionQuery("pg_publication", publications),
        DefinitionQuery("pg_subscription", _SUBSCRIPTIONS),
        DefinitionQuery("pg_foreign_data_wrapper", _WRAPPERS),
        DefinitionQuery("pg_foreign_server", _SERVERS),
        DefinitionQuery("pg_user_mapping", _MAPPINGS),
        DefinitionQuery("pg_language", _LANGUAGES),
        DefinitionQuery("pg_am", _METHODS),
    )
