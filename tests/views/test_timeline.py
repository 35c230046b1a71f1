"""A run as a picture: order and outcomes, which stay the same, and apart from them times, which do not."""

from __future__ import annotations

import datetime
from dataclasses import replace

import psycopg
import pytest

from fsapi_nb.errors import StatementFailed, UsageError
from fsapi_nb.events import Event, StepRetried
from fsapi_nb.model.history import JournalEntry
from fsapi_nb.text.fold import HTML, stored_size
from fsapi_nb.views.results import HistoryResult
from tests.conftest import Project
from tests.pictures import picture_in

START = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


def entry(at: float, state: str, migration: str = "a.sql", **more: object) -> JournalEntry:
    """An event of one run, so many milliseconds after its beginning."""
    moment = START + datetime.timedelta(milliseconds=at)
    return JournalEntry(0, moment, "run", migration, "up", state, **more)  # type: ignore[arg-type]


EVENTS = (
    entry(10, "done", duration_ms=8),
    entry(60, "retried", "b.sql", message="line 1: lock timeout [55P03]"),
    entry(100, "done", "b.sql", duration_ms=95),
    entry(110, "started", "c.sql", step=1, steps=2),
    entry(150, "done", "c.sql", step=1, steps=2, duration_ms=45),
    entry(170, "failed", "c.sql", step=2, steps=2, message="<b>bad</b>"),
)


def test_tries_are_told_apart() -> None:
    """What was sent and ended is one try; what was tried again are two; nothing begins before the last has ended."""
    frame = HistoryResult(EVENTS).timeline().to_frame()
    assert list(frame["outcome"]) == ["done", "retried", "done", "done", "failed"]
    assert list(frame["attempt"]) == [1, 1, 2, 1, 1]
    assert list(frame["duration_ms"]) == [8, 50, 40, 40, 20]


def test_a_step_that_was_sent_and_never_heard_of_is_shown() -> None:
    """A killed run ends so."""
    timeline = HistoryResult(EVENTS[:4]).timeline()
    assert timeline.lines()[-1] == "  …   up c.sql step 1 of 2"
    assert "not known to have ended" in timeline.headline()


def test_what_a_notebook_stores_holds_no_times() -> None:
    """The same run, slower and on another day: the same text and picture; drawn to scale it differs."""
    slower = tuple(
        replace(
            event,
            at=START + datetime.timedelta(days=3) + 7 * (event.at - START),
            duration_ms=event.duration_ms and 7 * event.duration_ms,
            run_id="another",
        )
        for event in EVENTS
    )
    first, second = HistoryResult(EVENTS).timeline(), HistoryResult(slower).timeline()
    assert first._repr_mimebundle_() == second._repr_mimebundle_()
    assert first.to_scale()._repr_mimebundle_() != second.to_scale()._repr_mimebundle_()


def test_the_picture_is_well_formed_and_escaped() -> None:
    """A title for whoever does not see it, a sign in each bar beside its colour, no markup of others."""
    for timeline in (HistoryResult(EVENTS).timeline(), HistoryResult(EVENTS).timeline().to_scale()):
        html = timeline.html()
        assert "<b>" not in html and "&lt;b&gt;bad" in html
        picture = picture_in(html)
        assert picture.get("role") == "img"
        signs = [element.text for element in picture.iter() if element.tag.endswith("text")]
        assert [sign for sign in signs if sign in {"✓", "↻", "✗"}] == ["✓", "↻", "✓", "✓", "✗"]


def test_a_long_run_is_folded() -> None:
    """Of many tries the last; the DataFrame has all."""
    events = tuple(entry(n, "done", f"{n:04}_{'x' * 200}.sql", duration_ms=1) for n in range(500))
    timeline = HistoryResult(events).timeline()
    for each in (timeline, timeline.to_scale()):
        assert stored_size(each.html()) <= HTML
        assert "… 440 earlier tries" in repr(each) and "0499_" in repr(each)
    assert len(timeline.to_frame()) == 500


def test_a_run_that_waited_for_a_lock_and_then_failed(project: Project) -> None:
    """From the journal of a real one: tried again until the lock was free, then the next migration failed."""
    project.write("table", "CREATE TABLE t (a int); INSERT INTO t VALUES (1), (1);")
    project.migrator().migrate()
    project.write("column", "ALTER TABLE t ADD COLUMN b int;")
    project.write("index", "CREATE UNIQUE INDEX CONCURRENTLY i ON t (a);")
    holder = psycopg.connect(project.database)
    holder.execute("LOCK TABLE t")

    def release(event: Event) -> None:
        if isinstance(event, StepRetried):
            holder.close()

    with pytest.raises(StatementFailed):
        project.migrator(lock_timeout="50ms", observers=[release]).migrate()
    history = project.migrator().history()
    last = history.timeline()
    outcomes = [(attempt.migration, attempt.outcome) for attempt in last.attempts]
    assert outcomes[0][1] == "retried" and outcomes[-2][1] == "done"
    assert outcomes[-1] == ("2026_01_01_00_02_index.sql", "failed")
    assert history.timeline(1).headline() == f"run 1 on {project.label}: 1 step: 1 done"
    with pytest.raises(UsageError, match="no run 9"):
        history.timeline(9)
