"""Objects that differ as readers write them: short names, and what belongs to a new table with the table. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fsapi_nb.catalog.difference import Change, ChangeKind
from fsapi_nb.text.safe import visible_line
from fsapi_nb.text.words import counted

# A name in quotes stays as it is; so does what only looks like a schema within it.
_WELL_KNOWN = re.compile(r'("(?:[^"]|"")*")|\b(?:public|pg_catalog)\.')
_COMMA = re.compile(r'("(?:[^"]|"")*")|,(?=\S)')
_OF_INDEX = re.compile(r'^CREATE (?:UNIQUE )?INDEX (?:"(?:[^"]|"")*"|\S+) ON (?:ONLY )?((?:"(?:[^"]|"")*"|[^\s"])+)')
_OF_SEQUENCE = re.compile(
    r'^(?:IDENTITY OF|OWNED BY) ((?:"(?:[^"]|"")*"|[^"])+)\.(?:"(?:[^"]|"")*"|[^".]+)$', re.MULTILINE
)
_COLUMN = re.compile(r"^    \S", re.MULTILINE)
_ON_TABLE = frozenset({"table constraint", "trigger", "policy", "rule"})
#: What is counted beside a table, in this order; a sequence of its own column goes without saying.
_COUNTED = {
    "table constraint": "constraint",
    "index": "index",
    "trigger": "trigger",
    "policy": "policy",
    "rule": "rule",
}


@dataclass(frozen=True, slots=True)
class ChangedObject:
    """An object that differs, with the parts of a table that is new, or gone, as a whole."""

    change: Change
    parts: tuple[Change, ...] = ()

    @property
    def kind(self) -> str:
        """The kind of object, in the server's words."""
        return self.change.kind

    def name(self) -> str:
        """Return its name, with how many columns and parts it has if it is a table that is new or gone."""
        change = self.change
        text = change.after if change.after is not None else change.before or ""
        name = short_name(change.identity)
        if change.kind == "index" and (found := _OF_INDEX.match(text)):
            name = f"{name} on {short_name(found[1])}"
        if change.kind != "table" or change.change is ChangeKind.CHANGED:
            return visible_line(name)
        parts = Counter(part.kind for part in self.parts)
        columns = len(_COLUMN.findall(text.partition("\n)")[0]))
        said = [counted(columns, "column")]
        said += [counted(parts[kind], word) for kind, word in _COUNTED.items() if parts[kind]]
        return visible_line(f"{name} ({', '.join(said)})")


def changed_objects(changes: Sequence[Change]) -> list[ChangedObject]:
    """Return the changes, those of parts of a table that is new or gone with the change of the table."""
    tables = {
        each.identity: each.change for each in changes if each.kind == "table" and each.change is not ChangeKind.CHANGED
    }
    parts: dict[str, list[Change]] = {}
    alone: list[Change] = []
    for each in changes:
        table = _table_of(each)
        if table is not None and tables.get(table) is each.change:
            parts.setdefault(table, []).append(each)
        else:
            alone.append(each)
    return [ChangedObject(each, tuple(parts.get(each.identity, ())) if each.kind == "table" else ()) for each in alone]


def short_name(identity: str) -> str:
    """Return an identity without the schemas that go without saying, with a blank behind each comma."""
    short = _WELL_KNOWN.sub(lambda found: found[1] or "", identity)
    return _COMMA.sub(lambda found: found[1] or ", ", short)


def without_owner(changes: Iterable[Change], owner: str) -> tuple[Change, ...]:
    """Return the changes without the line that says what goes without saying: who owns what the like role owns."""
    return tuple(_without_line(each, f"OWNER TO {owner}") for each in changes)


def _without_line(change: Change, line: str) -> Change:
    texts = [text.split("\n") for text in (change.before, change.after) if text is not None]
    if not all(line in lines for lines in texts):
        return change
    shown = iter("\n".join(each for each in lines if each != line) for lines in texts)
    return Change(
        change.change,
        change.kind,
        change.identity,
        None if change.before is None else next(shown),
        None if change.after is None else next(shown),
    )


def _table_of(change: Change) -> str | None:
    """Return the table that an object belongs to, as far as its identity or its text says it."""
    text = change.after if change.after is not None else change.before or ""
    if change.kind in _ON_TABLE:
        return change.identity.rpartition(" on ")[2]
    pattern = {"index": _OF_INDEX, "sequence": _OF_SEQUENCE}.get(change.kind)
    found = pattern.search(text) if pattern else None
    return found[1] if found else None
