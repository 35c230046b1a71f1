"""What tests of the embedded server ask of its files and processes."""

from __future__ import annotations

import fcntl
import json
import os
import pwd
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from fsapi_nb.servers import embedded

ROOT = os.geteuid() == 0
SYSTEM = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
INSTALLATIONS = [embedded.default_bin_folder(), *(initdb.parent for initdb in SYSTEM)]

Homes = Callable[..., Path]


def record(server_folder: Path) -> dict[str, str]:
    found: dict[str, str] = json.loads((server_folder / "server.json").read_text())
    return found


def server_folder_of(home: Path, bin_folder: Path = INSTALLATIONS[0]) -> Path:
    """The folder of that version in a home."""
    return home / f"postgres-{embedded.server_version(bin_folder).split('.')[0]}"


def private_of(home: Path, bin_folder: Path = INSTALLATIONS[0]) -> Path:
    """The folder that the server writes in."""
    server_folder = server_folder_of(home, bin_folder)
    place = record(server_folder)["place"]
    return Path(place, "server") if place else server_folder


def data_of(home: Path, bin_folder: Path = INSTALLATIONS[0]) -> Path:
    """The data folder of the server, of which there is one."""
    (found,) = private_of(home, bin_folder).glob("data*")
    return found


def pid_of(home: Path, bin_folder: Path = INSTALLATIONS[0]) -> int:
    return int((data_of(home, bin_folder) / "postmaster.pid").read_text().split("\n")[0])


def runs(home: Path, bin_folder: Path = INSTALLATIONS[0]) -> bool:
    """Whether a server runs, as its lock says."""
    server_folder = server_folder_of(home, bin_folder)
    with Path(record(server_folder)["place"] or server_folder, "server.lock").open() as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def host_of(conninfo: str) -> str:
    """The socket folder."""
    return str(conninfo_to_dict(conninfo)["host"])


def query(conninfo: str, statement: str) -> Any:
    """Run SQL; the first value that it returns, if any."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None


def without_fsync(conninfo: str) -> str:
    """Nothing that a test writes needs to survive a power cut; what was never forced to disk is deleted faster."""
    query(conninfo, "ALTER SYSTEM SET fsync = off")
    query(conninfo, "SELECT pg_reload_conf()")
    return conninfo


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.005)


class User:
    """Another process that attaches, prints the address, and ends when its input does."""

    SCRIPT = """
import sys
from pathlib import Path
from fsapi_nb.servers import embedded
print(embedded.attach(Path(sys.argv[1])), flush=True)
sys.stdin.read()
"""

    def __init__(self, home: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", self.SCRIPT, str(home)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def conninfo(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline().strip()

    def end(self) -> None:
        self.process.communicate(timeout=30)
        assert self.process.returncode == 0

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=30)


def in_child(function: Callable[[], None], *, uid: int | None = None) -> None:
    """Run a function in a forked child, as another account if asked for; it must not fail."""
    child = os.fork()
    if child == 0:
        try:
            if uid is not None:
                os.setgroups([])
                os.setgid(pwd.getpwuid(uid).pw_gid)
                os.setuid(uid)
            function()
        except BaseException:  # noqa: BLE001 - whatever it is, the child must not go on as a second pytest
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
