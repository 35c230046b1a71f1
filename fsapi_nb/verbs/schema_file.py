"""Keep the schema of the database as a file of the project, so that a change of it is seen in a review."""

from __future__ import annotations

import difflib
from pathlib import Path

import psycopg
from psycopg import errors, sql

from fsapi_nb.catalog.ddl.definitions import Definitions
from fsapi_nb.catalog.ddl.read_definitions import read_definitions
from fsapi_nb.catalog.ddl.script import FIRST_LINE
from fsapi_nb.catalog.schema.asking import LIMITS, refusal
from fsapi_nb.errors import ConfigurationError, DatabaseError, FsapiError, NotUpToDate
from fsapi_nb.history.store import HistoryStore
from fsapi_nb.project.schema_file import SETTING, find_schema_file, read_schema_file, write_schema_file
from fsapi_nb.script.redact import redact_sql
from fsapi_nb.text.command import Advice, command
from fsapi_nb.text.toml import written_setting
from fsapi_nb.verbs.open import open_store
from fsapi_nb.verbs.options import VerbOptions, compared_schemas, require_place
from fsapi_nb.views import results

#: All of a catalog is read, which takes longer than a page; each question by itself is short.
_LIMITS = LIMITS | {"statement_timeout": "10000", "lock_timeout": "1000"}


#: What the lines of both texts are compared for; with what is secret in them starred, which takes its time.
_SHOWN = {"written", "differs"}


def write_schema(options: VerbOptions) -> results.SchemaFileResult:
    """Write the schema to the project's file.

    Raises:
        ConfigurationError: The project names no file, or the file cannot be written.
        DatabaseError: The catalog cannot be read.
    """
    file = _required(options)
    with open_store(options, writing=False) as store:
        return _write(options, store, file)


def check_schema(options: VerbOptions) -> results.SchemaFileResult:
    """Return whether the project's file is what the database has.

    Raises:
        ConfigurationError: The project names no file, or the file cannot be read.
        DatabaseError: The catalog cannot be read.
    """
    file = _required(options)
    with open_store(options, writing=False) as store:
        found, before = _read(options, store), read_schema_file(file)
        action = "unchanged" if before == found.script() else "missing" if before is None else "differs"
        return _result(options, store, file, found, before, action)


def require_same_schema(found: results.SchemaFileResult) -> None:
    """Raise NotUpToDate if the file is not what the database has, for `--check`."""
    if found.attention:
        hint = Advice(command("schema", write=True), " writes it.")
        raise NotUpToDate(found.headline(), details=tuple(found.differences), hint=hint)


def schema_notes(options: VerbOptions, store: HistoryStore) -> tuple[str, ...]:
    """Write the file after a run if the project names one, and return what is to be said of it in its result.

    It is written for the project's own database only, and not if that is protected. That it cannot be written is said,
    and is not a failure of the run.
    """
    if SETTING not in options.project.table or store.identity.protected or not options.access.address.is_project:
        return ()
    try:
        result = _write(options, store, _required(options))
    except FsapiError as error:
        return (f"{options.project.table[SETTING]} was not written: {error.message}",)
    except psycopg.Error as error:
        return (f"{options.project.table[SETTING]} was not written: {error.diag.message_primary or error}",)
    return () if result.action == "unchanged" else (result.note(),)


def _required(options: VerbOptions) -> Path:
    require_place(options)
    file = find_schema_file(options.project, options.directory)
    if file is None:
        hint = f"add {written_setting(SETTING, 'schema.sql')} below [tool.fsapi_nb] in pyproject.toml."
        raise ConfigurationError(f"the project does not say which file the schema is kept in ({SETTING})", hint=hint)
    return file


def _write(options: VerbOptions, store: HistoryStore, file: Path) -> results.SchemaFileResult:
    found, before = _read(options, store), read_schema_file(file)
    text = found.script()
    if text != before:
        write_schema_file(file, text, begins=FIRST_LINE)
    action = "unchanged" if text == before else "created" if before is None else "written"
    return _result(options, store, file, found, before, action)


def _result(
    options: VerbOptions, store: HistoryStore, file: Path, found: Definitions, before: str | None, action: str
) -> results.SchemaFileResult:
    old, new = (redact_sql(each).splitlines() if action in _SHOWN else [] for each in (before or "", found.script()))
    lines = [*difflib.unified_diff(old, new, lineterm="", n=1)]
    return results.SchemaFileResult(
        file.relative_to(options.project.root).as_posix(),
        action,
        found.count(),
        found.unwritten,
        tuple(line for line in lines[2:] if not line.startswith("@@")),
        store.identity,
    )


def _read(options: VerbOptions, store: HistoryStore) -> Definitions:
    connection = store.session.connection()
    try:
        with connection.transaction():
            for name, value in _LIMITS.items():
                connection.execute(sql.SQL("SET LOCAL {} TO {}").format(sql.Identifier(name), sql.Literal(value)))
            return read_definitions(connection, compared_schemas(options))
    except psycopg.Error as error:
        refused = refusal(error, "the schema")
        if refused is not None:
            raise refused from error
        if isinstance(error, errors.InsufficientPrivilege):
            why = error.diag.message_primary or str(error)
            raise DatabaseError(
                f"the schema cannot be read: {why}",
                state="unchanged.",
                hint="give the role that reads this right, or read as the role that migrates: --database NAME_OR_URL.",
            ) from None
        raise
