"""Decide what is spare and what is lacking, from what was read. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from fsapi_nb.catalog.spare.findings import SpareFinding, SpareQuestion
from fsapi_nb.catalog.spare.spare_rows import ForeignKeyRow, IndexRow, KeylessRow, SequenceRow

#: The share of its numbers from which a sequence is near its end.
NEAR = 0.7
_SMALL = 1 << 20  # bytes below which a size orders nothing


def judge(
    indexes: Sequence[IndexRow],
    keys: Sequence[ForeignKeyRow],
    sequences: Sequence[SequenceRow],
    keyless: Sequence[KeylessRow],
) -> tuple[SpareFinding, ...]:
    """Return every finding, by question, size and name. An index that is superfluous is not said to be unused, too."""
    duplicates = list(_duplicates(indexes))
    said = {finding.name for finding, _ in duplicates}
    kept = {keeper: finding.name for finding, keeper in reversed(duplicates)}
    unused = [each for each in _unused(indexes, keys, kept) if each.name not in said]
    found = [
        *unused,
        *(finding for finding, _ in duplicates),
        *_invalid(indexes),
        *_without_index(indexes, keys),
        *_near_their_end(sequences),
        *_without_key(keyless),
    ]
    order = list(SpareQuestion)
    return tuple(
        sorted(
            found, key=lambda each: (order.index(each.question), -((each.size or 0) // _SMALL), each.table, each.name)
        )
    )


def _unused(
    indexes: Sequence[IndexRow], keys: Sequence[ForeignKeyRow], kept: Mapping[str, str]
) -> Iterator[SpareFinding]:
    """Yield the indexes without scans; what another one is dropped for (`kept`) is not to be dropped as well."""
    for index in indexes:
        if index.scans or index.guards or not index.valid:
            continue
        reason, statement = "no scan was counted", _drop(index)
        if index.has_expressions:
            reason += "; ANALYZE keeps statistics of its expressions, which plans may use without scanning it"
        needing = [key for key in keys if _serves(index, key)]
        if needing:
            key = needing[0]
            reason += f"; keep it: without it a DELETE in {key.target} reads all of {key.table}, for {key.name}"
            statement = ""
        if index.name in kept:
            reason += f"; keep it if {kept[index.name]} is dropped, for which it stands in"
            statement = ""
        yield SpareFinding(SpareQuestion.UNUSED, index.name, index.table, reason, statement, index.size)


def _duplicates(indexes: Sequence[IndexRow]) -> Iterator[tuple[SpareFinding, str]]:
    """Yield the indexes that another one makes superfluous, each with that other one."""
    by_table: dict[int, list[IndexRow]] = defaultdict(list)
    for index in indexes:
        if index.valid:
            by_table[index.table_oid].append(index)
    for together in by_table.values():
        for index in together:
            better = next((other for other in _keepers(together) if _is_superfluous(index, other)), None)
            if better is None:
                continue
            same = index.is_same_as(better)
            reason = f"the same as {better.name}" if same else f"its columns are the first ones of {better.name}"
            finding = SpareFinding(SpareQuestion.DUPLICATE, index.name, index.table, reason, _drop(index), index.size)
            yield finding, better.name


def _keepers(indexes: Sequence[IndexRow]) -> list[IndexRow]:
    """Return the indexes of a table, those first that are best to keep: constraints, unique ones, the longest, the oldest."""
    return sorted(indexes, key=lambda each: (not each.constraint, not each.guards, -len(each.keys), each.oid))


def _is_superfluous(index: IndexRow, other: IndexRow) -> bool:
    """Return whether the other index does everything that this one does. Of two alike, one is kept."""
    if index.oid == other.oid or index.constraint or index.identity or index.exclusion:
        return False
    if index.is_same_as(other):
        keeps_unique = other.unique and index.nulls_not_distinct == other.nulls_not_distinct
        if index.unique and not keeps_unique:
            return False
        order = _keepers([index, other])
        return order[0].oid == other.oid
    return not index.unique and index.is_beginning_of(other)


def _invalid(indexes: Sequence[IndexRow]) -> Iterator[SpareFinding]:
    for index in indexes:
        if index.valid:
            continue
        if index.is_built:
            reason, statement = "it is being built at this moment", ""
        elif index.partitioned:
            reason, statement = "not every partition has such an index, so it is not used", ""
        else:
            reason = "a CREATE INDEX CONCURRENTLY has failed: it is not used, but every write updates it"
            statement = f"REINDEX INDEX CONCURRENTLY {index.name};"
        yield SpareFinding(SpareQuestion.INVALID, index.name, index.table, reason, statement, index.size)


def _without_index(indexes: Sequence[IndexRow], keys: Sequence[ForeignKeyRow]) -> Iterator[SpareFinding]:
    for key in keys:
        if any(_serves(index, key) for index in indexes):
            continue
        reason = f"a DELETE or a new key in {key.target} reads all of {key.table}"
        gently = "" if key.partitioned else "CONCURRENTLY "
        statement = f"CREATE INDEX {gently}ON {key.table} ({key.written});"
        yield SpareFinding(SpareQuestion.FOREIGN_KEY, key.name, key.table, reason, statement, key.size)


def _serves(index: IndexRow, key: ForeignKeyRow) -> bool:
    """Return whether an index finds the rows that a foreign key refers from: its first columns are those of the key."""
    return (
        index.table_oid == key.table_oid
        and index.valid
        and index.predicate is None
        and index.method in ("btree", "hash")
        and set(index.columns[: len(key.columns)]) == set(key.columns)
    )


def _near_their_end(sequences: Sequence[SequenceRow]) -> Iterator[SpareFinding]:
    for each in sequences:
        if each.last is None or each.last < NEAR * each.limit:
            continue
        left = max(0, each.limit - each.last)
        reason = f"{100 * each.last / each.limit:.0f} % of {each.limit:,} are used, {left:,} are left"
        reason += f" ({each.column} is {each.type})" if each.column else ""
        statement = f"SELECT last_value FROM {each.name};"
        yield SpareFinding(SpareQuestion.SEQUENCE, each.name, each.table, reason, statement)


def _without_key(tables: Sequence[KeylessRow]) -> Iterator[SpareFinding]:
    for each in tables:
        reason = "its rows cannot be told apart, and logical replication sends no UPDATE or DELETE of them"
        statement = ""
        if each.candidate:
            reason = f"{each.candidate} is unique and has no NULL: it could be the primary key"
            statement = f"ALTER TABLE {each.table} ADD PRIMARY KEY USING INDEX {each.candidate};"
        yield SpareFinding(SpareQuestion.NO_KEY, each.table, each.table, reason, statement, each.size)


def _drop(index: IndexRow) -> str:
    """Return the statement that drops an index; that of a partitioned table cannot be dropped concurrently."""
    return f"DROP INDEX {index.name};" if index.partitioned else f"DROP INDEX CONCURRENTLY {index.name};"
