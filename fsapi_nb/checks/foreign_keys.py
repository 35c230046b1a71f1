"""Find foreign keys whose columns no index begins with, as far as a script makes the columns itself. Pure.

PostgreSQL looks for the rows that refer to one that is deleted or changes its key; without an index it reads the whole
table. Columns that were there before the script may have an index that its text does not tell, so nothing is said of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from fsapi_nb.actions.made import plain
from fsapi_nb.actions.tree_names import joined, relation, strings
from fsapi_nb.checks.suspicion import Suspicion
from fsapi_nb.script.classify import Named, enum_name

_KEYS = {"CONSTR_PRIMARY", "CONSTR_UNIQUE", "CONSTR_EXCLUSION"}
_Columns = tuple[str, ...]


class _NewForeignKey(NamedTuple):
    """A foreign key, and the number of the statement that makes it."""

    statement: int
    table: str
    columns: _Columns
    referenced: str


@dataclass(slots=True)
class _NewObjects:
    """What a script makes: columns by table, foreign keys, the columns of indexes by table, and tables."""

    columns: dict[str, set[str]] = field(default_factory=dict)
    keys: list[_NewForeignKey] = field(default_factory=list)
    indexes: dict[str, list[_Columns]] = field(default_factory=dict)
    tables: set[str] = field(default_factory=set)

    def add_constraint(self, number: int, table: str, constraint: Any, column: str | None = None) -> None:
        """Keep what a constraint of a table, or of its column, says of indexes and foreign keys."""
        kind = enum_name(constraint, "contype")
        if kind in _KEYS and not constraint.indexname:
            names = tuple(strings(constraint.keys)) or ((column,) if column else ())
            self.indexes.setdefault(plain(table), []).append(names)
        elif kind == "CONSTR_FOREIGN":
            names = tuple(strings(constraint.fk_attrs)) or ((column,) if column else ())
            self.keys.append(_NewForeignKey(number, table, names, relation(constraint.pktable)))

    def add_column(self, number: int, table: str, definition: Any) -> None:
        """Keep a new column."""
        self.columns.setdefault(plain(table), set()).add(definition.colname)
        for each in definition.constraints:
            self.add_constraint(number, table, each.constraint, definition.colname)

    def lacking(self) -> Iterator[_NewForeignKey]:
        """Yield the foreign keys of new columns that no index begins with."""
        for key in self.keys:
            new = self.columns.get(plain(key.table), set())
            indexes = self.indexes.get(plain(key.table), [])
            count = len(key.columns)
            if new.issuperset(key.columns) and not any(set(each[:count]) == set(key.columns) for each in indexes):
                yield key


def foreign_keys_without_index(statements: Iterable[tuple[int, Named]]) -> Iterator[tuple[int, Suspicion]]:
    """Yield the foreign keys that lack an index, each with the number of its statement.

    Args:
        statements: The statements of a script, each with its number.
    """
    found = _NewObjects()
    for number, (name, node) in statements:
        match name:
            case "create_stmt":
                _add_table(found, number, node)
            case "alter_table_stmt":
                _add_subcommands(found, number, node)
            case "index_stmt" if not node.HasField("where_clause"):
                columns = tuple(each.index_elem.name for each in node.index_params)
                found.indexes.setdefault(plain(relation(node.relation)), []).append(columns)
    for key in found.lacking():
        names = ", ".join(joined([each]) for each in key.columns)
        message = (
            f"no index of {key.table} begins with {names}: "
            f"whoever deletes rows of {key.referenced} waits for a search of all rows"
        )
        how = "" if plain(key.table) in found.tables else "CONCURRENTLY "
        hint = f"CREATE INDEX {how}ON {key.table} ({names}) in the same file."
        yield key.statement, Suspicion("foreign-key-without-index", message, hint, key.table)


def _add_table(found: _NewObjects, number: int, node: Any) -> None:
    table = relation(node.relation)
    found.tables.add(plain(table))
    for each in node.table_elts:
        if each.HasField("column_def"):
            found.add_column(number, table, each.column_def)
    for each in [*node.table_elts, *node.constraints]:
        if each.HasField("constraint"):
            found.add_constraint(number, table, each.constraint)


def _add_subcommands(found: _NewObjects, number: int, node: Any) -> None:
    table = relation(node.relation)
    for each in node.cmds:
        definition = getattr(each.alter_table_cmd, "def")
        match enum_name(each.alter_table_cmd, "subtype"):
            case "AT_AddColumn" if definition.HasField("column_def"):
                found.add_column(number, table, definition.column_def)
            case "AT_AddConstraint":
                found.add_constraint(number, table, definition.constraint)
