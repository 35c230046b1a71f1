"""Decide which characters a database without UTF-8 can hold, and escape a text that does not fit.

A text that fits is kept as it is. Any other one is kept after `ESCAPED`, with the characters that do not fit written as
PostgreSQL's `unistr()` reads them, so that it can be restored exactly, whatever the encoding of the database.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable
from dataclasses import dataclass

#: The beginning of an escaped text. `SELECT unistr(substr(up, 24))` gives the text, if the encoding has its characters.
ESCAPED = "/* fsapi_nb: unistr */ "
_ESCAPE = re.compile(r"\\(\\|u[0-9a-f]{4}|U[0-9a-f]{8})")
#: Python's codecs for encodings that have another name in PostgreSQL.
_CODECS = {"EUC_CN": "gb2312", "KOI8R": "koi8-r", "KOI8U": "koi8-u"}
#: Characters that PostgreSQL and Python map differently into East Asian encodings.
_AMBIGUOUS = frozenset(
    "\u00a2\u00a3\u00a5\u00a6\u00ac\u2014\u2015\u2016\u203e\u2225\u2212\u301c\uff0d\uff3c\uff5e\uffe0\uffe1\uffe2\uffe3\uffe4\uffe5"
)


@dataclass(frozen=True, slots=True)
class Encoding:
    """The encoding of a database: PostgreSQL's name, and Python's codec for it; None if Python has none."""

    name: str
    codec: str | None

    def unfit(self, text: str) -> int | None:
        """Return the index of the first character that the database cannot hold; None if none is certain."""
        try:
            text.encode(self.codec or "utf-8")
        except UnicodeEncodeError as error:
            return error.start
        return None

    def holds(self, character: str) -> bool:
        """Return whether the database certainly can hold the character."""
        if character.isascii():
            return True
        return self.codec is not None and character not in _AMBIGUOUS and self.unfit(character) is None

    def holds_all(self, text: str) -> bool:
        """Return whether the database certainly can hold the text."""
        return text.isascii() or all(map(self.holds, set(text)))


def encoding_named(name: str | None) -> Encoding | None:
    """Return the encoding with PostgreSQL's name; None for UTF8 and SQL_ASCII, which take every text."""
    return None if name is None or name in {"UTF8", "SQL_ASCII"} else Encoding(name, codec_named(name))


def codec_named(name: str) -> str | None:
    """Return Python's codec for PostgreSQL's encoding with this name; None if it has none."""
    try:
        return codecs.lookup(_CODECS.get(name, name.replace("WIN", "cp"))).name
    except LookupError:
        return None


def fitting(names: Iterable[str], encoding: Encoding | None) -> list[str]:
    """Return the names that a database can hold. A query with another one would fail.

    Args:
        names: Names of migrations, for example.
        encoding: The database's; None if it holds every text.
    """
    return [name for name in names if encoding is None or encoding.holds_all(name)]


def keep(text: str, encoding: Encoding | None) -> str:
    """Return the text as it is kept in a database: as it is, or escaped, after `ESCAPED`.

    Args:
        text: Any text.
        encoding: The database's; None if it holds every text.
    """
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
    """Return the text from which `keep` made the kept one."""
    if not kept.startswith(ESCAPED):
        return kept
    return _ESCAPE.sub(lambda match: match[1] if match[1] == "\\" else chr(int(match[1][1:], 16)), kept[len(ESCAPED) :])
