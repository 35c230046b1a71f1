"""Ask about the database itself, whatever its history: who blocks, its tables, its identity."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from contextlib import closing

from fsapi_nb.catalog.database_names import DatabaseNames
from fsapi_nb.catalog.read_names import read_names
from fsapi_nb.errors import UsageError
from fsapi_nb.history.access import open_guarded, open_onlooker
from fsapi_nb.model.server import Blockage, DatabaseFacts
from fsapi_nb.postgres.blockers import find_blockage
from fsapi_nb.postgres.protection import Endpoint
from fsapi_nb.postgres.protection import may_lead_to as may_reach
from fsapi_nb.postgres.session import Connection
from fsapi_nb.project.known_secrets import find_secrets
from fsapi_nb.verbs.open import open_store
from fsapi_nb.verbs.options import VerbOptions
from fsapi_nb.views import results


def blockers(options: VerbOptions) -> results.BlockersResult:
    """Return who blocks whom at this moment, seen from the runner that is at work, if there is one."""
    with open_store(options, writing=False) as store:
        runner = store.runner_at_work()
    with open_onlooker(options.access) as connection:
        seen = find_blockage(connection, runner.pid) if runner else Blockage()
        return results.BlockersResult(seen or find_blockage(connection), identity=store.identity)


def diagram(
    options: VerbOptions,
    schemas: Sequence[str] | None,
    tables: Sequence[str],
    *,
    centre: Sequence[str] = (),
    changes: str | None = None,
) -> results.DiagramResult:
    """Return the tables and their foreign keys: of these schemas and tables, around others, with changes marked."""
    from fsapi_nb.catalog.diagram import DiagramSubject, around, select
    from fsapi_nb.catalog.tables import read_diagram
    from fsapi_nb.verbs.mark_diagram import mark_diagram

    if tables and centre:
        raise UsageError("--tables and --around exclude each other", hint="--around TABLE shows its neighbours, too.")
    own = options.access.schema
    with open_store(options, writing=False) as store:
        found = read_diagram(store.session.connection(), [own] if own and schemas is None else schemas)
        of = DiagramSubject(centre=tuple(centre))
        if changes is not None:
            found, of = mark_diagram(store, found, of, changes, cut=not tables and not centre)
    if tables or centre:
        found = select(found, tables) if tables else around(found, centre)
    return results.DiagramResult(found, store.identity, of)


def facts(options: VerbOptions) -> DatabaseFacts:
    """Return which database this is, for a record."""
    with open_store(options, writing=False) as store:
        return store.facts()


def names(options: VerbOptions, tables: Collection[str], beginning: str | None) -> DatabaseNames:
    """Return the names that SQL may hold, without starting a server: none if the embedded one does not run.

    None either of a database to which a program or a function of the user leads: a Tab runs neither.
    """
    address = options.access.address
    if address.connector is not None or address.password_command is not None:
        return DatabaseNames()
    if address.embedded:
        from fsapi_nb.servers import embedded

        if not embedded.runs(options.project.home):
            return DatabaseNames()
    with closing(open_guarded(options.access)) as connection:
        return read_names(connection, tables, beginning)


def connect(options: VerbOptions) -> Connection:
    """Return a new connection for another tool, which must close it; it only reads a protected database."""
    return open_guarded(options.access)


def known_secrets(options: VerbOptions) -> frozenset[str]:
    """Return the passwords and tokens that the project and the environment hold."""
    return find_secrets(options.project, os.environ)


def is_same_database(one: VerbOptions, other: VerbOptions) -> bool:
    """Return whether both are of the same database, and of the same schema in it. Connects to nothing."""
    mine, theirs = one.access, other.access
    return (mine.address, mine.schema, mine.project.home) == (theirs.address, theirs.schema, theirs.project.home)


def may_lead_to(options: VerbOptions, *, host: str, hostaddr: str, port: int, database: str) -> bool:
    """Return whether a connection that libpq says went there may be to this database. Connects to nothing."""
    return may_reach(options.access.address, Endpoint(host, hostaddr, port, database))
