"""Text whose control characters can be seen, and do nothing: for errors, terminals, JSON, and all that is shown of others."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable

#: Categories of Unicode: controls, formats (directions of writing, characters without width), surrogates, line and
#: paragraph ends.
OBEYED = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


class _Written(dict[int, str]):
    """What each character is written as, for `str.translate`; found out once, as notices have megabytes."""

    def __init__(self, escape: Callable[[str], str], kept: str = "") -> None:
        super().__init__({ord(character): character for character in kept})
        self._escape = escape

    def __missing__(self, code: int) -> str:
        character = chr(code)
        harmless = unicodedata.category(character) not in OBEYED
        self[code] = character if harmless else self._escape(character)
        return self[code]


def _as_python(character: str) -> str:
    return character.encode("unicode_escape").decode()


def _as_json(character: str) -> str:
    return json.dumps(character)[1:-1]


_WRITTEN = _Written(_as_python, kept="\n\t")
_WRITTEN_IN_LINE = _Written(_as_python)
_WRITTEN_IN_JSON = _Written(_as_json)  # outside of its strings JSON has no such character but line ends


def visible(text: str) -> str:
    """Text whose control characters are written out, so that they cannot drive a terminal or hide what is there.

    Line ends and tabs stay as they are.
    """
    return text.translate(_WRITTEN)


def visible_line(text: str) -> str:
    """Return the text as one line: line ends and tabs are written out, too, so that a name cannot forge a line."""
    return text.translate(_WRITTEN_IN_LINE)


def json_text(document: object) -> str:
    """Return the document as one line of JSON: letters of every script as they are, what a terminal obeys as escapes."""
    return json.dumps(document, ensure_ascii=False, default=str).translate(_WRITTEN_IN_JSON)
