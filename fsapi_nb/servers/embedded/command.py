"""Running PostgreSQL's own tools, as the account of the server.

They get only those variables of the environment that they need. The callers judge what a tool answers.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from fsapi_nb.errors import EmbeddedServerError
from fsapi_nb.project.programs import communicate
from fsapi_nb.servers.embedded.account import Account
from fsapi_nb.servers.embedded.messages import ROOT_HINT

# PG* variables would mislead the server. Others may hold secrets, which SQL could read (COPY ... FROM PROGRAM).
_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TZ", "TZDIR", "TMPDIR", "LOCPATH", "LOCALE_ARCHIVE")


def run(
    command: list[str],
    *,
    folder: Path,
    account: Account | None,
    seconds: float,
    passed: tuple[int, ...] = (),
) -> subprocess.CompletedProcess[str]:
    """Run a tool in a session of its own, out of reach of the terminal's Ctrl-C, and wait for its end.

    Args:
        command: the program and its arguments.
        folder: its working directory.
        account: the account that it runs as; None is that of this process.
        seconds: how long it may take.
        passed: descriptors of open files that it inherits, with the locks on them.

    Raises EmbeddedServerError if it cannot be run or takes longer.
    """
    environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    try:
        with subprocess.Popen(
            command,
            cwd=folder,
            env=environment | {"LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
            umask=0o077,
            pass_fds=passed,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        ) as process:
            output, complaint = communicate(process, seconds)
        return subprocess.CompletedProcess(command, process.returncode, output, complaint)
    except (OSError, subprocess.TimeoutExpired) as error:
        reason = f"it took more than {seconds} s" if isinstance(error, subprocess.TimeoutExpired) else error.strerror
        who = f" as {account.name}" if account else ""
        raise EmbeddedServerError(
            f"{command[0]} could not be run{who}: {reason}",
            hint=ROOT_HINT
            if account
            else "check that this machine may run it, or set postgres_bin in [tool.fsapi_nb] to another PostgreSQL.",
        ) from error
