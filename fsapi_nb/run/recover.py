"""Settle what ended half-way: find out whether a statement outside of a transaction happened, and write that down.

The looking is in `catalog_view`, the judging in `plan.judge`. The caller holds the lock:
the runner that was at work before is gone, and what the catalog says now is final.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg

from fsapi_nb.history.record import JournalRow, Recorder
from fsapi_nb.model.history import History, PartialMigration, StepRecord
from fsapi_nb.model.migration import Direction, Effect, EffectKind, Migration, Statement
from fsapi_nb.plan.judge import CatalogView, Outcome, Sent, Verdict, as_begun, judge, view_of
from fsapi_nb.postgres.session import Session
from fsapi_nb.run.catalog_view import look, place_of_database
from fsapi_nb.run.indexes import same_indexes
from fsapi_nb.run.patience import patient
from fsapi_nb.script.effects import is_same_index
from fsapi_nb.script.migration import stored_statements


@dataclass(frozen=True, slots=True)
class Settled:
    """What was decided of steps that were in flight, as sentences, and the migrations that are complete by it."""

    notes: tuple[str, ...] = ()
    completed: tuple[tuple[str, Direction], ...] = ()


def recover(
    session: Session,
    recorder: Recorder,
    known: Mapping[str, Migration],
    sent: Mapping[str, Sent | None],
    history: History,
    *,
    max_wait: float,
) -> Settled:
    """Settle every step that was sent outside of a transaction and of which nothing more is known.

    What the catalog shows as done is recorded so; leftovers are dropped; the rest is left to be run again, or in
    doubt. `known` has the migrations whose text still is what ran, by name, `sent` the steps whose files still say what
    was sent. Of what the journal says, names are looked for and texts compared: nothing of it is executed. What is
    dropped waits for other transactions for at most `max_wait` seconds each.
    """
    notes: list[str] = []
    completed: list[tuple[str, Direction]] = []
    for progress in history.unfinished:
        if progress.attempted is None:
            continue
        verdict = _judge(session, progress, progress.attempted, sent.get(progress.name))
        if not progress.in_flight and not _left_something(verdict):
            continue  # PostgreSQL refused it: there is nothing to settle
        notes.append(f"{progress.name}, step {progress.attempted.number + 1}: {verdict.reason}")
        _act(session, recorder, known.get(progress.name), progress, history, verdict, max_wait)
        ended = progress.attempted.number + 1 == progress.attempted.of
        whole = progress.direction is Direction.DOWN or progress.name in known
        if _is_done(verdict) and ended and whole:
            completed.append((progress.name, progress.direction))
    return Settled(tuple(notes), tuple(completed))


def is_left(session: Session, progress: PartialMigration, sent: Sent | None) -> bool:
    """Return whether the database holds something of a migration that did not end, or leftovers of a refused one."""
    if progress.begun or progress.attempted is None:
        return progress.begun
    return _left_something(_judge(session, progress, progress.attempted, sent))


def _left_something(verdict: Verdict) -> bool:
    """Return whether a refused statement has left an invalid index or half a detach, or was done all the same."""
    return bool(verdict.first) or verdict.instead is not None or verdict.outcome is Outcome.DONE


def _is_done(verdict: Verdict) -> bool:
    return verdict.outcome is Outcome.DONE or verdict.instead is not None


def _judge(session: Session, progress: PartialMigration, attempted: StepRecord, sent: Sent | None) -> Verdict:
    effect = sent.statement.traits.effect if sent else _effect_of(attempted.text or "")
    before = view_of(progress.catalog_before, effect)
    if before is not None and before.pop("place", None) != place_of_database(session):
        # The history came from elsewhere with a dump: its OIDs mean nothing here, only names do.
        return _judge_by_name(session, progress, effect, attempted, sent)
    now = look(session, effect, before)
    if before is not None and effect.kind is EffectKind.INDEX_CREATED:
        now = _with_sameness(session, now, before, sent, attempted.text)
    return judge(effect, before, now)


def _judge_by_name(
    session: Session, progress: PartialMigration, effect: Effect, attempted: StepRecord, sent: Sent | None
) -> Verdict:
    """Judge by names, with the settings (a search_path) that the steps before had made."""
    if sent is None and _had_settings(progress):
        return Verdict(Outcome.IN_DOUBT, "its file does not say any more under which settings it ran")
    with _as_before(session, sent.settings if sent else ()):
        now = look(session, effect)
    if effect.kind is EffectKind.INDEX_CREATED:
        now = _with_sameness(session, now, {"indexes": []}, sent, attempted.text)
    return judge(effect, as_begun(effect), now)


def _had_settings(progress: PartialMigration) -> bool:
    """Return whether the journal says that an earlier step has changed its session."""
    return any(each.traits.changes_session for record in progress.done for each in stored_statements(record.text or ""))


@contextmanager
def _as_before(session: Session, settings: Sequence[Statement]) -> Iterator[None]:
    """Give the session what the steps before had set in it, as their file says, and clean it behind that."""
    session.clean()
    try:
        for statement in settings:
            session.connection().execute(statement.text.encode())
        yield
    finally:
        session.clean()


def _with_sameness(
    session: Session, now: CatalogView, before: CatalogView, sent: Sent | None, text: str | None
) -> CatalogView:
    """Return the view with a word on each new index of the table: whether it is what the statement makes.

    A statement that its file still has is tried on an empty copy; the journal's `text` of another is only compared.
    """
    known = {index["oid"] for index in before["indexes"]}
    fresh = [index for index in now["indexes"] if index["oid"] not in known]
    if not fresh:
        return now
    same: Mapping[int, bool | None]
    if sent is None:
        same = {index["oid"]: is_same_index(text or "", index["definition"]) for index in fresh}
    else:
        with _as_before(session, sent.settings):
            same = _tried(session, sent.statement, now["relation"], [index["oid"] for index in fresh])
    return _said(now, same)


def _tried(session: Session, statement: Statement, relation: int, fresh: Sequence[int]) -> Mapping[int, bool | None]:
    same = same_indexes(session.connection(), statement.text, relation, fresh)
    return {oid: None if same is None else oid in same for oid in fresh}


def _said(now: CatalogView, same: Mapping[int, bool | None]) -> CatalogView:
    """Return the view with what was found out about the new indexes; of the others it says None."""
    return {**now, "indexes": [{**index, "same": same.get(index["oid"])} for index in now["indexes"]]}


def _effect_of(text: str) -> Effect:
    """Return the effect of the one statement that the journal kept."""
    statements = stored_statements(text)
    return statements[0].traits.effect if len(statements) == 1 else Effect(EffectKind.UNKNOWN)


def _act(
    session: Session,
    recorder: Recorder,
    ran: Migration | None,
    progress: PartialMigration,
    history: History,
    verdict: Verdict,
    max_wait: float,
) -> None:
    """Do what the verdict says, and write it down."""
    if verdict.outcome is Outcome.IN_DOUBT:
        recorder.write(recorder.journal(_row(ran, progress, "in doubt")._replace(message=verdict.reason)))
        return
    _drop_leftovers(session, verdict, max_wait)
    with session.connection().transaction():
        settle(recorder, ran, progress, history, done=_is_done(verdict), reason=verdict.reason)


def clear_up(session: Session, statement: Statement, seen: str | None) -> bool:
    """Make it possible to repeat a statement that a lock or a deadlock has ended; return whether it has happened.

    `seen` is what `view_before` gave before it was sent first. Raises psycopg.Error, also if what it has left cannot be
    determined.
    """
    effect, before = statement.traits.effect, view_of(seen, statement.traits.effect)
    now = look(session, effect, before)
    if before is not None and effect.kind is EffectKind.INDEX_CREATED:
        known = {index["oid"] for index in before["indexes"]}
        fresh = [index["oid"] for index in now["indexes"] if index["oid"] not in known]
        now = _said(now, _tried(session, statement, now["relation"], fresh)) if fresh else now
    verdict = judge(effect, before, now)
    if verdict.outcome is Outcome.IN_DOUBT:
        raise psycopg.errors.ObjectNotInPrerequisiteState(f"it cannot be tried again: {verdict.reason}")
    _drop_leftovers(session, verdict)
    return _is_done(verdict)


def _drop_leftovers(session: Session, verdict: Verdict, max_wait: float = 0) -> None:
    with patient(session, max_wait):
        for leftover in verdict.first:
            session.connection().execute(leftover.encode())
    if verdict.instead:
        session.connection().execute(verdict.instead.encode())


def settle(
    recorder: Recorder, ran: Migration | None, progress: PartialMigration, history: History, *, done: bool, reason: str
) -> None:
    """Write down what became of a step; if it was done and was the last one, the migration is done with it.

    `ran` is the migration if its text still is what ran. If it is None, the step counts as done, but the migration is
    recorded only once the file is back. Commits nothing: the caller's transaction holds all of it.
    """
    recorder.write(recorder.journal(_row(ran, progress, "resolved")._replace(message=reason)))
    if not done:
        return
    # This session began after the step: what it began with says nothing of the one that ran it.
    row, entry = _row(ran, progress, "done")._replace(witness="{}"), history.get(progress.name)
    if row.step == row.steps and progress.direction is Direction.UP and ran is None:
        recorder.write(recorder.journal(row._replace(steps=(row.steps or 0) + 1)))
    elif row.step == row.steps and progress.direction is Direction.UP:
        recorder.write(recorder.applied(row))
    elif row.step == row.steps and entry:
        recorder.write(recorder.rolled_back(row, entry))
    else:
        recorder.write(recorder.journal(row))


def _row(ran: Migration | None, progress: PartialMigration, state: str) -> JournalRow:
    """Return the journal's row of the step that was attempted, with the text that it ran."""
    attempted = progress.attempted or StepRecord(0)
    return JournalRow(
        ran,
        progress.direction.value,
        state,
        attempted.number + 1,
        attempted.of,
        in_transaction=False,
        step_checksum=attempted.checksum,
        script=attempted.text,
        name=progress.name,
    )
