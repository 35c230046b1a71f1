"""What may be wrong with a statement, before it is judged."""

from __future__ import annotations

from typing import Any, NamedTuple

from fsapi_nb.actions.tree_names import joined, split_name
from fsapi_nb.model.finding import FindingLevel
from fsapi_nb.model.forecast import StatementForecast, TableWork, WorkKind
from fsapi_nb.script.classify import Named


class Suspicion(NamedTuple):
    """A rule that a statement seems to break: why that matters, what to do instead, the table that it is about.

    `column` is the column that it is about, without quotes. `level` is how much it matters if that is not what the rule
    says.
    """

    rule: str
    message: str
    help: str | None
    table: str | None = None
    column: str | None = None
    level: FindingLevel | None = None


def is_name(text: str) -> bool:
    """Return whether a forecast names a table, and does not say which are meant, such as `the partitions of orders`."""
    return joined(split_name(text)) == text


class Subject(NamedTuple):
    """A statement that is looked at: its parse tree, and what it will do.

    `proven` are the columns that the script has proven to have no nulls, each with its table, without `public.`.
    """

    named: Named
    forecast: StatementForecast
    proven: frozenset[tuple[str, str]] = frozenset()

    @property
    def node(self) -> Any:
        """The node of its tree."""
        return self.named[1]

    def work(self, *kinds: WorkKind) -> tuple[TableWork, ...]:
        """Return the work of these kinds that it does, or may do."""
        return tuple(work for work in self.forecast.work if work.kind in kinds)

    def has(self, *kinds: WorkKind) -> bool:
        """Return whether it does such work, or may do it."""
        return bool(self.work(*kinds))
