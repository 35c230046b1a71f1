"""Decide which cells of a notebook are run, by their tags and those of the headings above them. No I/O.

A tag on a heading applies to its section: all cells that follow, up to the next heading of the same or a higher level.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fsapi_nb.runbook.parameters import INJECTED, TAG

ROLLBACK = "rollback"
#: The tags of the cells that also run before a rollback.
BEFORE = frozenset({TAG, INJECTED, "setup", "preconditions"})
_HEADING = re.compile(r"\s*(#{1,6})\s+(.*)")


@dataclass(frozen=True, slots=True)
class SectionedCell:
    """A cell with the heading of its section, and all tags that apply to it."""

    cell: Mapping[str, Any]
    section: str = ""
    tags: frozenset[str] = frozenset()

    @property
    def is_code(self) -> bool:
        """Whether the cell can be run. A raw cell of a rollback can: it is raw so that no front end runs it."""
        raw = self.cell["cell_type"] == "raw" and ROLLBACK in self.tags and not _format(self.cell)
        return (raw or self.cell["cell_type"] == "code") and bool(self.cell["source"].strip())

    def title(self) -> str:
        """Return the first line of the cell that is not blank."""
        return next((line.strip() for line in str(self.cell["source"]).splitlines() if line.strip()), "")


def assign_sections(cells: Sequence[Mapping[str, Any]]) -> list[SectionedCell]:
    """Return the cells with their sections and tags, in order."""
    sectioned: list[SectionedCell] = []
    open_headings: list[tuple[int, str, frozenset[str]]] = []
    for cell in cells:
        own = frozenset(str(tag) for tag in cell["metadata"].get("tags", []))
        heading = _heading(cell)
        if heading:
            level, text = heading
            open_headings = [each for each in open_headings if each[0] < level]
            open_headings.append((level, text, own))
        inherited = frozenset(tag for _, _, tags in open_headings for tag in tags)
        sectioned.append(SectionedCell(cell, open_headings[-1][1] if open_headings else "", own | inherited))
    return sectioned


def runs(cell: SectionedCell, *, rollback: bool) -> bool:
    """Return whether a cell is run.

    Without `rollback`, that is every code cell that is not part of the rollback. With it, only the cells with the tags
    of a rollback: a cell that somebody forgot to tag is then left out instead of run by mistake.
    """
    if rollback:
        return cell.is_code and bool(cell.tags & (BEFORE | {ROLLBACK}))
    return cell.is_code and ROLLBACK not in cell.tags


def title_of(cells: Sequence[SectionedCell], name: str) -> str:
    """Return the notebook's first heading; `name` if it has none."""
    return next((each.section for each in cells if each.section), name)


def _heading(cell: Mapping[str, Any]) -> tuple[int, str] | None:
    """Return level and text of the heading that a Markdown cell begins with; None if there is none."""
    if cell["cell_type"] != "markdown":
        return None
    match = _HEADING.match(cell["source"])
    return (len(match[1]), match[2].strip().rstrip("#").strip()) if match else None


def _format(cell: Mapping[str, Any]) -> str:
    """Return the converter, such as LaTeX, that a raw cell is meant for; empty if it names none."""
    metadata = cell["metadata"]
    return str(metadata.get("format") or metadata.get("raw_mimetype") or "")
