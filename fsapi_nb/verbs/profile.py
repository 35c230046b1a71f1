"""Profile the columns of one table: from the server's statistics, or by reading it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import psycopg
from psycopg import errors

from fsapi_nb.catalog.profile.estimate import read_estimates
from fsapi_nb.catalog.profile.scan import cost_of, read_table
from fsapi_nb.catalog.profile.shape import RelationShape, read_shape
from fsapi_nb.catalog.profile.value import TableProfile
from fsapi_nb.catalog.schema.asking import plain, refusal
from fsapi_nb.catalog.schema.lookup import look_up
from fsapi_nb.catalog.schema.overview import RELATIONS, SchemaObject
from fsapi_nb.errors import UNCHANGED, ConfirmationRequired, DatabaseError, UsageError
from fsapi_nb.history.store import HistoryStore
from fsapi_nb.postgres.session import Connection
from fsapi_nb.text.command import Advice, command
from fsapi_nb.verbs.open import open_store
from fsapi_nb.verbs.options import VerbOptions
from fsapi_nb.views import results
from fsapi_nb.views.forecast.quantities import byte_words, counted_rows
from fsapi_nb.views.results.profile import percent


def profile(options: VerbOptions, name: str, *, exact: bool, yes: bool) -> results.ProfileResult:
    """Return the profile of a table's columns; with `exact`, of its rows, which on a protected database needs `yes`."""
    timeout = options.access.settings.get("statement_timeout")
    with open_store(options, writing=False) as store:
        connection = store.session.connection()
        try:
            found, path = _find(store, options, name)
            shape = _as_written(read_shape(connection, found.oid, found.qualified), found, path)
            if exact and store.identity.protected and not yes:
                raise _costs(shape, store, found.called)
            read = _read(connection, shape, timeout, found.called) if exact else read_estimates(connection, shape)
            return results.ProfileResult(replace(read, called=found.called), store.identity)
        except psycopg.Error as error:
            raise refusal(error, name) or error from None


def _read(connection: Connection, shape: RelationShape, timeout: str | None, called: str) -> TableProfile:
    """Return the profile of the rows. Raises DatabaseError if reading them took too long."""
    try:
        return read_table(connection, shape, timeout)
    except errors.QueryCanceled as error:
        raise DatabaseError(
            f"{shape.written} was not profiled: reading it took too long",
            state=UNCHANGED,
            hint=Advice(
                "give it more time: ",
                command("schema", called, profile=True, exact=True, statement_timeout="10min"),
                "; without --exact nothing of it is read.",
            ),
        ) from error


def _find(store: HistoryStore, options: VerbOptions, name: str) -> tuple[SchemaObject, Sequence[str]]:
    """Return the relation that is meant, and the search_path. Raises UsageError if there is none."""
    schema = options.access.schema
    overview, (found, *_) = look_up(store.session.connection(), [schema] if schema else None, name)
    if found.kind not in RELATIONS:
        raise UsageError(
            f"{found.qualified} is a {found.kind}, and has no columns to profile",
            state=UNCHANGED,
            hint=Advice(command("schema", found.called), " shows what it is."),
        )
    return found, overview.path


def _as_written(shape: RelationShape, found: SchemaObject, path: Sequence[str]) -> RelationShape:
    """Return the relation with its name and its types as SQL writes them here, without schemas that are found anyway."""
    columns = tuple(replace(each, type=plain(each.type, path)) for each in shape.columns)
    return replace(shape, written=found.written, columns=columns)


def _costs(shape: RelationShape, store: HistoryStore, called: str) -> ConfirmationRequired:
    """Return the question whether a protected database is to be read, with what that costs."""
    cost, name = cost_of(shape), store.identity.name or store.identity.database
    size = ", ".join(
        part
        for part in (byte_words(cost.size), "" if cost.rows is None else f"about {counted_rows(cost.rows)}")
        if part
    )
    read = f"a sample of about {percent(cost.share)} of" if cost.share else "all of"
    return ConfirmationRequired(
        f"the database {name} is protected: nothing of {shape.written} was read yet",
        details=(
            f"  a sequential scan reads {read} {shape.written} ({size or 'of unknown size'}), and sorts each column",
            "  it ends after a minute at the latest, unless --statement-timeout gives another time",
            "  meanwhile it holds ACCESS SHARE: reading and writing go on, altering the table waits and others behind it",
        ),
        state=UNCHANGED,
        hint=Advice(
            "to read it: ",
            command("schema", called, profile=True, exact=True, yes=True),
            "; without --exact the server's own statistics are shown, and nothing is read.",
        ),
    )
