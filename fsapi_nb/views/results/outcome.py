"""Say of a migration that has run which rows it changed, and what its steps waited for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from fsapi_nb.model.outcome import ChangedRows, StepWait
from fsapi_nb.model.plan import CompletedMigration
from fsapi_nb.model.server import LockSession
from fsapi_nb.text.fold import Fold
from fsapi_nb.text.safe import visible_line
from fsapi_nb.text.words import counted
from fsapi_nb.views.document import Item, Medium, gap
from fsapi_nb.views.forecast.quantities import counted_rows

#: How a command is said, and the word before its table.
_WORDS = {
    "INSERT": ("inserted", "into"),
    "UPDATE": ("updated", "of"),
    "DELETE": ("deleted", "of"),
    "MERGE": ("merged", "into"),
    "COPY": ("copied", "into"),
}


def outcome_items(done: CompletedMigration, medium: Medium, *, fold: Fold, indent: str) -> list[Item]:
    """Return a line or cell for each wait, and for each table whose rows were changed; of many the first and the last.

    Who held a lock, and how long it took, differs from run to run: only with times.
    """
    lines = [*_waits(done, times=medium.times), *map(rows_words, done.rows)]

    def left_out(left: Sequence[str]) -> Item:
        more = f"… rows of {counted(len(left), 'table')} more"
        return gap(f"{indent}{more}", more)

    return medium.fold(fold).apply(lines, lambda line: [Item([indent + line], [(line,)])], left_out)


def rows_words(changed: ChangedRows) -> str:
    """Return what has happened to how many rows of which table: `inserted 5 rows into orders`."""
    rows = counted_rows(changed.rows) if changed.rows else "no rows"
    if changed.command == "SELECT":
        return f"filled {visible_line(changed.table)} with {rows}"
    did, before = _WORDS[changed.command]
    return f"{did} {rows} {before} {visible_line(changed.table)}" if changed.table else f"{did} {rows}"


def _waits(done: CompletedMigration, *, times: bool) -> Iterator[str]:
    for wait in done.waits:
        step = f"step {wait.step}: " if done.steps > 1 else ""
        tried = f"after {wait.attempts} attempts ({wait.reason})" if wait.attempts > 1 else ""
        waited = _lock_words(wait.blockage.blockers, times=times)
        took = f"for {wait.seconds:.1f} s" if times and wait.seconds else ""
        yield step + ", ".join(part for part in (tried, waited, took) if part)


def _lock_words(blockers: Sequence[LockSession], *, times: bool) -> str:
    """Say which locks were waited for and, with times, who held them; nothing if nobody was seen."""
    locks = dict.fromkeys(visible_line(each.lock) for each in blockers if each.lock)
    if not blockers:
        return ""
    what = f"waited for a lock of {' and '.join(locks)}" if locks else "waited for a lock"
    return f"{what} held by {', '.join(map(_holder, blockers))}" if times else what


def _holder(session: LockSession) -> str:
    who = [f"pid {session.pid}", *(visible_line(each) for each in (session.user, session.application) if each)]
    return f"{who[0]} ({', '.join(who[1:])})" if len(who) > 1 else who[0]


def outcome_facts(done: CompletedMigration) -> dict[str, Any]:
    """Return the same for JSON, with seconds and those who held the locks."""
    return {
        "rows": [each._asdict() for each in done.rows],
        "waits": [_wait_facts(wait) for wait in done.waits],
    }


def _wait_facts(wait: StepWait) -> dict[str, Any]:
    return {
        "step": wait.step,
        "attempts": wait.attempts,
        "reason": wait.reason,
        "waited_s": round(wait.seconds, 3),
        "blockers": [
            {"pid": each.pid, "user": each.user, "application": each.application, "lock": each.lock, "mode": each.mode}
            for each in wait.blockage.blockers
        ],
    }
