"""The server that is measured against: an embedded one of its own, durable or not, and its databases."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from fsapi_nb.servers import embedded

#: What a server does for a power cut; a test's server does without.
_DURABLE = ("fsync", "synchronous_commit", "full_page_writes")


@dataclass(frozen=True, slots=True)
class Address:
    """Where a database answers: the folder and port of a server's socket, a role, and the database's name."""

    folder: str
    port: int
    role: str
    database: str

    def conninfo(self) -> str:
        """As libpq's clients take it."""
        return make_conninfo(host=self.folder, port=self.port, user=self.role, dbname=self.database)

    def url(self, scheme: str) -> str:
        """As tools take it that want a URL, with the socket's folder as libpq has it."""
        return f"{scheme}://{self.role}@/{self.database}?host={quote(self.folder, safe='')}&port={self.port}"

    def node_url(self) -> str:
        """As Node's driver takes it, with the socket's folder as the host."""
        return f"postgres://{self.role}@{quote(self.folder, safe='')}:{self.port}/{self.database}"


class Server:
    """A running server, on which databases are made and dropped."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._number = 0

    @contextlib.contextmanager
    def database(self) -> Iterator[Address]:
        """A fresh, empty database; what was done before is written out, so that nobody pays for others' pages."""
        self._number += 1
        address = replace(self._address, database=f"bench_{self._number}")
        name = sql.Identifier(address.database)
        self.execute(sql.SQL("CREATE DATABASE {}").format(name))
        self.execute(sql.SQL("CHECKPOINT"))
        try:
            yield address
        finally:
            self.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))

    def count_tables(self, database: str, pattern: str) -> int:
        """How many tables of such names a database has, as a regular expression of PostgreSQL's."""
        with psycopg.connect(replace(self._address, database=database).conninfo()) as connection:
            found = connection.execute("SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relname ~ %s", [pattern])
            ((count,),) = found.fetchall()
            return int(count)

    def version(self) -> str:
        """The server's own version, such as `18.6`."""
        with psycopg.connect(self._address.conninfo()) as connection:
            return str(connection.info.parameter_status("server_version"))

    def execute(self, statement: sql.SQL | sql.Composed) -> None:
        """Run one statement by itself, in the database that the server began with."""
        with psycopg.connect(self._address.conninfo(), autocommit=True) as connection:
            connection.execute(statement)


@contextlib.contextmanager
def run_server(*, durable: bool) -> Iterator[Server]:
    """A server in a temporary folder, with PostgreSQL's defaults, or without what makes commits survive a power cut."""
    with tempfile.TemporaryDirectory(prefix="bench_") as folder:
        home = Path(folder, ".fsapi_nb")
        try:
            server = Server(_address(embedded.attach(home)))
            if not durable:
                for setting in _DURABLE:
                    server.execute(sql.SQL("ALTER SYSTEM SET {} = off").format(sql.SQL(setting)))
                server.execute(sql.SQL("SELECT pg_reload_conf()"))
            yield server
        finally:
            embedded.destroy(home)


def _address(conninfo: str) -> Address:
    parts = conninfo_to_dict(conninfo)
    return Address(str(parts["host"]), int(parts["port"] or 5432), str(parts["user"]), str(parts["dbname"]))
