"""One migration: where it stands, its scripts, what would run of it, its attempts, how its file differs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fsapi_nb.model.history import JournalEntry
from fsapi_nb.model.server import Identity
from fsapi_nb.model.status import Inspection, MigrationStatus
from fsapi_nb.text.command import Advice, Face, typed, typed_lines
from fsapi_nb.text.fold import WHOLE, Fold
from fsapi_nb.text.safe import esc, visible, visible_line
from fsapi_nb.views.highlight import TONES, highlight
from fsapi_nb.views.results.base import Result, iso
from fsapi_nb.views.results.markup import html_of
from fsapi_nb.views.results.plan import PlanResult

#: Of a longer script a notebook holds the beginning; the file has it all.
_LONGEST = 4_000
_EVENTS = Fold(2, 10)
_PRE = 'style="text-align:left;white-space:pre-wrap;margin:0 0 0.5em"'


@dataclass(frozen=True, slots=True, repr=False)
class MigrationResult(Result):
    """One migration. `to_frame()` has its attempts, a row for each event of the journal."""

    status: MigrationStatus
    inspection: Inspection
    events: tuple[JournalEntry, ...]
    identity: Identity

    def headline(self) -> str:
        """Its name and where it stands."""
        note = " (" + visible_line(self.status.note) + ")" if self.status.note else ""
        return f"{visible_line(self.status.name)} is {self.status.state.value}{self._on()}" + note

    def lines(self, *, times: bool = False) -> list[str]:
        """The headline, both scripts, the plan, the attempts and the difference."""
        return self._lines(sys.maxsize, WHOLE, times=times)

    def brief(self) -> list[str]:
        """Of long scripts the beginning, of many attempts the last."""
        return self._lines(_LONGEST, _EVENTS, times=False)

    def _lines(self, longest: int, events: Fold, *, times: bool) -> list[str]:
        lines = [self.headline()]
        lines += ["  " + visible(line) for problem in self.status.problems for line in problem.lines()]
        for title, text in self._sections(longest):
            lines += ["", title, *("  " + line for line in text.split("\n"))]
        if self.events:
            lines += ["", "Attempts"]
            lines += events.apply(
                self.events,
                lambda event: [f"  {visible_line(_attempt(event, times=times))}"],
                lambda gap: f"  … {len(gap)} more",
            )
        return lines

    def _sections(self, longest: int) -> list[tuple[str, str]]:
        found = self.inspection
        sections = [("UP", _cut(found.up, longest))] if found.up is not None else []
        sections += [("DOWN", _cut(found.down, longest))] if found.down is not None else []
        if found.plan:
            sections.append(("Next", Advice("\n").join(PlanResult(found.plan).lines())))
        elif found.refusal:
            sections.append(("Next", visible(found.refusal)))
        if found.difference:
            sections.append(("The file differs from what ran", visible("\n".join(found.difference))))
        return sections

    def table(self) -> tuple[list[str], list[Sequence[Any]]]:
        """A row for each event of the journal about it."""
        columns = ["at", "event", "state", "step", "steps", "duration_ms", "role", "host", "notebook", "message"]
        return columns, [tuple(getattr(event, column) for column in columns) for event in self.events]

    def html(self) -> str:
        """The headline, the scripts with coloured words, the rest as text."""
        parts = []
        for title, text in self._sections(_LONGEST):
            said = "\n".join(typed_lines(text.split("\n"), Face.NOTEBOOK))
            body = coloured(text) if title in {"UP", "DOWN"} else esc(said)
            parts.append(f"<div><em>{esc(title)}</em></div><pre {_PRE}>{body}</pre>")
        rows = [(event.event, event.state, event.message or "") for event in self.events]
        attempts = html_of("Attempts", ["event", "state", "message"], rows, ()) if rows else ""
        problems = [typed(line, Face.NOTEBOOK) for problem in self.status.problems for line in problem.lines()]
        return (
            html_of(typed(self.headline(), Face.NOTEBOOK), [], [], problems).removesuffix("</div>")
            + "".join(parts)
            + attempts
            + "</div>"
        )

    def to_json(self) -> dict[str, Any]:
        """Everything, the plan included."""
        columns, rows = self.table()
        return {
            **self.subject(),
            "name": self.status.name,
            "state": self.status.state.value,
            "note": self.status.note,
            "up": self.inspection.up,
            "down": self.inspection.down,
            "plan": PlanResult(self.inspection.plan).to_json(),
            "refusal": self.inspection.refusal,
            "difference": list(self.inspection.difference),
            "events": [
                {name: iso(value) if name == "at" else value for name, value in zip(columns, row, strict=True)}
                for row in rows
            ],
        }


def coloured(sql: str) -> str:
    """SQL as HTML: escaped, with the colours of `TONES`."""
    return "".join(
        f'<span style="color:{TONES[kind]}">{esc(text)}</span>' if kind else esc(text) for kind, text in highlight(sql)
    )


def _cut(text: str, longest: int) -> str:
    text = visible(text.strip("\n").replace("\r\n", "\n"))
    return text if len(text) <= longest else f"{text[:longest]}\n… {len(text) - longest} characters more"


def _attempt(event: JournalEntry, *, times: bool) -> str:
    of = f" step {event.step} of {event.steps}" if event.steps and event.steps > 1 else ""
    when = f"{event.at:%Y-%m-%d %H:%M:%S} {event.role}  " if times else ""
    return f"{when}{event.event} {event.state}{of}{'  ' + event.message if event.message else ''}"
