"""PostgreSQL's text for one value of a built-in type, to the Python value that holds it exactly.

Readers raise whatever they like where there is none; `or_text` then keeps the text.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import TypeAlias

from psycopg.pq import Escaping

from fsapi_nb.query.values.documents import read_json

Reader: TypeAlias = Callable[[str], object]
"""Turn PostgreSQL's text for a value into the Python value; raise whatever if that cannot hold it exactly."""


def _read_bool(text: str) -> bool:
    return {"t": True, "f": False}[text]


def _read_bytea(text: str) -> bytes:
    if text.startswith("\\x"):
        return bytes.fromhex(text[2:])
    return Escaping().unescape_bytea(text.encode("ascii"))  # bytea_output = escape


def _read_date(text: str) -> date:
    if len(text) != 10 or text[4] != "-":
        raise ValueError("not an ISO date that Python can hold")
    return date.fromisoformat(text)


def _read_time(text: str) -> time:
    if text.startswith("24"):
        raise ValueError("Python from 3.14 on would read midnight, the other end of the day")
    return time.fromisoformat(text)


def _read_timestamp(text: str) -> datetime:
    if text[4:5] != "-" or text[10:11] != " ":
        raise ValueError("not an ISO timestamp that Python can hold")
    return datetime.fromisoformat(text)


def _read_timestamptz(text: str) -> datetime:
    return _read_timestamp(text).astimezone(UTC)


_INTERVAL = re.compile(r"(?:([+-]?\d+) days?)?(?:(?:^| )([+-]?)(\d\d+):(\d\d):(\d\d(?:\.\d{1,6})?))?")


def _read_interval(text: str) -> timedelta:
    """Read `IntervalStyle = postgres` without years and months: psycopg's own loader makes a month 30 days."""
    match = _INTERVAL.fullmatch(text)
    if match is None or not text:
        raise ValueError("months, or another IntervalStyle")
    days, sign, hours, minutes, seconds = match.groups(default="0")
    clock = int(hours) * 3_600_000_000 + int(minutes) * 60_000_000 + int(Decimal(seconds) * 1_000_000)
    return timedelta(days=int(days), microseconds=-clock if sign == "-" else clock)


#: What reads the values of a type; all others stay text.
READERS: dict[str, Reader] = {
    "bool": _read_bool,
    "bytea": _read_bytea,
    "date": _read_date,
    "float4": float,
    "float8": float,
    "int2": int,
    "int4": int,
    "int8": int,
    "interval": _read_interval,
    "json": read_json,
    "jsonb": read_json,
    "numeric": Decimal,
    "oid": int,
    "time": _read_time,
    "timestamp": _read_timestamp,
    "timestamptz": _read_timestamptz,
    "timetz": _read_time,
    "uuid": uuid.UUID,
}


def or_text(text: str, read: Reader) -> object:
    """The value, or else its text."""
    # Whatever went wrong, PostgreSQL had an answer: its text is exact, an error would be none.
    try:
        return read(text)
    except Exception:  # noqa: BLE001
        return text
