"""The works besides the migrations: what a running kernel does, reading, the embedded server, queries, data types.

How each is measured stands in a module of its own; here is what it needs and where its figures go.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path

import psycopg

from bench.figures import Run
from bench.measure import Failed, run_child
from bench.server import Server

QUERY = "query, 1,000,000 rows x 8 columns"
SEED = "a seed of 50 MB"

Part = Callable[[Run, Server], None]


def _kernel(run: Run, server: Server) -> None:
    from bench.idle import measure

    with server.database() as address:
        run.add("seconds", measure(address.url("postgresql"), run.rounds))


def _embedded(run: Run, _: Server) -> None:
    from bench.embedded import measure

    run.add("seconds", measure(run.rounds))


def _reading(run: Run, _: Server) -> None:
    from bench.reading import measure

    run.add("cpu", measure(run.rounds))


def _seed(run: Run, server: Server) -> None:
    from bench.reading import peak

    with server.database() as address:
        run.add("peak", [(SEED, {verb: [most] for verb, most in peak(address.url("postgresql")).items()})])


def _query(run: Run, server: Server) -> None:
    """Each way in a fresh process, in turn; one that fails is not tried again."""
    from bench import queries

    work = run.work(QUERY, queries.LIMIT)
    with server.database() as address, tempfile.TemporaryDirectory() as folder:
        with psycopg.connect(address.conninfo(), autocommit=True) as connection:
            connection.execute(queries.SETUP.encode())
            connection.execute("VACUUM")  # or the first to read would mark every row as committed
        for name in list(queries.WAYS) * run.rounds:
            way = work.way(name)
            if not way.failed:
                try:
                    arguments = (address.url("postgresql"), queries.QUERY, name)
                    way.samples.append(run_child("query", *arguments, folder=Path(folder))[0])
                except Failed as error:
                    way.failed = str(error)


def _types(run: Run, server: Server) -> None:
    from bench.exactness import compare

    with server.database() as address:
        run.exactness = compare(address.url("postgresql"))


def _changes(run: Run, server: Server) -> None:
    from bench.changes import EMPTY, EXAMPLE, LARGE, measure

    with ExitStack() as stack:
        addresses = {name: stack.enter_context(server.database()) for name in (EMPTY, EXAMPLE, LARGE)}
        urls = {name: address.url("postgresql") for name, address in addresses.items()}
        run.add("seconds", measure(urls, run.rounds))


#: What can be measured besides the migrations, in this order.
PARTS: Mapping[str, Part] = {
    "kernel": _kernel,
    "changes": _changes,
    "reading": _reading,
    "seed": _seed,
    "embedded": _embedded,
    "query": _query,
    "types": _types,
}
