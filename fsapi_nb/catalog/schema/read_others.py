"""Read the page of what is not a relation: a routine, a type, a sequence, an extension, or anything else."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg import sql

from fsapi_nb.catalog.schema.asking import ask, gone, plain
from fsapi_nb.catalog.schema.dependents import dependents_query, grants_of, grants_query, needs_query, read_dependents
from fsapi_nb.catalog.schema.overview import ROUTINES, TYPES, Overview, SchemaObject
from fsapi_nb.catalog.schema.page import Constraint, ObjectPage
from fsapi_nb.catalog.schema.read_relation import columns_of
from fsapi_nb.postgres.session import Connection

_ROUTINES = """
    SELECT p.oid, CASE WHEN p.prokind <> 'a' THEN pg_get_functiondef(p.oid) END, l.lanname::text, p.provolatile::text,
        p.proisstrict, p.prosecdef, p.proleakproof, p.proparallel::text, p.proretset
    FROM pg_proc AS p JOIN pg_language AS l ON l.oid = p.prolang WHERE p.oid = ANY({oids}::oid[])
    ORDER BY array_position({oids}::oid[], p.oid)"""
_LABELS = "SELECT enumlabel::text FROM pg_enum WHERE enumtypid = {oid} ORDER BY enumsortorder"
_DOMAIN = """
    SELECT format_type(t.typbasetype, t.typtypmod), t.typnotnull, t.typdefault,
        CASE WHEN t.typcollation NOT IN (0, b.typcollation) THEN t.typcollation::regcollation::text END
    FROM pg_type AS t JOIN pg_type AS b ON b.oid = t.typbasetype WHERE t.oid = {oid}"""
_CHECKS = """
    SELECT conname::text, pg_get_constraintdef(oid, true), convalidated, obj_description(oid, 'pg_constraint')
    FROM pg_constraint WHERE contypid = {oid} AND contype = 'c' ORDER BY conname COLLATE "C" """
_ATTRIBUTES = """
    SELECT a.attname::text, format_type(a.atttypid, a.atttypmod), false, NULL, '', '',
        CASE WHEN a.attcollation NOT IN (0, t.typcollation) THEN a.attcollation::regcollation::text END, false, false,
        col_description(a.attrelid, a.attnum)
    FROM pg_type AS c JOIN pg_attribute AS a ON a.attrelid = c.typrelid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN pg_type AS t ON t.oid = a.atttypid WHERE c.oid = {oid} AND c.typtype = 'c' ORDER BY a.attnum"""
_SEQUENCE = """
    SELECT format_type(s.seqtypid, NULL), s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache, s.seqcycle,
        (SELECT d.refobjid::regclass || '.' || quote_ident(a.attname) FROM pg_depend AS d
         JOIN pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
         WHERE d.classid = 'pg_class'::regclass AND d.objid = s.seqrelid AND d.refclassid = 'pg_class'::regclass
         AND d.deptype IN ('a', 'i')),
        CASE WHEN has_sequence_privilege(s.seqrelid, 'SELECT, USAGE') THEN pg_sequence_last_value(s.seqrelid) END,
        has_sequence_privilege(s.seqrelid, 'SELECT, USAGE')
    FROM pg_sequence AS s WHERE s.seqrelid = {oid}"""
_MEMBERS = """
    SELECT k.type, k.identity FROM pg_depend AS d, LATERAL pg_identify_object(d.classid, d.objid, d.objsubid) AS k
    WHERE d.refclassid = 'pg_extension'::regclass AND d.refobjid = {oid} AND d.deptype = 'e'
    ORDER BY k.type COLLATE "C", k.identity COLLATE "C" """
_VOLATILITY = {"i": "immutable", "s": "stable", "v": "volatile"}
_BIGGEST = {"smallint": 2**15 - 1, "integer": 2**31 - 1, "bigint": 2**63 - 1}


def read_other(connection: Connection, found: Sequence[SchemaObject], overview: Overview) -> ObjectPage:
    """Return the page of an object that is not a relation; of routines, all that share a name.

    Raises:
        psycopg.Error: It cannot be read.
    """
    item = found[0]
    if item.kind in ROUTINES:
        return _read_routines(connection, found, overview.path)
    if item.kind in TYPES:
        return _read_type(connection, item, overview.path)
    if item.kind == "sequence":
        return _read_sequence(connection, item, overview.path)
    if item.kind == "extension":
        members = ask(connection, {"": sql.SQL(_MEMBERS).format(oid=sql.Literal(item.oid))})[""]
        return ObjectPage(item, (item.detail,), members=read_dependents(members, overview.path))
    return ObjectPage(item, (item.detail,) if item.detail else ())


def _read_routines(connection: Connection, found: Sequence[SchemaObject], path: Sequence[str]) -> ObjectPage:
    first = found[0]
    oids = sql.Literal([each.oid for each in found])
    queries: dict[str, sql.Composable] = {"": sql.SQL(_ROUTINES).format(oids=oids)}
    for number, each in enumerate(found):
        queries[f"used_by {number}"] = dependents_query("pg_proc", each.oid)
        queries[f"uses {number}"] = needs_query("pg_proc", each.oid)
        queries[f"grants {number}"] = grants_query("pg_proc", each.oid)
    answers = ask(connection, queries)
    if len(answers[""]) < len(found):
        raise gone(first.qualified)

    def joined_answers(name: str) -> list[tuple[object, ...]]:
        rows = [row for number in range(len(found)) for row in answers[f"{name} {number}"]]
        return list(dict.fromkeys(map(tuple, rows)))

    texts = [f"{row[1].rstrip()};" if "\n" in (row[1] or "") else row[1] or "" for row in answers[""]]
    grants = {
        (each.role, each.rights, each.grantable): each
        for number in range(len(found))
        for each in grants_of(answers[f"grants {number}"])
    }
    return ObjectPage(
        first,
        tuple(_routine_traits(answers[""][0])) if len(found) == 1 else (),
        overloads=tuple(found) if len(found) > 1 else (),
        grants=tuple(grants.values()),
        used_by=read_dependents(joined_answers("used_by"), path),
        uses=read_dependents(joined_answers("uses"), path),
        definition="\n\n".join(text for text in texts if text),
    )


def _routine_traits(row: Sequence[object]) -> list[str]:
    _, _, language, volatility, strict, definer, leakproof, parallel, _ = row
    return [
        str(language),
        _VOLATILITY.get(str(volatility), str(volatility)),
        *(["strict"] if strict else []),
        *(["security definer"] if definer else []),
        *(["leakproof"] if leakproof else []),
        *(["parallel safe"] if parallel == "s" else []),
    ]


def _read_type(connection: Connection, item: SchemaObject, path: Sequence[str]) -> ObjectPage:
    oid = sql.Literal(item.oid)
    texts = {"labels": _LABELS, "domain": _DOMAIN, "checks": _CHECKS, "attributes": _ATTRIBUTES}
    queries: dict[str, sql.Composable] = {name: sql.SQL(text).format(oid=oid) for name, text in texts.items()}
    answers = ask(
        connection,
        {
            **queries,
            "grants": grants_query("pg_type", item.oid),
            "used_by": dependents_query("pg_type", item.oid),
            "uses": needs_query("pg_type", item.oid),
        },
    )
    traits = [] if item.kind == "enum" or answers["attributes"] else [item.detail]
    for base, not_null, default, collation in answers["domain"]:
        traits = [plain(base, path)]
        traits += [f"COLLATE {collation}"] if collation else []
        traits += ["not null"] if not_null else []
        traits += [f"default {plain(default, path)}"] if default is not None else []
    return ObjectPage(
        item,
        tuple(trait for trait in traits if trait),
        columns=tuple(columns_of(answers["attributes"], path)),
        constraints=tuple(
            Constraint(name, "CHECK", plain(definition, path), (), valid, comment)
            for name, definition, valid, comment in answers["checks"]
        ),
        values=tuple(label for (label,) in answers["labels"]),
        grants=grants_of(answers["grants"]),
        used_by=read_dependents(answers["used_by"], path),
        uses=read_dependents(answers["uses"], path),
    )


def _read_sequence(connection: Connection, item: SchemaObject, path: Sequence[str]) -> ObjectPage:
    answers = ask(
        connection,
        {
            "sequence": sql.SQL(_SEQUENCE).format(oid=sql.Literal(item.oid)),
            "grants": grants_query("pg_class", item.oid),
            "used_by": dependents_query("pg_class", item.oid),
        },
    )
    if not answers["sequence"]:
        raise gone(item.qualified)
    ((kind, start, step, least, most, cache, cycle, owner, last, readable),) = answers["sequence"]
    traits = [kind, f"starts with {start}"]
    traits += [f"steps of {step}"] if step != 1 else []
    traits += [f"from {least}"] if least != 1 else []
    traits += [f"up to {most}"] if most != _BIGGEST.get(kind) else []
    traits += [f"cache {cache}"] if cache != 1 else []
    traits += ["cycles"] if cycle else []
    traits += [f"owned by {plain(owner, path)}"] if owner else []
    notes = (
        () if readable else (f"its last value is not known: this role has neither SELECT nor USAGE on {item.written}",)
    )
    return ObjectPage(
        item,
        tuple(traits),
        last_value=last,
        grants=grants_of(answers["grants"]),
        used_by=read_dependents(answers["used_by"], path),
        notes=notes,
    )
