"""Running PostgreSQL's own tools: as the right account, and told of our environment only what they need.

What they answer is judged by the callers.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from fsapi_nb.errors import EmbeddedServerError
from fsapi_nb.project.programs import communicate
from fsapi_nb.servers.embedded.account import Account
from fsapi_nb.servers.embedded.messages import ROOT_HINT

# PG* variables would mislead the server, and the rest may hold secrets, which whoever may run SQL could read.
_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TZ", "TZDIR", "TMPDIR", "LOCPATH", "LOCALE_ARCHIVE")


def run(
    command: list[str],
    *,
    folder: Path,
    account: Account | None,
    seconds: float,
    passed: tuple[int, ...] = (),
) -> subprocess.CompletedProcess[str]:
    """Run a tool in `folder`, as `account` (None: as we are), away from our terminal's Ctrl-C.

    `passed` are descriptors of open files that it inherits.
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
            f"{command[0]} could not be run{who}: {reason}.",
            hint=ROOT_HINT
            if account
            else "Check that this machine may run it, or set postgres_bin in [tool.fsapi_nb] to another PostgreSQL.",
        ) from error
