"""Fold the events of the journal into what ended half-way: migrations, redos and rollbacks.

Pure: takes the rows that `journal_event` has checked, oldest first. Retired rows are folded in `retirements`.
"""

from __future__ import annotations

import json
from collections.abc import Container, Iterable, Sequence
from dataclasses import replace
from typing import Any

from fsapi_nb.history.journal_event import DIRECTIONS
from fsapi_nb.history.kept_session import state_in
from fsapi_nb.model.history import COMMITTED_ITSELF, PartialMigration, StepRecord
from fsapi_nb.model.migration import Direction


def fold_progress(rows: Iterable[Sequence[Any]]) -> tuple[PartialMigration, ...]:  # noqa: C901 - a table of cases
    """Return the migrations that were begun and not ended, or refused outside of a transaction.

    Args:
        rows: Events: migration, event, state, step, steps, checksum, text, witness and message.
    """
    found: dict[str, PartialMigration] = {}
    for name, event, state, step, steps, checksum, text, witness, message in rows:
        if event == "fresh":
            found.clear()
        elif event in DIRECTIONS and state == "session":
            before = found.get(name)
            if before and before.done and (before.direction.value, before.done[-1].number) == (event, step - 1):
                found[name] = replace(before, session=state_in(witness), outlived=True)
        elif event in DIRECTIONS and state == "done" and step == steps:
            found.pop(name, None)
        elif event in DIRECTIONS and state in {"started", "failed", "resolved", "in doubt", "done"}:
            direction, record = Direction(event), StepRecord(step - 1, checksum, text, steps)
            before = found.get(name)
            if before and before.direction is not direction and state == "failed":
                continue  # undone with its transaction: nothing has changed
            if before is None or before.direction is not direction:
                # A rollback of a part undoes what the UP had done.
                before = PartialMigration(name, direction, applied_before=before.done if before else ())
            if state != "in doubt":
                found[name] = _after_step(before, state, record, witness)
            elif message.startswith(COMMITTED_ITSELF):  # a reader sees anyway what recovery says of other doubts
                found[name] = replace(before, doubt=message)
    return tuple(progress for progress in found.values() if progress.begun or progress.attempted)


def _after_step(before: PartialMigration, state: str, record: StepRecord, witness: str | None) -> PartialMigration:
    """Return what is known of a migration after an event of a step: started, done, refused or resolved."""
    if state == "started":
        return replace(before, attempted=record, in_flight=True, catalog_before=witness, doubt=None)
    if state == "done":
        return replace(
            before,
            done=(*before.done, record),
            attempted=None,
            in_flight=False,
            catalog_before=None,
            session=state_in(witness) or before.session,
            outlived=False,
        )
    return replace(before, in_flight=False)


def fold_redos(rows: Iterable[Sequence[Any]], applied: Container[str]) -> tuple[str, ...]:
    """Return the migrations of which a redo was begun, from the same rows, and is not over.

    A redo is over if its migration is `applied` once its DOWN is complete, even if its last event is lost: the next
    DOWN is one of a rollback. A second DOWN is one of a rollback, too: the migration was applied in between. If another
    migration was rolled back since and is not `applied`, this one may be built on it, so its redo cannot go on.
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
    """Return the migrations of the last rollback of a number, from the same rows.

    None once all are rolled back.
    """
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
