"""Find the migration that a name means, and say what is true of one that a verb cannot use."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Sequence

from fsapi_nb.errors import UnknownMigration
from fsapi_nb.model.folder import Folder
from fsapi_nb.model.history import History
from fsapi_nb.plan.reconcile import Reconciled
from fsapi_nb.script.naming import with_suffix
from fsapi_nb.text.command import Advice, command

_LIST = Advice(command("status"), " lists them all.")


def find_name(wanted: str, names: Iterable[str]) -> str:
    """Return the one migration that a name means.

    It is the whole file name, or the part after the time, with `.sql` or without.

    Raises UnknownMigration if there is none, or if there are several.
    """
    known = list(names)
    matches = _matches(wanted, known)
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise UnknownMigration(
            f"{wanted!r} is the name of several migrations: {', '.join(matches)}", hint="give one in full."
        )
    raise _unknown(wanted, known)


def find_known(wanted: str, standing: Reconciled) -> str:
    """Return the migration of that name that has a file or a row. Raises UnknownMigration."""
    return _find(wanted, standing.names, standing, wanting="there")


def find_applied(wanted: str, standing: Reconciled, *, also: Iterable[str] = ()) -> str:
    """Return the applied migration of that name, or the one of `also`. Raises UnknownMigration."""
    return _find(wanted, dict.fromkeys([*standing.history.by_name, *also]), standing, wanting="applied")


def find_retired(wanted: str, standing: Reconciled, *, retired: Iterable[str]) -> str:
    """Return the migration of that name that was retired, or that is applied. Raises UnknownMigration."""
    return _find(wanted, dict.fromkeys([*standing.history.by_name, *retired]), standing, wanting="retired")


def find_filed(wanted: str, standing: Reconciled) -> str:
    """Return the migration of that name that has a file. Raises UnknownMigration."""
    return _find(wanted, standing.folder.names, standing, wanting="filed")


def find_file(name: str, folder: Folder, history: History) -> str | None:
    """Return the file that the name of a cell means; None if it is a new one.

    The file may be gone, and only be in history or journal. Raises UnknownMigration if it is the name of several.
    """
    # One whose first run was cut off may have no file yet.
    begun = (progress.name for progress in history.unfinished)
    recorded = (each for each in (*history.by_name, *begun) if _is_file_name(each))
    names = list(dict.fromkeys([*folder.names, *recorded]))
    full = with_suffix(name)
    if full in names:
        return full
    return find_name(name, names) if any(each[17:] == full for each in names) else None


def _is_file_name(name: str) -> bool:
    """Return whether a name of the database is the name of a file in the folder.

    A role that may write the history may have written a path.
    """
    return not any(each in name for each in "/\\\0")


def _find(wanted: str, names: Iterable[str], standing: Reconciled, *, wanting: str) -> str:
    """Return the one of `names` that is meant.

    Raises UnknownMigration, which says where else the name is known.
    """
    candidates = list(names)
    if _matches(wanted, candidates):
        return find_name(wanted, candidates)
    retired = [each.name for each in standing.history.retired]
    name = find_name(wanted, dict.fromkeys([*standing.names, *retired]))
    raise _misplaced(name, standing, wanting)


def _misplaced(name: str, standing: Reconciled, wanting: str) -> UnknownMigration:
    """Return the error for a migration that exists, and is not among those that a verb takes."""
    if name not in standing.names:
        return UnknownMigration(
            f"{name} was retired: its row is not in the history any more",
            hint=Advice("put the row back: ", command("retire", name, undo=True)),
        )
    if wanting == "filed":
        return UnknownMigration(
            f"{name} has no file: it is only in the history", hint="bring the file back, or give the name of another."
        )
    state = standing.status(name).state.value
    if wanting == "retired":
        return UnknownMigration(
            f"{name} was not retired: it is {state}", hint=Advice(command("history"), " lists what was retired.")
        )
    return UnknownMigration(f"{name} is not applied: it is {state}", hint=_nearest(name, standing))


def _nearest(name: str, standing: Reconciled) -> str:
    """Say which applied migrations are next to that one by their names."""
    applied = sorted(standing.history.by_name, key=os.fsencode)
    before = [each for each in applied if os.fsencode(each) < os.fsencode(name)]
    after = applied[len(before) :]
    found = [*(f"{each} before it" for each in before[-1:]), *(f"{each} after it" for each in after[:1])]
    if found:
        return f"the nearest applied: {', '.join(found)}."
    return Advice("nothing is applied; ", command("status"), " lists what is there.")


def _matches(wanted: str, known: Sequence[str]) -> list[str]:
    """Return the name that is exactly that or, if there is none, those whose part after the time is that."""
    full = unicodedata.normalize("NFC", wanted)
    full = full if full.endswith(".sql") else f"{full}.sql"
    return [full] if full in known else [name for name in known if name[17:] == full]


def _unknown(wanted: str, known: Sequence[str]) -> UnknownMigration:
    """Return the error for a name that no migration has, with those that may have been meant."""
    if not wanted.strip():
        return UnknownMigration("the name of the migration is empty", hint=_LIST)
    last = wanted.replace("\\", "/").rsplit("/", 1)[-1]
    if last != wanted and (found := _matches(last, known)):
        return UnknownMigration(
            f"{wanted!r} is a path, and a migration is named by its file name alone",
            hint=f"give {' or '.join(found)}.",
        )
    near = _near(wanted, known)
    return UnknownMigration(
        f"there is no migration {wanted!r}", hint=f"did you mean {' or '.join(near)}?" if near else _LIST
    )


def _near(wanted: str, known: Sequence[str]) -> list[str]:
    """Return names that may have been meant: those that contain what was typed, or are almost like it."""
    import difflib

    words = unicodedata.normalize("NFC", wanted).lower().removesuffix(".sql")
    holding = [name for name in known if words in name.lower()]
    if holding:
        return holding[:5]
    called = [words, words[17:]] if words[:1].isdigit() else [words]
    typos = {close for each in called for close in difflib.get_close_matches(each, [name[17:-4] for name in known])}
    return [name for name in known if name[17:-4] in typos][:5]
