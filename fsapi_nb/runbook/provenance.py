"""Who runs a runbook, on which machine, and from which state of the project's files. Asks git, changes nothing."""

from __future__ import annotations

import getpass
import platform
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path

_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a run was started. `commit` is None where there is no git, `changed` what differs from it."""

    user: str
    host: str
    python: str
    package: str
    commit: str | None = None
    changed: bool = False


def find_provenance(folder: Path) -> Provenance:
    """Who and where we are, and the commit that the folder's project is at."""
    from fsapi_nb import __version__

    commit = _git(folder, "rev-parse", "HEAD")
    changed = bool(commit and _git(folder, "status", "--porcelain"))
    return Provenance(_user(), socket.gethostname(), platform.python_version(), __version__, commit or None, changed)


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container may run as a number that has no name
        return "unknown"


def _git(folder: Path, *words: str) -> str:
    """What git says; nothing where it is not there, or this is none of its projects."""
    # Hooks and pagers of the project must not run for a question.
    command = ["git", "-c", "core.fsmonitor=false", "--no-optional-locks", "-C", str(folder), *words]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
