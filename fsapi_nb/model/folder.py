"""A migrations folder: which files it has, and what each was read as."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from fsapi_nb.model.migration import Migration
from fsapi_nb.model.place import Problem


@dataclass(frozen=True, slots=True)
class FileReading:
    """What a file was read as: a migration, or what is wrong with the file."""

    migration: Migration | None
    problems: tuple[Problem, ...] = ()


def _no_file(name: str) -> FileReading:
    """Raise KeyError: an empty folder has no file to read."""
    raise KeyError(name)


@dataclass(frozen=True, slots=True)
class Folder:
    """What a migrations folder holds. A file is parsed when it is asked for, and not before.

    `digests` maps each file of sound name to the digest of its bytes (`sha256:<hex>`), in the order of the names'
    bytes; `unusable` the others, which could not be read or have no name of a migration, to their problems. `read`
    gives the reading of one of the former. `label` is what the user calls the folder; `nested` are the SQL files in its
    subfolders, which are not read.
    """

    digests: Mapping[str, str] = field(default_factory=dict)
    unusable: Mapping[str, tuple[Problem, ...]] = field(default_factory=dict)
    read: Callable[[str], FileReading] = _no_file
    label: str = ""
    nested: int = 0

    @property
    def lack(self) -> str | None:
        """Why there is nothing to apply, where the folder has no file at all: nothing is up to date then."""
        if self.digests or self.unusable or not self.label:
            return None
        return f"no migration files in {self.label}" + (f" ({self.nested} in subfolders)" if self.nested else "")

    @property
    def notes(self) -> tuple[str, ...]:
        """What must be known of a folder that has files."""
        if not self.nested or self.lack:
            return ()
        are = "SQL file in a subfolder is" if self.nested == 1 else "SQL files in subfolders are"
        return (f"{self.nested} {are} not read",)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all files, in the order of their bytes."""
        return tuple(sorted((*self.digests, *self.unusable), key=os.fsencode)) if self.unusable else tuple(self.digests)

    def has(self, name: str) -> bool:
        """Return whether there is a file of exactly that name, usable or not."""
        return name in self.digests or name in self.unusable

    def digest(self, name: str) -> str | None:
        """Return the digest of that file's bytes; None if there is no such file, or it cannot be used."""
        return self.digests.get(name)

    def reading(self, name: str) -> FileReading:
        """Return what that file is read as; neither a migration nor problems if there is no such file."""
        return self.read(name) if name in self.digests else FileReading(None, self.unusable.get(name, ()))

    def get(self, name: str) -> Migration | None:
        """Return the migration of exactly that file name; None if there is none, or its file cannot be used."""
        return self.reading(name).migration

    def problems(self, name: str) -> tuple[Problem, ...]:
        """Return what keeps that file from being used; nothing for a sound file, or if there is none."""
        return self.reading(name).problems

    def up_to(self, last: str) -> Folder:
        """Return the folder as if it ended with that file."""
        end = os.fsencode(last)
        digests = {name: digest for name, digest in self.digests.items() if os.fsencode(name) <= end}
        unusable = {name: problems for name, problems in self.unusable.items() if os.fsencode(name) <= end}
        return Folder(digests, unusable, self.read)

    def with_draft(self, draft: Migration) -> Folder:
        """Return the folder as if the file of that name held the draft, which has the digest of its bytes."""
        digests = {**self.digests, draft.name: draft.digest or ""}
        unusable = {name: problems for name, problems in self.unusable.items() if name != draft.name}

        def read(name: str) -> FileReading:
            return FileReading(draft) if name == draft.name else self.read(name)

        return Folder({name: digests[name] for name in sorted(digests, key=os.fsencode)}, unusable, read)
