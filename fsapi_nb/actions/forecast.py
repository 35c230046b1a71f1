"""What a plan will do to one database: its actions, on the tables that the catalog knows. Pure.

`needed` says what must be known of the catalog, `catalog.table_facts` reads it, `forecast` puts both together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache

from fsapi_nb.actions.held import held_locks
from fsapi_nb.actions.lookup import Lookup, sets_of
from fsapi_nb.actions.losses import drops_of, losses_of, made_again, set_of, set_of_drop, without_dropped
from fsapi_nb.actions.plan import PartActions, PlanActions, StatementActions, read_plan
from fsapi_nb.actions.table_blocks import blocks_of, locks_of
from fsapi_nb.actions.table_work import span_of_statement, work_of
from fsapi_nb.model.action import TableSet
from fsapi_nb.model.forecast import Forecast, PartForecast, StatementForecast, StepForecast, TableSize
from fsapi_nb.model.migration import Direction
from fsapi_nb.model.plan import Mode, Plan
from fsapi_nb.model.table_facts import TableFacts

__all__ = ["forecast", "needed", "read_plan"]


def needed(plan: Plan, actions: PlanActions) -> frozenset[TableSet]:
    """Return the sets of tables that must be looked up, by names as the catalog has them now."""
    found: set[TableSet] = set()
    for statement in actions.statements:
        for tables in _sets(statement):
            origin = statement.origins.get(tables.name, tables.name)
            if origin is not None:
                found.add(tables._replace(name=origin))
    dropped = (set_of_drop(drop) for drop in plan.drops)
    return frozenset(found | {each for each in dropped if each})


def _sets(statement: StatementActions) -> Iterator[TableSet]:
    for action in statement.actions:
        yield from sets_of(action)
        yield from (tables for loss in action.destroys if (tables := set_of(loss)))


def forecast(plan: Plan, actions: PlanActions, facts: TableFacts) -> Forecast:
    """Return what the plan will do, as far as its text and the catalog tell."""
    forecaster = _Forecaster(Lookup(without_dropped(plan.drops, facts)))
    steps = tuple(forecaster.step(step.mode, parts) for step, parts in zip(plan.steps, actions.steps, strict=True))
    sizes = {name: size for name, size in forecaster.sizes.items() if size}
    return Forecast(steps, sizes, tuple(drops_of(plan.drops, facts)), facts.notes)


class _Forecaster:
    """Goes through the statements in their order, as what they do changes what the catalog says."""

    def __init__(self, lookup: Lookup) -> None:
        self.lookup = lookup
        self.sizes: dict[str, TableSize | None] = {}

    def step(self, mode: Mode, parts: tuple[PartActions, ...]) -> StepForecast:
        """Return what a step will do."""
        found = tuple(self._part(part) for part in parts)
        statements = [each for part in found for each in part.statements]
        held = tuple(held_locks(statements)) if mode is Mode.TRANSACTION else ()
        return StepForecast(found, held)

    def _part(self, part: PartActions) -> PartForecast:
        migration, direction = part.part.migration, part.part.direction

        @cache
        def remade() -> frozenset[str]:
            return made_again(migration, direction)

        found: list[StatementForecast] = []
        last: StatementActions | None = None
        for statement in part.statements:
            if last is not None and statement.actions is last.actions:
                found.append(_again(found[-1], statement))
            else:
                found.append(self._statement(statement, remade))
            last = statement
        is_last_way = direction is Direction.UP and migration.down is None
        return PartForecast(tuple(found), irreversible=is_last_way)

    def _statement(self, statement: StatementActions, remade: Callable[[], frozenset[str]]) -> StatementForecast:
        locks = locks_of(statement, self.lookup)
        work = work_of(statement, self.lookup)
        losses = tuple(losses_of(statement, self.lookup, remade))
        found = StatementForecast(
            line=statement.statement.line,
            kind=statement.statement.traits.kind,
            words=tuple(action.words for action in statement.actions),
            sql=statement.sql,
            locks=blocks_of(locks),
            work=work,
            losses=losses,
            unknown=_unknown(statement),
            span=span_of_statement(statement, work),
            destroys=statement.destroys,
        )
        self._keep_sizes(statement, found)
        if any(action.unknown and action.object.kind != "extension" for action in statement.actions):
            self.lookup.is_doubtful = True
        return found

    def _keep_sizes(self, statement: StatementActions, found: StatementForecast) -> None:
        """Keep the sizes of the tables that the forecast names."""
        named = {*(lock.table for lock in found.locks), *(work.table for work in found.work)}
        named |= {tables.name for each in found.losses if (tables := set_of(each.loss))}
        for tables in _sets(statement):
            for meant in self.lookup.tables(tables, statement):
                if meant.name in named and meant.table:
                    self.sizes[meant.name] = meant.table.size


def _unknown(statement: StatementActions) -> str | None:
    """Return what is unknown of a statement, each thing once."""
    return ", ".join(dict.fromkeys(action.unknown for action in statement.actions if action.unknown)) or None


def _again(before: StatementForecast, statement: StatementActions) -> StatementForecast:
    """Return the forecast of a statement that does the same as the one before it."""
    return replace(before, line=statement.statement.line, sql=statement.sql)
