"""Queries of text search: configurations with their mappings, dictionaries, parsers, templates."""

from __future__ import annotations

from fsapi_nb.catalog.ddl.query_parts import NOTHING, DefinitionQuery, in_brackets

_CONFIGURATIONS = """
    SELECT c.oid AS object, jsonb_build_object(
               'reference', name,
               'create', ARRAY[format('CREATE %%s (PARSER = %%I.%%I)', name, m.nspname, p.prsname)],
               'after', (SELECT array_agg(format('ALTER %%s ADD MAPPING FOR %%s WITH %%s', name, kind, dictionaries)
                                          ORDER BY kind COLLATE "C") FROM (
                    SELECT (SELECT quote_ident(alias) FROM ts_token_type(c.cfgparser) WHERE tokid = m.maptokentype) AS kind,
                           string_agg(m.mapdict::regdictionary::text, ', ' ORDER BY m.mapseqno) AS dictionaries
                    FROM pg_ts_config_map m WHERE m.mapcfg = c.oid GROUP BY m.maptokentype) AS mappings)) AS facts,
           c.cfgowner AS owner, NULL::"char" AS acl_kind, NULL::aclitem[] AS privileges
    FROM pg_ts_config c JOIN pg_namespace n ON n.oid = c.cfgnamespace
    JOIN pg_ts_parser p ON p.oid = c.cfgparser JOIN pg_namespace m ON m.oid = p.prsnamespace
    CROSS JOIN LATERAL format('TEXT SEARCH CONFIGURATION %%I.%%I', n.nspname, c.cfgname) AS name
    WHERE c.cfgnamespace = ANY(%(spaces)s)
"""
_DICTIONARIES = """
    SELECT d.oid AS object, jsonb_build_object(
               'reference', name,
               'create', ARRAY[format('CREATE %%s (%%s)', name, concat_ws(', ',
                   (SELECT format('TEMPLATE = %%I.%%I', n.nspname, t.tmplname) FROM pg_ts_template t
                    JOIN pg_namespace n ON n.oid = t.tmplnamespace WHERE t.oid = d.dicttemplate), d.dictinitoption))])
           AS facts, d.dictowner AS owner, NULL::"char" AS acl_kind, NULL::aclitem[] AS privileges
    FROM pg_ts_dict d JOIN pg_namespace n ON n.oid = d.dictnamespace
    CROSS JOIN LATERAL format('TEXT SEARCH DICTIONARY %%I.%%I', n.nspname, d.dictname) AS name
    WHERE d.dictnamespace = ANY(%(spaces)s)
"""
_PARSER_OPTIONS = in_brackets(
    "'START = ' || p.prsstart",
    "'GETTOKEN = ' || p.prstoken",
    "'END = ' || p.prsend",
    "'LEXTYPES = ' || p.prslextype",
    "'HEADLINE = ' || nullif(p.prsheadline, 0::regproc)::regproc",
)
_PARSERS = f"""
    SELECT p.oid AS object, jsonb_build_object(
               'reference', name,
               'create', ARRAY[concat('CREATE ', name, {_PARSER_OPTIONS})]) AS facts, {NOTHING}
    FROM pg_ts_parser p JOIN pg_namespace n ON n.oid = p.prsnamespace
    CROSS JOIN LATERAL format('TEXT SEARCH PARSER %%I.%%I', n.nspname, p.prsname) AS name
    WHERE p.prsnamespace = ANY(%(spaces)s)
"""
_TEMPLATES = f"""
    SELECT t.oid AS object, jsonb_build_object(
               'reference', name,
               'create', ARRAY[concat('CREATE ', name, ' (', concat_ws(', ',
                   'INIT = ' || nullif(t.tmplinit, 0::regproc)::regproc, 'LEXIZE = ' || t.tmpllexize), ')')]) AS facts, {NOTHING}
    FROM pg_ts_template t JOIN pg_namespace n ON n.oid = t.tmplnamespace
    CROSS JOIN LATERAL format('TEXT SEARCH TEMPLATE %%I.%%I', n.nspname, t.tmplname) AS name
    WHERE t.tmplnamespace = ANY(%(spaces)s)
"""


def queries(_version: int) -> tuple[DefinitionQuery, ...]:
    """Return the queries; the same for every server."""
    return (
        DefinitionQuery("pg_ts_config", _CONFIGURATIONS),
        DefinitionQuery("pg_ts_dict", _DICTIONARIES),
        DefinitionQuery("pg_ts_parser", _PARSERS),
        DefinitionQuery("pg_ts_template", _TEMPLATES),
    )
