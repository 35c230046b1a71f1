"""Say what kind of statement a parse tree is, and whether PostgreSQL allows it in a transaction block.

The list follows `PreventInTransactionBlock` in PostgreSQL's source, and 85 statements tried on 15 to 18. If only the
catalog can tell (REINDEX and CLUSTER of a partitioned relation, DROP SUBSCRIPTION), a statement counts as allowed: the
server has the last word, and its error 25001 undoes the whole transaction.
"""

from __future__ import annotations

import functools
from typing import Any

from fsapi_nb.model.migration import EnumValue, TransactionRule
from fsapi_nb.text.command import Advice, command

#: A node of a parse tree and its name (`index_stmt`). The name is looked up once, for all questions about the node.
Named = tuple[str, Any]

_BEGIN = {"TRANS_STMT_BEGIN", "TRANS_STMT_START"}
_INSIDE = {"TRANS_STMT_SAVEPOINT", "TRANS_STMT_RELEASE", "TRANS_STMT_ROLLBACK_TO"}

# Commands that differ from their node's name. The others are made from the name (`create_function_stmt`).
_LABELS = {
    "create_stmt": "CREATE TABLE",
    "create_seq_stmt": "CREATE SEQUENCE",
    "create_trig_stmt": "CREATE TRIGGER",
    "create_event_trig_stmt": "CREATE EVENT TRIGGER",
    "alter_event_trig_stmt": "ALTER EVENT TRIGGER",
    "create_am_stmt": "CREATE ACCESS METHOD",
    "create_op_class_stmt": "CREATE OPERATOR CLASS",
    "create_op_family_stmt": "CREATE OPERATOR FAMILY",
    "alter_op_family_stmt": "ALTER OPERATOR FAMILY",
    "create_fdw_stmt": "CREATE FOREIGN DATA WRAPPER",
    "alter_fdw_stmt": "ALTER FOREIGN DATA WRAPPER",
    "create_foreign_server_stmt": "CREATE SERVER",
    "alter_foreign_server_stmt": "ALTER SERVER",
    "alter_role_set_stmt": "ALTER ROLE",
    "alter_database_set_stmt": "ALTER DATABASE",
    "alter_database_refresh_coll_stmt": "ALTER DATABASE",
    "alter_extension_contents_stmt": "ALTER EXTENSION",
    "alter_table_move_all_stmt": "ALTER TABLE",
    "alter_table_space_options_stmt": "ALTER TABLESPACE",
    "alter_stats_stmt": "ALTER STATISTICS",
    "alter_tsconfiguration_stmt": "ALTER TEXT SEARCH CONFIGURATION",
    "alter_tsdictionary_stmt": "ALTER TEXT SEARCH DICTIONARY",
    "constraints_set_stmt": "SET CONSTRAINTS",
    "variable_show_stmt": "SHOW",
    "check_point_stmt": "CHECKPOINT",
    "close_portal_stmt": "CLOSE",
    "create_enum_stmt": "CREATE TYPE",
    "create_range_stmt": "CREATE TYPE",
    "composite_type_stmt": "CREATE TYPE",
    "create_stats_stmt": "CREATE STATISTICS",
    "create_plang_stmt": "CREATE LANGUAGE",
    "create_table_space_stmt": "CREATE TABLESPACE",
    "drop_table_space_stmt": "DROP TABLESPACE",
    "createdb_stmt": "CREATE DATABASE",
    "dropdb_stmt": "DROP DATABASE",
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
# Kinds of objects that have another name in SQL than in the parser.
_OBJECTS = {
    "DOMCONSTRAINT": "DOMAIN",
    "FDW": "FOREIGN DATA WRAPPER",
    "FOREIGN_SERVER": "SERVER",
    "LARGEOBJECT": "LARGE OBJECT",
    "MATVIEW": "MATERIALIZED VIEW",
    "OPCLASS": "OPERATOR CLASS",
    "OPFAMILY": "OPERATOR FAMILY",
    "STATISTIC_EXT": "STATISTICS",
    "TSCONFIGURATION": "TEXT SEARCH CONFIGURATION",
    "TSDICTIONARY": "TEXT SEARCH DICTIONARY",
    "TSPARSER": "TEXT SEARCH PARSER",
    "TSTEMPLATE": "TEXT SEARCH TEMPLATE",
}
_TRANSACTIONS = {"START": "START TRANSACTION", "PREPARE": "PREPARE TRANSACTION"}


def node_of(tree: Any) -> Named:
    """Return the node of a statement with its name."""
    name = tree.WhichOneof("node")
    return name, getattr(tree, name)


def kind_of(named: Named) -> str:
    """Return the statement's command as a reader knows it: `CREATE TABLE`, `DROP INDEX CONCURRENTLY`."""
    name, node = named
    label = _label_by_object(name, node) or _label_by_fields(name, node) or _LABELS.get(name)
    label = label or name.removesuffix("_stmt").replace("_", " ").upper()
    if getattr(node, "concurrent", False) or (name == "reindex_stmt" and option_on(node.params, "concurrently")):
        label += " CONCURRENTLY"
    return label


def _label_by_object(name: str, node: Any) -> str | None:
    """Return the command if it is a verb and the kind of object that a field names."""
    match name:
        case "drop_stmt":
            return "DROP " + _object(node, "remove_type")
        case "define_stmt":
            return "CREATE " + _object(node, "kind")
        case "create_table_as_stmt":
            return "CREATE TABLE AS" if _object(node, "objtype") == "TABLE" else "CREATE MATERIALIZED VIEW"
        case "alter_table_stmt":
            detaches = any(_detaches_concurrently(command.alter_table_cmd) for command in node.cmds)
            return "ALTER " + _object(node, "objtype") + (" DETACH PARTITION CONCURRENTLY" if detaches else "")
        case "rename_stmt":
            return "ALTER " + _object(node, "relation_type" if _is_part(node) else "rename_type")
        case "alter_owner_stmt" | "alter_object_schema_stmt" | "alter_object_depends_stmt":
            return "ALTER " + _object(node, "object_type")
    return None


def _label_by_fields(name: str, node: Any) -> str | None:
    """Return the command if it is one of several that have the same node."""
    match name:
        case "transaction_stmt":
            label = enum_name(node, "kind").removeprefix("TRANS_STMT_").replace("_", " ")
            return _TRANSACTIONS.get(label, label)
        case "vacuum_stmt" if not node.is_vacuumcmd:
            return "ANALYZE"
        case "grant_stmt" | "grant_role_stmt" if not node.is_grant:
            return "REVOKE"
        case "create_function_stmt" if node.is_procedure:
            return "CREATE PROCEDURE"
        case "variable_set_stmt" if enum_name(node, "kind").startswith("VAR_RESET"):
            return "RESET"
        case "discard_stmt":
            return enum_name(node, "target").replace("_", " ")
        case "fetch_stmt" if node.ismove:
            return "MOVE"
    return None


def rule_of(named: Named) -> TransactionRule:
    """Return whether the statement is allowed in a transaction block, opens one or ends one."""
    name, node = named
    if name == "transaction_stmt":
        return _transaction_rule(node)
    return TransactionRule.REFUSED if _refused(name, node) else TransactionRule.ALLOWED


def _transaction_rule(node: Any) -> TransactionRule:
    kind = enum_name(node, "kind")
    if kind in _BEGIN:
        return TransactionRule.BEGIN
    if kind == "TRANS_STMT_COMMIT":
        return TransactionRule.CHAIN if node.chain else TransactionRule.COMMIT
    return TransactionRule.ALLOWED if kind in _INSIDE else TransactionRule.REFUSED


def unsupported(named: Named) -> tuple[str, str] | None:
    """Return why a statement is not allowed in a migration, and what to do instead; None if it is allowed."""
    name, node = named
    if name == "copy_stmt" and not node.is_from and not node.filename:
        return "COPY ... TO STDOUT is not allowed in a migration: nothing receives its rows", Advice(
            "use ", command("query"), ", or COPY to a table."
        )
    if name == "discard_stmt" and enum_name(node, "target") == "DISCARD_ALL":
        return "DISCARD ALL would release the lock that keeps other runners out", "use RESET ALL."
    if name != "transaction_stmt":
        return None
    kind = enum_name(node, "kind")
    if kind == "TRANS_STMT_ROLLBACK":
        return (
            "ROLLBACK would undo the migration and its record",
            "remove it; a failing statement rolls everything back by itself (ROLLBACK TO a savepoint is fine).",
        )
    if "PREPARE" in kind:
        return "a prepared transaction would leave the migration's work outside its record", "remove it."
    return None


def lacks_data(named: Named) -> tuple[str, str] | None:
    """Return the fault of a `COPY ... FROM stdin` without data, and what to do; else None."""
    name, node = named
    if name == "copy_stmt" and node.is_from and not node.filename:
        return "COPY ... FROM stdin without data", "end it with a semicolon and put the data below, up to a line \\."
    return None


def _refused(name: str, node: Any) -> bool:  # noqa: C901 - a table of statements, each with its own question
    """Return whether PostgreSQL refuses this statement in a transaction block, as far as its text tells."""
    match name:
        case "index_stmt" | "drop_stmt":
            return bool(node.concurrent)
        case "reindex_stmt":
            whole = {"REINDEX_OBJECT_SCHEMA", "REINDEX_OBJECT_DATABASE", "REINDEX_OBJECT_SYSTEM"}
            return enum_name(node, "kind") in whole or option_on(node.params, "concurrently")
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
            return enum_name(node, "target") == "DISCARD_ALL"
        case "create_subscription_stmt":
            return not (_option_off(node.options, "connect") or _option_off(node.options, "create_slot"))
        case "alter_subscription_stmt":
            return _subscription_refreshes(node)
        case _:
            return False


def _detaches_concurrently(command: Any) -> bool:
    detaches = enum_name(command, "subtype") == "AT_DetachPartition"
    return detaches and bool(getattr(command, "def").partition_cmd.concurrent)


def _subscription_refreshes(node: Any) -> bool:
    kind = enum_name(node, "kind")
    if kind.startswith("ALTER_SUBSCRIPTION_REFRESH"):
        return True
    if kind.endswith("_PUBLICATION"):
        return not _option_off(node.options, "refresh")
    return kind == "ALTER_SUBSCRIPTION_OPTIONS" and any(o.def_elem.defname == "failover" for o in node.options)


def enum_value(named: Named) -> EnumValue | None:
    """Return the value that `ALTER TYPE ... ADD VALUE` adds; None for any other statement."""
    name, node = named
    if name != "alter_enum_stmt" or node.old_val or not node.new_val:
        return None
    return EnumValue(_qualified(node.type_name), node.new_val)


def created_schema(named: Named) -> str | None:
    """Return the schema that a statement creates; with AUTHORIZATION alone it has the role's name."""
    name, node = named
    if name != "create_schema_stmt":
        return None
    return str(node.schemaname or node.authrole.rolename) or None


def changes_session(named: Named) -> bool:
    """Return whether the statement sets something for the rest of the session.

    A resumed run must set it again.
    """
    name, node = named
    if name == "select_stmt":
        targets = node.target_list
        return len(targets) > 0 and all(_sets_config(target.res_target.val.func_call) for target in targets)
    if name != "variable_set_stmt":
        return False
    of_transaction = enum_name(node, "kind") == "VAR_SET_MULTI" and node.name != "SESSION CHARACTERISTICS"
    return not node.is_local and not of_transaction


def _sets_config(call: Any) -> bool:
    """Return whether a call is `set_config(..., ..., false)`, as pg_dump writes it."""
    if not call.funcname or call.funcname[-1].string.sval != "set_config" or len(call.args) != 3:
        return False
    is_local = call.args[2].a_const
    return is_local.HasField("boolval") and not is_local.boolval.boolval


def begin_options(named: Named) -> bool:
    """Return whether a BEGIN asks for its own isolation level or access mode."""
    name, node = named
    return name == "transaction_stmt" and len(node.options) > 0


def _qualified(names: Any) -> str:
    return ".".join(name.string.sval for name in names)


def _object(node: Any, field: str) -> str:
    """Return the kind of object that an enum field names, as SQL writes it: `MATERIALIZED VIEW`."""
    name = enum_name(node, field).removeprefix("OBJECT_")
    return _OBJECTS.get(name, name.replace("_", " "))


def _is_part(node: Any) -> bool:
    """Return whether a RENAME is of a column or constraint of another object."""
    return enum_name(node, "rename_type") in {"OBJECT_COLUMN", "OBJECT_TABCONSTRAINT", "OBJECT_ATTRIBUTE"}


def enum_name(node: Any, field: str) -> str:
    """Return the name of a protobuf enum field's value."""
    return _names(node.DESCRIPTOR, field)[getattr(node, field)]


@functools.cache
def _names(descriptor: Any, field: str) -> dict[int, str]:
    """Return the names of the values of an enum field of such nodes, by their numbers."""
    return {value.number: value.name for value in descriptor.fields_by_name[field].enum_type.values}


def option_on(options: Any, name: str) -> bool:
    """Return whether an option is given and is not false."""
    return any(option.def_elem.defname == name and not _is_false(option.def_elem) for option in options)


def _option_off(options: Any, name: str) -> bool:
    return any(option.def_elem.defname == name and _is_false(option.def_elem) for option in options)


def _is_false(element: Any) -> bool:
    """Return whether an option's value is false (`off`, `0`), as PostgreSQL's `defGetBoolean` decides."""
    argument = element.arg
    if argument.HasField("integer"):
        return not argument.integer.ival
    if argument.HasField("boolean"):
        return not argument.boolean.boolval
    # The grammar reads a bare `off` as the name of a type.
    written = _qualified(argument.type_name.names) if argument.HasField("type_name") else argument.string.sval
    return str(written).lower() in {"false", "off"}
