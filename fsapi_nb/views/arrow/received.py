"""Arrow's arrays of columns that are kept as they were received, without an object of Python for each value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from fsapi_nb.model.result import Column
from fsapi_nb.query.values.chunks import DayChunk, FieldChunk, NumericChunk, TextChunk
from fsapi_nb.views.arrow.decimals import decimals_of_units
from fsapi_nb.views.arrow.from_python import array_of_objects
from fsapi_nb.views.arrow.types import BYTEA, INTERVAL, TIME, UUID, declared_scale, fixed_type

if TYPE_CHECKING:
    from fsapi_nb.query.values.late import LateValues
    from fsapi_nb.query.values.stored import Array

_DAYS = 10_957  # from 1970, where Arrow's days begin, to 2000
_INFINITE_DAYS = (-(1 << 31), (1 << 31) - 1)
_INFINITE = (-(1 << 63), (1 << 63) - 1)
_MOST_MICROS = _INFINITE[1] // 1000
_UTF8 = frozenset({"utf-8", "utf8"})
_WIDE = 1 << 31  # bytes of texts from which on their places need 64 bits


def array_of_chunks(column: Column, stored: LateValues, count: int) -> Any:
    """Return an array of a column whose objects have not been made, and makes them only if it must.

    Raises ValueError for a value that the type cannot hold.
    """
    chunks = list(stored.chunks or ())
    present = None if stored.is_null is None else ~stored.is_null
    match chunks[0] if chunks else None:
        case TextChunk():
            found = _texts(cast("list[TextChunk]", chunks), present, count)
            if found is not None:
                return found.dictionary_encode() if column.is_enum else found
        case NumericChunk():
            numerics = [cast("NumericChunk", chunk).numerics for chunk in chunks]
            decimals = decimals_of_units(numerics, declared_scale(column))
            if decimals is not None:
                return _fixed(decimals[0], decimals[1], present, count)
        case DayChunk():
            return _days(cast("list[DayChunk]", chunks), present, count)
        case FieldChunk():
            found = _fields(column.type_oid, cast("list[FieldChunk]", chunks), present, count)
            if found is not None:
                return found
    return array_of_objects(column, stored.tolist())


def _texts(chunks: Sequence[TextChunk], present: Array | None, count: int) -> Any:
    """Return texts as strings; None if one of them is not a text in the encoding."""
    import numpy as np

    parts = [chunk for chunk in chunks if chunk.count]
    try:
        # Arrow's strings are UTF-8, and nothing after this looks whether they are.
        joined = [_utf8(chunk) for chunk in parts]
    except UnicodeDecodeError:
        return None
    ends = [(np.frombuffer(each, np.uint8) == 0).nonzero()[0] for each in joined]
    lengths = [np.diff(each, prepend=-1, append=len(text)) - 1 for each, text in zip(ends, joined, strict=True)]
    data = b"".join(each.translate(None, b"\0") for each in joined)
    return _of_lengths("string", np.frombuffer(data, np.uint8), _concatenated(lengths), present, count)


def _utf8(chunk: TextChunk) -> bytes:
    """Return texts in UTF-8. Raises UnicodeDecodeError for what is not a text in its encoding."""
    text = chunk.joined.decode(chunk.encoding)
    return chunk.joined if chunk.encoding in _UTF8 else text.encode()


def _concatenated(arrays: Sequence[Array]) -> Array:
    import numpy as np

    return np.concatenate(arrays) if arrays else np.empty(0, np.int64)


def _of_lengths(kind: str, data: Array, lengths: Array, present: Array | None, count: int) -> Any:
    """Return strings or bytes that stand one after the other, each so long."""
    import numpy as np
    import pyarrow as pa

    whole = lengths
    if present is not None:
        whole = np.zeros(count, np.int64)
        whole[present] = lengths
    offsets = np.zeros(count + 1, np.int64)
    np.cumsum(whole, out=offsets[1:])
    if len(data) >= _WIDE:
        type_ = pa.large_string() if kind == "string" else pa.large_binary()
    else:
        type_, offsets = (pa.string() if kind == "string" else pa.binary()), offsets.astype(np.int32)
    return pa.Array.from_buffers(type_, count, [_validity(present), pa.py_buffer(offsets), pa.py_buffer(data)])


def _days(chunks: Sequence[DayChunk], present: Array | None, count: int) -> Any:
    import numpy as np

    days = np.concatenate([chunk.days for chunk in chunks])
    if np.isin(days, _INFINITE_DAYS).any():
        raise ValueError("infinity")
    return _fixed(fixed_type(1082), (days.astype("i8") + _DAYS).astype("<i4"), present, count)


def _fields(oid: int, chunks: Sequence[FieldChunk], present: Array | None, count: int) -> Any:
    """Return values of the types whose bytes Arrow has as well; None for others."""
    import numpy as np
    import pyarrow as pa

    fields = [chunk.field for chunk in chunks]
    if oid == BYTEA:
        lengths = np.concatenate([field.lengths for field in fields])
        data = np.concatenate([np.frombuffer(field.buffer, np.uint8, int(field.lengths.sum())) for field in fields])
        return _of_lengths("binary", data, lengths, present, count)
    if oid == UUID:
        stored = np.concatenate([field.gather("V16") for field in fields])
        return pa.ExtensionArray.from_storage(fixed_type(UUID), _fixed(pa.binary(16), stored, present, count))
    if oid == TIME:
        micros = np.concatenate([field.gather(">i8") for field in fields])
        if (micros >= 86_400_000_000).any():
            raise ValueError("24:00:00")
        return _fixed(fixed_type(TIME), micros, present, count)
    if oid == INTERVAL:
        return _fixed(fixed_type(INTERVAL), np.concatenate([_intervals(field) for field in fields]), present, count)
    return None


def _intervals(field: Any) -> Array:
    import numpy as np

    micros = field.gather(">i8")
    if np.isin(micros, _INFINITE).any():
        raise ValueError("infinity")
    if (np.abs(micros) > _MOST_MICROS).any():
        raise ValueError("more than 292 years of hours")
    found = np.empty(len(micros), [("months", "<i4"), ("days", "<i4"), ("nanoseconds", "<i8")])
    found["months"], found["days"] = field.gather(">i4", 12), field.gather(">i4", 8)
    found["nanoseconds"] = micros * 1000
    return found


def _fixed(kind: Any, values: Array, present: Array | None, count: int) -> Any:
    """Return values that take as many bytes each as they do in Arrow."""
    import numpy as np
    import pyarrow as pa

    whole = values
    if present is not None:
        whole = np.zeros((count, *values.shape[1:]), values.dtype)
        whole[present] = values
    return pa.Array.from_buffers(kind, count, [_validity(present), pa.py_buffer(np.ascontiguousarray(whole))])


def _validity(present: Array | None) -> Any:
    import numpy as np
    import pyarrow as pa

    return None if present is None else pa.py_buffer(np.packbits(present, bitorder="little"))
