"""The databases of the tests: empty ones, taken, given back, restored, and taken again.

To restore a database costs a tenth of making one. It is used again only if every row of its catalogs is as it was when
the database was made, and nothing outside of it (settings, prepared transactions, slots, comments) belongs to it;
otherwise it is dropped.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo

from tests import asking

Connection = psycopg.Connection[tuple[Any, ...]]

_numbers = itertools.count(1)
#: A connection that a test has left may need a moment to end.
SECONDS = 5.0
_OTHERS = f"""datname = current_database() AND pid <> pg_backend_pid()
    AND application_name <> '{asking.APPLICATION}'"""
_TERMINATE = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {_OTHERS}"
# What is in the schema public goes by itself: the schema's own row stays as it is. What depends on another object
# (a row type, an identity's sequence, what an extension brought) goes with that.
_EMPTY = r"""
DO $restore$
DECLARE command text;
BEGIN
    FOREACH command IN ARRAY ARRAY(
        SELECT format('DROP EVENT TRIGGER IF EXISTS %I', evtname) FROM pg_event_trigger WHERE oid >= 16384
        UNION ALL SELECT format('DROP PUBLICATION IF EXISTS %I', pubname) FROM pg_publication WHERE oid >= 16384
        UNION ALL SELECT format('DROP SCHEMA IF EXISTS %I CASCADE', nspname) FROM pg_namespace
        WHERE oid >= 16384 AND nspname NOT LIKE 'pg\_%'
        UNION ALL SELECT format('DROP EXTENSION IF EXISTS %I CASCADE', extname) FROM pg_extension WHERE oid >= 16384
        UNION ALL SELECT 'SELECT lo_unlink(' || oid || ')' FROM pg_largeobject_metadata
        UNION ALL SELECT format('DROP %s IF EXISTS %s CASCADE',
            CASE known.type WHEN 'statistics object' THEN 'STATISTICS' ELSE known.type END, known.identity)
        FROM pg_depend AS own, pg_identify_object(own.classid, own.objid, 0) AS known
        WHERE own.refclassid = 'pg_namespace'::regclass AND own.refobjid = 'public'::regnamespace
            AND own.objid >= 16384 AND own.deptype = 'n'
            AND NOT EXISTS (
                SELECT FROM pg_depend AS other WHERE other.classid = own.classid AND other.objid = own.objid
                AND other.objsubid = 0
                AND (other.deptype IN ('i', 'e') OR (other.deptype = 'a' AND other.refclassid = 'pg_class'::regclass))
            )
    )
    LOOP
        EXECUTE command;
    END LOOP;
END
$restore$
"""
# Statistics of tables are not part of what a database is, and come and go by themselves.
_CATALOGS = """
    SELECT relname::text FROM pg_class WHERE relnamespace = 'pg_catalog'::regnamespace AND relkind = 'r'
    AND NOT relisshared AND relname NOT IN ('pg_statistic', 'pg_statistic_ext_data', 'pg_largeobject') ORDER BY 1
"""
# What is kept outside of a database and belongs to it. The row of pg_database changes with each ALTER DATABASE.
_OUTSIDE = f"""
    SELECT 'database ' || xmin, 1 FROM pg_database WHERE datname = current_database()
    UNION ALL SELECT 'settings', count(*) FROM pg_db_role_setting
    WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
    UNION ALL SELECT 'dependencies', count(*) FROM pg_shdepend
    WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
    UNION ALL SELECT 'comments', count(*) FROM pg_shdescription
    WHERE objoid = (SELECT oid FROM pg_database WHERE datname = current_database())
    UNION ALL SELECT 'labels', count(*) FROM pg_shseclabel
    WHERE objoid = (SELECT oid FROM pg_database WHERE datname = current_database())
    UNION ALL SELECT 'subscriptions', count(*) FROM pg_subscription
    WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())
    UNION ALL SELECT 'slots', count(*) FROM pg_replication_slots WHERE database = current_database()
    UNION ALL SELECT 'prepared transactions', count(*) FROM pg_prepared_xacts WHERE database = current_database()
    UNION ALL SELECT 'sessions', count(*) FROM pg_stat_activity WHERE {_OTHERS}
"""
# What a test may leave on the server, where it is in the way of later ones.
_ON_THE_SERVER = """
    SELECT 'role ' || rolname FROM pg_roles
    UNION ALL SELECT 'tablespace ' || spcname FROM pg_tablespace
    UNION ALL SELECT 'setting ' || name || ' of the server' FROM pg_file_settings WHERE sourcefile LIKE '%postgresql.auto.conf'
    UNION ALL SELECT 'setting of role ' || setrole::regrole FROM pg_db_role_setting WHERE setdatabase = 0
"""


@dataclass(slots=True)
class Made:
    """A database, the query for its state, what that was when it was made, and who asks for it.

    The connection stays open: a new one reads all catalogs first, which takes longer than the question.
    """

    name: str
    query: bytes
    state: frozenset[tuple[str, int]]
    connection: Connection

    def connected(self, address: str) -> Connection:
        """Return the connection, after a crash of the server a new one to that address of it."""
        if self.connection.closed:
            self.connection = _connect(address)
        return self.connection


@dataclass(slots=True)
class Databases:
    """The databases of one process on one server; `shared` says that others change that server at the same time."""

    server: str
    shared: bool = False
    _idle: list[Made] = field(default_factory=list)
    _connection: Connection | None = None

    @contextlib.contextmanager
    def empty(self) -> Iterator[str]:
        """Yield the address of an empty database; restore or drop it in the end.

        Raises AssertionError if a role, a tablespace or a setting was left on the server.
        """
        with self.taken() as made:
            yield self._address(made.name)

    @contextlib.contextmanager
    def taken(self) -> Iterator[Made]:
        """Yield an empty database with its connection, as `empty` does."""
        before = self._on_the_server()
        made = self._take()
        try:
            yield made
        except BaseException:
            self._drop(made)
            raise
        left = self._on_the_server() - before
        if left or not self._restored(made):
            self._drop(made)
        else:
            self._idle.append(made)
        assert not left, f"left on the server: {', '.join(sorted(left))}"

    def close(self) -> None:
        """Drop the databases that nobody has."""
        while self._idle:
            self._drop(self._idle.pop())
        self._admin.close()

    def disconnect(self) -> None:
        """Close every connection, since the server ends them or has ended them."""
        for connection in (self._connection, *(made.connection for made in self._idle)):
            if connection:
                connection.close()

    @property
    def _admin(self) -> Connection:
        """The connection that databases are made and dropped by."""
        if self._connection is None or self._connection.closed:
            self._connection = _connect(self.server)
        return self._connection

    def _address(self, name: str) -> str:
        return make_conninfo(self.server, dbname=name)

    def _on_the_server(self) -> set[str]:
        return set() if self.shared else {found for (found,) in self._admin.execute(_ON_THE_SERVER)}

    def _take(self) -> Made:
        try:
            return self._idle.pop()  # by one of the threads that ask at the same time
        except IndexError:
            return self._make()

    def _make(self) -> Made:
        name = f"test_{os.getpid()}_{next(_numbers)}"
        # Copying the files is twice as fast as writing them to the log if nothing is synced.
        strategy = "STRATEGY file_copy" if self._admin.info.server_version >= 150000 else ""
        self._admin.execute(f"CREATE DATABASE {name} {strategy}".encode())
        connection = _connect(self._address(name))
        asking.keep(self._address(name))
        ((transaction,),) = connection.execute("SELECT pg_current_xact_id()::text::bigint % (1::bigint << 32)")
        catalogs = [found for (found,) in connection.execute(_CATALOGS)]
        state = _state_query(catalogs, transaction)
        return Made(name, state, frozenset(connection.execute(state)), connection)

    def _restored(self, made: Made) -> bool:
        """Empty the database; return whether it is as it was when it was made."""
        deadline = time.monotonic() + SECONDS
        try:
            made.connected(self._address(made.name)).execute(_TERMINATE)
            made.connection.execute(_EMPTY)
            while (state := frozenset(made.connection.execute(made.query))) != made.state:
                if ("sessions", 0) in state or time.monotonic() > deadline:
                    return False
            return True
        except psycopg.Error:
            return False

    def _drop(self, made: Made) -> None:
        made.connection.close()
        asking.forget(self._address(made.name))
        self._admin.execute(f"DROP DATABASE IF EXISTS {made.name} WITH (FORCE)".encode())


def _connect(address: str) -> Connection:
    settings = "-c client_min_messages=error -c lock_timeout=5s -c search_path=pg_catalog"
    return psycopg.connect(address, autocommit=True, options=settings)


def _state_query(catalogs: Sequence[str], transaction: int) -> bytes:
    """Ask how many rows each catalog has, how many of them were written since a transaction, and what is outside."""
    written = f"count(*) FILTER (WHERE age(xmin) <= age('{transaction}'::xid))"
    counts = [f"SELECT '{name}', count(*) + 1000000 * {written} FROM {name}" for name in catalogs]
    return " UNION ALL ".join([*counts, _OUTSIDE]).encode()
