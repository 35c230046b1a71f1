"""Who blocks whom, as a table: of a run that waits for a lock, or of all queues in a database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fsapi_nb.model.server import Blockage, Identity, LockSession
from fsapi_nb.text.safe import visible_line
from fsapi_nb.views.results.base import Result, counted
from fsapi_nb.views.results.markup import without_empty

COLUMNS = ("part", "pid", "user", "application", "state", "transaction_s", "waited_s", "lock", "mode", "blocked_by")


@dataclass(frozen=True, slots=True, repr=False)
class BlockersResult(Result):
    """Who blocks whom: `to_frame()` has a row for each session, pids and seconds included.

    `attempts` counts how often a step was tried that this was in the way of; 0 where none is meant.
    """

    blockage: Blockage
    attempts: int = 0
    identity: Identity | None = None

    def headline(self) -> str:
        """How many block, and how many wait."""
        sessions, blockers = self.blockage.sessions, self.blockage.blockers
        if not sessions:
            return f"Nobody waits for a lock{self._on()}."
        waiting = counted(len(sessions) - len(blockers), "session")
        whom = "the migration" if self.blockage.waiter else waiting
        behind = f", {waiting} behind it" if self.blockage.waiter and len(sessions) > len(blockers) else ""
        tries = f" ({self.attempts} attempts)" if self.attempts > 1 else ""
        return f"{counted(len(blockers), 'session')} block{'s' if len(blockers) == 1 else ''} {whom}{behind}{self._on()}{tries}."

    def lines(self, *, times: bool = False) -> list[str]:
        """The headline, and two lines for each session; with `times`, pids and how long."""
        lines = [self.headline()]
        for session in self.blockage.sessions:
            lines.append(
                f"  {session.part.value:<6} {visible_line(_who(session, times=times))}: {visible_line(_lock(session))}"
            )
            if session.query:
                lines.append(f"         {visible_line(session.query)}")
        return lines

    def table(self) -> tuple[list[str], list[Sequence[Any]]]:
        """A row for each session: part, pid, user, application, state, seconds, lock, mode, who it waits for, query."""
        return [*COLUMNS, "query"], [
            (
                session.part.value,
                session.pid,
                session.user,
                session.application,
                session.state,
                _rounded(session.transaction_age),
                _rounded(session.waited),
                session.lock,
                session.mode,
                ", ".join(map(str, session.blocked_by)) or None,
                session.query,
            )
            for session in self.blockage.sessions
        ]

    def preview(self) -> tuple[list[str], list[Sequence[Any]]]:
        """Without pids and times."""
        kept = ("part", "user", "application", "state", "lock", "mode", "query")
        columns, rows = self.table()
        indexes = [columns.index(name) for name in kept]
        return without_empty(kept, [[row[index] for index in indexes] for row in rows])

    def remarks(self) -> Sequence[str]:
        """Where pids and times are."""
        return ["to_frame() has pids and times"] if self.blockage else []

    def metadata(self) -> dict[str, Any]:
        """The pids."""
        return {"pids": [session.pid for session in self.blockage.sessions]} if self.blockage else {}

    def to_json(self) -> dict[str, Any]:
        """The sessions, with pids and seconds."""
        columns, rows = self.table()
        return {
            **self.subject(),
            "waiter": self.blockage.waiter,
            "attempts": self.attempts,
            "sessions": [dict(zip(columns, row, strict=True)) for row in rows],
        }


def _who(session: LockSession, *, times: bool) -> str:
    words = [f"pid {session.pid}"] if times and session.pid else []
    words += [word for word in (session.user, session.application, session.state) if word]
    if times and session.transaction_age is not None:
        words.append(f"for {session.transaction_age:.0f} s")
    return ", ".join(words) or "a session"


def _lock(session: LockSession) -> str:
    return f"{'holds' if session.granted else 'wants'} {session.mode or 'a lock'} on {session.lock or 'something'}"


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)
