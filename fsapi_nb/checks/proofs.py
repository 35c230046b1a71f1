"""Which columns a script has proven to have no nulls, by a CHECK that is valid before NOT NULL is set. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from fsapi_nb.actions.made import plain
from fsapi_nb.actions.tree_names import relation, strings
from fsapi_nb.script.classify import Named, enum_name

#: A table, without `public.`, and the name of its column, without quotes.
Column = tuple[str, str]


@dataclass(slots=True)
class Proofs:
    """The columns that are proven up to here, and those of checks that are not validated yet, by table and name."""

    columns: frozenset[Column] = frozenset()
    waiting: dict[tuple[str, str], frozenset[Column]] = field(default_factory=dict)

    def add(self, named: Named) -> None:
        """Keep what a statement proves."""
        name, node = named
        if name != "alter_table_stmt":
            return
        table = plain(relation(node.relation))
        for each in node.cmds:
            command = each.alter_table_cmd
            match enum_name(command, "subtype"):
                case "AT_AddConstraint":
                    self._add_constraint(table, getattr(command, "def").constraint)
                case "AT_ValidateConstraint":
                    self.columns |= self.waiting.get((table, command.name), frozenset())
                case "AT_SetNotNull":
                    self.columns |= {(table, command.name)}
                case "AT_DropNotNull":
                    self.columns -= {(table, command.name)}

    def _add_constraint(self, table: str, constraint: Any) -> None:
        kind = enum_name(constraint, "contype")
        columns: frozenset[Column] = frozenset()
        if kind == "CONSTR_CHECK":
            columns = frozenset((table, each) for each in _not_null(constraint.raw_expr))
        elif kind == "CONSTR_NOTNULL":
            columns = frozenset((table, each) for each in strings(constraint.keys))
        if constraint.skip_validation:
            self.waiting[table, constraint.conname] = columns
        else:
            self.columns |= columns


def _not_null(expression: Any) -> list[str]:
    """Return the columns that a condition says are not null, if it says that and nothing else, or that by AND."""
    if expression.HasField("null_test") and enum_name(expression.null_test, "nulltesttype") == "IS_NOT_NULL":
        names = strings(expression.null_test.arg.column_ref.fields)
        return names[-1:]
    if expression.HasField("bool_expr") and enum_name(expression.bool_expr, "boolop") == "AND_EXPR":
        return [name for each in expression.bool_expr.args for name in _not_null(each)]
    return []
