"""What is the same for objects of every kind: identity, owner, privileges, comment, and what belongs to an extension.

In SQL of the catalog modules `%` is written twice, as psycopg wants it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from fsapi_nb.text.secrets import WORDS


@dataclass(frozen=True, slots=True)
class KindQuery:
    """SQL of objects that stand in one catalog.

    It gives `object` (an OID), `body` (lines, those that are NULL do not count), `owner` (an OID or NULL), `privileges`
    with the letter `acl_kind` of their defaults (see `acldefault`), and `columns` (a table's, in order).
    """

    catalog: str
    text: str


#: SQL of a role's name in a definition; 0 is PUBLIC.
ROLE = "CASE {0} WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid({0})) END"

# A grant names its grantor only where that is not the owner, who stands in the definition anyway.
_CHANGED = f"""
    SELECT concat('{{verb}} ', privilege_type, CASE WHEN is_grantable THEN ' WITH GRANT OPTION' END,
                  ' {{preposition}} ', {ROLE.format("grantee")},
                  CASE WHEN grantor <> {{owner}} THEN ' GRANTED BY ' || quote_ident(pg_get_userbyid(grantor)) END) AS line
    FROM (SELECT * FROM aclexplode({{these}}) EXCEPT SELECT * FROM aclexplode({{others}})) AS changed
"""


def grants(privileges: str, defaults: str, owner: str) -> str:
    """Return SQL of the lines that say how privileges differ from the defaults: a sorted array, or NULL."""
    given = _CHANGED.format(verb="GRANT", preposition="TO", owner=owner, these=privileges, others=defaults)
    taken = _CHANGED.format(verb="REVOKE", preposition="FROM", owner=owner, these=defaults, others=privileges)
    return (
        f"CASE WHEN {privileges} IS NOT NULL THEN "
        f'(SELECT array_agg(line ORDER BY line COLLATE "C") FROM ({given} UNION ALL {taken}) AS lines) END'
    )


def options(column: str) -> str:
    """Return SQL of a list of options, sorted, the values of those that may be secrets starred; NULL where there are none."""
    secret = f"name ~* '{WORDS}|private|key$'"
    return f"""(
        SELECT format('OPTIONS (%%s)', string_agg(
            format('%%I %%L', name, CASE WHEN {secret} THEN '***' ELSE value END), ', ' ORDER BY name COLLATE "C"))
        FROM (SELECT split_part(each, '=', 1) AS name, substr(each, strpos(each, '=') + 1) AS value
              FROM unnest({column}) AS each) AS options
        HAVING count(*) > 0)"""


def settings(column: str, prefix: str = "") -> str:
    """Return SQL of storage parameters (`reloptions`), sorted, as `WITH (name=value, …)`; NULL where there are none."""
    return f"""(
        SELECT 'WITH (' || string_agg('{prefix}' || each, ', ' ORDER BY each COLLATE "C") || ')'
        FROM unnest({column}) AS each)"""


def fields(row: str, *without: str) -> str:
    """Return SQL of a catalog's row as an array of lines, `name = value`, without some columns: OIDs above all."""
    left_out = ", ".join(f"'{column}'" for column in ("oid", *without))
    return f"""(
        SELECT array_agg(format('    %%s = %%s', key, value) ORDER BY key COLLATE "C")
        FROM jsonb_each_text(to_jsonb({row}) - ARRAY[{left_out}]) WHERE value IS NOT NULL)"""


#: Columns of an object that has neither owner nor privileges.
NOTHING = 'NULL::oid AS owner, NULL::"char" AS acl_kind, NULL::aclitem[] AS privileges, NULL::text[] AS columns'

# A range type's constructors and casts are made with it.
_COMPLETE = """
    WITH found AS MATERIALIZED ({query})
    SELECT known.type, known.identity, array_remove(
               found.body || ARRAY['OWNER TO ' || quote_ident(pg_get_userbyid(found.owner))] || {grants}
               || (SELECT array_agg(format('DEPENDS ON EXTENSION %%I', e.extname) ORDER BY e.extname)
                   FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid
                   WHERE d.classid = 'pg_catalog.{catalog}'::regclass AND d.objid = found.object AND d.deptype = 'x')
               || (SELECT array_agg(format('SECURITY LABEL FOR %%I%%s IS %%L', provider, part, label)
                                    ORDER BY provider COLLATE "C", part COLLATE "C")
                   FROM (SELECT l.provider, l.label, ' ON COLUMN ' || quote_ident(a.attname) AS part
                         FROM pg_catalog.pg_seclabel l LEFT JOIN pg_catalog.pg_attribute a ON l.objsubid > 0
                          AND a.attrelid = l.objoid AND a.attnum = l.objsubid
                         WHERE l.classoid = 'pg_catalog.{catalog}'::regclass AND l.objoid = found.object) AS labels)
               || ARRAY['COMMENT IS ' || quote_literal(obj_description(found.object, '{catalog}'))], NULL),
           found.columns
    FROM found
    CROSS JOIN LATERAL pg_catalog.pg_identify_object('pg_catalog.{catalog}'::regclass, found.object, 0) AS known
    WHERE known.identity IS NOT NULL AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_depend d
        WHERE d.classid = 'pg_catalog.{catalog}'::regclass AND d.objid = found.object
          AND (d.deptype = 'e' OR d.deptype = 'i' AND '{catalog}' IN ('pg_proc', 'pg_cast')))
"""


def complete(query: KindQuery) -> str:
    """Return SQL of kind, identity, lines and columns of the objects that a query finds."""
    defaults = "acldefault(found.acl_kind, found.owner)"
    privileges = grants("found.privileges", defaults, "found.owner")
    return _COMPLETE.format(query=query.text, catalog=query.catalog, grants=privileges)


# Where objects of users may have numbers of the server's own (the schema public), and whose OIDs are not all to be
# read.
_ALWAYS = {"pg_namespace", "pg_extension"}
_READABLE = {"pg_user_mapping": ("pg_user_mappings", "umid")}


def used(catalogs: Iterable[str]) -> str:
    """Return SQL of those of the catalogs in which users may have something: most databases have nothing of most kinds."""
    return " UNION ALL ".join(_used(catalog) for catalog in sorted(set(catalogs)))


def _used(catalog: str) -> str:
    if catalog in _ALWAYS:
        return f"SELECT '{catalog}'"
    readable, oid = _READABLE.get(catalog, (catalog, "oid"))
    # What a server has from its beginning is numbered below.
    return f"SELECT '{catalog}' WHERE EXISTS (SELECT FROM pg_catalog.{readable} WHERE {oid} >= 16384)"
