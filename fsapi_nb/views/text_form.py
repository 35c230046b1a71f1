"""Results whose one column is a text by itself, such as a plan or a setting: shown as that text, not as a table's cells."""

from __future__ import annotations

import json
from collections.abc import Iterable

from fsapi_nb.model.result import ResultSet
from fsapi_nb.text.safe import visible
from fsapi_nb.views.tables import json_text_of, notation_of

_COMMANDS = frozenset({"EXPLAIN", "SHOW"})


def is_text(result: ResultSet) -> bool:
    """Return whether a result is a text by itself: what EXPLAIN gives in any format, and SHOW of one setting."""
    return len(result.columns) == 1 and result.command in _COMMANDS


def text_lines(values: Iterable[object]) -> list[str]:
    """Return the lines of a text that has been read as the values of one column; documents of JSON are indented."""
    texts = [_indented(value) if isinstance(value, list | dict) else _plain(value) for value in values]
    return [visible(line) for text in texts for line in text.split("\n")]


def _plain(value: object) -> str:
    return "NULL" if value is None else value if isinstance(value, str) else notation_of(value)


def _indented(value: object, before: str = "") -> str:
    """Return a JSON value as PostgreSQL writes plans: its members below each other."""
    further = f"{before}  "
    if isinstance(value, list) and value:
        items = [f"{further}{_indented(item, further)}" for item in value]
        return "[\n" + ",\n".join(items) + f"\n{before}]"
    if isinstance(value, dict) and value:
        items = [
            f"{further}{json.dumps(key, ensure_ascii=False)}: {_indented(item, further)}" for key, item in value.items()
        ]
        return "{\n" + ",\n".join(items) + f"\n{before}}}"
    return json_text_of(value)
