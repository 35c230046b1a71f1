"""What a plan will do to one database: its actions, on the tables that the catalog knows. Pure.

`needed` says what must be known of the catalog, `catalog.table_facts` reads it, `forecast` puts both together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cache

from fsapi_nb.actions.conditions import own_table
from fsapi_nb.actions.fired_triggers import fired_triggers
from fsapi_nb.actions.held import held_locks
from fsapi_nb.actions.lookup import AddedConstraint, Lookup, in_catalog, sets_of
from fsapi_nb.actions.losses import (
    drops_of,
    losses_of,
    made_again,
    only_keeps_values,
    set_of,
    set_of_drop,
    without_dropped,
)
from fsapi_nb.actions.plan import PartActions, PlanActions, StatementActions, read_plan
from fsapi_nb.actions.table_blocks import Lock, blocks_of, locks_of
from fsapi_nb.actions.table_work import span_of_statement, work_of
from fsapi_nb.actions.touched_parts import touched_parts
from fsapi_nb.actions.tree_names import catalog_type, joined, split_name
from fsapi_nb.model.action import Action, Kin, LockMode, TableLock, TableSet
from fsapi_nb.model.forecast import Forecast, PartForecast, StatementForecast, StepForecast, TableSize
from fsapi_nb.model.migration import Direction
from fsapi_nb.model.plan import Mode, Plan
from fsapi_nb.model.table_facts import Needed, TableFacts

__all__ = ["forecast", "needed", "read_plan"]


def needed(plan: Plan, actions: PlanActions) -> Needed:
    """Return what must be looked up, by names as the catalog has them now."""
    found: set[TableSet] = set()
    shaped: set[TableSet] = set()
    last: tuple[Action, ...] = ()
    for statement in actions.statements:
        if statement.actions is last:
            continue
        last = statement.actions
        found.update(_in_catalog(_sets(statement), statement))
        shaped.update(_in_catalog(_shaped(statement), statement))
        found.update(_in_catalog(_types_and_functions(statement), statement))
    dropped = (set_of_drop(drop) for drop in plan.drops)
    return Needed(frozenset(found | shaped | {each for each in dropped if each}), frozenset(shaped))


def _in_catalog(sets: Iterable[TableSet], statement: StatementActions) -> Iterator[TableSet]:
    """Yield sets of tables by the names that these have before the plan is run."""
    return (found for tables in sets if (found := in_catalog(tables, statement)))


def _sets(statement: StatementActions) -> Iterator[TableSet]:
    for action in statement.actions:
        yield from sets_of(action)
        yield from (tables for loss in action.destroys if (tables := set_of(loss)))


def _shaped(statement: StatementActions) -> Iterator[TableSet]:
    """Yield the tables that conditions are about, of which it counts what they are made of."""
    for action in statement.actions:
        conditional = [lock.tables for lock in action.locks if lock.condition]
        conditional += [work.tables for work in action.work if work.condition]
        yield from conditional
        if conditional and action.object.name:
            yield own_table(action)


def _types_and_functions(statement: StatementActions) -> Iterator[TableSet]:
    for action in statement.actions:
        name = catalog_type(action.column_type) if action.column_type else None
        if name:
            yield TableSet(name, Kin.SELF, "type")
        yield from (TableSet(each, Kin.SELF, "function") for each in action.functions)


def forecast(plan: Plan, actions: PlanActions, facts: TableFacts) -> Forecast:
    """Return what the plan will do, as far as its text and the catalog tell."""
    forecaster = _Forecaster(Lookup(without_dropped(plan.drops, facts)))
    steps = tuple(forecaster.step(step.mode, parts) for step, parts in zip(plan.steps, actions.steps, strict=True))
    sizes = {name: size for name, size in forecaster.sizes.items() if size}
    return Forecast(steps, sizes, tuple(drops_of(plan.drops, facts)), facts.notes)


_OF_TYPES = {"type", "domain", "function", "procedure", "extension"}
#: What goes with a DROP of these kinds of objects, of all that it locks.
_DROPPED = {"table", "foreign table", "view", "materialized view", "sequence", "schema"}
_GONE = {Kin.SELF, Kin.PARTITIONS, Kin.CONTENTS}


#: Beginnings of what is said of statements that add foreign keys, and the lock on the tables that these lead to.
_TYING = ("add column ", "add foreign key ", "create table ")


def _is_referenced(lock: TableLock) -> bool:
    return lock.tables.kin is Kin.SELF and lock.mode is LockMode.SHARE_ROW_EXCLUSIVE


def _keep_tables(action: Action, statement: StatementActions, lookup: Lookup) -> None:
    """Keep which tables an action drops, renames, and ties to others."""
    if action.words.startswith("drop ") and action.object.kind in _DROPPED:
        for tables in (lock.tables for lock in action.locks if lock.tables.kin in _GONE):
            lookup.drop(tables, statement)
    if action.words.startswith("drop constraint "):
        lookup.untie(own_table(action), statement, constraint=split_name(action.object.name)[-1])
    if action.words.startswith("drop column "):
        lookup.untie(own_table(action), statement, column=split_name(action.object.name)[-1])
    if action.words.startswith("rename table "):
        lookup.rename(action.object.name, _renamed(action))
    if action.words.startswith(_TYING):
        for tables in (lock.tables for lock in action.locks if _is_referenced(lock)):
            lookup.tie(own_table(action), tables, statement)


def _keep_constraint(action: Action, statement: StatementActions, lookup: Lookup) -> None:
    """Keep which constraints the plan has added, and whether it has checked them; what it drops or changes is forgotten."""
    if action.object.kind != "constraint":
        return
    words, name = action.words, split_name(action.object.name)[-1]
    added = None
    if words.startswith("add "):
        added = AddedConstraint(
            words.startswith("add foreign key "), not words.endswith((", not validated", ", not enforced"))
        )
    elif words.startswith("validate constraint "):
        keys = (lookup.added.get((each.number or 0, name)) for each in lookup.tables(own_table(action), statement))
        added = next((each._replace(is_valid=True) for each in keys if each), None)
    lookup.constrain(own_table(action), statement, name, added)


def _renamed(action: Action) -> str:
    """Return the new name of a table that an action renames, in the schema that it has."""
    *schema, _ = split_name(action.object.name) or ("",)
    return joined([*schema, *split_name(action.words.rpartition(" to ")[2])])


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
            unknown=_unknown(statement, self.lookup),
            span=span_of_statement(statement, work),
            destroys=statement.destroys and not only_keeps_values(statement, self.lookup),
        )
        self._keep_sizes(statement, found)
        self._keep_changes(statement, locks)
        return found

    def _keep_changes(self, statement: StatementActions, locks: Iterable[Lock]) -> None:
        """Keep what later statements cannot rely on any more."""
        lookup = self.lookup
        for lock in locks:
            if lock.mode >= LockMode.SHARE_UPDATE_EXCLUSIVE and lock.meant.number is not None:
                for action in statement.actions:
                    for part in touched_parts(action, lock.meant, statement, lookup):
                        lookup.touch(lock.meant.number, part)
        for action in statement.actions:
            _keep_tables(action, statement, lookup)
            _keep_constraint(action, statement, lookup)
        lookup.has_types |= any(action.object.kind in _OF_TYPES for action in statement.actions)
        lookup.is_doubtful |= any(action.unknown and action.object.kind != "extension" for action in statement.actions)

    def _keep_sizes(self, statement: StatementActions, found: StatementForecast) -> None:
        """Keep the sizes of the tables that the forecast names."""
        named = {*(lock.table for lock in found.locks), *(work.table for work in found.work)}
        named |= {tables.name for each in found.losses if (tables := set_of(each.loss))}
        for tables in _sets(statement):
            for meant in self.lookup.tables(tables, statement):
                if meant.name in named and meant.table:
                    self.sizes[meant.name] = meant.table.size


def _unknown(statement: StatementActions, lookup: Lookup) -> str | None:
    """Return what is unknown of a statement, each thing once."""
    found = [*(action.unknown for action in statement.actions if action.unknown), *fired_triggers(statement, lookup)]
    return ", ".join(dict.fromkeys(found)) or None


def _again(before: StatementForecast, statement: StatementActions) -> StatementForecast:
    """Return the forecast of a statement that does the same as the one before it: a seed has thousands of them."""
    return StatementForecast(
        statement.statement.line,
        before.kind,
        before.words,
        statement.sql,
        before.locks,
        before.work,
        before.losses,
        before.unknown,
        before.span,
        before.destroys,
    )
