"""The work of a statement on the rows of the tables that it means, and how long it takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from fsapi_nb.actions.conditions import holds
from fsapi_nb.actions.duration import INSTANT, add_all, brief_span, copy_span, span_of
from fsapi_nb.actions.lookup import STORED, Lookup, MeantTable
from fsapi_nb.actions.plan import StatementActions
from fsapi_nb.model.action import Action, Amount, Condition, Work
from fsapi_nb.model.forecast import Span, TableWork, WorkKind

_FIELDS = {
    "rewrites": WorkKind.REWRITE,
    "scans": WorkKind.SCAN,
    "builds_index": WorkKind.INDEX,
    "changes_rows": WorkKind.ROWS,
}
#: Relations without rows of their own: what is said of them is done on others, or on none.
_ROWLESS = {"v", "S", "i", "I", "c"}
#: Statements that change rows and no catalog.
_OF_ROWS = {"INSERT", "UPDATE", "DELETE", "MERGE"}
#: What the indexes of a rewritten table are built because of.
_WITH_REWRITE = {Condition.IF_REWRITTEN_OR_INDEXED, Condition.IF_INDEXED, Condition.IF_CHANGED}


class _Piece(NamedTuple):
    """Work on one table that is meant; `cause` is what it depends on, even if that is known to be so."""

    kind: WorkKind
    meant: MeantTable
    condition: Condition | None
    span: Span | None
    cause: Condition | None


def work_of(statement: StatementActions, lookup: Lookup) -> tuple[TableWork, ...]:
    """Return the work of a statement, once for each kind and table; that on partitions with their table."""
    found: dict[tuple[WorkKind, str], _Piece] = {}
    for action in statement.actions:
        for field, kind in _FIELDS.items():
            for work in getattr(action, field):
                for piece in _pieces(kind, work, action, statement, lookup):
                    key = (kind, piece.meant.name)
                    if key not in found or (found[key].condition and not piece.condition):
                        found[key] = piece
    return tuple(_folded([piece for piece in found.values() if not _is_part_of_rewrite(piece, found)]))


def _is_part_of_rewrite(piece: _Piece, found: Mapping[tuple[WorkKind, str], _Piece]) -> bool:
    """Return whether indexes are built only because the table is rewritten, which says it already."""
    rewrite = found.get((WorkKind.REWRITE, piece.meant.name))
    is_certain = rewrite is not None and rewrite.condition is None
    return piece.kind is WorkKind.INDEX and is_certain and piece.cause in _WITH_REWRITE


def _pieces(
    kind: WorkKind, work: Work, action: Action, statement: StatementActions, lookup: Lookup
) -> Iterator[_Piece]:
    gently = statement.statement.traits.kind.endswith(" CONCURRENTLY")
    for meant in lookup.tables(work.tables, statement):
        condition = work.condition
        if meant.table and meant.table.kind in _ROWLESS:
            continue
        if meant.is_new and meant.is_empty and work.amount is not Amount.QUERIED:
            continue
        is_so = holds(condition, action, work.tables, meant, statement, lookup, is_lock=False) if condition else True
        if is_so is not False:
            span = _span(kind, meant, work, statement, gently=gently)
            yield _Piece(kind, meant, None if is_so else condition, span, condition)


def _span(kind: WorkKind, meant: MeantTable, work: Work, statement: StatementActions, *, gently: bool) -> Span | None:
    amount = work.amount
    if statement.statement.copy is not None and amount is Amount.QUERIED:
        return copy_span(statement.statement.copy.size)
    if amount is Amount.WRITTEN or (meant.is_empty and amount is not Amount.QUERIED):
        return _least(statement)
    if meant.table is None or (meant.table.kind not in STORED and meant.table.kind != "p"):
        return None
    # Indexes that are there are all built again; a new one is one.
    indexes = meant.table.indexes if work.condition in _WITH_REWRITE else 1
    return span_of(kind, meant.table, amount, gently=gently, indexes=indexes)


def _least(statement: StatementActions) -> Span:
    """Return how long a statement takes that has no work on rows that were there before."""
    of_rows = statement.statement.traits.kind in _OF_ROWS
    return brief_span(len(statement.statement.text)) if of_rows else INSTANT


def _folded(pieces: list[_Piece]) -> Iterator[TableWork]:
    """Yield the work; a partitioned table has no rows but those of its partitions, which are counted with it."""
    whole = {(each.kind, each.meant.number) for each in pieces if each.meant.table and each.meant.table.kind == "p"}
    parts: dict[tuple[WorkKind, int | None], list[_Piece]] = {}
    shown = []
    for piece in pieces:
        top = _top(piece, pieces, whole)
        if top is None:
            shown.append(piece)
        else:
            parts.setdefault((piece.kind, top), []).append(piece)
    for piece in shown:
        below = parts.get((piece.kind, piece.meant.number), [])
        is_whole = (piece.kind, piece.meant.number) in whole
        if not is_whole:
            yield TableWork(piece.kind, piece.meant.name, piece.span, piece.condition)
        elif below:
            condition = None if any(each.condition is None for each in below) else below[0].condition
            span = add_all(each.span for each in below)
            yield TableWork(piece.kind, piece.meant.name, span, condition, len(below))


def _top(piece: _Piece, pieces: list[_Piece], whole: set[tuple[WorkKind, int | None]]) -> int | None:
    """Return the number of the topmost table of which the piece's is a partition, if there is work on it as well."""
    parents = {each.meant.number: each.meant.table.parent for each in pieces if each.meant.table}
    top, parent = None, piece.meant.table.parent if piece.meant.table else None
    while parent is not None and (piece.kind, parent) in whole:
        top, parent = parent, parents.get(parent)
    return top


def span_of_statement(statement: StatementActions, work: tuple[TableWork, ...]) -> Span | None:
    """Return how long a statement takes; None if something of it is not known.

    Work that depends on something counts at its longest only.
    """
    if any(action.unknown for action in statement.actions):
        return None
    if not work:
        return _least(statement)
    return add_all(each.span._replace(low=0.0) if each.span and each.condition else each.span for each in work)
