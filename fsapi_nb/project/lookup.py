"""Look up the addresses of many host names at once, within a bounded time.

A project may name a thousand hosts, and a machine without a name server lets each question wait for seconds. Daemon
threads ask for the names; the end of the process does not wait for them.
"""

from __future__ import annotations

import queue
import socket
import threading
import time
from collections.abc import Collection, Mapping

_SECONDS = 5.0  # for all names of one question together
_FRESH = 60.0  # seconds for which an answer is used again
_THREADS = 32
_answers: dict[str, tuple[float, frozenset[str]]] = {}


def find_addresses(names: Collection[str]) -> Mapping[str, frozenset[str]]:
    """Return the addresses of each name; none if the system knows none, or does not say in time."""
    wanted = [name for name in names if not _is_fresh(name)]
    if wanted:
        _ask(wanted)
    return {name: _answers[name][1] if name in _answers else frozenset() for name in names}


def _is_fresh(name: str) -> bool:
    return name in _answers and time.monotonic() - _answers[name][0] < _FRESH


def _ask(names: Collection[str]) -> None:
    """Ask for all of them; a name that is not answered in time counts as unknown for a while."""
    waiting: queue.SimpleQueue[str] = queue.SimpleQueue()
    answered: queue.SimpleQueue[str] = queue.SimpleQueue()
    for name in names:
        waiting.put(name)
    for _ in range(min(_THREADS, len(names))):
        threading.Thread(target=_work, args=(waiting, answered), daemon=True).start()
    end = time.monotonic() + _SECONDS
    missing = set(names)
    try:
        while missing:
            missing.discard(answered.get(timeout=max(end - time.monotonic(), 0.0)))
    except queue.Empty:
        for name in missing:
            _answers.setdefault(name, (time.monotonic(), frozenset()))


def _work(waiting: queue.SimpleQueue[str], answered: queue.SimpleQueue[str]) -> None:
    while True:
        try:
            name = waiting.get_nowait()
        except queue.Empty:
            return
        try:
            found = frozenset(str(info[4][0]) for info in socket.getaddrinfo(name, None))
        except (OSError, UnicodeError):
            found = frozenset()
        _answers[name] = (time.monotonic(), found)
        answered.put(name)
