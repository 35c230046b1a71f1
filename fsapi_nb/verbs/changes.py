"""Look up what migrations have changed in the schema, as their runs have kept it in the journal. Writes nothing."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Sequence

from fsapi_nb.errors import UnknownMigration, UsageError
from fsapi_nb.history.store import HistoryStore
from fsapi_nb.model.schema_change import KeptChanges
from fsapi_nb.plan.names import find_name
from fsapi_nb.text.command import Advice, command
from fsapi_nb.verbs.open import notes_without_schema, open_store, read_folder_if_there
from fsapi_nb.verbs.options import VerbOptions
from fsapi_nb.views import results

_DATE = re.compile(r"\d{4}-")


def changes(options: VerbOptions, name: str | None, *, since: str | None) -> results.ChangesResult:
    """Return what a migration has changed, or all migrations since another one or a moment, or those of the last run."""
    if name is not None and since is not None:
        raise UsageError(
            "--since and the name of a migration exclude each other",
            hint=Advice("give one of them: ", command("changes", since=since), "."),
        )
    folder = read_folder_if_there(options)
    with open_store(options, folder, writing=False) as store:
        notes = notes_without_schema(store, folder)
        if name is not None:
            name, found = find_changes(store, name)
            return results.ChangesResult(found, name, identity=store.identity, notes=notes)
        kept, applied = store.kept_changes(), store.history().by_name
        known = dict.fromkeys([*(each for some in kept for each in some.names), *applied])
        if since is not None:
            found = _since(kept, since, known)
            return results.ChangesResult(found, since=since, identity=store.identity, notes=notes)
        last = kept[-1].run_id if kept else None
        found = tuple(each for each in kept if each.run_id == last)
        return results.ChangesResult(found, identity=store.identity, notes=notes)


def find_changes(store: HistoryStore, name: str) -> tuple[str, tuple[KeptChanges, ...]]:
    """Return the migration of that name, or part of one, and what is kept of its changes, oldest first.

    Raises:
        UnknownMigration: No migration that has run is called so, or more than one is.
    """
    kept = store.kept_changes()
    found = find_name(name, dict.fromkeys([*(each for some in kept for each in some.names), *store.history().by_name]))
    return found, tuple(each for each in kept if found in each.names)


def _since(kept: Sequence[KeptChanges], since: str, known: Iterable[str]) -> tuple[KeptChanges, ...]:
    """Return what was changed from a moment on, or after a migration was applied last."""
    moment = _moment(since)
    if moment is not None:
        return tuple(each for each in kept if each.at >= moment)
    try:
        name = find_name(since, known)
    except UnknownMigration:
        if not _DATE.match(since):
            raise
        hint = "a time is written 2026-01-31 or 2026-01-31T14:00, in UTC."
        raise UsageError(f"{since!r} is neither a migration nor a time", hint=hint) from None
    places = [number for number, each in enumerate(kept) if name in each.names and each.event != "down"]
    return tuple(kept[places[-1] + 1 :]) if places else ()


def _moment(text: str) -> datetime.datetime | None:
    """Return the moment that a text says, in UTC unless it says otherwise; None if it is none."""
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)
