"""Plan what the text of a cell would do by itself.

It is applied, swapped for what was applied, or only its DOWN is recorded, if that is all that it has gained.
"""

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
    """Plan what the text of a cell would do: nothing, if it is applied as it is written.

    Args:
        draft: The migration that the cell holds.
        given: The files, the history and the rules.
        redo: Whether to roll the applied version back and apply this one.

    Raises:
        FaultyMigrations: The text has faults. It is being written, so those of its DOWN count, too.
        Drifted: It is applied with another text, and `redo` is not given.
        UsageError: `redo` is given, and the migration is not applied.
        RefusedPlan: `redo` is given, and others were applied after it.
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
    """Yield a note on each file that has gained a DOWN."""
    return (f"the file {part.migration.name} has gained a DOWN: it is recorded, and nothing is run" for part in amends)
