"""What a statement does, from its parse tree and the rules of PostgreSQL. Pure; nothing is asked, and nothing is run.

Only what shows a plan asks: a run does not need it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from fsapi_nb.actions import lock_rules, objects, rows
from fsapi_nb.actions.alter_table import alter_table
from fsapi_nb.actions.tree_names import joined, role, walk
from fsapi_nb.model.action import Action, ActionObject
from fsapi_nb.script.classify import Named, kind_of, node_of
from fsapi_nb.script.parser import parse_one

#: The newest version of PostgreSQL whose rules are known, and which the parser reads.
NEWEST = 18

#: What reads each statement, by the parser's names; those of `lock_rules` lock no table or run what is unknown.
STATEMENTS: dict[str, Callable[[Any, int], Iterator[Action]]] = {
    "alter_table_stmt": alter_table,
    "insert_stmt": rows.query,
    "update_stmt": rows.query,
    "delete_stmt": rows.query,
    "merge_stmt": rows.query,
    "copy_stmt": rows.copy,
    "truncate_stmt": rows.truncate,
    "lock_stmt": rows.lock,
    "explain_stmt": rows.explain,
    "prepare_stmt": rows.stored_query,
    "declare_cursor_stmt": rows.stored_query,
    "create_table_as_stmt": rows.table_of_query,
    "create_stmt": objects.create_table,
    "create_foreign_table_stmt": objects.create_table,
    "index_stmt": objects.create_index,
    "view_stmt": objects.create_view,
    "refresh_mat_view_stmt": objects.refresh,
    "create_seq_stmt": objects.create_sequence,
    "alter_seq_stmt": objects.create_sequence,
    "create_trig_stmt": objects.create_trigger,
    "rule_stmt": objects.create_rule,
    "create_policy_stmt": objects.policy,
    "alter_policy_stmt": objects.policy,
    "create_stats_stmt": objects.create_statistics,
    "drop_stmt": objects.drop,
    "dropdb_stmt": objects.drop_database,
    "drop_owned_stmt": objects.drop_owned,
    "rename_stmt": objects.rename,
    "alter_object_schema_stmt": objects.set_schema,
    "alter_owner_stmt": objects.set_owner,
    "alter_object_depends_stmt": objects.depend,
    "comment_stmt": objects.comment,
    "grant_stmt": objects.grant,
    "alter_enum_stmt": objects.alter_enum,
    "alter_domain_stmt": objects.alter_domain,
    "create_function_stmt": objects.create_function,
    "define_stmt": objects.define,
    "create_publication_stmt": objects.publication,
    "alter_publication_stmt": objects.publication,
    "vacuum_stmt": objects.vacuum,
    "cluster_stmt": objects.cluster,
    "reindex_stmt": objects.reindex,
    "variable_set_stmt": objects.set_variable,
    "transaction_stmt": objects.transaction,
}


def actions_of(statement: str, version: int = NEWEST) -> tuple[Action, ...]:
    """Return what a statement does on PostgreSQL of that major version; several actions if it has several subcommands.

    Raises SqlSyntaxError if the parser does not take it.
    """
    return actions_of_tree(node_of(parse_one(statement.encode())), version)


def actions_of_tree(named: Named, version: int) -> tuple[Action, ...]:
    """Return the same of a parse tree."""
    return tuple(_actions(*named, version))


def _actions(name: str, node: Any, version: int) -> Iterator[Action]:
    if name == "select_stmt":
        selects_into = node.HasField("into_clause")
        yield from (rows.table_of_query if selects_into else rows.query)(node, version)
    elif name == "create_schema_stmt":
        yield from _create_schema(node, version)
    elif name in STATEMENTS:
        yield from STATEMENTS[name](node, version)
    elif name in lock_rules.WITHOUT_TABLES:
        yield objects.without_tables(node, name)
    elif name in lock_rules.RUN_UNKNOWN:
        yield objects.run_unknown(node, name)
    else:
        yield Action(kind_of((name, node)).lower(), ActionObject("", ""), unknown="what the statement does")


def _create_schema(node: Any, version: int) -> Iterator[Action]:
    """CREATE SCHEMA, and what stands in it."""
    schema = node.schemaname or node.authrole.rolename
    name = joined([schema]) or role(node.authrole)
    yield Action(f"create schema {name}", ActionObject("schema", name))
    made = {named.relname for each in node.schema_elts if (named := _named(node_of(each)[1])) is not None}
    for each in node.schema_elts:
        for inner in walk(each):
            if inner.DESCRIPTOR.name == "RangeVar" and not inner.schemaname and inner.relname in made:
                inner.schemaname = schema
        for action in _actions(*node_of(each), version):
            yield _without(action, {joined([schema, name]) for name in made})


def _named(element: Any) -> Any:
    """Return the name of a table, view or sequence that CREATE SCHEMA makes."""
    fields = {"CreateStmt": "relation", "ViewStmt": "view", "CreateSeqStmt": "sequence"}
    field = fields.get(element.DESCRIPTOR.name)
    return getattr(element, field) if field else None


def _without(action: Action, names: set[str]) -> Action:
    """Return the action without what it does to tables that the same statement makes."""
    return replace(
        action,
        locks=tuple(each for each in action.locks if each.tables.name not in names),
        scans=tuple(each for each in action.scans if each.tables.name not in names),
        builds_index=tuple(each for each in action.builds_index if each.tables.name not in names),
    )
