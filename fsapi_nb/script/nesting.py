"""Cut a serialized protobuf message to the depth that protobuf's Python library can read.

Knows the wire format, and nothing of SQL. A message that is too deep becomes empty, not absent.
"""

from __future__ import annotations

from typing import Any

_DEPTH = 60  # protobuf's limit is 100; this program looks only at the first ten levels of a parse tree
_VARINT, _MESSAGE = 0, 2
_FIXED = {1: 8, 5: 4}


def without_depth(data: bytes, descriptor: Any, depth: int = _DEPTH) -> bytes:
    """Return a message of that descriptor with all messages emptied that are more than `depth` deep."""
    if len(data) < 2 * depth:  # each message takes at least two bytes, so this one cannot be too deep
        return data
    if depth == 0:
        return b""
    kept = bytearray()
    position = 0
    while position < len(data):
        start = position
        key, position = _read_varint(data, position)
        field = descriptor.fields_by_number.get(key >> 3)
        if key & 7 == _MESSAGE and field and field.message_type:
            kept += data[start:position]
            size, position = _read_varint(data, position)
            inner = without_depth(data[position : position + size], field.message_type, depth - 1)
            kept += _varint(len(inner)) + inner
            position += size
        else:
            position = _after_value(data, position, key & 7)
            kept += data[start:position]
    return bytes(kept)


def _after_value(data: bytes, position: int, wire_type: int) -> int:
    """Return where the value ends that begins at `position`."""
    if wire_type == _VARINT:
        return _read_varint(data, position)[1]
    if wire_type in _FIXED:
        return position + _FIXED[wire_type]
    size, position = _read_varint(data, position)
    return position + size


def _read_varint(data: bytes, position: int) -> tuple[int, int]:
    """Return the number that begins at `position`, seven bits to a byte, and where it ends."""
    number = shift = 0
    while True:
        byte = data[position]
        position += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, position
        shift += 7


def _varint(number: int) -> bytes:
    written = bytearray()
    while number >= 0x80:
        written.append(number & 0x7F | 0x80)
        number >>= 7
    written.append(number)
    return bytes(written)
