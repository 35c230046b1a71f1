"""Where a run is, and what the database holds of the migration there. Pure."""

from __future__ import annotations

from typing import NamedTuple

from fsapi_nb.model.migration import Check, Direction, Statement
from fsapi_nb.model.plan import Step, StepPart


class RunPosition(NamedTuple):
    """Where a run is: the step, the part of it, and the statement that was sent last.

    `checking` while a check is asked, behind `shift` characters of fsapi_nb; `recording` while the history is written,
    `resetting` while the session is brought back to how it began behind the part, `committing` once COMMIT was sent.
    """

    step: Step
    part: StepPart
    statement: Statement | None = None
    recording: bool = False
    resetting: bool = False
    committing: bool = False
    checking: Check | None = None
    shift: int = 0

    def left(self) -> str:
        """Return what the database holds of the migration once its step in a transaction is undone."""
        name = self.part.migration.name
        if self.part.number:
            return f"{self.before_it()}; step {self.part.number + 1} was undone."
        if self.step.parts[0].direction is Direction.DOWN:
            applied = "applied" if self.step.parts[0].entry else "partly applied"
            return f"nothing of this was kept: {name} is {applied}, as before."
        return f"{name} was rolled back and left nothing behind."

    def before_it(self) -> str:
        """Return what is committed of the migration before this step."""
        number, of, name = self.part.number, self.part.of, self.part.migration.name
        if number == 1:
            return f"step 1 of {of} of {name} is committed"
        return f"steps 1 to {number} of {of} of {name} are committed"
