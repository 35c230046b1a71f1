"""Follow a database: call back whenever the folder or the history may have changed."""

from __future__ import annotations

import threading
from collections.abc import Callable

from fsapi_nb.errors import FsapiError
from fsapi_nb.folder.read import fingerprint
from fsapi_nb.history.changes import changes
from fsapi_nb.model.folder import Folder
from fsapi_nb.verbs.open import open_store
from fsapi_nb.verbs.options import VerbOptions

_RETRY = 5.0  # seconds until a database that could not be reached is tried again


def follow(options: VerbOptions, changed: Callable[[FsapiError | None], None], stopped: threading.Event) -> None:
    """Call `changed` with None at once and after each change, with the error if there is no connection.

    Blocks until `stopped` is set, and keeps a connection open.
    """
    before: object = None
    while not stopped.is_set():
        try:
            files = fingerprint(options.directory)
            names = Folder(dict.fromkeys((name for name, *_ in files), ""))
            with open_store(options, names, writing=False) as store:
                for state in changes(store, stopped):
                    now = (state, fingerprint(options.directory))
                    if now != before:
                        changed(None)
                    before = now
        except FsapiError as error:
            if before is not error:
                changed(error)
            before = error
            stopped.wait(_RETRY)
