"""Tell what changed in tables and other relations, and in what belongs to them. Pure.

What a partition or a child table has only because its parent has it is left out: it says nothing of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from fsapi_nb.catalog.listing import column_changes
from fsapi_nb.catalog.listing.pair import Owned, Pair, changed_fields, of_part
from fsapi_nb.catalog.listing.rows import ListingView, Row, written
from fsapi_nb.text.words import counted

_CONSTRAINTS = {
    "p": "primary key",
    "u": "unique constraint",
    "f": "foreign key",
    "c": "check",
    "x": "exclusion constraint",
    "n": "not-null constraint",
    "t": "constraint trigger",
}
#: Of the constraint kinds whose indexes are not counted beside them.
_INDEXED = {"p", "u", "x"}
_ENABLED = {"O": "enabled", "D": "disabled", "R": "enabled on replicas", "A": "always enabled"}
_STATES = {
    "persistence": {"u": "set unlogged", "p": "set logged"},
    "row security": {"t": "row security enabled", "f": "row security disabled"},
    "forced": {"t": "row security forced on the owner", "f": "row security not forced on the owner"},
    "populated": {"t": "filled", "f": "emptied"},
}


def summary(view: ListingView, key: str) -> list[str]:
    """Return what a relation that was created or dropped consists of: `6 columns`, `primary key`, `2 indexes`."""
    row = view.row("class", key) or {}
    if row.get("kind") == "S":
        return []
    parents = [
        view.relation((view.row("parent", each) or {}).get("parent")) for each in view.parts("parent", "of", key)
    ]
    found = [f"partition of {parents[0]}"] if parents and row["partition"] == "t" else []
    found += [] if found else [counted(len(view.columns(key)), "column")]
    found += [f"inherits {', '.join(parents)}"] if parents and row["partition"] != "t" else []
    constraints = [each for each in map(_getter(view, "constraint"), view.parts("constraint", "of", key)) if each]
    kinds = [each["kind"] or "" for each in constraints if each["inherited"] == "f" and each["kind"] not in {"n", "t"}]
    found += ["primary key"] if "p" in kinds else []
    found += [_count(kinds.count(kind), _CONSTRAINTS[kind]) for kind in "ufcx" if kind in kinds]
    for source, noun in (("index", "index"), ("trigger", "trigger"), ("rule", "rule"), ("policy", "policy")):
        count = sum(1 for part in view.parts(source, "of", key) if _is_own(view, source, part))
        found += [_count(count, noun)] if count else []
    return found


def _count(count: int, noun: str) -> str:
    plural = {"index": "indexes", "policy": "policies"}.get(noun)
    return f"{count} {plural}" if plural and count != 1 else counted(count, noun)


def _getter(view: ListingView, source: str) -> Callable[[str], Row | None]:
    return lambda key: view.row(source, key)


def _is_own(view: ListingView, source: str, key: str) -> bool:
    """Return whether a part has a name that a reader knows, and is not a copy of its parent's."""
    row = view.row(source, key) or {}
    if source == "index":
        relation = view.row("class", key)
        return relation is not None and relation["partition"] == "f" and not _constraint_of(view, key)
    if source == "trigger":
        return row["internal"] == "f" and row["inherited"] == "f"
    return not (source == "rule" and row["name"] == "_RETURN")


def _constraint_of(view: ListingView, index: str) -> bool:
    """Return whether an index belongs to a constraint, which is said instead."""
    rows = (view.row("constraint", key) for key in view.find("constraint", "index", index))
    return any(row and row["kind"] in _INDEXED for row in rows)


def changed_state(old: Row, new: Row) -> Iterator[str]:
    """Yield the words for flags of a relation that differ."""
    for name, words in _STATES.items():
        if old[name] != new[name] and (phrase := words.get(new[name] or "")):
            yield phrase
    if old["options"] != new["options"]:
        yield "options changed" if new["kind"] == "v" else "storage parameters changed"
    if new["partition"] == old["partition"] == "t" and old["bound"] != new["bound"]:
        yield "bounds changed"


def parts(both: Pair) -> Iterator[Owned]:
    """Yield what changed in parts of relations that are there before and after: the relation, and a phrase."""
    for key, phrase in column_changes.changed_columns(both):
        yield _owner(both, key), phrase
    for source, said in _SAID.items():
        for key in both.changed(source):
            old, new = both.rows(source, key)
            of = (new or old or {}).get("of")
            if source == "constraint" and of == "0":
                yield from _of_domain(old, new)
            elif of and all(both.rows("class", of)):
                yield from ((_owner(both, of), phrase) for phrase in said(both, key, old, new))
    for key in both.changed("class"):
        yield from _of_class(both, key)
    for key in (*both.changed("sequence"), *both.changed("foreign table")):
        source = "sequence" if key in both.after.listing.rows.get("sequence", {}) else "foreign table"
        old, new = both.rows(source, key)
        if old and new:
            yield from ((("class", key), phrase) for phrase in changed_fields(source, old, new))
            yield from _ownership(both, key, old.get("column"), new.get("column"))


def _owner(both: Pair, key: str) -> tuple[str, str]:
    """Return the object that a relation is: a composite type's columns belong to the type."""
    row = both.after.row("class", key) or both.before.row("class", key)
    if row and row["kind"] == "c":
        view = both.after if both.after.row("class", key) else both.before
        types = view.find("type", "relation", key)
        return ("type", types[0]) if types else ("class", key)
    return "class", key


def _constraint(both: Pair, _key: str, old: Row | None, new: Row | None) -> Iterator[str]:
    row = new or old
    if row is None or row["inherited"] == "t":
        return
    if row["kind"] == "n" and not (old and new) and column_changes.are_set_not_null(both, row["of"] or ""):
        return  # it is said of the column
    yield from _constraint_phrases(row, old, new)


def _constraint_phrases(row: Row, old: Row | None, new: Row | None) -> Iterator[str]:
    noun, name = _CONSTRAINTS.get(row["kind"] or "", "constraint"), written(row["name"] or "")
    if old is None or new is None:
        valid = " not valid" if row["validated"] == "f" else ""
        yield f"{'+' if new else '-'} {noun} {name}{valid}"
        return
    if old["name"] != new["name"]:
        yield f"{noun} {written(old['name'] or '')} renamed to {name}"
    if old["validated"] != new["validated"]:
        yield f"{noun} {name} {'validated' if new['validated'] == 't' else 'not valid any more'}"
    yield from (of_part(words, f"{noun} {name}") for words in changed_fields("constraint", old, new))


def _of_domain(old: Row | None, new: Row | None) -> Iterator[Owned]:
    row = new or old
    if row and row["domain"] != "0" and row["kind"] != "n":
        yield from ((("type", row["domain"] or ""), phrase) for phrase in _constraint_phrases(row, old, new))


def _index(both: Pair, key: str, old: Row | None, new: Row | None) -> Iterator[str]:
    view = both.after if new else both.before
    relation = view.row("class", key)
    if relation is None:
        return
    name = written(relation["name"] or "")
    if old is None or new is None:
        if _is_own(view, "index", key):
            row = new or old or {}
            invalid = " (invalid)" if new and row["valid"] == "f" and relation["kind"] == "i" else ""
            yield f"{'+' if new else '-'} {'unique ' if row['unique'] == 't' else ''}index {name}{invalid}"
        return
    if old["valid"] != new["valid"]:
        yield f"index {name} is {'valid' if new['valid'] == 't' else 'invalid'} now"
    yield from (of_part(words, f"index {name}") for words in changed_fields("index", old, new))


def _trigger(both: Pair, _key: str, old: Row | None, new: Row | None) -> Iterator[str]:
    row = new or old
    if row is None:
        return
    name = written(row["name"] or "")
    if row["internal"] == "t" and row["inherited"] == "f":
        constraint = both.after.row("constraint", row["constraint"]) or {}
        kept = written(constraint.get("name") or "a foreign key")
        yield f"triggers of {kept} {_ENABLED.get((new or {}).get('enabled') or 'O', 'enabled')}"
    elif row["internal"] == "t":
        yield f"trigger {name} {_ENABLED.get((new or {}).get('enabled') or 'O', 'enabled')}"
    elif old is None or new is None:
        if row["inherited"] == "f":
            yield f"{'+' if new else '-'} trigger {name}"
    else:
        if old["name"] != new["name"] and row["inherited"] == "f":
            yield f"trigger {written(old['name'] or '')} renamed to {name}"
        parents = both.rows("trigger", row["parent"])
        with_parent = all(parents) and [(each or {})["enabled"] for each in parents] == [old["enabled"], new["enabled"]]
        if old["enabled"] != new["enabled"] and not with_parent:
            yield f"trigger {name} {_ENABLED.get(new['enabled'] or '', 'changed')}"
        if row["inherited"] == "f":
            yield from (of_part(words, f"trigger {name}") for words in changed_fields("trigger", old, new))


def _rule(_both: Pair, _key: str, old: Row | None, new: Row | None) -> Iterator[str]:
    row = new or old
    if row is None:
        return
    name = written(row["name"] or "")
    if row["name"] == "_RETURN":
        if old and new and old["definition"] != new["definition"]:
            yield "replaced"
    elif old is None or new is None:
        yield f"{'+' if new else '-'} rule {name}"
    else:
        if old["name"] != new["name"]:
            yield f"rule {written(old['name'] or '')} renamed to {name}"
        if old["enabled"] != new["enabled"]:
            yield f"rule {name} {_ENABLED.get(new['enabled'] or '', 'changed')}"
        yield from (of_part(words, f"rule {name}") for words in changed_fields("rule", old, new))


def _policy(_both: Pair, _key: str, old: Row | None, new: Row | None) -> Iterator[str]:
    row = new or old
    if row is None:
        return
    name = written(row["name"] or "")
    if old is None or new is None:
        yield f"{'+' if new else '-'} policy {name}"
        return
    if old["name"] != new["name"]:
        yield f"policy {written(old['name'] or '')} renamed to {name}"
    yield from (of_part(words, f"policy {name}") for words in changed_fields("policy", old, new))


def _parent(both: Pair, _key: str, old: Row | None, new: Row | None) -> Iterator[str]:
    row = new or old or {}
    view = both.after if new else both.before
    of, parent = view.row("class", row["of"]), view.row("class", row["parent"])
    if of is None or parent is None or of["kind"] in {"i", "I"}:
        return
    name = (both.after if both.after.row("class", row["parent"]) else both.before).relation(row["parent"])
    if old and new:
        yield f"being detached from {name}" if new["detaching"] == "t" else f"parent {name} changed"
    elif of["partition"] == "t":
        yield f"{'attached to' if new else 'detached from'} {name}"
    else:
        yield f"{'inherits' if new else 'does not inherit any more from'} {name}"


Phrases = Callable[[Pair, str, Row | None, Row | None], Iterator[str]]
_SAID: dict[str, Phrases] = {
    "constraint": _constraint,
    "index": _index,
    "trigger": _trigger,
    "rule": _rule,
    "policy": _policy,
    "parent": _parent,
}


def _of_class(both: Pair, key: str) -> Iterator[Owned]:
    """Yield what changed in the row of an index or of a TOAST table, which belong to another relation."""
    old, new = both.rows("class", key)
    kind = (new or old or {}).get("kind")
    if kind == "t":
        for of in both.after.find("class", "toast", key):
            if both.before.row("class", of):
                yield ("class", of), "TOAST storage parameters changed"
    elif kind in {"i", "I"} and old and new:
        index = both.after.row("index", key)
        if index is None:
            return
        owner, name = _owner(both, index["of"] or ""), written(new["name"] or "")
        if old["name"] != new["name"] and not _constraint_of(both.after, key) and new["partition"] == "f":
            yield owner, f"index {written(old['name'] or '')} renamed to {name}"
        if old["partition"] != new["partition"] and not both.changed_in("class", index["of"], "partition"):
            yield (
                owner,
                f"index {name} {'attached to' if new['partition'] == 't' else 'detached from'} that of the parent",
            )
        if old["options"] != new["options"]:
            yield owner, f"storage parameters of index {name} changed"
        yield from ((owner, of_part(words, f"index {name}")) for words in changed_fields("class", old, new))


def owner_of(view: ListingView, sequence: str) -> tuple[str, str, str]:
    """Return the relation and the number of the column that owns a sequence, and how; empty texts if none does."""
    relation, _, rest = ((view.row("sequence", sequence) or {}).get("column") or "").partition(".")
    number, _, kind = rest.partition(".")
    return relation, number, kind


def _ownership(both: Pair, key: str, old: str | None, new: str | None) -> Iterator[Owned]:
    """Yield which column owns a sequence that is there before and after."""
    if old == new:
        return
    relation, number, _ = owner_of(both.after, key)
    column = both.after.row("attribute", f"{relation}.{number}")
    if column:
        yield ("class", key), f"owned by {both.after.relation(relation)}.{written(column['name'] or '')}"
    else:
        yield ("class", key), "owned by no column any more"


def note(both: Pair, of: str, key: str, number: str, on: str, alone: str) -> Iterator[Owned]:
    """Yield a phrase about a note on a relation or a part of it; `on` has room for the name of the part."""
    row = both.after.row(of, key) or {}
    if of == "class" and number != "0":
        column = both.after.row("attribute", f"{key}.{number}")
        if column and both.before.row("attribute", f"{key}.{number}"):
            yield _owner(both, key), on.format(f"column {written(column['name'] or '')}")
    elif of == "class":
        index = both.after.row("index", key)
        owner = _owner(both, index["of"] or "") if index else _owner(both, key)
        yield owner, on.format(f"index {written(row['name'] or '')}") if index else alone
    elif of == "constraint" and row["of"] == "0":
        yield ("type", row["domain"] or ""), on.format(f"constraint {written(row['name'] or '')}")
    elif row.get("of"):
        yield _owner(both, row["of"] or ""), on.format(f"{of} {written(row.get('name') or '')}")
