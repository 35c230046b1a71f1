"""Read what a plan is made from, choose what makes it, and check what must be true before it runs.

Changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from fsapi_nb.errors import UNCHANGED, ConfirmationRequired, PlanChanged, UsageError
from fsapi_nb.history.store import HistoryStore
from fsapi_nb.model.folder import Folder
from fsapi_nb.model.forecast import Forecast
from fsapi_nb.model.history import History
from fsapi_nb.model.plan import Plan
from fsapi_nb.model.server import Identity
from fsapi_nb.plan import amend, baseline
from fsapi_nb.plan.input import PlanInput
from fsapi_nb.plan.migrate import plan_migrate
from fsapi_nb.plan.redo import plan_redo
from fsapi_nb.plan.rollback import plan_rollback
from fsapi_nb.text.command import Advice, command
from fsapi_nb.verbs.foresee import foresee
from fsapi_nb.verbs.request import PLANNED, PlanRequest
from fsapi_nb.views import results

Planner = Callable[[PlanInput], Plan]


def planner_of(request: PlanRequest) -> Planner | None:
    """Return the function that makes the plan of a verb; None for `fresh`, which `verbs.fresh` plans.

    Raises:
        UsageError: There is no such plan, or the verb does not take these names or options.
    """
    if request.everything and request.verb != "rollback":
        raise UsageError(f"--all is for a rollback, not for {request.verb}")
    if request.verb not in PLANNED:
        raise UsageError(f"there is no plan of {request.verb!r}", hint=f"the verbs with a plan: {', '.join(PLANNED)}.")
    if request.names and request.verb not in _WITH_NAMES:
        raise UsageError(f"the plan of {request.verb} takes no names", hint="--to NAME says up to which migration.")
    return None if request.verb == "fresh" else _PLANNERS[request.verb](request)


def _to_migrate(request: PlanRequest) -> Planner:
    return partial(plan_migrate, to=request.to, count=request.count)


def _to_roll_back(request: PlanRequest) -> Planner:
    return partial(plan_rollback, to=request.to, count=request.count, everything=request.everything)


def _to_redo(request: PlanRequest) -> Planner:
    return partial(plan_redo, name=request.to)


def _to_rename(request: PlanRequest) -> Planner:
    if len(request.names) != 2:
        raise UsageError("rename takes two names", hint=Advice("such as ", command("rename", "OLD", "NEW")))
    return partial(amend.plan_rename, old=request.names[0], new=request.names[1])


def _to_retire(request: PlanRequest) -> Planner:
    if request.undo and request.missing:
        raise UsageError("--undo and --missing exclude each other", hint="give the names of what is to be restored.")
    if request.undo:
        return partial(amend.plan_restore, names=request.names)
    return partial(amend.plan_retire, names=request.names, missing=request.missing)


def _to_baseline(request: PlanRequest) -> Planner:
    name = next(iter(request.names), None)
    return partial(baseline.plan_baseline, name=name, only=request.only, replaces=request.replaces)


_WITH_NAMES = {"rename", "retire", "baseline"}
_PLANNERS: dict[str, Callable[[PlanRequest], Planner]] = {
    "migrate": _to_migrate,
    "rollback": _to_roll_back,
    "redo": _to_redo,
    "rename": _to_rename,
    "retire": _to_retire,
    "baseline": _to_baseline,
}


def read_plan_input(
    store: HistoryStore, folder: Folder, request: PlanRequest | None = None, *, before: PlanInput | None = None
) -> PlanInput:
    """Read what a plan is made from, as it is at this moment.

    `before` is an earlier reading for the same folder and request: it is returned if the history has not changed since.
    """
    request = request or PlanRequest()
    history = store.history()
    if before and not before.stored and _said(before.history) == _said(history):
        return before
    found = PlanInput(
        folder=folder,
        history=history,
        protected=store.identity.protected,
        out_of_order=request.out_of_order,
        allow_unparsed=request.allow_unparsed,
        encoding=store.session.encoding,
        look_at_procedures=store.procedures,
        look_at_session=store.session_state,
    )
    # The applied migrations whose file does not show what ran: gone, edited, broken or half-way.
    unclear = [status.name for status in found.standing.needs_attention if status.entry]
    return replace(found, stored=store.scripts(unclear)) if unclear else found


def is_same_input(one: PlanInput, other: PlanInput) -> bool:
    """Return whether both inputs, of the same files and request, give the same plan."""
    return (_said(one.history), one.stored, one.settled) == (_said(other.history), other.stored, other.settled)


def _said(history: History) -> object:
    """Return what a plan takes from a history; whether its tables exist makes no difference."""
    return history.entries, history.unfinished, history.retired, history.redone


def refuse_other_plan(plan: Plan, planned: Plan | None) -> None:
    """Raise PlanChanged if the plan is not the one that its user has seen. None is any plan."""
    if planned is not None and plan != planned:
        raise PlanChanged(
            "this is not the plan any more: the files or the database have changed since it was shown",
            state=UNCHANGED,
            hint="look at the plan again.",
        )


def confirm(plan: Plan, store: HistoryStore, *, yes: bool) -> None:
    """Raise ConfirmationRequired, with the plan and its forecast, if it would change a protected database without `yes`."""
    if needs_confirmation(plan, store.identity, yes=yes):
        raise is_protected(plan, store.identity, foresee(plan, store))


def needs_confirmation(plan: Plan, identity: Identity, *, yes: bool) -> bool:
    """Return whether the plan would change a protected database without `yes`."""
    return bool(plan) and identity.protected and not yes


def is_protected(
    plan: Plan, identity: Identity, forecast: Forecast | None, *, state: str = UNCHANGED
) -> ConfirmationRequired:
    """Return the refusal to change a protected database without `--yes`."""
    why = f"the database {identity.name or identity.database} is protected"
    return needs_yes(plan, why, identity, forecast, state=state)


def needs_yes(
    plan: Plan, why: str, identity: Identity, forecast: Forecast | None = None, *, state: str = UNCHANGED
) -> ConfirmationRequired:
    """Return the refusal that shows the plan, with its forecast, and asks for `--yes`."""
    return ConfirmationRequired(
        f"{why}: nothing was done yet",
        details=tuple(results.PlanResult(plan, identity, forecast=forecast).lines()),
        state=state,
        hint="this is the plan; pass --yes to run it.",
    )
