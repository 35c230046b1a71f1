"""Write the SQL that records a run, for one history of one database. Sends nothing.

What must not be committed without the lock of fsapi_nb, or over a history that somebody has changed, fails on the
server. SQL has no statement that fails with a given message; asking for a setting that does not exist does, and names
it.
"""

from __future__ import annotations

import functools

from psycopg import sql

from fsapi_nb.history import changed_rows
from fsapi_nb.history.kept_session import SETTING
from fsapi_nb.history.tables import Tables
from fsapi_nb.history.verify import CHECKS, LEFT, fail

#: The columns of the journal that are written, and their types: $1 to $17. The other parameters of a statement follow
#: them.
COLUMNS = {
    "run_id": "uuid",
    "migration": "text",
    "event": "text",
    "state": "text",
    "step": "int4",
    "steps": "int4",
    "in_transaction": "bool",
    "duration_ms": "int4",
    "checksum": "text",
    "step_checksum": "text",
    "script": "text",
    "witness": "text",
    "message": "text",
    "host": "text",
    "notebook": "text",
    "cell": "text",
    "runbook": "text",
}
#: The settings, which do not exist, that are asked for if a record must not be committed.
LOST_LOCK = "fsapi_nb.the_lock_is_not_ours"
GONE = "fsapi_nb.the_history_row_is_gone"
_EVENT = "$3::pg_catalog.text"
# The lock is held twice (`postgres/advisory_lock.py`): to release it once and take it again says whether this session
# holds it, and never leaves it free. Both look only at the session's own list; the view pg_locks gathers every lock of
# the server.
_GUARDED = f"""CASE WHEN pg_catalog.pg_advisory_unlock({{key}}) AND pg_catalog.pg_try_advisory_lock({{key}})
    THEN {_EVENT} ELSE pg_catalog.current_setting('{LOST_LOCK}') END"""
_TAKEN_AWAY = f"""CASE WHEN (SELECT pg_catalog.count(*) FROM gone) OPERATOR(pg_catalog.=) 1
    THEN {_GUARDED} WHEN EXISTS (SELECT FROM {{history}} WHERE id OPERATOR(pg_catalog.=) $18::pg_catalog.int8)
    THEN {fail("history", LEFT)} ELSE pg_catalog.current_setting('{GONE}') END"""
# A script's search_path may have operators of its own before PostgreSQL's.
_DURATION = """($8::pg_catalog.int4 OPERATOR(pg_catalog.+) (pg_catalog.date_part('epoch', pg_catalog.clock_timestamp()
    OPERATOR(pg_catalog.-) pg_catalog.transaction_timestamp())
    OPERATOR(pg_catalog.*) 1000::pg_catalog.float8)::pg_catalog.int4)"""
_CAPTURED = f"pg_catalog.current_setting('{SETTING}', true)"
_UNLIKE = f"""{_CAPTURED} OPERATOR(pg_catalog.<>) coalesce((SELECT witness FROM {{journal}}
    WHERE run_id OPERATOR(pg_catalog.=) $1::pg_catalog.uuid
      AND migration::pg_catalog.text OPERATOR(pg_catalog.=) $2::pg_catalog.text
      AND event OPERATOR(pg_catalog.=) $3::pg_catalog.text AND state OPERATOR(pg_catalog.=) 'done'
      AND step OPERATOR(pg_catalog.=) $5::pg_catalog.int4 ORDER BY id DESC LIMIT 1), '')"""
# Somebody may have emptied `migrations` and restarted its sequence: a row of that id then belongs to no entry.
_KEEP = """ON CONFLICT (id) DO UPDATE SET name = excluded.name, applied_at = excluded.applied_at,
    checksum = excluded.checksum, up = excluded.up, down = excluded.down, redacted = excluded.redacted,
    digest = excluded.digest, down_fault = excluded.down_fault"""
# One statement writes both rows: `applied_at` is the default of the table, whatever that is in an adopted table.
_APPLY = f"""
    WITH added AS (INSERT INTO {{history}} ({{given}}) VALUES ({{values}}) RETURNING id, name, applied_at, duration_ms),
    kept AS (
        INSERT INTO {{scripts}} (id, name, applied_at, checksum, up, down, redacted, digest, down_fault)
        SELECT id, name, applied_at, $9::pg_catalog.text, $18::pg_catalog.text, $19::pg_catalog.text, $20::pg_catalog.bool,
            $21::pg_catalog.text, $22::pg_catalog.text
        FROM added {_KEEP})
    """
_TAKE_AWAY = """
    WITH gone AS (DELETE FROM {history} WHERE id OPERATOR(pg_catalog.=) $18::pg_catalog.int8 RETURNING id),
    scripts AS (DELETE FROM {scripts} WHERE id OPERATOR(pg_catalog.=) $18::pg_catalog.int8)
    """
_REPAIR = f"""
    INSERT INTO {{scripts}} (id, name, applied_at, checksum, up, down, redacted, digest, down_fault)
    SELECT id, name, applied_at, $2::pg_catalog.text, $3::pg_catalog.text, $4::pg_catalog.text, $5::pg_catalog.bool,
        $6::pg_catalog.text, $7::pg_catalog.text
    FROM {{history}} WHERE id OPERATOR(pg_catalog.=) $1::pg_catalog.int8 {_KEEP}
    """


@functools.lru_cache(maxsize=16)
def statements(tables: Tables, database: str) -> dict[str, bytes]:
    """Return every statement by its name, for one history of one database."""
    key, name = tables.lock_key(database), "$2::pg_catalog.text"
    guarded, taken_away = (text.replace("{key}", f"{key}::pg_catalog.int8") for text in (_GUARDED, _TAKEN_AWAY))
    texts = {
        "journal": _journal(_EVENT),
        "step": _journal(guarded),
        "step done": _journal(guarded, witness=f"coalesce($12::pg_catalog.text, {_CAPTURED})"),
        "session": _journal(guarded, witness=f"coalesce({_CAPTURED}, $12::pg_catalog.text)", condition=_UNLIKE),
        "up": _APPLY.replace("{given}", "name, duration_ms").replace("{values}", f"{name}, {_DURATION}")
        + _journal(guarded, duration="(SELECT duration_ms FROM added)"),
        "baseline": _APPLY.replace("{given}", "name").replace("{values}", name) + _journal(guarded),
        "baseline in place": _APPLY.replace("{given}", "id, name").replace("{values}", f"$23::pg_catalog.int8, {name}")
        + _journal(guarded),
        "down": _TAKE_AWAY + _journal(taken_away),
        "repair": _REPAIR,
        "forget entries": "DELETE FROM {history}",
        "forget scripts": "DELETE FROM {scripts}",
        **{f"check {which}": text for which, text in CHECKS.items()},
        **{
            event: change + _journal(changed_rows.event_of(event, guarded), script=changed_rows.script_of(event))
            for event, change in changed_rows.CHANGES.items()
        },
    }
    places = {"history": tables.history, "scripts": tables.scripts, "journal": tables.journal}
    return {which: sql.SQL(text).format(**places).as_bytes() for which, text in texts.items()}


def _journal(
    event: str,
    duration: str = _DURATION,
    script: str | None = None,
    witness: str | None = None,
    condition: str | None = None,
) -> str:
    """Return the statement that adds an event if the condition holds, and answers with its milliseconds.

    The other arguments are expressions: of the event's name, its milliseconds, its script and its witness.
    """
    values = [f"${number}::pg_catalog.{kind}" for number, kind in enumerate(COLUMNS.values(), 1)]
    values[2], values[7], values[10], values[11] = event, duration, script or values[10], witness or values[11]
    row = f"SELECT {', '.join(values)} WHERE {condition}" if condition else f"VALUES ({', '.join(values)})"
    return f"INSERT INTO {{journal}} ({', '.join(COLUMNS)}) {row} RETURNING duration_ms"
