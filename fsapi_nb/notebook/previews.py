"""What each button of the panel would do, in few words, before anybody clicks it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fsapi_nb.errors import FsapiError
from fsapi_nb.model.status import State
from fsapi_nb.notebook.widgets.links import Links
from fsapi_nb.notebook.widgets.plan import many_state, preview_state, refusal_state
from fsapi_nb.views.results import PlanResult, StatusResult

#: Migrations to apply of which a plan is made before anybody has asked for it.
MOST = 100
_TO_APPLY = frozenset({State.PENDING, State.LATE, State.PARTLY_APPLIED, State.IN_DOUBT, State.BROKEN})
_TO_ROLL_BACK = frozenset({State.APPLIED, State.DRIFTED, State.MISSING, State.PARTLY_APPLIED})


def possible_actions(status: StatusResult) -> list[str]:
    """Return the buttons that have something to do, in their order: next, all, back."""
    states = {each.state for each in status.statuses}
    return [*(["next", "all"] if states & _TO_APPLY else []), *(["back"] if states & _TO_ROLL_BACK else [])]


def previews_of(status: StatusResult, plan: Callable[[str], PlanResult]) -> dict[str, Any]:
    """Return for each button that has something to do what it would do, or why it would be refused.

    Makes at most three plans. The plan of all migrations is not made if there are very many: only how many is said.

    Args:
        status: How the migrations stand.
        plan: Makes the plan of a button: next, all or back.
    """
    links, count = Links(status.statuses), sum(each.state in _TO_APPLY for each in status.statuses)
    found: dict[str, Any] = {}
    for what in possible_actions(status):
        if what == "all" and count == 1:
            found[what] = found["next"]
        elif what == "all" and count > MOST:
            found[what] = many_state(count)
        else:
            found[what] = _preview(what, plan, links)
    return found


def _preview(what: str, plan: Callable[[str], PlanResult], links: Links) -> dict[str, Any]:
    try:
        return preview_state(plan(what), links)
    except FsapiError as error:
        return refusal_state(error, links)
