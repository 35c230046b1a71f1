"""Record a run in history and journal, in the transaction of the migration's own SQL.

A `Recorder` makes the messages: the runner sends them with the statements of a step, other verbs `write` them. Commits
nothing. A record that must not be committed without the lock, or over a history that somebody has changed, fails on the
server, so that it can be sent together with its COMMIT.
"""

from __future__ import annotations

import functools
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import psycopg
from psycopg import sql

from fsapi_nb.errors import UNCHANGED, FsapiError, HistoryError, Locked
from fsapi_nb.history import changed_rows, kept_changes
from fsapi_nb.history.kept_session import capture
from fsapi_nb.history.retired_row import RetiredRow
from fsapi_nb.history.rights import lost_right
from fsapi_nb.history.statements import GONE, LOST_LOCK, statements
from fsapi_nb.history.tables import Tables
from fsapi_nb.history.verify import failed_check, refused_by_rule, unrecorded
from fsapi_nb.model.history import NAME_BEFORE, HistoryEntry, RowChange, RowChangeKind
from fsapi_nb.model.migration import Direction, Migration
from fsapi_nb.model.plan import Step, StepPart
from fsapi_nb.postgres.ask import ask
from fsapi_nb.postgres.pipeline import Message
from fsapi_nb.postgres.session import Session
from fsapi_nb.script.encoding import keep
from fsapi_nb.script.plain_definitions import is_plain
from fsapi_nb.text.command import Advice, command

if TYPE_CHECKING:
    from uuid import UUID

    from fsapi_nb.model.schema_change import SchemaChanges
    from fsapi_nb.plan.kept_rows import KeptRow


class JournalRow(NamedTuple):
    """One event for the journal.

    `step` counts from one; `script` and `witness` are kept if a resumed run needs them.

    `name` is the migration's if its text is not at hand. `duration_ms` is the time before the transaction that writes
    the event, to which PostgreSQL adds its own; None if it means nothing.
    """

    migration: Migration | None
    event: str
    state: str
    step: int | None = None
    steps: int | None = None
    in_transaction: bool = True
    duration_ms: int | None = None
    step_checksum: str | None = None
    script: str | None = None
    witness: str | None = None
    message: str | None = None
    name: str | None = None


@functools.cache
def _this_host() -> str:
    return socket.gethostname()


@dataclass(frozen=True, slots=True)
class Recorder:
    """The maker of the messages that record one run.

    It knows the session, and sends only what `write` is given. `host` is where the run is made.
    """

    session: Session
    tables: Tables
    run_id: UUID
    notebook: str | None = None
    cell: str | None = None
    runbook: str | None = None
    host: str | None = field(default_factory=_this_host)

    def write(self, messages: Sequence[Message]) -> None:
        """Send messages of this recorder together.

        If one fails, the transaction in which they were sent, the caller's if there is one, is rolled back.

        Raises:
            FsapiError: What `refusal` makes of an error.
            psycopg.Error: Any other error.
        """
        try:
            self.session.exchange(messages)
        except psycopg.Error as error:
            self.session.rollback()
            raise self.refusal(error, recording=True) or error from None

    def done(self, part: StepPart, row: JournalRow, *, prepared: bool = False) -> tuple[Message, ...]:
        """Record that a part is done, and what that makes of its migration."""
        if part.completes and part.direction is Direction.UP:
            return self.applied(row, prepared=prepared)
        if part.completes and part.entry is not None:  # a partly applied migration has no entry to take away
            return self.rolled_back(row, part.entry, prepared=prepared)
        return self.journal(row, prepared=prepared)

    def applied(self, row: JournalRow, *, prepared: bool = False) -> tuple[Message, ...]:
        """Record that a migration is completely applied."""
        migration = row.migration
        if migration is None:
            return self.journal(row)
        which = "up" if row.duration_ms is not None else "baseline"
        row, kept = self._kept(migration, row)
        return self._checked(which, [*self._values(row), *kept], row, migration.checksum, prepared=prepared)

    def rolled_back(self, row: JournalRow, entry: HistoryEntry, *, prepared: bool = False) -> tuple[Message, ...]:
        """Take the entry of a migration away; fails if somebody else did so meanwhile."""
        identity = str(entry.id)
        return self._checked("down", [*self._values(row), identity], row, identity, prepared=prepared)

    def journal(self, row: JournalRow, *, prepared: bool = False) -> tuple[Message, ...]:
        """Add one event. That a step begins or is done is only written while this session holds the lock.

        The witness of a step that is done is what `captured` has kept, unless another one is given.
        """
        which = "step" if row.state in {"started", "done"} else "journal"
        message = self._message("step done" if row.state == "done" else which, self._values(row), prepared=prepared)
        return message, self._check(which, row, prepared=prepared)

    def captured(self, part: StepPart) -> tuple[Message, ...]:
        """Keep what the session has for the row of a step, as the script's role; nothing if no step follows."""
        return () if part.completes else (capture(self.session, self.lock, part),)

    def left_behind(self, row: JournalRow) -> Message:
        """Add what the session has after a step is committed, if the row of the step says something else.

        The row was written before the COMMIT, so it has each SET LOCAL, which has ended with the transaction.
        """
        return self._message("session", self._values(row._replace(state="session")))

    @property
    def lock(self) -> int:
        """The key of the advisory lock of this history."""
        return self.tables.lock_key(self.session.facts.database)

    def still(self, row: KeptRow | None, step: Step) -> tuple[Message, ...]:
        """Check that a row of the history which no step takes away is there; fails if a script has removed it.

        Sent after each step that may run a function: the text of a script does not say which tables a function empties.
        """
        is_named = any(self.tables.table in each.text for part in step.parts for each in part.statements)
        if row is None or (not is_named and all(map(is_plain, step.parts))):
            return ()
        return (self._message("check kept with its script" if row.has_script else "check kept", [row.name]),)

    def baseline(self, migration: Migration, *, place: int | None = None) -> tuple[Message, ...]:
        """Record a migration as applied without running it.

        `place` is the id of a row that is retired, in whose place it is recorded; None for the end.
        """
        row = JournalRow(migration, "baseline", "done", 1, 1)
        if place is None:
            return self.applied(row)
        row, kept = self._kept(migration, row)
        recorded = self._message("baseline in place", [*self._values(row), *kept, str(place)])
        return recorded, self._check("baseline", row, migration.checksum)

    def change(self, change: RowChange) -> tuple[Message, ...]:
        """Rename or retire a row of the history, running nothing; fails if that row is not there any more."""
        kind, entry, other = change.kind, change.entry, change.other
        row = JournalRow(None, kind.value, "done", name=entry.name)
        values: list[str] = []
        if kind is RowChangeKind.RENAME:
            row = row._replace(name=other, message=f"{NAME_BEFORE}{entry.name}")
            values = [str(entry.id), entry.name]
        elif kind is RowChangeKind.RETIRE:
            place = f"{other} is in its place" if other else None
            row = row._replace(step_checksum=entry.checksum, witness=other, message=place)
            values = [str(entry.id)]
        return self._checked(kind.value, [*self._values(row), *values], row, *values, prepared=False)

    def restored(self, name: str, row: RetiredRow) -> tuple[Message, ...]:
        """Put the row of a retired migration back, as it was."""
        event = JournalRow(None, RowChangeKind.RESTORE.value, "done", name=name)
        values = [None if value is None else _truth(value) if isinstance(value, bool) else str(value) for value in row]
        message = self._message(event.event, [*self._values(event), *values])
        return message, self._check(event.event, event, row.checksum)

    def repaired(self, migration: Migration, entry: HistoryEntry) -> tuple[Message, ...]:
        """Record the checksum and text of a file as those of a migration that is applied already."""
        row, kept = self._kept(migration, JournalRow(migration, "repair", "done", 1, 1))
        repaired = self._message("repair", [str(entry.id), migration.checksum, *kept])
        return (repaired, *self.journal(row), self._check("repair", row, migration.checksum))

    def changed(self, name: str | None, direction: str, changes: SchemaChanges) -> tuple[Message, ...]:
        """Keep what a migration has changed in the schema; without a name, what all those of the run have."""
        row = JournalRow(None, kept_changes.EVENT, direction, witness=kept_changes.written_changes(changes), name=name)
        return self.journal(row)

    def forget_all(self) -> tuple[Message, ...]:
        """Empty the history. The journal stays, and gets the event that everything was dropped."""
        emptied = (self._message("forget entries", []), self._message("forget scripts", []))
        row = JournalRow(None, "fresh", "done")
        return (*emptied, *self.journal(row), self._check("forget", row))

    def is_recorded(self, row: JournalRow) -> bool:
        """Ask whether this event of the run is in the journal.

        It says whether a COMMIT whose answer was lost has happened.
        """
        name = row.migration.name if row.migration else None
        query = sql.SQL(
            "SELECT true FROM {} WHERE run_id = {} AND migration = {} AND event = {} AND state = {} AND step = {} LIMIT 1"
        ).format(self.tables.journal, *map(sql.Literal, (self.run_id, name, row.event, row.state, row.step)))
        return bool(ask(self.session.connection(), query))

    def refusal(self, error: psycopg.Error, *, recording: bool) -> FsapiError | None:
        """Return the refusal that an error stands for, if a record or the history was its cause.

        The session must be idle again.

        Args:
            error: What the server answered.
            recording: Whether the error is the answer to a message of this recorder, not to a script.

        Returns:
            None for every other error.
        """
        message = error.diag.message_primary or ""
        if LOST_LOCK in message:
            return Locked(
                "this run does not hold its lock any more: this migration, or one before it, released it",
                hint="take pg_advisory_unlock_all() out of the migrations, and run again.",
            )
        if GONE in message:
            return HistoryError("the history row of what is rolled back is gone", state="this rollback was undone.")
        if changed_rows.GONE in message:
            return HistoryError(
                "a history row that was to be changed is gone, or has another name now",
                state=UNCHANGED,
                hint=Advice("look at ", command("status"), ", and run it again."),
            )
        failed = failed_check(error)
        if failed:
            return unrecorded(self.session, self.tables, *failed)
        if recording and error.sqlstate == "0A000":
            return refused_by_rule(self.session, self.tables, error)
        if recording and isinstance(error, psycopg.errors.InsufficientPrivilege):
            return lost_right(self.session, self.tables, error)
        return None

    def _checked(
        self, which: str, values: Sequence[str | None], row: JournalRow, *more: str | None, prepared: bool
    ) -> tuple[Message, ...]:
        """Return one of the statements, and the check that its rows are there."""
        message = self._message(which, values, prepared=prepared)
        return message, self._check(which, row, *more, prepared=prepared)

    def _check(self, which: str, row: JournalRow, *more: str | None, prepared: bool = False) -> Message:
        name = row.migration.name if row.migration else row.name
        return self._message(
            f"check {which}",
            [str(self.run_id), name, row.event, row.state, _number(row.step), *more],
            prepared=prepared,
        )

    def _message(self, which: str, values: Sequence[str | None], *, prepared: bool = False) -> Message:
        """Return one of the statements.

        `prepared` only if no script runs in the session that could meet its name.
        """
        text = statements(self.tables, self.session.facts.database)[which]
        encoded = tuple(None if value is None else value.encode() for value in values)
        return Message(text, encoded, f"fsapi_nb {which}".encode() if prepared else None)

    def _kept(self, migration: Migration, row: JournalRow) -> tuple[JournalRow, tuple[str | None, ...]]:
        """Return the journal's row with the digest of the scripts as its witness, and what is kept of them.

        Kept are the scripts, whether a password was taken out, the digest of the file, and what would keep the DOWN
        from being run.
        """
        from fsapi_nb.plan.down import fault_of_down
        from fsapi_nb.script.stored_text import kept_digest, to_store  # the parser is only needed if a script has run

        stored, fault = to_store(migration), fault_of_down(migration, self.session.encoding)
        texts = self._fitting(stored.up), self._fitting(stored.down)
        kept = (*texts, _truth(stored.redacted), migration.digest, self._fitting(fault))
        return row._replace(witness=kept_digest(stored)), kept

    def _fitting(self, text: str | None) -> str | None:
        return None if text is None else keep(text, self.session.encoding)

    def _values(self, row: JournalRow) -> list[str | None]:
        """Return the parameters of a row, in the order of `statements.COLUMNS`."""
        return [
            str(self.run_id),
            row.migration.name if row.migration else row.name,
            row.event,
            row.state,
            _number(row.step),
            _number(row.steps),
            _truth(row.in_transaction),
            _number(row.duration_ms),
            row.migration.checksum if row.migration else None,
            row.step_checksum,
            self._fitting(row.script),
            row.witness,
            self._fitting(row.message),
            self._fitting(self.host),
            self._fitting(self.notebook),
            self._fitting(self.cell),
            self._fitting(self.runbook),
        ]


def done_row(part: StepPart, *, waited: float = 0.0, in_transaction: bool = True) -> JournalRow:
    """Return the journal's row of a part that is done.

    `waited` are the seconds before the transaction that writes it.
    """
    row = row_of(part, "done", in_transaction=True)
    return row._replace(duration_ms=round(waited * 1000), in_transaction=in_transaction)


def row_of(part: StepPart, state: str, *, in_transaction: bool) -> JournalRow:
    """Return the journal's row of a part.

    With its text if it is one of several, or runs outside of a transaction.
    """
    row = JournalRow(
        part.migration, part.direction.value, state, part.number + 1, part.of, in_transaction=in_transaction
    )
    if part.of == 1 and in_transaction:
        return row
    from fsapi_nb.script.checksum import statements_checksum
    from fsapi_nb.script.redact import redact_sql

    text = ";\n".join(statement.text for statement in part.statements)
    return row._replace(
        step_checksum=statements_checksum(part.statements), script=redact_sql(text, of=part.migration.up.written.source)
    )


def _number(number: int | None) -> str | None:
    return None if number is None else str(number)


def _truth(value: bool) -> str:
    return "true" if value else "false"
