"""What statements that read and write rows do: SELECT, INSERT, UPDATE, DELETE, MERGE, COPY, TRUNCATE, LOCK, EXPLAIN."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from fsapi_nb.actions import lock_rules
from fsapi_nb.actions.builtin_names import OTHER_FUNCTIONS, VOLATILE_FUNCTIONS
from fsapi_nb.actions.locks import locks, on_table, strongest, work
from fsapi_nb.actions.tree_names import joined, relation, strings, walk
from fsapi_nb.model.action import (
    Action,
    ActionObject,
    Amount,
    Condition,
    Kin,
    LockMode,
    Loss,
    LossKind,
    TableLock,
    TableSet,
    Work,
)
from fsapi_nb.script.classify import enum_name, option_on

_WRITES = {"InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt"}
_KNOWN = VOLATILE_FUNCTIONS | OTHER_FUNCTIONS
_UPDATES = "ONCONFLICT_UPDATE"


@dataclass(slots=True)
class Rows:
    """What a query reads and writes: the statements that write in it, the tables that it reads, those whose rows it locks.

    `called` are the functions that it calls, `unknown` those that are not PostgreSQL's own.
    """

    writes: list[Any] = field(default_factory=list)
    reads: list[str] = field(default_factory=list)
    locked: list[str] = field(default_factory=list)
    called: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    def locks(self) -> tuple[TableLock, ...]:
        """Return what it locks to read, which blocks nothing."""
        reads = [TableLock(TableSet(name), LockMode.ACCESS_SHARE) for name in self.reads]
        return strongest([*reads, *(TableLock(TableSet(name), LockMode.ROW_SHARE) for name in self.locked)])

    def doubt(self) -> str | None:
        """Return what is unknown of it."""
        names = list(dict.fromkeys(self.unknown))
        if not names:
            return None
        return f"what the function{'s' * (len(names) > 1)} {', '.join(names)} do{'es' * (len(names) == 1)}"


def rows_of(query: Any) -> Rows:
    """Return what a query reads and writes, its WITH clauses and subqueries included."""
    found = Rows()
    named: dict[str, str] = {}
    tables: list[tuple[str, Any]] = []
    own: set[str] = set()
    skipped: list[Any] = []
    for node in walk(query):
        match node.DESCRIPTOR.name:
            case "RangeVar":
                tables.append((relation(node), node))
                named[node.alias.aliasname or node.relname] = relation(node)
            case "CommonTableExpr":
                own.add(joined([node.ctename]))
            case "IntoClause":
                skipped.append(node.rel)
            case "FuncCall":
                names = strings(node.funcname)
                found.called.append(joined(names[1:] if names[0] == "pg_catalog" else names))
                if names[-1] not in _KNOWN or (len(names) > 1 and names[0] != "pg_catalog"):
                    found.unknown.append(joined(names))
            case "LockingClause":
                found.locked += [each.range_var.relname for each in node.locked_rels] or ["*"]
                skipped += [each.range_var for each in node.locked_rels]
            case name if name in _WRITES:
                found.writes.append(node)
                skipped.append(node.relation)
    found.reads = [name for name, node in tables if name not in own and not any(node == each for each in skipped)]
    found.locked = [name for each in found.locked for name in (found.reads if each == "*" else [named.get(each, each)])]
    return found


def query(node: Any, version: int) -> Iterator[Action]:
    """Yield what a query does: each statement in it that writes, or the query that reads only."""
    rows = rows_of(node)
    if not rows.writes:
        yield _reading(rows)
        return
    for index, each in enumerate(reversed(rows.writes)):
        action = _write(each)
        if index == len(rows.writes) - 1:  # the statement itself, behind those of its WITH clauses
            action = replace(action, locks=strongest((*action.locks, *rows.locks())), unknown=rows.doubt())
        yield action


def _reading(rows: Rows) -> Action:
    tables = list(dict.fromkeys(rows.reads))
    if tables:
        words = f"read rows of {', '.join(tables)}"
    else:
        words = f"call {', '.join(dict.fromkeys(rows.called))}" if rows.called else "run a query"
    return Action(words, ActionObject("query", ""), rows.locks(), unknown=rows.doubt())


def write_locks(name: str) -> tuple[TableLock, ...]:
    """Return the lock that writing rows takes on a table."""
    return on_table(name, LockMode.ROW_EXCLUSIVE)


def _changed(name: str, amount: Amount, *, only: bool = False) -> tuple[Work, ...]:
    """Return the tables whose rows a statement writes that names a table, or a view."""
    found = (*work(name, only=only), Work(TableSet(name, Kin.READ_BY)))
    return tuple(each._replace(amount=amount) for each in found)


def _amount(node: Any) -> Amount:
    """Return which rows an INSERT, UPDATE, DELETE or MERGE writes."""
    match node.DESCRIPTOR.name:
        case "InsertStmt":
            has_query = node.HasField("select_stmt") and not node.select_stmt.select_stmt.values_lists
            return Amount.QUERIED if has_query else Amount.WRITTEN
        case "MergeStmt":
            return Amount.SOME
        case _:
            return Amount.SOME if node.HasField("where_clause") else Amount.ALL


def _write(node: Any) -> Action:
    name = relation(node.relation)
    changed = _changed(name, _amount(node), only=not node.relation.inh)
    cascades = Work(TableSet(name, Kin.ALL_REFERRING), Condition.IF_CASCADES, Amount.SOME)
    action = Action("", ActionObject("table", name), write_locks(name), changes_rows=changed)
    match node.DESCRIPTOR.name:
        case "InsertStmt":
            updates = enum_name(node.on_conflict_clause, "action") == _UPDATES
            return replace(action, words=f"insert {'or update ' * updates}rows {'of' if updates else 'into'} {name}")
        case "UpdateStmt":
            every = "" if node.HasField("where_clause") else "all "
            changes = (*action.changes_rows, cascades)
            keys = tuple(each.res_target.name for each in node.target_list)
            return replace(action, words=f"update {every}rows of {name}", changes_rows=changes, keys=keys)
        case "DeleteStmt":
            every = "" if node.HasField("where_clause") else "all "
            return replace(
                action,
                words=f"delete {every}rows of {name}",
                changes_rows=(*action.changes_rows, cascades),
                destroys=(Loss(LossKind.ROWS, name, f"{every}rows of {name}"),),
            )
        case _:
            deletes = any(
                enum_name(each.merge_when_clause, "command_type") == "CMD_DELETE" for each in node.merge_when_clauses
            )
            return replace(
                action,
                words=f"merge rows into {name}",
                changes_rows=(*action.changes_rows, cascades),
                destroys=(Loss(LossKind.ROWS, name, f"rows of {name}"),) if deletes else (),
            )


def copy(node: Any, version: int) -> Iterator[Action]:
    """Yield what a COPY does."""
    unknown = "what the program does" if node.is_program else None
    if node.is_from:
        name = relation(node.relation)
        yield Action(
            f"copy rows into {name}",
            ActionObject("table", name),
            write_locks(name),
            changes_rows=_changed(name, Amount.QUERIED),
            unknown=unknown,
        )
        return
    rows = rows_of(node)
    what = f"rows of {', '.join(dict.fromkeys(rows.reads))}" if rows.reads else "rows"
    yield from (_write(each) for each in reversed(rows.writes))
    yield Action(
        f"copy {what} out",
        ActionObject("query", ""),
        rows.locks(),
        unknown=unknown or rows.doubt(),
    )


def truncate(node: Any, version: int) -> Iterator[Action]:
    """Yield what a TRUNCATE does, table by table."""
    cascades = enum_name(node, "behavior") == "DROP_CASCADE"
    for each in node.relations:
        name, only = relation(each.range_var), not each.range_var.inh
        found = locks(lock_rules.TRUNCATE, name, version, only=only)
        losses = [Loss(LossKind.ROWS, name, f"all rows of {name}")]
        words = f"empty table {name}"
        if cascades:
            found += locks(lock_rules.TRUNCATE_CASCADE, name, version)
            losses.append(Loss(LossKind.ROWS, "", f"all rows of the tables that refer to {name}"))
            words += " and the tables that refer to it"
        yield Action(words, ActionObject("table", name), found, destroys=tuple(losses))


def lock(node: Any, version: int) -> Iterator[Action]:
    """Yield what a LOCK TABLE does, table by table."""
    mode = LockMode(node.mode)
    for each in node.relations:
        name, only = relation(each.range_var), not each.range_var.inh
        kinds = (Kin.SELF,) if only else lock_rules.LOCK_TABLE
        yield Action(
            f"lock {name} in {mode.name.replace('_', ' ').lower()} mode",
            ActionObject("table", name),
            tuple(TableLock(TableSet(name, kin), mode) for kin in kinds),
        )


def explain(node: Any, version: int) -> Iterator[Action]:
    """Yield what an EXPLAIN does; only with ANALYZE, it runs the statement."""
    inner = node.query
    if inner.HasField("create_table_as_stmt") or inner.HasField("refresh_mat_view_stmt"):
        yield Action(
            "explain a statement",
            ActionObject("query", ""),
            unknown="what the statement does" if option_on(node.options, "analyze") else None,
        )
        return
    for action in query(inner, version):
        if option_on(node.options, "analyze"):
            yield replace(action, words=f"explain and run: {action.words}")
        else:
            yield Action(f"explain: {action.words}", action.object, action.locks)


def stored_query(node: Any, version: int) -> Iterator[Action]:
    """Yield what a PREPARE or a DECLARE does: nothing is run yet."""
    rows = rows_of(node.query)
    declares = node.DESCRIPTOR.name == "DeclareCursorStmt"
    kind, name = ("cursor", node.portalname) if declares else ("prepared statement", node.name)
    found = rows.locks() + tuple(lock for each in rows.writes for lock in write_locks(relation(each.relation)))
    yield Action(
        f"{'declare cursor' if declares else 'prepare statement'} {joined([name])}",
        ActionObject(kind, joined([name])),
        found,
    )


def table_of_query(node: Any, version: int) -> Iterator[Action]:
    """Yield what a CREATE TABLE AS, SELECT INTO or CREATE MATERIALIZED VIEW does."""
    into = node.into if node.DESCRIPTOR.name == "CreateTableAsStmt" else node.into_clause
    name = relation(into.rel)
    kind = "table"
    if node.DESCRIPTOR.name == "CreateTableAsStmt" and enum_name(node, "objtype") == "OBJECT_MATVIEW":
        kind = "materialized view"
    rows = rows_of(node)
    yield from (_write(each) for each in reversed(rows.writes))  # in its WITH clauses
    fills = () if into.skip_data else (Work(TableSet(name), amount=Amount.QUERIED),)
    what = ActionObject(kind, name)
    yield Action(f"create {kind} {name} from a query", what, rows.locks(), changes_rows=fills, unknown=rows.doubt())
