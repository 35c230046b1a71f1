"""What the statements of a plan will do to one database: the facts of `Action`, on its tables, with sizes and times.

`actions.forecast` makes it from a plan and, if there is a connection, from what the catalog says of the tables.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from fsapi_nb.model.action import Blocks, Condition, LockMode, Loss


class TableSize(NamedTuple):
    """How large a table is. `size` is in bytes, with its indexes and its TOAST table.

    `rows` are counted if `exact`, else what the server estimates; None if it never has.
    """

    rows: int | None
    size: int
    exact: bool = False


class Span(NamedTuple):
    """How long something takes, as a range in seconds. A reader is shown its class (`seconds`), never a number."""

    low: float
    high: float


class WorkKind(Enum):
    """What work a statement does on the rows of a table."""

    REWRITE = "rewrites"
    SCAN = "scans"
    INDEX = "builds an index on"
    ROWS = "changes rows of"


class TableBlock(NamedTuple):
    """The strongest lock that a statement takes on one table, held until its transaction ends.

    `table` is the name as a reader would write it: without its schema where the search_path finds it. Where the catalog
    does not have it, it is the name as written, or what is meant (`the tables that refer to users`). A `condition` is
    what the lock depends on where neither the text nor the catalog could tell. So many of its `partitions` are locked
    in the same way.
    """

    table: str
    mode: LockMode
    blocks: Blocks
    condition: Condition | None = None
    partitions: int = 0


class TableWork(NamedTuple):
    """Work on the rows of one table, or of so many of its `partitions`. `span` is None if its size is not known."""

    kind: WorkKind
    table: str
    span: Span | None = None
    condition: Condition | None = None
    partitions: int = 0


class DataLoss(NamedTuple):
    """Data that is lost for good, of `rows` rows if they are known, and what DOWN makes of it.

    `remade` says that the script of the other direction makes the object again, without the data.
    """

    loss: Loss
    rows: TableSize | None = None
    remade: bool = False


@dataclass(frozen=True, slots=True)
class StatementForecast:
    """What one statement will do.

    `words` has a phrase for each thing that it does (`add column orders.token`). `sql` is its text as it may be shown:
    secrets are starred. `unknown` names what it runs that its text does not tell (a DO block, a function). `span` is how
    long it takes, None if that is not known. `destroys` says that it takes data away at all: what its script has
    copied before, or has made itself, as well, of which `losses` says nothing.
    """

    line: int
    kind: str
    words: tuple[str, ...]
    sql: str
    locks: tuple[TableBlock, ...] = ()
    work: tuple[TableWork, ...] = ()
    losses: tuple[DataLoss, ...] = ()
    unknown: str | None = None
    span: Span | None = None
    destroys: bool = False

    @property
    def blocks(self) -> tuple[TableBlock, ...]:
        """The locks that keep other sessions from writing or reading."""
        return tuple(lock for lock in self.locks if lock.blocks is not Blocks.NOTHING)


class HeldLock(NamedTuple):
    """A lock that later statements of the same transaction hold longer: from the statement in `line` to the end.

    `span` is the time of the statements from there on, None if it is not known.
    """

    table: str
    blocks: Blocks
    line: int
    span: Span | None


@dataclass(frozen=True, slots=True)
class PartForecast:
    """What one part of a step will do: its statements in their order.

    `irreversible` says that the migration has no script for the way back.
    """

    statements: tuple[StatementForecast, ...] = ()
    irreversible: bool = False


@dataclass(frozen=True, slots=True)
class StepForecast:
    """What one step will do, part by part, and which locks it holds beyond the statement that takes them."""

    parts: tuple[PartForecast, ...] = ()
    held: tuple[HeldLock, ...] = ()


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a plan will do; its steps and their parts are those of the plan, in the same order.

    `sizes` has the tables that were found in the catalog, by the names that the forecast gives them. `drops` is what is
    lost with what `fresh` drops. `notes` say what could not be found out, and why.
    """

    steps: tuple[StepForecast, ...] = ()
    sizes: Mapping[str, TableSize] = field(default_factory=dict)
    drops: tuple[DataLoss, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def statements(self) -> Iterator[StatementForecast]:
        """Every statement, in order."""
        return (each for step in self.steps for part in step.parts for each in part.statements)

    @property
    def losses(self) -> tuple[DataLoss, ...]:
        """All data that is lost for good, in order: what was copied elsewhere before is not."""
        found = (loss for each in self.statements for loss in each.losses if not loss.loss.copied_to)
        return (*self.drops, *found)

    @property
    def destroys(self) -> bool:
        """Whether data is taken away at all, even what was copied elsewhere before: worth a second question."""
        return bool(self.drops) or any(each.destroys for each in self.statements)
