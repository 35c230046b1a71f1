"""The migrations that are applied in a database, as they ran: what a replay of them is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from fsapi_nb.errors import HistoryError
from fsapi_nb.model.folder import FileReading, Folder
from fsapi_nb.model.history import History, HistoryEntry, StoredScripts
from fsapi_nb.model.migration import Migration
from fsapi_nb.plan.reconcile import is_drifted
from fsapi_nb.script.stored_text import stored_migration
from fsapi_nb.text.command import Advice, command
from fsapi_nb.text.words import counted

_NAMED = 3  # names in a note


@dataclass(frozen=True, slots=True)
class Applied:
    """The applied migrations as a folder, and what must be known of it: `notes`.

    `foreign` says that the text of some is what the database has stored, which is nobody's file.
    """

    folder: Folder
    notes: tuple[str, ...] = ()
    foreign: bool = False


def applied_migrations(folder: Folder, history: History, stored: Mapping[str, StoredScripts]) -> Applied:
    """Return the applied migrations as they ran: of files that were edited or are gone, the text that was stored.

    Args:
        folder: The files.
        history: What is applied.
        stored: The stored text of applied migrations, by name.

    Raises:
        HistoryError: Of one there is neither a file nor a stored text that could be run.
    """
    found: dict[str, Migration] = {}
    edited, gone, unknown = list[str](), list[str](), list[str]()
    for entry in history.entries:
        file = folder.get(entry.name) if folder.has(entry.name) else None
        if file is not None and not _is_edited(file, entry):
            found[entry.name] = file
            continue
        ran = stored_migration(entry.name, stored[entry.name]) if entry.name in stored else None
        if ran is None or not ran.up.written.complete:
            unknown.append(entry.name)
            continue
        (edited if file is not None else gone).append(entry.name)
        found[entry.name] = ran
    if unknown:
        raise _not_known(unknown)
    halfway = [each.name for each in history.unfinished if each.begun]
    said = (
        _note(edited, "was edited since", "were edited since", "what ran is compared, not the file"),
        _note(gone, "has no file", "have no files", "what ran is compared, as the history has stored it"),
        _note(halfway, "is partly applied", "are partly applied", "what was done of it differs here"),
    )
    names = sorted(found, key=str.encode)
    digests = {name: found[name].digest or "" for name in names}
    notes = tuple(note for note in said if note)
    return Applied(Folder(digests, read=partial(_read, found)), notes, foreign=bool(edited or gone))


def _read(found: Mapping[str, Migration], name: str) -> FileReading:
    return FileReading(found[name])


def _is_edited(file: Migration, entry: HistoryEntry) -> bool:
    """Return whether the UP of a file is not what ran; of rows that fsapi made that is not known."""
    return is_drifted(file, entry)


def _note(names: list[str], is_one: str, are_many: str, why: str) -> str | None:
    if not names:
        return None
    if len(names) == 1:
        return f"{names[0]} {is_one}: {why}"
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{counted(len(names), 'applied migration')} {are_many}: {why} ({', '.join(names[:_NAMED])}{more})"


def _not_known(names: list[str]) -> HistoryError:
    first = names[0]
    return HistoryError(
        f"what {first} did is not known: it is applied, and neither its file nor a text that can run is there"
        + (f"; the same of {counted(len(names) - 1, 'migration')} more" if len(names) > 1 else ""),
        state="unchanged.",
        hint=Advice("put the file back, or take the migration out of the history: ", command("retire", first), "."),
    )
