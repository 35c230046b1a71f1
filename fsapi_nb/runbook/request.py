"""A run of a runbook as it was asked for: the notebook, the database, the values, and the files of its record."""

from __future__ import annotations

import datetime
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fsapi_nb.errors import UNCHANGED, ConfigurationError
from fsapi_nb.runbook.parameters import Value
from fsapi_nb.verbs.trust import RECORDS


@dataclass(frozen=True, slots=True, repr=False)
class RunbookRequest:
    """A notebook to be run, with the database, the values and the folder of the record. Its values may be secret.

    `secrets` are names of parameters. `output` is a folder; None means `runs` beside the notebook. All cells work in
    `schema`; None means the database's default.
    """

    notebook: Path
    database: str | None = None
    given: Mapping[str, Value] = field(default_factory=dict)
    secrets: Sequence[str] = ()
    output: Path | None = None
    rollback: bool = False
    confirmed: bool = False
    schema: str | None = None


@dataclass(frozen=True, slots=True)
class RunFiles:
    """A run's id, the moment at which it began, and the two files of its record, which are named by the id."""

    id: str
    began: datetime.datetime
    executed: Path
    report: Path


def make_run_files(notebook: Path, output: Path | None) -> RunFiles:
    """Name the files of a new run, and make their folder. The files themselves are not made.

    Args:
        notebook: The notebook that is run.
        output: The folder of the record; None means `runs` beside the notebook.

    Raises:
        ConfigurationError: The folder cannot be made.
    """
    began = datetime.datetime.now(datetime.UTC)
    run_id = f"{began:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
    folder = output or notebook.parent / RECORDS
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"the folder {folder} cannot be made: {error.strerror}", state=UNCHANGED) from None
    stem = f"{notebook.stem}.{run_id}"
    return RunFiles(run_id, began, folder / f"{stem}.ipynb", folder / f"{stem}.html")
