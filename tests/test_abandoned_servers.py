"""A pytest that is killed can end no server: the next session does, and leaves alone those of sessions that live."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from fsapi_nb.servers import embedded
from tests import session_servers
from tests.conftest import ROOT

SECONDS = 60
TESTS = {
    "of_the_session": """
def test_waits(server):
    wait(server)
""",
    "of_a_test": """
def test_waits(tmp_path):
    wait(embedded.attach(tmp_path / "a project" / ".fsapi_nb"))
""",
    "beside_a_forked_child": """
def test_waits(server):
    if os.fork() == 0:
        time.sleep(600)
    wait(server)
""",
}
WAITING = """
import os, sys, time
from fsapi_nb.servers import embedded

def wait(address):
    print(f"waiting:{os.getpid()}:{address}", file=sys.__stdout__, flush=True)
    time.sleep(600)
"""


class Sessions:
    """Sessions of pytest in a folder, with the fixtures of these tests and a folder of their own for abandoned servers."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "test_nothing.py").write_text("def test_nothing():\n    pass\n", encoding="utf-8")

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a session in a process group of its own."""
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "tests.conftest", "-q", *arguments]
        return subprocess.Popen(
            command,
            cwd=self.root,
            env=os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(self.root), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def kill_one(self, test: str) -> str:
        """Kill a session that waits in this test; return the address of its server, which runs on."""
        (self.root / "test_waits.py").write_text(WAITING + test, encoding="utf-8")
        with self.start("-s", "test_waits.py") as session:
            assert session.stdout is not None
            line = next(line for line in session.stdout if line.startswith("waiting:"))
            session.kill()
        return line.split(":", 2)[2].strip()

    def run(self) -> None:
        """Run a session that needs no server."""
        with self.start("test_nothing.py") as session:
            said, _ = session.communicate(timeout=SECONDS)
        assert session.returncode == 0, said

    def known(self) -> list[Path]:
        """Return the folders of sessions that live or were killed."""
        (folder,) = self.root.glob("fsapi_nb-tests-*")
        return [path for path in folder.iterdir() if path.is_dir()]


@pytest.fixture
def sessions(tmp_path: Path) -> Iterator[Sessions]:
    """Sessions in a folder of the test's own; nothing of them is left."""
    yield Sessions(tmp_path)
    for record in list(tmp_path.rglob("postgres-*/server.json")):
        embedded.destroy(record.parent.parent)


def answers(address: str) -> bool:
    """Whether there is a server."""
    try:
        psycopg.connect(address).close()
    except psycopg.OperationalError:
        return False
    return True


@pytest.mark.parametrize("which", TESTS)
def test_the_next_session_ends_the_server_of_one_that_was_killed(sessions: Sessions, which: str) -> None:
    """Its data are gone, too; so it is for a server that a test has started, and if a child of the session lives on."""
    address = sessions.kill_one(TESTS[which])
    assert answers(address)
    assert len(sessions.known()) == 1
    sessions.run()
    assert not answers(address)
    assert sessions.known() == []
    assert not list(sessions.root.rglob("server.json"))


def test_a_session_that_lives_keeps_its_server(sessions: Sessions) -> None:
    """Another session begins and ends meanwhile."""
    (sessions.root / "test_waits.py").write_text(WAITING + TESTS["of_the_session"], encoding="utf-8")
    with sessions.start("-s", "test_waits.py") as session:
        assert session.stdout is not None
        line = next(line for line in session.stdout if line.startswith("waiting:"))
        sessions.run()
        assert answers(line.split(":", 2)[2].strip())
        os.killpg(session.pid, signal.SIGINT)
        session.communicate(timeout=SECONDS)
    assert sessions.known() == []


def test_a_session_that_ends_leaves_no_folder(pytestconfig: pytest.Config) -> None:
    """This one's is there as long as it lives."""
    assert session_servers.folder_of(pytestconfig).is_dir()
    assert session_servers.folder_of(pytestconfig).parent == session_servers.FOLDER
