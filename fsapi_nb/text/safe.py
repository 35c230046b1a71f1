"""Make untrusted text safe to show: its control characters are written out, and HTML is escaped.

Every error, view and terminal line goes through this module; nothing else escapes text.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable

# Unicode's categories of characters that a terminal obeys or that are invisible: controls, formats (directions of
# writing, characters without width), surrogates, line and paragraph ends.
_OBEYED = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


class _Escapes(dict[int, str]):
    """A table for `str.translate` that is filled as characters occur: notices may have megabytes."""

    def __init__(self, escape: Callable[[str], str], kept: str = "") -> None:
        super().__init__({ord(character): character for character in kept})
        self._escape = escape

    def __missing__(self, code: int) -> str:
        character = chr(code)
        harmless = unicodedata.category(character) not in _OBEYED
        self[code] = character if harmless else self._escape(character)
        return self[code]


def _as_python(character: str) -> str:
    return character.encode("unicode_escape").decode()


def _as_json(character: str) -> str:
    return json.dumps(character)[1:-1]


_WRITTEN = _Escapes(_as_python, kept="\n\t")
_WRITTEN_IN_LINE = _Escapes(_as_python)
_JOINER = "\u200d"  # it joins emoji into one
_WRITTEN_IN_CELL = _Escapes(_as_python, kept=_JOINER)
_WRITTEN_IN_JSON = _Escapes(_as_json)  # safe for a whole document in one line: they occur only inside its strings


def visible(text: str) -> str:
    """Return the text with its control characters written out.

    So they cannot drive a terminal or hide text. Line ends and tabs stay as they are.
    """
    # In most lines nothing is to be written out, and asking that takes a third of the time.
    return text if text.isascii() and text.isprintable() else text.translate(_WRITTEN)


def visible_line(text: str) -> str:
    """Return the text as one line: line ends and tabs are written out, too.

    So a name cannot forge a line.
    """
    return text if text.isascii() and text.isprintable() else text.translate(_WRITTEN_IN_LINE)


def visible_cell(text: str) -> str:
    """Return a value for a table's cell: as one line, with emoji as they are."""
    return text if text.isascii() and text.isprintable() else text.translate(_WRITTEN_IN_CELL)


def visible_name(name: str) -> str:
    """Return a file name with all characters written out that do not print: unusual blanks, broken bytes."""
    return "".join(each if each.isprintable() else _as_python(each) for each in name)


def esc(text: object) -> str:
    """Escape untrusted text for HTML. Quotes are escaped too, so it may be an attribute's value."""
    import html  # imported here because a terminal never needs it

    return html.escape(visible(str(text)), quote=True)


def json_text(document: object) -> str:
    """Return a document as one line of JSON.

    Letters of every script stay as they are; control characters are escapes.
    """
    return json.dumps(document, ensure_ascii=False, default=str).translate(_WRITTEN_IN_JSON)
