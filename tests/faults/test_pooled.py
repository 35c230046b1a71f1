"""A pooler between fsapi_nb and PostgreSQL: refused before anything is written, or known to be in session mode."""

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

from fsapi_nb.errors import PooledConnection
from fsapi_nb.history import store
from fsapi_nb.servers.embedded.account import powerless_account
from tests.faults.held import (
    IN_TRANSACTION,
    NOBODY_AT_WORK,
    STANDS_STILL,
    assert_one_more_run_completes,
    holding,
    stage,
)
from tests.faults.migrations import PLAIN
from tests.faults.test_stopped import Call
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
default_pool_size = {size}
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
def pooler(program: str, place: Place, mode: str, *, size: int = 20) -> Iterator[str]:
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
        configuration.write_text(_CONFIGURATION.format(server=server, port=_PORT, folder=folder, mode=mode, size=size))
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
        with pytest.raises(PooledConnection, match="pooler session"):
            place.migrator(address).migrate()
        assert place.value("SELECT to_regclass('migrations') IS NULL AND to_regclass('a') IS NULL")


def test_a_pooler_in_session_mode_is_used_if_the_user_says_so(world: World, pgbouncer: str) -> None:
    """There and back, with every setting of a session; and it is left as it was for the pooler's next client."""
    with world.place(PLAIN) as place, pooler(pgbouncer, place, "session") as address:
        migrator = place.migrator(address, pooler="session", settings={"env": "dev"})
        assert migrator.query("SELECT current_setting('fsapi.env'), current_setting('lock_timeout')").last is not None
        migrator.migrate()
        assert not migrator.pending().statuses
        migrator.rollback(everything=True)
        assert place.value("SELECT count(*) FROM migrations") == 0
        with psycopg.connect(address) as connection:
            assert connection.execute("SELECT current_setting('fsapi.env', true)").fetchone() in {(None,), ("",)}
            assert connection.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'").fetchone() == (0,)


def test_a_pooler_in_transaction_mode_is_refused_whatever_the_user_says(world: World, pgbouncer: str) -> None:
    """A second connection gets the lock of the first: found before anything is written."""
    with world.place(PLAIN) as place, pooler(pgbouncer, place, "transaction") as address:
        with pytest.raises(PooledConnection):
            place.migrator(address, pooler="session").migrate()
        assert place.value("SELECT to_regclass('migrations') IS NULL AND to_regclass('a') IS NULL")


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("transaction", "In transaction mode, locks and settings of a session are shared"),
        ("session", r"gave no second session within 1 s(.|\n)*pool_size in PgBouncer"),
    ],
)
def test_a_pool_that_has_no_second_session_is_not_waited_for(
    world: World, pgbouncer: str, mode: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pooler would let the second connection wait for two minutes, in silence."""
    monkeypatch.setattr(store, "_SECOND_WAIT", 1.0)
    with world.place(PLAIN) as place, pooler(pgbouncer, place, mode, size=1) as address:
        with pytest.raises(PooledConnection, match=words):
            place.migrator(address, pooler="session").migrate()
        assert place.value("SELECT to_regclass('migrations') IS NULL AND to_regclass('a') IS NULL")


def test_a_run_through_a_pooler_is_stopped_on_the_server(world: World, pgbouncer: str) -> None:
    """The pooler passes on what cancels."""
    with stage(world, IN_TRANSACTION) as place, pooler(pgbouncer, place, "session") as address:
        migrator = place.migrator(address, pooler="session")
        with holding(place, IN_TRANSACTION):
            call = Call(migrator.migrate)
            place.wait_for(STANDS_STILL)
            call.stopped(migrator)
            assert place.value(NOBODY_AT_WORK)
        assert_one_more_run_completes(world, IN_TRANSACTION, place)
