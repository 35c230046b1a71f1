"""Whether a server runs, where it answers, and how it is ended.

That it runs is what its lock says, which it inherits from its starter; `postmaster.pid` is believed only while the
lock is held, and a process is signalled only if it is the server beyond doubt. Starting is in `start`.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from fsapi_nb import stop
from fsapi_nb.errors import EmbeddedServerError
from fsapi_nb.servers.embedded.messages import last_lines_of
from fsapi_nb.servers.embedded.paths import ServerPaths
from fsapi_nb.servers.embedded.socket_folder import listens, remove_socket_folder, socket_in
from fsapi_nb.servers.embedded.users import is_free, wait_until

START_SECONDS = 60
_STOP_SECONDS = 60
_POLL_SECONDS = 0.01


@dataclass(frozen=True, slots=True)
class _PidFile:
    """What a server writes to `postmaster.pid`; it is true only while the server holds its lock."""

    pid: int
    folder: Path
    ready: bool

    @staticmethod
    def read(data: Path) -> _PidFile | None:
        """None where there is none, or where it is not complete yet."""
        try:
            lines = (data / "postmaster.pid").read_text(encoding="utf-8", errors="surrogateescape").splitlines()
            return _PidFile(int(lines[0]), Path(lines[4]), len(lines) > 7 and lines[7].strip() == "ready")
        except (FileNotFoundError, ValueError, IndexError):
            return None


def runs(place: ServerPaths) -> bool:
    """Whether a server runs: it, or a backend that outlives it for a moment, keeps the lock it inherited."""
    return not is_free(place.folder / "server.lock", fcntl.LOCK_SH)


def where_it_answers(place: ServerPaths) -> Path | None:
    """The socket folder of a server that runs and is ready; None where it needs a closer look."""
    found = _PidFile.read(place.data) if runs(place) else None
    return found.folder if found and found.ready and listens(found.folder, place.uid) else None


def where_it_settles(place: ServerPaths) -> Path | None:
    """Wait until the server is ready or gone; its socket folder, or None."""
    deadline = time.monotonic() + START_SECONDS
    while runs(place):
        if folder := where_it_answers(place):
            return folder
        found = _PidFile.read(place.data)
        if found and found.ready and not socket_in(found.folder).exists():
            # Something swept the socket folder away, and nobody can reach the server any more.
            end(place)
        elif time.monotonic() > deadline:
            raise EmbeddedServerError(
                f"The embedded server is neither ready nor gone after {START_SECONDS} s.",
                details=last_lines_of(place.log),
                hint=f"See {place.log}; wait, or end the server.",
            )
        stop.pause(_POLL_SECONDS)
    return None


def end(place: ServerPaths) -> None:
    """Stop the server if it runs, cutting connections but losing nothing (`pg_ctl stop -m fast`).

    pg_ctl itself would believe a stale pid file, may have been uninstalled by now, and waits in longer steps.
    """
    found = _PidFile.read(place.data) if runs(place) else None
    if found:
        _interrupt(found, place)
    remove_socket_folder(place)


def _interrupt(found: _PidFile, place: ServerPaths) -> None:
    if not _is_server(found, place.uid):
        if not wait_until(lambda: not runs(place), seconds=1):
            raise EmbeddedServerError(
                f"The embedded server of {place.desk.parent} runs where this process cannot see it.",
                hint="It may have been started in another container: stop it there.",
            )
        return
    with contextlib.suppress(ProcessLookupError):
        os.kill(found.pid, signal.SIGINT)
    pid_file = place.data / "postmaster.pid"
    if not wait_until(lambda: not pid_file.exists() or not runs(place), seconds=_STOP_SECONDS):
        raise EmbeddedServerError(
            f"The embedded server (process {found.pid}) did not stop within {_STOP_SECONDS} s.",
            details=last_lines_of(place.log),
            hint=f"See {place.log}; try again.",
        )
    # The pid file goes a moment before the process; what a COPY ... PROGRAM left running may keep the lock longer.
    wait_until(lambda: not runs(place), seconds=1)


def _is_server(found: _PidFile, uid: int) -> bool:
    """Whether the process is the server, and not one of the same number here while that is in another container."""
    process = Path("/proc", str(found.pid))
    if not Path("/proc/self").exists():
        return True  # macOS
    try:
        arguments = (process / "cmdline").read_bytes().split(b"\0")
        return process.stat().st_uid == uid and os.fsencode(found.folder) in arguments
    except OSError:
        return False
