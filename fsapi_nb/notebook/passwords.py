"""Warn about a password in a cell: it is saved with the notebook. Say where to put it instead.

Reads only the text of cells. An address that fsapi_nb shows elsewhere never includes its password.
"""

from __future__ import annotations

import re
import sys
from typing import Any

from fsapi_nb.text.secrets import is_secret_name

WARNING = (
    "This cell contains a password, which is saved with the notebook and in IPython's history. Put it in ~/.pgpass, "
    "PGPASSWORD, .env (DATABASE_URL, DB_PASS), or a variable that pyproject.toml names (url_env); --set NAME takes a "
    "secret from the environment."
)
_URL = re.compile(r"\bpostgres(?:ql)?(?:\+\w+)?://[^\s:/@'\"]*:(?P<password>[^\s@'\"]+)@", re.IGNORECASE)
_IN_URL = re.compile(r"\bpostgres(?:ql)?(?:\+\w+)?://[^\s'\"]*[?&]password=(?P<password>[^\s&'\"]+)", re.IGNORECASE)
# The lines on which a connection string is meant for fsapi_nb: elsewhere `password = ...` is just Python.
_FOR_US = re.compile(r"--database\b|MigrateMagics\.database|\bMigrator\(")
_IN_STRING = re.compile(r"\bpassword\s*=\s*\\?['\"]*(?P<password>[^\s'\"\\]+)", re.IGNORECASE)
# A setting whose name is a secret's: `--set NAME` alone would take it from the environment.
_SET = re.compile(r"--set[ =]['\"]?(?P<name>\w+)=(?P<password>[^\s'\"]+)")
# Placeholders for a password: stars, dots, `{variable}`, `$VARIABLE`, `<password>`.
_STAND_IN = re.compile(r"\*+|\.+|…|\{.*\}|\$\w+|\$\{\w+\}|<.*>|%\w")


def holds_password(cell: str) -> bool:
    """Return whether a cell's text contains a password of PostgreSQL."""
    found = [*_URL.finditer(cell), *_IN_URL.finditer(cell)]
    for line in cell.splitlines():
        if _FOR_US.search(line):
            found += _IN_STRING.finditer(line)
    found += (match for match in _SET.finditer(cell) if is_secret_name(match["name"]))
    return any(not _STAND_IN.fullmatch(match["password"]) for match in found)


class PasswordWatch:
    """The check of each cell, once: before it runs, or after it for the cell that loads the extension."""

    def __init__(self) -> None:
        self._running = 0

    def before(self, info: Any) -> None:
        """Check a cell before it runs. A callback of IPython's `pre_run_cell`."""
        self._running += 1
        self._look(info)

    def after(self, result: Any) -> None:
        """Check a cell after it has run, if it was not checked before. A callback of IPython's `post_run_cell`."""
        if self._running:
            self._running -= 1
        else:
            self._look(result.info)

    def _look(self, info: Any) -> None:
        if holds_password(info.raw_cell or ""):
            print(WARNING, file=sys.stderr)
