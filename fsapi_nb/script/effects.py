"""Say what a statement outside of a transaction leaves in the catalog.

So it can be seen later whether the statement happened. This module only takes the names from the parse tree;
`run.recover` asks the catalog about them, and `plan.judge` decides.
"""

from __future__ import annotations

import re
from typing import Any

from fsapi_nb.model.migration import Effect, EffectKind
from fsapi_nb.script.classify import Named, enum_name, node_of, option_on
from fsapi_nb.script.parser import deparse, parse_one
from fsapi_nb.script.tokens import SqlSyntaxError
from fsapi_nb.text.sql import quote_name

_REPEATABLE = {"vacuum_stmt", "cluster_stmt", "alter_system_stmt", "discard_stmt", "alter_database_stmt"}
_BY_NAME = {
    "createdb_stmt": (EffectKind.DATABASE_CREATED, "dbname"),
    "dropdb_stmt": (EffectKind.DATABASE_DROPPED, "dbname"),
    "create_table_space_stmt": (EffectKind.TABLESPACE_CREATED, "tablespacename"),
    "drop_table_space_stmt": (EffectKind.TABLESPACE_DROPPED, "tablespacename"),
    "create_subscription_stmt": (EffectKind.SUBSCRIPTION_CREATED, "subname"),
    "drop_subscription_stmt": (EffectKind.SUBSCRIPTION_DROPPED, "subname"),
}
_UNKNOWN = Effect(EffectKind.UNKNOWN)


def effect_of(named: Named) -> Effect:
    """Return what the statement leaves in the catalog; UNKNOWN if nothing shows that it ran.

    Such are CALL, DO, and INSERT and the like.
    """
    name, node = named
    if name in _BY_NAME:
        kind, field = _BY_NAME[name]
        publications = (
            tuple(item.string.sval for item in node.publication) if name == "create_subscription_stmt" else ()
        )
        return Effect(kind, name=str(getattr(node, field)), names=publications, owner=_owner(named))
    match name:
        case "index_stmt":
            return Effect(EffectKind.INDEX_CREATED, name=node.idxname or None, relation=_quoted(node.relation))
        case "drop_stmt" if enum_name(node, "remove_type") == "OBJECT_INDEX" and len(node.objects) == 1:
            parts = [item.string.sval for item in node.objects[0].list.items]
            return Effect(EffectKind.INDEX_DROPPED, relation=_join(parts))
        case "alter_table_stmt" if len(node.cmds) == 1:
            command = node.cmds[0].alter_table_cmd
            if enum_name(command, "subtype") == "AT_DetachPartition":
                child = _quoted(getattr(command, "def").partition_cmd.name)
                return Effect(EffectKind.PARTITION_DETACHED, relation=_quoted(node.relation), name=child)
        case "reindex_stmt":
            return _reindexed(node)
        case "alter_subscription_stmt":
            return _publications(node)
        case _ if name in _REPEATABLE:
            return Effect(EffectKind.REPEATABLE)
    return _UNKNOWN


def index_on(statement: str, schema: str, table: str) -> str:
    """Return the SQL of a CREATE INDEX for another table, without a name, and not CONCURRENTLY.

    Args:
        statement: A CREATE INDEX.
        schema: The schema of the other table.
        table: The other table.

    Raises:
        SqlSyntaxError: The parser does not accept the statement.
    """
    tree = parse_one(statement.encode())
    node = tree.index_stmt
    node.concurrent = node.if_not_exists = False
    node.idxname = ""
    node.relation.catalogname, node.relation.schemaname, node.relation.relname = "", schema, table
    return deparse(tree)


def is_same_index(statement: str, definition: str) -> bool | None:
    """Return whether a CREATE INDEX makes an index with that definition; None if that cannot be decided.

    Compares the two parse trees and executes nothing. Expressions, predicates, operator classes and the like can be
    compared only if they are written as PostgreSQL writes them.

    Args:
        statement: A CREATE INDEX of a migration.
        definition: What `pg_get_indexdef` returns.
    """
    try:
        one, other = _bare_index(statement), _bare_index(definition)
    except SqlSyntaxError:
        return None
    if one is None or other is None:
        return None
    if _without_places(one) == _without_places(other):
        return True
    return False if _is_plain(one) and _is_plain(other) else None


def _bare_index(text: str) -> Any:
    """Return the node of a CREATE INDEX without names and defaults; None for any other statement."""
    name, node = node_of(parse_one(text.encode()))
    if name != "index_stmt":
        return None
    node.concurrent = node.if_not_exists = False
    node.idxname = node.table_space = ""
    node.relation.catalogname = node.relation.schemaname = ""
    for parameter in node.index_params:
        element = parameter.index_elem
        descends = enum_name(element, "ordering") == "SORTBY_DESC"
        if enum_name(element, "nulls_ordering") == ("SORTBY_NULLS_FIRST" if descends else "SORTBY_NULLS_LAST"):
            element.nulls_ordering = _enum(element, "nulls_ordering", "SORTBY_NULLS_DEFAULT")
        if not descends:
            element.ordering = _enum(element, "ordering", "SORTBY_DEFAULT")
    return node


def _without_places(node: Any) -> str:
    """Return the node as text, without the places of its parts in the statement."""
    return re.sub(r"^ *location: \d+\n", "", str(node), flags=re.MULTILINE)


def _enum(node: Any, field: str, name: str) -> int:
    return int(node.DESCRIPTOR.fields_by_name[field].enum_type.values_by_name[name].number)


def _is_plain(node: Any) -> bool:
    """Return whether an index has only columns, each with its default collation and operator class."""
    elements = [each.index_elem for each in (*node.index_params, *node.index_including_params)]
    return not (node.HasField("where_clause") or node.options) and all(
        each.name and not (each.collation or each.opclass or each.opclassopts) for each in elements
    )


def _owner(named: Named) -> str | None:
    """Return the owner that a CREATE DATABASE or CREATE TABLESPACE names; None if it names none."""
    name, node = named
    if name == "create_table_space_stmt":
        return str(node.owner.rolename) or None
    if name != "createdb_stmt":
        return None
    owners = (option.def_elem.arg.string.sval for option in node.options if option.def_elem.defname == "owner")
    return next(owners, None) or None


def _reindexed(node: Any) -> Effect:
    """Return the effect of a REINDEX: of a table or index, a schema (`name`), or the whole database."""
    if not option_on(node.params, "concurrently"):
        return Effect(EffectKind.REPEATABLE)
    relation = _quoted(node.relation) if node.HasField("relation") else None
    schema = node.name if enum_name(node, "kind") == "REINDEX_OBJECT_SCHEMA" else None
    return Effect(EffectKind.REINDEXED, name=schema, relation=relation)


def _publications(node: Any) -> Effect:
    kinds = {
        "ALTER_SUBSCRIPTION_ADD_PUBLICATION": EffectKind.PUBLICATIONS_ADDED,
        "ALTER_SUBSCRIPTION_DROP_PUBLICATION": EffectKind.PUBLICATIONS_DROPPED,
    }
    kind = kinds.get(enum_name(node, "kind"), EffectKind.REPEATABLE)
    return Effect(kind, name=str(node.subname), names=tuple(item.string.sval for item in node.publication))


def _quoted(relation: Any) -> str:
    """Return a relation's name as `to_regclass` reads it."""
    return _join([part for part in (relation.schemaname, relation.relname) if part])


def _join(parts: list[str]) -> str:
    return ".".join(map(quote_name, parts))
