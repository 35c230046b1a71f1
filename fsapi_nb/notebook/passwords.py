"""Tells whoever types a password into a cell that it stays there, and where it belongs instead.

Looks at the text of cells only. What is shown of an address elsewhere never holds its password.
"""

from __future__ import annotations

import re
import sys
from typing import Any

from fsapi_nb.text.secrets import is_secret_name

WARNING = (
    "This cell holds a password, which is saved with the notebook and in IPython's history. Keep it in ~/.pgpass, in "
    "PGPASSWORD, in .env (DATABASE_URL, DB_PASS), or in a variable that pyproject.toml names (url_env); --set NAME takes a "
    "secret from the environment."
)
_URL = re.compile(r"\bpostgres(?:ql)?(?:\+\w+)?://[^\s:/@'\"]*:(?P<password>[^\s@'\"]+)@", re.IGNORECASE)
_IN_URL = re.compile(r"\bpostgres(?:ql)?(?:\+\w+)?://[^\s'\"]*[?&]password=(?P<password>[^\s&'\"]+)", re.IGNORECASE)
# The lines on which a connection string is for us: elsewhere `password = ...` is anybody's Python.
_FOR_US = re.compile(r"--database\b|MigrateMagics\.database|\bMigrator\(")
_IN_STRING = re.compile(r"\bpassword\s*=\s*\\?['\"]*(?P<password>[^\s'\"\\]+)", re.IGNORECASE)
# A setting that is a secret by its name: `--set NAME` alone takes it from the environment.
_SET = re.compile(r"--set[ =]['\"]?(?P<name>\w+)=(?P<password>[^\s'\"]+)")
# What stands for a password: stars, dots, `{variable}`, `$VARIABLE`, `<password>`.
_STAND_IN = re.compile(r"\*+|\.+|…|\{.*\}|\$\w+|\$\{\w+\}|<.*>|%\w")


def holds_password(cell: str) -> bool:
    """Whether a password of PostgreSQL is written out in the text of a cell."""
    found = [*_URL.finditer(cell), *_IN_URL.finditer(cell)]
    for line in cell.splitlines():
        if _FOR_US.search(line):
            found += _IN_STRING.finditer(line)
    found += (match for match in _SET.finditer(cell) if is_secret_name(match["name"]))
    return any(not _STAND_IN.fullmatch(match["password"]) for match in found)


class PasswordWatch:
    """Looks at each cell once: before it runs, or after it where it is the one that loaded us."""

    def __init__(self) -> None:
        self._running = 0

    def before(self, info: Any) -> None:
        """For IPython's `pre_run_cell`."""
        self._running += 1
        self._look(info)

    def after(self, result: Any) -> None:
        """For IPython's `post_run_cell`."""
        if self._running:
            self._running -= 1
        else:
            self._look(result.info)

    def _look(self, info: Any) -> None:
        if holds_password(info.raw_cell or ""):
            print(WARNING, file=sys.stderr)
