"""Carry out each verb, in the same way for every face: functions over one frozen value of options.

A module is imported when it is first used: `status` needs nothing of what a run needs.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fsapi_nb.verbs import (
        amend,
        ask,
        changes,
        database,
        describe,
        diff,
        down,
        drift,
        explain,
        first_migration,
        follow,
        fresh,
        init,
        lint,
        look,
        make_diff,
        options,
        profile,
        run,
        schema,
        schema_file,
        trust,
        unused,
        write,
    )

__all__ = [
    "amend",
    "ask",
    "changes",
    "database",
    "describe",
    "diff",
    "down",
    "drift",
    "explain",
    "first_migration",
    "follow",
    "fresh",
    "init",
    "lint",
    "look",
    "make_diff",
    "options",
    "profile",
    "run",
    "schema",
    "schema_file",
    "trust",
    "unused",
    "write",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return import_module(f"{__name__}.{name}")
