"""What lint found, as a plan shows it: beside a statement what to do instead, and how many findings there are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fsapi_nb.model.finding import Finding, FindingLevel
from fsapi_nb.model.forecast import StatementForecast
from fsapi_nb.text.safe import visible_line
from fsapi_nb.text.words import counted

#: The findings to stop at, by migration and by the line in which their statement begins.
StopsByPlace = Mapping[tuple[str, int], Sequence[Finding]]
_SHOWN = 2  # findings beside one statement, or several alike


def by_place(stops: Iterable[Finding]) -> StopsByPlace:
    """Return the findings by where their statements begin."""
    found: dict[tuple[str, int], list[Finding]] = {}
    for each in stops:
        found.setdefault((each.place.file, each.line), []).append(each)
    return found


def advice_of(stops: StopsByPlace, migration: str, statements: Sequence[StatementForecast]) -> list[str]:
    """Return what to do instead of statements of a migration, each thing once, with the rule that says so."""
    found = [each for line in dict.fromkeys(s.line for s in statements) for each in stops.get((migration, line), ())]
    said = list(dict.fromkeys(f"{(each.help or each.message).removesuffix('.')} ({each.rule})" for each in found))
    more = [f"… {counted(len(said) - _SHOWN, 'more finding')}"] if len(said) > _SHOWN else []
    return [f"lint: {visible_line(text)}" for text in [*said[:_SHOWN], *more]]


def counts_of(findings: Iterable[Finding]) -> str:
    """Return how many findings there are, by level."""
    counts = Counter(finding.level for finding in findings)
    return ", ".join(_counted(level, counts[level]) for level in FindingLevel if counts[level])


def _counted(level: FindingLevel, count: int) -> str:
    return {
        FindingLevel.STOP: f"{counted(count, 'finding')} to stop at",
        FindingLevel.WARN: counted(count, "warning"),
        FindingLevel.NOTE: counted(count, "note"),
    }[level]


def finding_facts(finding: Finding) -> dict[str, Any]:
    """Return all that is known of a finding."""
    return {
        "migration": finding.place.file,
        "line": finding.place.line,
        "column": finding.place.column,
        "level": finding.level.value,
        "rule": finding.rule,
        "statement": finding.statement,
        "message": finding.message,
        "help": finding.help,
        "table": finding.table,
        "rows": finding.size.rows if finding.size else None,
        "folded": finding.folded.value if finding.folded else None,
    }
