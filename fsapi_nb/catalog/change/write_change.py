"""Write the SQL that leads from one scratch database to another one, on copies, and compare what it gives.

What is changed in place is proposed by a generator, what is added, gone or replaced comes from the definitions. Neither
is trusted: only the comparison says what the SQL covers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from fsapi_nb.catalog.change import generator
from fsapi_nb.catalog.change.tried import attempt
from fsapi_nb.catalog.change.whole_objects import whole_objects
from fsapi_nb.catalog.comparison import compare, read_catalog, without_order
from fsapi_nb.catalog.ddl.read_definitions import read_definitions
from fsapi_nb.catalog.difference import Change
from fsapi_nb.postgres.connect import connect
from fsapi_nb.postgres.session import Connection
from fsapi_nb.servers.scratch import Scratch

_ROUNDS = 3
_SCHEMAS = b"""
    SELECT nspname::text FROM pg_catalog.pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
"""


@dataclass(frozen=True, slots=True)
class WrittenChange:
    """Statements that have run on a copy, in their order, and what still differed then.

    `failed` are statements that were proposed and did not run, with what the server said; `notes` say what the
    generator refused. `end` is the address of the copy that they have run on.
    """

    statements: tuple[str, ...]
    left: tuple[Change, ...]
    end: str
    failed: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ChangeWriter:
    """Writes changes between databases of one scratch server, of these schemas, None for all."""

    scratch: Scratch
    application: str
    schemas: Sequence[str] | None = None

    def write(self, source: str, target: str, first: Sequence[str] = ()) -> WrittenChange:
        """Return the SQL that leads from `source` to `target`; the caller drops the copy that it has run on.

        Args:
            source: The address of a scratch database, which stays as it is. No session is in it.
            target: The address of another one.
            first: Statements that run first, such as renames.
        """
        with self.connected(target) as there:
            plain = self._attempt(source, target, there, first, asks=False)
            if not plain.left or not generator.is_installed():
                return plain
            asked = self._attempt(source, target, there, first, asks=True)
        better, other = (asked, plain) if len(asked.left) <= len(plain.left) else (plain, asked)
        self.scratch.drop(other.end)
        return better

    def _attempt(
        self, source: str, target: str, there: Connection, first: Sequence[str], *, asks: bool
    ) -> WrittenChange:
        end = self.scratch.copy_of(source)
        try:
            with self.connected(end) as here:
                ran = attempt(here, first)
                done, failed, notes = [*ran.done], [*ran.failed], list[str]()
                if asks:
                    proposed, note = generator.generate(end, target, self._without(here, there))
                    ran = attempt(here, proposed)
                    done += ran.done
                    failed += ran.failed
                    notes += [note] if note else []
                left = self._left(here, there)
                for _ in range(_ROUNDS):
                    more = whole_objects(read_definitions(here, self.schemas), read_definitions(there, self.schemas))
                    if not left or not more:
                        break
                    ran = attempt(here, more.statements)
                    before, left = left, self._left(here, there)
                    done += ran.done
                    failed += ran.failed
                    if not ran.done or len(left) >= len(before):
                        break
                return WrittenChange(tuple(done), left, end, tuple(failed), tuple(notes))
        except BaseException:
            self.scratch.drop(end)
            raise

    def _without(self, *connections: Connection) -> list[str]:
        """Return the schemas of both databases that the change is not about."""
        if self.schemas is None:
            return []
        found = {name for connection in connections for (name,) in connection.execute(_SCHEMAS)}
        return sorted(found - {*self.schemas})

    def _left(self, here: Connection, there: Connection) -> tuple[Change, ...]:
        changes = compare(read_catalog(here, self.schemas), read_catalog(there, self.schemas))
        return without_order(changes)[0]

    @contextmanager
    def connected(self, address: str) -> Iterator[Connection]:
        """Yield a session in a scratch database, in which bodies of functions are not checked."""
        with connect(address, self.application) as connection:
            connection.execute(b"SET check_function_bodies TO off")
            yield connection
