"""The process of `sapi`. An interrupt ends it quietly, also before its command begins and after its command has ended."""

from __future__ import annotations

import os
import signal
from typing import NoReturn

_INTERRUPTED = 130


def main() -> int:
    """Run the command of this process and return its exit code."""
    is_ignored = signal.getsignal(signal.SIGINT) == signal.SIG_IGN  # in the background of a script
    if not is_ignored:
        _end_at(_INTERRUPTED, signal.SIGINT)  # nothing has happened yet
    from fsapi_nb.cli import main as run

    try:
        if not is_ignored:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        code = run()
    except KeyboardInterrupt:  # a second one, while the first is said
        code = _INTERRUPTED
    # What is left is to stop an embedded server that nobody else uses; one that goes on is found by the next command.
    _end_at(code, *([] if is_ignored else [signal.SIGINT]), signal.SIGTERM, signal.SIGHUP)
    return code


def _end_at(code: int, *names: signal.Signals) -> None:
    """Let these signals end the process at once, with that exit code and without a word."""

    def end(*_: object) -> NoReturn:
        os._exit(code)

    for name in names:
        signal.signal(name, end)


if __name__ == "__main__":
    raise SystemExit(main())
