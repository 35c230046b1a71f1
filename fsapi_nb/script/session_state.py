"""Find out what a statement leaves in its session, and whether another statement needs it.

A step that runs later, in another session, finds none of it: temporary tables, prepared statements, cursors, settings.
The bodies of DO blocks are searched for words; nothing is known of the functions and procedures that are called.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from fsapi_nb.model.migration import Statement
from fsapi_nb.script.classify import enum_name, node_of
from fsapi_nb.script.parser import parse_one, scan
from fsapi_nb.script.plain_definitions import is_quiet

_HINTS = re.compile(r"\b(?:pg_)?temp|prepare|\bhold\b|advisory|\bset\b|set_config|\breset\b", re.IGNORECASE)
_NEW_SESSIONS = re.compile(
    r"\balter\s+(?:database|role|user)\b.*\b(?:re)?set\b|\bevent\s+trigger\b", re.IGNORECASE | re.DOTALL
)
_LEAVE_NOTHING = frozenset(
    {
        "INSERT",
        "UPDATE",
        "DELETE",
        "MERGE",
        "COPY",
        "COMMENT",
        "GRANT",
        "REVOKE",
        "ALTER TABLE",
        "CREATE INDEX",
        "DROP TABLE",
    }
)
#: The name of advisory locks among the settings.
LOCKS = "advisory locks"
#: Statements that run no query and no code that could read a custom setting (`app.user`), besides plain definitions.
_READ_NO_SETTING = frozenset(
    {"ANALYZE", "BEGIN", "CLUSTER", "COMMIT", "LISTEN", "LOCK", "NOTIFY", "REINDEX", "ROLLBACK", "UNLISTEN", "VACUUM"}
)
_HOLD = 0x20  # CURSOR_OPT_HOLD
_RELATIONS = {"r": "temporary table", "v": "temporary view", "S": "temporary sequence"}
_LOCKS = {
    f"pg_{word}advisory_{verb}{shared}"
    for word in ("", "try_")
    for verb in ("lock", "unlock")
    for shared in ("", "_shared")
} | {"pg_advisory_unlock_all"}
_DRAWS = re.compile(r"\b(?:currval|lastval)\b", re.IGNORECASE)
_MAY_DRAW = {"INSERT", "COPY", "DO", "CALL", "MERGE", "CREATE TABLE AS", "EXECUTE"}
_MAKES_TEMPORARY = re.compile(
    r"\btemp(?:orary)?\s+(?P<kind>table|view|sequence)\s+(?:if\s+not\s+exists\s+)?(?:pg_temp\.)?"
    r'(?P<name>\w+|"(?:[^"]|"")+")(?P<rest>[^;]*)',
    re.IGNORECASE,
)
_LOCAL = re.compile(
    r"\bset\s+local\s+(?P<name>[\w.]+)|\bset_config\s*\(\s*'(?P<given>[\w.]+)'|(?P<lock>advisory_xact)", re.IGNORECASE
)
#: The names of settings for which SET has another word.
_OTHER_WORDS = {
    "time": "timezone",
    "schema": "search_path",
    "names": "client_encoding",
    "session": "session_authorization",
}
_DROPS_AT_COMMIT = re.compile(r"\bon\s+commit\s+drop\b", re.IGNORECASE)
#: Settings that decide how long a statement may take or what is logged about it, not what it does; and those of a
#: transaction. This pattern is also sent to PostgreSQL, so it must be valid there, too.
HARMLESS = re.compile(
    r".*(?:_timeout|work_mem|_workers|_cost|messages|synchronous_commit|_concurrency|_interval|_warning|_fraction|_flush_after"
    r"|_collapse_limit|_multiplier)|(?:jit|geqo|enable|log|track|debug|trace|tcp|transaction|vacuum|parallel|max|effective|wal"
    r"|commit|temp_file|temp_buffers|stats|compute|recursive|auto_explain).*|application_name|plan_cache_mode"
    r"|constraint_exclusion|update_process_title"
)
# Settings that only decide how texts are read: a definition without a literal does not depend on them.
_READING = re.compile(
    r"timezone|datestyle|intervalstyle|lc_.*|standard_conforming_strings|bytea_output|extra_float_digits|xml.*"
)
_NAMED = re.compile(r"(?:'|\bset\s+(?:session\s+)?)([a-z_]\w*(?:\.[a-z_]\w*)+)", re.IGNORECASE | re.ASCII)
_OPENERS = {";", "BEGIN", "THEN", "ELSE", "LOOP", ">>"}


class SessionObject(NamedTuple):
    """An object that only one session has. `is_safe`: its statement can be repeated."""

    kind: str
    name: str
    is_safe: bool = False

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


def may_change_new_sessions(statement: Statement) -> bool:
    """Return whether the statement may change the database's or the role's settings for new sessions.

    Its words decide, also those in strings: a DO block has its statements there.
    """
    return statement.traits.kind not in _LEAVE_NOTHING and bool(_NEW_SESSIONS.search(statement.text))


def sets_transaction(statement: Statement) -> bool:
    """Return whether the statement sets something that only the end of its transaction resets.

    SET TRANSACTION and SET CONSTRAINTS do; a SET LOCAL can be reset before.
    """
    if statement.traits.kind != "SET" or statement.traits.changes_session:
        return statement.traits.kind == "SET CONSTRAINTS"
    _, node = node_of(parse_one(statement.text.encode()))
    return enum_name(node, "kind") == "VAR_SET_MULTI"


def named_settings(text: str) -> set[str]:
    """Return the names, in lower case, that may be custom settings in a text (`app.user`).

    PostgreSQL does not list those.
    """
    return {name.lower() for name in _NAMED.findall(text)}


def settings_of_transaction(text: str) -> frozenset[str]:
    """Return the settings, in lower case, that a text may make until its transaction ends.

    Advisory locks count as `LOCKS`.
    """
    found = (LOCKS if each["lock"] else (each["name"] or each["given"]).lower() for each in _LOCAL.finditer(text))
    return frozenset(_OTHER_WORDS.get(name, name) for name in found)


def dropped_at_commit(text: str) -> Iterator[str]:
    """Yield the names of the temporary tables that a text makes for one transaction."""
    return (_name_of(made) for made in _MAKES_TEMPORARY.finditer(text) if _DROPS_AT_COMMIT.search(made["rest"]))


def leaves(statement: Statement) -> tuple[SessionObject, ...]:
    """Return what the statement leaves in its session beyond its transaction."""
    if statement.traits.kind in _LEAVE_NOTHING or not _HINTS.search(statement.text):
        return ()
    name, node = node_of(parse_one(statement.text.encode()))
    if name == "variable_set_stmt" and not statement.traits.changes_session:
        return ()  # SET TRANSACTION, SET CONSTRAINTS
    return tuple(_left(name, node, only_sets=statement.traits.changes_session))


def _left(name: str, node: Any, *, only_sets: bool) -> Iterator[SessionObject]:  # noqa: C901 - a table of statements
    match name:
        case "create_stmt" if _is_temporary(node.relation) and enum_name(node, "oncommit") != "ONCOMMIT_DROP":
            yield SessionObject(_RELATIONS["r"], node.relation.relname, is_safe=True)
        case "create_table_as_stmt" if _is_temporary(node.into.rel):
            yield from _filled(node.into)
        case "select_stmt" if _is_temporary(node.into_clause.rel):
            yield from _filled(node.into_clause)
        case "select_stmt":
            yield from (SessionObject("setting", each, only_sets) for each in _configured(node))
        case "view_stmt" if _is_temporary(node.view):
            yield SessionObject(_RELATIONS["v"], node.view.relname, is_safe=True)
        case "create_seq_stmt" if _is_temporary(node.sequence):
            yield SessionObject(_RELATIONS["S"], node.sequence.relname, is_safe=True)
        case "create_function_stmt" if len(node.funcname) > 1 and node.funcname[0].string.sval == "pg_temp":
            yield SessionObject("temporary function", node.funcname[-1].string.sval, is_safe=True)
        case "composite_type_stmt" if _is_temporary(node.typevar):
            yield SessionObject("temporary type", node.typevar.relname, is_safe=True)
        case "prepare_stmt":
            yield SessionObject("prepared statement", node.name, is_safe=True)
        case "declare_cursor_stmt" if node.options & _HOLD:
            yield SessionObject("cursor", node.portalname)
        case "variable_set_stmt" if not node.is_local:
            yield SessionObject("setting", node.name.lower(), is_safe=True)
        case "do_stmt":
            yield from (SessionObject("setting", each) for each in _set_in(_body(node)) if not HARMLESS.fullmatch(each))
            yield from _made_in(_body(node))


def _is_temporary(relation: Any) -> bool:
    return bool(relation.relpersistence == "t" or relation.schemaname == "pg_temp")


def _filled(into: Any) -> Iterator[SessionObject]:
    if enum_name(into, "on_commit") != "ONCOMMIT_DROP":
        yield SessionObject(_RELATIONS["r"], into.rel.relname)


def _configured(node: Any) -> Iterator[str]:
    """Yield the settings that a query makes for the session."""
    for target in node.target_list:
        call = target.res_target.val.func_call
        if call.funcname and call.funcname[-1].string.sval == "set_config" and len(call.args) == 3:
            local = call.args[2].a_const.boolval.boolval
            if not local:
                yield call.args[0].a_const.sval.sval.lower()


def _body(node: Any) -> str:
    return next((arg.def_elem.arg.string.sval for arg in node.args if arg.def_elem.defname == "as"), "")


def _set_in(body: str) -> Iterator[str]:
    """Yield the settings that a body makes for the session: `SET name`, `set_config('name', ..., false)`."""
    text = body.encode()
    words = [text[token.start : token.end].decode() for token in scan(text)[0]]
    for index, word in enumerate(words):
        before = words[index - 1].upper() if index else ";"
        if word.upper() == "SET" and before in _OPENERS:
            rest = words[index + 1 :]
            rest = rest[1:] if rest[:1] and rest[0].upper() == "SESSION" else rest
            if rest and rest[0].upper() not in {"LOCAL", "CONSTRAINTS", "TRANSACTION"}:
                yield ".".join(_dotted(rest)).lower()
        elif word.lower() == "set_config" and words[index + 1 : index + 2] == ["("]:
            name = words[index + 2].strip("'")
            if "true" not in {each.lower() for each in words[index + 3 : index + 12]}:
                yield name.lower()


def _made_in(body: str) -> Iterator[SessionObject]:
    """Yield the temporary tables, views and sequences that a body makes for the session.

    Those in strings are included.
    """
    for made in _MAKES_TEMPORARY.finditer(body):
        if not _DROPS_AT_COMMIT.search(made["rest"]):
            yield SessionObject(f"temporary {made['kind'].lower()}", _name_of(made))


def _name_of(made: re.Match[str]) -> str:
    name = made["name"]
    return name[1:-1].replace('""', '"') if name.startswith('"') else name.lower()


def _dotted(words: list[str]) -> list[str]:
    names = words[:1]
    for index in range(1, len(words) - 1, 2):
        if words[index] != ".":
            break
        names.append(words[index + 1])
    return names


def needs(statement: Statement, left: SessionObject) -> bool:
    """Return whether the statement would do something else if its session did not have the object.

    Args:
        statement: A statement after the one that left the object.
        left: What an earlier statement left in the session, as `leaves` returns it.
    """
    if left.kind == "setting":
        # A statement does not show whether a search_path or a role changes what it does; nor whether a policy, a
        # trigger, a default or a function reads a custom setting. Definitions only name those, and read none.
        runs_nothing = is_quiet([statement]) or statement.traits.kind.partition(" ")[0] in _READ_NO_SETTING
        if _READING.fullmatch(left.name):
            unseen = not runs_nothing or "'" in statement.text or "$" in statement.text
        else:
            unseen = "." not in left.name or not runs_nothing
        return left.name in statement.text.lower() or (unseen and not statement.traits.changes_session)
    if not _word(left.name).search(statement.text):
        return False
    if statement.traits.kind == "DO":
        return True
    return any(_refers(name, node, left) for name, node in _nodes(parse_one(statement.text.encode())))


def _refers(name: str, node: Any, left: SessionObject) -> bool:
    match left.kind, name:
        case "prepared statement", "ExecuteStmt" | "DeallocateStmt":
            return bool(node.name == left.name)
        case "cursor", "FetchStmt" | "ClosePortalStmt":
            return bool(node.portalname == left.name)
        case "cursor", "CurrentOfExpr":
            return bool(node.cursor_name == left.name)
        case "temporary function", "FuncCall" | "CreateTrigStmt":
            names = [each.string.sval for each in node.funcname]
            return names[-1:] == [left.name] and names[:1] == ["pg_temp"]
        case "temporary type", "TypeName":
            return any(each.string.sval == left.name for each in node.names[-1:])
        case "temporary table" | "temporary view" | "temporary sequence", "RangeVar":
            return bool(node.relname == left.name and node.schemaname in {"", "pg_temp"})
        case "temporary table" | "temporary view" | "temporary sequence", "A_Const":
            return bool(node.sval.sval.removeprefix("pg_temp.") == left.name)
        case "temporary table" | "temporary view" | "temporary sequence", "DropStmt":
            return not node.missing_ok and _drops(node, left)
    return False


def _drops(node: Any, left: SessionObject) -> bool:
    return any(each.list.items and each.list.items[-1].string.sval == left.name for each in node.objects)


def ends(statement: Statement, left: SessionObject) -> bool:
    """Return whether the statement ends the object, so that the session no longer has it.

    Args:
        statement: A statement after the one that left the object.
        left: What an earlier statement left in the session, as `leaves` returns it.
    """
    match statement.traits.kind:
        case "DISCARD TEMP":
            return left.kind.startswith("temporary")
        case "DEALLOCATE":
            return left.kind == "prepared statement" and _names_it_or_all(statement, left)
        case "CLOSE":
            return left.kind == "cursor" and _names_it_or_all(statement, left)
        case kind if kind.startswith("DROP ") and left.kind.startswith("temporary"):
            nodes = _nodes(parse_one(statement.text.encode())) if _word(left.name).search(statement.text) else ()
            return any(name == "DropStmt" and _drops(node, left) for name, node in nodes)
    return False


def _names_it_or_all(statement: Statement, left: SessionObject) -> bool:
    return bool(_word(left.name).search(statement.text) or re.search(r"\ball\b", statement.text, re.IGNORECASE))


def only_sets(statement: Statement) -> bool:
    """Return whether the statement changes only its session, so that it can be repeated in another one.

    Such are SET, LISTEN and advisory locks.
    """
    if statement.traits.changes_session or statement.traits.kind in {"LISTEN", "UNLISTEN"}:
        return True
    if statement.traits.kind != "SELECT" or "advisory" not in statement.text.lower():
        return False
    _, node = node_of(parse_one(statement.text.encode()))
    calls = [target.res_target.val.func_call for target in node.target_list]
    return not node.from_clause and all(call.funcname and call.funcname[-1].string.sval in _LOCKS for call in calls)


def asks_what_was_drawn(statement: Statement) -> bool:
    """Return whether the statement asks for the number that its session has last drawn from a sequence."""
    if not _DRAWS.search(statement.text):
        return False
    nodes = _nodes(parse_one(statement.text.encode()))
    return statement.traits.kind == "DO" or any(
        name == "FuncCall" and node.funcname[-1].string.sval in {"currval", "lastval"} for name, node in nodes
    )


def may_draw(statement: Statement) -> bool:
    """Return whether the statement may draw a number from a sequence."""
    return statement.traits.kind in _MAY_DRAW or "nextval" in statement.text.lower()


def _word(name: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){re.escape(name)}(?!\w)", re.IGNORECASE)


def _nodes(message: Any) -> Iterator[tuple[str, Any]]:
    """Yield every message in a parse tree, with the name of its type."""
    yield message.DESCRIPTOR.name, message
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        for each in value if isinstance(value, list) or hasattr(value, "append") else (value,):
            yield from _nodes(each)
