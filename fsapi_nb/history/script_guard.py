"""Write the SQL by which a script for psql makes sure that it runs where, and over what, its plan was made.

`read_mark` asks once, when the script is made; the texts are plain SQL that fails with what is wrong and what to do.
The lock is the runner's own, so that neither comes between the other's steps.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from psycopg import sql

from fsapi_nb.history.read import chose_path
from fsapi_nb.history.tables import (
    Tables,
    add_statement,
    chosen_statement,
    create_statements,
    given_question,
)
from fsapi_nb.history.tables_present import TablesPresent
from fsapi_nb.postgres.advisory_lock import CHANNEL
from fsapi_nb.postgres.ask import OWN_NAMES, ask
from fsapi_nb.postgres.session import Session
from fsapi_nb.script.psql_text import dollar_tag, literal
from fsapi_nb.text.command import Face, command

#: The variable of psql that has the id of the script's run.
RUN = "fsapi_nb_run"
_ENTRIES = """coalesce((SELECT pg_catalog.hashtextextended(
    pg_catalog.string_agg(pg_catalog.concat(id, ' ', name), ',' ORDER BY id), 0) FROM {}), 0)"""
_EVENTS = "coalesce((SELECT pg_catalog.max(id) FROM {}), 0)"
_ACTORS = sql.SQL("""EXISTS (
    SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = {} AND c.relname = ANY ({}::text[]) AND (c.relhasrules OR c.relhastriggers))""")
_PATH = b"SELECT pg_catalog.current_setting('search_path'), coalesce(pg_catalog.current_schema()::pg_catalog.text, '')"
_AGAIN = f"make the script again: {command('plan', sql=True).typed(Face.TERMINAL)}"
_READING = "SET LOCAL row_security TO off;"


class HistoryMark(NamedTuple):
    """What a history and a session were when a plan was made.

    `entries` is a hash of the applied migrations, `newest` the id of the journal's newest event; `own_path` says that
    the session has a search_path that its role and database do not give. `has_actors` says that a trigger or rule is on
    a table of the history, which may swallow a row.
    """

    tables: Tables
    present: TablesPresent
    database: str
    entries: int
    newest: int
    search_path: str
    schema: str
    own_path: bool
    has_default_rights: bool
    has_actors: bool

    @property
    def key(self) -> int:
        """The key of the advisory lock of this history."""
        return self.tables.lock_key(self.database)


def read_mark(session: Session, tables: Tables, present: TablesPresent) -> HistoryMark:
    """Read what the history and the session are now."""
    asked = [
        (_ENTRIES, tables.history, bool(present.history)),
        (_EVENTS, tables.journal, bool(present.journal)),
    ]
    parts = [sql.SQL(text).format(table) if there else sql.SQL("0") for text, table, there in asked]
    rights = sql.SQL("EXISTS (SELECT FROM pg_catalog.pg_default_acl)")
    actors = _ACTORS.format(sql.Literal(tables.schema), sql.Literal(list(tables.names)))
    query = sql.SQL("SELECT {}").format(sql.SQL(", ").join([*parts, rights, actors]))
    ((entries, newest, has_rights, has_actors),) = ask(session.connection(), query)
    row = session.connection().execute(_PATH).fetchone()
    path, schema = row or ("", "")
    return HistoryMark(
        tables,
        present,
        session.facts.database,
        int(entries),
        int(newest),
        str(path),
        str(schema),
        own_path=chose_path(session),
        has_default_rights=bool(has_rights),
        has_actors=bool(has_actors),
    )


def require_database(mark: HistoryMark) -> str:
    """Return the block that fails in another database, and where a transaction is open."""
    return _block(
        f"pg_catalog.current_database()::pg_catalog.text OPERATOR(pg_catalog.<>) {literal(mark.database)}",
        f"this script was made for the database {mark.database}",
        "connect to it; or make the script for this one.",
        "pg_catalog.now() OPERATOR(pg_catalog.<>) pg_catalog.statement_timestamp()",
        "a transaction is open, and the steps of this script are transactions of their own",
        "run psql without -1 (--single-transaction).",
    )


def require_psql() -> Iterator[str]:
    """Yield what fails if psql cannot say where data in CSV ends: one before 18 sends that line as a row."""
    yield "SELECT pg_catalog.set_config('fsapi_nb.psql', :'VERSION_NUM', false) \\gset fsapi_nb_"
    yield _block(
        "pg_catalog.current_setting('fsapi_nb.psql')::pg_catalog.int4 OPERATOR(pg_catalog.<) 180000 AND "
        "pg_catalog.current_setting('server_version_num')::pg_catalog.int4 OPERATOR(pg_catalog.>=) 180000",
        "this script has data in CSV, and this server needs a psql of release 18 or newer for it",
        "run it by another psql.",
    )


def require_path(mark: HistoryMark) -> str:
    """Return the block that fails if names without a schema would mean other objects than in the plan."""
    return _block(
        f"pg_catalog.current_setting('search_path') OPERATOR(pg_catalog.<>) {literal(mark.search_path)} OR "
        "coalesce(pg_catalog.current_schema()::pg_catalog.text, '') "
        f"OPERATOR(pg_catalog.<>) {literal(mark.schema)}",
        f"the search_path of this role is not the one that the plan was made with: {mark.search_path}",
        "run the script as the role that made the plan; or make it as this one.",
    )


def take_lock(mark: HistoryMark) -> str:
    """Return the block that takes the runner's lock, twice as a runner does, and fails if it is held."""
    take = f"pg_catalog.pg_try_advisory_lock({_number(mark.key)})"
    return _block(
        f"NOT ({take} AND {take})",
        "a runner of fsapi_nb, or another such script, is at work on this history",
        "run the script again when it has finished.",
    )


def release_lock(mark: HistoryMark) -> str:
    """Return the query that releases the lock, and tells sessions that show the history."""
    release = f"pg_catalog.pg_advisory_unlock({_number(mark.key)})"
    return f"SELECT {release} AND {release} AS unlocked, pg_catalog.pg_notify('{CHANNEL}', '') AS notified"


def require_history(mark: HistoryMark) -> Iterator[str]:
    """Yield the statements of the transaction that makes missing tables, and fails over another history."""
    tables, present = mark.tables, mark.present
    yield OWN_NAMES.decode() + ";"
    yield _READING
    if not present.complete:
        yield "SET LOCAL client_min_messages TO warning;"
        yield _unindented(create_statements(tables).as_string())
        if mark.has_default_rights:
            yield _revoke(tables, [name for name in tables.names if name not in present.present(tables)])
        if mark.own_path and not present.journal:
            yield chosen_statement(tables).as_string() + ";"
    if present.lacking:
        yield add_statement(tables, present.lacking).as_string() + ";"
    entries = sql.SQL(_ENTRIES).format(tables.history).as_string()
    events = sql.SQL(_EVENTS).format(tables.journal).as_string()
    yield _block(
        f"{entries} OPERATOR(pg_catalog.<>) {_number(mark.entries)} OR {events} OPERATOR(pg_catalog.<>) {_number(mark.newest)}",
        f"the history {tables.shown()} is not the one that this script was made for: another run has changed it since, "
        "or this script has run",
        f"nothing was changed; {_AGAIN}",
    )


def require_own_run(mark: HistoryMark) -> Iterator[str]:
    """Yield what fails in a new session if another runner has come in between."""
    newest = sql.SQL("(SELECT run_id::pg_catalog.text FROM {} ORDER BY id DESC LIMIT 1)").format(mark.tables.journal)
    yield f"SELECT pg_catalog.set_config('fsapi_nb.run', :'{RUN}', false) \\gset fsapi_nb_"
    yield _block(
        f"{newest.as_string()} OPERATOR(pg_catalog.<>) pg_catalog.current_setting('fsapi_nb.run')",
        "another runner has changed the history while this script began a new session",
        f"look what is applied, and {_AGAIN}",
    )


def _revoke(tables: Tables, made: list[str]) -> str:
    """Return the query, and psql's command that runs its answers, which keeps the new tables to their owner."""
    given = given_question(tables, made).as_string().strip()
    statement = (
        "pg_catalog.format('REVOKE ALL ON %s %s FROM %s', CASE WHEN found.is_sequence THEN 'SEQUENCE' ELSE 'TABLE' END"
    )
    return f"SELECT {statement}, found.name, found.role) FROM ({given}) AS found(is_sequence, name, role)\n\\gexec"


def _block(*faults: str) -> str:
    """Return the DO block that raises the message of the first condition that holds, with its hint."""
    lines = ["BEGIN"]
    for condition, message, hint in zip(faults[::3], faults[1::3], faults[2::3], strict=True):
        lines += [
            f"    IF {condition} THEN",
            f"        RAISE EXCEPTION USING MESSAGE = {literal(message)},",
            f"            HINT = {literal(hint)};",
            "    END IF;",
        ]
    body = "\n".join([*lines, "END"])
    tag = dollar_tag(body)
    return f"DO {tag}\n{body}\n{tag};"


def _number(number: int) -> str:
    """Return a number as SQL that needs no operator: a minus is one."""
    return f"'{number}'::pg_catalog.int8"


def _unindented(text: str) -> str:
    lines = [line[8:] if line.startswith(" " * 8) else line for line in text.strip("\n").rstrip().split("\n")]
    return "\n".join(lines)
