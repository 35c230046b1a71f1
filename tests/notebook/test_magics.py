"""The magics in a real IPython shell, on a real PostgreSQL: what they return, what they refuse, what they leave alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import IPython.core.error
import psycopg
import pytest
from IPython.core.magic import Magics, line_magic, magics_class
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from fsapi_nb.commands import GLOBAL, VERBS
from fsapi_nb.errors import (
    AssertionViolated,
    ConfigurationError,
    ConfirmationRequired,
    Drifted,
    FaultyMigrations,
    FsapiError,
    Interrupted,
    MigrationFileError,
    NotUpToDate,
    OutOfOrder,
    Protected,
    QueryFailed,
    ReplayFailed,
    StatementFailed,
    UnknownMigration,
    UsageError,
)
from fsapi_nb.notebook.line import HelpText
from fsapi_nb.notebook.magics import MigrateMagics
from fsapi_nb.project.url import as_url
from fsapi_nb.views.results import (
    BaselineResult,
    ChangesResult,
    DiagramResult,
    FileResult,
    HistoryResult,
    ObjectResult,
    PlanResult,
    PlanScriptResult,
    ProfileResult,
    QueryResult,
    RepairResult,
    Result,
    RunResult,
    SchemaResult,
    StatusResult,
    UnusedResult,
)
from tests.conftest import Project
from tests.notebook.conftest import Cells
from tests.verbs.on_scratch import scratch_on

NAME = "2026_01_15_09_00_add_points"
CELL = """%%migration {name} {options}
-- UP
CREATE TABLE points (customer text PRIMARY KEY, amount integer NOT NULL DEFAULT {amount});

-- DOWN
DROP TABLE points;
"""


def cell(options: str = "", *, amount: object = 0, name: str = NAME) -> str:
    return CELL.format(name=name, options=options, amount=amount)


@pytest.fixture
def three(project: Project) -> Project:
    """A project of three pending migrations, of which the second says something."""
    project.write("one", "CREATE TABLE one (id int);", "DROP TABLE one;")
    project.write("two", "DO $$ BEGIN RAISE NOTICE 'half-way'; END $$;\nCREATE TABLE two (id int);", "DROP TABLE two;")
    project.write("three", "CREATE TABLE three (id int);", "DROP TABLE three;")
    return project


# -- values, and what is shown of them ---------------------------------------------------------------------------------

STORY: list[tuple[str, type[Result], str]] = [
    ("%migrate status", StatusResult, "3 migrations on DB: 3 pending"),
    ("%migrate pending", StatusResult, "3 migrations on DB: 3 pending"),
    ("%migrate plan", PlanResult, "Plan: apply 3 migrations on DB"),
    ("%migrate plan --count 2", PlanResult, "Plan: apply 2 migrations on DB"),
    ("%migrate plan --full", PlanResult, "Plan: apply 3 migrations on DB"),
    ("%migrate plan --markdown", PlanResult, "Plan: apply 3 migrations on DB"),
    ("%migrate plan --sql", PlanScriptResult, "Plan: apply 3 migrations on DB, as a script for psql"),
    ("%migrate plan --to one", PlanResult, "Plan: apply 1 migration on DB"),
    ("%migrate --count 1", RunResult, "Applied 1 migration on DB."),
    ("%migrate -n 1", RunResult, "Applied 1 migration on DB."),
    ("%migrate --to three", RunResult, "Applied 1 migration on DB."),
    ("%migrate changes --since one", ChangesResult, "2 changes of the schema by what ran since one on DB"),
    ("%migrate", RunResult, "Nothing to do on DB: everything is applied."),
    ("%migrate migrate", RunResult, "Nothing to do on DB: everything is applied."),
    ("%migrate status --check", StatusResult, "3 migrations on DB: 3 applied"),
    ("%migrate plan --check", PlanResult, "Plan: nothing to do on DB."),
    ("%migrate plan rollback --all", PlanResult, "Plan: roll back 3 migrations on DB"),
    ("%migrate redo", RunResult, "Rolled back 1 migration. Applied 1 migration on DB."),
    ("%migrate redo three --yes --no-changes", RunResult, "Rolled back 1 migration. Applied 1 migration on DB."),
    ("%rollback", RunResult, "Rolled back 1 migration on DB."),
    ("%migrate rollback --to one", RunResult, "Rolled back 1 migration on DB."),
    ("%migrate --allow-unparsed", RunResult, "Applied 2 migrations on DB."),
    ("%rollback 2", RunResult, "Rolled back 2 migrations on DB."),
    ("%rollback --all --allow-unparsed", RunResult, "Rolled back 1 migration on DB."),
    ("%migrate baseline two", RunResult, "Recorded 2 migrations as applied on DB, running nothing."),
    ("%migrate baseline --only one two", RunResult, "Nothing to do on DB."),
    ("%migrate retire --missing", RunResult, "Nothing to do on DB."),
    ("%migrate repair two -y", RepairResult, "Nothing to repair on DB: the file is what was applied."),
    ("%migrate plan fresh", PlanResult, "Plan: apply 3 migrations on DB"),
    ("%migrate fresh --no-migrate --yes", RunResult, "Dropped 0 objects on DB."),
    ("%migrate fresh --yes --confirm DB", RunResult, "Dropped 0 objects. Applied 3 migrations on DB."),
    ("%migrate fresh -y --allow-unparsed", RunResult, "Dropped 3 objects. Applied 3 migrations on DB."),
    ("%migrate history --count 2", HistoryResult, "the newest 2 events of the journal of DB, 3 migrations applied"),
    ("%migrate history -n 1", HistoryResult, "the newest 1 event of the journal of DB, 3 migrations applied"),
    ("%schema", SchemaResult, "3 tables on DB"),
    ("%schema t* --kind table", SchemaResult, "2 tables like t* on DB"),
    ("%migrate schema one --rows 1", ObjectResult, "table one on DB: 0 rows"),
    ("%schema one --profile", ProfileResult, "table one: 1 column, nothing is known of its values on DB"),
    ("%schema one --profile --exact", ProfileResult, "table one: 1 column, 0 rows, all read on DB"),
    ("%schema --unused", UnusedResult, "3 findings on DB"),
    (r"%query \d one", ObjectResult, "table one on DB: 0 rows"),
    (r"%query \dt t*", SchemaResult, "2 tables like t* on DB"),
    ("%migrate diagram --schema public --tables one,two", DiagramResult, "2 tables, 0 foreign keys on DB"),
    ("%migrate diagram --around one", DiagramResult, "1 table, 0 foreign keys around one on DB"),
    ("%migrate diagram --changes two", DiagramResult, None),  # type: ignore[list-item]
    ("%migrate make 'add colours'", FileResult, None),  # type: ignore[list-item]
]


def test_every_verb_returns_its_value_and_prints_nothing(cells: Cells, three: Project) -> None:
    """A magic's result is a value that can be named; nothing is written to the cell beside it."""
    for line, kind, headline in STORY:
        cells.said()
        value = cells.run(f"value = {line.replace('DB', three_name(three))}\nvalue")
        assert type(value) is kind, line
        if headline is not None:
            assert value.headline() == headline.replace("DB", three.label), line
    cells.said()
    cells.run("value = %migrate status")
    assert cells.said() == ""


def three_name(project: Project) -> str:
    return str(conninfo_to_dict(project.database)["dbname"])


ELSEWHERE = {  # tried in tests of their own below
    "--database", "--dir", "--set", "--lock-timeout", "--statement-timeout", "--max-wait", "--postgres-bin", "--out-of-order", "--done", "--undo",
    "--list", "--revoke", "--retry", "--apply", "--redo", "--runbook", "--replaces", "--pooler", "--replace",
    "--from-database", "--scratch", "--write",
    "--adopt", "--from-diff", "--from", "--to", "--rename", "--no-renames",
}  # fmt: skip


def test_the_schema_is_written_to_a_file_and_checked_in_cells(cells: Cells, three: Project) -> None:
    """What is stored says what changed in the file; a check that fails is an error with the lines."""
    (three.root / "pyproject.toml").write_text('[tool.fsapi_nb]\nschema_file = "db/schema.sql"\n')
    cells.run("%migrate -n 1")
    assert cells.run("%schema --write").headline() == f"db/schema.sql is written: 1 object of {three.label}."
    assert cells.run("%migrate schema --check").headline() == f"db/schema.sql is what {three.label} has: 1 object."
    cells.run("%migrate -n 1")
    error, said = cells.fail("%schema --check")
    assert isinstance(error, NotUpToDate)
    assert "+CREATE TABLE public.two" in said
    assert "%schema --write" in said


def test_a_history_that_has_moved_is_put_right_in_cells(cells: Cells, three: Project) -> None:
    """Renamed, squashed, retired and restored; each is a value with its headline."""
    first, second = (sorted(path.name for path in three.folder.iterdir())[number] for number in (0, 1))
    cells.run("%migrate -n 2")
    (three.folder / first).rename(three.folder / first.replace("one", "uno"))
    assert cells.run("%migrate rename one uno").headline().startswith("Renamed 1 migration in the history on ")
    for name in (first.replace("one", "uno"), second):
        (three.folder / name).unlink()
    three.write_text(second.replace("two", "both"), "-- UP\nSELECT 'both';\n")
    said = cells.run("%migrate baseline both --replaces uno..two").headline()
    assert said.startswith("Recorded 1 migration as applied in the place of 2 that are retired on ")
    (three.folder / second.replace("two", "both")).unlink()
    assert cells.run("%migrate retire both").headline().startswith("Retired 1 migration on ")
    assert cells.run("%migrate retire --undo uno two").headline().startswith("Restored 2 migrations as applied on ")


def test_a_database_without_a_history_begins_in_one_cell(cells: Cells, project: Project, server: str) -> None:
    """Its schema is the first migration, which is proven on the server that is named."""
    project.rows("CREATE TABLE users (id int)")
    value = cells.run(f"%migrate baseline --from-database init --scratch {as_url(server)}")
    assert isinstance(value, BaselineResult)
    assert value.server.endswith(" of --scratch")
    assert "It creates 1 table." in repr(value)
    assert "<p>It creates 1 table.</p>" in value.html()
    assert cells.run("%migrate status").headline() == f"1 migration on {project.label}: 1 applied"
    error, _ = cells.fail("%migrate baseline --from-database")
    assert isinstance(error, UsageError)


def test_a_down_is_derived_in_cells(cells: Cells, three: Project, server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a cell, which is then the file with its DOWN, and of a file; what is not restored is an error."""
    with scratch_on(server, three, monkeypatch):
        value = cells.run("%%migration four --down --apply\n-- UP\nALTER TABLE one RENAME TO uno;\n")
        assert value.headline().startswith("The derived DOWN of four restores the catalog exactly (proven on a copy, ")
        assert three.has("uno")
        value = cells.run("%migrate down one --replace")
        assert "DROP TABLE public.one;" in repr(value)
        assert ">DROP</span>" in value.html()
        error, _ = cells.fail(
            "%%migration five --down\n-- UP\nALTER TABLE two ADD FOREIGN KEY (id) REFERENCES nothing;\n"
        )
        assert isinstance(error, ReplayFailed)
        error, _ = cells.fail(
            "%%migration six --down\n-- UP\nALTER TABLE two ADD PRIMARY KEY (id); CREATE TABLE k (id int REFERENCES two);\n"
            "-- DOWN\nSELECT 1;\n"
        )
        assert isinstance(error, UsageError)


def test_every_option_is_tried() -> None:
    """An option that is added to the table of verbs wants a test here."""
    flags = {flag for verb in VERBS for argument in verb.arguments for flag in argument.flags if flag[0] == "-"}
    flags |= {flag for argument in GLOBAL for flag in argument.flags}
    tried = {word for line, *_ in STORY for word in line.split()}
    assert flags - tried - ELSEWHERE == set()


@pytest.mark.parametrize("verb", [verb.name for verb in VERBS])
def test_every_verb_explains_itself(cells: Cells, verb: str) -> None:
    """`%migrate VERB --help` is text that is shown as it is."""
    text = cells.run(f"%migrate {verb} --help")
    assert isinstance(text, HelpText)
    assert repr(text).startswith(f"usage: %migrate {verb} ")


@pytest.mark.parametrize("line", ["%migrate --help", "%migrate -h", "%migrate help"])
def test_the_overview_names_every_verb(cells: Cells, line: str) -> None:
    """Who knows one magic finds the others."""
    text = cells.run(line)
    assert all(f"  {verb.name} " in text for verb in VERBS)
    assert all(magic in text for magic in ("%%migration", "%rollback", "%query", "%%query"))


@pytest.mark.parametrize(
    "line",
    ["%rollback --help", "%query --help", "%query -h", "%%query --help\nSELECT 1", "%%migration --help\nSELECT 1"],
)
def test_the_other_magics_explain_themselves(cells: Cells, line: str) -> None:
    """`--help` works on each of them and runs nothing."""
    assert isinstance(cells.run(line), HelpText)


def test_the_docstring_is_there_for_the_question_mark(cells: Cells) -> None:
    """`%rollback?` shows what IPython shows of any magic: its docstring."""
    cells.run("%rollback?")
    assert "Undo the last migration" in cells.said()


def test_a_plan_can_be_named_and_explored(cells: Cells, three: Project) -> None:
    """`p = %migrate plan` and then p is data: steps, and a DataFrame."""
    frame = cells.run("p = %migrate plan\np.to_frame()")
    assert list(frame["statement"]) == ["CREATE TABLE", "DO", "CREATE TABLE", "CREATE TABLE"]
    assert not three.has("one")


@pytest.mark.parametrize("line", ["%migrate status;", "%migrate ;", "%migrate plan --count 1 ;", "%rollback --all;"])
def test_a_semicolon_silences(cells: Cells, three: Project, line: str) -> None:
    """A final semicolon keeps the value away, and is no part of the arguments."""
    cells.run("%migrate --count 2;")
    cells.said()
    assert cells.run(line) is None
    assert cells.said() == ""


def test_a_magic_works_inside_a_function(cells: Cells, three: Project) -> None:
    """What a cell does, a function of the notebook may do."""
    value = cells.run("def go():\n    return get_ipython().run_line_magic('migrate', 'pending')\ngo()")
    assert len(value.statuses) == 3


def test_what_is_shown_is_the_same_on_two_databases(cells: Cells, three: Project, server: str, tmp_path: Path) -> None:
    """No text and no HTML has a time, a duration, a path or an address in it, so a stored notebook stays equal."""
    first = photograph(cells)
    name = three_name(three)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s", [name])
        connection.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(*map(sql.Identifier, (name, name + "_1"))))
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    (three.folder / f"{NAME}.sql").unlink()
    try:
        time.sleep(0.01)
        assert photograph(cells) == first
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name + "_1")))
    assert not [text for text in first if str(tmp_path) in text or "/var/" in text or " ms" in text]


def photograph(cells: Cells) -> list[str]:
    """Text and HTML of everything that a session shows, errors included."""
    lines = ["%migrate status", "%migrate plan", "%migrate", cell(), cell("--apply"), "%migrate status", "%rollback 2"]
    lines += ["%migrate history", "%migrate pending", "%migrate fresh --yes", "%query SELECT 1 AS one"]
    shown = [form for line in lines for value in [cells.run(line)] for form in (repr(value), value_html(value))]
    return [*shown, cells.fail(cell(amount=1))[1], cells.fail("%query SELECT nothing")[1]]


def value_html(value: Any) -> str:
    bundle = getattr(value, "_repr_mimebundle_", None)
    return str(bundle()[0]["text/html"] if bundle else value._repr_html_())


# -- the SQL that is sent ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("line", ["%query ", "%%query\n"])
def test_sql_reaches_the_server_as_it_is_written(cells: Cells, line: str) -> None:
    """Nothing in SQL is a variable, a parameter or a template: neither `$x` nor `{x}`, neither `%s` nor `:x`."""
    frame = cells.run(
        "x = 'wrong'\n" * (line[1] != "%")
        + f"{line}SELECT '$x {{x}} {{{{x}}}} %s :x %(x)s ?' AS t, '{{\"a\": 1}}'::json"
    )
    assert frame["t"][0] == "$x {x} {{x}} %s :x %(x)s ?"


def test_a_migration_cell_is_stored_as_it_is_written(cells: Cells, project: Project) -> None:
    """The file holds the cell byte for byte, lines that look like magics or comments of Python included."""
    body = "-- UP\nSELECT '$x {x} %s';  \n\n/*\n%time\n!ls\n# NBVAL_SKIP\n*/\nSELECT 'é😀';\n\n\n-- DOWN\nSELECT 1;\n"
    cells.run("x = 'wrong'")
    cells.run(f"%%migration {NAME}\n{body}")
    assert (project.folder / f"{NAME}.sql").read_text(encoding="utf-8") == body


def test_the_line_of_a_magic_is_not_expanded(cells: Cells) -> None:
    """A setting with a dollar or a brace in it arrives as it was typed."""
    cells.run("x = 'wrong'")
    frame = cells.run("%query --set note='$x{x}' SELECT current_setting('fsapi.note') AS note")
    assert frame["note"][0] == "$x{x}"


def test_a_query_returns_a_frame_typed_by_its_columns(cells: Cells) -> None:
    """What is explored is a DataFrame, typed even where there are no rows; the last statement with rows gives it."""
    frame = cells.run(
        "%%query\nSELECT 'no';\nSELECT 1::int4 AS n, NULL::bool AS b WHERE false;\nSET search_path = public;"
    )
    assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == {"n": "Int32", "b": "boolean"}
    assert len(frame) == 0


def test_a_query_without_rows_returns_what_was_done(cells: Cells, project: Project) -> None:
    """A statement that gives no rows shows its command, and is committed."""
    done = cells.run("%query CREATE TABLE t (id int)")
    assert isinstance(done, QueryResult)
    assert repr(done) == f"CREATE TABLE\non {project.label}"
    assert project.has("t")


# -- options of all verbs ----------------------------------------------------------------------------------------------


def test_the_database_and_the_folder_can_be_given_on_the_line(
    cells: Cells, three: Project, server: str, tmp_path: Path
) -> None:
    """`--database` and `--dir` win over what `%config` says, for this one line."""
    other = tmp_path / "other" / "migrations"
    other.mkdir(parents=True)
    assert cells.run(f"%migrate status --dir '{other}'").statuses == ()
    frame = cells.run(f"%query --database '{make_conninfo(server)}' SELECT current_database() AS name")
    assert frame["name"][0] != three_name(three)
    assert len(cells.run("%migrate status").statuses) == 3


def test_settings_travel_to_the_sql(cells: Cells, project: Project) -> None:
    """`--set`, `--lock-timeout` and `--statement-timeout` are seen by a migration."""
    names = ("fsapi.env", "lock_timeout", "statement_timeout")
    project.write(
        "see", f"CREATE TABLE seen AS SELECT {', '.join(f'current_setting({n!r}) AS c{n[0]}' for n in names)};"
    )
    cells.run("%migrate --set env=dev --lock-timeout 7s --statement-timeout 8s --max-wait 3;")
    assert project.rows("SELECT * FROM seen") == [("dev", "7s", "8s")]


def test_another_runner_is_waited_for_no_longer_than_asked(cells: Cells, three: Project) -> None:
    """`--max-wait 0` gives up at once, and the message names who holds the lock."""
    done = threading.Event()
    holding = threading.Event()
    keeper = threading.Thread(target=_hold_lock, args=(three, holding, done))
    keeper.start()
    try:
        assert holding.wait(30)
        error, text = cells.fail("%migrate --max-wait 0")
    finally:
        done.set()
        keeper.join()
    assert type(error).__name__ == "Locked"
    assert "pid " in text


def _hold_lock(project: Project, holding: threading.Event, done: threading.Event) -> None:
    """Hold the lock that a runner would take, until told."""
    from fsapi_nb.history.tables import Tables
    from fsapi_nb.postgres.advisory_lock import advisory_lock
    from fsapi_nb.postgres.connect import open_session

    with open_session(project.database, application="another runner", settings={}, writing=True) as session:
        key = Tables("public").lock_key(session.facts.database)
        with advisory_lock(session, key, max_wait=5, awaited=lambda _: None):
            holding.set()
            done.wait(30)


def test_the_binaries_of_the_embedded_server_can_be_given(cells: Cells, tmp_path: Path) -> None:
    """`--postgres-bin` is where the embedded server is taken from: a folder without one is an error of ours."""
    (tmp_path / "empty").mkdir()
    error, _ = cells.fail(f"%migrate status --database embedded --postgres-bin '{tmp_path / 'empty'}'")
    assert type(error).__name__ == "EmbeddedServerError"


def test_a_check_fails_the_cell(cells: Cells, three: Project) -> None:
    """`--check` turns what a status or plan shows into an error, so that a runbook stops there."""
    for line in ("%migrate status --check", "%migrate pending --check", "%migrate plan --check"):
        error, text = cells.fail(line)
        assert isinstance(error, NotUpToDate)
        assert text.startswith("NotUpToDate: ")
        assert "one.sql" in text


def protect(project: Project) -> None:
    """Make the project's database a protected one, named `main`."""
    (project.root / "pyproject.toml").write_text(
        f"[tool.fsapi_nb.databases.main]\nurl = {project.database!r}\nprotected = true\n", encoding="utf-8"
    )


def test_a_protected_database_wants_a_yes(cells: Cells, three: Project) -> None:
    """There, each magic that changes anything shows its plan first, and does it only with `--yes`."""
    protect(three)
    for line in ("%migrate", "%migrate baseline one", cell("--apply")):
        error, text = cells.fail(line)
        assert isinstance(error, ConfirmationRequired), line
        assert "--yes" in text
    assert three.applied() == []
    cells.run("%migrate --yes;")
    for line in ("%rollback", "%migrate redo"):
        assert isinstance(cells.fail(line)[0], ConfirmationRequired)
    cells.run("%rollback --yes;")
    cells.run("%migrate -y;")
    cells.run(cell("--apply --yes"))
    assert isinstance(cells.fail(cell("--redo", amount=2))[0], ConfirmationRequired)
    cells.run(cell("--redo -y", amount=2))
    assert three.value("SELECT count(*) FROM points") == 0


def test_a_protected_database_is_only_read_by_a_query(cells: Cells, three: Project) -> None:
    """`%query` cannot change it by accident; `--yes` says that it shall."""
    protect(three)
    error, text = cells.fail("%query CREATE TABLE t (id int)")
    assert isinstance(error, QueryFailed)
    assert "--yes" in text
    cells.run("%query --yes CREATE TABLE t (id int)")
    cells.run("%%query -y\nCREATE TABLE u (id int)")
    assert three.has("t")
    assert three.has("u")


def test_fresh_on_a_protected_database_wants_its_name(cells: Cells, three: Project) -> None:
    """`--yes` alone drops nothing there."""
    protect(three)
    cells.run("%migrate --yes;")
    assert isinstance(cells.fail("%migrate fresh --yes")[0], Protected)
    assert three.has("one")
    cells.run(f"%migrate fresh --yes --no-migrate --confirm {three_name(three)};")
    assert not three.has("one")


def test_fresh_shows_what_it_would_drop(cells: Cells, three: Project) -> None:
    """On no database does it drop anything before `--yes`."""
    cells.run("%migrate ;")
    error, text = cells.fail("%migrate fresh")
    assert isinstance(error, ConfirmationRequired)
    assert "drop    table public.one" in text
    assert three.has("one")


def test_a_late_file_is_applied_when_that_is_said(cells: Cells, three: Project) -> None:
    """On a protected database a file that sorts before an applied one needs `--out-of-order`."""
    protect(three)
    cells.run("%migrate --yes;")
    three.write("late", "CREATE TABLE late (id int);", name="2025_12_31_00_00_late.sql")
    assert isinstance(cells.fail("%migrate --yes")[0], OutOfOrder)
    assert isinstance(cells.fail("%migrate plan")[0], OutOfOrder)
    assert cells.run("%migrate plan --out-of-order").attention
    cells.run("%migrate --yes --out-of-order;")
    assert three.has("late")


@pytest.mark.parametrize(("answer", "runs_again"), [("--done", False), ("--retry", True), ("--undo", True)])
def test_a_step_in_doubt_is_resolved(cells: Cells, project: Project, answer: str, runs_again: bool) -> None:
    """`%migrate resolve NAME` takes any answer, and the next run goes on from there."""
    project.write("nap", "CREATE TABLE nap AS SELECT 62 AS seconds;")
    slow = "-- fsapi: transaction=off\nDO $$ BEGIN PERFORM pg_sleep(seconds) FROM nap; END $$;\nCREATE TABLE rested (id int);"
    name = project.write("slow", slow, "DROP TABLE rested;")
    kill_runner(project, "pg_sleep(seconds)")
    project.rows("UPDATE nap SET seconds = 0")
    assert [status.state.value for status in cells.run("%migrate status").statuses] == ["applied", "in doubt"]
    result = cells.run(f"%migrate resolve slow {answer} --yes")
    assert type(result) is RepairResult
    plan = cells.run("%migrate plan")
    assert ("DO" in set(plan.to_frame()["statement"])) is runs_again
    assert [done.name for done in cells.run("%migrate").done] == [name]
    assert project.has("rested")


def kill_runner(project: Project, statement: str) -> None:
    """Start a runner in another process, and kill it while that statement runs."""
    code = "import sys; from fsapi_nb import Migrator; Migrator(*sys.argv[1:]).migrate()"
    runner = subprocess.Popen([sys.executable, "-c", code, project.database, str(project.folder)])
    assert _seen(lambda: running(project, statement) == 1)
    runner.kill()
    runner.wait()
    assert _seen(lambda: running(project, statement) == 0)


# -- cells that are run again ------------------------------------------------------------------------------------------


def test_a_cell_that_is_run_again_changes_nothing(cells: Cells, project: Project) -> None:
    """The same text under the same name is the same migration, pending or applied."""
    assert cells.run(cell()).action == "created"
    before = (project.folder / f"{NAME}.sql").stat()
    assert cells.run(cell()).action == "unchanged"
    assert cells.run(cell("--apply")).run.done
    again = cells.run(cell("--apply"))
    assert (again.action, again.applied, again.run) == ("unchanged", True, None)
    assert (project.folder / f"{NAME}.sql").stat().st_mtime_ns == before.st_mtime_ns
    assert len(project.applied()) == 1


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("Create Orders", "did you mean `%%migration create_orders`?"),
        ("create_orders apply", "did you mean --apply?"),
        ("create_orders a/b", "such as add_phone_to_users."),
    ],
)
def test_a_name_of_several_words_is_asked_about(cells: Cells, project: Project, line: str, hint: str) -> None:
    """It may be a name, or an option without its dashes; nothing is written."""
    error, _ = cells.fail(f"%%migration {line}\n-- UP\nCREATE TABLE t (a int);\n")
    assert isinstance(error, UsageError)
    assert (error.message, error.hint) == ("the name of a migration is one word", hint)
    assert list(project.folder.iterdir()) == []


def test_a_cell_without_a_time_in_its_name_is_one_migration(cells: Cells, project: Project) -> None:
    """`%%migration add_points` makes a file named by the minute, and run again means that file."""
    assert cells.run(cell(name="add_points")).action == "created"
    assert cells.run(cell(name="add_points", amount=1)).action == "updated"
    assert cells.run(cell("--apply", name="add_points", amount=1)).action == "unchanged"
    (file,) = project.folder.iterdir()
    assert project.applied() == [file.name]


def test_an_edited_pending_cell_updates_its_file(cells: Cells, project: Project) -> None:
    """While nothing was applied, the cell is the draft and the file follows it."""
    cells.run(cell())
    assert cells.run(cell(amount=7)).action == "updated"
    assert "DEFAULT 7" in (project.folder / f"{NAME}.sql").read_text()
    assert not project.has("points")


def test_a_cell_that_says_the_same_in_other_lines_is_the_same(cells: Cells, project: Project) -> None:
    """Blanks and comments of an applied cell may change: what ran is what it says."""
    cells.run(cell("--apply"))
    result = cells.run(cell("--apply").replace("CREATE TABLE", "-- why\nCREATE  TABLE"))
    assert (result.action, result.run) == ("updated", None)


@pytest.mark.parametrize("options", ["", "--apply", "--apply --yes"])
def test_an_edited_applied_cell_is_refused_with_the_difference(cells: Cells, project: Project, options: str) -> None:
    """The file and the database are left as they are; the difference and the two ways on are shown."""
    cells.run(cell("--apply"))
    error, text = cells.fail(cell(options, amount=7))
    assert isinstance(error, Drifted)
    assert "\n  -CREATE TABLE points (customer text PRIMARY KEY, amount integer NOT NULL DEFAULT 0);" in text
    assert "\n  +CREATE TABLE points (customer text PRIMARY KEY, amount integer NOT NULL DEFAULT 7);" in text
    assert "--redo" in text
    assert "DEFAULT 0" in (project.folder / f"{NAME}.sql").read_text()


def test_redo_swaps_in_one_transaction(cells: Cells, project: Project) -> None:
    """The old version goes and the new one comes at one moment: both are written by the same transaction."""
    cells.run(cell("--apply"))
    result = cells.run(cell("--redo", amount=7))
    assert (result.action, [done.direction.value for done in result.run.done]) == ("updated", ["down", "up"])
    events = project.rows(
        "SELECT event, state, xmin::text FROM migrations_journal WHERE event <> 'schema' ORDER BY id DESC LIMIT 2"
    )
    assert [event[:2] for event in events] == [("up", "done"), ("down", "done")]
    assert len({xmin for *_, xmin in events}) == 1
    assert project.rows("INSERT INTO points VALUES ('Ada') RETURNING amount") == [(7,)]
    assert cells.run("%migrate status --check").statuses[0].state.value == "applied"


def test_a_redo_that_fails_leaves_the_old_one_applied(cells: Cells, project: Project) -> None:
    """The new text is refused by the server: tables, rows and history are those of the old one."""
    cells.run(cell("--apply"))
    project.rows("INSERT INTO points VALUES ('Ada')")
    error, _ = cells.fail(cell("--redo", amount="'much'"))
    assert isinstance(error, StatementFailed)
    assert error.sqlstate == "22P02"
    assert project.rows("SELECT * FROM points") == [("Ada", 0)]
    assert project.applied() == [f"{NAME}.sql"]


def test_redo_of_a_cell_that_is_not_applied_is_refused(cells: Cells, project: Project) -> None:
    """There is nothing to roll back, so that it is told, and no file is written."""
    error, text = cells.fail(cell("--redo"))
    assert isinstance(error, UsageError)
    assert "--apply" in text
    assert list(project.folder.iterdir()) == []


def test_apply_also_applies_what_is_pending_before(cells: Cells, three: Project) -> None:
    """A cell's migration never runs before older files."""
    result = cells.run(cell("--apply"))
    assert [done.name for done in result.run.done] == three.applied()
    assert three.applied()[-1] == f"{NAME}.sql"
    assert len(three.applied()) == 4


def test_a_faulty_cell_writes_no_file(cells: Cells, project: Project) -> None:
    """What cannot be a migration leaves nothing behind, in the folder or in the database."""
    for text in (
        "-- UP\nCREATE TABEL t (id int);\n",
        "-- UP\nSELECT 1;\n-- UP\nSELECT 2;\n",
        "-- DOWN\nSELECT 1;\n",
        "-- UP\n\\i other.sql\n",
        "",
    ):
        error, _ = cells.fail(f"%%migration {NAME} --apply\n{text}\n")
        assert isinstance(error, FsapiError), text
        assert list(project.folder.iterdir()) == [], text


# -- errors ------------------------------------------------------------------------------------------------------------


def broken(cells: Cells, project: Project) -> None:
    project.write("late", "SELECT 1;\n\nSELECT nothing;")


ERRORS: list[tuple[str, type[FsapiError], list[str]]] = [
    (
        f"%%migration {NAME}\n-- UP\nCREATE TABEL t (id int);\n",
        FaultyMigrations,
        [f"{NAME}", ":2:8: ", 'at or near "TABEL"', "  2 | CREATE TABEL t (id int);\n    |        ^"],
    ),
    (
        f"%%migration {NAME} --apply\n-- UP\nSELECT 1;\nUPDATE one SET idd = 1 WHERE idd = 2;\n",
        StatementFailed,
        [f"{NAME}.sql:3:", "[42703]", "  3 | UPDATE one SET idd", "^", "rolled back"],
    ),
    (
        "%query SELECT 'é', id FROM on",
        QueryFailed,
        ["[42601]", "  1 | SELECT 'é', id FROM on\n    |                     ^", "rolled back"],
    ),
    ("%%query\nSELECT 1;\nSELECT two", QueryFailed, ["  2 | SELECT two\n    |        ^", "[42703]"]),
    ("%rollback --to nowhere", UnknownMigration, ["nowhere"]),
    ("%migrate --database nowhere", ConfigurationError, ["no database is named 'nowhere'"]),
    ("%migrate --dir /nowhere/at/all", ConfigurationError, ["there is no folder"]),
    (
        f"%%migration {NAME}\n-- UP\nSELECT 1;\n-- UP\nSELECT 2;",
        MigrationFileError,
        [f"{NAME}", ":3:1: ", "  3 | -- UP\n    | ^"],
    ),
]


@pytest.mark.parametrize(("text", "kind", "parts"), ERRORS, ids=lambda value: getattr(value, "__name__", None))
def test_an_error_is_shown_in_a_few_lines(
    cells: Cells, three: Project, text: str, kind: type[FsapiError], parts: list[str]
) -> None:
    """What happened, where, with a caret, and what the database holds now: no Python traceback, one rendering."""
    cells.run("%migrate --to one;")
    error, shown = cells.fail(text)
    assert type(error) is kind
    assert shown.startswith(f"{kind.__name__}: ")
    assert not [part for part in parts if part not in shown], shown
    assert "Traceback" not in shown
    assert 'File "' not in shown
    assert ".py" not in shown
    assert len(shown.splitlines()) <= 8


@pytest.mark.parametrize(
    "line",
    [
        "%migrate stauts",
        "%migrate --sideways",
        "%migrate --coun 1",
        "%migrate --count many",
        "%migrate plan sideways",
        "%migrate plan --all",
        "%migrate status extra",
        "%migrate make",
        "%migrate make ../escape",
        "%migrate make 'no end",
        "%migrate --set env",
        "%migrate --set 1=2",
        "%migrate --lock-timeout soon",
        "%migrate redo one two",
        "%rollback sideways",
        "%rollback 1 --all",
        "%rollback -1",
        "%rollback 0",
        "%rollback --to one 2",
        "%query",
        "%query --sideways 1 SELECT 1",
        "%%query SELECT 1\nSELECT 2",
        "%%query\n  \n",
        "%%migration\nSELECT 1",
        "%%migration ../escape\n-- UP\nSELECT 1;",
        "%%migration a b\nSELECT 1",
        f"%%migration {NAME} --apply --redo\n-- UP\nSELECT 1;",
        "%migrate resolve one",
        "%migrate resolve one --done --retry",
    ],
)
def test_bad_usage_is_an_error_that_tests_see(cells: Cells, three: Project, line: str) -> None:
    """Never IPython's own UsageError, which sends no error output, so that nbval calls the notebook green."""
    cells.run("%migrate --to one;")
    error, shown = cells.fail(line)
    assert isinstance(error, UsageError), shown
    assert not isinstance(error, IPython.core.error.UsageError)
    assert shown.startswith(f"{type(error).__name__}: ")
    assert "Traceback" not in shown
    assert three.applied() == ["2026_01_01_00_00_one.sql"]


def test_a_password_is_in_no_output(cells: Cells) -> None:
    """Neither `%config`, nor an error of the connection, nor one of the address shows it."""
    cells.run("%config MigrateMagics.database = 'postgresql://ada:s3cret@127.0.0.1:1/none'")
    shown = cells.said()
    for line in ("%config MigrateMagics", "%config MigrateMagics.database"):
        cells.run(line)
        shown += cells.said()
    shown += cells.fail("%migrate")[1]
    for url in ("'postgresql://ada:s3cret@[broken'", "'host=127.0.0.1 port=1 password=s3cret'"):
        shown += cells.fail(f"%migrate status --database {url}")[1]
    assert shown
    assert "s3cret" not in shown


# -- the shell ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        *("rollback", "rollback;", "rollback --all", "rollback 2", "migrate", "migrate status", "query", "query 1"),
        *("schema", "schema orders"),
    ],
)
def test_a_bare_word_is_no_magic(cells: Cells, three: Project, line: str) -> None:
    """IPython's automagic, which is on, runs `pwd` as `%pwd`; a bare `rollback`, typed as SQL, rolls nothing back."""
    cells.run("%migrate ;")
    assert cells.run("pwd") == os.getcwd()
    error, _ = cells.fail(line)
    assert isinstance(error, NameError | SyntaxError)
    assert len(three.applied()) == 3


def test_a_variable_may_have_a_magic_s_name(cells: Cells) -> None:
    """`query = 1` and then `query` is a variable, as in any notebook."""
    cells.run("query = 41")
    assert cells.run("query") == 41
    assert cells.run("query + 1") == 42


def test_every_magic_has_a_second_name(cells: Cells, three: Project) -> None:
    """`%fsapi_migrate` and the others are ours whatever else is loaded."""
    assert len(cells.run("%fsapi_migrate status").statuses) == 3
    cells.run(cell("--apply").replace("%%migration", "%%fsapi_migration"))
    assert cells.run("%fsapi_rollback").headline() == f"Rolled back 1 migration on {three.label}."
    assert cells.run("%fsapi_query SELECT 1 AS one")["one"][0] == 1
    assert cells.run("%%fsapi_query\nSELECT 2 AS two")["two"][0] == 2


@magics_class
class Others(Magics):
    """The magics of another extension, SQLMesh's say."""

    @line_magic
    def migrate(self, line: str) -> str:
        """Not ours."""
        return f"theirs: {line}"


@pytest.fixture
def bare(shell: Any, capsys: pytest.CaptureFixture[str]) -> Iterator[Cells]:
    """Cells of a shell that has not loaded the extension."""
    cells = Cells(shell, capsys)
    yield cells
    cells.run("%unload_ext fsapi_nb")
    shell.magics_manager.magics["line"].pop("migrate", None)


def test_a_clash_of_names_is_told_and_undone(bare: Cells) -> None:
    """Who had `%migrate` before is named on loading, and has it back after unloading."""
    bare.shell.register_magics(Others(bare.shell))
    bare.said()
    bare.run("%load_ext fsapi_nb")
    told = bare.said()
    assert "%migrate was registered by tests.notebook.test_magics" in told
    assert "%fsapi_migrate" in told
    assert "%rollback" not in told
    assert isinstance(bare.run("%migrate --help"), HelpText)
    bare.run("%unload_ext fsapi_nb")
    assert bare.run("%migrate now") == "theirs: now"
    assert "not found" in bare.fail("%fsapi_migrate")[1]


def test_unloading_leaves_what_came_later(bare: Cells) -> None:
    """An extension loaded after ours that took a name keeps it."""
    bare.run("%load_ext fsapi_nb")
    bare.shell.register_magics(Others(bare.shell))
    bare.run("%unload_ext fsapi_nb")
    assert bare.run("%migrate now") == "theirs: now"


def test_loading_without_a_clash_says_nothing(bare: Cells) -> None:
    """Neither the first load nor a reload of our own magics is worth a word."""
    bare.said()
    bare.run("%load_ext fsapi_nb")
    bare.run("%load_ext fsapi_nb")
    bare.run("%reload_ext fsapi_nb")
    assert "was registered by" not in bare.said()


def test_unloading_leaves_nothing(bare: Cells) -> None:
    """No magic, no `%config` entry and no check of bare words is left."""
    before = (_magics(bare.shell), list(bare.shell.configurables), list(bare.shell.prefilter_manager.checkers))
    bare.run("%load_ext fsapi_nb")
    bare.run("%unload_ext fsapi_nb")
    after = (_magics(bare.shell), list(bare.shell.configurables), list(bare.shell.prefilter_manager.checkers))
    assert after == before


def _magics(shell: Any) -> dict[str, set[str]]:
    return {kind: set(names) for kind, names in shell.magics_manager.magics.items()}


def test_reloading_keeps_the_settings(cells: Cells, three: Project) -> None:
    """After `%reload_ext` the magics work on the same database, not on another that the environment names."""
    cells.run("%reload_ext fsapi_nb")
    assert cells.run("%migrate status").identity.database == three_name(three)
    assert sum(isinstance(each, MigrateMagics) for each in cells.shell.configurables) == 1


# -- interrupts --------------------------------------------------------------------------------------------------------


def interrupt_once(condition: Callable[[], bool]) -> threading.Thread:
    """A thread that sends this process what Ctrl-C sends, once the condition holds."""

    def wait_and_interrupt() -> None:
        if _seen(condition):
            os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=wait_and_interrupt)
    thread.start()
    return thread


def interrupt_during(project: Project, statement: str) -> threading.Thread:
    """The same, once a session is seen that runs the statement."""
    return interrupt_once(lambda: running(project, statement) > 0)


def running(project: Project, statement: str) -> int:
    """How many sessions are running a statement that holds these words."""
    others = "pid <> pg_backend_pid() AND datname = current_database() AND state = 'active'"
    return int(project.value(f"SELECT count(*) FROM pg_stat_activity WHERE {others} AND query LIKE '%{statement}%'"))


def waits_for_lock(project: Project) -> bool:
    """Whether a run has tried to take the lock that another one holds, or has asked who that is."""
    runs = "datname = current_database() AND application_name LIKE 'fsapi_nb%'"
    return bool(project.value(f"SELECT count(*) FROM pg_stat_activity WHERE {runs} AND query ~ 'advisory|pg_locks'"))


def _seen(condition: Callable[[], bool], seconds: float = 20) -> bool:
    """Whether the condition came true in time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def test_an_interrupt_ends_the_statement_and_rolls_back(cells: Cells, project: Project) -> None:
    """The server is told, nothing is left, the lock is free, and the cell says so in a few lines."""
    project.write("first", "CREATE TABLE first (id int);")
    slow = project.write("slow", "CREATE TABLE slow (id int);\nSELECT pg_sleep(60);")
    thread = interrupt_during(project, "pg_sleep(60)")
    started = time.monotonic()
    error, shown = cells.fail("%migrate")
    thread.join()
    assert time.monotonic() - started < 20
    assert isinstance(error, Interrupted)
    assert isinstance(error, KeyboardInterrupt)
    assert "Traceback" not in shown
    assert len(shown.splitlines()) <= 4
    assert "rolled back" in shown
    assert running(project, "pg_sleep") == 0
    assert (project.has("first"), project.has("slow")) == (True, False)
    assert [status.state.value for status in cells.run("%migrate status").statuses] == ["applied", "pending"]
    assert project.value("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == 0
    project.write_text(slow, "-- UP\nCREATE TABLE slow (id int);\n")
    assert cells.run("%migrate --max-wait 0").headline() == f"Applied 1 migration on {project.label}."


def test_an_interrupted_query_is_rolled_back(cells: Cells, project: Project) -> None:
    """The same for `%%query`: cancelled on the server, undone, the shell goes on."""
    thread = interrupt_during(project, "pg_sleep(61)")
    error, shown = cells.fail("%%query\nCREATE TABLE half (id int);\nSELECT pg_sleep(61);")
    thread.join()
    assert isinstance(error, KeyboardInterrupt)
    assert "Traceback" not in shown
    assert len(shown.splitlines()) <= 4
    assert running(project, "pg_sleep") == 0
    assert not project.has("half")
    assert cells.run("%query SELECT 1 AS one")["one"][0] == 1


def test_an_interrupt_while_waiting_for_another_runner_is_short(cells: Cells, three: Project) -> None:
    """Nothing was run yet, which the cell says in a few lines."""
    done, holding = threading.Event(), threading.Event()
    keeper = threading.Thread(target=_hold_lock, args=(three, holding, done))
    keeper.start()
    try:
        assert holding.wait(30)
        thread = interrupt_once(lambda: waits_for_lock(three))
        error, shown = cells.fail("%migrate")
        thread.join()
    finally:
        done.set()
        keeper.join()
    assert isinstance(error, Interrupted), shown
    assert len(shown.splitlines()) <= 4
    assert three.applied() == []


def test_a_check_cell_shows_its_outcome_and_fails_where_it_does_not_hold(cells: Cells, project: Project) -> None:
    """The promise and a mark; a broken one shows its rows and raises, so that a runbook stops there."""
    value = cells.run("%%check all is well\nSELECT 1 WHERE false")
    assert repr(value) == f"✓ all is well, on {project.label}"
    error, said = cells.fail("%%check 'no <b>rows</b>'\nSELECT '<i>' AS x")
    assert isinstance(error, AssertionViolated)
    assert "✗ no <b>rows</b>: does not hold, 1 row" in said
    assert "AssertionViolated: the check 'no <b>rows</b>' does not hold: 1 row" in said
    assert error.result is not None
    assert "&lt;i&gt;" in error.result.html()
    assert cells.fail("%%check\nSELECT 1")[0].__class__ is UsageError


def test_a_broken_check_of_a_migration_shows_its_rows_in_the_cell(cells: Cells) -> None:
    """The error of a magic has no name in the notebook, so what its check found stands above it."""
    cell = "%%migration odd --apply\n-- UP\nCREATE TABLE odd AS SELECT 7 AS seven;\n-- CHECK: it is empty\nTABLE odd;\n"
    error, said = cells.fail(cell)
    assert isinstance(error, AssertionViolated)
    assert "✗ it is empty: does not hold, 1 row" in said
    assert "seven" in said.partition("AssertionViolated: ")[0]
    assert error.hint == "the rows are above."


def test_a_changed_working_directory_makes_no_second_folder(
    cells: Cells, project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A cell that would begin one is refused with both places; `--dir`, or `%config`, says which is meant."""
    monkeypatch.chdir(project.root)
    cells.run("%config MigrateMagics.directory = None")
    cells.run("%%migration one\nCREATE TABLE one (id int);")
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    monkeypatch.chdir(elsewhere)
    for cell in ("%%migration two\nCREATE TABLE two (id int);", "%migrate make two", "%migrate"):
        error, said = cells.fail(cell)
        assert isinstance(error, ConfigurationError)
        assert str(elsewhere / "migrations") in said
        assert f"%config MigrateMagics.directory = '{project.folder}'" in said
    assert not (elsewhere / "migrations").exists()
    assert cells.run("%query SELECT 1 AS one")["one"][0] == 1
    cells.run("%migrate make two --dir migrations")
    assert len(list((elsewhere / "migrations").iterdir())) == 1


def test_a_pooler_is_named_on_the_line(cells: Cells, three: Project) -> None:
    """In session mode only; without a pooler the option changes nothing."""
    assert cells.run("%migrate status --pooler session").identity.label == three.label
    error, _ = cells.fail("%migrate status --pooler transaction")
    assert isinstance(error, ConfigurationError)
    assert error.message == "--pooler can only be 'session' (got 'transaction')"
