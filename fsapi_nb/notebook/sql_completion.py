"""Complete the names in SQL after Tab: in `%query SQL` and in the cells of `%%query`, `%%migration` and `%%check`."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from IPython.core.completer import CompletionContext, SimpleCompletion

from fsapi_nb.catalog.backslash import is_backslash
from fsapi_nb.commands import parser_of
from fsapi_nb.notebook.line import QUERY_OF_MAGIC, leading_options, split
from fsapi_nb.notebook.sql_names import Offer, objects_at, offers_at, wanted_tables
from fsapi_nb.notebook.unfinished_sql import Cursor, read_cursor

if TYPE_CHECKING:
    from fsapi_nb.catalog.database_names import DatabaseNames
    from fsapi_nb.notebook.magics import MigrateMagics

_CELL = re.compile(r"%%(?P<name>\w+)(?P<line>.*)")
_LINE = re.compile(r"\s*(?:[^%=]*[^%=!<>:]=\s*)?%(?P<name>\w+)\s(?P<line>.*)")
_IN_CELLS = frozenset({"query", "migration", "check"})
# Characters around the cursor that are looked at: a cell may be a dump.
_BEFORE, _AFTER = 20_000, 5_000


@dataclass(frozen=True, slots=True)
class TypedSql:
    """The SQL around the cursor, and the words of its magic that say which database it is for."""

    magic: str
    words: list[str]
    text: str
    position: int


def find_sql(magics: MigrateMagics, context: CompletionContext) -> TypedSql | None:
    """Return the SQL that the cursor is in; None if it is not in SQL of one of these magics."""
    lines = context.full_text.split("\n")
    first = next((number for number, text in enumerate(lines) if text.strip()), 0)
    cell = _CELL.fullmatch(lines[first])
    if cell and context.cursor_line > first:
        name = _own_magic(magics, cell["name"], "cell")
        if name not in _IN_CELLS:
            return None
        before = "\n".join([*lines[first + 1 : context.cursor_line], context.text_until_cursor])[-_BEFORE:]
        after = "\n".join(lines[context.cursor_line :])[context.cursor_position :][:_AFTER]
        return TypedSql(name, _words(name, cell["line"]), before + after, len(before))
    line = _LINE.fullmatch(context.text_until_cursor)
    if cell or line is None or _own_magic(magics, line["name"], "line") != "query":
        return None
    words, sql = leading_options(line["line"])
    sql = sql.lstrip()
    if not sql or sql.startswith("-"):
        return None
    after = lines[context.cursor_line][context.cursor_position :]
    return TypedSql("query", words, sql + after, len(sql))


def complete_sql(magics: MigrateMagics, sql: TypedSql) -> tuple[str, list[SimpleCompletion]]:
    """Return the part of a name before the cursor, and the names that it can become."""
    begun = sql.text[: sql.position]
    if is_backslash(begun):  # what stands behind it is the name of a relation
        begun = f"TABLE{begun.lstrip()[len(begun.split(maxsplit=1)[0]) :]}"
    cursor = read_cursor(begun + sql.text[sql.position :], len(begun))
    if cursor is None:
        return "", []
    names = _names(magics, sql.words, wanted_tables(cursor), _beginning(cursor))
    closed = cursor.quoted and sql.text[sql.position : sql.position + 1] == '"'
    return cursor.fragment, [_completion(offer) for offer in offers_at(cursor, names, closed=closed)]


def _beginning(cursor: Cursor) -> str:
    """Return how the name begins that is typed, as PostgreSQL folds it."""
    return cursor.fragment[1:].replace('""', '"') if cursor.quoted else cursor.fragment.lower()


def complete_object(magics: MigrateMagics, words: Sequence[str], typed: str) -> list[SimpleCompletion]:
    """Return the names of objects that a word of a line can become, as far as they are known."""
    names = _names(magics, words, frozenset(), typed.rpartition(".")[2].lower())
    return [SimpleCompletion(shlex.quote(offer.text), type=offer.kind) for offer in objects_at(typed, names)]


def _names(magics: MigrateMagics, words: Sequence[str], tables: frozenset[str], beginning: str) -> DatabaseNames:
    """Return the names of the database that the options among a magic's words lead to, as far as they are known."""
    options, _ = parser_of(QUERY_OF_MAGIC, prog="").parse_known_args(list(words))
    return magics.tables.names(magics.migrator(options), tables, beginning)


def _own_magic(magics: MigrateMagics, name: str, kind: str) -> str:
    """Return what a magic is called in the table of magics; "" for one of another extension."""
    shell: Any = magics.shell
    function = shell.magics_manager.magics[kind].get(name)
    return str(function.__name__) if getattr(function, "__self__", None) is magics else ""


def _words(magic: str, line: str) -> list[str]:
    return leading_options(line)[0] if magic == "query" else split(line)


def _completion(offer: Offer) -> SimpleCompletion:
    return SimpleCompletion(offer.text, type=offer.kind)
