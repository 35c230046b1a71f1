"""A derived DOWN: its SQL, whether it restores the catalog, and the data that it does not bring back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fsapi_nb.catalog.difference import Change, without_remarks
from fsapi_nb.model.server import Identity
from fsapi_nb.text.fold import HTML, clip, fit
from fsapi_nb.text.safe import visible, visible_line
from fsapi_nb.text.words import counted
from fsapi_nb.views.document import STORED, Document, Listing, Medium, Paragraphs, Records, notes_of, paragraph
from fsapi_nb.views.results.base import Result
from fsapi_nb.views.results.file import FileResult

_ROOM = HTML // 8  # of the listing: the plan of the file may stand beside it
_SHORT = 25  # lines that are shown at once; more are opened by a click
_TITLE = "DOWN"


@dataclass(frozen=True, slots=True, repr=False)
class DownResult(Result):
    """A DOWN that was derived and written. `file` says what became of the migration's file.

    `sql` is the section of the file, from its `-- DOWN` on, with secrets starred. `losses` says what data it does not
    bring back; `left` what differed from the catalog before when it had run on a copy, on PostgreSQL `version`; columns
    in another order are among them, as a remark.
    """

    file: FileResult
    sql: str
    losses: tuple[str, ...]
    left: tuple[Change, ...]
    version: int
    identity: Identity | None = None

    @property
    def is_restored(self) -> bool:
        """Whether the catalog was exactly as before."""
        return not without_remarks(self.left)

    def headline(self) -> str:
        """Return what the derived DOWN restores."""
        name = visible_line(self.file.shown or self.file.name)
        where = f"(proven on a copy, PostgreSQL {self.version})"
        if self.is_restored:
            return f"The derived DOWN of {name} restores the catalog exactly {where}."
        count = counted(len(without_remarks(self.left)), "object")
        return f"The derived DOWN of {name} does not restore {count} {where}."

    def document(self, medium: Medium = STORED) -> Document:
        """Return what became of the file, what is not brought back, and the SQL."""
        told = [*self._told()]
        file = self.file.document(medium)
        lines = visible(self.sql.partition("\n")[2]).rstrip("\n").split("\n")  # the title is its marker
        kept = fit([clip(line) for line in lines], _ROOM, lambda count: f"-- … {counted(count, 'line')} more")
        shown = kept if medium.folded else lines
        return Document(
            self.headline(),
            [
                Paragraphs([paragraph(line, line) for line in (*told, file.headline)]),
                *file.sections,
                Listing(_TITLE, "\n".join(shown), sql=True, whole=shown == lines, folded=len(lines) > _SHORT),
            ],
            (*file.notes, *notes_of((), medium)),
            alerts=file.alerts,
        )

    def _told(self) -> Iterator[str]:
        """Yield what a reader must know of the DOWN, a line each."""
        for change in self.left:
            if change.is_remark:
                yield f"The columns of {visible_line(change.identity)} are then in another order."
        yield from (f"It does not bring back {visible_line(loss)}." for loss in self.losses)
        yield from (f"Not restored: {visible_line(change.title())}." for change in without_remarks(self.left))

    def remaining(self) -> list[str]:
        """Return what is not restored, object by object, with what differs."""
        return [
            visible_line(line)
            for change in without_remarks(self.left)
            for line in (f"  {change.title()}", *(f"    {line}" for line in change.lines()))
        ]

    def records(self) -> Records:
        """Return a row for each object that is not restored, and for what is not brought back."""
        rows: list[tuple[str, str, str, str]] = [
            ("not restored", change.kind, change.identity, "\n".join(change.lines()))
            for change in without_remarks(self.left)
        ]
        rows += [("not brought back", "data", loss, "") for loss in self.losses]
        return Records(["what", "kind", "name", "difference"], rows)

    def metadata(self) -> dict[str, Any]:
        """Return what differs from run to run of the file's result."""
        return self.file.metadata()

    def facts(self) -> dict[str, Any]:
        """Return the DOWN, what became of the file, and what is not restored."""
        return {
            **self.subject(),
            "file": self.file.to_json(),
            "down": self.sql,
            "restored": self.is_restored,
            "postgresql": self.version,
            "not_restored": [
                {"change": each.change.value, "kind": each.kind, "identity": each.identity, "lines": each.lines()}
                for each in without_remarks(self.left)
            ],
            "reordered": [each.identity for each in self.left if each.is_remark],
            "losses": list(self.losses),
        }
