"""Find what a script needs of the server beside its database: the extensions and the roles that it names.

Roles and extensions' files belong to a server, so a scratch server may lack them. What a DO block or a function does is
not known.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from fsapi_nb.model.migration import Statement
from fsapi_nb.script.classify import Named, node_of
from fsapi_nb.script.parser import parse_one
from fsapi_nb.script.tokens import SqlSyntaxError

#: A statement without any of these words names neither; most are not parsed a second time.
_MAY_NAME = re.compile(
    r"\b(?:extension|role|user|group|owner|owned|grant|revoke|policy|authorization|privileges)\b", re.IGNORECASE
)
_KEYWORDS = {"", "none"}  # of SET ROLE


@dataclass(slots=True)
class ServerObjects:
    """The extensions of a script with the version that it asks for, the roles that it makes, and all that it names."""

    extensions: dict[str, str | None] = field(default_factory=dict)
    made: set[str] = field(default_factory=set)
    named: set[str] = field(default_factory=set)


def may_name_server_objects(text: str) -> bool:
    """Return whether a script may name an extension or a role; false is certain."""
    return bool(_MAY_NAME.search(text))


def find_server_objects(statements: Iterable[Statement]) -> ServerObjects:
    """Return what these statements name. One that the parser refuses names nothing."""
    found = ServerObjects()
    for statement in statements:
        if may_name_server_objects(statement.text):
            try:
                tree = parse_one(statement.text.encode())
            except (SqlSyntaxError, ValueError):
                continue
            _add(found, node_of(tree), tree)
    return found


def _add(found: ServerObjects, named: Named, tree: Any) -> None:
    name, node = named
    match name:
        case "create_extension_stmt":
            versions = [each.def_elem for each in node.options if each.def_elem.defname == "new_version"]
            version = versions[0].arg.string.sval if versions else None
            found.extensions.setdefault(node.extname, version or None)
        case "create_role_stmt":
            found.made.add(node.role)
        case "grant_role_stmt":
            found.named.update(each.access_priv.priv_name for each in node.granted_roles)
        case "variable_set_stmt" if node.name in {"role", "session_authorization"}:
            found.named.update(each.a_const.sval.sval for each in node.args)
    found.named.update(_roles(tree))
    found.named -= _KEYWORDS


def _roles(message: Any) -> Iterator[str]:
    """Yield the names in every RoleSpec of a tree."""
    if message.DESCRIPTOR.name == "RoleSpec":
        if message.rolename:
            yield message.rolename
        return
    for descriptor, value in message.ListFields():
        if descriptor.type != descriptor.TYPE_MESSAGE:
            continue
        for each in [value] if hasattr(value, "ListFields") else value:
            yield from _roles(each)
