"""Write the DOWN of a migration, derived from the catalog and proven on a copy, into its file or the text of a cell."""

from __future__ import annotations

import dataclasses
import datetime
import difflib
import re
from dataclasses import dataclass
from typing import NoReturn

from fsapi_nb.catalog.server_needs import read_needs
from fsapi_nb.derive.text import with_section
from fsapi_nb.errors import (
    UNCHANGED,
    ConfigurationError,
    ConfirmationRequired,
    Drifted,
    FaultyMigrations,
    NotRestored,
    PartlyApplied,
    UsageError,
)
from fsapi_nb.folder import read as folders
from fsapi_nb.history.store import HistoryStore
from fsapi_nb.model.folder import Folder
from fsapi_nb.model.migration import Migration
from fsapi_nb.model.server import Identity
from fsapi_nb.model.status import State
from fsapi_nb.plan.names import find_file, find_filed
from fsapi_nb.project.regular_file import read_regular
from fsapi_nb.script.checksum import text_checksum
from fsapi_nb.script.naming import is_placeholder, with_suffix
from fsapi_nb.script.redact import redact_sql
from fsapi_nb.servers.needs import ServerNeeds
from fsapi_nb.text.command import Advice, command
from fsapi_nb.verbs import amend, write
from fsapi_nb.verbs.catalogs import without_secrets
from fsapi_nb.verbs.draft import stage
from fsapi_nb.verbs.open import open_store, read_folder, read_folder_if_there
from fsapi_nb.verbs.options import VerbOptions, require_place
from fsapi_nb.verbs.planning import read_plan_input
from fsapi_nb.verbs.prove_down import ProvenDown, prove_down
from fsapi_nb.views import results

_NOT_WRITTEN = "unchanged; the file was not written."
_TRIED_ONLY = "unchanged; it was tried in a scratch database only."
_KEPT_BY_HISTORY = "its history has the new DOWN of the applied migration; it was tried in a scratch database only."
_MARKER = re.compile(r"^-- DOWN[ \t]*\r?\n?$")
_HALF_WAY = {State.PARTLY_APPLIED, State.IN_DOUBT}


@dataclass(frozen=True, slots=True)
class _Target:
    """The text that gets a DOWN: `name` is the file's, None for a new one that is called `shown`."""

    folder: Folder
    name: str | None
    shown: str
    text: str
    is_applied: bool
    identity: Identity
    needs: ServerNeeds

    @property
    def file_name(self) -> str:
        return self.name or with_suffix(self.shown)


def down(options: VerbOptions, name: str, *, replace: bool, yes: bool) -> results.DownResult:
    """Derive the DOWN of a migration, prove it on a copy, and write it into the file.

    Args:
        options: The options of the Migrator.
        name: The migration, pending or applied.
        replace: Put it in the place of the DOWN that the file has.
        yes: Do it for a migration that is applied to a protected database, too.

    Raises:
        UnknownMigration: No file has that name, or several have.
        FaultyMigrations: The file has faults.
        ConfirmationRequired: The file has a DOWN and `replace` is not given, or the database is protected.
        Drifted: The UP of the file is not what ran.
        PartlyApplied: The migration ended half-way.
        NotRestored: The derived DOWN does not run.
        ReplayFailed: The migrations do not run in a scratch database.
    """
    require_place(options)
    target, migration = _with_marker(_find(options, name, yes=yes))
    proven = _prove(options, target, migration)
    if _has_down(migration) and not replace:
        _refuse_other(target, migration, proven)
    new = _with_down(target.text, migration, proven)
    if target.is_applied and _has_down(migration):
        return _result(target, proven, _replace_applied(options, target, new, yes=yes))
    return _result(
        target, proven, write.write(options, target.file_name, new, apply=False, redo=False, yes=yes), plan=False
    )


def write_with_down(
    options: VerbOptions, name: str, text: str, *, apply: bool, redo: bool, yes: bool
) -> results.DownResult:
    """Write the text of a cell with a derived DOWN below it, as `write` does; with `apply` or `redo`, run it, too.

    Raises:
        UsageError: The text has a DOWN.
        NotRestored: The derived DOWN does not run; or it does not restore the whole catalog, and the text is to be run.
        FsapiError: What `down` and `write` raise.
    """
    require_place(options)
    text = text if text.endswith("\n") else text + "\n"
    folder = read_folder_if_there(options)
    with open_store(options, folder, writing=False) as store:
        full = find_file(name, folder, store.history())
        found = _Target(folder, full, name, text, False, store.identity, _needs(store))
    target, migration = _with_marker(found)
    if _has_down(migration):
        raise UsageError(
            "the cell has a DOWN, and --down derives one",
            state=_NOT_WRITTEN,
            hint="leave out --down, or take the DOWN out of the cell.",
        )
    proven = _prove(options, target, migration)
    if (apply or redo) and not proven.is_restored:
        _refuse_incomplete(target, proven, "--redo" if redo else "--apply")
    new = _with_down(target.text, migration, proven)
    return _result(target, proven, write.write(options, name, new, apply=apply, redo=redo, yes=yes))


def require_restored(found: results.DownResult) -> None:
    """Raise NotRestored if a DOWN was written that does not restore the whole catalog."""
    if not found.is_restored:
        raise NotRestored(
            found.headline(),
            details=tuple(found.remaining()),
            state=_KEPT_BY_HISTORY if found.file.applied else _TRIED_ONLY,
            hint="the file has what is missing as comments: complete its DOWN by hand.",
        )


def _refuse_incomplete(target: _Target, proven: ProvenDown, option: str) -> NoReturn:
    """Raise NotRestored before anything is written and run: a run would be there without a whole way back."""
    found = _result(target, proven, results.FileResult(target.file_name, "unchanged", shown=target.shown))
    raise NotRestored(
        found.headline(),
        details=tuple(found.remaining()),
        state="unchanged; it was tried in a scratch database only, and the file was not written.",
        hint=f"leave out --down, and write the DOWN in the cell; {option} then runs it.",
    )


def _find(options: VerbOptions, name: str, *, yes: bool) -> _Target:
    """Return the file of a migration whose DOWN may be written."""
    folder = read_folder(options)
    with open_store(options, folder, writing=False) as store:
        found = read_plan_input(store, folder)
        full = find_filed(name, found.standing)
        status = found.standing.status(full)
        if status.state in _HALF_WAY:
            hint = Advice("finish it with ", command("migrate"), " or ", command("rollback"), " first.")
            raise PartlyApplied(f"{full} ended half-way", state=UNCHANGED, hint=hint)
        migration = folder.get(full)
        if migration is None:
            raise FaultyMigrations(folder.problems(full))
        entry = status.entry
        if entry is not None and store.identity.protected and not yes:
            raise ConfirmationRequired(
                f"{full} is applied to the protected database {store.identity.name or store.identity.database}",
                state=_NOT_WRITTEN,
                hint=Advice("its history would keep the new DOWN; to do that: ", command("down", full, yes=True)),
            )
        if entry is not None and status.state is State.DRIFTED and not _is_up_what_ran(migration, store, full):
            hint = Advice(command("show", full), " shows how it differs.")
            raise Drifted(f"the UP of {full} was edited after it ran", state=_NOT_WRITTEN, hint=hint)
        identity, needs = store.identity, _needs(store)
    text = _read(options, full)
    return _Target(folder, full, full, text, entry is not None, identity, needs)


def _is_up_what_ran(migration: Migration, store: HistoryStore, name: str) -> bool:
    """Return whether an edited file has the UP that ran, and only its DOWN is another one."""
    stored = store.scripts([name]).get(name)
    if stored is None or stored.up is None:
        return False
    return text_checksum(migration.up.written.text) == text_checksum(stored.up)


def _read(options: VerbOptions, name: str) -> str:
    try:
        return read_regular(options.directory / name).decode()
    except UnicodeDecodeError:
        raise ConfigurationError(
            f"{name} is not written in UTF-8", state=_NOT_WRITTEN, hint="save it in UTF-8 first."
        ) from None


def _needs(store: HistoryStore) -> ServerNeeds:
    return read_needs(store.session.connection(), is_protected=store.identity.protected)


def _sound(name: str, text: str) -> Migration:
    """Return the migration of a text. Raises FaultyMigrations if its UP has faults."""
    migration = folders.parse_text(name, text)
    if migration.up.parsed.problems:
        raise FaultyMigrations(tuple(migration.up.parsed.problems), state=_NOT_WRITTEN)
    return migration


def _with_marker(target: _Target) -> tuple[_Target, Migration]:
    """Return the text that gets a DOWN, with an `-- UP` before it if it has none, and its migration.

    What the UP is stays the same: the history compares the text below the marker.
    """
    migration = _sound(target.file_name, target.text)
    if migration.up.first_line > 1:
        return target, migration
    newline = "\r\n" if "\r\n" in target.text else "\n"
    target = dataclasses.replace(target, text=f"-- UP{newline}{target.text}")
    return target, _sound(target.file_name, target.text)


def _has_down(migration: Migration) -> bool:
    return migration.down is not None and not is_placeholder(migration.down.written.text)


def _prove(options: VerbOptions, target: _Target, migration: Migration) -> ProvenDown:
    """Derive the DOWN of a text without its own. Raises NotRestored if what is derived does not run."""
    start, end = _place(target.text, migration)
    without = target.text[:start] + target.text[end:]
    proven = prove_down(options, target.folder, target.file_name, without, target.needs)
    if proven.failure:
        raise NotRestored(
            f"the DOWN that was derived for {target.shown} does not run on a copy: {proven.failure[0]}",
            details=(*proven.failure[1:], *redact_sql(proven.section).splitlines()),
            state="unchanged; it was tried in a scratch database only, and the file was not written.",
            hint="take it as a beginning, and write the DOWN by hand.",
        )
    return proven


def _place(text: str, migration: Migration) -> tuple[int, int]:
    """Return where the DOWN of a text begins and ends, its marker included; the end of the text if it has none."""
    if migration.down is None:
        return len(text), len(text)
    lines = [f"{line}\n" for line in text.split("\n")]  # numbers of lines are those of line feeds
    number = migration.down.first_line - 1
    while not _MARKER.match(lines[number]):
        number -= 1
    start = len("".join(lines[:number]))
    body = start + len(lines[number])
    return start, body + len(migration.down.written.text)


def _with_down(text: str, migration: Migration, proven: ProvenDown) -> str:
    return with_section(text, _place(text, migration), proven.section)


def _refuse_other(target: _Target, migration: Migration, proven: ProvenDown) -> NoReturn:
    """Raise ConfirmationRequired, which shows how the derived DOWN differs from the one that the file has."""
    start, end = _place(target.text, migration)
    there, derived = (redact_sql(each).splitlines() for each in (target.text[start:end], proven.section))
    differing = list(difflib.unified_diff(there, derived, "the file's DOWN", "derived", lineterm="", n=2))
    raise ConfirmationRequired(
        f"{target.shown} has a DOWN",
        details=tuple(f"  {line}" for line in differing),
        state=_NOT_WRITTEN,
        hint=Advice("to put the derived one in its place: ", command("down", target.shown, replace=True)),
    )


def _replace_applied(options: VerbOptions, target: _Target, text: str, *, yes: bool) -> results.FileResult:
    """Write the file of an applied migration, and accept its new DOWN in the history."""
    now = datetime.datetime.now(datetime.UTC)
    with stage(options.directory, target.name, target.shown, text, planned=target.folder, now=now) as file:
        action = file.action if file.publish() else "kept"
    if action != "kept":
        amend.repair(options, file.name, yes=yes)
    return results.FileResult(file.name, action, shown=target.shown, applied=True, identity=target.identity)


def _result(target: _Target, proven: ProvenDown, file: results.FileResult, *, plan: bool = True) -> results.DownResult:
    return results.DownResult(
        file if plan or file.run else dataclasses.replace(file, plan=None),
        redact_sql(proven.section),
        tuple(map(str, proven.down.losses)),
        without_secrets(proven.left),
        proven.version,
        target.identity,
    )
