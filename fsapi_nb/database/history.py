"""What the database remembers: reads history and journal into values, writes them beside the migration's own SQL.

Reading writes nothing, not even the tables. Writing commits nothing: the runner decides what commits together.
"""

from __future__ import annotations

import socket
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql

from fsapi_nb.database.connection import Session
from fsapi_nb.database.tables import ADDED, REQUIRED, Tables, add_statement, create_statements, refuse_foreign
from fsapi_nb.errors import HistoryError, UsageError
from fsapi_nb.model import (
    Direction,
    History,
    HistoryEntry,
    JournalEntry,
    Migration,
    Progress,
    StepRecord,
    StoredScripts,
)
from fsapi_nb.script.stored import to_store

_COLUMNS = """
    SELECT c.relname::text, a.attname::text
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE n.nspname = %s AND c.relname = ANY(%s)
"""
#: Every table of that name, with its columns, whether our journal stands beside it, and its place in the path.
_FIND = """
    SELECT n.nspname::text, array(
               SELECT attname::text FROM pg_catalog.pg_attribute
               WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped),
           EXISTS (SELECT FROM pg_catalog.pg_class j JOIN pg_catalog.pg_attribute a ON a.attrelid = j.oid
                   WHERE j.relnamespace = n.oid AND j.relname = %(journal)s AND a.attname = 'run_id'),
           pg_catalog.array_position(pg_catalog.current_schemas(false), n.nspname)
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relname = %(table)s AND c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
      AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')
    ORDER BY 4 NULLS LAST, 1
"""


def find_tables(session: Session, *, schema: str | None, table: str, known: Collection[str] = ()) -> Tables:
    """Where the history is: in the schema that is set, else where the table is found, else where it will be made.

    A search_path changes (a migration may change it, another role has another one), a history must not be
    forgotten for that: one outside of the path counts where it holds `known` names, those of the folder.
    Raises HistoryError where there is no schema to make it in, or several histories that it could be.
    """
    if schema:
        return Tables(schema, table)
    values = {"table": table, "journal": Tables("", table).names[2]}
    found = session.connection.execute(_FIND, values).fetchall()
    usable = [row for row in found if set(row[1]) >= REQUIRED]
    inside = sorted((row for row in usable if row[3] is not None), key=lambda row: not row[2])
    if inside:
        return Tables(inside[0][0], table)
    outside = [Tables(row[0], table) for row in usable]
    ours = [tables for tables in outside if _knows(session, tables, known)]
    if len(ours) > 1:
        places = ", ".join(tables.shown() for tables in ours)
        hint = f'say which: [tool.fsapi_nb] schema = "{ours[0].schema}" in pyproject.toml.'
        raise HistoryError(f"there are several histories of these files: {places}", state="nothing was run.", hint=hint)
    if ours:
        return ours[0]
    if session.facts.schema is None:
        hint = 'create it, or name a schema in pyproject.toml: [tool.fsapi_nb] schema = "public".'
        raise HistoryError("no schema of this session's search_path exists", state="nothing was run.", hint=hint)
    return Tables(session.facts.schema, table)


def _knows(session: Session, tables: Tables, known: Collection[str]) -> bool:
    """Whether a history holds some of these names; one that may not be read holds none."""
    query = sql.SQL("SELECT EXISTS (SELECT FROM {} WHERE name = ANY(%s))").format(tables.history)
    try:
        row = session.connection.execute(query, [list(known)]).fetchone()
    except psycopg.errors.InsufficientPrivilege:
        return False
    return bool(row and row[0])


def read_history(session: Session, tables: Tables) -> History:
    """All that is applied, in the order in which it was, and what ended half-way.

    Raises HistoryError where the tables are another tool's or may not be read.
    """
    columns: dict[str, set[str]] = {}
    for relation, column in session.connection.execute(_COLUMNS, [tables.schema, list(tables.names)]):
        columns.setdefault(relation, set()).add(column)
    history, scripts, journal = tables.names
    refuse_foreign(tables, frozenset(columns.get(history, ())))
    try:
        return History(
            entries=_entries(session, tables, known=scripts in columns) if history in columns else (),
            unfinished=_unfinished(session, tables) if journal in columns else (),
            exists=history in columns,
        )
    except psycopg.errors.InsufficientPrivilege as error:
        raise _no_right(session, tables, error) from None


def _entries(session: Session, tables: Tables, *, known: bool) -> tuple[HistoryEntry, ...]:
    join = sql.SQL(
        "LEFT JOIN {} s ON s.id = h.id AND s.name = h.name AND s.applied_at IS NOT DISTINCT FROM h.applied_at"
    ).format(tables.scripts)
    query = sql.SQL(
        "SELECT h.id, h.name::text, h.applied_at, h.duration_ms, {} FROM {} h {} WHERE h.name IS NOT NULL ORDER BY h.id"
    ).format(sql.SQL("s.checksum" if known else "NULL::text"), tables.history, join if known else sql.SQL(""))
    return tuple(HistoryEntry(*row) for row in session.connection.execute(query))


def _unfinished(session: Session, tables: Tables) -> tuple[Progress, ...]:
    """What the journal knows of migrations whose last attempt did not end; few rows, folded in order."""
    query = sql.SQL(
        "SELECT migration::text, event, state, step, steps, step_checksum, script, witness FROM {} "
        # A DOWN in one transaction counts, too: it may have undone a part of an UP in several steps.
        "WHERE steps > 1 OR NOT in_transaction OR event IN ('fresh', 'down') ORDER BY id"
    ).format(tables.journal)
    return fold_progress(session.connection.execute(query))


def fold_progress(rows: Iterable[Sequence[Any]]) -> tuple[Progress, ...]:
    """Rows of the journal (migration, event, state, step, steps, checksum, text, witness), oldest first, folded.

    What is left is what was begun and not ended, or refused outside of a transaction.
    """
    found: dict[str, Progress] = {}
    for name, event, state, step, steps, checksum, text, witness in rows:
        if event == "fresh":
            found.clear()
        elif state in {"started", "failed", "resolved", "done"}:
            direction, record = Direction(event), StepRecord(step - 1, checksum, text, steps)
            before = found.get(name)
            if before and before.direction is not direction and state == "failed":
                continue  # undone with its transaction: nothing has changed
            if before is None or before.direction is not direction:
                # A rollback of a part: what the UP had done is what it undoes.
                before = Progress(name, direction, applied_before=before.done if before else ())
            if state == "started":
                found[name] = replace(before, attempted=record, in_flight=True, witness=witness)
            elif state == "done" and step == steps:
                found.pop(name, None)
            elif state == "done":
                found[name] = replace(
                    before, done=(*before.done, record), attempted=None, in_flight=False, witness=None
                )
            else:
                found[name] = replace(before, in_flight=False)
    return tuple(progress for progress in found.values() if progress.begun or progress.attempted)


def read_scripts(session: Session, tables: Tables, names: Sequence[str]) -> dict[str, StoredScripts]:
    """The text that ran of those applied migrations of which it was stored, by name."""
    if not names or not _exists(session, tables.scripts):
        return {}
    query = sql.SQL(
        "SELECT s.name::text, s.up, s.down, true, s.redacted FROM {} s JOIN {} h "
        "ON s.id = h.id AND s.name = h.name AND s.applied_at IS NOT DISTINCT FROM h.applied_at WHERE h.name = ANY(%s)"
    ).format(tables.scripts, tables.history)
    return {name: StoredScripts(*rest) for name, *rest in session.connection.execute(query, [list(names)])}


def read_journal(
    session: Session, tables: Tables, *, limit: int | None = None, runbook: str | None = None
) -> tuple[JournalEntry, ...]:
    """The journal's events, oldest first; the newest `limit` of them, or those of one run of a runbook."""
    columns = _columns(session, tables.journal)
    if not columns or (runbook is not None and "runbook" not in columns):
        return ()
    if limit is not None and limit < 1:
        raise UsageError(f"{limit} is no number of events", hint="give 1 or more.")
    query = sql.SQL(
        "SELECT * FROM (SELECT id, at, run_id::text, migration::text, event, state, step, steps, duration_ms, server_pid, "
        "role, host, application, notebook, message, {} FROM {} {} ORDER BY id DESC LIMIT %s) AS newest ORDER BY id"
    )
    # A journal that an earlier build made has not all of them, and reading adds nothing.
    added = sql.SQL(", ").join(
        sql.Identifier(name) if name in columns else sql.SQL("NULL AS {}").format(sql.Identifier(name))
        for name in ADDED
    )
    only = sql.SQL("WHERE runbook OPERATOR(pg_catalog.=) %s") if runbook is not None else sql.SQL("")
    values = [limit] if runbook is None else [runbook, limit]
    rows = session.connection.execute(query.format(added, tables.journal, only), values)
    return tuple(JournalEntry(*row) for row in rows)


def read_authors(session: Session, tables: Tables) -> dict[str, str]:
    """The role that applied each migration last, by name; none for what fsapi applied."""
    if not _exists(session, tables.journal):
        return {}
    query = sql.SQL(
        "SELECT DISTINCT ON (migration) migration::text, role FROM {} "
        "WHERE event OPERATOR(pg_catalog.=) ANY ('{{up,baseline}}'::text[]) AND state OPERATOR(pg_catalog.=) 'done' "
        "ORDER BY migration, id DESC"
    ).format(tables.journal)
    return dict(session.connection.execute(query).fetchall())


def _exists(session: Session, table: sql.Identifier) -> bool:
    row = session.connection.execute(
        "SELECT pg_catalog.to_regclass(%s)", [table.as_string(session.connection)]
    ).fetchone()
    return row is not None and row[0] is not None


def _columns(session: Session, table: sql.Identifier) -> frozenset[str]:
    """The names of a table's columns; none where there is no such table."""
    query = (
        "SELECT attname::text FROM pg_catalog.pg_attribute "
        "WHERE attrelid = pg_catalog.to_regclass(%s) AND attnum > 0 AND NOT attisdropped"
    )
    rows = session.connection.execute(query, [table.as_string(session.connection)])
    return frozenset(name for (name,) in rows)


def create_tables(session: Session, tables: Tables) -> None:
    """Make what is missing of our tables, in one transaction, and make sure that we may write. The caller holds the lock.

    Raises HistoryError where the role may not.
    """
    try:
        journal = _columns(session, tables.journal)
        if not journal or not all(_exists(session, table) for table in (tables.history, tables.scripts)):
            with session.connection.transaction():
                session.connection.execute(create_statements(tables))
        if journal and not journal.issuperset(ADDED):
            _add_columns(session, tables)
    except psycopg.errors.InsufficientPrivilege as error:
        raise _no_right(session, tables, error) from None
    except psycopg.errors.InvalidSchemaName:
        hint = "create the schema first, or name another one in pyproject.toml."
        raise HistoryError(f"there is no schema {tables.schema!r}", state="nothing was run.", hint=hint) from None
    _refuse_unwritable(session, tables)


def _add_columns(session: Session, tables: Tables) -> None:
    """Give a journal that an earlier build made the columns that came later. Raises HistoryError unless we own it."""
    statement = add_statement(tables)
    try:
        with session.connection.transaction():
            session.connection.execute(statement)
    except psycopg.errors.InsufficientPrivilege as error:
        raise HistoryError(
            f"the journal beside {tables.shown()} lacks columns that came later, and only its owner may add them",
            details=(f"  {error.diag.message_primary or ''} [{error.sqlstate}]",),
            state="nothing was run; the database is as it was.",
            hint=f"let its owner run any migration, or: {statement.as_string(session.connection)};",
        ) from None


_RIGHTS = """
    SELECT wanted.name || ': ' || wanted.rights
    FROM (VALUES (%(history)s, 'SELECT, INSERT, DELETE'), (%(scripts)s, 'SELECT, INSERT, UPDATE, DELETE'),
                 (%(journal)s, 'SELECT, INSERT')) AS wanted(name, rights)
    WHERE NOT (SELECT pg_catalog.bool_and(pg_catalog.has_table_privilege(wanted.name, trim(one)))
               FROM pg_catalog.unnest(pg_catalog.string_to_array(wanted.rights, ',')) AS one)
    UNION ALL
    SELECT owned.sequence || ': USAGE' FROM pg_catalog.pg_get_serial_sequence(%(history)s, 'id') AS owned(sequence)
    WHERE NOT pg_catalog.has_sequence_privilege(owned.sequence, 'USAGE')
"""


def _refuse_unwritable(session: Session, tables: Tables) -> None:
    """Raise HistoryError where a right is missing that would be found only once a migration had run."""
    names = {
        key: table.as_string(session.connection)
        for key, table in (("history", tables.history), ("scripts", tables.scripts), ("journal", tables.journal))
    }
    missing = [right for (right,) in session.connection.execute(_RIGHTS, names)]
    if missing:
        raise HistoryError(
            f"the role {session.facts.role!r} may not write the history in {tables.shown()}",
            details=tuple(f"  missing on {right}" for right in missing),
            state="nothing was run; the database is as it was.",
            hint=f"let its owner grant these rights to {session.facts.role}.",
        )


def _no_right(session: Session, tables: Tables, error: psycopg.Error) -> HistoryError:
    role, message = session.facts.role, error.diag.message_primary or ""
    grant = f"GRANT USAGE, CREATE ON SCHEMA {tables.schema} TO {role};"
    if "schema" not in message:
        grant = f"GRANT SELECT, INSERT, UPDATE, DELETE ON {', '.join(tables.names)} TO {role};"
    return HistoryError(
        f"the role {role!r} may not use the history in {tables.shown()}",
        details=(f"  {message} [{error.sqlstate}]",),
        state="nothing was run; the database is as it was.",
        hint=f"let its owner run: {grant} or name a schema of your own in pyproject.toml: "
        '[tool.fsapi_nb] schema = "…".',
    )


@dataclass(frozen=True, slots=True)
class JournalRow:
    """One event to be journalled. `step` counts from one; `script` and `witness` are kept where a resumed run needs them.

    `name` is the migration's where its text is not at hand.
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


@dataclass(frozen=True, slots=True)
class Recorder:
    """Writes the history of one run. Every method is a message or two, and commits nothing."""

    session: Session
    tables: Tables
    run_id: UUID
    notebook: str | None = None
    cell: str | None = None
    runbook: str | None = None

    def applied(self, row: JournalRow) -> None:
        """Record that a migration is completely applied."""
        if row.migration:
            self._insert(row.migration, row.duration_ms)
        self.journal(row)

    def rolled_back(self, row: JournalRow, entry: HistoryEntry) -> None:
        """Take a migration's entry away. Raises HistoryError where somebody else did so meanwhile."""
        delete = sql.SQL("DELETE FROM {} WHERE id OPERATOR(pg_catalog.=) %s")
        deleted = self.session.connection.execute(delete.format(self.tables.history), [entry.id]).rowcount
        if deleted != 1:
            raise HistoryError(f"the history row of {entry.name} is gone", state="this rollback was undone.")
        self._execute(delete.format(self.tables.scripts), [entry.id])
        self.journal(row)

    def baseline(self, migration: Migration) -> None:
        """Record a migration as applied without having run it."""
        self.applied(JournalRow(migration, "baseline", "done", 1, 1))

    def repaired(self, migration: Migration, entry: HistoryEntry) -> None:
        """Take over a file's checksum and text for what is applied already."""
        stored = to_store(migration)
        query = sql.SQL(
            "INSERT INTO {} AS s (id, name, applied_at, checksum, up, down, redacted) VALUES (%s, %s, %s, %s, %s, %s, %s) "
            "ON CONFLICT (id) DO UPDATE SET name = excluded.name, applied_at = excluded.applied_at, "
            "checksum = excluded.checksum, up = excluded.up, down = excluded.down, redacted = excluded.redacted"
        ).format(self.tables.scripts)
        values = [entry.id, entry.name, entry.applied_at, migration.checksum, stored.up, stored.down, stored.redacted]
        self._execute(query, values)
        self.journal(JournalRow(migration, "repair", "done", 1, 1))

    def forget_all(self) -> None:
        """Empty the history, not the journal; which is told that everything was dropped."""
        self._execute(sql.SQL("DELETE FROM {}").format(self.tables.history))
        self._execute(sql.SQL("DELETE FROM {}").format(self.tables.scripts))
        self.journal(JournalRow(None, "fresh", "done"))

    def journal(self, row: JournalRow) -> None:
        """Add one event."""
        values = {
            "run_id": self.run_id,
            "migration": row.migration.name if row.migration else row.name,
            "event": row.event,
            "state": row.state,
            "step": row.step,
            "steps": row.steps,
            "in_transaction": row.in_transaction,
            "duration_ms": row.duration_ms,
            "checksum": row.migration.checksum if row.migration else None,
            "step_checksum": row.step_checksum,
            "script": row.script,
            "witness": row.witness,
            "message": row.message,
            "host": socket.gethostname(),
            "notebook": self.notebook,
            "cell": self.cell,
            "runbook": self.runbook,
        }
        query = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
            self.tables.journal,
            sql.SQL(", ").join(map(sql.Identifier, values)),
            sql.SQL(", ").join(sql.Placeholder() * len(values)),
        )
        self._execute(query, list(values.values()))

    def is_recorded(self, row: JournalRow) -> bool:
        """Whether this run's event is in the journal: the witness of a COMMIT whose answer was lost."""
        query = sql.SQL(
            "SELECT EXISTS (SELECT FROM {} WHERE run_id = %s AND migration = %s AND event = %s AND state = %s AND step = %s)"
        ).format(self.tables.journal)
        name = row.migration.name if row.migration else None
        found = self.session.connection.execute(query, [self.run_id, name, row.event, row.state, row.step]).fetchone()
        return bool(found and found[0])

    def _insert(self, migration: Migration, duration_ms: int | None) -> None:
        stored = to_store(migration)
        # Both rows by one statement: `applied_at` is the table's default, whatever that is in an adopted one.
        query = sql.SQL(
            "WITH added AS (INSERT INTO {} (name{}) VALUES (%s{}) RETURNING id, name, applied_at) "
            "INSERT INTO {} (id, name, applied_at, checksum, up, down, redacted) "
            "SELECT id, name, applied_at, %s, %s, %s, %s FROM added "
            # Somebody may have emptied `migrations` and restarted its sequence: what stands there is of no entry.
            "ON CONFLICT (id) DO UPDATE SET name = excluded.name, applied_at = excluded.applied_at, "
            "checksum = excluded.checksum, up = excluded.up, down = excluded.down, redacted = excluded.redacted"
        )
        column = sql.SQL(", duration_ms") if duration_ms is not None else sql.SQL("")
        value = sql.SQL(", %s") if duration_ms is not None else sql.SQL("")
        duration = [duration_ms] if duration_ms is not None else []
        self._execute(
            query.format(self.tables.history, column, value, self.tables.scripts),
            [migration.name, *duration, migration.checksum, stored.up, stored.down, stored.redacted],
        )

    def _execute(self, query: sql.Composed, values: Sequence[object] | None = None) -> None:
        self.session.connection.execute(query, values)
