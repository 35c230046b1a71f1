"""What lint says of a statement: a rule that it breaks, where, why that matters, and what to do instead."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from fsapi_nb.model.forecast import TableSize
from fsapi_nb.model.place import SourceLocation


class FindingLevel(Enum):
    """How much a finding matters, the most first: `--check` fails for `STOP`."""

    STOP = "stop"
    WARN = "warn"
    NOTE = "note"


class FoldReason(Enum):
    """Why a finding is left out unless all are asked for."""

    NEW = "on what the same file makes"
    SMALL = "on small tables"


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule that a statement breaks.

    `place` is where it is; its file is the migration's, its source the line as it may be shown. `statement` is the
    command (`CREATE INDEX`), `line` the line in which that begins. `help` says what to do instead. `table` is the
    largest table that it is about, as far as that is known, and `size` its size. `folded` says why it is left out.
    """

    rule: str
    level: FindingLevel
    place: SourceLocation
    statement: str
    line: int
    message: str
    help: str | None = None
    table: str | None = None
    size: TableSize | None = None
    folded: FoldReason | None = None


@dataclass(frozen=True, slots=True)
class Lint:
    """All findings in the scripts that were looked at, by migration in their order, the gravest first, folded ones too.

    `names` are the migrations, `notes` say what could not be looked at, and why.
    """

    names: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = field(default=())
    notes: tuple[str, ...] = ()

    @property
    def shown(self) -> tuple[Finding, ...]:
        """The findings that are not folded away."""
        return tuple(finding for finding in self.findings if finding.folded is None)

    @property
    def stops(self) -> tuple[Finding, ...]:
        """The findings because of which `--check` fails."""
        return tuple(finding for finding in self.shown if finding.level is FindingLevel.STOP)


#: Nothing was looked at.
NO_LINT = Lint()
