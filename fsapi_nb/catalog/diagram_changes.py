"""Mark in a diagram what migrations have changed, by what is kept of their changes. Pure.

What is kept are phrases with names as SQL writes them, of the schema as it was then: a table that has been renamed or
dropped since is not found, which is said.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from fsapi_nb.actions.tree_names import split_name
from fsapi_nb.catalog.diagram import Diagram, Mark, Table, TableColumn, TableName
from fsapi_nb.catalog.listing.rows import written
from fsapi_nb.model.schema_change import CREATED, DROPPED, SchemaChange
from fsapi_nb.text.sql import unquoted

_TABLES = {"table", "foreign table"}
_NAME = r'("(?:[^"]|"")*"|[^\s",]+)'
#: What a phrase of a table says of one of its columns.
_PHRASES = (
    (re.compile(rf"\+ column {_NAME}"), Mark.ADDED),
    (re.compile(rf"- column {_NAME}"), Mark.DROPPED),
    (re.compile(rf"column {_NAME} renamed to {_NAME}"), Mark.CHANGED),
    (re.compile(rf"column {_NAME} "), Mark.CHANGED),
    (re.compile(rf"default of {_NAME} "), Mark.CHANGED),
    (re.compile(rf".* (?:on|of) column {_NAME}(?: |$)"), Mark.CHANGED),
)


@dataclass(frozen=True, slots=True)
class MarkedDiagram:
    """A diagram with what changed marked; `gone` are tables of the changes that it does not have."""

    diagram: Diagram
    gone: tuple[str, ...] = ()


def mark_changes(diagram: Diagram, changes: Iterable[SchemaChange], homes: Sequence[str]) -> MarkedDiagram:
    """Return the diagram with a mark at each table and column that was made, changed or dropped.

    Dropped columns, and dropped tables that are not there again, are added: without what they consisted of.

    Args:
        changes: Those of one migration or of several, in order.
        homes: The schemas whose names may be missing before a table's, the likeliest first; at least one.
    """
    tables = {table.name: table for table in diagram.tables}
    gone: list[str] = []
    for change in changes:
        if change.kind not in _TABLES:
            continue
        name = _find(change.name, tables, homes)
        if name is not None:
            tables[name] = _marked(tables[name], change)
        elif change.action == DROPPED:
            name = _parsed(change.name, homes)
            tables[name] = Table(name, mark=Mark.DROPPED)
        else:
            gone.append(change.name)
    return MarkedDiagram(
        replace(diagram, tables=tuple(sorted(tables.values(), key=lambda table: table.name))),
        tuple(dict.fromkeys(gone)),
    )


def marked_tables(diagram: Diagram) -> set[TableName]:
    """Return the tables that have a mark."""
    return {table.name for table in diagram.tables if table.mark}


def _find(label: str, tables: Iterable[TableName], homes: Sequence[str]) -> TableName | None:
    """Return the table that a change names; without a schema, that of the likeliest one."""
    candidates = [
        name for name in tables if label in {written(name.name), f"{written(name.schema)}.{written(name.name)}"}
    ]
    order = {schema: number for number, schema in enumerate(homes)}
    return min(candidates, key=lambda name: (order.get(name.schema, len(order)), name), default=None)


def _parsed(label: str, homes: Sequence[str]) -> TableName:
    """Return the names in a label: of a table, perhaps with its schema before it."""
    parts = split_name(label)
    return TableName(parts[0] if len(parts) > 1 else homes[0], parts[-1])


def _marked(table: Table, change: SchemaChange) -> Table:
    if change.action == CREATED:
        return replace(table, mark=Mark.ADDED)
    if change.action == DROPPED:  # it is there again
        return replace(table, mark=table.mark or Mark.CHANGED)
    columns = {written(column.name): column for column in table.columns}
    for detail in change.details:
        found = _column_of(detail)
        if found is None:
            continue
        label, mark = found
        if label in columns:
            before = columns[label].mark
            columns[label] = replace(columns[label], mark=before or (Mark.CHANGED if mark is Mark.DROPPED else mark))
        elif mark is Mark.DROPPED:
            columns[label] = TableColumn(unquoted(label), "", mark=mark)
    return replace(table, columns=tuple(columns.values()), mark=table.mark or Mark.CHANGED)


def _column_of(phrase: str) -> tuple[str, Mark] | None:
    """Return the column that a phrase is about, as SQL writes its name, and what became of it."""
    for pattern, mark in _PHRASES:
        if found := pattern.match(phrase):
            return found[found.lastindex or 1], mark
    return None
