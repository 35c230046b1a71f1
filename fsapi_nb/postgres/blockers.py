"""Find out who blocks whom: the queues for locks in this database, read in one query and arranged around one session.

Reads `pg_locks`, `pg_stat_activity` and `pg_blocking_pids()`, which any role may read. The state and the query of other
roles' sessions are shown by PostgreSQL only to superusers and members of pg_read_all_stats.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fsapi_nb.model.server import Blockage, LockSession, QueuePart
from fsapi_nb.postgres.session import Connection
from fsapi_nb.script.redact import redact_sql

#: One row for each pair of a session that waits and one that it waits for. A session that waits for a row waits for the
#: other session's transaction. It then holds the lock of the tuple, which has the table.
_PAIRS = """
    WITH waiting AS MATERIALIZED (
        SELECT l.*, pg_catalog.pg_blocking_pids(l.pid) AS blocked_by
        FROM pg_catalog.pg_locks l
        JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
        WHERE NOT l.granted AND a.datname = pg_catalog.current_database()
    )
    SELECT DISTINCT ON (w.pid, b.pid)
        w.pid AS waiter, b.pid AS blocker, w.mode AS wanted, h.mode AS held, coalesce(h.granted, true) AS granted,
        w.locktype, coalesce(w.relation, t.relation)::regclass::text AS relation, c.relkind::text,
        CASE WHEN w.locktype = 'object' THEN pg_catalog.pg_describe_object(w.classid, w.objid, w.objsubid) END AS object,
        extract(epoch FROM pg_catalog.clock_timestamp() - w.waitstart)::float8 AS waited
    FROM waiting w
    CROSS JOIN LATERAL pg_catalog.unnest(w.blocked_by) AS b(pid)
    LEFT JOIN pg_catalog.pg_locks h ON coalesce(h.pid, 0) = b.pid AND h.locktype = w.locktype
        AND (h.database, h.relation, h.page, h.tuple, h.virtualxid, h.transactionid, h.classid, h.objid, h.objsubid)
            IS NOT DISTINCT FROM
            (w.database, w.relation, w.page, w.tuple, w.virtualxid, w.transactionid, w.classid, w.objid, w.objsubid)
    LEFT JOIN pg_catalog.pg_locks t ON t.pid = w.pid AND t.locktype = 'tuple' AND t.granted
        AND w.locktype = 'transactionid'
    LEFT JOIN pg_catalog.pg_class c ON c.oid = coalesce(w.relation, t.relation)
    ORDER BY w.pid, b.pid, h.granted DESC NULLS LAST
"""
_SESSIONS = """
    SELECT pid, usename::text AS "user", application_name AS application, state,
           extract(epoch FROM pg_catalog.clock_timestamp() - xact_start)::float8 AS transaction_age, query
    FROM pg_catalog.pg_stat_activity WHERE pid = ANY(%s)
"""
_KINDS = {
    "r": "table",
    "p": "table",
    "i": "index",
    "I": "index",
    "m": "materialized view",
    "v": "view",
    "S": "sequence",
}
_QUERY_LENGTH = 120

Pair = Mapping[str, Any]


def find_blockage(connection: Connection, pid: int | None = None) -> Blockage:
    """Find the sessions that block `pid`, and those that wait behind it.

    Args:
        connection: A connection in autocommit mode, with no user's schema before pg_catalog in its search_path.
        pid: The server process of a session; None means all queues of this database.

    Raises:
        psycopg.Error: The server refuses, or the connection is lost.
    """
    pairs = _rows(connection, _PAIRS, None)
    if not pairs or (pid is not None and not any(pid in (pair["waiter"], pair["blocker"]) for pair in pairs)):
        return Blockage(waiter=pid)
    involved = {number for pair in pairs for number in (pair["waiter"], pair["blocker"])}
    sessions = {row["pid"]: row for row in _rows(connection, _SESSIONS, [list(involved)])}
    return arrange(pairs, sessions, pid)


def arrange(pairs: Sequence[Pair], sessions: Mapping[int, Mapping[str, Any]], pid: int | None) -> Blockage:
    """Order the sessions of the queues: first those that block, with the first causes on top, then those that wait.

    Does no I/O.

    Args:
        pairs: The rows of the query above.
        sessions: What is known of each session, by its process.
        pid: Leave out sessions that neither block this one nor wait for it, directly or behind others; None keeps all.
    """
    waits_for: dict[int, list[int]] = {}
    for pair in pairs:
        waits_for.setdefault(pair["waiter"], []).append(pair["blocker"])
    waiting_for: dict[int, list[int]] = {}
    for pair in pairs:
        waiting_for.setdefault(pair["blocker"], []).append(pair["waiter"])
    if pid is None:
        blocking = [number for number in waiting_for if number not in waits_for]
        queued = list(waits_for)
    else:
        blocking = sorted(_reached(pid, waits_for), key=lambda number: number in waits_for)
        queued = [number for number in _reached(pid, waiting_for) if number not in blocking]
    parts = [(number, QueuePart.BLOCKS) for number in blocking] + [(number, QueuePart.WAITS) for number in queued]
    return Blockage(
        tuple(
            _session(number, part, pairs, sessions.get(number, {}), waits_for.get(number, ())) for number, part in parts
        ),
        pid,
    )


def _reached(start: int, edges: Mapping[int, Sequence[int]]) -> list[int]:
    """Return everything that can be reached from `start`, nearest first, without `start`."""
    found: list[int] = []
    queue = list(edges.get(start, ()))
    while queue:
        number = queue.pop(0)
        if number != start and number not in found:
            found.append(number)
            queue += edges.get(number, ())
    return found


def _session(
    pid: int, part: QueuePart, pairs: Sequence[Pair], known: Mapping[str, Any], blocked_by: Iterable[int]
) -> LockSession:
    """Return one session with the lock that puts it in the queue: the one it holds if it blocks, else the one it wants."""
    as_blocker = next((pair for pair in pairs if pair["blocker"] == pid), None)
    as_waiter = next((pair for pair in pairs if pair["waiter"] == pid), None)
    pair = (as_blocker if part is QueuePart.BLOCKS else as_waiter) or as_blocker or as_waiter or {}
    holds = pair is as_blocker
    return LockSession(
        part,
        pid,
        user=known.get("user"),
        application=known.get("application") or None,
        state=known.get("state") if pid else "prepared transaction",
        transaction_age=known.get("transaction_age"),
        waited=as_waiter["waited"] if as_waiter else None,
        query=_shortened(known.get("query")),
        lock=_what(pair),
        mode=_mode(pair.get("held" if holds else "wanted")),
        granted=bool(pair.get("granted")) if holds else False,
        blocked_by=tuple(sorted(set(blocked_by))),
    )


def _what(pair: Pair) -> str | None:
    """Return what is locked, in words; None if the server does not say."""
    kind = pair.get("locktype")
    if pair.get("relation"):
        name = f"{_KINDS.get(pair.get('relkind') or '', 'relation')} {pair['relation']}"
        return name if kind == "relation" else f"a row of {name}"
    words = {"transactionid": "a row that its transaction changed", "virtualxid": "an older snapshot"}
    return pair.get("object") or words.get(str(kind)) or (str(kind) if kind else None)


def _mode(mode: str | None) -> str | None:
    """Return a lock mode as SQL writes it: `ACCESS EXCLUSIVE` for `AccessExclusiveLock`."""
    if mode is None:
        return None
    words = "".join(f" {letter}" if letter.isupper() else letter for letter in mode.removesuffix("Lock"))
    return words.strip().upper()


def _shortened(query: str | None) -> str | None:
    """Return a query on one line, without passwords, and shortened."""
    if not query:
        return None
    line = " ".join(redact_sql(query).split())
    return line if len(line) <= _QUERY_LENGTH else line[: _QUERY_LENGTH - 1] + "…"


def _rows(connection: Connection, query: str, values: Sequence[object] | None) -> list[dict[str, Any]]:
    cursor = connection.execute(query.encode(), values)
    names = [column.name for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
