"""The file of a project that keeps the database's schema: where it is, what it says, how it is written.

Settings that somebody else has written must not name a file that something else reads: it is inside of the project, no
link leads to it, it is not a migration, and only a file that fsapi_nb has written is overwritten.
"""

from __future__ import annotations

import os
from pathlib import Path

from fsapi_nb.errors import ConfigurationError
from fsapi_nb.project.regular_file import read_regular
from fsapi_nb.project.root import Project, expanded
from fsapi_nb.project.whole_file import write_whole
from fsapi_nb.text.toml import written_setting

SETTING = "schema_file"
_MOST = 256 << 20
_HINT = f"write the path of a file in the project, such as {written_setting(SETTING, 'schema.sql')}."


def find_schema_file(project: Project, migrations: Path) -> Path | None:
    """Return the path of the file, which need not be there; None if the project names none.

    Args:
        project: The project.
        migrations: The folder in which a file would be a migration.

    Raises:
        ConfigurationError: It is not a file of the project.
    """
    named = project.table.get(SETTING)
    if named is None:
        return None
    file = project.root / expanded(str(named), f"{SETTING} of [tool.fsapi_nb]")
    root, folder = os.path.realpath(project.root), os.path.realpath(file.parent)
    if not Path(os.path.abspath(file)).is_relative_to(os.path.abspath(project.root)):
        raise ConfigurationError(f"{SETTING} of [tool.fsapi_nb] is not in the project: {named}", hint=_HINT)
    if not Path(folder).is_relative_to(root) or file.is_symlink():
        raise ConfigurationError(f"{SETTING} of [tool.fsapi_nb] is behind a link: {named}", hint=_HINT)
    if Path(folder) == Path(os.path.realpath(migrations)):
        raise ConfigurationError(f"{SETTING} of [tool.fsapi_nb] would be a migration: {named}", hint=_HINT)
    if any(part.startswith(".") for part in Path(folder).relative_to(root).parts) or file.name.startswith("."):
        raise ConfigurationError(f"{SETTING} of [tool.fsapi_nb] is hidden: {named}", hint=_HINT)
    return file


def read_schema_file(file: Path) -> str | None:
    """Return what the file says; None if there is none.

    Raises ConfigurationError if it cannot be read.
    """
    try:
        return read_regular(file, most=_MOST, links=False).decode()
    except FileNotFoundError:
        return None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{file.name} is not UTF-8", hint="delete it, and write it again.") from None
    except OSError as error:
        why = error.strerror or str(error)
        raise ConfigurationError(f"{file.name} cannot be read: {why}", hint="correct its permissions.") from None


def write_schema_file(file: Path, text: str, *, begins: str) -> None:
    """Write the file whole: a reader sees the old text or the new one, never a part.

    Args:
        file: Its path.
        text: What it will say.
        begins: How every text of fsapi_nb begins: a file that begins otherwise is somebody else's, and stays.

    Raises:
        ConfigurationError: It is somebody else's, or cannot be written.
    """
    before = read_schema_file(file)
    if before is not None and before.strip() and not before.startswith(begins):
        hint = f"move it away, or name another file by {SETTING} in pyproject.toml."
        raise ConfigurationError(f"{file.name} has text that fsapi_nb did not write, and is not overwritten", hint=hint)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, text, mode=0o644)
    except OSError as error:
        why = error.strerror or str(error)
        raise ConfigurationError(f"{file.name} cannot be written: {why}", hint="correct the permissions.") from None
