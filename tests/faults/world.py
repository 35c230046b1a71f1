"""Where a case of a fault takes place: an empty database, a folder of migrations, and what both hold in the end."""

from __future__ import annotations

import contextlib
import itertools
import os
import queue
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from fsapi_nb import Migrator
from fsapi_nb.errors import NothingToDo
from fsapi_nb.model.migration import Direction
from fsapi_nb.servers import embedded
from tests.databases import Databases, Made
from tests.faults.contents import Reader
from tests.faults.migrations import Migrations
from tests.faults.proxy import Proxy, Rule

_numbers = itertools.count(1)
#: Settings of a server that harm nobody here and that no case shares with another at the same time.
_SETTINGS = ("bgwriter_lru_multiplier", "commit_siblings", "vacuum_cost_page_hit", "vacuum_cost_page_miss")
_settings: queue.Queue[str] = queue.Queue()
for _setting in _SETTINGS:
    _settings.put(_setting)
_INVALID = """
    SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid
    UNION ALL SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhdetachpending ORDER BY 1
"""
_APPLIED = """
    SELECT h.name::text, s.checksum::text
    FROM public.migrations h LEFT JOIN public.migrations_scripts s USING (id) ORDER BY h.id
"""
_QUIET = """
    SELECT count(*) = 0 FROM pg_locks WHERE locktype = 'advisory'
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a database holds, without our tables: schema and rows, what is invalid, what stands outside of the database,
    and the names and checksums of what is applied.
    """

    contents: str
    invalid: tuple[str, ...]
    outside: tuple[tuple[str, ...], ...]
    applied: tuple[tuple[str, str], ...]


@dataclass(slots=True)
class Place:
    """A database with a folder of migrations. `name` and `setting` are its own outside of the database."""

    address: str
    folder: Path
    migrations: Migrations
    world: World
    made: Made
    name: str = ""
    setting: str = ""

    def migrator(self, address: str | None = None, **options: Any) -> Migrator:
        """A migrator of it, by another address if one is given."""
        return Migrator(address or self.address, self.folder, **options)

    def run(self, direction: Direction, address: str | None = None, **options: Any) -> None:
        """Apply everything, or roll everything back; nothing to do is fine."""
        migrator = self.migrator(address, **options)
        if direction is Direction.UP:
            migrator.migrate()
            return
        with contextlib.suppress(NothingToDo):
            migrator.rollback(everything=True)

    @contextlib.contextmanager
    def proxy(self, rule: Rule | None = None) -> Iterator[Proxy]:
        """A proxy before the database, with at most one rule."""
        with tempfile.TemporaryDirectory(prefix="faults-", dir="/tmp") as folder:
            proxy = Proxy(self.address, Path(folder), rule)
            try:
                yield proxy
            finally:
                proxy.close()

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What a query gives, over a connection of its own, whatever search_path the database sets."""
        with psycopg.connect(self.address, autocommit=True, options="-c search_path=public") as connection:
            cursor = connection.execute(query.encode())
            return cursor.fetchall() if cursor.description else []

    def value(self, query: str) -> Any:
        """The one value that a query gives."""
        ((value,),) = self.rows(query)
        return value

    def wait_for(self, query: str, *, seconds: float = 20) -> None:
        """Until the query gives true: the exact state is waited for, not some time."""
        with psycopg.connect(self.address, autocommit=True) as connection:
            wait_until(lambda: bool((connection.execute(query.encode()).fetchone() or (False,))[0]), query, seconds)

    def snapshot(self, *, dumped: bool = False) -> Snapshot:
        """What it holds now. `dumped`: as pg_dump writes it, which is the same in a database that was restored from a dump."""
        connection = self.made.connected(self.address)
        applied: list[tuple[Any, ...]] = []
        if connection.execute("SELECT to_regclass('public.migrations_scripts') IS NOT NULL").fetchone() == (True,):
            applied = connection.execute(_APPLIED).fetchall()
        return Snapshot(
            contents=dump(self.world.pg_dump, self.address) if dumped else self.world.reader.read(connection),
            invalid=tuple(name for (name,) in connection.execute(_INVALID)),
            outside=tuple(self._outside(connection)),
            applied=tuple((name, sum_ if self.migrations.is_local else "its own") for name, sum_ in applied),
        )

    def _outside(self, connection: psycopg.Connection[tuple[Any, ...]]) -> Iterator[tuple[str, ...]]:
        """Databases and settings of its own, whatever it is called."""
        if not self.name:
            return
        names = connection.execute(
            f"SELECT datname FROM pg_database WHERE datname LIKE '{self.name}\\_%' ORDER BY 1".encode()
        )
        yield from (("database", name.removeprefix(self.name)) for (name,) in names)
        found = f"SELECT setting FROM pg_file_settings WHERE name = '{self.setting}'"
        yield from (("setting", value) for (value,) in connection.execute(found.encode()))

    def await_quiet(self) -> None:
        """Until nobody holds an advisory lock in it."""
        self.wait_for(_QUIET)


def wait_until(condition: Callable[[], bool], what: str, seconds: float = 20) -> None:
    """Wait for a condition, which must come true within the time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"after {seconds} s, not yet: {what}"
        time.sleep(0.005)


def dump(pg_dump: Path, address: str) -> str:
    """Schema and rows of a database without our tables, and without what differs from one dump to the next."""
    command = [str(pg_dump), "--no-owner", "--exclude-table=*.migrations*", f"--dbname={address}"]
    text = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    noise = ("--", "\\restrict", "\\unrestrict")
    return "\n".join(_sorted_rows(line for line in text.splitlines() if line and not line.startswith(noise)))


def _sorted_rows(lines: Iterable[str]) -> Iterator[str]:
    """The lines with the rows of each table sorted: in which order a table holds them says nothing."""
    rows: list[str] | None = None
    for line in lines:
        if rows is None:
            yield line
            rows = [] if line.startswith("COPY ") and line.endswith(" FROM stdin;") else None
        elif line == "\\.":
            yield from (*sorted(rows), line)
            rows = None
        else:
            rows.append(line)


class World:
    """A server on which cases take place, each in a database that was empty; the databases are used again."""

    def __init__(self, server: str, scratch: Path, pg_dump: Path) -> None:
        self.scratch = scratch
        self.pg_dump = pg_dump
        self.reader = Reader(server)
        self.databases = Databases(server, shared=True)

    @property
    def server(self) -> str:
        """The server's address, which is another one after it was started again."""
        return self.databases.server

    def close(self) -> None:
        """Drop the databases."""
        self.databases.close()

    @contextlib.contextmanager
    def place(self, migrations: Migrations) -> Iterator[Place]:
        """An empty database, and the folder of migrations."""
        name = f"faults_{os.getpid()}_{next(_numbers)}"
        setting = "" if migrations.is_local else _settings.get()
        folder = self.scratch / name / "migrations"
        folder.mkdir(parents=True)
        outside = "" if migrations.is_local else f"{name}_x"
        migrations.write(folder, place=outside, setting=setting)
        try:
            with self.databases.taken() as made:
                yield Place(
                    make_conninfo(self.server, dbname=made.name), folder, migrations, self, made, outside, setting
                )
        finally:
            if setting:
                self._remove(outside, setting)
            shutil.rmtree(folder.parent)

    def _remove(self, outside: str, setting: str) -> None:
        with psycopg.connect(self.server, autocommit=True) as connection:
            found = connection.execute("SELECT datname FROM pg_database WHERE datname LIKE %s", [f"{outside}\\_%"])
            for (each,) in found.fetchall():
                connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(each)))
            connection.execute(sql.SQL("ALTER SYSTEM RESET {}").format(sql.Identifier(setting)))
            _settings.put(setting)


def find_pg_dump(server: str, bin_folder: Path | None) -> Path | None:
    """The pg_dump of the server's own major version; None where there is none."""
    with psycopg.connect(server) as connection:
        major = connection.info.server_version // 10000
    folders = [bin_folder] if bin_folder else []
    folders += [embedded.default_bin_folder(), Path(f"/usr/lib/postgresql/{major}/bin")]
    for folder in folders:
        program = folder / "pg_dump"
        if program.exists():
            told = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
            if told.split()[2].split(".")[0] == str(major):
                return program
    return None
