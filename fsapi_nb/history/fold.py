"""Fold the events of the journal into what they say of each migration: what ended half-way, and which redo or rollback did.

Pure: takes the rows that `journal_event` has checked, oldest first. Retired rows are folded in `retirements`.
"""

from __future__ import annotations

import json
from collections.abc import Container, Iterable, Sequence
from dataclasses import replace
from typing import Any

from fsapi_nb.history.kept_session import state_in
from fsapi_nb.model.history import COMMITTED_ITSELF, PartialMigration, StepRecord
from fsapi_nb.model.migration import Direction

_DIRECTIONS = frozenset(direction.value for direction in Direction)


def fold_progress(rows: Iterable[Sequence[Any]]) -> tuple[PartialMigration, ...]:
    """Rows of the journal (migration, event, state, step, steps, checksum, text, witness, message), oldest first, folded.

    What is left is what was begun and not ended, or refused outside of a transaction.
    """
    found: dict[str, PartialMigration] = {}
    for name, event, state, step, steps, checksum, text, witness, message in rows:
        if event == "fresh":
            found.clear()
        elif event in _DIRECTIONS and state == "session":
            before = found.get(name)
            if before and before.done and (before.direction.value, before.done[-1].number) == (event, step - 1):
                found[name] = replace(before, session=state_in(witness), outlived=True)
        elif event in _DIRECTIONS and state in {"started", "failed", "resolved", "in doubt", "done"}:
            direction, record = Direction(event), StepRecord(step - 1, checksum, text, steps)
            before = found.get(name)
            if before and before.direction is not direction and state == "failed":
                continue  # undone with its transaction: nothing has changed
            if before is None or before.direction is not direction:
                # A rollback of a part: what the UP had done is what it undoes.
                before = PartialMigration(name, direction, applied_before=before.done if before else ())
            if state == "started":
                found[name] = replace(before, attempted=record, in_flight=True, catalog_before=witness, doubt=None)
            elif state == "done" and step == steps:
                found.pop(name, None)
            elif state == "done":
                found[name] = replace(
                    before,
                    done=(*before.done, record),
                    attempted=None,
                    in_flight=False,
                    catalog_before=None,
                    session=state_in(witness) or before.session,
                    outlived=False,
                )
            elif state == "in doubt":
                if message.startswith(COMMITTED_ITSELF):  # what recovery says of it is what a reader sees anyway
                    found[name] = replace(before, doubt=message)
            else:
                found[name] = replace(before, in_flight=False)
    return tuple(progress for progress in found.values() if progress.begun or progress.attempted)


def fold_redos(rows: Iterable[Sequence[Any]], applied: Container[str]) -> tuple[str, ...]:
    """The migrations of which a redo was begun, from the same rows; until it is given up or rolled back a second time.

    What is `applied` once its DOWN is complete has been applied again: that redo is over, though its last word may be lost,
    and another DOWN that begins is a rollback's. A second DOWN is also another one's: it was applied in between.
    Another migration that was rolled back since and is not `applied` may be what it is built on: then it cannot go on.
    """
    downs: dict[str, int] = {}
    gone: dict[str, set[str]] = {}
    for name, event, state, step, steps, *_ in rows:
        if event == "fresh":
            downs.clear()
        elif event == "redo":
            downs.pop(name, None)
            if state == "started":
                downs[name], gone[name] = 0, set()
        elif event == "down" and state == "done" and step == steps:
            if name in downs:
                downs[name] += 1
            for other in downs.keys() - {name}:
                gone[other].add(name)
    return tuple(
        name
        for name, count in downs.items()
        if count <= (0 if name in applied else 1) and all(other in applied for other in gone[name])
    )


def fold_rollbacks(rows: Iterable[Sequence[Any]]) -> tuple[str, ...]:
    """The migrations that the last rollback of a number was to take back, from the same rows; none once all of them were."""
    names: tuple[str, ...] = ()
    waiting: set[str] = set()
    for name, event, state, step, steps, *_, message in rows:
        if event == "fresh":
            waiting.clear()
        elif event == "rollback":
            names = tuple(json.loads(message))
            waiting = set(names)
        elif event == "down" and state == "done" and step == steps:
            waiting.discard(name)
    return names if waiting else ()
