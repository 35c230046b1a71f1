"""The record of a server: which binaries it runs from, and where its socket and data are.

A record is a note, not the truth: a project may have been copied, moved or cloned with it. Its readers check what it
says.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from fsapi_nb.project.private_files import replace_file
from fsapi_nb.project.regular_file import read_regular

_MOST_BYTES = 100_000
_FILE = "server.json"


@dataclass(frozen=True, slots=True)
class Record:
    """What `server.json` holds: absolute paths, each empty if there is none yet.

    `bin_folder` is the one that the user asked for; `root_folder` has the data of a server that root started.
    """

    bin_folder: str = ""
    socket_folder: str = ""
    root_folder: str = ""

    @staticmethod
    def read(server_folder: Path) -> Record:
        """Return the record in a server folder; an empty one if there is none, or none that fsapi_nb wrote."""
        try:
            # The file may have come with a project: no link is followed, and no pipe is waited for.
            found = json.loads(read_regular(server_folder / _FILE, most=_MOST_BYTES, links=False))
            return Record(str(found["bin_folder"]), str(found["socket"]), str(found["place"]))
        except (OSError, ValueError, KeyError, TypeError):
            return Record()

    def write(self, server_folder: Path) -> None:
        """Replace the record in a server folder. Raises OSError."""
        # The names in the file stay: an earlier version may have written it, or may read it next.
        content = {"bin_folder": self.bin_folder, "socket": self.socket_folder, "place": self.root_folder}
        replace_file(server_folder / _FILE, json.dumps(content, indent=2) + "\n")
