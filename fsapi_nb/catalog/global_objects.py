"""Schemas, and what stands in none: extensions, event triggers, publications, foreign servers, default privileges.

Where only some schemas are asked for, what hangs on one of them is read too (an extension's home, an event trigger's
function, default privileges), and what hangs on none is not.
"""

from __future__ import annotations

from fsapi_nb.catalog.kinds import NOTHING, KindQuery, fields, options

_UNOWNED = 'NULL::"char" AS acl_kind, NULL::aclitem[] AS privileges, NULL::text[] AS columns'
_SCHEMAS = """
    SELECT n.oid AS object, ARRAY['CREATE SCHEMA'] AS body,
           n.nspowner AS owner, 'n'::"char" AS acl_kind, n.nspacl AS privileges, NULL::text[] AS columns
    FROM pg_catalog.pg_namespace n WHERE n.oid = ANY(%(spaces)s)
"""
_EXTENSIONS = f"""
    SELECT e.oid AS object,
           ARRAY['CREATE EXTENSION', '    SCHEMA ' || quote_ident(n.nspname), '    VERSION ' || quote_literal(e.extversion)]
           AS body, e.extowner AS owner, {_UNOWNED}
    FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
    WHERE %(everything)s OR e.extnamespace = ANY(%(spaces)s)
"""
_EVENT_TRIGGERS = f"""
    SELECT e.oid AS object,
           ARRAY['CREATE EVENT TRIGGER ON ' || e.evtevent,
                 (SELECT '    WHEN TAG IN (' || string_agg(quote_literal(tag), ', ' ORDER BY tag COLLATE "C") || ')'
                  FROM unnest(e.evttags) AS tag),
                 '    EXECUTE FUNCTION ' || e.evtfoid::regprocedure,
                 CASE e.evtenabled WHEN 'D' THEN 'DISABLED' WHEN 'R' THEN 'ENABLE REPLICA'
                                   WHEN 'A' THEN 'ENABLE ALWAYS' END] AS body, e.evtowner AS owner, {_UNOWNED}
    FROM pg_catalog.pg_event_trigger e JOIN pg_catalog.pg_proc p ON p.oid = e.evtfoid
    WHERE %(everything)s OR p.pronamespace = ANY(%(spaces)s)
"""
# What servers since 18 say of a publication is left out where it is what older ones do.
_PUBLICATION = """(
    SELECT CASE row ->> 'pubgencols' WHEN 'n' THEN row - 'pubgencols' ELSE row END FROM to_jsonb(p) AS row)"""
_PUBLICATIONS = f"""
    SELECT p.oid AS object,
           'CREATE PUBLICATION'::text || {fields(_PUBLICATION, "pubname", "pubowner")}
           || (SELECT array_agg(line ORDER BY line COLLATE "C") FROM ({{members}}) AS x) AS body,
           p.pubowner AS owner, {_UNOWNED}
    FROM pg_catalog.pg_publication p WHERE %(everything)s
"""
_PUBLISHED_14 = """
    SELECT '    TABLE ' || r.prrelid::regclass AS line FROM pg_catalog.pg_publication_rel r WHERE r.prpubid = p.oid
"""
_PUBLISHED = """
    SELECT concat('    TABLE ', r.prrelid::regclass,
                  (SELECT ' (' || string_agg(quote_ident(attname), ', ' ORDER BY attname COLLATE "C") || ')'
                   FROM pg_catalog.pg_attribute WHERE attrelid = r.prrelid AND attnum = ANY(r.prattrs)),
                  ' WHERE ' || pg_get_expr(r.prqual, r.prrelid)) AS line
    FROM pg_catalog.pg_publication_rel r WHERE r.prpubid = p.oid
    UNION ALL
    SELECT '    TABLES IN SCHEMA ' || n.pnnspid::regnamespace FROM pg_catalog.pg_publication_namespace n
    WHERE n.pnpubid = p.oid
"""
# Where it connects to is not everybody's to read, and may hold a password.
_SUBSCRIPTIONS = f"""
    SELECT s.oid AS object,
           ARRAY['CREATE SUBSCRIPTION', '    SLOT ' || quote_ident(s.subslotname), '    COMMIT ' || s.subsynccommit,
                 (SELECT '    PUBLICATION ' || string_agg(quote_ident(each), ', ' ORDER BY each COLLATE "C")
                  FROM unnest(s.subpublications) AS each),
                 CASE WHEN s.subbinary THEN '    BINARY' END, CASE WHEN NOT s.subenabled THEN '    DISABLED' END] AS body,
           s.subowner AS owner, {_UNOWNED}
    FROM pg_catalog.pg_subscription s
    WHERE %(everything)s AND s.subdbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
"""
_WRAPPERS = f"""
    SELECT w.oid AS object,
           ARRAY['CREATE FOREIGN DATA WRAPPER', '    HANDLER ' || nullif(w.fdwhandler, 0)::regprocedure,
                 '    VALIDATOR ' || nullif(w.fdwvalidator, 0)::regprocedure, '    ' || {options("w.fdwoptions")}] AS body,
           w.fdwowner AS owner, 'F'::"char" AS acl_kind, w.fdwacl AS privileges, NULL::text[] AS columns
    FROM pg_catalog.pg_foreign_data_wrapper w WHERE %(everything)s
"""
_SERVERS = f"""
    SELECT s.oid AS object,
           ARRAY['CREATE SERVER FOREIGN DATA WRAPPER ' || quote_ident(w.fdwname), '    TYPE ' || quote_literal(s.srvtype),
                 '    VERSION ' || quote_literal(s.srvversion), '    ' || {options("s.srvoptions")}] AS body,
           s.srvowner AS owner, 'S'::"char" AS acl_kind, s.srvacl AS privileges, NULL::text[] AS columns
    FROM pg_catalog.pg_foreign_server s JOIN pg_catalog.pg_foreign_data_wrapper w ON w.oid = s.srvfdw WHERE %(everything)s
"""
_MAPPINGS = f"""
    SELECT m.umid AS object,
           ARRAY['CREATE USER MAPPING', '    ' || {options("m.umoptions")}] AS body, {NOTHING}
    FROM pg_catalog.pg_user_mappings m WHERE %(everything)s
"""
_LANGUAGES = """
    SELECT l.oid AS object,
           ARRAY[concat('CREATE ', CASE WHEN l.lanpltrusted THEN 'TRUSTED ' END, 'LANGUAGE'),
                 '    HANDLER ' || nullif(l.lanplcallfoid, 0)::regprocedure,
                 '    INLINE ' || nullif(l.laninline, 0)::regprocedure,
                 '    VALIDATOR ' || nullif(l.lanvalidator, 0)::regprocedure] AS body,
           l.lanowner AS owner, 'l'::"char" AS acl_kind, l.lanacl AS privileges, NULL::text[] AS columns
    FROM pg_catalog.pg_language l WHERE l.oid >= 16384 AND %(everything)s
"""
_TRANSFORMS = f"""
    SELECT t.oid AS object,
           ARRAY['CREATE TRANSFORM', '    FROM SQL ' || nullif(t.trffromsql, 0::regproc)::regprocedure,
                 '    TO SQL ' || nullif(t.trftosql, 0::regproc)::regprocedure] AS body, {NOTHING}
    FROM pg_catalog.pg_transform t JOIN pg_catalog.pg_type y ON y.oid = t.trftype
    WHERE %(everything)s OR y.typnamespace = ANY(%(spaces)s)
"""
_METHODS = f"""
    SELECT a.oid AS object,
           'CREATE ACCESS METHOD'::text || {fields("a", "amname")} AS body, {NOTHING}
    FROM pg_catalog.pg_am a WHERE a.oid >= 16384 AND %(everything)s
"""
# Those of a schema are added to the general ones, and have no defaults of their own.
_DEFAULTS = """
    SELECT d.oid AS object, ARRAY['ALTER DEFAULT PRIVILEGES'] AS body,
           d.defaclrole AS owner, CASE WHEN d.defaclnamespace = 0
               THEN CASE d.defaclobjtype WHEN 'S' THEN 's' ELSE d.defaclobjtype END END::"char" AS acl_kind,
           d.defaclacl AS privileges, NULL::text[] AS columns
    FROM pg_catalog.pg_default_acl d WHERE %(everything)s OR d.defaclnamespace = ANY(%(spaces)s)
"""


def queries(version: int) -> tuple[KindQuery, ...]:
    """Return the queries for a server of that version (150004 is 15.4)."""
    publications = _PUBLICATIONS.format(members=_PUBLISHED if version >= 150000 else _PUBLISHED_14)
    return (
        KindQuery("pg_namespace", _SCHEMAS),
        KindQuery("pg_extension", _EXTENSIONS),
        KindQuery("pg_event_trigger", _EVENT_TRIGGERS),
        KindQuery("pg_transform", _TRANSFORMS),
        KindQuery("pg_default_acl", _DEFAULTS),
        KindQuery("pg_publication", publications),
        KindQuery("pg_subscription", _SUBSCRIPTIONS),
        KindQuery("pg_foreign_data_wrapper", _WRAPPERS),
        KindQuery("pg_foreign_server", _SERVERS),
        KindQuery("pg_user_mapping", _MAPPINGS),
        KindQuery("pg_language", _LANGUAGES),
        KindQuery("pg_am", _METHODS),
    )
