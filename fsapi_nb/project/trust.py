"""Keep what the user has allowed to each project, outside of it, in a file of the user's own.

    $XDG_CONFIG_HOME/fsapi_nb/trusted.json      0600; ~/.config, if that is not set

The key of an answer is the real path of the project and a digest of what it was about: a change of either asks again.
"""

from __future__ import annotations

import contextlib
import datetime
import fcntl
import json
import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from fsapi_nb.errors import ConfigurationError, Untrusted
from fsapi_nb.project.private_files import ForeignFile, make_private_folder, read_private, replace_file, user_folders
from fsapi_nb.project.requests import Request, in_reading_order
from fsapi_nb.text.command import Advice, command

VARIABLE = "FSAPI_NB_TRUST"
_NOTHING = "not connected; nothing was run or written."


@dataclass(frozen=True, slots=True)
class Allowed:
    """One thing that the user has allowed: its digest, its words, and when (UTC)."""

    digest: str
    what: str
    at: str


#: How many files besides the first a hint names; the details name them all.
_NAMED = 9


def require(root: Path, requests: Sequence[Request], *, named: Path | None = None) -> None:
    """Raise Untrusted if the project asks for something that its user has not allowed.

    Args:
        root: The project.
        requests: What it asks for.
        named: The folder or file of it that the user has named, if that is what asks.
    """
    project = os.path.realpath(root)
    if missing := _missing(project, requests):
        raise _untrusted(project, missing, project if named is None else str(named))


def is_allowed(root: Path, requests: Sequence[Request]) -> bool:
    """Return whether the user has allowed all that the project asks for."""
    return not _missing(os.path.realpath(root), requests)


def trusts_everything(environment: Mapping[str, str] | None = None) -> bool:
    """Return whether the environment says that every project may be trusted. Raises ConfigurationError."""
    said = (os.environ if environment is None else environment).get(VARIABLE, "0")
    if said not in {"0", "1"}:
        raise ConfigurationError(f"{VARIABLE} is {said!r}", hint=f"{VARIABLE}=1 trusts every project; else unset it.")
    return said == "1"


def read_trusted() -> dict[str, tuple[Allowed, ...]]:
    """Return what is allowed, by project.

    Raises ConfigurationError if the file cannot be read, or others may have written it.
    """
    file = _file()
    try:
        raw = read_private(file)
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be read: {error.strerror}", hint="correct its permissions.") from None
    except ForeignFile as error:
        raise _does_not_count(error) from None
    if raw is None:
        return {}
    try:
        projects = json.loads(raw)["projects"]
        return {str(name): tuple(Allowed(**each) for each in entries) for name, entries in projects.items()}
    except (ValueError, TypeError, KeyError, AttributeError):
        hint = f"remove it, and trust your projects again: rm {shlex.quote(str(file))}"
        raise ConfigurationError(f"{file} is not as fsapi_nb has written it", state=_NOTHING, hint=hint) from None


def allow(project: str, things: Sequence[tuple[str, str]]) -> tuple[Allowed, ...]:
    """Keep that a project may do these things, each a digest and its words; return all that it may now."""
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    with _changing() as trusted:
        before = {each.digest: each for each in trusted.get(project, ())}
        trusted[project] = (*(before | {digest: Allowed(digest, what, now) for digest, what in things}).values(),)
        return trusted[project]


def forget(project: str) -> tuple[Allowed, ...]:
    """Revoke all that a project may do; return what that was."""
    with _changing() as trusted:
        return trusted.pop(project, ())


@contextlib.contextmanager
def _changing() -> Iterator[dict[str, tuple[Allowed, ...]]]:
    """Yield what is allowed, to be changed; write it if all went well.

    No other process changes it meanwhile.
    """
    file = _file()
    try:
        make_private_folder(file.parent)
        folder = os.open(file.parent, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            trusted = read_trusted()
            yield trusted
            _write(file, trusted)
        finally:
            os.close(folder)
    except ForeignFile as error:
        raise _does_not_count(error) from None
    except OSError as error:
        raise ConfigurationError(
            f"{file} cannot be written: {error.strerror}",
            state="unchanged; nothing was allowed or revoked.",
            hint="make it writable, or set XDG_CONFIG_HOME to a folder that is.",
        ) from None


def _write(file: Path, trusted: Mapping[str, Sequence[Allowed]]) -> None:
    content = {"projects": {name: [asdict(each) for each in trusted[name]] for name in sorted(trusted)}}
    target = Path(os.path.realpath(file))  # a manager of dotfiles may have made it a link
    replace_file(target, json.dumps(content, indent=2) + "\n")


def _file() -> Path:
    folders = user_folders("XDG_CONFIG_HOME", ".config")
    if not folders:
        hint = "set HOME or XDG_CONFIG_HOME."
        raise ConfigurationError("this account has no folder for what is trusted", state=_NOTHING, hint=hint)
    return folders[0] / "trusted.json"


def _does_not_count(error: ForeignFile) -> ConfigurationError:
    """Return the error for a file that others may have written: they would say what this user trusts."""
    hint = "correct its owner and mode, or set XDG_CONFIG_HOME to a folder of your own."
    return ConfigurationError(f"{error.path} does not count: {error.reason}", state=_NOTHING, hint=hint)


def _missing(project: str, requests: Sequence[Request]) -> list[Request]:
    if not requests or trusts_everything():
        return []
    known = {allowed.digest for allowed in read_trusted().get(project, ())}
    return in_reading_order(request for request in requests if request.digest not in known)


def _other_way(missing: Sequence[Request]) -> str:
    """Return what to do with data that is not needed.

    The second part of such a request's identity is its folder.
    """
    folders = shlex.join(request.identity[1] for request in missing if request.is_about_data)
    return f" If you do not need that data, begin with none: rm -r {folders}" if folders else ""


def _untrusted(project: str, missing: Sequence[Request], named: str) -> Untrusted:
    first, *others = dict.fromkeys(request.file for request in reversed(missing))
    files = ", ".join([first, *others[:_NAMED]]) + (f" and {len(others) - _NAMED} more" if len(others) > _NAMED else "")
    return Untrusted(
        f"the project in {project} is not trusted yet",
        details=tuple(f"  {request}" for request in missing),
        state=_NOTHING,
        hint=Advice(
            f"look at {files}. If you trust it: ",
            command("trust", named),
            f"; in CI: {VARIABLE}=1.{_other_way(missing)}",
        ),
        project=project,
        asked=tuple((request.digest, str(request)) for request in missing),
    )
