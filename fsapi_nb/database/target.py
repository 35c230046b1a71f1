"""The database that a verb works on: one session, where its history is, and whether it is protected.

Opens, finds and locks; what is done there is for the verbs.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from fsapi_nb.database import embedded
from fsapi_nb.database.connection import Session, open_session
from fsapi_nb.database.history import Recorder, create_tables, find_tables, read_history, read_scripts
from fsapi_nb.database.lock import Holder, advisory_lock, find_holder
from fsapi_nb.database.settings import Address, Endpoint, Project, is_protected
from fsapi_nb.database.tables import Tables
from fsapi_nb.errors import Interrupted
from fsapi_nb.model import History, Identity, StoredScripts


@dataclass(frozen=True, slots=True)
class Access:
    """How a database is reached: its address, and what every session there is set to.

    `max_wait` are the seconds to wait for another runner; `postgres_bin` is for the embedded server.
    """

    project: Project
    address: Address
    settings: Mapping[str, str] = field(default_factory=dict)
    application: str = "fsapi_nb"
    notebook: str | None = None
    max_wait: float = 60.0
    postgres_bin: Path | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """An open session on the database, and where the history is in it."""

    session: Session
    tables: Tables
    identity: Identity
    access: Access

    @property
    def key(self) -> int:
        """The key of the advisory lock of this history."""
        return self.tables.lock_key(self.session.facts.database)

    def history(self) -> History:
        """All that is applied, and what ended half-way."""
        return read_history(self.session, self.tables)

    def scripts(self, names: Sequence[str]) -> dict[str, StoredScripts]:
        """The text that ran of those applied migrations, where it was stored."""
        return read_scripts(self.session, self.tables, names)

    def runner_at_work(self) -> Holder | None:
        """Who holds the lock at this moment."""
        return find_holder(self.session, self.key)

    @contextmanager
    def locked(self, awaited: Callable[[str], None]) -> Iterator[Recorder]:
        """Hold the lock, with our tables there. Raises Locked, HistoryError."""
        with advisory_lock(self.session, self.key, max_wait=self.access.max_wait, awaited=awaited):
            create_tables(self.session, self.tables)
            yield Recorder(self.session, self.tables, uuid.uuid4(), self.access.notebook)


@contextmanager
def open_target(access: Access, *, writing: bool, known: Collection[str] = ()) -> Iterator[Target]:
    """Connect for one verb; `known` are the folder's file names. Closed at the end whatever happens."""
    try:
        with open_session(
            _dsn(access), application=access.application, settings=access.settings, writing=writing
        ) as session:
            table = access.project.table
            schema = str(table["schema"]) if "schema" in table else None
            tables = find_tables(session, schema=schema, table=str(table.get("table", "migrations")), known=known)
            yield Target(session, tables, _identify(session, access), access)
    except Interrupted:
        raise
    except KeyboardInterrupt:
        # The connection is closed by now: what was not committed is undone.
        raise Interrupted("stopped", "no migration was running; what was not committed is rolled back.") from None


def _dsn(access: Access) -> str:
    """The address to connect to; the embedded server is started for it."""
    if access.address.dsn is not None:
        return access.address.dsn
    return embedded.attach(access.project.home, bin_folder=access.postgres_bin, database=access.address.database)


def _identify(session: Session, access: Access) -> Identity:
    address, info = access.address, session.connection.info
    reached = Endpoint(info.host, info.hostaddr, info.port, session.facts.database)
    protected = address.protected or (address.dsn is not None and is_protected(access.project, reached))
    return Identity(session.facts.database, address.name, protected, address.place)
