"""The widget with a run's live progress in JupyterLab: it shows a `RunProgress`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anywidget
import traitlets

from fsapi_nb.model.server import LockSession, ServerProgress
from fsapi_nb.text.safe import visible, visible_line
from fsapi_nb.views.progress import RunProgress

_HERE = Path(__file__).parent
STYLE = (_HERE / "style.css").read_text(encoding="utf-8")
PARTS = (_HERE / "parts.js").read_text(encoding="utf-8")


class ProgressWidget(anywidget.AnyWidget):
    """A bar over the steps, the statement that runs, who blocks it, and what the server says."""

    _esm = PARTS + (_HERE / "progress.js").read_text(encoding="utf-8")
    _css = STYLE
    progress = traitlets.Dict().tag(sync=True)

    def __repr__(self) -> str:
        return "(progress, while it runs)"


def progress_state(progress: RunProgress) -> dict[str, Any]:
    """Return a run's progress as texts and numbers, for `parts.js`."""
    return {
        "verb": progress.verb,
        "steps": progress.steps,
        "done": progress.done,
        "statement": progress.statement,
        "elapsed": round(progress.elapsed, 1),
        "server": _server(progress.server) if progress.server else None,
        "sessions": [_session(session) for session in progress.blockage.sessions],
        "retries": progress.retries,
        "waiting": progress.waiting,
        "notices": [list(notice) for notice in progress.notices],
        "heard": progress.notices_heard,
        "finished": progress.finished,
        "error": progress.error,
    }


def _server(server: ServerProgress) -> dict[str, Any]:
    of = f" of {server.total:,}" if server.total else ""
    count = f"{server.done:,}{of} {server.unit}" if server.unit else ""
    about = f" on {visible_line(server.relation)}" if server.relation else ""
    return {"text": f"{server.command}{about}: {server.phase}", "count": count, "fraction": server.fraction}


def _session(session: LockSession) -> dict[str, Any]:
    age = session.waited if session.blocked_by else session.transaction_age
    return {
        "part": session.part.value,
        "pid": session.pid,
        "user": visible_line(session.user or ""),
        "application": visible_line(session.application or ""),
        "state": session.state or "",
        "seconds": None if age is None else round(age),
        "lock": visible_line(session.lock or ""),
        "mode": f"{'holds' if session.granted else 'wants'} {session.mode or 'a lock'}",
        "query": visible(session.query or ""),
    }
