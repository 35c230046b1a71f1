"""Stopping a server.

The caller holds `start.lock`, and has decided that the server may be stopped, whether other processes use it or not.
Only a process that is the server beyond doubt is sent a signal. Open connections are cut, and nothing that was
committed is lost.
"""

from __future__ import annotations

import contextlib
import os
import signal

from fsapi_nb.errors import EmbeddedServerError
from fsapi_nb.servers.embedded.messages import last_lines_of
from fsapi_nb.servers.embedded.paths import ServerPaths
from fsapi_nb.servers.embedded.socket_folder import remove_socket_folder
from fsapi_nb.servers.embedded.status import PidFile, read_pid_file, runs
from fsapi_nb.servers.embedded.users import wait_until

_STOP_SECONDS = 60


def shut_down(paths: ServerPaths) -> None:
    """Stop the server if it runs, as `pg_ctl stop -m fast` does, and wait for its end.

    Raises EmbeddedServerError. pg_ctl itself would believe the pid file of a server that crashed, may have been
    uninstalled, and waits in longer steps.
    """
    if found := read_pid_file(paths):
        _interrupt(found, paths)
    remove_socket_folder(paths)


def _interrupt(found: PidFile, paths: ServerPaths) -> None:
    if not found.is_of_server(paths.uid):
        # It may be ending just now: its process goes a moment before the lock does.
        if not wait_until(lambda: not runs(paths), seconds=1):
            raise EmbeddedServerError(
                f"the embedded server of {paths.server_folder.parent} runs where this process cannot see it",
                hint="it may have been started in another container: stop it there.",
            )
        return
    with contextlib.suppress(ProcessLookupError):
        os.kill(found.pid, signal.SIGINT)
    pid_file = paths.data / "postmaster.pid"
    if not wait_until(lambda: not pid_file.exists() or not runs(paths), seconds=_STOP_SECONDS):
        raise EmbeddedServerError(
            f"the embedded server (process {found.pid}) did not stop within {_STOP_SECONDS} s",
            details=last_lines_of(paths.log),
            hint=f"see {paths.log}; try again.",
        )
    # The pid file goes a moment before the process. What COPY ... PROGRAM left running may keep the lock longer.
    wait_until(lambda: not runs(paths), seconds=1)
