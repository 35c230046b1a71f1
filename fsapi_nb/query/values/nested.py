"""Arrays, ranges and multiranges, of whatever is in them: PostgreSQL's notation to lists and psycopg's ranges.

What is in them is read by the readers that are given; which those are, `types` knows.
"""

from __future__ import annotations

import re
from typing import Any

from psycopg.types.multirange import Multirange
from psycopg.types.range import Range

from fsapi_nb.query.values.documents import read_json
from fsapi_nb.query.values.scalars import Reader, or_text


def array_reader(read: Reader | None, delimiter: str) -> Reader:
    """Read arrays of any dimensions; an element that `read` cannot hold stays text, and NULL is None."""
    # A JSON element that is a list would look like one more dimension, so those stay text.
    element = None if read is read_json else read
    token = re.compile(rf'[{{}}]|"((?:[^"\\]|\\.)*)"|([^{{}}"{re.escape(delimiter)}]+)', re.DOTALL)

    def read_array(text: str) -> list[object]:
        if not text.startswith("{"):
            raise ValueError("bounds that a list cannot show, or no array at all (int2vector)")
        if '"' not in text and "{" not in text[1:]:
            return [_read_element(item, element) for item in text[1:-1].split(delimiter)] if len(text) > 2 else []
        return _read_nested(text, token, element)

    return read_array


def _read_element(text: str, read: Reader | None) -> object:
    if text == "NULL":  # an element that is this word has quotes
        return None
    return or_text(text, read) if read else text


def _read_nested(text: str, token: re.Pattern[str], read: Reader | None) -> list[object]:
    outermost: list[object] = []
    stack = [outermost]
    for match in token.finditer(text):
        quoted, plain = match.groups()
        if match[0] == "{":
            inner: list[object] = []
            stack[-1].append(inner)
            stack.append(inner)
        elif match[0] == "}":
            stack.pop()
        elif plain is not None:
            stack[-1].append(_read_element(plain, read))
        else:
            unquoted = re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL)
            stack[-1].append(or_text(unquoted, read) if read else unquoted)
    (array,) = outermost
    assert isinstance(array, list)
    return array


_BOUND = r'("(?:[^"\\]|\\.|"")*"|(?:[^",()\[\]\\{}]|\\.)*)'
_RANGE = re.compile(rf"([\[(]){_BOUND},{_BOUND}([\])])|empty", re.DOTALL)


def range_reader(read: Reader | None) -> Reader:
    """Read ranges; one whose bound Python cannot hold raises, so that all of it stays text."""

    def read_range(text: str) -> Range[Any]:
        match = _RANGE.fullmatch(text)
        if match is None:
            raise ValueError("not a range")
        return _range(match, read)

    return read_range


def multirange_reader(read: Reader | None) -> Reader:
    """Read multiranges, as `range_reader` reads each of their ranges."""

    def read_multirange(text: str) -> Multirange[Any]:
        matches = list(_RANGE.finditer(text))
        if "{" + ",".join(match[0] for match in matches) + "}" != text:
            raise ValueError("not a multirange")
        return Multirange([_range(match, read) for match in matches])

    return read_multirange


def _range(match: re.Match[str], read: Reader | None) -> Range[Any]:
    if match[0] == "empty":
        return Range(empty=True)
    opening, lower, upper, closing = match.groups()
    return Range(_read_bound(lower, read), _read_bound(upper, read), opening + closing)


def _read_bound(text: str, read: Reader | None) -> object:
    if not text:
        return None
    if text.startswith('"'):
        text = text[1:-1].replace('""', '"')
    text = re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)
    return read(text) if read else text
