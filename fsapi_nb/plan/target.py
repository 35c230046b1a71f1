"""Where to go: which migrations a verb means, by name, by number, or all of them."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Sequence

from fsapi_nb.errors import NothingToDo, UnknownMigration, UsageError
from fsapi_nb.model import Folder, History, HistoryEntry, MigrationStatus, State
from fsapi_nb.plan.reconcile import Standing
from fsapi_nb.script.template import with_suffix

RUNNABLE = frozenset({State.PENDING, State.LATE, State.PARTLY_APPLIED, State.BROKEN})


def find_name(wanted: str, names: Iterable[str]) -> str:
    """The one migration that a user means: the whole file name, or the part after the time, `.sql` or not.

    Raises UnknownMigration where there is none, or several.
    """
    known = list(names)
    wanted = unicodedata.normalize("NFC", wanted)
    full = wanted if wanted.endswith(".sql") else f"{wanted}.sql"
    if full in known:
        return full
    matches = [name for name in known if name[17:] == full]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise UnknownMigration(
            f"{wanted!r} is the name of several migrations: {', '.join(matches)}", hint="give one in full."
        )
    near = _near(wanted, known)
    hint = f"did you mean {' or '.join(near)}?" if near else "`status` lists them all."
    raise UnknownMigration(f"there is no migration {wanted!r}", hint=hint)


def _near(wanted: str, known: Sequence[str]) -> list[str]:
    """Names that may have been meant: those that hold what was typed, or are almost like it."""
    import difflib

    words = wanted.lower().removesuffix(".sql")
    if not words:
        return []
    holding = [name for name in known if words in name.lower()]
    typos = difflib.get_close_matches(words, [name[17:-4] for name in known])
    return (holding or [name for name in known if name[17:-4] in typos])[:5]


def choose_up(standing: Standing, *, to: str | None, count: int | None, settled: int = 0) -> list[MigrationStatus]:
    """What is to be applied, in order: everything pending, the next `count`, or all up to and with `to`.

    So many that were `settled` just now count as applied by this run.
    """
    _one_of(to=to, count=count)
    waiting = [status for status in standing.unsettled if status.state in RUNNABLE and status.entry is None]
    if count is not None:
        _positive(count)
        return waiting[: max(count - settled, 0)]
    if to is None:
        return waiting
    last = os.fsencode(find_name(to, standing.names))
    return [status for status in waiting if os.fsencode(status.name) <= last]


def choose_down(
    history: History, *, to: str | None, count: int | None, everything: bool, half: int = 0
) -> list[HistoryEntry]:
    """What is to be rolled back, newest first, by the order in which it was applied.

    The last one where nothing is said; so many that are `half` applied come before all others, and count. Raises
    NothingToDo where nothing is applied, UsageError where the options exclude each other or ask for more than there is.
    """
    _one_of(to=to, count=count, all=everything or None)
    if count is not None:
        _positive(count)
    entries = list(reversed(history.entries))
    if not entries and not half:
        raise NothingToDo("nothing is applied, so there is nothing to roll back.")
    if everything:
        return entries
    if to is not None:
        return entries[: _index(entries, to)]
    wanted = max((count or 1) - half, 0)
    if wanted > len(entries):
        total = len(entries) + half
        plural = "s are" if total != 1 else " is"
        raise UsageError(f"{count} cannot be rolled back: {total} migration{plural} applied", hint="or use --all.")
    return entries[:wanted]


def _index(entries: Sequence[HistoryEntry], to: str) -> int:
    names = [entry.name for entry in entries]
    return names.index(find_name(to, names))


def _one_of(**options: object) -> None:
    given = [name for name, value in options.items() if value is not None]
    if len(given) > 1:
        shown = {"to": "--to", "count": "a number", "all": "--all"}
        raise UsageError(f"{' and '.join(shown[name] for name in given)} exclude each other", hint="give one of them.")


def _positive(count: int) -> None:
    if count < 1:
        raise UsageError(f"{count} is no number of migrations", hint="give 1 or more.")


def find_file(name: str, folder: Folder, history: History) -> str | None:
    """The file that a cell's name means, there or only in history or journal; None for a new one.

    Raises UnknownMigration where it is the name of several.
    """
    begun = (
        progress.name for progress in history.unfinished
    )  # one whose first run was cut before its file was written
    names = list(dict.fromkeys([*folder.names, *history.by_name, *begun]))
    full = with_suffix(name)
    if full in names:
        return full
    return find_name(name, names) if any(each[17:] == full for each in names) else None
