"""Find the literals of a statement that are secrets, in the tree that PostgreSQL's parser makes of it.

A tree shows what the tokens beside a literal do not: which column of a list a value belongs to, which argument of a
function it is, and what an expression consists of. A place is where a literal begins, in bytes of the text.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeAlias

from fsapi_nb.text.secrets import ends_in_secret_name, is_prose, is_secret_name

#: The columns of tables, by the tables' names.
Tables: TypeAlias = Mapping[str, Sequence[str]]
_NO_TABLES: Tables = MappingProxyType({})
#: Functions with the numbers of their arguments that are secrets, counted from 0.
_KEYED = {
    "crypt": (0,),
    "hmac": (1,),
    "encrypt": (1,),
    "decrypt": (1,),
    "encrypt_iv": (1,),
    "decrypt_iv": (1,),
    "pgp_sym_encrypt": (1,),
    "pgp_sym_encrypt_bytea": (1,),
    "pgp_sym_decrypt": (1,),
    "pgp_sym_decrypt_bytea": (1,),
    "pgp_pub_decrypt": (2,),
    "pgp_pub_decrypt_bytea": (2,),
}
#: Names of functions that take a secret.
KEYED_FUNCTIONS = frozenset(_KEYED)
# Functions that return a form of only their first so many arguments; the others say how.
_PARTS = {
    **dict.fromkeys(("digest", "encode", "decode", "convert_to", "convert_from", "lpad", "rpad", "left", "right"), 1),
    **dict.fromkeys(("substr", "substring", "btrim", "ltrim", "rtrim", "translate", "split_part", "to_hex"), 1),
    **dict.fromkeys(("gen_salt", "current_setting", "nextval", "pg_read_file", "to_char", "date_trunc"), 0),
}
_LEAVES = frozenset({"a_const", "column_ref", "string", "type_name", "range_var"})
_PAIRS = frozenset({"json_build_object", "jsonb_build_object", "hstore", "json_object", "jsonb_object", "set_config"})
_LONGEST_NAME = 200  # characters of a text that may end in the name of a secret
_NULLIF = 6  # AEXPR_NULLIF
_TAKEN_FROM = frozenset({"->", "->>", "#>", "#>>"})
_COMPARED = frozenset({"=", "<>"})
# A text that is cast to one of these types is not a secret.
_PLAIN_TYPES = frozenset(
    ["bool", "date", "time", "timetz", "timestamp", "timestamptz", "interval", "regclass", "regproc", "regtype", "oid"]
)
_KEY_COLUMN = re.compile(r"(?:.*_)?(?:key|name|setting|option|param|parameter|code|k|attr|attribute)", re.IGNORECASE)
_VALUE_COLUMN = re.compile(r"(?:.*_)?(?:value|val|v|content|data|setting_text)", re.IGNORECASE)


def columns_created(tree: Any) -> tuple[str, Sequence[str]]:
    """Return the name and the columns of the table that a statement creates; else both are empty."""
    created = tree.create_stmt
    columns = [node.column_def.colname for node in created.table_elts if node.WhichOneof("node") == "column_def"]
    return str(created.relation.relname), columns


def secret_places(tree: Any, owner: str = "", tables: Tables = _NO_TABLES) -> set[int]:
    """Return where the literals and parameters of a statement begin that are secrets.

    Args:
        tree: A `Node` of the parser.
        owner: The variable of PL/pgSQL to which the single value of a SELECT is assigned, if it is.
        tables: The columns of tables, for an INSERT that names none.
    """
    places: set[int] = set()
    for message in _messages(tree):
        rule = _RULES.get(message.DESCRIPTOR.name)
        if rule is not None:
            places.update(rule(message))
        if rule is _insert and not message.cols and message.relation.relname in tables:
            places.update(_columns_of(tables[message.relation.relname], message.select_stmt.select_stmt))
    if is_secret_name(owner):
        places.update(_in_query(tree.select_stmt))
    return places


def _messages(message: Any) -> Iterator[Any]:
    """Yield the messages of a tree, except `Node`s: each of these only holds one other message."""
    waiting = [message]
    while waiting:
        message = waiting.pop()
        kind = message.WhichOneof("node") if message.DESCRIPTOR.name == "Node" else None
        message = getattr(message, kind) if kind else message
        yield message
        for field, value in () if kind in _LEAVES else message.ListFields():
            if field.message_type is not None:
                waiting += value if field.is_repeated else [value]


# -- statements ------------------------------------------------------------------------------------------------


def _insert(statement: Any) -> Iterator[int]:
    columns = [node.res_target.name for node in statement.cols]
    yield from _columns_of(columns, statement.select_stmt.select_stmt)


def _columns_of(columns: Sequence[str], query: Any) -> Iterator[int]:
    """Yield the secrets among the values that a query returns for columns with these names, in this order."""
    for side in (query.larg, query.rarg) if query.HasField("larg") else ():
        yield from _columns_of(columns, side)
    for row in query.values_lists:
        yield from _row(columns, row.list.items)
    yield from _row(columns, [target.res_target.val for target in query.target_list])


def secret_columns(columns: Sequence[str], values: Sequence[str]) -> Iterator[int]:
    """Yield the numbers of a row's columns that hold a secret, by their names or by a name in the row.

    A row of settings (`key`, `value`) has the name of the secret as a value.

    Args:
        columns: The names of the columns.
        values: The values of the row, as text.
    """
    row = list(zip(columns, values, strict=False))
    keyed = any(_KEY_COLUMN.fullmatch(column) and is_secret_name(value) for column, value in row)
    for number, (column, value) in enumerate(row):
        if is_secret_name(column) or (keyed and _VALUE_COLUMN.fullmatch(column) and not is_prose(value)):
            yield number


def _row(columns: Sequence[str], values: Sequence[Any]) -> Iterator[int]:
    if columns:
        for number in secret_columns(columns, [_text(value) for value in values]):
            yield from _within(values[number])


def _update(statement: Any) -> Iterator[int]:
    """Yield those of `SET value = '...' WHERE key = 'smtp_password'`.

    `_target` finds those of `SET password = ...`.
    """
    if any(_names_secret(message) for message in _messages(statement.where_clause)):
        for target in statement.target_list:
            if _VALUE_COLUMN.fullmatch(target.res_target.name):
                yield from _within(target.res_target.val)


def _names_secret(message: Any) -> bool:
    """Return whether a condition compares a column with the name of a secret."""
    if message.DESCRIPTOR.name != "A_Expr" or _operator(message) != "=":
        return False
    column, value = message.lexpr, message.rexpr
    if _text(column):
        column, value = value, column
    return bool(_KEY_COLUMN.fullmatch(_column(column))) and is_secret_name(_text(value))


def _target(target: Any) -> Iterable[int]:
    """Return those of `SET password = ...`, and of `... AS password`."""
    return _within(target.val) if is_secret_name(target.name) else ()


def _merge_when(clause: Any) -> Iterator[int]:
    return _row([target.res_target.name for target in clause.target_list], clause.values)


def _table_alias(item: Any) -> Iterator[int]:
    columns = [name.string.sval for name in item.alias.colnames]
    return _columns_of(columns, item.subquery.select_stmt)


def _common_table(item: Any) -> Iterator[int]:
    return _columns_of([name.string.sval for name in item.aliascolnames], item.ctequery.select_stmt)


def _table_as(statement: Any) -> Iterator[int]:
    return _columns_of([name.string.sval for name in statement.into.col_names], statement.query.select_stmt)


def _view(statement: Any) -> Iterator[int]:
    return _columns_of([name.string.sval for name in statement.aliases], statement.query.select_stmt)


def _column_def(column: Any) -> Iterator[int]:
    if is_secret_name(column.colname):
        for constraint in column.constraints:
            yield from _within(constraint.constraint.raw_expr)


def _alter_column(command: Any) -> Iterable[int]:
    # `def` holds a default's expression; the other nodes that it may hold have no secrets for `_within`.
    return _within(getattr(command, "def")) if is_secret_name(command.name) else ()


def _parameter(parameter: Any) -> Iterable[int]:
    return _within(parameter.defexpr) if is_secret_name(parameter.name) else ()


def _set(statement: Any) -> Iterator[int]:
    if is_secret_name(statement.name):
        for value in statement.args:
            yield from _within(value)


# -- expressions -----------------------------------------------------------------------------------------------


def _call(call: Any) -> Iterator[int]:
    name, arguments = _function(call), call.args
    for number in _KEYED.get(name, ()):
        yield from _within(arguments[number]) if number < len(arguments) else ()
    if name in _PAIRS:
        for key, value in zip(arguments[::2], arguments[1::2], strict=False):
            if is_secret_name(_text(key)):
                yield from _within(value)
    elif name == "concat":
        yield from _behind_names(arguments)


def _named_argument(argument: Any) -> Iterable[int]:
    return _within(argument.arg) if is_secret_name(argument.name) else ()


def _expression(expression: Any) -> Iterator[int]:
    """Yield those of comparisons with a secret column, and of joined texts (`'password=' || ...`)."""
    operator = _operator(expression)
    if operator == "||":
        yield from _behind_names(list(_joined(expression)))
    elif operator in _COMPARED:
        for one, other in ((expression.lexpr, expression.rexpr), (expression.rexpr, expression.lexpr)):
            if is_secret_name(_column(one)):
                yield from _within(other)


def _first_of(expression: Any) -> Iterator[int]:
    """Yield those of `coalesce(password, '...')`."""
    if any(is_secret_name(_column(part)) for part in expression.args):
        for part in expression.args:
            yield from _within(part)


def _joined(expression: Any) -> Iterator[Any]:
    for side in (expression.lexpr, expression.rexpr):
        if _operator(side.a_expr) == "||":
            yield from _joined(side.a_expr)
        else:
            yield side


def _behind_names(parts: Sequence[Any]) -> Iterator[int]:
    """Yield the secrets among joined texts: each one after a text that ends in a secret's name."""
    for before, after in itertools.pairwise(parts):
        if ends_in_secret_name(_text(before)[-_LONGEST_NAME:]):
            yield from _within(after)


def _within(node: Any) -> Iterator[int]:
    """Yield where the literals begin that an expression consists of whose value is a secret."""
    kind = node.WhichOneof("node")
    inner: Any = getattr(node, kind) if kind else None
    if kind == "a_const":
        if inner.WhichOneof("val") in {"sval", "bsval"}:
            yield inner.location
    elif kind == "param_ref":
        yield inner.location
    elif kind == "select_stmt":
        yield from _in_query(inner)
    elif kind == "sub_link":
        yield from _in_query(inner.subselect.select_stmt)
    else:
        for part in _parts(kind, inner):
            yield from _within(part)


def _in_query(query: Any) -> Iterator[int]:
    for target in query.target_list:
        yield from _within(target.res_target.val)
    for row in query.values_lists:
        for value in row.list.items:
            yield from _within(value)


def _parts(kind: str | None, inner: Any) -> Iterable[Any]:
    """Return the parts of an expression's value, without those that only decide which it is."""
    if kind in {"type_cast", "collate_clause", "named_arg_expr", "a_indirection"}:
        plain = kind == "type_cast" and inner.type_name.names[-1].string.sval in _PLAIN_TYPES
        return () if plain else (inner.arg,)
    if kind == "func_call":
        return _carried(inner)
    if kind == "a_expr":
        return _operands(inner)
    if kind == "case_expr":
        return (*(when.case_when.result for when in inner.args), inner.defresult)
    if kind == "multi_assign_ref":
        return _assigned(inner)
    parts: Iterable[Any] = getattr(inner, _MADE_OF[kind]) if kind in _MADE_OF else ()
    return parts


_MADE_OF = {
    "coalesce_expr": "args",
    "min_max_expr": "args",
    "row_expr": "args",
    "a_array_expr": "elements",
    "list": "items",
}


def _assigned(part: Any) -> Iterable[Any]:
    """Return the part of a row that is assigned to one of the columns of `SET (a, b) = ...`."""
    query = part.source.sub_link.subselect.select_stmt
    row = [*part.source.row_expr.args, *(target.res_target.val for target in query.target_list)]
    return row[part.colno - 1 : part.colno] or (part.source,)


def _carried(call: Any) -> Sequence[Any]:
    """Return the arguments of a function that are parts of what it returns."""
    name = _function(call)
    if name in _PAIRS:
        return ()
    arguments: Sequence[Any] = call.args[: _PARTS.get(name, len(call.args))]
    return arguments


def _operands(expression: Any) -> Iterable[Any]:
    operator = _operator(expression)
    if operator == "||" or expression.kind == _NULLIF:
        return (expression.lexpr, expression.rexpr)
    return (expression.lexpr,) if operator in _TAKEN_FROM else ()


def _text(node: Any) -> str:
    """Return the text of a literal, cast or not; an empty text for any other node."""
    while node.WhichOneof("node") == "type_cast":
        node = node.type_cast.arg
    return str(node.a_const.sval.sval)


def _column(node: Any) -> str:
    fields = node.column_ref.fields
    return str(fields[-1].string.sval) if fields else ""


def _operator(expression: Any) -> str:
    return str(expression.name[-1].string.sval) if expression.name else ""


def _function(call: Any) -> str:
    return str(call.funcname[-1].string.sval).lower() if call.funcname else ""


_RULES = {
    "A_Expr": _expression,
    "AlterTableCmd": _alter_column,
    "CoalesceExpr": _first_of,
    "ColumnDef": _column_def,
    "CommonTableExpr": _common_table,
    "CreateTableAsStmt": _table_as,
    "FuncCall": _call,
    "FunctionParameter": _parameter,
    "InsertStmt": _insert,
    "MergeWhenClause": _merge_when,
    "NamedArgExpr": _named_argument,
    "RangeSubselect": _table_alias,
    "ResTarget": _target,
    "UpdateStmt": _update,
    "VariableSetStmt": _set,
    "ViewStmt": _view,
}
