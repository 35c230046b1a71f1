"""What a statement does besides what it is for: what is lost, what it blocks, what work it is, and what is unknown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fsapi_nb.model.action import Blocks, Condition, LossKind
from fsapi_nb.model.forecast import DataLoss, Span, StatementForecast, TableBlock, TableWork, WorkKind
from fsapi_nb.text.safe import visible_line
from fsapi_nb.views.forecast.quantities import is_instant, list_of, row_words, span_words, together

_TABLES = 4  # that one phrase names
_WORK = {
    WorkKind.REWRITE: ("rewrites {}", "may rewrite {}"),
    WorkKind.SCAN: ("scans {}", "may scan {}"),
    WorkKind.INDEX: ("builds an index on {}", "may build an index on {}"),
    WorkKind.ROWS: ("changes rows of {}", "may change rows of {}"),
}
_REMADE = {LossKind.TABLE: "table", LossKind.COLUMN: "column"}
_ON_IT = "builds an index on it"
#: Conditions whose own words are for those who know PostgreSQL's sources.
_PLAIN = {
    Condition.UNLESS_COERCIBLE: "unless the new type stores the same values alike",
    Condition.IF_VOLATILE: "if the default is computed for each row",
    Condition.IF_CHANGED: "unless it is like that already",
}


@dataclass(frozen=True, slots=True)
class Effects:
    """The effects of one statement, or of several alike, as phrases: the dangerous ones first.

    `blocks` do not begin with the verb (`reads and writes of orders`); `nothing` says that a reader might expect some,
    and there are none. `takes` is the class of its time, empty if it is not known or follows from the statement.
    """

    loses: tuple[str, ...] = ()
    keeps: tuple[str, ...] = ()
    blocks: tuple[str, ...] = ()
    may_block: tuple[str, ...] = ()
    nothing: bool = False
    work: tuple[str, ...] = ()
    may_work: tuple[str, ...] = ()
    takes: str = ""
    unknown: str = ""

    def phrases(self) -> list[str]:
        """Return all of it, each with its verb."""
        return [
            *(f"loses {each}" for each in self.loses),
            *(f"blocks {each}" for each in self.blocks),
            *(f"may block {each}" for each in self.may_block),
            *(["blocks nothing"] if self.nothing else []),
            *self.timed_work("takes "),
            *self.keeps,
            *([f"unknown: {self.unknown}"] if self.unknown else []),
        ]

    def timed_work(self, verb: str = "") -> list[str]:
        """Return the work with its time: behind work that is certain, else as a phrase of its own, after a verb."""
        taking = [f"{verb}{self.takes}"] if self.takes else []
        certain = ", ".join(self.work)
        if certain and self.takes and not self.may_work:
            return [f"{certain}: {self.takes}"]
        return [*([certain] if certain else []), *self.may_work, *taking]


def effects_of(statements: Sequence[StatementForecast], back: str) -> Effects:
    """Return the effects of a statement, or of several alike, together; `back` is the name of the script that undoes it."""
    first = statements[0]
    found = list({each.words: each for each in statements}.values()) if len(statements) > 1 else [first]
    losses = [loss for each in found for loss in each.losses]
    several = len(losses) > 1 or sum(len(each.words) for each in found) > 1
    blocks = list(dict.fromkeys(block for each in found for block in each.blocks))
    work = list(dict.fromkeys(work._replace(span=None) for each in found for work in each.work))
    words = " ".join(word for each in found for word in each.words)
    takes = together(each.span for each in statements)
    unknown = dict.fromkeys(each.unknown for each in found if each.unknown)
    alone = _only_table(blocks)
    certain = tuple(_work_phrases((each for each in work if each.condition is None), alone, words))
    possible = tuple(_work_phrases((each for each in work if each.condition is not None), alone, words))
    hard = any(each.kind is not WorkKind.ROWS for each in work)
    return Effects(
        loses=tuple(_lost(each, back, named=several) for each in losses if is_lost(each)),
        keeps=tuple(_kept(each) for each in losses if each.loss.copied_to),
        blocks=tuple(_block_phrases(each for each in blocks if each.condition is None)),
        may_block=tuple(_block_phrases(each for each in blocks if each.condition is not None)),
        nothing=not blocks and (hard or "concurrently" in words),
        work=certain,
        may_work=possible,
        takes=_takes(takes, shown=bool(certain or possible)),
        unknown=visible_line(", ".join(unknown)),
    )


def _takes(span: Span | None, *, shown: bool) -> str:
    """Return the time of a statement; what works on no rows is instant, and need not say so."""
    return "" if span is None or (is_instant(span) and not shown) else span_words(span)


# -- losses ------------------------------------------------------------------------------------------------------------


def is_lost(found: DataLoss) -> bool:
    """Return whether anything is lost: nothing is where there are no rows, or where all was copied before."""
    if found.rows is not None and found.rows.exact and found.rows.rows == 0:
        return False
    return not found.loss.copied_to or found.loss.partly


def lost_words(found: DataLoss) -> str:
    """Return what is lost, by its name: `table feature_flag and its 12 rows`."""
    rows, name = row_words(found.rows), visible_line(found.loss.name)
    whole = visible_line(found.loss.words).removeprefix("the ")
    match found.loss.kind:
        case LossKind.TABLE | LossKind.MATERIALIZED_VIEW if rows:
            return f"{found.loss.kind.value} {name} and its {rows}"
        case LossKind.COLUMN | LossKind.ROWS if rows:
            return f"{whole}: {rows}"
    return whole


def _lost(found: DataLoss, back: str, *, named: bool) -> str:
    """Return what is lost, as it is said beside the statement."""
    rows = row_words(found.rows)
    match found.loss.kind:
        case LossKind.TABLE | LossKind.MATERIALIZED_VIEW if not named:
            text = f"its {rows or 'rows'}"
        case LossKind.COLUMN if not named:
            text = f"its values{f' in {rows}' if rows else ''}"
        case LossKind.PRECISION if not named:
            text = "what the new type cannot hold"
        case LossKind.SEQUENCE if not named:
            text = "its position"
        case _:
            text = lost_words(found)
    if found.loss.copied_to:
        return f"{text} (some columns are kept in {_places(found)})"
    if not found.remade:
        return text
    kind = _REMADE.get(found.loss.kind)
    return f"{text} ({back} makes the {kind} again, without them)" if kind else text


def _kept(found: DataLoss) -> str:
    """Return where data is kept that was copied before it is dropped."""
    what = "values" if found.loss.kind is LossKind.COLUMN else "rows"
    return f"its {what} are kept in {_places(found)}"


def _places(found: DataLoss) -> str:
    return list_of([visible_line(each) for each in found.loss.copied_to], _TABLES)


# -- locks -------------------------------------------------------------------------------------------------------------


def _only_table(blocks: Iterable[TableBlock]) -> str | None:
    """Return the one table that is blocked; None if there are none, or several."""
    names = {each.table for each in blocks}
    return names.pop() if len(names) == 1 else None


def _block_phrases(blocks: Iterable[TableBlock]) -> list[str]:
    """Return what is blocked, the strongest first: tables that have the same in common are one phrase."""
    groups: dict[tuple[Blocks, Condition | None], list[str]] = {}
    for block in blocks:
        names = groups.setdefault((block.blocks, block.condition), [])
        if block.table not in names:
            names.append(block.table)
    ordered = sorted(groups.items(), key=lambda group: group[0][0] is not Blocks.READS_AND_WRITES)
    return [f"{what.value} of {_tables(names)}{_if(condition)}" for (what, condition), names in ordered]


def _tables(names: Sequence[str]) -> str:
    return list_of([visible_line(name) for name in names], _TABLES)


def _if(condition: Condition | None) -> str:
    return f", {_PLAIN.get(condition, condition.value)}" if condition else ""


# -- work --------------------------------------------------------------------------------------------------------------


def _work_phrases(work: Iterable[TableWork], alone: str | None, words: str) -> list[str]:
    """Return the work by its kind. That rows are changed of a table that the statement's words name needs no words."""
    groups: dict[tuple[WorkKind, Condition | None], list[str]] = {}
    for each in work:
        if each.kind is WorkKind.ROWS and each.condition is None and each.table in words:
            continue
        names = groups.setdefault((each.kind, each.condition), [])
        if each.table not in names:
            names.append(each.table)
    return [_work_phrase(kind, condition, names, alone) for (kind, condition), names in groups.items()]


def _work_phrase(kind: WorkKind, condition: Condition | None, names: Sequence[str], alone: str | None) -> str:
    certain, possible = _WORK[kind]
    tables = "it" if list(names) == [alone] else _tables(names)
    phrase = (possible if condition else certain).format(tables)
    return f"{'builds an index' if phrase == _ON_IT else phrase}{_if(condition)}"
