"""Name the tables of the history, and write the statements that make them. Sends nothing.

`migrations` is fsapi's own table, column for column, so that fsapi's tool goes on working; an existing one is left as
it is. What fsapi_nb needs beyond it is in two more tables. `migrations_scripts` is joined by id, name and time, so that
a row which fsapi deleted and made again never gets the text of another.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from psycopg import sql

from fsapi_nb.errors import UNCHANGED, HistoryError
from fsapi_nb.text.sql import written_name
from fsapi_nb.text.toml import written_setting

#: The columns that a table must have to be fsapi's. Other tools have a table `migrations`, too, such as Laravel.
REQUIRED = frozenset({"id", "name", "applied_at", "duration_ms"})


@dataclass(frozen=True, slots=True)
class Tables:
    """The names of the history's tables: a schema, and the name of fsapi's table.

    The others are named after it.
    """

    schema: str
    table: str = "migrations"

    @property
    def history(self) -> sql.Identifier:
        """The table that is fsapi's: a row for each migration that is completely applied."""
        return sql.Identifier(self.schema, self.table)

    @property
    def scripts(self) -> sql.Identifier:
        """The checksum and the text of what is applied."""
        return sql.Identifier(self.schema, f"{self.table}_scripts")

    @property
    def journal(self) -> sql.Identifier:
        """Every attempt, append-only."""
        return sql.Identifier(self.schema, f"{self.table}_journal")

    @property
    def names(self) -> tuple[str, str, str]:
        """The three names without the schema."""
        return self.table, f"{self.table}_scripts", f"{self.table}_journal"

    @property
    def written(self) -> tuple[str, str, str]:
        """The three names with the schema, as SQL writes them."""
        history, scripts, journal = (f"{written_name(self.schema)}.{written_name(name)}" for name in self.names)
        return history, scripts, journal

    def shown(self) -> str:
        """Return the name of the history table as a reader knows it."""
        return f"{self.schema}.{self.table}"

    def lock_key(self, database: str) -> int:
        """Return the key of the advisory lock of this history alone: a signed 64-bit number."""
        text = f"fsapi_nb\x00{database}\x00{self.schema}\x00{self.table}"
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big", signed=True)


#: The comment on the journal of a history whose schema somebody chose, by `--schema` or a search_path of the session's
#: own:
#: a user who chooses nothing does not mean that history.
CHOSEN = "fsapi_nb: made for this schema alone"


def another_name(name: str) -> str:
    """Return another name for a table or schema of the history, to be proposed."""
    return "fsapi_nb_history" if name == "fsapi_history" else "fsapi_history"


def chosen_statement(tables: Tables) -> sql.Composed:
    """Return the statement that marks a history as one whose schema was chosen."""
    return sql.SQL("COMMENT ON TABLE {} IS {}").format(tables.journal, sql.Literal(CHOSEN))


def move_statements(old: Tables, new: Tables, present: Collection[str]) -> str:
    """Return statements to paste that give the tables that are `present` the new schema and names."""
    statements = []
    for name, written, other in zip(old.names, old.written, new.names, strict=True):
        if name not in present:
            continue
        if old.schema != new.schema:
            statements.append(f"ALTER TABLE {written} SET SCHEMA {written_name(new.schema)};")
        if name != other:
            moved = f"{written_name(new.schema)}.{written_name(name)}"
            statements.append(f"ALTER TABLE {moved} RENAME TO {written_name(other)};")
    return " ".join(statements)


def create_statements(tables: Tables) -> sql.Composed:
    """Return the statements that make the missing tables; to be run in one transaction, under the lock."""
    return sql.SQL(
        """
        CREATE TABLE IF NOT EXISTS {history} (
            id serial PRIMARY KEY,
            name varchar(255) NOT NULL UNIQUE,
            applied_at timestamp DEFAULT now(),
            duration_ms integer
        );
        CREATE TABLE IF NOT EXISTS {scripts} (
            id integer PRIMARY KEY,
            name varchar(255) NOT NULL,
            applied_at timestamp,
            checksum text NOT NULL,
            up text NOT NULL,
            down text,
            redacted boolean NOT NULL,
            digest text,
            down_fault text
        );
        CREATE TABLE IF NOT EXISTS {journal} (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
            run_id uuid NOT NULL,
            migration varchar(255),
            event text NOT NULL,
            state text NOT NULL,
            step integer,
            steps integer,
            in_transaction boolean,
            duration_ms integer,
            checksum text,
            step_checksum text,
            script text,
            witness text,
            message text,
            server_pid integer NOT NULL DEFAULT pg_catalog.pg_backend_pid(),
            role text NOT NULL DEFAULT session_user,
            host text,
            application text NOT NULL DEFAULT pg_catalog.current_setting('application_name'),
            notebook text,
            cell text,
            runbook text
        );
        """
    ).format(history=tables.history, scripts=tables.scripts, journal=tables.journal)


_GIVEN = sql.SQL("""
    SELECT DISTINCT c.relkind = 'S', pg_catalog.format('%I.%I', n.nspname, c.relname),
           CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END
    FROM pg_catalog.pg_class t JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace
    JOIN pg_catalog.pg_class c ON c.oid = t.oid OR c.relkind = 'S' AND EXISTS (
        SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
        AND d.refclassid = 'pg_class'::regclass AND d.refobjid = t.oid AND d.deptype IN ('a', 'i')),
    pg_catalog.aclexplode(c.relacl) a
    WHERE n.nspname = {} AND t.relname = ANY({}::text[]) AND a.grantee <> c.relowner
""")


def given_question(tables: Tables, names: Sequence[str]) -> sql.Composed:
    """Return the query for the rights of other roles on those tables and their sequences.

    Default privileges give such rights.

    A row says whether it is a sequence, and its name and the name of the role as SQL writes them.
    """
    return _GIVEN.format(sql.Literal(tables.schema), list(names))


def revoke_statement(name: str, role: str, *, is_sequence: bool) -> bytes:
    """Return the statement that revokes all rights on a table or sequence; names as SQL writes them."""
    return f"REVOKE ALL ON {'SEQUENCE' if is_sequence else 'TABLE'} {name} FROM {role}".encode()


#: The columns that tables of an earlier release lack, by the end of the table's name, in the order of the table.
ADDED = {"scripts": ("digest", "down_fault"), "journal": ("cell", "runbook")}


def add_statement(tables: Tables, lacking: Mapping[str, Sequence[str]]) -> sql.Composed:
    """Return the statements that add those columns.

    They lock the tables exclusively for a moment, and rewrite no row.
    """
    there = {"scripts": tables.scripts, "journal": tables.journal}
    column = sql.SQL("ADD COLUMN IF NOT EXISTS {} pg_catalog.text")
    return sql.SQL("; ").join(
        sql.SQL("ALTER TABLE {} {}").format(
            there[table], sql.SQL(", ").join(column.format(sql.Identifier(name)) for name in names)
        )
        for table, names in lacking.items()
    )


def refuse_foreign(tables: Tables, columns: frozenset[str]) -> None:
    """Raise HistoryError if a table of that name exists, but is another tool's.

    `columns` are those that it has.
    """
    missing = REQUIRED - columns
    if columns and missing:
        raise HistoryError(
            f"the table {tables.shown()} is not fsapi's: it has no column {', '.join(sorted(missing))}",
            state=UNCHANGED,
            hint="name another one in pyproject.toml: [tool.fsapi_nb] "
            f"{written_setting('table', another_name(tables.table))}.",
        )
