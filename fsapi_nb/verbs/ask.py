"""Ask the database something in SQL: the verbs query and check. Each is one transaction."""

from __future__ import annotations

from collections.abc import Sequence

from fsapi_nb.errors import QueryFailed, revise
from fsapi_nb.model.place import SourceLocation
from fsapi_nb.postgres.notices import listening
from fsapi_nb.query.query import run_query, secret_values
from fsapi_nb.run.check import ask_alone, holds
from fsapi_nb.script.migration import read_query
from fsapi_nb.script.placeholders import explain, placeholder_of
from fsapi_nb.text.command import Advice, command
from fsapi_nb.text.masking import hiding
from fsapi_nb.verbs.open import open_store
from fsapi_nb.verbs.options import VerbOptions
from fsapi_nb.views import results


def query(options: VerbOptions, sql: str, parameters: Sequence[object], *, yes: bool) -> results.QueryResult:
    """Run any SQL; a protected database is only read unless `yes`."""
    with (
        open_store(options, writing=False) as store,
        listening(store.session.connection()) as notices,
        hiding(secret_values(sql, parameters)),
    ):
        read_only = store.identity.protected and not yes
        try:
            found = run_query(store.session.connection(), sql, parameters, read_only=read_only)
        except QueryFailed as error:
            hint = _hint_of_query(error, read_only=read_only, bound=bool(parameters)) or error.hint
            raise revise(error.with_notices(notices), hint=hint) from error.__cause__
        return results.QueryResult(found, store.identity, tuple(notices))


def check(options: VerbOptions, title: str, sql: str) -> results.CheckResult:
    """Ask a query that must hold: it gives no rows, or only booleans that are all true. It may only read."""
    asked = read_query(title, sql)
    with open_store(options, writing=False) as store, listening(store.session.connection()) as notices:
        try:
            with hiding(secret_values(sql)):
                found = ask_alone(store.session.connection(), asked.statement.text, sql)
        except QueryFailed as error:
            raise error.with_notices(notices) from error.__cause__
        return results.CheckResult(title, holds(found), found, store.identity, tuple(notices))


def _hint_of_query(error: QueryFailed, *, read_only: bool, bound: bool) -> str | None:
    """Return what helps with SQL that the server refused, if that is more than it says itself."""
    if error.server.sqlstate == "42P02" and not bound:
        return "$1 and $2 are parameters: bind their values, with --param for each."
    if error.server.sqlstate == "25006" and read_only:
        return "this database is protected, so queries are read-only; pass --yes to allow changes."
    if error.server.sqlstate == "22P05" and error.place:
        return "write the character otherwise, in a comment as well: PostgreSQL is sent the whole text."
    if error.server.sqlstate == "42601" and error.place and _is_at(error.place, "\\"):
        return Advice(
            r"psql's commands are not SQL: end a statement with a semicolon. \d and its kin stand alone, such as ",
            command("query", r"\d orders"),
            ".",
        )
    found = placeholder_of(error)
    return explain(found, notebook=False) if found else None


def _is_at(place: SourceLocation, text: str) -> bool:
    """Return whether that text is at the place of an error."""
    return place.column is not None and (place.source or "").startswith(text, place.column - 1)
