"""What all results have in common: the forms of a result, each made of its document, its records or its facts."""

from __future__ import annotations

import abc
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fsapi_nb.text.fold import HTML, stored_size
from fsapi_nb.text.safe import visible_line
from fsapi_nb.views.document import STORED, Document, Medium, Records
from fsapi_nb.views.render.frame import frame_of
from fsapi_nb.views.render.html import html_of, html_of_lines
from fsapi_nb.views.render.json import json_of
from fsapi_nb.views.render.text import is_shortened, lines_of, stored_lines

if TYPE_CHECKING:
    import pandas

    from fsapi_nb.model.result import ResultSet
    from fsapi_nb.model.server import Identity


class Result(abc.ABC):
    """What a verb returns. A repr is a photograph: it reads nothing and asks nobody.

    A result says three things of itself: its document, for readers; its records, a table for programs; its facts, for
    JSON. What a notebook stores of it (text, HTML, metadata) has the bound of `fsapi_nb.text.fold`, however large it
    is. `identity` is the database that it is about, None for what is about no database, such as a new file.
    """

    __slots__ = ()
    identity: Identity | None

    @abc.abstractmethod
    def headline(self) -> str:
        """Return the first line: what happened, or how things are."""

    @abc.abstractmethod
    def document(self, medium: Medium = STORED) -> Document:
        """Return what a reader is shown, as long as the medium allows."""

    @abc.abstractmethod
    def records(self) -> Records | ResultSet:
        """Return all rows with all columns, of which a DataFrame is made."""

    @abc.abstractmethod
    def facts(self) -> Mapping[str, Any]:
        """Return all that the result holds, of which JSON is made."""

    def metadata(self) -> dict[str, Any]:
        """Return what differs from run to run, for the metadata of a notebook's output."""
        return {}

    def lines(self, *, times: bool = False) -> list[str]:
        """Return the whole text, a line each; with `times`, moments and durations are shown."""
        document = self.document(Medium(folded=False, times=times))
        return [*lines_of(document), *([] if document.whole else [document.shortened])]

    def html(self) -> str:
        """Return the HTML that a notebook shows: everything escaped; no script, no style sheet."""
        document = self.document()
        return html_of(document, shortened=is_shortened(stored_lines(document), document))

    def to_json(self) -> dict[str, Any]:
        """Return the result as one JSON object."""
        return json_of(self.facts())

    def to_frame(self) -> pandas.DataFrame:
        """Return the result as a pandas DataFrame, times included.

        Its columns `database` and `server`, and its `attrs["fsapi"]` even if it has no row, say which database it is
        about. A query's columns are the user's own: only the attributes say it.
        """
        return self._about(frame_of(self.records(), self.identity))

    def subject(self) -> dict[str, Any]:
        """Return the database that the result is about, as JSON and a frame's attributes name it; empty if there is none."""
        found = self.identity
        if found is None:
            return {}
        schema = {"schema": found.schema} if found.schema else {}
        return {"database": found.database, "server": found.server, **schema, "protected": found.protected}

    def _about(self, frame: pandas.DataFrame) -> pandas.DataFrame:
        """Return the frame, with the database in its attributes."""
        if self.identity is not None:
            frame.attrs["fsapi"] = self.subject()
        return frame

    def _on(self, word: str = "on") -> str:
        """Return the database as the end of a headline: ` on shop at db.example:5432`."""
        return "" if self.identity is None else f" {word} {visible_line(self.identity.label)}"

    def __repr__(self) -> str:
        return "\n".join(stored_lines(self.document()))

    def bundle(self, *, times: bool = False) -> tuple[dict[str, str], dict[str, Any]]:
        """Return what a notebook stores: text and HTML, and its metadata; with `times`, moments and durations are in both."""
        document = self.document(replace(STORED, times=times))
        lines, metadata = stored_lines(document), self.metadata()
        html = html_of(document, shortened=is_shortened(lines, document))
        html = html if stored_size(html) <= HTML else html_of_lines(lines)
        return {"text/plain": "\n".join(lines), "text/html": html}, {"fsapi": metadata} if metadata else {}

    def _repr_mimebundle_(self, **_: object) -> tuple[dict[str, str], dict[str, Any]]:
        return self.bundle()
