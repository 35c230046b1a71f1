"""The server for scratch databases: the embedded one of a project for its tests, or one that the user names."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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


@contextmanager
def open_scratch(
    project: Project,
    address: Address | None,
    *,
    postgres_bin: Path | None = None,
    requests: Sequence[Request] = (),
    application: str = "fsapi_nb tests",
) -> Iterator[Scratch]:
    """Yield what makes scratch databases on a server.

    What killed processes have left there is dropped first.

    Args:
        project: the project, whose templates are its own.
        address: the server; None is the embedded server of the project for its tests.
        postgres_bin: the PostgreSQL of the embedded server; None is the installed wheel's.
        requests: what the project asks for, which its user must have allowed.
        application: the name of the session on the server.

    Raises:
        Protected: the database is protected, by its own setting or because its address is that of a protected one.
        Untrusted: the user has not allowed all that the project asks for.
        CannotConnect, DatabaseError, EmbeddedServerError: the server cannot be used.
    """
    if address is not None and address.protected:
        raise _protected(address.name or "this database")
    home = project.home / "tests"
    require(project.root, requests)
    dsn = _dsn(address) if address is not None else None
    server = dsn or start_embedded(
        project.root, home, requests, bin_folder=postgres_bin, database="postgres", keeps_data=False
    )
    try:
        with open_session(server, application=application) as session:
            if dsn is None:
                _be_quick(session)
            else:
                _refuse_protected(project, session)
            whose = hashlib.sha256(f"{project.root}\0{session.facts.role}".encode()).hexdigest()[:8]
            scratch = Scratch(session, server, take_token(session), whose)
            scratch.sweep()
            yield scratch
    finally:
        if dsn is None:
            embedded.detach(home)


def _dsn(address: Address) -> str | None:
    """Return the connection string of the server, with its password; None for the embedded server."""
    if address.connector is not None:
        hint = "name a database with url or url_env, which may have a password_command."
        raise ConfigurationError(
            "tests make databases on a server that is named by a URL, not by a function", hint=hint
        )
    if address.dsn is not None and address.password_command is not None:
        return CommandAddress(address.dsn, address.password_command).with_password()[0]
    return address.dsn


def _be_quick(session: Session) -> None:
    """Let commits on the server for tests not wait for the disk.

    A power cut may lose the last of them, which no test needs, but does not damage the data.
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
        f"{what} is protected, and tests would make and drop databases on its server",
        state=UNCHANGED,
        hint="give tests a server of their own, or none: then the embedded server is used.",
    )
