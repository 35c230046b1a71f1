"""Who runs a runbook, on which machine, and from which state of the project's files. Asks git, changes nothing.

A repository's own configuration names programs: filters that a file's content goes through when git compares it, a monitor
of the file system, and what serves a remote that missing objects are fetched from. None of them runs for a question.
"""

from __future__ import annotations

import getpass
import os
import platform
import socket
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fsapi_nb.text.secrets import is_secret_variable

_SECONDS = 10
#: No protocol is allowed, so that nothing is fetched; a password is asked for by nobody.
_CALM = {"GIT_ALLOW_PROTOCOL": "none", "GIT_NO_LAZY_FETCH": "1", "GIT_TERMINAL_PROMPT": "0"}
_FILTERS = ("config", "--show-scope", "--name-only", "-z", "--get-regexp", r"^filter\.")
_OFF = {"clean": "", "smudge": "", "process": "", "required": "false"}
_COUNT = "GIT_CONFIG_COUNT"


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a run was started. `commit` is None where there is no git, `changed` where git cannot compare the files with it."""

    user: str
    host: str
    python: str
    package: str
    commit: str | None = None
    changed: bool | None = False


def find_provenance(folder: Path) -> Provenance:
    """Who and where we are, and the commit that the folder's project is at."""
    from fsapi_nb import __version__

    environment = {name: value for name, value in os.environ.items() if not _is_secret(name, value)} | _CALM
    commit = _git(folder, environment, "rev-parse", "HEAD")
    changed = _is_changed(folder, environment) if commit else False
    return Provenance(_user(), socket.gethostname(), platform.python_version(), __version__, commit or None, changed)


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container may run as a number that has no name
        return "unknown"


def _is_secret(name: str, value: str) -> bool:
    return is_secret_variable(name) or "://" in value


def _is_changed(folder: Path, environment: Mapping[str, str]) -> bool | None:
    """Whether files differ from the commit, None if git cannot tell; those in submodules, which have configurations of their own, are not compared."""
    scopes_and_names = (_git(folder, environment, *_FILTERS) or "").split("\0")
    own = {
        name.rpartition(".")[0]
        for scope, name in zip(scopes_and_names[::2], scopes_and_names[1::2], strict=False)
        if scope in {"local", "worktree"}
    }
    without = _without(sorted(own), environment)
    differing = _git(folder, without, "status", "--porcelain", "--ignore-submodules=dirty")
    return None if differing is None else bool(differing)


def _without(filters: Sequence[str], environment: Mapping[str, str]) -> dict[str, str]:
    """The environment in which git does not run these; in variables, as a name may have any character."""
    off = [(f"{each}.{key}", value) for each in filters for key, value in _OFF.items()]
    first = int(environment.get(_COUNT, "0"))
    settings = {_COUNT: str(first + len(off))}
    for number, (name, value) in enumerate(off, first):
        settings |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
    return {**environment, **settings}


def _git(folder: Path, environment: Mapping[str, str], *words: str) -> str | None:
    """What git says; None where it is not there, or this is none of its projects."""
    command = ["git", "-c", "core.fsmonitor=false", "--no-optional-locks", "-C", str(folder), *words]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_SECONDS, check=False, env=dict(environment)
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
