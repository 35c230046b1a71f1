"""Compare the catalogs of two databases that may be on other servers, of other versions, with other roles.

What differs there by itself is not a difference: how a server's version writes a definition, who owns what the owner of
everything owns, whether a materialized view is filled. `difference` compares two readings of one server exactly; this
first makes both alike. Texts that a version writes in its own way are read by the server of the other side (`ViewReader`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from fsapi_nb.catalog.difference import Change, ChangeKind, difference
from fsapi_nb.catalog.read import read_snapshot
from fsapi_nb.catalog.snapshot import CatalogObject, Snapshot, make_snapshot
from fsapi_nb.postgres.session import Connection

VIEWS = frozenset({"view", "materialized view"})
#: Reads the definition of views on a server of one version; returns those that it can read there.
ViewReader = Callable[[Sequence[CatalogObject]], dict[CatalogObject, CatalogObject]]

_WITH_BODIES = VIEWS | {"function", "procedure"}
_OWNER = "OWNER TO "
_PUBLIC = ("schema", "public")
_OPEN = "GRANT CREATE TO PUBLIC"
#: The versions from which a sequence of an unlogged table is unlogged, there is the privilege, NOT NULL has a name.
_UNLOGGED, _MAINTAIN, _NAMED_NOT_NULL = 15, 17, 18
_NOT_NULL_NAME = re.compile(r' NOT NULL CONSTRAINT (?:"(?:[^"]|"")*"|[^\s"]+)')
_OWNERS = """
    SELECT pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(10)), pg_catalog.quote_ident(current_user),
           current_setting('server_version_num')::integer
"""


@dataclass(frozen=True, slots=True)
class CatalogReading:
    """A catalog with what it depends on: the server's major version, the role that owns most, the first superuser.

    Roles are written as SQL writes them.
    """

    snapshot: Snapshot
    version: int
    owner: str
    bootstrap: str


def read_catalog(connection: Connection, schemas: Sequence[str] | None, *, owner: str | None = None) -> CatalogReading:
    """Return the catalog of these schemas, None for all.

    Args:
        connection: A session; inside of an open transaction it sees the changes of that.
        schemas: Their names.
        owner: The role that runs migrations there, as SQL writes it. None: the one that owns most objects.
    """
    snapshot = read_snapshot(connection, schemas)
    ((bootstrap, role, version),) = connection.execute(_OWNERS.encode()).fetchall()
    return CatalogReading(snapshot, version // 10_000, owner or _main_owner(snapshot) or role, bootstrap)


def compare(before: CatalogReading, after: CatalogReading, read_views: ViewReader | None = None) -> tuple[Change, ...]:
    """Return what differs from `before` to `after`, sorted; what differs by itself is left out.

    Args:
        before: One catalog.
        after: Another one.
        read_views: Reads definitions of views on a server on which the objects of either side are, if the versions
            differ. None: views are compared as their servers write them.
    """
    old, new = _alike(_with_owner_of(before, after), after), _alike(after, before)
    found = difference(old, new)
    if before.version != after.version and read_views is not None:
        both = [each for one in (old, new) for change in found for each in _views(change, one)]
        read = read_views(both) if both else {}
        found = difference(_replaced(old, read), _replaced(new, read))
    bootstraps = {before.bootstrap, after.bootstrap, *([after.owner] if before.owner == before.bootstrap else [])}
    return tuple(change for change in found if not _is_old_public(change, bootstraps))


def _alike(one: CatalogReading, other: CatalogReading) -> Snapshot:
    """Return the catalog without what the other one cannot have, and what is not compared."""
    return make_snapshot([_alike_object(each, one, other) for each in one.snapshot.objects])


def _with_owner_of(one: CatalogReading, other: CatalogReading) -> CatalogReading:
    """Return the catalog as if the role that owns most in the other one owned what the like role owns here."""
    if one.owner == other.owner:
        return one
    objects = [_owned(each, one.owner, other.owner) for each in one.snapshot.objects]
    return replace(one, snapshot=make_snapshot(objects), owner=other.owner)


def _owned(each: CatalogObject, owner: str, other: str) -> CatalogObject:
    lines = each.definition.split("\n")
    start = _behind_body(lines) if each.kind in _WITH_BODIES else 0
    lines[start:] = [_with_owner(line, owner, other) for line in lines[start:]]
    identity = _replace_word(each.identity, owner, other) if each.kind == "default acl" else each.identity
    return replace(each, identity=identity, definition="\n".join(lines))


def _alike_object(each: CatalogObject, one: CatalogReading, other: CatalogReading) -> CatalogObject:
    lines = each.definition.split("\n")
    if each.kind == "materialized view":  # whether it is filled is a matter of data
        lines = [line for line in lines if line != "WITH NO DATA"]
    if each.kind == "extension":  # its owner cannot be changed, its version is what the server's package brings
        lines = [line for line in lines if not line.startswith(_OWNER)]
        if one.version != other.version:
            lines = [line for line in lines if not line.startswith("    VERSION ")]
    if each.kind == "sequence" and other.version < _UNLOGGED <= one.version:
        lines = [line.replace("CREATE UNLOGGED ", "CREATE ", 1) for line in lines]
    if other.version < _MAINTAIN <= one.version:
        lines = [line for line in lines if not _is_maintain(line)]
    if other.version < _NAMED_NOT_NULL <= one.version and each.kind.endswith("table"):
        lines = [_NOT_NULL_NAME.sub(" NOT NULL", line) if line.startswith("    ") else line for line in lines]
    return replace(each, definition="\n".join(lines))


def _behind_body(lines: Sequence[str]) -> int:
    """Return where the text of a view or a function has ended for certain: at its owner."""
    return max((number for number, line in enumerate(lines) if line.startswith(_OWNER)), default=0)


def _is_maintain(line: str) -> bool:
    return line.removeprefix("REVOKE").removeprefix("GRANT").startswith(" MAINTAIN ")


def _with_owner(line: str, owner: str, other: str) -> str:
    """Return a line about roles with the other owner; any other line as it is."""
    if line.startswith((_OWNER, "GRANT ", "REVOKE ", "    TO ")) or re.match(r"COLUMN .*: (GRANT|REVOKE) ", line):
        return _replace_word(line, owner, other)
    return line


def _replace_word(text: str, word: str, other: str) -> str:
    return re.sub(rf"(?<=[ ,]){re.escape(word)}(?=$|[ ,])", lambda _: other, text)


def _views(change: Change, snapshot: Snapshot) -> Iterator[CatalogObject]:
    found = snapshot.get(change.kind, change.identity) if change.change is ChangeKind.CHANGED else None
    if found is not None and found.kind in VIEWS:
        yield found


def _replaced(snapshot: Snapshot, read: dict[CatalogObject, CatalogObject]) -> Snapshot:
    return Snapshot(tuple(read.get(each, each) for each in snapshot.objects))


def _is_old_public(change: Change, bootstraps: set[str]) -> bool:
    """Return whether the schema public differs only by how PostgreSQL made it: before 15, or since."""
    if (change.kind, change.identity) != _PUBLIC or change.before is None or change.after is None:
        return False
    old, new = (text.split("\n") for text in (change.before, change.after))
    owners = {f"{_OWNER}{role}" for role in (*bootstraps, "pg_database_owner")}
    # Where the owner is the same, both were made by one rule: rights that differ were given.
    if not (owners & {*old} and owners & {*new}) or owners & {*old} == owners & {*new}:
        return False
    return [line for line in old if line not in {*owners, _OPEN}] == [
        line for line in new if line not in {*owners, _OPEN}
    ]


def _main_owner(snapshot: Snapshot) -> str | None:
    owners = Counter(
        line.removeprefix(_OWNER)
        for each in snapshot.objects
        if each.kind not in {"extension", "schema"}
        for line in each.definition.split("\n")
        if line.startswith(_OWNER)
    )
    return min(owners, key=lambda role: (-owners[role], role), default=None)


def without_order(changes: Iterable[Change]) -> tuple[tuple[Change, ...], tuple[Change, ...]]:
    """Return the changes in which a definition differs, and those in which only the order of columns does."""
    every = tuple(changes)
    return tuple(each for each in every if not each.is_remark), tuple(each for each in every if each.is_remark)
