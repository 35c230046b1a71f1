"""Watch a run from outside while one of its statements takes longer than a moment: how far it is, who blocks it.

A thread with a second connection, which is opened when a statement takes long and closed when it is over. It only reads
and emits events: a failure here cannot touch the run.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field

import psycopg

from fsapi_nb.errors import FsapiError
from fsapi_nb.events import Observers, StatementWatched
from fsapi_nb.model.plan import Step
from fsapi_nb.model.server import NO_BLOCKAGE, Blockage
from fsapi_nb.postgres.blockers import find_blockage
from fsapi_nb.postgres.progress import find_progress
from fsapi_nb.postgres.session import Connection
from fsapi_nb.run.position import RunPosition
from fsapi_nb.script.options import milliseconds
from fsapi_nb.stop import StopSignal, heeding

_log = logging.getLogger("fsapi_nb")
#: Seconds: how long a statement may take before it is watched, how often it is looked at, how often that is checked.
_MOMENT = 0.3
_INTERVAL = 0.5
_CHECK = 0.05
#: These wait for every other session to leave a database, so the watcher's must not be there.
_ALONE = ("CREATE DATABASE", "ALTER DATABASE", "DROP DATABASE")

Connect = Callable[[], AbstractContextManager[Connection]]


@dataclass(slots=True)
class Watcher:
    """Watches what `where` says is going on, from `start` to `stop`.

    `where` gives the whereabouts of the run and the pid of its session, or None where nothing runs; a new value for
    each statement. `lock_timeout` is that of the session, as PostgreSQL writes it: a statement is looked at before it
    strikes.
    """

    where: Callable[[], tuple[RunPosition, int] | None]
    connect: Connect
    emit: Observers
    lock_timeout: str = "5s"
    _seen: tuple[Step | None, Blockage] = (None, NO_BLOCKAGE)
    _stopped: threading.Event = field(default_factory=threading.Event)
    _signal: StopSignal = field(default_factory=StopSignal)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to watch."""
        self._thread = threading.Thread(target=self._watch, name="fsapi_nb watcher", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Watch no more: what the watcher itself waits for is stopped."""
        self._stopped.set()
        self._signal.set()
        if self._thread is not None:
            self._thread.join(1.0)

    def blockage(self, step: Step) -> Blockage:
        """Who blocked that step, as it was seen last, in whichever of its attempts."""
        of, blockage = self._seen
        return blockage if of is step else NO_BLOCKAGE

    def _watch(self) -> None:
        with heeding(self._signal), suppress(KeyboardInterrupt):
            self._look_now_and_then()

    def _look_now_and_then(self) -> None:
        seen, since = None, time.monotonic()
        while not self._stopped.wait(_CHECK):
            where = self.where()
            at = where[0] if where else None
            if at is not seen:
                seen, since = at, time.monotonic()
            elif where and time.monotonic() - since >= self._moment(where[0]):
                self._look_until_it_ends(*where, since)

    def _moment(self, at: RunPosition) -> float:
        """How long to wait before looking: a moment, less where a lock is waited for no longer than that."""
        script = at.part.migration.script(at.part.direction)
        patience = (script.parsed.options.get("lock_timeout") if script else None) or self.lock_timeout
        limit = milliseconds(patience.replace(" ", ""))
        return min(_MOMENT, limit / 3000) if limit else _MOMENT

    def _look_until_it_ends(self, at: RunPosition, pid: int, since: float) -> None:
        if at.statement and at.statement.traits.kind.startswith(_ALONE):
            self._wait(at)
            return
        try:
            with self.connect() as connection:
                while self._lasts(at):
                    self._tell(connection, at, pid, since)
                    self._stopped.wait(min(_INTERVAL, 2 * self._moment(at)))
        except (psycopg.Error, FsapiError) as error:
            # No slot, no right, no server: then nobody is shown how far it is.
            _log.debug("the run cannot be watched: %s", type(error).__name__)
            self._wait(at)

    def _lasts(self, at: RunPosition) -> bool:
        where = self.where()
        return not self._stopped.is_set() and where is not None and where[0] is at

    def _wait(self, at: RunPosition) -> None:
        while self._lasts(at):
            self._stopped.wait(_INTERVAL)

    def _tell(self, connection: Connection, at: RunPosition, pid: int, since: float) -> None:
        progress = find_progress(connection, pid)
        blockage = find_blockage(connection, pid)
        if not self._lasts(at):
            return
        if blockage.blockers:
            self._seen = (at.step, blockage)
        statement = None if at.recording or at.committing else at.statement
        elapsed = time.monotonic() - since
        self.emit(StatementWatched(at.part.migration.name, statement, elapsed, progress, blockage))
