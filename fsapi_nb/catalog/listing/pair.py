"""Two listings beside each other: which rows differ, and which fields of a row. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from fsapi_nb.catalog.listing.reading import CatalogListing
from fsapi_nb.catalog.listing.rows import SOURCES, ListingView, Row

#: An object, by its source and its key, and a phrase of what changed in a part of it; without one, that it is touched.
Owned = tuple[tuple[str, str], str]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two listings of one database."""

    before: ListingView
    after: ListingView
    _changed: Mapping[str, list[str]]

    def changed(self, source: str) -> list[str]:
        """Return the keys of the rows that differ, were added or are gone."""
        return self._changed.get(source, [])

    def rows(self, source: str, key: str | None) -> tuple[Row | None, Row | None]:
        """Return the row before and after."""
        return self.before.row(source, key), self.after.row(source, key)

    def changed_in(self, source: str, key: str | None, field: str) -> bool:
        """Return whether a field of a row that is there before and after differs."""
        old, new = self.rows(source, key)
        return old is not None and new is not None and old[field] != new[field]


def pair(before: CatalogListing, after: CatalogListing, home: str) -> Pair:
    """Return two listings beside each other, of which only the rows that differ are looked at for parts of others."""
    names = dict.fromkeys([*after.rows, *before.rows])
    changed = {name: _differing(before.rows.get(name, {}), after.rows.get(name, {})) for name in names}
    return Pair(ListingView(before, home, changed), ListingView(after, home, changed), changed)


def _differing(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    if old is new:
        return []
    keys = [key for key, row in new.items() if old.get(key) is not row and old.get(key) != row]
    return keys if len(old) + len(keys) == len(new) else [*keys, *(key for key in old if key not in new)]


def changed_fields(source: str, old: Row, new: Row) -> Iterator[str]:
    """Yield the words of those fields that have words and differ."""
    for field in SOURCES[source].fields:
        if field.words and old[field.name] != new[field.name]:
            shown = f" {_value(old[field.name])} -> {_value(new[field.name])}" if field.shown else ""
            yield f"{field.words}{shown}"


def _value(value: str | None) -> str:
    return {"t": "on", "f": "off"}.get(value or "", value or "none")


def of_part(words: str, part: str) -> str:
    """Return words about a part of an object: `options of column a changed`, `policy p changed`."""
    what, changed, _ = words.rpartition(" changed")
    return f"{what} of {part} changed" if changed else f"{part} {words}"
