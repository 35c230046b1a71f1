"""Ask PostgreSQL for the plan of a statement, and read it from its JSON.

The statement is never run unless that is asked for, and then in a transaction that is rolled back. Whatever an older or
a newer server leaves out or adds is left out or is a detail.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fsapi_nb.errors import UNCHANGED, UsageError
from fsapi_nb.model.query_plan import PlanDetail, PlanNode, QueryPlan
from fsapi_nb.postgres.wire import Connection
from fsapi_nb.query.query import run_prefixed
from fsapi_nb.script.redact import redact_line
from fsapi_nb.text.masking import hide_known

_PLAN, _RUN = "EXPLAIN (FORMAT JSON) ", "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) "
#: What is not a detail of a node: it is in its title, a number of it, or about how the plan was made.
_KNOWN = frozenset({
    *("Node Type", "Strategy", "Operation", "Partial Mode", "Join Type", "Scan Direction", "Parallel Aware", "Disabled"),
    *("Index Name", "Relation Name", "Schema", "Alias", "CTE Name", "Function Name", "Table Function Name"),
    *("Tuplestore Name", "Parent Relationship", "Subplan Name", "Async Capable", "Inner Unique", "Single Copy"),
    *("Startup Cost", "Total Cost", "Plan Rows", "Plan Width", "Plans", "Workers", "Command", "Output", "Triggers"),
    *("Actual Startup Time", "Actual Total Time", "Actual Rows", "Actual Loops", "Custom Plan Provider"),
})  # fmt: skip
_VOLATILE = ("Blocks", "Time", "Memory", "Disk", "Space", "Heap Fetches", "Batches", "Buckets")
_READS = frozenset({"select_stmt"})
_EXPLAINED = _READS | {
    *("insert_stmt", "update_stmt", "delete_stmt", "merge_stmt", "create_table_as_stmt", "declare_cursor_stmt"),
    *("execute_stmt",),
}


def may_only_read(sql: str) -> bool:
    """Return whether a text is one query, which the server can be told to refuse if it writes after all.

    Raises:
        UsageError: PostgreSQL has no plan for it, or it is not one statement.
    """
    from fsapi_nb.script.classify import node_of
    from fsapi_nb.script.parser import parse
    from fsapi_nb.script.tokens import SqlSyntaxError

    try:
        names = [node_of(raw.tree)[0] for raw in parse(sql.encode())]
    except SqlSyntaxError as error:
        hint = "correct it; or run it without --explain, and the server shows the place."
        raise UsageError(f"the SQL cannot be parsed: {error}", state=UNCHANGED, hint=hint) from None
    if len(names) != 1:
        raise UsageError(
            f"a plan is made of one statement, and this text has {len(names)}",
            state=UNCHANGED,
            hint="give one statement, and nothing else.",
        )
    if names[0] == "explain_stmt":
        raise UsageError("the SQL begins with EXPLAIN itself", state=UNCHANGED, hint="leave EXPLAIN out.")
    if names[0] not in _EXPLAINED:
        hint = "PostgreSQL plans SELECT, VALUES, INSERT, UPDATE, DELETE, MERGE and CREATE TABLE AS."
        raise UsageError("there is no plan for such a statement", state=UNCHANGED, hint=hint)
    return names[0] in _READS


def read_plans(
    connection: Connection, sql: str, parameters: Sequence[object] = (), *, run: bool, read_only: bool
) -> tuple[QueryPlan, ...]:
    """Return the plans of one statement.

    Args:
        connection: In autocommit mode, and idle.
        sql: What `may_only_read` has looked at.
        parameters: The values of `$1`, `$2` and so on.
        run: Run the statement, and roll back what it did.
        read_only: Let the server refuse what writes.

    Raises:
        QueryFailed: The server refused it, or the connection was lost.
    """
    result = run_prefixed(connection, _RUN if run else _PLAN, sql, parameters, read_only=read_only)
    documents: Any = result.rows[0][0]
    return tuple(_plan(document) for document in documents if "Plan" in document)


def _plan(document: Mapping[str, Any]) -> QueryPlan:
    triggers = tuple(
        (str(each.get("Trigger Name") or each.get("Constraint Name")), float(each.get("Time", 0)))
        for each in document.get("Triggers", ())
    )
    return QueryPlan(
        _node(document["Plan"]),
        _number(document.get("Planning Time")),
        _number(document.get("Execution Time")),
        triggers,
    )


def _node(found: Mapping[str, Any], times: float = 1.0) -> PlanNode:
    """Return a node and those below it; `times` is how often the plan expects it to be run."""
    cost = float(found.get("Total Cost", 0))
    below = _repeated(found, cost)
    nodes = tuple(_node(each, times * often) for each, often in below)
    spent = sum(float(each.get("Total Cost", 0)) * often for each, often in below)
    loops = _number(found.get("Actual Loops"))
    ms = _product(_number(found.get("Actual Total Time")), loops)
    return PlanNode(
        _title(found),
        str(found.get("Node Type")),
        found.get("Relation Name"),
        found.get("Index Name"),
        tuple(_details(found)),
        float(found.get("Plan Rows", 0)),
        cost,
        max(cost - spent, 0.0) * times,
        loops,
        _product(_number(found.get("Actual Rows")), loops) if loops else None,
        ms,
        None if ms is None else max(ms - sum(node.ms or 0 for node in nodes), 0.0),
        _pages(found, "Shared Hit Blocks", "Shared Read Blocks", "Local Hit Blocks", "Local Read Blocks"),
        _pages(found, "Shared Read Blocks", "Local Read Blocks"),
        nodes,
    )


def _repeated(found: Mapping[str, Any], cost: float) -> list[tuple[Mapping[str, Any], float]]:
    """Return the nodes below one, and how often it runs each: a nested loop its second one for every row of the first."""
    below = list(found.get("Plans", ()))
    sides = [each for each in below if each.get("Parent Relationship") in {"Outer", "Inner"}]
    if found.get("Node Type") != "Nested Loop" or len(sides) != 2:
        return [(each, 1.0) for each in below]
    outer, inner = (float(each.get("Total Cost", 0)) for each in sides)
    # What is kept between two runs makes it cheaper than so many times; it cannot have cost more than the loop.
    spent = min(inner * max(float(sides[0].get("Plan Rows", 1)), 1.0), max(cost - outer, 0.0))
    return [(each, spent / inner if each is sides[1] and inner else 1.0) for each in below]


def _title(found: Mapping[str, Any]) -> str:
    """Return what a node is, as EXPLAIN's text has it: `Index Scan using orders_pkey on orders o`."""
    kind = str(found.get("Node Type"))
    if kind == "ModifyTable":
        kind = str(found.get("Operation", kind))
    elif kind == "Aggregate":
        strategy = {"Sorted": "GroupAggregate", "Hashed": "HashAggregate", "Mixed": "MixedAggregate"}
        kind = strategy.get(found.get("Strategy", ""), kind)
    partial = found.get("Partial Mode", "Simple")
    words = ["Parallel"] if found.get("Parallel Aware") else []
    words += [partial] if partial != "Simple" else []
    join = found.get("Join Type", "Inner")
    if join != "Inner" and kind.endswith(("Join", "Nested Loop")):
        kind = f"{kind.removesuffix(' Join')} {join} Join" if kind.endswith("Join") else f"{kind} {join} Join"
    words.append(kind)
    if found.get("Scan Direction") == "Backward":
        words.append("Backward")
    if index := found.get("Index Name"):
        words.append(f"{'on' if kind == 'Bitmap Index Scan' else 'using'} {index}")
    named = next((found[name] for name in _NAMES if name in found), None)
    alias = found.get("Alias")
    if named is not None:
        words.append(f"on {named}" + (f" {alias}" if alias not in {None, named} else ""))
    elif alias is not None:
        words.append(f"on {alias}")
    title = " ".join(words)
    return f"{found['Subplan Name']}: {title}" if "Subplan Name" in found else title


_NAMES = ("Relation Name", "CTE Name", "Function Name", "Tuplestore Name")


def _details(found: Mapping[str, Any]) -> list[PlanDetail]:
    """Return the conditions, keys and the like; not what differs from run to run."""
    details = []
    for label, value in found.items():
        if label in _KNOWN or any(word in label for word in _VOLATILE):
            continue
        if isinstance(value, list) and all(isinstance(each, str) for each in value):
            details.append(PlanDetail(label, _without_secrets(", ".join(value))))
        elif isinstance(value, str) or (isinstance(value, int | float) and value and not isinstance(value, bool)):
            details.append(PlanDetail(label, _without_secrets(str(value))))
    return details


def _without_secrets(text: str) -> str:
    """Return a detail without secrets: it may be the condition of a policy, a view or an index that nobody has typed."""
    return hide_known(redact_line(text))


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _product(value: float | None, loops: float | None) -> float | None:
    return None if value is None or loops is None else value * loops


def _pages(found: Mapping[str, Any], *labels: str) -> int | None:
    return sum(int(found.get(label, 0)) for label in labels) if "Shared Hit Blocks" in found else None
