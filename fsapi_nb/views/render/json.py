"""What a result holds as one JSON object."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

from fsapi_nb.model.result import ResultSet
from fsapi_nb.views.document import Records


def json_of(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts as JSON holds them.

    A fact may be records (an object for each row), what a query gave (exact, see `views.tables.to_json`), or a tuple of
    such; every other one is JSON's already.
    """
    return {name: _plain(fact) for name, fact in facts.items()}


def _plain(fact: Any) -> Any:
    match fact:
        case Records(columns=columns, rows=rows):
            return [dict(zip(columns, map(_moment, row), strict=True)) for row in rows]
        case ResultSet():
            from fsapi_nb.views.tables import to_json

            return to_json(fact)
        case tuple():
            return [_plain(each) for each in fact]
        case _:
            return fact


def _moment(value: object) -> object:
    """Return a moment in ISO 8601, anything else as it is."""
    return value.isoformat() if isinstance(value, datetime.datetime) else value
