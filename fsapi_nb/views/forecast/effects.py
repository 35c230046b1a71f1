"""What a statement does besides what it is for: what is lost, what it blocks, what work it is, and what is unknown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from fsapi_nb.actions.duration import add_all
from fsapi_nb.model.action import Blocks, Condition, LossKind
from fsapi_nb.model.forecast import DataLoss, Span, StatementForecast, TableBlock, TableWork, WorkKind
from fsapi_nb.text.safe import visible_line
from fsapi_nb.text.words import counted
from fsapi_nb.views.forecast.quantities import INSTANT, is_instant, its_rows, list_of, row_words, span_words

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
        taking = [f"{verb}{'an instant' if self.takes == INSTANT else self.takes}"] if self.takes else []
        certain = ", ".join(self.work)
        if certain and self.takes and not self.may_work:
            return [f"{certain}: {self.takes}"]
        return [*([certain] if certain else []), *self.may_work, *taking]


_NONE = Effects()


def effects_of(statements: Sequence[StatementForecast], back: str) -> Effects:
    """Return the effects of a statement, or of several alike, together; `back` is the name of the script that undoes it."""
    first = statements[0]
    if len(statements) == 1 and not (first.locks or first.work or first.losses or first.unknown or first.span):
        return _NONE
    found = list({each.words: each for each in statements}.values()) if len(statements) > 1 else [first]
    losses = [loss for each in found for loss in each.losses]
    several = len(losses) > 1 or sum(len(each.words) for each in found) > 1
    blocks = list(dict.fromkeys(block for each in found for block in each.blocks))
    work = _worth_saying([work for each in found for work in each.work])
    words = " ".join(word for each in found for word in each.words)
    takes = add_all(each.span for each in statements)
    unknown = dict.fromkeys(each.unknown for each in found if each.unknown)
    alone = _only_table(blocks)
    certain = tuple(_work_phrases((each for each in work if each.condition is None), alone, words))
    possible = tuple(_work_phrases((each for each in work if each.condition is not None), alone, words))
    hard = any(each.kind is not WorkKind.ROWS for each in work)
    return Effects(
        loses=tuple(_lost([each for each in losses if is_lost(each)], back, named=several)),
        keeps=tuple(_kept(each, back) for each in losses if not is_lost(each)),
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
    if _is_filled_again(found):
        return False
    return not found.loss.copied_to or found.loss.partly


def _is_filled_again(found: DataLoss) -> bool:
    """Return whether the other script makes it again with its rows, as those of a query are."""
    return found.remade and found.loss.kind is LossKind.MATERIALIZED_VIEW


def lost_words(found: DataLoss) -> str:
    """Return what is lost, by its name: `table feature_flag with its 12 rows`."""
    whole = visible_line(found.loss.words).removeprefix("the ")
    whole = f"some {whole}" if whole.startswith("rows ") else whole
    rows = row_words(found.rows)
    match found.loss.kind:
        case LossKind.TABLE | LossKind.MATERIALIZED_VIEW:
            whole = f"{found.loss.kind.value} {visible_line(found.loss.name)} with {its_rows(found.rows)}"
        case LossKind.COLUMN | LossKind.ROWS | LossKind.LARGER if rows:
            whole = f"{whole}: {rows}"
    return f"{whole}{_but_kept(found)}"


def _but_kept(found: DataLoss) -> str:
    """Return where the part is that was copied before."""
    return f", some columns of which are kept in {_places(found)}" if found.loss.copied_to else ""


def _lost(losses: Sequence[DataLoss], back: str, *, named: bool) -> Iterator[str]:
    """Yield what is lost, as it is said beside the statement; what the other script makes again is said once."""
    for remade in (False, True):
        found = [each for each in losses if each.remade is remade]
        if found:
            words = list_of([lost_words(each) if named else _own_loss(each) for each in found], _TABLES)
            yield f"{words}{_remade(found, back) if remade else ''}"


def _own_loss(found: DataLoss) -> str:
    """Return what a statement that does one thing loses, without the name that it has said."""
    match found.loss.kind:
        case LossKind.TABLE | LossKind.MATERIALIZED_VIEW:
            text = its_rows(found.rows)
        case LossKind.COLUMN:
            rows = row_words(found.rows)
            text = f"its values{f' in {rows}' if rows else ''}"
        case LossKind.ROWS if found.loss.name and " that refer to " not in found.loss.words:
            text = its_rows(found.rows) if found.loss.words.startswith("all ") else "those rows"
        case LossKind.PRECISION:
            text = "what the new type cannot hold"
        case LossKind.SEQUENCE:
            text = "its position"
        case _:
            return lost_words(found)
    return f"{text}{_but_kept(found)}"


def _remade(losses: Sequence[DataLoss], back: str) -> str:
    kinds = {_REMADE.get(each.loss.kind, "") for each in losses}
    if len(losses) > 1 or kinds == {""}:
        return f" ({back} makes {'them' if len(losses) > 1 else 'it'} again, empty)"
    return f" ({back} makes the {kinds.pop()} again, without them)"


def _kept(found: DataLoss, back: str) -> str:
    """Return why nothing is lost: there is nothing, it was copied before, or it comes again."""
    if found.loss.copied_to:
        what = "values" if found.loss.kind is LossKind.COLUMN else "rows"
        return f"its {what} are kept in {_places(found)}"
    if _is_filled_again(found):
        return f"{back} fills it again"
    return "there are no rows in it"


def _places(found: DataLoss) -> str:
    return list_of([visible_line(each) for each in found.loss.copied_to], _TABLES)


# -- locks -------------------------------------------------------------------------------------------------------------


def _only_table(blocks: Iterable[TableBlock]) -> str | None:
    """Return the one table that is blocked; None if there are none, or several."""
    names = {with_partitions(each) for each in blocks}
    return names.pop() if len(names) == 1 else None


def _block_phrases(blocks: Iterable[TableBlock]) -> list[str]:
    """Return what is blocked, the strongest first: tables that have the same in common are one phrase."""
    groups: dict[tuple[Blocks, Condition | None], list[str]] = {}
    for block in blocks:
        names = groups.setdefault((block.blocks, block.condition), [])
        if (name := with_partitions(block)) not in names:
            names.append(name)
    ordered = sorted(groups.items(), key=lambda group: group[0][0] is not Blocks.READS_AND_WRITES)
    return [f"{what.value} of {_tables(names)}{_if(condition)}" for (what, condition), names in ordered]


def is_described(table: str) -> bool:
    """Return whether it is not a name, but says which tables are meant; the name of a table with a blank has quotes."""
    return table.startswith(("the ", "what ", "every "))


def with_partitions(found: TableBlock | TableWork) -> str:
    """Return a table's name, and of how many of its partitions the same is true."""
    partitions = f" and {counted(found.partitions, 'partition')} of it" if found.partitions else ""
    return f"{visible_line(found.table).replace(', as a partition too', '').replace(', as partitions too', '')}{partitions}"


def _tables(names: Sequence[str]) -> str:
    return list_of(names, _TABLES)


def _if(condition: Condition | None) -> str:
    return f", {_PLAIN.get(condition, condition.value)}" if condition else ""


# -- work --------------------------------------------------------------------------------------------------------------


def _worth_saying(work: Sequence[TableWork]) -> list[TableWork]:
    """Return the work without its times, and without what a reader need not hear of.

    A rewrite builds the indexes, and reads all rows. Which tables a foreign key may change that is not there yet, nobody
    knows.
    """
    rewritten = {each.table: each.condition for each in work if each.kind is WorkKind.REWRITE}
    found = []
    for each in work:
        certainly = each.table in rewritten and rewritten[each.table] is None
        if each.condition is not None and (
            (each.kind is WorkKind.INDEX and each.table in rewritten)
            or (each.kind is WorkKind.SCAN and certainly)
            or (each.kind is WorkKind.ROWS and is_described(each.table))
        ):
            continue
        found.append(each._replace(span=None))
    return list(dict.fromkeys(found))


def _work_phrases(work: Iterable[TableWork], alone: str | None, words: str) -> list[str]:
    """Return the work by its kind. That rows are changed of a table that the statement's words name needs no words."""
    groups: dict[tuple[WorkKind, Condition | None], list[str]] = {}
    for each in work:
        if each.kind is WorkKind.ROWS and each.condition is None and each.table in words:
            continue
        names = groups.setdefault((each.kind, each.condition), [])
        if (name := with_partitions(each)) not in names:
            names.append(name)
    return [_work_phrase(kind, condition, names, alone) for (kind, condition), names in groups.items()]


def _work_phrase(kind: WorkKind, condition: Condition | None, names: Sequence[str], alone: str | None) -> str:
    certain, possible = _WORK[kind]
    tables = "it" if list(names) == [alone] else _tables(names)
    phrase = (possible if condition else certain).format(tables)
    return f"{'builds an index' if phrase == _ON_IT else phrase}{_if(condition)}"
