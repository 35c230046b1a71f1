"""Read what a database holds: every object of users by its name, and how large and how well kept its tables are.

No definition is read, so no lock is taken but those of counting small tables, a hundred at a time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace

import psycopg
from psycopg import errors, sql

from fsapi_nb.actions.tree_names import joined
from fsapi_nb.catalog.schema.asking import PATIENT, ask, known_oids, path_and_role, plain
from fsapi_nb.catalog.schema.overview import Overview, SchemaObject, rank
from fsapi_nb.catalog.table_sizes import WITHOUT_INDEXES, count_query, tables_of, tables_query
from fsapi_nb.model.table_facts import FoundTable
from fsapi_nb.postgres.ask import why_unread
from fsapi_nb.postgres.session import Connection, Rows
from fsapi_nb.script.redact import redact_line
from fsapi_nb.text.sql import unquoted
from fsapi_nb.text.words import counted

_KIND = {
    "r": "table",
    "p": "table",
    "f": "foreign table",
    "v": "view",
    "m": "materialized view",
    "S": "sequence",
}
_TYPE = {"e": "enum", "d": "domain"}
_ROUTINE = {"f": "function", "w": "function", "p": "procedure", "a": "aggregate"}
_STORED = frozenset({"table", "materialized view"})
_BATCH = 100  # tables that are counted in one message, and whose locks are held together
_MOST_COUNTED = 1_000
_NAMED = 5  # tables in a note
_COUNTED_KINDS = 3  # of what is in a schema

_EXTENSION = """
    LEFT JOIN pg_depend AS m ON m.classid = '{catalog}'::regclass AND m.objid = {oid} AND m.deptype = 'e'
    LEFT JOIN pg_extension AS e ON e.oid = m.refobjid"""
_RELATIONS = f"""
    SELECT c.oid, n.nspname::text, c.relname::text, c.relkind::text, i.inhparent, o.objid IS NOT NULL,
        pg_get_userbyid(c.relowner)::text, s.description,
        (SELECT count(*) FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
        greatest(pg_stat_get_last_vacuum_time(c.oid), pg_stat_get_last_autovacuum_time(c.oid)),
        greatest(pg_stat_get_last_analyze_time(c.oid), pg_stat_get_last_autoanalyze_time(c.oid)),
        CASE WHEN c.relkind = 'p' THEN (
            WITH RECURSIVE tree(id) AS (
                SELECT c.oid UNION ALL SELECT below.inhrelid FROM tree JOIN pg_inherits AS below ON below.inhparent = tree.id
            ) SELECT count(*) - 1 FROM tree) END, e.extname::text
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    LEFT JOIN pg_description AS s ON s.classoid = 'pg_class'::regclass AND s.objoid = c.oid AND s.objsubid = 0
    LEFT JOIN pg_inherits AS i ON i.inhrelid = c.oid AND c.relispartition
    LEFT JOIN pg_depend AS o ON c.relkind = 'S' AND o.classid = 'pg_class'::regclass AND o.objid = c.oid
        AND o.refclassid = 'pg_class'::regclass AND o.refobjsubid > 0 AND o.deptype IN ('a', 'i')
    {_EXTENSION.format(catalog="pg_class", oid="c.oid")}
    WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm', 'S') AND c.relpersistence <> 't'
        AND c.relnamespace = ANY({{spaces}}::oid[]) AND {{among}}"""
_TYPES = f"""
    SELECT t.oid, n.nspname::text, t.typname::text, t.typtype::text, pg_get_userbyid(t.typowner)::text,
        obj_description(t.oid, 'pg_type'), CASE t.typtype
            WHEN 'e' THEN (SELECT string_agg(enumlabel, ', ' ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = t.oid)
            WHEN 'd' THEN format_type(t.typbasetype, t.typtypmod)
            WHEN 'r' THEN 'range of ' || (SELECT format_type(rngsubtype, NULL) FROM pg_range WHERE rngtypid = t.oid)
            WHEN 'c' THEN (SELECT string_agg(quote_ident(attname) || ' ' || format_type(atttypid, atttypmod), ', '
                           ORDER BY attnum) FROM pg_attribute WHERE attrelid = t.typrelid AND attnum > 0 AND NOT attisdropped)
            ELSE '' END, e.extname::text
    FROM pg_type AS t JOIN pg_namespace AS n ON n.oid = t.typnamespace
    LEFT JOIN pg_class AS c ON c.oid = t.typrelid
    {_EXTENSION.format(catalog="pg_type", oid="t.oid")}
    WHERE t.typnamespace = ANY({{spaces}}::oid[]) AND t.typtype <> 'm' AND (t.typrelid = 0 OR c.relkind = 'c')
        AND NOT (t.typelem <> 0 AND t.typsubscript = 'array_subscript_handler'::regproc) AND {{among}}"""
_ROUTINES = f"""
    SELECT p.oid, n.nspname::text, p.proname::text, p.prokind::text, pg_get_userbyid(p.proowner)::text,
        obj_description(p.oid, 'pg_proc'), oidvectortypes(p.proargtypes), pg_get_function_arguments(p.oid),
        pg_get_function_result(p.oid),
        e.extname::text
    FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
    {_EXTENSION.format(catalog="pg_proc", oid="p.oid")}
    WHERE p.pronamespace = ANY({{spaces}}::oid[]) AND {{among}} AND NOT EXISTS (
        SELECT FROM pg_depend AS d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'i')"""
_SCHEMAS = f"""
    SELECT n.oid, n.nspname::text, pg_get_userbyid(n.nspowner)::text,
        nullif(obj_description(n.oid, 'pg_namespace'), 'standard public schema'), e.extname::text
    FROM pg_namespace AS n {_EXTENSION.format(catalog="pg_namespace", oid="n.oid")} WHERE n.oid = ANY({{spaces}}::oid[])"""
_EXTENSIONS = """
    SELECT x.oid, n.nspname::text, x.extname::text, pg_get_userbyid(x.extowner)::text,
        obj_description(x.oid, 'pg_extension'), x.extversion
    FROM pg_extension AS x JOIN pg_namespace AS n ON n.oid = x.extnamespace WHERE x.oid >= 16384"""
#: Catalogs of rarer objects, with the condition of those that count.
_RARE = {
    "pg_collation": "",
    "pg_conversion": "",
    "pg_operator": "",
    "pg_opclass": "",
    "pg_opfamily": "",
    "pg_ts_config": "",
    "pg_ts_dict": "",
    "pg_ts_parser": "",
    "pg_ts_template": "",
    "pg_statistic_ext": "",
    "pg_event_trigger": "",
    "pg_publication": "",
    "pg_subscription": "AND subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())",
    "pg_foreign_server": "",
    "pg_foreign_data_wrapper": "",
    "pg_cast": "",
    "pg_language": "",
    "pg_am": "",
}
_OTHERS = f"""
    SELECT x.oid, k.type, k.schema, k.name, k.identity FROM ({
    " UNION ALL ".join(
        f"SELECT '{catalog}'::regclass AS class, oid FROM {catalog} WHERE oid >= 16384 {condition}"
        for catalog, condition in _RARE.items()
    )
}) AS x, LATERAL pg_identify_object(x.class, x.oid, 0) AS k
    WHERE NOT EXISTS (
            SELECT FROM pg_depend AS d WHERE d.classid = x.class AND d.objid = x.oid AND d.deptype IN ('e', 'i'))
        AND (k.schema IS NULL OR k.schema IN (
            SELECT quote_ident(nspname) FROM pg_namespace WHERE oid = ANY({{spaces}}::oid[])))"""


_READABLE = """
    SELECT c.oid FROM pg_class AS c WHERE c.oid = ANY({numbers}::oid[])
        AND has_schema_privilege(c.relnamespace, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')"""


def read_overview(
    connection: Connection, schemas: Sequence[str] | None, *, among: Collection[str] | None = None
) -> Overview:
    """Return every object of these schemas, and those that are in none; how large tables are is not known then.

    Args:
        schemas: Their names; None for all of users.
        among: Only relations, types and routines of these names, which does not depend on how many there are.

    Raises:
        psycopg.Error: The catalog cannot be read.
    """
    path, role = path_and_role(connection)
    spaces, ours = known_oids(connection, schemas)
    queries: dict[str, sql.Composable] = {
        name: sql.SQL(text).format(spaces=sql.Literal(spaces), among=_among(column, among))
        for name, text, column in (
            ("relations", _RELATIONS, "c.relname"),
            ("types", _TYPES, "t.typname"),
            ("routines", _ROUTINES, "p.proname"),
        )
    }
    texts = {"schemas": _SCHEMAS, "extensions": _EXTENSIONS, "others": _OTHERS}
    queries |= {name: sql.SQL(text).format(spaces=sql.Literal(spaces)) for name, text in texts.items()}
    answers = ask(connection, queries, PATIENT)
    inside = [
        *_relations(answers["relations"], frozenset(ours)),
        *_types(answers["types"], path),
        *_routines(answers["routines"], path),
        *_others(answers["others"]),
    ]
    found = [*inside, *_extensions(answers["extensions"]), *_schemas(answers["schemas"], inside)]
    written = _writer(found, path)
    ordered = sorted(found, key=lambda each: (rank(each.kind), each.schema or "", each.name, each.arguments or ""))
    return Overview(tuple(replace(each, written=written(each)) for each in ordered), path, role)


def _among(column: str, names: Collection[str] | None) -> sql.Composable:
    """Return the condition that a column is one of these names, if some were given."""
    if names is None:
        return sql.SQL("true")
    return sql.SQL("{} = ANY({}::name[])").format(sql.SQL(column), sql.Literal(sorted(names)))


def with_sizes(
    connection: Connection, objects: Sequence[SchemaObject], path: Sequence[str]
) -> tuple[tuple[SchemaObject, ...], tuple[str, ...]]:
    """Return the objects, those of them that store rows with their sizes, and what is not known of these.

    Raises:
        psycopg.Error: The sizes cannot be read.
    """
    sizes, notes = read_sizes(connection, [each.oid for each in objects if each.kind in _STORED], path)
    sized = tuple(replace(each, size=sizes[each.oid].size) if each.oid in sizes else each for each in objects)
    unread = _unread(connection, [each for each in sized if each.size and each.size.rows is None])
    if unread:
        why = f"how many rows {_names(unread)} {'has' if len(unread) == 1 else 'have'} is not known"
        notes = (*notes, f"{why}: no ANALYZE has counted them, and this role has no SELECT there")
    return sized, notes


def _unread(connection: Connection, objects: Sequence[SchemaObject]) -> list[str]:
    """Return the names of those that this role may not read."""
    if not objects:
        return []
    query = sql.SQL(_READABLE).format(numbers=sql.Literal([each.oid for each in objects]))
    readable = {oid for (oid,) in ask(connection, {"": query}, PATIENT)[""]}
    return [each.written for each in objects if each.oid not in readable]


def _names(names: Sequence[str]) -> str:
    """Return the names of some tables, or how many they are."""
    return ", ".join(names) if len(names) <= _NAMED else counted(len(names), "table")


def read_sizes(
    connection: Connection, numbers: Sequence[int], path: Sequence[str]
) -> tuple[dict[int, FoundTable], tuple[str, ...]]:
    """Return how large these tables are, by their numbers, with the rows of small ones counted, and what is not known.

    What only statistics collected beside the catalog say of rows is left out: they arrive some time after a change.
    """
    if not numbers:
        return {}, ()
    notes: list[str] = []
    try:
        rows = ask(connection, {"sizes": tables_query(numbers, path, looks=True)}, PATIENT)["sizes"]
    except (errors.QueryCanceled, errors.LockNotAvailable):
        try:
            rows = ask(connection, {"sizes": tables_query(numbers, path, looks=False)}, PATIENT)["sizes"]
        except errors.QueryCanceled:
            return {}, (f"how large {counted(len(numbers), 'table')} are is not known: to find out took too long",)
        notes.append("the sizes are those of the last VACUUM or ANALYZE: to look at the files took too long")
    locked = [joined([row[2]] if row[4] else row[1:3]) for row in rows if row[3] in {"r", "m"} and not row[6]]
    if locked and not notes:
        notes.append(f"another session has locked {_names(locked)}: the size is that of the last VACUUM or ANALYZE")
    rows = [(*row[:9], 0, *row[10:]) for row in rows]
    numbers_of_rows: dict[int, int] = {}
    small = sorted(rows, key=lambda row: row[10])[:_MOST_COUNTED]
    try:
        for begin in range(0, len(small), _BATCH):
            query = count_query(small[begin : begin + _BATCH])
            if query is not None:
                numbers_of_rows |= dict(ask(connection, {"rows": query}, WITHOUT_INDEXES)["rows"])
    except psycopg.Error as error:
        if connection.closed:
            raise
        why = why_unread(error, locked="a table", slow="to count")
        notes.append(f"some rows are estimates, and some are not known: {why}")
    return tables_of(rows, numbers_of_rows), tuple(notes)


def _relations(rows: Rows, ours: frozenset[int]) -> Iterator[SchemaObject]:
    for oid, schema, name, kind, parent, owned, owner, comment, *rest, extension in rows:
        columns, vacuumed, analyzed, partitions = rest
        yield SchemaObject(
            _KIND[kind],
            schema,
            name,
            "",
            oid,
            owner,
            comment and redact_line(comment),
            columns=None if kind == "S" else columns,
            partitions=partitions,
            vacuumed=vacuumed,
            analyzed=analyzed,
            owned=bool(owned) or parent is not None,
            extension=extension,
            is_history=oid in ours,
        )


def _types(rows: Rows, path: Sequence[str]) -> Iterator[SchemaObject]:
    for oid, schema, name, kind, owner, comment, detail, extension in rows:
        words = detail or "" if kind == "e" else plain(detail or "", path)
        yield SchemaObject(
            _TYPE.get(kind, "type"),
            schema,
            name,
            "",
            oid,
            owner,
            comment and redact_line(comment),
            words,
            extension=extension,
        )


def _routines(rows: Rows, path: Sequence[str]) -> Iterator[SchemaObject]:
    for oid, schema, name, kind, owner, comment, types, arguments, result, extension in rows:
        yield SchemaObject(
            _ROUTINE[kind],
            schema,
            name,
            "",
            oid,
            owner,
            comment and redact_line(comment),
            redact_line(plain(f"({arguments}){f' → {result}' if result else ''}", path)),
            arguments=plain(types, path),
            extension=extension,
        )


def _schemas(rows: Rows, inside: Sequence[SchemaObject]) -> Iterator[SchemaObject]:
    counts: dict[str | None, Counter[str]] = {}
    for each in inside:
        if not (each.owned or each.extension or each.is_history):
            counts.setdefault(each.schema, Counter())[each.kind] += 1
    for oid, name, owner, comment, extension in rows:
        held = sorted(counts.get(name, Counter()).items(), key=lambda each: rank(each[0]))
        detail = ", ".join(counted(count, kind) for kind, count in held[:_COUNTED_KINDS]) or "empty"
        yield SchemaObject(
            "schema",
            None,
            name,
            joined([name]),
            oid,
            owner,
            comment and redact_line(comment),
            detail,
            extension=extension,
        )


def _extensions(rows: Rows) -> Iterator[SchemaObject]:
    for oid, schema, name, owner, comment, version in rows:
        detail = f"{version} in {joined([schema])}"
        yield SchemaObject(
            "extension", None, name, joined([name]), oid, owner, comment and redact_line(comment), detail
        )


def _others(rows: Rows) -> Iterator[SchemaObject]:
    for oid, kind, schema, name, identity in rows:
        yield SchemaObject(kind, unquoted(schema) if schema else None, unquoted(name or identity), identity, oid)


def _writer(found: Sequence[SchemaObject], path: Sequence[str]) -> Callable[[SchemaObject], str]:
    """Return a function that writes an object's name as SQL needs it in this search_path."""
    first: dict[tuple[bool, str], int] = {}
    place = {schema: number for number, schema in enumerate(path)}
    for each in found:
        if each.schema in place:
            key = (each.arguments is not None, each.qualified.split(".", 1)[1])
            first[key] = min(first.get(key, len(place)), place[each.schema])

    def written(each: SchemaObject) -> str:
        if each.schema is None or each.written:
            return each.written
        name = each.qualified.removeprefix(f"{each.schema}.")
        visible = place.get(each.schema) == first.get((each.arguments is not None, name), -1)
        return joined([each.name] if visible else [each.schema, each.name])

    return written
