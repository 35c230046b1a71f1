"""Who blocks whom, as a table: of a run that waits for a lock, or of all queues in a database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fsapi_nb.model.server import Blockage, Identity, LockSession
from fsapi_nb.text.safe import visible_line
from fsapi_nb.text.words import counted
from fsapi_nb.views.document import STORED, Document, Item, Medium, Paragraphs, Records, ResultTable, paragraph
from fsapi_nb.views.results.base import Result


@dataclass(frozen=True, slots=True, repr=False)
class BlockersResult(Result):
    """Who blocks whom: `to_frame()` has a row for each session, pids and seconds included.

    `attempts` counts how often a step was tried that this was in the way of; 0 if it is about no step.
    """

    blockage: Blockage
    attempts: int = 0
    identity: Identity | None = None

    def headline(self) -> str:
        """Return how many block, and how many wait."""
        sessions, blockers = self.blockage.sessions, self.blockage.blockers
        if not sessions:
            return f"Nobody waits for a lock{self._on()}."
        waiting = counted(len(sessions) - len(blockers), "session")
        whom = "the migration" if self.blockage.waiter else waiting
        behind = f", {waiting} behind it" if self.blockage.waiter and len(sessions) > len(blockers) else ""
        tries = f" ({self.attempts} attempts)" if self.attempts > 1 else ""
        return f"{counted(len(blockers), 'session')} block{'s' if len(blockers) == 1 else ''} {whom}{behind}{self._on()}{tries}."

    def document(self, medium: Medium = STORED) -> Document:
        """Return two lines for each session; with times, pids and how long."""
        sessions = [_item(session, times=medium.times) for session in self.blockage.sessions]
        columns = ["part", "user", "application", "state", "lock", "mode", "query"]
        return Document(
            self.headline(),
            [
                ResultTable(columns, sessions, sparse=True),
                Paragraphs([paragraph("to_frame() has pids and times")] if self.blockage else []),
            ],
        )

    def records(self) -> Records:
        """Return a row for each session; ages are in seconds."""
        columns = ["part", "pid", "user", "application", "state", "transaction_s", "waited_s", "lock", "mode"]
        return Records(
            [*columns, "blocked_by", "query"],
            [
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
            ],
        )

    def facts(self) -> dict[str, Any]:
        """Return the sessions, with pids and seconds."""
        return {
            **self.subject(),
            "waiter": self.blockage.waiter,
            "attempts": self.attempts,
            "sessions": self.records(),
        }

    def metadata(self) -> dict[str, Any]:
        """Return the pids."""
        return {"pids": [session.pid for session in self.blockage.sessions]} if self.blockage else {}


def lock_words(session: LockSession) -> str:
    """Return which lock the session holds or wants, in words."""
    return f"{'holds' if session.granted else 'wants'} {session.mode or 'a lock'} on {session.lock or 'something'}"


def _item(session: LockSession, *, times: bool) -> Item:
    who = visible_line(_who(session, times=times))
    lines = [f"  {session.part.value:<6} {who}: {visible_line(lock_words(session))}"]
    if session.query:
        lines.append(f"         {visible_line(session.query)}")
    s = session
    return Item(lines, [(s.part.value, s.user, s.application, s.state, s.lock, s.mode, s.query)])


def _who(session: LockSession, *, times: bool) -> str:
    words = [f"pid {session.pid}"] if times and session.pid else []
    words += [word for word in (session.user, session.application, session.state) if word]
    if times and session.transaction_age is not None:
        words.append(f"for {session.transaction_age:.0f} s")
    return ", ".join(words) or "a session"


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)
