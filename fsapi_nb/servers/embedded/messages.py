"""What the errors of this package have in common: the ways out that they name, and the log lines that they show.

It decides nothing; what went wrong is said where it went wrong.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from fsapi_nb.errors import EmbeddedServerError

OTHER_DATABASE = "Or name another database, with DATABASE_URL or --database."
ROOT_HINT = (
    "PostgreSQL refuses to run as root, so root must be able to hand it to another account, which a container may "
    f"forbid. Run as another user than root. {OTHER_DATABASE}"
)
_LOG_LINES = 15


@contextlib.contextmanager
def files_of(home: Path) -> Iterator[None]:
    """Make what the operating system says of files (no right, no space) an error of ours."""
    try:
        yield
    except OSError as error:
        raise EmbeddedServerError(
            f"The embedded server of {home} cannot be used: {error}.",
            hint=ROOT_HINT
            if os.geteuid() == 0
            else f"Make the folder writable for this user, or make room. {OTHER_DATABASE}",
        ) from error


def last_lines(text: str) -> tuple[str, ...]:
    """The end of a message, as an error's details."""
    return tuple(f"  {line.rstrip()}" for line in text.splitlines() if line.strip())[-_LOG_LINES:]


def last_lines_of(log: Path, offset: int = 0) -> tuple[str, ...]:
    """The end of a log file, from `offset` on; nothing where it cannot be read."""
    try:
        with log.open("rb") as file:
            file.seek(max(offset, log.stat().st_size - 20_000))
            return last_lines(file.read().decode("utf-8", "replace"))
    except OSError:
        return ()
