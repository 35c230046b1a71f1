"""Open the scratch server of a project for a verb, which makes databases there that nobody keeps.

It is the server that `--scratch` or the project names, else an embedded one of a PostgreSQL that has what is needed.
What is missing is said before anything runs. The project must be trusted: the scripts that run there may run programs of
this machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from psycopg import sql

from fsapi_nb.errors import UNCHANGED, FsapiError, Protected, StatementFailed
from fsapi_nb.postgres.ask import ask
from fsapi_nb.postgres.protection import Endpoint, is_protected
from fsapi_nb.postgres.session import Session
from fsapi_nb.postgres.system_identifier import system_identifier
from fsapi_nb.project.address import Address
from fsapi_nb.project.configuration import EMBEDDED
from fsapi_nb.project.permissions import find_reading_requests, find_requests
from fsapi_nb.project.root import find_binaries
from fsapi_nb.project.trust import require
from fsapi_nb.servers.choice import InstalledPostgres, Lack, choose, lack_of, lacking
from fsapi_nb.servers.installations import find_candidates, named_candidate
from fsapi_nb.servers.needs import ServerNeeds
from fsapi_nb.servers.scratch import Scratch
from fsapi_nb.servers.scratch_server import open_scratch
from fsapi_nb.verbs.options import VerbOptions

_EXTENSIONS = sql.SQL("SELECT name::text FROM pg_catalog.pg_available_extensions")
_COLLATIONS = sql.SQL(
    "SELECT collname::text FROM pg_catalog.pg_collation WHERE collnamespace = 'pg_catalog'::regnamespace"
)
_LACKS_RIGHT = "42501"
_OF_URL = "of --scratch"


@contextmanager
def open_scratch_server(
    options: VerbOptions, needs: ServerNeeds | None = None, *, foreign: bool = False
) -> Iterator[Scratch]:
    """Yield what makes databases on the scratch server; one that was started for this is stopped after the block.

    Args:
        options: The options of the verb.
        needs: What the server must have; None if any will do.
        foreign: Whether texts run there that are not files of the project: what a database has stored, or its definitions.
            On an embedded server they run without a superuser's rights, with which they could start programs.

    Raises:
        Untrusted: The user has not allowed all that the project asks for.
        Protected: It is the server of a protected database.
        EmbeddedServerError: The server cannot be started.
        DatabaseError: No server has what is needed, or it cannot be used.
    """
    needs = needs or ServerNeeds()
    project, access, address = options.project, options.access, options.scratch
    asked = find_requests(
        project,
        address or Address(None, EMBEDDED),
        start=options.start,
        binaries=access.postgres_bin == find_binaries(project),
    )
    requests = (*access.requests, *asked, *find_reading_requests(project, options.directory, start=options.start))
    require(project.root, requests)  # before a PostgreSQL of the project is asked for its version
    chosen = _choose(options, needs) if address is None else None
    with open_scratch(
        project,
        address,
        postgres_bin=chosen.bin_folder if chosen else None,
        requests=tuple({request.digest: request for request in requests}.values()),
        application=scratch_application(options),
        folder="scratch",
        kind=chosen.kind if chosen else _OF_URL,
        judge=lambda session: _judge(options, session, needs, is_own=chosen is not None),
    ) as scratch:
        _refuse_lacking(scratch, needs)
        opened = scratch.of_plain_role() if foreign else scratch
        opened.make_roles(needs.roles)
        yield opened


def scratch_application(options: VerbOptions) -> str:
    """Return how the sessions of a verb on the scratch server are called."""
    return f"{options.access.application} (scratch)"[:63]


def hint_of(error: FsapiError, scratch: Scratch, otherwise: str | None) -> str | None:
    """Return what to do where a text failed on the scratch server: what a superuser may do alone needs another server."""
    lacks_right = isinstance(error, StatementFailed) and error.sqlstate == _LACKS_RIGHT
    if scratch.owner is None or not lacks_right:
        return otherwise
    return (
        "what a database has stored, or a schema file says, runs without a superuser's rights here, and so does what it is "
        "compared with: it could start programs of this machine. If it may have them, name a server of yours: --scratch URL."
    )


def _choose(options: VerbOptions, needs: ServerNeeds) -> InstalledPostgres:
    """Return the PostgreSQL that an embedded server runs from: the one that is named, or the best that is found."""
    named = options.access.postgres_bin
    if named is None:
        return choose(find_candidates(options.project.root), needs)
    candidate = named_candidate(named)
    if lack := lack_of(candidate, needs):
        raise lacking(candidate.label, lack, needs)
    return candidate


def _judge(options: VerbOptions, session: Session, needs: ServerNeeds, *, is_own: bool) -> None:
    """Raise Protected if the server has a protected database: nothing is made beside that."""
    if is_own:
        return
    info = session.connection().info
    reached = Endpoint(info.host, info.hostaddr, info.port, "")
    same = needs.is_protected and needs.system is not None and needs.system == system_identifier(session.connection())
    if same or is_protected(options.project, reached, unless_sure=True):
        raise Protected(
            "the scratch server has a protected database, and scratch databases would be made and dropped beside it",
            state=UNCHANGED,
            hint="name another server with --scratch, or none: then an embedded one is used.",
        )


def _refuse_lacking(scratch: Scratch, needs: ServerNeeds) -> None:
    """Raise DatabaseError if the running server lacks something: it knows better than its files."""
    connection = scratch.session.connection()
    extensions = needs.extensions.keys() - {name for (name,) in ask(connection, _EXTENSIONS)}
    collations = needs.collations - {name for (name,) in ask(connection, _COLLATIONS)} if needs.collations else ()
    words = (f"the collations {', '.join(sorted(collations))} of this system",) if collations else ()
    if lack := Lack(tuple(sorted(extensions)), words):
        raise lacking(scratch.label, lack, needs)
