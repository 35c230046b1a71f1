"""Whether a server runs, and where it answers.

It runs as long as its lock is held. `postmaster.pid` may be of a server that crashed, or of another machine, so it is
believed only while the lock is held.
"""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass
from pathlib import Path

from fsapi_nb.servers.embedded.paths import ServerPaths
from fsapi_nb.servers.embedded.socket_folder import listens
from fsapi_nb.servers.embedded.users import is_free


@dataclass(frozen=True, slots=True)
class PidFile:
    """The content of `postmaster.pid`: the server's process, its socket folder, and whether it is ready."""

    pid: int
    socket_folder: Path
    ready: bool

    def is_of_server(self, uid: int) -> bool:
        """Return whether the process is the server, which runs as `uid`.

        If the server runs in another container, its number here may be that of another process.
        """
        process = Path("/proc", str(self.pid))
        if not Path("/proc/self").exists():
            return True  # macOS
        try:
            arguments = (process / "cmdline").read_bytes().split(b"\0")
            return process.stat().st_uid == uid and os.fsencode(self.socket_folder) in arguments
        except OSError:
            return False


def runs(paths: ServerPaths) -> bool:
    """Return whether the server runs, or a process of it that outlives it for a moment."""
    return not is_free(paths.lock, fcntl.LOCK_SH)


def read_pid_file(paths: ServerPaths) -> PidFile | None:
    """Return what the pid file of a running server says.

    None if the server is gone or has not written all of it.
    """
    if not runs(paths):
        return None
    try:
        text = (paths.data / "postmaster.pid").read_text(encoding="utf-8", errors="surrogateescape")
        lines = text.splitlines()
        return PidFile(int(lines[0]), Path(lines[4]), len(lines) > 7 and lines[7].strip() == "ready")
    except (FileNotFoundError, ValueError, IndexError):
        return None


def ready_socket_folder(paths: ServerPaths) -> Path | None:
    """Return the socket folder of a server that is ready and answers there; None if it is not."""
    found = read_pid_file(paths)
    return found.socket_folder if found and found.ready and listens(found.socket_folder, paths.uid) else None
