"""What it costs to tell what one small migration changed: beside the same run with --no-changes.

On an empty database, on one with the tables of the example project, and on one with a thousand tables; in a running kernel,
and as a process. Each run applies a file that adds a column and an index; it is rolled back uncounted. In a kernel, a run is
measured after others have written, and again where nobody has since the last one, which then need not be read twice.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg

from bench.tools import OURS
from fsapi_nb import Migrator

WITHOUT = "--no-changes"
AGAIN = "fsapi_nb, nothing written since its last run"
EMPTY, EXAMPLE, LARGE = "an empty database", "the example project", "1,000 tables"
_EXAMPLE = Path(__file__).parent.parent / "migrations"
_TABLES = 1000
_TABLE = """
    CREATE TABLE t{0} (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL DEFAULT 'x', price numeric(10,2),
        at timestamptz DEFAULT now(), parent bigint REFERENCES t{1}, note text, done boolean, facts jsonb);
    CREATE INDEX ON t{0} (name);
"""
_FILE = """-- UP
CREATE TABLE IF NOT EXISTS measured (i int);
ALTER TABLE measured ADD COLUMN token text;
CREATE INDEX ON measured (token);

-- DOWN
ALTER TABLE measured DROP COLUMN token;
"""

Measured = list[tuple[str, dict[str, list[float]]]]


def changes_name(database: str, *, process: bool = False) -> str:
    """The work of one small migration whose changes are told, on that database."""
    return f"what one migration changed, {database}{', as a process' if process else ''}"


def measure(urls: dict[str, str], rounds: int) -> Measured:
    """Seconds of each round, by work and way, on databases by their names here, which are empty before."""
    found: Measured = []
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "2999_01_01_00_00_measured.sql").write_text(_FILE, encoding="utf-8")
        for database, url in urls.items():
            _fill(database, url)
            found.append((changes_name(database), dict(_rounds(_in_kernel(url, folder), url, folder, rounds))))
        ways = _as_process(urls[EXAMPLE], folder)
        found.append((changes_name(EXAMPLE, process=True), dict(_rounds(ways, urls[EXAMPLE], folder, rounds))))
    return found


def _fill(database: str, url: str) -> None:
    if database == EXAMPLE:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE SCHEMA example")
        Migrator(url, _EXAMPLE, schema="example").migrate(yes=True)
    elif database == LARGE:
        with psycopg.connect(url) as connection:
            for number in range(_TABLES):
                connection.execute(_TABLE.format(number, max(number - 1, 0)).encode())


Ways = dict[str, Callable[[], object]]


def _in_kernel(url: str, folder: str) -> Ways:
    def told() -> object:
        return Migrator(url, folder).migrate(yes=True)

    return {WITHOUT: lambda: Migrator(url, folder).migrate(yes=True, changes=False), OURS: told, AGAIN: told}


def _as_process(url: str, folder: str) -> Ways:
    command = [sys.executable, "-m", "fsapi_nb.cli", "migrate", "--yes", "--database", url, "--dir", folder]
    return {
        WITHOUT: lambda: subprocess.run([*command, "--no-changes"], check=True, capture_output=True),
        OURS: lambda: subprocess.run(command, check=True, capture_output=True),
    }


def _rounds(ways: Ways, url: str, folder: str, rounds: int) -> Iterator[tuple[str, list[float]]]:
    """The seconds of each way: all of them in turn, again and again, after a first time that is not counted."""
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    for number in range(10 * rounds + 1):
        for way, act in ways.items():
            started = time.perf_counter()
            act()
            took = time.perf_counter() - started
            Migrator(url, folder).rollback(yes=True, changes=way == OURS)
            if number:
                seconds[way].append(took)
    yield from seconds.items()
