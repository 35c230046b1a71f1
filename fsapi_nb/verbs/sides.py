"""What `diff` compares, as a user names it: the database, the folder's end, another database, a file, a file in git."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fsapi_nb.errors import ConfigurationError, UsageError
from fsapi_nb.project.programs import communicate
from fsapi_nb.project.regular_file import read_regular
from fsapi_nb.project.root import Project
from fsapi_nb.text.command import Advice, Command
from fsapi_nb.text.near import did_you_mean, near
from fsapi_nb.text.secrets import is_secret_variable
from fsapi_nb.verbs.options import VerbOptions

#: The words that name the database of the command and the end of the migrations folder.
DATABASE, FOLDER = "database", "folder"
_SECONDS = 10.0
#: git fetches nothing and asks for nothing; `cat-file` runs no filter and no program that a repository names.
_CALM = {"GIT_ALLOW_PROTOCOL": "none", "GIT_NO_LAZY_FETCH": "1", "GIT_TERMINAL_PROMPT": "0"}
_FORMS = (
    f"give `{DATABASE}`, `{FOLDER}`, the name or URL of a database, a file such as schema.sql, or one of a commit such as "
    "HEAD:schema.sql."
)


@dataclass(frozen=True, slots=True)
class SchemaText:
    """A file that makes a schema: its name as it was given, and what it says."""

    name: str
    text: str


def read_schema_text(project: Project, wanted: str) -> SchemaText | None:
    """Return the file that a word names, on the disk or in a commit; None if it names neither.

    Raises ConfigurationError if it cannot be read, UsageError if it is not text.
    """
    path = Path(wanted)
    if wanted in project.databases:
        if path.is_file():
            raise UsageError(
                f"{wanted!r} is the name of a database and of a file",
                hint=f"./{wanted} is the file; rename one of the two.",
            )
        return None
    if path.is_file() or (wanted.endswith(".sql") and ":" not in wanted):
        return SchemaText(wanted, _text(wanted, _bytes_of(path)))
    revision, colon, inside = wanted.partition(":")
    if colon and inside.endswith(".sql") and "://" not in wanted:
        return SchemaText(wanted, _text(wanted, _bytes_in_git(project.root, revision, inside)))
    return None


def unknown_side(wanted: str, databases: Sequence[str]) -> UsageError:
    """Return the error for a word that names nothing to compare, with the database that may have been meant."""
    meant = near(wanted, [DATABASE, FOLDER, *databases])
    hint = did_you_mean(meant) if meant else _FORMS
    return UsageError(f"{wanted!r} is neither a database nor a file", hint=hint)


def refuse_file_as_schema(options: VerbOptions, meant: Callable[[str], Command]) -> None:
    """Raise UsageError if `--schema` names a file: nothing would be compared, which looks like an empty schema.

    `meant` returns the command that takes the file.
    """
    named = options.access.schema
    if named is None or not (named.endswith(".sql") or (Path(named).stem != named and Path(named).is_file())):
        return
    raise UsageError(
        f"--schema {named}: this is a file, and --schema names the schema of the database that alone is compared",
        hint=Advice("a file with a schema is an end of the comparison: ", meant(named), "."),
    )


def _bytes_of(path: Path) -> bytes:
    try:
        return read_regular(path)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror or error}", hint=_FORMS) from None


def _bytes_in_git(root: Path, revision: str, path: str) -> bytes:
    """Return a file as it is in a commit. Runs git, which runs nothing of the repository's."""
    if revision.startswith("-"):
        raise UsageError(f"{revision!r} is not a commit", hint=_FORMS)
    kept = {name: value for name, value in os.environ.items() if not is_secret_variable(name) and "://" not in value}
    environment = kept | _CALM
    try:
        process = subprocess.Popen(
            ["git", "--no-pager", "cat-file", "blob", f"{revision}:./{path}"],
            cwd=root,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="surrogateescape",
        )
        with process:
            said, errors = communicate(process, _SECONDS)
    except (OSError, subprocess.SubprocessError) as error:
        raise ConfigurationError(f"git cannot be run: {error}", hint="give a file instead.") from None
    if process.returncode:
        reason = (errors.strip() or "git does not say why").splitlines()[0]
        raise ConfigurationError(f"{revision}:{path} cannot be read: {reason}", hint=_FORMS)
    return said.encode("utf-8", "surrogateescape")


def _text(name: str, data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise UsageError(f"{name} is not UTF-8 text", hint="schema files are written in UTF-8.") from None
