"""What would be done, step by step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Any

from fsapi_nb.errors import UsageError
from fsapi_nb.model.finding import NO_LINT, FindingLevel, Lint
from fsapi_nb.model.forecast import Forecast
from fsapi_nb.model.history import RowChange
from fsapi_nb.model.migration import Direction, Migration
from fsapi_nb.model.plan import DatabaseObject, Plan
from fsapi_nb.model.server import Identity
from fsapi_nb.text.command import Advice, command
from fsapi_nb.text.fold import WHOLE, Fold
from fsapi_nb.text.safe import visible, visible_line
from fsapi_nb.text.words import counted
from fsapi_nb.views.document import (
    SHORTENED,
    STORED,
    Alert,
    Document,
    Item,
    Listing,
    Medium,
    Records,
    ResultTable,
    gap,
    notes_of,
)
from fsapi_nb.views.forecast.alerts import alerts_of
from fsapi_nb.views.forecast.facts import forecast_json
from fsapi_nb.views.forecast.findings import counts_of, finding_facts
from fsapi_nb.views.forecast.step import StepView
from fsapi_nb.views.render.markdown import markdown_of
from fsapi_nb.views.results import row_change
from fsapi_nb.views.results.base import Result
from fsapi_nb.views.results.steps import (
    COLUMNS,
    RECORDS,
    SHORT,
    bare_forecast,
    is_short,
    records_of,
    short_items,
    views_of,
    whole_items,
)

#: The last line of a plan from which something was left out.
SHORT_PLAN = "(shortened: plan --full, to_frame() and to_json() have everything)"
SHORT_MARKDOWN = "(shortened: to_markdown() and the terminal have everything)"
_IN_COMMENT = 60  # steps that a comment shows with their statements
_OBJECTS = Fold(12, 4)

if TYPE_CHECKING:
    from fsapi_nb.run.plan_script import PlanScript


class PlanForm(Enum):
    """How a plan is shown: on one screen, or all of it with the SQL, or as Markdown for a pull request."""

    FOLDED = "folded"
    FULL = "full"
    MARKDOWN = "markdown"


@dataclass(frozen=True, slots=True, repr=False)
class PlanResult(Result):
    """What would be done: steps with their transaction mode and the reason. `to_frame()` has a row a statement.

    `warnings` are what to know of the database, whatever is planned. `forecast` says what the plan will do there; None
    if it was not asked for. `script` is the plan as a script for psql, if that was asked for. `lint` has what lint found
    in the scripts that it applies.
    """

    plan: Plan
    identity: Identity | None = None
    lack: str | None = None
    warnings: tuple[str, ...] = ()
    forecast: Forecast | None = None
    form: PlanForm = PlanForm.FOLDED
    script: PlanScript | None = None
    lint: Lint = NO_LINT

    def to_sql(self) -> str:
        """Return the plan as one script for psql, with the data of COPYs, which is read from the files now.

        It holds what the files hold: secrets are not starred.

        Raises:
            UsageError: The plan was made without `sql=True`.
            MigrationFileError: The file of a COPY's data has changed since.
        """
        if self.script is None:
            raise UsageError("this plan was not made to be written as a script", hint="make it with plan(sql=True).")
        return self.script.text()

    @property
    def notes(self) -> tuple[str, ...]:
        """What to know before saying yes."""
        return (*self.plan.notes, *self.warnings)

    @property
    def attention(self) -> bool:
        """Whether there is anything to do; a folder without a file cannot tell."""
        return bool(self.plan) or self.lack is not None

    @property
    def takes_data(self) -> bool:
        """Whether the plan takes data away, even what it copies before, or if that is not known."""
        return bool(self.plan) and (self.forecast is None or self.forecast.destroys)

    def headline(self) -> str:
        """Return what the plan comes to."""
        if not self.plan:
            return f"Plan: nothing to do{self._on()}{visible(f': {self.lack}' if self.lack else '')}."
        parts = [f"drop {counted(len(self.plan.drops), 'object')}"] if self.plan.drops else []
        for direction, word in ((Direction.DOWN, "roll back"), (Direction.UP, "apply")):
            count = sum(1 for _, each in self.plan.migrations if each is direction)
            parts += [f"{word} {counted(count, 'migration')}"] if count else []
        parts += row_change.planned(self.plan.changes)
        parts += (
            [f"record {counted(len(self.plan.to_record), 'migration')}, running nothing"] if self.plan.to_record else []
        )
        parts += [f"record {counted(len(self.plan.amends), 'DOWN')}, running nothing"] if self.plan.amends else []
        return f"Plan: {' and '.join(parts)}{self._on()}"

    def document(self, medium: Medium = STORED) -> Document:
        """Return what is dangerous, what is dropped and recorded, and each step with its statements.

        Of a long plan each step is a line, of a very long one the first and the last are shown, on a terminal, too.
        """
        if self.form is PlanForm.MARKDOWN:
            text = self.to_markdown().rstrip("\n")
            return Document(self.headline(), [Listing("", text)], headed=False, shortened=SHORT_MARKDOWN)
        views, full = self.views(), self.form is PlanForm.FULL
        short = not full and not is_short(views)
        steps = short_items(views, medium) if short else whole_items(views, medium)
        return Document(
            self.headline(),
            [
                ResultTable(["", "what"], self._items(), sparse=True, said_once=1),
                ResultTable(SHORT if short else COLUMNS, steps, sparse=True),
            ],
            notes_of((*self.notes, *self.expected.notes, *self.lint_notes()), medium if full else STORED),
            alerts=self.alerts(instants=short),
            shortened=SHORTENED if full else SHORT_PLAN,
        )

    def lint_notes(self) -> list[str]:
        """Return how many findings lint has that matter, and what it did not look at."""
        grave = [finding for finding in self.lint.shown if finding.level is not FindingLevel.NOTE]
        said = [Advice(f"lint: {counts_of(grave)}: ", command("lint"), " shows each")] if grave else []
        return [*said, *self.lint.notes]

    def views(self) -> list[StepView]:
        """Return the steps, each with what it will do."""
        return views_of(self.plan.steps, self.expected, full=self.form is PlanForm.FULL, stops=self.lint.stops)

    def alerts(self, *, instants: bool = False) -> tuple[Alert, ...]:
        """Return what is dangerous; with `instants`, also what is blocked for no longer."""
        return alerts_of(self.plan.steps, self.expected, instants=instants)

    @property
    def expected(self) -> Forecast:
        """The forecast; if none was made, one that knows the kinds of the statements."""
        return self.forecast or bare_forecast(self.plan.steps)

    def full(self) -> PlanResult:
        """Return the same plan, to be shown with every statement and its SQL."""
        return replace(self, form=PlanForm.FULL)

    def markdown(self) -> PlanResult:
        """Return the same plan, to be shown as Markdown."""
        return replace(self, form=PlanForm.MARKDOWN)

    def to_markdown(self) -> str:
        """Return the plan as GitHub's Markdown, for a comment on a pull request: at most 60,000 characters."""
        views = self.views()
        short = len(views) > _IN_COMMENT
        steps = short_items(views, STORED) if short else whole_items(views, STORED)
        return markdown_of(
            Document(
                self.headline(),
                [
                    ResultTable(["", "what"], self._items(), sparse=True),
                    ResultTable(SHORT if short else COLUMNS, steps),
                ],
                notes_of((*self.notes, *self.expected.notes, *self.lint_notes()), STORED),
                alerts=self.alerts(instants=short),
            )
        )

    def _items(self) -> list[Item]:
        fold = WHOLE if self.form is PlanForm.FULL else _OBJECTS
        items: list[Item] = fold.apply(
            self.plan.drops, lambda each: [_drop(each)], lambda left: _gap(left, "object", "drop")
        )
        items += fold.apply(self.plan.changes, lambda each: [_change(each)], _gap_of_changes)
        return items + fold.apply(
            self.plan.to_record, lambda each: [_mark(each)], lambda left: _gap(left, "migration", "record")
        )

    def findings(self) -> list[str]:
        """Return what a check found: all that there is to do."""
        return self.lines()[1:]

    def records(self) -> Records:
        """Return a row for each statement, or for each step that has none."""
        before = [*map(_drop, self.plan.drops), *map(_change, self.plan.changes), *map(_mark, self.plan.to_record)]
        rows = [("", verb, name, *[""] * (len(RECORDS) - 3)) for item in before for verb, name in item.rows]
        return Records(RECORDS, [*rows, *records_of(views_of(self.plan.steps, self.expected, full=True))])

    def facts(self) -> dict[str, Any]:
        """Return the plan as it will run."""
        return {
            **self.subject(),
            "verb": self.plan.verb,
            "notes": [*([self.lack] if self.lack else []), *self.notes],
            "drops": [{"kind": drop.kind, "identity": drop.identity} for drop in self.plan.drops],
            "changes": row_change.as_json(self.plan.changes),
            "records": [migration.name for migration in self.plan.to_record],
            "records_down": [part.migration.name for part in self.plan.amends],
            "findings": [finding_facts(each) for each in self.lint.findings],
            **forecast_json(self.plan.steps, self.expected),
        }


def _drop(drop: DatabaseObject) -> Item:
    line = f"  drop    {drop.kind} {visible_line(drop.identity)}"
    return Item([line], [("drop", f"{drop.kind} {drop.identity}")])


def _change(change: RowChange) -> Item:
    return Item([row_change.change_line(change)], [(change.kind.value, row_change.change_text(change))])


def _mark(migration: Migration) -> Item:
    return Item([f"  record  {visible_line(migration.name)}"], [("record", migration.name)])


def _gap(left: Sequence[object], noun: str, verb: str) -> Item:
    return gap(f"  … {counted(len(left), noun)} more", verb, f"… {len(left)} more")


def _gap_of_changes(left: Sequence[RowChange]) -> Item:
    rows = f"{counted(len(left), 'row')} more"
    return gap(f"  … {rows}", "…", rows)
