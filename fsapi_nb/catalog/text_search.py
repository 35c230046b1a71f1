"""Text search: configurations with their mappings, dictionaries, parsers, templates."""

from __future__ import annotations

from fsapi_nb.catalog.kinds import NOTHING, KindQuery, fields

_CONFIGURATIONS = """
    SELECT c.oid AS object,
           ('CREATE TEXT SEARCH CONFIGURATION WITH PARSER ' || (
                SELECT format('%%I.%%I', n.nspname, p.prsname) FROM pg_catalog.pg_ts_parser p
                JOIN pg_catalog.pg_namespace n ON n.oid = p.prsnamespace WHERE p.oid = c.cfgparser))
           || (SELECT array_agg(format('    %%s: %%s', kind, dictionaries) ORDER BY kind COLLATE "C") FROM (
                 SELECT (SELECT alias FROM ts_token_type(c.cfgparser) WHERE tokid = m.maptokentype) AS kind,
                        string_agg(m.mapdict::regdictionary::text, ', ' ORDER BY m.mapseqno) AS dictionaries
                 FROM pg_catalog.pg_ts_config_map m WHERE m.mapcfg = c.oid GROUP BY m.maptokentype) AS mappings) AS body,
           c.cfgowner AS owner, NULL::"char" AS acl_kind, NULL::aclitem[] AS privileges, NULL::text[] AS columns
    FROM pg_catalog.pg_ts_config c WHERE c.cfgnamespace = ANY(%(spaces)s)
"""
_DICTIONARIES = """
    SELECT d.oid AS object,
           ARRAY['CREATE TEXT SEARCH DICTIONARY',
                 (SELECT format('    TEMPLATE = %%I.%%I', n.nspname, t.tmplname) FROM pg_catalog.pg_ts_template t
                  JOIN pg_catalog.pg_namespace n ON n.oid = t.tmplnamespace WHERE t.oid = d.dicttemplate),
                 '    ' || d.dictinitoption] AS body,
           d.dictowner AS owner, NULL::"char" AS acl_kind, NULL::aclitem[] AS privileges, NULL::text[] AS columns
    FROM pg_catalog.pg_ts_dict d WHERE d.dictnamespace = ANY(%(spaces)s)
"""
_PARSERS = f"""
    SELECT p.oid AS object,
           'CREATE TEXT SEARCH PARSER'::text || {fields("p", "prsname", "prsnamespace")} AS body, {NOTHING}
    FROM pg_catalog.pg_ts_parser p WHERE p.prsnamespace = ANY(%(spaces)s)
"""
_TEMPLATES = f"""
    SELECT t.oid AS object,
           'CREATE TEXT SEARCH TEMPLATE'::text || {fields("t", "tmplname", "tmplnamespace")} AS body, {NOTHING}
    FROM pg_catalog.pg_ts_template t WHERE t.tmplnamespace = ANY(%(spaces)s)
"""


def queries(_version: int) -> tuple[KindQuery, ...]:
    """Return the queries; the same for every server."""
    return (
        KindQuery("pg_ts_config", _CONFIGURATIONS),
        KindQuery("pg_ts_dict", _DICTIONARIES),
        KindQuery("pg_ts_parser", _PARSERS),
        KindQuery("pg_ts_template", _TEMPLATES),
    )
