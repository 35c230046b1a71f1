"""Get passwords from a program that prints them (`password_command`); keep them for a while.

A password may be a token for one host and user. Threads that need the same one share one run of the program.

A password is never part of an error, a repr or a log; of the program's arguments only the first is shown.
"""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from fsapi_nb.errors import CannotConnect, ConfigurationError
from fsapi_nb.project.parts import connection_parts, joined, own_parts
from fsapi_nb.text.secrets import STARS, Secret, Variables, hide_in_message

_PATIENCE = 60.0  # seconds for the program: it may ask a service far away
_SAID = 5  # lines of what it said on stderr
_guard = threading.Lock()
_entries: dict[tuple[str, ...], _Entry] = {}


@dataclass(slots=True)
class _Entry:
    """The password that one command printed, and until when it is used, by the monotonic clock."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    password: Secret | None = None
    until: float = 0.0


@dataclass(frozen=True, slots=True)
class PasswordCommand:
    """The program that prints the password of a database, and its folder; `lifetime` is in seconds."""

    arguments: tuple[str, ...] = field(repr=False)  # one may be a token for the program itself
    folder: Path
    lifetime: float


@dataclass(frozen=True, slots=True)
class CommandAddress:
    """A connection string without a password, and the program that prints it."""

    dsn: Secret
    command: PasswordCommand

    def with_password(self, *, renewed: bool = False) -> tuple[Secret, bool]:
        """Return the connection string with the password, and whether that was printed earlier.

        With `renewed`, the program is run in any case.

        Threads that ask at once share one run of the program.
        Raises ConfigurationError, and CannotConnect if the program fails.
        """
        arguments = self._arguments()
        with _guard:
            entry = _entries.setdefault(arguments, _Entry())
        with entry.lock:
            known = not renewed and entry.password is not None and time.monotonic() < entry.until
            if not known or entry.password is None:
                entry.password = _run(arguments, self.command.folder)
                entry.until = time.monotonic() + self.command.lifetime
            return joined({**own_parts(self.dsn), "password": entry.password}), known

    def _arguments(self) -> tuple[str, ...]:
        """Return the program and its arguments for this host, port and user."""
        parts = connection_parts(self.dsn, Variables(os.environ))
        template = self.command.arguments
        several = len(parts.names) > 1 and any("{host}" in each or "{port}" in each for each in template)
        if several or not parts.known:
            what = "its address names several hosts" if several else "its service is in no service file"
            hint = "give the database a URL with one host."
            raise ConfigurationError(f"password_command has no one {{host}} to ask for: {what}", hint=hint)
        values = {"{host}": parts.names[0] or "localhost", "{port}": parts.ports[0] or "5432", "{user}": parts.user}
        return tuple(_filled(each, values) for each in template)


def printed_passwords() -> tuple[Secret, ...]:
    """Return the passwords that programs have printed in this process and are still kept."""
    with _guard:
        return tuple(entry.password for entry in _entries.values() if entry.password is not None)


def _filled(argument: str, values: dict[str, str]) -> str:
    for placeholder, value in values.items():
        argument = argument.replace(placeholder, value)
    return argument


def _run(arguments: tuple[str, ...], folder: Path) -> Secret:
    """Run the program; return the first line that it prints."""
    import subprocess  # most runs never need it

    from fsapi_nb.project.programs import communicate

    program = arguments[0]
    try:
        with subprocess.Popen(
            arguments,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        ) as process:
            output, complaint = communicate(process, _PATIENCE)
    except OSError as error:
        hint = "correct password_command in pyproject.toml, or install the program."
        raise ConfigurationError(f"password_command cannot run {program!r}: {error.strerror}", hint=hint) from None
    except subprocess.TimeoutExpired:
        raise _failed(program, f"did not end within {_PATIENCE:.0f} seconds", ()) from None
    password = Secret(output.partition("\n")[0].rstrip("\r"))
    if process.returncode:
        raise _failed(program, f"failed with exit code {process.returncode}", _said(complaint, output))
    if not password:
        raise _failed(program, "printed nothing on its first line", _said(complaint, output))
    return password


def _said(stderr: str, stdout: str) -> tuple[str, ...]:
    """Return the last lines of what the program said of a failure, without what it printed as a password."""
    for printed in filter(None, map(str.strip, stdout.splitlines())):
        stderr = stderr.replace(printed, STARS)
    return tuple(f"  {hide_in_message(line)}" for line in stderr.strip().splitlines()[-_SAID:])


def _failed(program: str, what: str, details: tuple[str, ...]) -> CannotConnect:
    hint = "run it in a terminal: its first line must be the password."
    return CannotConnect(
        f"no connection to the database: password_command ({program}) {what}", details=details, hint=hint
    )
