"""Queries of functions, procedures, aggregates, operators with their classes and families, and casts."""

from __future__ import annotations

from fsapi_nb.catalog.ddl.query_parts import NOTHING, DefinitionQuery, in_brackets

_ARGUMENTS = "pg_get_function_identity_arguments(p.oid)"
_ROUTINE = "format('%%I.%%I(%%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid))"
# A body that the server has parsed may refer to what refers to the function: such a one is made first without it.
_FUNCTIONS = f"""
    SELECT p.oid AS object, jsonb_build_object(
               'reference', concat(word, ' ', {_ROUTINE}),
               'create', ARRAY[definition], 'full', CASE WHEN body IS NOT NULL THEN ARRAY[definition] END,
               'stub', CASE WHEN body IS NOT NULL
                       THEN ARRAY[left(definition, length(definition) - length(body)) || $$ AS 'SELECT'$$] END) AS facts,
           p.proowner AS owner, 'f'::"char" AS acl_kind, p.proacl AS privileges
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    CROSS JOIN LATERAL rtrim(pg_get_functiondef(p.oid), E'\\n') AS definition
    CROSS JOIN LATERAL rtrim(pg_get_function_sqlbody(p.oid), E'\\n') AS body
    CROSS JOIN LATERAL (SELECT CASE p.prokind WHEN 'p' THEN 'PROCEDURE' ELSE 'FUNCTION' END AS word) AS w
    WHERE p.pronamespace = ANY(%(spaces)s) AND p.prokind <> 'a'
"""
_MODIFY = "CASE {0} WHEN 'r' THEN 'READ_ONLY' WHEN 's' THEN 'SHAREABLE' ELSE 'READ_WRITE' END"
_ORDINARY = "CASE a.aggkind WHEN 'n' THEN 'r' ELSE 'w' END"
_AGGREGATE_OPTIONS = in_brackets(
    "'SFUNC = ' || a.aggtransfn",
    "'STYPE = ' || format_type(a.aggtranstype, NULL)",
    "'SSPACE = ' || nullif(a.aggtransspace, 0)",
    "'FINALFUNC = ' || nullif(a.aggfinalfn, 0::regproc)::regproc",
    "CASE WHEN a.aggfinalextra THEN 'FINALFUNC_EXTRA' END",
    f"CASE WHEN a.aggfinalmodify <> {_ORDINARY} THEN 'FINALFUNC_MODIFY = ' || {_MODIFY.format('a.aggfinalmodify')} END",
    "'COMBINEFUNC = ' || nullif(a.aggcombinefn, 0::regproc)::regproc",
    "'SERIALFUNC = ' || nullif(a.aggserialfn, 0::regproc)::regproc",
    "'DESERIALFUNC = ' || nullif(a.aggdeserialfn, 0::regproc)::regproc",
    "'INITCOND = ' || quote_literal(a.agginitval)",
    "'MSFUNC = ' || nullif(a.aggmtransfn, 0::regproc)::regproc",
    "'MINVFUNC = ' || nullif(a.aggminvtransfn, 0::regproc)::regproc",
    "'MSTYPE = ' || format_type(nullif(a.aggmtranstype, 0), NULL)",
    "'MSSPACE = ' || nullif(a.aggmtransspace, 0)",
    "'MFINALFUNC = ' || nullif(a.aggmfinalfn, 0::regproc)::regproc",
    "CASE WHEN a.aggmfinalextra THEN 'MFINALFUNC_EXTRA' END",
    f"CASE WHEN a.aggmfinalmodify <> {_ORDINARY}"
    f" THEN 'MFINALFUNC_MODIFY = ' || {_MODIFY.format('a.aggmfinalmodify')} END",
    "'MINITCOND = ' || quote_literal(a.aggminitval)",
    """(SELECT format('SORTOP = OPERATOR(%%I.%%s)', m.nspname, o.oprname) FROM pg_operator o
        JOIN pg_namespace m ON m.oid = o.oprnamespace WHERE o.oid = a.aggsortop)""",
    "CASE p.proparallel WHEN 's' THEN 'PARALLEL = SAFE' WHEN 'r' THEN 'PARALLEL = RESTRICTED' END",
    "CASE WHEN a.aggkind = 'h' THEN 'HYPOTHETICAL' END",
)
_AGGREGATES = f"""
    SELECT p.oid AS object, jsonb_build_object(
               'reference', 'AGGREGATE ' || signature, 'grant', 'FUNCTION ' || {_ROUTINE},
               'create', ARRAY[concat('CREATE AGGREGATE ', signature, {_AGGREGATE_OPTIONS})]) AS facts,
           p.proowner AS owner, 'f'::"char" AS acl_kind, p.proacl AS privileges
    FROM pg_proc p JOIN pg_aggregate a ON a.aggfnoid = p.oid JOIN pg_namespace n ON n.oid = p.pronamespace
    CROSS JOIN LATERAL (SELECT format('%%I.%%I(%%s)', n.nspname, p.proname, CASE p.pronargs WHEN 0 THEN '*'
                                      ELSE pg_get_function_arguments(p.oid) END) AS signature) AS s
    WHERE p.pronamespace = ANY(%(spaces)s)
"""
_OPERATOR = """
    (SELECT format('OPERATOR(%%I.%%s)', m.nspname, other.oprname) FROM pg_operator other
     JOIN pg_namespace m ON m.oid = other.oprnamespace WHERE other.oid = {0})
"""
_OPERATOR_OPTIONS = in_brackets(
    "'FUNCTION = ' || o.oprcode",
    "'LEFTARG = ' || format_type(nullif(o.oprleft, 0), NULL)",
    "'RIGHTARG = ' || format_type(nullif(o.oprright, 0), NULL)",
    "'COMMUTATOR = ' || " + _OPERATOR.format("o.oprcom"),
    "'NEGATOR = ' || " + _OPERATOR.format("o.oprnegate"),
    "'RESTRICT = ' || nullif(o.oprrest, 0::regproc)::regproc",
    "'JOIN = ' || nullif(o.oprjoin, 0::regproc)::regproc",
    "CASE WHEN o.oprcanhash THEN 'HASHES' END",
    "CASE WHEN o.oprcanmerge THEN 'MERGES' END",
)
_OPERATORS = f"""
    SELECT o.oid AS object, jsonb_build_object(
               'reference', format('OPERATOR %%I.%%s (%%s, %%s)', n.nspname, o.oprname,
                   coalesce(format_type(nullif(o.oprleft, 0), NULL), 'NONE'), format_type(o.oprright, NULL)),
               'unwritten', CASE WHEN o.oprcode = 0 THEN 'it is a shell: another operator refers to it' END,
               'create', CASE WHEN o.oprcode <> 0 THEN ARRAY[
                   format('CREATE OPERATOR %%I.%%s', n.nspname, o.oprname) || {_OPERATOR_OPTIONS}] END) AS facts,
           o.oprowner AS owner, NULL::"char" AS acl_kind, NULL::aclitem[] AS privileges
    FROM pg_operator o JOIN pg_namespace n ON n.oid = o.oprnamespace WHERE o.oprnamespace = ANY(%(spaces)s)
"""
# What belongs to a class stands in it, what was added to the family by itself in the family.
_MEMBERS = """
    (SELECT array_agg(line ORDER BY line COLLATE "C") FROM (
        SELECT format('OPERATOR %%s %%I.%%s (%%s, %%s)%%s', m.amopstrategy, s.nspname, x.oprname,
                      format_type(m.amoplefttype, NULL), format_type(m.amoprighttype, NULL),
                      (SELECT format(' FOR ORDER BY %%I.%%I', k.nspname, f.opfname) FROM pg_opfamily f
                       JOIN pg_namespace k ON k.oid = f.opfnamespace WHERE f.oid = m.amopsortfamily))
        FROM pg_amop m JOIN pg_operator x ON x.oid = m.amopopr JOIN pg_namespace s ON s.oid = x.oprnamespace
        WHERE {amop}
        UNION ALL
        SELECT format('FUNCTION %%s (%%s, %%s) %%s', m.amprocnum, format_type(m.amproclefttype, NULL),
                      format_type(m.amprocrighttype, NULL), m.amproc::regprocedure)
        FROM pg_amproc m WHERE {amproc}) AS members(line))
"""
_TIED = """
    EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_{0}'::regclass AND d.objid = m.oid AND d.deptype = 'i'
            AND d.refclassid = 'pg_opclass'::regclass {1})
"""
_OF_CLASS = _MEMBERS.format(
    amop=_TIED.format("amop", "AND d.refobjid = o.oid"), amproc=_TIED.format("amproc", "AND d.refobjid = o.oid")
)
_OF_FAMILY = _MEMBERS.format(
    amop="m.amopfamily = f.oid AND NOT " + _TIED.format("amop", ""),
    amproc="m.amprocfamily = f.oid AND NOT " + _TIED.format("amproc", ""),
)
_CLASSES = f"""
    SELECT o.oid AS object, jsonb_build_object(
               'reference', format('OPERATOR CLASS %%I.%%I USING %%I', n.nspname, o.opcname, m.amname),
               'create', ARRAY[format(E'CREATE OPERATOR CLASS %%I.%%I%%s FOR TYPE %%s USING %%I FAMILY %%I.%%I AS\\n    %%s',
                   n.nspname, o.opcname, CASE WHEN o.opcdefault THEN ' DEFAULT' END, format_type(o.opcintype, NULL), m.amname,
                   k.nspname, f.opfname, array_to_string(
                       coalesce({_OF_CLASS}, CASE WHEN o.opckeytype = 0
                                             THEN ARRAY['STORAGE ' || format_type(o.opcintype, NULL)] END)
                       || CASE WHEN o.opckeytype <> 0 THEN ARRAY['STORAGE ' || format_type(o.opckeytype, NULL)] END,
                       E',\\n    '))]) AS facts,
           o.opcowner AS owner, NULL::"char" AS acl_kind, NULL::aclitem[] AS privileges
    FROM pg_opclass o JOIN pg_namespace n ON n.oid = o.opcnamespace JOIN pg_am m ON m.oid = o.opcmethod
    JOIN pg_opfamily f ON f.oid = o.opcfamily JOIN pg_namespace k ON k.oid = f.opfnamespace
    WHERE o.opcnamespace = ANY(%(spaces)s)
"""
_FAMILIES = f"""
    SELECT f.oid AS object, jsonb_build_object(
               'reference', name, 'create', ARRAY['CREATE ' || name],
               'later', CASE WHEN {_OF_FAMILY} IS NOT NULL THEN jsonb_build_object(
                   'kind', 'members of operator family', 'parent', jsonb_build_array('pg_opfamily', f.oid),
                   'create', ARRAY[concat('ALTER ', name, E' ADD\\n    ', array_to_string({_OF_FAMILY}, E',\\n    '))],
                   'drop', '') END) AS facts,
           f.opfowner AS owner, NULL::"char" AS acl_kind, NULL::aclitem[] AS privileges
    FROM pg_opfamily f JOIN pg_namespace n ON n.oid = f.opfnamespace JOIN pg_am a ON a.oid = f.opfmethod
    CROSS JOIN LATERAL format('OPERATOR FAMILY %%I.%%I USING %%I', n.nspname, f.opfname, a.amname) AS name
    WHERE f.opfnamespace = ANY(%(spaces)s)
"""
_CASTS = f"""
    SELECT c.oid AS object, jsonb_build_object(
               'reference', name,
               'create', ARRAY[concat('CREATE ', name, ' ', CASE c.castmethod WHEN 'b' THEN 'WITHOUT FUNCTION'
                   WHEN 'i' THEN 'WITH INOUT' ELSE 'WITH FUNCTION ' || c.castfunc::regprocedure END,
                   CASE c.castcontext WHEN 'a' THEN ' AS ASSIGNMENT' WHEN 'i' THEN ' AS IMPLICIT' END)]) AS facts, {NOTHING}
    FROM pg_cast c
    CROSS JOIN LATERAL format('CAST (%%s AS %%s)', format_type(c.castsource, NULL), format_type(c.casttarget, NULL)) AS name
    WHERE c.oid >= 16384 AND (%(everything)s OR EXISTS (
        SELECT FROM pg_type WHERE oid IN (c.castsource, c.casttarget) AND typnamespace = ANY(%(spaces)s))
        OR EXISTS (SELECT FROM pg_proc WHERE oid = c.castfunc AND pronamespace = ANY(%(spaces)s)))
"""


def queries(_version: int) -> tuple[DefinitionQuery, ...]:
    """Return the queries; the same for every server."""
    return (
        DefinitionQuery("pg_proc", _FUNCTIONS),
        DefinitionQuery("pg_proc", _AGGREGATES),
        DefinitionQuery("pg_operator", _OPERATORS),
        DefinitionQuery("pg_opclass", _CLASSES),
        DefinitionQuery("pg_opfamily", _FAMILIES),
        DefinitionQuery("pg_cast", _CASTS),
    )
