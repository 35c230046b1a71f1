"""The migrations folder: reads its files into a `Folder`, writes and creates files without ever losing one.

The only module that touches migration files. What their text means is for `script`.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import secrets
from collections import defaultdict
from pathlib import Path

from fsapi_nb.errors import ConfigurationError, MigrationFileError, Place, Problem, UsageError
from fsapi_nb.model import Folder, Migration
from fsapi_nb.script.migration import read_migration
from fsapi_nb.script.template import TEMPLATE, bad_file_name, next_name, slug


def read_folder(path: Path) -> Folder:
    """Every `*.sql` file of the folder, ordered by the bytes of their names; other files are not looked at.

    Raises ConfigurationError where there is no such folder or it cannot be read.
    """
    migrations: list[Migration] = []
    broken: dict[str, tuple[Problem, ...]] = {}
    names = _file_names(path)
    twins = _twins(names)
    for name in names:
        problem = _bad_name(name, twins)
        if problem:
            broken[name] = (problem,)
            continue
        migration, problems = _read(path, name)
        if migration:
            migrations.append(migration)
        else:
            broken[name] = problems
    return Folder(tuple(migrations), broken)


def create(path: Path, what: str, *, now: datetime.datetime, text: str = TEMPLATE) -> str:
    """Make a new migration file, named by the next free minute; return its name. Makes the folder if need be.

    Raises UsageError where `what` cannot be part of a file name.
    """
    words = slug(what)
    if words is None:
        hint = "use letters, digits and underscores, such as add_phone_to_users."
        raise UsageError(f"{what!r} cannot be a migration's name", hint=hint)
    path.mkdir(parents=True, exist_ok=True)
    while True:
        name = next_name(words, _file_names(path), now)
        with contextlib.suppress(FileExistsError):  # another process took the minute: take the next
            descriptor = os.open(path / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
            with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
                file.write(text)
            return name


def write(path: Path, name: str, text: str) -> None:
    """Write a migration file whole: whoever reads it sees the old text or the new one, never a part."""
    problem = bad_file_name(name)
    if problem:
        raise UsageError(f"{name!r}: {problem}", hint="such as 2026_01_31_09_30_add_phone_to_users.sql.")
    path.mkdir(parents=True, exist_ok=True)
    draft = path / f".{name[:200]}.{secrets.token_hex(4)}"
    try:
        draft.write_text(text, encoding="utf-8", newline="")
        draft.replace(path / name)
    finally:
        draft.unlink(missing_ok=True)


def parse_text(name: str, text: str) -> Migration:
    """The migration that a text would be under that name.

    Raises MigrationFileError where it could not be one.
    """
    migration, problems = read_migration(name, text.encode())
    if migration is None:
        raise MigrationFileError(problems[0], state="the file was not written; the database is as it was.")
    return migration


def _file_names(path: Path) -> list[str]:
    try:
        names = [entry.name for entry in os.scandir(path) if not entry.name.startswith(".") and entry.is_file()]
    except FileNotFoundError:
        if path.name and not path.exists() and path.parent.exists():
            hint = "`migrate:make NAME` makes it, with a first file; or give another folder with --dir."
        else:
            hint = "give the folder with --dir, or run this inside the project."
        raise ConfigurationError(f"there is no folder {path.name!r} with migrations", hint=hint) from None
    except OSError as error:
        raise ConfigurationError(f"the folder {path.name!r} cannot be read: {error.strerror}") from None
    return sorted((name for name in names if name.lower().endswith(".sql")), key=os.fsencode)


def _twins(names: list[str]) -> dict[str, list[str]]:
    """The names that differ in case only, each with all its twins."""
    folded: defaultdict[str, list[str]] = defaultdict(list)
    for name in names:
        folded[name.casefold()].append(name)
    return {name: group for group in folded.values() if len(group) > 1 for name in group}


def _bad_name(name: str, twins: dict[str, list[str]]) -> Problem | None:
    fault = bad_file_name(name)
    shown = name.encode(errors="backslashreplace").decode()
    if fault:
        return Problem(fault, Place(shown, 1), "rename it, such as 2026_01_31_09_30_add_phone.sql; UTC, by minutes.")
    if name in twins:
        others = ", ".join(other for other in twins[name] if other != name)
        message = f"this name and {others} differ only in case"
        return Problem(message, Place(shown, 1), "rename one: on some systems they are one file.")
    return None


def _read(path: Path, name: str) -> tuple[Migration | None, tuple[Problem, ...]]:
    try:
        raw = (path / name).read_bytes()
    except OSError as error:
        return None, (Problem(f"the file cannot be read: {error.strerror}", Place(name, 1)),)
    return read_migration(name, raw)
