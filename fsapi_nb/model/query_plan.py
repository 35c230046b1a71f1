"""The plan that PostgreSQL makes of a query, as a tree of nodes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PlanDetail:
    """What a node does besides its title: `Filter`, `(total > 100)`."""

    label: str
    text: str


@dataclass(frozen=True, slots=True)
class PlanNode:
    """One step of a plan, with those that it takes its rows from.

    `rows` and `cost` are of one loop, as PostgreSQL estimates them. Actual rows, `ms` and `pages` are of all its loops
    together, and None unless the plan was run; rows are None, too, of a node that was never executed. `own_cost` and
    `own_ms` are of all loops and without the nodes below. `pages` are blocks of 8 kB that it read, of which
    `pages_read` were not in PostgreSQL's memory.
    """

    title: str
    kind: str
    relation: str | None
    index: str | None
    details: tuple[PlanDetail, ...]
    rows: float
    cost: float
    own_cost: float
    loops: float | None = None
    actual_rows: float | None = None
    ms: float | None = None
    own_ms: float | None = None
    pages: int | None = None
    pages_read: int | None = None
    nodes: tuple[PlanNode, ...] = ()

    def walk(self, level: int = 0) -> Iterator[tuple[int, PlanNode]]:
        """Yield this node and those below it, each with how far below the top it is."""
        yield level, self
        for node in self.nodes:
            yield from node.walk(level + 1)


@dataclass(frozen=True, slots=True)
class QueryPlan:
    """A plan: its top node, and if it was run, how long planning and running took in milliseconds.

    `beside` are times of triggers, by their names. Rules may make several plans of one statement.
    """

    node: PlanNode
    planning_ms: float | None = None
    execution_ms: float | None = None
    beside: tuple[tuple[str, float], ...] = ()

    @property
    def is_run(self) -> bool:
        """Whether it has actual rows."""
        return self.execution_ms is not None
