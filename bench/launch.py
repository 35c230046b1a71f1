"""Run one command, and write what it took as JSON to an open file: `python -I -S launch.py FD COMMAND...`.

A process of its own, and one that imports next to nothing: Linux hands the peak memory of whoever starts a program
on to that program, so that only what a small one starts is measured truly (this one's own, about 9 MiB, is the
least that can be seen). CPU and peak are those of the command and of all that it waited for, never the server's.
"""

import json
import os
import sys
import time


def main() -> None:
    """Start, wait, tell."""
    descriptor, *command = sys.argv[1:]
    started = time.monotonic()
    process = os.posix_spawnp(command[0], command, os.environ)
    _, status, usage = os.wait4(process, 0)
    told = {
        "seconds": time.monotonic() - started,
        "cpu": usage.ru_utime + usage.ru_stime,
        "peak": usage.ru_maxrss / (1024 * 1024 if sys.platform == "darwin" else 1024),
        "code": os.waitstatus_to_exitcode(status),
    }
    with os.fdopen(int(descriptor), "w") as report:
        json.dump(told, report)


if __name__ == "__main__":
    main()
