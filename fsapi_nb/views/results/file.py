"""What became of a migration's file, and what ran or would run of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fsapi_nb.model.plan import CompletedMigration, Step
from fsapi_nb.model.server import Identity
from fsapi_nb.text.command import Face, typed
from fsapi_nb.text.fold import WHOLE, Fold
from fsapi_nb.text.safe import visible, visible_line
from fsapi_nb.text.wrap import hang
from fsapi_nb.views.results.base import Result
from fsapi_nb.views.results.plan import PlanResult, fold_of_statements, statement_lines
from fsapi_nb.views.results.run import RunResult, every_notice, fold_of_notices, notice_lines, notice_text

_STEPS = Fold(16, 7)
_RUN = Fold(20, 10)

_SAID = ["direction", "said by the server"]


@dataclass(frozen=True, slots=True, repr=False)
class FileResult(Result):
    """What became of a migration's file: `action` is created, updated, unchanged or kept; `plan` what it would do.

    It is kept as another program left it, where that changed the file while the text ran.

    `shown` is the name as the user typed it: a name that was made holds the minute it was made in, and a
    notebook must not store that. `folder` is the path of a folder that was made for it.
    """

    name: str
    action: str
    shown: str | None = None
    applied: bool = False
    plan: PlanResult | None = None
    run: RunResult | None = None
    identity: Identity | None = None
    folder: str | None = None

    def headline(self) -> str:
        """What was done with the file."""
        name = visible_line(self.shown or self.name)
        if self.action == "kept":
            return f"{name} is applied; its file was not written: another program changed it meanwhile."
        where = f" and is applied{'' if self.run else self._on()}" if self.applied else ""
        folder = f" in the new folder {visible_line(self.folder)}" if self.folder else ""
        return f"{name} {'is' if self.action == 'unchanged' else 'was'} {self.action}{folder}{where}."

    def lines(self, *, times: bool = False) -> list[str]:
        """The headline, and what ran or would run."""
        if self.run:
            notices = (line for done in self.run.done for line in every_notice(done))
            return [self.headline(), self.run.headline(), *notices]
        return self._planned(WHOLE, WHOLE)

    def brief(self) -> list[str]:
        """The same, of many steps, statements and notices the first and the last."""
        if self.run is None:
            return self._planned(_STEPS, fold_of_statements(self.plan.plan.steps if self.plan else ()))
        speaking = self._speaking()
        fold = fold_of_notices(speaking)
        notices = _RUN.apply(
            speaking, lambda done: notice_lines(done, fold), lambda gap: f"      … of {len(gap)} migrations more"
        )
        return [self.headline(), self.run.headline(), *notices]

    def _planned(self, steps: Fold, statements: Fold) -> list[str]:
        if self.plan is None:
            return [self.headline()]
        numbered = list(enumerate(self.plan.plan.steps, 1))
        return [
            self.headline(),
            *(line for note in self.plan.plan.notes for line in hang(visible(note), "  ! ")),
            f"It will run{self._on()} as:",
            *steps.apply(
                numbered, lambda each: _step_lines(*each, statements), lambda gap: f"     … {len(gap)} steps more"
            ),
        ]

    def _speaking(self) -> list[CompletedMigration]:
        """What ran and let the server say something."""
        return [done for done in self.run.done if done.notices] if self.run else []

    def table(self) -> tuple[list[str], list[Sequence[Any]]]:
        """The statements of the plan, or what ran."""
        if self.run:
            return _SAID, [(done.direction.value, "\n".join(done.notices)) for done in self.run.done]
        return _without_name(*self.plan.table()) if self.plan else ([], [])

    def preview(self) -> tuple[list[str], list[Sequence[Any]]]:
        """The statements of the plan; of what ran only what the server said; as far as `brief` shows them."""
        if self.run is None:
            return _without_name(*self.plan.preview()) if self.plan else ([], [])
        speaking = self._speaking()
        fold = fold_of_notices(speaking)
        return _SAID, _RUN.apply(
            speaking,
            lambda done: [(done.direction.value, notice_text(done, fold))],
            lambda gap: ("…", f"… of {len(gap)} migrations more"),
        )

    def remarks(self) -> Sequence[str]:
        """What ran, as a sentence, or where it will run."""
        if self.run:
            return [self.run.headline()]
        return (
            [*(typed(note, Face.NOTEBOOK) for note in self.plan.plan.notes), f"It will run{self._on()}."]
            if self.plan and self.identity
            else []
        )

    def metadata(self) -> dict[str, Any]:
        """The file's name, and how long the run took."""
        return {"file": self.name, **(self.run.metadata() if self.run else {})}

    def to_json(self) -> dict[str, Any]:
        """The file, and what ran or would run."""
        return {
            **self.subject(),
            "file": self.name,
            "new_folder": self.folder,
            "action": self.action,
            "applied": self.applied,
            "plan": self.plan.to_json() if self.plan else None,
            "run": self.run.to_json() if self.run else None,
        }


def _step_lines(number: int, step: Step, statements: Fold) -> list[str]:
    return [f"{number:>3}. {step.mode.value}: {visible(step.reason)}", *statement_lines(step, statements)]


def _without_name(columns: list[str], rows: list[Sequence[Any]]) -> tuple[list[str], list[Sequence[Any]]]:
    """The table of a plan of one migration, which need not be named in each row."""
    kept = [index for index, column in enumerate(columns) if column != "migration"]
    return [columns[index] for index in kept], [[row[index] for index in kept] for row in rows]
