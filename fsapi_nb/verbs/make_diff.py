"""Write migrations from differences: `make --from-diff` from the folder to a schema, `drift --adopt` to the database."""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from fsapi_nb.catalog.change.renames import MaybeRename
from fsapi_nb.errors import (
    ConfigurationError,
    ConfirmationRequired,
    NotUpToDate,
    PlanChanged,
    RefusedPlan,
    UsageError,
)
from fsapi_nb.folder import read as folders
from fsapi_nb.model.folder import Folder
from fsapi_nb.model.server import Identity
from fsapi_nb.project.schema_file import SETTING, find_schema_file, read_schema_file
from fsapi_nb.script.server_objects import find_server_objects
from fsapi_nb.servers.needs import ServerNeeds
from fsapi_nb.servers.scratch import Scratch
from fsapi_nb.text.command import Advice, Option, command
from fsapi_nb.text.safe import visible_line
from fsapi_nb.text.words import counted
from fsapi_nb.verbs.applied import Applied
from fsapi_nb.verbs.catalogs import ReadDatabase, naming, open_loaded, schema_folder, without_secrets
from fsapi_nb.verbs.change_file import ProvenScript, ScriptWriter
from fsapi_nb.verbs.diff import DatabaseSide, FolderSide, Side, find_side
from fsapi_nb.verbs.draft import stage
from fsapi_nb.verbs.drift import read_applied
from fsapi_nb.verbs.open import open_store, read_folder_if_there
from fsapi_nb.verbs.options import VerbOptions, compared_schemas, require_place
from fsapi_nb.verbs.publish_applied import publish_applied
from fsapi_nb.verbs.replay import open_replay
from fsapi_nb.verbs.scratch import open_scratch_server
from fsapi_nb.verbs.sides import DATABASE, FOLDER, refuse_file_as_schema
from fsapi_nb.views import results

_BY_HAND = "the file says what is missing as comments: write it by hand in their place."
_NOTHING = "unchanged; no file was written."


def make_from_diff(
    options: VerbOptions,
    name: str,
    *,
    origin: str | None,
    target: str | None,
    renames: Sequence[str],
    no_renames: bool = False,
) -> results.ChangeFileResult:
    """Write the migration that leads from `origin` (the folder's end) to `target` (the project's schema file).

    `renames` are what is renamed; `no_renames` says that nothing else is, so that what is alike is not asked about.

    Raises:
        UsageError: The name is not valid; a rename cannot be done; or `--schema` names a file.
        RefusedPlan: The target is empty, and everything would be dropped.
        ConfigurationError: A file cannot be read or written, or no target is known.
        ReplayFailed: A migration or a file does not run in an empty scratch database.
    """
    require_place(options)
    refuse_file_as_schema(options, lambda file: command("make", name, from_diff=True, to=file))
    folders.words_of(name)
    wanted = find_side(options, target, defined=True) if target else _schema_side(options)
    sides = [find_side(options, origin or FOLDER, defined=True), wanted]
    with _opened(options, sides) as (scratch, (source, there)):
        writer = ScriptWriter(options, scratch, compared_schemas(options))
        why = f"from {sides[0].label} to {sides[1].label}, written by fsapi_nb and compared on a copy"
        script = writer.write(source, there, why=why, called=sides[1].label, renames=renames, asks=not no_renames)
    labels = (sides[0].label, sides[1].label)
    if script is None:
        return results.ChangeFileResult(None, name, *labels)
    begun = None if options.directory.exists() else str(options.directory)
    made = folders.create(options.directory, name, now=datetime.datetime.now(datetime.UTC), text=script.text)
    ends = (_shown(origin), _shown(target))
    return replace(_result(script, made, name, *labels, folder=begun), typed=ends)


def _shown(word: str | None) -> str:
    """Return an end as it was typed; nothing of an address, which may hold a password."""
    return word if word and not any(sign in word for sign in ("://", "=", "@")) else ""


def adopt(
    options: VerbOptions, name: str, *, yes: bool, renames: Sequence[str] = (), no_renames: bool = False
) -> results.ChangeFileResult:
    """Write the migration that leads from the applied ones to what the database has, and record it as applied.

    `renames` and `no_renames` are those of `make_from_diff`.

    Raises:
        UsageError: The name is not valid; or `--schema` names a file.
        RefusedPlan: Files are pending; or the database is empty, and everything would be dropped.
        NotUpToDate: Something would not be covered, or may be a rename: nothing is written and nothing recorded.
        ConfirmationRequired: The database is protected, and `yes` is not given.
        PlanChanged: The database has changed meanwhile.
    """
    require_place(options)
    refuse_file_as_schema(options, lambda file: command("diff", DATABASE, file))
    words = folders.words_of(name)
    folder = read_folder_if_there(options)
    applied, found, _ = read_applied(options, defined=True)
    _refuse_pending(options, folder)
    _confirm(found.identity, name, yes=yes)
    replayed = f"the replay of {counted(len(applied.folder.names), 'applied migration')}"
    with (
        open_scratch_server(options, _needs([applied.folder], found.needs), foreign=True) as scratch,
        open_replay(options, applied.folder, scratch=scratch, roles=found.needs.roles) as expected,
        open_loaded(options, found, scratch) as loaded,
    ):
        writer = ScriptWriter(options, scratch, compared_schemas(options))
        why = "what the database had beside its migrations, written by fsapi_nb and compared on a copy"
        script = writer.write(
            expected.address,
            loaded,
            why=why,
            called="the database",
            wanted=found.reading,
            renames=renames,
            asks=not no_renames,
        )
    labels = (replayed, "the database")
    if script is None:
        return results.ChangeFileResult(None, name, *labels, identity=found.identity)
    if script.left:
        raise _not_covered(script, name)
    if script.renames:
        raise _not_asked(script.renames, name)
    begun = None if options.directory.exists() else str(options.directory)
    with stage(
        options.directory, None, words, script.text, planned=folder, now=datetime.datetime.now(datetime.UTC)
    ) as file:
        _refuse_changed(options, applied, found)
        publish_applied(options, file, folder, script.text)
    return replace(_result(script, file.name, name, *labels, folder=begun), recorded=True, identity=found.identity)


def require_covered(found: results.ChangeFileResult) -> None:
    """Raise NotUpToDate if the migration that was written does not cover everything, or drops what may be renamed."""
    if found.attention:
        raise NotUpToDate(
            found.headline(),
            details=tuple(found.findings()),
            state="unchanged; the file was written.",
            hint=found.next_step() or _BY_HAND,
        )


@contextmanager
def _opened(options: VerbOptions, sides: Sequence[Side]) -> Iterator[tuple[Scratch, tuple[str, str]]]:
    """Yield a scratch server, and the address of a scratch database of each of both sides."""
    databases = [each.found for each in sides if isinstance(each, DatabaseSide)]
    texts = [each.folder for each in sides if not isinstance(each, DatabaseSide)]
    needs = databases[0].needs if databases else ServerNeeds()
    roles = {role for each in databases for role in each.needs.roles}
    with ExitStack() as stack:
        foreign = any(isinstance(each, DatabaseSide) or each.is_file for each in sides)
        scratch = stack.enter_context(open_scratch_server(options, _needs(texts, needs), foreign=foreign))
        addresses = []
        for each in sides:
            if isinstance(each, DatabaseSide):
                addresses.append(stack.enter_context(open_loaded(options, each.found, scratch)))
                continue
            with naming(each.label) if each.is_file else contextlib.nullcontext():
                replayed = stack.enter_context(open_replay(options, each.folder, scratch=scratch, roles=roles))
            addresses.append(replayed.address)
        yield scratch, (addresses[0], addresses[1])


def _needs(texts: Sequence[Folder], needs: ServerNeeds) -> ServerNeeds:
    """Return what the one server must have on which all of these run."""
    for folder in texts:
        found = (folder.get(name) for name in folder.names)
        statements = [each for migration in found if migration for each in migration.up.parsed.statements]
        needs = needs.with_extensions(find_server_objects(statements).extensions)
    return replace(needs, roles=frozenset())


def _schema_side(options: VerbOptions) -> Side:
    """Return the schema file of the project, called as the project names it."""
    file = find_schema_file(options.project, options.directory)
    if file is None:
        raise UsageError(
            "it is not known what the migration is to lead to",
            hint=Advice(
                "give a file with the schema that you want: ",
                Option("--to", ("schema.sql",)),
                f"; or set {SETTING} in [tool.fsapi_nb].",
            ),
        )
    text = read_schema_file(file)
    named = str(options.project.table[SETTING])
    if text is None:
        raise ConfigurationError(
            f"there is no file {named}", hint=Advice("write it: ", command("schema", write=True), ".")
        )
    return FolderSide(named, schema_folder(named, text), is_file=True)


def _confirm(identity: Identity | None, name: str, *, yes: bool) -> None:
    """Raise ConfirmationRequired for a protected database, before the proof that takes long."""
    if identity is not None and identity.protected and not yes:
        raise ConfirmationRequired(
            f"the database {identity.name or identity.database} is protected: nothing was done yet",
            state=_NOTHING,
            hint=Advice(
                command("drift", adopt=name, yes=True), " writes the file and records it; nothing else is done."
            ),
        )


def _refuse_changed(options: VerbOptions, applied: Applied, found: ReadDatabase) -> None:
    """Raise PlanChanged if the database is not the one that was read: the file would say less, or too much."""
    still, now_there, _ = read_applied(options)
    if (still.folder.names, now_there.reading) != (applied.folder.names, found.reading):
        raise PlanChanged("the schema was changed while it was written", state=_NOTHING, hint="run it again.")


def _refuse_pending(options: VerbOptions, folder: Folder) -> None:
    """Raise RefusedPlan if files wait: they would run before the new one, which does not know them."""
    with open_store(options, folder, writing=False) as store:
        history = store.history()
    pending = [name for name in folder.names if history.get(name) is None]
    if pending:
        raise RefusedPlan(
            f"{counted(len(pending), 'pending migration')} would run before the one that is made",
            details=tuple(f"  {name}" for name in pending[:5]),
            state=_NOTHING,
            hint=Advice("apply them first: ", command("migrate"), "."),
        )


def _not_covered(script: ProvenScript, name: str) -> NotUpToDate:
    details = tuple(
        line
        for each in without_secrets(script.left)
        for line in (f"  {each.title()}", *(f"    {line}" for line in each.lines()))
    )
    return NotUpToDate(
        f"{counted(len(script.left), 'object')} would not be as in the database: nothing was written, nothing recorded",
        details=(*details, *(f"  {note}" for note in script.notes)),
        state="unchanged.",
        hint=Advice(
            "write what is missing by hand into a migration of its own: ",
            command("make", f"{name}_by_hand"),
            "; record it here with baseline --only, and adopt the rest.",
        ),
    )


def _not_asked(renames: Sequence[MaybeRename], name: str) -> NotUpToDate:
    """Return the error for what may be renamed: other databases would lose what this one has kept."""
    first = f"{renames[0].old}={renames[0].new}"
    dropped = len({each.old for each in renames})
    return NotUpToDate(
        f"{counted(dropped, 'object')} may have been renamed: nothing was written, nothing recorded",
        details=tuple(f"  a rename? {visible_line(f'{each.old}={each.new}')}" for each in renames),
        state="unchanged.",
        hint=Advice(
            "if it is one: ",
            command("drift", adopt=name, rename=first),
            "; if nothing is renamed: ",
            command("drift", adopt=name, no_renames=True),
            ".",
        ),
    )


def _result(
    script: ProvenScript, made: str, name: str, a: str, b: str, *, folder: str | None
) -> results.ChangeFileResult:
    return results.ChangeFileResult(
        made,
        name,
        a,
        b,
        script.text,
        script.left,
        script.left_down,
        tuple((each.old, each.new) for each in script.renames),
        script.losses,
        folder=folder,
        notes=script.notes,
    )
