"""Recognise other tools' file names: half of a pair, an undo, a repeatable migration.

Such a file is not a whole migration, whatever it holds: the half that undoes a change would do so if it ran as an UP.
"""

from __future__ import annotations

import bisect
import datetime
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

_FORTH = ("up", "do", "deploy", "apply", "forward", "forwards")
_BACK = ("down", "undo", "revert", "unapply", "rollback", "backward", "backwards")
_WORDS = frozenset((*_FORTH, *_BACK))
_TIME = re.compile(r"[0-9]{4}(?:_[0-9]{2}){4}_")
_LENGTH = len("2026_01_31_09_30_")
_NUMBER = re.compile(r"([0-9]{12})(?:[0-9]{2})?[_-]|[0-9.]+[_-]")
_DOTTED = re.compile(rf"(.+)\.({'|'.join((*_FORTH[:3], *_BACK))})\.sql", re.IGNORECASE | re.DOTALL)
_FLYWAY = re.compile(r"(?:([VUB])([0-9][0-9._]*)|R)__(.+)\.sql", re.DOTALL)
_SIGNS = re.compile(r"__|\..*\.")
_BARE = frozenset(f"{word}.sql" for word in _BACK)
_EXAMPLE = "2026_01_31_09_30_"


class Siblings:
    """The names of a folder's files, among which a file's other half is looked for."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = frozenset(names)

    @cached_property
    def by_version(self) -> dict[str, str]:
        """Flyway's files by the beginning of their names (`V1__`), without times."""
        versions = ((_FLYWAY.fullmatch(_without_time(name)), name) for name in sorted(self.names, reverse=True))
        return {f"{match[1]}{match[2]}__": name for match, name in versions if match and match[1]}


class NameFault(NamedTuple):
    """A fault of a file's name: what is wrong, and what to do."""

    message: str
    hint: str


def find_foreign(names: Sequence[str]) -> dict[str, NameFault]:
    """Return the fault of each name that is not a whole migration's.

    A name that ends in `.up`, `.down`, `.do` or `.undo` (before its `.sql`), or that has Flyway's `V1__` after its
    time, is one by itself, and so is a name whose only word is `down`; `add_phone_down` only if the folder has its
    other half.

    Args:
        names: All names of a folder, in the order in which they would run.
    """
    known = Siblings(names)
    # Most names have neither sign, and there may be thousands.
    found = {name: fault for name in names if _SIGNS.search(name) and (fault := _by_itself(name, known))}
    found |= {name: _of_bare(name, known) for name in names if name[_LENGTH:].lower() in _BARE and _TIME.match(name)}
    halves = [half for name in names if name not in found and (half := _half(name))]
    by_stem = {(half.stem, half.undoes): half.name for half in reversed(halves)}
    whole = _without_halves(names) if halves else {}
    for half in halves:
        other = by_stem.get((half.stem, not half.undoes)) or _bare(half, whole, names)
        if other:
            found[half.name] = _of_pair(half, other, certain=False)
            found.setdefault(other, _of_pair(_Half(other, half.stem, undoes=not half.undoes), half.name, certain=False))
    return found


def explain_bad_name(name: str, fault: str, known: Siblings) -> NameFault:
    """Return what is wrong with a name that is not a migration's, and what to do with the file.

    The half of a pair that undoes a change must not be renamed: it would run as a change.

    Args:
        name: The name of a file.
        fault: What is wrong with it by the rules of `naming`.
        known: All names of its folder.
    """
    foreign = _by_itself(name, known) or _bad_half(name, known)
    if foreign:
        return foreign
    number = _NUMBER.match(name)
    time = _minute(number[1]) if number and number[1] else None
    if time and number:
        return NameFault(fault, f"rename it to {time}_{name[number.end() :]}; the time is UTC, by minutes.")
    return NameFault(fault, "rename it, such as 2026_01_31_09_30_add_phone.sql; UTC, by minutes.")


class _Half(NamedTuple):
    """A name that may be half of a pair: the words that both have in common, and whether it undoes."""

    name: str
    stem: str
    undoes: bool


def _by_itself(name: str, known: Siblings) -> NameFault | None:
    """Return what is wrong with a name that says by itself what its file is; None for another name."""
    time = _TIME.match(name)
    flyway = _FLYWAY.fullmatch(name, time.end() if time else 0)
    if flyway:
        return _of_flyway(flyway, known)
    if name.lower() in {"up.sql", "down.sql"}:  # the two files of one folder, as Diesel and Hasura have them
        undoes = name.lower() == "down.sql"
        return _of_pair(_Half(name, "name", undoes), "up.sql" if undoes else "down.sql")
    match = _DOTTED.fullmatch(name)
    return _of_dotted(_Half(name, match[1], match[2].lower() in _BACK), match[2], known) if match else None


def _of_dotted(half: _Half, word: str, known: Siblings) -> NameFault:
    """Return what is wrong with `add_phone.down.sql`."""
    others = [f"{half.stem}.{each}.sql" for each in (_FORTH if half.undoes else _BACK)]
    other = next((each for each in [*others, f"{half.stem}.sql"] if each in known.names), None)
    if other:
        return _of_pair(half, other)
    whole = _whole(half)
    if half.undoes:
        message = f"by its name (.{word}), this file undoes what another one does, such as {others[0]}"
        return NameFault(message, f"put its SQL below a line `-- DOWN` in {whole}, and delete this file.")
    message = f"by its name (.{word}), this file is one half of a migration, and {others[0]} would be the other"
    return NameFault(message, f"rename it to {whole}, with a line `-- UP` above its SQL.")


def _of_bare(name: str, known: Siblings) -> NameFault:
    """Return what is wrong with a name that says only that its file undoes something."""
    other = next((each for word in _FORTH if (each := f"{name[:_LENGTH]}{word}.sql") in known.names), None)
    if other:
        return _of_pair(_Half(name, "name", undoes=True), other)
    hint = "put its SQL below a line `-- DOWN` in the file of that change, and delete this one."
    return NameFault("by its name, this file undoes what another one does", hint)


def _of_pair(half: _Half, other: str, *, certain: bool = True) -> NameFault:
    """Return what is wrong with one half of a pair whose other half exists."""
    up, down = (other, half.name) if half.undoes else (half.name, other)
    hint = (
        f"make one file of both, {_whole(half)}: below a line `-- UP` the SQL of {up}, below a line `-- DOWN` that of "
        f"{down}; then delete the two."
    )
    if certain:
        return NameFault(f"this file and {other} are the two halves of one migration", hint)
    own = f" If {half.name} is a separate change, rename it."
    return NameFault(f"by its name, this file and {other} are the two halves of one migration", hint + own)


def _of_flyway(match: re.Match[str], known: Siblings) -> NameFault:
    letter, version, words = match[1] or "R", match[2], match[3]
    whole = f"{_EXAMPLE}{words}.sql"
    if letter == "R":
        message = "by its name (R__), this is a repeatable migration of Flyway; here each file runs once"
        return NameFault(message, f"rename it to {whole}, and put its new text into a new file when it changes.")
    opposite = f"{'V' if letter == 'U' else 'U'}{version}__"
    other = known.by_version.get(opposite)
    if letter == "U":
        message = f"by its name (U{version}__), this file undoes what {other or f'{opposite}{words}.sql'} does"
        return NameFault(message, f"put its SQL below a line `-- DOWN` in {whole}, and delete this file.")
    down = f", a line `-- DOWN` and the SQL of {other} at its end" if other else ""
    return NameFault(
        f"by its name ({letter}{version}__), this is a migration of Flyway",
        f"rename it to {whole}, in the order of the versions, with a line `-- UP` above its SQL{down}.",
    )


def _mark_word(words: str) -> tuple[str, str, str] | None:
    """Split the words of a name at the first or last one, if that is a word such as `down`; else None.

    Returns the text before the word, the word and the text after it. It uses no pattern, because it is called for every
    file.
    """
    plain = words.replace("-", "_")
    last = plain.rpartition("_")[2]
    if last.lower() in _WORDS and len(last) < len(words) - 1:
        return words[: -len(last)], last, ""
    first = plain.partition("_")[0]
    if first.lower() in _WORDS and len(first) < len(words) - 1:
        return "", first, words[len(first) :]
    return None


def _half(name: str) -> _Half | None:
    """Return the half of a pair that a name may be by its first or last word; None if it is not one."""
    found = _mark_word(_without_time(name)[: -len(".sql")])
    if found is None:
        return None
    before, word, after = found
    return _Half(name, before[:-1] or after[1:], word.lower() in _BACK)


def _bad_half(name: str, known: Siblings) -> NameFault | None:
    """Return what is wrong with half of a pair that has no time, such as `0001_a_down.sql`."""
    half, found = _half(name), _mark_word(name.removesuffix(".sql"))
    if half is None or found is None:
        return None
    before, _, after = found
    others = [f"{before}{word}{after}.sql" for word in (_FORTH if half.undoes else _BACK)]
    if half.undoes:
        others.append(f"{half.stem}.sql")
    other = next((each for each in others if each in known.names), None)
    return _of_pair(half, other) if other else None


def _without_halves(names: Sequence[str]) -> dict[str, list[int]]:
    """Return the places of names in the folder's order, by their words without times."""
    found: dict[str, list[int]] = {}
    for index, name in enumerate(names):
        found.setdefault(_without_time(name).removesuffix(".sql"), []).append(index)
    return found


def _bare(half: _Half, whole: Mapping[str, Sequence[int]], names: Sequence[str]) -> str | None:
    """Return the file without such a word that `add_phone_down` undoes: of the same time, or next to it.

    A file further away is not meant: there, `add_phone_rollback` may be a separate change.
    """
    others = whole.get(half.stem, ()) if half.undoes else ()
    if not others:
        return None
    place, time = bisect.bisect_left(names, os.fsencode(half.name), key=os.fsencode), _TIME.match(half.name)
    near = (each for each in others if abs(each - place) == 1 or (time and names[each].startswith(time[0])))
    return next((names[each] for each in near), None)


def _whole(half: _Half) -> str:
    """Return a name for the file of both halves."""
    time = _TIME.match(half.name)
    number = _NUMBER.match(half.stem)
    if time:
        return f"{time[0]}{_without_time(half.stem)}.sql"
    minute = _minute(number[1]) if number and number[1] else None
    words = half.stem[number.end() :] if number else half.stem
    return f"{minute}_{words}.sql" if minute else f"{_EXAMPLE}{words}.sql"


def _without_time(name: str) -> str:
    return name[_LENGTH:] if _TIME.match(name) else name


def _minute(digits: str) -> str | None:
    """Return the time of 20260131093059_add_phone.sql as a migration's name has it; None if not a time."""
    try:
        return datetime.datetime.strptime(digits, "%Y%m%d%H%M").replace(tzinfo=datetime.UTC).strftime("%Y_%m_%d_%H_%M")
    except ValueError:
        return None
