"""Decide what a new project's files say. Reads and writes nothing.

A project is a folder with `migrations/` or a `[tool.fsapi_nb]` table. Its database is called like it, so that what
two projects on one machine show can be distinguished.
"""

from __future__ import annotations

import json
import re
from typing import Any

#: What fsapi_nb keeps in a project: the embedded server's data. It is nobody else's.
IGNORED = ".fsapi_nb/"
_LONGEST = 63  # bytes of a database's name

_TITLE = """# {project}: the first migration

Each cell is one step; run them one after another (Shift + Enter). The database is `{database}`, on a PostgreSQL of
this project's own."""
_WRITE = """Write a migration: what it does, and what takes it back. The cell writes it into a file of `migrations/`, and shows
what it will do. Nothing is changed yet."""
_MIGRATION = """%%migration create_customers
-- UP
CREATE TABLE customers (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    email text UNIQUE
);

-- DOWN
DROP TABLE customers;"""
_APPLY = """Apply what is pending."""
_QUERY = """The answer to a query is a DataFrame."""
_UNDO = """Take the last migration back; `%migrate` applies it again."""
_NEXT = """`%migrate panel` shows all migrations in one live view, `%migrate --help` lists everything else."""


def database_name(project: str) -> str:
    """Return the name of a project's database: the folder's, in small letters, with `_` for what no name needs quotes for."""
    words = re.sub(r"[^a-z0-9_]+", "_", project.lower()).strip("_")
    name = words if words and not words[0].isdigit() else f"db_{words}".rstrip("_")
    return name[:_LONGEST]


def settings(database: str) -> str:
    """Return the table of `pyproject.toml` that makes a folder a project."""
    return f'[tool.fsapi_nb]\ndatabase = "embedded:{database}"\n'


def with_settings(before: str, database: str) -> str:
    """Return a `pyproject.toml` with the table at its end; what was there stays as it is."""
    return _with_end(before, blank=True) + settings(database)


def with_ignored(before: str) -> str | None:
    """Return a `.gitignore` that leaves out what fsapi_nb keeps; None if it does so already."""
    meant = {IGNORED, IGNORED.rstrip("/"), f"/{IGNORED}", f"/{IGNORED}".rstrip("/")}
    if meant.intersection(line.strip() for line in before.splitlines()):
        return None
    return _with_end(before, blank=False) + f"{IGNORED}\n"


def _with_end(before: str, *, blank: bool) -> str:
    if not before.strip():
        return before
    return before + ("" if before.endswith("\n") else "\n") + ("\n" if blank else "")


def first_notebook(project: str, database: str) -> str:
    """Return the text of a notebook in which a first migration is written, applied, looked at and taken back."""
    cells = [
        _markdown(_TITLE.format(project=project, database=database)),
        _code("%load_ext fsapi_nb"),
        _markdown(_WRITE),
        _code(_MIGRATION),
        _markdown(_APPLY),
        _code("%migrate"),
        _markdown(_QUERY),
        _code("%query INSERT INTO customers (name, email) VALUES ('Ada', 'ada@example.org') RETURNING *"),
        _markdown(_UNDO),
        _code("%rollback"),
        _code("%migrate status"),
        _markdown(_NEXT),
    ]
    for number, cell in enumerate(cells):
        cell["id"] = f"first-{number}"
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def _markdown(text: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": text.splitlines(keepends=True)}


def _code(text: str) -> dict[str, Any]:
    source = text.splitlines(keepends=True)
    return {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": source}
