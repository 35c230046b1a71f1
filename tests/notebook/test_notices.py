"""What the server says beside a result (NOTICE, WARNING) is shown by every face of `query` and `check`."""

from __future__ import annotations

import json
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from fsapi_nb import Migrator, cli
from fsapi_nb.errors import AssertionViolated, QueryFailed, StatementFailed
from fsapi_nb.views.results import CheckResult, QueryResult
from tests.conftest import Project
from tests.notebook.conftest import Cells

SAYS = "DO $$ BEGIN RAISE NOTICE 'half-way'; RAISE WARNING 'low on %', 'milk'; END $$"


@pytest.fixture
def guest(project: Project) -> Iterator[str]:
    """The database as a role that may look at the table t, and neither grant nor vacuum it."""
    name = f"guest_{project.value('SELECT current_database()')}"
    project.rows_in_session(
        "CREATE TABLE t (id int)",
        f"CREATE ROLE {name} LOGIN",
        f"GRANT SELECT ON t TO {name}",
        f"GRANT {name} TO CURRENT_USER",
    )
    yield make_conninfo(project.database, options=f"-c role={name}")
    with psycopg.connect(project.database, autocommit=True) as connection:
        role = sql.Identifier(name)
        connection.execute(sql.SQL("DROP OWNED BY {}").format(role))
        connection.execute(sql.SQL("DROP ROLE {}").format(role))


@pytest.mark.parametrize(
    "statement", ["GRANT SELECT ON t TO PUBLIC", "REVOKE UPDATE ON t FROM PUBLIC", "VACUUM t", "ANALYZE t"]
)
def test_what_a_role_may_not_do_is_no_success_without_a_word(guest: str, statement: str) -> None:
    """The server answers with the command's name all the same, in and outside of a transaction, and warns."""
    result = Migrator(guest).query(statement)
    command, *said, _ = result.lines()
    assert command == statement.partition(" ")[0]
    assert said
    assert all(line.startswith("  WARNING: ") for line in said)
    assert result.notices == tuple(line.strip() for line in said)


@pytest.mark.parametrize(
    ("text", "last"),
    [
        (f"{SAYS}; SELECT 1 AS one", "(1 row)"),
        (f"SELECT 1 AS one; {SAYS}", "DO"),
        ("CREATE TABLE t (); DROP TABLE IF EXISTS t, nowhere", "DROP TABLE"),
    ],
)
def test_every_form_of_a_result_has_the_notices(project: Project, text: str, last: str) -> None:
    """Text, HTML, JSON; the frame has them as an attribute; they stand below the results."""
    result = project.migrator().query(text)
    said = (
        ['NOTICE: table "nowhere" does not exist, skipping']
        if "nowhere" in text
        else ["NOTICE: half-way", "WARNING: low on milk"]
    )
    assert result.lines()[-len(said) - 2 : -1] == [last, *(f"  {notice}" for notice in said)]
    assert repr(result) == "\n".join(result.lines())
    assert result.to_json()["notices"] == said
    assert result.to_frame().attrs["notices"] == said
    assert all(notice.replace('"', "&quot;") in result.html() for notice in said)


def test_a_query_that_reads_tells_what_its_functions_say(project: Project) -> None:
    """However its rows travel, with parameters or without."""
    import pandas  # noqa: F401 - with which rows come as a copy

    project.rows("CREATE FUNCTION f(i int) RETURNS int LANGUAGE plpgsql AS 'BEGIN RAISE INFO ''%'', i; RETURN i; END'")
    assert project.migrator().query("SELECT f(i) FROM generate_series(1, 3) i").notices == (
        "INFO: 1",
        "INFO: 2",
        "INFO: 3",
    )
    assert project.migrator().query("SELECT f($1::int)", [7]).notices == ("INFO: 7",)


def test_what_was_said_before_an_error_is_told_with_it(project: Project) -> None:
    """The last of it; a query that is sound has no attribute of notices."""
    with pytest.raises(QueryFailed) as caught:
        project.migrator().query(f"{SAYS}; SELECT 1 / 0")
    assert caught.value.notices == ("NOTICE: half-way", "WARNING: low on milk")
    assert "  WARNING: low on milk" in caught.value.lines()
    assert project.migrator().query("SELECT 1").notices == ()
    assert "notices" not in project.migrator().query("SELECT 1").to_frame().attrs


def test_the_detail_of_a_notice_is_kept(project: Project) -> None:
    """What a cascade takes along stands in the detail only."""
    project.rows("CREATE TABLE t (i int); CREATE VIEW v AS TABLE t; CREATE VIEW w AS TABLE t")
    (notice,) = project.migrator().query("DROP TABLE t CASCADE").notices
    assert notice.splitlines() == [
        "NOTICE: drop cascades to 2 other objects",
        "Detail: drop cascades to view v",
        "  drop cascades to view w",
    ]


def further_in(lines: list[str], columns: int) -> list[str]:
    """The lines, indented; an empty one stays so."""
    return [" " * columns + line if line else "" for line in lines]


@pytest.mark.parametrize(
    ("raised", "text", "shown"),
    [
        ("'a' USING HINT = 'b'", "NOTICE: a\nHint: b", ["NOTICE: a", "  Hint: b"]),
        ("E'a\\nb'", "NOTICE: a\nb", ["NOTICE: a", "  b"]),
        (
            "E'a\\n\\nb' USING DETAIL = E'c\\nd', HINT = E'e\\nf'",
            "NOTICE: a\n\nb\nDetail: c\n  d\nHint: e\n  f",
            ["NOTICE: a", "", "  b", "  Detail: c", "    d", "  Hint: e", "    f"],
        ),
    ],
)
def test_a_notice_of_several_lines_stands_apart_from_what_is_around_it(
    project: Project, cells: Cells, capsys: pytest.CaptureFixture[str], raised: str, text: str, shown: list[str]
) -> None:
    """Its further lines, its detail and its hint stand further in than its first line, in every face."""
    says = f"DO $$ BEGIN RAISE NOTICE {raised}; END $$"
    markup = "\n".join(shown)
    result = project.migrator().query(says)
    assert result.to_json()["notices"] == [text]
    assert result.lines() == ["DO", *further_in(shown, 2), result.lines()[-1]]
    assert repr(result) == "\n".join(result.lines())
    assert f'<p style="white-space:pre-wrap">{markup}</p>' in result.html()
    cells.run(f"%%query\n{says}; SELECT 1 AS one")
    assert markup in cells.said()
    project.write("a", f"{says};")
    project.write("b", f"{says};\nSELECT 1 / 0;")
    run = project.migrator().migrate(count=1)
    assert run.lines()[2:] == further_in(shown, 6)
    assert repr(run) == "\n".join(run.lines())
    assert f"{markup}</td>" in run.html()
    assert run.to_json()["done"][0]["notices"] == [text]
    capsys.readouterr()
    assert cli.main(["migrate", "--database", project.database, "--dir", str(project.folder)]) == 1
    told = capsys.readouterr().err
    assert "\n" + "\n".join(further_in(shown, 2)) + "\nDatabase: " in told


def test_an_error_of_several_lines_stands_apart_from_its_details(project: Project) -> None:
    """The further lines of what the server says stand further in than the first."""
    project.write("a", "DO $$ BEGIN RAISE EXCEPTION E'one\\ntwo' USING HINT = 'three'; END $$;")
    with pytest.raises(StatementFailed) as caught:
        project.migrator().migrate()
    lines = caught.value.lines()
    assert lines[0].endswith(": one")
    assert lines[1] == "  two [P0001]"
    assert "  Hint: three" in lines


def test_a_password_in_a_notice_is_starred(project: Project) -> None:
    """As in everything that is shown."""
    says = "DO $$ BEGIN RAISE NOTICE '%', $x$ALTER ROLE r PASSWORD 'hunter2'$x$; END $$"
    assert project.migrator().query(says).notices == ("NOTICE: ALTER ROLE r PASSWORD '***'",)


def test_the_terminal_shows_them(
    project: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Below the result; in the one document of `--json`."""
    monkeypatch.chdir(project.root)
    monkeypatch.setenv("DATABASE_URL", project.database)
    assert cli.main(["query", SAYS]) == 0
    assert capsys.readouterr().out.splitlines()[:-1] == ["DO", "  NOTICE: half-way", "  WARNING: low on milk"]
    assert cli.main(["query", "--json", SAYS]) == 0
    assert json.loads(capsys.readouterr().out)["notices"] == ["NOTICE: half-way", "WARNING: low on milk"]


@pytest.mark.parametrize("magic", ["%query ", "%%query\n"])
def test_a_cell_shows_them(cells: Cells, magic: str) -> None:
    """With the command, or above the frame, which is the cell's value as always."""
    done = cells.run(magic + SAYS)
    assert isinstance(done, QueryResult)
    assert repr(done).splitlines()[:-1] == ["DO", "  NOTICE: half-way", "  WARNING: low on milk"]
    cells.said()
    frame = cells.run(f"{magic}{SAYS}; SELECT 1 AS one")
    assert list(frame["one"]) == [1]
    assert "NOTICE: half-way\nWARNING: low on milk" in cells.said()


def test_a_check_shows_them(cells: Cells, project: Project) -> None:
    """Kept, broken or refused."""
    project.rows(
        "CREATE FUNCTION f(b bool) RETURNS bool LANGUAGE plpgsql AS 'BEGIN RAISE WARNING ''hm''; RETURN b; END'"
    )
    kept = cells.run("%%check it holds\nSELECT f(true)")
    assert isinstance(kept, CheckResult)
    assert repr(kept).startswith("✓ it holds, on ")
    assert repr(kept).splitlines()[1:] == ["  WARNING: hm"]
    assert "WARNING: hm" in kept.html()
    assert kept.to_json()["notices"] == ["WARNING: hm"]
    error, shown = cells.fail("%%check it holds\nSELECT f(false)")
    assert isinstance(error, AssertionViolated)
    assert "  WARNING: hm" in shown
    error, shown = cells.fail("%%check it holds\nSELECT f(true), 1 / 0")
    assert isinstance(error, QueryFailed)
    error, shown = cells.fail("%%check it holds\nSELECT f(i > 0), 1 / (2 - i) FROM generate_series(1, 2) i")
    assert "  WARNING: hm" in shown


def test_fresh_tells_warnings_of_what_it_drops(project: Project) -> None:
    """An event trigger of the user's may warn; that a drop cascades is meant, and is not told."""
    project.rows_in_session(
        "CREATE SCHEMA watch",
        "CREATE FUNCTION watch.f() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN RAISE WARNING ''seen''; END'",
        "CREATE TABLE t (i int)",
        "CREATE VIEW v AS TABLE t",
        "CREATE EVENT TRIGGER watch ON sql_drop EXECUTE FUNCTION watch.f()",
    )
    notes = project.migrator().fresh(migrate=False, yes=True).notes
    assert {note for note in notes if note.startswith(("NOTICE", "WARNING"))} == {"WARNING: seen"}
