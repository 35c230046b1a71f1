"""Read the catalog before a run and after its migrations: what differs is what they have changed in the schema.

Each reading is one transaction of its own that only reads, between two steps, with nothing else in flight and under
time limits of its own: no step waits for it with a lock. After each migration only if the run is short and the database
small, else before the first and after the last: so a long run goes on sending steps ahead. A reading that fails, or is
too large, ends in a note, never in an error; what is known is written to the journal once, at the end of the run. In a process
that has run before, the first reading is spared if the last one is proven to be still true (`last_listing`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import psycopg
from psycopg import sql

from fsapi_nb.catalog.listing.changes import difference
from fsapi_nb.catalog.listing.reading import MOST_RELATIONS, CatalogListing, TooLarge, read_listing
from fsapi_nb.model.plan import Plan, Step
from fsapi_nb.model.schema_change import WHOLE_RUN, SchemaChanges
from fsapi_nb.postgres.ask import ask_together
from fsapi_nb.postgres.connect import server_message
from fsapi_nb.postgres.pipeline import Message
from fsapi_nb.postgres.session import Rows
from fsapi_nb.run.last_listing import LastListing, ListingReader, last_of, remember
from fsapi_nb.run.state import RunState

#: Of a run of more migrations, or in a database of more relations, the catalog is only read at the beginning and the end.
MOST_MIGRATIONS, MOST_OF_EACH = 20, 2_000
# Its answer says under which snapshot, of which start of the server and as whom it is asked.
_LIMITS = sql.SQL("""
    SELECT pg_catalog.pg_current_snapshot()::pg_catalog.text, pg_catalog.pg_postmaster_start_time()::pg_catalog.text,
        current_user::pg_catalog.text, pg_catalog.set_config('statement_timeout', '5s', true),
        pg_catalog.set_config('lock_timeout', '100ms', true), pg_catalog.set_config('jit', 'off', true)
""")
# What is written is not part of what the run promises: the run does not wait until it is on the disk.
_AT_LEISURE = Message(b"SET LOCAL synchronous_commit TO off")


@dataclass(slots=True)
class CatalogReadings:
    """The readings of one run. `home` is the schema of its history; `schemas` are the only ones to read, if not None."""

    run: RunState
    home: str
    schemas: Sequence[str] | None
    _before: CatalogListing | None = None
    _asked: tuple[str, str, str] = ("", "", "")
    _of_each: bool = True
    _note: str = ""
    _unknown: str = ""
    _found: list[tuple[str | None, str, SchemaChanges]] = field(default_factory=list)

    def begin(self, plan: Plan) -> bool:
        """Read the catalog before the first step; return whether it will be read after each migration."""
        last = last_of(self.run.session.facts.database, self.schemas)
        self._before = self._still_true(last) if last else None
        self._before = self._before or self._read(alike=last.listing if last else None)
        count = len(plan.migrations)
        is_small = self._before is None or len(self._before.rows.get("class", ())) <= MOST_OF_EACH
        self._of_each = count <= 1 or (count <= MOST_MIGRATIONS and is_small)
        return self._of_each

    def after(self, step: Step) -> None:
        """Read the catalog after a step that completes a migration, and add to that what it has changed."""
        if step.resumes:
            self._note = "an earlier run had done the steps before: what those changed is not in it"
        part = step.parts[-1]
        if not part.completes or not self._of_each:
            return
        changes = self._changes(1)
        if len(step.parts) > 1 and changes.changes:
            changes = replace(changes, note="rolled back and applied again in one transaction: this is what differs")
        self.run.done[-1] = replace(self.run.done[-1], schema_changes=changes)
        self._found.append((part.migration.name, part.direction.value, changes))

    def end(self) -> SchemaChanges | None:
        """Read the catalog after the last step, unless that was done for each migration; return what the run changed."""
        if self._of_each or not self.run.done:
            return None
        changes = self._changes(len(self.run.done))
        self._found.append((None, WHOLE_RUN, changes))
        return changes

    def keep(self) -> None:
        """Write what was found to the journal, once. A journal that cannot be written is not a reason to fail."""
        found, self._found = self._found, []
        run = self.run
        messages = [message for each in found for message in run.recorder.changed(*each)]
        if messages and not run.session.is_lost():
            with contextlib.suppress(psycopg.Error):
                run.session.commit(messages, before=[_AT_LEISURE])
                if self._before:
                    remember(self._reader(), self._before, run.session.end)

    def _still_true(self, last: LastListing) -> CatalogListing | None:
        """Return the last listing if nothing can have changed since; None if it must be read again."""
        with contextlib.suppress(psycopg.Error):
            self._ask({})
            if self._reader() == last.reader and last.is_true_under(self._asked[0]):
                return last.listing
        return None

    def _reader(self) -> ListingReader:
        _, started, role = self._asked
        schemas = None if self.schemas is None else tuple(self.schemas)
        return ListingReader(started, self.run.session.facts.database, role, schemas)

    def _changes(self, migrations: int) -> SchemaChanges:
        """Return what differs from the reading before to now."""
        before, note, self._note = self._before, self._note, ""
        self._before = after = None if before is None else self._read(before)
        if before is None or after is None:
            return SchemaChanges(migrations=migrations, unknown=self._unknown)
        return SchemaChanges(difference(before, after, self.home), migrations=migrations, note=note)

    def _read(self, before: CatalogListing | None = None, alike: CatalogListing | None = None) -> CatalogListing | None:
        """Return what the catalog has; None if that cannot be found out, for the reason in `_unknown`."""
        session = self.run.session
        if session.is_lost():
            self._unknown = "the connection was lost while the catalog was read"
            return None
        try:
            return read_listing(self._ask, session.facts.version, self.schemas, before, alike)
        except TooLarge:
            self._unknown = (
                f"the database has more than {MOST_RELATIONS} tables and indexes, too many to be read for this"
            )
        except psycopg.Error as error:
            lost = session.is_lost()
            message = "the connection was lost while it was read" if lost else server_message(error).message
            self._unknown = f"the catalog could not be read: {message}"
        return None

    def _ask(self, queries: Mapping[str, sql.SQL]) -> dict[str, Rows]:
        answers = ask_together(self.run.session.connection(), {"limits": _LIMITS, **queries})
        self._asked = answers["limits"][0][:3]
        return answers
