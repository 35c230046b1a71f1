"""Names and types in a parse tree as SQL writes them, quoted where they must be."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from fsapi_nb.actions.builtin_names import TYPES
from fsapi_nb.script.classify import enum_name
from fsapi_nb.text.sql import name_parts, quote_name, unquoted

_PLAIN = re.compile(r"[a-z_][a-z0-9_$]*")
#: Types that SQL calls by other names than the catalog.
_WRITTEN = {
    "int2": "smallint",
    "int4": "integer",
    "int8": "bigint",
    "float4": "real",
    "float8": "double precision",
    "bool": "boolean",
    "bpchar": "char",
}
_IN_CATALOG = {written: name for name, written in _WRITTEN.items()} | {"char": "bpchar"}


def joined(parts: Iterable[str]) -> str:
    """Return a qualified name of these parts, those that are empty left out."""
    return ".".join(part if _PLAIN.fullmatch(part) else quote_name(part) for part in parts if part)


def relation(node: Any) -> str:
    """Return the name of a RangeVar."""
    return joined((node.catalogname, node.schemaname, node.relname))


def strings(nodes: Any) -> list[str]:
    """Return what a list of String nodes says; a star is `*`."""
    return [node.string.sval for node in nodes if node.HasField("string")]


def qualified(nodes: Any) -> str:
    """Return the name that a list of String nodes makes."""
    return joined(strings(nodes))


def listed(nodes: Any) -> str:
    """Return the names that a list of String nodes has, with commas between them."""
    return ", ".join(joined([name]) for name in strings(nodes))


def type_name(node: Any) -> str:
    """Return a type as SQL writes it: `numeric(10,2)`, `integer[]`."""
    names = strings(node.names)
    if names[:1] == ["pg_catalog"] and len(names) == 2:
        names = names[1:]
    written = _WRITTEN.get(names[0], joined(names)) if len(names) == 1 else joined(names)
    modifiers = [str(each.a_const.ival.ival) for each in node.typmods if each.a_const.HasField("ival")]
    if names == ["interval"] or (names == ["bpchar"] and modifiers == ["1"]):
        modifiers = []
    return written + (f"({','.join(modifiers)})" if modifiers else "") + "[]" * len(node.array_bounds)


def catalog_type(written: str) -> str | None:
    """Return the name that a type as `type_name` writes it has in the catalog; None of an array."""
    name = written.partition("(")[0]
    return None if written.endswith("]") else _IN_CATALOG.get(name, name)


def modifiers(written: str) -> tuple[int, ...]:
    """Return the modifiers of a type as `type_name` writes it: 10 and 2 of `numeric(10,2)`."""
    return tuple(int(each) for each in re.findall(r"-?\d+", written.partition("(")[2]))


def is_builtin(node: Any) -> bool:
    """Return whether a type is PostgreSQL's own, and so not a domain; an array is never a domain."""
    names = strings(node.names)
    return bool(node.array_bounds) or (
        (names[0] == "pg_catalog" and len(names) == 2) or (len(names) == 1 and names[0] in TYPES)
    )


def role(node: Any) -> str:
    """Return the name of a RoleSpec; `current_user` and the like are key words."""
    return joined([node.rolename]) or enum_name(node, "roletype").removeprefix("ROLESPEC_").lower()


def object_name(node: Any) -> str:
    """Return the name in a DROP, COMMENT or ALTER: a string, a list of strings, a type, a function."""
    match node.WhichOneof("node"):
        case "string":
            return joined([node.string.sval])
        case "list":
            names = [each.type_name.names if each.HasField("type_name") else [each] for each in node.list.items]
            return joined(name for part in names for name in strings(part))
        case "type_name":
            return type_name(node.type_name)
        case "object_with_args":
            return qualified(node.object_with_args.objname)
        case "range_var":
            return relation(node.range_var)
        case "integer":
            return str(node.integer.ival)
        case _:
            return ""


def calls(node: Any) -> Iterator[str]:
    """Yield the names of the functions that an expression or a query calls, `pg_catalog.` left out."""
    for inner in walk(node):
        if inner.DESCRIPTOR.name == "FuncCall":
            names = strings(inner.funcname)
            yield names[-1] if names[:1] == ["pg_catalog"] else joined(names)


def walk(node: Any) -> Iterator[Any]:
    """Yield a node of a parse tree and all that it contains but constants, each before what is in it."""
    waiting = [node]
    while waiting:
        found = waiting.pop()
        yield found
        inner: list[Any] = []
        for field, value in found.ListFields():
            if field.message_type is None or field.name == "a_const":
                continue
            # A repeated field is a sequence of messages.
            inner += value if hasattr(value, "__len__") else [value]
        waiting += reversed(inner)


def split_name(name: str) -> tuple[str, ...]:
    """Return the parts of a name that `joined` has made, without their quotes."""
    return tuple(map(unquoted, name_parts(name)))
