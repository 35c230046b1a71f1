"""The text of definitions: statements one after the other, with what can be written within its parent. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from fsapi_nb.catalog.ddl.definition import Definition, ObjectAddress

INDENT = "    "
#: What a session must have so that the text means what it meant where it was read.
SETTINGS = (
    "SET search_path TO '';",
    "SET check_function_bodies TO off;",
)
_KEY = re.compile(r".* (?:PRIMARY KEY|UNIQUE|EXCLUDE) ")
#: How every script begins: by it a file is known.
FIRST_LINE = "-- The schema of the database, as fsapi_nb writes it."
HEADER = f"""\
{FIRST_LINE}
-- It creates all of it in an empty database. Change it by migrations: this file is overwritten.
"""


def written(definitions: Sequence[Definition]) -> list[tuple[Definition, tuple[str, ...]]]:
    """Return the definitions in their order with their statements, without those that are written in another one.

    A default, an identity, a check or a key stands in its parent's CREATE if all that it needs is there before.
    """
    place = {each.address: number for number, each in reversed([*enumerate(definitions)])}
    inlined = _inlined(definitions, place)
    merged: dict[ObjectAddress, list[Definition]] = {}
    for each in definitions:
        if each.address in inlined and each.parent:
            merged.setdefault(each.parent, []).append(each)
    found = []
    for each in definitions:
        if each.address in inlined or (each.copies and each.copies in inlined):
            continue
        parts = merged.get(each.address, [])
        statements = (_merge(each, parts), *each.create[1:]) if parts else each.create
        extra = tuple(statement for part in parts for statement in part.create[1:])
        if statements or extra:
            found.append((each, (*statements, *extra)))
    return found


def script_of(definitions: Sequence[Definition]) -> str:
    """Return the file that creates everything in an empty database."""
    return "\n\n".join(filter(None, (HEADER + "\n" + "\n".join(SETTINGS), block_of(definitions)))) + "\n"


def block_of(definitions: Sequence[Definition]) -> str:
    """Return the statements: what belongs to one object stands below it without empty lines, as long as it is short."""
    text, before, long_before = "", None, False
    for each, statements in written(definitions):
        of, is_long = each.parent or each.address, "\n" in statements[0]
        if text:
            text += "\n\n" if of != before or is_long or long_before else "\n"
        text += "\n".join(statements)
        before, long_before = of, is_long and each.parent is not None
    return text


def _inlined(definitions: Iterable[Definition], place: dict[ObjectAddress, int]) -> set[ObjectAddress]:
    """Return what stands in its parent's CREATE: it has a place there, and what it needs comes before the parent."""
    parents = {each.address: each for each in definitions}
    found: set[ObjectAddress] = set()
    keys: set[tuple[ObjectAddress, str]] = set()
    for each in definitions:
        parent = parents.get(each.parent) if each.parent else None
        if each.inline is None or parent is None or each.inline.column not in parent.slots:
            continue
        here = place[parent.address]
        if not all(need == parent.address or place.get(need, -1) < here for need in each.needs):
            continue
        # Of two keys on the same columns in one CREATE TABLE PostgreSQL makes one.
        key = (parent.address, _KEY.sub("", each.inline.text)) if _KEY.match(each.inline.text) else None
        if key not in keys:
            found.add(each.address)
        if key:
            keys.add(key)
    return found


def _merge(parent: Definition, parts: list[Definition]) -> str:
    """Return the CREATE of a table or domain with these parts in their places."""
    text = parent.create[0]
    # Of two at one place the one of the whole table is put there first, so that it stands behind.
    changes: list[tuple[int, int, str]] = [
        (parent.slots[each.inline.column], 0, f" {each.inline.text}")
        for each in parts
        if each.inline and each.inline.column
    ]
    elements = [each.inline.text for each in parts if each.inline and not each.inline.column]
    if elements:
        changes.append((parent.slots[0], 1, _elements(parent, sorted(elements, key=_is_no_primary_key))))
    for at, _, more in sorted(changes, reverse=True):
        text = text[:at] + more + text[at:]
    return text


def _elements(parent: Definition, elements: list[str]) -> str:
    """Return lines of a table that follow its columns, or of a domain."""
    if parent.address.catalog == "pg_type":
        return "".join(f"\n{INDENT}{each}" for each in elements)
    at = parent.slots[0]
    text = f",\n{INDENT}".join(elements)
    if parent.create[0][at] == "\n":
        return f",\n{INDENT}{text}"
    return f"\n{INDENT}{text}\n"


def _is_no_primary_key(element: str) -> bool:
    return " PRIMARY KEY (" not in element
