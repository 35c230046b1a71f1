"""What the server said beside a result: shown above a DataFrame, and below every other form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fsapi_nb.text.fold import Fold
from fsapi_nb.text.safe import visible
from fsapi_nb.text.wrap import hang
from fsapi_nb.views.document import STORED, Document, Item, Medium, Paragraphs, Records, gap
from fsapi_nb.views.results.base import Result

if TYPE_CHECKING:
    from fsapi_nb.model.server import Identity

_NOTICES = Fold(6, 3)


@dataclass(frozen=True, slots=True, repr=False)
class NoticesResult(Result):
    """What the server said, in order."""

    notices: tuple[str, ...]
    identity: Identity | None = None

    def headline(self) -> str:
        """Return what the HTML form begins with."""
        return "The server said:"

    def document(self, medium: Medium = STORED) -> Document:
        """Return the notices, each with its further lines further in."""
        return Document(self.headline(), [Paragraphs(notice_items(self.notices, medium, indent=""))], headed=False)

    def records(self) -> Records:
        """Return a row for each."""
        return Records(["notice"], [(notice,) for notice in self.notices])

    def facts(self) -> dict[str, Any]:
        """Return the texts."""
        return {"notices": self.notices}


def notice_items(notices: Sequence[str], medium: Medium, *, fold: Fold = _NOTICES, indent: str = "  ") -> list[Item]:
    """Return a paragraph or cell for each, with its lines behind the indent; those of a terminal are one item.

    Of many the first and the last are stored, of a long one its beginning and end.
    """
    if not medium.folded:
        return [Item([line for notice in notices for line in hang(visible(notice), indent)])]
    return fold.apply(
        notices,
        lambda notice: [_item(notice, medium.text(notice), indent)],
        lambda left: gap(f"{indent}… {len(left)} notices more", f"… {len(left)} notices more"),
    )


def _item(notice: str, shown: str, indent: str) -> Item:
    return Item(hang(visible(shown), indent), [("\n".join(hang(shown)),)], whole=shown == notice)
