"""What was made of a new project: each of its files, and how it came to be as it is."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from fsapi_nb.text.command import Advice, command
from fsapi_nb.text.safe import visible_line
from fsapi_nb.views.document import STORED, Document, Item, Medium, Paragraphs, Records, ResultTable, paragraph
from fsapi_nb.views.results.base import Result

if TYPE_CHECKING:
    from fsapi_nb.model.server import Identity

_COLUMNS = ["", "file", "what it is for"]


@dataclass(frozen=True, slots=True)
class ProjectFile:
    """A file or folder of a project: `action` is `created`, `added to` or `kept`; `what` says what it is for."""

    path: str
    action: str
    what: str


@dataclass(frozen=True, slots=True, repr=False)
class InitResult(Result):
    """The files of a project, and what was done with each. It is about no database."""

    project: str
    made: tuple[ProjectFile, ...]
    identity: Identity | None = None

    def headline(self) -> str:
        """Return what was done."""
        name = visible_line(self.project)
        if all(each.action == "kept" for each in self.made):
            return f"{name} is a project already; nothing was changed."
        return f"{name} is a project now."

    def document(self, medium: Medium = STORED) -> Document:
        """Return the files, and the first thing to do with them."""
        actions = max(len(each.action) for each in self.made)
        paths = max(len(visible_line(each.path)) for each in self.made)
        items = [
            Item(
                [f"  {each.action:<{actions}}  {visible_line(each.path):<{paths}}  {each.what}"],
                [(each.action, each.path, each.what)],
            )
            for each in self.made
        ]
        then = Advice("Next: ", command("make", "create_customers"), " makes the file of a migration.")
        return Document(self.headline(), [ResultTable(_COLUMNS, items), Paragraphs([paragraph(then, then)])])

    def records(self) -> Records:
        """Return a row for each file."""
        return Records(["file", "action", "what"], [(each.path, each.action, each.what) for each in self.made])

    def facts(self) -> dict[str, Any]:
        """Return the project, and its files."""
        return {"project": self.project, "files": [asdict(each) for each in self.made]}
