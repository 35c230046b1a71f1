"""Name the objects that a statement creates and drops. An undo of only some steps must know them.

An object is named by its kind and its name as written (`table users`, `column users.phone`). An object that may have
existed before (IF NOT EXISTS, OR REPLACE) is not certain to be created. Only CREATE, DROP and ALTER TABLE are read.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fsapi_nb.model.migration import Statement
from fsapi_nb.script.classify import Named, enum_name, node_of
from fsapi_nb.script.parser import parse_one

_RELATIONS = {"OBJECT_TABLE": "table", "OBJECT_MATVIEW": "materialized view"}
_DROPPED = {
    "OBJECT_TABLE": "table",
    "OBJECT_VIEW": "view",
    "OBJECT_MATVIEW": "materialized view",
    "OBJECT_INDEX": "index",
    "OBJECT_SEQUENCE": "sequence",
    "OBJECT_TYPE": "type",
    "OBJECT_DOMAIN": "type",
    "OBJECT_SCHEMA": "schema",
    "OBJECT_EXTENSION": "extension",
    "OBJECT_FUNCTION": "function",
    "OBJECT_PROCEDURE": "function",
    "OBJECT_ROUTINE": "function",
    "OBJECT_TRIGGER": "trigger",
    "OBJECT_POLICY": "policy",
    "OBJECT_RULE": "rule",
    "OBJECT_PUBLICATION": "publication",
    "OBJECT_FOREIGN_SERVER": "server",
    "OBJECT_FDW": "foreign data wrapper",
    "OBJECT_EVENT_TRIGGER": "event trigger",
    "OBJECT_LANGUAGE": "language",
}
#: Kinds of objects that are in no schema, by the node that creates one: the kind, and the field with the name.
_OF_THE_DATABASE = {
    "create_publication_stmt": ("publication", "pubname"),
    "create_foreign_server_stmt": ("server", "servername"),
    "create_fdw_stmt": ("foreign data wrapper", "fdwname"),
    "create_event_trig_stmt": ("event trigger", "trigname"),
    "create_plang_stmt": ("language", "plname"),
}


def creates(statement: Statement) -> tuple[str, ...]:
    """Return the objects that the statement certainly has created once it has run. Parses it."""
    return created_by(node_of(parse_one(statement.text.encode())))


def created_by(named: Named) -> tuple[str, ...]:
    """Return the objects that a parsed statement certainly has created once it has run."""
    name, node = named
    if getattr(node, "if_not_exists", False) or getattr(node, "replace", False):
        return ()
    return tuple(_created(name, node))


def found_or_created_by(named: Named) -> tuple[str, ...]:
    """Return the objects that a parsed statement creates only if they are not there: IF NOT EXISTS."""
    name, node = named
    return tuple(_created(name, node)) if getattr(node, "if_not_exists", False) else ()


def drops(statement: Statement) -> tuple[str, ...]:
    """Return the objects that the statement drops; none if it is not a DROP, or does other things, too."""
    return dropped_by(node_of(parse_one(statement.text.encode())))


def tables_made(statement: Statement) -> tuple[str, ...]:
    """Return the tables that the statement creates, IF NOT EXISTS included; temporary ones do not count."""
    name, node = node_of(parse_one(statement.text.encode()))
    if name not in {"create_stmt", "create_table_as_stmt"}:
        return ()
    made = node.relation if name == "create_stmt" else node.into.rel
    return () if made.relpersistence == "t" else (_relation(made).removeprefix("public."),)


def tables_dropped(statement: Statement) -> tuple[str, ...]:
    """Return the tables that the statement drops or renames."""
    name, node = node_of(parse_one(statement.text.encode()))
    if name == "rename_stmt" and enum_name(node, "rename_type") == "OBJECT_TABLE":
        return (_relation(node.relation).removeprefix("public."),)
    dropped = (each.partition(" ") for each in dropped_by((name, node)))
    return tuple(object_.removeprefix("public.") for kind, _, object_ in dropped if kind == "table")


def search_paths(statement: Statement) -> tuple[list[str], ...]:
    """Return the search_path that the statement gives to a database or a role; empty if it gives none."""
    name, node = node_of(parse_one(statement.text.encode()))
    if name not in {"alter_database_set_stmt", "alter_role_set_stmt"} or node.setstmt.name != "search_path":
        return ()
    return ([argument.a_const.sval.sval for argument in node.setstmt.args],)


def first_schema(named: Named, before: str | None) -> str | None:
    """Return the schema in which unqualified names are created after a parsed statement, if a SET says it.

    Args:
        named: A statement of the script, parsed.
        before: The answer for the statement before it; None if no SET has said it.
    """
    name, node = named
    if name != "variable_set_stmt" or node.name != "search_path":
        return before
    first = node.args[0].a_const.sval.sval if node.args else ""
    return first if first and not first.startswith("$") else None


def made_and_removed(statement: Statement) -> Iterator[tuple[bool, str]]:
    """Yield each object that the statement may create (True) or drop (False), in the order of its text.

    Unlike `creates`, it counts objects that IF NOT EXISTS may have found, and every part of an ALTER TABLE. Temporary
    tables are left out. Parses the statement.
    """
    name, node = node_of(parse_one(statement.text.encode()))
    if name == "alter_table_stmt":
        yield from _altered(node)
    elif name == "drop_stmt":
        yield from ((False, dropped) for dropped in dropped_by((name, node)))
    elif not _is_temporary(name, node):
        yield from ((True, created) for created in _created(name, node))


def _is_temporary(name: str, node: Any) -> bool:
    """Return whether the object that the statement creates ends with the session."""
    match name:
        case "create_stmt":
            relation = node.relation
        case "create_table_as_stmt":
            relation = node.into.rel
        case "view_stmt":
            relation = node.view
        case "create_seq_stmt":
            relation = node.sequence
        case _:
            return False
    return bool(relation.relpersistence == "t" or relation.schemaname == "pg_temp")


def _altered(node: Any) -> Iterator[tuple[bool, str]]:
    """Yield the columns that an ALTER TABLE adds and drops."""
    table = _relation(node.relation)
    for each in node.cmds:
        command = each.alter_table_cmd
        match enum_name(command, "subtype"):
            case "AT_AddColumn":
                yield True, f"column {table}.{getattr(command, 'def').column_def.colname}"
            case "AT_DropColumn":
                yield False, f"column {table}.{command.name}"


def _created(name: str, node: Any) -> Iterator[str]:  # noqa: C901, PLR0912 - a table of statements, a line or two each
    match name:
        case "create_stmt":
            yield f"table {_relation(node.relation)}"
        case "create_table_as_stmt":
            yield f"{_RELATIONS.get(enum_name(node, 'objtype'), 'table')} {_relation(node.into.rel)}"
        case "view_stmt":
            yield f"view {_relation(node.view)}"
        case "index_stmt" if node.idxname:
            schema = f"{node.relation.schemaname}." if node.relation.schemaname else ""
            yield f"index {schema}{node.idxname}"
        case "create_seq_stmt":
            yield f"sequence {_relation(node.sequence)}"
        case "create_enum_stmt" | "create_range_stmt":
            yield f"type {_names(node.type_name)}"
        case "composite_type_stmt":
            yield f"type {_relation(node.typevar)}"
        case "create_domain_stmt":
            yield f"type {_names(node.domainname)}"
        case "create_schema_stmt" if node.schemaname and not node.schema_elts:
            yield f"schema {node.schemaname}"
        case "create_extension_stmt":
            yield f"extension {node.extname}"
        case "create_function_stmt":
            yield f"function {_names(node.funcname)}"
        case "create_trig_stmt":
            yield f"trigger {_relation(node.relation)}.{node.trigname}"
        case "create_policy_stmt":
            yield f"policy {_relation(node.table)}.{node.policy_name}"
        case "alter_table_stmt":
            yield from _added(node)
        case _ if name in _OF_THE_DATABASE:
            kind, field = _OF_THE_DATABASE[name]
            yield f"{kind} {getattr(node, field)}"


def _added(node: Any) -> Iterator[str]:
    """Yield the columns and constraints that an ALTER TABLE adds; none if it does other things, too."""
    found: list[str] = []
    table = _relation(node.relation)
    for each in node.cmds:
        command = each.alter_table_cmd
        kind = enum_name(command, "subtype")
        definition = getattr(command, "def")
        if kind == "AT_AddColumn" and not command.missing_ok:
            found.append(f"column {table}.{definition.column_def.colname}")
        elif kind == "AT_AddConstraint" and definition.constraint.conname:
            found.append(f"constraint {table}.{definition.constraint.conname}")
        else:
            return
    yield from found


def dropped_by(named: Named) -> tuple[str, ...]:
    """Return the objects that a statement drops, as `drops` does, of a node of its parse tree."""
    name, node = named
    if name == "alter_table_stmt":
        return _removed(node)
    kind = _DROPPED.get(enum_name(node, "remove_type")) if name == "drop_stmt" else None
    return tuple(f"{kind} {_object(each)}" for each in node.objects) if kind else ()


def _removed(node: Any) -> tuple[str, ...]:
    kinds = {"AT_DropColumn": "column", "AT_DropConstraint": "constraint"}
    table = _relation(node.relation)
    found = []
    for each in node.cmds:
        kind = kinds.get(enum_name(each.alter_table_cmd, "subtype"))
        if kind is None:
            return ()
        found.append(f"{kind} {table}.{each.alter_table_cmd.name}")
    return tuple(found)


def _object(node: Any) -> str:
    """Return the name in a DROP: of a string, a list of strings, a type, or a function with its arguments."""
    match node.WhichOneof("node"):
        case "string":
            return str(node.string.sval)
        case "list":
            return _names(node.list.items)
        case "type_name":
            return _names(node.type_name.names)
        case _:
            return _names(node.object_with_args.objname)


def _relation(relation: Any) -> str:
    return ".".join(part for part in (relation.schemaname, relation.relname) if part)


def _names(names: Any) -> str:
    return ".".join(name.string.sval for name in names)
