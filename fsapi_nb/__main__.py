"""The process of `sapi`. An interrupt ends it without a traceback, also before and after its command runs."""

from __future__ import annotations

import os
import signal
from typing import NoReturn

_INTERRUPTED = 130


def main() -> int:
    """Run the command of this process and return its exit code."""
    is_ignored = signal.getsignal(signal.SIGINT) == signal.SIG_IGN  # as in a script's background job
    if not is_ignored:
        _end_at(_INTERRUPTED, signal.SIGINT)  # nothing has happened yet, and the imports take a while
    from fsapi_nb.cli import main as run

    try:
        if not is_ignored:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        code = run()
    except KeyboardInterrupt:  # a second one, while the first is reported
        code = _INTERRUPTED
    # Only the stop of an unused embedded server is left to do. A server that keeps running is found by the next command.
    _end_at(code, *([] if is_ignored else [signal.SIGINT]), signal.SIGTERM, signal.SIGHUP)
    return code


def _end_at(code: int, *names: signal.Signals) -> None:
    """Make these signals end the process at once, silently and with that exit code."""

    def end(*_: object) -> NoReturn:
        os._exit(code)

    for name in names:
        signal.signal(name, end)


if __name__ == "__main__":
    raise SystemExit(main())
