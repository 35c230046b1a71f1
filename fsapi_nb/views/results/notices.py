"""What the server said beside a result: shown above a DataFrame, and below every other form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fsapi_nb.folding import Fold, shorten
from fsapi_nb.views.escape import visible
from fsapi_nb.views.results.base import Result

_NOTICES = Fold(6, 3)


@dataclass(frozen=True, slots=True, repr=False)
class NoticesResult(Result):
    """What the server said, in order."""

    notices: tuple[str, ...]

    def lines(self, *, times: bool = False) -> list[str]:
        """A line each."""
        return [visible(notice) for notice in self.notices]

    def brief(self) -> list[str]:
        """Of many the first and the last."""
        return brief_notices(self.notices, indent="")

    def headline(self) -> str:
        """What the HTML form begins with."""
        return "The server said:"

    def remarks(self) -> Sequence[str]:
        """The same as `brief`."""
        return self.brief()

    def table(self) -> tuple[list[str], list[Sequence[Any]]]:
        """A row each."""
        return ["notice"], [(notice,) for notice in self.notices]

    def preview(self) -> tuple[list[str], list[Sequence[Any]]]:
        """Nothing: they are in the remarks."""
        return [], []

    def to_json(self) -> dict[str, Any]:
        """The texts."""
        return {"notices": list(self.notices)}


def brief_notices(notices: Sequence[str], *, indent: str = "  ") -> list[str]:
    """Return what a notebook stores of them: of many the first and the last, of a long one its beginning and end."""
    return _NOTICES.apply(
        notices,
        lambda notice: [f"{indent}{visible(shorten(notice))}"],
        lambda gap: f"{indent}… {len(gap)} notices more",
    )
