"""Reach a database: its address, its identity, and the connections beside the session of a verb."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from fsapi_nb.history.chosen_schema import search_path
from fsapi_nb.model.server import Identity
from fsapi_nb.postgres.ask import SETTINGS
from fsapi_nb.postgres.connect import Destination, connect
from fsapi_nb.postgres.keepalive import wanted
from fsapi_nb.postgres.protection import Endpoint, is_protected
from fsapi_nb.postgres.session import Connection, Session, set_all
from fsapi_nb.project.address import Address
from fsapi_nb.project.password import CommandAddress
from fsapi_nb.project.requests import Request
from fsapi_nb.project.root import Project
from fsapi_nb.project.settings import secret_settings
from fsapi_nb.project.trust import require
from fsapi_nb.text.secrets import Secret


@dataclass(frozen=True, slots=True)
class DatabaseAccess:
    """The way to a database: its address, and what every session there is set to.

    `schema` is the one that everything is confined to, if one was chosen. `max_wait` are the seconds to wait for
    another runner; `postgres_bin` is for the embedded server. `by_pooler` says that a pooler in session mode may be in
    between. `requests` must have been allowed before anything is connected to.
    """

    project: Project
    address: Address
    settings: Mapping[str, str] = field(default_factory=dict)
    application: str = "fsapi_nb"
    notebook: str | None = None
    cell: str | None = None
    runbook: str | None = None
    max_wait: float = 60.0
    postgres_bin: Path | None = None
    schema: str | None = None
    by_pooler: bool = False
    requests: tuple[Request, ...] = ()


@contextmanager
def open_onlooker(access: DatabaseAccess) -> Iterator[Connection]:
    """Open a second connection that only reads the server's statistics.

    It never waits, and has no settings of the user.
    """
    connection = connect(destination_of(access), f"{access.application} (watching)"[:63])
    try:
        connection.execute(set_all({**SETTINGS, **wanted(connection), "statement_timeout": "2s", "lock_timeout": "1s"}))
        yield connection
    finally:
        connection.close()


def open_guarded(access: DatabaseAccess) -> Connection:
    """Return a new connection for another tool, which must close it.

    If the database is protected, it only reads. This guards against mistakes, not against intent: SQL can lift it.
    Raises CannotConnect, ConfigurationError, Untrusted.
    """
    connection = connect(destination_of(access), access.application)
    try:
        connection.execute(set_all(wanted(connection)))
        row = connection.execute("SELECT pg_catalog.current_database()::pg_catalog.text").fetchone()
        if access.schema:
            connection.execute("SELECT pg_catalog.set_config('search_path', %s, false)", [search_path(access.schema)])
        if row is not None and _is_protected(access, connection, row[0]):
            connection.execute("SET default_transaction_read_only = on")
    except BaseException:
        connection.close()
        raise
    return connection


def destination_of(access: DatabaseAccess) -> Destination:
    """Return what to connect to; start the embedded server if that is meant. Raises Untrusted before that."""
    address, project = access.address, access.project
    if address.embedded:
        from fsapi_nb.servers.project_server import start_embedded

        return start_embedded(
            project.root, project.home, access.requests, bin_folder=access.postgres_bin, database=address.database
        )
    require(project.root, access.requests)
    if address.connector is not None:
        return address.connector
    dsn, command = address.dsn or Secret(""), address.password_command
    return CommandAddress(dsn, command) if command else dsn


def identify(session: Session, access: DatabaseAccess) -> Identity:
    """Return the identity of a session's database, as results name it, and whether it is protected."""
    address, database = access.address, session.facts.database
    protected = _is_protected(access, session.connection(), database)
    server = _server(session.connection(), address)
    return Identity(database, address.name, protected, address.place, server, access.schema)


def _server(connection: Connection, address: Address) -> str:
    """Return where a connection leads, as a result says it."""
    host, port = connection.info.host, connection.info.port
    if address.embedded:
        return "embedded"
    if not host or host.startswith(("/", "@")):
        return f"socket, port {port}"
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _is_protected(access: DatabaseAccess, connection: Connection, database: str) -> bool:
    address, info = access.address, connection.info
    if address.protected or address.embedded:
        return address.protected
    reached = Endpoint(info.host, info.hostaddr, info.port, database, by_function=address.connector is not None)
    return is_protected(access.project, reached, unless_sure=address.unprotected)


def hiding_secrets(settings: Mapping[str, str]) -> AbstractContextManager[None]:
    """Keep the secrets that the user has set out of what the server says."""
    secrets = secret_settings(settings)
    if not secrets:
        return nullcontext()
    from fsapi_nb.text.masking import hiding

    return hiding(secrets)
