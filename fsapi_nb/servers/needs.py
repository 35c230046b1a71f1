"""Describe what a server must have so that scripts and definitions of another one can run there. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class ServerNeeds:
    """What a scratch server must have, as far as a database and a folder say it.

    `version` is the major version that it should be near to; None if any will do. `extensions` has the version that is
    in use by the extension's name, None where it does not matter. `collations` are those of PostgreSQL's own that are
    used by their names; `icu` says that some need ICU. `roles` are those that definitions name. `system` identifies the
    server that these needs are of, and `is_protected` says that no scratch database may be made there.
    """

    version: int | None = None
    extensions: Mapping[str, str | None] = field(default_factory=dict)
    collations: frozenset[str] = frozenset()
    icu: bool = False
    roles: frozenset[str] = frozenset()
    system: str | None = None
    is_protected: bool = False

    def with_extensions(self, extensions: Mapping[str, str | None]) -> ServerNeeds:
        """Return these needs and those extensions; a version that is in use counts more than one that is written."""
        return replace(self, extensions={**extensions, **self.extensions})
