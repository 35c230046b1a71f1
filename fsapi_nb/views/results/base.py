"""What all results have in common: the forms that a value has, made of its lines and its table."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fsapi_nb.text.command import Face, typed_lines
from fsapi_nb.text.fold import HTML, METADATA, bounded, one_by_one, stored_size
from fsapi_nb.text.safe import visible_line
from fsapi_nb.views.results.markup import html_of, html_of_lines

if TYPE_CHECKING:
    import pandas

    from fsapi_nb.model.server import Identity

#: What stands below a text or table from which something was left out.
SHORTENED = "(shortened: to_frame(), to_json() and the terminal have everything)"
_NUMBER = 24  # what a number takes in a notebook's file
_INTEGERS = {"duration_ms", "server_pid"}


class Result(abc.ABC):
    """What all results have in common. A repr is a photograph: it reads nothing and asks nobody.

    What a notebook stores of it, text, HTML and metadata, has the bound of `fsapi_nb.text.fold`, however large the result.
    `identity` is the database that it is about; None only for what is about no database, such as a new file.
    """

    __slots__ = ()
    identity: Identity | None

    @abc.abstractmethod
    def lines(self, *, times: bool = False) -> list[str]:
        """The whole text form, a line each; with `times`, durations and moments are shown where there are any."""

    @abc.abstractmethod
    def table(self) -> tuple[list[str], list[Sequence[Any]]]:
        """The columns' names and the rows, for the DataFrame and the HTML form."""

    @abc.abstractmethod
    def to_json(self) -> dict[str, Any]:
        """The result as one JSON object."""

    def to_frame(self) -> pandas.DataFrame:
        """The result as a pandas DataFrame, times included.

        Its columns `database` and `server`, and where it has no row `attrs["fsapi"]`, say which database it is about.
        """
        import pandas

        columns, rows = self.table()
        frame = pandas.DataFrame([tuple(row) for row in rows], columns=columns)
        frame = frame.astype({name: "Int64" for name in columns if name in _INTEGERS})
        if self.identity is not None:
            frame["database"], frame["server"] = self.identity.database, self.identity.server
        return self._about(frame)

    def subject(self) -> dict[str, Any]:
        """The database that the result is about, as JSON and a frame's attributes name it; empty if there is none."""
        found = self.identity
        if found is None:
            return {}
        schema = {"schema": found.schema} if found.schema else {}
        return {"database": found.database, "server": found.server, **schema, "protected": found.protected}

    def _about(self, frame: pandas.DataFrame) -> pandas.DataFrame:
        """The frame, with the database in its attributes: the columns of a query are the user's own."""
        if self.identity is not None:
            frame.attrs["fsapi"] = self.subject()
        return frame

    def _on(self, word: str = "on") -> str:
        """The database as the end of a headline: ` on shop at db.example:5432`."""
        return "" if self.identity is None else f" {word} {visible_line(self.identity.label)}"

    def brief(self) -> list[str]:
        """The text form that a notebook stores: of a long result what matters, and how much more there is."""
        return self.lines()

    def headline(self) -> str:
        """The first line."""
        return self.brief()[0]

    def html(self) -> str:
        """The HTML form: the headline and a table, everything escaped; no script, no style sheet."""
        columns, rows = self.preview()
        shortened = self._text()[-1:] == [SHORTENED]
        return html_of(self.headline(), columns, rows, [*self.remarks(), *([SHORTENED] if shortened else [])])

    def preview(self) -> tuple[list[str], list[Sequence[Any]]]:
        """The part of the table that the HTML form shows, as `brief` does; nothing that differs from run to run."""
        return self.table()

    def remarks(self) -> Sequence[str]:
        """What stands below the table."""
        return ()

    def metadata(self) -> dict[str, Any]:
        """What differs from run to run, for the output's metadata."""
        return {}

    def __repr__(self) -> str:
        return "\n".join(self._text())

    def _text(self) -> list[str]:
        """The lines that a notebook stores; the last says so where they are not everything."""
        lines = bounded(self.brief())
        shown = typed_lines(lines, Face.NOTEBOOK)
        return shown if self._is_everything(lines) else [*shown, SHORTENED]

    def _is_everything(self, lines: list[str]) -> bool:
        """Whether nothing was left out of the text form."""
        return lines == one_by_one(self.lines())

    def _repr_mimebundle_(self, **_: object) -> tuple[dict[str, str], dict[str, Any]]:
        metadata = self.metadata()
        lines, html = self._text(), self.html()
        html = html if stored_size(html) <= HTML else html_of_lines(lines)
        return {"text/plain": "\n".join(lines), "text/html": html}, {"fsapi": metadata} if metadata else {}


def counted(count: int, noun: str) -> str:
    """So many things, in words: `1 migration`, `2 migrations`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def slowest(durations: Sequence[tuple[str, int]]) -> dict[str, int]:
    """Durations by name, for a notebook's metadata: all that have room there, and of many the longest."""
    room, kept = METADATA, set[str]()
    for name, _ in sorted(durations, key=lambda each: -each[1]):
        room -= stored_size(name) + _NUMBER
        if room < 0:
            break
        kept.add(name)
    return {name: duration for name, duration in durations if name in kept}


def iso(moment: object) -> str | None:
    """A moment as JSON holds it; None for anything else."""
    return moment.isoformat() if hasattr(moment, "isoformat") else None
