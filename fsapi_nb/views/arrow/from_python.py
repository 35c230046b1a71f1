"""Arrow's arrays of Python's values: of results that came as text, and of types that have no bytes of their own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any, cast

from fsapi_nb.model.result import Column
from fsapi_nb.views.arrow.decimals import decimal_array
from fsapi_nb.views.arrow.types import INTERVAL, JSON, NUMERIC, UUID, declared_scale, element_of, fixed_type
from fsapi_nb.views.tables import json_text_of, notation_of

_MICROSECOND = timedelta(microseconds=1)
_UNITS = {"year": (12, 0), "mon": (1, 0), "day": (0, 1)}
_PART = re.compile(r"([+-]?\d+) (year|mon|day)s?|([+-]?)(\d+):(\d\d):(\d\d)(?:\.(\d{1,6}))?")


def array_of_objects(column: Column, values: Sequence[object]) -> Any:
    """Return an array of values as `run_query` gives them; None is null.

    Raises ValueError or TypeError for a value that the type cannot hold.
    """
    import pyarrow as pa

    element = element_of(column)
    if element is not None:
        return _lists(element, values)
    oid = column.type_oid
    if oid == NUMERIC:
        return decimal_array(cast("Sequence[Decimal | None]", _but_text(values)), declared_scale(column))
    kind = fixed_type(oid)
    if oid in JSON:
        return pa.array([None if value is None else json_text_of(value) for value in values], pa.string())
    if kind is None:
        texts = pa.array([None if value is None else notation_of(value) for value in values], pa.string())
        return texts.dictionary_encode() if column.is_enum else texts
    if oid == INTERVAL:
        return pa.array([None if value is None else interval_of(value) for value in values], kind)
    found = _but_text(values)
    if oid == UUID:
        stored = pa.array([None if value is None else cast("Any", value).bytes for value in found], pa.binary(16))
        return pa.ExtensionArray.from_storage(kind, stored)
    return pa.array(found, kind, from_pandas=False)


def interval_of(value: object) -> tuple[int, int, int]:
    """Return an interval as months, days and nanoseconds. Raises ValueError if it has no such form: infinity."""
    if isinstance(value, timedelta):
        sign = -1 if value < timedelta() else 1
        rest = abs(value) - timedelta(abs(value).days)
        return 0, sign * abs(value).days, sign * (rest // _MICROSECOND) * 1000
    text = str(value)
    months = days = micros = 0
    for part in _PART.finditer(text):
        if part[2]:
            more_months, more_days = _UNITS[part[2]]
            months, days = months + int(part[1]) * more_months, days + int(part[1]) * more_days
        else:
            seconds = (int(part[4]) * 60 + int(part[5])) * 60 + int(part[6])
            micros = (seconds * 1_000_000 + int((part[7] or "").ljust(6, "0"))) * (-1 if part[3] == "-" else 1)
    if _PART.sub("", text).strip():
        raise ValueError(text)
    return months, days, micros * 1000


def _but_text(values: Sequence[object]) -> Sequence[object]:
    """Return the values. Raises ValueError for a text: PostgreSQL's, of a value that Python's type cannot hold."""
    text = next((value for value in values if isinstance(value, str)), None)
    if text is not None:
        raise ValueError(text)
    return values


def _lists(element: Column, values: Sequence[object]) -> Any:
    """Return arrays as lists, and those of several dimensions as lists of lists, all of the same depth."""
    import numpy as np
    import pyarrow as pa

    depth = max((_depth(value) for value in values), default=1) or 1
    level: list[object] = list(values)
    shapes = []
    for _ in range(depth):
        offsets, missing, below = [0], [], list[object]()
        for value in level:
            if value is not None and not isinstance(value, list):
                raise ValueError(str(value))
            missing.append(value is None)
            below += value or []
            offsets.append(len(below))
        shapes.append((np.array(offsets, "i4"), missing))
        level = below
    array = array_of_objects(element, level)
    for offsets, missing in reversed(shapes):
        mask = pa.array(missing) if any(missing) else None
        array = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), array, mask=mask)
    return array


def _depth(value: object) -> int:
    if not isinstance(value, list):
        return 0
    return 1 + max((_depth(item) for item in cast("Iterable[object]", value)), default=0)
