"""A proxy on a Unix socket that counts what a client says to PostgreSQL, round trips first of all.

A round trip is a burst of the client's that the server answers: however much is said before listening counts once.
It knows nothing of the protocol, changes nothing, and is never in the way of a run that is timed.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from bench.figures import Wire
from bench.server import Address


@contextlib.contextmanager
def count_wire(address: Address) -> Iterator[tuple[Address, Counter]]:
    """Where the same database answers by way of a counter, and the counter."""
    with tempfile.TemporaryDirectory(prefix="wire_") as folder:
        counter = Counter(address, Path(folder))
        try:
            yield replace(address, folder=folder), counter
        finally:
            counter.close()


class Counter:
    """Listens in `folder` as the server of `address` would, and counts over all connections together."""

    def __init__(self, address: Address, folder: Path) -> None:
        self._target = _socket_of(Path(address.folder), address.port)
        self._trips = self._sent = self._received = 0
        self._lock = threading.Lock()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(_socket_of(folder, address.port))
        self._listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def take(self) -> Wire:
        """What was counted since it was taken last."""
        with self._lock:
            counted = Wire(self._trips, self._sent, self._received)
            self._trips = self._sent = self._received = 0
        return counted

    def close(self) -> None:
        """Listen no more."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        """Pass on what one connection says, both ways, until either side ends it."""
        server = socket.socket(socket.AF_UNIX)
        with client, server, selectors.DefaultSelector() as ready, contextlib.suppress(OSError):
            server.connect(self._target)
            ready.register(client, selectors.EVENT_READ, server)
            ready.register(server, selectors.EVENT_READ, client)
            asked = False
            while True:
                for key, _ in ready.select():
                    assert isinstance(key.fileobj, socket.socket)
                    data = key.fileobj.recv(1 << 16)
                    if not data:
                        return
                    is_answer = key.fileobj is server
                    self._count(len(data), is_answer=is_answer, ends_trip=is_answer and asked)
                    asked = not is_answer
                    key.data.sendall(data)

    def _count(self, size: int, *, is_answer: bool, ends_trip: bool) -> None:
        with self._lock:
            self._trips += ends_trip
            if is_answer:
                self._received += size
            else:
                self._sent += size


def _socket_of(folder: Path, port: int) -> str:
    return str(folder / f".s.PGSQL.{port}")
