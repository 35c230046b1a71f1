"""Which cells of a notebook are run, by their tags and those of the headings above them. Pure.

A tag on a heading holds for its section: all that follows, up to the next heading of its level or a higher one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fsapi_nb.runbook.parameters import INJECTED, TAG

ROLLBACK = "rollback"
#: What runs before a rollback, too.
BEFORE = frozenset({TAG, INJECTED, "setup", "preconditions"})
_HEADING = re.compile(r"\s*(#{1,6})\s+(.*)")


@dataclass(frozen=True, slots=True)
class SectionedCell:
    """A cell with the heading of its section, and the tags that hold for it."""

    cell: Mapping[str, Any]
    section: str = ""
    tags: frozenset[str] = frozenset()

    @property
    def is_code(self) -> bool:
        """Whether there is something to run; of a rollback a raw cell too, which no front end runs by itself."""
        raw = self.cell["cell_type"] == "raw" and ROLLBACK in self.tags and not _format(self.cell)
        return (raw or self.cell["cell_type"] == "code") and bool(self.cell["source"].strip())

    def title(self) -> str:
        """The first line of the cell."""
        return next((line.strip() for line in str(self.cell["source"]).splitlines() if line.strip()), "")


def place(cells: Sequence[Mapping[str, Any]]) -> list[SectionedCell]:
    """The cells with their sections."""
    placed: list[SectionedCell] = []
    open_headings: list[tuple[int, str, frozenset[str]]] = []
    for cell in cells:
        own = frozenset(str(tag) for tag in cell["metadata"].get("tags", []))
        heading = _heading(cell)
        if heading:
            level, text = heading
            open_headings = [each for each in open_headings if each[0] < level]
            open_headings.append((level, text, own))
        inherited = frozenset(tag for _, _, tags in open_headings for tag in tags)
        placed.append(SectionedCell(cell, open_headings[-1][1] if open_headings else "", own | inherited))
    return placed


def runs(placed: SectionedCell, *, rollback: bool) -> bool:
    """Whether the cell is run: all but the rollback, or with `rollback` that alone and what comes before it.

    What a rollback needs is named by tags, so that a cell which somebody forgot to tag is not run in its stead.
    """
    if rollback:
        return placed.is_code and bool(placed.tags & (BEFORE | {ROLLBACK}))
    return placed.is_code and ROLLBACK not in placed.tags


def title_of(placed: Sequence[SectionedCell], name: str) -> str:
    """The notebook's first heading, else its name."""
    return next((each.section for each in placed if each.section), name)


def _heading(cell: Mapping[str, Any]) -> tuple[int, str] | None:
    """Level and text of the heading that a Markdown cell begins with."""
    if cell["cell_type"] != "markdown":
        return None
    match = _HEADING.match(cell["source"])
    return (len(match[1]), match[2].strip().rstrip("#").strip()) if match else None


def _format(cell: Mapping[str, Any]) -> str:
    """For which converter a raw cell is meant, such as LaTeX."""
    metadata = cell["metadata"]
    return str(metadata.get("format") or metadata.get("raw_mimetype") or "")
