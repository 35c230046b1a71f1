"""What a database holds, as values: one for each object that a user has made, and what is known of it at once."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass

from fsapi_nb.actions.tree_names import joined
from fsapi_nb.catalog.schema.shown_kinds import KINDS
from fsapi_nb.model.forecast import TableSize

#: The kinds that have columns and can be read by SELECT.
RELATIONS = frozenset({"table", "foreign table", "view", "materialized view"})
#: The kinds that a column may have as its type.
TYPES = frozenset({"enum", "domain", "type"})
#: The kinds that are called with arguments: several of one name may be there.
ROUTINES = frozenset({"function", "procedure", "aggregate"})


@dataclass(frozen=True, slots=True)
class SchemaObject:
    """An object of the database, as an overview shows it.

    Attributes:
        kind: One of `KINDS`, or what the server calls it (`collation`).
        schema: The schema that it is in; None for what is in none.
        name: Its name as it is, unquoted.
        written: Its name as SQL writes it here: without the schema where the search_path finds it.
        oid: Its number in this database.
        detail: What else a reader wants to know at once: an enum's values, a function's arguments and result.
        columns: How many columns it has, if it has columns.
        size: Its rows and bytes with indexes and TOAST, if it stores rows; of a partitioned table those of its
            partitions.
        partitions: How many partitions a partitioned table has, those of partitions included; None for another table.
        vacuumed: When a table was last vacuumed, as far as the server remembers.
        analyzed: When it was last analyzed.
        arguments: The types that a routine takes, which tell it from others of its name.
        owned: Whether it is a part of another object: a partition, the sequence of a column.
        extension: The extension that it belongs to.
        is_history: Whether it is one of fsapi_nb's own tables, or belongs to one.
    """

    kind: str
    schema: str | None
    name: str
    written: str
    oid: int
    owner: str = ""
    comment: str | None = None
    detail: str = ""
    columns: int | None = None
    size: TableSize | None = None
    partitions: int | None = None
    vacuumed: datetime.datetime | None = None
    analyzed: datetime.datetime | None = None
    arguments: str | None = None
    owned: bool = False
    extension: str | None = None
    is_history: bool = False

    @property
    def qualified(self) -> str:
        """The name with its schema, both as they are; a routine with its arguments."""
        name = self.name if self.schema is None else f"{self.schema}.{self.name}"
        return name if self.arguments is None else f"{name}({self.arguments})"

    @property
    def called(self) -> str:
        """What is typed to see its page: its name alone if the search_path finds that."""
        if self.schema is None or self.written.startswith(f"{joined([self.schema])}."):
            return self.qualified
        return self.qualified.removeprefix(f"{self.schema}.")


@dataclass(frozen=True, slots=True)
class Overview:
    """The objects of a database, ordered by kind, schema and name; `notes` say what could not be found out.

    `path` are the schemas in which names are found without theirs, `role` is who looks.
    """

    objects: tuple[SchemaObject, ...] = ()
    path: tuple[str, ...] = ()
    role: str = ""
    notes: tuple[str, ...] = ()

    def of(self, kind: str) -> tuple[SchemaObject, ...]:
        """Return the objects of a kind."""
        return tuple(each for each in self.objects if each.kind == kind)

    @property
    def own(self) -> Iterator[SchemaObject]:
        """The objects that are shown without being asked for: not parts, not those of extensions, not the history.

        A schema is shown if there are several.
        """
        shown = [each for each in self.objects if not (each.owned or each.extension or each.is_history)]
        several = sum(each.kind == "schema" for each in shown) > 1
        return (each for each in shown if several or each.kind != "schema")


def rank(kind: str) -> tuple[int, str]:
    """Return where a kind comes in the order of kinds."""
    return (KINDS.index(kind) if kind in KINDS else len(KINDS), kind)
