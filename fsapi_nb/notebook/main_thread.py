"""Run a front end's clicks in the main thread, the only one in which Python raises KeyboardInterrupt.

A click may arrive in another thread (a subshell's, from ipykernel 7 on), where an interrupt could stop nothing.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable
from typing import Any


def on_main_thread(act: Callable[[], None]) -> None:
    """Call a function in the main thread: at once if this is the main thread, else as soon as that one is free.

    In the second case this returns before the call. Without ipykernel's event loop, the function is called here and
    cannot be interrupted.

    Args:
        act: The function, which must not raise.
    """
    loop = None if threading.current_thread() is threading.main_thread() else _loop()
    if loop is None:
        act()
    else:
        loop.add_callback(_interruptible, act)


def _interruptible(act: Callable[[], None]) -> None:
    """Call a function with SIGINT enabled: between its messages, ipykernel ignores the signal."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with contextlib.suppress(KeyboardInterrupt):  # it would end the kernel's loop
            act()
    finally:
        signal.signal(signal.SIGINT, before)


def _loop() -> Any:
    from IPython.core.getipython import get_ipython

    return getattr(getattr(get_ipython(), "kernel", None), "io_loop", None)
