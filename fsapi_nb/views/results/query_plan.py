"""The plan of a query as a tree: estimated and actual rows, costs, pages, and which nodes cost most."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fsapi_nb.model.query_plan import PlanNode, QueryPlan
from fsapi_nb.model.server import Identity
from fsapi_nb.text.fold import Fold
from fsapi_nb.text.safe import visible_line
from fsapi_nb.text.words import counted
from fsapi_nb.views.document import STORED, Document, Listing, Medium, Paragraphs, Records, Section, notes_of
from fsapi_nb.views.results.base import Result
from fsapi_nb.views.results.notices import notice_items

_LINES = Fold(80, 20)
_SHARE = 0.2  # of all, from which on a node is marked
_WRONG, _ROWS = 10, 100  # how many times as many rows as expected, and how many more, are worth a mark


@dataclass(frozen=True, slots=True, repr=False)
class QueryPlanResult(Result):
    """The plan of a statement: a tree as text, `to_frame()` a row for each node, `to_json()` nested nodes.

    Times differ from run to run, so the text has them only if they are asked for; DataFrame and JSON always have them.
    """

    plans: tuple[QueryPlan, ...]
    identity: Identity | None = None
    notes: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()

    def headline(self) -> str:
        """Return how large the plan is, what it costs, and whether it was run."""
        nodes = sum(1 for plan in self.plans for _ in plan.node.walk())
        if not self.plans:
            return f"no plan: rules replace the statement by nothing{self._on()}"
        top = self.plans[0].node
        actual = top.actual_rows if self.plans[0].is_run else None
        rows = f"about {_rows(top.rows)}" if actual is None else f"{_rows(actual)}, {_number(top.rows)} expected"
        return f"Plan of {counted(nodes, 'node')}{self._on()}: {rows}, cost {_number(top.cost)}"

    def document(self, medium: Medium = STORED) -> Document:
        """Return the tree, each node behind its numbers; with times, how long each took without those below it, and its pages."""
        sections: list[Section] = []
        for plan in self.plans:
            lines = _tree(plan, times=medium.times and plan.is_run)
            fold = medium.fold(_LINES)
            shown = fold.apply(lines, lambda line: [line], lambda left: f"… {len(left)} lines more")
            sections.append(Listing("", "\n".join(shown), whole=len(shown) == len(lines)))
        said = notice_items(self.notices, medium)
        return Document(self.headline(), [*sections, Paragraphs(said)], notes_of(self.notes, medium))

    def records(self) -> Records:
        """Return a row for each node, those above before those below."""
        columns = ["plan", "node", "parent", "level", "title", "type", "relation", "index", "details"]
        columns += ["rows", "actual_rows", "loops", "cost", "own_cost", "ms", "own_ms", "pages", "pages_read"]
        rows: list[tuple[Any, ...]] = []
        for number, plan in enumerate(self.plans, 1):
            above: list[int] = []
            for level, node in plan.node.walk():
                parent = above[level - 1] if level else None
                above[level:] = [len(rows) + 1]
                details = "; ".join(f"{each.label}: {each.text}" for each in node.details) or None
                place = (number, len(rows) + 1, parent, level, node.title, node.kind, node.relation, node.index)
                costs = (node.cost, node.own_cost, node.ms, node.own_ms, node.pages, node.pages_read)
                rows.append((*place, details, node.rows, node.actual_rows, node.loops, *costs))
        return Records(columns, rows)

    def facts(self) -> dict[str, Any]:
        """Return the plans as nested nodes, times included."""
        return {
            **self.subject(),
            "plans": [
                {
                    "planning_ms": plan.planning_ms,
                    "execution_ms": plan.execution_ms,
                    "triggers_ms": dict(plan.beside),
                    "plan": _facts(plan.node),
                }
                for plan in self.plans
            ],
            "notes": self.notes,
            "notices": self.notices,
        }


def _tree(plan: QueryPlan, *, times: bool) -> list[str]:
    """Return a heading, and for each node its numbers and title, and below it what it does besides."""
    heads = ["rows", "actual", "loops", "cost", "pages", "ms"]
    nodes = [node for _, node in plan.node.walk()]
    cells = [_cells(node, times=times) for node in nodes]
    kept = [number for number in range(len(heads)) if any(row[number] for row in cells)]
    widths = [max(len(row[number]) for row in [heads, *cells]) for number in kept]
    whole = sum((node.own_ms or 0) if times else node.own_cost for node in nodes)
    lines = ["  ".join(heads[number].rjust(width) for number, width in zip(kept, widths, strict=True))]
    blank = " " * len(lines[0])
    cut = _below_limits(plan.node)
    for row, (node, branch, below) in zip(cells, _branches(plan.node), strict=True):
        numbers = "  ".join(row[number].rjust(width) for number, width in zip(kept, widths, strict=True))
        marks = "".join(f"   {mark}" for mark in _marks(node, whole, times=times, is_cut=id(node) in cut))
        lines.append(f"{numbers}  {branch}{visible_line(node.title)}{marks}")
        lines += [f"{blank}  {below}  {each.label}: {visible_line(each.text)}" for each in node.details]
    if times:
        lines.append(f"planning {_number(plan.planning_ms or 0)} ms, execution {_number(plan.execution_ms or 0)} ms")
        lines += [f"trigger {visible_line(name)} {_number(took)} ms" for name, took in plan.beside]
    return lines


def _cells(node: PlanNode, *, times: bool) -> list[str]:
    """Return the numbers of a node in the order of their headings; empty ones are not shown if all are."""
    is_run = node.loops is not None
    never = is_run and not node.loops
    return [
        _number(node.rows),
        "never" if never else "" if node.actual_rows is None else _number(node.actual_rows),
        _number(node.loops) if node.loops is not None and node.loops > 1 else "",
        _number(node.cost),
        "" if node.pages is None or not times else _pages(node),
        _number(node.own_ms) if times and node.own_ms is not None else "",
    ]


def _pages(node: PlanNode) -> str:
    """Return how many pages a node read, and how many of them were not in memory: both differ from run to run."""
    pages = _number(node.pages or 0)
    return f"{pages} ({_number(node.pages_read)} read)" if node.pages_read else pages


def _branches(
    node: PlanNode, before: str = "", branch: str = "", below: str = ""
) -> Iterator[tuple[PlanNode, str, str]]:
    """Yield each node with what is drawn before its title, and before its details."""
    yield node, before + branch, before + below + ("│ " if node.nodes else "  ")
    for number, each in enumerate(node.nodes, 1):
        is_last = number == len(node.nodes)
        yield from _branches(each, before + below, "└ " if is_last else "├ ", "  " if is_last else "│ ")


def _below_limits(node: PlanNode) -> set[int]:
    """Return which nodes are not asked for all of their rows."""
    limits = [each for _, each in node.walk() if each.kind == "Limit"]
    return {id(below) for limit in limits for _, below in limit.walk()}


def _marks(node: PlanNode, whole: float, *, times: bool, is_cut: bool) -> Iterator[str]:
    """Yield what is remarkable about a node: how much of all it takes, and how far its rows are from what was expected.

    One that is not asked for all of its rows (`is_cut`) may well give fewer.
    """
    share = ((node.own_ms or 0) if times else node.own_cost) / whole if whole else 0
    if share >= _SHARE:
        yield f"◀ {round(100 * share)} % of the {'time' if times else 'cost'}"
    if node.actual_rows is None:
        return
    expected, actual = node.rows * (node.loops or 1), node.actual_rows
    if actual >= expected * _WRONG and actual - expected >= _ROWS:
        yield f"! {_number(actual / max(expected, 1))} x the rows that were expected"
    elif not is_cut and expected >= actual * _WRONG and expected - actual >= _ROWS:
        yield f"! 1/{_number(expected / max(actual, 1))} of the rows that were expected"


def _rows(count: float) -> str:
    return f"{_number(count)} row{'' if count == 1 else 's'}"


def _number(value: float) -> str:
    """Return a number in few characters: with places only if it is small."""
    if value == int(value):
        return f"{int(value):,}"
    return f"{value:,.0f}" if value >= 1_000 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _facts(node: PlanNode) -> dict[str, Any]:
    return {
        "title": node.title,
        "type": node.kind,
        "relation": node.relation,
        "index": node.index,
        "details": {each.label: each.text for each in node.details},
        "rows": node.rows,
        "actual_rows": node.actual_rows,
        "loops": node.loops,
        "cost": node.cost,
        "own_cost": node.own_cost,
        "ms": node.ms,
        "own_ms": node.own_ms,
        "pages": node.pages,
        "pages_read": node.pages_read,
        "nodes": [_facts(each) for each in node.nodes],
    }
