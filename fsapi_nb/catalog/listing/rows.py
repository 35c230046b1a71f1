"""Read the rows of a listing: a record of fields as the server writes it, parsed when it is first asked for. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from fsapi_nb.catalog.listing.object_sources import OBJECT_SOURCES, PUBLISHED_SCHEMAS
from fsapi_nb.catalog.listing.reading import CatalogListing
from fsapi_nb.catalog.listing.relation_sources import RELATION_SOURCES
from fsapi_nb.text.sql import quote_name

Row = Mapping[str, str | None]

#: Every source by its name, and the name of each catalog's source: of comments, only the catalog is known.
SOURCES = {source.name: source for source in (*RELATION_SOURCES, *OBJECT_SOURCES, PUBLISHED_SCHEMAS)}
SOURCE_OF = {source.table: source.name for source in reversed(SOURCES.values())}
# Inside of quotes, a quote is doubled or has a backslash in front of it, and so has a backslash.
_QUOTED = re.compile(r'"((?:[^"\\]|\\.|"")*)"', re.DOTALL)
_BARE = re.compile(r"[^,]*", re.DOTALL)
_ESCAPED = re.compile(r'\\(.)|""', re.DOTALL)
_PLAIN = re.compile(r"[a-z_][a-z0-9_$]*")


def elements(text: str) -> list[str | None]:
    """Return the elements of a record or an array as the server writes it; None for NULL in a record."""
    found: list[str | None] = []
    body, place = text[1:-1], 0
    while True:
        quoted = _QUOTED.match(body, place)
        bare = None if quoted else _BARE.match(body, place)
        if quoted:
            found.append(_ESCAPED.sub(lambda each: each[1] or '"', quoted[1]))
            place = quoted.end()
        elif bare:
            found.append(bare[0] or None)
            place = bare.end()
        if place >= len(body):
            return found
        place += 1


def written(name: str) -> str:
    """Return a name as a reader knows it: in quotes if it is not plain."""
    return name if _PLAIN.fullmatch(name) else quote_name(name)


class ListingView:
    """A listing whose rows are parsed when they are asked for; rows of dropped columns are left out.

    `home` is the schema whose name is not written before its objects. `changed` has the keys of the rows that differ
    from another listing, by their sources: an object that was made or dropped has all its parts among them.
    """

    def __init__(self, listing: CatalogListing, home: str, changed: Mapping[str, Sequence[str]]) -> None:
        self.listing = listing
        self.home = home
        self._changed = changed
        self._parsed: dict[tuple[str, str], Row | None] = {}
        self._groups: dict[tuple[str, str], dict[str | None, list[str]]] = {}

    def row(self, source: str, key: str | None) -> Row | None:
        """Return the row of that key; None if there is none."""
        if key is None or (text := self.listing.rows.get(source, {}).get(key)) is None:
            return None
        if (source, key) not in self._parsed:
            names = (field.name for field in SOURCES[source].fields)
            row: Row | None = dict(zip(names, elements(text), strict=True))
            if source == "attribute" and row and row["dropped"] == "t":
                row = None
            self._parsed[source, key] = row
        return self._parsed[source, key]

    def parts(self, source: str, field: str, value: str) -> list[str]:
        """Return the keys of the changed rows in which a field has that value, in their order."""
        if (source, field) not in self._groups:
            groups: dict[str | None, list[str]] = {}
            for key in self._changed.get(source, ()):
                row = self.row(source, key)
                if row is not None:
                    groups.setdefault(row[field], []).append(key)
            self._groups[source, field] = groups
        return self._groups[source, field].get(value, [])

    def find(self, source: str, field: str, value: str) -> list[str]:
        """Return the keys of all rows in which a field has that value."""
        rows = self.listing.rows.get(source, {})
        likely = (key for key, text in rows.items() if value in text)
        return [key for key in likely if (row := self.row(source, key)) and row[field] == value]

    def columns(self, relation: str) -> list[str]:
        """Return the keys of the columns of a relation that was made or dropped, in their order."""
        if ("attribute", "") not in self._groups:
            groups: dict[str | None, list[str]] = {}
            for key in self.listing.rows.get("attribute", ()):
                groups.setdefault(key.partition(".")[0], []).append(key)
            self._groups["attribute", ""] = groups
        there = self._groups["attribute", ""].get(relation, [])
        return sorted((key for key in there if self.row("attribute", key)), key=number_of)

    def qualified(self, name: str | None, schema: str | None) -> str:
        """Return a name with the name of its schema, unless that is home."""
        space = self.row("schema", schema)
        there = space["name"] if space else None
        return written(name or "") if there in {None, self.home} else f"{written(there or '')}.{written(name or '')}"

    def relation(self, key: str | None) -> str:
        """Return the name of a relation."""
        row = self.row("class", key)
        return self.qualified(row["name"], row["schema"]) if row else "a table that is gone"

    def type_name(self, name: str | None) -> str:
        """Return the name of a type, which has its schema in front of it, without that of home."""
        return (name or "").removeprefix(f"{written(self.home)}.")


def number_of(key: str) -> int:
    """Return the number of a column by its key."""
    return int(key.partition(".")[2])
