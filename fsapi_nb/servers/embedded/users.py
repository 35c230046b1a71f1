"""The users of a server, and the locks that stand for them and for the server itself.

Each is a `flock` on a file. The kernel releases it when the last process that holds the open file has ended, however it
ended: what a killed process leaves is known for certain, and no process id is ever guessed about.

    start.lock      exclusive: the process that starts or stops the server, for as long as that takes. It writes its
                    process id there, only for the message to a process that waits too long
    users.lock      shared: each process that uses the server, until it detaches or ends. A process that holds
                    `start.lock` and finds no user may stop the server
    server.lock     exclusive: the server. It inherits the lock from its starter, and its own processes inherit it
                    from the server. The tools that make its data inherit it in the same way

A killed user stops nothing: the server runs on, and the next user that leaves it as the last one stops it. A forked
child shares the open files of its parent, and so the locks: it closes them at once, and begins as a user of no server.
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


class ServerUser:
    """The process as a user of servers: the lock files that it has open, and the servers that it uses.

    A forked child begins as a user of none. `mutex` is held by a thread that starts, finds or stops a server; `uses`
    has for each server folder the descriptor of its `users.lock`.
    """

    def __init__(self) -> None:
        self.mutex = threading.RLock()
        self.uses: dict[Path, int] = {}
        self._descriptors: set[int] = set()
        self._prepared = False

    def prepare(self, at_exit: Callable[[], None]) -> None:
        """Arrange, once, what happens when this process forks, and when it ends."""
        if not self._prepared:
            self._prepared = True
            os.register_at_fork(after_in_child=self._forget)
            atexit.register(at_exit)

    def _forget(self) -> None:
        """Close what was inherited by a fork; the parent's descriptors keep its locks."""
        for descriptor in self._descriptors:
            os.close(descriptor)
        self.mutex = threading.RLock()  # another thread of the parent may have held it
        self.uses = {}
        self._descriptors = set()

    @contextlib.contextmanager
    def opened(self, path: Path, *, make: bool = True) -> Iterator[int]:
        """Open a lock file and yield its descriptor; with `make`, the file is made if it is missing."""
        descriptor = self._open(path, make=make)
        try:
            yield descriptor
        finally:
            self._close(descriptor)

    def use(self, server_folder: Path) -> None:
        """Count as a user of the server, until `unuse` or the end of the process."""
        if not self.still_uses(server_folder):
            self.uses[server_folder] = self._open(server_folder / "users.lock")
            await_lock(self.uses[server_folder], fcntl.LOCK_SH, seconds=LOCK_SECONDS)

    def unuse(self, server_folder: Path) -> None:
        """Stop counting as a user of the server."""
        if server_folder in self.uses:
            descriptor = self.uses.pop(server_folder)
            # Closing alone would leave the lock to a child that was forked just now and has not closed its copy yet.
            fcntl.flock(descriptor, fcntl.LOCK_UN)
            self._close(descriptor)

    def still_uses(self, server_folder: Path) -> bool:
        """Return whether it counts as a user; it does not if the file was deleted, or made again, since then."""
        if server_folder not in self.uses:
            return False
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(self.uses[server_folder]), (server_folder / "users.lock").stat()):
                return True
        self.unuse(server_folder)
        return False

    def _open(self, path: Path, *, make: bool = True) -> int:
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | (os.O_CREAT if make else 0), 0o600)
        self._descriptors.add(descriptor)
        return descriptor

    def _close(self, descriptor: int) -> None:
        self._descriptors.discard(descriptor)
        os.close(descriptor)


process = ServerUser()


@contextlib.contextmanager
def start_lock(server_folder: Path, *, at_exit: bool = False) -> Iterator[None]:
    """Hold the lock to start or stop the server.

    Wait if another process holds it, less long `at_exit` of this one. Raises EmbeddedServerError if the other process
    takes too long.
    """
    seconds = _EXIT_SECONDS if at_exit else LOCK_SECONDS
    with process.opened(server_folder / "start.lock") as descriptor:
        if not await_lock(descriptor, fcntl.LOCK_EX, seconds=seconds):
            holder = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip() or "unknown"
            raise EmbeddedServerError(
                f"another process (id {holder}) has been starting or stopping the embedded server for {seconds} s",
                hint="try again; if that process hangs, end it.",
            )
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield


def is_used(server_folder: Path) -> bool:
    """Return whether any process counts as a user of the server."""
    return not is_free(server_folder / "users.lock", fcntl.LOCK_EX)


def is_free(lock: Path, kind: int) -> bool:
    """Return whether a lock of that kind (`LOCK_SH`, `LOCK_EX`) could be taken now."""
    try:
        with process.opened(lock, make=False) as descriptor:
            return await_lock(descriptor, kind, seconds=0)
    except FileNotFoundError:
        return True


def await_lock(descriptor: int, kind: int, *, seconds: float) -> bool:
    """Take a lock, and wait for it at most `seconds`; return whether it was taken."""

    def taken() -> bool:
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
            return True
        return False

    return wait_until(taken, seconds=seconds)


def wait_until(condition: Callable[[], bool], *, seconds: float) -> bool:
    """Wait at most `seconds` until a condition is true; return whether it is. It is asked once at least."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= deadline:
            return False
        stop.pause(_POLL_SECONDS)
    return True
