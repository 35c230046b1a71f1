"""A plan as a script for psql, in pieces: texts, and data of COPYs that are read when the script is written out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fsapi_nb.model.migration import CopyData
from fsapi_nb.script.contents import read_copy_data


@dataclass(frozen=True, slots=True)
class ScriptPiece:
    """A piece of a script: text, or the data of a COPY.

    `source` is the file that the text is from; None if fsapi_nb has written it.
    """

    text: str = ""
    source: str | None = None
    copy: CopyData | None = None


@dataclass(frozen=True, slots=True)
class PlanScript:
    """A plan as a script for psql, in pieces. `values` are the variables that `psql -v` must give."""

    pieces: tuple[ScriptPiece, ...]
    values: tuple[str, ...] = ()

    def chunks(self) -> Iterator[bytes]:
        """Yield the script, the data of COPYs read from their files in pieces.

        Raises:
            MigrationFileError: The file of a COPY's data has changed since the plan was made.
        """
        for piece in self.pieces:
            if piece.copy is None:
                yield f"{piece.text}\n".encode()
            else:
                yield from read_copy_data(piece.copy)
                yield b"\\.\n"

    def text(self) -> str:
        """Return the script as one text. Raises what `chunks` raises."""
        return b"".join(self.chunks()).decode()
