"""Say what each statement of a script takes away, by the rules and the words of a plan's forecast."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fsapi_nb.actions.statement import actions_of
from fsapi_nb.errors import FsapiError
from fsapi_nb.model.action import Loss, LossKind
from fsapi_nb.model.folder import Folder
from fsapi_nb.script.tokens import SqlSyntaxError
from fsapi_nb.verbs.foresee import foresee
from fsapi_nb.verbs.open import open_store
from fsapi_nb.verbs.options import VerbOptions
from fsapi_nb.verbs.planning import Planner, read_plan_input
from fsapi_nb.verbs.request import PlanRequest

Losses = tuple[tuple[Loss, ...], ...]


def script_losses(
    options: VerbOptions, folder: Folder, request: PlanRequest, planner: Planner, statements: Sequence[str]
) -> Losses:
    """Return what each statement takes away from the database that the plan is made for.

    Of a change of a type the catalog says whether anything is lost. If there is no plan, the statements alone are read.
    """
    try:
        with open_store(options, folder, writing=False) as store:
            forecast = foresee(planner(read_plan_input(store, folder, request)), store)
    except FsapiError:
        return written_losses(statements)
    found = tuple(
        tuple(each.loss for each in statement.losses)
        for step in forecast.steps
        for part in step.parts
        for statement in part.statements
    )
    return found if len(found) == len(statements) else written_losses(statements)


def written_losses(statements: Sequence[str]) -> Losses:
    """Return what each statement takes away, as far as its text tells."""
    return tuple(tuple(_losses(each)) for each in statements)


def in_words(loss: Loss) -> str:
    """Return whether data is taken away or may be, and what."""
    return f"{'may take' if loss.kind is LossKind.PRECISION else 'takes'} data away: {loss.words}"


def _losses(statement: str) -> Iterator[Loss]:
    try:
        actions = actions_of(statement)
    except SqlSyntaxError:
        return
    for action in actions:
        yield from action.destroys
