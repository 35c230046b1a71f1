"""Open the one connection of a run, set it up, and check that it leads to a PostgreSQL that a run can work on.

- `open_session` owns the connection and closes it in every case; its caller uses it as a `Session` meanwhile. `connect`
  hands the connection over: its caller must close it.
- A new session is set up by one message, in one round trip. It reads the facts before the settings are applied, since
  `statement_timeout`, for example, must be what the role or the database sets. The settings are applied only if the
  server process that was connected to answers. Behind a pooler the session may belong to other clients.
- Secrets are sent last, when the checks have passed.
- Errors are new and have no cause: psycopg's own error, and the frames of its traceback, may hold a password.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from fsapi_nb.errors import UNCHANGED, CannotConnect, ConfigurationError, DatabaseError, FsapiError, ReadOnlyDatabase
from fsapi_nb.model.server import ServerMessage
from fsapi_nb.postgres.ask import ask_about_session, rendered
from fsapi_nb.postgres.defaults import DEFAULTS, HAS_EVENT_TRIGGERS
from fsapi_nb.postgres.keepalive import SERVER, keep_alive, keepalives, wanted
from fsapi_nb.postgres.product import other_product
from fsapi_nb.postgres.quoted_values import hide_copied, hide_key
from fsapi_nb.postgres.session import (
    DROP_PREPARED,
    RESET_SESSION,
    Connection,
    Facts,
    Rows,
    Session,
    is_system,
    pooled,
    set_all,
)
from fsapi_nb.postgres.untranslatable import lacking, say_lacking
from fsapi_nb.postgres.wait import StoppableConnection
from fsapi_nb.project.password import CommandAddress
from fsapi_nb.text.command import Advice, command
from fsapi_nb.text.secrets import SECRET_PARAMETERS, STARS, hide_in_message

#: A user's function that opens a new connection, for databases that need more than an address, such as a fresh token.
Connector = Callable[[], Connection]
#: What to connect to: a connection string, one whose password a program prints, or a function.
Destination = str | CommandAddress | Connector

_CONNECTION_CHECK = "client_connection_check_interval"
#: The settings of every session of fsapi_nb. The query of a killed client ends within a second (PostgreSQL 14 and newer);
#: the idle transaction of a paused notebook does not hold its locks for ever.
SETTINGS: Mapping[str, str] = {
    "client_encoding": "UTF8",
    _CONNECTION_CHECK: "1s",
    "idle_in_transaction_session_timeout": "60s",
    "idle_session_timeout": "0",
    "standard_conforming_strings": "on",
}
OLDEST = 140000
_FACTS = rendered(
    sql.SQL("""
    SELECT pg_catalog.current_setting('server_version_num')::pg_catalog.int4, pg_catalog.pg_backend_pid(),
           pg_catalog.pg_is_in_recovery(),
           pg_catalog.current_setting('transaction_read_only')::pg_catalog.bool,
           pg_catalog.current_database()::pg_catalog.text,
           pg_catalog.current_schemas(false)::pg_catalog.text[],
           session_user::pg_catalog.text, pg_catalog.version(), pg_catalog.current_setting('statement_timeout'), {}, {}
""").format(sql.SQL(DEFAULTS), sql.SQL(HAS_EVENT_TRIGGERS))
)


@contextmanager
def open_session(
    destination: Destination,
    *,
    application: str,
    settings: Mapping[str, str] | None = None,
    writing: bool = True,
    question: sql.Composable | None = None,
    by_pooler: bool = False,
) -> Iterator[Session]:
    """Open a session on a database, and close its connection after the block.

    Args:
        destination: What to connect to.
        application: The session's application_name.
        settings: What is set for every file, in addition to `SETTINGS`.
        writing: Whether to refuse a read-only server.
        question: A query whose rows the session has as its `answer`. It costs no further round trip.
        by_pooler: Whether a pooler in session mode may stand in between.

    Raises:
        CannotConnect: There is no connection.
        ConfigurationError: The address or the user's function is invalid.
        ReadOnlyDatabase: The server or the session is read-only, and `writing` is set.
        PooledConnection: Another server process answers than the one that was connected to.
        DatabaseError: The server is not a PostgreSQL that is supported, or it refuses. Any psycopg.Error that the block
            raises becomes one, too.
    """
    connection = connect(destination, application)
    try:
        named = {"application_name": _application_name(application)}  # also here: RESET ALL removes a connector's
        wished = {**SETTINGS, **wanted(connection), **named, **(settings or {})}
        session = _begin(connection, wished, question, by_pooler=by_pooler)
        _check(connection, session.facts, writing=writing, by_pooler=by_pooler)
        session.set_secrets()  # not before the check: a wrong server must not get them
        yield session
    except psycopg.Error as error:
        raise _refused(error) from None
    finally:
        connection.close()


def _begin(
    connection: Connection, settings: Mapping[str, str], question: sql.Composable | None, *, by_pooler: bool
) -> Session:
    """Set the session up and read its facts; leave out settings that the server's platform does not have."""
    try:
        return _set_up(connection, settings, question, by_pooler=by_pooler)
    except psycopg.errors.InvalidParameterValue:  # some platforms lack these settings
        known = {name: value for name, value in settings.items() if name != _CONNECTION_CHECK and name not in SERVER}
        return _set_up(connection, known, question, by_pooler=by_pooler)
    except psycopg.Error:
        if not connection.closed:  # another product may not understand the question: ask more simply which one it is
            for (version,) in connection.execute("SELECT pg_catalog.version()"):
                _refuse_product(connection, str(version))
            _check(connection, _facts(connection.execute(_FACTS).fetchall()), writing=False, by_pooler=by_pooler)
        raise


def _set_up(
    connection: Connection, settings: Mapping[str, str], question: sql.Composable | None, *, by_pooler: bool
) -> Session:
    here = set_all(settings) if by_pooler else _set_all_here(connection, settings)
    queries: dict[str, sql.Composable] = {"facts": _FACTS, "settings": here}
    if question is not None:
        queries["question"] = question
    answers = ask_about_session(connection, queries)
    return Session(
        connection, _facts(answers["facts"]), dict(settings), answers.get("question", ()), by_pooler=by_pooler
    )


def _facts(rows: Rows) -> Facts:
    ((version, pid, in_recovery, read_only, database, schemas, *rest),) = rows
    schema = next((name for name in schemas if not is_system(name)), None)
    return Facts(version, pid, in_recovery, read_only, database, schema, *rest)


def connect(destination: Destination, application: str) -> Connection:
    """Open a connection in autocommit mode. The caller must close it.

    Args:
        destination: What to connect to.
        application: The session's application_name.

    Raises:
        CannotConnect: There is no connection.
        ConfigurationError: A user's function did not return a psycopg connection.
    """
    if isinstance(destination, CommandAddress):
        return _connect_with_command(destination, application)
    if isinstance(destination, str):
        return _connect_by_address(destination, application)
    return _connect_by(destination, application)


def _connect_with_command(destination: CommandAddress, application: str) -> Connection:
    """Connect with the password that a program prints. If a kept password is refused, run the program again, once."""
    dsn, earlier = destination.with_password()
    try:
        return _connect_by_address(dsn, application)
    except CannotConnect as error:
        if not earlier or not any("authentication failed" in line for line in error.details):
            raise
    return _connect_by_address(destination.with_password(renewed=True)[0], application)


def _connect_by_address(dsn: str, application: str) -> Connection:
    try:
        connection = StoppableConnection.connect(
            dsn,
            autocommit=True,
            prepare_threshold=None,  # psycopg prepares nothing by itself: a script could see it
            application_name=_application_name(application),
            connect_timeout=conninfo_to_dict(dsn).get("connect_timeout") or 10,
            client_encoding="UTF8",
            **keepalives(dsn),
        )
    except psycopg.Error as error:
        raise _cannot_connect(str(error), dsn) from None
    except KeyboardInterrupt:
        # The driver's frames hold the password, and a debugger's traceback would show them.
        raise KeyboardInterrupt from None
    return connection


def _connect_by(connector: Connector, application: str) -> Connection:
    """Connect with a user's function, and reset the session: nothing that the function has set or begun stays."""
    try:
        opened: object = connector()
    except FsapiError:
        raise
    except psycopg.Error as error:
        raise _cannot_connect(redact(error), "") from None
    except Exception as error:  # noqa: BLE001 - the user's function raises a cloud library's error, its own, any
        raise _failed_connector(connector, error) from None
    if not isinstance(opened, psycopg.Connection):
        hint = "it must return psycopg.connect(...), a new connection at each call."
        raise ConfigurationError("the function for the database did not return a psycopg 3 connection", hint=hint)
    connection = StoppableConnection.adopt(opened)
    try:
        keep_alive(connection)
        connection.commit()  # whatever the function has begun; psycopg refuses to change autocommit within a transaction
        connection.autocommit, connection.prepare_threshold = True, None
        connection.execute(
            b"; ".join((*RESET_SESSION, *DROP_PREPARED, b""))
            + set_all({"application_name": _application_name(application)}).as_bytes()
        )
    except psycopg.Error as error:
        connection.close()
        raise _cannot_connect(redact(error), "") from None
    return connection


def _failed_connector(connector: Connector, error: Exception) -> CannotConnect:
    """Return the error for a user's function that raised something else than a PostgreSQL error."""
    name = getattr(connector, "function", None) or getattr(connector, "__qualname__", "the function")
    lines = [line.strip() for line in hide_in_message(str(error)).splitlines() if line.strip()]
    return CannotConnect(
        f"no connection to the database: {name} raised {type(error).__name__}",
        details=tuple(f"  {line}" for line in lines),
        hint="call it in Python to see where; it must return psycopg.connect(...), a new connection at each call.",
    )


def _application_name(application: str) -> str:
    return application.encode("ascii", "replace").decode()[:63]  # as PostgreSQL itself would store it


def _refused(error: psycopg.Error) -> DatabaseError:
    """Return the error for what PostgreSQL refused outside a migration's statements: reading and recording."""
    message = server_message(error)
    code = f" [{message.sqlstate}]" if message.sqlstate else ""
    return DatabaseError(
        f"{message.message}{code}",
        details=tuple(message.lines()),
        state=Advice("what was not committed is rolled back; ", command("status"), " shows the outcome."),
        hint=Advice("another session holds a lock: ", command("blockers"), " shows which one; then run again.")
        if message.sqlstate == "55P03"
        else None,
    )


def _cannot_connect(message: str, dsn: str) -> CannotConnect:
    """Return the error for a connection that failed, without the password that libpq's message may quote."""
    passwords = [value for name, value in conninfo_to_dict(dsn).items() if name in SECRET_PARAMETERS and value]
    for password in passwords:
        message = message.replace(str(password), STARS)
    lines = [line.strip() for line in hide_in_message(message).splitlines() if line.strip()]
    text = " ".join(lines)
    hint = "is the server running, and is the address right? It comes from DATABASE_URL, .env or pyproject.toml."
    if "password" in text:
        hint = "is the password right? Put it in ~/.pgpass, DB_PASS or DATABASE_URL, never in a cell."
    elif "does not exist" in text:
        hint = "create it first, or correct the name."
    elif "too many" in text or "remaining connection slots" in text:
        hint = "wait until other clients have disconnected, and run again."
    return CannotConnect("no connection to the database", details=tuple(f"  {line}" for line in lines), hint=hint)


def _check(connection: Connection, facts: Facts, *, writing: bool, by_pooler: bool) -> None:
    _refuse_product(connection, facts.product)
    if facts.version < OLDEST:
        raise DatabaseError(
            f"this server is PostgreSQL {facts.version // 10000}", hint="PostgreSQL 14 and newer are supported."
        )
    if connection.info.backend_pid != facts.pid and not by_pooler:
        raise pooled()
    if writing and facts.in_recovery:
        hint = "connect to the primary; with several hosts in the address, add target_session_attrs=read-write."
        raise ReadOnlyDatabase("this server is a read-only replica", state=UNCHANGED, hint=hint)
    if writing and facts.read_only:
        hint = "somebody set default_transaction_read_only for this role or database; see \\drds in psql."
        raise ReadOnlyDatabase("sessions on this database may only read", state=UNCHANGED, hint=hint)


def _refuse_product(connection: Connection, version: str) -> None:
    product = other_product(version, connection.info.host)
    if product:
        raise DatabaseError(
            f"this is {product}, not PostgreSQL",
            state=UNCHANGED,
            hint="its locks and its transactions are not PostgreSQL's: give the address of a PostgreSQL server.",
        )


def _set_all_here(connection: Connection, settings: Mapping[str, str]) -> sql.Composed:
    """Return the statement that sets all settings, but only in the server process that was connected to.

    Behind a pooler another one may answer, which serves other clients as well.
    """
    here = sql.SQL("{} WHERE pg_catalog.pg_backend_pid() OPERATOR(pg_catalog.=) {}")
    return here.format(set_all(settings), sql.Literal(connection.info.backend_pid))


def redact(message: object) -> str:
    """Return a message of the server or the driver without secrets."""
    from fsapi_nb.script.redact import redact_line
    from fsapi_nb.text.masking import hide_known

    return hide_known(redact_line(str(message)))


def server_message(error: psycopg.Error) -> ServerMessage:
    """Return what the server said about an error, without secrets and without psycopg's echo of the statement."""
    diagnosis = error.diag
    message = diagnosis.message_primary or " ".join(str(error).split()) or type(error).__name__
    if error.sqlstate == "22P05" and (found := lacking(message)):
        message = say_lacking(*found)
    detail = redact(hide_key(diagnosis.message_detail)) if diagnosis.message_detail else None
    # PL/pgSQL's context quotes the statement that failed.
    context = redact(hide_copied(diagnosis.context)) if diagnosis.context else None
    hint = redact(diagnosis.message_hint) if diagnosis.message_hint else None
    return ServerMessage(error.sqlstate, redact(message), detail, hint, context)
