"""Take back the rows that an UP inserts by their keys, where its text has them; other rows of an INSERT stay.

A row that the UP could insert was not there before. Its key is only known where the text says it: one that a sequence
gives may be another row's elsewhere. Rows with which others would be deleted are left alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from fsapi_nb.catalog.parts.part import CatalogPart, CatalogParts
from fsapi_nb.model.migration import Statement
from fsapi_nb.script.classify import node_of
from fsapi_nb.script.parser import parse_one
from fsapi_nb.script.tokens import SqlSyntaxError
from fsapi_nb.text.sql import quote_literal, quote_name

_MOST = 100  # rows of one INSERT: more are data, which nobody wants to read in a DOWN


def deletions(statements: Sequence[Statement], before: CatalogParts, after: CatalogParts) -> dict[int, list[str]]:
    """Return the statements that delete what INSERTs have inserted, by the place of the INSERT, the last one first."""
    found: dict[int, list[str]] = {}
    for place, statement in reversed(list(enumerate(statements))):
        if statement.traits.kind == "INSERT" and (deleted := list(_deletions(statement.text, before, after))):
            found[place] = deleted
    return found


def _deletions(text: str, before: CatalogParts, after: CatalogParts) -> Iterator[str]:
    try:
        name, insert = node_of(parse_one(text.encode()))
    except SqlSyntaxError:
        return
    if name != "insert_stmt" or insert.HasField("with_clause"):
        return
    table = _table(insert.relation, before, after)
    columns = [quote_name(each.res_target.name) for each in insert.cols]
    lists = [each.list.items for each in insert.select_stmt.select_stmt.values_lists]
    if table is None or not columns or not 0 < len(lists) <= _MOST:
        return
    for key in _keys(table, before):
        if key.keys() <= set(columns):
            values = [dict(zip(columns, items, strict=False)) for items in lists]
            rows = [_row(each, key) for each in values]
            # What there may have been before is left alone, unless its key is a value that its type did not have.
            was_there = insert.HasField("on_conflict_clause")
            if all(rows) and (not was_there or all(_is_new_value(each, key, table, before) for each in values)):
                yield from (f"DELETE FROM {table.qualified} WHERE {row};" for row in reversed(rows))
                return


def _table(relation: Any, before: CatalogParts, after: CatalogParts) -> CatalogPart | None:
    """Return the table that is meant, as it is after; None if it is new, has another name by now, or others go with it."""
    wanted = quote_name(relation.relname), quote_name(relation.schemaname)
    for part in after.parts.values():
        old = before.parts.get(part.address)
        if part.kind != "table" or old is None or _quoted(part.name) != wanted[0]:
            continue
        is_meant = not relation.schemaname or _quoted(part.schema) == wanted[1]
        if is_meant and part.qualified == old.qualified and not _takes_others(part, after):
            return part
    return None


def _takes_others(table: CatalogPart, parts: CatalogParts) -> bool:
    """Return whether rows of other tables are deleted or changed with a row of this one."""
    return any(
        part.kind == "constraint"
        and part.state["type"] == "f"
        and table.address in {need._replace(part=0) for need in part.needs}
        and part.of != table.address
        and (" ON DELETE CASCADE" in part.state["text"] or " ON DELETE SET " in part.state["text"])
        for part in parts.parts.values()
    ) or any(part.of == table.address and part.kind in {"trigger", "rule"} for part in parts.parts.values())


def _keys(table: CatalogPart, before: CatalogParts) -> Iterable[dict[str, str]]:
    """Yield the columns of each key of a table, the primary one first: in quotes, and as the catalog writes them."""
    constraints = before.children(table.address, "constraint")
    for constraint in sorted(constraints, key=lambda each: each.state["type"] != "p"):
        if constraint.state["type"] in {"p", "u"}:
            columns = (before.parts[need] for need in constraint.needs if need.part and need in before.parts)
            yield {_quoted(column.name): column.name for column in columns}


def _row(values: dict[str, Any], key: dict[str, str]) -> str | None:
    """Return the condition for a row; None if the text does not have its key."""
    conditions = []
    for column, written in sorted(key.items()):
        value = _constant(values.get(column))
        if value is None:
            return None
        conditions.append(f"{written} = {value}")
    return " AND ".join(conditions)


def _is_new_value(values: dict[str, Any], key: dict[str, str], table: CatalogPart, before: CatalogParts) -> bool:
    """Return whether the key of a row has a value of an enum that was not there before."""
    for column in before.children(table.address, "column"):
        enums = (before.parts[need] for need in column.needs if before.parts[need].kind == "enum")
        labels = [label for enum in enums for _, label in enum.state["labels"] or ()]
        if labels and _quoted(column.name) in key and _constant(values[_quoted(column.name)]) not in labels:
            return True
    return False


def _constant(node: Any) -> str | None:
    """Return a constant as SQL writes it; None for anything else, NULL too."""
    while node is not None and node.WhichOneof("node") == "type_cast":
        node = node.type_cast.arg
    if node is None or node.WhichOneof("node") != "a_const" or node.a_const.isnull:
        return None
    kind = node.a_const.WhichOneof("val")
    if kind == "sval":
        return quote_literal(node.a_const.sval.sval)
    if kind == "ival":
        return str(node.a_const.ival.ival)
    if kind == "boolval":
        return str(node.a_const.boolval.boolval).lower()
    return str(node.a_const.fval.fval) if kind == "fval" else None


def _quoted(name: str | None) -> str:
    """Return a name in quotes, as the catalog has written it."""
    return "" if name is None else name if name.startswith('"') else quote_name(name)
