"""What a query gave: columns with names and types, and rows of Python values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a result. `type_name` is the catalog's short name (`int4`, `text[]`, `app.mood`).

    PostgreSQL announces a column of a domain as a column of the type below it. `modifier` is what the type's
    parentheses say, as the catalog has it, -1 if there are none.
    """

    name: str
    type_oid: int
    type_name: str
    modifier: int = field(default=-1, compare=False)
    is_enum: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class ResultSet:
    """What one statement answered; `command` is the server's tag (`SELECT 3`, `INSERT 0 2`, `CREATE TABLE`).

    `columns` is empty where a statement returns no rows. (`SELECT FROM t` has rows of no columns.) `rows` is a list, or
    what is kept by column (`stored.Rows`) and makes its values when they are looked at.
    """

    columns: tuple[Column, ...]
    rows: Sequence[tuple[object, ...]]
    command: str


class Presented(Protocol):
    """What a value of a failure is shown as: lines for a terminal, a DataFrame, JSON. The views make it."""

    def lines(self, *, times: bool = ...) -> list[str]:
        """Return the lines of its text; with `times`, those that differ from run to run too."""

    def headline(self) -> str:
        """Return the first of its lines."""

    def html(self) -> str:
        """Return it as HTML, without scripts."""

    def _repr_mimebundle_(self, **_: object) -> tuple[dict[str, str], dict[str, Any]]:
        """Return what IPython shows."""

    def to_frame(self) -> pandas.DataFrame:
        """Return its rows."""

    def to_json(self) -> dict[str, Any]:
        """Return it as one JSON object."""
