"""Judge what may be wrong with a script: what the facts contradict is struck, what matters little is folded. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from fsapi_nb.actions.duration import INSTANT
from fsapi_nb.actions.made import plain
from fsapi_nb.actions.tree_names import joined
from fsapi_nb.checks.feed import FindingPlace, begin_of
from fsapi_nb.checks.foreign_keys import foreign_keys_without_index
from fsapi_nb.checks.held_locks import work_under_locks
from fsapi_nb.checks.ignores import Ignores
from fsapi_nb.checks.rules import OWN_RULES, Concern, Rule, rule_of
from fsapi_nb.checks.scripts import LintedScript, ReadStatement
from fsapi_nb.checks.settings import LintSettings
from fsapi_nb.checks.squawk import SquawkFinding
from fsapi_nb.checks.statements import suspicions_of
from fsapi_nb.checks.suspicion import Suspicion
from fsapi_nb.model.finding import Finding, FindingLevel, FoldReason
from fsapi_nb.model.forecast import TableSize
from fsapi_nb.model.place import SourceLocation
from fsapi_nb.script.redact import redact_line

#: Bytes up to which a table is small whose rows nobody has counted yet.
_SMALL_SIZE = 1 << 16
#: What to do about findings of squawk that do not say it.
_HELP = {
    Concern.CLIENTS: "change the programs that rely on it first.",
    Concern.DATA: "keep the data elsewhere first if it may be needed.",
}
_ORDER = list(FindingLevel)

#: What squawk has found in a script, each with its place in the file.
Located = Sequence[tuple[SquawkFinding, FindingPlace]]


class _Suspected(NamedTuple):
    """A suspicion at its place in the file."""

    suspicion: Suspicion
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Judge:
    """What judges the suspicions of one script.

    `show` returns the place of a line and a column in the file, with the line as it may be shown. `sizes` are those of
    the tables, by name.
    """

    settings: LintSettings
    ignores: Ignores
    sizes: Mapping[str, TableSize]
    show: Callable[[int, int], SourceLocation]

    def findings(self, script: LintedScript, located: Located) -> list[Finding]:
        """Return the findings in a script, the gravest first.

        Args:
            script: The script.
            located: What squawk has found in it.
        """
        own = defaultdict[int, list[Suspicion]](list)
        for number, suspicion in foreign_keys_without_index((each.number, each.subject.named) for each in script.read):
            own[number].append(suspicion)
        for step in script.steps:
            for number, suspicion in work_under_locks(step):
                own[number].append(suspicion)
        of_squawk = defaultdict[int, list[tuple[SquawkFinding, FindingPlace]]](list)
        for each in located:
            of_squawk[each[1].statement].append(each)
        found: list[Finding] = []
        for statement in script.read:
            number = statement.number
            suspicions = [*suspicions_of(statement.subject), *own[number]]
            found += self._judged(statement, _merge(statement, suspicions, of_squawk[number]))
        return sorted(found, key=lambda each: (_ORDER.index(each.level), each.place.line, each.place.column or 0))

    def _judged(self, statement: ReadStatement, placed: Iterable[_Suspected]) -> Iterator[Finding]:
        """Yield the findings of one statement."""
        first = statement.statement.line
        for suspicion, line, column in placed:
            rule = self.settings.rule(suspicion.rule)
            if rule is None or not _applies(rule, statement, suspicion):
                continue
            if self.ignores.has(suspicion.rule, line) or self.ignores.has(suspicion.rule, first):
                continue
            table = self._largest(rule, statement, suspicion)
            level = rule.level
            if suspicion.level and suspicion.rule not in self.settings.stop:
                level = suspicion.level
            yield Finding(
                rule=suspicion.rule,
                level=level,
                place=self.show(line, column),
                statement=statement.statement.traits.kind,
                line=first,
                message=suspicion.message,
                help=suspicion.help,
                table=table,
                size=self.sizes.get(table) if table else None,
                folded=self._fold(rule, statement, suspicion),
            )

    def _fold(self, rule: Rule, statement: ReadStatement, suspicion: Suspicion) -> FoldReason | None:
        """Return why a finding matters little; None if it does not."""
        if rule.concern in {Concern.STYLE, Concern.DESIGN}:
            return None
        tables = _about(statement, suspicion)
        if tables and all(self._is_new(plain(each), statement) for each in tables):
            return FoldReason.NEW
        if suspicion.column and f"{plain(tables[0])}.{joined([suspicion.column])}" in statement.new_columns:
            return FoldReason.NEW
        if rule.concern in {Concern.WORK, Concern.LOCK}:
            concerned = self._concerned(rule, statement, suspicion)
            if concerned and all(self._is_small(each, statement) for each in concerned):
                return FoldReason.SMALL
        return None

    def _is_new(self, table: str, statement: ReadStatement) -> bool:
        """Return whether the file makes a table; with IF NOT EXISTS it does, unless the catalog has one."""
        return table in statement.new or (table in statement.possible and table not in self.sizes)

    def _concerned(self, rule: Rule, statement: ReadStatement, suspicion: Suspicion) -> list[str]:
        """Return the tables whose sizes decide how long others wait."""
        worked = [work.table for work in statement.subject.forecast.work if work.kind in rule.work]
        named = [each if each in self.sizes else plain(each) for each in _about(statement, suspicion)]
        return list(dict.fromkeys([*worked, *named]))

    def _largest(self, rule: Rule, statement: ReadStatement, suspicion: Suspicion) -> str | None:
        """Return the largest of these tables, or the first if no size is known."""
        concerned = self._concerned(rule, statement, suspicion)
        known = [each for each in concerned if each in self.sizes]
        return max(known, key=lambda each: self.sizes[each].size) if known else next(iter(concerned), None)

    def _is_small(self, table: str, statement: ReadStatement) -> bool:
        size = self.sizes.get(table)
        if size is None:  # an earlier file of the plan may make it: work on it is known to take no time then
            spans = [work.span for work in statement.subject.forecast.work if work.table == table]
            return bool(spans) and all(span and span.high <= INSTANT.high for span in spans)
        return size.size <= _SMALL_SIZE if size.rows is None else size.rows <= self.settings.small


def _about(statement: ReadStatement, suspicion: Suspicion) -> Sequence[str]:
    return (suspicion.table,) if suspicion.table else statement.tables


def _applies(rule: Rule, statement: ReadStatement, suspicion: Suspicion) -> bool:
    """Return whether a rule is about a statement at all: one of style, if it makes a table or changes a new one."""
    if rule.concern is not Concern.STYLE:
        return True
    return not (statement.new | statement.makes).isdisjoint(map(plain, _about(statement, suspicion)))


def _merge(
    statement: ReadStatement, own: Sequence[Suspicion], of_squawk: Sequence[tuple[SquawkFinding, FindingPlace]]
) -> Iterator[_Suspected]:
    """Yield what may be wrong with a statement, each thing once.

    What both find has fsapi_nb's words, which know the facts, and squawk's place, which knows the subcommand. What squawk finds
    by a rule about work, and the facts do not have, is struck.
    """
    counts = Counter(each.rule for each in own)
    places = defaultdict[str, list[tuple[int, int]]](list)
    for finding, place in of_squawk:
        places[finding.rule].append((place.line, place.column))
    # If squawk finds another number of them, nothing says which is which.
    known = {rule: iter(found) for rule, found in places.items() if len(found) == counts[rule]}
    begin = begin_of(statement.statement)
    for each in own:
        yield _Suspected(each, *next(known.get(each.rule, iter(())), begin))
    for finding, place in of_squawk:
        rule = rule_of(finding.rule)
        if finding.rule not in counts and not (finding.rule in OWN_RULES and rule.concern is Concern.WORK):
            hint = finding.help or _HELP.get(rule.concern)
            yield _Suspected(Suspicion(finding.rule, _sentence(finding.message), hint), place.line, place.column)


def _sentence(message: str) -> str:
    """Return a message as fsapi_nb's own are written: it begins in lower case, and without a point at its end."""
    text = redact_line(message.strip().removesuffix("."))
    return text[:1].lower() + text[1:] if text[1:2].islower() or text[1:2] == " " else text
