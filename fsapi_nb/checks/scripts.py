"""The statements of a plan as lint looks at them: by migration, each with its tree and what it will do. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import NamedTuple

from fsapi_nb.actions.made import Made, plain
from fsapi_nb.actions.tree_names import object_name, relation
from fsapi_nb.checks.proofs import Proofs
from fsapi_nb.checks.suspicion import Subject
from fsapi_nb.model.forecast import Forecast, HeldLock, StatementForecast
from fsapi_nb.model.migration import Direction, Migration, Statement
from fsapi_nb.model.plan import Mode, Plan
from fsapi_nb.script.classify import Named, node_of
from fsapi_nb.script.parser import parse_one
from fsapi_nb.script.tokens import SqlSyntaxError

#: Commands that no rule is about; a seed may have a hundred thousand of them.
_UNREAD = re.compile(
    r"(INSERT|SELECT|COPY|MERGE|DO|CALL|SET|RESET|COMMENT|GRANT|REVOKE|ANALYZE|EXPLAIN|"
    r"(CREATE|ALTER) (FUNCTION|PROCEDURE|AGGREGATE|OPERATOR|CAST))\b"
)


@dataclass(frozen=True, slots=True)
class ReadStatement:
    """A statement that some rule may be about.

    `number` is its number in the script. `new` are the tables that the file has made before, `new_columns` the columns
    (`table.column`), `possible` the tables that it has made unless they were there (IF NOT EXISTS), `makes` those that
    this statement makes; all without `public.`. `tables` are those that it names.
    """

    number: int
    statement: Statement
    subject: Subject
    new: frozenset[str]
    new_columns: frozenset[str]
    possible: frozenset[str]
    makes: frozenset[str]
    tables: tuple[str, ...]


class LintedStep(NamedTuple):
    """What is read of one step of a migration, whether it is a transaction, and the locks that are held on in it."""

    in_transaction: bool
    read: Sequence[ReadStatement]
    held: Sequence[HeldLock]


class LintedScript(NamedTuple):
    """What is to run of a migration's UP."""

    migration: Migration
    steps: Sequence[LintedStep]

    @property
    def read(self) -> Iterator[ReadStatement]:
        """What is read of all steps."""
        return (each for step in self.steps for each in step.read)


def scripts_of(plan: Plan, forecast: Forecast) -> Iterator[LintedScript]:
    """Yield the UP of each migration that a plan runs, in order, read when it is asked for."""
    for places in _places(plan).values():
        made, proofs, steps, first = Made(), Proofs(), list[LintedStep](), 0
        for step, expected, index in ((plan.steps[number], forecast.steps[number], index) for number, index in places):
            statements = step.parts[index].statements
            numbered = zip(count(first), statements, expected.parts[index].statements, strict=False)
            steps.append(LintedStep(step.mode is Mode.TRANSACTION, tuple(_read(numbered, made, proofs)), expected.held))
            first += len(statements)
        yield LintedScript(step.parts[index].migration, steps)


def count_scripts(plan: Plan) -> int:
    """Return how many scripts `scripts_of` yields."""
    return len(_places(plan))


def _places(plan: Plan) -> dict[str, list[tuple[int, int]]]:
    """Return where the UPs of migrations are in a plan, by their names: the numbers of steps and of parts in these."""
    found: dict[str, list[tuple[int, int]]] = {}
    for number, step in enumerate(plan.steps):
        for index, part in enumerate(step.parts):
            if part.direction is Direction.UP and part.is_parsed:
                found.setdefault(part.migration.name, []).append((number, index))
    return found


def _read(
    statements: Iterable[tuple[int, Statement, StatementForecast]], made: Made, proofs: Proofs
) -> Iterator[ReadStatement]:
    new: frozenset[str] = frozenset(made.tables)
    for number, statement, forecast in statements:
        if _UNREAD.match(statement.traits.kind):
            continue
        try:
            named = node_of(parse_one(statement.text.encode()))
        except (SqlSyntaxError, ValueError):  # a tree that is too deep to be looked at
            continue
        subject = Subject(named, forecast, proven=proofs.columns)
        columns, possible = frozenset(made.columns), frozenset(made.possible)
        made.add(named)
        proofs.add(named)
        after = frozenset(made.tables) if len(made.tables) != len(new) or made.tables != new else new
        yield ReadStatement(number, statement, subject, new, columns, possible, after - new, tuple(_tables(named)))
        new = after


def _tables(named: Named) -> Iterator[str]:
    """Yield the names of the tables, or of other objects, that a statement is about, without `public.`."""
    name, node = named
    if name == "drop_stmt":
        yield from (plain(object_name(each)) for each in node.objects)
    elif name == "truncate_stmt":
        yield from (plain(relation(each.range_var)) for each in node.relations)
    elif name == "view_stmt":
        yield plain(relation(node.view))
    elif name == "create_table_as_stmt":
        yield plain(relation(node.into.rel))
    elif "relation" in node.DESCRIPTOR.fields_by_name and node.HasField("relation"):
        yield plain(relation(node.relation))
