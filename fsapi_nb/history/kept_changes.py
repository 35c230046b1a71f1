"""Keep in the journal what each migration has changed in the schema, and read it again.

An event `schema` holds it as JSON in the column `witness`; its state is the direction. What a run of many migrations
has changed together is one event without a migration. Events of that kind are not attempts: what folds or shows the
journal passes over them, also in earlier releases. Any role that may write the journal may have written them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from psycopg import sql

from fsapi_nb.history.tables import Tables
from fsapi_nb.model.history import NAME_BEFORE
from fsapi_nb.model.schema_change import CHANGED, CREATED, DROPPED, WHOLE_RUN, KeptChanges, SchemaChange, SchemaChanges

#: The event.
EVENT = "schema"
#: Bytes of what is kept of one migration, or of one run.
MOST = 16 * 1024
_DETAILS = 40  # of one object
_READ = 4 * MOST  # characters of what the journal says: more was not written by a run
_NOT_KEPT = (
    "nothing was kept: the run had --no-changes, was a script of plan --sql or one of an earlier release, or ended "
    "before it could write it"
)
_UNREADABLE = SchemaChanges(unknown="what the journal keeps of it has another form")

_EVENTS = sql.SQL("""
    SELECT id, at, run_id::text, migration::text, event, state, step, steps, message,
        CASE event WHEN 'schema' THEN pg_catalog.left(witness, {}) END FROM {}
    WHERE event = ANY ('{{schema,rename,fresh}}'::text[]) OR event = ANY ('{{up,down}}'::text[]) AND state = 'done'
        AND step IS NOT DISTINCT FROM steps
    ORDER BY id
""")


def written_changes(changes: SchemaChanges) -> str:
    """Return what is kept, as JSON in ASCII: of very much the first, and how much is left out."""
    kept: list[list[Any]] = []
    room = MOST
    for change in changes.changes:
        more = len(change.details) - _DETAILS
        details = [*change.details[:_DETAILS], *([f"… {more} more"] if more > 0 else [])]
        row = [change.action, change.kind, change.name, *details]
        room -= len(json.dumps(row)) + 2
        if room < 0:
            break
        kept.append(row)
    left_out = changes.left_out + len(changes.changes) - len(kept)
    values = {"changes": kept, "left_out": left_out, "migrations": changes.migrations}
    texts = {name: text for name, text in (("note", changes.note), ("unknown", changes.unknown)) if text}
    return json.dumps({**values, **texts})


def changes_in(text: str | None) -> SchemaChanges:
    """Return what the journal keeps. If it has another form than a run writes, that is what is not known."""
    try:
        found = json.loads(text or "")
        changes = tuple(_change(row) for row in found["changes"])
        numbers = (_count(found["left_out"]), _count(found["migrations"]))
        texts = (str(found.get("note", "")), str(found.get("unknown", "")))
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError):
        return _UNREADABLE
    return SchemaChanges(changes, *numbers, *texts)


def _count(number: Any) -> int:
    """Return a number of things. Raises ValueError if it is none."""
    if not isinstance(number, int) or not 0 <= number < 1 << 31:
        raise ValueError
    return number


def _change(row: Sequence[Any]) -> SchemaChange:
    action, kind, name, *details = row
    if action not in {CREATED, DROPPED, CHANGED} or not all(isinstance(text, str) for text in row):
        raise ValueError
    return SchemaChange(action, kind, name, tuple(details))


def changes_query(tables: Tables) -> sql.Composed:
    """Return the query for the events that `fold_changes` takes."""
    return _EVENTS.format(sql.Literal(_READ), tables.journal)


def fold_changes(rows: Iterable[Sequence[Any]]) -> tuple[KeptChanges, ...]:
    """Return what is kept since everything was dropped, oldest first.

    A migration that was completed in a run of which nothing is kept is there, too: it says that this is not known.
    """
    names: dict[str, str] = {}
    events: list[Sequence[Any]] = []
    for row in rows:
        name, event = row[3], row[4]
        if event == "fresh":
            events, names = [], {}
        elif event == "rename":
            names[(row[8] or "").removeprefix(NAME_BEFORE)] = name
        else:
            events.append(row)
    return tuple(_kept(events, names))


def _kept(events: Sequence[Sequence[Any]], names: dict[str, str]) -> Iterator[KeptChanges]:
    """Yield what is kept, each where its migrations were completed."""
    whole = {row[2]: row for row in events if row[4] == EVENT and row[3] is None}
    single = {(row[2], row[3], row[5]): row for row in events if row[4] == EVENT and row[3] is not None}
    done = [row for row in events if row[4] != EVENT]
    said: set[str] = set()
    for _, at, run, name, event, *_ in done:
        own, of_run = single.get((run, name, event)), whole.get(run)
        if own is not None:
            yield KeptChanges(_now(name, names), event, run, at, (_now(name, names),), changes_in(own[9]))
        elif (run, name, "up") in single:
            continue  # a redo in one transaction: what its DOWN did is said with its UP
        elif of_run is None:
            unknown = SchemaChanges(unknown=_NOT_KEPT)
            yield KeptChanges(_now(name, names), event, run, at, (_now(name, names),), unknown)
        elif run not in said:
            said.add(run)
            together = tuple(dict.fromkeys(_now(row[3], names) for row in done if row[2] == run))
            yield KeptChanges(None, WHOLE_RUN, run, at, together, changes_in(of_run[9]))


def _now(name: str, names: dict[str, str]) -> str:
    """Return the name that a migration has now: it may have been renamed more than once."""
    seen: set[str] = set()
    while name in names and name not in seen:
        seen.add(name)
        name = names[name]
    return name
