"""The table whose rows a statement changes, as its text names it."""

from __future__ import annotations

from typing import Any

from fsapi_nb.actions.tree_names import relation
from fsapi_nb.script.classify import node_of
from fsapi_nb.script.parser import parse_one
from fsapi_nb.script.tokens import SqlSyntaxError

_CHANGING = frozenset({"insert_stmt", "update_stmt", "delete_stmt", "merge_stmt", "copy_stmt"})


def target_of(statement: str) -> str:
    """Return the table that a statement writes, or makes of a query; nothing if it names none."""
    try:
        name, node = node_of(parse_one(statement.encode()))
    except SqlSyntaxError:
        return ""
    written = _written(name, node)
    return relation(written) if written is not None and written.relname else ""


def _written(name: str, node: Any) -> Any:
    if name in _CHANGING:
        return node.relation
    if name == "create_table_as_stmt":
        return node.into.rel
    return node.into_clause.rel if name == "select_stmt" else None
