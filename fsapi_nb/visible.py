"""Text whose control characters can be seen, and do nothing: for errors, terminals, JSON, and all that is shown of others."""

from __future__ import annotations

import json
import unicodedata

# Controls, formats (directions of writing, characters without width), surrogates, line and paragraph ends.
_OBEYED = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


class _Written(dict[int, str]):
    """What each character is written as, for `str.translate`; found out once, as notices have megabytes."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        harmless = unicodedata.category(character) not in _OBEYED
        self[code] = character if harmless else character.encode("unicode_escape").decode()
        return self[code]


class _WrittenInJson(dict[int, str]):
    """The same as JSON writes it: outside of its strings JSON has no such character but line ends."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        harmless = unicodedata.category(character) not in _OBEYED
        self[code] = character if harmless else json.dumps(character)[1:-1]
        return self[code]


_WRITTEN = _Written({ord("\n"): "\n", ord("\t"): "\t"})
_WRITTEN_IN_LINE = _Written()
_WRITTEN_IN_JSON = _WrittenInJson()


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
