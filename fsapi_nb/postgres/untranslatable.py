"""Find the character that an encoding lacks in PostgreSQL's error (SQLSTATE 22P05), which shows only its bytes. No I/O."""

from __future__ import annotations

import re

from fsapi_nb.script.encoding import codec_named

_BYTES = re.compile(r"0x[0-9a-f]{2}(?: 0x[0-9a-f]{2})*")
# The names of the two encodings, with any quotes; everything else in the message is words of its language, or bytes.
_NAME = re.compile(r"\b[A-Z][A-Z0-9_]{2,}\b")


def lacking(message: str) -> tuple[str, str] | None:
    """Return the character that could not be converted, and the encoding that lacks it; None if they cannot be found."""
    found, names = _BYTES.search(message), _NAME.findall(message)
    codec = codec_named(names[0]) if found and len(names) == 2 else None
    if found is None or codec is None:
        return None
    try:
        character = bytes.fromhex(found[0].replace("0x", "")).decode(codec)
    except UnicodeDecodeError:
        return None
    return character, names[1]


def say_lacking(character: str, encoding: str) -> str:
    """Return the message that the encoding lacks the character."""
    codes = " ".join(f"U+{ord(each):04X}" for each in character)
    return f"the encoding {encoding} has no character {character} ({codes})"
