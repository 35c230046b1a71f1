"""Find the text of the step that an earlier run sent last, and of which it may not know the outcome.

What the journal says is only compared: somebody else may have written it.
"""

from __future__ import annotations

from fsapi_nb.model.history import PartialMigration
from fsapi_nb.model.migration import Migration
from fsapi_nb.plan.input import PlanInput
from fsapi_nb.plan.judge import Sent
from fsapi_nb.plan.steps import cut
from fsapi_nb.script.checksum import statements_checksum
from fsapi_nb.script.stored_text import stored_migration


def text_that_ran(given: PlanInput, progress: PartialMigration) -> Migration | None:
    """Return the migration whose step is in flight or was refused, if its text is still known.

    Its file is looked at, then what was stored. None if the step was edited.
    """
    stored = given.stored.get(progress.name)
    candidates = [given.folder.get(progress.name), stored_migration(progress.name, stored) if stored else None]
    attempted = progress.attempted
    for migration in candidates:
        script = migration.script(progress.direction) if migration else None
        pieces = cut(migration, script, procedures=given.procedures)[0] if migration and script else ()
        if attempted is None or attempted.number >= len(pieces):
            continue
        if statements_checksum(pieces[attempted.number].statements) == attempted.checksum:
            return migration
    return None


def sent_by_file(given: PlanInput, progress: PartialMigration) -> Sent | None:
    """Return the step that was sent last as the file has it.

    None if the file differs from the journal up to it.

    What the journal says is compared, and never executed: somebody else may have written it.
    """
    migration, attempted = given.folder.get(progress.name), progress.attempted
    script = migration.script(progress.direction) if migration else None
    if migration is None or script is None or attempted is None or attempted.number != len(progress.done):
        return None
    records = (*progress.done, attempted)
    pieces = cut(migration, script, procedures=given.procedures)[0][: len(records)]
    if [statements_checksum(piece.statements) for piece in pieces] != [record.checksum for record in records]:
        return None
    *before, last = pieces
    settings = (each for piece in before for each in piece.statements if each.traits.changes_session)
    return Sent(last.statements[0], tuple(settings)) if len(last.statements) == 1 else None
