"""One run of a runbook, from the request to the two files of its record.

Everything that can be refused is refused here, before the kernel starts. `execution` runs the cells, `summary` makes the
record of them, `report` writes it as HTML.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from fsapi_nb.errors import UNCHANGED, ConfirmationRequired, UsageError
from fsapi_nb.migrator import Migrator
from fsapi_nb.model.server import DatabaseFacts
from fsapi_nb.runbook import notebook as notebooks
from fsapi_nb.runbook.execution import Execution
from fsapi_nb.runbook.parameters import ParameterValue, bind, find_parameters, injected_source
from fsapi_nb.runbook.progress import Progress
from fsapi_nb.runbook.report.page import report
from fsapi_nb.runbook.request import RunbookRequest, make_run_files
from fsapi_nb.runbook.result import RunbookResult
from fsapi_nb.runbook.sections import ROLLBACK, assign_sections
from fsapi_nb.runbook.summary import summarise
from fsapi_nb.text.masking import Mask
from fsapi_nb.text.secrets import find_passwords
from fsapi_nb.verbs.trust import RECORDS, require_inside


def run_runbook(request: RunbookRequest, progress: Progress) -> RunbookResult:
    """Execute a notebook on a database and write the record of the run. A cell that fails is part of the result.

    Args:
        request: What is to be run.
        progress: What shows the run while it goes on.

    Returns:
        The record, and where its files are.

    Raises:
        UsageError: The notebook, a parameter or an option is invalid; no cell was run.
        ConfirmationRequired: The database is protected, and the request does not confirm the run; no cell was run.
        Untrusted: The project needs something that its user has not allowed; no cell was run.
        DatabaseError: The database cannot be reached; no cell was run.
        ConfigurationError: Something that runbooks need is missing, or the record cannot be written; its state says
            whether a cell was run.
    """
    path = request.notebook.absolute()
    require_inside(path.parent, [path] if request.output else [path, path.parent / RECORDS], named=path)
    original = notebooks.read(path)
    document = original.document
    values = _bind(document, request)
    if any(each.given for each in values):
        notebooks.inject(document, injected_source(values))
    cells = assign_sections(document.cells)  # after the injection: cells are numbered as the record shows them
    if request.rollback and not any(ROLLBACK in each.tags and each.is_code for each in cells):
        raise UsageError(f"{original.name} has no cell tagged {ROLLBACK}", state=UNCHANGED)
    migrator = _migrator(request, original.path.parent)
    facts = migrator.facts()
    _refuse_unconfirmed(facts, confirmed=request.confirmed)
    mask = _mask(values, request, migrator.known_secrets())
    files = make_run_files(original.path, request.output)
    execution = Execution(request, original, cells, values, mask, files)
    progress.begin(f"runbook {files.id}: {original.name} on {_database_name(facts)}")
    execution.save()  # a record that cannot be written is noticed before the first cell runs
    asyncio.run(execution.execute(progress))
    record = summarise(execution, facts, migrator)
    with execution.written(files.report):
        notebooks.write(files.report, report(record))
    return RunbookResult(record, files.executed, files.report)


def _bind(document: Any, request: RunbookRequest) -> tuple[ParameterValue, ...]:
    cell = notebooks.parameters_cell(document)
    parameters = find_parameters(cell.source) if cell is not None else ()
    return bind(parameters, request.given, secrets=request.secrets, environment=os.environ)


def _migrator(request: RunbookRequest, folder: Path) -> Migrator:
    """Return the `Migrator` that the notebook's magics will use: its project is that of the notebook's folder."""
    with contextlib.chdir(folder):
        return Migrator(request.database, application="fsapi_nb:sapi", schema=request.schema)


def _refuse_unconfirmed(facts: DatabaseFacts, *, confirmed: bool) -> None:
    identity = facts.identity
    if identity.protected and not confirmed:
        raise ConfirmationRequired(
            f"the database {identity.name or identity.database} is protected: no cell was run",
            state=UNCHANGED,
            hint="pass --yes to run the notebook on it; its cells then run without further confirmation.",
        )


def _database_name(facts: DatabaseFacts) -> str:
    name = facts.identity.name
    database = facts.identity.database
    return f"{name} ({database})" if name and name != database else database


def _mask(values: Sequence[ParameterValue], request: RunbookRequest, known: Iterable[str]) -> Mask:
    """Return what hides every secret of a run: secret parameters, their defaults, and passwords of databases.

    `known` are the passwords in the project's settings and in the environment.
    """
    texts = [str(each.value) for each in values if each.secret and each.value is not None]
    texts += [str(each.parameter.literal) for each in values if each.secret and each.parameter.literal is not None]
    # A secret may be a whole URL. Programs print its password alone, too.
    inner = (password for text in texts for password in find_passwords(text))
    return Mask([*texts, *find_passwords(request.database or ""), *inner, *known])
