"""Write a migration from the difference between two catalogs, run it on a copy, and compare what it gives.

`make --from-diff` leads from the folder's end to a schema that is wanted; `drift --adopt` from the applied migrations to
what the database has, and records that as applied. The text is run by the runner, UP and DOWN, on a scratch database:
what the comparison finds then is all that counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial

from fsapi_nb.catalog.change.generator import is_installed
from fsapi_nb.catalog.change.renames import MaybeRename, maybe_renames, parts_of_renamed, rename_back, rename_statements
from fsapi_nb.catalog.change.section_text import section_of
from fsapi_nb.catalog.change.tried import attempt
from fsapi_nb.catalog.change.write_change import ChangeWriter, WrittenChange
from fsapi_nb.catalog.comparison import CatalogReading, ViewReader, compare, read_catalog, without_order
from fsapi_nb.catalog.difference import Change
from fsapi_nb.catalog.read import drop_history
from fsapi_nb.catalog.snapshot import CatalogObject
from fsapi_nb.catalog.view_text import read_views
from fsapi_nb.errors import FsapiError, RefusedPlan, UsageError
from fsapi_nb.folder.read import parse_text
from fsapi_nb.model.folder import Folder
from fsapi_nb.plan.migrate import plan_migrate
from fsapi_nb.plan.rollback import plan_rollback
from fsapi_nb.postgres.connect import connect
from fsapi_nb.postgres.session import Connection
from fsapi_nb.servers.scratch import Scratch
from fsapi_nb.text.safe import visible_line
from fsapi_nb.verbs.options import VerbOptions
from fsapi_nb.verbs.replay import options_on
from fsapi_nb.verbs.request import PlanRequest
from fsapi_nb.verbs.run import run_plan
from fsapi_nb.verbs.scratch import hint_of, scratch_application
from fsapi_nb.verbs.script_losses import Losses, in_words, script_losses, written_losses

_NOTHING = "unchanged; no file was written."
_NAME = "2000_01_01_00_00_proof.sql"


@dataclass(frozen=True, slots=True)
class ProvenScript:
    """The text of a migration, with what the runner's run of it on a copy has not made equal."""

    text: str
    up: tuple[str, ...]
    left: tuple[Change, ...]
    left_down: tuple[Change, ...] = ()
    renames: tuple[MaybeRename, ...] = ()
    losses: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ScriptWriter:
    """Writes and proves migrations on one scratch server."""

    options: VerbOptions
    scratch: Scratch
    schemas: Sequence[str] | None

    def write(
        self,
        source: str,
        target: str,
        *,
        why: str,
        called: str,
        wanted: CatalogReading | None = None,
        renames: Sequence[str] = (),
        asks: bool = True,
    ) -> ProvenScript | None:
        """Return the migration that leads from one scratch database to another one; None if they do not differ.

        Args:
            source: The address of the one; no session is in it.
            target: The address of the other.
            why: What the text says of where it comes from.
            called: What the target is called.
            wanted: The catalog that the result must have; None: that of `target`.
            renames: What is renamed, each `OLD=NEW`.
            asks: Whether to ask about what may be a rename besides.

        Raises:
            UsageError: There is nothing of the name that is to be renamed, or the server refuses the new name.
            RefusedPlan: The target is empty, and everything would be dropped.
        """
        with self._bare(source) as one, self._bare(target) as other:
            return self._write(one, other, why, called, wanted, renames, asks=asks)

    def _write(
        self,
        source: str,
        target: str,
        why: str,
        called: str,
        wanted: CatalogReading | None,
        renames: Sequence[str],
        *,
        asks: bool,
    ) -> ProvenScript | None:
        writer = ChangeWriter(self.scratch, self._application, self.schemas)
        with connect(target, self._application) as there:
            goal = wanted or read_catalog(there, self.schemas)
            given = self._read(source)
            changes = self._left(given, goal, partial(read_views, there))
        if not changes:
            return None
        if _is_empty(goal) and not _is_empty(given):
            raise _empty(called, self.schemas)
        first: list[str] = []
        if renames:
            first, changes = self._renames(writer, source, goal, renames)
        alike = maybe_renames(changes) if asks else ()
        up = writer.write(source, target, first)
        try:
            down = writer.write(up.end, source, [rename_back(each) for each in reversed(first)])
            self.scratch.drop(down.end)
        finally:
            self.scratch.drop(up.end)
        return self._proven(source, up, down, given, goal, why, alike)

    @contextmanager
    def _bare(self, address: str) -> Iterator[str]:
        """Yield the address of a copy without the tables of the history, which no SQL is to be written for."""
        copy = self.scratch.copy_of(address)
        try:
            with connect(copy, self._application) as connection:
                drop_history(connection)
            yield copy
        finally:
            self.scratch.drop(copy)

    def _renames(
        self, writer: ChangeWriter, source: str, goal: CatalogReading, renames: Sequence[str]
    ) -> tuple[list[str], tuple[Change, ...]]:
        """Return the statements of the renames, with those of what was named after a table, and what differs then."""
        copy = self.scratch.copy_of(source)
        try:
            with writer.connected(copy) as here:
                first = _rename(here, renames)
                changes = self._left(read_catalog(here, self.schemas), goal, None)
                return [*first, *parts_of_renamed(changes)], changes
        finally:
            self.scratch.drop(copy)

    @property
    def _application(self) -> str:
        return scratch_application(self.options)

    def _proven(
        self,
        source: str,
        up: WrittenChange,
        down: WrittenChange,
        given: CatalogReading,
        goal: CatalogReading,
        why: str,
        alike: tuple[MaybeRename, ...],
    ) -> ProvenScript:
        """Run the text on a copy of the source, as the runner does, and say what is not as it is to be."""
        bare = (written_losses(up.statements), written_losses(down.statements))
        text = _text(up.statements, bare[0], (), down.statements, bare[1], (), alike, why)
        left, left_down, losses, notes = self._run(source, text, up.statements, down.statements, given, goal)
        if left and not is_installed():
            notes.append('more may be covered with pgmig: pip install "fsapi_nb[diff]"')
        text = _text(up.statements, losses[0], left, down.statements, losses[1], left_down, alike, why)
        return ProvenScript(
            text,
            up.statements,
            left,
            left_down,
            alike,
            tuple(each.words for statement in losses[0] for each in statement),
            tuple(dict.fromkeys((*(up.notes if left else ()), *notes))),
        )

    def _run(
        self,
        source: str,
        text: str,
        up: Sequence[str],
        down: Sequence[str],
        given: CatalogReading,
        goal: CatalogReading,
    ) -> tuple[tuple[Change, ...], tuple[Change, ...], tuple[Losses, Losses], list[str]]:
        """Run both scripts of a text; return what is not as it is to be after each, what each takes away, and why."""
        copy, notes = self.scratch.copy_of(source), list[str]()
        try:
            options, folder = options_on(self.options, copy), Folder().with_draft(parse_text(_NAME, text))
            request = PlanRequest(out_of_order=True, allow_unparsed=True, changes=False)
            planner = partial(plan_migrate, to=_NAME)
            lost = script_losses(options, folder, request, planner, up)
            try:
                run_plan(options, request, planner, yes=True, folder=folder)
            except FsapiError as error:
                notes += [f"the UP does not run as a migration: {error.message}", *self._hint(error)]
            left = self._left(self._read(copy), goal, self._reader(copy))
            if left:
                return left, (), (lost, written_losses(down)), notes
            back = replace(request, verb="rollback")
            way_back = partial(plan_rollback, to=None, count=1, everything=False)
            lost_down = script_losses(options, folder, back, way_back, down)
            try:
                run_plan(options, back, way_back, yes=True, folder=folder)
            except FsapiError as error:
                notes += [f"the DOWN does not run as a migration: {error.message}", *self._hint(error)]
            return left, self._left(self._read(copy), given, None), (lost, lost_down), notes
        finally:
            self.scratch.drop(copy)

    def _hint(self, error: FsapiError) -> list[str]:
        """Return what to do where a statement lacks a right that the scratch server does not give."""
        hint = hint_of(error, self.scratch, None)
        return [hint] if hint else []

    def _reader(self, address: str) -> ViewReader:
        def read(views: Sequence[CatalogObject]) -> dict[CatalogObject, CatalogObject]:
            with connect(address, self._application) as connection:
                return read_views(connection, views)

        return read

    def _read(self, address: str) -> CatalogReading:
        with connect(address, self._application) as connection:
            ((owner,),) = connection.execute(b"SELECT pg_catalog.quote_ident(current_user)").fetchall()
            return read_catalog(connection, self.schemas, owner=owner)

    def _left(self, here: CatalogReading, there: CatalogReading, reader: ViewReader | None) -> tuple[Change, ...]:
        return without_order(compare(here, there, reader))[0]


def _text(
    up: Sequence[str],
    lost: Losses,
    left: Sequence[Change],
    down: Sequence[str],
    lost_down: Losses,
    left_down: Sequence[Change],
    renames: Sequence[MaybeRename],
    why: str,
) -> str:
    marks, marks_down = ([[in_words(each) for each in losses] for losses in found] for found in (lost, lost_down))
    return (
        f"-- UP\n-- {visible_line(why)}\n{section_of(up, marks, left, renames, '--rename')}\n\n"
        f"-- DOWN\n{section_of(down, marks_down, left_down, (), '')}\n"
    )


def _rename(here: Connection, renames: Sequence[str]) -> list[str]:
    """Rename on a copy; return the statements as they ran, those of columns before those of their tables.

    Raises UsageError if the server refuses one: what it would do instead drops what is there.
    """
    said = dict(zip(rename_statements(here, renames), renames, strict=True))
    columns = [each for each in said if " RENAME COLUMN " in each]
    ran = [attempt(here, columns), attempt(here, [each for each in said if each not in columns])]
    for statement, why in (each for group in ran for each in group.failed):
        raise UsageError(
            f"--rename {said[statement]}: the server refuses it: {why}",
            state=_NOTHING,
            hint="give another new name, or leave the option out.",
        )
    return [statement for group in ran for statement in group.done]


def _is_empty(reading: CatalogReading) -> bool:
    """Return whether a catalog has no more than schemas and what a new database has."""
    return all(each.kind == "schema" or each.identity == "plpgsql" for each in reading.snapshot.objects)


def _empty(called: str, schemas: Sequence[str] | None) -> RefusedPlan:
    where = f" in the schema{'s' if len(schemas) > 1 else ''} {', '.join(schemas)}" if schemas else ""
    return RefusedPlan(
        f"{called} has nothing{where}: the migration would drop everything",
        state=_NOTHING,
        hint="if this is not so, look at --schema and at schemas in [tool.fsapi_nb]; if it is, write it by hand.",
    )
