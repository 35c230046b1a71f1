"""What a server says of itself, of its sessions and of failures."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True, slots=True)
class ServerProgress:
    """How far a long command is, as the server tells it (`pg_stat_progress_*`).

    `done` of `total` blocks, bytes, tuples or sessions waited for, by `unit`; `total` is 0 where it is not known.
    """

    command: str
    phase: str
    relation: str | None = None
    done: int = 0
    total: int = 0
    unit: str = ""

    @property
    def fraction(self) -> float | None:
        """From 0 to 1; None where the server does not know how much there is."""
        return min(self.done / self.total, 1.0) if self.total else None


class QueuePart(Enum):
    """What a session does in a queue for a lock, as seen from the one that is looked at."""

    BLOCKS = "blocks"
    WAITS = "waits"


@dataclass(frozen=True, slots=True)
class LockSession:
    """One session in a queue for a lock: who it is, what it does there, and which lock it is about.

    `transaction_age` and `waited` are in seconds, as of the look; `query` is cut short; `lock` is what is locked
    (`table public.users`), `mode` the mode that it holds or, where it is not `granted`, wants. `pid` is 0 for a
    prepared transaction, which has no session.
    """

    part: QueuePart
    pid: int
    user: str | None = None
    application: str | None = None
    state: str | None = None
    transaction_age: float | None = None
    waited: float | None = None
    query: str | None = None
    lock: str | None = None
    mode: str | None = None
    granted: bool = False
    blocked_by: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Blockage:
    """Who blocks whom: first those who block, the first cause on top, then those who wait behind.

    Seen from the session `waiter`; None where all queues of the database are shown.
    """

    sessions: tuple[LockSession, ...] = ()
    waiter: int | None = None

    def __bool__(self) -> bool:
        return bool(self.sessions)

    @property
    def blockers(self) -> tuple[LockSession, ...]:
        """Those who block."""
        return tuple(session for session in self.sessions if session.part is QueuePart.BLOCKS)


#: Nobody waits.
NO_BLOCKAGE = Blockage()


@dataclass(frozen=True, slots=True)
class Identity:
    """Which database a run is on. Never holds a password. `place` is where the address came from.

    `server` is where the connection went: `host:port`, `embedded`, or `socket, port 5432` without the socket's folder,
    which differs from machine to machine. `schema` is the one that the run is confined to, if one was chosen.
    """

    database: str
    name: str | None = None
    protected: bool = False
    place: str = ""
    server: str = ""
    schema: str | None = None

    @property
    def label(self) -> str:
        """The database in a few words, the same for each run: `shop at db.example:5432`, `fsapi (embedded, protected)`."""
        at = f" at {self.server}" if ":" in self.server else ""
        words = [self.server] if self.server and not at else []
        words += [f"schema {self.schema}"] if self.schema else []
        words += ["protected"] if self.protected else []
        return f"{self.database}{at}" + (f" ({', '.join(words)})" if words else "")


@dataclass(frozen=True, slots=True)
class DatabaseFacts:
    """What a record says of a database, so that it can be told from every other. Never holds a password.

    `address` is where the connection went; `system` is the cluster's own number, where the role may read it.
    """

    identity: Identity
    server: str
    address: str
    role: str
    system: str | None = None


@dataclass(frozen=True, slots=True)
class ServerMessage:
    """What PostgreSQL said of a failure: the fields of its error message that a reader needs."""

    sqlstate: str | None
    message: str
    detail: str | None = None
    hint: str | None = None
    context: str | None = None

    def lines(self) -> list[str]:
        """Return DETAIL, HINT and CONTEXT, a line each, as far as there are any."""
        lines = []
        for label, text in (("Detail", self.detail), ("Hint", self.hint), ("Context", self.context)):
            if text:
                first, *rest = text.splitlines()
                lines += [f"  {label}: {first}", *(f"    {line}" for line in rest)]
        return lines
