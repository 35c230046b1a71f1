"""Star the secrets of a page: in its SQL literals beside a name that says that they are secret, and in comments. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeVar

from fsapi_nb.actions.tree_names import joined
from fsapi_nb.catalog.schema.page import Constraint, Index, NamedPart, ObjectPage, PageColumn, PageKey, Partition
from fsapi_nb.script.redact import redact_line, redact_sql

_Part = TypeVar("_Part", Constraint, Index, NamedPart, PageColumn, PageKey, Partition)


def without_secrets(page: ObjectPage) -> ObjectPage:
    """Return the page with its secrets starred."""
    return replace(
        page,
        columns=tuple(_column(each) for each in page.columns),
        constraints=tuple(_starred(each) for each in page.constraints),
        references=tuple(_starred(each) for each in page.references),
        referenced_by=tuple(_starred(each) for each in page.referenced_by),
        indexes=tuple(_starred(each) for each in page.indexes),
        triggers=tuple(_starred(each) for each in page.triggers),
        policies=tuple(_starred(each) for each in page.policies),
        rules=tuple(_starred(each) for each in page.rules),
        traits=_traits(page),
        partitions=tuple(_starred(each) for each in page.partitions),
        children=tuple(_starred(each) for each in page.children),
        partition_of=redact_line(page.partition_of) if page.partition_of else page.partition_of,
        definition=redact_sql(page.definition),
    )


def _column(column: PageColumn) -> PageColumn:
    column = _starred(column)
    if column.default is None:
        return column
    before = f"{joined([column.name])} {column.type} DEFAULT "
    return replace(column, default=redact_line(before + column.default).removeprefix(before))


def _starred(part: _Part) -> _Part:
    """Return a part of the page with the secrets in its texts starred."""
    texts = {name: getattr(part, name, None) for name in ("definition", "bound", "comment")}
    starred: dict[str, Any] = {name: redact_line(text) for name, text in texts.items() if text}
    return replace(part, **starred)


def _traits(page: ObjectPage) -> tuple[str, ...]:
    """Return the words about an object; the default of a domain stands beside the domain's name only in its SQL."""
    before = f"{joined([page.item.name])} text "
    return tuple(
        redact_line(before + each).removeprefix(before) if each.startswith("default ") else redact_line(each)
        for each in page.traits
    )
