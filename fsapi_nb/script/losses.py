"""Say in words what data a statement destroys, so that somebody can be asked once more before it runs.

Looks in the parse tree for dropped tables and columns, emptied tables, deleted rows and changed types. An UPDATE is not
counted, nor is what functions and DO blocks do.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fsapi_nb.script.classify import Named, enum_name, kind_of, node_of
from fsapi_nb.script.objects import dropped_by

_HOLDS_DATA = {
    "table": "the table {} with its rows",
    "schema": "the schema {} with what is in it",
    "sequence": "the sequence {} with its position",
    "materialized view": "the materialized view {} with its rows",
    "extension": "the extension {} with what depends on it",
}


def lost(kind: str, name: str) -> str:
    """Return what is lost with an object of a kind that holds data."""
    return _HOLDS_DATA[kind].format(name)


def losses(named: Named) -> tuple[str, ...]:
    """Return what data the statement destroys; empty if it destroys none, as far as its text tells."""
    return tuple(_losses(named))


def _losses(named: Named) -> Iterator[str]:
    name, node = named
    for dropped in dropped_by(named):
        kind, _, written = dropped.partition(" ")
        if dropped.startswith("materialized view "):
            kind, written = "materialized view", dropped.removeprefix("materialized view ")
        if kind in _HOLDS_DATA:
            yield lost(kind, written)
    match name:
        case "truncate_stmt":
            yield from (f"all rows of {_relation(relation.range_var)}" for relation in node.relations)
        case "delete_stmt":
            yield f"{'' if node.HasField('where_clause') else 'all '}rows of {_relation(node.relation)}"
        case "drop_owned_stmt" | "dropdb_stmt":
            yield f"what {kind_of(named)} drops"
        case "alter_table_stmt":
            yield from _of_columns(node)
    yield from _in_clauses(node)


def _of_columns(node: Any) -> Iterator[str]:
    for each in node.cmds:
        command = each.alter_table_cmd
        column = f"{_relation(node.relation)}.{command.name}"
        match enum_name(command, "subtype"):
            case "AT_DropColumn":
                yield f"the column {column} with its values"
            case "AT_AlterColumnType":
                yield f"what the new type of {column} cannot hold"


def _in_clauses(node: Any) -> Iterator[str]:
    """Yield what the DELETEs in a WITH clause destroy."""
    if "with_clause" not in node.DESCRIPTOR.fields_by_name:
        return
    for cte in node.with_clause.ctes:
        query = cte.common_table_expr.ctequery
        if query.WhichOneof("node") == "delete_stmt":
            yield from _losses(node_of(query))


def _relation(node: Any) -> str:
    return ".".join(part for part in (node.schemaname, node.relname) if part)
