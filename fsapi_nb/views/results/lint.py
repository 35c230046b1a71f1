"""What lint found: each finding with its place, its line, what it means and what to do instead."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from fsapi_nb.model.finding import Finding, FindingLevel, FoldReason, Lint
from fsapi_nb.model.server import Identity
from fsapi_nb.text.command import Advice, command
from fsapi_nb.text.fold import Fold
from fsapi_nb.text.safe import visible, visible_line
from fsapi_nb.text.words import counted
from fsapi_nb.text.wrap import hang
from fsapi_nb.views.document import STORED, Document, Item, Medium, Records, ResultTable, Row, gap, notes_of
from fsapi_nb.views.forecast.findings import counts_of, finding_facts
from fsapi_nb.views.forecast.quantities import size_words
from fsapi_nb.views.results.base import Result

_COLUMNS = ["migration", "line", "level", "what it means", "what to do instead", "rule"]
_NOTE_COLUMNS = ["rule", "what it means", "what to do instead", "where"]
_GRAVE = Fold(24, 4)  # findings to stop at and warnings that a notebook stores
_NOTES = Fold(8, 2)  # rules with notes
_FILES = Fold(4)  # files with notes by one rule


@dataclass(frozen=True, slots=True, repr=False)
class LintResult(Result):
    """What lint found: by migration, the gravest first. `to_frame()` has a row for each finding, folded ones too.

    `everything` says that nothing is folded away. `identity` is None if no database could be asked; `lack` says that the
    folder has no migration file.
    """

    lint: Lint
    identity: Identity | None = None
    everything: bool = False
    lack: str | None = None

    @property
    def attention(self) -> bool:
        """Whether there is a finding at the level `stop`; a folder without a file cannot tell."""
        return bool(self.lint.stops) or self.lack is not None

    @property
    def _shown(self) -> Sequence[Finding]:
        return self.lint.findings if self.everything else self.lint.shown

    def headline(self) -> str:
        """Return how many findings there are, by level."""
        on = self._on("with the tables of")
        if self.lack:
            return f"Lint: {visible(self.lack)}."
        if not self.lint.names:
            return f"Lint: no migration to look at{self._on()}."
        read = counted(len(self.lint.names), "migration")
        if not self._shown:
            return f"Lint: nothing found in {read}{on}."
        return f"Lint: {counts_of(self._shown)} in {read}{on}"

    def document(self, medium: Medium = STORED) -> Document:
        """Return each finding with its place, its line, and what to do instead; below them the notes, by rule."""
        grave = [finding for finding in self._shown if finding.level is not FindingLevel.NOTE]
        items = medium.items(_GRAVE, grave, _item, _gap)
        rules = list(_by_rule(finding for finding in self._shown if finding.level is FindingLevel.NOTE))
        notes = medium.items(_NOTES, rules, lambda found: _note_item(found, medium), _gap_of_notes)
        sections = [ResultTable(_COLUMNS, items, sparse=True, said_once=1)]
        sections += [ResultTable(_NOTE_COLUMNS, notes, title="Notes")] if notes else []
        return Document(self.headline(), sections, notes_of([*self.lint.notes, *self._folded()], medium))

    def _folded(self) -> Iterator[str]:
        """Yield what to say of findings that are folded away."""
        if self.everything:
            return
        counts = Counter(finding.folded for finding in self.lint.findings if finding.folded)
        if counts:
            parts = [f"{counts[reason]} {reason.value}" for reason in FoldReason if counts[reason]]
            is_or_are = "is" if counts.total() == 1 else "are"
            names = self.lint.names
            everything = command("lint", names[0], all=True) if len(names) == 1 else command("lint", all=True)
            yield Advice(
                f"{counted(counts.total(), 'finding')} {is_or_are} not shown ({', '.join(parts)}): ",
                everything,
                " shows all",
            )

    def findings(self) -> list[str]:
        """Return what a check found: the findings at the level `stop`."""
        return [line for finding in self.lint.stops for line in _item(finding).lines]

    def records(self) -> Records:
        """Return a row for each finding, folded ones too."""
        columns = [
            "migration",
            "line",
            "column",
            "level",
            "rule",
            "statement",
            "message",
            "help",
            "table",
            "rows",
            "folded",
        ]
        return Records(columns, [tuple(finding_facts(each)[name] for name in columns) for each in self.lint.findings])

    def facts(self) -> dict[str, Any]:
        """Return all findings, and the migrations that were looked at."""
        return {
            **self.subject(),
            "notes": [*([self.lack] if self.lack else []), *self.lint.notes],
            "migrations": list(self.lint.names),
            "findings": [finding_facts(each) for each in self.lint.findings],
        }


def finding_lines(finding: Finding, indent: str) -> list[str]:
    """Return a finding as text below its place: what it means, and what to do instead."""
    lines = hang(said(finding), indent)
    return [*lines, *(hang(visible_line(finding.help), f"{indent}→ ") if finding.help else [])]


def said(finding: Finding) -> str:
    """Return what a finding means in one line, with the size of the table if that is known."""
    size = size_words(finding.size) if finding.table else ""
    return visible_line(f"{finding.message} ({finding.table}: {size})" if size else finding.message)


def _item(finding: Finding) -> Item:
    place = finding.place
    head = f"  {visible_line(str(place))}  {finding.level.value}: {visible_line(finding.rule)}"
    excerpt = ["  " + visible(line) for line in place.excerpt()]
    return Item([head, *excerpt, *finding_lines(finding, "    ")], [_row(finding)])


def _row(finding: Finding) -> Row:
    return (finding.place.file, finding.place.line, finding.level.value, said(finding), finding.help, finding.rule)


def _gap(left: Sequence[Finding]) -> Item:
    more = f"… {counted(len(left), 'finding')} more"
    return gap(f"  {more}", more, "", "", "", "", "")


def _by_rule(notes: Iterable[Finding]) -> Iterator[Sequence[Finding]]:
    """Yield the notes that say the same by the same rule."""
    found: dict[tuple[str, str], list[Finding]] = {}
    for note in notes:
        found.setdefault((note.rule, note.message), []).append(note)
    yield from found.values()


def _note_item(notes: Sequence[Finding], medium: Medium) -> Item:
    """Return the notes by one rule: what the first says, and where they all are."""
    first, lines = notes[0], dict[str, list[int]]()
    for note in notes:
        lines.setdefault(note.place.file, []).append(note.place.line)
    places = [f"{visible_line(file)}:{', '.join(map(str, dict.fromkeys(found)))}" for file, found in lines.items()]
    fold = medium.fold(_FILES)
    shown = fold.apply(places, lambda place: [place], lambda left: f"… {counted(len(left), 'file')} more")
    head = f"{visible_line(first.rule)} ({len(notes)})"
    row = (first.rule, said(first), first.help, "\n".join(shown))
    return Item(
        [head, *finding_lines(first, "  "), *("  " + place for place in shown)], [row], len(shown) == len(places)
    )


def _gap_of_notes(left: Sequence[Sequence[Finding]]) -> Item:
    more = f"… {counted(len(left), 'rule')} more"
    return gap(more, more, "", "", "")
