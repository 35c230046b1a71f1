"""Star the secrets in the SQL of a page: literals beside a name that says that they are secret. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from fsapi_nb.actions.tree_names import joined
from fsapi_nb.catalog.schema.page import NamedPart, ObjectPage, PageColumn
from fsapi_nb.script.redact import redact_line, redact_sql


def without_secrets(page: ObjectPage) -> ObjectPage:
    """Return the page with its secrets starred."""
    return replace(
        page,
        columns=tuple(_column(each) for each in page.columns),
        constraints=tuple(replace(each, definition=redact_line(each.definition)) for each in page.constraints),
        indexes=tuple(replace(each, definition=redact_line(each.definition)) for each in page.indexes),
        triggers=_parts(page.triggers),
        policies=_parts(page.policies),
        rules=_parts(page.rules),
        traits=_traits(page),
        partitions=tuple(replace(each, bound=redact_line(each.bound)) for each in page.partitions),
        children=tuple(replace(each, bound=redact_line(each.bound)) for each in page.children),
        partition_of=redact_line(page.partition_of) if page.partition_of else page.partition_of,
        definition=redact_sql(page.definition),
    )


def _column(column: PageColumn) -> PageColumn:
    if column.default is None:
        return column
    before = f"{joined([column.name])} {column.type} DEFAULT "
    return replace(column, default=redact_line(before + column.default).removeprefix(before))


def _traits(page: ObjectPage) -> tuple[str, ...]:
    """Return the words about an object; the default of a domain stands beside the domain's name only in its SQL."""
    before = f"{joined([page.item.name])} text "
    return tuple(
        redact_line(before + each).removeprefix(before) if each.startswith("default ") else redact_line(each)
        for each in page.traits
    )


def _parts(parts: Sequence[NamedPart]) -> tuple[NamedPart, ...]:
    return tuple(replace(each, definition=redact_line(each.definition)) for each in parts)
