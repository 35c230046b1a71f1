"""Whose migrations are run, and how: ours, the limits and the peers. Each phase is a function that does the work once.

Nothing is measured in turn here (`migrations` does that), and nothing is installed (`npm` does that).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from bench import inputs
from bench.figures import Sample
from bench.inputs import Change
from bench.measure import Failed, run_child, run_process
from bench.npm import npm_program
from bench.server import Address
from fsapi_nb.servers.embedded import default_bin_folder

OURS = "fsapi_nb"
OURS_IN_KERNEL = "fsapi_nb, in a kernel"
MESSAGES = "one message each"
MESSAGES_IN_KERNEL = "one message each, in a kernel"
PSQL = "psql -f"
#: What is timed inside of a process that runs already; on the wire they say what their processes say.
IN_KERNEL = (OURS_IN_KERNEL, MESSAGES_IN_KERNEL)
LIMITS = (MESSAGES, MESSAGES_IN_KERNEL, PSQL)
#: Two of the peers do all in one transaction unless told otherwise. That promises something else than ours, whose
#: migrations are a transaction each; but it is what their users wait for. There is no such way back: a thousand
#: tables dropped in one transaction need more locks than PostgreSQL has by default.
ALEMBIC_TOGETHER = "alembic, one transaction"
NODE_TOGETHER = "node-pg-migrate, one transaction"
PEERS = ("dbmate", "alembic", ALEMBIC_TOGETHER, "yoyo", "node-pg-migrate", NODE_TOGETHER, "graphile-migrate")


class Phase(Enum):
    """What is done to a database, in this order."""

    APPLY = "apply"
    IDLE = "nothing to do"
    ROLL_BACK = "roll back"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a tool works: on which database, with the files in which folder, how many of them."""

    address: Address
    folder: Path
    size: int


@dataclass(frozen=True, slots=True)
class Tool:
    """What writes a tool's files, and what does each phase that it knows, as one run.

    `seldom` are the phases that take so long that they are done in the first round only.
    """

    write: Callable[[Path, Sequence[Change]], None]
    phases: Mapping[Phase, Callable[[Place], Sample]]
    seldom: frozenset[Phase] = frozenset()


def _sapi(*words: str) -> Callable[[Place], Sample]:
    def run(place: Place) -> Sample:
        command = [_script("sapi"), *words, "--database", place.address.conninfo(), "--dir", place.folder]
        return run_process(command, folder=place.folder)

    return run


def _in_kernel(work: str, *words: str) -> Callable[[Place], Sample]:
    return lambda place: run_child(work, place.address.conninfo(), place.folder, *words, folder=place.folder)[0]


def _as_process(work: str, *words: str) -> Callable[[Place], Sample]:
    return lambda place: run_child(work, place.address.conninfo(), place.folder, *words, folder=place.folder)[1]


def _psql(file: str) -> Callable[[Place], Sample]:
    def run(place: Place) -> Sample:
        quiet = ["--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1"]
        command = [default_bin_folder() / "psql", *quiet, "--file", file, place.address.conninfo()]
        return run_process(command, folder=place.folder)

    return run


#: For the shell: run what comes after the first argument as many times as that says, up to a failure.
_AGAIN = 'count=$1; shift; while [ $((count -= 1)) -ge 0 ]; do "$@" || exit; done'


def _dbmate(command: str, *, times: bool = False) -> Callable[[Place], Sample]:
    """dbmate rolls back one migration at a time: `times` is as many processes as there are migrations."""

    def run(place: Place) -> Sample:
        url = f"{place.address.url('postgres')}&sslmode=disable"
        words = [_script("dbmate"), "--url", url, "--no-dump-schema", "--migrations-dir", ".", command]
        again = ["sh", "-c", _AGAIN, "sh", str(place.size)] if times else []
        return run_process([*again, *words], folder=place.folder)

    return run


def _alembic(*words: str, transactions: str = "each") -> Callable[[Place], Sample]:
    def run(place: Place) -> Sample:
        environment = {"BENCH_URL": place.address.url("postgresql+psycopg"), "BENCH_TRANSACTIONS": transactions}
        return run_process([_script("alembic"), *words], folder=place.folder, environment=environment)

    return run


def _yoyo(*words: str) -> Callable[[Place], Sample]:
    def run(place: Place) -> Sample:
        url = place.address.url("postgresql+psycopg")
        command = [_script("yoyo"), *words, "--batch", "--no-config-file", "--database", url, "."]
        return run_process(command, folder=place.folder)

    return run


def _node_pg_migrate(*words: str) -> Callable[[Place], Sample]:
    def run(place: Place) -> Sample:
        environment = {"DATABASE_URL": place.address.node_url()}
        command = [*npm_program("node-pg-migrate"), *words, "--migrations-dir", ".", "--no-verbose"]
        return run_process(command, folder=place.folder, environment=environment)

    return run


def _graphile_migrate(place: Place) -> Sample:
    environment = {"DATABASE_URL": place.address.node_url()}
    return run_process([*npm_program("graphile-migrate"), "migrate"], folder=place.folder, environment=environment)


def _script(name: str) -> Path:
    """A program that a Python package installed beside the interpreter."""
    path = Path(sys.executable).with_name(name)
    if not path.exists():
        raise Failed(f"{name} is not installed: uv sync --group bench")
    return path


APPLY, IDLE, ROLL_BACK = Phase

#: Every tool by its name, in the order in which tables show them.
TOOLS = {
    OURS: Tool(
        inputs.write_sapi,
        {APPLY: _sapi("migrate"), IDLE: _sapi("migrate"), ROLL_BACK: _sapi("migrate:rollback", "--all")},
    ),
    OURS_IN_KERNEL: Tool(inputs.write_sapi, {APPLY: _in_kernel("migrate"), ROLL_BACK: _in_kernel("rollback")}),
    MESSAGES: Tool(
        inputs.write_messages, {APPLY: _as_process("messages", "up"), ROLL_BACK: _as_process("messages", "down")}
    ),
    MESSAGES_IN_KERNEL: Tool(
        inputs.write_messages, {APPLY: _in_kernel("messages", "up"), ROLL_BACK: _in_kernel("messages", "down")}
    ),
    PSQL: Tool(inputs.write_concatenation, {APPLY: _psql("up.sql"), ROLL_BACK: _psql("down.sql")}),
    "dbmate": Tool(
        inputs.write_dbmate,
        {APPLY: _dbmate("migrate"), IDLE: _dbmate("migrate"), ROLL_BACK: _dbmate("rollback", times=True)},
        seldom=frozenset({ROLL_BACK}),
    ),
    "alembic": Tool(
        inputs.write_alembic,
        {
            APPLY: _alembic("upgrade", "head"),
            IDLE: _alembic("upgrade", "head"),
            ROLL_BACK: _alembic("downgrade", "base"),
        },
    ),
    ALEMBIC_TOGETHER: Tool(inputs.write_alembic, {APPLY: _alembic("upgrade", "head", transactions="one")}),
    "yoyo": Tool(
        inputs.write_yoyo, {APPLY: _yoyo("apply"), IDLE: _yoyo("apply"), ROLL_BACK: _yoyo("rollback", "--all")}
    ),
    "node-pg-migrate": Tool(
        inputs.write_node_pg_migrate,
        {
            APPLY: _node_pg_migrate("up", "--no-single-transaction"),
            IDLE: _node_pg_migrate("up", "--no-single-transaction"),
            ROLL_BACK: _node_pg_migrate("down", "1000000", "--no-single-transaction"),
        },
    ),
    NODE_TOGETHER: Tool(inputs.write_node_pg_migrate, {APPLY: _node_pg_migrate("up")}),
    "graphile-migrate": Tool(inputs.write_graphile_migrate, {APPLY: _graphile_migrate, IDLE: _graphile_migrate}),
}
