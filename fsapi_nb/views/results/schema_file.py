"""What became of the file that keeps the schema: written or not, and what it leaves out."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from fsapi_nb.catalog.ddl.definition import Unwritten
from fsapi_nb.model.server import Identity
from fsapi_nb.text.fold import Fold, clip
from fsapi_nb.text.safe import visible, visible_line
from fsapi_nb.text.words import counted
from fsapi_nb.views.document import STORED, Disclosure, Document, Item, Medium, Records, ResultTable, notes_of
from fsapi_nb.views.results.base import Result

_LINES = Fold(24, 8)
_OPENED = 12  # so few lines are shown opened


@dataclass(frozen=True, slots=True, repr=False)
class SchemaFileResult(Result):
    """The file of the schema: `action` is `created`, `written`, `unchanged`, or of a check `differs` or `missing`.

    `objects` counts tables, views, functions and the like, without what belongs to them. `unwritten` is what the file
    leaves out, and why. `differences` are lines: `-` what the file said before, `+` what the database has.
    """

    file: str
    action: str
    objects: int
    unwritten: tuple[Unwritten, ...] = ()
    differences: tuple[str, ...] = ()
    identity: Identity | None = None

    @property
    def attention(self) -> bool:
        """Whether a check has found that the file is not what the database has."""
        return self.action in {"differs", "missing"}

    def headline(self) -> str:
        """Return what was done, or how things are."""
        file, objects = visible_line(self.file), counted(self.objects, "object")
        database = visible_line(self.identity.label) if self.identity else "the database"
        match self.action:
            case "created":
                return f"{file} is written: {objects} of {database}."
            case "written":
                return f"{file} is written: {objects} of {database}, {self._counts()}."
            case "unchanged":
                return f"{file} is what {database} has: {objects}."
            case "missing":
                return f"{file} is not there: {database} has {objects}."
        return f"{file} is not what {database} has: {self._counts()}."

    def note(self) -> str:
        """Return the same in one line, for the result of a run."""
        left = f", without {counted(len(self.unwritten), 'thing')} that cannot be written" if self.unwritten else ""
        what = counted(self.objects, "object") if self.action == "created" else self._counts()
        return f"{visible_line(self.file)} is written: {what}{left}"

    def document(self, medium: Medium = STORED) -> Document:
        """Return the lines that differ; of many the first and the last are stored."""
        notes = notes_of(self._left_out(), medium)
        if self.action in {"created", "missing"} or not self.differences:
            return Document(self.headline(), (), notes)
        shown = medium.fold(_LINES).apply(
            self.differences,
            lambda line: [visible(clip(line) if medium.folded else line)],
            lambda left: f"… {counted(len(left), 'line')} more",
        )
        lines = Disclosure(self._counts(), "\n".join(shown), opened=len(shown) <= _OPENED, compared=True)
        item = Item([f"  {line}" for line in shown], [(lines,)], len(shown) == len(self.differences))
        return Document(self.headline(), [ResultTable([self.file], [item])], notes)

    def records(self) -> Records:
        """Return a row for each thing that the file leaves out."""
        return Records(["kind", "identity", "why"], [(each.kind, each.identity, each.why) for each in self.unwritten])

    def facts(self) -> dict[str, Any]:
        """Return the file, what became of it, and what it leaves out."""
        return {
            **self.subject(),
            "file": self.file,
            "action": self.action,
            "objects": self.objects,
            "differences": list(self.differences),
            "unwritten": [asdict(each) for each in self.unwritten],
        }

    def _left_out(self) -> list[str]:
        return [f"left out of it: {each.kind} {each.identity}: {each.why}" for each in self.unwritten]

    def _counts(self) -> str:
        added = sum(line.startswith("+") for line in self.differences)
        removed = sum(line.startswith("-") for line in self.differences)
        parts = [counted(added, "new line")] if added else []
        parts += [f"{counted(removed, 'line')} gone"] if removed else []
        return " and ".join(parts) or "only secrets or the ends of lines differ"
