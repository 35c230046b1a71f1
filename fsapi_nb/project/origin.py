"""Pass facts from the run of a runbook to its kernel, by environment variables.

A cell would be kept. The database may be a URL with a password: it is in the environment of the process, and in no
file.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

#: Which schema to work in; anybody may set it.
SCHEMA = "FSAPI_NB_SCHEMA"
_DATABASE = "FSAPI_NB_DATABASE"
_NOTEBOOK = "FSAPI_NB_NOTEBOOK"
_RUNBOOK = "FSAPI_NB_RUNBOOK"
_CONFIRMED = "FSAPI_NB_CONFIRMED"


@dataclass(frozen=True, slots=True)
class Origin:
    """The origin of a run: the notebook's file name and the run of a runbook.

    Outside of a runbook, all is None.

    `database` is the one that everything in the runbook works on; an empty one is an error. `confirmed` says that the
    runbook was started with `--yes`.
    """

    notebook: str | None = None
    runbook: str | None = None
    database: str | None = None
    confirmed: bool = False

    def __repr__(self) -> str:
        return f"Origin(notebook={self.notebook!r}, runbook={self.runbook!r}, confirmed={self.confirmed!r})"


def origin(environment: Mapping[str, str] | None = None) -> Origin:
    """Return what this process was started with."""
    given = os.environ if environment is None else environment
    return Origin(
        given.get(_NOTEBOOK) or None, given.get(_RUNBOOK) or None, given.get(_DATABASE), bool(given.get(_CONFIRMED))
    )


def environment_of(origin: Origin, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment that passes this origin, and not the one of this process, to a new process."""
    values = {
        _NOTEBOOK: origin.notebook,
        _RUNBOOK: origin.runbook,
        _DATABASE: origin.database,
        _CONFIRMED: "yes" if origin.confirmed else None,
    }
    others = {name: value for name, value in environment.items() if name not in values}
    return others | {name: value for name, value in values.items() if value}
