"""A plan as one script for psql: whole for a file or a pipe, and as a listing in a notebook, where secrets are starred."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fsapi_nb.model.server import Identity
from fsapi_nb.run.plan_script import PlanScript, ScriptPiece
from fsapi_nb.script.redact import redact_sql
from fsapi_nb.text.fold import HTML, clip, fit
from fsapi_nb.text.safe import visible
from fsapi_nb.text.words import counted
from fsapi_nb.views.document import STORED, Document, Item, Listing, Medium, Paragraphs, Records, notes_of
from fsapi_nb.views.results.base import Result

_ROOM = HTML // 4  # of the listing: its colours take more than its text
_WHOLE = (
    "to be read, not to be run: secrets are starred. `sapi migrate:plan --sql > FILE` writes the script, and so does "
    "plan(sql=True).to_sql() in Python"
)


@dataclass(frozen=True, slots=True, repr=False)
class PlanScriptResult(Result):
    """A plan as a script for psql. `script.chunks()` and a terminal have it whole; a notebook shows its beginning and end.

    What is shown has stars in the place of secrets, as a notebook stores it, and no data of COPYs. JSON has the script
    as it is, with the data, which is read from the files then.
    """

    title: str
    script: PlanScript
    identity: Identity | None = None

    def headline(self) -> str:
        """Return what the plan comes to."""
        return f"{self.title}, as a script for psql"

    def document(self, medium: Medium = STORED) -> Document:
        """Return the script as a listing."""
        lines = [line for piece in self.script.pieces for line in _shown(piece)]
        if not medium.folded:
            return Document(self.headline(), [Paragraphs([Item(lines)])], headed=False)
        kept = fit([clip(line) for line in lines], _ROOM, lambda count: f"-- … {counted(count, 'line')} more")
        listing = Listing("Script", "\n".join(kept), sql=True, whole=kept == lines)
        return Document(self.headline(), [listing], notes_of([_WHOLE], medium))

    def records(self) -> Records:
        """Return a row for each line."""
        return Records(["sql"], [(line,) for piece in self.script.pieces for line in _shown(piece)])

    def facts(self) -> dict[str, Any]:
        """Return the script as it is, and the variables that `psql -v` must give."""
        return {**self.subject(), "sql": self.script.text(), "values": list(self.script.values)}


def _shown(piece: ScriptPiece) -> Iterator[str]:
    """Yield the lines of a piece for readers."""
    if piece.copy is not None:
        yield f"-- ({counted(piece.copy.size, 'byte')} of data)"
        yield "\\."
        return
    text = piece.text if piece.source is None else redact_sql(piece.text, of=piece.source)
    yield from visible(text).split("\n")
