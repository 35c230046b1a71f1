"""Find the history that is meant, by the schema that is set or by the search_path.

That a history holds the same file names decides only if nothing else can be meant: many schemas of one database may be
migrated from one folder. Reads only.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, NoReturn

import psycopg
from psycopg import sql

from fsapi_nb.errors import UNCHANGED, HistoryError
from fsapi_nb.history.chosen_schema import create_command, usage_command
from fsapi_nb.history.no_schema import NoSchema, find_no_schema, names_of
from fsapi_nb.history.owners import refuse_code, runs_code
from fsapi_nb.history.rights import no_right
from fsapi_nb.history.tables import CHOSEN, REQUIRED, Tables
from fsapi_nb.history.tables_present import Relation, TablesPresent, layout_of, relations
from fsapi_nb.postgres.ask import ask, ask_about_session, role_of
from fsapi_nb.postgres.session import Rows, Session
from fsapi_nb.script.encoding import fitting, restore
from fsapi_nb.text.command import Advice, Option
from fsapi_nb.text.toml import written_setting

_PATH = sql.SQL("""
    SELECT setting, setting OPERATOR(pg_catalog.=) boot_val, source FROM pg_catalog.pg_settings
    WHERE name OPERATOR(pg_catalog.=) 'search_path'
""")
_HAS = sql.SQL("SELECT true FROM {} WHERE {}::text = ANY ({}::text[]) LIMIT 1")
_SCHEMA = sql.SQL("SELECT true FROM pg_catalog.pg_namespace WHERE nspname = {}")
_MARKED = sql.SQL("""
    SELECT true FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = {} AND c.relname = {} AND pg_catalog.obj_description(c.oid, 'pg_class') = {}
""")
_MAY_READ = sql.SQL("SELECT pg_catalog.has_table_privilege({}, 'SELECT')")
_HALF_WAY = sql.SQL("""
    SELECT true FROM (
        SELECT DISTINCT ON (migration) state, step, steps FROM {}
        WHERE migration::text = ANY ({}::text[]) AND step IS NOT NULL ORDER BY migration, id DESC
    ) AS last WHERE NOT (state = 'done' AND step = steps) AND (step > 1 OR state IN ('done', 'started', 'in doubt')) LIMIT 1
""")
_PATHS_SET = sql.SQL("""
    SELECT s.name::text, s.up FROM {0} s WHERE s.name = ANY ({2}::text[]) AND s.up LIKE '%search_path%'
    UNION ALL SELECT j.migration::text, j.script FROM {1} j
    WHERE j.migration = ANY ({2}::text[]) AND j.event = 'up' AND j.state = 'done' AND j.script LIKE '%search_path%'
""")


@dataclass(frozen=True, slots=True)
class Location:
    """The place of the history, or where it will be made, and which of its tables are there.

    `refusal` says why it may not be used; `no_schema` says why there is none and none can be made. `tables` is then
    where it would be.
    """

    tables: Tables
    layout: TablesPresent = field(default_factory=TablesPresent)
    refusal: HistoryError | None = None
    no_schema: NoSchema | None = None


def locate(session: Session, rows: Rows, *, schema: str | None, table: str, known: Collection[str] = ()) -> Location:
    """Return where the history is.

    The result is a refusal if the schema that is set does not exist, if several histories could be meant, or if the
    only history of these files is in another schema.

    Args:
        session: An open session on the database.
        rows: The answer to `tables_present.question`.
        schema: The schema that is set; None if the search_path decides.
        table: The name of the history table.
        known: The names of the files in the folder.
    """
    found = relations(session, rows)
    known = fitting(known, session.encoding)
    try:
        tables = Tables(schema, table) if schema else _find(session, found, table, known)
        layout = layout_of(tables, found) if tables else TablesPresent()
        if tables and layout.strangers:
            refuse_code(session, tables)
        if schema and layout == TablesPresent():
            refuse_absent(session, schema)
    except HistoryError as error:
        return Location(Tables(schema or session.facts.schema or "public", table), refusal=error)
    if tables is None:
        no_schema = find_no_schema(session)
        return Location(Tables(no_schema.name, table), no_schema=no_schema)
    return Location(tables, layout)


def refuse_absent(session: Session, schema: str) -> None:
    """Raise HistoryError if there is no such schema."""
    if not ask(session.connection(), _SCHEMA.format(sql.Literal(schema))):
        raise HistoryError(
            f"there is no schema {schema!r}",
            state=UNCHANGED,
            hint=f"create it, or look at the name: {create_command(schema)};"
            + ("" if schema == "public" else " (query runs it with --schema public)"),
        )


def _find(session: Session, found: Sequence[Relation], table: str, known: Collection[str]) -> Tables | None:
    """Return where the history is by the search_path and the names of the files.

    None if no schema can have one.
    """
    journal = Tables("", table).names[2]
    journalled = {each.schema for each in found if each.name == journal and "run_id" in each.columns}
    usable = [
        each
        for each in found
        if each.name == table and each.is_table and each.may_enter and set(each.columns) >= REQUIRED
    ]
    inside = sorted(
        (each for each in usable if each.place is not None),
        key=lambda each: (each.schema not in journalled, each.place),
    )
    outside = sorted((each for each in usable if each.place is None), key=lambda each: each.schema)
    doubted = {each.schema for each in found if not each.is_trusted}
    # Nobody has named the schemas outside of the search_path: a table of an untrusted role there is not read if it
    # could run code.
    outside = [
        each for each in outside if each.schema not in doubted or not runs_code(session, Tables(each.schema, table))
    ]
    candidates, others = (
        [_Candidate(session, Tables(e.schema, table), e.schema in journalled, e.schema not in doubted) for e in places]
        for places in (inside, outside)
    )
    closed = [each for each in found if each.name == table and not each.may_enter and set(each.columns) >= REQUIRED]
    if closed and not any(each.has(known) for each in candidates):
        _refuse_closed(session, closed)
    if candidates:
        return _inside(session, candidates, others, known)
    return _outside(session, [each for each in others if each.has(known) or each.is_half_way(known)], table, known)


def _refuse_closed(session: Session, closed: Sequence[Relation]) -> None:
    """Raise HistoryError if the search_path names a schema with a history that the role may not enter.

    PostgreSQL skips such a schema silently, so its history would count as absent.
    """
    role = role_of(session)
    path = [role if name == "$user" else name for name in names_of(_path(session).setting)]
    for each in closed:
        if each.schema in path:
            tables = Tables(each.schema, each.name)
            raise HistoryError(
                f"the search_path names the schema {each.schema}, whose history {tables.shown()} the role {role!r} may not see",
                state=UNCHANGED,
                hint=f"let its owner run: {usage_command(each.schema, role)}; or take the schema out of the search_path.",
            )


class _Candidate(NamedTuple):
    """A history that may be meant."""

    session: Session
    tables: Tables
    has_journal: bool
    is_trusted: bool

    def has(self, names: Collection[str]) -> bool:
        """Ask whether some of these are applied by it."""
        return self._answers(_HAS.format(self.tables.history, sql.Identifier("name"), list(names)))

    def had(self, names: Collection[str]) -> bool:
        """Ask whether some of these were ever tried by it."""
        return self.has_journal and self._answers(
            _HAS.format(self.tables.journal, sql.Identifier("migration"), list(names))
        )

    def is_half_way(self, names: Collection[str]) -> bool:
        """Ask whether some of these ended half-way in it."""
        return self.has_journal and self._answers(_HALF_WAY.format(self.tables.journal, list(names)))

    def is_chosen(self) -> bool:
        """Ask whether it is marked as made for its schema alone."""
        query = _MARKED.format(self.tables.schema, self.tables.names[2], CHOSEN)
        return bool(ask(self.session.connection(), query))

    def is_used(self) -> bool:
        """Ask whether anything is applied by it."""
        return self._answers(sql.SQL("SELECT true FROM {} LIMIT 1").format(self.tables.history))

    def _answers(self, query: sql.Composed) -> bool:
        """Ask whether the query gives a row; False without any right to read.

        Raises HistoryError if rows may be hidden, or if code of an untrusted role would run.
        """
        connection = self.session.connection()
        if not self.is_trusted:
            refuse_code(self.session, self.tables)
        try:
            return bool(ask(connection, query))
        except psycopg.errors.InsufficientPrivilege as error:
            name = sql.Literal(self.tables.history.as_string(connection))
            if ask(connection, _MAY_READ.format(name)) == [(True,)]:
                raise no_right(self.session, self.tables, error) from None
            return False


def _inside(
    session: Session, inside: Sequence[_Candidate], outside: Sequence[_Candidate], known: Collection[str]
) -> Tables:
    """Return the history of the search_path that is meant.

    It is the first, unless only a later one knows these files.
    """
    first, *later = inside
    if not (later or outside) or first.has(known) or first.had(known):
        return first.tables
    # A search_path that somebody has set says which schemas are meant; the default one is nobody's choice.
    rivals = [*later, *outside] if _path(session).is_default else later
    knowing = [each for each in rivals if each.has(known)]
    if not knowing:
        return first.tables
    if len(knowing) > 1 or knowing[0] not in later or not first.is_used():
        _refuse([first, *knowing], "several histories could be that of these files")
    return knowing[0].tables


def _outside(session: Session, knowing: Sequence[_Candidate], table: str, known: Collection[str]) -> Tables | None:
    """Return where to make the history if no schema of the search_path has one; None if nowhere.

    It is the only other history that knows the files, if nobody has chosen the search_path.
    """
    if len(knowing) > 1:
        _refuse(knowing, "there are several histories of these files")
    here = session.facts.schema
    if knowing:
        (other,), path = knowing, _path(session)
        is_nobodys_choice = path.is_default and not other.is_chosen()
        if other.is_trusted and (is_nobodys_choice or _set_by_its_own_script(other, path, known)):
            return other.tables
        _refuse_elsewhere(other, here, meant=other.tables.schema if path.is_default or not here else here)
    return Tables(here, table) if here is not None else None


def _refuse(histories: Sequence[_Candidate], why: str) -> NoReturn:
    places = ", ".join(each.tables.shown() for each in histories)
    schema = histories[0].tables.schema
    hint = Advice(
        "say which, such as ",
        Option("--schema", (schema,)),
        f"; or for good, if only the history is meant: [tool.fsapi_nb] {written_setting('schema', schema)} in pyproject.toml.",
    )
    raise HistoryError(f"{why}: {places}", state=UNCHANGED, hint=hint)


def _refuse_elsewhere(other: _Candidate, here: str | None, *, meant: str) -> NoReturn:
    theirs = other.tables.schema
    setting = f"[tool.fsapi_nb] {written_setting('schema', theirs)} in pyproject.toml"
    works = f"works in the schema {here}" if here else "has no schema in its search_path that exists"
    raise HistoryError(
        f"the history of these files is {other.tables.shown()}, and this session {works}",
        details=(
            Advice(f"  to go on with {theirs}: ", Option("--schema", (theirs,))),
            *(
                [Advice(f"  to migrate {here} as well, with a history of its own: ", Option("--schema", (here,)))]
                if here
                else []
            ),
            f"  if only the history is meant to be in {theirs}: {setting}",
        ),
        state=UNCHANGED,
        hint=Advice("say which schema is meant, such as ", Option("--schema", (meant,))),
    )


class _Path(NamedTuple):
    """The session's search_path, as it was set and by what (`database`, `user`, `client`, ...)."""

    setting: str
    is_default: bool
    source: str


def _path(session: Session) -> _Path:
    (row,) = ask_about_session(session.connection(), {"path": _PATH})["path"]
    return _Path(*row)


def _set_by_its_own_script(history: _Candidate, path: _Path, known: Collection[str]) -> bool:
    """Return whether a migration of that history, or its first steps, has left this search_path."""
    if path.source not in {"database", "user", "database user"} or not history.has_journal:
        return False
    query = _PATHS_SET.format(history.tables.scripts, history.tables.journal, list(known))
    try:
        rows = ask(history.session.connection(), query)
    except (psycopg.errors.InsufficientPrivilege, psycopg.errors.UndefinedTable):
        return False
    return any(names_of(path.setting) in _paths_set(name, up) for name, up in rows)


def _paths_set(name: str, up: str) -> list[list[str]]:
    from fsapi_nb.model.history import StoredScripts
    from fsapi_nb.script.objects import search_paths
    from fsapi_nb.script.stored_text import stored_migration

    migration = stored_migration(name, StoredScripts(up=restore(up), recorded=True))
    return [
        path for statement in (migration.up.parsed.statements if migration else ()) for path in search_paths(statement)
    ]
