"""Plan what the text of a cell would do, alone: apply it, swap it for what was applied, or record the DOWN that it has gained."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from fsapi_nb.errors import (
    Drifted,
    FaultyMigrations,
    UsageError,
)
from fsapi_nb.model.migration import Direction, Migration
from fsapi_nb.model.plan import Plan, StepPart
from fsapi_nb.plan import refuse
from fsapi_nb.plan.collect import up_steps
from fsapi_nb.plan.encoding import unfit
from fsapi_nb.plan.input import PlanInput
from fsapi_nb.plan.reconcile import is_drifted, only_adds_down
from fsapi_nb.plan.steps import cut
from fsapi_nb.plan.text_difference import script_difference
from fsapi_nb.script.stored_text import to_store


def plan_draft(draft: Migration, given: PlanInput, *, redo: bool) -> Plan:
    """What a cell's text would do alone: its steps; nothing where it is applied as it stands; a DOWN that is only recorded.

    Raises FaultyMigrations for its faults, in both directions (it is being written, so a DOWN counts);
    Drifted where it is applied and says something else, unless it is to be swapped by `redo`.
    """
    steps, problems = up_steps(draft, given, given.history.progress(draft.name))
    if draft.down:
        problems = [
            *problems,
            *cut(draft, draft.down, allow_unparsed=given.allow_unparsed, procedures=given.procedures)[1],
            *unfit(draft, draft.down.parsed.statements, given.encoding),
        ]
    if problems:
        raise FaultyMigrations(tuple(problems), state="unchanged; the file was not written.")
    entry = given.history.get(draft.name)
    if entry is None:
        if redo and draft.name not in given.history.redone:
            raise UsageError(f"{draft.name} is not applied, so there is nothing to redo", hint="use --apply.")
        return Plan("redo" if redo else "migrate", steps)
    if not is_drifted(draft, entry):
        return Plan("redo")
    if redo:
        refuse.unless_last(draft.name, given.history)
        return Plan("redo", steps)
    if only_adds_down(draft, entry):
        part = StepPart(draft, Direction.UP, (), entry=entry)
        return Plan("repair", amends=(part,), notes=tuple(amended_notes([part])))
    raise _drafted_over(draft, given)


def _drafted_over(draft: Migration, given: PlanInput) -> Drifted:
    file = given.folder.get(draft.name)
    stored = given.stored.get(draft.name) or (to_store(file) if file else None)
    hint = "put the change into a new migration; or pass --redo to roll it back and apply this text."
    if stored and stored.down is None:
        hint = "put the change into a new migration: this one has no DOWN, so --redo could not roll it back."
    return Drifted(
        f"{draft.name} is applied, and this text is not what ran",
        details=tuple(f"  {line}" for line in script_difference(stored, draft)) if stored else (),
        state="unchanged; the file was not written.",
        hint=hint,
    )


def amended_notes(amends: Sequence[StepPart]) -> Iterable[str]:
    return (f"the file {part.migration.name} has gained a DOWN: it is recorded, and nothing is run" for part in amends)
