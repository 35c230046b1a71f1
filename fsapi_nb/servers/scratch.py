"""Scratch databases: empty ones, copies of a template that was filled once, and copies of one another.

    fsapi_test_<token>_<number>            a scratch database, in use while a session holds the lock of its token
    fsapi_template_<project>_<contents>    a template database; its comment says when it was used last

The session of a killed process ends, and its advisory lock with it. So the databases that it has left are known for
certain, on whichever machine it ran: no process id is guessed about. A database of another name is never dropped.
Neither migrations nor tests are known here.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import re
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import LiteralString

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from fsapi_nb.errors import UNCHANGED, DatabaseError
from fsapi_nb.postgres.advisory_lock import advisory_lock
from fsapi_nb.postgres.ask import ask, role_of
from fsapi_nb.postgres.connect import connect, server_message
from fsapi_nb.postgres.session import Connection, Session
from fsapi_nb.servers.embedded.address import PLAIN_ROLE
from fsapi_nb.text.safe import visible_line
from fsapi_nb.text.sql import written_name

_SCRATCH = re.compile(r"fsapi_test_([0-9a-f]{16})_\d+")
_PATIENCE = 600.0  # seconds to wait for another process that fills the same template
_MOST = 100  # databases that are dropped at one start, so that it stays short
_KEPT = 3  # templates of one project that stay: those used last
_FORGOTTEN = "7 days"  # after which an unused template of any project is dropped
# A database with a session is left out: PostgreSQL would wait for seconds before it refuses to drop it.
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
# A template whose comment fsapi_nb has not written has no time of use, and is left alone.
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
_ALL_TEMPLATES = sql.SQL(r"""
    SELECT datname::text FROM pg_catalog.pg_database WHERE datname ~ '^fsapi_template_[0-9a-f]{8}_[0-9a-f]{16}$' ORDER BY 1
""")
_ROLES = sql.SQL("SELECT rolname::text FROM pg_catalog.pg_roles")
# A role is powerful if it is, or may become, a superuser, one that makes roles, or one of PostgreSQL's own, which may
# read files and run programs.
_IS_POWERFUL = """EXISTS (
    SELECT FROM pg_catalog.pg_roles p WHERE (p.rolsuper OR p.rolcreaterole OR p.rolname ~ '^pg_')
    AND pg_catalog.pg_has_role(r.oid, p.oid, 'MEMBER'))"""
_HARMLESS = sql.SQL(f"""
    SELECT r.rolname::text FROM pg_catalog.pg_roles r
    WHERE r.rolname::text = ANY({{}}) AND r.rolname <> {{}} AND NOT {_IS_POWERFUL} ORDER BY 1
""")
_POWERFUL = sql.SQL(f"""
    SELECT r.rolname::text FROM pg_catalog.pg_auth_members m JOIN pg_catalog.pg_roles r ON r.oid = m.roleid
    WHERE m.member = (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = {{}}) AND {_IS_POWERFUL} ORDER BY 1
""")
_UNTRUSTED = sql.SQL("""
    SELECT e.name::text FROM pg_catalog.pg_available_extensions e
    JOIN pg_catalog.pg_available_extension_versions v ON v.name = e.name AND v.version = e.default_version
    WHERE e.name::text = ANY({}) AND v.superuser AND NOT v.trusted ORDER BY 1
""")
_PRESENT = {"public", "pg_catalog"}  # schemas of an empty database
_MAKE_SCHEMA = sql.SQL("CREATE SCHEMA IF NOT EXISTS {} AUTHORIZATION {}")
_INSTALL = sql.SQL("CREATE EXTENSION IF NOT EXISTS {} WITH SCHEMA {}")
_THERE = sql.SQL("SELECT FROM pg_catalog.pg_database WHERE datname = {}")


@dataclass(slots=True)
class Scratch:
    """Scratch databases on one server, which can be made as long as the session lives.

    `address` leads to that server. The session holds the advisory lock of `token`; `project` identifies the project and
    the role in names of templates. `is_embedded` says that the server has nothing but scratch databases, `kind` what
    it is called. `owner` is the role that owns the databases, and as which their addresses log in; None is that of the
    session, which needs CREATEDB. Every method raises DatabaseError if the server refuses.
    """

    session: Session
    address: str
    token: str
    project: str
    is_embedded: bool = False
    kind: str = ""
    owner: str | None = None
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _used: set[str] = field(default_factory=set)

    @property
    def label(self) -> str:
        """The server as results name it: `PostgreSQL 15.18 of the system`."""
        version = self.session.facts.version
        return f"PostgreSQL {version // 10_000}.{version % 10_000} {self.kind}".rstrip()

    def of_plain_role(self) -> Scratch:
        """Return what makes databases whose sessions cannot do more than the owner of a database.

        On an embedded server a session is otherwise a superuser's, and what runs there can start programs of this machine.
        On another server the role is the one that its user has named.
        """
        if not self.is_embedded:
            return self
        with (
            _refusals(self.session),
            contextlib.suppress(psycopg.errors.DuplicateObject, psycopg.errors.UniqueViolation),
        ):
            self._execute("CREATE ROLE {} LOGIN", PLAIN_ROLE)
        with _refusals(self.session):
            # What nobody here has written may have no end.
            self._execute("ALTER ROLE {} SET statement_timeout TO '10min'", PLAIN_ROLE)
            # A script of the project may have made more of a role since it was granted.
            for (name,) in ask(self.session.connection(), _POWERFUL.format(sql.Literal(PLAIN_ROLE))):
                self._execute("REVOKE {} FROM {}", name, PLAIN_ROLE)
        project = hashlib.sha256(f"{self.project} {PLAIN_ROLE}".encode()).hexdigest()[:8]
        return replace(self, project=project, owner=PLAIN_ROLE, _used=set())

    def make(self) -> str:
        """Make an empty database; return its address."""
        with _refusals(self.session):
            return self._create(None)

    def copy(self, contents: str) -> str | None:
        """Make a copy of the template of these contents (16 hexadecimal digits).

        Return its address, None if there is no template.
        """
        template = self._template(contents)
        with _refusals(self.session):
            try:
                address = self._create(template)
            except psycopg.errors.InvalidCatalogName:
                return None
            if template not in self._used:
                self._used.add(template)
                # Another process may write the comment at the same moment.
                with contextlib.suppress(psycopg.errors.InternalError_):
                    self._say_used(template)
            return address

    def copy_of(self, address: str) -> str:
        """Make a copy of a database that was made here, and that no session is in; return its address."""
        with _refusals(self.session):
            return self._create(_name_of(address))

    def filled(self, contents: str, fill: Callable[[str], None]) -> str:
        """Make a copy of the template of these contents, which `fill` makes of an empty database if there is none.

        Raises what `publish` raises.
        """
        address = self.copy(contents)
        while address is None:  # again if another process removed the template before it was copied
            self.publish(contents, fill)
            address = self.copy(contents)
        return address

    def publish(self, contents: str, fill: Callable[[str], None]) -> None:
        """Make the template of these contents, unless there is one.

        `fill` gets the address of an empty database. One of several processes fills it, and the others wait. It gets
        its name when it is complete, so half a template is never copied. Raises Locked if another process takes too
        long, and what `fill` raises.
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

    def install(self, address: str, extensions: Mapping[str, str]) -> frozenset[str]:
        """Install the extensions, each in its schema, that the owner of a database may not install by itself.

        Return their names. Their scripts are those of the server's installation, and the database has nothing yet that
        they could be misled by.
        """
        if self.owner is None:
            return frozenset()
        with _refusals(self.session):
            wanted = _UNTRUSTED.format(sql.Literal([*extensions]))
            names = [name for (name,) in ask(self.session.connection(), wanted)]
        if names:
            application = self.session.connection().info.get_parameters().get("application_name", "")
            with connect(make_conninfo(self.address, dbname=_name_of(address)), application) as there:
                for name in names:
                    _install(there, name, extensions[name], self.owner)
        return frozenset(names)

    def drop(self, address: str) -> None:
        """Drop a database that was made here, even if sessions are connected to it.

        Nothing happens if it is gone.
        """
        with _refusals(self.session):
            self._execute("DROP DATABASE IF EXISTS {} WITH (FORCE)", _name_of(address))

    def make_roles(self, names: Iterable[str]) -> None:
        """Make the roles that an embedded server lacks, unable to log in; those of another server are the user's."""
        if not self.is_embedded:
            return
        with _refusals(self.session):
            there = {name for (name,) in ask(self.session.connection(), _ROLES)}
            for name in sorted({*names} - there):
                # Another process may make it at the same moment. A newer server may keep the name for itself.
                with contextlib.suppress(
                    psycopg.errors.DuplicateObject, psycopg.errors.UniqueViolation, psycopg.errors.ReservedName
                ):
                    self._execute("CREATE ROLE {} NOLOGIN", name)
            if self.owner is not None:
                self._let_act_as(self.owner, names)

    def _let_act_as(self, owner: str, names: Iterable[str]) -> None:
        """Let the owner of databases make what belongs to these roles, without those that may do more than it may."""
        found = ask(self.session.connection(), _HARMLESS.format(sql.Literal([*names]), sql.Literal(owner)))
        for (name,) in found:
            self._execute("GRANT {} TO {}", name, owner)

    def drop_roles(self, names: Iterable[str]) -> None:
        """Drop those roles of an embedded server; templates are dropped with them, as theirs may depend on them.

        A role that a database in use depends on stays.
        """
        if not self.is_embedded:
            return
        with _refusals(self.session):
            there = {name for (name,) in ask(self.session.connection(), _ROLES)}
            found = sorted({*names} & there)
            if found:
                self._drop_unused([name for (name,) in ask(self.session.connection(), _ALL_TEMPLATES)])
            for name in found:
                with contextlib.suppress(psycopg.errors.DependentObjectsStillExist, psycopg.errors.ObjectInUse):
                    self._execute("DROP ROLE IF EXISTS {}", name)

    def sweep(self) -> None:
        """Drop the scratch databases of killed processes: those whose token no session holds."""
        with _refusals(self.session):
            names = [name for (name,) in ask(self.session.connection(), _NAMES)]
            # Asked after the names: a process takes the lock of its token before it makes its first database.
            held = {key for (key,) in ask(self.session.connection(), _HELD)}
            stale = [name for name in names if (match := _SCRATCH.fullmatch(name)) and _key(match[1]) not in held]
            self._drop_unused(stale[:_MOST])

    def _freeze(self, name: str, template: str) -> None:
        """Make a filled database the template.

        It refuses connections, as a session in it would keep it from being copied.
        """
        self._execute("ALTER DATABASE {} ALLOW_CONNECTIONS false", name)
        self._say_used(name)
        try:
            self._execute("ALTER DATABASE {} RENAME TO {}", name, template)
        except psycopg.errors.DuplicateDatabase:
            # The advisory lock excludes only processes whose session is in the same database.
            self._execute("DROP DATABASE {}", name)

    def _sweep_templates(self) -> None:
        values = {"project": self.project, "kept": _KEPT, "forgotten": _FORGOTTEN}
        query = _TEMPLATES.format(**{name: sql.Literal(value) for name, value in values.items()})
        self._drop_unused([name for (name,) in ask(self.session.connection(), query)][:_MOST])

    def _drop_unused(self, names: list[str]) -> None:
        """Drop the databases that no session is in and none copies; another process may be dropping them, too."""
        for name in names:
            with contextlib.suppress(psycopg.errors.ObjectInUse, psycopg.errors.InternalError_):
                self._execute("DROP DATABASE IF EXISTS {}", name)

    def _create(self, template: str | None) -> str:
        name = f"fsapi_test_{self.token}_{next(self._numbers)}"
        owner = self.owner or self.session.facts.role
        if template is None:
            self._execute("CREATE DATABASE {} OWNER {}", name, owner)
        else:
            self._execute("CREATE DATABASE {} OWNER {} TEMPLATE {}", name, owner, template)
        return make_conninfo(self.address, dbname=name, **({"user": self.owner} if self.owner else {}))

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


def take_token(session: Session) -> str:
    """Return a token of 16 hexadecimal digits, whose advisory lock the session holds until it ends."""
    token = secrets.token_hex(8)
    # It never waits, as no other process knows the token.
    session.connection().execute("SELECT pg_catalog.pg_advisory_lock(%s)", [_key(token)])
    return token


@contextmanager
def _refusals(session: Session) -> Iterator[None]:
    """Raise what the server refuses as DatabaseError."""
    try:
        yield
    except psycopg.errors.InsufficientPrivilege as error:
        raise _may_not_create(session, error) from None
    except psycopg.Error as error:
        message = server_message(error)
        code = f" [{message.sqlstate}]" if message.sqlstate else ""
        raise DatabaseError(
            f"a scratch database could not be made or dropped: {message.message}{code}",
            details=tuple(message.lines()),
            hint="is its server still running? Databases that stay there are dropped by the next run.",
        ) from None


def _install(connection: Connection, name: str, schema: str, owner: str) -> None:
    """Install an extension in a schema, which is made if it is not there. Raises DatabaseError."""
    try:
        if schema not in _PRESENT:
            connection.execute(_MAKE_SCHEMA.format(sql.Identifier(schema), sql.Identifier(owner)))
        connection.execute(_INSTALL.format(sql.Identifier(name), sql.Identifier(schema)))
    except psycopg.Error as error:
        message = server_message(error)
        raise DatabaseError(
            f"the extension {visible_line(name)} could not be installed in a scratch database: {message.message}",
            details=tuple(message.lines()),
            state=UNCHANGED,
            hint="name a server that has it with --scratch URL.",
        ) from None


def _name_of(address: str) -> str:
    return str(conninfo_to_dict(address)["dbname"])


def _key(token: str) -> int:
    """Return the key of a token's advisory lock: its 64 bits as a signed number."""
    return int.from_bytes(bytes.fromhex(token), "big", signed=True)


def _may_not_create(session: Session, error: psycopg.Error) -> DatabaseError:
    message = server_message(error)
    role = role_of(session)
    return DatabaseError(
        f"the role {role!r} may not make databases on this server",
        details=(f"  {message.message} [{message.sqlstate}]",),
        state=UNCHANGED,
        hint=f"let a superuser run: ALTER ROLE {written_name(role)} CREATEDB; or give no server: then the embedded one is used.",
    )
