"""Find the history of these files under another name, so that nothing runs a second time.

A setting that was changed (`table`, `schema`) hides the history that the files have. It is looked for only if the one
of that setting knows none of them. `locate` has decided before which schema is meant. Reads only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from psycopg import sql

from fsapi_nb.errors import UNCHANGED, HistoryError
from fsapi_nb.history.owners import TRUSTED
from fsapi_nb.history.read import read_history
from fsapi_nb.history.tables import CHOSEN, REQUIRED, Tables, move_statements
from fsapi_nb.history.tables_present import TablesPresent, look
from fsapi_nb.model.folder import Folder
from fsapi_nb.model.history import History, HistoryEntry
from fsapi_nb.plan.reconcile import is_drifted
from fsapi_nb.postgres.ask import ask, ask_about_session, rendered
from fsapi_nb.postgres.session import Session
from fsapi_nb.script.encoding import fitting
from fsapi_nb.text.toml import written_setting
from fsapi_nb.text.words import counted

# By the columns, which are looked up once for all tables. A table of an untrusted role does not count: reading it could
# run code of that role. The search_path is the session's own, so other people's operators may be in it.
_ALIKE = sql.SQL("""
    SELECT n.nspname::pg_catalog.text, c.relname::pg_catalog.text,
           pg_catalog.array_position(pg_catalog.current_schemas(false), n.nspname) IS NOT NULL,
           coalesce(pg_catalog.obj_description(j.oid, 'pg_class') OPERATOR(pg_catalog.=) {mark}, false),
           coalesce(pg_catalog.has_table_privilege(s.oid, 'SELECT'), false),
           coalesce(pg_catalog.has_table_privilege(j.oid, 'SELECT'), false)
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
    LEFT JOIN pg_catalog.pg_class s ON s.relnamespace OPERATOR(pg_catalog.=) c.relnamespace
        AND s.relname OPERATOR(pg_catalog.=) pg_catalog.concat(c.relname, '_scripts')::pg_catalog.name
    LEFT JOIN pg_catalog.pg_class j ON j.relnamespace OPERATOR(pg_catalog.=) c.relnamespace
        AND j.relname OPERATOR(pg_catalog.=) pg_catalog.concat(c.relname, '_journal')::pg_catalog.name
    WHERE {trusted_c} AND (s.oid IS NULL OR {trusted_s}) AND (j.oid IS NULL OR {trusted_j})
        AND c.relkind OPERATOR(pg_catalog.=) ANY ('{{r,p}}'::pg_catalog."char"[])
        AND c.relpersistence OPERATOR(pg_catalog.<>) 't'
        AND pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_table_privilege(c.oid, 'SELECT')
        AND c.oid OPERATOR(pg_catalog.=) ANY (
            SELECT a.attrelid FROM pg_catalog.pg_attribute a
            WHERE a.attname OPERATOR(pg_catalog.=) ANY ({columns}::pg_catalog.name[])
                AND a.attnum OPERATOR(pg_catalog.>) 0 AND NOT a.attisdropped
            GROUP BY a.attrelid HAVING pg_catalog.count(*) OPERATOR(pg_catalog.=) {count})
    ORDER BY 1, 2
""")
# A superset of that answer, by one of the columns: it takes a sixth of the time.
_DATED = rendered(
    sql.SQL("""
    SELECT n.nspname::pg_catalog.text, c.relname::pg_catalog.text
    FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) a.attrelid
    JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
    WHERE a.attname OPERATOR(pg_catalog.=) 'applied_at' AND a.attnum OPERATOR(pg_catalog.>) 0 AND NOT a.attisdropped
        AND c.relkind OPERATOR(pg_catalog.=) ANY ('{r,p}'::pg_catalog."char"[])
""")
)
_TRIED = sql.SQL("SELECT true FROM {} WHERE migration::text = ANY ({}::text[]) LIMIT 1")


@dataclass(frozen=True, slots=True)
class HistorySetting:
    """The settings of a project's history.

    `is_chosen` says that its schema was chosen for everything, `is_configured` that it was set for the history alone.
    """

    tables: Tables
    is_chosen: bool = False
    is_configured: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """A table that has the form of a history, and which of the tables beside it may be read."""

    tables: Tables
    on_path: bool
    is_chosen: bool
    has_scripts: bool
    has_journal: bool

    def may_be(self, setting: HistorySetting) -> bool:
        """Return whether these files may have run here, in the place where they would run by that setting.

        A history that was made for its schema alone belongs to that schema, unless files without a schema run there.
        """
        own = setting.tables
        if self.tables == own:
            return False
        if setting.is_chosen:
            return self.tables.schema == own.schema
        if self.tables.table == own.table and not setting.is_configured:
            return False  # `locate` has decided about it
        return self.on_path or self.tables.schema == own.schema or not self.is_chosen


def refuse_other_history(
    session: Session, setting: HistorySetting, layout: TablesPresent, history: History, folder: Folder
) -> None:
    """Raise HistoryError if another history than the one of the setting knows these files.

    `layout` and `history` are those of the setting. Sends nothing if that history knows one of the files, or if there
    are no files.
    """
    names = folder.names
    if not names or any(folder.has(name) for name in _names(history)) or _has_tried(session, setting, layout, names):
        return
    for found in _find(session) if _may_be_others(session, setting.tables) else ():
        if found.may_be(setting):
            there, beside = _read(session, found)
            if knows(there, folder):
                _refuse(setting.tables, found.tables, there, folder, None if layout.history else beside)


def knows(history: History, folder: Folder) -> bool:
    """Return whether a history is that of these files: it has what ran of one of them, or no other file."""
    entries = [entry for entry in history.entries if folder.has(entry.name)]
    same = any(_may_have_run(entry, folder) for entry in entries)
    begun = any(folder.has(progress.name) for progress in history.unfinished)
    return same or begun or (bool(entries) and len(entries) == len(history.entries))


def _may_have_run(entry: HistoryEntry, folder: Folder) -> bool:
    """Return whether that file may be what ran, as far as the history says."""
    if entry.digest is not None and entry.digest == folder.digest(entry.name):
        return True
    migration = folder.get(entry.name)
    return migration is None or not is_drifted(migration, entry)


def _names(history: History) -> Iterable[str]:
    yield from history.by_name
    yield from (progress.name for progress in history.unfinished)


def _has_tried(session: Session, setting: HistorySetting, layout: TablesPresent, names: Sequence[str]) -> bool:
    """Ask whether its journal knows one of them: what was rolled back still belongs to that history."""
    if not layout.journal:
        return False
    known = list(fitting(names, session.encoding))
    return bool(ask(session.connection(), _TRIED.format(setting.tables.journal, known)))


def _may_be_others(session: Session, own: Tables) -> bool:
    """Ask whether there may be another table that has the form of a history."""
    return any((schema, table) != (own.schema, own.table) for schema, table in ask(session.connection(), _DATED))


def _find(session: Session) -> Iterable[Found]:
    trusted = {f"trusted_{each}": sql.SQL(TRUSTED.format(f"{each}.relowner")) for each in "csj"}
    query = _ALIKE.format(
        mark=sql.Literal(CHOSEN), columns=sorted(REQUIRED), count=sql.Literal(len(REQUIRED)), **trusted
    )
    for schema, table, *rest in ask_about_session(session.connection(), {"alike": query})["alike"]:
        yield Found(Tables(schema, table), *rest)


def _read(session: Session, found: Found) -> tuple[History, TablesPresent]:
    """Return that history, as far as it may be read, and which tables it has.

    Raises HistoryError if rows may be hidden.
    """
    there = look(session, found.tables)
    readable = TablesPresent(
        there.history,
        there.scripts if found.has_scripts and "checksum" in there.scripts else frozenset(),
        there.journal if found.has_journal and {"run_id", "witness"} <= there.journal else frozenset(),
    )
    return read_history(session, found.tables, readable), there


def _refuse(own: Tables, other: Tables, history: History, folder: Folder, beside: TablesPresent | None) -> None:
    """Raise HistoryError, with the ways to go on.

    `beside` are the tables of the other history, if they can be given the name that the setting has.
    """
    count = sum(folder.has(name) for name in _names(history))
    settings = [written_setting("table", other.table)] if other.table != own.table else []
    settings = [written_setting("schema", other.schema), *settings] if other.schema != own.schema else settings
    go_on = f"[tool.fsapi_nb] {' and '.join(settings)} in pyproject.toml"
    details = [
        f"  recorded in {other.shown()}: {count} of {_files(folder)}; in {own.shown()}: none",
        f"  to go on with {other.shown()}: {go_on}",
    ]
    if beside is not None:
        details += [f"  to call it {own.shown()} from now on: {move_statements(other, own, beside.present(other))}"]
    details += ["  to run the files a second time, in another schema with a history of its own: --schema NAME"]
    if not count == len(history.entries) == len(folder.names):
        name = next(name for name in _names(history) if folder.has(name))
        details += [f"  if it is another project's: give the file {name} another name, as both projects have it"]
    raise HistoryError(
        f"the history of these files is {other.shown()}, and this project's is set to {own.shown()}",
        details=tuple(details),
        state=UNCHANGED,
        hint=f"go on with it: {go_on}.",
    )


def _files(folder: Folder) -> str:
    return counted(len(folder.names), "file")
