"""Queries of types, domains with their constraints, collations and conversions."""

from __future__ import annotations

from fsapi_nb.catalog.ddl.query_parts import NOTHING, DefinitionQuery, in_brackets

_NAME = "format_type(t.oid, NULL)"
_TYPE = """
    SELECT t.oid AS object, jsonb_build_object(
               'reference', '{word} ' || format_type(t.oid, NULL), 'grant', 'TYPE ' || format_type(t.oid, NULL), {facts})
           AS facts, t.typowner AS owner, 'T'::"char" AS acl_kind, t.typacl AS privileges
    FROM pg_type t {join}
    WHERE t.typnamespace = ANY(%(spaces)s) AND (%(type)s::oid IS NULL OR t.oid = %(type)s) AND {condition}
"""
_ENUMS = _TYPE.format(
    word="TYPE",
    facts=f"""'create', ARRAY[concat('CREATE TYPE ', {_NAME}, ' AS ENUM (',
        (SELECT string_agg(E'\\n    ' || quote_literal(enumlabel), ',' ORDER BY enumsortorder)
         FROM pg_enum WHERE enumtypid = t.oid), E'\\n)')]""",
    join="",
    condition="t.typtype = 'e'",
)
_COMPOSITES = _TYPE.format(
    word="TYPE",
    facts=f"""'create', ARRAY[concat('CREATE TYPE ', {_NAME}, ' AS (',
        (SELECT string_agg(E'\\n    ' || concat_ws(' ', quote_ident(a.attname), format_type(a.atttypid, a.atttypmod),
             CASE WHEN a.attcollation NOT IN (0, u.typcollation) THEN 'COLLATE ' || a.attcollation::regcollation END),
             ',' ORDER BY a.attnum)
         FROM pg_attribute a JOIN pg_type u ON u.oid = a.atttypid
         WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped), E'\\n)')],
        'after', (SELECT array_agg(format('COMMENT ON COLUMN %%s.%%I IS %%L', {_NAME}, a.attname,
                         col_description(a.attrelid, a.attnum)) ORDER BY a.attnum)
                  FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                    AND col_description(a.attrelid, a.attnum) <> '')""",
    join="JOIN pg_class c ON c.oid = t.typrelid",
    condition="t.typtype = 'c' AND c.relkind = 'c'",
)
# NOT NULL of a domain is a constraint with a name from PostgreSQL 17 on.
_DOMAINS = _TYPE.format(
    word="DOMAIN",
    facts=f"""'head', 'CREATE DOMAIN ' || {_NAME} || ' AS ' || concat_ws(' ', format_type(t.typbasetype, t.typtypmod),
            CASE WHEN t.typcollation NOT IN (0, b.typcollation) THEN 'COLLATE ' || t.typcollation::regcollation END,
            'DEFAULT ' || coalesce(pg_get_expr(t.typdefaultbin, 'pg_type'::regclass), t.typdefault),
            CASE WHEN t.typnotnull AND n.oid IS NULL THEN 'NOT NULL' END),
        'separator', E'\\n    '""",
    join="""JOIN pg_type b ON b.oid = t.typbasetype
            LEFT JOIN pg_constraint n ON n.contypid = t.oid AND n.contype = 'n'""",
    condition="t.typtype = 'd'",
)
_DOMAIN_CONSTRAINTS = f"""
    SELECT o.oid AS object, jsonb_build_object(
               'reference', format('CONSTRAINT %%I ON DOMAIN %%s', o.conname, {_NAME}),
               'parent', jsonb_build_array('pg_type', t.oid),
               'inline', CASE WHEN o.convalidated
                         THEN jsonb_build_array(0, format('CONSTRAINT %%I %%s', o.conname, pg_get_constraintdef(o.oid))) END,
               'create', ARRAY[format('ALTER DOMAIN %%s ADD CONSTRAINT %%I %%s', {_NAME}, o.conname,
                                      pg_get_constraintdef(o.oid))],
               'drop', format('ALTER DOMAIN %%s DROP CONSTRAINT %%I', {_NAME}, o.conname)) AS facts, {NOTHING}
    FROM pg_constraint o JOIN pg_type t ON t.oid = o.contypid
    WHERE t.typnamespace = ANY(%(spaces)s) AND (%(type)s::oid IS NULL OR t.oid = %(type)s)
"""
_SHELL = f"ARRAY['CREATE TYPE ' || {_NAME}]"
_RANGE_OPTIONS = in_brackets(
    "'SUBTYPE = ' || format_type(r.rngsubtype, NULL)",
    """(SELECT format('SUBTYPE_OPCLASS = %%I.%%I', n.nspname, o.opcname) FROM pg_opclass o
           JOIN pg_namespace n ON n.oid = o.opcnamespace WHERE o.oid = r.rngsubopc AND NOT o.opcdefault)""",
    """CASE WHEN r.rngcollation <> (SELECT typcollation FROM pg_type WHERE oid = r.rngsubtype)
         THEN 'COLLATION = ' || r.rngcollation::regcollation END""",
    "CASE WHEN r.rngcanonical <> 0 THEN 'CANONICAL = ' || r.rngcanonical::regproc END",
    "CASE WHEN r.rngsubdiff <> 0 THEN 'SUBTYPE_DIFF = ' || r.rngsubdiff::regproc END",
    "'MULTIRANGE_TYPE_NAME = ' || format_type(r.rngmultitypid, NULL)",
)
_RANGE = f"""
    ARRAY[concat('CREATE TYPE ', {_NAME}, ' AS RANGE', {_RANGE_OPTIONS})]
"""
_RANGES = _TYPE.format(
    word="TYPE",
    facts=f"'create', {_RANGE}, 'stub', {_SHELL}, 'full', {_RANGE}",
    join="JOIN pg_range r ON r.rngtypid = t.oid",
    condition="t.typtype = 'r'",
)
_BASE_OPTIONS = in_brackets(
    "'INPUT = ' || t.typinput::regproc",
    "'OUTPUT = ' || t.typoutput::regproc",
    "'RECEIVE = ' || nullif(t.typreceive, 0::regproc)::regproc",
    "'SEND = ' || nullif(t.typsend, 0::regproc)::regproc",
    "'TYPMOD_IN = ' || nullif(t.typmodin, 0::regproc)::regproc",
    "'TYPMOD_OUT = ' || nullif(t.typmodout, 0::regproc)::regproc",
    "'ANALYZE = ' || nullif(t.typanalyze, 0::regproc)::regproc",
    "'SUBSCRIPT = ' || nullif(to_jsonb(t) ->> 'typsubscript', '-')",
    "'INTERNALLENGTH = ' || CASE t.typlen WHEN -1 THEN 'VARIABLE' ELSE t.typlen::text END",
    "CASE WHEN t.typbyval THEN 'PASSEDBYVALUE' END",
    """\'ALIGNMENT = ' || CASE t.typalign WHEN 'c' THEN 'char' WHEN 's' THEN 'int2' WHEN 'i' THEN 'int4'
           ELSE 'double' END""",
    """\'STORAGE = ' || CASE t.typstorage WHEN 'p' THEN 'plain' WHEN 'm' THEN 'main' WHEN 'e' THEN 'external'
           ELSE 'extended' END""",
    "'CATEGORY = ' || quote_literal(t.typcategory::text)",
    "CASE WHEN t.typispreferred THEN 'PREFERRED = true' END",
    "'DEFAULT = ' || quote_literal(t.typdefault)",
    "'ELEMENT = ' || format_type(nullif(t.typelem, 0), NULL)",
    "CASE WHEN t.typdelim <> ',' THEN 'DELIMITER = ' || quote_literal(t.typdelim::text) END",
    "CASE WHEN t.typcollation <> 0 THEN 'COLLATABLE = true' END",
)
_BASE = f"""
    CASE WHEN t.typisdefined THEN ARRAY[concat('CREATE TYPE ', {_NAME}, {_BASE_OPTIONS})] ELSE {_SHELL} END
"""
_BASES = _TYPE.format(
    word="TYPE",
    facts=f"'create', {_BASE}, 'stub', {_SHELL}, 'full', {_BASE}",
    join="",
    condition="t.typtype IN ('b', 'p') AND NOT EXISTS (SELECT FROM pg_type e WHERE e.typarray = t.oid)",
)
# What a provider's locale is called has changed from version to version, and so have its columns.
_COLLATIONS = """
    SELECT c.oid AS object, jsonb_build_object(
               'reference', format('COLLATION %%I.%%I', n.nspname, c.collname),
               'create', ARRAY[format('CREATE COLLATION %%I.%%I (%%s)', n.nspname, c.collname, concat_ws(', ',
                   CASE c.collprovider WHEN 'i' THEN 'PROVIDER = icu' WHEN 'b' THEN 'PROVIDER = builtin' END,
                   CASE WHEN c.collprovider <> 'c' THEN 'LOCALE = ' || quote_literal(coalesce(
                       f ->> 'colllocale', f ->> 'colliculocale', f ->> 'collcollate'))
                        WHEN c.collcollate = c.collctype THEN 'LOCALE = ' || quote_literal(c.collcollate)
                        ELSE format('LC_COLLATE = %%L, LC_CTYPE = %%L', c.collcollate, c.collctype) END,
                   'RULES = ' || quote_literal(f ->> 'collicurules'),
                   CASE WHEN NOT c.collisdeterministic THEN 'DETERMINISTIC = false' END))]) AS facts,
           c.collowner AS owner, NULL::"char" AS acl_kind, NULL::aclitem[] AS privileges
    FROM pg_collation c JOIN pg_namespace n ON n.oid = c.collnamespace CROSS JOIN LATERAL to_jsonb(c) AS f
    WHERE c.collnamespace = ANY(%(spaces)s)
"""
_CONVERSIONS = """
    SELECT c.oid AS object, jsonb_build_object(
               'reference', format('CONVERSION %%I.%%I', n.nspname, c.conname),
               'create', ARRAY[format('CREATE %%sCONVERSION %%I.%%I FOR %%L TO %%L FROM %%s',
                   CASE WHEN c.condefault THEN 'DEFAULT ' END, n.nspname, c.conname,
                   pg_encoding_to_char(c.conforencoding), pg_encoding_to_char(c.contoencoding), c.conproc)]) AS facts,
           c.conowner AS owner, NULL::"char" AS acl_kind, NULL::aclitem[] AS privileges
    FROM pg_conversion c JOIN pg_namespace n ON n.oid = c.connamespace
    WHERE c.connamespace = ANY(%(spaces)s)
"""


def queries(_version: int) -> tuple[DefinitionQuery, ...]:
    """Return the queries; the same for every server."""
    return (
        *(DefinitionQuery("pg_type", query) for query in (_ENUMS, _COMPOSITES, _DOMAINS, _RANGES, _BASES)),
        DefinitionQuery("pg_constraint", _DOMAIN_CONSTRAINTS),
        DefinitionQuery("pg_collation", _COLLATIONS),
        DefinitionQuery("pg_conversion", _CONVERSIONS),
    )
