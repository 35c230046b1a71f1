"""Wait for other programs. A thread that is to stop kills the program that it waits for."""

from __future__ import annotations

import subprocess
import time

from fsapi_nb import stop

_INTERVAL = 0.1  # seconds


def communicate(process: subprocess.Popen[str], seconds: float, given: str | None = None) -> tuple[str, str]:
    """Write `given` to a program, and wait for its end.

    Returns:
        What it has written to its output and to its errors.

    Raises:
        subprocess.TimeoutExpired: if it runs longer than `seconds`. It is killed then, as for any other exception.
    """
    until = time.monotonic() + seconds
    try:
        while True:
            stop.check()
            try:
                return process.communicate(given, timeout=min(_INTERVAL, seconds))
            except subprocess.TimeoutExpired:
                given = None  # the first call goes on writing it
                if time.monotonic() >= until:
                    raise
    except BaseException:
        process.kill()
        raise
