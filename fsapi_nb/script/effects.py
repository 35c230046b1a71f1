"""What a statement outside of a transaction leaves in the catalog, so that it can be told later whether it happened.

Only the names are read off the parse tree here; what the catalog says of them is asked by `database.recovery`
and judged by `plan.recovery`.
"""

from __future__ import annotations

from typing import Any

from fsapi_nb.model import Effect, EffectKind
from fsapi_nb.script.classify import Named, enum_name, option_on
from fsapi_nb.script.parser import deparse, parse_one

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
    """What the statement would leave behind; UNKNOWN where no catalog tells (CALL, DO, DML)."""
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
    """The SQL of a CREATE INDEX for another table, without a name, and not CONCURRENTLY. Raises SqlSyntaxError."""
    tree = parse_one(statement.encode())
    node = tree.index_stmt
    node.concurrent = node.if_not_exists = False
    node.idxname = ""
    node.relation.catalogname, node.relation.schemaname, node.relation.relname = "", schema, table
    return deparse(tree)


def _owner(named: Named) -> str | None:
    """The role that a CREATE DATABASE or CREATE TABLESPACE names as the owner."""
    name, node = named
    if name == "create_table_space_stmt":
        return str(node.owner.rolename) or None
    if name != "createdb_stmt":
        return None
    owners = (option.def_elem.arg.string.sval for option in node.options if option.def_elem.defname == "owner")
    return next(owners, None) or None


def _reindexed(node: Any) -> Effect:
    """REINDEX CONCURRENTLY of a table or index (`relation`), of a schema (`name`), or of the whole database."""
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
    """A relation as `to_regclass` reads it."""
    return _join([part for part in (relation.schemaname, relation.relname) if part])


def _join(parts: list[str]) -> str:
    return ".".join('"' + part.replace('"', '""') + '"' for part in parts)
