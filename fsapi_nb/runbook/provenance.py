"""Who runs a runbook, on which machine, and from which commit of the project. Asks git; changes nothing.

A repository's own configuration can name programs: filters that git applies to files before it compares them, a monitor
of the file system, and the server of a remote from which git fetches missing objects. A project is not trusted to have
any of them run, so they are all switched off.
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
#: No protocol is allowed, so that git fetches nothing, and git asks for no password.
_CALM = {"GIT_ALLOW_PROTOCOL": "none", "GIT_NO_LAZY_FETCH": "1", "GIT_TERMINAL_PROMPT": "0"}
_FILTERS = ("config", "--show-scope", "--name-only", "-z", "--get-regexp", r"^filter\.")
_OFF = {"clean": "", "smudge": "", "process": "", "required": "false"}
_COUNT = "GIT_CONFIG_COUNT"


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a run was started.

    `commit` is None if the notebook is not in a git repository, `changed` if git cannot compare the files.
    """

    user: str
    host: str
    python: str
    package: str
    commit: str | None = None
    changed: bool | None = False


def find_provenance(folder: Path) -> Provenance:
    """Return the user, the machine, the versions, and the commit of the folder's repository. Runs git."""
    from fsapi_nb import __version__

    # git starts no program that could need a secret, and none is to get one by mistake.
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
    """Return whether files differ from the commit; None if git cannot compare them.

    Files in submodules are not compared: a submodule has a configuration of its own, with programs of its own.
    """
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
    """Return an environment in which git does not run these filters.

    The settings are variables, not `-c` options: a filter's name may have any character, `=` included.
    """
    off = [(f"{each}.{key}", value) for each in filters for key, value in _OFF.items()]
    first = int(environment.get(_COUNT, "0"))
    settings = {_COUNT: str(first + len(off))}
    for number, (name, value) in enumerate(off, first):
        settings |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
    return {**environment, **settings}


def _git(folder: Path, environment: Mapping[str, str], *words: str) -> str | None:
    """Return what git prints; None if git is missing or fails, as outside a repository."""
    command = ["git", "-c", "core.fsmonitor=false", "--no-optional-locks", "-C", str(folder), *words]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_SECONDS, check=False, env=dict(environment)
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
