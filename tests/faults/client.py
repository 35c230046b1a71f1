"""A run in a process of its own, which can be killed or interrupted at any moment; it tells how it ended."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
from collections.abc import Iterator
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from threading import Event

from fsapi_nb import Migrator
from fsapi_nb.errors import NothingToDo
from fsapi_nb.events import Event as RunEvent
from fsapi_nb.events import LockAwaited, StepRetried
from fsapi_nb.model.migration import Direction
from fsapi_nb.run import watch

#: Seconds that no statement of a test takes: it is not looked at meanwhile.
NEVER = 3600
# A server that forks has imported everything and runs no threads: a client starts in a few milliseconds.
_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["tests.faults.client", "fsapi_nb.run.runner", "fsapi_nb.run.recover"])


class Client:
    """A process that runs `migrate`, or rolls everything back; with a `verb`, that one.

    One that is not `watched` says the same messages however long it takes.
    """

    def __init__(
        self,
        address: str,
        folder: Path,
        direction: Direction = Direction.UP,
        *,
        verb: str = "",
        watched: bool = True,
        **options: object,
    ) -> None:
        self._ours, theirs = _context.Pipe()
        self._process: ForkServerProcess = _context.Process(
            target=_run, args=(theirs, address, folder, direction, verb, watched, options), daemon=True
        )
        self._started = Event()
        self._process.start()
        theirs.close()
        self._started.set()

    def kill(self) -> None:
        """End it at once, without a chance to clean up, and wait until it is gone."""
        self._signal(signal.SIGKILL)
        self._process.join(20)

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        self._signal(signal.SIGINT)

    def _signal(self, number: signal.Signals) -> None:
        self._started.wait()
        assert self._process.pid is not None
        os.kill(self._process.pid, number)

    def await_word(self, word: str, *, seconds: float = 20) -> None:
        """Until it says that it has come so far: `ready`, `awaits a lock`, `pauses`."""
        assert self._ours.poll(seconds), f"the client did not say: {word}"
        assert self._ours.recv() == word

    def outcome(self, *, seconds: float = 30) -> tuple[str, str]:
        """The name of the exception that ended it and its text; `done` where none did, `killed` where it was."""
        said: object = ("killed", "")
        with contextlib.suppress(EOFError, ConnectionResetError):
            while True:
                assert self._ours.poll(seconds), "the client hangs"
                message = self._ours.recv()
                if isinstance(message, tuple):
                    said = message
                    break
        self._process.join(seconds)
        assert not self._process.is_alive(), "the client hangs"
        assert isinstance(said, tuple)
        return said

    def close(self) -> None:
        """Make sure that it is gone."""
        if self._process.is_alive():
            self._process.kill()
        self._process.join(20)
        self._process.close()
        self._ours.close()


@contextlib.contextmanager
def client(
    address: str,
    folder: Path,
    direction: Direction = Direction.UP,
    *,
    verb: str = "",
    watched: bool = True,
    **options: object,
) -> Iterator[Client]:
    """A client that is gone at the end."""
    process = Client(address, folder, direction, verb=verb, watched=watched, **options)
    try:
        yield process
    finally:
        process.close()


def _run(
    told: Connection,
    address: str,
    folder: Path,
    direction: Direction,
    verb: str,
    watched: bool,
    options: dict[str, object],
) -> None:
    """What the process does."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if not watched:
        watch._MOMENT = NEVER

    def hear(event: RunEvent) -> None:
        if isinstance(event, LockAwaited):
            told.send("awaits a lock")
        elif isinstance(event, StepRetried):
            told.send("pauses")

    try:
        migrator = Migrator(address, folder, observers=[hear], **options)  # type: ignore[arg-type]
        if verb:
            getattr(migrator, verb)()
        elif direction is Direction.UP:
            migrator.migrate()
        else:
            with contextlib.suppress(NothingToDo):
                migrator.rollback(everything=True)
    except BaseException as error:  # noqa: BLE001 - whatever it is, the test judges it
        told.send((type(error).__name__, str(error)))
    else:
        told.send(("done", ""))
