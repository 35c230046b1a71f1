"""Find the secrets in the data of a `COPY ... FROM stdin`, by the names of its columns.

The names are those of the statement, of the data's header, or of the table, if the file creates it.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from fsapi_nb.script.lexer import CopyBlock, Lexed
from fsapi_nb.script.parsed_secrets import Literal, statement_before
from fsapi_nb.script.secret_places import Tables, secret_columns
from fsapi_nb.text.secrets import is_no_secret

_NULL = b"\\N"


def find_copied(lexed: Lexed, tables: Callable[[], Tables]) -> Iterator[Literal]:
    """Yield the secrets in the data that is kept.

    Args:
        lexed: The file.
        tables: Returns the columns of tables, for a COPY that names none.
    """
    for block in lexed.copies:
        if block.kept and block.end > block.start:
            tree = statement_before(lexed.code, lexed.tokens, bisect.bisect_left(lexed.tokens.starts, block.semicolon))
            if tree is not None and tree.WhichOneof("node") == "copy_stmt":
                yield from _in_data(lexed.text, block, tree.copy_stmt, tables)


def _in_data(text: bytes, block: CopyBlock, statement: Any, tables: Callable[[], Tables]) -> Iterator[Literal]:
    options = {option.def_elem.defname: _option(option.def_elem) for option in statement.options}
    columns: Sequence[str] = [column.string.sval for column in statement.attlist]
    rows = _rows(text, block, options)
    if options.get("header", "off") not in {"off", "false", "0"}:
        header = [text[start:end].decode(errors="replace") for start, end in next(rows, [])]
        columns = columns or header
    columns = columns or tables().get(statement.relation.relname, ())
    if not columns:
        return
    for row in rows:
        values = [text[start:end].decode(errors="replace") for start, end in row]
        for number in secret_columns(columns, values):
            start, end = row[number]
            if text[start:end] != _NULL and not is_no_secret(values[number]):
                yield Literal(start, end)


def _option(option: Any) -> str:
    """Return the value of an option; one without a value is on."""
    kind = option.arg.WhichOneof("node")
    if kind == "boolean":
        return "on" if option.arg.boolean.boolval else "off"
    if kind == "integer":
        return str(option.arg.integer.ival)
    return str(option.arg.string.sval).lower() if kind else "on"


def _rows(text: bytes, block: CopyBlock, options: dict[str, str]) -> Iterator[Sequence[tuple[int, int]]]:
    """Yield the places of the values of each row; those of CSV without their quotes."""
    csv = options.get("format") == "csv" or "csv" in options
    delimiter = re.escape(options.get("delimiter", "," if csv else "\t").encode())
    quote = re.escape(options.get("quote", '"').encode())
    escape = re.escape(options.get("escape", options.get("quote", '"')).encode())
    plain = rb"(?:\\[^\n]|(?!%b)[^\n\\])*" % delimiter
    quoted = rb"%b(?P<quoted>(?:%b%b|(?!%b)[\s\S])*)%b" % (quote, escape, quote, quote, quote)
    pattern = rb"(?:%b|(?P<plain>(?:(?!%b)[^\n\r])*))" % (quoted, delimiter) if csv else rb"(?P<plain>%b)" % plain
    value = re.compile(rb"%b(?P<end>%b|\r?\n|\Z)" % (pattern, delimiter))
    row: list[tuple[int, int]] = []
    position = block.start
    while position < block.end:
        found = value.match(text, position, block.end)
        if found is None:
            return  # the data has another format: the server will refuse it
        name = "plain" if found["plain"] is not None else "quoted"
        row.append(found.span(name))
        position = found.end()
        if found["end"] in {b"\n", b"\r\n", b""}:
            yield row
            row = []
    if row:
        yield row
