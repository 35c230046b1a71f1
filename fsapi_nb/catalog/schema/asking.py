"""Ask what a page or an overview shows: only reading, bounded in time, never waiting long for a lock.

The answers of one message are those of one snapshot; names in the questions are those of `pg_catalog`, and so the
server writes the names of all else with their schemas. `plain` takes away those that a reader need not see.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import psycopg
from psycopg import errors, sql

from fsapi_nb.actions.tree_names import joined
from fsapi_nb.catalog.read import open_catalog
from fsapi_nb.errors import UNCHANGED, DatabaseError, UsageError
from fsapi_nb.postgres.ask import ask_about_session, ask_together
from fsapi_nb.postgres.session import Connection, Rows
from fsapi_nb.text.command import Advice, command

#: How long a question may run, and so keep the locks that it has, and how long it may wait for one, in milliseconds.
STATEMENT, LOCK = 900, 100
#: For what reads a whole catalog, and locks no relation of users.
PATIENT = {"statement_timeout": "20000"}
_PATH = sql.SQL("SELECT pg_catalog.current_schemas(false)::pg_catalog.text[], current_user::pg_catalog.text")
# A literal or a name in quotes, as the server writes them.
_QUOTED = r"""(?P<literal>'(?:[^']|'')*')|(?P<name>"(?:[^"]|"")*")"""
#: What holds for a transaction in which something is looked at.
LIMITS = {"transaction_read_only": "on", "statement_timeout": str(STATEMENT), "lock_timeout": str(LOCK), "jit": "off"}


def ask(
    connection: Connection, queries: Mapping[str, sql.Composable], settings: Mapping[str, str] | None = None
) -> dict[str, Rows]:
    """Return the rows of each question, all of them asked in one message, with more settings if they need some.

    Raises:
        psycopg.Error: A question was refused, waited for a lock, or took too long.
    """
    limits = (
        sql.SQL("pg_catalog.set_config({}, {}, true)").format(sql.Literal(name), sql.Literal(value))
        for name, value in {**LIMITS, **(settings or {})}.items()
    )
    return ask_together(connection, {"limits": sql.SQL("SELECT {}").format(sql.SQL(", ").join(limits)), **queries})


def path_and_role(connection: Connection) -> tuple[tuple[str, ...], str]:
    """Return the schemas in which this session finds names without theirs, and the role that it has."""
    (((path, role),),) = ask_about_session(connection, {"path": _PATH}).values()
    return tuple(path), role


def known_oids(connection: Connection, schemas: Sequence[str] | None) -> tuple[list[int], list[int]]:
    """Return the numbers of these schemas, or of all those of users, and of fsapi_nb's own relations in them."""
    with open_catalog(connection, schemas) as catalog:
        return catalog.schemas, catalog.ours


def plain(text: str, path: Sequence[str]) -> str:
    """Return SQL, or a type's name, without the schemas in which names are found anyway.

    Literals stay as they are, but for names: `nextval('orders_id_seq'::regclass)`.
    """
    if not path:
        return text
    schemas = "|".join(re.escape(joined([schema])) for schema in path)
    known = re.compile(rf"""(?<![\w".])(?:{schemas})\.|{_QUOTED}""")

    def shown(found: re.Match[str]) -> str:
        if found["literal"] and text.startswith("::reg", found.end()):
            return "'" + known.sub(shown, found["literal"][1:-1]) + "'"
        return found["literal"] or found["name"] or ""

    return known.sub(shown, text)


def gone(what: str) -> UsageError:
    """Return the error for what was found, and dropped by another session before all of it was read."""
    return UsageError(
        f"{what} is gone by now", state=UNCHANGED, hint=Advice(command("schema"), " shows what there is.")
    )


def refusal(error: psycopg.Error, what: str) -> DatabaseError | None:
    """Return the error for what could not be read because of a lock or of time; None for any other."""
    if isinstance(error, errors.LockNotAvailable):
        return DatabaseError(
            f"{what} cannot be looked at now: another session has locked it",
            state=UNCHANGED,
            hint=Advice(command("blockers"), " shows who holds locks; then try again."),
        )
    if isinstance(error, errors.QueryCanceled):
        return DatabaseError(
            f"{what} cannot be looked at: the catalog took too long to answer",
            state=UNCHANGED,
            hint=Advice("try again, or look at less of it: ", command("schema", "NAME"), "."),
        )
    return None
