"""What may be wrong with a statement by its tree and by what it will do; without squawk, too. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from fsapi_nb.actions.made import plain
from fsapi_nb.actions.tree_names import joined, object_name, relation
from fsapi_nb.checks.alter_table import of_alter_table
from fsapi_nb.checks.dropped_data import dropped_table
from fsapi_nb.checks.suspicion import Subject, Suspicion, is_name
from fsapi_nb.model.action import Blocks, Condition, LockMode
from fsapi_nb.model.forecast import WorkKind
from fsapi_nb.script.classify import enum_name, option_on

_BATCHES = "change the rows in batches of some thousand, each committed."
_RENAMED = "programs that use the old name fail once this is committed"
_BOTH_NAMES = "let programs know both names first: by a view or a second column, which a later migration drops."


def suspicions_of(subject: Subject) -> Iterator[Suspicion]:
    """Yield what may be wrong with one statement."""
    kind = _KINDS.get(subject.named[0])
    if kind:
        yield from kind(subject)


def _create_index(subject: Subject) -> Iterator[Suspicion]:
    node = subject.node
    # ON ONLY is for partitioned tables, where it builds nothing.
    builds = any(work.condition is not Condition.UNLESS_PARTITIONED for work in subject.work(WorkKind.INDEX))
    if not node.concurrent and builds:
        table = relation(node.relation)
        yield Suspicion(
            "require-concurrent-index-creation",
            f"writes of {table} wait until the index is built",
            "CREATE INDEX CONCURRENTLY lets writes go on; it runs in a step of its own.",
            table,
        )


def _reindex(subject: Subject) -> Iterator[Suspicion]:
    node = subject.node
    if subject.has(WorkKind.INDEX) and not option_on(node.params, "concurrently"):
        name = relation(node.relation) or node.name
        yield Suspicion(
            "require-concurrent-reindex",
            f"writes of {name}, and reads by its indexes, wait until they are built again",
            "REINDEX CONCURRENTLY lets both go on.",
            name,
        )


def _update(subject: Subject) -> Iterator[Suspicion]:
    node = subject.node
    if not node.HasField("where_clause") and not node.from_clause:
        table = relation(node.relation)
        message = f"every row of {table} is written in one transaction: its rows stay locked, and the table grows"
        yield Suspicion("update-without-where", message, _BATCHES, table)


def _delete(subject: Subject) -> Iterator[Suspicion]:
    node = subject.node
    if not node.HasField("where_clause") and not node.using_clause:
        table = relation(node.relation)
        yield Suspicion(
            "delete-without-where", f"every row of {table} is deleted", "add a WHERE if not all are meant.", table
        )


def _truncate(subject: Subject) -> Iterator[Suspicion]:
    for each in subject.node.relations:
        table = relation(each.range_var)
        message = f"every row of {table} is gone for good, and no program can use the table until the transaction ends"
        yield Suspicion("truncating-table", message, "keep the rows elsewhere first if they may be needed.", table)


def _vacuum(subject: Subject) -> Iterator[Suspicion]:
    node = subject.node
    if node.is_vacuumcmd and option_on(node.options, "full"):
        yield from _rewriting(subject, "VACUUM FULL")


def _cluster(subject: Subject) -> Iterator[Suspicion]:
    yield from _rewriting(subject, "CLUSTER")


def _rewriting(subject: Subject, command: str) -> Iterator[Suspicion]:
    table = _worked_on(subject, WorkKind.REWRITE)
    if table:
        yield Suspicion(
            "prefer-repack",
            f"{command} writes {table} again, and no program can use the table meanwhile",
            "the extension pg_repack does it while the table is in use; a plain VACUUM frees its dead rows.",
            table,
        )


def _lock(subject: Subject) -> Iterator[Suspicion]:
    blocking = [lock for lock in subject.forecast.locks if lock.blocks is not Blocks.NOTHING]
    if blocking:
        worst = max(blocking, key=lambda lock: lock.mode)
        message = f"{worst.blocks.value} of {worst.table} wait until the transaction ends"
        hint = "let the migration do nothing that takes long after it."
        yield Suspicion("locking-table", message, hint, worst.table)


def _refresh(subject: Subject) -> Iterator[Suspicion]:
    node = subject.node
    if not node.concurrent and not node.skip_data:
        view = relation(node.relation)
        message = f"no program can read {view} until it is filled again"
        hint = "REFRESH MATERIALIZED VIEW CONCURRENTLY lets programs go on reading; the view needs a unique index."
        yield Suspicion("require-concurrent-refresh", message, hint, view)


def _trigger(subject: Subject) -> Iterator[Suspicion]:
    table = relation(subject.node.relation)
    message = f"writes of {table} wait until the transaction ends"
    yield Suspicion("adding-trigger", message, "let the migration do nothing that takes long after it.", table)


def _drop(subject: Subject) -> Iterator[Suspicion]:
    if enum_name(subject.node, "remove_type") != "OBJECT_TABLE":
        return
    dropped = [object_name(each) for each in subject.node.objects]
    for name in dropped:
        yield dropped_table(subject, name)
    others = [
        lock.table
        for lock in subject.forecast.locks
        if lock.mode is LockMode.ACCESS_EXCLUSIVE and not lock.condition and is_name(lock.table)
        if plain(lock.table) not in map(plain, dropped)
    ]
    if others:
        message = (
            f"no program can use {', '.join(others)} until the transaction ends: they belong to it by foreign keys"
        )
        hint = "let the migration do nothing that takes long after it."
        yield Suspicion("dropping-locks-other-tables", message, hint, others[0])


def _rename(subject: Subject) -> Iterator[Suspicion]:
    node = subject.node
    kind, of = enum_name(node, "rename_type"), enum_name(node, "relation_type")
    table = relation(node.relation)
    if kind == "OBJECT_TABLE":
        yield Suspicion("renaming-table", f"{_RENAMED}: {table}", _BOTH_NAMES, table)
    elif kind == "OBJECT_COLUMN" and of == "OBJECT_TABLE":
        message = f"{_RENAMED}: {table}.{joined([node.subname])}"
        yield Suspicion("renaming-column", message, _BOTH_NAMES, table, node.subname)


def _worked_on(subject: Subject, kind: WorkKind) -> str | None:
    """Return the first table on which a statement does work of a kind."""
    return next((work.table for work in subject.forecast.work if work.kind is kind), None)


_KINDS: dict[str, Callable[[Subject], Iterator[Suspicion]]] = {
    "alter_table_stmt": of_alter_table,
    "cluster_stmt": _cluster,
    "create_trig_stmt": _trigger,
    "delete_stmt": _delete,
    "drop_stmt": _drop,
    "index_stmt": _create_index,
    "lock_stmt": _lock,
    "refresh_mat_view_stmt": _refresh,
    "reindex_stmt": _reindex,
    "rename_stmt": _rename,
    "truncate_stmt": _truncate,
    "update_stmt": _update,
    "vacuum_stmt": _vacuum,
}
