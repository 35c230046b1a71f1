"""The embedded server: a first start, a later one, and a fresh database for a test.

By hand is PostgreSQL's own tools with their own defaults, as the same account and from the same binaries. A start of
ours is what `attach` takes in a process of its own, imports not counted, with the database made and connected to.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
from psycopg import sql

from bench.tools import OURS
from fsapi_nb.servers import embedded
from fsapi_nb.servers.embedded.account import Account, powerless_account
from fsapi_nb.servers.embedded.command import run
from fsapi_nb.servers.embedded.installation import inspect_installation
from fsapi_nb.servers.embedded.installation_copy import enterable_bin_folder
from fsapi_nb.testing.databases import Databases, open_databases

_MIGRATIONS = Path(__file__).parent.parent / "migrations"
_ATTACH = """
import sys, time
from pathlib import Path
from fsapi_nb.servers import embedded
started = time.perf_counter()
embedded.attach(Path(sys.argv[1]))
print(time.perf_counter() - started)
"""

Seconds = dict[str, list[float]]


def measure(rounds: int) -> list[tuple[str, Seconds]]:
    """Each work's ways, in seconds of each round; the first way of each is the limit. All is interleaved.

    Folders are deleted in the end only: ext4 makes new files several times more slowly while it avoids those just gone.
    """
    initdb, start, create = "initdb --no-sync, pg_ctl start", "pg_ctl start", "CREATE DATABASE ... TEMPLATE"
    works: dict[str, Seconds] = {
        "first start": {initdb: [], OURS: []},
        "later start": {start: [], OURS: []},
        "fresh database": {create: [], f"{create} STRATEGY FILE_COPY": [], OURS: []},
    }
    with ExitStack() as stack:
        databases = stack.enter_context(_databases())
        for _ in range(rounds):
            by_hand, ours = _starts_by_hand(stack), _starts_of_ours(stack)
            for (work, ways), limit, value in zip(works.items(), by_hand, ours, strict=False):
                ways[next(iter(ways))].append(limit)
                works[work][OURS].append(value)
            for way, seconds in works["fresh database"].items():
                strategy = " STRATEGY FILE_COPY" if way.endswith("FILE_COPY") else ""
                seconds.append(_fresh(databases) if way == OURS else _copy_by_hand(databases, strategy))
    return list(works.items())


def _starts_by_hand(stack: ExitStack) -> tuple[float, float]:
    """Seconds of a first start and of a later one."""
    account = powerless_account() if os.geteuid() == 0 else None
    binaries = enterable_bin_folder(inspect_installation(embedded.default_bin_folder()), account)
    folder = stack.enter_context(_folder(account))
    initdb = [str(binaries / "initdb"), "-D", "data", "--no-sync"]
    pg_ctl = [str(binaries / "pg_ctl"), "-D", "data", "--silent", "--wait"]
    start = [*pg_ctl, "-l", "log", "-o", f"-k {folder} -c listen_addresses=", "start"]
    made = _seconds(lambda: _succeed(initdb, folder, account))
    first = _seconds(lambda: _succeed(start, folder, account))
    _succeed([*pg_ctl, "stop"], folder, account)
    later = _seconds(lambda: _succeed(start, folder, account))
    _succeed([*pg_ctl, "stop"], folder, account)
    return made + first, later


def _starts_of_ours(stack: ExitStack) -> tuple[float, float]:
    """Seconds of a first start and of a later one."""
    home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench_")), ".fsapi_nb")
    stack.callback(embedded.destroy, home)
    return _attach(home), _attach(home)


def _attach(home: Path) -> float:
    """What `attach` takes in a fresh process, with whose end the server stops."""
    command = [sys.executable, "-c", _ATTACH, str(home)]
    return float(subprocess.run(command, capture_output=True, check=True, text=True).stdout)


@contextmanager
def _folder(account: Account | None) -> Iterator[Path]:
    """A short path to a folder of that account's, under one that it can enter."""
    outer = Path(tempfile.mkdtemp(prefix="bench_", dir="/var/tmp" if account else None))
    try:
        outer.chmod(0o711)
        inner = outer / "server"
        inner.mkdir(mode=0o700)
        if account:
            os.chown(inner, account.uid, account.gid)
        yield inner
    finally:
        shutil.rmtree(outer)


def _succeed(command: list[str], folder: Path, account: Account | None) -> None:
    completed = run(command, folder=folder, account=account, seconds=120)
    if completed.returncode:
        raise RuntimeError(f"{command[0]}: {completed.stdout}{completed.stderr}")


@contextmanager
def _databases() -> Iterator[Databases]:
    """What makes a test's databases, of the example project's migrations, with the template filled."""
    with tempfile.TemporaryDirectory(prefix="bench_") as folder:
        shutil.copytree(_MIGRATIONS, Path(folder, "migrations"))
        try:
            with open_databases(Path(folder), directory=None, database=None) as databases:
                _fresh(databases)
                yield databases
        finally:
            embedded.destroy(Path(folder, ".fsapi_nb", "tests"))


def _fresh(databases: Databases) -> float:
    with ExitStack() as stack:
        return _seconds(lambda: stack.enter_context(databases.migrated()))


def _copy_by_hand(databases: Databases, strategy: str) -> float:
    """A copy of the same template over a connection that is there, by the strategy if the server knows any."""
    with databases.empty() as url, psycopg.connect(url, autocommit=True) as connection:
        found = connection.execute("SELECT datname FROM pg_database WHERE datname LIKE 'fsapi_template_%' LIMIT 1")
        ((template,),) = found.fetchall()
        options = sql.SQL(strategy if connection.info.server_version >= 150000 else "")
        create = sql.SQL("CREATE DATABASE by_hand TEMPLATE {}").format(sql.Identifier(template)) + options
        seconds = _seconds(lambda: connection.execute(create))
        connection.execute("DROP DATABASE by_hand")
    return seconds


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
