"""Starting a server on a data folder (pg_ctl), with who may log in.

The caller holds the guard and knows that no server runs there.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import shlex
from pathlib import Path

from fsapi_nb.errors import EmbeddedServerError
from fsapi_nb.servers.embedded.account import account_of
from fsapi_nb.servers.embedded.address import ROLE
from fsapi_nb.servers.embedded.command import run
from fsapi_nb.servers.embedded.messages import last_lines, last_lines_of
from fsapi_nb.servers.embedded.paths import ServerPaths
from fsapi_nb.servers.embedded.record import write_file
from fsapi_nb.servers.embedded.socket_folder import PORT
from fsapi_nb.servers.embedded.status import where_it_settles
from fsapi_nb.servers.embedded.users import await_lock, process
from fsapi_nb.text.sql import quote_name

_PG_CTL_SECONDS = 30  # it only launches the server
_LOG_BYTES = 10_000_000
_STATUS_LINE = 7  # of the pid file, counted from 0


def start(place: ServerPaths, bin_folder: Path, folder: Path) -> None:
    """Start the server with its socket in `folder`, and wait until it is ready."""
    _configure(place)
    if place.log.is_symlink() or (place.log.exists() and place.log.stat().st_size > _LOG_BYTES):
        place.log.unlink()  # a link may have been brought, to have the server write where it leads
    logged = place.log.stat().st_size if place.log.exists() else 0
    with process.opened(place.folder / "server.lock") as lock:
        if not await_lock(lock, fcntl.LOCK_EX, seconds=1):
            raise EmbeddedServerError(
                "A process that an earlier embedded server started is still there, and keeps its data in use.",
                hint="End what was started with COPY ... PROGRAM.",
            )
        _disown_pid_file(place)
        command = [str(bin_folder / "pg_ctl"), *_arguments(place, folder)]
        # The server inherits the lock, and holds it from now on.
        completed = run(command, folder=place.private, account=place.account, seconds=_PG_CTL_SECONDS, passed=(lock,))
    # pg_ctl would look only ten times a second, and wait for the pid file where the lock tells sooner that all is over.
    if completed.returncode or where_it_settles(place) is None:
        raise EmbeddedServerError(
            "The embedded server did not start: it ended at once.",
            details=last_lines(completed.stdout + completed.stderr) + last_lines_of(place.log, logged),
            state=f"its data is in {place.data}, as it was.",
            hint=f"See {place.log}. Where the data is of no use any more, delete {place.desk}; the next start makes it "
            "anew.",
        )


def _arguments(place: ServerPaths, folder: Path) -> list[str]:
    """What pg_ctl is told. Paths are relative, as it would have a shell read them."""
    conf = os.path.relpath(place.folder, place.private)
    server = ["-k", str(folder), "-p", str(PORT), "-c", "listen_addresses=", "-c", "unix_socket_permissions=0700"]
    server += ["-c", f"hba_file={conf}/pg_hba.conf", "-c", f"ident_file={conf}/pg_ident.conf"]
    arguments = ["start", "--silent", "--no-wait", "-D", place.name, "-l", "postgres.log"]
    return [*arguments, "-o", shlex.join(server)]


def _configure(place: ServerPaths) -> None:
    """Write who may log in: the account that we run as, and only as the superuser.

    The files lie outside the data folder, which may belong to another account, and are written at each start, as
    the account may have another name by then.
    """
    mode = 0o644 if place.account else 0o600
    client = quote_name(account_of(os.geteuid()).name)
    rules = "".join(f"local {databases} all peer map=fsapi_nb\n" for databases in ("all", "replication"))
    write_file(place.folder / "pg_hba.conf", rules, mode=mode)
    write_file(place.folder / "pg_ident.conf", f"fsapi_nb {client} {ROLE}\n", mode=mode)


def _disown_pid_file(place: ServerPaths) -> None:
    """Make the pid file of a server that is gone harmless: we hold the server's lock, so none runs.

    After a restart of the machine, or of a container, another process may have the number that the file holds, and
    PostgreSQL would take it for a server. It knows that a number of its starter's is none. Deleting the file would
    drop its last check as well, that of the shared memory. What goes is the last line, that the server is ready.
    """
    path = place.data / "postmaster.pid"
    with contextlib.suppress(FileNotFoundError):
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
            found = os.fstat(file.fileno())
            if found.st_uid != place.uid or found.st_nlink != 1:
                return  # not the server's file: root does not hand its text to another account
            lines = file.read().split(b"\n")
        draft = place.data / f"postmaster.pid.{secrets.token_hex(4)}"
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            os.fchown(file.fileno(), place.uid, -1)
            file.write(b"\n".join([b"%d" % os.getpid(), *lines[1:_STATUS_LINE], b""]))
        draft.replace(path)
