"""Write the statements that change a part that stays: its columns' types, settings, comment, owner and privileges.

All names are those before: they run when what was renamed has its name back, and what is in the way is dropped.
"""

from __future__ import annotations

from collections.abc import Iterator

from fsapi_nb.catalog.ddl.definition import ObjectAddress
from fsapi_nb.catalog.parts.part import CatalogPart, CatalogParts
from fsapi_nb.derive.comparison import Comparison
from fsapi_nb.derive.write import (
    ON_TABLE,
    column_settings,
    column_type,
    comment,
    create,
    enabled,
    grants,
    identity,
    index_of,
    name_of,
    options,
    sequence_options,
    table_of,
    table_settings,
)
from fsapi_nb.text.sql import quote_literal, unquoted

_WITHOUT_OWNER = {"column", "default", "index", "extension", *ON_TABLE}


def alter(comparison: Comparison, after: ObjectAddress) -> Iterator[str]:
    """Yield the statements that make a part that is in both as it was before."""
    old, new = comparison.pair(after)
    parts = comparison.before
    if after in comparison.replaced:
        yield from _replace(old, parts)
    if old.kind in _ALTERATIONS:
        yield from _ALTERATIONS[old.kind](old, new, comparison)
    if old.kind == "default":
        return
    if old.kind not in _WITHOUT_OWNER and old.state.get("owner") != new.state.get("owner"):
        yield f"ALTER {name_of(old, parts)} OWNER TO {old.state['owner']};"
    if said := comment(old, new.state.get("comment"), parts):
        yield said
    if old.state.get("owner") == new.state.get("owner"):
        yield from grants(old, new.state.get("acl"), parts)
    else:
        yield from grants(old, _given_to(new, old), parts)


def _given_to(new: CatalogPart, old: CatalogPart) -> list[list[object]]:
    """Return who may use a part once it has its owner back: what its owner may do is then that owner's."""
    here, back = new.state.get("owner"), old.state.get("owner")
    return [[back if role == here else role, *rest] for role, *rest in new.state.get("acl") or ()]


def _replace(old: CatalogPart, parts: CatalogParts) -> Iterator[str]:
    if old.kind == "view":
        first, *_ = create(old, parts)
        yield first.replace("CREATE VIEW", "CREATE OR REPLACE VIEW", 1)
    elif old.kind == "default":
        yield from create(old, parts)
    else:
        yield f"{old.state['text']};"


def _table(old: CatalogPart, new: CatalogPart, _: Comparison) -> Iterator[str]:
    if old.state["persistence"] != new.state["persistence"]:
        yield f"ALTER TABLE {old.qualified} SET {'UNLOGGED' if old.state['persistence'] == 'u' else 'LOGGED'};"
    if old.state["tablespace"] != new.state["tablespace"]:
        yield f"ALTER TABLE {old.qualified} SET TABLESPACE {old.state['tablespace'] or 'pg_default'};"
    yield from table_settings(old, new.state)


def _column(old: CatalogPart, new: CatalogPart, comparison: Comparison) -> Iterator[str]:
    parts = comparison.before
    prefix = f"ALTER TABLE {table_of(old, parts)} ALTER COLUMN {old.name}"
    a, b = old.state, new.state
    if comparison.follows_parent(new, comparison.after):
        if a["not_null"] != b["not_null"] and not comparison.changes_with_parent(new, "not_null"):
            yield f"{prefix} {'SET' if a['not_null'] else 'DROP'} NOT NULL;"
        yield from column_settings(old, b, parts)
        return
    if b["identity"] and not a["identity"]:
        yield f"{prefix} DROP IDENTITY;"
    if new.address in comparison.converted:
        yield f"{prefix} TYPE {column_type(old)}{using(old, new, comparison)};"
    if a["not_null"] != b["not_null"]:
        if a["not_null"] and a["not_null_name"]:
            yield f"ALTER TABLE {table_of(old, parts)} ADD CONSTRAINT {a['not_null_name']} NOT NULL {old.name};"
        else:
            yield f"{prefix} {'SET' if a['not_null'] else 'DROP'} NOT NULL;"
    elif a["not_null_constraint"] != b["not_null_constraint"]:
        names = f"{b['not_null_constraint']} TO {a['not_null_constraint']}"
        yield f"ALTER TABLE {table_of(old, parts)} RENAME CONSTRAINT {names};"
    yield from _identity(old, new, prefix, table_of(old, parts))
    yield from column_settings(old, b, parts)


def _identity(old: CatalogPart, new: CatalogPart, prefix: str, table: str) -> Iterator[str]:
    a, b = old.state, new.state
    if a["identity"] and not b["identity"]:
        yield f"{prefix} ADD {identity(old)};"
        yield go_on(table, old.name)
    elif a["identity"] and a["identity"] != b["identity"]:
        yield f"{prefix} SET GENERATED {'ALWAYS' if a['identity'] == 'a' else 'BY DEFAULT'};"
    if a["identity"] and b["identity"] and a["identity_sequence"] != b["identity_sequence"]:
        yield f"{prefix} {a['identity_sequence']};"


def go_on(table: str, column: str) -> str:
    """Return the statement that lets the sequence of a column go on after the highest value that is there."""
    sequence = f"pg_catalog.pg_get_serial_sequence({quote_literal(table)}, {quote_literal(unquoted(column))})"
    return (
        f"SELECT pg_catalog.setval({sequence}, pg_catalog.max({column}) + 1, false)"
        f" FROM {table} HAVING pg_catalog.max({column}) > 0;"
    )


def using(old: CatalogPart, new: CatalogPart, comparison: Comparison) -> str:
    """Return how the values of a column are led back to its type before; empty if PostgreSQL converts them by itself."""
    a, b = old.state, new.state
    casts = comparison.after.casts
    away = any(need in comparison.away for need in new.needs)
    bases = (b["base_oid"], a["base_oid"])
    if not away and (b["type_oid"] == a["type_oid"] or bases[0] == bases[1] or casts.get(bases) in {"a", "i"}):
        return ""
    if not away and a["type_category"] == "S":
        return ""
    if not away and casts.get(bases) == "e":
        return f" USING {old.name}::{a['type']}"
    array = "[]" if a["type"].endswith("[]") and b["type"].endswith("[]") else ""
    return f" USING {old.name}::text{array}::{a['type']}"


def _constraint(old: CatalogPart, new: CatalogPart, comparison: Comparison) -> Iterator[str]:
    if old.state["type"] == "f" and (old.state["deferrable"], old.state["deferred"]) != (
        new.state["deferrable"],
        new.state["deferred"],
    ):
        how = "DEFERRABLE" if old.state["deferrable"] else "NOT DEFERRABLE"
        how += (
            " INITIALLY DEFERRED"
            if old.state["deferred"]
            else " INITIALLY IMMEDIATE"
            if old.state["deferrable"]
            else ""
        )
        yield f"ALTER TABLE {table_of(old, comparison.before)} ALTER CONSTRAINT {old.name} {how};"
    index = index_of(old, comparison.before)
    for change in options(new.state["options"], old.state["options"]):
        yield f"ALTER INDEX {index} {change};"
    if old.state["index_comment"] != new.state["index_comment"]:
        said = old.state["index_comment"]
        yield f"COMMENT ON INDEX {index} IS {_literal(said)};"


def _index(old: CatalogPart, new: CatalogPart, _: Comparison) -> Iterator[str]:
    for change in options(new.state["options"], old.state["options"]):
        yield f"ALTER INDEX {old.qualified} {change};"
    if old.state["tablespace"] != new.state["tablespace"]:
        yield f"ALTER INDEX {old.qualified} SET TABLESPACE {old.state['tablespace'] or 'pg_default'};"
    there, wanted = new.state["statistics"] or {}, old.state["statistics"] or {}
    for number in sorted({*there, *wanted}):
        if there.get(number) != wanted.get(number):
            yield f"ALTER INDEX {old.qualified} ALTER COLUMN {number} SET STATISTICS {wanted.get(number, -1)};"


def _sequence(old: CatalogPart, new: CatalogPart, _: Comparison) -> Iterator[str]:
    if sequence_options(old) != sequence_options(new):
        yield f"ALTER SEQUENCE {old.qualified} {sequence_options(old)};"
    if old.state["persistence"] != new.state["persistence"]:
        yield f"ALTER SEQUENCE {old.qualified} SET {'UNLOGGED' if old.state['persistence'] == 'u' else 'LOGGED'};"


def _view(old: CatalogPart, new: CatalogPart, comparison: Comparison) -> Iterator[str]:
    if new.address not in comparison.replaced:
        for change in options(new.state["options"], old.state["options"]):
            yield f"ALTER {old.kind.upper()} {old.qualified} {change};"
    if old.state["populated"] != new.state["populated"]:
        yield f"REFRESH MATERIALIZED VIEW {old.qualified}{'' if old.state['populated'] else ' WITH NO DATA'};"
    there = {column["name"]: column for column in new.state["columns"] or ()}
    for column, here in zip(old.state["columns"] or (), new.state["columns"] or (), strict=False):
        if column["name"] != here["name"] and new.address not in comparison.replaced:
            yield f"ALTER TABLE {old.qualified} RENAME COLUMN {here['name']} TO {column['name']};"
    for column in old.state["columns"] or ():
        said = column["comment"]
        if said != there.get(column["name"], {}).get("comment"):
            yield f"COMMENT ON COLUMN {old.qualified}.{column['name']} IS {_literal(said)};"


def _trigger(old: CatalogPart, new: CatalogPart, comparison: Comparison) -> Iterator[str]:
    if old.state["enabled"] != new.state["enabled"]:
        yield f"ALTER TABLE {table_of(old, comparison.before)} {enabled(old)}"


def _statistics(old: CatalogPart, new: CatalogPart, _: Comparison) -> Iterator[str]:
    if old.state["target"] != new.state["target"]:
        target = old.state["target"] if old.state["target"] is not None else -1
        yield f"ALTER STATISTICS {old.qualified} SET STATISTICS {target};"


def _enum(old: CatalogPart, new: CatalogPart, comparison: Comparison) -> Iterator[str]:
    if new.address not in comparison.away:
        yield from renamed_labels(old, new, old.qualified)


def renamed_labels(old: CatalogPart, new: CatalogPart, name: str) -> Iterator[str]:
    """Yield the statements that give the values of an enum the names back that they had."""
    before = dict(map(tuple, old.state["labels"] or ()))
    for oid, label in new.state["labels"] or ():
        if oid in before and before[oid] != label:
            yield f"ALTER TYPE {name} RENAME VALUE {label} TO {before[oid]};"


def _domain(old: CatalogPart, new: CatalogPart, comparison: Comparison) -> Iterator[str]:
    if new.address in comparison.away:
        return
    a, b, prefix = old.state, new.state, f"ALTER DOMAIN {old.qualified}"
    before = {each["oid"]: each for each in a["constraints"] or ()}
    after = {each["oid"]: each for each in b["constraints"] or ()}
    for oid, each in after.items():
        if oid not in before or before[oid]["text"] != each["text"]:
            yield f"{prefix} DROP CONSTRAINT {each['name']};"
        elif before[oid]["name"] != each["name"]:
            yield f"{prefix} RENAME CONSTRAINT {each['name']} TO {before[oid]['name']};"
    if a["default"] != b["default"]:
        yield f"{prefix} {'DROP DEFAULT' if a['default'] is None else 'SET DEFAULT ' + a['default']};"
    if a["not_null"] != b["not_null"]:
        yield f"{prefix} {'SET' if a['not_null'] else 'DROP'} NOT NULL;"
    for oid, each in before.items():
        said = after[oid]["comment"] if oid in after else None
        if oid not in after or after[oid]["text"] != each["text"]:
            yield f"{prefix} ADD CONSTRAINT {each['name']} {each['text']};"
            said = None
        if said != each["comment"]:
            yield f"COMMENT ON CONSTRAINT {each['name']} ON DOMAIN {old.qualified} IS {_literal(each['comment'])};"


def _composite(old: CatalogPart, new: CatalogPart, comparison: Comparison) -> Iterator[str]:
    if new.address in comparison.away:
        return
    before = {each["number"]: each for each in old.state["attributes"] or ()}
    after = {each["number"]: each for each in new.state["attributes"] or ()}
    prefix = f"ALTER TYPE {old.qualified}"
    for number, each in after.items():
        if number not in before:
            yield f"{prefix} DROP ATTRIBUTE {each['name']};"
            continue
        if before[number]["name"] != each["name"]:
            yield f"{prefix} RENAME ATTRIBUTE {each['name']} TO {before[number]['name']};"
        if (before[number]["type_oid"], before[number]["modifier"]) != (each["type_oid"], each["modifier"]):
            yield f"{prefix} ALTER ATTRIBUTE {before[number]['name']} TYPE {before[number]['type']};"
    for number, each in before.items():
        if number not in after:
            yield f"{prefix} ADD ATTRIBUTE {each['name']} {each['type']};"
        if each["comment"] != (after[number]["comment"] if number in after else None):
            yield f"COMMENT ON COLUMN {old.qualified}.{each['name']} IS {_literal(each['comment'])};"


def _literal(text: str | None) -> str:
    return "NULL" if text is None else quote_literal(text)


def _extension(old: CatalogPart, new: CatalogPart, _: Comparison) -> Iterator[str]:
    if old.state["version"] != new.state["version"]:
        yield f"ALTER EXTENSION {old.name} UPDATE TO {quote_literal(old.state['version'])};"
    if old.schema != new.schema:
        yield f"ALTER EXTENSION {old.name} SET SCHEMA {old.schema};"


_ALTERATIONS = {
    "table": _table,
    "column": _column,
    "constraint": _constraint,
    "index": _index,
    "sequence": _sequence,
    "view": _view,
    "materialized view": _view,
    "trigger": _trigger,
    "rule": _trigger,
    "statistics": _statistics,
    "enum": _enum,
    "domain": _domain,
    "composite": _composite,
    "extension": _extension,
}
