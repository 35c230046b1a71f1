"""Types, domains, collations and conversions. Row types, arrays and multiranges go with what they were made for."""

from __future__ import annotations

from fsapi_nb.catalog.kinds import KindQuery, fields

_TYPE = """
    SELECT t.oid AS object, {body} AS body,
           t.typowner AS owner, 'T'::"char" AS acl_kind, t.typacl AS privileges, NULL::text[] AS columns
    FROM pg_catalog.pg_type t {join}
    WHERE t.typnamespace = ANY(%(spaces)s) AND {condition}
"""
_NAME = "format_type(t.oid, NULL)"
_ENUMS = _TYPE.format(
    body=f"""
        ('CREATE TYPE ' || {_NAME} || ' AS ENUM (')
        || (SELECT array_agg('    ' || quote_literal(enumlabel) ORDER BY enumsortorder)
            FROM pg_catalog.pg_enum WHERE enumtypid = t.oid) || ARRAY[')']
    """,
    join="",
    condition="t.typtype = 'e'",
)
_COMPOSITES = _TYPE.format(
    body=f"""
        ('CREATE TYPE ' || {_NAME} || ' AS (')
        || (SELECT array_agg(concat_ws(' ', '   ', quote_ident(a.attname), format_type(a.atttypid, a.atttypmod),
                CASE WHEN a.attcollation NOT IN (0, u.typcollation) THEN 'COLLATE ' || a.attcollation::regcollation END,
                'COMMENT ' || quote_literal(col_description(a.attrelid, a.attnum))) ORDER BY a.attnum)
            FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type u ON u.oid = a.atttypid
            WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) || ARRAY[')']
    """,
    join="JOIN pg_catalog.pg_class c ON c.oid = t.typrelid",
    condition="t.typtype = 'c' AND c.relkind = 'c'",
)
_DOMAINS = _TYPE.format(
    body=f"""
        ARRAY['CREATE DOMAIN ' || {_NAME} || ' AS ' || format_type(t.typbasetype, t.typtypmod),
              CASE WHEN t.typcollation NOT IN (0, b.typcollation) THEN '    COLLATE ' || t.typcollation::regcollation END,
              '    DEFAULT ' || t.typdefault, CASE WHEN t.typnotnull THEN '    NOT NULL' END]
        || (SELECT array_agg(concat('    CONSTRAINT ', quote_ident(conname), ' ', pg_get_constraintdef(oid),
                                    ' COMMENT ' || quote_literal(obj_description(oid, 'pg_constraint')))
                             ORDER BY conname COLLATE "C")
            FROM pg_catalog.pg_constraint
            WHERE contypid = t.oid AND (contype <> 'n' OR conname <> concat(t.typname, '_not_null')))
    """,
    join="JOIN pg_catalog.pg_type b ON b.oid = t.typbasetype",
    condition="t.typtype = 'd'",
)
_RANGES = _TYPE.format(
    body=f"""
        ARRAY['CREATE TYPE ' || {_NAME} || ' AS RANGE (',
              '    SUBTYPE = ' || format_type(r.rngsubtype, NULL),
              (SELECT format('    SUBTYPE_OPCLASS = %%I.%%I', n.nspname, o.opcname) FROM pg_catalog.pg_opclass o
               JOIN pg_catalog.pg_namespace n ON n.oid = o.opcnamespace WHERE o.oid = r.rngsubopc),
              CASE WHEN r.rngcollation <> 0 THEN '    COLLATION = ' || r.rngcollation::regcollation END,
              CASE WHEN r.rngcanonical <> 0 THEN '    CANONICAL = ' || r.rngcanonical::regproc END,
              CASE WHEN r.rngsubdiff <> 0 THEN '    SUBTYPE_DIFF = ' || r.rngsubdiff::regproc END,
              '    MULTIRANGE_TYPE_NAME = ' || format_type(r.rngmultitypid, NULL), ')']
    """,
    join="JOIN pg_catalog.pg_range r ON r.rngtypid = t.oid",
    condition="t.typtype = 'r'",
)
_OIDS_OF_TYPE = ("typname", "typnamespace", "typowner", "typrelid", "typelem", "typarray", "typbasetype", "typacl")
_BASES = _TYPE.format(
    body=f"""
        ('CREATE TYPE ' || {_NAME}) || {fields("t", *_OIDS_OF_TYPE, "typcollation", "typdefaultbin")}
        || ARRAY[CASE WHEN t.typelem <> 0 THEN '    ELEMENT = ' || format_type(t.typelem, NULL) END,
                 CASE WHEN t.typcollation <> 0 THEN '    COLLATABLE' END]
    """,
    join="",
    condition="t.typtype IN ('b', 'p') AND NOT EXISTS (SELECT FROM pg_catalog.pg_type e WHERE e.typarray = t.oid)",
)
# Servers before 15 keep the locale of ICU where that of libc is; those before 17 call it by another name.
_COLLATION = """
    SELECT c.collprovider AS provider, c.collisdeterministic AS deterministic, c.collencoding AS encoding,
           coalesce(r ->> 'colllocale', r ->> 'colliculocale', CASE c.collprovider WHEN 'i' THEN c.collcollate END) AS locale,
           CASE WHEN c.collprovider <> 'i' THEN c.collcollate END AS collate,
           CASE WHEN c.collprovider <> 'i' THEN c.collctype END AS ctype, r ->> 'collicurules' AS rules
    FROM to_jsonb(c) AS r
"""
_COLLATIONS = f"""
    SELECT c.oid AS object,
           'CREATE COLLATION'::text || (SELECT {fields("said")} FROM ({_COLLATION}) AS said) AS body,
           c.collowner AS owner, NULL::"char" AS acl_kind, NULL::aclitem[] AS privileges, NULL::text[] AS columns
    FROM pg_catalog.pg_collation c WHERE c.collnamespace = ANY(%(spaces)s)
"""
_CONVERSIONS = f"""
    SELECT c.oid AS object,
           'CREATE CONVERSION'::text || {fields("c", "conname", "connamespace", "conowner")} AS body,
           c.conowner AS owner, NULL::"char" AS acl_kind, NULL::aclitem[] AS privileges, NULL::text[] AS columns
    FROM pg_catalog.pg_conversion c WHERE c.connamespace = ANY(%(spaces)s)
"""


def queries(_version: int) -> tuple[KindQuery, ...]:
    """Return the queries; the same for every server."""
    return (
        *(KindQuery("pg_type", query) for query in (_ENUMS, _COMPOSITES, _DOMAINS, _RANGES, _BASES)),
        KindQuery("pg_collation", _COLLATIONS),
        KindQuery("pg_conversion", _CONVERSIONS),
    )
