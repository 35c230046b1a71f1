"""Write numbers in words."""

from __future__ import annotations

import re

_SIBILANT = re.compile(r".*(?:s|x|z|ch|sh)")
_CONSONANT_Y = re.compile(r".*[^aeiou]y")


def counted(count: int, noun: str) -> str:
    """Return a number with its noun: `1 migration`, `2 migrations`, `2 indexes`."""
    return f"{count} {noun if count == 1 else plural(noun)}"


def plural(noun: str) -> str:
    """Return the plural of a noun: `migrations`, `indexes`, `policies`."""
    if _SIBILANT.fullmatch(noun):
        return f"{noun}es"
    return f"{noun[:-1]}ies" if _CONSONANT_Y.fullmatch(noun) else f"{noun}s"
