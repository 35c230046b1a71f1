"""Documents as lines of text, for terminals and for the text that a notebook stores."""

from __future__ import annotations

from collections.abc import Sequence

from fsapi_nb.text.command import Face, typed_lines
from fsapi_nb.text.fold import bounded, one_by_one
from fsapi_nb.text.safe import visible, visible_line
from fsapi_nb.text.wrap import hang, wrap
from fsapi_nb.views.document import Alert, Document, Listing, Paragraphs, Picture, ResultTable, Section

_ALERT = 114  # columns of an alert with its label


def lines_of(document: Document) -> list[str]:
    """Return the text, a line each; an element may hold line ends, such as those of a server's message."""
    return [
        *([document.headline] if document.headed else []),
        *_alert_lines(document.alerts),
        *(line for note in document.notes for line in hang(visible(note.text), "  ! ")),
        *(line for section in document.sections for line in _section_lines(section)),
    ]


def stored_lines(document: Document) -> list[str]:
    """Return the lines that a notebook stores, within the bound of `text.fold`; the last says if they are not everything."""
    lines = lines_of(document)
    kept = bounded(lines)
    whole = document.whole and kept == one_by_one(lines)
    return [*typed_lines(kept, Face.NOTEBOOK), *([] if whole else [document.shortened])]


def is_shortened(stored: list[str], document: Document) -> bool:
    """Return whether such lines say that they are not everything."""
    return stored[-1:] == [document.shortened]


def _alert_lines(alerts: Sequence[Alert]) -> list[str]:
    """Return the alerts, each label before the first of its texts, which stand below each other."""
    width = max((len(alert.label) for alert in alerts), default=0)
    lines = [
        (f"{alert.label}:" if number == 0 else "", line)
        for alert in alerts
        for number, line in enumerate(line for text in alert.texts for line in _wrapped(text, _ALERT - width))
    ]
    return [f"  {label:<{width + 2}}{line}" for label, line in lines]


def _wrapped(text: str, columns: int) -> list[str]:
    """Return the lines of an alert; the number of a line stays behind its word."""
    held = visible_line(text).replace("(line ", "(line\0")
    return [line.replace("\0", " ") for line in wrap(held, columns)]


def _section_lines(section: Section) -> list[str]:
    match section:
        case ResultTable(items=items, title=title):
            lines = [line for item in items for line in item.lines]
            return _below(title, lines) if title else lines
        case Paragraphs(items=items):
            return [line for item in items for line in item.lines]
        case Listing(title=title, text=text):
            return _below(title, text.split("\n")) if title else text.split("\n")
        case Picture():
            return []


def _below(title: str, lines: list[str]) -> list[str]:
    return ["", title, *("  " + line for line in lines)]
