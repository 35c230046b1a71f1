"""What reading costs beside libpg_query: a text split, classified and hashed against that text merely parsed.

Client CPU, in one process. The texts are made here: small files, inserts one by one and by thousands, functions, views;
and the seed of 50 MB whose peak memory is taken, in a process for each verb.
"""

from __future__ import annotations

import hashlib
import itertools
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from bench.measure import run_process

NAME = "2026_01_01_00_00_read.sql"
SEED_BYTES = 50 << 20
#: The least that a checksum over tokens and statements found by the grammar can cost in Python.
PLACES = "every token's place, hashed, and every statement"
_SMALL = """-- UP
CREATE TABLE t{0} (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    parent_id bigint REFERENCES t{1} (id),
    name text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (name)
);
CREATE INDEX t{0}_created_at ON t{0} (created_at);

-- DOWN
DROP TABLE t{0};
"""
_ROW = "({0}, 'item number {0}', {0}.50, '2026-01-01 00:00:00')"
_FUNCTION = """CREATE OR REPLACE FUNCTION f{0}(a integer, b text DEFAULT 'x') RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    total integer := 0;
BEGIN
    -- counts things
    FOR r IN SELECT * FROM items WHERE name = b LOOP
        total := total + r.price * a;
        IF total > 100 THEN
            RAISE NOTICE 'many: %', total;
        END IF;
    END LOOP;
    RETURN total;
END
$$;
"""
_VIEW = """CREATE VIEW v{0} AS SELECT a.id, b.name, sum(c.price * c.amount) AS total, count(*) FILTER (WHERE c.open) AS open
FROM customers a JOIN orders b ON b.customer_id = a.id LEFT JOIN lines c ON c.order_id = b.id AND c.kind IN (1, 2, 3)
WHERE a.created_at > now() - interval '1 year' AND coalesce(b.deleted, false) = false GROUP BY a.id, b.name;
"""
_CHILD = """
import sys
from fsapi_nb import Migrator
verb, url, folder = sys.argv[1:]
str(getattr(Migrator(url, folder), verb)())
"""


def measure(rounds: int) -> list[tuple[str, dict[str, list[float]]]]:
    """For each text the CPU seconds of each way, once for each round, the ways by turns; libpg_query's parse first."""
    return [(f"reading {name}", _measured(texts, rounds)) for name, texts in _texts().items()]


def peak(url: str) -> dict[str, float]:
    """The most memory, in MiB, that a process took which planned, applied, or rolled back a seed with inline data."""
    with tempfile.TemporaryDirectory() as folder:
        with (Path(folder) / NAME).open("wb") as file:
            file.writelines(_seed(SEED_BYTES))
        return {verb: _peak(verb, url, folder) for verb in ("plan", "migrate", "rollback")}


def _measured(texts: list[bytes], rounds: int) -> dict[str, list[float]]:
    seconds: dict[str, list[float]] = {}
    for _, (way, read) in itertools.product(range(rounds), _ways().items()):
        began = time.process_time()
        for text in texts:
            read(text)
        seconds.setdefault(way, []).append(time.process_time() - began)
    return seconds


def _ways() -> dict[str, Callable[[bytes], object]]:
    """How a text can be read. Those of libpg_query know nothing of files, sections, places or checksums."""
    import postgast
    from postgast import native

    from fsapi_nb.script.migration import read_migration

    def parse_only(text: bytes) -> None:
        native.lib.pg_query_free_protobuf_parse_result(native.lib.pg_query_parse_protobuf(text))

    def places(text: bytes) -> object:
        tokens = [(token.start, token.end, token.token) for token in postgast.scan(text.decode()).tokens]
        hashed = hashlib.sha256(b"\x00".join([text[start:end] for start, end, _ in tokens]))
        return tokens, hashed.hexdigest(), postgast.split(text.decode())

    def ours(text: bytes) -> object:
        migration, problems = read_migration(NAME, text)
        if migration is None or migration.up.parsed.problems:
            raise RuntimeError(f"a text of the benchmark has problems: {problems}")
        return migration.checksum

    return {
        "postgast.parse": lambda text: postgast.parse(text.decode()),
        "libpg_query's parse, its tree thrown away": parse_only,
        "postgast.scan": lambda text: postgast.scan(text.decode()),
        "postgast.split": lambda text: postgast.split(text.decode()),
        PLACES: places,
        "fsapi_nb": ours,
    }


def _texts() -> dict[str, list[bytes]]:
    rows = [_ROW.format(number) for number in range(70_000)]
    thousands = [rows[first : first + 1000] for first in range(0, len(rows), 1000)]
    single, several = "INSERT INTO items VALUES {};\n", "INSERT INTO items VALUES\n{};\n"
    return {
        "1,000 small files": [_SMALL.format(number, max(number - 1, 0)).encode() for number in range(1000)],
        "INSERTs of a row": [_file(single.format(row) for row in rows)],
        "INSERTs of 1,000 rows": [_file(several.format(",\n".join(some)) for some in thousands)],
        "functions": [_file(_FUNCTION.format(number) for number in range(4000))],
        "views": [_file(_VIEW.format(number) for number in range(3000))],
    }


def _file(statements: Iterable[str]) -> bytes:
    return f"-- UP\n{''.join(statements)}".encode()


def _seed(size: int) -> Iterator[bytes]:
    yield b"-- UP\nCREATE TABLE seed (id int, name text, price numeric);\nCOPY seed FROM stdin;\n"
    for number in itertools.count():
        row = f"{number}\tItem é number {number}\t{number % 100}.50\n".encode()
        size -= len(row)
        if size < 0:
            break
        yield row
    yield b"\\.\n\n-- DOWN\nDROP TABLE seed;\n"


def _peak(verb: str, url: str, folder: str) -> float:
    peak = run_process([sys.executable, "-c", _CHILD, verb, url, folder], folder=Path(folder)).peak
    assert peak is not None
    return peak
