"""Define the errors of SQL that was sent: what was refused, where, and what had been done before."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Self

from fsapi_nb.errors.base import FsapiError, Rendered, revise
from fsapi_nb.model.place import SourceLocation
from fsapi_nb.model.result import Presented, ResultSet
from fsapi_nb.model.server import Blockage, Identity, ServerMessage
from fsapi_nb.text.safe import visible
from fsapi_nb.text.words import counted
from fsapi_nb.text.wrap import hang

if TYPE_CHECKING:
    import pandas

# The views are below this room: their module is named here, and imported when somebody asks an error for one.
_VIEWS = "fsapi_nb.views.errors"


class StatementFailed(FsapiError):
    """PostgreSQL refused a statement of a migration.

    Attributes: `migration` (file name), `place`, `server` (its message and SQLSTATE), `applied` (the migrations
    that this run had applied or rolled back before), `steps_before` (how many steps of this migration are committed),
    `attempts`, `notices` (what the server said before), `identity` (the database); if a lock was in the way,
    `blockage` and `blockers`, which shows it as text, HTML and, by `to_frame()`, a DataFrame.

    What to do: correct the statement and run again; if a lock was in the way, `blockers` shows whose it is.
    """

    server: ServerMessage
    migration: str
    place: SourceLocation | None
    applied: tuple[str, ...]
    steps_before: int
    attempts: int
    blockage: Blockage | None
    notices: tuple[str, ...]
    identity: Identity | None

    def __init__(
        self,
        server: ServerMessage,
        *,
        migration: str,
        place: SourceLocation | None,
        state: str,
        applied: tuple[str, ...] = (),
        steps_before: int = 0,
        hint: str | None = None,
        attempts: int = 1,
        blockage: Blockage | None = None,
        notices: tuple[str, ...] = (),
        identity: Identity | None = None,
    ) -> None:
        code = f" [{server.sqlstate}]" if server.sqlstate else ""
        where = str(place) if place else migration
        details = [
            *(place.excerpt() if place else []),
            *server.lines(),
            *_notice_lines(notices),
            *_blocked_by(blockage),
        ]
        super().__init__(
            f"{where}: {server.message}{code}",
            details=tuple(details),
            state=state,
            hint=hint,
            server=server,
            migration=migration,
            place=place,
            applied=applied,
            steps_before=steps_before,
            attempts=attempts,
            blockage=blockage,
            notices=notices,
            identity=identity,
        )

    @property
    def sqlstate(self) -> str | None:
        """The five characters of PostgreSQL's error code; None if the connection was lost."""
        return self.server.sqlstate

    @property
    def blockers(self) -> Presented | None:
        """Who blocked, as a result; None if no lock was in the way."""
        view: Presented | None = import_module(_VIEWS).blockers_of(self)
        return view

    def to_json(self) -> dict[str, object]:
        """Return the error as one JSON object, for `--json`."""
        place, blockers = self.place, self.blockers
        return super().to_json() | {
            "migration": self.migration,
            "line": place.line if place else None,
            "column": place.column if place else None,
            "sqlstate": self.sqlstate,
            "applied": list(self.applied),
            "attempts": self.attempts,
            "blockers": blockers.to_json() if blockers else None,
        }


def _notice_lines(notices: Sequence[str], most: int = 5) -> list[str]:
    """Return what the server had said before it failed: of much, the end."""
    before = [f"  … {len(notices) - most} notices before"] if len(notices) > most else []
    return [*before, *(line for notice in notices[-most:] for line in hang(notice, "  "))]


def _blocked_by(blockage: Blockage | None) -> list[str]:
    """Return who blocks, without pids and times: a notebook stores errors, and those differ in each run."""
    lines = []
    for session in blockage.blockers if blockage else ():
        who = ", ".join(word for word in (session.user, session.application, session.state) if word)
        holds = "holds" if session.granted else "waits for"
        lines.append(f"  blocked by {who or 'a session'}: {holds} {session.mode or 'a lock'} on {session.lock}")
        if session.query:
            lines.append(f"    {'its last statement' if session.state != 'active' else 'it runs'}: {session.query}")
    return lines


class TransactionEnded(FsapiError):
    """A script ended the transaction that belongs to the runner, so that it cannot be undone as one.

    What to do: take COMMIT and ROLLBACK out of the script, or let each statement commit alone: `-- fsapi:
    transaction=off`.
    """


class QueryFailed(FsapiError):
    """PostgreSQL refused what was given to `query`.

    Attributes: `server` (its message and SQLSTATE), `place`, `notices` (what the server said before).

    What to do: correct the SQL; nothing was changed unless the message says so.
    """

    server: ServerMessage
    place: SourceLocation | None
    notices: tuple[str, ...]

    def __init__(self, server: ServerMessage, *, place: SourceLocation | None, state: str) -> None:
        code = f" [{server.sqlstate}]" if server.sqlstate else ""
        details = (*(place.excerpt() if place else []), *server.lines())
        super().__init__(
            f"{server.message}{code}", details=details, state=state, server=server, place=place, notices=()
        )

    def with_notices(self, notices: Sequence[str]) -> Self:
        """Return the error with what the server had said before it refused the SQL."""
        return revise(self, notices=tuple(notices), details=(*self.details, *_notice_lines(notices)))


class AssertionViolated(FsapiError):
    """A check did not hold: of a migration, which was undone, or a `%%check` cell.

    Attributes: `title`, `found` (what the query gave, its first rows), `place`, `identity` (the database), `notices`
        (what the
    server said meanwhile); `result` shows it.

    What to do: look at the rows (`error.to_frame()`): either they are wrong, or the check is.
    """

    title: str
    found: ResultSet
    place: SourceLocation | None
    identity: Identity | None
    notices: tuple[str, ...]

    def __init__(
        self,
        title: str,
        found: ResultSet,
        *,
        place: SourceLocation | None = None,
        state: str | None = None,
        hint: str | None = None,
        identity: Identity | None = None,
        notices: tuple[str, ...] = (),
    ) -> None:
        where = f"{place}: " if place else ""
        super().__init__(
            f"{where}the check {title!r} does not hold: {counted(len(found.rows), 'row')}",
            details=tuple(place.excerpt() if place else ()),
            state=state,
            hint=hint,
            title=title,
            found=found,
            place=place,
            identity=identity,
            notices=notices,
        )

    @property
    def result(self) -> Presented:
        """What the check found, as a result."""
        view: Presented = import_module(_VIEWS).check_of(self)
        return view

    def to_frame(self) -> pandas.DataFrame:
        """Return the rows that should not be there."""
        return self.result.to_frame()


class Interrupted(Rendered, KeyboardInterrupt):
    """The user stopped the run, and the statement was cancelled on the server.

    `state` says what the database holds.

    What to do: run again; steps that are done are not done twice.
    """

    message: str
    state: str
    applied: tuple[str, ...]
    exit_code = 130

    def __init__(self, message: str, state: str, applied: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        vars(self).update(message=message, state=state, applied=applied)

    def _whole(self) -> list[str]:
        return [visible(self.message), visible("Database: " + self.state)]
