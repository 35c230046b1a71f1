"""Run squawk, the linter of the extra `lint`, on SQL that it reads from its input.

It is the program that the installed package `squawk-cli` has, never one that is found by a PATH. It reads no
configuration of the project, gets no variable that may hold a secret, writes no file, and connects to nothing.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from fsapi_nb.project.programs import communicate

_PACKAGE = "squawk-cli"
_PROGRAMS = {"squawk", "squawk.exe"}
_SECONDS = 5.0
_FOUND = {0, 1}  # exit codes: nothing was found, something was
# What a program needs to be loaded at all.
_ENVIRONMENT = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT")


class SquawkFailed(Exception):
    """The reason why squawk has not answered."""


class SquawkFinding(NamedTuple):
    """What squawk has found, at places of its input: lines and columns from zero, columns in bytes."""

    rule: str
    line: int
    column: int
    message: str
    help: str | None


@dataclass(frozen=True, slots=True)
class Squawk:
    """The installed program."""

    path: str

    def run(self, text: str, *, in_transaction: bool, version: int) -> list[SquawkFinding]:
        """Return what squawk finds in a text, in its order.

        Args:
            text: The SQL.
            in_transaction: Whether it runs in one transaction.
            version: PostgreSQL's major version.

        Raises:
            SquawkFailed: It cannot be run, takes too long, or answers something else.
        """
        options = ["--assume-in-transaction"] if in_transaction else []
        command = [
            self.path,
            *("--config", os.devnull, "--reporter", "json", "--stdin-filepath", "script.sql"),
            *(f"--pg-version={version}.0", *options),
        ]
        return _read(*_communicate(command, text))


def find_squawk() -> Squawk | None:
    """Return the program of the installed package; None if it is not installed."""
    try:
        files = importlib.metadata.files(_PACKAGE) or []
    except importlib.metadata.PackageNotFoundError:
        return None
    paths = (os.path.normpath(str(file.locate())) for file in files if file.name in _PROGRAMS)
    return next((Squawk(path) for path in paths if os.access(path, os.X_OK)), None)


def _communicate(command: list[str], text: str) -> tuple[str, str, int]:
    """Return what the program writes to its output and its errors, and its exit code. Raises SquawkFailed."""
    try:
        with subprocess.Popen(
            command,
            cwd=os.path.abspath(os.sep),
            env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        ) as process:
            output, complaint = communicate(process, _SECONDS, text)
    except subprocess.TimeoutExpired:
        raise SquawkFailed(f"it took more than {_SECONDS:.0f} s") from None
    except OSError as error:
        raise SquawkFailed(f"it cannot be run: {error.strerror}") from None
    return output, complaint, process.returncode


def _read(output: str, complaint: str, code: int) -> list[SquawkFinding]:
    """Return what an answer says. Raises SquawkFailed if it is not one."""
    if code not in _FOUND:
        said = next(iter(complaint.strip().splitlines()), "")
        raise SquawkFailed(f"it ended with code {code}" + (f": {said[:200]}" if said else ""))
    try:
        return [_finding(each) for each in json.loads(output)[:]]  # a slice: of a list only
    except (ValueError, TypeError, KeyError, RecursionError):
        raise SquawkFailed("its answer cannot be read") from None


def _finding(said: Mapping[str, object]) -> SquawkFinding:
    """Return one finding of the answer. Raises KeyError, TypeError or ValueError if it is of another form."""
    rule, message, hint = said["rule_name"], said["message"], said.get("help")
    line, column = said["line"], said["column"]
    if not (isinstance(rule, str) and isinstance(message, str) and isinstance(hint, str | None)):
        raise TypeError
    if not (isinstance(line, int) and isinstance(column, int) and line >= 0 and column >= 0):
        raise ValueError
    return SquawkFinding(rule, line, column, message, hint)
