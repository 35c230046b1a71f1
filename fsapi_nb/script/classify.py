"""What kind of statement a parse tree is, and whether PostgreSQL takes it in a transaction block.

The list follows `PreventInTransactionBlock` in PostgreSQL's source, and 85 statements tried on 15 to 18. Where
only the catalog can tell (REINDEX and CLUSTER of a partitioned relation, DROP SUBSCRIPTION), a statement counts
as allowed: the server has the last word, and its 25001 undoes the whole transaction.
"""

from __future__ import annotations

import re
from typing import Any

from fsapi_nb.model import EnumValue, TransactionRule

_BEGIN = {"TRANS_STMT_BEGIN", "TRANS_STMT_START"}
_INSIDE = {"TRANS_STMT_SAVEPOINT", "TRANS_STMT_RELEASE", "TRANS_STMT_ROLLBACK_TO"}

# Where the node's name is not the command's: the rest are read off the name (`create_function_stmt`).
_LABELS = {
    "create_stmt": "CREATE TABLE",
    "create_seq_stmt": "CREATE SEQUENCE",
    "create_trig_stmt": "CREATE TRIGGER",
    "create_event_trig_stmt": "CREATE EVENT TRIGGER",
    "create_enum_stmt": "CREATE TYPE",
    "create_range_stmt": "CREATE TYPE",
    "composite_type_stmt": "CREATE TYPE",
    "create_stats_stmt": "CREATE STATISTICS",
    "create_plang_stmt": "CREATE LANGUAGE",
    "create_table_space_stmt": "CREATE TABLESPACE",
    "drop_table_space_stmt": "DROP TABLESPACE",
    "createdb_stmt": "CREATE DATABASE",
    "dropdb_stmt": "DROP DATABASE",
    "define_stmt": "CREATE",
    "index_stmt": "CREATE INDEX",
    "view_stmt": "CREATE VIEW",
    "rule_stmt": "CREATE RULE",
    "alter_enum_stmt": "ALTER TYPE",
    "alter_seq_stmt": "ALTER SEQUENCE",
    "grant_role_stmt": "GRANT",
    "refresh_mat_view_stmt": "REFRESH MATERIALIZED VIEW",
    "variable_set_stmt": "SET",
    "sec_label_stmt": "SECURITY LABEL",
}
_OBJECTS = {"MATVIEW": "MATERIALIZED VIEW"}


def node_of(tree: Any) -> tuple[str, Any]:
    """The name of the node that a statement is (`index_stmt`), and the node itself."""
    name = tree.WhichOneof("node")
    return name, getattr(tree, name)


def kind_of(tree: Any) -> str:
    """The statement's command as a reader knows it: `CREATE TABLE`, `DROP INDEX CONCURRENTLY`."""
    name, node = node_of(tree)
    match name:
        case "transaction_stmt":
            label = _enum_name(node, "kind").removeprefix("TRANS_STMT_").replace("_", " ")
        case "drop_stmt":
            label = "DROP " + _object(node, "remove_type")
        case "alter_table_stmt":
            label = "ALTER " + _object(node, "objtype")
        case "rename_stmt":
            label = "ALTER " + _object(node, "relation_type" if _is_part(node) else "rename_type")
        case "alter_owner_stmt" | "alter_object_schema_stmt":
            label = "ALTER " + _object(node, "object_type")
        case "create_table_as_stmt":
            label = "CREATE " + _object(node, "objtype")
        case "vacuum_stmt" if not node.is_vacuumcmd:
            label = "ANALYZE"
        case "grant_stmt" if not node.is_grant:
            label = "REVOKE"
        case _:
            label = _LABELS.get(name) or name.removesuffix("_stmt").replace("_", " ").upper()
    if getattr(node, "concurrent", False) or (name == "reindex_stmt" and _option_on(node.params, "concurrently")):
        label += " CONCURRENTLY"
    return label


def rule_of(tree: Any) -> TransactionRule:
    """Whether the statement may stand in a transaction block, opens one or ends one."""
    name, node = node_of(tree)
    if name == "transaction_stmt":
        return _transaction_rule(node)
    return TransactionRule.REFUSED if _refused(name, node) else TransactionRule.ALLOWED


def _transaction_rule(node: Any) -> TransactionRule:
    kind = _enum_name(node, "kind")
    if kind in _BEGIN:
        return TransactionRule.BEGIN
    if kind == "TRANS_STMT_COMMIT":
        return TransactionRule.CHAIN if node.chain else TransactionRule.COMMIT
    return TransactionRule.ALLOWED if kind in _INSIDE else TransactionRule.REFUSED


def unsupported(tree: Any) -> tuple[str, str] | None:
    """Why a statement cannot stand in a migration, and what to do instead; None where it can."""
    name, node = node_of(tree)
    if name == "copy_stmt" and not node.is_from and not node.filename:
        return "COPY ... TO STDOUT has nobody to send its rows to", "use `query`, or COPY to a table."
    if name != "transaction_stmt":
        return None
    kind = _enum_name(node, "kind")
    if kind == "TRANS_STMT_ROLLBACK":
        return (
            "ROLLBACK would undo the migration and its record",
            "remove it; a failing statement rolls everything back by itself (ROLLBACK TO a savepoint is fine).",
        )
    if "PREPARE" in kind:
        return "a prepared transaction would leave the migration's work outside its record", "remove it."
    return None


def _refused(name: str, node: Any) -> bool:
    """Whether PostgreSQL refuses this statement in a transaction block, as far as its text tells."""
    match name:
        case "index_stmt" | "drop_stmt":
            return bool(node.concurrent)
        case "reindex_stmt":
            whole = {"REINDEX_OBJECT_SCHEMA", "REINDEX_OBJECT_DATABASE", "REINDEX_OBJECT_SYSTEM"}
            return _enum_name(node, "kind") in whole or _option_on(node.params, "concurrently")
        case "vacuum_stmt":
            return bool(node.is_vacuumcmd)
        case "cluster_stmt":
            return not node.HasField("relation")
        case (
            "createdb_stmt" | "dropdb_stmt" | "create_table_space_stmt" | "drop_table_space_stmt" | "alter_system_stmt"
        ):
            return True
        case "alter_database_stmt":
            return any(option.def_elem.defname == "tablespace" for option in node.options)
        case "alter_table_stmt":
            return any(_detaches_concurrently(command.alter_table_cmd) for command in node.cmds)
        case "discard_stmt":
            return _enum_name(node, "target") == "DISCARD_ALL"
        case "create_subscription_stmt":
            return not (_option_off(node.options, "connect") or _option_off(node.options, "create_slot"))
        case "alter_subscription_stmt":
            return _subscription_refreshes(node)
        case _:
            return False


def _detaches_concurrently(command: Any) -> bool:
    detaches = _enum_name(command, "subtype") == "AT_DetachPartition"
    return detaches and bool(getattr(command, "def").partition_cmd.concurrent)


def _subscription_refreshes(node: Any) -> bool:
    kind = _enum_name(node, "kind")
    if kind.startswith("ALTER_SUBSCRIPTION_REFRESH"):
        return True
    if kind.endswith("_PUBLICATION"):
        return not _option_off(node.options, "refresh")
    return kind == "ALTER_SUBSCRIPTION_OPTIONS" and any(o.def_elem.defname == "failover" for o in node.options)


def enum_value(tree: Any) -> EnumValue | None:
    """The value that `ALTER TYPE ... ADD VALUE` adds; None for any other statement, RENAME VALUE included."""
    name, node = node_of(tree)
    if name != "alter_enum_stmt" or node.old_val or not node.new_val:
        return None
    return EnumValue(_qualified(node.type_name), node.new_val)


def created_type(tree: Any) -> str | None:
    """The name of the enum type that a statement creates, as it is written."""
    name, node = node_of(tree)
    return _qualified(node.type_name) if name == "create_enum_stmt" else None


def created_schema(tree: Any) -> str | None:
    """The schema that a statement creates; with AUTHORIZATION alone it has the role's name."""
    name, node = node_of(tree)
    if name != "create_schema_stmt":
        return None
    return str(node.schemaname or node.authrole.rolename) or None


def created_extension(tree: Any) -> str | None:
    """The extension that a statement is sure to create: without IF NOT EXISTS it may have been there before."""
    name, node = node_of(tree)
    return str(node.extname) if name == "create_extension_stmt" and not node.if_not_exists else None


def concurrent_index(tree: Any) -> str | None:
    """The index that CREATE INDEX CONCURRENTLY makes, quoted as `to_regclass` reads it; it is in its table's schema."""
    name, node = node_of(tree)
    if name != "index_stmt" or not node.concurrent or not node.idxname:
        return None
    parts = [part for part in (node.relation.schemaname, node.idxname) if part]
    return ".".join('"' + part.replace('"', '""') + '"' for part in parts)


def changes_session(tree: Any) -> bool:
    """Whether the statement sets something for the rest of the session (a resumed run must set it again)."""
    name, node = node_of(tree)
    if name != "variable_set_stmt":
        return False
    return not node.is_local and _enum_name(node, "kind") != "VAR_SET_MULTI"


def begin_options(tree: Any) -> bool:
    """Whether a BEGIN asks for an isolation level or an access mode of its own."""
    name, node = node_of(tree)
    return name == "transaction_stmt" and len(node.options) > 0


def _qualified(names: Any) -> str:
    return ".".join(name.string.sval for name in names)


def _object(node: Any, field: str) -> str:
    """The kind of object that an enum field names, as SQL writes it: `MATERIALIZED VIEW`."""
    name = _enum_name(node, field).removeprefix("OBJECT_")
    return _OBJECTS.get(name, name.replace("_", " "))


def _is_part(node: Any) -> bool:
    """Whether a RENAME is of a column or constraint of something else."""
    return _enum_name(node, "rename_type") in {"OBJECT_COLUMN", "OBJECT_TABCONSTRAINT", "OBJECT_ATTRIBUTE"}


def _enum_name(node: Any, field: str) -> str:
    """The name of a protobuf enum field's value."""
    return str(node.DESCRIPTOR.fields_by_name[field].enum_type.values_by_number[getattr(node, field)].name)


def _option_on(options: Any, name: str) -> bool:
    return any(option.def_elem.defname == name and not _is_false(option.def_elem) for option in options)


def _option_off(options: Any, name: str) -> bool:
    return any(option.def_elem.defname == name and _is_false(option.def_elem) for option in options)


def _is_false(element: Any) -> bool:
    """Whether an option's value means false (`false`, `off`, `0`), as PostgreSQL's `defGetBoolean` has it."""
    argument = element.arg
    written = argument.string.sval if argument.HasField("string") else ""
    if argument.HasField("integer"):
        return not argument.integer.ival
    if argument.HasField("boolean"):
        return not argument.boolean.boolval
    return re.fullmatch(r"false|off|no|0", written, re.IGNORECASE) is not None
