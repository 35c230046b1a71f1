"""Bring the text of a cell into the folder: beside its file first, as the file once it has run.

A file says what the database holds, or what is still to be run. A text that is run at once is therefore only kept
beside its file, flushed to the disk, so that a full disk or a missing right is found before anything runs. It takes the
file's name by one rename, when the first step of it is committed. If the process is killed before that, nothing has
changed; if it is killed between the commit and the rename, the same cell finds on its next run that its text is what
ran, and writes it.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from fsapi_nb.errors import ConfigurationError, PlanChanged
from fsapi_nb.events import Event, StepFinished, StepStarted
from fsapi_nb.folder import read as folders
from fsapi_nb.model.folder import Folder
from fsapi_nb.model.migration import Direction
from fsapi_nb.model.plan import Mode, Step
from fsapi_nb.project.regular_file import read_regular
from fsapi_nb.script.naming import bad_file_name, with_suffix


@dataclass(slots=True)
class Draft:
    """A text beside the file that it will become.

    `name` is that file's name. `action` is what publishing it does: created, updated, or unchanged if the file says
    exactly that already. `published` is True once the file has the text, `happened` once a step of it is committed.
    """

    name: str
    action: str
    published: bool
    _folder: Path
    _data: bytes
    _before: bytes | None  # of the file, when the plan was made; None: there was none
    _staged: Path | None
    happened: bool = False

    @property
    def _file(self) -> Path:
        return Path(os.path.realpath(self._folder / self.name))  # what a link points to is written, and it stays a link

    def publish(self) -> bool:
        """Give the text the file's name; return False if another program has changed the file since the plan.

        Raises ConfigurationError if the folder cannot be written.
        """
        if self._staged is None:
            return self.published
        with folders.writing(self._folder):
            if _read(self._file) != self._before:
                return False
            if self._before is None:
                try:
                    folders.publish(self._staged, self._file)
                except FileExistsError:
                    return False
            else:
                shutil.copymode(self._file, self._staged)
                self._staged.replace(self._file)
            _flush(self._file.parent)
        self._staged, self.published = None, True
        return True

    def withdraw(self) -> None:
        """Put back what was there before `publish`, unless another program has changed the file since."""
        if not self.published or self.action == "unchanged":
            return
        with folders.writing(self._folder):
            if _read(self._file) != self._data:
                return
            if self._before is None:
                self._file.unlink()
            else:
                folders.write(self._folder, self.name, self._before)
            _flush(self._file.parent)
        self.published = False

    def follow(self, event: Event) -> None:
        """Publish the text when the first step of this migration is committed, or begins and cannot be undone.

        If this run is cut off there, the next one needs the file to judge what an UP did outside of a transaction.
        """
        if not isinstance(event, StepStarted | StepFinished) or not self._is_of(event.step):
            return
        self.happened = self.happened or isinstance(event, StepFinished)
        if self.happened or (event.step.mode is Mode.AUTOCOMMIT and event.step.parts[0].direction is Direction.UP):
            self.publish()

    def _is_of(self, step: Step) -> bool:
        return any(part.migration.name == self.name for part in step.parts)

    def discard(self) -> None:
        """Leave nothing of a text that was not published."""
        if self._staged is not None:
            self._staged.unlink(missing_ok=True)
            self._staged = None


@contextlib.contextmanager
def stage(
    path: Path, full: str | None, name: str, text: str, *, planned: Folder, now: datetime.datetime
) -> Iterator[Draft]:
    """Keep `text` beside the file of a migration; remove it at the end if it was not published.

    Args:
        path: The migrations folder; made if it is missing, and removed again if nothing is published.
        full: The file's name, if the migration has one.
        name: The file's name otherwise, or the part after the time for a new file.
        text: What the file will say.
        planned: The folder that the plan was made over.
        now: The time of a new file's name (UTC).

    Raises:
        UsageError: The name is not valid.
        ConfigurationError: Nothing can be written.
        PlanChanged: The file is not the one that the plan was made over.
    """
    data = folders.encode(text)
    if full is None and bad_file_name(with_suffix(name)) is None:
        full = with_suffix(name)
    before = _planned(path / full) if full is not None else None
    if full is not None and _digest(before) != planned.digest(full):
        raise file_changed(full, state="unchanged; no file was written.")
    with folders.writing(path):
        there = path.is_dir()
        path.mkdir(parents=True, exist_ok=True)
        staged: Path | None = None
        if full is None:
            full, staged = folders.reserve(path, folders.words_of(name), now, data)
        elif before != data:
            staged = folders.stage_file(Path(os.path.realpath(path / full)), data)
    action = "unchanged" if staged is None else "created" if before is None else "updated"
    draft = Draft(full, action, staged is None, path, data, before, staged)
    try:
        yield draft
    finally:
        draft.discard()
        if not there and not draft.published:
            with contextlib.suppress(OSError):
                path.rmdir()


def file_changed(name: str, *, state: str) -> PlanChanged:
    """Return the error for a file that another program, such as an editor, has changed since the plan."""
    return PlanChanged(
        f"another program changed {name} while this cell ran",
        state=state,
        hint="look at the file, and run the cell again: the file then has the cell's text.",
    )


def _read(file: Path) -> bytes | None:
    try:
        return read_regular(file)
    except FileNotFoundError:
        return None


def _planned(file: Path) -> bytes | None:
    """Return what a file says now; None if there is none. Raises ConfigurationError if it cannot be read."""
    try:
        return _read(file)
    except OSError as error:
        raise ConfigurationError(
            f"{file} cannot be read: {error.strerror}",
            state="unchanged; no file was written.",
            hint="give the migration another name, or move away what has this one.",
        ) from None


def _digest(data: bytes | None) -> str | None:
    return None if data is None else f"sha256:{sha256(data).hexdigest()}"


def _flush(folder: Path) -> None:
    """Flush the names in a folder to the disk, on systems that can do that."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
