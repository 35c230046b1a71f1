"""Open the migrations folder and the database for a verb.

Files are read only if the user has allowed it.

Each verb has a connection of its own, which is closed when the verb ends, whatever happens.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

from fsapi_nb.events import LockAwaited, Observer, Observers
from fsapi_nb.folder import read as folders
from fsapi_nb.history.store import HistoryStore, open_target
from fsapi_nb.model.folder import Folder
from fsapi_nb.project.permissions import find_reading_requests
from fsapi_nb.project.trust import require
from fsapi_nb.verbs.options import VerbOptions

if TYPE_CHECKING:
    from fsapi_nb.history.record import Recorder


def read_folder(options: VerbOptions) -> Folder:
    """Read the migration files, under the name that the user gave to their folder.

    Raises:
        Untrusted: The files ask for what is not allowed; none has been opened.
        ConfigurationError: There is no such folder, or it cannot be read.
    """
    project = options.project
    asked = find_reading_requests(project, options.directory, start=options.start)
    named = None if options.start else options.directory
    require(project.root, (*options.access.requests, *asked), named=named)
    return folders.read_folder(options.directory, options.label)


def read_folder_if_there(options: VerbOptions) -> Folder:
    """Read the migration files, none if there is no folder yet."""
    return read_folder(options) if options.directory.is_dir() else Folder()


def open_store(
    options: VerbOptions, folder: Folder | None = None, *, writing: bool = True
) -> AbstractContextManager[HistoryStore]:
    """Connect, and find the history that belongs to the files of the folder.

    Raises:
        CannotConnect: There is no connection.
        DatabaseError: The server is not one that fsapi_nb can work with.
    """
    return open_target(options.access, writing=writing, folder=folder or Folder())


@contextmanager
def open_to_write(options: VerbOptions, folder: Folder) -> Iterator[HistoryStore]:
    """Connect for a verb that needs a history. Raises HistoryError if there is none and none can be made."""
    with open_store(options, folder) as store:
        if store.no_schema:
            raise store.no_schema.beside(folder).refusal
        yield store


def locked(
    options: VerbOptions, store: HistoryStore, holders: list[str] | None = None
) -> AbstractContextManager[Recorder]:
    """Hold the lock, and make missing history tables; observers get an event if another runner holds it.

    Each such runner is appended to `holders`, in words.
    """
    emit = observers_of(options)

    def awaited(holder: str) -> None:
        if holders is not None:
            holders.append(holder)
        emit(LockAwaited(holder))

    return store.locked(awaited)


def observers_of(options: VerbOptions, *more: Observer) -> Observers:
    """Return the observers of one run: `more` of this run come before those of the Migrator."""
    return Observers((*more, *options.observers))


def notes_without_schema(store: HistoryStore, folder: Folder) -> tuple[str, ...]:
    """Return what to say beside a result if there is no schema that a history could be in."""
    return store.no_schema.beside(folder).notes if store.no_schema else ()
