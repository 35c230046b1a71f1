"""What the forecast of one statement says, with the catalog of a server."""

from __future__ import annotations

from dataclasses import dataclass, field

from fsapi_nb.actions.forecast import forecast, needed, read_plan
from fsapi_nb.actions.lookup import Lookup
from fsapi_nb.actions.plan import StatementActions
from fsapi_nb.actions.table_blocks import Lock, locks_of
from fsapi_nb.catalog.table_facts import read_table_facts
from fsapi_nb.model.forecast import Forecast, TableWork
from fsapi_nb.model.migration import Direction, Statement
from fsapi_nb.model.plan import Mode, Plan, Step, StepPart
from fsapi_nb.model.table_facts import TableFacts
from tests.actions.lock_tracer import Connection
from tests.script.reading import read


@dataclass(slots=True)
class Foreseen:
    """What the statement does, the facts that were read, the locks table by table, and the work."""

    statement: StatementActions
    facts: TableFacts = field(default_factory=TableFacts)
    locks: list[Lock] = field(default_factory=list)
    work: tuple[TableWork, ...] = ()


def plan_of(*scripts: str) -> Plan:
    """A plan of migrations, each given by its UP or, with markers, by its file."""
    steps = []
    for text in scripts:
        migration = read(text if "-- UP" in text else f"-- UP\n{text}")
        part = StepPart(migration, Direction.UP, migration.up.parsed.statements)
        steps.append(Step(Mode.TRANSACTION, "", (part,)))
    return Plan("migrate", tuple(steps))


def statements_of(plan: Plan) -> list[Statement]:
    """The statements of a plan, in order."""
    return [each for step in plan.steps for part in step.parts for each in part.statements]


def forecast_of(connection: Connection, plan: Plan) -> Forecast:
    """The forecast of a plan on a database."""
    actions = read_plan(plan, connection.info.server_version // 10000)
    return forecast(plan, actions, read_table_facts(connection, needed(plan, actions)))


def foreseen(connection: Connection, statement: str) -> Foreseen:
    """What is foreseen of one statement."""
    plan = plan_of(f"{statement};")
    actions = read_plan(plan, connection.info.server_version // 10000)
    facts = read_table_facts(connection, needed(plan, actions))
    (only,) = forecast(plan, actions, facts).statements
    (own,) = actions.statements
    return Foreseen(own, facts, locks_of(own, Lookup(facts)), only.work)
