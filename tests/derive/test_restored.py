"""A derived DOWN restores the catalog, and no row of what UP has left in place is lost."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import psycopg
import pytest

from fsapi_nb.catalog.difference import difference, without_remarks
from fsapi_nb.catalog.parts.read_parts import read_parts
from fsapi_nb.catalog.read import read_snapshot
from fsapi_nb.derive.derive import DerivedDown, derive
from fsapi_nb.folder.read import parse_text
from tests.derive.cases import CASES, SCHEMA, Case

GOLDEN = Path(__file__).parent / "golden"

#: What shows the rows of other tables: said of those.
SEEN_THROUGH = {"shop.totals", "shop.events"}

Connection = psycopg.Connection[tuple[Any, ...]]


def rows(connection: Connection) -> dict[str, list[str]]:
    """The values of each column of each table of users, in an order of their own."""
    columns = connection.execute(
        "SELECT c.oid::regclass::text, quote_ident(attname) FROM pg_class c JOIN pg_attribute a ON attrelid = c.oid"
        " WHERE relkind IN ('r', 'm', 'p') AND relnamespace::regnamespace::text IN ('shop', 'old') AND attnum > 0"
        " AND NOT attisdropped"
    ).fetchall()
    return {
        f"{table}.{column}": [
            value for (value,) in connection.execute(f"SELECT {column}::text FROM {table} ORDER BY 1".encode())
        ]
        for table, column in columns
    }


def undone(connection: Connection, up: str) -> DerivedDown:
    """Run UP and the DOWN that is derived for it, and UP again; the catalog is as it was."""
    migration = parse_text("2026_01_01_00_00_x.sql", f"-- UP\n{up};\n")
    parts, before = read_parts(connection), read_snapshot(connection, None)
    connection.execute(up.encode())
    changed = read_snapshot(connection, None)
    down = derive(parts, read_parts(connection), migration.up.parsed.statements)
    with connection.transaction():
        for statement in down.statements:
            connection.execute(statement.encode())
    assert without_remarks(difference(before, read_snapshot(connection, None))) == ()
    with connection.transaction(force_rollback="ADD VALUE" not in up):
        connection.execute(up.encode())
        assert without_remarks(difference(changed, read_snapshot(connection, None))) == ()
    return down


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_the_catalog_is_restored_and_rows_are_kept(database: str, case: Case) -> None:
    """UP and DOWN leave the catalog as it was, and every value but those that UP takes away; the text is the golden one."""
    with psycopg.connect(database, autocommit=True) as connection:
        version = connection.info.server_version
        if version < case.since:
            pytest.skip("the server has none of this")
        connection.execute(SCHEMA.encode())
        kept = rows(connection)
        down = undone(connection, case.up)
        there = rows(connection) if "ADD VALUE" not in case.up else kept
    lost = {name for name in kept if any(f"{name}.".startswith(f"{each}.") for each in case.loses)}
    assert {name: kept[name] for name in kept if name not in lost} == {
        name: there[name] for name in there if name not in lost
    }
    said = {re.sub(r".*?(shop\.[\w.]+).*", r"\1", str(loss)) for loss in down.losses}
    assert {each for each in case.loses if each not in SEEN_THROUGH} <= said
    written = "\n".join([f"-- {case.up}", *(f"-- {loss}" for loss in down.losses), *down.statements]) + "\n"
    if version >= 180000:  # other servers write some texts in another way
        assert written == (GOLDEN / f"{case.name}.sql").read_text()


def test_no_name_ends_a_comment_of_the_down(database: str) -> None:
    """What is said of a column that cannot be empty has names of the database in it, and they may have line ends."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute('CREATE TABLE t (a integer, "b\nDROP TABLE t; --" integer NOT NULL)')
        down = undone(connection, 'ALTER TABLE t DROP COLUMN "b\nDROP TABLE t; --"')
    (said,) = (each for each in down.statements if each.startswith("--"))
    assert said.split("\n", 1)[0].endswith("here: what they were is not known")
