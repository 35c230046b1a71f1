"""Texts out of a binary copy, a whole column at once. Text holds no NUL, in no encoding: so one parts them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fsapi_nb.query.values.chunk import WIDEST
from fsapi_nb.query.values.loaders import decode

if TYPE_CHECKING:
    from fsapi_nb.query.values.chunk import Field


def split_texts(joined: bytes, count: int, encoding: str) -> list[str]:
    """Return so many texts of their bytes; those that are not a text in the encoding become visible escapes."""
    if not count:
        return []
    try:
        return joined.decode(encoding).split("\0")
    except UnicodeDecodeError:
        return [decode(piece, encoding) for piece in joined.split(b"\0")]


def join_texts(field: Field) -> bytes:
    """Return the values of a column without NULL in one, with a NUL between two."""
    return _joined(field) if len(field) else b""


def _joined(field: Field) -> bytes:
    import numpy as np

    widest = int(field.lengths.max())
    if widest > WIDEST:
        return b"\0".join(field.pieces())
    cells = field.gather(f"V{widest + 1}").view(np.uint8).reshape(len(field), widest + 1)
    cells[np.arange(len(field)), field.lengths] = 0
    return cells[np.arange(widest + 1, dtype=np.uint8) <= field.lengths.astype(np.uint8)[:, None]].tobytes()[:-1]
