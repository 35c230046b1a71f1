"""The order of kinds: what is made first, and dropped last, where nothing else decides."""

from __future__ import annotations

from fsapi_nb.catalog.ddl.definition import ObjectAddress
from fsapi_nb.catalog.parts.part import CatalogPart

#: Of what may be made next, the kinds in this order.
RANK = (
    *("schema", "extension", "enum", "composite", "domain", "range", "sequence", "table", "column", "function"),
    *("procedure", "object", "default", "constraint", "index", "attached", "foreign key", "owned", "statistics"),
    *("materialized view", "view", "rule", "trigger", "policy", "chosen index", "late object"),
)
#: Types that a column can have.
TYPES = {"enum", "composite", "domain", "range"}
#: What holds others is dropped when everything else has its place back.
LAST = {"schema", "extension"}
_LATE_OBJECTS = {"event trigger", "publication", "subscription"}


def rank_of(part: CatalogPart) -> str:
    """Return the name of the rank of a part."""
    if part.state.get("object") in _LATE_OBJECTS:
        return "late object"
    return "foreign key" if part.kind == "constraint" and part.state["type"] == "f" else part.kind


def drop_rank(part: CatalogPart) -> tuple[int, str, ObjectAddress]:
    """Return the place of a part among those that may be dropped next."""
    return -RANK.index(rank_of(part)), part.name, part.address
