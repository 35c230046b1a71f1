"""Describe what the files of a project ask for that its user must allow first.

That is a program, an address elsewhere, or files of others. What was typed, what the environment says and what is on
this machine needs no permission. Reads the programs that are named and are in the project; connects to nothing.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.machinery import all_suffixes
from pathlib import Path
from typing import Any

from psycopg import pq

from fsapi_nb.project.ownership import why_foreign
from fsapi_nb.project.parts import own_parts
from fsapi_nb.text.secrets import SECRET_PARAMETERS, STARS, Secret, hide_in_arguments, hide_in_message

#: Parameters that say who uses an address, and not where it leads or how it is protected: a change of them asks for
#: nothing.
_UNIMPORTANT = frozenset(
    {
        "application_name",
        "client_encoding",
        "connect_timeout",
        "dbname",
        "fallback_application_name",
        "keepalives",
        "keepalives_count",
        "keepalives_idle",
        "keepalives_interval",
        "load_balance_hosts",
        "password",
        "target_session_attrs",
        "tcp_user_timeout",
        "user",
    }
)
#: Parameters that a server on this machine may be given. Others load libraries, read files, or make the server do so.
_PLAIN = _UNIMPORTANT | {
    "channel_binding",
    "gssencmode",
    "host",
    "hostaddr",
    "max_protocol_version",
    "min_protocol_version",
    "port",
    "require_auth",
    "ssl_max_protocol_version",
    "ssl_min_protocol_version",
    "sslcertmode",
    "sslmode",
}
_PLAIN_OPTIONS = re.compile(r"(\s*(-c\s*|--)(search_path|statement_timeout|lock_timeout|timezone)=\S+)*\s*")
_LINE_ENDS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_FILE, _LINK, _DATA = "file", "link", "data"
#: The folders into which a system's packages install PostgreSQL. Root's files there belong to the machine, not to a
#: project.
_SYSTEM = re.compile(r"/usr/(bin|lib|lib64|libexec|pgsql-\d+)(/.*)?")


@dataclass(frozen=True, slots=True)
class Request:
    """A request of a project's files: the `file` and, in words without secrets, what follows from it.

    `identity` is what matters of it: an answer counts as long as that stays the same.
    """

    file: str
    what: str
    identity: tuple[str, ...] = field(repr=False)

    def __str__(self) -> str:
        # In one line, whatever it quotes: no part of it may look like a line of fsapi_nb, or push others off the
        # screen.
        return _LINE_ENDS.sub(lambda found: ascii(found[0])[1:-1], f"{self.file}: {self.what}")

    @property
    def is_about_files(self) -> bool:
        """Whether it is about the project's own files, which count for every command."""
        return self.identity[0] in {_FILE, _LINK}

    @property
    def is_about_data(self) -> bool:
        """Whether it is about the data of an embedded server, which may be begun again instead."""
        return self.identity[0] == _DATA

    @property
    def digest(self) -> str:
        """The key of an answer."""
        return hashlib.sha256(json.dumps(self.identity).encode()).hexdigest()


def address_request(dsn: Secret, file: str, setting: str) -> tuple[Request, ...]:
    """Return what a connection string of a file asks for; nothing if it only leads to this machine.

    Args:
        dsn: The connection string.
        file: The file that has it.
        setting: The setting in that file.
    """
    parts = own_parts(dsn)
    further = {name: value for name, value in parts.items() if name not in _PLAIN and value != _defaults().get(name)}
    if _PLAIN_OPTIONS.fullmatch(further.get("options", "")):
        further.pop("options", None)
    hosts = ",".join((parts.get("hostaddr", ""), parts.get("host", ""))).split(",")
    away = "service" in parts or not all(map(_is_here, hosts))
    if not further and not away:
        return ()
    matters = {name: value for name, value in parts.items() if name not in _UNIMPORTANT | SECRET_PARAMETERS}
    named = sorted(further.keys() - SECRET_PARAMETERS - {"service"})
    shown = ", ".join(f"{name}={further[name]}" for name in named)
    what = f"connects to {_place(parts)} ({setting})" + (f", with {_without_secrets(shown, file)}" if shown else "")
    if away and "password" not in parts:
        what += "; a password of yours (PGPASSWORD, ~/.pgpass) may be sent there"
    return (Request(file, what, ("address", json.dumps(matters, sort_keys=True))),)


def command_request(arguments: Sequence[str], root: Path, file: str, database: str) -> Request:
    """Return what a `password_command` asks for: to run that program, as long as it stays the same."""
    shown = _without_secrets(shlex.join(hide_in_arguments(arguments)), file)
    what = f"runs a program for the password of {database!r} (password_command): {shown}"
    return Request(file, what, ("command", *arguments, *_contents(root, map(Path, arguments))))


def function_request(function: str, root: Path, file: str, database: str) -> Request:
    """Return what a `connect` asks for: to run that function, as long as its module stays the same."""
    what = f"runs Python's {function} to open {database!r} (connect)"
    module = Path(*function.partition(":")[0].split("."))
    modules = [module, *(package / "__init__" for package in (module, *module.parents) if package.name)]
    # Python takes a library for a module, too, and before the source of the same name.
    files = (Path(f"{each}{suffix}") for each in modules for suffix in all_suffixes())
    return Request(file, what, ("function", function, *_contents(root, files)))


def binaries_request(folder: Path, root: Path, file: str) -> tuple[Request, ...]:
    """Return what a `postgres_bin` asks for; nothing for a PostgreSQL of the system's own packages."""
    real = os.path.realpath(folder)
    inside = Path(real).is_relative_to(os.path.realpath(root))
    if _SYSTEM.fullmatch(real) and not inside and _is_roots(Path(real)):
        return ()
    programs = _contents(root, (Path(real, name) for name in ("postgres", "initdb", "pg_ctl")))
    return (Request(file, f"runs the PostgreSQL in {real}", ("binaries", real, *programs)),)


def in_reading_order(requests: Iterable[Request]) -> list[Request]:
    """Return the requests, those that run or connect last: a terminal shows the end of a long list."""
    return sorted(requests, key=lambda request: not request.is_about_files)


def file_request(path: Path, content: Mapping[str, Any]) -> tuple[Request, ...]:
    """Return what a project file asks for if others than this user and root may have written it."""
    reason = why_foreign(path)
    if reason is None:
        return ()
    says = json.dumps(_harmless(content), sort_keys=True, default=str)
    return (Request(path.name, f"is used although {reason}", (_FILE, path.name, says)),)


def foreign_request(path: Path, root: Path, reason: str) -> Request:
    """Return what a migration asks for that others may have written, for this reason."""
    name = os.path.relpath(path, root)
    return Request(name, f"is used although {reason}", (_FILE, name))


def link_request(path: Path, root: Path, real: str) -> Request:
    """Return what a path of a project asks for that really leads out of it."""
    name = os.path.relpath(path, root)
    return Request(name, f"leads out of the project: {real} is read, and may be written", (_LINK, name, real))


def folder_request(file: str, real: str) -> Request:
    """Return what a migrations folder outside of the project asks for, which a file of it names."""
    return Request(file, f"has the migrations outside of the project: {real} is read and written", (_LINK, real))


def data_request(server_folder: Path, elsewhere: str) -> Request:
    """Return what a server folder of the embedded server asks for that this account has not made here.

    `elsewhere` is where its record says that the data of root's server lies, empty if it is in the folder itself.
    """
    found = server_folder.lstat()
    where = f"the data in {elsewhere}, which" if elsewhere else "data that"
    what = f"starts a server on {where} was not made here: its settings and functions may run programs"
    name = str(Path(server_folder.parent.name, server_folder.name))
    return Request(
        name, what, (_DATA, str(server_folder), str(found.st_ino), str(found.st_ctime_ns), *filter(None, [elsewhere]))
    )


@cache
def _defaults() -> dict[str, str]:
    """Return libpq's default of each parameter: an address that names it asks for nothing more."""
    return {option.keyword.decode(): (option.compiled or b"").decode() for option in pq.Conninfo.get_defaults()}


def _contents(root: Path, files: Iterable[Path]) -> Iterator[str]:
    """Yield what changes with the project: digests of its files, and where its links out of it lead.

    No other part of an identity has a null character, so none can be taken for one of these.
    """
    base = os.path.realpath(root)
    for file in files:
        written = root / file
        with contextlib.suppress(OSError, ValueError):  # the latter is a name with a null character
            real = Path(os.path.realpath(written))
            if not real.is_relative_to(base):
                if Path(os.path.abspath(written)).is_relative_to(os.path.abspath(root)):
                    yield f"\0{file}\0leads to {real}"
            elif real.is_file():
                yield f"\0{file}\0{hashlib.sha256(real.read_bytes()).hexdigest()}"


def _is_here(host: str) -> bool:
    if not host or host.startswith(("/", "@")) or host.lower() == "localhost":
        return True
    import ipaddress

    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _place(parts: Mapping[str, str]) -> str:
    hosts = parts.get("hostaddr") or parts.get("host")
    if not hosts:
        return f"the service {parts['service']!r}" if "service" in parts else "a server on this machine"
    ports = parts.get("port", "5432").split(",")
    names = hosts.split(",")
    ports = ports if len(ports) == len(names) else ports[:1] * len(names)
    return ", ".join(_host(name, port or "5432") for name, port in zip(names, ports, strict=True))


def _host(name: str, port: str) -> str:
    if not name or name.startswith(("/", "@")):
        return "a socket of this machine"
    # After an @ in a password the rest of it is taken for the host.
    name = f"***@{name.rpartition('@')[2]}" if "@" in name else name
    return f"[{name}]:{port}" if ":" in name else f"{name}:{port}"


def _is_roots(folder: Path) -> bool:
    """Return whether the folder and all above it are root's, and nobody else can change them."""
    try:
        return all(way.stat().st_uid == 0 for way in (folder, *folder.parents)) and why_foreign(folder) is None
    except OSError:
        return False


def _harmless(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a file without secrets and addresses; these have requests of their own."""
    left = {name: value for name, value in content.items() if name not in {"url", "DATABASE_URL", "DB_PASS"}}
    if isinstance(left.get("database"), str) and re.search(r"://|=", left["database"]):
        del left["database"]
    return {name: _harmless(value) if isinstance(value, dict) else value for name, value in left.items()}


def _without_secrets(text: str, file: str) -> str:
    """Return the text as it may be shown.

    If something is hidden, the text says so: what looks like a secret may be a part of a program.
    """
    shown = hide_in_message(text)
    return f"{shown} (what may be a secret is hidden as {STARS}: read it in {file})" if STARS in shown else shown
