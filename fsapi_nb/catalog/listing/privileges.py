"""Tell which rights were granted and revoked, from two lists of rights as the server writes them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from fsapi_nb.catalog.listing.rows import elements, written
from fsapi_nb.text.sql import unquoted

_WORDS = {
    "r": "SELECT",
    "a": "INSERT",
    "w": "UPDATE",
    "d": "DELETE",
    "D": "TRUNCATE",
    "x": "REFERENCES",
    "t": "TRIGGER",
    "m": "MAINTAIN",
    "X": "EXECUTE",
    "U": "USAGE",
    "C": "CREATE",
}
#: The rights of an owner, and of everybody, that need no list.
_OWNERS = {"table": "arwdDxtm", "sequence": "rwU", "routine": "X", "type": "U", "schema": "UC", "column": ""}
_EVERYBODYS = {"routine": "X", "type": "U", "language": "U"}
_RIGHT = re.compile(r'("(?:[^"]|"")*"|[^="]*)=([A-Za-z*]*)/', re.DOTALL)
_PUBLIC = "PUBLIC"

Rights = dict[str, set[str]]


def changed_rights(
    before: str | None, after: str | None, *, kind: str, owners: tuple[str, str], on: str = ""
) -> Iterator[str]:
    """Yield phrases of what was granted and revoked. A new owner has the rights of the one before.

    Args:
        before: The list of rights as it was; None if there was none, so that the defaults held.
        after: The list as it is.
        kind: The kind of the object, which decides about the defaults.
        owners: The owner of the object before and after.
        on: What of the object the rights are on, such as a column.
    """
    if before == after:
        return
    old, new = _rights(before), _rights(after)
    if old is None:
        old = _defaults(kind, owners[0], new)
    if new is None:
        new = _defaults(kind, owners[1], old)
    if owners[0] != owners[1]:
        old.setdefault(owners[1], set()).update(old.pop(owners[0], set()))
    for grantee in sorted({*old, *new}):
        gained = new.get(grantee, set()) - old.get(grantee, set())
        lost = old.get(grantee, set()) - new.get(grantee, set())
        role = grantee if grantee == _PUBLIC else written(grantee)
        if gained:
            yield f"{_words(gained, kind)}{on} granted to {role}"
        if lost:
            yield f"{_words(lost, kind)}{on} revoked from {role}"


def _rights(text: str | None) -> Rights | None:
    """Return the letters of each role's rights; a letter with a star may be passed on."""
    if text is None:
        return None
    found: Rights = {}
    for each in elements(text):
        match = _RIGHT.match(each or "")
        if match:
            found.setdefault(unquoted(match[1]) or _PUBLIC, set()).update(re.findall(r"[A-Za-z]\*?", match[2]))
    return found


def _defaults(kind: str, owner: str, other: Rights | None) -> Rights:
    """Return the rights that hold without a list. What an older server does not know, MAINTAIN, is left out."""
    letters = set(_OWNERS.get(kind, "U"))
    if "m" not in (other or {}).get(owner, set()):
        letters.discard("m")
    return {owner: letters, **({_PUBLIC: {_EVERYBODYS[kind]}} if kind in _EVERYBODYS else {})}


def _words(letters: set[str], kind: str) -> str:
    """Return the names of rights; ALL if an owner has no more."""
    everything = set(_OWNERS.get(kind, "")) - {"m"}
    if len(everything) > 1 and everything <= letters:
        return "ALL"
    plain = [word for letter, word in _WORDS.items() if letter in letters]
    return ", ".join(
        [*plain, *(f"{word} with grant option" for letter, word in _WORDS.items() if f"{letter}*" in letters)]
    )
