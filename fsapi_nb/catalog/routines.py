"""Functions, procedures, aggregates, operators with their classes and families, casts."""

from __future__ import annotations

from fsapi_nb.catalog.kinds import NOTHING, KindQuery

_FUNCTIONS = """
    SELECT p.oid AS object,
           string_to_array(rtrim(pg_get_functiondef(p.oid), E'\\n'), E'\\n') AS body,
           p.proowner AS owner, 'f'::"char" AS acl_kind, p.proacl AS privileges, NULL::text[] AS columns
    FROM pg_catalog.pg_proc p WHERE p.pronamespace = ANY(%(spaces)s) AND p.prokind <> 'a'
"""
_AGGREGATES = """
    SELECT p.oid AS object,
           ARRAY[format('CREATE AGGREGATE %%I.%%I(%%s) RETURNS %%s', n.nspname, p.proname,
                        pg_get_function_arguments(p.oid), pg_get_function_result(p.oid)),
                 format('    KIND %%s WITH %%s DIRECT ARGUMENTS', a.aggkind, a.aggnumdirectargs),
                 format('    SFUNC = %%s STYPE = %%s', a.aggtransfn::regprocedure, format_type(a.aggtranstype, NULL)),
                 '    SSPACE = ' || nullif(a.aggtransspace, 0),
                 '    INITCOND = ' || quote_literal(a.agginitval),
                 '    FINALFUNC = ' || nullif(a.aggfinalfn, 0::regproc)::regprocedure,
                 CASE WHEN a.aggfinalextra THEN '    FINALFUNC_EXTRA' END, '    FINALFUNC_MODIFY = ' || a.aggfinalmodify::text,
                 '    COMBINEFUNC = ' || nullif(a.aggcombinefn, 0::regproc)::regprocedure,
                 '    SERIALFUNC = ' || nullif(a.aggserialfn, 0::regproc)::regprocedure,
                 '    DESERIALFUNC = ' || nullif(a.aggdeserialfn, 0::regproc)::regprocedure,
                 '    MSFUNC = ' || nullif(a.aggmtransfn, 0::regproc)::regprocedure,
                 '    MINVFUNC = ' || nullif(a.aggminvtransfn, 0::regproc)::regprocedure,
                 '    MSTYPE = ' || format_type(nullif(a.aggmtranstype, 0), NULL),
                 '    MSSPACE = ' || nullif(a.aggmtransspace, 0),
                 '    MINITCOND = ' || quote_literal(a.aggminitval),
                 '    MFINALFUNC = ' || nullif(a.aggmfinalfn, 0::regproc)::regprocedure,
                 CASE WHEN a.aggmfinalextra THEN '    MFINALFUNC_EXTRA' END,
                 '    MFINALFUNC_MODIFY = ' || a.aggmfinalmodify::text,
                 '    SORTOP = ' || nullif(a.aggsortop, 0)::regoperator,
                 '    PARALLEL = ' || p.proparallel::text] AS body,
           p.proowner AS owner, 'f'::"char" AS acl_kind, p.proacl AS privileges, NULL::text[] AS columns
    FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_aggregate a ON a.aggfnoid = p.oid
    JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
    WHERE p.pronamespace = ANY(%(spaces)s)
"""
_OPERATORS = """
    SELECT o.oid AS object,
           ARRAY['CREATE OPERATOR ' || o.oid::regoperator,
                 '    FUNCTION = ' || CASE WHEN o.oprcode = 0 THEN 'none yet' ELSE o.oprcode::regprocedure::text END,
                 '    RESULT = ' || format_type(nullif(o.oprresult, 0), NULL),
                 '    COMMUTATOR = ' || nullif(o.oprcom, 0)::regoperator,
                 '    NEGATOR = ' || nullif(o.oprnegate, 0)::regoperator,
                 '    RESTRICT = ' || nullif(o.oprrest, 0::regproc)::regprocedure,
                 '    JOIN = ' || nullif(o.oprjoin, 0::regproc)::regprocedure,
                 CASE WHEN o.oprcanhash THEN '    HASHES' END, CASE WHEN o.oprcanmerge THEN '    MERGES' END] AS body,
           o.oprowner AS owner, NULL::"char" AS acl_kind, NULL::aclitem[] AS privileges, NULL::text[] AS columns
    FROM pg_catalog.pg_operator o WHERE o.oprnamespace = ANY(%(spaces)s)
"""
_CLASSES = """
    SELECT o.oid AS object,
           ARRAY[concat('CREATE OPERATOR CLASS', CASE WHEN o.opcdefault THEN ' DEFAULT' END, ' FOR TYPE ',
                        format_type(o.opcintype, NULL)),
                 (SELECT format('    FAMILY %%I.%%I', n.nspname, f.opfname) FROM pg_catalog.pg_opfamily f
                  JOIN pg_catalog.pg_namespace n ON n.oid = f.opfnamespace WHERE f.oid = o.opcfamily),
                 '    STORAGE ' || format_type(nullif(o.opckeytype, 0), NULL)] AS body,
           o.opcowner AS owner, NULL::"char" AS acl_kind, NULL::aclitem[] AS privileges, NULL::text[] AS columns
    FROM pg_catalog.pg_opclass o WHERE o.opcnamespace = ANY(%(spaces)s)
"""
_FAMILIES = """
    SELECT f.oid AS object,
           'CREATE OPERATOR FAMILY'::text
           || (SELECT array_agg(line ORDER BY line COLLATE "C") FROM (
                 SELECT format('    OPERATOR %%s (%%s, %%s) %%s%%s', amopstrategy, format_type(amoplefttype, NULL),
                               format_type(amoprighttype, NULL), amopopr::regoperator,
                               (SELECT format(' FOR ORDER BY %%I.%%I', n.nspname, s.opfname) FROM pg_catalog.pg_opfamily s
                                JOIN pg_catalog.pg_namespace n ON n.oid = s.opfnamespace WHERE s.oid = amopsortfamily))
                 FROM pg_catalog.pg_amop WHERE amopfamily = f.oid
                 UNION ALL
                 SELECT format('    FUNCTION %%s (%%s, %%s) %%s', amprocnum, format_type(amproclefttype, NULL),
                               format_type(amprocrighttype, NULL), amproc::regprocedure)
                 FROM pg_catalog.pg_amproc WHERE amprocfamily = f.oid) AS members(line)) AS body,
           f.opfowner AS owner, NULL::"char" AS acl_kind, NULL::aclitem[] AS privileges, NULL::text[] AS columns
    FROM pg_catalog.pg_opfamily f WHERE f.opfnamespace = ANY(%(spaces)s)
"""
# A cast stands in no schema: it goes with its types and its function. Those below 16384 are the server's own.
_CASTS = f"""
    SELECT c.oid AS object,
           ARRAY[concat('CREATE CAST ', CASE c.castmethod WHEN 'b' THEN 'WITHOUT FUNCTION' WHEN 'i' THEN 'WITH INOUT'
                        ELSE 'WITH FUNCTION ' || c.castfunc::regprocedure END,
                        CASE c.castcontext WHEN 'a' THEN ' AS ASSIGNMENT' WHEN 'i' THEN ' AS IMPLICIT' END)] AS body,
           {NOTHING}
    FROM pg_catalog.pg_cast c
    WHERE c.oid >= 16384 AND (%(everything)s OR EXISTS (
        SELECT FROM pg_catalog.pg_type WHERE oid IN (c.castsource, c.casttarget) AND typnamespace = ANY(%(spaces)s))
        OR EXISTS (SELECT FROM pg_catalog.pg_proc WHERE oid = c.castfunc AND pronamespace = ANY(%(spaces)s)))
"""


def queries(_version: int) -> tuple[KindQuery, ...]:
    """Return the queries; the same for every server."""
    return (
        KindQuery("pg_proc", _FUNCTIONS),
        KindQuery("pg_proc", _AGGREGATES),
        KindQuery("pg_operator", _OPERATORS),
        KindQuery("pg_opclass", _CLASSES),
        KindQuery("pg_opfamily", _FAMILIES),
        KindQuery("pg_cast", _CASTS),
    )
