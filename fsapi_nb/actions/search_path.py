"""Along which search_path the names in a script are looked up."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from fsapi_nb.script.classify import Named, enum_name

_SETS = "set_config"
_USER = "$user"


class SearchPath(NamedTuple):
    """The schemas in which names are looked up: none if these are the session's own. None: that is not known.

    `local` are those that end with the transaction, if there are any.
    """

    schemas: tuple[str, ...] | None = ()
    local: tuple[str, ...] | None = ()
    is_local: bool = False

    @property
    def now(self) -> tuple[str, ...] | None:
        """The schemas at this moment."""
        return self.local if self.is_local else self.schemas

    def committed(self) -> SearchPath:
        """Return what is left of it when the transaction has ended."""
        return SearchPath(self.schemas)

    def after(self, named: Named, text: str) -> SearchPath:
        """Return the search_path after a statement."""
        name, node = named
        if name == "variable_set_stmt" and node.name.lower() in {"search_path", ""}:
            found = _set(node)
            return SearchPath(self.schemas, found, is_local=True) if node.is_local else SearchPath(found)
        if _SETS in text and "search_path" in text:
            return SearchPath(None)
        return self


def _set(node: object) -> tuple[str, ...] | None:
    kind = enum_name(node, "kind")
    if kind in {"VAR_SET_DEFAULT", "VAR_RESET", "VAR_RESET_ALL"}:
        return ()
    return _schemas(getattr(node, "args", ())) if kind == "VAR_SET_VALUE" else None


def _schemas(arguments: Iterable[object]) -> tuple[str, ...] | None:
    found = tuple(str(each.a_const.sval.sval) for each in arguments)  # type: ignore[attr-defined]
    if not found or _USER in found:
        return None
    return found if "pg_catalog" in found else ("pg_catalog", *found)
