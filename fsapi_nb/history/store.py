"""Open the database that a verb works on: one session, its history, the lock.

What is done there is for the verbs.

Protocol: `open_target` owns the session, and closes it whatever happens. `HistoryStore.locked` holds the advisory lock
    of the
history on that session for a whole run; a lost connection releases it. The history is looked at again once the lock is
held.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import psycopg

from fsapi_nb.errors import UNCHANGED, CannotConnect, ConfigurationError, Interrupted, PooledConnection
from fsapi_nb.history.access import DatabaseAccess, destination_of, hiding_secrets, identify
from fsapi_nb.history.locate import Location, locate, refuse_absent
from fsapi_nb.history.no_schema import NoSchema
from fsapi_nb.history.other_history import HistorySetting, refuse_other_history
from fsapi_nb.history.owners import find_grants
from fsapi_nb.history.read import (
    create_tables,
    read_changes,
    read_history,
    read_history_and_authors,
    read_journal,
    read_scripts,
)
from fsapi_nb.history.tables import Tables
from fsapi_nb.history.tables_present import TablesPresent, question
from fsapi_nb.model.folder import Folder
from fsapi_nb.model.history import History, JournalEntry, StoredScripts
from fsapi_nb.model.migration import Procedure
from fsapi_nb.model.schema_change import KeptChanges
from fsapi_nb.model.server import DatabaseFacts, Identity
from fsapi_nb.postgres.connect import connect, open_session
from fsapi_nb.postgres.session import Session
from fsapi_nb.postgres.system_identifier import system_identifier
from fsapi_nb.postgres.wait import closed_after

if TYPE_CHECKING:
    from fsapi_nb.history.record import Recorder
    from fsapi_nb.postgres.advisory_lock import Holder

_SECOND_WAIT = 15.0  # seconds: a pooler lets a client wait for minutes until another one has gone


@dataclass(slots=True)
class HistoryStore:
    """An open session on the database, and the place of the history in it.

    A verb that needs no history may use the session wherever the history is. Once the lock is held, `session` may be a
    new one, and `location` has all tables. Methods that ask the database may wait, and raise psycopg.Error.
    """

    session: Session
    location: Location
    identity: Identity
    access: DatabaseAccess
    folder: Folder
    _is_sure: bool = False

    @property
    def tables(self) -> Tables:
        """The tables of the history, or those that will be made."""
        return self.location.tables

    @property
    def no_schema(self) -> NoSchema | None:
        """Why there is no history and none can be made, if that is so."""
        return self.location.no_schema

    @property
    def key(self) -> int:
        """The key of the advisory lock of this history."""
        return self.tables.lock_key(self.session.facts.database)

    def history(self) -> History:
        """Return all that is applied, and what ended half-way.

        Raises HistoryError if the files have another history.
        """
        return self._of_these_files(read_history(self.session, self.tables, self._layout()))

    def history_and_authors(self) -> tuple[History, dict[str, str]]:
        """Return the same, and the role that applied each migration, by name, as far as the journal says."""
        history, authors = read_history_and_authors(self.session, self.tables, self._layout())
        return self._of_these_files(history), authors

    def scripts(self, names: Sequence[str]) -> dict[str, StoredScripts]:
        """Return the text that ran of those applied migrations for which it was stored, by name."""
        return read_scripts(self.session, self.tables, self._layout(), names)

    def journal(self, *, limit: int | None = None, runbook: str | None = None) -> tuple[JournalEntry, ...]:
        """Return the newest `limit` events of the journal, or those of one run of a runbook, oldest first."""
        return read_journal(self.session, self.tables, self._layout(), limit=limit, runbook=runbook)

    def kept_changes(self) -> tuple[KeptChanges, ...]:
        """Return what migrations have changed in the schema since everything was dropped, oldest first."""
        return read_changes(self.session, self.tables, self._layout())

    def _of_these_files(self, history: History) -> History:
        """Return the history. Raises HistoryError if the files have another one, under another name."""
        if not self._is_sure and not self.no_schema:
            configured = "schema" in self.access.project.table
            setting = HistorySetting(self.tables, self.access.schema is not None, configured)
            refuse_other_history(self.session, setting, self.location.layout, history, self.folder)
            self._is_sure = True
        return history

    def _layout(self) -> TablesPresent:
        """Return which tables there are to read. Raises HistoryError if the history may not be used."""
        if self.location.refusal:
            raise self.location.refusal
        return self.location.layout

    def require_history(self) -> None:
        """Raise HistoryError if the history may not be used, or has no schema to be made in."""
        self._layout()
        if self.no_schema:
            raise self.no_schema.refusal

    def warnings(self) -> tuple[str, ...]:
        """Return notes on untrusted owners of the history, and on other roles that may write it.

        Asks the database only if other roles have rights on the tables.
        """
        layout = self.location.layout
        owners = (
            f"{table} belongs to the role {owner!r}, which can make the role that migrates run its code. If not meant: "
            f"ALTER TABLE {table} OWNER TO CURRENT_USER;"
            for table, owner in layout.strangers
        )
        grants = find_grants(self.session, self.tables) if layout.has_grants else ()
        return (*owners, *map(str, grants))

    def procedures(self) -> tuple[Procedure, ...]:
        """Return the procedures that may end a transaction by themselves."""
        from fsapi_nb.postgres.procedures import read_procedures

        return read_procedures(self.session.connection())

    def session_state(self, names: Iterable[str]) -> dict[str, str]:
        """Return the settings of this session that are set, or that have these names."""
        from fsapi_nb.history.kept_session import own_names, read_state

        return read_state(self.session, self.key, sorted({*names, *own_names(self.session.settings)}))

    def facts(self) -> DatabaseFacts:
        """Return what the record of a runbook says of this database."""
        info, facts = self.session.connection().info, self.session.facts
        address = f"{info.host}, port {info.port}" if info.host.startswith("/") else f"{info.host}:{info.port}"
        system = system_identifier(self.session.connection())
        server = facts.product.partition(" on ")[0]
        return DatabaseFacts(self.identity, server, address, facts.role, system)

    def runner_at_work(self) -> Holder | None:
        """Return who holds the lock at this moment; None if nobody does."""
        from fsapi_nb.postgres.advisory_lock import find_holder

        return find_holder(self.session, self.key)

    @contextmanager
    def locked(self, awaited: Callable[[str], None]) -> Iterator[Recorder]:
        """Hold the lock, and make the tables that are missing. Yields the recorder of the run.

        Args:
            awaited: Called with a text while another runner holds the lock.

        Raises:
            Locked: Another runner holds the lock for longer than `max_wait`.
            HistoryError: The history may not be used, or its tables cannot be made or written.
            PooledConnection: A pooler is in between, so the lock would not keep other runners out.
            CannotConnect: No second session came about.
            ConfigurationError: The function for the database does not give new connections.
        """
        import uuid

        from fsapi_nb.history.record import Recorder
        from fsapi_nb.postgres.advisory_lock import advisory_lock

        self.require_history()
        access = self.access
        with ExitStack() as stack:
            stack.enter_context(advisory_lock(self.session, self.key, max_wait=access.max_wait, awaited=awaited))
            self._probe()
            if self.session.is_outdated:  # the runner before this one has changed settings of the database or role
                self.session = stack.enter_context(self.renewed(self.session))
            self.location = replace(self.location, layout=create_tables(self.session, self.tables))
            yield Recorder(
                self.session, self.tables, uuid.uuid4(), access.notebook, cell=access.cell, runbook=access.runbook
            )

    def _probe(self) -> None:
        """Make sure that the lock keeps other runners out.

        Raises PooledConnection, CannotConnect, ConfigurationError, psycopg.Error.
        """
        from fsapi_nb.postgres.advisory_lock import probe

        access = self.access
        if access.address.embedded or self._is_surely_locked():
            self.session.check_same()  # so that this is one PostgreSQL server, and not a pooler
            return
        try:
            other = connect(destination_of(access), f"{access.application} (second)"[:63])
        except CannotConnect:
            if access.by_pooler:
                raise
            self.session.check_same()  # the server has no slot for a second one
            return
        if other.pgconn is self.session.connection().pgconn:
            hint = "let it return psycopg.connect(...), a new connection at each call."
            raise ConfigurationError("the function for the database gave the same connection again", hint=hint)
        with closing(other), closed_after(other, _SECOND_WAIT) as is_late:
            try:
                probe(self.session, other, self.key)
            except psycopg.Error:
                if not is_late():
                    raise
            if is_late():
                raise PooledConnection(
                    f"the connection pooler gave no second session within {_SECOND_WAIT:g} s",
                    state=UNCHANGED,
                    hint="its pool must have two free ones for a run (pool_size in PgBouncer); or connect to PostgreSQL itself.",
                )

    def _is_surely_locked(self) -> bool:
        """Return whether it is certain without a second connection that the lock keeps others out."""
        from fsapi_nb.postgres.advisory_lock import holds
        from fsapi_nb.postgres.peer_process import is_direct
        from fsapi_nb.project.parts import leads_to_one_server

        dsn, session = self.access.address.dsn, self.session
        if dsn is None or self.access.by_pooler or not leads_to_one_server(dsn):
            return False
        return is_direct(session.connection(), session.facts.pid) and holds(session, self.key)

    @contextmanager
    def renewed(self, session: Session) -> Iterator[Session]:
        """Open a session in place of one that is outdated, whose lock it takes over; the old one is closed.

        Raises:
            CannotConnect: No new session came about.
            PooledConnection: A pooler is in between, whose sessions may all be outdated.
            DatabaseError: The lock could not be taken over.
        """
        from fsapi_nb.postgres.advisory_lock import taken_over

        access = self.access
        if access.by_pooler:
            raise PooledConnection(
                "the settings of the database or the role have changed, and the pooler's sessions may be older",
                state="what was reported as done is committed.",
                hint="let the pooler open new sessions (RECONNECT in PgBouncer's console), and run again.",
            )
        with (
            open_session(destination_of(access), application=access.application, settings=access.settings) as new,
            taken_over(session, new, self.key),
        ):
            yield new


@contextmanager
def open_target(access: DatabaseAccess, *, writing: bool, folder: Folder) -> Iterator[HistoryStore]:
    """Connect for one verb over the files of a folder; close the session at the end, whatever happens.

    Args:
        access: The way to the database.
        writing: Whether the verb may change the database: the session must then be one that can.
        folder: The files of the project, by which a history is known.

    Raises:
        Untrusted: The project asks for something that its user has not allowed. Nothing was connected to.
        CannotConnect: No connection came about.
        DatabaseError: The server, or what answers in its place, cannot be used.
        HistoryError: There is no such schema as the one that was chosen.
        Interrupted: The user stopped the verb while no migration ran.
    """
    settings = access.project.table
    table, configured = str(settings.get("table", "migrations")), settings.get("schema")
    schema = access.schema or (str(configured) if configured is not None else None)
    try:
        with (
            hiding_secrets(access.settings),
            open_session(
                destination_of(access),
                application=access.application,
                settings=access.settings,
                writing=writing,
                by_pooler=access.by_pooler,
                question=question(table),
            ) as session,
        ):
            if access.schema and session.facts.schema != access.schema:
                refuse_absent(session, access.schema)
            location = locate(session, session.answer, schema=schema, table=table, known=folder.names)
            yield HistoryStore(session, location, identify(session, access), access, folder)
    except Interrupted:
        raise
    except KeyboardInterrupt:
        # The connection is closed by now: what was not committed is undone.
        raise Interrupted("stopped", "no migration was running; what was not committed is rolled back.") from None
