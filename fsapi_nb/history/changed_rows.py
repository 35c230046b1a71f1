"""Change history rows without running anything: rename one, retire one, restore a retired one.

Each is one statement with its journal row. The row that is retired is kept in the journal, with the scripts that ran,
so that it can be restored. A statement fails on the server if the row is not the one that was planned for.
"""

from __future__ import annotations

import psycopg

from fsapi_nb.errors import UNCHANGED, HistoryError
from fsapi_nb.history.tables import Tables
from fsapi_nb.history.verify import LEFT, MISSING, fail
from fsapi_nb.text.sql import written_name

#: The setting, which does not exist, that is asked for if the row to be changed is gone.
GONE = "fsapi_nb.the_row_to_be_changed_is_gone"
_RENAME = """
    WITH amended AS (UPDATE {history} SET name = $2::pg_catalog.text
        WHERE id OPERATOR(pg_catalog.=) $18::pg_catalog.int8
            AND name::pg_catalog.text OPERATOR(pg_catalog.=) $19::pg_catalog.text
        RETURNING id),
    scripts AS (UPDATE {scripts} SET name = $2::pg_catalog.text
        WHERE id OPERATOR(pg_catalog.=) $18::pg_catalog.int8
            AND name::pg_catalog.text OPERATOR(pg_catalog.=) $19::pg_catalog.text)
    """
_RETIRE = """
    WITH amended AS (DELETE FROM {history}
        WHERE id OPERATOR(pg_catalog.=) $18::pg_catalog.int8 AND name::pg_catalog.text OPERATOR(pg_catalog.=) $2::pg_catalog.text
        RETURNING id, name, applied_at, duration_ms),
    kept AS (DELETE FROM {scripts} WHERE id OPERATOR(pg_catalog.=) $18::pg_catalog.int8
        RETURNING name, applied_at, checksum, up, down, redacted, digest, down_fault)
    """
_RETIRED_ROW = """coalesce($11::pg_catalog.text, (SELECT pg_catalog.json_build_object(
        'id', a.id, 'applied_at', a.applied_at, 'duration_ms', a.duration_ms,
        'checksum', k.checksum, 'up', k.up, 'down', k.down, 'redacted', k.redacted, 'digest', k.digest,
        'down_fault', k.down_fault)::pg_catalog.text
    FROM amended a LEFT JOIN kept k ON k.name::pg_catalog.text OPERATOR(pg_catalog.=) a.name::pg_catalog.text
        AND (k.applied_at OPERATOR(pg_catalog.=) a.applied_at OR k.applied_at IS NULL AND a.applied_at IS NULL)))"""


# The values that are put back are parameters, which `retired_row` has checked: the text of the journal is not cast
# here.
_RESTORE = """
    WITH amended AS (INSERT INTO {history} (id, name, applied_at, duration_ms)
        VALUES ($18::pg_catalog.int8, $2::pg_catalog.text, $19::pg_catalog.timestamp, $20::pg_catalog.int4)
        RETURNING id, name, applied_at),
    scripts AS (INSERT INTO {scripts} (id, name, applied_at, checksum, up, down, redacted, digest, down_fault)
        SELECT a.id, a.name, a.applied_at, $21::pg_catalog.text, $22::pg_catalog.text, $23::pg_catalog.text,
            $24::pg_catalog.bool, $25::pg_catalog.text, $26::pg_catalog.text
        FROM amended a WHERE $21::pg_catalog.text IS NOT NULL
        ON CONFLICT (id) DO UPDATE SET name = excluded.name, applied_at = excluded.applied_at,
            checksum = excluded.checksum, up = excluded.up, down = excluded.down, redacted = excluded.redacted,
            digest = excluded.digest, down_fault = excluded.down_fault)
    """
_SAME = """SELECT FROM {history} WHERE id OPERATOR(pg_catalog.=) $18::pg_catalog.int8
    AND name::pg_catalog.text OPERATOR(pg_catalog.=)"""
#: What is in front of the journal's INSERT, by event; `amended` has the changed row.
CHANGES = {"rename": _RENAME, "retire": _RETIRE, "restore": _RESTORE}


def event_of(event: str, guarded: str) -> str:
    """Return the expression of the journal's event, which fails unless one row was changed.

    `guarded` is the expression that needs the lock as well.

    A row that is unchanged afterwards was protected by a trigger or rule.
    """
    untouched = {
        "rename": f"WHEN EXISTS ({_SAME} $19::pg_catalog.text) THEN {fail('history', MISSING)}",
        "retire": f"WHEN EXISTS ({_SAME} $2::pg_catalog.text) THEN {fail('history', LEFT)}",
        "restore": f"WHEN true THEN {fail('history', MISSING)}",
    }
    return f"""CASE WHEN (SELECT pg_catalog.count(*) FROM amended) OPERATOR(pg_catalog.=) 1 THEN {guarded}
        {untouched[event]} ELSE pg_catalog.current_setting('{GONE}') END"""


def script_of(event: str) -> str | None:
    """Return the expression of what the journal keeps as the script.

    None if the event has no script of its own.
    """
    return _RETIRED_ROW if event == "retire" else None


def may_not_change(error: psycopg.Error, tables: Tables, role: str) -> HistoryError:
    """Return the refusal for a role that may migrate, but not change a history row."""
    return HistoryError(
        f"the role {role!r} may not change rows of {tables.shown()}",
        details=(f"  {error.diag.message_primary or ''} [{error.sqlstate}]",),
        state=UNCHANGED,
        hint=f"let its owner run: GRANT UPDATE ON {tables.written[0]} TO {written_name(role)};",
    )
