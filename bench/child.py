"""Works that are done inside of one Python process, timed there: `python -m bench.child REPORT WORK ARGUMENT...`.

What is imported and warmed up before the clock starts is what a running kernel has already. Writes seconds and CPU
seconds as JSON into the file REPORT.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path


def migrate(conninfo: str, folder: str) -> Callable[[], object]:
    """Ours: apply everything."""
    from fsapi_nb import Migrator

    _warm_up(conninfo)
    return Migrator(conninfo, folder).migrate


def rollback(conninfo: str, folder: str) -> Callable[[], object]:
    """Ours: roll everything back."""
    from fsapi_nb import Migrator

    _warm_up(conninfo)
    migrator = Migrator(conninfo, folder)
    return lambda: migrator.rollback(everything=True)


def messages(conninfo: str, folder: str, direction: str) -> Callable[[], object]:
    """The limit: a bare connection, and each file as one message."""
    import psycopg

    from bench.inputs import HISTORY

    def send_all() -> None:
        files = sorted(Path(folder).glob(f"*.{direction}.sql"), reverse=direction == "down")
        with psycopg.connect(conninfo, autocommit=True) as connection:
            for message in (HISTORY.encode(), *(file.read_bytes() for file in files)):
                result = connection.pgconn.exec_(message)
                assert result.status == psycopg.pq.ExecStatus.COMMAND_OK, result.error_message.decode()

    return send_all


def query(conninfo: str, statement: str, way: str) -> Callable[[], object]:
    """One of the ways of `bench.queries`; its imports are done by a query of one row."""
    from bench.queries import WAYS

    WAYS[way](conninfo, "SELECT 1 AS one")
    return lambda: WAYS[way](conninfo, statement)


WORKS: dict[str, Callable[..., Callable[[], object]]] = {
    "migrate": migrate,
    "rollback": rollback,
    "messages": messages,
    "query": query,
}


def _warm_up(conninfo: str) -> None:
    """Apply a migration and roll it back in a database beside, so that everything is imported."""
    import psycopg
    from psycopg.conninfo import conninfo_to_dict, make_conninfo

    from fsapi_nb import Migrator

    beside = f"{conninfo_to_dict(conninfo)['dbname']}_warm"
    with psycopg.connect(conninfo, autocommit=True) as connection, tempfile.TemporaryDirectory() as folder:
        connection.execute(f'CREATE DATABASE "{beside}"'.encode())
        Path(folder, "2020_01_01_00_00_warm.sql").write_text(
            "-- UP\nSELECT 1;\n\n-- DOWN\nSELECT 2;\n", encoding="utf-8"
        )
        migrator = Migrator(make_conninfo(conninfo, dbname=beside), folder)
        migrator.migrate()
        migrator.rollback()
        connection.execute(f'DROP DATABASE "{beside}"'.encode())


def main() -> None:
    """Prepare, do it, and tell what it took."""
    report, name, *arguments = sys.argv[1:]
    work = WORKS[name](*arguments)
    cpu, started = _cpu(), time.monotonic()
    work()
    told = {"seconds": time.monotonic() - started, "cpu": _cpu() - cpu}
    Path(report).write_text(json.dumps(told), encoding="utf-8")


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
