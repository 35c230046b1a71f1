"""Tell what changed from one listing to another, object by object. Pure.

The same OID with another name was renamed. What has no text in a listing is said to be changed or replaced.
"""

from __future__ import annotations

from collections.abc import Iterator

from fsapi_nb.catalog.listing import relation_changes
from fsapi_nb.catalog.listing.pair import Owned, Pair, changed_fields, pair
from fsapi_nb.catalog.listing.privileges import changed_rights
from fsapi_nb.catalog.listing.reading import CatalogListing
from fsapi_nb.catalog.listing.rows import SOURCE_OF, SOURCES, ListingView, Row, written
from fsapi_nb.catalog.listing.together import made_again, objects_made_again, without_partitions
from fsapi_nb.model.schema_change import CHANGED, CREATED, DROPPED, SchemaChange

RELATION_KINDS = {
    "r": "table",
    "p": "table",
    "f": "foreign table",
    "v": "view",
    "m": "materialized view",
    "S": "sequence",
}
_KIND_ORDER = {kind: number for number, kind in enumerate(RELATION_KINDS.values())}
_ROUTINES = {"f": "function", "p": "procedure", "a": "aggregate", "w": "window function"}
_TYPES = {"e": "enum", "c": "type", "d": "domain", "r": "range type"}
_DEFAULTS_ON = {"r": "tables", "S": "sequences", "f": "functions", "T": "types", "n": "schemas", "L": "large objects"}
_ENABLED = {"O": "enabled", "D": "disabled", "R": "enabled on replicas", "A": "always enabled"}
#: What is said of an object if one of these parts of it has changed.
_PARTS = {
    "aggregate": ("routine", "replaced"),
    "operator of family": ("operator family", "operators changed"),
    "function of family": ("operator family", "functions changed"),
    "mapping of configuration": ("text search configuration", "mappings changed"),
    "published table": ("publication", "tables changed"),
    "published schema": ("publication", "schemas changed"),
}
#: The sources whose rows are objects, in the order in which changes are said.
_OBJECTS = (
    *("extension", "schema", "type", "class", "statistics", "routine"),
    *(
        name
        for name, source in SOURCES.items()
        if source.fields[0].name == "name"
        and name not in {"class", "statistics", "constraint", "trigger", "rule", "policy"}
    ),
)
_ORDER = {name: number for number, name in reversed(list(enumerate(_OBJECTS)))}
_NOTES = {"comment": "comment", "security label": "security label", "need": "dependency on an extension"}


def difference(before: CatalogListing, after: CatalogListing, home: str) -> tuple[SchemaChange, ...]:
    """Return what changed, the same in each run: by kinds, and of one kind by names.

    Args:
        before: The listing that was read first.
        after: The other one, of the same database.
        home: The schema whose name is not written before its objects.
    """
    if before.rows == after.rows:
        return ()
    both = pair(before, after, home)
    details: dict[tuple[str, str], list[str]] = {}
    touched: dict[tuple[str, str], None] = {}
    for source in _OBJECTS:
        for key in both.changed(source):
            touched[source, key] = None
    for owner, phrase in _phrases(both):
        if owner not in touched:
            touched[owner] = None
        if phrase and phrase not in (known := details.setdefault(owner, [])):
            known.append(phrase)
    found = [
        (_ORDER[source], _KIND_ORDER.get(change.kind, 0), change)
        for source, key in touched
        if (change := _change(both, source, key, details.get((source, key), [])))
    ]
    found.sort(key=lambda each: (*each[:2], each[2].name, each[2].action))
    return without_partitions(objects_made_again([change for *_, change in found]))


def _change(both: Pair, source: str, key: str, details: list[str]) -> SchemaChange | None:
    """Return what became of an object; None if it is a part of another one, or nothing is to be said of it."""
    old, new = both.rows(source, key)
    old, new = (
        None if row and not _is_seen(view, row) else row for view, row in ((both.before, old), (both.after, new))
    )
    row = new or old
    if row is None:
        return None
    kind = _kind(source, row)
    if kind is None or (source == "class" and _is_made_with_column(both, key, row, old, new)):
        return None
    view = both.after if new else both.before
    name = _name(view, source, row)
    if old is None or new is None:
        action = CREATED if new else DROPPED
        summary = relation_changes.summary(view, key) if source == "class" else []
        rights = _rights(source, kind, None, new) if new and source != "default privileges" else []
        return SchemaChange(action, kind, name, (*summary, *rights))
    phrases = [*_own(both, source, kind, old, new), *made_again(details)]
    if kind == "sequence":
        phrases = _without_those_of_table(both, key, old, new, phrases)
    return SchemaChange(CHANGED, kind, name, tuple(phrases)) if phrases else None


def _without_those_of_table(both: Pair, key: str, old: Row, new: Row, phrases: list[str]) -> list[str]:
    """Return the phrases of a sequence without those that its table has as well: owner and schema."""
    table, _, _ = relation_changes.owner_of(both.after, key)
    alike = [
        field for field in ("owner", "schema") if old[field] != new[field] and both.changed_in("class", table, field)
    ]
    left_out = tuple({"owner": "owner ", "schema": "moved "}[field] for field in alike)
    return [phrase for phrase in phrases if not left_out or not phrase.startswith(left_out)]


def _is_seen(view: ListingView, row: Row) -> bool:
    """Return whether an object is in a schema that is listed, or in none. Those of temporary objects are not."""
    schema = row.get("schema")
    return schema in {None, "0"} or view.row("schema", schema) is not None


def _kind(source: str, row: Row) -> str | None:
    kind = row.get("kind") or ""
    if source == "class":
        return RELATION_KINDS.get(kind)
    if source == "routine":
        return _ROUTINES.get(kind, "function")
    return _TYPES.get(kind, "type") if source == "type" else source


def _name(view: ListingView, source: str, row: Row) -> str:
    """Return the name of an object as a reader knows it."""
    name, schema = row["name"], row.get("schema")
    if source in {"cast", "transform", "user mapping"}:
        return name or ""
    if source == "default privileges":
        space_row = view.row("schema", schema)
        space = f" in schema {written(space_row['name'] or '')}" if space_row else ""
        return f"of {written(name or '')} on {_DEFAULTS_ON.get(row['kind'] or '', 'objects')}{space}"
    if source == "operator":
        space_row = view.row("schema", schema)
        prefix = "" if space_row is None or space_row["name"] == view.home else f"{written(space_row['name'] or '')}."
        arguments = ", ".join(view.type_name(side) or "none" for side in (row["left"], row["right"]))
        return f"{prefix}{name}({arguments})"
    shown = view.qualified(name, schema)
    if source == "routine":
        arguments = ", ".join(view.type_name(each) for each in (row["arguments"] or "").split(", ") if each)
        return f"{shown}({arguments})"
    return shown


def _is_made_with_column(both: Pair, key: str, row: Row, old: Row | None, new: Row | None) -> bool:
    """Return whether a sequence was made or dropped with the column that owns it."""
    if row["kind"] != "S" or (old and new):
        return False
    view, other = (both.after, both.before) if new else (both.before, both.after)
    relation, number, kind = relation_changes.owner_of(view, key)
    if not relation:
        return False
    is_new = other.row("attribute", f"{relation}.{number}") is None or other.row("class", relation) is None
    return kind == "i" or is_new


def _own(both: Pair, source: str, kind: str, old: Row, new: Row) -> Iterator[str]:
    """Yield what changed in the row of an object that is there before and after."""
    if old["name"] != new["name"]:
        yield f"renamed from {old['name'] if source == 'operator' else written(old['name'] or '')}"
    if old.get("schema") != new.get("schema"):
        space = both.before.row("schema", old.get("schema"))
        yield f"moved from schema {written(space['name'] or '') if space else '?'}"
    if old.get("owner") != new.get("owner"):
        yield f"owner {written(old['owner'] or '')} -> {written(new['owner'] or '')}"
    yield from changed_fields(source, old, new)
    if source == "class":
        yield from relation_changes.changed_state(old, new)
    if source == "event trigger" and old["enabled"] != new["enabled"]:
        yield _ENABLED.get(new["enabled"] or "", "changed")
    if source == "type" and old["not null"] != new["not null"]:
        yield "set not null" if new["not null"] == "t" else "may be null"
    yield from _rights(source, kind, old, new)


def _rights(source: str, kind: str, old: Row | None, new: Row) -> list[str]:
    """Return the phrases of rights that were granted and revoked."""
    defaults = {"class": "sequence" if kind == "sequence" else "table", "default privileges": "column"}.get(
        source, source
    )
    owner = new.get("owner") or ""
    owners = (old.get("owner") or "") if old else owner, owner
    return list(changed_rights(old.get("acl") if old else None, new.get("acl"), kind=defaults, owners=owners))


def _phrases(both: Pair) -> Iterator[Owned]:
    """Yield what changed in parts of objects: the object, and a phrase."""
    yield from relation_changes.parts(both)
    for source, (of, words) in _PARTS.items():
        for key in both.changed(source):
            old, new = both.rows(source, key)
            yield (of, str((new or old or {}).get("of"))), words
    yield from _labels(both)
    for source, words in _NOTES.items():
        for key in both.changed(source):
            yield from _note(both, source, key, words)


def _labels(both: Pair) -> Iterator[Owned]:
    """Yield what became of the values of enums."""
    for key in both.changed("label"):
        old, new = both.rows("label", key)
        row = new or old or {}
        if old and new:
            phrase = f"value '{old['name']}' renamed to '{new['name']}'"
        else:
            phrase = f"{'+' if new else '-'} value '{row['name']}'"
        yield ("type", str(row["of"])), phrase


def _note(both: Pair, source: str, key: str, words: str) -> Iterator[Owned]:
    """Yield that a comment or a label of an object, or of a part of it, was set, changed or removed."""
    catalog, object_key, number, *_ = key.split(".")
    of = SOURCE_OF.get(catalog)
    old, new = both.rows(source, key)
    done = "changed" if old and new else "set" if new else "removed"
    if of is None or not all(both.rows(of, object_key)):
        return
    if of in _ORDER and of != "class" and number == "0":
        yield (of, object_key), f"{words} {done}"
    else:
        yield from relation_changes.note(both, of, object_key, number, f"{words} on {{}} {done}", f"{words} {done}")
