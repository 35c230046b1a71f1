"""Where the history is in a database, and which of our tables are there with which columns.

One query tells it all, and is asked with the first message of a session. Writes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from fsapi_nb.database.ask import ask
from fsapi_nb.database.rights import no_right
from fsapi_nb.database.session import Session
from fsapi_nb.database.tables import ADDED, REQUIRED, Tables
from fsapi_nb.errors import HistoryError

#: Every relation of one of our names: whether it is a table of more than one session, whether its schema may be entered,
#: and that schema's place in the search_path, which may also lead to operators of other people's.
_LOOK = sql.SQL("""
    SELECT n.nspname::pg_catalog.text, c.relname::pg_catalog.text,
           c.relkind OPERATOR(pg_catalog.=) ANY ('{{r,p}}'::pg_catalog."char"[])
               AND c.relpersistence OPERATOR(pg_catalog.<>) 't',
           pg_catalog.has_schema_privilege(n.oid, 'USAGE'),
           pg_catalog.array_position(pg_catalog.current_schemas(false), n.nspname),
           array(SELECT a.attname::pg_catalog.text FROM pg_catalog.pg_attribute a
                 WHERE a.attrelid OPERATOR(pg_catalog.=) c.oid AND a.attnum OPERATOR(pg_catalog.>) 0 AND NOT a.attisdropped)
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
    WHERE c.relname OPERATOR(pg_catalog.=) ANY ({}::pg_catalog.name[])
""")


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of our tables in a schema; none of one that is not there."""

    history: frozenset[str] = frozenset()
    scripts: frozenset[str] = frozenset()
    journal: frozenset[str] = frozenset()

    @property
    def complete(self) -> bool:
        """Whether all the tables are there."""
        return bool(self.history and self.scripts and self.journal)

    @property
    def lacking(self) -> Mapping[str, Sequence[str]]:
        """The columns that came later than the tables that are there, by those as `ADDED` has them."""
        there = {"scripts": self.scripts, "journal": self.journal}
        return {
            table: missing
            for table, columns in there.items()
            if columns and (missing := [name for name in ADDED[table] if name not in columns])
        }


@dataclass(frozen=True, slots=True)
class _Relation:
    """A row of what was looked for."""

    schema: str
    name: str
    is_table: bool
    may_enter: bool
    place: int | None
    columns: Sequence[str]


def question(table: str) -> sql.Composed:
    """What asks for all that is called like our tables, with the history in `table`."""
    return _LOOK.format(list(Tables("", table).names))


def look(session: Session, tables: Tables) -> Layout:
    """Which of our tables are there now."""
    rows = ask(session.connection, question(tables.table))
    return _layout(tables, (_Relation(*row) for row in rows))


def find_tables(
    session: Session, rows: Iterable[Sequence[Any]], *, schema: str | None, table: str, known: Collection[str] = ()
) -> tuple[Tables, Layout]:
    """Where the history is: in the schema that is set, else where the table is found, else where it will be made.

    `rows` answer the `question`. A search_path changes (a migration may change it, another role has another one), a history
    must not be forgotten for that: one outside of the path counts where it holds `known` names, those of the folder.
    Raises HistoryError where there is no schema to make it in, or several histories that it could be.
    """
    relations = [_Relation(*row) for row in rows]
    tables = Tables(schema, table) if schema else _find(session, relations, table, known)
    return tables, _layout(tables, relations)


def _layout(tables: Tables, relations: Iterable[_Relation]) -> Layout:
    found = {each.name: frozenset(each.columns) for each in relations if each.schema == tables.schema}
    return Layout(*(found.get(name, frozenset()) for name in tables.names))


def _find(session: Session, relations: Sequence[_Relation], table: str, known: Collection[str]) -> Tables:
    journal = Tables("", table).names[2]
    journalled = {each.schema for each in relations if each.name == journal and "run_id" in each.columns}
    usable = [
        each
        for each in relations
        if each.name == table and each.is_table and each.may_enter and REQUIRED <= set(each.columns)
    ]
    inside = sorted(
        (each.schema not in journalled, each.place, each.schema) for each in usable if each.place is not None
    )
    if inside:
        return Tables(inside[0][2], table)
    outside = [Tables(schema, table) for schema in sorted(each.schema for each in usable)]
    ours = [tables for tables in outside if _knows(session, tables, known)]
    if len(ours) > 1:
        places = ", ".join(tables.shown() for tables in ours)
        hint = f'say which: [tool.fsapi_nb] schema = "{ours[0].schema}" in pyproject.toml.'
        raise HistoryError(f"there are several histories of these files: {places}", state="nothing was run.", hint=hint)
    if ours:
        return ours[0]
    if session.facts.schema is None:
        hint = 'create it, or name a schema in pyproject.toml: [tool.fsapi_nb] schema = "public".'
        raise HistoryError("no schema of this session's search_path exists", state="nothing was run.", hint=hint)
    return Tables(session.facts.schema, table)


def _knows(session: Session, tables: Tables, known: Collection[str]) -> bool:
    """Whether a history holds some of these names. Raises HistoryError where it may not be read, or not completely."""
    query = sql.SQL("SELECT true FROM {} WHERE name = ANY({}::text[]) LIMIT 1").format(tables.history, list(known))
    try:
        return bool(ask(session.connection, query))
    except psycopg.errors.InsufficientPrivilege as error:
        raise no_right(session, tables, error) from None
