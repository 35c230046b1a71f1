"""What the server said beside a result: shown above a DataFrame, and below every other form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fsapi_nb.text.fold import Fold, shorten
from fsapi_nb.text.safe import visible
from fsapi_nb.text.wrap import hang
from fsapi_nb.views.results.base import Result

_NOTICES = Fold(6, 3)


@dataclass(frozen=True, slots=True, repr=False)
class NoticesResult(Result):
    """What the server said, in order."""

    notices: tuple[str, ...]

    def lines(self, *, times: bool = False) -> list[str]:
        """Each one, its further lines further in."""
        return [line for notice in self.notices for line in hang(visible(notice))]

    def brief(self) -> list[str]:
        """Of many the first and the last."""
        return brief_notices(self.notices, indent="")

    def headline(self) -> str:
        """What the HTML form begins with."""
        return "The server said:"

    def remarks(self) -> Sequence[str]:
        """As far as `brief` shows them."""
        return notice_remarks(self.notices)

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
        lambda notice: hang(visible(shorten(notice)), indent),
        lambda gap: f"{indent}… {len(gap)} notices more",
    )


def notice_remarks(notices: Sequence[str]) -> list[str]:
    """Return what `brief_notices` shows as the HTML form has it: a text each, which may have several lines."""
    return _NOTICES.apply(
        notices, lambda notice: ["\n".join(hang(shorten(notice)))], lambda gap: f"… {len(gap)} notices more"
    )
