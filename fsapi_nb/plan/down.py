"""Warn of what is wrong with the DOWN of a migration that is to be applied.

Real histories are full of DOWNs that do not parse, so a fault in one does not keep the UP from being applied; the
rollback would be refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from fsapi_nb.model.migration import Migration
from fsapi_nb.plan.encoding import unfit
from fsapi_nb.plan.steps import cut
from fsapi_nb.script.encoding import Encoding
from fsapi_nb.text.words import counted


def fault_of_down(migration: Migration, encoding: Encoding | None = None) -> str | None:
    """Return what would keep the DOWN from being run, as a part of a sentence; None if nothing would."""
    if migration.down is None:
        return None
    _, problems = cut(migration, migration.down)
    problems = problems or unfit(migration, migration.down.parsed.statements, encoding)
    if not problems:
        return None
    first, more = problems[0], len(problems) - 1
    rest = f", and {counted(more, 'fault')} more" if more else ""
    return f"line {first.place.line}: {first.message}{rest}"


def down_warnings(migrations: Iterable[Migration], encoding: Encoding | None = None) -> Iterator[str]:
    """Yield a note for each migration that could not be rolled back as it is written."""
    for migration in migrations:
        fault = fault_of_down(migration, encoding)
        if fault:
            yield f"the DOWN of {migration.name} cannot run ({fault}): until that is corrected, a rollback is refused"
