"""The kinds of objects that a look at the schema has a heading for, in its order; others come behind them."""

from __future__ import annotations

#: The kinds of objects in the order in which they are shown; any other kind, by the server's name for it, comes after.
KINDS = (
    "schema",
    "table",
    "foreign table",
    "view",
    "materialized view",
    "sequence",
    "enum",
    "domain",
    "type",
    "function",
    "procedure",
    "aggregate",
    "extension",
)
