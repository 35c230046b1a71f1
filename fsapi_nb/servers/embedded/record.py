"""The record of a server, and how files are written of which no reader may see half.

It is a note, not the truth: a project may have been copied, moved or cloned with it, so others check what it says.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

_MOST_BYTES = 100_000


@dataclass(frozen=True, slots=True)
class Record:
    """What `server.json` holds: absolute paths, empty where there is none yet.

    `bin_folder` is what the user asked for, `socket` the socket folder, and `place` where the data of a server
    that root started lies.
    """

    bin_folder: str = ""
    socket: str = ""
    place: str = ""

    @staticmethod
    def read(desk: Path) -> Record:
        """The record of a desk; an empty one where there is none, or none that we wrote."""
        try:
            # No link is followed, and nobody is waited for: the file may have come with a project of somebody else's.
            with open(os.open(desk / "server.json", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
                found = json.loads(file.read(_MOST_BYTES))
            return Record(str(found["bin_folder"]), str(found["socket"]), str(found["place"]))
        except (OSError, ValueError, KeyError, TypeError):
            return Record()

    def write(self, desk: Path) -> None:
        """Replace the record of a desk."""
        write_file(desk / "server.json", json.dumps(asdict(self), indent=2) + "\n")


def write_file(path: Path, text: str, *, mode: int = 0o600) -> None:
    """Replace a file at once, so that no reader sees half of it."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, mode)
    with open(descriptor, "w", encoding="utf-8", errors="surrogateescape") as file:  # a path need not be UTF-8
        os.fchmod(descriptor, mode)
        file.write(text)
    draft.replace(path)
