"""What each statement of a plan does, read once: the forecast needs it twice, to ask the catalog and to answer.

Names mean what they mean when the statement runs: a plan may rename a table, or drop it and make another one of that
name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from fsapi_nb.actions.made import Made, plain
from fsapi_nb.actions.origins import Origins
from fsapi_nb.actions.search_path import SearchPath
from fsapi_nb.actions.statement import actions_of_tree
from fsapi_nb.model.action import Action, ActionObject, Condition, Kin, TableSet
from fsapi_nb.model.migration import Direction, Script, Statement
from fsapi_nb.model.plan import Plan, StepPart
from fsapi_nb.script.classify import node_of
from fsapi_nb.script.parser import parse_one
from fsapi_nb.script.redact import redact_statements

_NO_ORIGINS: Mapping[str, str | None] = {}
# INSERT ... VALUES of constants only: nothing in parentheses within the row, no comments, no escapes.
_CONSTANTS = r"\s*\((?:[^()'\"$\\;/-]|-(?!-)|/(?!\*)|'[^'\\]*')*\)\s*"
_SIMPLE_INSERT = re.compile(
    rf"(\s*INSERT\s+INTO\s+[\w.\"]+\s*(?:\([\w\s,\"]*\)\s*)?VALUES){_CONSTANTS}(?:,{_CONSTANTS})*", re.IGNORECASE
)


class StatementActions(NamedTuple):
    """What one statement does, and its text as it may be shown.

    `destroys` says that it takes data away at all, of whatever has been made or copied before. `origins` has the names
    in its actions that mean another table than they do in the catalog now: the name that the table has there, or None
    if it has none. `made` are those of the tables that the plan makes, if they are not there; `filled` those of them
    that it fills, `parts` those that are partitions or heirs. `path` is the search_path
    that its script has set: none if it is the session's own, None if it is not known.
    """

    statement: Statement
    actions: tuple[Action, ...]
    sql: str
    destroys: bool = False
    origins: Mapping[str, str | None] = _NO_ORIGINS
    made: frozenset[str] = frozenset()
    filled: frozenset[str] = frozenset()
    parts: frozenset[str] = frozenset()
    path: tuple[str, ...] | None = ()


class PartActions(NamedTuple):
    """What one part of a step does."""

    part: StepPart
    statements: tuple[StatementActions, ...]


@dataclass(frozen=True, slots=True)
class PlanActions:
    """What a plan does: its steps, each with its parts."""

    steps: tuple[tuple[PartActions, ...], ...]

    @property
    def statements(self) -> Iterator[StatementActions]:
        """Every statement, in order."""
        return (each for step in self.steps for part in step for each in part.statements)


def read_plan(plan: Plan, version: int) -> PlanActions:
    """Return what the statements of a plan do on PostgreSQL of that major version."""
    reader = _PlanReader(version)
    return PlanActions(tuple(reader.step(step.parts) for step in plan.steps))


@dataclass(slots=True)
class _PlanReader:
    """What the plan has made up to here, script by script and in all."""

    version: int
    scripts: dict[tuple[str, Direction], Made] = field(default_factory=dict)
    made: Made = field(default_factory=Made)
    origins: Origins = field(default_factory=Origins)
    paths: dict[tuple[str, Direction], SearchPath] = field(default_factory=dict)

    def step(self, parts: Sequence[StepPart]) -> tuple[PartActions, ...]:
        """Read a step; what it has made can be seen by others afterwards."""
        found = tuple(PartActions(part, tuple(self._part(part))) for part in parts)
        for part in parts:
            key = (part.migration.name, part.direction)
            self.scripts[key].commit()
            self.paths[key] = self.paths.get(key, SearchPath()).committed()
        return found

    def _part(self, part: StepPart) -> Iterator[StatementActions]:
        script = part.migration.script(part.direction)
        made = self._made(part, script)
        texts = _shown(part, script)
        head, last = "", None
        for statement, sql in zip(part.statements, texts, strict=True):
            simple = _SIMPLE_INSERT.fullmatch(statement.text) if statement.traits.kind == "INSERT" else None
            if last is None or simple is None or simple[1] != head:
                head = simple[1] if simple else ""
                last = self._statement(statement, sql, made, (part.migration.name, part.direction))
                yield last
            else:
                yield StatementActions(statement, last.actions, sql, *last[3:])

    def _made(self, part: StepPart, script: Script | None) -> Made:
        """Return what the script has made; that of the steps which an earlier run has done, too."""
        key = (part.migration.name, part.direction)
        if key in self.scripts:
            return self.scripts[key]
        made = self.scripts[key] = Made()
        if part.number and script and part.statements:
            first = (part.statements[0].text_line, part.statements[0].text_column)
            for statement in script.parsed.statements:
                if (statement.text_line, statement.text_column) >= first:
                    break
                named = node_of(parse_one(statement.text.encode()))
                made.add_data(named)
                made.add(named)
                self.paths[key] = self.paths.get(key, SearchPath()).after(named, statement.text).committed()
            made.commit()
        return made

    def _statement(self, statement: Statement, sql: str, made: Made, script: tuple[str, Direction]) -> StatementActions:
        try:
            named = node_of(parse_one(statement.text.encode()))
        except ValueError:  # the parser does not take it: it is run as it is
            unread = Action("run the script as it is", ActionObject("", ""), unknown="what the script does")
            return StatementActions(statement, (unread,), sql)
        written = actions_of_tree(named, self.version)
        made.add_data(named)
        self.made.add_data(named)
        actions = tuple(self._without_kin(made.fold(action)) for action in written)
        names = {each.name for action in actions for each in _tables(action)}
        origins = self.origins.of(names)
        made_before = frozenset(name for name in names if plain(name) in self.made.tables | self.made.possible)
        filled = frozenset(name for name in made_before if plain(name) in self.made.filled)
        parts = frozenset(name for name in made_before if plain(name) in self.made.parts)
        made.add(named)
        self.made.add(named)
        self.origins.add(named)
        path = self.paths.get(script, SearchPath())
        self.paths[script] = path.after(named, statement.text)
        destroys = any(action.destroys or _may_change_values(action) for action in written)
        return StatementActions(statement, actions, sql, destroys, origins, made_before, filled, parts, path.now)

    def _without_kin(self, action: Action) -> Action:
        """Return an action without the kin of tables that the plan has made: they have none but what it gave them."""
        if not any(self._has_none(each) for each in _tables(action)):
            return action
        return replace(
            action,
            locks=tuple(each for each in action.locks if not self._has_none(each.tables)),
            rewrites=tuple(each for each in action.rewrites if not self._has_none(each.tables)),
            scans=tuple(each for each in action.scans if not self._has_none(each.tables)),
            builds_index=tuple(each for each in action.builds_index if not self._has_none(each.tables)),
            changes_rows=tuple(each for each in action.changes_rows if not self._has_none(each.tables)),
        )

    def _has_none(self, tables: TableSet) -> bool:
        return tables.kin is not Kin.SELF and self.made.is_own(tables)


def _may_change_values(action: Action) -> bool:
    """Return whether an action changes the type of a column."""
    return any(work.condition is Condition.UNLESS_COERCIBLE for work in action.rewrites)


def _tables(action: Action) -> Iterator[TableSet]:
    yield from (lock.tables for lock in action.locks)
    yield from (work.tables for work in action.work)
    yield from (TableSet(loss.name) for loss in action.destroys)


def _shown(part: StepPart, script: Script | None) -> list[str]:
    """Return the texts of the statements, their secrets starred."""
    texts = [each.text for each in part.statements]
    if script is None:
        return [text.strip() for text in texts]
    found = redact_statements(script.written.text, texts, of=script.written.source)
    return [text.strip() for text in found]
