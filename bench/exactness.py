"""What each way from a query to a DataFrame makes of each type: the same value, another one, or an error.

Each way runs in a process of its own, as some end it. A value counts as exact if it is Python's own for it, or
PostgreSQL's text, and NULL if it is told from every value.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from bench.queries import WAYS
from bench.types import CASES, SETUP, Case

EXACT = "exact"
_FRAMES = [name for name in WAYS if not name.startswith(("COPY", "the same"))]
_SECONDS = 120.0
_MOST = 70  # characters of a verdict


def compare(url: str) -> list[tuple[str, dict[str, str]]]:
    """For each case of `bench.types` its name, and of each way whether it is exact; `url` is an empty database's."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(SETUP.encode())
    verdicts = {way: _verdicts(url, way) for way in _FRAMES}
    return [(case.name, {way: verdicts[way][number] for way in _FRAMES}) for number, case in enumerate(CASES)]


def _verdicts(url: str, way: str) -> list[str]:
    """In the cases' order; after one that ends the process, another goes on."""
    verdicts: list[str] = []
    while len(verdicts) < len(CASES):
        found = list(_from_process(url, way, len(verdicts)))
        verdicts += found
        if len(verdicts) < len(CASES):
            verdicts.append("error: it ends the process")
    return verdicts


def _from_process(url: str, way: str, first: int) -> Iterator[str]:
    command = [sys.executable, "-m", "bench.exactness", url, way, str(first)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False).stdout
    except subprocess.TimeoutExpired as expired:
        done = (expired.stdout or b"").decode()
    for line in done.splitlines():
        if line.startswith(_MARK):
            yield json.loads(line.removeprefix(_MARK))


# -------------------------------------------------------------------------------------------- in a process of its own

_MARK = "verdict "


def main() -> None:
    """Print a verdict for each case from the given one on."""
    url, way, first = sys.argv[1:]
    for case in CASES[int(first) :]:
        print(_MARK + json.dumps(_verdict(url, way, case)), flush=True)


def _verdict(url: str, way: str, case: Case) -> str:
    try:
        frame = WAYS[way](url, case.query)
        verdict = _difference(url, case, frame)
    except BaseException as error:  # noqa: BLE001 (a panic of Rust is no Exception)
        verdict = f"error: {type(error).__name__}: {' '.join(str(error).split())}"
    return verdict if len(verdict) <= _MOST else verdict[: _MOST - 1] + "…"


def _difference(url: str, case: Case, frame: Any) -> str:
    names = [name for name, _, _ in case.columns]
    rows = len(case.columns[0][2])
    if frame is None or list(frame.columns) != names or len(frame) != rows:
        return f"changed: to {'nothing' if frame is None else f'columns {list(frame.columns)}, {len(frame)} rows'}"
    texts = _texts(url, case)
    for index, (_, _, expected) in enumerate(case.columns):
        got = [_plain(value) for value in frame.iloc[:, index].tolist()]
        if not any(value != value for value in expected):  # noqa: PLR0124 (only NaN is not itself)
            # pandas' own columns show NULL as NaN: no loss where there is no other NaN.
            got = [None if value != value else value for value in got]  # noqa: PLR0124
        for value, text, mine in zip(got, texts[index], expected, strict=True):
            if not _same(value, mine, text):
                return f"changed: {text if text is not None else 'NULL'} to {value!r}"
    return EXACT


def _texts(url: str, case: Case) -> Sequence[Sequence[str | None]]:
    """PostgreSQL's own text for each value, by column."""
    import psycopg

    with psycopg.connect(url) as connection:
        result = connection.pgconn.exec_(case.query.encode())
        cells = [[result.get_value(row, index) for row in range(result.ntuples)] for index in range(result.nfields)]
    return [[None if cell is None else cell.decode() for cell in column] for column in cells]


def _plain(value: Any) -> Any:
    """A value without pandas' and numpy's own classes, so that it can be compared."""
    if type(value).__name__ in {"NAType", "NaTType"}:
        return None
    if type(value).__module__.startswith("pandas") and hasattr(value, "to_pydatetime"):
        return value.to_pydatetime(warn=False) if not getattr(value, "nanosecond", 0) else value
    if type(value).__module__.startswith("pandas") and hasattr(value, "to_pytimedelta"):
        return value.to_pytimedelta()
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, list | tuple) and type(value) in (list, tuple):
        return [_plain(item) for item in value]
    return bytes(value) if isinstance(value, memoryview | bytearray) else value


def _same(value: Any, expected: object, text: str | None) -> bool:
    if expected is None or value is None:
        return expected is None and value is None
    if isinstance(value, str):
        return value in (text, expected)
    if isinstance(expected, float):
        return isinstance(value, float) and (repr(value) == repr(expected) or _is_single(value, expected))
    if isinstance(expected, list):
        return isinstance(value, list) and repr(value) == repr(expected)
    if isinstance(expected, datetime | bool):
        return type(value) is type(expected) and value == expected
    if isinstance(expected, date | Decimal):
        return type(value) is type(expected) and str(value) == str(expected)
    if isinstance(expected, int):
        return isinstance(value, int | float) and int(value) == expected
    return repr(value) == repr(expected)


def _is_single(value: float, expected: float) -> bool:
    """Whether it is the float4 that PostgreSQL shows as the expected number."""
    import numpy as np

    return float(np.float32(expected)) == value


if __name__ == "__main__":
    main()
