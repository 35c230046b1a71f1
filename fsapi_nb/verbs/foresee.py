"""Forecast what a plan will do to the database. Only what shows a plan asks: a run does not need it."""

from __future__ import annotations

from fsapi_nb.history.store import HistoryStore
from fsapi_nb.model.forecast import Forecast
from fsapi_nb.model.plan import Plan


def foresee(plan: Plan, store: HistoryStore) -> Forecast:
    """Return what the plan will do, with what the catalog says of its tables. Writes nothing."""
    from fsapi_nb.actions.forecast import forecast, needed, read_plan
    from fsapi_nb.catalog.table_facts import read_table_facts

    actions = read_plan(plan, store.session.facts.version // 10000)
    facts = read_table_facts(store.session.connection(), needed(plan, actions))
    return forecast(plan, actions, facts)
