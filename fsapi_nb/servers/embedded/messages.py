"""What the errors of this package have in common: ways out, and the last lines of a log."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from fsapi_nb.errors import EmbeddedServerError

OTHER_DATABASE = "Or name another database, with DATABASE_URL or --database."
ROOT_HINT = (
    "PostgreSQL refuses to run as root, so root must be able to run it as another account, which a container may "
    f"forbid. Run as another user than root. {OTHER_DATABASE}"
)
_LOG_LINES = 15


@contextlib.contextmanager
def files_of(home: Path) -> Iterator[None]:
    """Raise what the operating system says about files (no right, no space) as EmbeddedServerError."""
    try:
        yield
    except OSError as error:
        raise EmbeddedServerError(
            f"the embedded server of {home} cannot be used: {error}",
            hint=ROOT_HINT
            if os.geteuid() == 0
            else f"make the folder writable for this user, or make room. {OTHER_DATABASE}",
        ) from error


def last_lines(text: str) -> tuple[str, ...]:
    """Return the last lines of a message, as an error's details."""
    return tuple(f"  {line.rstrip()}" for line in text.splitlines() if line.strip())[-_LOG_LINES:]


def last_lines_of(log: Path, offset: int = 0) -> tuple[str, ...]:
    """Return the last lines of a log file, from the byte `offset` on; none if it cannot be read."""
    try:
        with log.open("rb") as file:
            file.seek(max(offset, log.stat().st_size - 20_000))
            return last_lines(file.read().decode("utf-8", "replace"))
    except OSError:
        return ()
