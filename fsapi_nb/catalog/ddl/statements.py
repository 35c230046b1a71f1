"""Makes definitions of what the queries of kinds give: facts in, whole statements out. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypedDict

from fsapi_nb.catalog.ddl.definition import LATER, Definition, Inline, ObjectAddress, Unwritten
from fsapi_nb.text.sql import quote_literal


class Later(TypedDict):
    """What is said of an object when others are there: a definition of its own."""

    kind: str
    parent: tuple[str, str]
    create: list[str]
    drop: str


# The names are keys of a JSON object, which SQL makes.
ObjectFacts = TypedDict(
    "ObjectFacts",
    {
        # Kind and name as in COMMENT ON and DROP; empty if it has neither. Kind and name as in GRANT … ON.
        "reference": str,
        "grant": str,
        # Statements without their `;`: those that create it, those after its owner and privileges.
        "create": list[str],
        "after": list[str],
        # Empty if it goes with another one only, None if it is DROP and its name.
        "drop": str | None,
        "stub": list[str] | None,
        "full": list[str] | None,
        # Of a table or domain: text before and behind the list of columns, the columns by number, lines of checks.
        "head": str,
        "tail": str,
        "listless": bool,
        "separator": str,
        "columns": list[tuple[int, str, str | None]] | None,
        "checks": list[str] | None,
        "parent": tuple[str, str],
        "inline": tuple[int, str] | None,
        "copies": str | None,
        "later": Later | None,
        "comments": list[tuple[str, str]] | None,
        "column grants": list[tuple[str, list["Grant"]]] | None,
        "default privileges": str,
        # Whether its owner goes without saying, and the comment that it has by itself.
        "same owner": bool,
        "first comment": str | None,
        "unwritten": str | None,
        "secrets": str | None,
    },
    total=False,
)
#: Verb, privilege, whether it may be granted on, to whom, by whom if not by the owner.
Grant = tuple[str, str, bool, str, str | None]
INDENT = "    "


@dataclass(frozen=True, slots=True)
class DefinitionRow:
    """What is read of one object."""

    address: ObjectAddress
    kind: str
    identity: str
    facts: ObjectFacts
    owner: str | None
    grants: list[Grant] | None
    comment: str | None
    labels: list[tuple[str, str | None, str]] | None
    extensions: list[str] | None


def definitions_of(row: DefinitionRow) -> Iterator[Definition]:
    """Return the definition of an object, and the one of what is said of it later."""
    facts = row.facts
    slots: dict[int, int] = {}
    create = [_head(facts, slots)] if "head" in facts else list(facts.get("create") or ())
    full = facts.get("full")
    beside = list(_beside(row))
    inline, copies, parent = facts.get("inline"), facts.get("copies"), facts.get("parent")
    yield Definition(
        row.address,
        row.kind,
        row.identity,
        _ended([*create, *beside]),
        _end(_drop(facts)),
        parent=_address(parent) if parent else None,
        inline=Inline(*inline) if inline else None,
        slots=slots,
        copies=ObjectAddress(row.address.catalog, int(copies)) if copies else None,
        stub=_ended(facts.get("stub") or ()),
        full=_ended([*full, *beside]) if full else (),
    )
    if later := facts.get("later"):
        yield Definition(
            ObjectAddress(row.address.catalog, row.address.oid, LATER),
            later["kind"],
            row.identity,
            _ended(later["create"]),
            _end(later["drop"]),
            parent=_address(later["parent"]),
        )


def _drop(facts: ObjectFacts) -> str:
    """Return the statement that drops an object; empty if it goes with another one only."""
    drop, reference = facts.get("drop"), facts["reference"]
    if drop is None:
        return f"DROP {reference}" if reference else ""
    return drop


def unwritten_of(row: DefinitionRow) -> Iterator[Unwritten]:
    """Return what of an object cannot be written."""
    if why := row.facts.get("unwritten"):
        yield Unwritten(row.kind, row.identity, why)
    if names := row.facts.get("secrets"):
        yield Unwritten(row.kind, row.identity, f"options that may be secret are left out: {names}")


def _address(of: tuple[str, str]) -> ObjectAddress:
    """Return the address of a catalog's name and an OID, which is a text in JSON."""
    return ObjectAddress(of[0], int(of[1]))


def _head(facts: ObjectFacts, slots: dict[int, int]) -> str:
    """Return the CREATE of a table or domain, and note in `slots` where more can be written."""
    text = facts["head"]
    separator = facts.get("separator")
    if separator is not None:
        slots[0] = len(text)
        return text
    if facts.get("listless"):
        return " ".join(filter(None, (text, facts["tail"])))
    text += " ("
    elements = 0
    for number, before, behind in facts.get("columns") or ():
        text += f"{',' if elements else ''}\n{INDENT}{before}"
        slots[number] = len(text)
        text += f" {behind}" if behind else ""
        elements += 1
    for check in facts.get("checks") or ():
        text += f"{',' if elements else ''}\n{INDENT}{check}"
        elements += 1
    slots[0] = len(text)
    return text + ("\n)" if elements else ")") + (f" {facts['tail']}" if facts["tail"] else "")


def _beside(row: DefinitionRow) -> Iterator[str]:
    """Return the statements beside the one that creates an object: owner, privileges, comments, and the rest."""
    facts, reference = row.facts, row.facts["reference"]
    if row.owner and not facts.get("same owner"):
        yield f"ALTER {reference} OWNER TO {row.owner}"
    yield from facts.get("after") or ()
    prefix = facts.get("default privileges", "")
    yield from _granted(row.grants or [], facts.get("grant") or reference, "", f"{prefix} " if prefix else "")
    for column, grants in facts.get("column grants") or ():
        yield from _granted(grants or [], facts.get("grant") or reference, f" ({column})", "")
    if row.comment != facts.get("first comment") and reference:
        yield f"COMMENT ON {reference} IS {quote_literal(row.comment) if row.comment is not None else 'NULL'}"
    relation = reference.rpartition("TABLE ")[2] if "TABLE " in reference else reference.partition("VIEW ")[2]
    for column, text in facts.get("comments") or ():
        yield f"COMMENT ON COLUMN {relation}.{column} IS {quote_literal(text)}"
    for provider, part, label in row.labels or ():
        where = f"COLUMN {relation}.{_quoted(part)}" if part else reference
        yield f"SECURITY LABEL FOR {_quoted(provider)} ON {where} IS {quote_literal(label)}"
    for extension in row.extensions or ():
        yield f"ALTER {reference} DEPENDS ON EXTENSION {extension}"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _granted(grants: list[Grant], target: str, columns: str, prefix: str) -> Iterator[str]:
    """Return REVOKE and GRANT statements, one for each grantee; who grants must have been granted before."""
    together: dict[tuple[str, str, bool, str | None], list[str]] = {}
    for verb, privilege, grantable, grantee, grantor in grants:
        together.setdefault((verb, grantee, grantable, grantor), []).append(privilege)
    waiting = sorted(together, key=lambda each: (each[0] == "GRANT", each[3] or "", each[1], each[2]))
    able: set[str | None] = {None}
    while waiting:
        ready = [each for each in waiting if each[3] in able or each[0] == "REVOKE"] or waiting
        for verb, grantee, grantable, grantor in ready:
            privileges = ", ".join(f"{each}{columns}" for each in sorted(together[verb, grantee, grantable, grantor]))
            direction = "TO" if verb == "GRANT" else "FROM"
            if grantor and verb == "GRANT":
                yield f"SET ROLE {grantor}"
            yield (
                f"{prefix}{verb} {privileges} ON {target} {direction} {grantee}"
                f"{' WITH GRANT OPTION' if grantable and verb == 'GRANT' else ''}"
            )
            if grantor and verb == "GRANT":
                yield "RESET ROLE"
            able.add(grantee)
        waiting = [each for each in waiting if each not in ready]


def _ended(statements: Iterable[str]) -> tuple[str, ...]:
    return tuple(_end(each) for each in statements if each)


def _end(statement: str) -> str:
    """Return a statement that ends in one `;`."""
    return f"{statement.rstrip().removesuffix(';')};" if statement else ""


def rows_of(catalog: str, found: Iterable[tuple[Any, ...]]) -> Iterator[DefinitionRow]:
    """Return the rows that a query of objects of that catalog gives."""
    for oid, *rest in found:
        yield DefinitionRow(ObjectAddress(catalog, oid), *rest)
