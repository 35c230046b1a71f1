"""The cells of one column, as bytes from the server, to text and to values.

Which reader a column has is decided elsewhere (`types`).
"""

from __future__ import annotations

from psycopg.pq.abc import PGresult

from fsapi_nb.query.values.scalars import Reader, or_text


def read_column(result: PGresult, index: int, read: Reader | None, encoding: str) -> list[object]:
    """All values of a column. Errors are rare, so the whole is tried first, and value by value only after one."""
    cells = [result.get_value(row, index) for row in range(result.ntuples)]
    if result.fformat(index):  # from a binary cursor: its bytes
        return list(cells)
    present = [cell for cell in cells if cell is not None]
    texts = _decoded(present, encoding)
    try:
        values: list[object] = list(map(read, texts)) if read else list(texts)
    except Exception:  # noqa: BLE001 (see or_text)
        values = [or_text(text, read) if read else text for text in texts]
    if len(present) == len(cells):
        return values
    rest = iter(values)
    return [None if cell is None else next(rest) for cell in cells]


def _decoded(cells: list[bytes], encoding: str) -> list[str]:
    """The cells as text: at once, parted by what no text holds, as that takes half the time."""
    try:
        return b"\0".join(cells).decode(encoding).split("\0") if cells else []
    except UnicodeDecodeError:
        return [decode_cell(cell, encoding) for cell in cells]


def decode_cell(cell: bytes, encoding: str) -> str:
    """Text in the client's encoding; bytes that are none in it (a SQL_ASCII database) become visible escapes."""
    return cell.decode(encoding, "backslashreplace")
