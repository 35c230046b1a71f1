"""Read how far a session's long command is, from PostgreSQL's `pg_stat_progress_*` views (14 and newer have all five)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fsapi_nb.model.server import ServerProgress
from fsapi_nb.postgres.session import Connection

_VIEWS = {
    "create_index": "CREATE INDEX",
    "copy": "COPY",
    "vacuum": "VACUUM",
    "cluster": "CLUSTER",
    "analyze": "ANALYZE",
}
_QUERY = " UNION ALL ".join(
    f"SELECT '{view}', pg_catalog.to_jsonb(p), nullif(p.relid, 0)::regclass::text "
    f"FROM pg_catalog.pg_stat_progress_{view} p WHERE p.pid = %(pid)s"
    for view in _VIEWS
)
#: The columns with counts, in order of preference: the first pair with a total is used.
_COUNTS = (
    ("heap_blks_scanned", "heap_blks_total", "blocks"),
    ("sample_blks_scanned", "sample_blks_total", "blocks"),
    ("blocks_done", "blocks_total", "blocks"),
    ("tuples_done", "tuples_total", "tuples"),
    ("bytes_processed", "bytes_total", "bytes"),
    ("partitions_done", "partitions_total", "partitions"),
)
#: The counts that are used if the server knows no total.
_DONE = (("tuples_processed", "tuples"), ("bytes_processed", "bytes"), ("heap_tuples_scanned", "tuples"))


def find_progress(connection: Connection, pid: int) -> ServerProgress | None:
    """Return the progress of the command that the session `pid` runs; None if the server reports none.

    Args:
        connection: Another connection than that session's.
        pid: The session's server process.

    Raises:
        psycopg.Error: The server refuses, or the connection is lost.
    """
    row = connection.execute(_QUERY.encode(), {"pid": pid}).fetchone()
    return read_progress(row[0], row[1], row[2]) if row else None


def read_progress(view: str, columns: Mapping[str, Any], relation: str | None) -> ServerProgress:
    """Return one row of a progress view as a value. No I/O.

    Args:
        view: The view's name without `pg_stat_progress_`.
        columns: The row. The views differ in their columns, and so do versions of PostgreSQL.
        relation: The table that the command works on; None if it has none.
    """
    command = str(columns.get("command") or _VIEWS[view])
    phase = str(columns.get("phase") or "")
    if phase.startswith("waiting") and columns.get("lockers_total"):
        return ServerProgress(
            command, phase, relation, columns["lockers_done"] or 0, columns["lockers_total"], "sessions"
        )
    for done, total, unit in _COUNTS:
        if columns.get(total):
            return ServerProgress(command, phase, relation, columns.get(done) or 0, columns[total], unit)
    for name, unit in _DONE:
        if columns.get(name):
            return ServerProgress(command, phase, relation, columns[name], 0, unit)
    return ServerProgress(command, phase, relation)
