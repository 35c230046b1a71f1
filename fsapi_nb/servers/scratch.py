"""Databases for a moment: empty ones, and copies of a template that was filled once; each is dropped in the end.

    fsapi_test_<token>_<number>            lives as long as a session holds the advisory lock of its token
    fsapi_template_<project>_<contents>    a template; its comment says when it was used last

Who was killed holds no lock any more, so what it has left is known for certain, from whichever machine it came: no
process id is guessed about. Nothing of another name is ever dropped. Knows neither migrations nor tests.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import LiteralString

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from fsapi_nb.errors import ConfigurationError, DatabaseError, Protected
from fsapi_nb.postgres.advisory_lock import advisory_lock
from fsapi_nb.postgres.ask import ask, role_of
from fsapi_nb.postgres.connect import open_session, server_message
from fsapi_nb.postgres.protection import Endpoint, is_protected
from fsapi_nb.postgres.session import Session
from fsapi_nb.project.password import CommandAddress
from fsapi_nb.project.requests import Request
from fsapi_nb.project.settings import Address, Project
from fsapi_nb.project.trust import require
from fsapi_nb.servers import embedded
from fsapi_nb.servers.project_server import start_embedded
from fsapi_nb.text.sql import written_name

_SCRATCH = re.compile(r"fsapi_test_([0-9a-f]{16})_\d+")
_PATIENCE = 600.0  # seconds to wait for another process that fills the same template
_MOST = 100  # databases that are swept at one start, so that it stays short
_KEPT = 3  # templates of one project that stay, those used last
_FORGOTTEN = "7 days"  # after which a template of any project goes
# Those that somebody is connected to are left out: PostgreSQL would wait for seconds before it refuses to drop one.
_NAMES = sql.SQL(r"""
    SELECT d.datname::text FROM pg_catalog.pg_database d
    WHERE d.datname ~ '^fsapi_test_[0-9a-f]{16}_[0-9]+$'
      AND d.datdba = (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = current_user)
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_activity a WHERE a.datid = d.oid)
    ORDER BY 1
""")
_HELD = sql.SQL("""
    SELECT (classid::bigint << 32) | objid::bigint FROM pg_catalog.pg_locks
    WHERE locktype = 'advisory' AND objsubid = 1 AND granted
""")
# The comment is a time as text; one that is not ours is no time, and its database is left alone.
_TEMPLATES = sql.SQL(r"""
    WITH found AS (
        SELECT d.datname::text AS name, pg_catalog.substring(d.datname::text, '^fsapi_template_([0-9a-f]{{8}})_') AS project,
               pg_catalog.substring(pg_catalog.shobj_description(d.oid, 'pg_database'),
                                    '^template of fsapi_nb, last used (\d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d)')::timestamp AS used
        FROM pg_catalog.pg_database d
        WHERE d.datname ~ '^fsapi_template_[0-9a-f]{{8}}_[0-9a-f]{{16}}$'
          AND d.datdba = (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = current_user)
    ), ranked AS (
        SELECT *, row_number() OVER (PARTITION BY project ORDER BY used DESC, name) AS place FROM found WHERE used IS NOT NULL
    )
    SELECT name FROM ranked
    WHERE used < (pg_catalog.now() AT TIME ZONE 'UTC') - {forgotten}::interval
       OR (project = {project} AND place > {kept})
""")
_NOW = sql.SQL(
    "SELECT 'template of fsapi_nb, last used ' || pg_catalog.to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')"
)
_THERE = sql.SQL("SELECT FROM pg_catalog.pg_database WHERE datname = {}")


@dataclass(slots=True)
class Scratch:
    """Makes databases on one server, for as long as its session lives; `address` leads to that server.

    Every method raises DatabaseError where the server refuses; the role needs CREATEDB.
    """

    session: Session
    address: str
    token: str
    project: str
    _number: int = 0
    _used: set[str] = field(default_factory=set)

    def make(self) -> str:
        """A fresh, empty database, as the server makes them; return its address."""
        with _refusals(self.session):
            return self._create(None)

    def copy(self, contents: str) -> str | None:
        """A fresh copy of the template of these contents (16 hexadecimal digits); None where there is none."""
        template = self._template(contents)
        with _refusals(self.session):
            try:
                address = self._create(template)
            except psycopg.errors.InvalidCatalogName:
                return None
            if template not in self._used:
                self._used.add(template)
                with contextlib.suppress(psycopg.errors.InternalError_):  # another process says so at the same moment
                    self._say_used(template)
            return address

    def publish(self, contents: str, fill: Callable[[str], None]) -> None:
        """Make the template of these contents, unless it is there: `fill` is given an empty database's address.

        Of several processes one fills it, and the others wait. It has its name only once it is complete.
        Raises Locked where that takes another process too long, and whatever `fill` raises.
        """
        template = self._template(contents)
        key = _key(hashlib.sha256(template.encode()).hexdigest()[:16])
        with (
            _refusals(self.session),
            advisory_lock(self.session, key, max_wait=_PATIENCE, awaited=lambda _: None),
        ):
            if self._exists(template):
                return
            address = self._create(None)
            try:
                fill(address)
                self._freeze(_name_of(address), template)
            except BaseException:
                with contextlib.suppress(DatabaseError):
                    self.drop(address)
                raise
            self._sweep_templates()

    def drop(self, address: str) -> None:
        """Drop a database that was made here, whoever is connected to it; nothing happens where it is gone."""
        with _refusals(self.session):
            self._execute("DROP DATABASE IF EXISTS {} WITH (FORCE)", _name_of(address))

    def sweep(self) -> None:
        """Drop what killed processes have left: databases whose token nobody holds any more."""
        with _refusals(self.session):
            names = [name for (name,) in ask(self.session.connection(), _NAMES)]
            # Asked after the names: whoever made one of them held its token before.
            held = {key for (key,) in ask(self.session.connection(), _HELD)}
            stale = [name for name in names if (match := _SCRATCH.fullmatch(name)) and _key(match[1]) not in held]
            self._drop_unused(stale[:_MOST])

    def _freeze(self, name: str, template: str) -> None:
        """Make a filled database the template. Who would connect to it would keep it from being copied."""
        self._execute("ALTER DATABASE {} ALLOW_CONNECTIONS false", name)
        self._say_used(name)
        try:
            self._execute("ALTER DATABASE {} RENAME TO {}", name, template)
        except psycopg.errors.DuplicateDatabase:  # a lock holds among those who came by one maintenance database
            self._execute("DROP DATABASE {}", name)

    def _sweep_templates(self) -> None:
        values = {"project": self.project, "kept": _KEPT, "forgotten": _FORGOTTEN}
        query = _TEMPLATES.format(**{name: sql.Literal(value) for name, value in values.items()})
        self._drop_unused([name for (name,) in ask(self.session.connection(), query)][:_MOST])

    def _drop_unused(self, names: list[str]) -> None:
        """Drop those that nobody is connected to or copies; another process may be doing the same."""
        for name in names:
            with contextlib.suppress(psycopg.errors.ObjectInUse, psycopg.errors.InternalError_):
                self._execute("DROP DATABASE IF EXISTS {}", name)

    def _create(self, template: str | None) -> str:
        self._number += 1
        name = f"fsapi_test_{self.token}_{self._number}"
        if template is None:
            self._execute("CREATE DATABASE {}", name)
        else:
            self._execute("CREATE DATABASE {} TEMPLATE {}", name, template)
        return make_conninfo(self.address, dbname=name)

    def _template(self, contents: str) -> str:
        return f"fsapi_template_{self.project}_{contents}"

    def _exists(self, name: str) -> bool:
        return bool(ask(self.session.connection(), _THERE.format(sql.Literal(name))))

    def _say_used(self, name: str) -> None:
        ((now,),) = ask(self.session.connection(), _NOW)
        comment = sql.SQL("COMMENT ON DATABASE {} IS {}").format(sql.Identifier(name), sql.Literal(now))
        self.session.connection().execute(comment)

    def _execute(self, statement: LiteralString, *names: str) -> None:
        self.session.connection().execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


@contextmanager
def open_scratch(
    project: Project,
    address: Address | None,
    *,
    postgres_bin: Path | None = None,
    requests: Sequence[Request] = (),
    application: str = "fsapi_nb tests",
) -> Iterator[Scratch]:
    """Databases for a moment on that server; None is an embedded one of the project's own for tests.

    `requests` must have been allowed. What killed processes have left there is swept first. Raises Protected for a protected database, CannotConnect,
    DatabaseError, EmbeddedServerError, Untrusted.
    """
    if address is not None and address.protected:
        raise _protected(address.name or "this database")
    home = project.home / "tests"
    require(project.root, requests)
    dsn = _dsn(address) if address is not None else None
    place = dsn or start_embedded(
        project.root, home, requests, bin_folder=postgres_bin, database="postgres", keeps_data=False
    )
    try:
        with open_session(place, application=application) as session:
            if dsn is None:
                _be_quick(session)
            else:
                _refuse_protected(project, session)
            token = secrets.token_hex(8)
            session.connection().execute(
                "SELECT pg_catalog.pg_advisory_lock(%s)", [_key(token)]
            )  # nobody else knows it
            whose = hashlib.sha256(f"{project.root}\0{session.facts.role}".encode()).hexdigest()[:8]
            scratch = Scratch(session, place, token, whose)
            scratch.sweep()
            yield scratch
    finally:
        if dsn is None:
            embedded.detach(home)


@contextmanager
def _refusals(session: Session) -> Iterator[None]:
    """Say in our words what the server refuses."""
    try:
        yield
    except psycopg.errors.InsufficientPrivilege as error:
        raise _may_not_create(session, error) from None
    except psycopg.Error as error:
        message = server_message(error)
        code = f" [{message.sqlstate}]" if message.sqlstate else ""
        raise DatabaseError(
            f"a database for the test could not be made or dropped: {message.message}{code}",
            details=tuple(message.lines()),
            hint="is the server still running? What stays there is swept by the next run.",
        ) from None


def _dsn(address: Address) -> str | None:
    """The connection string of the server, with its password; None for the embedded one."""
    if address.connector is not None:
        hint = "name a database with url or url_env, which may have a password_command."
        raise ConfigurationError("tests make databases on a server by its URL, not by a function", hint=hint)
    if address.dsn is not None and address.password_command is not None:
        return CommandAddress(address.dsn, address.password_command).with_password()[0]
    return address.dsn


def _name_of(address: str) -> str:
    return str(conninfo_to_dict(address)["dbname"])


def _key(token: str) -> int:
    """The key of a token's advisory lock: its 64 bits as a signed number."""
    return int.from_bytes(bytes.fromhex(token), "big", signed=True)


def _be_quick(session: Session) -> None:
    """Let commits of the server that is for tests alone not wait for the disk. Nothing there can be damaged by that."""
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
        state="unchanged.",
        hint="give tests a server of their own, or none: the embedded one is used then.",
    )


def _may_not_create(session: Session, error: psycopg.Error) -> DatabaseError:
    message = server_message(error)
    role = role_of(session)
    return DatabaseError(
        f"the role {role!r} may not make databases on this server",
        details=(f"  {message.message} [{message.sqlstate}]",),
        state="unchanged.",
        hint=f"let a superuser run: ALTER ROLE {written_name(role)} CREATEDB; or give no server: the embedded one is used then.",
    )
