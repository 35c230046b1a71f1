"""Run a plan's script by psql, and see what a database holds then: the same as after a run by fsapi_nb."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

from psycopg import sql

from fsapi_nb.catalog.read import read_snapshot
from fsapi_nb.servers import embedded
from tests import asking
from tests.conftest import Project

PSQL = embedded.default_bin_folder() / "psql"
#: What two runs of the same plan write alike: everything but times, places and the ids of runs.
HISTORY = (
    "SELECT id, name, duration_ms IS NULL FROM migrations ORDER BY id",
    "SELECT id, name, checksum, up, down, redacted, digest, down_fault FROM migrations_scripts ORDER BY id",
    """SELECT migration, event, state, step, steps, in_transaction, duration_ms IS NULL, checksum, step_checksum,
        CASE WHEN event <> 'retire' THEN script END,
        CASE WHEN state <> 'started' THEN witness END, message, role, notebook, cell, runbook
    FROM migrations_journal WHERE event <> 'schema' ORDER BY id""",  # which only a run can say
)
_NOW = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{2,6}")  # what a default has made of the moment
_TABLES = """
    SELECT n.nspname::text, c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
        AND c.relname NOT LIKE 'migrations%' ORDER BY 1, 2
"""


def run_script(script: str, database: str, *options: str, psql: Path | str = PSQL) -> subprocess.CompletedProcess[str]:
    """Run a script as a user does."""
    command = [str(psql), "-X", *options, "-d", database]
    return subprocess.run(command, input=script, capture_output=True, text=True, check=False)


def state_of(database: str) -> dict[str, Any]:
    """Return what a database holds: its catalog, the rows of its tables, its history."""
    with asking.session(database) as connection:
        found: dict[str, Any] = {"catalog": read_snapshot(connection, None)}
        for schema, table in connection.execute(_TABLES).fetchall():
            query = sql.SQL("SELECT t::text FROM {} AS t ORDER BY 1").format(sql.Identifier(schema, table))
            found[f"{schema}.{table}"] = [_NOW.sub("now", row) for (row,) in connection.execute(query).fetchall()]
        found["history"] = [connection.execute(query.encode()).fetchall() for query in HISTORY]
        return found


def script_of(project: Project, database: str, verb: str = "migrate", **options: Any) -> str:
    """Return the script of a plan for that database."""
    return project.migrator(database=database).plan(verb, sql=True, **options).to_sql()
