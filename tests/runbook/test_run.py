"""Runbooks executed for real: what becomes of the database, of the journal, and of the record."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.canary import traces
from tests.conftest import Project
from tests.runbook.conftest import Runbooks, code, text

SECONDS = 60


def sleeping(project: Project) -> int:
    """How many statements are asleep on the project's database."""
    return int(project.value("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"))


def await_sleeping(project: Project, count: int) -> None:
    """Wait until so many statements are asleep."""
    began = time.monotonic()
    while sleeping(project) != count:
        assert time.monotonic() - began < SECONDS
        time.sleep(0.05)


def test_all_of_a_runbook_works_in_the_schema_that_it_was_started_for(runbooks: Runbooks) -> None:
    """Its cells need not say it, and the journal of that schema has the run."""
    project = runbooks.project
    project.rows("CREATE SCHEMA t_a")
    project.write("users", "CREATE TABLE users (id int);", "DROP TABLE users;")
    done = runbooks.run(runbooks.write(code("%migrate", id="apply")), "--schema", "t_a", "--json")
    assert done.code == 0, done.err
    assert project.has("t_a.users")
    assert project.value("SELECT DISTINCT runbook FROM t_a.migrations_journal") == done.json["runbook"]
    assert not project.has("public.migrations")


def test_a_runbook_is_executed_and_leads_back(runbooks: Runbooks) -> None:
    """The journal names notebook, cell and run; the report lists these rows; the notebook itself is as it was."""
    name = runbooks.project.write("users", "CREATE TABLE users (id int);", "DROP TABLE users;")
    cells = [
        text("# Users\n\nWith **care**."),
        code("count = 1\nreason = 'a trial'", "parameters", id="parameters"),
        code("%migrate plan", id="plan"),
        code("%migrate", id="apply"),
        code("%%check users are there\nSELECT to_regclass('users') IS NOT NULL AS there", id="verify"),
        code("(count, reason)", id="values"),
    ]
    notebook = runbooks.write(*cells)
    before = notebook.read_bytes()
    done = runbooks.run(notebook, "-p", "count=3", "-r", "reason=7", "--json")
    assert done.code == 0, done.err
    assert notebook.read_bytes() == before
    run = done.json["runbook"]
    assert runbooks.journal() == [("up", "done", name, "change.ipynb", "apply", run)]
    kept = runbooks.project.rows("SELECT cell, runbook FROM migrations_journal WHERE event = 'schema'")
    assert kept == [("apply", run)]
    values = {cell["id"]: cell for cell in done.executed.cells}
    assert values["injected-parameters"].source == "# Parameters\ncount = 3\nreason = '7'"
    assert values["values"].outputs[0].data["text/plain"] == "(3, '7')"
    assert done.executed.metadata.fsapi_nb["state"] == "done"
    for shown in (
        run,
        "users are there",
        name,
        "change.ipynb",
        "<strong>care</strong>",
        "Succeeded",
    ):
        assert shown in done.report
    assert [each["passed"] for each in done.json["checks"]] == [True]
    (row,) = done.json["journal"]
    assert f'<a href="#journal-{row["id"]}">' in done.report
    assert '<a href="#cell-6">cell 6</a>' in done.report
    assert "[5/8] %migrate plan" in done.err
    back = runbooks.sapi("migrate:history", "--runbook", run, "--database", runbooks.project.database, "--json")
    assert [(e["cell"], e["runbook"]) for e in back.json["events"]] == [("apply", run)]
    shown = runbooks.sapi("migrate:history", "--database", runbooks.project.database).out
    assert f"change.ipynb cell apply\n  runbook {run}\n" in shown
    other = runbooks.sapi("migrate:history", "--runbook", "another", "--database", runbooks.project.database)
    assert "0 events in the journal of the runbook's run another" in other.out


def test_one_that_fails_says_exactly_where(runbooks: Runbooks) -> None:
    """Cell, file and line, in the report and in the journal; what was before is kept, what comes after is not run."""
    good = runbooks.project.write(
        "good", "CREATE TABLE good (i int);\nDO $$ BEGIN RAISE NOTICE '<script>n</script>'; END $$;"
    )
    bad = runbooks.project.write("bad", 'CREATE TABLE bad (i int);\nSELECT 1 AS "<script>", 1 / 0;')
    notebook = runbooks.write(
        text("# <script>alert('t')</script>"),
        code("%migrate --count 1", id="first"),
        code("%migrate", id="second"),
        code("print('not reached')", id="after"),
    )
    done = runbooks.run(notebook)
    assert (done.code, done.out) == (1, "")
    assert "in cell 4 (second): %migrate" in done.err
    assert f"StatementFailed: {bad}:3: division by zero [22012]" in done.err
    assert [(*row[:3], row[4]) for row in runbooks.journal()] == [
        ("up", "done", good, "first"),
        ("up", "failed", bad, "second"),
    ]
    assert runbooks.project.rows("SELECT message FROM migrations_journal WHERE state = 'failed'") == [
        ("line 3: division by zero [22012]",)
    ]
    assert runbooks.project.has("good")
    assert not runbooks.project.has("bad")
    cells = {cell["id"]: cell for cell in done.executed.cells}
    assert cells["second"].outputs[-1].ename == "StatementFailed"
    assert cells["after"].outputs == []
    assert f"{bad}:3: division by zero" in done.report
    assert '<a href="#cell-4">cell 4</a>' in done.report
    assert "not reached</span>" in done.report
    assert "<script" not in done.report
    assert "&lt;script&gt;n&lt;/script&gt;" in done.report


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_one_is_over_at_once(runbooks: Runbooks, number: signal.Signals) -> None:
    """The statement is cancelled on the server, its migration undone, the kernel gone; the record says so."""
    nap = runbooks.project.write("nap", "CREATE TABLE nap (i int);\nSELECT pg_sleep(60);")
    notebook = runbooks.write(code("import os; print(os.getpid())", id="who"), code("%migrate", id="sleep"))
    folder = runbooks.new_folder()
    command = [sys.executable, "-m", "fsapi_nb.cli", "runbook:run", str(notebook), "--json", "--output", str(folder)]
    with subprocess.Popen(
        [*command, "--database", runbooks.project.database], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as sapi:
        await_sleeping(runbooks.project, 1)
        sapi.send_signal(number)
        out, err = sapi.communicate(timeout=SECONDS)
    assert sapi.returncode == 130, err
    assert sleeping(runbooks.project) == 0
    told = json.loads(out)
    assert (told["state"], told["failure"]["cell"], told["failure"]["error"]) == ("interrupted", "sleep", "Interrupted")
    assert f"Database: {nap} was rolled back and left nothing behind." in told["failure"]["lines"]
    assert [(*row[:2], row[4]) for row in runbooks.journal()] == [("up", "failed", "sleep")]
    report = Path(told["files"]["report"]).read_text(encoding="utf-8")
    assert "Interrupted</span> after" in report
    executed = json.loads(Path(told["files"]["notebook"]).read_text(encoding="utf-8"))
    kernel = int("".join(executed["cells"][1]["outputs"][0]["text"]))
    with pytest.raises(ProcessLookupError):
        os.kill(kernel, 0)


def test_a_kernel_that_dies_is_told_of(runbooks: Runbooks) -> None:
    """With the cell, and what was committed before."""
    notebook = runbooks.write(
        code("%query CREATE TABLE before (i int)"),
        code("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", id="deadly"),
    )
    done = runbooks.run(notebook, "--json")
    assert done.code == 1
    assert (done.json["failure"]["cell"], done.json["failure"]["error"]) == ("deadly", "KernelDied")
    assert "the kernel died while this cell was running." in done.report
    assert runbooks.project.has("before")


def test_errors_that_are_expected_are_no_end(runbooks: Runbooks) -> None:
    """A cell tagged raises-exception may fail; one that names another database, or no magic that there is, may not."""
    notebook = runbooks.write(
        code("%query SELECT nothing", "raises-exception", id="expected"),
        code("%migrate status --database postgresql://u@elsewhere/x", "raises-exception", id="elsewhere"),
        code("%no_such_magic", id="unknown"),
    )
    done = runbooks.run(notebook, "--json")
    assert done.code == 1
    assert [cell["state"] for cell in done.json["cells"]] == ["done", "done", "done", "failed"]
    (refused,) = done.executed.cells[2].outputs
    assert refused.evalue.startswith("this cell names another database than the runbook was started on")
    assert "no_such_magic" in " ".join(done.json["failure"]["lines"])


def test_a_secret_is_nowhere_in_the_record(runbooks: Runbooks, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not in sources, outputs, errors, tracebacks, names or numbers; though the cells have it."""
    given, named, own, structure = "s3cr&t<'value", "98765432", "own-default-value", "metadata"
    monkeypatch.setenv("key", named)
    notebook = runbooks.write(
        code(f"api_token = '{structure}'\nkey = 0\nplain = '{own}'  # secret\nshown = 1", "parameters"),
        code("print(api_token); print(repr(api_token)); api_token", id="printed"),
        code("import pandas, json\npandas.DataFrame({api_token: [key, plain]})"),
        code(
            "from IPython.display import JSON, HTML, display\ndisplay(JSON({api_token: int(key)}), HTML(f'<b>{plain}</b>'))"
        ),
        code("import sys\nfor letter in api_token: sys.stderr.write(letter); sys.stderr.flush()"),
        code("%query --param api_token SELECT $1 AS value"),
        code("%query --param api_token SELECT $1::int"),
        code("def f(value): raise ValueError(value)"),
    )
    done = runbooks.run(notebook, "-p", f"api_token={given}", "--secret", "key", "--json")
    kept = [file.read_text(encoding="utf-8") for file in done.folder.iterdir()]
    assert len(kept) == 2
    for secret in (given, "s3cr", named, own):
        assert not [text for text in (*kept, done.out, done.err) if secret in text]
    assert done.code == 1
    assert done.json["failure"]["error"] == "QueryFailed"
    assert done.executed.cells[1].source == "api_token = '***'\nkey = 0\nplain = '***'  # secret\nshown = 1"
    assert done.executed.cells[3].outputs[0].text == '***\n"***"\n'
    assert done.json["parameters"] == {"api_token": "***", "key": "***", "plain": "***", "shown": "1"}


def test_the_projects_passwords_are_in_no_record(runbooks: Runbooks, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of other databases, too; whichever file or variable has them, and whatever a cell makes of them."""
    names = ("env", "service", "file", "named", "typed", "cloud")
    secrets = {name: hashlib.sha256(name.encode()).hexdigest()[:32] for name in names}
    root = runbooks.project.root
    (root / ".env").write_text(
        f"DATABASE_URL=postgresql://u:{secrets['env']}@localhost/x\nSERVICE_TOKEN={secrets['service']}\n"
    )
    (root / "pyproject.toml").write_text(
        "[tool.fsapi_nb.databases]\n"
        f'one = "postgresql://u:{secrets["file"]}@localhost/x"\ntwo = {{ url_env = "TWO" }}\n'
    )
    monkeypatch.setenv("TWO", f"postgresql://u:{secrets['named']}@localhost/x")
    monkeypatch.setenv("CLOUD_API_KEY", secrets["cloud"])
    notebook = runbooks.write(
        code("dsn = None\napi_key = None\npwd = None", "parameters"),
        code(
            f"import pandas, pprint\nfound = {list(secrets.values())}\npandas.DataFrame({{'a': [x * 2 for x in found]}})"
        ),
        code("pprint.pprint([' '.join(found)], width=30); print(dsn)"),
        code("print(*(x[:24] for x in found))"),
        code("raise ValueError(found)"),
    )
    address = f"postgresql://u:{secrets['typed']}@localhost/x"
    done = runbooks.run(notebook, "-p", f"dsn={address}", "--json")
    kept = "".join(file.read_text(encoding="utf-8") for file in done.folder.iterdir())
    assert done.json["failure"]["error"] == "ValueError"
    for secret in secrets.values():
        assert not traces(kept + done.out + done.err, secret)


def test_a_protected_database_wants_a_yes(runbooks: Runbooks) -> None:
    """Once, when the runbook is started; then its cells run as they are, and the report says that it was given."""
    project = runbooks.project
    project.write("users", "CREATE TABLE users (id int);")
    table = "[tool.fsapi_nb.databases.live]\nurl_env = 'LIVE'\nprotected = true\n"
    (project.root / "pyproject.toml").write_text(table, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LIVE", project.database)
        notebook = runbooks.write(code("%migrate", id="apply"), code("%migrate fresh", id="fresh"))
        refused = runbooks.run(notebook, database="live")
        assert refused.code == 2
        assert "the database live is protected: no cell was run" in refused.err
        assert "pass --yes" in refused.err
        assert not refused.folder.exists()
        done = runbooks.run(notebook, "--yes", "--json", database="live")
    assert project.has("users")
    assert "yes; the run was confirmed with --yes" in done.report
    assert (done.json["failure"]["cell"], done.json["failure"]["error"]) == ("fresh", "Protected")
    assert done.json["database"]["name"] == "live"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["-p", "lmit=3"], "the notebook has no parameter 'lmit'"),
        (["--secret", "lmit"], "the notebook has no parameter 'lmit'"),
        (["-p", "limit"], "a parameter is not NAME=VALUE"),
        (["-p", "token=abc"], "the secret 'token' is too short"),
        (["--rollback"], "has no cell tagged rollback"),
        (["--sideways"], "sapi runbook:run has no option --sideways"),
    ],
)
def test_what_is_typed_wrong_runs_nothing(runbooks: Runbooks, options: list[str], said: str) -> None:
    """Exit code 2, what would be right, and no record of anything."""
    done = runbooks.run(runbooks.write(code("limit = 1\ntoken = ''", "parameters"), code("%migrate")), *options)
    assert done.code == 2
    assert said in done.err
    assert not done.folder.exists()


def test_what_is_no_notebook_is_told(runbooks: Runbooks) -> None:
    """A file that is not there, one that is no notebook, and one of another language."""
    other = runbooks.write(name="r.ipynb")
    other.write_text(
        other.read_text().replace(
            '"metadata": {}', '"metadata": {"kernelspec": {"language": "R", "name": "ir", "display_name": "R"}}'
        )
    )
    broken = runbooks.folder / "broken.ipynb"
    broken.write_text("{")
    for path, said in (
        (runbooks.folder / "gone.ipynb", "there is no notebook gone.ipynb"),
        (broken, "broken.ipynb is not a notebook"),
        (other, "r.ipynb is a notebook for R, not for Python"),
    ):
        done = runbooks.run(path)
        assert done.code == 2
        assert said in done.err


@pytest.mark.parametrize("kind", ["ipynb", "html"])
def test_a_record_that_cannot_be_written_in_the_end_is_an_error_with_its_place(runbooks: Runbooks, kind: str) -> None:
    """The cells have run by then, and the error says what became of them; a disk that is full is like that."""
    blocks = (
        "from pathlib import Path\n"
        f"for file in Path({str(runbooks.project.root)!r}).glob('records-*/change.*.ipynb'):\n"
        f"    (file.parent / f'.{{file.stem}}.{kind}.unfinished').mkdir()"
    )
    runbooks.project.write("one", "CREATE TABLE one (i int);")
    done = runbooks.run(runbooks.write(code("%migrate"), code(blocks)))
    assert done.code == 2
    assert re.search(rf"change\.\S+\.{kind} cannot be written: Is a directory", done.err)
    assert "Database: what was not committed is rolled back; `sapi migrate:status` shows the outcome." in done.err
    assert len(runbooks.project.applied()) == 1
