"""What a run is doing, folded from its events: one frozen value that every live view draws. Pure; it draws nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace

from fsapi_nb.errors import FsapiError, Interrupted
from fsapi_nb.events import (
    Event,
    LockAwaited,
    MigrationFinished,
    NoticeReceived,
    RunFailed,
    RunFinished,
    RunStarted,
    StatementStarted,
    StatementWatched,
    StepFinished,
    StepRetried,
    StepStarted,
)
from fsapi_nb.model.server import NO_BLOCKAGE, Blockage, ServerProgress
from fsapi_nb.text.safe import visible, visible_line
from fsapi_nb.text.wrap import hang

#: Of the notices of a run, the last ones are shown while it goes on; the result has them all.
MOST_NOTICES = 50


@dataclass(frozen=True, slots=True)
class RunProgress:
    """What a run is doing, as far as its events say. Text in it is made visible, not escaped for HTML.

    `done` of `steps` are committed. `statement` is what runs (`add_phone.sql:3  ALTER TABLE`), and `elapsed` for how
    many seconds, 0 in its first moment; `server` is how far the server says it is, `blockage` whom it waits for.
    `retries` counts the attempts of this step that were undone, `waiting` says why nothing happens, `error` how it
    ended. `notices` holds pairs of migration and text, the last `MOST_NOTICES` of the `notices_heard` that there were.
    """

    verb: str = ""
    steps: int = 0
    done: int = 0
    migrations: int = 0
    statement: str = ""
    elapsed: float = 0.0
    server: ServerProgress | None = None
    blockage: Blockage = NO_BLOCKAGE
    retries: int = 0
    waiting: str = ""
    notices: tuple[tuple[str, str], ...] = ()
    notices_heard: int = 0
    finished: bool = False
    error: str = ""


def advance(before: RunProgress, event: Event) -> RunProgress:  # noqa: C901 - a case for each event
    """Return what the run is doing after the event."""
    match event:
        case LockAwaited(holder):
            run = RunProgress() if before.finished else before  # a panel observes one run after the other
            return replace(run, waiting=f"waiting for another runner: {visible_line(holder)}")
        case RunStarted(plan):
            return RunProgress(plan.verb, steps=len(plan.steps), waiting="")
        case StepStarted(step):
            return replace(_quiet(before), statement=visible_line(step.parts[0].migration.name), retries=0)
        case StatementStarted(migration, statement):
            said = f"{visible_line(migration)}:{statement.line}  {statement.traits.kind}"
            return replace(before, statement=said, elapsed=0.0, server=None, waiting="")
        case StatementWatched(migration, statement, elapsed, server, blockage):
            said = before.statement if statement else f"{visible_line(migration)}  recording"
            return replace(before, statement=said, elapsed=elapsed, server=server, blockage=blockage)
        case StepRetried(pause=pause, attempts=attempts, reason=reason):
            return replace(before, retries=attempts, waiting=f"{reason}; trying again in {pause:.1f} s", server=None)
        case NoticeReceived(migration, severity, message):
            notice = (visible_line(migration), "\n".join(hang(f"{severity}: {visible(message)}")))
            kept = (*before.notices, notice)[-MOST_NOTICES:]
            return replace(before, notices=kept, notices_heard=before.notices_heard + 1)
        case StepFinished():
            return replace(_quiet(before), done=before.done + 1)
        case MigrationFinished():
            return replace(before, migrations=before.migrations + 1)
        case RunFinished():
            return replace(_quiet(before), statement="", finished=True)
        case RunFailed(error):
            return replace(_quiet(before), finished=True, error=_headline(error), blockage=before.blockage)


def _quiet(progress: RunProgress) -> RunProgress:
    """Return the same with nothing that takes long, and nobody waited for."""
    return replace(progress, elapsed=0.0, server=None, blockage=NO_BLOCKAGE, waiting="")


def _headline(error: BaseException) -> str:
    return error.lines()[0] if isinstance(error, FsapiError | Interrupted) else visible(str(error))
