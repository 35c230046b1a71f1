"""Find out what became of what was sent: committed without a word, or undone. It is asked, never guessed.

A lost connection means that the server may have committed what it was sent, or not. Once another session holds the
lock, the old one has ended, and the journal tells: each step writes its row in its own transaction. An interrupt
cancels what runs; what was committed before it was cancelled is found the same way.
"""

from __future__ import annotations

import contextlib

import psycopg

from fsapi_nb.errors import FsapiError, Interrupted
from fsapi_nb.history.record import done_row
from fsapi_nb.model.plan import Mode, Step
from fsapi_nb.run import failures
from fsapi_nb.run.ahead import SentAhead
from fsapi_nb.run.refusal import refusal_of
from fsapi_nb.run.state import RunState


def is_recorded(run: RunState, step: Step) -> bool:
    """Ask the journal whether this run has done the step."""
    return run.recorder.is_recorded(done_row(step.parts[-1]))


def was_committed(run: RunState, ahead: SentAhead, error: psycopg.Error) -> bool:
    """Ask whether a COMMIT that was sent and not answered took place, over a new connection.

    Raises StatementFailed if that cannot be found out now, or if the rest of the migration is for the next run.
    """
    at = run.here()
    last = at.step.parts[-1]
    ahead.lose()
    try:
        run.take_over(run.reopen())
    except FsapiError as unreachable:
        state = (
            f"the connection was lost before COMMIT was answered, and {unreachable.message}: "
            "the next run looks whether it was done."
        )
        raise failures.failed(refusal_of(error, at, lost=True), run.done, state=state) from None
    if not is_recorded(run, at.step):
        return False
    if not last.completes:
        state = f"the connection was lost; step {last.number + 1} is committed, and the next run goes on from there."
        raise failures.failed(refusal_of(error, at, lost=True), run.done, state=state) from None
    return True


def was_committed_unheard(run: RunState, ahead: SentAhead, step: Step) -> bool:
    """Ask whether a step was sent behind the one that the connection was lost over, and committed as well."""
    if not ahead.may_be_committed(run.number):
        return False
    if is_recorded(run, step):
        return True
    ahead.none_is_committed()
    return False


def abandon(run: RunState, ahead: SentAhead) -> None:
    """Cancel what is under way: nothing that was sent ahead may run any more."""
    ahead.forget()
    with contextlib.suppress(psycopg.Error):
        run.session.abandon()


def interrupted(run: RunState, ahead: SentAhead) -> Interrupted:
    """Cancel what runs, make sure that it has ended, and return the error that says where things stand."""
    at, sealed = run.position, run.is_sealed or run.position is None
    under_way = [*([run.number] if at else ()), *ahead.numbers()]
    if not under_way:
        names = tuple(done.name for done in run.done)
        is_over = bool(names) and names[-1] == run.steps[-1].parts[-1].migration.name
        message = "stopped when everything had been run" if is_over else "stopped between two steps"
        return Interrupted(message, run.standing(), names)
    committed = False
    at = at or run.beginning(under_way[0])
    with contextlib.suppress(psycopg.Error, FsapiError):
        abandon(run, ahead)
        run.session.rollback()
        if run.session.is_lost():
            run.take_over(run.reopen())
        # What was sent may have been committed before it was cancelled: in order, as far as that goes.
        for number in under_way:
            at = at if at.step is run.steps[number] else run.beginning(number)
            committed = sealed and is_recorded(run, at.step)
            if not committed:
                break
            run.finish(at.step, number)
        if at.step.mode is Mode.TRANSACTION and not committed:
            run.position = at
            run.journal_outcome("failed", "interrupted")
    return failures.interrupted(at, run.done, committed=committed)
