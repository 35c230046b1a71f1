"""One object of a database on a page: what it is made of, what it refers to, and what refers to it."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from fsapi_nb.actions.tree_names import joined
from fsapi_nb.catalog.schema.overview import ROUTINES, SchemaObject
from fsapi_nb.catalog.schema.page import (
    Dependent,
    Grant,
    Index,
    NamedPart,
    ObjectPage,
    PageColumn,
    PageKey,
    Partition,
)
from fsapi_nb.model.server import Identity
from fsapi_nb.text.fold import Fold
from fsapi_nb.text.safe import visible, visible_line
from fsapi_nb.text.words import counted
from fsapi_nb.views.aligned import aligned
from fsapi_nb.views.document import (
    STORED,
    Document,
    Item,
    Listing,
    Medium,
    Paragraphs,
    Records,
    ResultTable,
    Section,
    gap,
    notes_of,
    paragraph,
)
from fsapi_nb.views.forecast.quantities import byte_words, row_words, size_words
from fsapi_nb.views.results.base import Result

_COLUMNS_FOLD = Fold(60, 20)
_FOLD = Fold(25, 5)
_SQL_FOLD = Fold(80, 20)
_LINE_END = re.compile(r"\n\s*")  # PostgreSQL breaks long expressions


@dataclass(frozen=True, slots=True, repr=False)
class ObjectResult(Result):
    """One object of the database; `to_frame()` has a row for each column of a relation.

    Of an enum it has a row for each value, of an extension one for each member, else one for the object itself, or for
    each of the routines of one name. `page` has everything.
    """

    page: ObjectPage
    identity: Identity | None = None

    def headline(self) -> str:
        """Return what it is, and how large."""
        page, item = self.page, self.page.item
        if page.overloads:
            return f"{counted(len(page.overloads), item.kind)} {visible_line(item.written)}{self._on()}"
        size = "" if item.size is None else size_words(item.size)
        if item.size is not None and item.size.rows is None:
            size += f"{', ' if size else ''}not analyzed"
        ours = ", fsapi_nb's own" if item.is_history else ""
        return f"{item.kind} {visible_line(_name(item))}{self._on()}{ours}{f': {size}' if size else ''}"

    def document(self, medium: Medium = STORED) -> Document:
        """Return its parts in order; with times, when it was maintained and how its indexes are used."""
        page = self.page
        about = [paragraph(text, *(f"  {line}" for line in text.split("\n"))) for text in self._said(medium)]
        parts = [
            self._columns(medium),
            _part("values", (), [(value,) for value in page.values], medium),
            _part("keys and checks", ("name", "definition", ""), map(_constraint, page.constraints), medium),
            _part("refers to", ("columns", "target", "actions", "name"), map(_outgoing, page.references), medium),
            _part(
                "referred to by", ("table", "columns", "actions", "name"), map(_incoming, page.referenced_by), medium
            ),
            _part(
                "indexes", ("name", "size", "use", "what", ""), [_index(each, medium) for each in page.indexes], medium
            ),
            _part("triggers", ("name", "what", ""), [_trigger(each, page.item) for each in page.triggers], medium),
            _part("policies", ("name", "what", ""), map(_named, page.policies), medium),
            _part("rules", ("name", "what", ""), map(_named, page.rules), medium),
            _part("partitions", ("name", "bound", "rows", "size"), map(_partition, page.partitions), medium),
            _part("inherited by", ("name", "bound", "rows", "size"), map(_partition, page.children), medium),
            _part("rights", ("role", "rights", ""), map(_grant, page.grants), medium),
            _part("overloads", ("name", "arguments and result", "comment"), map(_overload, page.overloads), medium),
            _part("members", ("kind", "name"), map(_dependent, page.members), medium, folded=True),
            _part("needs", ("kind", "name"), map(_dependent, page.uses), medium, folded=True),
            _part("needed by", ("kind", "name"), map(_dependent, page.used_by), medium),
            self._rows(),
            self._sql(medium),
        ]
        sections: list[Section] = [Paragraphs(about), *(part for part in parts if part is not None)]
        return Document(self.headline(), sections, notes_of(page.notes, medium))

    def _said(self, medium: Medium) -> Iterator[str]:
        """Yield what is said of the object as a whole."""
        page, item = self.page, self.page.item
        if item.comment:
            yield visible(medium.text(item.comment))
        owner = [f"owner {item.owner}"] if item.owner and not page.is_own else []
        partition = [f"partition of {page.partition_of}"] if page.partition_of else []
        parents = [f"inherits from {', '.join(page.parents)}"] if page.parents else []
        moments = (
            []
            if not medium.times
            else [
                f"{word} {moment.astimezone(datetime.UTC):%Y-%m-%d %H:%M} UTC"
                for word, moment in (("vacuumed", item.vacuumed), ("analyzed", item.analyzed))
                if moment is not None
            ]
        )
        last = [f"last value {page.last_value}"] if medium.times and page.last_value is not None else []
        traits = [*page.traits, *partition, *parents, *last, *owner, *moments]
        if traits:
            yield visible_line(" · ".join(traits))

    def _columns(self, medium: Medium) -> Section | None:
        rows = [_column(each) for each in self.page.columns]
        title = "attributes" if self.page.item.kind == "type" else "columns"
        return _part(title, ("name", "type", "", "value", "comment"), rows, medium, fold=_COLUMNS_FOLD)

    def _rows(self) -> Section | None:
        sample = self.page.rows
        if sample is None or not sample.rows:
            return None
        by = f" by {', '.join(map(visible_line, sample.order))}" if sample.order else ""
        more = f", {counted(sample.left_out, 'column')} more" if sample.left_out else ""
        title = f"first {counted(len(sample.rows), 'row')}{by}{more}"
        cells = [["NULL" if value is None else value for value in row] for row in sample.rows]
        text = aligned([[visible_line(cell) for cell in row] for row in [sample.columns, *cells]], indent=0, width=None)
        rows = [Item([line], [row]) for line, row in zip(text[1:], cells, strict=True)]
        return ResultTable(list(sample.columns), [Item([text[0]]), *rows], title=title)

    def _sql(self, medium: Medium) -> Section | None:
        if not self.page.definition:
            return None
        lines = visible(self.page.definition).split("\n")
        shown = medium.fold(_SQL_FOLD).apply(lines, lambda line: [line], lambda left: f"-- … {len(left)} lines more")
        return Listing("SQL", "\n".join(shown), sql=True, whole=len(shown) == len(lines), folded=True)

    def records(self) -> Records:
        """Return a row for each column, value or member, or one for the object itself."""
        page, item = self.page, self.page.item
        if page.columns:
            names = ["column", "type", "not_null", "default", "generated", "identity", "primary_key", "unique"]
            rows: list[Sequence[object]] = [(*_column_record(each, page),) for each in page.columns]
            return Records([*names, "references", "collation", "comment"], rows)
        if page.values:
            return Records(["value"], [(value,) for value in page.values])
        if page.members:
            return Records(["kind", "name"], [(each.kind, each.identity) for each in page.members])
        objects = page.overloads or (item,)
        return Records(
            ["kind", "schema", "name", "arguments", "detail", "owner", "comment"],
            [(x.kind, x.schema, x.name, x.arguments, x.detail or None, x.owner or None, x.comment) for x in objects],
        )

    def facts(self) -> dict[str, Any]:
        """Return all that is known of the object."""
        return {**self.subject(), **_facts(self.page)}


def _facts(value: Any) -> Any:
    """Return a value of the page as JSON takes it: a dictionary of its fields, without those that have nothing."""
    if hasattr(value, "__dataclass_fields__"):
        found = {name: _facts(getattr(value, name)) for name in value.__dataclass_fields__}
        return {name: each for name, each in found.items() if each is not None and each not in ([], "")}
    if hasattr(value, "_asdict"):
        return {name: _facts(each) for name, each in value._asdict().items()}
    if isinstance(value, datetime.datetime):
        return value.isoformat()
    return [_facts(each) for each in value] if isinstance(value, tuple) else value


def _name(item: SchemaObject) -> str:
    return f"{item.written}({item.arguments})" if item.kind in ROUTINES else item.written


def _part(
    title: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    medium: Medium,
    *,
    fold: Fold = _FOLD,
    folded: bool = False,
) -> ResultTable | None:
    """Return a table of these rows with a title, or None if there are none."""
    found = list(rows)
    if not found:
        return None
    shown = medium.fold(fold).apply(found, lambda row: [row], lambda left: counted(len(left), "more").removesuffix("s"))
    cells = [[visible_line(_LINE_END.sub(" ", cell)) for cell in row] for row in shown if not isinstance(row, str)]
    lines = iter(aligned(cells, indent=0, width=None, widest=60))
    items = [
        gap(f"… {row}", f"… {row}", *[""] * (len(columns) - 1)) if isinstance(row, str) else Item([next(lines)], [row])
        for row in shown
    ]
    return ResultTable(list(columns or [""]), items, title=title, sparse=True, folded=folded)


def _column(each: PageColumn) -> tuple[str, ...]:
    notes = [
        *(["primary key"] if each.primary else []),
        *(["not null"] if each.not_null and not each.primary else []),
        *([f"COLLATE {each.collation}"] if each.collation else []),
        *(["inherited"] if each.inherited else []),
    ]
    return each.name, each.type, ", ".join(notes), each.value, each.comment or ""


def _column_record(each: PageColumn, page: ObjectPage) -> Iterator[object]:
    unique = any(key.kind in {"UNIQUE", "PRIMARY KEY"} and key.columns == (each.name,) for key in page.constraints)
    targets = [
        f"{key.target}.{target}"
        for key in page.references
        for name, target in zip(key.columns, key.target_columns, strict=True)
        if name == each.name
    ]
    yield from (each.name, each.type, each.not_null, None if each.generated else each.default)
    yield from (each.default if each.generated else None, each.identity or None, each.primary, unique)
    yield from (", ".join(targets) or None, each.collation, each.comment)


def _constraint(each: Any) -> tuple[str, ...]:
    return each.name, each.definition, _joined("not valid" if not each.valid else "", each.comment)


def _outgoing(key: PageKey) -> tuple[str, ...]:
    target = f"→ {key.target} ({', '.join(key.target_columns)})"
    return f"({', '.join(key.columns)})", target, _joined(key.actions, "" if key.valid else "not valid"), key.name


def _incoming(key: PageKey) -> tuple[str, ...]:
    columns = f"({', '.join(key.columns)}) → ({', '.join(key.target_columns)})"
    return key.table, columns, _joined(key.actions, "" if key.valid else "not valid"), key.name


def _index(each: Index, medium: Medium) -> tuple[str, ...]:
    kind = "primary key, " if each.primary else "unique, " if each.unique else ""
    use = ""
    if medium.times and each.scans is not None:
        use = f"{each.scans:,} scan{'s' if each.scans > 1 else ''}" if each.scans else "never scanned"
    state = "" if each.valid and each.ready else "INVALID" if each.ready else "INVALID, not ready"
    return each.name, byte_words(each.bytes or 0), use, kind + each.covers, _joined(state, each.comment)


def _trigger(each: NamedPart, table: SchemaObject) -> tuple[str, ...]:
    _, _, rest = each.definition.partition(f" TRIGGER {joined([each.name])} ")
    words = rest.replace(f" ON {table.written} ", " ", 1) or each.definition
    return each.name, words, _joined(each.state, each.comment)


def _named(each: NamedPart) -> tuple[str, ...]:
    return each.name, " ".join(each.definition.split()), _joined(each.state, each.comment)


def _partition(each: Partition) -> tuple[str, ...]:
    return each.written, each.bound, row_words(each.size), byte_words(each.size.size) if each.size else ""


def _grant(each: Grant) -> tuple[str, ...]:
    on = f" on {each.column}" if each.column else ""
    passed = f"may pass on {', '.join(each.grantable)}" if each.grantable else ""
    return each.role, f"{', '.join(each.rights)}{on}", passed


def _overload(each: SchemaObject) -> tuple[str, ...]:
    return each.written, each.detail, each.comment or ""


def _dependent(each: Dependent) -> tuple[str, ...]:
    return each.kind, each.identity


def _joined(*texts: str | None) -> str:
    return "; ".join(text for text in texts if text)
