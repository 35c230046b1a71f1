"""What a run has done beside the schema: rows that statements have changed, locks that steps have waited for."""

from __future__ import annotations

from typing import NamedTuple

from fsapi_nb.model.server import NO_BLOCKAGE, Blockage


class ChangedRows(NamedTuple):
    """Rows that the statements of a migration have changed in one table, as the server counted them.

    `command` is what PostgreSQL calls it (`INSERT`, `COPY`, `SELECT` where a query fills a new table). `table` is as
    the text names it; empty where it names none that is known.
    """

    command: str
    table: str
    rows: int
    statements: int = 1


class StepWait(NamedTuple):
    """What a step was tried again for, or has waited for; `step` counts from one.

    `reason` is why the attempt before the last ended (`lock timeout`); empty if the first one succeeded. `seconds` are
    those until the last attempt began. `blockage` is who blocked it, if that was seen.
    """

    step: int
    attempts: int = 1
    reason: str = ""
    seconds: float = 0.0
    blockage: Blockage = NO_BLOCKAGE
