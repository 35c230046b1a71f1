"""Make a project: its migrations folder, its settings, what git leaves out, and a first notebook. Connects to nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fsapi_nb.errors import ConfigurationError, UsageError
from fsapi_nb.project.configuration import read_table
from fsapi_nb.project.new_project import database_name, first_notebook, with_ignored, with_settings
from fsapi_nb.project.regular_file import SETTINGS_MOST, read_regular
from fsapi_nb.project.root import PYPROJECT, expanded, find_project
from fsapi_nb.project.whole_file import write_whole
from fsapi_nb.text.command import Advice, command
from fsapi_nb.verbs.trust import require_inside
from fsapi_nb.views.results.init import InitResult, ProjectFile

_NOTEBOOK = Path("notebooks") / "first_migration.ipynb"


def init(folder: str | None) -> InitResult:
    """Make what a project needs in a folder and is not there yet; change nothing of what is there.

    Args:
        folder: The project's folder, made if it is missing; None is the one where the user is.

    Raises:
        UsageError: No folder is named, and the user is in a folder of another project.
        ConfigurationError: A file cannot be read or written, or `pyproject.toml` is not valid.
    """
    root = expanded(folder or ".", "the folder").absolute()
    above = find_project(root).root
    if folder is None and above != root:
        raise UsageError(
            f"this folder is in the project {str(above)!r}",
            state="unchanged; no file was written.",
            hint=Advice(command("init", "."), " makes a project of its own here."),
        )
    project = Path(os.path.realpath(root)).name or "project"
    with _writing(root):
        table = read_table(root / PYPROJECT)
        migrations = Path((table or {}).get("migrations", "migrations"))
        require_inside(root, [root / each for each in (migrations, PYPROJECT, ".gitignore", _NOTEBOOK.parent)])
        database = database_name(project)
        made = [
            _folder(root, migrations),
            _settings(root, database, there=table is not None),
            _ignored(root),
            _notebook(root, project, database),
        ]
    return InitResult(project, tuple(made))


def _folder(root: Path, folder: Path) -> ProjectFile:
    there = (root / folder).is_dir()
    (root / folder).mkdir(parents=True, exist_ok=True)
    return ProjectFile(f"{folder.as_posix()}/", "kept" if there else "created", "one file for each migration")


def _settings(root: Path, database: str, *, there: bool) -> ProjectFile:
    what = f"the database: {database}, on a PostgreSQL of the project's own"
    if there:
        return ProjectFile(PYPROJECT, "kept", "its settings are there")
    before = _text(root / PYPROJECT)
    _write(root / PYPROJECT, with_settings(before or "", database))
    return ProjectFile(PYPROJECT, "created" if before is None else "added to", what)


def _ignored(root: Path) -> ProjectFile:
    what = "git leaves out what the PostgreSQL of the project keeps"
    before = _text(root / ".gitignore")
    after = with_ignored(before or "")
    if after is None:
        return ProjectFile(".gitignore", "kept", what)
    _write(root / ".gitignore", after)
    return ProjectFile(".gitignore", "created" if before is None else "added to", what)


def _notebook(root: Path, project: str, database: str) -> ProjectFile:
    """Write the first notebook, unless the project has one of that name."""
    path = root / _NOTEBOOK
    what = "a first migration, step by step"
    if os.path.lexists(path):
        return ProjectFile(_NOTEBOOK.as_posix(), "kept", what)
    path.parent.mkdir(exist_ok=True)
    _write(path, first_notebook(project, database))
    return ProjectFile(_NOTEBOOK.as_posix(), "created", what)


def _text(file: Path) -> str | None:
    """Return what a file says; None if there is none. A link is not followed: it may lead out of the project."""
    try:
        return read_regular(file, most=SETTINGS_MOST, links=False).decode()
    except FileNotFoundError:
        return None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{file} is not UTF-8", hint="save it as UTF-8, and try again.") from None


def _write(file: Path, text: str) -> None:
    """Write a file whole, with the permissions that new files of this user have."""
    write_whole(file, text, mode=0o666 & ~_umask())


def _umask() -> int:
    """Return the bits that new files of this process lack. It can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


@contextmanager
def _writing(root: Path) -> Iterator[None]:
    """Make the folder; raise ConfigurationError if something in it cannot be read or written."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise ConfigurationError(
            f"{error.filename or root} cannot be read or written: {error.strerror}",
            hint=Advice("correct its permissions, or name another folder: ", command("init", "FOLDER"), "."),
        ) from None
