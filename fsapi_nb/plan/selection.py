"""Select the migrations that a verb runs: up to a name, by number, or all of them."""

from __future__ import annotations

import os

from fsapi_nb.errors import NothingToDo, UsageError
from fsapi_nb.model.history import HistoryEntry
from fsapi_nb.model.status import MigrationStatus, State
from fsapi_nb.plan.names import find_applied, find_known
from fsapi_nb.plan.reconcile import Reconciled

RUNNABLE = frozenset({State.PENDING, State.LATE, State.PARTLY_APPLIED, State.BROKEN})


def choose_up(standing: Reconciled, *, to: str | None, count: int | None, settled: int = 0) -> list[MigrationStatus]:
    """Return what is to be applied, in order: all pending, the next `count`, or all up to and with `to`.

    Files that cannot be used are among them. As many as were `settled` just now count as applied by this run. Raises
    UsageError if the options exclude each other, UnknownMigration.
    """
    _one_of(to=to, count=count)
    waiting = [status for status in standing.needs_attention if status.state in RUNNABLE and status.entry is None]
    if count is not None:
        _positive(count)
        return waiting[: max(count - settled, 0)]
    if to is None:
        return waiting
    last = os.fsencode(find_known(to, standing))
    return [status for status in waiting if os.fsencode(status.name) <= last]


def choose_down(
    standing: Reconciled, *, to: str | None, count: int | None, everything: bool, half: int = 0
) -> list[HistoryEntry]:
    """Return what is to be rolled back, newest first, by the order in which it was applied.

    It is the last one if no option is given. As many as are `half` applied come before all others, and count. Raises
    NothingToDo if nothing is applied, UsageError if the options exclude each other or ask for more than there is,
    UnknownMigration.
    """
    _one_of(to=to, count=count, all=everything or None)
    if count is not None:
        _positive(count)
    entries = list(reversed(standing.history.entries))
    if not entries and not half:
        raise NothingToDo("nothing is applied, so there is nothing to roll back.")
    if everything:
        return entries
    if to is not None:
        names = [entry.name for entry in entries]
        return entries[: names.index(find_applied(to, standing))]
    wanted = max((count or 1) - half, 0)
    if wanted > len(entries):
        total = len(entries) + half
        plural = "s are" if total != 1 else " is"
        raise UsageError(f"{count} cannot be rolled back: {total} migration{plural} applied", hint="or use --all.")
    return entries[:wanted]


def _one_of(**options: object) -> None:
    given = [name for name, value in options.items() if value is not None]
    if len(given) > 1:
        shown = {"to": "--to", "count": "a number", "all": "--all"}
        raise UsageError(f"{' and '.join(shown[name] for name in given)} exclude each other", hint="give one of them.")


def _positive(count: int) -> None:
    if count < 1:
        raise UsageError(f"the number of migrations must be 1 or more (got {count})")
