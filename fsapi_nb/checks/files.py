"""Plan the UPs of files for lint, applied ones too, and make findings of what keeps a file from running. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from fsapi_nb.model.finding import Finding, FindingLevel
from fsapi_nb.model.folder import Folder
from fsapi_nb.model.migration import Direction
from fsapi_nb.model.place import Problem
from fsapi_nb.model.plan import Plan, Step, StepPart
from fsapi_nb.plan.steps import cut

_RULE = "faulty-script"


def plan_of(names: Iterable[str], folder: Folder) -> tuple[Plan, list[Finding]]:
    """Return the plan that runs the UPs of these files, and findings in those that cannot run."""
    steps: list[Step] = []
    faults: list[Finding] = []
    for name in names:
        migration, problems = folder.reading(name).migration, folder.problems(name)
        if migration is None:
            faults += map(_fault, problems)
            continue
        pieces, found = cut(migration, migration.up)
        faults += map(_fault, found)
        if not found:
            steps += (
                Step(piece.mode, piece.reason, (part,), piece.begin)
                for number, piece in enumerate(pieces)
                for part in [StepPart(migration, Direction.UP, piece.statements, number, len(pieces))]
            )
    return Plan("migrate", tuple(steps)), faults


def _fault(problem: Problem) -> Finding:
    place = problem.place
    return Finding(_RULE, FindingLevel.STOP, place, "", place.line, problem.message, problem.hint)
