"""What a script has made up to a statement, and what is left of what the statement does.

A lock on a table that the same transaction has made keeps nobody waiting, and work on it takes no time while it is
empty. A column whose values were put somewhere else before is not lost when it is dropped.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from fsapi_nb.actions.copies import EVERY, copies_of
from fsapi_nb.actions.tree_names import joined, object_name, relation, split_name
from fsapi_nb.model.action import Action, Condition, Kin, Loss, LossKind, TableLock, TableSet, Work
from fsapi_nb.script.classify import Named, enum_name

_OF_TABLES = {LossKind.TABLE, LossKind.ROWS}
#: What lies below a table, and is made with it.
_BELOW = {Kin.PARTITIONS, Kin.HEIRS, Kin.DESCENDANTS, Kin.DEFAULT_PARTITION, Kin.BELOW_DEFAULT}
_OF_INDEX = {Kin.TABLE, Kin.TABLE_AND_PARTITIONS}


def plain(name: str) -> str:
    """Return a name without `public.`."""
    return name.removeprefix("public.")


@dataclass(slots=True)
class Made:
    """What a script has made up to here, by names as written without `public.`.

    `possible` are tables that were perhaps there before (IF NOT EXISTS), `filled` those that got rows of a query or
    COPY, `tied` those that have to do with tables that were there before, `mixed` those that have such tables below
    them. `copies` has what was copied, by table and column; `holders` are the tables that hold what was lost elsewhere.
    """

    tables: set[str] = field(default_factory=set)
    possible: set[str] = field(default_factory=set)
    filled: set[str] = field(default_factory=set)
    tied: set[str] = field(default_factory=set)
    mixed: set[str] = field(default_factory=set)
    parts: set[str] = field(default_factory=set)
    columns: set[str] = field(default_factory=set)
    indexes: dict[str, str] = field(default_factory=dict)
    copies: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    holders: set[str] = field(default_factory=set)
    committed: set[str] = field(default_factory=set)

    # -- what is left out of what a statement does -------------------------------------------------------------

    def fold(self, action: Action) -> Action:
        """Return an action without locks and work on what the script has made, and with where data was copied to."""
        return replace(
            action,
            locks=tuple(lock for each in action.locks if (lock := self._lock(each))),
            rewrites=self._work(action.rewrites),
            scans=self._work(action.scans),
            builds_index=self._work(action.builds_index),
            changes_rows=self._work(action.changes_rows),
            destroys=tuple(loss for each in action.destroys if (loss := self._loss(each))),
        )

    def _lock(self, lock: TableLock) -> TableLock | None:
        tables = self._of_index(lock.tables)
        if self._is_unseen(tables):
            return None
        if plain(tables.name) in self.possible and lock.condition is None:
            return TableLock(tables, lock.mode, Condition.IF_EXISTS)
        return TableLock(tables, lock.mode, lock.condition)

    def _of_index(self, tables: TableSet) -> TableSet:
        """Return the table itself instead of `the table of` an index that the script has made."""
        table = self.indexes.get(plain(tables.name)) if tables.kin in _OF_INDEX else None
        return TableSet(table) if table else tables

    def _is_unseen(self, tables: TableSet) -> bool:
        return self.is_own(tables) and (tables.kin is not Kin.SELF or plain(tables.name) not in self.committed)

    def is_own(self, tables: TableSet) -> bool:
        """Return whether the tables are those that the script has made, or none."""
        name = plain(tables.name)
        if name not in self.tables:
            return False
        return tables.kin is Kin.SELF or name not in (self.mixed if tables.kin in _BELOW else self.tied)

    def _work(self, work: tuple[Work, ...]) -> tuple[Work, ...]:
        resolved = [each._replace(tables=self._of_index(each.tables)) for each in work]
        return tuple(
            each for each in resolved if plain(each.tables.name) in self.filled or not self._is_unseen(each.tables)
        )

    def _loss(self, loss: Loss) -> Loss | None:
        *parts, column = split_name(plain(loss.name)) or ("",)
        table, column = joined(parts), joined([column])
        if loss.kind in _OF_TABLES:
            table, column = plain(loss.name), ""
        is_own = table in self.tables or (bool(column) and plain(loss.name) in self.columns)
        if is_own and table not in self.holders:
            return None
        copied = self._copied(table, column) if loss.kind is not LossKind.PRECISION else ()
        self.holders.update(plain(each.rpartition(".")[0] or each) for each in copied)
        self.holders.update(map(plain, copied))
        partly = not column and (table, EVERY) not in self.copies
        return loss._replace(copied_to=copied, partly=partly) if copied else loss

    def _copied(self, table: str, column: str) -> tuple[str, ...]:
        if column:
            found = [*self.copies.get((table, column), ()), *self.copies.get((table, EVERY), ())]
        else:
            places = [place for (source, _), found in self.copies.items() if source == table for place in found]
            found = [place for place in places if plain(place).rpartition(".")[0] != table]
        return tuple(dict.fromkeys(found))

    # -- what a statement has made -----------------------------------------------------------------------------

    def commit(self) -> None:
        """Keep that what was made up to here can be seen by others."""
        self.committed |= self.tables

    def add_data(self, named: Named) -> None:
        """Keep what a statement copies, which it does before it can delete it, and which table it fills."""
        name, node = named
        if (name == "insert_stmt" and not node.select_stmt.select_stmt.values_lists) or (
            name == "copy_stmt" and node.is_from
        ):
            self.filled.add(plain(relation(node.relation)))
        for table, column, destination in copies_of(named):
            places = self.copies.setdefault((plain(table), column), [])
            if destination not in places:
                places.append(destination)

    def add(self, named: Named) -> None:  # noqa: C901 - a case for each kind of statement
        """Keep what a statement makes, renames and drops."""
        name, node = named
        match name:
            case "create_stmt":
                self._add_table(relation(node.relation), perhaps=node.if_not_exists)
                if node.inh_relations:
                    self.parts.add(plain(relation(node.relation)))
                if node.inh_relations or _refers(node):
                    self.tied.add(plain(relation(node.relation)))
            case "create_table_as_stmt":
                self._add_table(relation(node.into.rel), perhaps=node.if_not_exists)
                self.filled.add(plain(relation(node.into.rel)))
            case "view_stmt" if not node.replace:
                self._add_table(relation(node.view), perhaps=False)
            case "create_seq_stmt":
                self._add_table(relation(node.sequence), perhaps=node.if_not_exists)
            case "index_stmt" if node.idxname and not node.if_not_exists:
                index = joined([node.relation.schemaname, node.idxname])
                self.indexes[plain(index)] = relation(node.relation)
            case "alter_table_stmt":
                self._alter(node)
            case "rename_stmt":
                self._rename(node)
            case "alter_object_schema_stmt" if node.HasField("relation"):
                self._move(relation(node.relation), joined([node.newschema, node.relation.relname]))
            case "drop_stmt" if enum_name(node, "remove_type") == "OBJECT_TABLE":
                for each in node.objects:
                    self._forget(plain(object_name(each)))

    def _add_table(self, name: str, *, perhaps: bool) -> None:
        known = self.possible if perhaps and plain(name) not in self.tables else self.tables
        known.add(plain(name))

    def _alter(self, node: Any) -> None:
        table = plain(relation(node.relation))
        for each in node.cmds:
            command = each.alter_table_cmd
            definition = getattr(command, "def")
            match enum_name(command, "subtype"):
                case "AT_AddColumn" if not command.missing_ok:
                    self.columns.add(f"{table}.{joined([definition.column_def.colname])}")
                    if any(
                        enum_name(i.constraint, "contype") == "CONSTR_FOREIGN"
                        for i in definition.column_def.constraints
                    ):
                        self.tied.add(table)
                case "AT_AddConstraint" if enum_name(definition.constraint, "contype") == "CONSTR_FOREIGN":
                    self.tied |= {table, plain(relation(definition.constraint.pktable))}
                case "AT_AttachPartition":
                    self._add_below(table, plain(relation(definition.partition_cmd.name)))
                case "AT_AddInherit":
                    self._add_below(plain(relation(definition.range_var)), table)

    def _add_below(self, parent: str, child: str) -> None:
        self.tied |= {parent, child}
        self.parts.add(child)
        if child not in self.tables:
            self.mixed.add(parent)

    def _rename(self, node: Any) -> None:
        kind = enum_name(node, "rename_type")
        table = relation(node.relation)
        if kind == "OBJECT_TABLE":
            self._move(table, joined([node.relation.schemaname, node.newname]))
        elif kind == "OBJECT_COLUMN":
            old, new = joined([node.subname]), joined([node.newname])
            name = plain(table)
            if (name, old) in self.copies:
                self.copies[name, new] = self.copies.pop((name, old))
            if f"{name}.{old}" in self.columns:
                self.columns = self.columns - {f"{name}.{old}"} | {f"{name}.{new}"}
            else:
                self.columns.discard(f"{name}.{new}")

    def _move(self, old: str, new: str) -> None:
        """Keep the new name of a table."""
        before, after = plain(old), plain(new)
        for names in self._of_tables():
            names.discard(after)
            if before in names:
                names.discard(before)
                names.add(after)
        self.columns = {
            f"{after}{each.removeprefix(before)}" if each.startswith(f"{before}.") else each for each in self.columns
        }
        self.copies = {
            (after if table == before else table, column): places for (table, column), places in self.copies.items()
        }

    def _of_tables(self) -> tuple[set[str], ...]:
        """Return the sets of names of tables."""
        return (
            self.tables,
            self.possible,
            self.filled,
            self.tied,
            self.mixed,
            self.parts,
            self.holders,
            self.committed,
        )

    def _forget(self, table: str) -> None:
        for names in self._of_tables():
            names.discard(table)
        self.columns = {each for each in self.columns if not each.startswith(f"{table}.")}


def _refers(node: Any) -> bool:
    """Whether a CREATE TABLE has a foreign key."""
    constraints = [*node.constraints]
    for each in node.table_elts:
        constraints += each.column_def.constraints if each.HasField("column_def") else [each]
    return any(enum_name(each.constraint, "contype") == "CONSTR_FOREIGN" for each in constraints)
