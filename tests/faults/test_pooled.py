"""A pooler in transaction mode between us and PostgreSQL: refused before anything is written."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from fsapi_nb.database.embedded.account import powerless_account
from fsapi_nb.errors import PooledConnection
from tests.faults.migrations import PLAIN
from tests.faults.world import Place, World, wait_until

_PORT = 6432
_CONFIGURATION = """
[databases]
* = host={server} port=5432 user=postgres
[pgbouncer]
listen_addr =
listen_port = {port}
unix_socket_dir = {folder}
auth_type = any
pool_mode = {mode}
logfile = {folder}/log
"""


@pytest.fixture
def pgbouncer() -> str:
    """The program; where it is missing the test is skipped, but never in CI."""
    program = shutil.which("pgbouncer") or shutil.which("/usr/sbin/pgbouncer")
    if program is None:
        missing = "pgbouncer is not installed, so a pooler was NOT tried: apt-get install pgbouncer"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    return program


@contextlib.contextmanager
def pooler(program: str, place: Place, mode: str) -> Iterator[str]:
    """The place's address by way of a pooler, which runs as an account without rights where we are root."""
    account = powerless_account() if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="faults-", dir="/tmp") as name, place.proxy() as proxy:
        folder = Path(name)
        # The server knows its clients by their account: the pooler comes in by our proxy, which is of ours.
        server = Path(str(conninfo_to_dict(proxy.address)["host"]))
        server.chmod(0o755)
        for socket in server.iterdir():
            socket.chmod(0o777)
        configuration = folder / "pgbouncer.ini"
        configuration.write_text(_CONFIGURATION.format(server=server, port=_PORT, folder=folder, mode=mode))
        if account:
            os.chown(folder, account.uid, account.gid)
        user, group = (account.uid, account.gid) if account else (None, None)
        with subprocess.Popen([program, "--quiet", configuration], user=user, group=group) as process:
            address = make_conninfo(place.address, host=name, port=_PORT)
            try:
                wait_until(lambda: answers(address), "the pooler answers")
                yield address
            finally:
                process.kill()


def answers(address: str) -> bool:
    """Whether something can be asked there."""
    with contextlib.suppress(psycopg.OperationalError), psycopg.connect(address) as connection:
        return connection.execute("SELECT 1").fetchone() == (1,)
    return False


@pytest.mark.parametrize("mode", ["transaction", "session"])
def test_a_pooler_is_refused_before_anything_is_written(world: World, pgbouncer: str, mode: str) -> None:
    """Locks and settings of a session are not ours there; in session mode it cannot be told apart, and is refused too."""
    with world.place(PLAIN) as place, pooler(pgbouncer, place, mode) as address:
        with pytest.raises(PooledConnection, match="pooler"):
            place.migrator(address).migrate()
        assert place.value("SELECT to_regclass('migrations') IS NULL AND to_regclass('a') IS NULL")
