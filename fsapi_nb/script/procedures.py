"""Find blocks and procedures that end a transaction themselves.

PostgreSQL refuses them in a transaction block (2D000). Bodies in PL/pgSQL are parsed by PostgreSQL's own parser of that
language; bodies in other languages are searched for the words with which they commit.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator
from typing import Any

from fsapi_nb.model.migration import Procedure
from fsapi_nb.script.classify import Named, node_of
from fsapi_nb.script.parser import parse_one, parse_plpgsql, scan
from fsapi_nb.script.tokens import SqlSyntaxError

_MAY_END = re.compile(r"commit|rollback|\bcall\b", re.IGNORECASE)
_ENDS = {"PLpgSQL_stmt_commit", "PLpgSQL_stmt_rollback"}
_CALL = "PLpgSQL_stmt_call"
# The words of PL/Python, PL/Perl, PL/v8 and PL/Tcl.
_WORDS = re.compile(r"\b(?:plpy\.(?:commit|rollback)|spi_(?:commit|rollback)|plv8\.(?:commit|rollback))\b")
_TCL_WORDS = re.compile(r"\b(?:commit|rollback)\b")
_OPENERS = {";", "BEGIN", "THEN", "ELSE", "LOOP", ">>"}  # after these, PL/pgSQL has a statement


def procedure_of(named: Named, statement: str) -> Procedure | None:
    """Return what a DO, a CREATE PROCEDURE or a CALL does to a transaction; None for other statements."""
    name, node = named
    match name:
        case "call_stmt":
            return Procedure(None, ends=False, calls=frozenset({_last(node.funccall.funcname)}))
        case "do_stmt":
            return _read(None, node.args, statement)
        case "create_function_stmt" if node.is_procedure:
            return _read(_last(node.funcname), node.options, statement)
    return None


def procedure_of_definition(statement: str) -> Procedure | None:
    """Return the same for the text of `pg_get_functiondef`; None if the parser does not accept it."""
    try:
        return procedure_of(node_of(parse_one(statement.encode())), statement)
    except SqlSyntaxError:
        return None


def unread_body(statement: str) -> str | None:
    """Return the body of a CREATE FUNCTION that PostgreSQL does not read before a call; None if it does.

    PostgreSQL reads the body of a function in SQL when it is created. A DO block runs at once, so the result is None.

    Raises:
        SqlSyntaxError: The parser does not accept the statement.
    """
    name, node = node_of(parse_one(statement.encode()))
    if name != "create_function_stmt" or node.HasField("sql_body"):
        return None
    language, body = _language_and_body(node.options)
    return body if language not in {"sql", "c", "internal"} else None


def committing(procedures: Iterable[Procedure]) -> frozenset[str]:
    """Return the names of the procedures that end a transaction or call one that does, directly or not."""
    known = list(procedures)
    found = {each.name for each in known if each.name and each.ends}
    while more := {each.name for each in known if each.name and each.calls & found} - found:
        found |= more
    return frozenset(found)


def _read(name: str | None, options: Any, statement: str) -> Procedure:
    language, body = _language_and_body(options)
    if language == "plpgsql":
        return _read_plpgsql(name, body, statement)
    words = _TCL_WORDS if language.startswith("pltcl") else _WORDS
    return Procedure(name, ends=bool(words.search(body)))


def _language_and_body(options: Any) -> tuple[str, str]:
    language, body = "plpgsql", ""
    for option in options:
        element = option.def_elem
        if element.defname == "language":
            language = element.arg.string.sval.lower()
        elif element.defname == "as":
            body = element.arg.string.sval or "".join(item.string.sval for item in element.arg.list.items)
    return language, body


def _read_plpgsql(name: str | None, body: str, statement: str) -> Procedure:
    if not _MAY_END.search(body):
        return Procedure(name)
    try:
        nodes = list(_nodes(parse_plpgsql(statement.encode())))
    except (SqlSyntaxError, RecursionError):  # another version of the server may accept it
        return Procedure(name, ends=_scan(body))
    calls = {called for key, node in nodes if key == _CALL and (called := _called(node))}
    return Procedure(name, ends=any(key in _ENDS for key, _ in nodes), calls=frozenset(calls))


def _nodes(tree: Any) -> Iterator[tuple[str, Any]]:
    """Yield every named node of the parser's JSON."""
    for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree):
        if isinstance(value, dict | list):
            if isinstance(key, str):
                yield key, value
            yield from _nodes(value)


def _called(node: Any) -> str | None:
    query = node.get("expr", {}).get("PLpgSQL_expr", {}).get("query", "")
    called = procedure_of_definition(query)
    return next(iter(called.calls), None) if called else None


def _scan(body: str) -> bool:
    """Return whether a body has a COMMIT or ROLLBACK as a statement, by PostgreSQL's scanner."""
    text = body.encode()
    words = [text[token.start : token.end].decode().upper() for token in scan(text)[0]]
    return any(word in {"COMMIT", "ROLLBACK"} and before in _OPENERS for before, word in itertools.pairwise(words))


def _last(names: Any) -> str:
    return str(names[-1].string.sval)
