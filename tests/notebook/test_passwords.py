"""A password that is typed into a cell: whoever does it is told, and nothing of ours shows it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from psycopg.conninfo import make_conninfo

from fsapi_nb.notebook.passwords import WARNING, holds_password
from tests.conftest import Project
from tests.notebook.conftest import Cells

SECRET = "s3cret"
HELD = [
    "url = 'postgresql://ada:s3cret@db.example.org/shop'",
    'url = "postgres://ada:s3cret@db"',
    "url = 'postgresql+psycopg2://ada:s3cret@db/shop'",
    "url = 'POSTGRESQL://ada:s3cret@db/shop'",
    "url = 'postgresql://:s3cret@/shop'",
    "url = 'postgresql://ada:s3c%40ret@db/shop'",
    "url = 'postgresql://ada:s3:cret/@db/shop'",
    "url = 'postgresql://db/shop?user=ada&password=s3cret'",
    "# postgresql://ada:s3cret@db/shop, as it was",
    "%env DATABASE_URL=postgresql://ada:s3cret@db/shop",
    "%config MigrateMagics.database = 'postgresql://ada:s3cret@db/shop'",
    "%config MigrateMagics.database = 'host=db user=ada password=s3cret'",
    "%config MigrateMagics.database = \"host=db password = 's3 cret'\"",
    "%migrate status --database 'host=db password=s3cret'",
    "%query --database \"host=db password='s3cret'\" SELECT 1",
    "m = Migrator('host=db password=s3cret')",
    "%migrate --set api_key=s3cret",
    "%migrate --set 'app_password=s3cret' --yes",
    "one = 'postgresql://ada:***@db/shop'\ntwo = 'postgresql://ada:s3cret@db/shop'",
]
NOT_HELD = [
    "url = 'postgresql://db.example.org/shop'",
    "url = 'postgresql://ada@db/shop'",
    "url = 'postgresql://ada:***@db/shop'",
    "url = f'postgresql://ada:{password}@db/shop'",
    "url = f'postgresql://ada:{os.environ[\"PW\"]}@db/shop'",
    "%sql postgresql://ada:$PGPASSWORD@db/shop",
    "url = 'postgresql://ada:${PGPASSWORD}@db/shop'",
    "url = 'postgresql://ada:%s@db/shop' % password",
    "url = 'postgresql://ada:' + password + '@db/shop'",
    "# postgresql://user:<password>@host/db, or postgresql://user:...@host/db",
    "url = 'https://ada:s3cret@example.org'",
    "url = 'postgresql://db:5432/shop'; mail = 'ada@example.org'",
    "connect(host='db', password=password)",
    "%config MigrateMagics.database = 'host=db user=ada password=***'",
    "%migrate status --database prod",
    "%migrate --set app_password --set env=dev --set token={token}",
    "%%query\nSELECT password FROM users WHERE password = 'x'",
]


@pytest.mark.parametrize("cell", HELD)
def test_a_password_in_a_cell_is_found(cell: str) -> None:
    """In every form of an address that PostgreSQL or SQLAlchemy takes, and in strings that are given to us."""
    assert holds_password(cell)


@pytest.mark.parametrize("cell", NOT_HELD)
def test_what_stands_for_a_password_is_none(cell: str) -> None:
    """Stars, variables, and what is no address of PostgreSQL."""
    assert not holds_password(cell)


def test_the_warning_says_what_happens_and_what_to_do() -> None:
    """One line, which is in every notebook the same."""
    assert "\n" not in WARNING
    assert all(word in WARNING for word in ("saved with the notebook", "history", "~/.pgpass", ".env", "url_env"))


def test_a_cell_is_warned_of_each_time_it_runs(cells: Cells) -> None:
    """Once for a cell, however many addresses are in it; not for the next cell."""
    cells.said()
    cells.run("one = 'postgresql://ada:s3cret@db/shop'\ntwo = 'postgresql://ada:s3cret@db/shop'")
    assert cells.said() == WARNING + "\n"
    cells.run("three = one")
    assert cells.said() == ""
    cells.run("four = 'postgresql://ada:s3cret@db/shop'")
    assert cells.said() == WARNING + "\n"


def test_a_cell_that_fails_is_warned_of(cells: Cells) -> None:
    """What cannot even be parsed is saved all the same."""
    assert WARNING in cells.fail("url = 'postgresql://ada:s3cret@db/shop")[1]


@pytest.fixture
def bare(shell: Any, capsys: pytest.CaptureFixture[str]) -> Iterator[Cells]:
    """Cells of a shell that has not loaded the extension."""
    cells = Cells(shell, capsys)
    cells.said()
    yield cells
    cells.run("%unload_ext fsapi_nb")


def test_the_cell_that_loads_us_is_looked_at_too(bare: Cells) -> None:
    """Most first cells load the extension and name the database."""
    bare.run("%load_ext fsapi_nb\n%config MigrateMagics.database = 'postgresql://ada:s3cret@db/shop'")
    assert bare.said() == WARNING + "\n"
    bare.run("%unload_ext fsapi_nb")
    bare.run("url = 'postgresql://ada:s3cret@db/shop'")
    assert bare.said() == ""


@pytest.mark.parametrize("mode", ["Verbose", "Context", "Plain", "Minimal"])
def test_no_error_shows_a_password_in_any_mode(cells: Cells, project: Project, mode: str) -> None:
    """IPython's Verbose mode prints the arguments of every function of a traceback: ours has none."""
    cells.run(f"%xmode {mode}")
    cells.run("url = 'postgresql://ada:s3cret@127.0.0.1:1/none'")
    cells.run("from fsapi_nb import Migrator")
    cells.said()
    shown = ""
    for cell in (
        "%migrate --database 'postgresql://ada:s3cret@127.0.0.1:1/none'",
        "%migrate --database 'postgresql://ada:s3cret@[broken'",
        "%migrate --database 'host=127.0.0.1 port=1 password=s3cret'",
        "%migrate --database 'password=s3cret no=such'",
        "%migrate --database 's3cret password'",
        "%query --database 'postgresql://ada:s3cret@127.0.0.1:1/none' SELECT 1",
        "Migrator(url).status()",
        "Migrator('postgresql://ada:s3cret@[broken')",
    ):
        error, said = cells.fail(cell)
        shown += said + repr(error) + str(error)
    cells.run("%xmode Context")
    assert "Traceback" not in shown
    # The name of a database that is unknown is quoted, as it was typed.
    assert shown.replace("'s3cret password'", "").count(SECRET) == 0, shown


@pytest.mark.parametrize("typed", ["shop:s3cret@host/db", "postgresql://shop:s3cret@host/db", "password=s3cret"])
def test_the_setting_of_the_magics_shows_no_password(cells: Cells, typed: str) -> None:
    """`%config` prints what it is set to, an address without a scheme too."""
    cells.run(f"%config MigrateMagics.database = {typed!r}")
    cells.said()
    cells.run("%config MigrateMagics.database")
    assert SECRET not in cells.said()
    cells.run("%config MigrateMagics.database = None")


def test_neither_the_journal_nor_the_session_has_a_password(cells: Cells, project: Project) -> None:
    """What the database keeps of a run, and what everybody on the server sees of its session."""
    project.write("one", "CREATE TABLE one AS SELECT current_setting('application_name') AS application;")
    cells.run(f"%config MigrateMagics.database = {make_conninfo(project.database, password=SECRET)!r}")
    cells.run("%migrate")
    kept = str(project.rows("SELECT j::text FROM migrations_journal j"))
    kept += str(project.rows("SELECT m::text FROM migrations m")) + str(project.rows("SELECT * FROM one"))
    assert "one.sql" in kept
    assert SECRET not in kept
    magics = "get_ipython().magics_manager.registry['MigrateMagics']"
    assert SECRET not in cells.run(f"repr({magics}.migrator()._options.access) + repr({magics}.database)")
