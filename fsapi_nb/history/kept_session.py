"""Record what a session has at the end of a step: a run that goes on in another session compares.

A setting may come from anything, such as a function that the step called. Kept are the names and values of the settings
that decide what SQL does; of custom settings, which may hold secrets, a hash of 16 bits. All of this is data: nothing
of it is executed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from psycopg import sql

from fsapi_nb.model.plan import StepPart
from fsapi_nb.postgres.pipeline import Message
from fsapi_nb.postgres.session import Session
from fsapi_nb.script.session_state import HARMLESS, named_settings

#: The setting, local to a transaction, that carries the state of the session to the row of the journal. Messages that
#: act
#: as another role come in between.
SETTING = "fsapi_nb.session"
# Always kept, so that the old value can be named if it has changed.
_ALWAYS = (
    "check_function_bodies",
    "client_encoding",
    "DateStyle",
    "default_table_access_method",
    "default_tablespace",
    "default_transaction_isolation",
    "IntervalStyle",
    "row_security",
    "search_path",
    "session_replication_role",
    "standard_conforming_strings",
    "TimeZone",
)
# Names are qualified, as the search_path is the script's. Settings that a function makes are found by the names in its
# text: PostgreSQL does not list custom settings.
_STATE = sql.SQL("""(SELECT pg_catalog.json_object_agg(s.name, s.value ORDER BY s.name COLLATE "C")::pg_catalog.text FROM (
    SELECT g.name, CASE WHEN pg_catalog.strpos(g.name, '.') OPERATOR(pg_catalog.>) 0 THEN {hash_of_listed}
        ELSE g.setting END AS value
    FROM pg_catalog.pg_settings g
    WHERE NOT (g.name OPERATOR(pg_catalog.~) {harmless}) AND (g.name OPERATOR(pg_catalog.=) ANY ({names})
        OR g.source OPERATOR(pg_catalog.=) ANY ('{{client,session,database,user,database user,global}}'::pg_catalog.text[]))
    UNION ALL SELECT 'role', pg_catalog.current_setting('role')
    UNION ALL SELECT 'current_schema', coalesce(pg_catalog.current_schema()::pg_catalog.text, '')
    UNION ALL SELECT 'session_authorization', session_user::pg_catalog.text
        WHERE session_user OPERATOR(pg_catalog.<>) {role}::pg_catalog.name
    UNION ALL SELECT own.name, {hash_of_own} FROM (
        SELECT DISTINCT pg_catalog.lower(found.name) AS name FROM (
            SELECT pg_catalog.unnest({names}) AS name
            UNION ALL SELECT (pg_catalog.regexp_matches(p.prosrc, {quoted}, 'g'))[1] FROM pg_catalog.pg_proc p
            WHERE p.oid OPERATOR(pg_catalog.>=) 16384::pg_catalog.oid
                AND p.prosrc OPERATOR(pg_catalog.~*) {sets}) AS found
        WHERE pg_catalog.strpos(found.name, '.') OPERATOR(pg_catalog.>) 0) AS own
    WHERE pg_catalog.length(pg_catalog.current_setting(own.name, true)) OPERATOR(pg_catalog.>) 0
        AND NOT EXISTS (SELECT FROM pg_catalog.pg_settings g WHERE pg_catalog.lower(g.name) OPERATOR(pg_catalog.=) own.name)
    UNION ALL SELECT 'advisory locks', pg_catalog.string_agg(held.key, '; ' ORDER BY held.key COLLATE "C") FROM (
        SELECT DISTINCT CASE WHEN l.objsubid OPERATOR(pg_catalog.=) 1 THEN
            ((l.classid::pg_catalog.int8 OPERATOR(pg_catalog.<<) 32)
                OPERATOR(pg_catalog.|) l.objid::pg_catalog.int8)::pg_catalog.text
            ELSE pg_catalog.concat(l.classid::pg_catalog.int8, ', ', l.objid::pg_catalog.int8) END AS key
        FROM pg_catalog.pg_locks l WHERE l.locktype OPERATOR(pg_catalog.=) 'advisory' AND l.granted
            AND l.pid OPERATOR(pg_catalog.=) pg_catalog.pg_backend_pid()) AS held
        WHERE held.key OPERATOR(pg_catalog.<>) {lock}::pg_catalog.text
        HAVING pg_catalog.count(*) OPERATOR(pg_catalog.>) 0
    UNION ALL SELECT 'temporary tables', pg_catalog.json_agg(c.relname ORDER BY c.relname)::pg_catalog.text
        FROM pg_catalog.pg_class c WHERE c.relnamespace OPERATOR(pg_catalog.=) pg_catalog.pg_my_temp_schema()
            AND c.relkind OPERATOR(pg_catalog.=) ANY ('{{r,v,S}}'::pg_catalog."char"[])
        HAVING pg_catalog.count(*) OPERATOR(pg_catalog.>) 0
    ) AS s(name, value))""")
_HASH = "pg_catalog.concat('#', pg_catalog.mod(pg_catalog.hashtextextended({}, 0), 65536::pg_catalog.int8))"
_QUOTED = r"'([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+)'"


def state_of(session: Session, lock: int, names: Iterable[str]) -> sql.Composed:
    """Return the SQL expression of what the session has, as a JSON object whose values are texts.

    Args:
        session: The session that it is for.
        lock: The key of the run's advisory lock, which does not count.
        names: Settings to look for, besides those that PostgreSQL lists as set.
    """
    return _STATE.format(
        hash_of_listed=sql.SQL(_HASH.format("g.setting")),
        hash_of_own=sql.SQL(_HASH.format("pg_catalog.current_setting(own.name, true)")),
        harmless=sql.Literal(f"^(?:{HARMLESS.pattern})$"),
        names=sql.SQL("{}::pg_catalog.text[]").format(sql.Literal([*_ALWAYS, *names])),
        quoted=sql.Literal(_QUOTED),
        sets=sql.Literal(r"set_config|\mset\M"),
        role=sql.Literal(session.facts.role),
        lock=sql.Literal(str(lock)),
    )


def read_state(session: Session, lock: int, names: Iterable[str]) -> dict[str, str]:
    """Return what the session has now. The session is in no transaction."""
    row = session.connection().execute(sql.SQL("SELECT {}").format(state_of(session, lock, names))).fetchone()
    return state_in(row[0] if row else None)


def state_in(text: str | None) -> dict[str, str]:
    """Return what the journal keeps of a session; nothing if the text has another form."""
    try:
        state = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return {}
    is_sound = isinstance(state, dict) and all(isinstance(value, str) for value in state.values())
    return state if is_sound else {}


def capture(session: Session, lock: int, part: StepPart) -> Message:
    """Return the message that puts what the session has into `SETTING`, until the transaction ends."""
    script = part.migration.script(part.direction)
    names = named_settings(script.written.text if script else "") | own_names(session.settings)
    call = sql.SQL("SELECT pg_catalog.set_config({}, {}, true)")
    return Message(call.format(sql.Literal(SETTING), state_of(session, lock, sorted(names))).as_bytes())


def own_names(settings: Mapping[str, str]) -> set[str]:
    """Return the custom settings of a run, in lower case: PostgreSQL does not list them."""
    return {name.lower() for name in settings if "." in name}
