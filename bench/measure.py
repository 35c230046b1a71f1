"""Runs one command and says what it took: seconds, client CPU, peak memory. It knows no tool and no database."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.figures import Sample

_LAUNCH = Path(__file__).with_name("launch.py")
_LONGEST = 900.0  # seconds until a way has failed
_SETTINGS = ("DATABASE_URL", "DB_", "PG", "DBMATE_", "PYTHON", "VIRTUAL_ENV")


class Failed(Exception):
    """A way did not do its work; the message is the last that it said."""


def run_process(command: Sequence[object], *, folder: Path, environment: Mapping[str, str] | None = None) -> Sample:
    """Run a command of words and paths in a folder; return what its whole process took.

    Of the environment it sees what names no database and steers no Python. Raises Failed where its exit code is not 0
    or it takes too long.
    """
    with tempfile.TemporaryFile() as said, tempfile.TemporaryFile("w+") as told:
        launched = [sys.executable, "-I", "-S", str(_LAUNCH), str(told.fileno()), *map(str, command)]
        process = subprocess.Popen(
            launched,
            cwd=folder,
            env={**_neutral(), **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            pass_fds=[told.fileno()],
            start_new_session=True,
        )
        try:
            process.wait(_LONGEST)
        except subprocess.TimeoutExpired:
            raise Failed(f"took longer than {_LONGEST:.0f} s") from None
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        told.seek(0)
        report = json.loads(told.read() or '{"code": 127}')
        if report.pop("code"):
            said.seek(0)
            raise Failed(_cause(said.read().decode(errors="replace")))
        return Sample(**report)


def run_child(work: str, *arguments: object, folder: Path) -> tuple[Sample, Sample]:
    """Let a fresh interpreter do one of the works of `bench.child`; return what the work took, and the process.

    The work's own sample has no start-up and no imports in it, as in a kernel that runs already; its peak is the
    process's.
    """
    environment = {"PYTHONPATH": str(Path(__file__).parent.parent)}
    with tempfile.NamedTemporaryFile("r") as told:
        command = [sys.executable, "-m", "bench.child", told.name, work, *arguments]
        whole = run_process(command, folder=folder, environment=environment)
        inner = json.load(told)
    return Sample(inner["seconds"], inner["cpu"], whole.peak), whole


def _neutral() -> dict[str, str]:
    """The environment without what would steer a tool elsewhere."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_SETTINGS)}


def _cause(text: str) -> str:
    """The last line that says which error it was, else the last line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if re.search(r"error:\s", line, re.IGNORECASE)]
    return (errors or lines or ["it said nothing"])[-1]
