"""What it costs where nothing is to be done, and what is only looked at: in a running kernel, as a process, as an extension.

The limits are what cannot be spared: the driver's own import, three round trips, reading and hashing every file.
"""

from __future__ import annotations

import gc
import hashlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import psycopg
from psycopg import sql

from bench.inputs import make_changes, write_sapi
from bench.tools import OURS
from fsapi_nb import Migrator
from fsapi_nb.views.results import Result

DRIVER = "import psycopg"
ROUND_TRIPS = "psycopg: connect, ask twice"
FILES = "every file read and hashed"
EXTENSION = "%load_ext fsapi_nb"
PROCESS = "nothing to do, 1,000 applied, as a process"
BEYOND = "nothing to do, 1,000 applied, in a kernel: beyond three round trips"
SIZES = (1_000, 10_000)

# In a shell as a kernel has one: what IPython has imported already is not counted, for neither.
_IN_A_SHELL = """
import time
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
started = time.perf_counter()
{}
print(time.perf_counter() - started)
"""

Measured = list[tuple[str, dict[str, list[float]]]]
Act = Callable[[], object]


def idle_name(size: int) -> str:
    """The work of a run that has nothing to do, in a kernel."""
    return f"nothing to do, {size:,} applied, in a kernel"


def look_name(verb: str, size: int) -> str:
    """The work of a verb that only reads."""
    return f"{verb} of {size:,}"


def measure(url: str, rounds: int) -> Measured:
    """Seconds of each round, by work and way; the first way of each is its limit. The database is empty before."""
    with ExitStack() as stack:
        folders = {size: Path(stack.enter_context(tempfile.TemporaryDirectory())) for size in SIZES}
        migrators = {size: _prepare(url, folder, size) for size, folder in folders.items()}
        kernel = _interleaved(_in_a_kernel(url, migrators), rounds)
        processes = _interleaved(_as_processes(url, migrators[SIZES[0]].directory), rounds)
    measured = [*kernel, *processes]
    ways = dict(measured)[idle_name(SIZES[0])]
    beyond = [ours - trips for ours, trips in zip(ways[OURS], ways[ROUND_TRIPS], strict=True)]
    return [*measured, (BEYOND, {OURS: beyond})]


def _prepare(url: str, folder: Path, size: int) -> Migrator:
    """So many files that are applied; each size has a history of its own."""
    schema = f"history_{size}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema)))
    (folder / "pyproject.toml").write_text(f'[tool.fsapi_nb]\nschema = "{schema}"\n', encoding="utf-8")
    directory = folder / "migrations"
    directory.mkdir()
    write_sapi(directory, make_changes(size))
    migrator = Migrator(url, directory)
    migrator.baseline(max(file.name for file in directory.iterdir()))
    return migrator


def _in_a_kernel(url: str, migrators: Mapping[int, Migrator]) -> dict[str, dict[str, Act]]:
    works: dict[str, dict[str, Act]] = {}
    for size, migrator in migrators.items():
        files: dict[str, Act] = {FILES: partial(_read, migrator.directory)}
        works[idle_name(size)] = {**files, ROUND_TRIPS: partial(_three_round_trips, url), OURS: migrator.migrate}
        works[look_name("status", size)] = {**files, OURS: partial(_shown, migrator.status)}
        works[look_name("plan", size)] = {**files, OURS: partial(_shown, migrator.plan)}
        works[look_name("panel", size)] = {**files, OURS: partial(_panel, migrator)}
    return works


def _as_processes(url: str, directory: Path) -> dict[str, dict[str, Act]]:
    sapi = ("-m", "fsapi_nb.cli", "migrate", "--database", url, "--dir", str(directory))
    return {
        PROCESS: {DRIVER: partial(_python, "-c", DRIVER), OURS: partial(_python, *sapi)},
        EXTENSION: {
            DRIVER: partial(_in_a_shell, DRIVER),
            OURS: partial(_in_a_shell, "shell.run_line_magic('load_ext', 'fsapi_nb')"),
        },
    }


def _interleaved(works: Mapping[str, Mapping[str, Act]], rounds: int) -> Measured:
    """All ways of all works in turn, again and again, after a first time that is not counted."""
    found: Measured = [(work, {way: [] for way in ways}) for work, ways in works.items()]
    for number in range(rounds + 1):
        for work, seconds in found:
            for way, act in works[work].items():
                took = _timed(act)
                if number:
                    seconds[way].append(took)
    return found


def _timed(act: Act) -> float:
    """The seconds that it takes; or says that it took, where only a part of it counts."""
    gc.collect()
    started = time.perf_counter()
    said = act()
    took = time.perf_counter() - started
    return said if isinstance(said, float) else took


def _read(folder: Path) -> None:
    with os.scandir(folder) as entries:
        for entry in entries:
            with open(entry.path, "rb", buffering=0) as file:
                hashlib.sha256(file.read()).hexdigest()


def _three_round_trips(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for _ in range(2):
            connection.execute("SELECT 1").fetchone()


def _shown(ask: Callable[[], Result]) -> None:
    """What a cell makes of a value: text and HTML."""
    ask()._repr_mimebundle_()


def _panel(migrator: Migrator) -> None:
    """What `%migrate panel` gives to the page: the widget's state, and what a saved notebook shows of it."""
    from fsapi_nb.notebook.panel import Panel
    from fsapi_nb.views.results.panel import panel_twin

    panel_twin(Panel(lambda _: migrator, live=True).status)


def _python(*arguments: str) -> str:
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=True)
    return done.stdout


def _in_a_shell(code: str) -> float:
    return float(_python("-c", _IN_A_SHELL.format(code)).split()[-1])
