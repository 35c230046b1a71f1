"""Find the migration that a name means, and say what is true of one that a verb cannot use.

A whole name, or its words after the time, means the one of them that the verb can use. A part of a name means the only
migration that has it, whatever the verb can use: nothing is changed because of a guess.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

from fsapi_nb.errors import UnknownMigration
from fsapi_nb.model.folder import Folder
from fsapi_nb.model.history import History
from fsapi_nb.plan.reconcile import Reconciled
from fsapi_nb.script.name_match import can_be_part, match_part, match_whole, words_of
from fsapi_nb.text.command import Advice, command
from fsapi_nb.text.words import counted

_LIST = Advice(command("status"), " lists them all.")
_NAMED = 5  # names in a message


def find_name(wanted: str, names: Iterable[str]) -> str:
    """Return the one migration that a name means.

    It is the whole file name, the part after the time, or else any part that only one name has, as `name_match` says.

    Raises UnknownMigration if there is none, or if there are several.
    """
    known = list(names)
    if whole := match_whole(wanted, known):
        return _only(whole, f"{wanted!r} is the name of several migrations", "give one in full.")
    if found := match_part(wanted, known):
        count = counted(len(found), "migration")
        return _only(found, f"{wanted!r} is a part of the names of {count}", "give more of one.")
    raise _unknown(wanted, known)


def _only(found: Sequence[str], several: str, hint: str) -> str:
    """Return the only one of these. Raises UnknownMigration, which names them, if there are `several`."""
    if len(found) == 1:
        return found[0]
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    raise UnknownMigration(f"{several}: {', '.join(found[:_NAMED])}{more}", hint=hint, matches=tuple(found))


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
    """Return the migration of that whole name, or of these words, that has a file. Raises UnknownMigration.

    The name of a file that is said to be an applied migration is not taken from a part of it.
    """
    if not match_whole(wanted, standing.names) and (near := match_part(wanted, standing.folder.names)):
        raise UnknownMigration(f"there is no file {wanted!r}", hint=_did_you_mean(near))
    return _find(wanted, standing.folder.names, standing, wanting="filed")


def find_file(name: str, folder: Folder, history: History) -> str | None:
    """Return the file that the name of a cell means; None if it is a new one.

    The file may be gone, and only be in history or journal. Raises UnknownMigration if it is the name of several.
    """
    # One whose first run was cut off may have no file yet.
    begun = (progress.name for progress in history.unfinished)
    recorded = (each for each in (*history.by_name, *begun) if _is_file_name(each))
    names = list(dict.fromkeys([*folder.names, *recorded]))
    # No part of a name is looked for: another name begins another file.
    return find_name(name, names) if match_whole(name, names) else None


def _is_file_name(name: str) -> bool:
    """Return whether a name of the database is the name of a file in the folder.

    A role that may write the history may have written a path.
    """
    return not any(each in name for each in "/\\\0")


def _find(wanted: str, names: Iterable[str], standing: Reconciled, *, wanting: str) -> str:
    """Return the one of `names` that is meant.

    Raises UnknownMigration, which says where else the name is known.
    """
    usable = dict.fromkeys(names)
    if match_whole(wanted, usable):
        return find_name(wanted, usable)
    name = find_name(wanted, _named(wanted, usable, standing))
    if name in usable:
        return name
    raise _misplaced(name, standing, wanting)


def _named(wanted: str, usable: Mapping[str, object], standing: Reconciled) -> list[str]:
    """Return the names among which one is looked for that the verb may not be able to use.

    Those that were retired are among them only if nothing else is meant, or if the verb can use them.
    """
    names = list(dict.fromkeys([*standing.names, *usable]))
    all_names = list(dict.fromkeys([*names, *(each.name for each in standing.history.retired)]))
    return all_names if match_whole(wanted, all_names) or not match_part(wanted, names) else names


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


def _unknown(wanted: str, known: Sequence[str]) -> UnknownMigration:
    """Return the error for a name that no migration has, with those that may have been meant."""
    if not wanted.strip():
        return UnknownMigration("the name of the migration is empty", hint=_LIST)
    last = wanted.replace("\\", "/").rsplit("/", 1)[-1]
    if last != wanted and (found := match_whole(last, known)):
        return UnknownMigration(
            f"{wanted!r} is a path, and a migration is named by its file name alone",
            hint=f"give {' or '.join(found)}.",
        )
    if not can_be_part(wanted):
        return UnknownMigration(
            f"{wanted!r} is too little of a migration's name", hint="give more of it; a number alone may be a count."
        )
    near = _near(wanted, known)
    return UnknownMigration(f"there is no migration {wanted!r}", hint=_did_you_mean(near) if near else _LIST)


def _did_you_mean(names: Sequence[str]) -> str:
    return f"did you mean {' or '.join(names[:_NAMED])}?"


def _near(wanted: str, known: Sequence[str]) -> list[str]:
    """Return names that may have been meant: those that contain it in other letters' case, or are almost like it."""
    import difflib

    words = unicodedata.normalize("NFC", wanted).lower().removesuffix(".sql")
    holding = [name for name in known if words in name.lower()]
    if holding:
        return holding[:_NAMED]
    called = {words, words_of(words)}
    all_words = {name: words_of(name) for name in known}
    typos = {close for each in called for close in difflib.get_close_matches(each, list(all_words.values()))}
    return [name for name in known if all_words[name] in typos][:_NAMED]
