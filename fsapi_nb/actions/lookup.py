"""Which tables of the catalog a statement of a plan means by a name, or by kin of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from typing import NamedTuple

from fsapi_nb.actions.made import plain
from fsapi_nb.actions.plan import StatementActions
from fsapi_nb.actions.tree_names import split_name
from fsapi_nb.model.action import Action, Kin, TableSet
from fsapi_nb.model.forecast import TableSize
from fsapi_nb.model.table_facts import FoundTable, TableFacts

#: What is said of as a whole: it may be thousands of tables.
_WHOLE = {Kin.EVERYTHING, Kin.CONTENTS}
#: Parts of a table, of which nothing is said where the catalog does not know any.
_BELOW = {
    Kin.PARTITIONS,
    Kin.PARTITIONS_REFERENCED,
    Kin.HEIRS,
    Kin.DESCENDANTS,
    Kin.DEFAULT_PARTITION,
    Kin.BELOW_DEFAULT,
    Kin.READ_BY,
}
#: Parts of a table that a plan changes beside those with names: its indexes, constraints whose names are not known, the
#: foreign keys that lead to it, and any of its parts.
INDEXES = "\0indexes"
CONSTRAINTS = "\0constraints"
REFERRING = "\0referring"
#: What stands before the name of a column of which only the type, the default and the like are meant.
TYPE = "\0type "
EVERY = "*"
_ABOVE = {Kin.PARENT, Kin.SIBLING_DEFAULT}
_REFERENCED = {Kin.REFERENCED, Kin.OWN_REFERENCED}
_REFERRING = {Kin.REFERRING, Kin.OWN_REFERRING, Kin.ALL_REFERRING}
#: The kinds of relations with rows of their own.
STORED = {"r", "m"}


class MeantTable(NamedTuple):
    """One table that is meant: its name as it is shown, and what the catalog says of it.

    `table` and `number` are None where the catalog does not have it. `is_new` says that the plan makes it for certain:
    nobody else waits for it. `is_empty` says that the plan makes it, and has put no data there that was elsewhere.
    """

    name: str
    table: FoundTable | None = None
    number: int | None = None
    is_new: bool = False
    is_empty: bool = False


class AddedConstraint(NamedTuple):
    """A constraint that the plan has added: whether it is a foreign key, and whether its rows were checked."""

    is_key: bool
    is_valid: bool


@dataclass(slots=True)
class Lookup:
    """The facts of a catalog, and what the plan may have changed of them up to here.

    `touched` are the relations that it has changed, with the names of these parts of them. `dropped` are those that it
    has dropped, `keys` the foreign keys that it has added, each from one relation to another, `untied` the constraints
    that it has dropped, by relation and name, `added` those that it has added. `has_types` says that it has made or
    changed types or functions, `is_doubtful` that it has run something which may have changed anything.
    """

    facts: TableFacts
    touched: dict[int, set[str]] = field(default_factory=dict)
    dropped: set[int] = field(default_factory=set)
    keys: set[tuple[int | str, int | str]] = field(default_factory=set)
    untied: set[tuple[int, str]] = field(default_factory=set)
    added: dict[tuple[int, str], AddedConstraint] = field(default_factory=dict)
    has_types: bool = False
    is_doubtful: bool = False

    def tables(self, tables: TableSet, statement: StatementActions) -> tuple[MeantTable, ...]:
        """Return the tables that are meant; one that stands for them where they are not known."""
        name = tables.name
        numbers = self._numbers(tables, statement)
        if numbers and tables.kin in _WHOLE:
            return (MeantTable(str(tables), self._sum(numbers)),)
        if numbers:
            is_renamed = tables.kin is Kin.SELF and in_catalog(tables, statement) != tables
            found = ((number, self.facts.tables.get(number)) for number in numbers)
            return tuple(
                MeantTable(name if is_renamed else table.name, table, number) for number, table in found if table
            )
        if tables.kin is not Kin.SELF:
            may_be = numbers is None or (name in statement.parts and tables.kin in _ABOVE)
            return (MeantTable(str(tables)),) if may_be and tables.kin not in _BELOW else ()
        is_made = name in statement.made
        if numbers is not None and not self.is_doubtful and not is_made:
            return ()
        is_new = is_made and numbers is not None  # it is not there before the plan is run, whatever makes it
        return (MeantTable(name, is_new=is_new, is_empty=name in statement.made - statement.filled),)

    def _numbers(self, tables: TableSet, statement: StatementActions) -> tuple[int, ...] | None:
        """Return the numbers of the relations that are there when the statement runs; None if they are not known."""
        key = in_catalog(tables, statement)
        found = self.facts.sets.get(key) if key else None
        if statement.origins.get(tables.name, tables.name) is None and not tables.kind:
            found = ()  # the plan itself has made or dropped it
        if found is None:
            return None
        added = (end for end in self._new_keys(tables, statement) if isinstance(end, int))
        left = (number for number in found if not self._is_untied(number, tables, statement))
        return tuple(number for number in dict.fromkeys((*left, *added)) if number not in self.dropped)

    def _is_untied(self, number: int, tables: TableSet, statement: StatementActions) -> bool:
        """Return whether the plan has dropped all foreign keys by which a relation is found."""
        if tables.kin not in _REFERRING | _REFERENCED or not self.untied:
            return False
        own = self._numbers(tables._replace(kin=Kin.SELF), statement) or ()
        ends = ((number, each) if tables.kin in _REFERRING else (each, number) for each in own)
        keys = [(one, name) for one, other in ends for name in self._keys_between(one, other)]
        return bool(keys) and self.untied.issuperset(keys)

    def _keys_between(self, one: int, other: int) -> Iterator[str]:
        """Yield the names of the foreign keys in the catalog from one relation to another."""
        shape = self.facts.shapes.get(one)
        for name, key in shape.constraints.items() if shape else ():
            if key.kind == "f" and key.referenced == other:
                yield name

    def _new_keys(self, tables: TableSet, statement: StatementActions) -> Iterator[int | str]:
        """Yield the other ends of the foreign keys of a table that the plan has added, if its kin is found by them."""
        if tables.kin not in _REFERRING | _REFERENCED or not self.keys:
            return
        own = self._ends(tables._replace(kin=Kin.SELF), statement)
        for one, other in self.keys:
            if tables.kin in _REFERRING and other in own:
                yield one
            if tables.kin in _REFERENCED and one in own:
                yield other

    def _ends(self, table: TableSet, statement: StatementActions) -> tuple[int | str, ...]:
        """Return a table as an end of foreign keys: its number, or its name if the plan makes it."""
        return self._numbers(table, statement) or (plain(table.name),)

    def tie(self, one: TableSet, other: TableSet, statement: StatementActions) -> None:
        """Keep that the plan adds a foreign key from one table to another."""
        ends = product(self._ends(one, statement), self._ends(other, statement))
        self.keys.update((first, second) for first, second in ends if first != second)

    def untie(self, table: TableSet, statement: StatementActions, *, constraint: str = "", column: str = "") -> None:
        """Keep that the plan drops a constraint, or a column with the foreign keys that cover it."""
        for number in self._numbers(table, statement) or ():
            shape = self.facts.shapes.get(number)
            found = shape.constraints.items() if shape else ()
            self.untied.update((number, name) for name, each in found if name == constraint or column in each.columns)

    def constrain(self, table: TableSet, statement: StatementActions, name: str, added: AddedConstraint | None) -> None:
        """Keep what the plan has added under the name of a constraint; None if nothing is known of it any more."""
        for number in self._numbers(table, statement) or ():
            if added:
                self.added[number, name] = added
            else:
                self.added.pop((number, name), None)

    def rename(self, old: str, new: str) -> None:
        """Keep the new name of a table that the plan has made."""
        names: dict[int | str, str] = {plain(old): plain(new)}
        self.keys = {(names.get(one, one), names.get(other, other)) for one, other in self.keys}

    def drop(self, tables: TableSet, statement: StatementActions) -> None:
        """Keep that the plan drops these tables."""
        self.dropped.update(self._numbers(tables, statement) or ())

    def touch(self, number: int, part: str) -> None:
        """Keep that the plan has changed a part of a relation."""
        self.touched.setdefault(number, set()).add(part)

    def is_touched(self, numbers: set[int], parts: set[str]) -> bool:
        """Return whether the plan may have changed one of these parts of one of these relations."""
        return any(self.touched.get(number, set()) & {*parts, EVERY} for number in numbers)

    def numbers_of(self, kind: str, name: str, statement: StatementActions) -> tuple[int, ...]:
        """Return the number of a type, or those of the functions of that name; nothing if they are not known for certain."""
        key = in_catalog(TableSet(name, Kin.SELF, kind), statement)
        return () if self.has_types or key is None else self.facts.sets.get(key, ())

    def _sum(self, numbers: tuple[int, ...]) -> FoundTable:
        """Return the tables as if they were one; partitions are counted with their table."""
        found = [table for number in numbers if (table := self.facts.tables.get(number)) and table.kind in STORED]
        sizes = [table.size for table in found if table.size]
        rows = [size.rows for size in sizes if size.rows is not None]
        size = TableSize(
            sum(rows) if len(rows) == len(sizes) else None,
            sum(each.size for each in sizes),
            all(each.exact for each in sizes),
        )
        return FoundTable(
            "", "r", size, sum(each.heap for each in found), max((each.indexes for each in found), default=0)
        )


def in_catalog(tables: TableSet, statement: StatementActions) -> TableSet | None:
    """Return a set by the name that it has in the catalog before the plan is run; None if it has none, or none is known."""
    origin = tables.name if tables.kind else statement.origins.get(tables.name, tables.name)
    if origin is None:
        return None
    is_qualified = not origin or len(split_name(origin)) > (2 if tables.kind == "column" else 1)
    if statement.path is None and not is_qualified:
        return None
    return tables._replace(name=origin, path=() if is_qualified else statement.path or ())


def sets_of(action: Action) -> Iterator[TableSet]:
    """Yield the sets of tables that an action locks or works on."""
    yield from (lock.tables for lock in action.locks)
    yield from (work.tables for work in action.work)
