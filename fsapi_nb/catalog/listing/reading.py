"""Read a listing of the catalog: one message, two the first time and when something of a new kind was made.

A listing is about schemas of users, and what is in no schema. Temporary objects and what belongs to extensions are left
out. A second listing has the rows that are younger than the first one whole, of the others only that they are there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from psycopg import sql

from fsapi_nb.catalog.listing.object_sources import OBJECT_SOURCES, PUBLISHED_SCHEMAS
from fsapi_nb.catalog.listing.relation_sources import RELATION_SOURCES
from fsapi_nb.catalog.listing.source import RowSource
from fsapi_nb.postgres.session import Rows

#: A catalog with more relations is not read: each thousand takes some twenty milliseconds.
MOST_RELATIONS = 20_000
#: What nearly every database has.
_USUAL = (
    *("class", "attribute", "attrdef", "constraint", "index", "sequence"),
    *("schema", "routine", "type", "comment"),
)
_ANY_AGE = "2147483647"
# The oldest transaction that may still write when this is asked: what it and later ones write is read whole next time.
_MOMENT = "SELECT pg_snapshot_xmin(pg_current_snapshot())::xid::text"
_MEMBERS = (
    "EXISTS (SELECT FROM pg_depend WHERE refclassid = 'pg_extension'::regclass AND refobjid >= 16384 AND deptype = 'e')"
)
_COUNT = f"(SELECT count(*) FROM (SELECT FROM pg_class WHERE oid >= 16384 LIMIT {MOST_RELATIONS + 1}) AS relations)"

Ask = Callable[[Mapping[str, sql.SQL]], dict[str, Rows]]


class TooLarge(Exception):
    """The catalog has too many relations to be read."""


@dataclass(frozen=True, slots=True)
class CatalogListing:
    """The rows of each source, by their keys: the fields as the server writes a record.

    `moment` is the transaction before which nothing was under way when it was read.
    """

    moment: str = ""
    rows: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    members: bool = False


def read_listing(
    ask: Ask, version: int, schemas: Sequence[str] | None = None, before: CatalogListing | None = None
) -> CatalogListing:
    """Read what there is in the catalog.

    Args:
        ask: Asks questions that see one snapshot, under the settings of `postgres.ask`.
        version: The server's version (150004 is 15.4).
        schemas: The names of the only schemas; None for all.
        before: A listing that was read before, of the same schemas.

    Raises:
        TooLarge: There are too many relations.
        psycopg.Error: The catalog cannot be read.
    """
    age = f"age('{before.moment}'::xid)" if before else _ANY_AGE
    members = before.members if before else False
    moment, asked = "", dict[str, Sequence[str] | None]()
    wanted = first = _USUAL if before is None else tuple(before.rows)
    while wanted:
        gate = {} if moment else {"": _gate(version, wanted)}
        queries = {**gate, **_queries(version, _literal(schemas), wanted, members)}
        answers = ask({name: sql.SQL(text.replace("{age}", age)) for name, text in queries.items()})
        asked.update((name, answers[name][0][0]) for name in wanted)
        if not moment:
            ((moment, relations, found_members, catalogs, *others),) = answers[""]
            if before is None and relations > MOST_RELATIONS:
                raise TooLarge
            if found_members and not members:  # what belongs to extensions was read, too
                members, asked = True, {}
            used = {"", *catalogs, *others}
        wanted = tuple(
            each.name
            for each in _sources(version)
            if each.name not in asked and (each.name in first or each.used in used)
        )
    return CatalogListing(moment, {name: _merged(name, lines, before) for name, lines in asked.items()}, members)


@lru_cache(maxsize=4)
def _sources(version: int) -> tuple[RowSource, ...]:
    added = (PUBLISHED_SCHEMAS,) if version >= 150000 else ()
    return (*(_of_version(source, version) for source in RELATION_SOURCES), *OBJECT_SOURCES, *added)


def _of_version(source: RowSource, version: int) -> RowSource:
    """Return the source as a server of that version has it: constraints can be not enforced since version 18."""
    if source.name != "constraint" or version < 180000:
        return source
    fields = (each._replace(sql="x.conenforced") if each.name == "enforced" else each for each in source.fields)
    return replace(source, fields=tuple(fields))


@lru_cache(maxsize=16)
def _gate(version: int, known: tuple[str, ...]) -> str:
    """Return the question for the moment, how many relations there are, and what tells which other sources have rows."""
    used = {source.used for source in _sources(version) if source.used and source.name not in known}
    catalogs = ",".join(sorted(each for each in used if not each.startswith("EXISTS")))
    direct = sorted(each for each in used if each.startswith("EXISTS"))
    found = "".join(f", CASE WHEN {each} THEN {sql.Literal(each).as_string()} END" for each in direct)
    return (
        f"SELECT ({_MOMENT}), {_COUNT}, {_MEMBERS}, array(SELECT c::text FROM unnest('{{{catalogs}}}'::regclass[]) AS c"
        f" WHERE EXISTS (SELECT FROM pg_depend WHERE classid = c::oid AND objid >= 16384)){found}"
    )


@lru_cache(maxsize=16)
def _queries(version: int, schemas: str, names: tuple[str, ...], members: bool) -> dict[str, str]:
    return {
        source.name: source.query(schemas, without_members=members)
        for source in _sources(version)
        if source.name in names
    }


def _literal(schemas: Sequence[str] | None) -> str:
    return "" if schemas is None else sql.SQL("{}::name[]").format(sql.Literal(list(schemas))).as_string()


@lru_cache(maxsize=64)
def _is_additive(name: str) -> bool:
    return any(source.additive for source in RELATION_SOURCES if source.name == name)


def _merged(name: str, lines: Sequence[str] | None, before: CatalogListing | None) -> dict[str, str]:
    """Return the rows of a source: those that are read whole, and of the others what was read before."""
    old = before.rows.get(name, {}) if before else {}
    rows = dict(old) if _is_additive(name) else {}
    for line in lines or ():
        key, _, fields = line.partition(" ")
        rows[key] = fields or old.get(key, "")
    return rows
