"""What became of a migration's file, and what ran or would run of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fsapi_nb.model.plan import CompletedMigration
from fsapi_nb.model.server import Identity
from fsapi_nb.text.command import Advice, command
from fsapi_nb.text.fold import Fold
from fsapi_nb.text.safe import visible_line
from fsapi_nb.views.document import (
    STORED,
    Document,
    Item,
    Medium,
    Paragraphs,
    Records,
    ResultTable,
    Row,
    Section,
    gap,
    notes_of,
    paragraph,
)
from fsapi_nb.views.results.base import Result
from fsapi_nb.views.results.plan import SHORT_PLAN, PlanResult
from fsapi_nb.views.results.run import INDENT, RunResult, fold_of_notices, lines_of_changes, said_item
from fsapi_nb.views.results.schema_changes import COLUMN, changes_item, fold_of
from fsapi_nb.views.results.steps import COLUMNS, RECORDS, whole_items

_RUN = Fold(20, 10)
_SAID = ["direction", COLUMN, "rows, notices, waits"]


@dataclass(frozen=True, slots=True, repr=False)
class FileResult(Result):
    """What became of a migration's file: `action` is created, updated, unchanged or kept; `plan` what it would do.

    It is kept as another program left it, if that changed the file while the text ran.

    `shown` is the name as the user typed it: a name that was made holds the minute it was made in, and a
    notebook must not store that. `folder` is the path of a folder that was made for it. `path` is that of a new file, and
    `alike` are other files that say the same after the time.
    """

    name: str
    action: str
    shown: str | None = None
    applied: bool = False
    plan: PlanResult | None = None
    run: RunResult | None = None
    identity: Identity | None = None
    folder: str | None = None
    path: str | None = None
    alike: tuple[str, ...] = ()

    def headline(self) -> str:
        """Return what was done with the file."""
        name = visible_line(self.shown or (self.name if self.folder else self.path) or self.name)
        if self.action == "kept":
            return f"{name} is applied; its file was not written: another program changed it meanwhile."
        where = f" and is applied{'' if self.run else self._on()}" if self.applied else ""
        folder = f" in the new folder {visible_line(self.folder)}" if self.folder else ""
        return f"{name} {'is' if self.action == 'unchanged' else 'was'} {self.action}{folder}{where}."

    def document(self, medium: Medium = STORED) -> Document:
        """Return what ran or would run."""
        if self.run:
            return Document(self.headline(), _ran(self.run, medium))
        if self.plan is None:
            return Document(self.headline(), notes=notes_of(self._said_of_others(), medium))
        return Document(
            self.headline(),
            self._planned(self.plan, medium),
            notes_of((*self.plan.plan.notes, *self.plan.lint_notes()), medium),
            alerts=self.plan.alerts(),
            shortened=SHORT_PLAN,
        )

    def _said_of_others(self) -> list[str]:
        """Return the file that a second one of the same words may repeat."""
        if not self.alike:
            return []
        return [Advice("there is one of the same words already: ", command("show", self.alike[-1]))]

    def _planned(self, plan: PlanResult, medium: Medium) -> list[Section]:
        """Return the steps of a plan of one migration, which need not be named in each."""
        will_run = [paragraph(f"It will run{self._on()}.")] if self.identity else []
        return [
            Paragraphs([Item([f"It will run{self._on()} as:"])]),
            ResultTable(COLUMNS, whole_items(plan.views(), medium, named=False), sparse=True),
            Paragraphs(will_run),
        ]

    def records(self) -> Records:
        """Return the statements of the plan, or what the server said of what ran."""
        if self.run:
            rows = [(done.direction.value, lines_of_changes(done), "\n".join(done.notices)) for done in self.run.done]
            return Records(["direction", "schema_changes", "notices"], rows)
        if self.plan is None:
            return Records([], [])
        return Records(_without_name([RECORDS])[0], _without_name(self.plan.records().rows))

    def metadata(self) -> dict[str, Any]:
        """Return the file's name, and how long the run took."""
        return {"file": self.name, **(self.run.metadata() if self.run else {})}

    def facts(self) -> dict[str, Any]:
        """Return the file, and what ran or would run."""
        return {
            **self.subject(),
            "file": self.name,
            "path": self.path,
            "same_words": list(self.alike),
            "new_folder": self.folder,
            "action": self.action,
            "applied": self.applied,
            "plan": self.plan.to_json() if self.plan else None,
            "run": self.run.to_json() if self.run else None,
        }


def _ran(run: RunResult, medium: Medium) -> list[Section]:
    """Return the run in one sentence, and what the server said of each migration."""
    speaking = [done for done in run.done if done.notices or done.rows or done.waits or done.schema_changes]
    fold = fold_of_notices(speaking)
    said = medium.items(
        _RUN,
        speaking,
        lambda done: _said(done, fold, fold_of(len(speaking)), medium),
        lambda left: gap(f"      … of {len(left)} migrations more", "…", f"… of {len(left)} migrations more", ""),
    )
    return [Paragraphs([paragraph(run.headline(), run.headline())]), ResultTable(_SAID, said, sparse=True)]


def _said(done: CompletedMigration, fold: Fold, of_changes: Fold, medium: Medium) -> Item:
    """Return what a migration has changed in the schema, and what the server said of it."""
    said = said_item(done, fold, medium)
    changed = changes_item(done.schema_changes, of_changes, medium, indent=INDENT)
    row = (done.direction.value, changed.rows[0][0], said.rows[0][0])
    return Item([*changed.lines, *said.lines], [row], said.whole and changed.whole)


def _without_name(rows: Sequence[Row]) -> list[list[Any]]:
    """Return the rows of a plan without the migration's name."""
    index = RECORDS.index("migration")
    return [[*row[:index], *row[index + 1 :]] for row in rows]
