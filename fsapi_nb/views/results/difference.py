"""How two catalogs differ: first which objects, on one screen, then each with both texts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from fsapi_nb.catalog.difference import Change, ChangeKind
from fsapi_nb.model.server import Identity
from fsapi_nb.text.fold import Fold, clip
from fsapi_nb.text.safe import visible, visible_line
from fsapi_nb.text.words import counted
from fsapi_nb.views.document import (
    STORED,
    Disclosure,
    Document,
    Item,
    Medium,
    Paragraphs,
    Records,
    ResultTable,
    gap,
    notes_of,
)
from fsapi_nb.views.results.base import Result
from fsapi_nb.views.results.changed_objects import ChangedObject, changed_objects, short_name

_SUMMARY = Fold(24, 8)
_TEXTS = Fold(10, 3)
_LINES = Fold(24, 8)
_ALIKE = "(what differs is a secret, which is not shown)"
_OPENED = 3  # so few differences are shown opened
_ORDER = (ChangeKind.REMOVED, ChangeKind.ADDED, ChangeKind.CHANGED)


@dataclass(frozen=True, slots=True, repr=False)
class DifferenceResult(Result):
    """What differs between two catalogs, `a` and `b`, which are named in words.

    `changes` lead from `a` to `b`; `compared` is how many objects there are, `reordered` the tables whose columns are in
    another order only.
    """

    changes: tuple[Change, ...]
    a: str
    b: str
    compared: int = 0
    reordered: tuple[Change, ...] = ()
    identity: Identity | None = None
    notes: tuple[str, ...] = ()

    SIDES: ClassVar[tuple[str, str]] = ("a", "b")

    @property
    def attention(self) -> bool:
        """Whether anything differs."""
        return bool(self.changes)

    @property
    def objects(self) -> list[ChangedObject]:
        """The objects as they are shown: what is only in one of the two first, parts of a whole table with it."""
        return sorted(changed_objects(self.changes), key=lambda each: _ORDER.index(each.change.change))

    def headline(self) -> str:
        """Return how many objects differ between which two."""
        between = f"{visible_line(self.a)} and {visible_line(self.b)}"
        if not self.changes:
            return f"No difference between {between}: {counted(self.compared, 'object')}."
        objects = self.objects
        return f"{_count(objects)} between {between}: {self._counts(objects)}"

    def document(self, medium: Medium = STORED) -> Document:
        """Return which objects differ, and how; a notebook has each text behind its object, and of long ones a part."""
        ordered = self.objects
        width = max((len(self.where(each.change)) for each in ordered), default=0)
        summary = medium.items(
            _SUMMARY, ordered, lambda each: self._summary(each, width, medium, len(ordered) <= _OPENED), self._gap
        )
        texts = medium.items(
            _TEXTS, ordered, lambda each: _text_item(each, medium), lambda left: Item(["", f"… {len(left)} more"])
        )
        sections = [ResultTable(["where", "kind", "object"], summary, said_once=1)]
        if not ordered:
            return Document(self.headline(), (), notes_of(self._said(), medium))
        legend = Item(["", f"  - {visible_line(self.a)}", f"  + {visible_line(self.b)}"])
        return Document(self.headline(), [*sections, Paragraphs([legend, *texts])], notes_of(self._said(), medium))

    def findings(self) -> list[str]:
        """Return what a check found: a line for each object that differs."""
        return [f"  {visible_line(self.where(each.change))}: {each.kind} {each.name()}" for each in self.objects]

    def records(self) -> Records:
        """Return a row for each object that differs, with both definitions."""
        columns = ["difference", "kind", "object", *self.SIDES]
        rows = [(self.where(each), each.kind, each.identity, each.before, each.after) for each in self.changes]
        return Records(columns, rows)

    def facts(self) -> dict[str, Any]:
        """Return what was compared, and each difference with both definitions."""
        one, other = self.SIDES
        return {
            **self.subject(),
            "compared": {one: self.a, other: self.b, "objects": self.compared},
            "differences": [
                {
                    "difference": self.where(each),
                    "kind": each.kind,
                    "object": each.identity,
                    one: each.before,
                    other: each.after,
                }
                for each in self.changes
            ],
            "columns_in_another_order": [each.identity for each in self.reordered],
            "notes": list(self.notes),
        }

    def where(self, change: Change) -> str:
        """Return in which of the two an object is, in words."""
        match change.change:
            case ChangeKind.REMOVED:
                return f"only in {self.a}"
            case ChangeKind.ADDED:
                return f"only in {self.b}"
            case _:
                return "different"

    def _counts(self, objects: Sequence[ChangedObject]) -> str:
        """Return how many objects there are of each difference, in words."""
        found = Counter(self.where(each.change) for each in objects)
        return ", ".join(f"{count} {visible_line(where)}" for where, count in found.items())

    def _summary(self, found: ChangedObject, width: int, medium: Medium, opened: bool) -> Item:
        where, name = visible_line(self.where(found.change)), found.name()
        lines, _ = _lines_of(found, medium)
        cell = Disclosure(name, "\n".join(lines), opened=opened, compared=True)
        return Item([f"  {where:<{width}}  {found.kind} {name}"], [(where, found.kind, cell)])

    def _gap(self, left: Sequence[ChangedObject]) -> Item:
        more = f"… {counted(len(left), 'object')} more"
        return gap(f"  {more}", more, "", "")

    def _said(self) -> list[str]:
        """Return the notes, and the tables whose columns are in another order."""
        names = [visible_line(short_name(each.identity)) for each in self.reordered]
        shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
        order = [f"the same columns in another order, which is not counted: {shown}"] if names else []
        return [*self.notes, *order]


class DriftResult(DifferenceResult):
    """What differs between what the applied migrations give and what the database has.

    `changes` lead from the migrations to the database.
    """

    __slots__ = ()
    SIDES: ClassVar[tuple[str, str]] = ("in_migrations", "in_database")

    def headline(self) -> str:
        """Return whether the database has drifted, and in how many objects."""
        if not self.changes:
            found = counted(self.compared, "object")
            return f"No drift{self._on()}: {found}, the same as in {visible_line(self.a)}."
        objects = self.objects
        return f"Drift{self._on()}: {_count(objects)} from {visible_line(self.a)}: {self._counts(objects)}"

    def where(self, change: Change) -> str:
        """Return where an object is: only in the database, only in the migrations, or in both."""
        only = {ChangeKind.REMOVED: "only in the migrations", ChangeKind.ADDED: "only in the database"}
        return only.get(change.change, "different")


def _count(objects: Sequence[ChangedObject]) -> str:
    return f"{counted(len(objects), 'object')} {'differs' if len(objects) == 1 else 'differ'}"


def _text_item(found: ChangedObject, medium: Medium) -> Item:
    """Return both texts of an object below its name; the HTML has them in the table above."""
    lines, whole = _lines_of(found, medium)
    return Item(["", f"{found.kind} {found.name()}", *("    " + line for line in lines)], whole=whole)


def _lines_of(found: ChangedObject, medium: Medium) -> tuple[list[str], bool]:
    """Return the difference of both texts line by line, with those of its parts, and whether it is whole."""
    lines = [visible(line) for line in found.change.lines()] or [_ALIKE]
    for part in found.parts:
        if part.kind != "sequence":  # what makes it stands in the table's text
            lines += ["", f"{part.kind} {visible_line(short_name(part.identity))}", *map(visible, part.lines())]
    shown = medium.fold(_LINES).apply(
        lines, lambda line: [clip(line) if medium.folded else line], lambda left: f"  … {len(left)} lines more"
    )
    return shown, shown == lines
