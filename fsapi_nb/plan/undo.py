"""Choose the statements of a DOWN that undo only those steps of an UP that were done.

A statement of the DOWN is kept if steps that are done have created everything that it drops, and skipped if only steps
that are not done would have. Every other statement is refused, with the reason.
"""

from __future__ import annotations

from collections.abc import Sequence

from fsapi_nb.errors import UNCHANGED, PartlyApplied
from fsapi_nb.model.migration import Migration, Statement, TransactionRule
from fsapi_nb.plan.steps import ScriptStep
from fsapi_nb.script.objects import creates, drops
from fsapi_nb.text.command import Advice, command

_CONTROL = {TransactionRule.BEGIN, TransactionRule.COMMIT, TransactionRule.CHAIN}


def undo_pieces(
    migration: Migration, up: Sequence[ScriptStep], down: Sequence[ScriptStep], *, done: int
) -> tuple[ScriptStep, ...]:
    """Return the steps of the DOWN, with only the statements that undo the first `done` steps of the UP.

    Raises PartlyApplied if it cannot be determined which steps a statement of the DOWN belongs to.
    """
    made = _created(up[:done])
    never = _created(up[done:])
    pieces = []
    for piece in down:
        kept = tuple(each for each in piece.statements if _belongs(migration, each, made, never))
        if kept:
            pieces.append(ScriptStep(piece.mode, f"{piece.reason}; only what was done is undone", kept, piece.begin))
    return tuple(pieces)


def _created(pieces: Sequence[ScriptStep]) -> set[str]:
    return {name for piece in pieces for statement in piece.statements for name in creates(statement)}


def _belongs(migration: Migration, statement: Statement, made: set[str], never: set[str]) -> bool:
    dropped = set(drops(statement))
    if statement.traits.rule in _CONTROL or (dropped and dropped <= never):
        return False
    if dropped and dropped <= made:
        return True
    if not dropped:
        why = f"line {statement.line} of its DOWN ({statement.traits.kind}) is not a plain DROP"
    else:
        why = f"line {statement.line} of its DOWN drops {', '.join(sorted(dropped - made))}, which no step has created"
    raise PartlyApplied(
        f"{migration.name} is partly applied, and its DOWN cannot be run for a part: {why}",
        state=UNCHANGED,
        hint=Advice(
            "finish it with ",
            command("migrate"),
            " and roll it back then; or let its DOWN hold plain DROPs of what was made (only comments if that is undone by "
            "hand), and ",
            command("rollback"),
            " again.",
        ),
    )
