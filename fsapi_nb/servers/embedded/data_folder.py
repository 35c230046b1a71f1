"""Making a data folder by initdb.

It is made under another name first, so that an interrupted one is never taken for whole. The caller holds the guard; no
server is started here.
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


def initialise_data(place: ServerPaths, bin_folder: Path) -> None:
    """Make the data folder by initdb. Raises EmbeddedServerError."""
    with _draft(place) as (draft, lock):
        command = [str(bin_folder / "initdb"), "-D", draft.name, *_ARGUMENTS, "--no-instructions"]
        for locale in _LOCALES:
            completed = run(
                [*command, f"--locale={locale}"],
                folder=place.private,
                account=place.account,
                seconds=_INITDB_SECONDS,
                passed=(lock,),
            )
            if completed.returncode == 0:
                draft.replace(place.data)
                return
    raise EmbeddedServerError(
        "The embedded server's data folder could not be made.",
        details=last_lines(completed.stdout + completed.stderr),
        state=f"nothing is left of it in {place.private}.",
        hint=f"Repair what initdb says, or use another PostgreSQL (postgres_bin in [tool.fsapi_nb]). {OTHER_DATABASE}",
    )


@contextlib.contextmanager
def _draft(place: ServerPaths) -> Iterator[tuple[Path, int]]:
    """A name for a folder that becomes the data folder, and the server's lock, for the tools that fill it to inherit.

    Where we are killed, they go on for a while; the next start waits for their end, and then removes what they made.
    """
    with process.opened(place.folder / "server.lock") as lock:
        await_lock(lock, fcntl.LOCK_EX, seconds=1)  # where another process has it all the same, the start will say so
        for abandoned in place.private.glob("new-*"):
            shutil.rmtree(abandoned, ignore_errors=True)
        draft = place.private / f"new-{secrets.token_hex(4)}"
        try:
            yield draft, lock
        finally:
            shutil.rmtree(draft, ignore_errors=True)
