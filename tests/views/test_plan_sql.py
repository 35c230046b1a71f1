"""`plan --sql`: the script itself on a terminal; in a notebook something to read, bounded and without secrets."""

from __future__ import annotations

import json

import pytest

from fsapi_nb.cli import main
from fsapi_nb.text.fold import OUTPUT
from fsapi_nb.views.results import PlanScriptResult
from tests.conftest import Project
from tests.run.scripts import run_script

SECRET = "hunter2-hunter2"


def written(project: Project) -> PlanScriptResult:
    """What `%migrate plan --sql` shows."""
    plan = project.migrator().plan(sql=True)
    assert plan.script is not None
    return PlanScriptResult(plan.headline(), plan.script, plan.identity)


def terminal(project: Project, *words: str) -> list[str]:
    return [*words, "--database", project.database, "--dir", str(project.folder)]


def test_a_terminal_gets_the_script_and_nothing_else(
    project: Project, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """Byte for byte as Python gives it, so that it can be written to a file, or piped into psql."""
    project.write(
        "t", 'CREATE TABLE "Größe" (i int, s text);\r\nCOPY "Größe" FROM stdin;\n1\tü\n\\.\n', 'DROP TABLE "Größe";'
    )
    assert main(terminal(project, "migrate:plan", "--sql")) == 0
    output = capsysbinary.readouterr()
    assert (output.out, output.err) == (project.migrator().plan(sql=True).to_sql().encode(), b"")
    assert run_script(output.out.decode(), project.database).returncode == 0
    assert main(terminal(project, "migrate:plan", "rollback", "--sql", "--json")) == 0
    document = json.loads(capsysbinary.readouterr().out)
    assert document["sql"] == project.migrator().plan("rollback", sql=True).to_sql()
    assert document["values"] == []


def test_the_options_of_a_plan_count_for_its_script(
    project: Project, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """Its names, how far it goes; a refusal writes nothing to stdout."""
    project.write("one", "CREATE TABLE one (i int);")
    project.write("two", "CREATE TABLE two (i int);")
    assert main(terminal(project, "migrate:plan", "--to", "one", "--sql")) == 0
    assert b"two" not in capsysbinary.readouterr().out
    assert main(terminal(project, "migrate:plan", "fresh", "--sql")) == 1
    output = capsysbinary.readouterr()
    assert (output.out, b"cannot be written as a script" in output.err) == (b"", True)


def test_a_notebook_shows_no_secret(project: Project) -> None:
    """The script holds what the file holds; what is stored has stars, in text, HTML and DataFrame, and no data."""
    project.write("t", f"CREATE ROLE r PASSWORD '{SECRET}';\nCREATE TABLE t (i int);\nCOPY t FROM stdin;\n123\n\\.\n")
    shown = written(project)
    assert SECRET in shown.script.text()
    text = repr(shown) + shown.html() + shown.to_frame().to_string()
    assert SECRET not in text
    assert "CREATE ROLE r PASSWORD '***';" in repr(shown)
    assert "-- (4 bytes of data)" in repr(shown)
    assert "to be read, not to be run" in repr(shown)


def test_a_notebook_stores_no_more_than_an_output_may_take(project: Project) -> None:
    """Of a long script, its beginning and its end."""
    for number in range(60):
        project.write(f"t{number}", f"CREATE TABLE t{number} (i int, s text DEFAULT '{'x' * 500}');")
    shown = written(project)
    data, metadata = shown._repr_mimebundle_()
    assert len(json.dumps([data, metadata], ensure_ascii=False).encode()) < OUTPUT
    assert "lines more" in data["text/html"]
    assert "lines more" in data["text/plain"]


def test_a_script_is_the_same_each_time(project: Project) -> None:
    """No time, no id of a run, no host: it can be kept in version control, and compared."""
    project.write("t", "CREATE TABLE t (i int);", "DROP TABLE t;")
    assert project.migrator().plan(sql=True).to_sql() == project.migrator().plan(sql=True).to_sql()
