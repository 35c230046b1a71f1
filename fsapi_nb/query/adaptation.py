"""Values of Python, numpy and pandas as those whose type psycopg finds out: numbers by their width, sequences as lists.

A whole number has the type that it has when it is written into the SQL: integer, else bigint, else numeric; the numbers
of a list have one type, that of the widest. numpy and pandas are not imported: their values are known by their types.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any

from psycopg.types.numeric import Int4, Int8, IntNumeric

_FRAMES = frozenset({"numpy", "pandas"})
_MISSING = frozenset({"NaTType", "NAType"})
_TIMES = frozenset({"datetime64", "timedelta64"})


def plain(value: object) -> object:
    """Return the value as it is bound.

    Raises:
        TypeError: A list of numbers of which some would lose digits.
    """
    found = _unwrapped(value)
    leaves = list(_leaves(found))
    kinds = {type(leaf) for leaf in leaves if leaf is not None}
    if kinds == {int}:
        width = _width([leaf for leaf in leaves if isinstance(leaf, int)])
        return _each(found, width)
    if kinds == {int, Decimal}:
        return _each(found, Decimal)
    if kinds == {int, float}:
        return _each(found, _exact_float)
    return found


def is_list(value: object) -> bool:
    """Return whether the value is bound as an array: a list, a tuple without names, a set, a range, an array, a column."""
    if type(value).__module__.partition(".")[0] in _FRAMES:
        return hasattr(value, "tolist") and hasattr(value, "__len__") and not isinstance(value, str | bytes)
    return isinstance(value, list | set | frozenset | range) or type(value) is tuple


def _unwrapped(value: Any) -> Any:
    """Return the value with lists for sequences, None for what is missing, and whole numbers as `int` itself."""
    origin = type(value).__module__.partition(".")[0]
    if isinstance(value, str | bytes | bool) or origin == "psycopg":
        return value
    if is_list(value) and origin not in _FRAMES:
        return [_unwrapped(element) for element in value]
    if origin in _FRAMES:
        return _of_frames(value, origin)
    return int(value) if isinstance(value, int) else value


def _of_frames(value: Any, origin: str) -> Any:
    """Return a value of numpy or pandas (a column, a row, an element) as Python's."""
    if type(value).__name__ in _MISSING:
        return None
    if is_list(value):
        missing: Iterable[bool] = value.isna() if origin == "pandas" else [False] * len(value)
        return [None if gone else _unwrapped(each) for each, gone in zip(value, missing, strict=True)]
    if type(value).__name__ in _TIMES:
        return _of_time(value)
    return value.item() if isinstance(value, float) or hasattr(value, "__index__") else value


def _of_time(value: Any) -> Any:
    """Return a point or span of time of numpy as Python's; nanoseconds are cut to microseconds."""
    found = value.item()
    if isinstance(found, int):
        found = value.astype(f"{type(value).__name__}[us]").item()
    if isinstance(found, int):
        raise TypeError(f"{value} is outside of what Python's dates and times hold")
    return found


def _leaves(value: object) -> Iterator[object]:
    if isinstance(value, list):
        for element in value:
            yield from _leaves(element)
    else:
        yield value


def _each(value: Any, convert: Callable[[Any], object]) -> Any:
    if isinstance(value, list):
        return [_each(element, convert) for element in value]
    return None if value is None else convert(value)


def _width(numbers: Sequence[int]) -> type[int]:
    """Return the narrowest type of PostgreSQL that holds them all, as psycopg calls it."""
    low, high = min(numbers), max(numbers)
    if low >= -(2**31) and high < 2**31:
        return Int4
    return Int8 if low >= -(2**63) and high < 2**63 else IntNumeric


def _exact_float(number: float) -> float:
    if float(number) != number:
        raise TypeError(f"{number} and fractions have no type in common that holds all digits: give Decimals")
    return float(number)
