"""Queries of privileges on what belongs to extensions, where they are others than the extension has given."""

from __future__ import annotations

from fsapi_nb.catalog.ddl.query_parts import DefinitionQuery, grants

_CHANGED = grants("m.privileges", "m.defaults", "m.owner")
_MEMBERS = f"""
    SELECT m.object, known.type, known.identity,
           jsonb_build_object('reference', '', 'grant', m.words, 'create', '{{{{}}}}'::text[], 'drop', ''),
           NULL::text, {_CHANGED}, NULL::text, NULL::jsonb, NULL::text[]
    FROM (
        SELECT x.oid AS object, x.{{owner}} AS owner, coalesce(x.{{acl}}, acldefault({{kind}}, x.{{owner}})) AS privileges,
               coalesce(i.initprivs, acldefault({{kind}}, x.{{owner}})) AS defaults, {{words}} AS words
        FROM {{catalog}} x
        JOIN pg_depend d ON d.classid = '{{catalog}}'::regclass AND d.objid = x.oid AND d.deptype = 'e'
        JOIN pg_extension e ON e.oid = d.refobjid AND d.refclassid = 'pg_extension'::regclass
        LEFT JOIN pg_init_privs i ON i.objoid = x.oid AND i.classoid = '{{catalog}}'::regclass AND i.objsubid = 0
        WHERE x.{{acl}} IS DISTINCT FROM i.initprivs AND (%(everything)s OR e.extnamespace = ANY(%(spaces)s)) {{more}}
    ) AS m
    CROSS JOIN LATERAL pg_identify_object('{{catalog}}'::regclass, m.object, 0) AS known
    WHERE {_CHANGED} IS NOT NULL
"""


def _members(catalog: str, owner: str, acl: str, kind: str, words: str, more: str = "") -> DefinitionQuery:
    text = _MEMBERS.format(catalog=catalog, owner=owner, acl=acl, kind=kind, words=words, more=more)
    return DefinitionQuery(catalog, text, whole=True)


def queries(_version: int) -> tuple[DefinitionQuery, ...]:
    """Return the queries; the same for every server."""
    return (
        _members(
            "pg_proc",
            "proowner",
            "proacl",
            "'f'",
            """format('%%s %%s.%%I(%%s)', CASE x.prokind WHEN 'p' THEN 'PROCEDURE' ELSE 'FUNCTION' END,
                      x.pronamespace::regnamespace, x.proname, pg_get_function_identity_arguments(x.oid))""",
        ),
        _members(
            "pg_class",
            "relowner",
            "relacl",
            """CASE x.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char\"""",
            "concat(CASE x.relkind WHEN 'S' THEN 'SEQUENCE ' ELSE 'TABLE ' END, x.oid::regclass)",
            "AND x.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')",
        ),
        _members("pg_type", "typowner", "typacl", "'T'", "'TYPE ' || format_type(x.oid, NULL)"),
        _members(
            "pg_foreign_data_wrapper",
            "fdwowner",
            "fdwacl",
            "'F'",
            "'FOREIGN DATA WRAPPER ' || quote_ident(x.fdwname)",
        ),
    )
