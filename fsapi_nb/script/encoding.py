"""What a database that is not in UTF-8 can hold: which characters fit, and how a text that does not fit is kept.

A text is kept as it is if it fits. Else it is kept behind `ESCAPED`, with what does not fit written as PostgreSQL's
`unistr()` reads it, so that it comes back character by character, in a database of any encoding. Pure.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable
from dataclasses import dataclass

#: What an escaped text begins with. `SELECT unistr(substr(up, 24))` gives the text, where the encoding has it.
ESCAPED = "/* fsapi_nb: unistr */ "
_ESCAPE = re.compile(r"\\(\\|u[0-9a-f]{4}|U[0-9a-f]{8})")
#: PostgreSQL's names of encodings, as Python calls them where its name is another one.
_CODECS = {"EUC_CN": "gb2312", "KOI8R": "koi8-r", "KOI8U": "koi8-u"}
#: Of these PostgreSQL and Python do not map the same ones into East Asian encodings.
_AMBIGUOUS = frozenset(
    "\u00a2\u00a3\u00a5\u00a6\u00ac\u2014\u2015\u2016\u203e\u2225\u2212\u301c\uff0d\uff3c\uff5e\uffe0\uffe1\uffe2\uffe3\uffe4\uffe5"
)


@dataclass(frozen=True, slots=True)
class Encoding:
    """The encoding of a database, by PostgreSQL's name, with the codec that Python has for it; None if it has none."""

    name: str
    codec: str | None

    def unfit(self, text: str) -> int | None:
        """Return the place of the first character that the database cannot hold; None if there is none for certain."""
        try:
            text.encode(self.codec or "utf-8")
        except UnicodeEncodeError as error:
            return error.start
        return None

    def holds(self, character: str) -> bool:
        """Return whether the database holds that character for certain."""
        if character.isascii():
            return True
        return self.codec is not None and character not in _AMBIGUOUS and self.unfit(character) is None

    def holds_all(self, text: str) -> bool:
        """Return whether the database holds the text for certain."""
        return text.isascii() or all(map(self.holds, set(text)))


def encoding_named(name: str | None) -> Encoding | None:
    """Return the encoding of that name; None for one that holds every text, and for SQL_ASCII, which takes any bytes."""
    return None if name is None or name in {"UTF8", "SQL_ASCII"} else Encoding(name, codec_named(name))


def codec_named(name: str) -> str | None:
    """Return the codec that Python has for PostgreSQL's encoding of that name; None if it has none."""
    try:
        return codecs.lookup(_CODECS.get(name, name.replace("WIN", "cp"))).name
    except LookupError:
        return None


def fitting(names: Iterable[str], encoding: Encoding | None) -> list[str]:
    """Return the names that a database of that encoding may hold; it cannot even be asked for the others."""
    return [name for name in names if encoding is None or encoding.holds_all(name)]


def keep(text: str, encoding: Encoding | None) -> str:
    """Return the text as it is kept in a database of that encoding."""
    if not text.startswith(ESCAPED) and (encoding is None or encoding.holds_all(text)):
        return text
    escapes = {character: _escape(character, encoding) for character in set(text)}
    return ESCAPED + "".join(map(escapes.__getitem__, text))


def _escape(character: str, encoding: Encoding | None) -> str:
    if character == "\\":
        return "\\\\"
    if encoding is None or encoding.holds(character):
        return character
    number = ord(character)
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def restore(kept: str) -> str:
    """Return the text that was kept."""
    if not kept.startswith(ESCAPED):
        return kept
    return _ESCAPE.sub(lambda match: match[1] if match[1] == "\\" else chr(int(match[1][1:], 16)), kept[len(ESCAPED) :])
