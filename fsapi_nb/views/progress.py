"""What must be known while a run goes on: events as lines of text, for whoever has a place to show them."""

from __future__ import annotations

from fsapi_nb.events import Event, LockAwaited, NoticeReceived, StepRetried
from fsapi_nb.views.escape import visible


def progress_line(event: Event) -> str | None:
    """The line for an event that somebody who waits should see at once; None for all others."""
    match event:
        case LockAwaited(holder):
            return f"waiting for another runner: {visible(holder)}"
        case StepRetried(step=step, pause=pause, reason=reason):
            return f"{visible(step.parts[0].migration.name)}: {reason}; trying again in {pause:.1f} s"
        case NoticeReceived(migration, "WARNING", message):
            return f"{visible(migration)}: WARNING: {visible(message)}"
    return None
