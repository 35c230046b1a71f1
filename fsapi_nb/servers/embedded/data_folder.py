"""Making a data folder: unpacked from a template where there is one, else by initdb, whose result becomes the template.

The project's database is made with it, in single-user mode: by a server that takes as long as all else that a further
cluster needs. A folder is made under another name first, so that one that was interrupted is never taken for whole. The
caller holds the guard; no server is started here.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from fsapi_nb.errors import EmbeddedServerError
from fsapi_nb.servers.embedded.address import ROLE
from fsapi_nb.servers.embedded.command import run
from fsapi_nb.servers.embedded.identity import renew_identity
from fsapi_nb.servers.embedded.messages import OTHER_DATABASE, last_lines
from fsapi_nb.servers.embedded.place import ServerPaths
from fsapi_nb.servers.embedded.template import Template, find_template
from fsapi_nb.servers.embedded.users import await_lock, process
from fsapi_nb.text.sql import quote_name

_INITDB_SECONDS = 300
_MKDIR_SECONDS = 30
_ARGUMENTS = (f"--username={ROLE}", "--encoding=UTF8", "--no-sync", "--auth-local=peer", "--auth-host=reject")
_LOCALES = ("C.UTF-8", "C")  # not every machine has the first


def template_for(bin_folder: Path, version: str, database: str) -> Template | None:
    """The template of data folders that these binaries make, with that database; None where none can be kept."""
    return find_template(bin_folder, version, (*_ARGUMENTS, *_LOCALES, database))


def unpack_data(place: ServerPaths, template: Template) -> bool:
    """Make the data folder from the template; False, with nothing left behind, where that cannot be."""
    with _draft(place) as (draft, lock), contextlib.suppress(OSError, EmbeddedServerError):
        # Made by its owner: root changes the owner of nothing that lies in a folder of another account.
        made = run(["mkdir", draft.name], folder=place.private, account=place.account, seconds=_MKDIR_SECONDS)
        unpacked = made.returncode == 0 and template.unpack(draft, place.account, passed=(lock,))
        if unpacked and renew_identity(draft, place.uid):
            draft.replace(place.data)
            return True
    return False


def initialise_data(place: ServerPaths, bin_folder: Path, template: Template | None, database: str) -> None:
    """Make the data folder by initdb, and the template of it, if one can be kept. Raises EmbeddedServerError.

    A database whose name cannot be told in single-user mode is left to be made when the server runs.
    """
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
            if completed.returncode == 0 and _can_be_told(database):
                completed = _make_database(place, bin_folder, draft.name, database, passed=(lock,))
            if completed.returncode == 0:
                if template:
                    template.pack(draft, place.account)
                draft.replace(place.data)
                return
    raise EmbeddedServerError(
        "The embedded server's data folder could not be made.",
        details=last_lines(completed.stdout + completed.stderr),
        state=f"nothing is left of it in {place.private}.",
        hint=f"Repair what initdb says, or use another PostgreSQL (postgres_bin in [tool.fsapi_nb]). {OTHER_DATABASE}",
    )


def _can_be_told(database: str) -> bool:
    """Whether that database is not there anyway, and its name means nothing else where each line is a statement."""
    return database != "postgres" and database.isascii() and database.isprintable()


def _make_database(
    place: ServerPaths, bin_folder: Path, data: str, database: str, *, passed: tuple[int, ...]
) -> subprocess.CompletedProcess[str]:
    """Make the database in a data folder without a server. Like initdb's, its files are left to the system to write."""
    reading, writing = os.pipe()
    with open(reading, "rb") as source, open(writing, "wb") as statement:
        statement.write(f"CREATE DATABASE {quote_name(database)}\n".encode())
        statement.close()
        return run(
            [str(bin_folder / "postgres"), "--single", "-F", "-D", data, "template1"],
            folder=place.private,
            account=place.account,
            seconds=_INITDB_SECONDS,
            passed=passed,
            source=source.fileno(),
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
