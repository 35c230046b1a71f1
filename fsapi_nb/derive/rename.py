"""Give what was renamed or moved its name and schema back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from fsapi_nb.catalog.ddl.definition import ObjectAddress
from fsapi_nb.catalog.parts.part import CatalogPart
from fsapi_nb.derive.comparison import Comparison
from fsapi_nb.derive.write import ON_TABLE, word

_RELATIONS = {"table", "index", "sequence", "view", "materialized view"}
_TYPES = {"enum", "composite", "domain", "range"}


class _Renaming(NamedTuple):
    """A name that changes: in its scope, the names of two parts differ. The statement is `first` now `then` wanted."""

    scope: tuple[str, ...]
    now: str
    wanted: str
    first: str
    then: str

    def statement(self, now: str, wanted: str) -> str:
        return f"{self.first}{now}{self.then}{wanted};"


@dataclass(slots=True)
class Renames:
    """The statements that rename and move, for the parts that stay."""

    comparison: Comparison
    _schemas: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        """Find the names that schemas get back."""
        pairs = (self.comparison.pair(address) for address in self.comparison.same)
        self._schemas = {new.name: old.name for old, new in pairs if new.kind == "schema"}

    def statements(self) -> list[str]:
        """Return them in order: schemas, names, schemas of parts."""
        stays = [each for each in self.comparison.same if not self.comparison.is_dropped(each)]
        ours = [found for each in stays if (found := self._renaming(each))]
        groups: dict[int, list[_Renaming]] = {0: [], 1: [], 2: []}
        for each in ours:
            groups[0 if each.scope[0] == "schema" else 2 if each.scope[0] in {"column", *ON_TABLE} else 1].append(each)
        moves = [move for each in stays if (move := self._move(each))]
        return [*(statement for group in groups.values() for statement in _in_turn(group)), *moves]

    def schema_now(self, part: CatalogPart) -> str | None:
        """Return the name of the schema that a part is in after, once schemas have their names back."""
        return self._schemas.get(part.schema, part.schema) if part.schema else None

    def _renaming(self, address: ObjectAddress) -> _Renaming | None:
        old, new = self.comparison.pair(address)
        if old.name == new.name or old.kind in {"default", "extension"} or self._follows(new):
            return None
        if old.kind == "schema":
            return _Renaming(("schema",), new.name, old.name, "ALTER SCHEMA ", " RENAME TO ")
        if old.kind == "column":
            table = self._table_now(old, new)
            return _Renaming(("column", table), new.name, old.name, f"ALTER TABLE {table} RENAME COLUMN ", " TO ")
        if old.kind in ON_TABLE:
            table = self._table_now(old, new)
            first, then = f"ALTER {word(old)} ", f" ON {table} RENAME TO "
            if old.kind == "constraint":
                first, then = f"ALTER TABLE {table} RENAME CONSTRAINT ", " TO "
            return _Renaming((old.kind, table), new.name, old.name, first, then)
        schema = self.schema_now(new)
        scope = "relation" if old.kind in _RELATIONS | _TYPES else old.kind
        arguments = f"({new.state['arguments']})" if "arguments" in new.state else ""
        first, then = f"ALTER {word(old)} {schema}.", f"{arguments} RENAME TO "
        return _Renaming((scope, str(schema), arguments), new.name, old.name, first, then)

    def _follows(self, new: CatalogPart) -> bool:
        return self.comparison.follows_parent(new, self.comparison.after)

    def _table_now(self, old: CatalogPart, new: CatalogPart) -> str:
        """Return the name that the table of a part has while names are given back: the tables come first."""
        table_new = self.comparison.after.parts[new.of] if new.of else new
        table_old = self.comparison.before.parts[old.of] if old.of else old
        return f"{self.schema_now(table_new)}.{table_old.name}"

    def _move(self, address: ObjectAddress) -> str | None:
        old, new = self.comparison.pair(address)
        now = self.schema_now(new)
        if old.schema is None or old.schema == now or old.kind in {"index", "extension"}:
            return None
        if old.kind == "sequence" and old.state["owner_table"] and old.state["owner_table"] == new.state["owner_table"]:
            return None
        arguments = f"({new.state['arguments']})" if "arguments" in new.state else ""
        return f"ALTER {word(old)} {now}.{old.name}{arguments} SET SCHEMA {old.schema};"


def _in_turn(renames: list[_Renaming]) -> list[str]:
    """Return the statements, so that no name is given that another part still has."""
    left = sorted(renames, key=lambda each: (each.scope, each.now))
    statements: list[str] = []
    number = 0
    while left:
        taken = {(each.scope, each.now) for each in left}
        ready = [each for each in left if (each.scope, each.wanted) not in taken]
        if not ready:  # names go round in a circle
            number += 1
            first, between = left[0], f"fsapi_between_{number}"
            statements.append(first.statement(first.now, between))
            left[0] = first._replace(now=between)
            continue
        chosen = ready[0]
        statements.append(chosen.statement(chosen.now, chosen.wanted))
        left.remove(chosen)
    return statements
