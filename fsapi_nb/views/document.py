"""What a result shows, before it is text or HTML: a headline, notes, and sections. Pure.

A builder in `views/results` makes one document a result. How much of a long list is in it has been decided then, so
that text and HTML leave out the same; `views/render` writes documents and knows no results.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from fsapi_nb.text.fold import WHOLE, Fold, shorten

Row = Sequence[Any]
Thing = TypeVar("Thing")

#: Where everything is of what a notebook stores only a part of.
SHORTENED = "(shortened: to_frame(), to_json() and the terminal have everything)"
#: Of many notes the first and the last are stored.
_NOTES = Fold(8, 2)


@dataclass(frozen=True, slots=True)
class Medium:
    """What a document is made for: a notebook's file, where long lists are `folded`, or a text that has everything.

    `times` adds moments and durations, which differ from run to run. Only a folded document is written as HTML, so what
    no text shows, pictures and rows, may be missing from one that is not.
    """

    folded: bool
    times: bool = False

    def items(
        self,
        fold: Fold,
        things: Sequence[Thing],
        item: Callable[[Thing], Item],
        gap: Callable[[Sequence[Thing]], Item],
    ) -> list[Item]:
        """Return an item for each thing; if they are folded, `gap` of those left out in their place."""
        return self.fold(fold).apply(things, lambda thing: [item(thing)], gap)

    def fold(self, fold: Fold) -> Fold:
        """Return the fold that applies here."""
        return fold if self.folded else WHOLE

    def text(self, text: str) -> str:
        """Return a text of several lines as long as it may be here."""
        return shorten(text) if self.folded else text


#: What a notebook stores.
STORED = Medium(folded=True)


class Heading(NamedTuple):
    """A row of a table that is one cell, and says what the rows below it are about; or, not `strong`, those above it."""

    text: str
    strong: bool = True


class Disclosure(NamedTuple):
    """A cell that can be opened: what it shows, with a `hint` beside it, and the SQL behind it.

    If `compared`, that is a unified difference of two texts, whose lines are coloured by their signs.
    """

    text: str
    sql: str
    hint: str = ""
    opened: bool = False
    compared: bool = False


class Alert(NamedTuple):
    """What a reader must see first: under a label what is so, the worst first; `grave` is what cannot be undone."""

    label: str
    texts: Sequence[str]
    whole: bool = True
    grave: bool = False


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that a section shows: its lines of text, and its rows or paragraphs of HTML.

    `whole` is False if something of it was left out, or if it stands for things that were.
    """

    lines: Sequence[str] = ()
    rows: Sequence[Row] = ()
    whole: bool = True


def gap(line: str, *row: object) -> Item:
    """Return the item that stands for what was left out: a line of the text, and a row of the table if there is one."""
    return Item([line], [row] if row else [], whole=False)


def paragraph(text: str, *lines: str) -> Item:
    """Return a paragraph of the HTML, and the lines that say it in the text: none if only the HTML needs it."""
    return Item(lines, [(text,)])


@dataclass(frozen=True, slots=True)
class Note:
    """What must be known beside a result; it may name commands. `whole` is False for what stands for more notes."""

    text: str
    whole: bool = True


def notes_of(texts: Sequence[str], medium: Medium) -> tuple[Note, ...]:
    """Return the notes: of many the first and the last."""
    fold = medium.fold(_NOTES)
    return tuple(fold.apply(texts, lambda text: [Note(text)], lambda left: Note(f"… {len(left)} more", whole=False)))


@dataclass(frozen=True, slots=True)
class ResultTable:
    """Items that are the rows of a table in HTML.

    In the HTML, `sparse` leaves out columns in which nothing stands, and the first `said_once` cells of a row are empty
    if the row before has the same. With a `title` it has a heading of its own and stands below everything else; if it is
    `folded`, only the title is seen until a reader opens it.
    """

    columns: Sequence[str]
    items: Sequence[Item]
    title: str = ""
    sparse: bool = False
    said_once: int = 0
    folded: bool = False

    @property
    def whole(self) -> bool:
        """Whether nothing was left out."""
        return all(item.whole for item in self.items)


@dataclass(frozen=True, slots=True)
class Paragraphs:
    """Items that are paragraphs in HTML; `quiet` ones explain what stands above, and are small."""

    items: Sequence[Item]
    quiet: bool = False

    @property
    def whole(self) -> bool:
        """Whether nothing was left out."""
        return all(item.whole for item in self.items)


@dataclass(frozen=True, slots=True)
class Listing:
    """A text under a title, line by line as it is; if it is `sql`, HTML colours its words. Without a title it is all.

    If it is `folded`, HTML shows only the title until a reader opens it.
    """

    title: str
    text: str
    sql: bool = False
    whole: bool = True
    folded: bool = False


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawing: an SVG document, and its size in pixels. Text has none of it; other sections say the same there.

    `alt` says what it shows to a reader who does not see it.
    """

    svg: str
    alt: str
    width: int
    height: int
    whole: bool = True


Section = ResultTable | Paragraphs | Listing | Picture


@dataclass(frozen=True, slots=True)
class Document:
    """What a result shows to a reader.

    The headline is the first line of the HTML, and of the text unless its sections say it themselves (`headed` is
    False); below it are the alerts. Text has the notes and then the sections in order; HTML has tables and pictures
    before notes and paragraphs. `shortened` is the last line of one from which something was left out.
    """

    headline: str
    sections: Sequence[Section] = ()
    notes: Sequence[Note] = ()
    headed: bool = True
    alerts: Sequence[Alert] = ()
    shortened: str = SHORTENED

    @property
    def whole(self) -> bool:
        """Whether nothing was left out."""
        return all(part.whole for part in (*self.alerts, *self.notes, *self.sections))


@dataclass(frozen=True, slots=True)
class Records:
    """All that a result holds, as a table for programs: every row, times included, each value as it is."""

    columns: Sequence[str]
    rows: Sequence[Row]
