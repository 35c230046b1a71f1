"""Match what was typed against the names of migrations: the whole name, its words, or a part of it.

The words are what follows the time. Letters count as they are written, in Unicode's form NFC; `.sql` may be left out,
and says where the name ends if it is given.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable

from fsapi_nb.script.naming import with_suffix

_SUFFIX = ".sql"
_TIME = re.compile(r"[0-9]{4}(?:_[0-9]{2}){4}_")
_YEAR = len("YYYY")


def match_whole(wanted: str, known: Iterable[str]) -> list[str]:
    """Return the name that is exactly that or, if there is none, those whose words are that."""
    full, names = with_suffix(_normal(wanted)), list(known)
    return [full] if full in names else [name for name in names if words_of(name) == full.removesuffix(_SUFFIX)]


def match_part(wanted: str, known: Iterable[str]) -> list[str]:
    """Return the names that are meant by a part of one: those of `names_with`, if it is enough to look for."""
    return names_with(wanted, known) if can_be_part(wanted) else []


def names_with(part: str, known: Iterable[str]) -> list[str]:
    """Return the names that begin with that or, if there are none, those that contain it.

    A beginning is that of the whole name, and so of its time, or that of the words. What only has digits of the time
    in its middle does not contain it.
    """
    part, names = _normal(part), list(known)
    beginning = [name for name in names if _starts(name, part)]
    return beginning or [name for name in names if _contains(name, part)]


def can_be_part(part: str) -> bool:
    """Return whether that is enough to look for: not nothing, nor digits that may be meant as a number."""
    word = part.removesuffix(_SUFFIX).strip("_")
    return bool(word.strip()) and not (word.isdecimal() and len(word) < _YEAR)


def words_of(name: str) -> str:
    """Return what follows the time in a migration's name, without `.sql`."""
    stem = name.removesuffix(_SUFFIX)
    return stem[_words_begin(stem) :]


def _words_begin(stem: str) -> int:
    time = _TIME.match(stem)
    return time.end() if time else 0


def _starts(name: str, part: str) -> bool:
    test: Callable[[str], bool] = (
        (lambda text: f"{text}{_SUFFIX}" == part) if part.endswith(_SUFFIX) else (lambda text: text.startswith(part))
    )
    return test(name.removesuffix(_SUFFIX)) or test(words_of(name))


def _contains(name: str, part: str) -> bool:
    stem = name.removesuffix(_SUFFIX)
    sought = part.removesuffix(_SUFFIX)
    if part.endswith(_SUFFIX) and not stem.endswith(sought):
        return False
    last = stem.rfind(sought)
    return last >= 0 and last + len(sought) > _words_begin(stem)


def _normal(text: str) -> str:
    return unicodedata.normalize("NFC", text)
