"""Fixtures: a real PostgreSQL for all tests, an empty database for each, and a small project to put migrations into.

The embedded server is used unless `--postgres-url` names another one (a superuser's, it makes databases).
"""

from __future__ import annotations

import itertools
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import hypothesis
import psycopg
import pytest
from psycopg import sql

from fsapi_nb import Migrator
from fsapi_nb.servers import embedded
from tests import asking, session_servers
from tests.databases import Databases

ROOT = Path(__file__).parent.parent
_SETTINGS = ("DATABASE_URL", "DB_", "PG", "JPY_SESSION_NAME", "FSAPI_NB_TRUST")

MakeDatabase = Callable[[], AbstractContextManager[str]]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--postgres-url", help="run against this PostgreSQL instead of the embedded one")
    parser.addoption("--postgres-bin", help="run the embedded server from this bin folder")


def pytest_configure() -> None:
    """Make the process what tests of others need: with SIGINT as usual, which is ignored in a shell's background."""
    # Under pytest-xdist the main module has no spec, and multiprocessing wants to see that.
    if not hasattr(sys.modules["__main__"], "__spec__"):
        sys.modules["__main__"].__spec__ = None
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # No test of properties fails because the machine is busy.
    hypothesis.settings.register_profile(
        "untimed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
    )
    hypothesis.settings.load_profile("untimed")


def pytest_sessionstart(session: pytest.Session) -> None:
    """End the servers of sessions that were killed; a worker's session has that done."""
    if not hasattr(session.config, "workerinput"):
        session_servers.end_abandoned()


def pytest_report_header(config: pytest.Config) -> str:
    return f"PostgreSQL: {config.getoption('--postgres-url') or 'embedded'}"


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch, pytestconfig: pytest.Config) -> None:
    """No test sees the database settings of whoever runs the tests."""
    for name in os.environ:
        if name.startswith(_SETTINGS):
            monkeypatch.delenv(name)
    if pytestconfig.getoption("--postgres-url"):  # which tests write into projects, wherever it leads
        monkeypatch.setenv("FSAPI_NB_TRUST", "1")


@pytest.fixture(scope="session", autouse=True)
def _found_by_the_next_session(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Servers below the session's temporary folder are ended by the next session if this one is killed."""
    session_servers.also_in(pytestconfig, tmp_path_factory.getbasetemp())


@pytest.fixture(scope="session")
def server(pytestconfig: pytest.Config) -> Iterator[str]:
    """The address of a server that tests may make databases on."""
    url = pytestconfig.getoption("--postgres-url")
    if url:
        yield str(url)
        return
    home = session_servers.folder_of(pytestconfig) / ".fsapi_nb"
    binaries = pytestconfig.getoption("--postgres-bin")
    address = embedded.attach(home, bin_folder=Path(binaries) if binaries else None)
    with psycopg.connect(address, autocommit=True) as connection:
        # Nothing that a test writes needs to survive a power cut.
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            connection.execute(sql.SQL("ALTER SYSTEM SET {} = off").format(sql.Identifier(setting)))
        connection.execute("SELECT pg_reload_conf()")
    yield address
    embedded.destroy(home)


@pytest.fixture(scope="session")
def databases(server: str, pytestconfig: pytest.Config) -> Iterator[Databases]:
    """The databases of this process, which are used again and again."""
    # On a server of somebody else's, other workers make roles at the same time.
    found = Databases(server, shared=bool(pytestconfig.getoption("--postgres-url")))
    yield found
    found.close()


@pytest.fixture(scope="session")
def make_database(databases: Databases) -> MakeDatabase:
    """A maker of empty databases: `with make_database() as address`; each is given back in the end."""
    return databases.empty


@pytest.fixture
def database(make_database: MakeDatabase) -> Iterator[str]:
    """The address of an empty database."""
    with make_database() as address:
        yield address


class Project:
    """A folder with `migrations/`, on a database of its own."""

    def __init__(self, root: Path, database: str) -> None:
        self.root = root
        self.database = database
        self.folder = root / "migrations"
        self.folder.mkdir()
        self._minutes = itertools.count()

    def write(self, what: str, up: str, down: str | None = None, *, name: str | None = None) -> str:
        """A migration file of these two sections, a minute after the last; return its name."""
        text = f"-- UP\n{up}\n" + (f"\n-- DOWN\n{down}\n" if down is not None else "")
        return self.write_text(name or f"2026_01_01_00_{next(self._minutes):02}_{what}.sql", text)

    def write_text(self, name: str, text: str | bytes) -> str:
        """A file of exactly that text."""
        (self.folder / name).write_bytes(text.encode() if isinstance(text, str) else text)
        return name

    def migrator(self, **options: Any) -> Migrator:
        """The project's migrator."""
        return Migrator(options.pop("database", self.database), self.folder, **options)

    @property
    def label(self) -> str:
        """The database as every result names it."""
        with asking.session(self.database) as connection:
            info = connection.info
            where = f"(socket, port {info.port})" if info.host.startswith("/") else f"at {info.host}:{info.port}"
            return f"{info.dbname} {where}"

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What a query gives, in a session of its own."""
        with asking.session(self.database) as connection:
            cursor = connection.execute(query.encode())
            return cursor.fetchall() if cursor.description else []

    def rows_in_session(self, *queries: str) -> None:
        """Several statements one after the other in one session, each committed alone."""
        with asking.session(self.database) as connection:
            for query in queries:
                connection.execute(query.encode())

    def value(self, query: str) -> Any:
        """The one value that a query gives."""
        ((value,),) = self.rows(query)
        return value

    def applied(self) -> list[str]:
        """The names in the history, in order; none where there is no table."""
        if self.value("SELECT to_regclass('public.migrations') IS NULL"):
            return []
        return [name for (name,) in self.rows("SELECT name FROM public.migrations ORDER BY id")]

    def has(self, table: str) -> bool:
        """Whether there is a table, index or view of that name."""
        return bool(self.value(f"SELECT to_regclass('{table}') IS NOT NULL"))


@pytest.fixture
def project(tmp_path: Path, database: str) -> Project:
    """A project without migrations, on a fresh database."""
    return Project(tmp_path, database)
