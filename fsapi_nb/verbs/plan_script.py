"""Write a plan as a script for psql. Reads what the script will make sure of before the plan is made."""

from __future__ import annotations

from dataclasses import dataclass

from fsapi_nb.history.script_guard import HistoryMark, read_mark
from fsapi_nb.history.store import HistoryStore
from fsapi_nb.run.plan_script import PlanScript
from fsapi_nb.run.psql_script import write_script
from fsapi_nb.views import results


@dataclass(frozen=True, slots=True)
class ScriptRequest:
    """The request to write a plan of this database as a script.

    `mark` is what the history was before the plan was made: if another run comes in between, the script refuses to run.
    """

    store: HistoryStore
    mark: HistoryMark

    def script_of(self, planned: results.PlanResult) -> PlanScript:
        """Return the script. Raises RefusedPlan if the plan cannot be written as one."""
        return write_script(
            planned.plan,
            self.store.history(),
            self.store.session,
            self.mark,
            title=planned.headline(),
            notes=planned.notes,
            wait=self.store.access.max_wait,
        )


def begin_script(store: HistoryStore) -> ScriptRequest:
    """Note what the history is now. Raises HistoryError if there is none and none can be made."""
    store.require_history()
    return ScriptRequest(store, read_mark(store.session, store.tables, store.location.layout))
