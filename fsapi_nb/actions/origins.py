"""Which table of the catalog a name means, after what a plan has made, renamed and dropped before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fsapi_nb.actions.made import plain
from fsapi_nb.actions.tree_names import joined, object_name, relation
from fsapi_nb.script.classify import Named, enum_name

_DROPPED = {"OBJECT_TABLE", "OBJECT_VIEW", "OBJECT_MATVIEW", "OBJECT_INDEX", "OBJECT_SEQUENCE", "OBJECT_FOREIGN_TABLE"}
_RENAMED = _DROPPED


@dataclass(slots=True)
class Origins:
    """The names, without `public.`, that no longer mean what they do in the catalog: the name there, None if none."""

    names: dict[str, str | None] = field(default_factory=dict)

    def of(self, names: Iterable[str]) -> Mapping[str, str | None]:
        """Return the origins of those of the names that have one."""
        if not self.names:
            return {}
        return {name: self.names[plain(name)] for name in names if plain(name) in self.names}

    def add(self, named: Named) -> None:
        """Keep what a statement makes, renames and drops."""
        name, node = named
        match name:
            case "create_stmt" if not node.if_not_exists:
                self._end(relation(node.relation))
            case "create_table_as_stmt" if not node.if_not_exists:
                self._end(relation(node.into.rel))
            case "select_stmt" if node.HasField("into_clause"):
                self._end(relation(node.into_clause.rel))
            case "view_stmt" if not node.replace:
                self._end(relation(node.view))
            case "create_seq_stmt" if not node.if_not_exists:
                self._end(relation(node.sequence))
            case "index_stmt" if node.idxname and not node.if_not_exists:
                self._end(joined([node.relation.schemaname, node.idxname]))
            case "rename_stmt" if enum_name(node, "rename_type") in _RENAMED:
                self._move(relation(node.relation), joined([node.relation.schemaname, node.newname]))
            case "alter_object_schema_stmt" if node.HasField("relation"):
                self._move(relation(node.relation), joined([node.newschema, node.relation.relname]))
            case "drop_stmt" if enum_name(node, "remove_type") in _DROPPED:
                self._drop(node)

    def _end(self, name: str) -> None:
        self.names[plain(name)] = None

    def _move(self, old: str, new: str) -> None:
        self.names[plain(new)] = self.names.get(plain(old), old)
        self._end(old)

    def _drop(self, node: Any) -> None:
        for each in node.objects:
            self._end(object_name(each))
