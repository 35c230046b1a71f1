"""Read history and journal into values, and make their tables. `record` writes the rows.

Reading writes nothing, not even the tables.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import psycopg
from psycopg import sql

from fsapi_nb.errors import UNCHANGED, HistoryError, UsageError
from fsapi_nb.history.authors import Author, authors_query, fold_authors
from fsapi_nb.history.fold import fold_progress, fold_redos, fold_rollbacks
from fsapi_nb.history.journal_event import sound_events
from fsapi_nb.history.kept_changes import changes_query, fold_changes
from fsapi_nb.history.owners import refuse_code
from fsapi_nb.history.retirements import fold_retired
from fsapi_nb.history.rights import no_right, refuse_unwritable
from fsapi_nb.history.tables import (
    ADDED,
    Tables,
    add_statement,
    chosen_statement,
    create_statements,
    given_question,
    refuse_foreign,
    revoke_statement,
)
from fsapi_nb.history.tables_present import TablesPresent, look
from fsapi_nb.model.history import (
    NAME_BEFORE,
    History,
    HistoryEntry,
    JournalEntry,
    StoredScripts,
)
from fsapi_nb.model.schema_change import KeptChanges
from fsapi_nb.postgres.ask import OWN_NAMES, ask_together
from fsapi_nb.postgres.session import Rows, Session
from fsapi_nb.script.encoding import fitting, keep, restore

_OWN_PATH = """
    SELECT source OPERATOR(pg_catalog.=) ANY ('{client,session}'::pg_catalog.text[]) FROM pg_catalog.pg_settings
    WHERE name OPERATOR(pg_catalog.=) 'search_path'
"""
_DEFAULT_RIGHTS = b"SELECT EXISTS (SELECT FROM pg_catalog.pg_default_acl)"


def read_history(session: Session, tables: Tables, layout: TablesPresent) -> History:
    """Return all that is applied, in the order in which it was applied, and what ended half-way.

    Sends one message.

    Args:
        session: An open session.
        tables: The tables of the history.
        layout: Which of the tables are there.

    Raises:
        HistoryError: The tables are another tool's, may not be read, or hold something that no verb writes.
    """
    return _history(tables, layout, _ask(session, tables, _history_queries(tables, layout)))


def read_history_and_authors(session: Session, tables: Tables, layout: TablesPresent) -> tuple[History, dict[str, str]]:
    """Return the same, and the role that applied each migration last, by name. Sends one message.

    Migrations that fsapi applied have no role.
    """
    queries = _history_queries(tables, layout)
    if layout.journal:
        queries["authors"] = _authors(tables)
        queries["renames"] = _renames(tables)
    answers = _ask(session, tables, queries)
    authors: dict[str, str] = dict(answers.get("authors", ()))
    for name, before in answers.get("renames", ()):
        if before in authors:
            authors.setdefault(name, authors[before])
    return _history(tables, layout, answers), authors


def _history_queries(tables: Tables, layout: TablesPresent) -> dict[str, sql.Composed]:
    refuse_foreign(tables, layout.history)
    queries = {}
    if layout.history:
        queries["entries"] = _entries(tables, layout)
    if layout.journal:
        queries["unfinished"] = _unfinished(tables)
    return queries


def _ask(session: Session, tables: Tables, queries: Mapping[str, sql.Composed]) -> dict[str, Rows]:
    try:
        answers = ask_together(session.connection(), queries)
    except psycopg.errors.InsufficientPrivilege as error:
        raise no_right(session, tables, error) from None
    except psycopg.DataError as error:
        if error.sqlstate is not None:
            raise
        raise _out_of_range(tables, error, of_journal="journal" in queries) from None
    # There may be many entries, and only their last column is a text.
    return {name: _entries_restored(rows) if name == "entries" else _restored(rows) for name, rows in answers.items()}


def _out_of_range(tables: Tables, error: psycopg.DataError, *, of_journal: bool) -> HistoryError:
    """Return the error for a time that no verb writes, such as infinity."""
    history, _, journal = tables.written
    table, column = (journal, "at") if of_journal else (history, "applied_at")
    return HistoryError(
        str(error),
        details=(f"  it is in the column {column} of {table}",),
        state=UNCHANGED,
        hint=f"find it, and set it right: SELECT * FROM {table} "
        f"WHERE NOT ({column} >= '0001-01-01' AND {column} < '10000-01-01');",
    )


def _entries_restored(rows: Rows) -> Rows:
    """Return the rows of entries with the faults of their DOWNs restored; most have none."""
    return [row if row[-1] is None else (*row[:-1], restore(row[-1])) for row in rows]


def _restored(rows: Rows) -> Rows:
    """Return the rows with their texts as they were before they were made to fit the encoding."""
    return [tuple(restore(value) if isinstance(value, str) else value for value in row) for row in rows]


def _history(tables: Tables, layout: TablesPresent, answers: Mapping[str, Rows]) -> History:
    events = sound_events(answers.get("unfinished", ()), tables)
    entries = tuple(map(HistoryEntry._make, answers.get("entries", ())))
    return History(
        entries=entries,
        unfinished=fold_progress(events),
        exists=bool(layout.history),
        redone=fold_redos(events, {entry.name for entry in entries}),
        rolled_back=fold_rollbacks(events),
        retired=fold_retired(events, {entry.name for entry in entries}),
        journal=tables.written[2],
    )


def _entries(tables: Tables, layout: TablesPresent) -> sql.Composed:
    """Return the query for the applied migrations, in the columns of `HistoryEntry`."""
    join = sql.SQL(
        "LEFT JOIN {} s ON s.id OPERATOR(pg_catalog.=) h.id AND s.name OPERATOR(pg_catalog.=) h.name "
        "AND s.applied_at IS NOT DISTINCT FROM h.applied_at"
    ).format(tables.scripts)
    return sql.SQL(
        "SELECT h.id, h.name::pg_catalog.text, h.applied_at, h.duration_ms, {}, {}, {} FROM {} h {} "
        "WHERE h.name IS NOT NULL ORDER BY h.id"
    ).format(
        sql.SQL("s.checksum" if layout.scripts else "NULL::pg_catalog.text"),
        *(sql.SQL(f"s.{name}" if name in layout.scripts else "NULL::pg_catalog.text") for name in ADDED["scripts"]),
        tables.history,
        join if layout.scripts else sql.SQL(""),
    )


def _unfinished(tables: Tables) -> sql.Composed:
    """Return the query for what the journal knows of migrations whose last attempt did not end; few rows."""
    return sql.SQL(
        "SELECT id, migration::pg_catalog.text, event, state, step, steps, step_checksum, "
        "CASE event WHEN 'retire' THEN NULL ELSE script END, witness, message FROM {} "
        # A DOWN in one transaction counts, too: it may have undone a part of an UP in several steps.
        "WHERE steps OPERATOR(pg_catalog.>) 1 OR NOT in_transaction "
        "OR event OPERATOR(pg_catalog.=) ANY ('{{fresh,down,redo,rollback,rename,retire,restore}}'::pg_catalog.text[]) "
        "ORDER BY id"
    ).format(tables.journal)


def _authors(tables: Tables) -> sql.Composed:
    return sql.SQL(
        "SELECT DISTINCT ON (migration) migration::pg_catalog.text, role FROM {} "
        "WHERE event OPERATOR(pg_catalog.=) ANY ('{{up,baseline}}'::pg_catalog.text[]) "
        "AND state OPERATOR(pg_catalog.=) 'done' ORDER BY migration, id DESC"
    ).format(tables.journal)


def _renames(tables: Tables) -> sql.Composed:
    """Return the query for what each renamed migration was called before, oldest first."""
    return sql.SQL(
        "SELECT migration::pg_catalog.text, pg_catalog.substr(message, {}) FROM {} "
        "WHERE event OPERATOR(pg_catalog.=) 'rename' ORDER BY id"
    ).format(sql.Literal(len(NAME_BEFORE) + 1), tables.journal)


def read_scripts(
    session: Session, tables: Tables, layout: TablesPresent, names: Sequence[str]
) -> dict[str, StoredScripts]:
    """Return the text that ran of those applied migrations for which it was stored, by name."""
    names = fitting(names, session.encoding)
    if not names or not layout.scripts:
        return {}
    stored = sql.SQL(
        "SELECT s.name::text, s.up, s.down, s.redacted FROM {} s JOIN {} h "
        "ON s.id = h.id AND s.name = h.name AND s.applied_at IS NOT DISTINCT FROM h.applied_at "
        "WHERE h.name = ANY({}::text[])"
    ).format(tables.scripts, tables.history, list(names))
    journal = {"authors": authors_query(tables)} if layout.journal else {}
    answers = _ask(session, tables, {"scripts": stored, **journal})
    authors = fold_authors(answers.get("authors", ()))
    return {
        name: StoredScripts(up, down, recorded=True, redacted=redacted, **authors.get(name, Author())._asdict())
        for name, up, down, redacted in answers["scripts"]
    }


def read_journal(
    session: Session, tables: Tables, layout: TablesPresent, *, limit: int | None = None, runbook: str | None = None
) -> tuple[JournalEntry, ...]:
    """Return the events of the journal, oldest first.

    Args:
        session: An open session.
        tables: The tables of the history.
        layout: Which of the tables are there.
        limit: Only so many, the newest.
        runbook: Only those of this run of a runbook.

    Raises:
        UsageError: `limit` is below 1.
        HistoryError: The journal may not be read, or holds a time that no verb writes.
    """
    if not layout.journal or (runbook is not None and "runbook" not in layout.journal):
        return ()
    if limit is not None and limit < 1:
        raise UsageError(f"the number of events must be 1 or more (got {limit})")
    query = sql.SQL(
        "SELECT * FROM (SELECT id, at, run_id::text, migration::text, event, state, step, steps, duration_ms, server_pid, "
        "role, host, application, notebook, message, {} FROM {} {} ORDER BY id DESC LIMIT {}) AS newest ORDER BY id"
    )
    # A journal that an earlier release made lacks some of these columns, and reading does not add them.
    added = sql.SQL(", ").join(
        sql.Identifier(name) if name in layout.journal else sql.SQL("NULL AS {}").format(sql.Identifier(name))
        for name in ADDED["journal"]
    )
    kept = None if runbook is None else keep(runbook, session.encoding)
    attempts = "WHERE state <> 'session' AND event <> 'schema'"
    only = sql.SQL(attempts if kept is None else f"{attempts} AND runbook = {{}}").format(sql.Literal(kept))
    queries = {"journal": query.format(added, tables.journal, only, sql.Literal(limit))}
    return tuple(JournalEntry(*row) for row in _ask(session, tables, queries)["journal"])


def read_changes(session: Session, tables: Tables, layout: TablesPresent) -> tuple[KeptChanges, ...]:
    """Return what migrations have changed in the schema since everything was dropped, oldest first.

    Raises HistoryError if the journal may not be read.
    """
    if not layout.journal:
        return ()
    return fold_changes(_ask(session, tables, {"journal": changes_query(tables)})["journal"])


def create_tables(session: Session, tables: Tables) -> TablesPresent:
    """Make what is missing of the history tables, and make sure that they can be written.

    The caller holds the lock.

    The tables are made in one transaction, columns that an earlier release lacks in another.

    Returns:
        What is there then.

    Raises:
        HistoryError: There is no such schema, or the role may not make or write the tables.
    """
    layout = look(session, tables)
    if layout.strangers:
        refuse_code(session, tables)
    try:
        if not layout.complete:
            chosen = not layout.journal and chose_path(session)
            with session.connection().transaction():
                session.connection().execute(OWN_NAMES)
                session.connection().execute(create_statements(tables))
                if session.connection().execute(_DEFAULT_RIGHTS).fetchone() == (True,):
                    _keep_to_owner(session, tables, layout)
                if chosen:
                    session.connection().execute(chosen_statement(tables))
        if layout.lacking:
            _add_columns(session, tables, layout.lacking)
    except psycopg.errors.InsufficientPrivilege as error:
        raise no_right(session, tables, error) from None
    except psycopg.errors.InvalidSchemaName:
        hint = "create the schema first, or name another one in pyproject.toml."
        raise HistoryError(f"there is no schema {tables.schema!r}", state=UNCHANGED, hint=hint) from None
    if layout.lacking or not layout.complete:
        layout = look(session, tables)
    refuse_unwritable(session, tables, layout)
    return layout


def _keep_to_owner(session: Session, tables: Tables, before: TablesPresent) -> None:
    """Revoke the rights that default privileges have given other roles on the tables that were just made."""
    made = [name for name in tables.names if name not in before.present(tables)]
    given = session.connection().execute(given_question(tables, made)).fetchall()
    for is_sequence, name, role in given:
        session.connection().execute(revoke_statement(name, role, is_sequence=is_sequence))


def chose_path(session: Session) -> bool:
    """Ask whether the session has a search_path of its own, by an option of the verb or of its connection.

    The server is not asked if nothing could have set one: it takes long to list pg_settings.
    """
    if not session.may_have_own_path:
        return False
    return session.connection().execute(_OWN_PATH).fetchone() == (True,)


def _add_columns(session: Session, tables: Tables, lacking: Mapping[str, Sequence[str]]) -> None:
    """Add to tables of an earlier release the columns that came later.

    Raises HistoryError unless the role owns them.
    """
    statement = add_statement(tables, lacking)
    try:
        with session.connection().transaction():
            session.connection().execute(statement)
    except psycopg.errors.InsufficientPrivilege as error:
        raise HistoryError(
            f"the tables beside {tables.shown()} lack columns that came later, and only their owner may add them",
            details=(f"  {error.diag.message_primary or ''} [{error.sqlstate}]",),
            state=UNCHANGED,
            hint=f"let their owner run any migration, or: {statement.as_string(session.connection())};",
        ) from None
