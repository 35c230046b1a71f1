"""Results as plain text for terminals and as JSON values for programs.

Pure: takes what a query gave and returns text or values. It does not print or cut: the caller decides how many rows to
show. Control characters in the data are written out, so that no terminal obeys them.
"""

from __future__ import annotations

import json
import math
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from fsapi_nb.model.result import Column, ResultSet
from fsapi_nb.text.safe import visible_cell
from fsapi_nb.text.width import text_width
from fsapi_nb.text.words import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

_JSON_TYPES = frozenset({114, 3802})
# int8, int2, int4, oid, xid, cid, float4, float8, money, numeric: what psql aligns to the right
_NUMBERS = frozenset({20, 21, 23, 26, 28, 29, 700, 701, 790, 1700})


def text_table(result: ResultSet) -> str:
    r"""Draw a table as psql does: header, rule, rows, `(3 rows)`; for a statement without rows, its command tag.

    NULL is shown as `NULL`, an empty string as nothing. Line ends, tabs, escapes and all else that is invisible or
    would move the cursor or the direction of writing appear as `\n`, `\t`, `\x1b`, `\u202e`; backslashes stay as
    they are, so that this is for eyes only (`to_json` is exact).
    """
    if not result.columns and not result.rows:
        return result.command
    count = len(result.rows)
    footer = f"({counted(count, 'row')})"
    if not result.columns:
        return f"--\n{footer}"
    names = [visible_cell(column.name) for column in result.columns]
    cells = [[text_of(value, column) for value, column in zip(row, result.columns, strict=True)] for row in result.rows]
    right = [column.type_oid in _NUMBERS for column in result.columns]
    widths = [max(map(text_width, column)) for column in zip(names, *cells, strict=True)]
    rule = "+".join("-" * (places + 2) for places in widths)
    return "\n".join([_line(names, widths, right), rule, *(_line(row, widths, right) for row in cells), footer])


def _line(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    padded = []
    for cell, places, is_right in zip(cells, widths, right, strict=True):
        blank = " " * (places - text_width(cell))
        padded.append(f" {blank}{cell} " if is_right else f" {cell}{blank} ")
    return "|".join(padded).rstrip(" ")


def text_of(value: object, column: Column) -> str:
    """Return one value as the table shows it: `NULL` for NULL, everything visible."""
    if value is None:
        return "NULL"
    return visible_cell(json_text_of(value) if column.type_oid in _JSON_TYPES else notation_of(value))


def to_json(result: ResultSet) -> dict[str, object]:
    r"""Return a value that `json.dumps(..., allow_nan=False)` takes and that loses nothing.

    Integers, finite floats, booleans and NULL are JSON's; arrays are lists. All else is text: numeric with all its
    digits, bytea as `\x...` in hex, NaN and the infinities, dates in ISO 8601, ranges in PostgreSQL's notation, and
    json and jsonb as JSON text, so that JSON's `null` stays apart from NULL and 1.10 from 1.1.
    """
    return {
        "columns": [{"name": column.name, "type": column.type_name} for column in result.columns],
        "rows": [
            [_json_cell(value, column) for value, column in zip(row, result.columns, strict=True)]
            for row in result.rows
        ],
        "command": result.command,
    }


def _json_cell(value: object, column: Column) -> object:
    if value is not None and column.type_oid in _JSON_TYPES:
        return json_text_of(value)
    return _json_value(value)


def _json_value(value: object) -> object:
    if isinstance(value, list):
        return [_json_value(item) for item in value]
    if value is None or isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    return value.isoformat() if isinstance(value, datetime) else notation_of(value)


def json_text_of(value: object) -> str:
    """Return a json or jsonb value as JSON text again, its numbers digit for digit."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json_text_of(key)}: {json_text_of(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(json_text_of, value)) + "]"
    if type(value) is str or value is None or isinstance(value, bool):
        return json.dumps(value, ensure_ascii=False)
    return str(value)  # int, Decimal, and the marks of `run_query`: JSON's null, and JSON left as text


def notation_of(value: object) -> str:  # noqa: C901 - a case for each kind of value
    """Return a value in PostgreSQL's notation, from which it would read the same value."""
    match value:
        case bool():
            return "t" if value else "f"
        case float():
            return repr(value) if math.isfinite(value) else str(Decimal(value))
        case Decimal():
            return format(value, "f")  # not 0E-10
        case bytes():
            return "\\x" + value.hex()
        case datetime():
            return value.isoformat(" ")
        case date() | time():
            return value.isoformat()
        case timedelta():
            return _interval_text(value)
        case list():
            return "{" + ",".join(map(_element_text, value)) + "}"
        case _ if hasattr(value, "isempty"):
            return _range_text(value)
        case _ if hasattr(value, "__iter__") and not isinstance(value, str):
            return "{" + ",".join(map(notation_of, value)) + "}"  # a multirange
        case _:
            return str(value)


def _interval_text(value: timedelta) -> str:
    micros = value // timedelta(microseconds=1)
    sign, (seconds, fraction) = ("-" if micros < 0 else ""), divmod(abs(micros), 1_000_000)
    days, seconds = divmod(seconds, 86_400)
    clock = f"{sign}{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    if fraction:
        clock += f".{fraction:06}".rstrip("0")
    return f"{sign}{days} days {clock}" if days else clock


_ARRAY_SYNTAX = frozenset('{}",\\')
_RANGE_SYNTAX = frozenset('[](){}",\\')


def _element_text(value: object) -> str:
    if value is None:
        return "NULL"
    text = notation_of(value)
    return text if isinstance(value, list) else _quoted(text, _ARRAY_SYNTAX, reserved="NULL")


def _range_text(value: Any) -> str:
    # psycopg's Range, known by its attributes: views do not import the driver.
    if value.isempty:
        return "empty"
    opening, closing = value.bounds
    return f"{opening}{_bound_text(value.lower)},{_bound_text(value.upper)}{closing}"


def _bound_text(bound: object) -> str:
    return "" if bound is None else _quoted(notation_of(bound), _RANGE_SYNTAX)


def _quoted(text: str, syntax: frozenset[str], *, reserved: str | None = None) -> str:
    plain = text and text.upper() != reserved and not any(c in syntax or c.isspace() for c in text)
    if plain:
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
