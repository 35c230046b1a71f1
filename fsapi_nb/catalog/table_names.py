"""SQL that finds objects by names as they are written in a script, along a search_path, and tables by their kin.

Names are looked up in `pg_class` and its like, and not by `to_regclass`: that raises an error for a schema which the
role may not use, and for a name of three parts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from psycopg import sql

from fsapi_nb.actions.tree_names import split_name
from fsapi_nb.catalog.kin import CLASS_OF_KIN, CLASS_OF_KIND, KIN
from fsapi_nb.model.action import Kin, TableSet
from fsapi_nb.postgres.session import Rows

#: The catalogs of objects that stand in a schema, with the columns of their names and schemas.
_IN_SCHEMAS = {
    "pg_class": ("relname", "relnamespace"),
    "pg_type": ("typname", "typnamespace"),
    "pg_proc": ("proname", "pronamespace"),
    "pg_statistic_ext": ("stxname", "stxnamespace"),
}
_ELSEWHERE = {
    "pg_namespace": "nspname",
    "pg_extension": "extname",
    "pg_foreign_server": "srvname",
    "pg_publication": "pubname",
}
_WANTED = """wanted(key, class, schema, name, part) AS (
    SELECT * FROM unnest({keys}::int[], {classes}::text[], {schemas}::name[], {names}::name[], {parts}::name[])
)"""
# The first schema of the path that has an object of that name; of functions, all that have it there.
_FOUND_IN_SCHEMAS = """
    SELECT w.key, '{catalog}'::regclass, o.oid, w.part FROM wanted AS w
    CROSS JOIN LATERAL (
        SELECT n.oid FROM unnest(CASE WHEN w.schema IS NULL THEN {{path}}::name[] ELSE ARRAY[w.schema] END)
            WITH ORDINALITY AS p(schema, place)
        JOIN pg_namespace AS n ON n.nspname = p.schema
        WHERE EXISTS (SELECT FROM {catalog} WHERE {name} = w.name AND {namespace} = n.oid)
        ORDER BY p.place LIMIT 1
    ) AS place
    JOIN {catalog} AS o ON o.{name} = w.name AND o.{namespace} = place.oid
    WHERE w.class = '{catalog}'"""
_FOUND_ELSEWHERE = """
    SELECT w.key, '{catalog}'::regclass, o.oid, w.part FROM wanted AS w JOIN {catalog} AS o ON o.{name} = w.name
    WHERE w.class = '{catalog}'"""
_BASE = f"""
    WITH RECURSIVE {_WANTED}, found(key, class, id, part) AS (
        {
    " UNION ALL ".join(
        _FOUND_IN_SCHEMAS.format(catalog=catalog, name=name, namespace=namespace)
        for catalog, (name, namespace) in _IN_SCHEMAS.items()
    )
}
        UNION ALL {
    " UNION ALL ".join(_FOUND_ELSEWHERE.format(catalog=catalog, name=name) for catalog, name in _ELSEWHERE.items())
}
        UNION ALL SELECT key, 'pg_class'::regclass, 0::oid, part FROM wanted WHERE name = ''
    ), base(key, class, id, part) AS (
        SELECT key, class, id, 0 FROM found WHERE part IS NULL
        UNION ALL SELECT key, class, id, attnum FROM found JOIN pg_attribute ON attrelid = id AND attname = part
    )"""


@dataclass(frozen=True, slots=True)
class SetQueries:
    """The questions about sets of tables, by the names of their answers, and the sets in the order of their keys."""

    queries: Mapping[str, sql.Composable]
    sets: Mapping[str, Sequence[TableSet]]

    def numbers(self, answers: Mapping[str, Rows]) -> dict[TableSet, tuple[int, ...]]:
        """Return the numbers of the relations of each set."""
        found: dict[TableSet, dict[int, None]] = {each: {} for sets in self.sets.values() for each in sets}
        for name, sets in self.sets.items():
            for key, number in answers[name]:
                if number:
                    found[sets[key]][int(number)] = None
        return {tables: tuple(sorted(numbers)) for tables, numbers in found.items()}


def set_queries(sets: Iterable[TableSet], path: Sequence[str]) -> SetQueries:
    """Return the questions which relations these sets mean, seen along a search_path: one for each kin.

    A set is left out if the kind of its object is none that tables are found by.
    """
    by_kin: dict[tuple[Kin, tuple[str, ...]], list[TableSet]] = {}
    for each in sorted(sets, key=lambda tables: (tables.kin.name, tables.path, tables.name, tables.kind)):
        longest = 3 if each.kind == "column" else 2
        if len(split_name(each.name)) <= longest and (not each.kind or each.kind in CLASS_OF_KIND):
            by_kin.setdefault((each.kin, each.path), []).append(each)
    queries, known = {}, {}
    for number, ((kin, own), found) in enumerate(by_kin.items()):
        queries[f"{number}"] = _query(kin, found, own or path)
        known[f"{number}"] = found
    return SetQueries(queries, known)


def _query(kin: Kin, sets: Sequence[TableSet], path: Sequence[str]) -> sql.Composable:
    wanted = list(_wanted(kin, sets))
    keys, classes, schemas, names, parts = (list(column) for column in zip(*wanted, strict=True))
    return sql.SQL(f"{_BASE} {KIN[kin]}").format(
        keys=sql.Literal(keys),
        classes=sql.Literal(classes),
        schemas=sql.Literal(schemas),
        names=sql.Literal(names),
        parts=sql.Literal(parts),
        path=sql.Literal(list(path)),
    )


def _wanted(kin: Kin, sets: Sequence[TableSet]) -> Iterator[tuple[int, str, str | None, str, str | None]]:
    """Yield the objects to look for: the key of a set, a catalog, a schema, a name, and a column of it."""
    for key, each in enumerate(sets):
        *schema, name = split_name(each.name) or ("",)
        part = name if each.kind == "column" else None
        if part is not None:
            *schema, name = schema or ("",)
        first = next(iter(schema), None)
        yield key, CLASS_OF_KIND[each.kind] if each.kind else CLASS_OF_KIN.get(kin, "pg_class"), first, name, part
        if kin is Kin.TABLE:
            yield key, "pg_statistic_ext", first, name, part
