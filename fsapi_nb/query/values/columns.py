"""The cells of one column, as bytes from the server, to values.

Which load a column has is decided elsewhere (`types`).
"""

from __future__ import annotations

from psycopg.pq.abc import PGresult

from fsapi_nb.query.values.loaders import Load, decode


def read_column(result: PGresult, index: int, load: Load | None, encoding: str) -> list[object]:
    """Return all values of a column. Errors are rare, so the whole is tried first, and value by value only after one."""
    cells = [result.get_value(row, index) for row in range(result.ntuples)]
    if result.fformat(index):  # from a binary cursor: its bytes
        return list(cells)
    present = [cell for cell in cells if cell is not None]
    try:
        values: list[object] = list(map(load, present)) if load else list(_decoded(present, encoding))
    except Exception:  # noqa: BLE001 (see _or_text)
        values = [_or_text(cell, load, encoding) for cell in present]
    if len(present) == len(cells):
        return values
    rest = iter(values)
    return [None if cell is None else next(rest) for cell in cells]


def _or_text(cell: bytes, load: Load | None, encoding: str) -> object:
    # Whatever went wrong, PostgreSQL had an answer: its text is exact, an error would be none.
    try:
        return load(cell) if load else decode(cell, encoding)
    except Exception:  # noqa: BLE001
        return decode(cell, encoding)


def _decoded(cells: list[bytes], encoding: str) -> list[str]:
    """Return the cells as text: at once, parted by what no text holds, as that takes half the time."""
    try:
        return b"\0".join(cells).decode(encoding).split("\0") if cells else []
    except UnicodeDecodeError:
        return [decode(cell, encoding) for cell in cells]
