"""What a runbook's run tells its kernel, by environment variables: never by a cell, which would be kept.

The database may be a URL with a password: it is in the process's environment, and in no file.
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
    """Where a run comes from: the notebook's file name and the run of a runbook; nothing of it outside of one.

    `database` is what everything in it works on (empty if the variable is: that is an error), `confirmed` whether whoever started it has said `--yes`.
    """

    notebook: str | None = None
    runbook: str | None = None
    database: str | None = None
    confirmed: bool = False

    def __repr__(self) -> str:
        return f"Origin(notebook={self.notebook!r}, runbook={self.runbook!r}, confirmed={self.confirmed!r})"


def origin(environment: Mapping[str, str] | None = None) -> Origin:
    """What this process was told."""
    told = os.environ if environment is None else environment
    return Origin(
        told.get(_NOTEBOOK) or None, told.get(_RUNBOOK) or None, told.get(_DATABASE), bool(told.get(_CONFIRMED))
    )


def environment_of(origin: Origin, environment: Mapping[str, str]) -> dict[str, str]:
    """The environment that tells a new process this; what we were told ourselves is not handed on."""
    values = {
        _NOTEBOOK: origin.notebook,
        _RUNBOOK: origin.runbook,
        _DATABASE: origin.database,
        _CONFIRMED: "yes" if origin.confirmed else None,
    }
    others = {name: value for name, value in environment.items() if name not in values}
    return others | {name: value for name, value in values.items() if value}
