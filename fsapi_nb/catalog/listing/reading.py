"""Read a listing of the catalog: one message, two if something of a kind that was not known before has to be read.

A listing is about schemas of users, and what is in no schema. Temporary objects and what belongs to extensions are left
out. A second listing has the rows that are younger than the first one whole, of the others only that they are there: their
keys, or in a large catalog their number. If the number says that some are gone, their keys are asked for after all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from psycopg import sql

from fsapi_nb.catalog.listing.object_sources import OBJECT_SOURCES, PUBLISHED_SCHEMAS
from fsapi_nb.catalog.listing.relation_sources import RELATION_SOURCES
from fsapi_nb.catalog.listing.source import RowSource
from fsapi_nb.postgres.session import Rows

#: A catalog with more relations is not read: each thousand takes some ten milliseconds.
MOST_RELATIONS = 20_000
#: What nearly every database has.
_USUAL = (
    *("class", "attribute", "attrdef", "constraint", "index", "sequence"),
    *("schema", "routine", "type", "comment"),
)
#: From so many relations on, rows that are no younger are counted: in a smaller catalog, to ask twice takes longer.
_MANY = 300
_ANY_AGE = "2147483647"
# The catalogs with objects of users; of those that belong to an extension, only that there are some.
_USED = """array(SELECT CASE WHEN is_member THEN 'member' ELSE classid::regclass::text END
    FROM (SELECT DISTINCT classid, deptype = 'e' AS is_member FROM pg_depend WHERE objid >= 16384) AS found)"""
_COUNT = f"(SELECT count(*) FROM (SELECT FROM pg_class WHERE oid >= 16384 LIMIT {MOST_RELATIONS + 1}) AS relations)"

Ask = Callable[[Mapping[str, sql.SQL]], dict[str, Rows]]


class TooLarge(Exception):
    """The catalog has too many relations to be read."""


@dataclass(frozen=True, slots=True)
class CatalogListing:
    """The rows of each source, by their keys: the fields as the server writes a record.

    `snapshot` is the one under which it was read, as PostgreSQL writes it. `members` says whether something belongs to
    an extension.
    """

    snapshot: str = ""
    rows: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    members: bool = False

    @property
    def moment(self) -> int:
        """The oldest transaction that may have been at work then: what it and later ones write is read whole next time."""
        return int(self.snapshot.partition(":")[0]) & 0xFFFFFFFF


def read_listing(
    ask: Ask,
    version: int,
    schemas: Sequence[str] | None = None,
    before: CatalogListing | None = None,
    alike: CatalogListing | None = None,
) -> CatalogListing:
    """Read what there is in the catalog.

    Args:
        ask: Asks questions that see one snapshot, under the settings of `postgres.ask`.
        version: The server's version (150004 is 15.4).
        schemas: The names of the only schemas; None for all.
        before: A listing that was read before, of the same schemas.
        alike: A listing of this database that may not be true any more: what it has is asked for at once.

    Raises:
        TooLarge: There are too many relations.
        psycopg.Error: The catalog cannot be read.
    """
    age = f"age('{before.moment}'::xid)" if before else _ANY_AGE
    known = before or alike
    members = known.members if known else False
    counted = before is not None and len(before.rows.get("class", ())) >= _MANY
    snapshot, asked = "", dict[str, tuple[Any, ...]]()
    wanted = first = tuple(known.rows) if known else _USUAL
    while wanted:
        gate = {} if snapshot else {"": _gate(version, wanted, is_first=before is None)}
        queries = {**gate, **_queries(version, _literal(schemas), wanted, members, counted)}
        answers = ask({name: sql.SQL(text.replace("{age}", age)) for name, text in queries.items()})
        asked.update((name, answers[name][0]) for name in wanted)
        if counted and any(_lacks(before, name, answers[name][0]) for name in wanted):
            counted, snapshot, asked, wanted = False, "", {}, first  # all of it: rows of one snapshot belong together
            continue
        if not snapshot:
            ((snapshot, relations, used, *others),) = answers[""]
            if relations > MOST_RELATIONS:
                raise TooLarge
            if "member" in used and not members:  # what belongs to extensions was read, too
                members, asked = True, {}
            used = {"", *used, *others}
        wanted = tuple(
            each.name
            for each in _sources(version)
            if each.name not in asked and (each.name in first or each.used in used)
        )
    rows = {name: _merged(name, answer, before) for name, answer in asked.items()}
    return CatalogListing(snapshot, rows, members)


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
def _gate(version: int, known: tuple[str, ...], *, is_first: bool) -> str:
    """Return the question for the snapshot, how many relations there are, and what says which other sources have rows."""
    used = {source.used for source in _sources(version) if source.used and source.name not in known}
    direct = sorted(each for each in used if not each.isidentifier())
    found = "".join(f", CASE WHEN {each} THEN {sql.Literal(each).as_string()} END" for each in direct)
    count = _COUNT if is_first else "0"
    return f"SELECT pg_current_snapshot()::text, {count}, {_USED}{found}"


@lru_cache(maxsize=16)
def _queries(version: int, schemas: str, names: tuple[str, ...], members: bool, counted: bool) -> dict[str, str]:
    return {
        source.name: source.query(schemas, without_members=members, counted=counted)
        for source in _sources(version)
        if source.name in names
    }


def _literal(schemas: Sequence[str] | None) -> str:
    return "" if schemas is None else sql.SQL("{}::name[]").format(sql.Literal(list(schemas))).as_string()


@lru_cache(maxsize=64)
def _is_additive(name: str) -> bool:
    return any(source.additive for source in RELATION_SOURCES if source.name == name)


def _lacks(before: CatalogListing | None, name: str, answer: tuple[Any, ...]) -> bool:
    """Return whether rows of a source that were there before are gone, by the number of those that are there now."""
    lines, *count = answer
    old = before.rows.get(name, {}) if before else {}
    added = sum(line.partition(" ")[0] not in old for line in lines or ())
    return bool(count) and count[0] != len(old) + added


def _merged(name: str, answer: tuple[Any, ...], before: CatalogListing | None) -> Mapping[str, str]:
    """Return the rows of a source: those that are read whole, and of the others what was read before."""
    lines, *count = answer
    old = before.rows.get(name, {}) if before else {}
    has_older = bool(count) or _is_additive(name)
    if has_older and not lines:
        return old
    rows = dict(old) if has_older else {}
    for line in lines or ():
        key, _, fields = line.partition(" ")
        rows[key] = fields or old.get(key, "")
    return rows
