"""Find pending scripts that have run already: under another name, or before their row was retired.

A file that was renamed, or that contains what others did before it, is pending like any other; if it ran, the same
change would run a second time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from fsapi_nb.errors import UNCHANGED, RanBefore
from fsapi_nb.model.folder import Folder
from fsapi_nb.model.history import History, HistoryEntry, RetiredMigration, StoredScripts
from fsapi_nb.model.migration import Migration
from fsapi_nb.model.status import MigrationStatus, State
from fsapi_nb.plan.reconcile import is_what_ran
from fsapi_nb.script.checksum import text_checksum
from fsapi_nb.script.objects import tables_dropped, tables_made
from fsapi_nb.script.stored_text import stored_migration, to_store
from fsapi_nb.text.command import Advice, command

_TIME = len("YYYY_MM_DD_HH_MM_")
_MOST = 20


class Evidence(Enum):
    """The reason why a pending script is taken for one that has run."""

    SCRIPT = "ran the same script"
    NAME = "has the same name after the time, and what it ran is not known"
    TABLES = "made the same tables"


@dataclass(frozen=True, slots=True)
class EarlierRun:
    """A pending migration, and the missing ones that have done its work."""

    status: MigrationStatus
    entries: tuple[HistoryEntry, ...]
    evidence: Evidence


def find_matches(
    pending: Iterable[MigrationStatus],
    missing: Sequence[HistoryEntry],
    stored: Mapping[str, StoredScripts],
    history: History,
    folder: Folder,
) -> tuple[EarlierRun, ...]:
    """Return the pending migrations whose work missing ones have done.

    Each missing one counts for the first only.

    Args:
        pending: The migrations that are to run, or to be recorded.
        missing: The applied migrations that have no file.
        stored: The scripts that ran of the missing ones, by name.
        history: All that is applied.
        folder: The files, for what was dropped since.
    """
    left = list(missing)
    found = []
    for status in pending if left else ():
        match = _match(status, left, stored, history, folder) if status.migration and not status.entry else None
        if match:
            found.append(match)
            left = [entry for entry in left if entry not in match.entries]
    return tuple(found)


def refuse(pending: Sequence[MigrationStatus], matches: Sequence[EarlierRun], history: History) -> None:
    """Raise RanBefore if some of these have run.

    Args:
        pending: The migrations whose rows may have been retired.
        matches: Those whose work missing migrations have done, as `find_matches` returns them.
        history: All that is applied or was retired.
    """
    again = [(status.name, found) for status in pending if (found := _retired(status, history))]
    if again:
        raise RanBefore(
            f"{_counted(again)} run already: {'its row was' if len(again) == 1 else 'their rows were'} retired",
            details=tuple(
                f"  {name}" + (f", under the name {found.name}" if found.name != name else "")
                for name, found in again[:_MOST]
            ),
            state=UNCHANGED,
            hint=_way_back(again[0][1]),
        )
    if matches:
        raise RanBefore(
            f"{_count(matches)} run already, under another name",
            details=(*(line for match in matches[:_MOST] for line in _lines(match)), *_exception(matches)),
            state=UNCHANGED,
            hint=_way_on(matches[0]),
        )


def _way_back(retired: RetiredMigration) -> str:
    if retired.represented_by:
        return f"take the file away: {retired.represented_by} is recorded in its place."
    return Advice("restore the row: ", command("retire", retired.name, undo=True), "; or take the file away.")


def _retired(status: MigrationStatus, history: History) -> RetiredMigration | None:
    """Return the retired row of that name, or of the same script."""
    for each in history.retired:
        same = each.checksum is not None and status.migration is not None and status.migration.checksum == each.checksum
        if each.name == status.name or same:
            return each
    return None


def noted(statuses: Sequence[MigrationStatus], history: History) -> tuple[MigrationStatus, ...]:
    """Return the statuses with notes on pending scripts that have run, as far as checksums show."""
    missing = [status for status in statuses if status.state is State.MISSING]
    if not missing and not history.retired:
        return tuple(statuses)
    scripts = {status.entry.checksum: status.name for status in missing if status.entry and status.entry.checksum}
    words = {status.name[_TIME:]: status.name for status in missing}
    return tuple(_noted(status, history, scripts, words) for status in statuses)


def edited_renames(pending: Iterable[MigrationStatus], statuses: Iterable[MigrationStatus]) -> Iterator[str]:
    """Yield a note on each pending one that has the name of a missing one, and another script.

    Both may be one file, renamed and edited. Names are compared without their times.
    """
    words = {status.name[_TIME:]: status.name for status in statuses if status.state is State.MISSING}
    for status in pending:
        if old := words.get(status.name[_TIME:]):
            yield (
                f"{status.name} has another script than {old} had, which is missing: if it is that file, renamed and edited, "
                "what ran would run again (its old name and script, and a new file for the rest, avoid that)"
            )


def _noted(
    status: MigrationStatus, history: History, missing: Mapping[str, str], words: Mapping[str, str]
) -> MigrationStatus:
    if status.state not in {State.PENDING, State.LATE} or status.migration is None:
        return status
    note = None
    if _retired(status, history):
        note = "it has run, and its row was retired"
    elif status.migration.checksum in missing:
        note = f"it is what ran as {missing[status.migration.checksum]}, which is missing: was it renamed?"
    elif status.name[_TIME:] in words:
        note = f"{words[status.name[_TIME:]]}, which is missing, had another script: was it renamed and edited?"
    return replace(status, note="; ".join(filter(None, (status.note, note)))) if note else status


def is_same_script(migration: Migration, entry: HistoryEntry, stored: StoredScripts | None) -> bool | None:
    """Return whether the file's UP is what ran for the entry; None if what ran is not known."""
    if is_what_ran(migration, entry):
        return True
    if stored is None or not stored.recorded:
        return None
    kept = to_store(migration).up
    if kept != migration.up.written.text:
        return False  # passwords and large data are not stored, so only the checksum decides
    return text_checksum(stored.up or "") == text_checksum(kept)


def _match(
    status: MigrationStatus,
    missing: Sequence[HistoryEntry],
    stored: Mapping[str, StoredScripts],
    history: History,
    folder: Folder,
) -> EarlierRun | None:
    migration = status.migration
    if migration is None:
        return None
    verdicts = [(entry, is_same_script(migration, entry, stored.get(entry.name))) for entry in missing]
    if same := [entry for entry, verdict in verdicts if verdict]:
        return EarlierRun(status, (same[0],), Evidence.SCRIPT)
    name = status.name[_TIME:]
    if alike := [entry for entry, verdict in verdicts if verdict is None and entry.name[_TIME:] == name]:
        return EarlierRun(status, (alike[0],), Evidence.NAME)
    makers = tuple(_makers(migration, missing, stored, history, folder))
    return EarlierRun(status, makers, Evidence.TABLES) if makers else None


def _makers(
    migration: Migration,
    missing: Sequence[HistoryEntry],
    stored: Mapping[str, StoredScripts],
    history: History,
    folder: Folder,
) -> Iterator[HistoryEntry]:
    """Yield the missing entries that have made tables which the migration makes, too.

    Tables that were dropped since do not count.
    """
    wanted = {name for statement in migration.up.parsed.statements for name in tables_made(statement)}
    for entry in missing if wanted else ():
        made = wanted.intersection(_made(entry, stored)) if wanted else set()
        if made and made - set(_dropped_after(entry, stored, history, folder)):
            yield entry


def _made(entry: HistoryEntry, stored: Mapping[str, StoredScripts]) -> Iterator[str]:
    ran = _ran(entry, stored)
    return (name for statement in (ran.up.parsed.statements if ran else ()) for name in tables_made(statement))


def _dropped_after(
    entry: HistoryEntry, stored: Mapping[str, StoredScripts], history: History, folder: Folder
) -> Iterator[str]:
    for later in history.entries[history.entries.index(entry) :]:
        ran = folder.get(later.name) or _ran(later, stored)
        yield from (
            name for statement in (ran.up.parsed.statements if ran else ()) for name in tables_dropped(statement)
        )


def _ran(entry: HistoryEntry, stored: Mapping[str, StoredScripts]) -> Migration | None:
    scripts = stored.get(entry.name)
    return stored_migration(entry.name, scripts) if scripts and scripts.recorded else None


def _lines(match: EarlierRun) -> list[str]:
    names = [entry.name for entry in match.entries]
    return [
        f"  {match.status.name}",
        *(f"    {name}, whose file is missing, {match.evidence.value}" for name in names[:_MOST]),
    ]


def _exception(matches: Sequence[EarlierRun]) -> Iterator[str]:
    if any(match.evidence is Evidence.SCRIPT for match in matches):
        yield "  (one that is meant to run a second time must differ in more than comments)"


def _way_on(match: EarlierRun) -> str:
    name, done = match.status.name, [entry.name for entry in match.entries]
    if match.evidence is Evidence.TABLES:
        instead = command("baseline", name, replaces=done[:_MOST])
        return Advice("if it stands for them, record it instead of them: ", instead)
    return Advice("if the file was renamed, rename its row: ", command("rename", done[0], name))


def _counted(things: Sequence[object]) -> str:
    return f"{len(things)} pending migration{'s have' if len(things) != 1 else ' has'}"


def _count(things: Sequence[object]) -> str:
    return f"{len(things)} pending migration{'s seem to have' if len(things) != 1 else ' seems to have'}"
