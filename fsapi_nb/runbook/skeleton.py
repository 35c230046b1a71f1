"""The notebook that `runbook:new` makes: all sections of a runbook, ready to run. Overwrites no file."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from fsapi_nb.errors import UsageError

_NAME = re.compile(r"\w[\w.-]*", re.ASCII)

_TITLE = """# {title}

**Purpose.** What this changes, and why now.

**Before.** Who must know; how long it takes; what must be quiet meanwhile.

Read it here in JupyterLab, cell by cell. Run it with a record to keep:

    sapi runbook:run {file} --database NAME -p reason="..."
"""
_PARAMETERS = """# The values of a run: -p NAME=VALUE. A value with the comment "secret" is hidden in everything that is kept.
reason = "a trial"  # the ticket or the change that this belongs to"""
_PRECONDITIONS = """## Preconditions

What must be true before anything is changed, and before it is rolled back: both run this section, because it is tagged
`preconditions`. If a check fails, the runbook stops here."""
_WRITABLE = """%%check the server takes changes
SELECT NOT pg_is_in_recovery() AS is_primary, current_setting('default_transaction_read_only') = 'off' AS is_writable"""
_QUIET = """%%check no transaction has been open for more than five minutes
SELECT usename, application_name, state, now() - xact_start AS open_for, left(query, 80) AS query
FROM pg_stat_activity
WHERE datname = current_database() AND backend_type = 'client backend' AND now() - xact_start > interval '5 minutes'"""
_PLAN = """## Plan

What will run, step by step. Nothing is changed yet."""
_APPLY = """## Apply"""
_VERIFY = """## Verify

What must be true now. Add what this change promises: rows, columns, privileges."""
_VALID = """%%check every index is valid
SELECT indexrelid::regclass AS index FROM pg_index WHERE NOT indisvalid"""
_VALIDATED = """%%check every constraint is validated
SELECT conrelid::regclass AS table, conname FROM pg_constraint WHERE NOT convalidated"""
_ROLLBACK = """## Rollback

This section is not run with the rest: it is tagged `rollback`, and its cells are raw, so that *Run All* skips them, too.
When it is needed:

    sapi runbook:run {file} --database NAME --rollback

runs the parameters, the setup and the preconditions, then this section, and nothing else. By hand: make the cell a code
cell (press `Y`) and run it. Say how far back it goes; `%migrate plan rollback --to NAME` shows it."""


def create(folder: Path, name: str) -> Path:
    """Write the notebook of a new runbook and return its path.

    Args:
        folder: Where it is written; made if it is missing.
        name: The notebook's name, with or without `.ipynb`.

    Raises:
        UsageError: The name is invalid, the notebook exists already, or it cannot be written.
    """
    stem = name.removesuffix(".ipynb")
    if not _NAME.fullmatch(stem):
        hint = "use letters, digits, _, - and ., such as add_phone_to_users; --dir FOLDER sets the folder."
        raise UsageError(f"{name!r} cannot be a notebook's name", hint=hint)
    path = folder / f"{stem}.ipynb"
    text = json.dumps(skeleton(stem), indent=1, ensure_ascii=False) + "\n"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise UsageError(
            f"{path.name} exists already", state="unchanged; so is the notebook.", hint="choose another name."
        ) from None
    except OSError as error:
        raise UsageError(
            f"{path} cannot be written: {error.strerror}", hint="--dir FOLDER sets another folder."
        ) from None
    return path


def skeleton(stem: str) -> dict[str, Any]:
    """Return the notebook's document."""
    words = stem.replace("_", " ").replace("-", " ").strip()
    file = f"{stem}.ipynb"
    return {
        "cells": [
            _markdown("title", _TITLE.format(title=words[:1].upper() + words[1:], file=file).rstrip()),
            _code("parameters", _PARAMETERS, "parameters"),
            _code("setup", "%load_ext fsapi_nb", "setup"),
            _markdown("preconditions", _PRECONDITIONS, "preconditions"),
            _code("server-is-writable", _WRITABLE, "preconditions"),
            _code("database-is-quiet", _QUIET, "preconditions"),
            _markdown("planning", _PLAN),
            _code("status", "%migrate status"),
            _code("plan", "%migrate plan"),
            _markdown("applying", _APPLY),
            _code("apply", "%migrate"),
            _markdown("verifying", _VERIFY),
            _code("nothing-is-pending", "%migrate status --check"),
            _code("indexes-are-valid", _VALID),
            _code("constraints-are-validated", _VALIDATED),
            _code("history", "%migrate history"),
            _markdown("rolling-back", _ROLLBACK.format(file=file), "rollback"),
            _raw("rollback", "%rollback 1", "rollback"),
        ],
        "metadata": {
            "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def _markdown(name: str, source: str, *tags: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "id": name, "metadata": _tagged(tags), "source": _lines(source)}


def _raw(name: str, source: str, *tags: str) -> dict[str, Any]:
    return {"cell_type": "raw", "id": name, "metadata": _tagged(tags), "source": _lines(source)}


def _code(name: str, source: str, *tags: str) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "execution_count": None,
        "id": name,
        "metadata": _tagged(tags),
        "outputs": [],
        "source": _lines(source),
    }


def _tagged(tags: tuple[str, ...]) -> dict[str, Any]:
    return {"tags": list(tags)} if tags else {}


def _lines(source: str) -> list[str]:
    return source.splitlines(keepends=True)
