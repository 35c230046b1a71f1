"""What projects may do that their user has allowed: one project's, or all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fsapi_nb.text.safe import visible_line
from fsapi_nb.text.words import counted
from fsapi_nb.views.document import STORED, Document, Item, Medium, Records, ResultTable
from fsapi_nb.views.results.base import Result

if TYPE_CHECKING:
    from fsapi_nb.model.server import Identity


@dataclass(frozen=True, slots=True)
class TrustEntry:
    """One thing that a project may do, in words, and when that was allowed (UTC)."""

    project: str
    what: str
    at: str


@dataclass(frozen=True, slots=True, repr=False)
class TrustResult(Result):
    """What was `trusted`, `listed` or `revoked`. It is about projects, and about no database."""

    action: str
    entries: tuple[TrustEntry, ...]
    identity: Identity | None = None

    def headline(self) -> str:
        """Return what was done."""
        things, projects = counted(len(self.entries), "thing"), {entry.project for entry in self.entries}
        if self.action == "revoked":
            return f"The project is not trusted any more; it could do {things}."
        if self.action == "trusted":
            if not self.entries:
                return "The project asks for nothing that must be allowed."
            return f"The project is trusted; it may do {things}."
        if not self.entries:
            return "No project is trusted."
        return f"{counted(len(projects), 'project')} may do {things}."

    def document(self, medium: Medium = STORED) -> Document:
        """Return each thing below its project; with times, since when."""
        items, project = [], None
        for entry in self.entries:
            above = [] if entry.project == project else [f"  {visible_line(entry.project)}"]
            since = f" (since {visible_line(entry.at)})" if medium.times else ""
            items.append(Item([*above, f"    {visible_line(entry.what)}{since}"], [(entry.project, entry.what)]))
            project = entry.project
        return Document(self.headline(), [ResultTable(["project", "allowed"], items)])

    def records(self) -> Records:
        """Return a row for each thing."""
        rows = [(entry.project, entry.what, entry.at) for entry in self.entries]
        return Records(["project", "allowed", "since"], rows)

    def facts(self) -> dict[str, Any]:
        """Return the action, and the things."""
        return {"action": self.action, "projects": self.records()}
