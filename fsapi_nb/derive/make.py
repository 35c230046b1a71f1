"""Make what is gone, and change what stays: the steps, each after what it needs. All names are those before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from fsapi_nb.catalog.ddl.definition import ObjectAddress
from fsapi_nb.catalog.parts.part import CatalogPart
from fsapi_nb.derive.alter import alter, go_on
from fsapi_nb.derive.comparison import Comparison
from fsapi_nb.derive.drops import Drops
from fsapi_nb.derive.order import in_order
from fsapi_nb.derive.ranks import RANK, rank_of
from fsapi_nb.derive.step import RestoreStep
from fsapi_nb.derive.write import column_extras, create, definition, grants, table_of
from fsapi_nb.text.safe import visible_line

#: How an index is chosen, by the field of the table that has its number.
_CHOICES = {"cluster_index": "CLUSTER ON", "identity_index": "REPLICA IDENTITY USING INDEX"}


@dataclass(slots=True)
class Making:
    """What is made and changed after the drops."""

    found: Comparison
    drops: Drops
    made: set[ObjectAddress] = field(init=False)

    def __post_init__(self) -> None:
        """Find what is made."""
        same = self.found.same
        self.made = {*self.found.gone, *(same[each] for each in (*self.found.remade, *self.found.away))}

    def statements(self) -> Iterator[str]:
        """Yield the statements of all steps in order."""
        steps, parts = self._steps(), self.found.before.parts
        rank = {address: (RANK.index(step.kind), step.name, address) for address, step in steps.items()}
        bodies = [part for address in steps if (part := parts.get(address)) is not None]
        if any(part.state.get("language") == "sql" and not part.state["body"] for part in bodies):
            yield "SET LOCAL check_function_bodies = off;"
        for address in in_order({address: step.needs for address, step in steps.items()}, rank):
            yield from steps[address].statements

    def _steps(self) -> dict[ObjectAddress, RestoreStep]:
        parts, steps = self.found.before, dict[ObjectAddress, RestoreStep]()
        for address in self.made:
            part = parts.parts[address]
            if not self._is_made_along(part):
                steps[address] = RestoreStep(rank_of(part), part.qualified, self._made(part), part.needs)
        for address in self.found.same:
            if self.found.is_dropped(address) or address in self.found.away:
                continue
            if statements := list(alter(self.found, address)):
                part = parts.parts[self.found.same[address]]
                steps[part.address] = RestoreStep(rank_of(part), part.qualified, statements, part.needs)
        for extra in (self.drops.lineage.steps(self.made), self._owners(), self._chosen_indexes()):
            steps.update(extra)
        for step in steps.values():  # a column is made with its table
            step.needs |= {need._replace(part=0) for need in step.needs if need.catalog == "pg_class"}
        return steps

    def _is_made_along(self, part: CatalogPart) -> bool:
        """Return whether a part is made with another one: columns with their table, what a parent hands down."""
        if part.kind == "schema":
            return True  # they are made before anything gets its name back
        if part.kind == "column":
            return part.of in self.made or self._has_from_parent(part)
        if part.kind in {"constraint", "index", "trigger"} and part.state.get("inherited"):
            is_key = part.kind == "trigger" or part.state.get("type") == "f"
            return is_key or part.of not in self.made or not self._is_partition(part)
        return False

    def _is_partition(self, part: CatalogPart) -> bool:
        table = self.found.before.parts.get(part.of) if part.of else None
        return bool(table and table.state.get("bound"))

    def _has_from_parent(self, part: CatalogPart) -> bool:
        return bool(part.state["inherited"] and not part.state["local"])

    def _made(self, part: CatalogPart) -> list[str]:
        parts = self.found.before
        if part.kind == "table":
            statements = create(part, parts)
            for column in parts.children(part.address, "column"):
                statements += grants(column, column.state.get("default_acl"), parts)
            return statements
        if part.kind == "column" and part.state["not_null"] and not (part.state["generated"] or part.state["identity"]):
            return self._required(part)
        statements = create(part, parts)
        if part.kind == "column" and part.state["identity"]:
            statements.append(go_on(table_of(part, parts), part.name))
        return statements

    def _required(self, column: CatalogPart) -> list[str]:
        """Return what adds a column that must have values: its default first, since rows that are there need one."""
        parts = self.found.before
        table = table_of(column, parts)
        default = parts.parts.get(ObjectAddress("pg_attrdef", column.address.oid, column.address.part))
        extras = [*column_extras(column, parts), *grants(column, column.state.get("default_acl"), parts)]
        if default is not None and not default.needs & self.made - {column.address}:
            text = definition(column, not_null=False)
            rest = definition(column).removeprefix(text)
            return [f"ALTER TABLE {table} ADD COLUMN {text} DEFAULT {default.state['text']}{rest};", *extras]
        name = column.state["not_null_name"]
        required = (
            f"ALTER TABLE {table} ADD CONSTRAINT {name} NOT NULL {column.name};"
            if name
            else f"ALTER TABLE {table} ALTER COLUMN {column.name} SET NOT NULL;"
        )
        return [
            f"ALTER TABLE {table} ADD COLUMN {definition(column, not_null=False)};",
            "-- "
            + visible_line(f"if {table} has rows, give them values of {column.name} here: what they were is not known")
            + f"\n{required}",
            *extras,
        ]

    def _after(self, part: CatalogPart) -> Mapping[str, Any]:
        """Return the state of a part after; nothing if it is gone."""
        address = self.found.after_of.get(part.address)
        return self.found.after.parts[address].state if address else {}

    def _owners(self) -> dict[ObjectAddress, RestoreStep]:
        """Return the steps that let columns own sequences again."""
        steps: dict[ObjectAddress, RestoreStep] = {}
        freed = {self.found.same[each] for each in self.drops.freed()}
        for part in self.found.before.parts.values():
            if part.kind != "sequence":
                continue
            owner, new = (part.state["owner_table"], part.state["owner_column"]), self._after(part)
            if part.address in freed or owner != (new.get("owner_table"), new.get("owner_column")):
                steps[ObjectAddress("owned", part.address.oid)] = self._owned(part, *owner)
        return steps

    def _owned(self, sequence: CatalogPart, table: int | None, number: int | None) -> RestoreStep:
        parts = self.found.before.parts
        if table is None or number is None:
            statement = f"ALTER SEQUENCE {sequence.qualified} OWNED BY NONE;"
            return RestoreStep("owned", sequence.qualified, [statement], frozenset({sequence.address}))
        owner, column = parts[ObjectAddress("pg_class", table)], parts[ObjectAddress("pg_class", table, number)]
        statements = [f"ALTER SEQUENCE {sequence.qualified} OWNED BY {owner.qualified}.{column.name};"]
        if sequence.address in self.made and not {owner.address, column.address} & self.made:
            statements.append(go_on(owner.qualified, column.name))
        needs = frozenset({sequence.address, owner.address, column.address})
        return RestoreStep("owned", sequence.qualified, statements, needs)

    def _chosen_indexes(self) -> dict[ObjectAddress, RestoreStep]:
        """Return the steps that choose the index of a table that it is clustered by, and that identifies its rows."""
        steps: dict[ObjectAddress, RestoreStep] = {}
        stays = {self.found.same[each] for each in self.found.same if not self.found.is_dropped(each)}
        for part in self.found.before.parts.values():
            new = self._after(part) if part.kind == "table" else {}
            for choice, clause in _CHOICES.items() if part.kind == "table" else ():
                index, there = self._index(part.state[choice]), new.get(choice)
                if part.state[choice] == there and (index is None or index.address in stays):
                    continue
                if index is None and choice == "identity_index":
                    continue  # the table's own statements say how its rows are identified
                chosen = f"{clause} {index.name}" if index else "SET WITHOUT CLUSTER"
                needs = frozenset({part.address, *([index.address] if index else [])})
                step = RestoreStep("chosen index", part.qualified, [f"ALTER TABLE {part.qualified} {chosen};"], needs)
                steps[ObjectAddress(choice, part.address.oid)] = step
        return steps

    def _index(self, oid: int | None) -> CatalogPart | None:
        """Return the index of that number, or the key that it is of."""
        if oid is None:
            return None
        index = self.found.before.parts.get(ObjectAddress("pg_class", oid))
        keys = (each for each in self.found.before.parts.values() if each.kind == "constraint")
        return index or next((key for key in keys if key.state["index"] == oid and key.state["type"] in "pux"), None)
