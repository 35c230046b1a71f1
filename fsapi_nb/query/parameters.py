"""Python values as the parameters of a statement: what travels beside the text, never in it.

psycopg says which type of PostgreSQL a Python type is, once `plain` has made one of its own of it; a dict is a jsonb.
Nothing is sent here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from decimal import Decimal

import psycopg
from psycopg import abc
from psycopg.adapt import Dumper, PyFormat, Transformer
from psycopg.pq import Format

from fsapi_nb.errors import UsageError
from fsapi_nb.postgres.wire import Connection, QueryParameters, encoding_of
from fsapi_nb.query.adaptation import plain
from fsapi_nb.query.values import JSON_NULL, JsonNull


class _JsonbDumper(Dumper):
    """A document as jsonb, so that what was read from one can be bound again, digit by digit."""

    oid = psycopg.adapters.types["jsonb"].oid
    format = Format.TEXT

    def dump(self, obj: object) -> bytes:
        # As the characters themselves: an escape such as \u00e9 is refused where the database is in SQL_ASCII.
        return _document(obj).encode(encoding_of(self.connection) if self.connection else "utf-8")


def bind(connection: Connection, parameters: Sequence[object]) -> QueryParameters:
    """Return the parameters as they are sent, `$1` first.

    Raises:
        UsageError: A value is of a type that PostgreSQL has none for.
    """
    cursor = connection.cursor()
    for kind in (dict, JsonNull):
        cursor.adapters.register_dumper(kind, _JsonbDumper)
    transformer = Transformer(cursor)
    bound = [_bind_one(transformer, number, value) for number, value in enumerate(parameters, start=1)]
    return QueryParameters([value for value, _ in bound], [oid for _, oid in bound])


def _bind_one(transformer: abc.Transformer, number: int, value: object) -> tuple[bytes | None, int]:
    try:
        # As text: a subclass of a date, as pandas has them, need not be one bit by bit.
        (dumped,) = transformer.dump_sequence([plain(value)], [PyFormat.TEXT])
    except (psycopg.Error, TypeError, ValueError, OverflowError, RecursionError, NotImplementedError) as error:
        why = re.sub(r" using placeholder.*", "", str(error).partition("\n")[0])
        raise UsageError(
            f"${number} ({type(value).__name__}) cannot be a parameter: {why}",
            hint="numbers, text, bool, bytes, dates and times, UUID, None, and lists and dicts of them can; so can arrays of "
            "numpy and columns of pandas.",
        ) from None
    (oid,) = transformer.types or (0,)
    return None if dumped is None else bytes(dumped), oid


def _document(value: object) -> str:
    """Write a JSON document of Python values; fractions may be Decimal, which `json` does not write."""
    if value is JSON_NULL:
        return "null"
    if isinstance(value, Decimal) and value.is_finite():
        return str(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(key)}: {_document(member)}" for key, member in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_document(element) for element in value) + "]"
    if type(value).__module__ == "numpy" and hasattr(value, "item"):
        value = value.item()
    return json.dumps(value, allow_nan=False, ensure_ascii=False)


def _key(key: object) -> str:
    if not isinstance(key, str):
        raise TypeError(f"a key of a JSON object is text, not {type(key).__name__}")
    return json.dumps(key, ensure_ascii=False)
