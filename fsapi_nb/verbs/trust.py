"""Carry out the verb trust: allow what a project asks for, list what is allowed, revoke it.

Connects to nothing.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fsapi_nb.errors import ConfirmationRequired, Untrusted, UsageError
from fsapi_nb.text.command import Advice, command
from fsapi_nb.views.results.trust import TrustEntry, TrustResult

if TYPE_CHECKING:
    from fsapi_nb.project.trust import Allowed
    from fsapi_nb.verbs.options import VerbOptions

RUNBOOKS = "runbooks"  # the folder beside that of the migrations where new ones go
RECORDS = "runs"  # the folder beside runbooks with the records of their runs


def trust(path: str | None, *, shown: bool, revoked: bool, yes: bool) -> TrustResult:
    """Do what the command says: allow what a project asks for, show what is allowed, or revoke it.

    Raises:
        UsageError: The options exclude each other, or there is nothing to revoke.
        ConfirmationRequired: With what the project asks for, unless `yes`.
    """
    if shown and (revoked or path):
        raise UsageError(
            "--list takes no PATH, and no --revoke", hint=Advice(command("trust", list=True), " shows every project.")
        )
    if shown:
        return list_trusted()
    return revoke(path) if revoked else trust_project(path, yes=yes)


def trust_project(path: str | None, *, yes: bool) -> TrustResult:
    """Allow all that a project asks for.

    `path` is its folder, or a folder or runbook in it; None is the folder where the user is.

    Raises ConfirmationRequired with what that is unless `yes`, UsageError, ConfigurationError.
    """
    from fsapi_nb.project.permissions import find_all_requests
    from fsapi_nb.project.requests import in_reading_order
    from fsapi_nb.project.root import find_project
    from fsapi_nb.project.trust import allow, read_trusted
    from fsapi_nb.servers.project_server import find_server_requests

    start = _existing(path)
    # A runbook is a file, whose record is written beside it.
    named, folder = ([start], start) if start.is_dir() else ([start, start.parent / RECORDS], start.parent)
    project = find_project(folder)
    if (runbooks := project.migrations.parent / RUNBOOKS).exists():
        named.append(runbooks)
    root = os.path.realpath(project.root)
    requests = (*find_all_requests(project, named), *find_server_requests(project.root, project.home))
    known = {allowed.digest for allowed in read_trusted().get(root, ())}
    things = tuple((request.digest, str(request)) for request in in_reading_order(requests))
    new = tuple((digest, what) for digest, what in things if digest not in known)
    if new and not yes:
        raise ConfirmationRequired(
            f"the project in {root} asks for this",
            details=tuple(f"  {what}" for _, what in new),
            state="not connected; nothing is allowed yet.",
            hint=Advice(command("trust", root, yes=True), " allows it."),
        )
    allowed = {each.digest: each for each in (allow(root, new) if new else read_trusted().get(root, ()))}
    return TrustResult("trusted", tuple(_entry(root, allowed[digest]) for digest, _ in things))


def trust_migrations(options: VerbOptions) -> TrustResult:
    """Allow all that the project of the migrations asks for. The call itself is the consent."""
    return trust_project(str(options.project.root if options.start else options.directory), yes=True)


def list_trusted() -> TrustResult:
    """Return all that is allowed, by project."""
    from fsapi_nb.project.trust import read_trusted

    return TrustResult(
        "listed", tuple(_entry(project, each) for project, entries in read_trusted().items() for each in entries)
    )


def revoke(folder: str | None) -> TrustResult:
    """Revoke what is allowed to a project, even if its folder is gone.

    Raises UsageError if nothing is allowed.
    """
    from fsapi_nb.project.root import expanded, find_project
    from fsapi_nb.project.trust import forget, read_trusted
    from fsapi_nb.servers.project_server import disown_servers

    named = os.path.realpath(expanded(folder or ".", "the folder"))
    if named not in read_trusted() and os.path.isdir(named):
        named = os.path.realpath(find_project(Path(named)).root)
    disowned = disown_servers(Path(named) / ".fsapi_nb")
    taken = forget(named)
    if not taken and not disowned:
        raise UsageError(f"{named} is not trusted", hint=Advice(command("trust", list=True), " shows what is."))
    return TrustResult("revoked", tuple(_entry(named, each) for each in taken))


def require_inside(start: Path, paths: Sequence[Path], *, named: Path | None = None) -> None:
    """Raise Untrusted if paths of a project lead out of it, and its user has not allowed that.

    Args:
        start: A folder of the project.
        paths: The paths.
        named: The one that the user has named.
    """
    from fsapi_nb.project.foreign_files import find_link
    from fsapi_nb.project.root import find_project
    from fsapi_nb.project.trust import require

    root = find_project(start).root
    require(root, [request for path in paths for request in find_link(path, root)], named=named)


def accept(refusal: Untrusted) -> None:
    """Allow exactly what a command was refused for. The user has seen it and said yes."""
    from fsapi_nb.project.trust import allow

    allow(refusal.project, refusal.asked)


def _existing(path: str | None) -> Path:
    from fsapi_nb.project.root import expanded

    start = expanded(path or ".", "the folder").absolute()
    if not start.exists():
        raise UsageError(f"there is no folder {str(start)!r}", hint="give the folder of the project.")
    return start


def _entry(project: str, allowed: Allowed) -> TrustEntry:
    return TrustEntry(project, allowed.what, allowed.at)
