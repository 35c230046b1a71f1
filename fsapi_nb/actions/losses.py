"""What data the statements of a plan take away, with its rows, and what the script of the other direction makes again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from fsapi_nb.actions.cascades import emptied_with, lost_with_rows
from fsapi_nb.actions.conditions import own_table
from fsapi_nb.actions.lookup import Lookup
from fsapi_nb.actions.made import plain
from fsapi_nb.actions.plan import StatementActions
from fsapi_nb.actions.tree_names import joined, split_name
from fsapi_nb.actions.type_change import keeps_values
from fsapi_nb.model.action import Kin, Loss, LossKind, TableSet
from fsapi_nb.model.forecast import DataLoss
from fsapi_nb.model.migration import Direction, Migration
from fsapi_nb.model.plan import DatabaseObject
from fsapi_nb.model.table_facts import FoundTable, TableFacts
from fsapi_nb.script.objects import made_and_removed

_OF_COLUMNS = {LossKind.COLUMN, LossKind.PRECISION}
_OF_TABLES = {LossKind.TABLE, LossKind.ROWS, LossKind.MATERIALIZED_VIEW}
#: What a script calls an object whose data is lost.
_OBJECTS = {LossKind.TABLE: "table", LossKind.COLUMN: "column", LossKind.MATERIALIZED_VIEW: "materialized view"}
#: Objects of a database that hold data, by their kind: what is lost with one that `fresh` drops.
_DROPPED = {
    "table": (LossKind.TABLE, "the table {} with its rows"),
    "materialized view": (LossKind.MATERIALIZED_VIEW, "the materialized view {} with its rows"),
    "sequence": (LossKind.SEQUENCE, "the sequence {} with its position"),
    "schema": (LossKind.LARGER, "the schema {} with what is in it"),
    "extension": (LossKind.LARGER, "the extension {} with what depends on it"),
}


def set_of(loss: Loss) -> TableSet | None:
    """Return the table whose rows say how much is lost; None if no table says it."""
    if loss.kind in _OF_COLUMNS:
        return TableSet(joined(split_name(loss.name)[:-1]))
    if loss.kind in _OF_TABLES and loss.name:
        return TableSet(loss.name)
    if loss.kind is LossKind.LARGER and loss.words.startswith("the schema "):
        return TableSet(loss.name, Kin.CONTENTS, "schema")
    return None


def losses_of(statement: StatementActions, lookup: Lookup, remade: Callable[[], frozenset[str]]) -> Iterator[DataLoss]:
    """Yield what a statement takes away; nothing of a table that is not there, or is new and without data of others.

    `remade` returns what the script of the other direction makes.
    """
    for action, loss in ((each, loss) for each in statement.actions for loss in each.destroys):
        tables = set_of(loss)
        meant = lookup.tables(tables, statement) if tables else ()
        if tables and all(
            (each.is_new and each.is_empty) or keeps_values(action, each, statement, lookup) for each in meant
        ):
            continue
        size = next((each.table.size for each in meant if each.table), None)
        is_part = loss.kind is LossKind.ROWS and not loss.words.startswith("all ")
        is_remade = loss.kind in _OBJECTS and f"{_OBJECTS[loss.kind]} {_unquoted(loss.name)}" in remade()
        others = emptied_with(action, statement, lookup) if loss.kind is LossKind.ROWS and not loss.name else None
        yield from (DataLoss(loss, None if is_part else size, is_remade),) if others is None else others
    for action in statement.actions:
        yield from lost_with_rows(action, statement, lookup)


def only_keeps_values(statement: StatementActions, lookup: Lookup) -> bool:
    """Return whether all that a statement does is to change types of columns, and nothing of these is lost."""
    found = ((action, lookup.tables(own_table(action), statement)) for action in statement.actions)
    return all(
        tables and all(keeps_values(action, each, statement, lookup) for each in tables) for action, tables in found
    )


def made_again(migration: Migration, direction: Direction) -> frozenset[str]:
    """Return what the script of the other direction makes, as `table users`, without quotes and without `public.`."""
    script = migration.script(Direction.UP if direction is Direction.DOWN else Direction.DOWN)
    if script is None or script.parsed.problems:
        return frozenset()
    makers = (each for each in script.parsed.statements if each.traits.kind.startswith(("CREATE ", "ALTER TABLE")))
    changes = (change for statement in makers for change in made_and_removed(statement))
    return frozenset(name.replace(" public.", " ", 1) for is_made, name in changes if is_made)


def _unquoted(name: str) -> str:
    return ".".join(split_name(plain(name)))


def set_of_drop(drop: DatabaseObject) -> TableSet | None:
    """Return the table whose rows are lost with an object that `fresh` drops; None if it holds none."""
    loss = _loss_of(drop)
    return set_of(loss) if loss else None


def drops_of(drops: Iterable[DatabaseObject], facts: TableFacts) -> Iterator[DataLoss]:
    """Yield what is lost with the objects that `fresh` drops."""
    for drop in drops:
        loss = _loss_of(drop)
        if loss:
            tables = set_of(loss)
            found = [facts.tables.get(number) for number in (facts.sets.get(tables, ()) if tables else ())]
            is_one = tables is not None and tables.kin is Kin.SELF
            yield DataLoss(loss, found[0].size if is_one and found and found[0] else None)


def without_dropped(drops: Iterable[DatabaseObject], facts: TableFacts) -> TableFacts:
    """Return the facts as they are once `fresh` has dropped these objects."""
    sets = {tables for drop in drops if (tables := set_of_drop(drop))}
    gone = {number for tables in sets for number in facts.sets.get(tables, ())}
    if not gone:
        return facts
    gone |= {number for number, table in facts.tables.items() if _is_below(table, gone, facts)}
    left = {tables: tuple(each for each in found if each not in gone) for tables, found in facts.sets.items()}
    return replace(facts, sets=left)


def _is_below(table: FoundTable, gone: set[int], facts: TableFacts) -> bool:
    """Return whether a relation is a partition of one of these."""
    while table.parent is not None and table.parent not in gone and table.parent in facts.tables:
        table = facts.tables[table.parent]
    return table.parent in gone


def _loss_of(drop: DatabaseObject) -> Loss | None:
    if drop.kind not in _DROPPED:
        return None
    kind, words = _DROPPED[drop.kind]
    return Loss(kind, drop.identity, words.format(drop.identity))
