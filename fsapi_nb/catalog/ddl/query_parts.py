"""What is the same for objects of every kind: owner, privileges, comment, labels, and the SQL around a kind's query.

In SQL of these modules `%` is written twice, as psycopg wants it.
"""

from __future__ import annotations

from dataclasses import dataclass

from fsapi_nb.text.secrets import WORDS

#: SQL of a role's name in a statement; 0 is PUBLIC, and the role that reads is CURRENT_USER.
ROLE = """
    CASE WHEN {0} = 0 THEN 'PUBLIC' WHEN pg_get_userbyid({0}) = current_user THEN 'CURRENT_USER'
         ELSE quote_ident(pg_get_userbyid({0})) END
"""
#: SQL of what belongs to users, as the snapshot reads it; of one relation only, if that is asked for.
OF_USERS = """
    c.relnamespace = ANY(%(spaces)s) AND c.oid <> ALL(%(ours)s) AND c.relpersistence <> 't' AND NOT EXISTS (
        SELECT FROM pg_depend m
        WHERE m.classid = 'pg_class'::regclass AND m.objid = c.oid AND m.deptype = 'e')
    AND (%(relation)s::oid IS NULL OR c.oid = %(relation)s)
"""
#: Columns of an object that has neither owner nor privileges.
NOTHING = 'NULL::oid AS owner, NULL::"char" AS acl_kind, NULL::aclitem[] AS privileges'


@dataclass(frozen=True, slots=True)
class DefinitionQuery:
    """SQL of objects that stand in one catalog.

    It gives `object` (an OID), `facts` (a JSON object, see `statements.ObjectFacts`), `owner` (an OID or NULL), `privileges`
    with the letter `acl_kind` of their defaults. `defaults` is SQL of the privileges that an object has without a GRANT.
    If it is `whole`, it gives what `complete` returns otherwise.
    """

    catalog: str
    text: str
    defaults: str = "acldefault(found.acl_kind, found.owner)"
    whole: bool = False


def grants(privileges: str, defaults: str, owner: str) -> str:
    """Return SQL of a JSON array of how privileges differ from the defaults; NULL if they do not.

    An element is: verb, privilege, grantable, grantee, grantor if it is not the owner.
    """
    return f"""(
        SELECT jsonb_agg(jsonb_build_array(verb, privilege_type, is_grantable, {ROLE.format("grantee")},
            CASE WHEN grantor <> {owner} THEN {ROLE.format("grantor")} END))
        FROM (SELECT 'GRANT' AS verb, * FROM (
                SELECT * FROM aclexplode({privileges}) EXCEPT SELECT * FROM aclexplode({defaults})) AS given
              UNION ALL SELECT 'REVOKE', * FROM (
                SELECT * FROM aclexplode({defaults}) EXCEPT SELECT * FROM aclexplode({privileges})) AS taken) AS changed
        WHERE {privileges} IS NOT NULL)"""


def options(column: str) -> str:
    """Return SQL of a list of options without those that may be secrets, `name 'value'`; NULL where there are none."""
    return f"""(
        SELECT string_agg(format('%%I %%L', name, value), ', ' ORDER BY name COLLATE "C")
        FROM (SELECT split_part(each, '=', 1) AS name, substr(each, strpos(each, '=') + 1) AS value
              FROM unnest({column}) AS each) AS options
        WHERE NOT {_SECRET})"""


def secrets(column: str) -> str:
    """Return SQL of the names of the options that may be secrets; NULL where there are none."""
    return f"""(
        SELECT string_agg(name, ', ' ORDER BY name COLLATE "C")
        FROM (SELECT split_part(each, '=', 1) AS name FROM unnest({column}) AS each) AS options WHERE {_SECRET})"""


_SECRET = f"name ~* '{WORDS}|private|key$'"


def settings(column: str, prefix: str = "") -> str:
    """Return SQL of storage parameters (`reloptions`), sorted: `name=value, …`; NULL where there are none."""
    return f"""(
        SELECT string_agg('{prefix}' || split_part(each, '=', 1) || '='
                          || CASE WHEN value ~ '^[a-z0-9_.]+$' THEN value ELSE quote_literal(value) END,
                          ', ' ORDER BY each COLLATE "C")
        FROM (SELECT each, substr(each, strpos(each, '=') + 1) AS value FROM unnest({column}) AS each) AS settings)"""


def lines(*parts: str) -> str:
    """Return SQL of an array of texts without those that are NULL."""
    return f"array_remove(ARRAY[{', '.join(parts)}]::text[], NULL)"


def in_brackets(*parts: str) -> str:
    """Return SQL of a list in brackets, one of these a line, without those that are NULL."""
    return f"E' (\\n    ' || array_to_string({lines(*parts)}, E',\\n    ') || E'\\n)'"


_COMPLETE = """
    WITH found AS MATERIALIZED ({query})
    SELECT found.object, known.type, known.identity, found.facts,
           CASE WHEN pg_get_userbyid(found.owner) <> current_user THEN quote_ident(pg_get_userbyid(found.owner)) END,
           {grants}, obj_description(found.object, '{catalog}'),
           (SELECT jsonb_agg(jsonb_build_array(l.provider, a.attname, l.label)
                             ORDER BY l.provider COLLATE "C", a.attname COLLATE "C")
            FROM pg_seclabel l LEFT JOIN pg_attribute a
              ON l.objsubid > 0 AND a.attrelid = l.objoid AND a.attnum = l.objsubid
            WHERE l.classoid = 'pg_catalog.{catalog}'::regclass AND l.objoid = found.object),
           (SELECT array_agg(quote_ident(e.extname) ORDER BY e.extname)
            FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid AND d.refclassid = 'pg_extension'::regclass
            WHERE d.classid = 'pg_catalog.{catalog}'::regclass AND d.objid = found.object AND d.deptype = 'x')
    FROM found
    CROSS JOIN LATERAL pg_identify_object('pg_catalog.{catalog}'::regclass, found.object, 0) AS known
    -- Read once, and not for each: a list, which is small.
    WHERE known.identity IS NOT NULL AND found.object NOT IN (
        SELECT d.objid FROM pg_depend d
        WHERE d.classid = 'pg_catalog.{catalog}'::regclass
          AND (d.deptype = 'e' OR d.deptype = 'i' AND '{catalog}' IN ('pg_proc', 'pg_cast')))
"""


def complete(query: DefinitionQuery) -> str:
    """Return SQL of OID, kind, identity, facts, owner, privileges, comment, labels and extensions of what a query finds."""
    if query.whole:
        return query.text
    privileges = grants("found.privileges", query.defaults, "found.owner")
    return _COMPLETE.format(query=query.text, catalog=query.catalog, grants=privileges)
