"""Migrations of a text, for tests of lint."""

from __future__ import annotations

from fsapi_nb.model.migration import Migration
from fsapi_nb.plan.steps import ScriptStep, cut
from fsapi_nb.script.migration import read_migration


def migration(text: str, name: str = "2026_01_01_00_00_x.sql") -> Migration:
    """The migration of a file with this text."""
    found, problems = read_migration(name, text.encode())
    assert found, problems
    return found


def steps(text: str) -> tuple[ScriptStep, ...]:
    """The steps of its UP."""
    read = migration(text)
    found, problems = cut(read, read.up)
    assert not problems
    return found
