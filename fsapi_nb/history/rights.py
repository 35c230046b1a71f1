"""Refuse history tables that the role may not use, and say what their owner can do.

The reasons are missing privileges, row-level security and triggers that run at COMMIT.
"""

from __future__ import annotations

import psycopg
from psycopg import sql

from fsapi_nb.errors import UNCHANGED, HistoryError, revise
from fsapi_nb.history.tables import Tables
from fsapi_nb.history.tables_present import TablesPresent
from fsapi_nb.postgres.ask import ask, ask_together, role_of
from fsapi_nb.postgres.session import Rows, Session

_MISSING = sql.SQL("""
    SELECT wanted.name, wanted.rights, ''
    FROM (VALUES ({0}, 'SELECT, INSERT, DELETE'), ({1}, 'SELECT, INSERT, UPDATE, DELETE'),
                 ({2}, 'SELECT, INSERT')) AS wanted(name, rights)
    WHERE NOT (SELECT pg_catalog.bool_and(pg_catalog.has_table_privilege(wanted.name, trim(one)))
               FROM pg_catalog.unnest(pg_catalog.string_to_array(wanted.rights, ',')) AS one)
    UNION ALL
    SELECT owned.sequence, 'USAGE', 'SEQUENCE ' FROM pg_catalog.pg_get_serial_sequence({0}, 'id') AS owned(sequence)
    WHERE NOT pg_catalog.has_sequence_privilege(owned.sequence, 'USAGE')
""")
_DENIED = sql.SQL("""
    SELECT pg_catalog.format('%I.%I', n.nspname, c.relname)
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = {} AND c.relname = ANY({}::name[]) AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')
      AND NOT (pg_catalog.has_table_privilege(c.oid, 'SELECT') AND pg_catalog.has_table_privilege(c.oid, 'INSERT')
               AND pg_catalog.has_table_privilege(c.oid, 'DELETE'))
    ORDER BY c.relname
""")
_HIDING = sql.SQL("""
    SELECT pg_catalog.format('%I.%I', n.nspname, c.relname), pg_catalog.pg_get_userbyid(c.relowner)::text,
           c.relforcerowsecurity AND pg_catalog.pg_has_role(c.relowner, 'USAGE')
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = {} AND c.relname = ANY({}::name[]) AND pg_catalog.row_security_active(c.oid)
    ORDER BY 1
""")


# Triggers of foreign keys are PostgreSQL's own, and take no row away.
_DEFERRED = sql.SQL("""
    SELECT t.tgname::text, t.tgrelid::regclass::text FROM pg_catalog.pg_trigger t
    JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = {} AND c.relname = ANY({}::name[]) AND t.tgdeferrable AND NOT t.tgisinternal AND t.tgenabled <> 'D'
    ORDER BY 1, 2
""")


def refuse_unwritable(session: Session, tables: Tables, layout: TablesPresent) -> None:
    """Check before a run all that would otherwise be found only after a migration has run.

    Args:
        session: An open session.
        tables: The tables of the history.
        layout: Which of the tables are there.

    Raises:
        HistoryError: The role lacks a privilege on the history tables, or row-level security applies to it; or a
            trigger may run at COMMIT, when what was recorded has been verified.
    """
    written = (table.as_string(session.connection()) for table in (tables.history, tables.scripts, tables.journal))
    queries = {"missing": _MISSING.format(*map(sql.Literal, written))}
    if layout.has_row_security:
        queries["hiding"] = _hiding(tables)
    if layout.has_triggers:
        queries["deferred"] = _DEFERRED.format(sql.Literal(tables.schema), list(tables.names))
    answers = ask_together(session.connection(), queries)
    if answers["missing"]:
        role = role_of(session)
        to = _quoted(session, role)
        grants = [f"GRANT {rights} ON {kind}{name} TO {to};" for name, rights, kind in answers["missing"]]
        raise HistoryError(
            f"the role {role!r} may not write the history in {tables.shown()}",
            details=tuple(f"  missing on {name}: {rights}" for name, rights, _ in answers["missing"]),
            state=UNCHANGED,
            hint=f"let its owner run: {' '.join(grants)}",
        )
    if answers.get("hiding"):
        raise _row_security(session, answers["hiding"])
    for trigger, table in answers.get("deferred", ()):
        raise HistoryError(
            f"the trigger {trigger} of {table} may run at COMMIT, after what is recorded was verified",
            state=UNCHANGED,
            hint=f"make it one that is NOT DEFERRABLE, or: ALTER TABLE {table} DISABLE TRIGGER {_quoted(session, trigger)};",
        )


def no_right(session: Session, tables: Tables, error: psycopg.Error) -> HistoryError:
    """Return the refusal for an InsufficientPrivilege over the history tables; the session is idle again."""
    hiding = ask(session.connection(), _hiding(tables))
    if hiding:
        return _row_security(session, hiding)
    role = role_of(session)
    denied = ask(session.connection(), _DENIED.format(sql.Literal(tables.schema), list(tables.names)))
    grant = f"GRANT USAGE, CREATE ON SCHEMA {_quoted(session, tables.schema)} TO {_quoted(session, role)};"
    if denied:
        names = ", ".join(name for (name,) in denied)
        grant = f"GRANT SELECT, INSERT, UPDATE, DELETE ON {names} TO {_quoted(session, role)};"
    return HistoryError(
        f"the role {role!r} may not use the history in {tables.shown()}",
        details=(_said(error),),
        state=UNCHANGED,
        hint=f"let its owner run: {grant} or name a schema of your own in pyproject.toml: "
        '[tool.fsapi_nb] schema = "…".',
    )


def lost_right(session: Session, tables: Tables, error: psycopg.Error) -> HistoryError:
    """Return the refusal for an InsufficientPrivilege while the history was written, which is undone.

    The right was there when the run began; a script has taken it away. Its rollback has brought the right back.
    """
    denied = ask(session.connection(), _DENIED.format(sql.Literal(tables.schema), list(tables.names)))
    if denied or ask(session.connection(), _hiding(tables)):
        return revise(no_right(session, tables, error), state=None)
    return HistoryError(
        f"the script takes away the right to write the history in {tables.shown()}",
        details=(_said(error),),
        hint=f"leave {', '.join(tables.written)} out of its REVOKE, OWNER TO and ROW LEVEL SECURITY.",
    )


def _said(error: psycopg.Error) -> str:
    return f"  {error.diag.message_primary or ''} [{error.sqlstate}]"


def _hiding(tables: Tables) -> sql.Composed:
    """Return the query for the tables whose row-level security applies to the role of the session."""
    return _HIDING.format(sql.Literal(tables.schema), list(tables.names))


def _row_security(session: Session, hiding: Rows) -> HistoryError:
    who, change = f"let the owner ({hiding[0][1]}) run", "DISABLE ROW LEVEL SECURITY"
    if all(is_owner for _, _, is_owner in hiding):  # an owner is exempt unless it is forced
        who, change = "run", "NO FORCE ROW LEVEL SECURITY"
    names = [name for name, _, _ in hiding]
    return HistoryError(
        f"row-level security on {', '.join(names)} applies to the role {role_of(session)!r}, and may hide rows from it",
        details=tuple(f"  {name}: row-level security is on, and the owner is {owner}" for name, owner, _ in hiding),
        state=UNCHANGED,
        hint="connect as the owner or as a role with BYPASSRLS; or "
        f"{who}: {' '.join(f'ALTER TABLE {name} {change};' for name in names)}",
    )


def _quoted(session: Session, name: str) -> str:
    """Return a name as SQL writes it, in quotes only if it needs them."""
    ((quoted,),) = ask(session.connection(), sql.SQL("SELECT pg_catalog.quote_ident({})").format(sql.Literal(name)))
    return str(quoted)
