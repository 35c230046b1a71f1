"""What projects may do that their user has allowed: one project's, or all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fsapi_nb.text.safe import visible_line
from fsapi_nb.views.results.base import Result, counted

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
        """What was done."""
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

    def lines(self, *, times: bool = False) -> list[str]:
        """The headline, and each thing below its project."""
        found, project = [self.headline()], None
        for entry in self.entries:
            if entry.project != project:
                project = entry.project
                found.append(f"  {visible_line(project)}")
            found.append(f"    {visible_line(entry.what)}" + (f" (since {visible_line(entry.at)})" if times else ""))
        return found

    def table(self) -> tuple[list[str], list[Sequence[Any]]]:
        """A row for each thing."""
        return ["project", "allowed", "since"], [(entry.project, entry.what, entry.at) for entry in self.entries]

    def preview(self) -> tuple[list[str], list[Sequence[Any]]]:
        """The same without the times."""
        return ["project", "allowed"], [(entry.project, entry.what) for entry in self.entries]

    def to_json(self) -> dict[str, Any]:
        """The action, and the things."""
        columns, rows = self.table()
        return {"action": self.action, "projects": [dict(zip(columns, row, strict=True)) for row in rows]}
