"""The cells of one column, as bytes from the server, to text and to values.

Which reader a column has is decided elsewhere (`types`).
"""

from __future__ import annotations

from psycopg.pq.abc import PGresult

from fsapi_nb.database.values.scalars import Reader, or_text


def read_column(result: PGresult, index: int, read: Reader | None, encoding: str) -> list[object]:
    """All values of a column. Errors are rare, so the whole is tried first, and value by value only after one."""
    cells = [result.get_value(row, index) for row in range(result.ntuples)]
    if result.fformat(index):  # from a binary cursor: its bytes
        return list(cells)
    try:
        texts = [None if cell is None else cell.decode(encoding) for cell in cells]
    except UnicodeDecodeError:
        texts = [None if cell is None else decode_cell(cell, encoding) for cell in cells]
    if read is None:
        return list(texts)
    try:
        return [None if text is None else read(text) for text in texts]
    except Exception:  # noqa: BLE001 (see or_text)
        return [None if text is None else or_text(text, read) for text in texts]


def decode_cell(cell: bytes, encoding: str) -> str:
    """Text in the client's encoding; bytes that are none in it (a SQL_ASCII database) become visible escapes."""
    return cell.decode(encoding, "backslashreplace")
