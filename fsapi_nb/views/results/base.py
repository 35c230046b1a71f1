"""What all results have in common: the forms that a value has, made of its lines and its table."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fsapi_nb.views.results.markup import html_of

if TYPE_CHECKING:
    import pandas

_INTEGERS = {"duration_ms", "server_pid"}


class Result(abc.ABC):
    """What all results have in common. A repr is a photograph: it reads nothing and asks nobody."""

    __slots__ = ()

    @abc.abstractmethod
    def lines(self, *, times: bool = False) -> list[str]:
        """The text form, a line each; with `times`, durations and moments are shown where there are any."""

    @abc.abstractmethod
    def table(self) -> tuple[list[str], list[Sequence[Any]]]:
        """The columns' names and the rows, for the DataFrame and the HTML form."""

    @abc.abstractmethod
    def to_json(self) -> dict[str, Any]:
        """The result as one JSON object."""

    def to_frame(self) -> pandas.DataFrame:
        """The result as a pandas DataFrame, times included."""
        import pandas

        columns, rows = self.table()
        frame = pandas.DataFrame([tuple(row) for row in rows], columns=columns)
        return frame.astype({name: "Int64" for name in columns if name in _INTEGERS})

    def headline(self) -> str:
        """The first line."""
        return self.lines()[0]

    def html(self) -> str:
        """The HTML form: the headline and a table, everything escaped; no script, no style sheet."""
        columns, rows = self.preview()
        return html_of(self.headline(), columns, rows, self.remarks())

    def preview(self) -> tuple[list[str], list[Sequence[Any]]]:
        """The part of the table that the HTML form shows: nothing that differs from run to run."""
        return self.table()

    def remarks(self) -> Sequence[str]:
        """What stands below the table."""
        return ()

    def metadata(self) -> dict[str, Any]:
        """What differs from run to run, for the output's metadata."""
        return {}

    def __repr__(self) -> str:
        return "\n".join(self.lines())

    def _repr_mimebundle_(self, **_: object) -> tuple[dict[str, str], dict[str, Any]]:
        metadata = self.metadata()
        return {"text/plain": repr(self), "text/html": self.html()}, {"fsapi": metadata} if metadata else {}


def counted(count: int, noun: str) -> str:
    """So many things, in words: `1 migration`, `2 migrations`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def iso(moment: object) -> str | None:
    """A moment as JSON holds it; None for anything else."""
    return moment.isoformat() if hasattr(moment, "isoformat") else None
