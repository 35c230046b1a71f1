"""PostgreSQL's text to Python values by psycopg's loaders, with a check in front of those that would change a value.

psycopg reads truth values, numbers, UUIDs, times, arrays, ranges and multiranges as they are. In front of the rest
stands a check, as its loaders

- believe the session's `DateStyle` and `IntervalStyle`, of which a result of several statements does not tell what they
  were when it was made: they are bound to no connection here, and read ISO dates, `postgres` intervals and UTC only;
- make 30 days of a month, and a list from 0 of an array with other bounds;
- make floats of JSON's numbers and lose repeated keys (`documents`), so JSON has a reader of its own;
- read on behind an element of an array to the next NUL where bytea_output is `escape`;
- fail for bytes that are not text in the client's encoding, so texts have a loader of their own, too.

What Python cannot hold (infinity, years BC, 24:00) makes a loader raise; its text stays. This is so for each element of
an array, and for a range as a whole.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC
from typing import Any, ClassVar, TypeAlias

from psycopg.abc import AdaptContext, Buffer
from psycopg.abc import Loader as AnyLoader
from psycopg.adapt import AdaptersMap, Loader, Transformer
from psycopg.pq import Format
from psycopg.types import TypeInfo
from psycopg.types.array import register_array
from psycopg.types.bool import BoolLoader
from psycopg.types.datetime import (
    DateLoader,
    IntervalLoader,
    TimeLoader,
    TimestampLoader,
    TimestamptzLoader,
    TimetzLoader,
)
from psycopg.types.multirange import MultirangeLoader
from psycopg.types.numeric import FloatLoader, IntLoader, NumericLoader
from psycopg.types.range import RangeLoader
from psycopg.types.string import ByteaLoader
from psycopg.types.uuid import UUIDLoader

from fsapi_nb.query.values.documents import read_json

Load: TypeAlias = Callable[[bytes], object]
"""Turn the text of a value, as it came, into the Python value; raise whatever if that cannot hold it exactly."""


@dataclass(frozen=True, slots=True)
class Type:
    """A type's name and what it is made of.

    `kind` is pg_type's typtype, and `a` for an array; `below` the type of an element, bound or domain's value.
    """

    name: str
    kind: str = "b"
    below: int = 0
    delimiter: str = ","


def loads_of(oids: Iterable[int], types: Mapping[int, Type], encoding: str) -> dict[int, Load]:
    """Return what reads the values of each of these types; those that stay text are left out."""
    loaders = _Loaders(types, encoding)
    return {oid: loaders.load_of(oid) for oid in oids if loaders.have(oid)}


def decode(text: Buffer, encoding: str) -> str:
    """Return text in the client's encoding; bytes that are not (a SQL_ASCII database) become visible escapes."""
    return str(text, encoding, "backslashreplace")


class _Adapters(AdaptersMap):
    """Loaders, with what they need to know, and the map of those that raise."""

    def __init__(self, encoding: str, exact: _Adapters | None = None) -> None:
        super().__init__()
        self.encoding, self.exact, self.lenient = encoding, exact or self, self
        self.register_loader(_TEXT, _TextLoader)


class _Loaders:
    """The loaders of a result's types: `exact` ones, which raise, and `lenient` ones, which then return the text."""

    def __init__(self, types: Mapping[int, Type], encoding: str) -> None:
        self._types = types
        self._exact = _Adapters(encoding)
        self._lenient = self._exact.lenient = _Adapters(encoding, self._exact)

    def load_of(self, oid: int) -> Load:
        return Transformer(self._exact).get_loader(oid, Format.TEXT).load

    def have(self, oid: int) -> bool:
        """Register what reads a type, and return whether there is anything."""
        if self._exact.get_loader(oid, Format.TEXT):
            return True
        type_ = self._types.get(oid)
        if not type_ or not (loader := self._made(oid, type_)):
            return False
        self._exact.register_loader(oid, loader)
        self._lenient.register_loader(oid, loader if loader in _TOTAL else _LenientLoader)
        return True

    def _made(self, oid: int, type_: Type) -> type[Loader] | None:
        match type_.kind:
            case "a":
                return self._array(oid, type_)
            case "d" if self.have(type_.below):
                return self._made(type_.below, self._types[type_.below])
            case "r" | "m":
                self.have(type_.below)
                return _with_bounds(RangeLoader if type_.kind == "r" else MultirangeLoader, type_.below)
            case "b":
                return _LOADERS.get(type_.name)
            case _:
                return None

    def _array(self, oid: int, type_: Type) -> type[Loader]:
        # A JSON element that is a list would look like one more dimension, so those stay text.
        readable = self.have(type_.below) and self._exact.get_loader(type_.below, Format.TEXT) is not _JsonLoader
        element = type_.below if readable else _TEXT
        register_array(TypeInfo("element", element, oid, delimiter=type_.delimiter), self._lenient)
        return _with_parser(self._lenient.get_loader(oid, Format.TEXT))


_TEXT = 0  # what psycopg takes for types that it has no loader for


# psycopg remembers each class that was ever registered. So there is one for each type, not one for each result.
@functools.cache
def _with_bounds(loader: type[Loader], oid: int) -> type[Loader]:
    return type(loader.__name__, (loader,), {"subtype_oid": oid})


@functools.cache
def _with_parser(parser: type[AnyLoader]) -> type[Loader]:
    return type(_ArrayLoader.__name__, (_ArrayLoader,), {"parser": parser})


class _OwnLoader(Loader):
    """A loader that knows the adapters it is one of."""

    def __init__(self, oid: int, context: AdaptContext | None = None) -> None:
        super().__init__(oid, context)
        adapters = context.adapters if context else None
        assert isinstance(adapters, _Adapters)
        self._adapters, self._encoding = adapters, adapters.encoding


class _TextLoader(_OwnLoader):
    def load(self, data: Buffer) -> str:
        return str(data, self._encoding, "backslashreplace")


class _JsonLoader(_OwnLoader):
    def load(self, data: Buffer) -> Any:
        return read_json(str(data, self._encoding, "backslashreplace"))


class _LenientLoader(_OwnLoader):
    """What reads a value inside of another: its text where the exact loader raises."""

    def __init__(self, oid: int, context: AdaptContext | None = None) -> None:
        super().__init__(oid, context)
        self._load = Transformer(self._adapters.exact).get_loader(oid, Format.TEXT).load

    def load(self, data: Buffer) -> Any:
        # Whatever went wrong, PostgreSQL had an answer: its text is exact, an error would be none.
        try:
            return self._load(data)
        except Exception:  # noqa: BLE001
            return decode(data, self._encoding)


class _ArrayLoader(_OwnLoader):
    """Arrays that begin at 1 in every dimension, as a list does not tell another beginning."""

    parser: ClassVar[type[AnyLoader]]

    def __init__(self, oid: int, context: AdaptContext | None = None) -> None:
        super().__init__(oid, context)
        self._load = self.parser(oid, self._adapters.lenient).load

    def load(self, data: Buffer) -> Any:
        if bytes(data[:1]) != b"{":
            raise ValueError("bounds that a list cannot show, or no array at all (int2vector)")
        return self._load(data)


# -- what stands in front of psycopg's --------------------------------------------------------------------------------


class _UnboundLoader(Loader):
    """A loader of psycopg's, in C if it is there, bound to no connection."""

    loader: ClassVar[type[Loader]]

    def __init__(self, oid: int, context: AdaptContext | None = None) -> None:
        super().__init__(oid)
        adapters = AdaptersMap()
        adapters.register_loader(oid, self.loader)
        self._load = Transformer(adapters).get_loader(oid, Format.TEXT).load


class _ByteaLoader(_UnboundLoader):
    loader = ByteaLoader

    def load(self, data: Buffer) -> Any:
        return self._load(bytes(data))  # which ends with a NUL, as an element of an array does not


class _DateLoader(_UnboundLoader):
    loader = DateLoader

    def load(self, data: Buffer) -> Any:
        if len(data) != 10 or data[4] != _DASH:
            raise ValueError("not an ISO date that Python can hold")
        return self._load(data)


class _TimestampLoader(_UnboundLoader):
    loader: ClassVar[type[Loader]] = TimestampLoader

    def load(self, data: Buffer) -> Any:
        if len(data) < 19 or data[4] != _DASH or data[10] != _BLANK:
            raise ValueError("not an ISO timestamp that Python can hold")
        return self._load(data)


class _TimestamptzLoader(_TimestampLoader):
    loader = TimestamptzLoader

    def load(self, data: Buffer) -> Any:
        moment = super().load(data)
        if moment.tzinfo is not UTC:  # so near to the ends of Python's calendar that it left the zone as it was
            raise ValueError("not a moment that Python can hold in UTC")
        return moment


class _IntervalLoader(_UnboundLoader):
    loader = IntervalLoader

    def load(self, data: Buffer) -> Any:
        if not data or not _DAYS_AND_CLOCK.fullmatch(data):
            raise ValueError("months, or another IntervalStyle")
        return self._load(data)


_DASH, _BLANK = b"- "
_DAYS_AND_CLOCK = re.compile(rb"(?:[+-]?\d+ days?)?(?:(?:^| )[+-]?\d\d+:\d\d:\d\d(?:\.\d{1,6})?)?")
_LOADERS: dict[str, type[Loader]] = {
    "bool": BoolLoader,
    "bytea": _ByteaLoader,
    "float4": FloatLoader,
    "float8": FloatLoader,
    "int2": IntLoader,
    "int4": IntLoader,
    "int8": IntLoader,
    "numeric": NumericLoader,
    "oid": IntLoader,
    "uuid": UUIDLoader,
    "json": _JsonLoader,
    "jsonb": _JsonLoader,
    "date": _DateLoader,
    "time": TimeLoader,
    "timetz": TimetzLoader,
    "timestamp": _TimestampLoader,
    "timestamptz": _TimestamptzLoader,
    "interval": _IntervalLoader,
}
_TOTAL = frozenset({BoolLoader, _ByteaLoader, FloatLoader, IntLoader, NumericLoader, UUIDLoader})
