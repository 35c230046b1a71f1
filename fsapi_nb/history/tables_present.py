"""Find the tables of the history that a database has, with their columns and schemas.

`locate` says which are meant.

One query answers all of it, and is sent with the first message of a session. Writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from psycopg import sql

from fsapi_nb.errors import UNCHANGED, HistoryError
from fsapi_nb.history.owners import TRUSTED
from fsapi_nb.history.tables import ADDED, Tables, another_name
from fsapi_nb.postgres.ask import ask, rendered
from fsapi_nb.postgres.session import Rows, Session
from fsapi_nb.text.toml import written_setting

#: Every relation that has the name of a history table: whether it is a table that all sessions see, whether its schema
#: may be
#: entered, the place of that schema in the search_path, its columns, whether it has other rights than a new table,
#: whether it
#: has triggers or row-level security, its owner, and the roles of the session. The search_path may hold operators of
#: other
#: people, so each is qualified.
_LOOK = sql.SQL("""
    SELECT n.nspname::pg_catalog.text, c.relname::pg_catalog.text,
           c.relkind OPERATOR(pg_catalog.=) ANY ('{{r,p}}'::pg_catalog."char"[])
               AND c.relpersistence OPERATOR(pg_catalog.<>) 't',
           pg_catalog.has_schema_privilege(n.oid, 'USAGE'),
           pg_catalog.array_position(pg_catalog.current_schemas(false), n.nspname),
           array(SELECT a.attname::pg_catalog.text FROM pg_catalog.pg_attribute a
                 WHERE a.attrelid OPERATOR(pg_catalog.=) c.oid AND a.attnum OPERATOR(pg_catalog.>) 0 AND NOT a.attisdropped),
           c.relacl IS NOT NULL OR EXISTS (SELECT FROM pg_catalog.pg_attribute t
                                           WHERE t.attrelid OPERATOR(pg_catalog.=) c.oid AND t.attacl IS NOT NULL),
           c.relhastriggers, c.relrowsecurity, pg_catalog.pg_get_userbyid(c.relowner)::pg_catalog.text, c.relowner,
           current_user::pg_catalog.text, session_user::pg_catalog.text
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
    WHERE c.relname OPERATOR(pg_catalog.=) ANY ({}::pg_catalog.name[])
""")
_OWNERS = sql.SQL("SELECT own.id, {} FROM pg_catalog.unnest({}::pg_catalog.oid[]) AS own(id)")


@dataclass(frozen=True, slots=True)
class TablesPresent:
    """The history tables that a schema has: the columns of each, none for one that is absent.

    `has_grants` says whether other roles may have rights on one of them; `has_triggers` and `has_row_security` whether
    one has any. `strangers` are the tables of an untrusted role, as SQL writes them, each with the name of the role.
    """

    history: frozenset[str] = frozenset()
    scripts: frozenset[str] = frozenset()
    journal: frozenset[str] = frozenset()
    has_grants: bool = False
    has_triggers: bool = False
    has_row_security: bool = False
    strangers: tuple[tuple[str, str], ...] = ()

    @property
    def complete(self) -> bool:
        """Whether all the tables are there."""
        return bool(self.history and self.scripts and self.journal)

    def present(self, tables: Tables) -> tuple[str, ...]:
        """Return the names of those that are there, without the schema."""
        columns = (self.history, self.scripts, self.journal)
        return tuple(name for name, found in zip(tables.names, columns, strict=True) if found)

    @property
    def lacking(self) -> Mapping[str, Sequence[str]]:
        """The columns that the tables lack because an earlier release made them, by the keys of `ADDED`."""
        there = {"scripts": self.scripts, "journal": self.journal}
        return {
            table: missing
            for table, columns in there.items()
            if columns and (missing := [name for name in ADDED[table] if name not in columns])
        }


@dataclass(frozen=True, slots=True)
class Relation:
    """A relation with the name of a history table, as `_LOOK` finds it, and whether its owner is trusted.

    `place` is the place of its schema in the search_path; None if the schema is not in it.
    """

    schema: str
    name: str
    is_table: bool
    may_enter: bool
    place: int | None
    columns: Sequence[str]
    has_grants: bool
    has_triggers: bool
    has_row_security: bool
    owner: str
    is_trusted: bool = True


@lru_cache(maxsize=16)
def question(table: str) -> sql.SQL:
    """Return the query for every relation with the name of a history table; `relations` reads the answer.

    `table` is the name of the table that is fsapi's.
    """
    return rendered(_LOOK.format(list(Tables("", table).names)))


def relations(session: Session, rows: Rows) -> list[Relation]:
    """Return the relations of an answer to `question`.

    Asks whether owners are trusted that are not the session's roles.
    """
    others = sorted({owner for *_, name, owner, current, connected in rows if name not in (current, connected)})
    trusted: dict[int, bool] = {}
    if others:
        query = _OWNERS.format(sql.SQL(TRUSTED.format("own.id")), others)
        trusted = dict(ask(session.connection(), query))
    return [replace(Relation(*row[:-3]), is_trusted=trusted.get(row[-3], True)) for row in rows]


def look(session: Session, tables: Tables) -> TablesPresent:
    """Ask which of the history tables are there now."""
    return layout_of(tables, relations(session, ask(session.connection(), question(tables.table))))


def layout_of(tables: Tables, relations: Iterable[Relation]) -> TablesPresent:
    """Return which of the history tables are among these relations.

    Raises:
        HistoryError: One of them is not a table, or an untrusted role has added one to a history of another role.
    """
    found = {each.name: each for each in relations if each.schema == tables.schema}
    written = dict(zip(tables.names, tables.written, strict=True))
    for each in found.values():
        if not each.is_table:
            raise HistoryError(
                f"{written[each.name]} is not a table: it belongs to the role {each.owner!r}, and was not read",
                state=UNCHANGED,
                hint="remove it, or name another history in pyproject.toml: [tool.fsapi_nb] "
                f"{written_setting('table', another_name(tables.table))}.",
            )
    strangers = {written[each.name]: each.owner for each in found.values() if not each.is_trusted}
    added = [each for each in found.values() if not each.is_trusted and each.owner not in _owners(found, tables.table)]
    if added:
        raise _refuse_added(written[added[0].name], added[0].owner)
    history, scripts, journal = (frozenset(found[name].columns if name in found else ()) for name in tables.names)
    return TablesPresent(
        history,
        scripts,
        journal,
        has_grants=any(each.has_grants for each in found.values()),
        has_triggers=any(each.has_triggers for each in found.values()),
        has_row_security=any(each.has_row_security for each in found.values()),
        strangers=tuple(strangers.items()),
    )


def _owners(found: Mapping[str, Relation], history: str) -> frozenset[str]:
    """Return the untrusted role that the tables beside the history may belong to, if there is one.

    It is the owner of the history or, without a history, the owner of them all.

    fsapi may have made the history for a role of the application, to which the other tables are then added.
    """
    owners = frozenset({found[history].owner} if history in found else (each.owner for each in found.values()))
    return owners if len(owners) == 1 else frozenset()


def _refuse_added(name: str, owner: str) -> HistoryError:
    """Return the refusal for a history to which another, untrusted role has added a table."""
    return HistoryError(
        f"{name} belongs to the role {owner!r}, and the tables beside it to another one",
        state=UNCHANGED,
        hint=f"look at it; if it is meant, let a superuser take the table over: ALTER TABLE {name} OWNER TO CURRENT_USER;",
    )
