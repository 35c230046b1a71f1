"""Who uses a server, and who may start or stop it: locks on files, which end with the process that holds them.

The kernel forgets nobody, so no process id is ever guessed about. What the locks stand for is for `server` to know.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from fsapi_nb import stop
from fsapi_nb.errors import EmbeddedServerError

LOCK_SECONDS = 90  # longer than one start, so that waiting for another process's start ends well
_EXIT_SECONDS = 10  # a notebook server kills a kernel that takes longer to end
_POLL_SECONDS = 0.01


class Process:
    """What this process holds: open lock files, and the servers it uses. A forked child begins with none of it."""

    def __init__(self) -> None:
        self.mutex = threading.RLock()
        self.uses: dict[Path, int] = {}
        self._descriptors: set[int] = set()
        self._registered = False

    def register(self, at_exit: Callable[[], None]) -> None:
        """Arrange, once, for what happens when this process forks and ends."""
        if not self._registered:
            self._registered = True
            os.register_at_fork(after_in_child=self._forget)
            atexit.register(at_exit)

    def _forget(self) -> None:
        """Close what was inherited by a fork; the parent's descriptors keep its locks."""
        for descriptor in self._descriptors:
            os.close(descriptor)
        self.mutex = threading.RLock()  # a thread of the parent's may have held it
        self.uses = {}
        self._descriptors = set()

    @contextlib.contextmanager
    def opened(self, path: Path, *, make: bool = True) -> Iterator[int]:
        """A lock file's descriptor, for a while; the file is made where absent, if wanted."""
        descriptor = self._open(path, make=make)
        try:
            yield descriptor
        finally:
            self._close(descriptor)

    def use(self, desk: Path) -> None:
        """Count as a user of the server, until `unuse` or the end of the process."""
        if not self.still_uses(desk):
            self.uses[desk] = self._open(desk / "users.lock")
            await_lock(self.uses[desk], fcntl.LOCK_SH, seconds=LOCK_SECONDS)

    def unuse(self, desk: Path) -> None:
        """Count as a user no more."""
        if desk in self.uses:
            descriptor = self.uses.pop(desk)
            # Closing alone would leave the lock to a child that was forked just now and has not closed its copy yet.
            fcntl.flock(descriptor, fcntl.LOCK_UN)
            self._close(descriptor)

    def still_uses(self, desk: Path) -> bool:
        """Whether it uses the server; not so where the file was deleted and made anew since."""
        if desk not in self.uses:
            return False
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(self.uses[desk]), (desk / "users.lock").stat()):
                return True
        self.unuse(desk)
        return False

    def _open(self, path: Path, *, make: bool = True) -> int:
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | (os.O_CREAT if make else 0), 0o600)
        self._descriptors.add(descriptor)
        return descriptor

    def _close(self, descriptor: int) -> None:
        self._descriptors.discard(descriptor)
        os.close(descriptor)


process = Process()


@contextlib.contextmanager
def guard(desk: Path, *, at_exit: bool = False) -> Iterator[None]:
    """Be the only process that starts or stops the server; wait for another to be done, less long at our exit."""
    seconds = _EXIT_SECONDS if at_exit else LOCK_SECONDS
    with process.opened(desk / "start.lock") as descriptor:
        if not await_lock(descriptor, fcntl.LOCK_EX, seconds=seconds):
            holder = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip() or "unknown"
            raise EmbeddedServerError(
                f"Another process (id {holder}) has been starting or stopping the embedded server for {seconds} s.",
                hint="Try again; if that process hangs, end it.",
            )
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield


def is_used(desk: Path) -> bool:
    """Whether any process counts as a user of the server."""
    return not is_free(desk / "users.lock", fcntl.LOCK_EX)


def is_free(lock: Path, kind: int) -> bool:
    """Whether nobody holds the lock in a way that excludes `kind`."""
    try:
        with process.opened(lock, make=False) as descriptor:
            return await_lock(descriptor, kind, seconds=0)
    except FileNotFoundError:
        return True


def await_lock(descriptor: int, kind: int, *, seconds: float) -> bool:
    """Take a lock; False where another process keeps it all the time."""

    def taken() -> bool:
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
            return True
        return False

    return wait_until(taken, seconds=seconds)


def wait_until(condition: Callable[[], bool], *, seconds: float) -> bool:
    """Wait, at most for a time; False where the condition did not come true."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= deadline:
            return False
        stop.pause(_POLL_SECONDS)
    return True
