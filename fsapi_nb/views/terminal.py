"""A run's progress, live on a terminal: a bar, the statement that runs, who is in its way; erased when the run ends.

The observer only keeps the events. If a run takes longer than a moment, a thread of its own draws: an interrupt cannot
stop a drawing half-way, and a terminal that blocks does not block the migration. The thread owns the console; the
observer hands it one frozen value, which is replaced and never changed.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

from fsapi_nb.events import Event, LockAwaited, RunStarted, StatementStarted, StatementWatched, StepStarted
from fsapi_nb.model.server import LockSession
from fsapi_nb.text.fold import shorten
from fsapi_nb.text.safe import visible
from fsapi_nb.text.words import counted
from fsapi_nb.views.progress import RunProgress, advance
from fsapi_nb.views.results.blockers import lock_words

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.live import Live
    from rich.text import Text

_log = logging.getLogger("fsapi_nb")
#: Seconds: a run that is over sooner is not drawn; how often a longer one is.
_MOMENT = 0.3
_INTERVAL = 0.125
#: Columns on the right that stay free: what is typed meanwhile (`^C`) is echoed there, and must not begin a new line.
_MARGIN = 4
#: From so many columns on, sessions are a table with a column for each fact; below, a few lines for each.
_WIDE = 100
#: A queue may be long; who is in front matters. A migration may be talkative; its result has everything.
_MOST_SESSIONS = 8
_MOST_NOTICES = 20


class LiveProgress:
    """An observer that draws runs on a terminal: `with LiveProgress(sys.stderr) as progress: ...`.

    The drawing is erased at the end of the block, also after an exception; the server's notices stay above it. A run
    that is over in a moment is not shown; if it failed, its notices are.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None
        self._seen = _Seen()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed.set()
        if self._thread is None or not self._thread.is_alive():
            return
        try:
            self._thread.join()
        except KeyboardInterrupt:
            self._thread.join(1.0)  # a second Ctrl-C: erasing has begun, and takes no time
            raise

    def __call__(self, event: Event) -> None:
        """Keep what the run is doing now."""
        self._seen = self._seen.after(event, time.monotonic())
        if self._thread is None:
            # Not a daemon: if it ended together with the interpreter, the cursor could stay hidden.
            self._thread = threading.Thread(target=self._show, name="fsapi_nb progress", daemon=False)
            self._thread.start()

    def _show(self) -> None:
        try:
            self._show_until_closed()
        except OSError as error:
            _log.debug("the terminal has gone: %s", error)
        except Exception:  # noqa: BLE001 - whatever goes wrong here, the migration goes on
            _log.exception("the progress cannot be drawn")

    def _show_until_closed(self) -> None:
        over = self._closed.wait(_MOMENT)
        if over and not (self._seen.progress.error and self._seen.progress.notices):
            return
        from rich.console import Console

        console = Console(file=self._stream)
        news = _News(console)
        if not self._closed.is_set():
            self._draw(console, news)
        news.tell(self._seen.progress)

    def _draw(self, console: Console, news: _News) -> None:
        from rich.live import Live

        # Standard error is redirected meanwhile: log messages are printed above the drawing, not into it.
        with Live(console=console, auto_refresh=False, transient=True, redirect_stdout=False) as live:
            try:
                self._redraw_until_closed(live, news)
            finally:
                live.update("")  # rich draws once more before it erases, and would not crop that

    def _redraw_until_closed(self, live: Live, news: _News) -> None:
        live.vertical_overflow = "crop"
        while True:
            seen = self._seen
            news.tell(seen.progress)
            live.update(seen.drawing(live.console), refresh=True)
            if self._closed.wait(_INTERVAL):
                return


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a run is doing, since when it runs and since when its statement does, by a monotonic clock."""

    progress: RunProgress = field(default_factory=RunProgress)
    began: float = 0.0
    statement_began: float = 0.0

    def after(self, event: Event, now: float) -> _Seen:
        """Return what is known after the event."""
        progress = advance(self.progress, event)
        match event:
            case RunStarted() | LockAwaited():
                return _Seen(progress, now, now)
            case StepStarted() | StatementStarted():
                return replace(self, progress=progress, statement_began=now)
            case StatementWatched(elapsed=elapsed):
                return replace(self, progress=progress, statement_began=now - elapsed)
        return replace(self, progress=progress)

    def drawing(self, console: Console) -> Drawing:
        """Return how it looks now on that terminal."""
        now = time.monotonic()
        width = max(console.width - _MARGIN, 1)
        return Drawing(self.progress, now - self.began, now - self.statement_began, width, console.encoding)


class _News:
    """What is printed and stays: notices as they arrive, and on a terminal that cannot be drawn on, why nothing happens."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._heard = 0
        self._waiting = ""

    def tell(self, progress: RunProgress) -> None:
        """Print what has not been printed yet."""
        if progress.notices_heard < self._heard:
            self._heard = 0  # another run has begun
        fresh = progress.notices_heard - self._heard
        shown = progress.notices[-fresh:][-_MOST_NOTICES:] if fresh else ()
        self._heard = progress.notices_heard
        if fresh > len(shown):
            self._print(f"… {counted(fresh - len(shown), 'notice')} more")
        for migration, notice in shown:
            self._print(f"{migration}: {shorten(notice)}")
        if progress.waiting != self._waiting and not self._console.is_interactive:
            self._print(progress.waiting)
        self._waiting = progress.waiting

    def _print(self, line: str) -> None:
        from rich.text import Text

        if line:
            self._console.print(Text(_written(line, self._console.encoding)), soft_wrap=True)


@dataclass(frozen=True, slots=True)
class Drawing:
    """What a run is doing, as rich draws it in `width` columns; `encoding` is the terminal's.

    `elapsed` seconds have gone by since the run began, `running` since its statement did.
    """

    progress: RunProgress
    elapsed: float
    running: float
    width: int
    encoding: str = "utf-8"

    def __rich__(self) -> RenderableType:
        from rich.console import Group
        from rich.constrain import Constrain

        return Constrain(Group(*self._lines()), self.width)

    def _lines(self) -> Iterator[RenderableType]:
        from rich.padding import Padding

        progress = self.progress
        yield self._head()
        below = [self._statement(), self._text(self._server(), "cyan"), self._text(self._waiting(), "yellow")]
        for text in below:
            if text:
                yield Padding(text, (0, 0, 0, 2))
        if progress.blockage:
            title = "waits for a lock:" if progress.blockage.blockers else "others wait for this:"
            yield Padding(self._text(title, "yellow"), (0, 0, 0, 2))
            yield Padding(self._sessions(), (0, 0, 0, 4))

    def _head(self) -> RenderableType:
        """Return the verb, the bar, how many steps are done, and how long it has taken."""
        from rich.progress_bar import ProgressBar
        from rich.table import Table

        progress, elapsed = self.progress, _duration(self.elapsed)
        if not progress.steps:
            return self._text(f"{progress.verb or progress.waiting}  {elapsed}", "bold")
        head = Table.grid(padding=(0, 1), expand=True)
        head.add_column(no_wrap=True)
        head.add_column(ratio=1)
        head.add_column(no_wrap=True)
        count = f"{progress.done} of {counted(progress.steps, 'step')}  {elapsed}"
        bar = ProgressBar(total=progress.steps, completed=progress.done)
        head.add_row(self._text(progress.verb, "bold"), bar, self._text(count))
        return head

    def _statement(self) -> Text:
        """Return what runs, for how long, at which attempt."""
        text = self._text(self.progress.statement)
        if text and not self.progress.waiting:
            text.append(f"  {_duration(self.running)}" if self.running >= 1 else "", "bold")
            text.append(f"  attempt {self.progress.retries + 1}" if self.progress.retries else "", "yellow")
        return text

    def _server(self) -> str:
        """Return how far the server says it is: the phase, per cent if it knows them, and what it counts."""
        server = self.progress.server
        if server is None:
            return ""
        words = [server.command, *([f"on {server.relation}"] if server.relation else [])]
        said = [" ".join(words) + (f": {server.phase}" if server.phase else "")]
        if server.fraction is not None:
            said += [f"{server.fraction:.0%}", f"({server.done:,} of {server.total:,} {server.unit})"]
        elif server.done:
            said.append(f"({server.done:,} {server.unit})")
        return "  ".join(said)

    def _waiting(self) -> str:
        """Return why nothing happens."""
        attempt = f" (attempt {self.progress.retries + 1})" if self.progress.retries else ""
        return f"{self.progress.waiting}{attempt}" if self.progress.waiting and self.progress.steps else ""

    def _sessions(self) -> RenderableType:
        from rich.console import Group

        sessions = self.progress.blockage.sessions
        shown, more = sessions[:_MOST_SESSIONS], len(sessions[_MOST_SESSIONS:])
        table = self._table(shown) if self.width >= _WIDE else self._list(shown)
        return Group(table, self._text(f"… {counted(more, 'session')} more")) if more else table

    def _table(self, sessions: Iterable[LockSession]) -> RenderableType:
        """Return a row for each session; lock and query share the last column."""
        from rich.console import Group
        from rich.table import Table

        table = Table(box=None, expand=True, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
        table.add_column("")
        table.add_column("pid", justify="right", no_wrap=True)
        table.add_column("user", max_width=20, overflow="fold")
        table.add_column("application", max_width=24, overflow="fold")
        table.add_column("state", overflow="fold")
        table.add_column("for", justify="right", no_wrap=True)
        table.add_column("lock and query", ratio=1, overflow="fold")
        for session in sessions:
            facts = [_pid(session), session.user or "", session.application or "", session.state or "", _age(session)]
            lock = Group(self._text(lock_words(session)), *self._query(session))
            table.add_row(self._text(session.part.value, "bold"), *map(self._text, facts), lock)
        return table

    def _list(self, sessions: Iterable[LockSession]) -> RenderableType:
        """Return two or three lines for each session."""
        from rich.console import Group
        from rich.table import Table

        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        for session in sessions:
            pid = _pid(session)
            facts = [f"pid {pid}" if pid else "", session.user, session.application, session.state, _age(session)]
            who = ", ".join(fact for fact in facts if fact)
            about = Group(self._text(who), self._text(lock_words(session)), *self._query(session))
            table.add_row(self._text(session.part.value, "bold"), about)
        return table

    def _query(self, session: LockSession) -> list[Text]:
        """Return the query on one line, cut at the end of the line."""
        if not session.query:
            return []
        text = self._text(session.query, "dim")
        text.no_wrap = True
        text.overflow = "ellipsis" if self.encoding.startswith("utf") else "crop"
        return [text]

    def _text(self, text: str, style: str = "") -> Text:
        """Return untrusted text on one line, as it is: without markup, and without anything that a terminal obeys."""
        from rich.text import Text

        line = visible(text).replace("\n", "\\n").replace("\t", "\\t")
        return Text(_written(line, self.encoding), style, overflow="fold")


def _written(text: str, encoding: str) -> str:
    """Return text as the terminal can show it. This comes before measuring: what is written out is wider."""
    return text.encode(encoding, "backslashreplace").decode(encoding)


def _pid(session: LockSession) -> str:
    return str(session.pid) if session.pid else ""


def _age(session: LockSession) -> str:
    """Return for how long: the transaction of a session that blocks, the waiting of one that waits."""
    seconds = session.transaction_age if session.granted or session.waited is None else session.waited
    return "" if seconds is None else _duration(seconds)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    if not minutes:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"
