"""Making a server's data folder, by initdb.

The caller holds `start.lock`, and no server is started here. The folder is made under another name first, so that one
whose making was interrupted is never taken for a whole one. initdb inherits `server.lock`: if its starter is killed, it
goes on for a while, and the next start waits for its end before it removes what was made. Each data folder has a system
identifier of its own, by which PostgreSQL and the journal tell one server's data from another's.
"""

from __future__ import annotations

import contextlib
import fcntl
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from fsapi_nb.errors import EmbeddedServerError
from fsapi_nb.servers.embedded.address import ROLE
from fsapi_nb.servers.embedded.command import run
from fsapi_nb.servers.embedded.messages import OTHER_DATABASE, last_lines
from fsapi_nb.servers.embedded.paths import ServerPaths
from fsapi_nb.servers.embedded.users import await_lock, process

_INITDB_SECONDS = 300
_ARGUMENTS = (f"--username={ROLE}", "--encoding=UTF8", "--no-sync", "--auth-local=peer", "--auth-host=reject")
_LOCALES = ("C.UTF-8", "C")  # not every machine has the first


def initialise_data(paths: ServerPaths, bin_folder: Path) -> None:
    """Make the data folder of a server that has none. Raises EmbeddedServerError, OSError."""
    with _draft(paths) as (draft, lock):
        command = [str(bin_folder / "initdb"), "-D", draft.name, *_ARGUMENTS, "--no-instructions"]
        for locale in _LOCALES:
            completed = run(
                [*command, f"--locale={locale}"],
                folder=paths.private_folder,
                account=paths.account,
                seconds=_INITDB_SECONDS,
                passed=(lock,),
            )
            if completed.returncode == 0:
                draft.replace(paths.data)
                return
    raise EmbeddedServerError(
        "the embedded server's data folder could not be made",
        details=last_lines(completed.stdout + completed.stderr),
        state=f"not started; nothing is left of its data in {paths.private_folder}.",
        hint=f"repair what initdb says, or use another PostgreSQL (postgres_bin in [tool.fsapi_nb]). {OTHER_DATABASE}",
    )


@contextlib.contextmanager
def _draft(paths: ServerPaths) -> Iterator[tuple[Path, int]]:
    """Yield the path of a folder to be made, and the descriptor of the server's lock.

    Remove the folder if it is still there.
    """
    with process.opened(paths.lock) as lock:
        # An initdb whose starter was killed is waited for. Any other holder is left to `start`, which reports it.
        await_lock(lock, fcntl.LOCK_EX, seconds=1)
        for abandoned in paths.private_folder.glob("new-*"):
            shutil.rmtree(abandoned, ignore_errors=True)
        draft = paths.private_folder / f"new-{secrets.token_hex(4)}"
        try:
            yield draft, lock
        finally:
            shutil.rmtree(draft, ignore_errors=True)
