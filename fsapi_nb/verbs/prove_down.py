"""Derive the DOWN of a migration on a scratch database, and prove it there by the product's own runner.

The folder is replayed up to the migration. In one copy its UP runs between two readings of the catalog, from which the
DOWN is derived; in the other one UP, DOWN and UP again run, and the catalog is compared after each.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial

from fsapi_nb.catalog.difference import Change, difference, without_remarks
from fsapi_nb.catalog.parts.part import CatalogParts
from fsapi_nb.catalog.parts.read_parts import read_parts
from fsapi_nb.catalog.read import read_snapshot
from fsapi_nb.catalog.snapshot import Snapshot
from fsapi_nb.derive.derive import DerivedDown, derive
from fsapi_nb.derive.text import section, with_section
from fsapi_nb.errors import FsapiError, ReplayFailed
from fsapi_nb.folder import read as folders
from fsapi_nb.model.folder import Folder
from fsapi_nb.model.migration import Migration
from fsapi_nb.plan.migrate import plan_migrate
from fsapi_nb.plan.rollback import plan_rollback
from fsapi_nb.postgres.connect import connect
from fsapi_nb.postgres.session import Connection
from fsapi_nb.script.server_objects import find_server_objects, may_name_server_objects
from fsapi_nb.servers.needs import ServerNeeds
from fsapi_nb.servers.scratch import Scratch
from fsapi_nb.verbs.options import VerbOptions
from fsapi_nb.verbs.planning import Planner
from fsapi_nb.verbs.replay import open_replay, options_on
from fsapi_nb.verbs.request import PlanRequest
from fsapi_nb.verbs.run import run_plan
from fsapi_nb.verbs.scratch import open_scratch_server

_STATE = "unchanged; the migration was run in a scratch database only, which is dropped."


@dataclass(frozen=True, slots=True)
class ProvenDown:
    """A derived DOWN and what came of it on a copy.

    `section` is the text of a file from its `-- DOWN` on. `left` is what differed from the catalog before when it had
    run, remarks included; `failure` has the lines of the error if it did not run, or if UP did not run again.
    """

    down: DerivedDown
    section: str
    version: int
    left: tuple[Change, ...] = ()
    failure: tuple[str, ...] = ()

    @property
    def differs(self) -> tuple[Change, ...]:
        """What is not restored."""
        return without_remarks(self.left)

    @property
    def is_restored(self) -> bool:
        """Whether the catalog was as before, and UP ran again."""
        return not self.differs and not self.failure


def prove_down(options: VerbOptions, folder: Folder, name: str, text: str, needs: ServerNeeds) -> ProvenDown:
    """Derive the DOWN of a migration, and run it on a copy.

    Args:
        options: The options of the verb.
        folder: The migrations folder.
        name: The migration's file name.
        text: Its text, without a DOWN.
        needs: What a scratch server must have.

    Raises:
        ReplayFailed: The migrations before it, or its UP, do not run in a scratch database.
        Untrusted: The user has not allowed all that the project asks for.
        DatabaseError: No server has what the migrations need, or it cannot be used.
    """
    draft = folders.parse_text(name, text)
    earlier = [each for each in folder.names if os.fsencode(each) < os.fsencode(name)]
    folder = folder.up_to(earlier[-1]) if earlier else Folder()
    with _state_before(options, folder, draft, needs) as trial:
        copy = trial.scratch.copy_of(trial.address)
        try:
            parts, before, after = trial.read_around(draft, copy)
        finally:
            trial.scratch.drop(copy)
        down = derive(*parts, draft.up.parsed.statements)
        version = parts[0].version // 10_000
        written = with_section(text, (len(text), len(text)), section(down, (), version))
        left, failure = trial.prove(folders.parse_text(name, written), before, after)
        text = section(down, left, version, failure[0] if failure else None)
        return ProvenDown(down, text, version, left, failure)


@contextmanager
def _state_before(options: VerbOptions, folder: Folder, draft: Migration, needs: ServerNeeds) -> Iterator[_Trial]:
    """Give a scratch database in which the migrations of a folder are applied, on a server that has what all need."""
    objects = find_server_objects(draft.up.parsed.statements)
    with ExitStack() as stack:
        wanted = needs.with_extensions({**_extensions(folder), **objects.extensions})
        scratch = stack.enter_context(open_scratch_server(options, replace(wanted, roles=frozenset())))
        scratch.make_roles((needs.roles | objects.named) - objects.made)
        if folder.names:
            address = stack.enter_context(open_replay(options, folder, scratch=scratch)).address
        else:
            address = scratch.make()
            stack.callback(scratch.drop, address)
        yield _Trial(options, folder, scratch, address, frozenset(objects.made))


def _extensions(folder: Folder) -> Mapping[str, str | None]:
    migrations = filter(None, map(folder.get, folder.names))
    texts = (each for each in migrations if may_name_server_objects(each.up.written.text))
    return find_server_objects(statement for each in texts for statement in each.up.parsed.statements).extensions


@dataclass(frozen=True, slots=True)
class _Trial:
    """A scratch database before the migration; `roles` are those that its UP makes, which are the whole server's."""

    options: VerbOptions
    folder: Folder
    scratch: Scratch
    address: str
    roles: frozenset[str]

    def read_around(
        self, draft: Migration, address: str
    ) -> tuple[tuple[CatalogParts, CatalogParts], Snapshot, Snapshot]:
        """Run an UP between two readings. Raises ReplayFailed if it does not run."""
        with self._connect(address) as connection:
            parts, before = read_parts(connection), read_snapshot(connection, None)
        try:
            self._up(draft, address)
        except FsapiError as error:
            message = f"{draft.name} does not run in a scratch database: {error.message}"
            raise ReplayFailed(message, details=error.details, state=_STATE, hint=error.hint) from error.__cause__
        with self._connect(address) as connection:
            return (parts, read_parts(connection)), before, read_snapshot(connection, None)

    def prove(self, proven: Migration, before: Snapshot, after: Snapshot) -> tuple[tuple[Change, ...], tuple[str, ...]]:
        """Run UP, DOWN and UP again; return how the catalog differs after DOWN, and why one of them did not run."""
        left: tuple[Change, ...] = ()
        try:
            self._up(proven, self.address)
            self._run(self.folder.with_draft(proven), self.address, partial(plan_rollback, count=1), "rollback")
            left = difference(before, self._snapshot())
            self._up(proven, self.address)
            again = without_remarks(difference(after, self._snapshot()))
        except FsapiError as error:
            return left, (error.message, *error.details)
        return left, tuple(f"UP does not give the same again: {change.title()}" for change in again)

    def _up(self, migration: Migration, address: str) -> None:
        self.scratch.drop_roles(self.roles)
        self._run(self.folder.with_draft(migration), address, partial(plan_migrate, to=migration.name), "migrate")

    def _run(self, folder: Folder, address: str, planner: Planner, verb: str) -> None:
        request = PlanRequest(verb, out_of_order=True, allow_unparsed=True, changes=False)
        run_plan(options_on(self.options, address), request, planner, yes=True, folder=folder)

    def _connect(self, address: str) -> Connection:
        return connect(address, self.options.access.application)

    def _snapshot(self) -> Snapshot:
        with self._connect(self.address) as connection:
            return read_snapshot(connection, None)
