"""Which columns a statement copies, and where to: what a later DROP of them does not lose.

Only what is plain counts: a column that may belong to several tables is not known to be copied.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from fsapi_nb.actions.tree_names import joined, relation, walk
from fsapi_nb.script.classify import Named

EVERY = "*"


class ColumnCopy(NamedTuple):
    """A column of a table (`*` for all of them) whose values a statement puts somewhere else, into a table or a column."""

    table: str
    column: str
    destination: str


def copies_of(named: Named) -> Iterator[ColumnCopy]:
    """Yield what a statement copies."""
    name, node = named
    match name:
        case "update_stmt":
            yield from _updated(node)
        case "insert_stmt":
            destination = relation(node.relation)
            columns = [joined([each.res_target.name]) for each in node.cols]
            yield from _selected(node.select_stmt.select_stmt, destination, columns)
            yield from _moved(node, destination)
        case "create_table_as_stmt":
            yield from _selected(node.query.select_stmt, relation(node.into.rel), [])
        case "select_stmt" if node.HasField("into_clause"):
            yield from _selected(node, relation(node.into_clause.rel), [])


def _updated(node: Any) -> Iterator[ColumnCopy]:
    """UPDATE t SET new = expression of old, or of columns of other tables."""
    target = relation(node.relation)
    aliases = _aliases(node)
    alone = target if len(set(aliases.values())) == 1 else None
    for each in node.target_list:
        destination = f"{target}.{joined([each.res_target.name])}"
        for table, column in _columns(each.res_target.val, aliases, alone):
            if f"{table}.{column}" != destination:
                yield ColumnCopy(table, column, destination)


def _selected(select: Any, destination: str, columns: list[str]) -> Iterator[ColumnCopy]:
    """INSERT INTO destination (columns) SELECT ..., and what makes a table of a query."""
    for part in (select.larg, select.rarg):
        if part.target_list or part.HasField("larg"):
            yield from _selected(part, destination, columns)
    aliases = _aliases(select)
    tables = set(aliases.values())
    alone = next(iter(tables)) if len(tables) == 1 else None
    for index, each in enumerate(select.target_list):
        place = f"{destination}.{columns[index]}" if index < len(columns) else destination
        for table, column in _columns(each.res_target.val, aliases, alone):
            yield ColumnCopy(table, column, destination if column == EVERY else place)


def _moved(node: Any, destination: str) -> Iterator[ColumnCopy]:
    """WITH moved AS (DELETE FROM t RETURNING *) INSERT INTO destination SELECT ... FROM moved."""
    for each in node.with_clause.ctes:
        removed = each.common_table_expr.ctequery
        if removed.HasField("delete_stmt") and removed.delete_stmt.HasField("returning_clause"):
            yield ColumnCopy(relation(removed.delete_stmt.relation), EVERY, destination)


def _aliases(node: Any) -> dict[str, str]:
    """Return the tables that a statement names, by the names that its columns are qualified with."""
    found = {}
    for each in walk(node):
        if each.DESCRIPTOR.name == "RangeVar":
            found[each.alias.aliasname or each.relname] = relation(each)
    return found


def _columns(expression: Any, aliases: dict[str, str], alone: str | None) -> Iterator[tuple[str, str]]:
    """Yield the columns that an expression reads, each with its table."""
    for each in walk(expression):
        if each.DESCRIPTOR.name != "ColumnRef":
            continue
        *qualifiers, last = each.fields
        column = EVERY if last.HasField("a_star") else joined([last.string.sval])
        table = aliases.get(qualifiers[-1].string.sval) if qualifiers else alone
        if table:
            yield table, column
