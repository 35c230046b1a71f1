"""The columns of a binary copy: which types are read from their bytes, to the values that their text would become.

A column is read at once, by numpy and by loops in C: a loop in Python over a million rows takes longer than PostgreSQL
does. What a Python type cannot hold (infinity, dates BC, 24:00) is odd here: its bytes are kept, and PostgreSQL is
asked for its text in the end.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta, timezone
from itertools import repeat
from typing import Any, Protocol, TypeAlias

from fsapi_nb.query.values.chunk import Field
from fsapi_nb.query.values.chunks import Chunk, DayChunk, FieldChunk, JsonChunk, NumericChunk, TextChunk
from fsapi_nb.query.values.late import LateValues
from fsapi_nb.query.values.numeric import Numerics, read_numerics
from fsapi_nb.query.values.stored import Array, ColumnValues, GrowableArray, StoredColumn, array_of, tolist
from fsapi_nb.query.values.texts import join_texts

AskForTexts: TypeAlias = Callable[[int, Sequence[bytes]], Sequence[str]]
"""From a type's OID and the bytes of some values to PostgreSQL's text for each."""


class BinaryColumn(Protocol):
    """A column while its rows come in, chunk by chunk."""

    def take(self, field: Field) -> None:
        """Read the next rows. Raises MalformedRows where they cannot be of this type."""

    def finish(self, ask: AskForTexts) -> StoredColumn:
        """Return the whole column, and keep nothing of it; call `ask` for the texts of odd values."""


def columns_of(
    oids: Sequence[int], enums: Collection[int], *, encoding: str, date_style: str, interval_style: str
) -> list[BinaryColumn] | None:
    """Return a column for each of these types; None if one of them is only known as text.

    Args:
        enums: The OIDs of types that are enums.
        encoding: Python's codec of the client's encoding.
        date_style: The session's DateStyle: in another than ISO, dates are texts in every result.
        interval_style: The session's IntervalStyle: in another than `postgres`, intervals are texts.
    """
    makers = _makers(enums, encoding)
    if not date_style.startswith("ISO"):
        makers = {oid: make for oid, make in makers.items() if oid not in _DATES}
    if interval_style != "postgres":
        makers.pop(_INTERVAL)
    return [makers[oid]() for oid in oids] if makers.keys() >= set(oids) else None


# ------------------------------------------------------------------------------------------- what numpy has, too


class _Numbers:
    """Numbers, truth values, moments: an array of them, and where NULL stands."""

    def __init__(self, dtype: str, python: Callable[[Array], list[Any]], as_dtype: str | None = None) -> None:
        self._wire, self._python, self._dtype = dtype, python, as_dtype
        self._data, self._null = GrowableArray(dtype.replace(">", "=")), GrowableArray("?")

    def take(self, field: Field) -> None:
        self._data.more(len(field))[:] = field.fixed(self._wire)
        self._null.more(len(field))[:] = False if field.null is None else field.null

    def finish(self, ask: AskForTexts) -> ColumnValues:
        data, null = self._data.finish(), self._null.finish()
        return ColumnValues(data.view(self._dtype or data.dtype), null if null.any() else None, self._python)


# PostgreSQL counts from 2000.
_EPOCH = datetime(2000, 1, 1)
_EPOCH_DAY = _EPOCH.toordinal()
_MICROSECOND = timedelta(microseconds=1)
_FIRST, _LAST = (datetime.min - _EPOCH) // _MICROSECOND, (datetime.max - _EPOCH) // _MICROSECOND
_NUMPY_EPOCH = (_EPOCH - datetime(1970, 1, 1)) // _MICROSECOND


class _Timestamps(_Numbers):
    """Moments that Python has; where there is one that it has not, all become Python's objects, and that one text."""

    def __init__(self, oid: int, python: Callable[[Array], list[Any]]) -> None:
        super().__init__(">i8", python)
        self._oid = oid

    def finish(self, ask: AskForTexts) -> ColumnValues:
        stored = super().finish(ask)
        data, null = stored.data, stored.null
        odd = (data < _FIRST) | (data > _LAST)
        rows = odd.nonzero()[0].tolist()
        pieces = [int(value).to_bytes(8, "big", signed=True) for value in data[odd].tolist()]
        data[odd] = 0
        data += _NUMPY_EPOCH
        moments = ColumnValues(data.view("M8[us]"), null, self._python)
        return _with_texts(moments.tolist(), rows, ask(self._oid, pieces)) if rows else moments


def _in_utc(moments: Array) -> list[datetime]:
    return [moment.replace(tzinfo=UTC) for moment in moments.tolist()]


def _shortest(data: Array) -> list[float]:
    """Return float4 values as their text has them: 0.1, not 0.10000000149."""
    return list(map(float, map(str, data)))


# ----------------------------------------------------------------------------------------------- Python's objects


class Keeper(Protocol):
    """What keeps the values of one column while they come."""

    def keep(self, field: Field) -> Collection[int]:
        """Keep some values without NULL; return the numbers of those that are odd."""

    def finish(self) -> list[Chunk]:
        """Return what was kept, each time as much as `keep` was given, and keep nothing of it."""


class _Late:
    """What only Python has: kept as it came, until objects are asked for."""

    def __init__(self, oid: int, keeper: Keeper) -> None:
        self._oid, self._keeper = oid, keeper
        self._null = GrowableArray("?")
        self._rows: list[int] = []
        self._odd: dict[int, bytes] = {}

    def take(self, field: Field) -> None:
        start, present = self._null.count, field.present()
        self._rows.append(len(field))
        self._null.more(len(field))[:] = False if field.null is None else field.null
        for number in self._keeper.keep(present):
            row = number if field.null is None else int((~field.null).nonzero()[0][number])
            self._odd[start + row] = present.piece(number)

    def finish(self, ask: AskForTexts) -> LateValues:
        null = self._null.finish()
        texts = ask(self._oid, list(self._odd.values())) if self._odd else ()
        odd = dict(zip(self._odd, texts, strict=True))
        return LateValues(self._keeper.finish(), self._rows, null if null.any() else None, odd)


class _TextKeeper:
    """Texts, labels, and with another kind of chunk what is written as text."""

    def __init__(self, encoding: str, chunk: type[TextChunk] = TextChunk, begin: int = 0) -> None:
        self._encoding, self._chunk, self._begin = encoding, chunk, begin
        self._data = GrowableArray("u1")
        self._ends: list[tuple[int, int]] = []

    def keep(self, field: Field) -> Collection[int]:
        import numpy as np

        joined = join_texts(field.after(self._begin) if self._begin else field)
        self._data.more(len(joined))[:] = np.frombuffer(joined, np.uint8)
        self._ends.append((self._data.count, len(field)))
        return ()

    def finish(self) -> list[Chunk]:
        data, starts = self._data.finish(), [0, *(end for end, _ in self._ends)]
        return [
            self._chunk(data[start:end], count, self._encoding)
            for start, (end, count) in zip(starts, self._ends, strict=False)
        ]


class _NumericKeeper:
    """Numerics as integers and their scales."""

    def __init__(self) -> None:
        self._units, self._scale = GrowableArray("i8"), GrowableArray("u2")
        self._parts: list[tuple[int, Mapping[int, bytes]]] = []

    def keep(self, field: Field) -> Collection[int]:
        found = read_numerics(field)
        self._units.more(len(field))[:] = found.units
        self._scale.more(len(field))[:] = found.scale
        self._parts.append((self._units.count, found.pieces))
        return ()

    def finish(self) -> list[Chunk]:
        units, scale, starts = self._units.finish(), self._scale.finish(), [0, *(end for end, _ in self._parts)]
        return [
            NumericChunk(Numerics(units[start:end], scale[start:end], pieces))
            for start, (end, pieces) in zip(starts, self._parts, strict=False)
        ]


class _FieldKeeper:
    """The bytes of values that `read` reads, all of one `size`, of which some may be odd."""

    def __init__(
        self,
        read: Callable[[Field], Iterable[object]],
        size: int | None = None,
        odd: Callable[[Field], Array] | None = None,
    ) -> None:
        self._read, self._size, self._odd = read, size, odd
        self._chunks: list[Chunk] = []

    def keep(self, field: Field) -> Collection[int]:
        if self._size is not None:
            field.expect(self._size)
        self._chunks.append(FieldChunk(field.packed(), self._read))
        return list(self._odd(field).nonzero()[0].tolist()) if self._odd and len(field) else ()

    def finish(self) -> list[Chunk]:
        chunks, self._chunks = self._chunks, []
        return chunks


def _with_texts(values: Sequence[object] | Array, rows: Sequence[int], texts: Sequence[str]) -> ColumnValues:
    """Return the values as objects, with these texts in these rows."""
    data = array_of(values)
    data[rows] = array_of(texts)
    return ColumnValues(data, None, tolist)


_DAY = 86_400_000_000  # microseconds
_MOST_DAYS = timedelta.max.days
_FIRST_DAY, _LAST_DAY = 1 - _EPOCH_DAY, date.max.toordinal() - _EPOCH_DAY
# The days of two centuries, so that nearly every date of a large result is made once, however often it stands there.
_USUAL = range(date(1900, 1, 1).toordinal() - _EPOCH_DAY, date(2100, 1, 1).toordinal() - _EPOCH_DAY)


class _DateKeeper:
    """Dates by their days since 2000."""

    def __init__(self) -> None:
        import numpy as np

        self._made = np.zeros(len(_USUAL), bool)
        self._dates = np.empty(len(_USUAL), object)
        self._days = GrowableArray("i4")
        self._ends: list[int] = []

    def keep(self, field: Field) -> Collection[int]:
        days = field.fixed(">i4")
        self._days.more(len(days))[:] = days
        self._ends.append(self._days.count)
        return list(_odd_days(days).nonzero()[0].tolist())

    def finish(self) -> list[Chunk]:
        days, starts = self._days.finish(), [0, *self._ends]
        return [DayChunk(days[start:end], self.of) for start, end in zip(starts, self._ends, strict=False)]

    def of(self, days: Array) -> Array | list[date]:
        if not len(days) or days.min() < _USUAL.start or days.max() >= _USUAL.stop:
            days = days.copy()
            days[_odd_days(days)] = 0
            return [date.fromordinal(_EPOCH_DAY + day) for day in days.tolist()]
        places = days - _USUAL.start
        missing = places[~self._made[places]]
        for place in set(missing.tolist()):
            self._dates[place] = date.fromordinal(_EPOCH_DAY + _USUAL[place])
        self._made[missing] = True
        found: Array = self._dates[places]
        return found


def _odd_days(days: Array) -> Array:
    odd: Array = (days < _FIRST_DAY) | (days > _LAST_DAY)
    return odd


def _read_times(field: Field) -> list[time]:
    micros = field.fixed(">i8")
    micros[micros >= _DAY] = 0
    return [moment.time() for moment in micros.view("M8[us]").tolist()]


def _read_zoned_times(field: Field) -> list[time]:
    micros, west = field.gather(">i8"), field.gather(">i4", 8)
    micros[micros >= _DAY] = 0
    zones = {seconds: timezone(timedelta(seconds=-seconds)) for seconds in set(west.tolist())}
    times = micros.view("M8[us]").tolist()
    return [moment.time().replace(tzinfo=zones[seconds]) for moment, seconds in zip(times, west.tolist(), strict=True)]


def _read_intervals(field: Field) -> list[timedelta]:
    micros, days = field.gather(">i8"), field.gather(">i4", 8).astype("i8")
    odd = _are_odd_intervals(field)
    days[odd] = 0
    micros[odd] = 0
    return list(map(timedelta, days.tolist(), repeat(0), micros.tolist()))


def _are_odd_times(field: Field) -> Array:
    late: Array = field.gather(">i8") >= _DAY
    return late


def _are_odd_intervals(field: Field) -> Array:
    micros, days, months = field.gather(">i8"), field.gather(">i4", 8).astype("i8"), field.gather(">i4", 12)
    whole = days + micros // _DAY
    odd: Array = (months != 0) | (whole < -_MOST_DAYS) | (whole > _MOST_DAYS)
    return odd


def _read_uuids(field: Field) -> list[uuid.UUID]:
    field.expect(16)
    return [uuid.UUID(bytes=piece) for piece in field.pieces()]


def _makers(enums: Collection[int], encoding: str) -> dict[int, Callable[[], BinaryColumn]]:
    """Return what makes a column of each type that is read from its bytes, by OID.

    The OIDs of PostgreSQL's own types never change. Left out are types whose bytes say less, or something else, than
    their text (xml, "char", money), those made of other types, and those of users.
    """

    def late(oid: int, keeper: Callable[[], Keeper]) -> Callable[[], BinaryColumn]:
        return lambda: _Late(oid, keeper())

    return {
        16: lambda: _Numbers(">u1", tolist, "?"),  # bool
        21: lambda: _Numbers(">i2", tolist),  # int2
        23: lambda: _Numbers(">i4", tolist),  # int4
        20: lambda: _Numbers(">i8", tolist),  # int8
        26: lambda: _Numbers(">u4", tolist),  # oid
        700: lambda: _Numbers(">f4", _shortest),  # float4
        701: lambda: _Numbers(">f8", tolist),  # float8
        1114: lambda: _Timestamps(1114, tolist),  # timestamp
        1184: lambda: _Timestamps(1184, _in_utc),  # timestamptz
        1082: late(1082, _DateKeeper),  # date
        1083: late(1083, lambda: _FieldKeeper(_read_times, 8, _are_odd_times)),  # time
        1266: late(1266, lambda: _FieldKeeper(_read_zoned_times, 12, _are_odd_times)),  # timetz
        _INTERVAL: late(_INTERVAL, lambda: _FieldKeeper(_read_intervals, 16, _are_odd_intervals)),
        1700: late(1700, _NumericKeeper),  # numeric
        2950: late(2950, lambda: _FieldKeeper(_read_uuids, 16)),  # uuid
        17: late(17, lambda: _FieldKeeper(Field.pieces)),  # bytea
        114: late(114, lambda: _TextKeeper(encoding, JsonChunk)),  # json
        3802: late(3802, lambda: _TextKeeper(encoding, JsonChunk, 1)),  # jsonb, whose format's number comes first
        # name, text, unknown, bpchar, varchar; of an enum the bytes are its label
        **{oid: late(oid, lambda: _TextKeeper(encoding)) for oid in (19, 25, 705, 1042, 1043, *enums)},
    }


_INTERVAL = 1186
_DATES = frozenset({1082, 1114, 1184})
