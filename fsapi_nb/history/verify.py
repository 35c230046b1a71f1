"""Check on the server that what was recorded is there, and say what took it away if it is not.

A trigger or rule on the history tables can swallow a row without an error. Each record is therefore followed by a
statement that looks for its rows, in the same transaction and sent with it: it gives no row if they are there, and
fails if they are not, so that the migration's own changes are undone with it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import psycopg
from psycopg import sql

from fsapi_nb.errors import HistoryError
from fsapi_nb.history.tables import Tables
from fsapi_nb.postgres.ask import ask
from fsapi_nb.postgres.session import Session

#: The prefix of the settings that are asked for by a check that fails: they do not exist, and SQL has no other
#: statement that
#: fails with a given text. The key of a table and what is wrong there follow it.
FAILURE = "fsapi_nb.the_record_failed"
MISSING, LEFT, LOST = "missing", "left", "lost"
_EQUALS = "OPERATOR(pg_catalog.=)"  # a script's search_path may have operators of its own before PostgreSQL's
# Under the lock nobody else adds events, so this one is among the newest. $1 to $5 are those of `statements.COLUMNS`.
_JOURNALLED = f"""EXISTS (
    SELECT FROM (SELECT run_id, migration, event, state, step FROM {{journal}} ORDER BY id DESC LIMIT 8) AS newest
    WHERE run_id {_EQUALS} $1::pg_catalog.uuid AND event {_EQUALS} $3::pg_catalog.text
      AND state {_EQUALS} $4::pg_catalog.text
      AND coalesce(migration::pg_catalog.text, '') {_EQUALS} coalesce($2::pg_catalog.text, '')
      AND coalesce(step, 0) {_EQUALS} coalesce($5::pg_catalog.int4, 0))"""
# $6 is the checksum. The two rows are compared by the columns that join them when they are read.
_KEPT = f"""EXISTS (
    SELECT FROM {{history}} h JOIN {{scripts}} s ON s.id {_EQUALS} h.id
    WHERE h.name::pg_catalog.text {_EQUALS} $2::pg_catalog.text
      AND s.name::pg_catalog.text {_EQUALS} h.name::pg_catalog.text
      AND s.checksum {_EQUALS} $6::pg_catalog.text
      AND (s.applied_at {_EQUALS} h.applied_at OR s.applied_at IS NULL AND h.applied_at IS NULL))"""
_ENTERED = f"EXISTS (SELECT FROM {{history}} WHERE name::pg_catalog.text {_EQUALS} $2::pg_catalog.text)"
# For a row that no step takes away. The join is planned each time, and takes longer than all the rest.
_standing = (
    f"EXISTS (SELECT FROM {{history}} WHERE name::pg_catalog.text {_EQUALS} $1::pg_catalog.text)",
    "history",
    LOST,
)
_SCRIPTED = f"""EXISTS (
    SELECT FROM {{history}} h JOIN {{scripts}} s ON s.id {_EQUALS} h.id
    WHERE h.name::pg_catalog.text {_EQUALS} $1::pg_catalog.text)"""
_GIVEN = "$6::pg_catalog.int8"
_OLD_NAME = f"""NOT EXISTS (
    SELECT FROM {{scripts}} WHERE id {_EQUALS} {_GIVEN} AND name::pg_catalog.text {_EQUALS} $7::pg_catalog.text)"""


def fail(table: str, wrong: str) -> str:
    """Return the SQL expression that fails and says what is wrong in a table, given by its key."""
    return f"pg_catalog.current_setting('{FAILURE}.{table}.{wrong}')"


def _check(*conditions: tuple[str, str, str]) -> str:
    """Return the statement that fails for the first condition that is false.

    Each condition has its table and what is wrong then.
    """
    cases = " ".join(f"WHEN NOT {condition} THEN '{FAILURE}.{table}.{wrong}'" for condition, table, wrong in conditions)
    # OFFSET keeps the planner from writing, and the server from asking, each condition twice.
    found = f"SELECT CASE {cases} END AS setting OFFSET 0"
    return f"SELECT pg_catalog.current_setting(setting) FROM ({found}) AS failed WHERE setting IS NOT NULL"


_journal = (_JOURNALLED, "journal", MISSING)
_added = ((_ENTERED, "history", MISSING), (_KEPT, "scripts", MISSING), _journal)
_gone = _check(
    (f"NOT EXISTS (SELECT FROM {{history}} WHERE id {_EQUALS} {_GIVEN})", "history", LEFT),
    (f"NOT EXISTS (SELECT FROM {{scripts}} WHERE id {_EQUALS} {_GIVEN})", "scripts", LEFT),
    _journal,
)
#: The statements by the name of the record that they follow.
CHECKS: Mapping[str, str] = {
    "kept": _check(_standing),
    "kept with its script": _check(_standing, (_SCRIPTED, "scripts", LOST)),
    "journal": _check(_journal),
    "step": _check(_journal),
    "up": _check(*_added),
    "baseline": _check(*_added),
    "repair": _check(*_added),
    "down": _gone,
    "retire": _gone,
    "rename": _check(
        (_ENTERED, "history", MISSING),
        (_OLD_NAME, "scripts", MISSING),
        _journal,
    ),
    "restore": _check(
        (_ENTERED, "history", MISSING), (f"($6::pg_catalog.text IS NULL OR {_KEPT})", "scripts", MISSING), _journal
    ),
    "forget": _check(
        ("NOT EXISTS (SELECT FROM {history})", "history", LEFT),
        ("NOT EXISTS (SELECT FROM {scripts})", "scripts", LEFT),
        _journal,
    ),
}
_ACTORS = sql.SQL("""
    SELECT pg_catalog.format('the trigger %I of %s', t.tgname, t.tgrelid::regclass),
           pg_catalog.format('ALTER TABLE %s DISABLE TRIGGER %I;', t.tgrelid::regclass, t.tgname)
    FROM pg_catalog.pg_trigger t
    WHERE t.tgrelid = ANY({0}::regclass[]) AND NOT t.tgisinternal AND t.tgenabled <> 'D'
    UNION ALL
    SELECT pg_catalog.format('the rule %I of %s', r.rulename, r.ev_class::regclass),
           pg_catalog.format('ALTER TABLE %s DISABLE RULE %I;', r.ev_class::regclass, r.rulename)
    FROM pg_catalog.pg_rewrite r WHERE r.ev_class = ANY({0}::regclass[]) AND r.ev_enabled <> 'D'
    ORDER BY 1
""")


def failed_check(error: psycopg.Error) -> tuple[str, str] | None:
    """Return the table's key and what is wrong there for an error of a check; None for every other error."""
    found = re.search(rf"{FAILURE}\.(\w+)\.(\w+)", error.diag.message_primary or "")
    return (found[1], found[2]) if found else None


def unrecorded(session: Session, tables: Tables, table: str, wrong: str) -> HistoryError:
    """Return the refusal for a record that a trigger or rule has swallowed; the session is idle again."""
    identifiers = {"history": tables.history, "scripts": tables.scripts, "journal": tables.journal}
    name = dict(zip(identifiers, tables.written, strict=True))[table]
    if wrong == LOST:
        return HistoryError(
            f"rows of the history are gone from {name} since the migration began",
            hint=f"leave the tables of the history out of what the script empties: {', '.join(tables.written)}.",
        )
    what = f"the history row was not {'written to' if wrong == MISSING else 'deleted from'} {name}"
    actors = _actors(session, identifiers[table])
    return _refusal(what, actors) if actors else HistoryError(what, hint=f"look what changes {name} besides fsapi_nb.")


def refused_by_rule(session: Session, tables: Tables, error: psycopg.Error) -> HistoryError | None:
    """Return the refusal for a rule under which PostgreSQL cannot write.

    None if there is no trigger or rule.
    """
    actors = _actors(session, tables.history, tables.scripts, tables.journal)
    what = f"{tables.shown()} cannot be written: {error.diag.message_primary} [{error.sqlstate}]"
    return _refusal(what, actors) if actors else None


def _actors(session: Session, *identifiers: sql.Identifier) -> list[tuple[str, str]]:
    """Return the triggers and rules of those tables, and for each the statement that turns it off."""
    names = [identifier.as_string(session.connection()) for identifier in identifiers]
    return [(what, change) for what, change in ask(session.connection(), _ACTORS.format(names))]


def _refusal(what: str, actors: Sequence[tuple[str, str]]) -> HistoryError:
    return HistoryError(
        what,
        details=tuple(f"  {actor} may be the cause" for actor, _ in actors),
        hint=f"if it must not do that: {' '.join(change for _, change in actors)} then run again.",
    )
