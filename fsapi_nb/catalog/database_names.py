"""The names that SQL may hold, as values: schemas, relations, functions, columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class NamedObject:
    """A relation or a function: its schema, its name and its kind in a word (table, view, function)."""

    schema: str
    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class DatabaseNames:
    """The names of a database that a role may use.

    `path` is the search_path as it holds, PostgreSQL's own schemas included. `columns` has those of the relations that
    were asked for, by schema and name. `whole` is False if there may be more relations. `quoted` is how a name is written
    that needs quotes.
    """

    path: tuple[str, ...] = ()
    schemas: tuple[str, ...] = ()
    relations: tuple[NamedObject, ...] = ()
    functions: tuple[NamedObject, ...] = ()
    columns: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    whole: bool = True
    quoted: Mapping[str, str] = field(default_factory=dict)

    def with_more(self, other: DatabaseNames) -> DatabaseNames:
        """Return these names and those of a later reading; `whole` if one of the two had every relation."""
        return DatabaseNames(
            other.path,
            other.schemas,
            tuple(dict.fromkeys((*self.relations, *other.relations))),
            tuple(dict.fromkeys((*self.functions, *other.functions))),
            {**self.columns, **other.columns},
            self.whole or other.whole,
            {**self.quoted, **other.quoted},
        )

    def written(self, name: str) -> str:
        """Return a name as SQL writes it: quoted if the server says that it must be."""
        return self.quoted.get(name, name)

    def columns_of(self, schema: str, name: str) -> tuple[str, ...]:
        """Return the columns of a relation; none if they were not asked for."""
        return self.columns.get((schema, name), ())

    def find(self, parts: tuple[str, ...]) -> tuple[str, str] | None:
        """Return the schema and name of the relation that SQL means by a name, as far as its columns are known."""
        schemas = parts[-2:-1] or self.path
        return next(((schema, parts[-1]) for schema in schemas if (schema, parts[-1]) in self.columns), None)


def is_of_users(schema: str) -> bool:
    """Return whether a schema is not PostgreSQL's own."""
    return not schema.startswith("pg_") and schema != "information_schema"
