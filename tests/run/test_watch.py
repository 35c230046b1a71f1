"""What the server itself says of how far a long statement is: told while a migration runs, for every command that it tells of."""

from __future__ import annotations

import contextlib
import threading
import time

import pytest

from fsapi_nb.errors import FsapiError
from fsapi_nb.events import Event, Observer, StatementWatched
from fsapi_nb.model.server import ServerProgress
from fsapi_nb.postgres.progress import read_progress
from tests.conftest import Project

TABLE = "CREATE TABLE big AS SELECT i, repeat('x', 500) AS t FROM generate_series(1, 20000) AS i"
SLEEPY = """CREATE FUNCTION sleepy(i int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS
    'BEGIN PERFORM pg_sleep(0.01); RETURN i; END'"""
TRIGGER = """CREATE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.01); RETURN NEW; END';
    CREATE TABLE slow (i int); CREATE TRIGGER t BEFORE INSERT ON slow FOR EACH ROW EXECUTE FUNCTION slowly()"""
SPARING = "SET vacuum_cost_delay TO 50; SET vacuum_cost_limit TO 1; SET vacuum_cost_page_miss TO 1;\n"
ROWS = "\n".join(str(i) for i in range(2000))

LONG = {
    "CREATE INDEX": ((TABLE, SLEEPY), "CREATE INDEX ON big (sleepy(i));", "public.big"),
    "COPY FROM": ((TRIGGER,), f"COPY slow FROM stdin;\n{ROWS}\n\\.\n", "public.slow"),
    "VACUUM": ((TABLE,), f"{SPARING}VACUUM (DISABLE_PAGE_SKIPPING) big;", "public.big"),
    "ANALYZE": ((TABLE,), f"{SPARING}ANALYZE big;", "public.big"),
    "CLUSTER": (
        (
            TABLE.replace("20000", "2000"),
            SLEEPY.replace("0.01", "0"),
            "CREATE INDEX big_i ON big (i)",
            "CREATE INDEX ON big (sleepy(i))",
            SLEEPY.replace("CREATE", "CREATE OR REPLACE"),
        ),
        "CLUSTER big USING big_i;",
        "public.big",
    ),
}


@pytest.mark.parametrize("command", LONG)
def test_the_servers_own_progress_is_told(project: Project, command: str) -> None:
    """With the phase, the table, and how much is done; until somebody cancels it."""
    before, up, relation = LONG[command]
    project.rows_in_session(*before)
    project.write("long", up)
    seen: list[ServerProgress] = []

    def hear(event: Event) -> None:
        if isinstance(event, StatementWatched) and event.progress:
            seen.append(event.progress)

    run = threading.Thread(target=_migrate, args=(project, hear))
    run.start()
    deadline = time.monotonic() + 30
    while not seen and time.monotonic() < deadline:
        time.sleep(0.02)
    project.rows(
        "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = 'fsapi_nb' "
        "AND datname = current_database()"
    )
    run.join()
    assert seen, command
    assert (seen[0].command, seen[0].relation) == (command, relation)
    assert seen[0].phase or command == "COPY FROM"


def _migrate(project: Project, hear: Observer) -> None:
    with contextlib.suppress(FsapiError):  # it was cancelled
        project.migrator(observers=(hear,)).migrate()


@pytest.mark.parametrize(
    ("view", "columns", "told", "fraction"),
    [
        (
            "create_index",
            {"command": "CREATE INDEX CONCURRENTLY", "phase": "waiting for old snapshots", "lockers_total": 4, "lockers_done": 1},
            ("CREATE INDEX CONCURRENTLY", "waiting for old snapshots", 1, 4, "sessions"),
            0.25,
        ),
        (
            "create_index",
            {"command": "CREATE INDEX", "phase": "building index: scanning table", "blocks_done": 50, "blocks_total": 100, "lockers_total": 3},
            ("CREATE INDEX", "building index: scanning table", 50, 100, "blocks"),
            0.5,
        ),
        ("copy", {"command": "COPY FROM", "bytes_processed": 10, "bytes_total": 0, "tuples_processed": 7}, ("COPY FROM", "", 7, 0, "tuples"), None),
        ("vacuum", {"phase": "scanning heap", "heap_blks_scanned": 300, "heap_blks_total": 200}, ("VACUUM", "scanning heap", 300, 200, "blocks"), 1.0),
        ("analyze", {"phase": "initializing"}, ("ANALYZE", "initializing", 0, 0, ""), None),
    ],
)  # fmt: skip
def test_the_figures_of_every_view_are_read(
    view: str, columns: dict[str, object], told: tuple[object, ...], fraction: float | None
) -> None:
    """Of several counts the one that tells most; a share only where the server knows how much there is."""
    progress = read_progress(view, columns, None)
    assert (progress.command, progress.phase, progress.done, progress.total, progress.unit) == told
    assert progress.fraction == fraction
