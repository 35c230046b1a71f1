"""What a database may do without, or lacks: each finding with its reason and the SQL that looks at it or changes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fsapi_nb.catalog.spare.findings import SpareFinding, SpareFindings, SpareQuestion
from fsapi_nb.model.server import Identity
from fsapi_nb.text.fold import Fold
from fsapi_nb.text.safe import visible_line
from fsapi_nb.text.words import counted
from fsapi_nb.views.document import (
    STORED,
    Document,
    Heading,
    Item,
    Medium,
    Paragraphs,
    Records,
    ResultTable,
    notes_of,
    paragraph,
)
from fsapi_nb.views.forecast.quantities import byte_words
from fsapi_nb.views.results.base import Result

_FOLD = Fold(30, 10)


@dataclass(frozen=True, slots=True, repr=False)
class UnusedResult(Result):
    """What is spare or lacking: `to_frame()` has a row for each finding, with the statement that nobody has run."""

    found: SpareFindings
    identity: Identity | None = None

    def headline(self) -> str:
        """Return how many findings there are."""
        count = len(self.found.findings)
        return (
            f"{counted(count, 'finding') if count else 'Nothing is spare or lacking'}{self._on()}{'' if count else '.'}"
        )

    def document(self, medium: Medium = STORED) -> Document:
        """Return the findings by question; below them the questions that found nothing, and what they rest on."""
        items = [item for question in SpareQuestion for item in self._of(question, medium)]
        table = ResultTable(["object", "table", "size", "why", "SQL"], items, sparse=True)
        return Document(self.headline(), [table, Paragraphs(self._remarks(medium))], notes_of(self._notes(), medium))

    def _of(self, question: SpareQuestion, medium: Medium) -> list[Item]:
        found = self.found.of(question)
        if not found:
            return []
        head = Item([f"{question.value}:"], [Heading(question.value)])
        return [
            head,
            *medium.items(
                _FOLD,
                found,
                _item,
                lambda left: Item(
                    [f"  … {len(left)} more"], [Heading(f"… {len(left)} more", strong=False)], whole=False
                ),
            ),
        ]

    def _notes(self) -> list[str]:
        found = self.found
        notes = []
        if found.is_replica:
            notes.append("this server is a replica: it counts its own scans only, and not those of the primary")
        if found.replicas:
            themselves = (
                "counts its scans itself: ask it" if found.replicas == 1 else "count their scans themselves: ask them"
            )
            notes.append(f"{counted(found.replicas, 'replica')} of this server {themselves}, too")
        if found.unseen:
            notes.append(
                f"this role may not read {counted(found.unseen, 'sequence')}: USAGE or SELECT on them is missing"
            )
        return notes

    def _remarks(self, medium: Medium) -> list[Item]:
        """Return what found nothing, and what the answers rest on."""
        texts = []
        nothing = [question.value for question in SpareQuestion if not self.found.of(question)]
        if nothing and self.found.findings:
            texts.append(f"none: {', '.join(nothing)}")
        if self.found.of(SpareQuestion.UNUSED):
            since = f" ({self.found.since:%Y-%m-%d %H:%M} UTC)" if medium.times and self.found.since else ""
            when = f"were last reset{since}" if self.found.since else "began: they were never reset"
            texts.append(f"scans are counted since the statistics {when}; an index may serve what runs once a year")
        if self.found.findings:
            texts.append("none of this SQL was run")
        return [paragraph(text, f"  {text}") for text in texts]

    def records(self) -> Records:
        """Return a row for each finding; sizes in bytes."""
        columns = ["question", "object", "table", "bytes", "reason", "sql"]
        return Records(
            columns,
            [
                (each.question.name.lower(), each.name, each.table, each.size, each.reason, each.statement or None)
                for each in self.found.findings
            ],
        )

    def facts(self) -> dict[str, Any]:
        """Return the findings, and what they rest on."""
        found = self.found
        return {
            **self.subject(),
            "statistics_since": found.since.isoformat() if found.since else None,
            "is_replica": found.is_replica,
            "replicas": found.replicas,
            "unseen_sequences": found.unseen,
            "findings": self.records(),
        }


def _item(each: SpareFinding) -> Item:
    """Return a finding: its name and size, and below it why, and the SQL."""
    size = byte_words(each.size or 0)
    on = f" on {visible_line(each.table)}" if each.table not in ("", each.name) else ""
    lines = [f"  {visible_line(each.name)}{on}{f', {size}' if size else ''}: {visible_line(each.reason)}"]
    if each.statement:
        lines.append(f"    {visible_line(each.statement)}")
    table = each.table if each.table != each.name else ""
    return Item(lines, [(each.name, table, size, each.reason, each.statement)])
