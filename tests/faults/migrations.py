"""Small sets of migrations that together hold every kind of step, each UP with its DOWN.

`{place}` is a name that no other test uses at the same time, for what is not inside one database: other databases,
and a setting of the server.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Migrations:
    """Migrations as (UP, DOWN), oldest first.

    `truths` tells of steps that no catalog knows (name of the file, direction, step from one) whether they happened.
    """

    name: str
    scripts: tuple[tuple[str, str], ...]
    truths: tuple[tuple[str, str, int, str], ...] = ()

    @property
    def is_local(self) -> bool:
        """Whether everything stays inside one database."""
        return not any("{place}" in text or "{setting}" in text for script in self.scripts for text in script)

    def file_names(self) -> list[str]:
        """The names of the files, in order."""
        return [f"2026_01_01_00_{minute:02}_{self.name}.sql" for minute in range(len(self.scripts))]

    def write(self, folder: Path, *, place: str = "", setting: str = "") -> None:
        """Put the files into a folder."""
        for name, (up, down) in zip(self.file_names(), self.scripts, strict=True):
            text = f"-- UP\n{up.strip()}\n\n-- DOWN\n{down.strip()}\n"
            (folder / name).write_text(text.replace("{place}", place).replace("{setting}", setting))


PLAIN = Migrations(
    "plain",
    (
        ("CREATE TABLE a (i int PRIMARY KEY, t text);\nINSERT INTO a VALUES (1, 'é %s :x $1');", "DROP TABLE a;"),
        ("BEGIN;\nALTER TABLE a ADD COLUMN j int DEFAULT 7;\nCOMMIT;", "BEGIN;\nALTER TABLE a DROP COLUMN j;\nCOMMIT;"),
        (
            (
                "BEGIN;\nCREATE TABLE b (i int);\nINSERT INTO b VALUES (1);\nCOMMIT;\n"
                "BEGIN;\nINSERT INTO b VALUES (2);\nCOMMIT;\nINSERT INTO b VALUES (3);"
            ),
            "BEGIN;\nDELETE FROM b WHERE i > 1;\nCOMMIT;\nBEGIN;\nDROP TABLE b;\nCOMMIT;",
        ),
    ),
)
COPY_AND_ENUM = Migrations(
    "copy_and_enum",
    (
        (
            (
                "CREATE TYPE mood AS ENUM ('ok');\nCREATE TABLE c (m mood, t text);\n"
                "COPY c FROM stdin;\nok\tone\nok\t\\N\n\\.\nALTER TABLE c ADD COLUMN j int;"
            ),
            "DROP TABLE c;\nDROP TYPE mood;",
        ),
        (
            "ALTER TYPE mood ADD VALUE 'great';\nINSERT INTO c VALUES ('great', 'two', 2);",
            (
                "DELETE FROM c WHERE m = 'great';\nALTER TABLE c ALTER m TYPE text;\nDROP TYPE mood;\n"
                "CREATE TYPE mood AS ENUM ('ok');\nALTER TABLE c ALTER m TYPE mood USING m::mood;"
            ),
        ),
    ),
)
_TABLE = (
    (
        "CREATE TABLE d (i int, j int);\nINSERT INTO d SELECT n, n FROM generate_series(1, 9) AS n;\n"
        "CREATE INDEX d_old ON d (j);"
    ),
    "DROP TABLE d;",
)
INDEXES = Migrations(
    "indexes",
    (
        _TABLE,
        ("CREATE INDEX CONCURRENTLY d_i ON d (i);", "DROP INDEX CONCURRENTLY d_i;"),
        ("CREATE INDEX CONCURRENTLY ON d (j, i);", "DROP INDEX CONCURRENTLY d_j_i_idx;"),
        ("CREATE UNIQUE INDEX CONCURRENTLY d_u ON d (i, j);", "DROP INDEX CONCURRENTLY IF EXISTS d_u;"),
        ("CREATE INDEX CONCURRENTLY IF NOT EXISTS d_n ON d (i);", "DROP INDEX CONCURRENTLY public.d_n;"),
        ("DROP INDEX CONCURRENTLY d_old;", "CREATE INDEX CONCURRENTLY d_old ON d (j);"),
    ),
)
REBUILDS = Migrations(
    "rebuilds",
    (
        _TABLE,
        ("REINDEX INDEX CONCURRENTLY d_old;", "REINDEX TABLE CONCURRENTLY d;"),
        ("VACUUM d;\nANALYZE d;\nCLUSTER d USING d_old;", "VACUUM (FULL) d;"),
    ),
)
PARTITIONS = Migrations(
    "partitions",
    (
        (
            (
                "CREATE TABLE p (i int) PARTITION BY RANGE (i);\n"
                "CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10);\n"
                "CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (10) TO (20);\nINSERT INTO p VALUES (1), (11);"
            ),
            "DROP TABLE p;",
        ),
        (
            "ALTER TABLE p DETACH PARTITION p1 CONCURRENTLY;",
            "ALTER TABLE p1 DROP CONSTRAINT p1_i_check;\nALTER TABLE p ATTACH PARTITION p1 FOR VALUES FROM (0) TO (10);",
        ),
    ),
)
MIXED = Migrations(
    "mixed",
    (
        (
            (
                "SET search_path TO elsewhere, public;\nCREATE SCHEMA elsewhere;\nCREATE TABLE e (i int);\n"
                "CREATE INDEX CONCURRENTLY e_i ON e (i);\nINSERT INTO e VALUES (1);\nVACUUM e;\n"
                "CREATE INDEX CONCURRENTLY ON e (i DESC);\nINSERT INTO e VALUES (2);"
            ),
            (
                "SET search_path TO elsewhere, public;\nDELETE FROM e WHERE i = 2;\nDROP INDEX CONCURRENTLY e_i_idx;\n"
                "DROP INDEX CONCURRENTLY e_i;\nDROP TABLE e;\nDROP SCHEMA elsewhere;"
            ),
        ),
    ),
)
DATABASES = Migrations(
    "databases",
    (
        ("CREATE DATABASE {place}_one;", "DROP DATABASE {place}_one;"),
        (
            "CREATE DATABASE {place}_two;\nDROP DATABASE {place}_one;",
            "DROP DATABASE IF EXISTS {place}_two;\nCREATE DATABASE {place}_one;",
        ),
        ("ALTER SYSTEM SET {setting} = 2;", "ALTER SYSTEM RESET {setting};"),
    ),
)
ALONE = Migrations(
    "alone",
    (
        (
            (
                "CREATE TABLE f (i int);\nCREATE PROCEDURE add(n int) LANGUAGE plpgsql AS $$ BEGIN "
                "INSERT INTO f VALUES (n); COMMIT; END $$;"
            ),
            "DROP PROCEDURE add(int);\nDROP TABLE f;",
        ),
        (
            "-- fsapi: transaction=off\nINSERT INTO f VALUES (1);\nCALL add(2);\nCREATE INDEX f_i ON f (i);",
            "-- fsapi: transaction=off\nDROP INDEX f_i;\nDELETE FROM f WHERE i = 2;\nDELETE FROM f WHERE i = 1;",
        ),
    ),
    truths=(
        ("2026_01_01_00_01_alone.sql", "up", 1, "SELECT EXISTS (SELECT FROM f WHERE i = 1)"),
        ("2026_01_01_00_01_alone.sql", "up", 2, "SELECT EXISTS (SELECT FROM f WHERE i = 2)"),
        ("2026_01_01_00_01_alone.sql", "down", 1, "SELECT to_regclass('f_i') IS NULL"),
        ("2026_01_01_00_01_alone.sql", "down", 2, "SELECT NOT EXISTS (SELECT FROM f WHERE i = 2)"),
        ("2026_01_01_00_01_alone.sql", "down", 3, "SELECT NOT EXISTS (SELECT FROM f WHERE i = 1)"),
    ),
)
ALL = (PLAIN, COPY_AND_ENUM, INDEXES, REBUILDS, PARTITIONS, MIXED, DATABASES, ALONE)
