"""What became of a migration's file, and what ran or would run of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fsapi_nb.views.escape import visible
from fsapi_nb.views.results.base import Result
from fsapi_nb.views.results.markup import said_once
from fsapi_nb.views.results.plan import PlanResult, statement_lines
from fsapi_nb.views.results.run import RunResult


@dataclass(frozen=True, slots=True, repr=False)
class FileResult(Result):
    """What became of a migration's file: `action` is created, updated or unchanged; `plan` what it would do.

    `shown` is the name as the user typed it: a name that was made holds the minute it was made in, and a
    notebook must not store that.
    """

    name: str
    action: str
    shown: str | None = None
    applied: bool = False
    plan: PlanResult | None = None
    run: RunResult | None = None

    def headline(self) -> str:
        """What was done with the file."""
        where = " and is applied" if self.applied else ""
        return (
            f"{visible(self.shown or self.name)} {'is' if self.action == 'unchanged' else 'was'} {self.action}{where}."
        )

    def lines(self, *, times: bool = False) -> list[str]:
        """The headline, and what ran or would run."""
        if self.run:
            return [self.headline(), self.run.headline(), *self._notices()]
        if self.plan is None:
            return [self.headline()]
        lines = [self.headline(), "It will run as:"]
        for number, step in enumerate(self.plan.plan.steps, 1):
            lines += [f"{number:>3}. {step.mode.value}: {visible(step.reason)}", *statement_lines(step)]
        return lines

    def _notices(self) -> list[str]:
        return [f"      {visible(notice)}" for done in (self.run.done if self.run else ()) for notice in done.notices]

    def table(self) -> tuple[list[str], list[Sequence[Any]]]:
        """The statements of the plan, or what ran."""
        if self.run:
            return ["direction", "said by the server"], [
                (done.direction.value, "\n".join(done.notices)) for done in self.run.done
            ]
        columns, rows = self.plan.table() if self.plan else ([], [])
        return [column for column in columns if column != "migration"], [(*row[:2], *row[3:]) for row in rows]

    def preview(self) -> tuple[list[str], list[Sequence[Any]]]:
        """The statements of the plan; of what ran only what the server said."""
        columns, rows = self.table()
        if self.run:
            return columns, [row for row in rows if row[-1]]
        return columns, said_once(rows, 3)

    def remarks(self) -> Sequence[str]:
        """What ran, as a sentence."""
        return [self.run.headline()] if self.run else []

    def metadata(self) -> dict[str, Any]:
        """The file's name, and how long the run took."""
        return {"file": self.name, **(self.run.metadata() if self.run else {})}

    def to_json(self) -> dict[str, Any]:
        """The file, and what ran or would run."""
        return {
            "file": self.name,
            "action": self.action,
            "applied": self.applied,
            "plan": self.plan.to_json() if self.plan else None,
            "run": self.run.to_json() if self.run else None,
        }
