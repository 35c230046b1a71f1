"""Starting a server on its data folder, by pg_ctl.

The caller holds `start.lock` and knows that no server runs there. The starter takes `server.lock`, and pg_ctl and the
server inherit it: the server holds it from its first moment on, and it ends with the server's last process. The server
is in no process group and has no pipe of its starter's, so it outlives a starter that is interrupted or killed.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import shlex
import time
from pathlib import Path

from fsapi_nb import stop
from fsapi_nb.errors import EmbeddedServerError
from fsapi_nb.project.private_files import replace_file
from fsapi_nb.servers.embedded.account import account_of
from fsapi_nb.servers.embedded.address import PLAIN_ROLE, ROLE
from fsapi_nb.servers.embedded.command import run
from fsapi_nb.servers.embedded.messages import last_lines, last_lines_of
from fsapi_nb.servers.embedded.paths import ServerPaths
from fsapi_nb.servers.embedded.shutdown import shut_down
from fsapi_nb.servers.embedded.socket_folder import PORT, socket_in
from fsapi_nb.servers.embedded.status import read_pid_file, ready_socket_folder, runs
from fsapi_nb.servers.embedded.users import await_lock, process
from fsapi_nb.text.sql import quote_name

START_SECONDS = 60
_POLL_SECONDS = 0.01
_PG_CTL_SECONDS = 30  # it only launches the server
_LOG_BYTES = 10_000_000
_STATUS_LINE = 7  # of the pid file, counted from 0


def start(paths: ServerPaths, bin_folder: Path, socket_folder: Path) -> None:
    """Start the server with its socket in that folder, and wait until it is ready.

    Raises EmbeddedServerError, OSError.
    """
    _configure(paths)
    if paths.log.is_symlink() or (paths.log.exists() and paths.log.stat().st_size > _LOG_BYTES):
        paths.log.unlink()  # a project may have brought a link, to have the server write where it leads
    logged = paths.log.stat().st_size if paths.log.exists() else 0
    with process.opened(paths.lock) as lock:
        if not await_lock(lock, fcntl.LOCK_EX, seconds=1):
            raise EmbeddedServerError(
                "a process that an earlier embedded server started is still there, and keeps its data in use",
                hint="end what was started with COPY ... PROGRAM.",
            )
        _disown_pid_file(paths)
        completed = run(
            [str(bin_folder / "pg_ctl"), *_arguments(paths, socket_folder)],
            folder=paths.private_folder,
            account=paths.account,
            seconds=_PG_CTL_SECONDS,
            passed=(lock,),
        )
    # pg_ctl would look only ten times a second, and would wait for the pid file of a server that has ended at once.
    if completed.returncode or await_ready(paths) is None:
        raise EmbeddedServerError(
            "the embedded server did not start: it ended at once",
            details=last_lines(completed.stdout + completed.stderr) + last_lines_of(paths.log, logged),
            state=f"not started; its data in {paths.data} is unchanged.",
            hint=f"see {paths.log}. If the data is not needed, delete {paths.server_folder}: the next start makes it "
            "again, empty.",
        )


def await_ready(paths: ServerPaths) -> Path | None:
    """Wait until the server is ready or gone; return its socket folder, None if it is gone.

    Raises EmbeddedServerError.
    """
    deadline = time.monotonic() + START_SECONDS
    while runs(paths):
        if socket_folder := ready_socket_folder(paths):
            return socket_folder
        found = read_pid_file(paths)
        if found and found.ready and not socket_in(found.socket_folder).exists():
            # A cleaner of temporary files has removed the socket folder: no client can reach the server.
            shut_down(paths)
        elif time.monotonic() > deadline:
            raise EmbeddedServerError(
                f"the embedded server is neither ready nor gone after {START_SECONDS} s",
                details=last_lines_of(paths.log),
                hint=f"see {paths.log}; wait, or end the server.",
            )
        stop.pause(_POLL_SECONDS)
    return None


def _arguments(paths: ServerPaths, socket_folder: Path) -> list[str]:
    """Return the arguments of pg_ctl. Paths are relative, as pg_ctl has a shell read them."""
    conf = os.path.relpath(paths.config_folder, paths.private_folder)
    server = [
        "-k",
        str(socket_folder),
        "-p",
        str(PORT),
        "-c",
        "listen_addresses=",
        "-c",
        "unix_socket_permissions=0700",
    ]
    server += ["-c", f"hba_file={conf}/pg_hba.conf", "-c", f"ident_file={conf}/pg_ident.conf"]
    arguments = ["start", "--silent", "--no-wait", "-D", paths.data_name, "-l", paths.log.name]
    return [*arguments, "-o", shlex.join(server)]


def _configure(paths: ServerPaths) -> None:
    """Write who may log in: the account of this process, as the superuser or as the role without rights.

    The files lie outside of the data folder, which may belong to another account. They are written at each start, as
    the account may have another name by then.
    """
    mode = 0o644 if paths.account else 0o600
    client = quote_name(account_of(os.geteuid()).name)
    rules = "".join(f"local {databases} all peer map=fsapi_nb\n" for databases in ("all", "replication"))
    replace_file(paths.config_folder / "pg_hba.conf", rules, mode=mode)
    names = "".join(f"fsapi_nb {client} {role}\n" for role in (ROLE, PLAIN_ROLE))
    replace_file(paths.config_folder / "pg_ident.conf", names, mode=mode)


def _disown_pid_file(paths: ServerPaths) -> None:
    """Make the pid file that a server has left harmless.

    This process holds the server's lock, so no server runs. After a restart of the machine, or of a container, another
    process may have the number in the file, and PostgreSQL would take it for a server. It knows that a number of its
    starter's is not one. To delete the file would take PostgreSQL's last check away as well, that of the shared memory.
    The last line, that the server is ready, is left out.
    """
    path = paths.data / "postmaster.pid"
    with contextlib.suppress(FileNotFoundError):
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
            found = os.fstat(file.fileno())
            if found.st_uid != paths.uid or found.st_nlink != 1:
                return  # it is not the server's file: root does not hand its text to another account
            lines = file.read().split(b"\n")
        draft = paths.data / f"postmaster.pid.{secrets.token_hex(4)}"
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            os.fchown(file.fileno(), paths.uid, -1)
            file.write(b"\n".join([b"%d" % os.getpid(), *lines[1:_STATUS_LINE], b""]))
        draft.replace(path)
