"""A step of making a catalog as it was: statements that run together."""

from __future__ import annotations

from dataclasses import dataclass

from fsapi_nb.catalog.ddl.definition import ObjectAddress


@dataclass(slots=True)
class RestoreStep:
    """Statements, the rank and name that decide which of two runs first, and what must have run before them."""

    kind: str
    name: str
    statements: list[str]
    needs: frozenset[ObjectAddress]
