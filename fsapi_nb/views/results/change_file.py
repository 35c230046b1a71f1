"""The migration that was written from a difference: its SQL, what it takes away, and what it does not cover."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fsapi_nb.catalog.difference import Change
from fsapi_nb.model.server import Identity
from fsapi_nb.script.redact import redact_sql
from fsapi_nb.text.command import Advice, command
from fsapi_nb.text.fold import Fold, clip
from fsapi_nb.text.safe import visible, visible_line
from fsapi_nb.text.words import counted
from fsapi_nb.views.document import STORED, Alert, Document, Listing, Medium, Records, Section, notes_of
from fsapi_nb.views.results.base import Result

_LINES = Fold(50, 15)
_ALERTS = Fold(6, 2)


@dataclass(frozen=True, slots=True, repr=False)
class ChangeFileResult(Result):
    """What was written from the difference between `a` and `b`; `name` is None if they do not differ.

    `shown` is the name as the user typed it. `left` is what its UP does not cover, `left_down` what its DOWN does not.
    `renames` are pairs that may be renames, `losses` what it takes away. `recorded` says that it counts as applied. `typed`
    are the two ends as the user named them, empty where that was left out or is an address.
    """

    name: str | None
    shown: str
    a: str
    b: str
    text: str = ""
    left: tuple[Change, ...] = ()
    left_down: tuple[Change, ...] = ()
    renames: tuple[tuple[str, str], ...] = ()
    losses: tuple[str, ...] = ()
    recorded: bool = False
    typed: tuple[str, str] = ("", "")
    folder: str | None = None
    identity: Identity | None = None
    notes: tuple[str, ...] = ()

    @property
    def attention(self) -> bool:
        """Whether the migration does not cover everything, or drops what may be renamed."""
        return bool(self.left or self.renames)

    def headline(self) -> str:
        """Return what was written, and whether it leads from the one to the other."""
        way = f"from {visible_line(self.a)} to {visible_line(self.b)}"
        if self.name is None:
            return f"No file was written: there is no difference {way}."
        where = f" in the new folder {visible_line(self.folder)}" if self.folder else ""
        made = f"{visible_line(self.shown)} was created{where}"
        if self.recorded:
            return f"{made} and recorded as applied{self._on()}: with it the migrations give what the database has."
        asked = f"; it drops {counted(len({old for old, _ in self.renames}), 'object')} that may be renamed"
        asked = asked if self.renames else ""
        if self.left:
            return f"{made}; it does not cover {counted(len(self.left), 'object')} of the way {way}{asked}."
        down = "" if not self.left_down else f"; its DOWN does not cover {counted(len(self.left_down), 'object')}"
        return f"{made}: it leads {way}, as a run on a copy has proven{down}{asked}."

    def document(self, medium: Medium = STORED) -> Document:
        """Return what it takes away and does not cover, and its SQL."""
        sections: list[Section] = []
        if self.text:
            lines = visible(redact_sql(self.text)).rstrip("\n").split("\n")
            kept = medium.fold(_LINES).apply(
                lines,
                lambda line: [clip(line) if medium.folded else line],
                lambda left: f"-- … {len(left)} lines more",
            )
            sections.append(Listing("SQL", "\n".join(kept), sql=True, whole=kept == lines))
        alerts = [*self._alert("takes away", self.losses, grave=True), *self._alert("not covered", self._titles())]
        notes = notes_of([*self.notes, *self._asked()], medium)
        return Document(self.headline(), sections, notes, alerts=alerts)

    def findings(self) -> list[str]:
        """Return what is not covered and what may be renamed, a line for each object."""
        covered = [f"  not covered: {title}" for title in self._titles()]
        return [*covered, *(f"  a rename? {visible_line(f'{old}={new}')}" for old, new in self.renames)]

    def next_step(self) -> Advice | None:
        """Return what to do about the first of what may be renamed."""
        for rename in self.renames:
            return Advice(self._renamed(*rename), "; if nothing is renamed, the file is right as it is (--no-renames)")
        return None

    def metadata(self) -> dict[str, Any]:
        """Return the file's name."""
        return {"file": self.name} if self.name else {}

    def records(self) -> Records:
        """Return a row for each object that is not covered."""
        rows = [
            (direction, each.title(), each.kind, each.identity)
            for direction, left in (("up", self.left), ("down", self.left_down))
            for each in left
        ]
        return Records(["direction", "not covered", "kind", "object"], rows)

    def facts(self) -> dict[str, Any]:
        """Return the file and all that is said of it."""
        return {
            **self.subject(),
            "file": self.name,
            "from": self.a,
            "to": self.b,
            "sql": redact_sql(self.text),
            "recorded": self.recorded,
            "takes_away": list(self.losses),
            "not_covered": [each.title() for each in self.left],
            "not_covered_by_down": [each.title() for each in self.left_down],
            "may_be_renames": [f"{old}={new}" for old, new in self.renames],
            "notes": list(self.notes),
        }

    def _titles(self) -> list[str]:
        return [visible_line(each.title()) for each in self.left]

    def _alert(self, label: str, texts: list[str] | tuple[str, ...], *, grave: bool = False) -> Iterator[Alert]:
        if texts:
            shown = _ALERTS.apply(texts, lambda text: [visible_line(text)], lambda left: f"… {len(left)} more")
            yield Alert(label, shown, whole=len(shown) == len(texts), grave=grave)

    def _asked(self) -> Iterator[str]:
        """Yield what to say of each pair that may be a rename."""
        yield from (self._renamed(*rename) for rename in self.renames)

    def _renamed(self, old: str, new: str) -> Advice:
        """Return what to do if it is a rename: remove the file, and write it again with that."""
        start, end = self.typed
        rename = f"{old}={new}"
        again = command("make", self.shown, from_diff=True, rename=rename, to=end, **{"from": start})
        return Advice(
            f"if {visible_line(old)} is {visible_line(new)} renamed, remove the file: ", again, " keeps its data"
        )
