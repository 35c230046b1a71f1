"""Where a kernel's interrupt strikes: Python raises KeyboardInterrupt in the main thread, and nowhere else.

A front end's clicks may arrive in another thread (a subshell's, from ipykernel 7 on), where nothing could be stopped.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable
from typing import Any


def on_main_thread(act: Callable[[], None]) -> None:
    """Do it in the main thread: at once where that is this one, else as soon as it is free; this returns before then.

    Where there is no such loop as ipykernel's, it is done here and cannot be interrupted. `act` raises nothing.
    """
    loop = None if threading.current_thread() is threading.main_thread() else _loop()
    if loop is None:
        act()
    else:
        loop.add_callback(_interruptible, act)


def _interruptible(act: Callable[[], None]) -> None:
    """Between its messages, ipykernel ignores the signal."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with contextlib.suppress(KeyboardInterrupt):  # it would end the kernel's loop
            act()
    finally:
        signal.signal(signal.SIGINT, before)


def _loop() -> Any:
    from IPython.core.getipython import get_ipython

    return getattr(getattr(get_ipython(), "kernel", None), "io_loop", None)
