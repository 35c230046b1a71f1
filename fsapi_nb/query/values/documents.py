"""JSON documents as Python objects, or as their own text where Python's would lose part of them.

JSON that is written, not read, is made in `fsapi_nb.views`.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from enum import Enum


class JsonNull(Enum):
    """The JSON value `null` where a whole json or jsonb value is one: not SQL's NULL, which is None."""

    JSON_NULL = "null"

    def __repr__(self) -> str:
        return self.value

    __str__ = __repr__

    def __bool__(self) -> bool:
        return False


JSON_NULL = JsonNull.JSON_NULL


class JsonText(str):
    """A JSON document kept as PostgreSQL's text, as Python's dicts, lists and strings would lose part of it."""

    __slots__ = ()


_DEEPEST_JSON = 100  # beyond this, repr() and json.dumps() of the value may exhaust Python's stack
_LONE_SURROGATE = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F]"
)


def read_json(text: str) -> object:
    """Return the document; JSON_NULL for `null`, JsonText if Python would change it."""
    try:
        value = _JSON.decode(text)
        if _LONE_SURROGATE.search(text) or _is_too_deep(value, text):
            return JsonText(text)
    except (ValueError, ArithmeticError, RecursionError):  # ArithmeticError: an exponent beyond Decimal's
        return JsonText(text)
    return JSON_NULL if value is None else value


def _distinct_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a repeated key, which type json keeps")
    return members


_JSON = json.JSONDecoder(parse_float=Decimal, object_pairs_hook=_distinct_keys)


def _is_too_deep(value: object, text: str) -> bool:
    if text.count("[") + text.count("{") <= _DEEPEST_JSON:
        return False
    level: list[object] = [value]
    for _ in range(_DEEPEST_JSON + 1):
        below: list[object] = []
        for item in level:
            if isinstance(item, dict):
                below.extend(item.values())
            elif isinstance(item, list):
                below.extend(item)
        level = below
    return bool(level)
