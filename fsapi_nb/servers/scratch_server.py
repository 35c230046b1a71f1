"""The server for scratch databases: an embedded one that keeps nothing else, or one that the user names."""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from fsapi_nb.errors import UNCHANGED, ConfigurationError, Protected
from fsapi_nb.postgres.connect import open_session
from fsapi_nb.postgres.protection import Endpoint, is_protected
from fsapi_nb.postgres.session import Session
from fsapi_nb.project.address import Address
from fsapi_nb.project.password import CommandAddress
from fsapi_nb.project.requests import Request
from fsapi_nb.project.root import Project
from fsapi_nb.project.trust import require
from fsapi_nb.servers import embedded
from fsapi_nb.servers.project_server import start_embedded
from fsapi_nb.servers.scratch import Scratch, take_token

_mutex = threading.Lock()
_threads: Counter[Path] = Counter()  # that use the embedded server of a folder


@contextmanager
def open_scratch(
    project: Project,
    address: Address | None,
    *,
    postgres_bin: Path | None = None,
    requests: Sequence[Request] = (),
    application: str = "fsapi_nb tests",
    folder: str = "tests",
    kind: str = "",
    judge: Callable[[Session], None] | None = None,
) -> Iterator[Scratch]:
    """Yield what makes scratch databases on a server.

    What killed processes have left there is dropped first. An embedded server is stopped at the end if no other process
    or thread uses it.

    Args:
        project: the project, whose templates are its own.
        address: the server; None is an embedded server of the project that keeps nothing else.
        postgres_bin: the PostgreSQL of the embedded server; None is the installed wheel's.
        requests: what the project asks for, which its user must have allowed.
        application: the name of the session on the server.
        folder: where in the project's private folder the embedded server is, one of `project_server.SCRATCH_FOLDERS`.
        kind: what the server is called in results.
        judge: called with the session before anything is made or dropped; an error that it raises ends the use.

    Raises:
        Protected: the database is protected, by its own setting or because its address is that of a protected one.
        Untrusted: the user has not allowed all that the project asks for.
        CannotConnect, DatabaseError, EmbeddedServerError: the server cannot be used.
    """
    if address is not None and address.protected:
        raise _protected(address.name or "this database")
    require(project.root, requests)
    with ExitStack() as stack:
        if address is not None:
            dsn = _dsn(address)
        else:
            home = project.home / folder
            stack.enter_context(_used(home))
            dsn = start_embedded(
                project.root, home, requests, bin_folder=postgres_bin, database="postgres", keeps_data=False
            )
        session = stack.enter_context(open_session(dsn, application=application))
        if address is None:
            _be_quick(session)
        else:
            _refuse_protected(project, session)
        if judge is not None:
            judge(session)
        whose = hashlib.sha256(f"{project.root}\0{session.facts.role}".encode()).hexdigest()[:8]
        scratch = Scratch(session, dsn, take_token(session), whose, is_embedded=address is None, kind=kind)
        scratch.sweep()
        yield scratch


@contextmanager
def _used(home: Path) -> Iterator[None]:
    """Count this thread as a user of the embedded server of `home`; the process leaves it with its last thread."""
    with _mutex:
        _threads[home] += 1
    try:
        yield
    finally:
        with _mutex:
            _threads[home] -= 1
            if not _threads[home]:
                del _threads[home]
                embedded.detach(home)


def _dsn(address: Address) -> str:
    """Return the connection string of the server, with its password."""
    if address.connector is not None:
        hint = "name a database with url or url_env, which may have a password_command."
        raise ConfigurationError(
            "scratch databases are made on a server that is named by a URL, not by a function", hint=hint
        )
    if address.dsn is not None and address.password_command is not None:
        return CommandAddress(address.dsn, address.password_command).with_password()[0]
    return address.dsn or ""


def _be_quick(session: Session) -> None:
    """Let commits on the server not wait for the disk.

    A power cut may lose the last of them, which nobody needs, but does not damage the data.
    """
    row = session.connection().execute("SELECT pg_catalog.current_setting('synchronous_commit')").fetchone()
    if row and row[0] != "off":
        session.connection().execute("ALTER SYSTEM SET synchronous_commit = off")
        session.connection().execute("SELECT pg_catalog.pg_reload_conf()")


def _refuse_protected(project: Project, session: Session) -> None:
    info = session.connection().info
    if is_protected(project, Endpoint(info.host, info.hostaddr, info.port, session.facts.database)):
        raise _protected(f"the database {session.facts.database}")


def _protected(what: str) -> Protected:
    return Protected(
        f"{what} is protected, and scratch databases would be made and dropped on its server",
        state=UNCHANGED,
        hint="name another server for them, or none: then an embedded one is used.",
    )
