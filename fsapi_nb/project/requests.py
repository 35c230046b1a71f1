"""What the files of a project ask for that its user must allow first: a program, an address elsewhere, another's files.

What was typed, what the environment says and what is on this machine asks for nothing. Reads the programs that are named
and lie in the project; connects to nothing.
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

#: What a user of the address is, and not where it leads or how it is protected: a change of these asks for nothing new.
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
#: What may be said of a server on this machine. Others load libraries, read files or tell the server to.
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
#: Where PostgreSQL is installed by a system's packages. What is root's there belongs to the machine, not to a project.
_SYSTEM = re.compile(r"/usr/(bin|lib|lib64|libexec|pgsql-\d+)(/.*)?")


@dataclass(frozen=True, slots=True)
class Request:
    """Something that files of a project ask for: `file` and what follows from it in words, without secrets.

    `identity` is what matters of it: an answer counts as long as it stays the same.
    """

    file: str
    what: str
    identity: tuple[str, ...] = field(repr=False)

    def __str__(self) -> str:
        # In one line, whatever it quotes: nothing of it may look like a line of fsapi_nb, or push others off the screen.
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
        """What an answer is kept by."""
        return hashlib.sha256(json.dumps(self.identity).encode()).hexdigest()


def address_request(dsn: Secret, file: str, setting: str) -> tuple[Request, ...]:
    """What a connection string of a file asks for; nothing if it leads to this machine, and does no more than that."""
    parts = own_parts(dsn)
    further = {name: value for name, value in parts.items() if name not in _PLAIN and value != _defaults().get(name)}
    if _PLAIN_OPTIONS.fullmatch(further.get("options", "")):
        further.pop("options", None)
    hosts = ",".join((parts.get("hostaddr", ""), parts.get("host", ""))).split(",")
    away = "service" in parts or not all(map(_is_here, hosts))
    if not further and not away:
        return ()
    matters = {name: value for name, value in parts.items() if name not in _UNIMPORTANT | SECRET_PARAMETERS}
    told = sorted(further.keys() - SECRET_PARAMETERS - {"service"})
    shown = ", ".join(f"{name}={further[name]}" for name in told)
    what = f"connects to {_place(parts)} ({setting})" + (f", with {_without_secrets(shown, file)}" if shown else "")
    if away and "password" not in parts:
        what += "; a password of yours (PGPASSWORD, ~/.pgpass) may be sent there"
    return (Request(file, what, ("address", json.dumps(matters, sort_keys=True))),)


def command_request(arguments: Sequence[str], root: Path, file: str, database: str) -> Request:
    """What a `password_command` asks for."""
    shown = _without_secrets(shlex.join(hide_in_arguments(arguments)), file)
    what = f"runs a program for the password of {database!r} (password_command): {shown}"
    return Request(file, what, ("command", *arguments, *_contents(root, map(Path, arguments))))


def function_request(function: str, root: Path, file: str, database: str) -> Request:
    """What a `connect` asks for."""
    what = f"runs Python's {function} to open {database!r} (connect)"
    module = Path(*function.partition(":")[0].split("."))
    modules = [module, *(package / "__init__" for package in (module, *module.parents) if package.name)]
    # Python takes a library for a module, too, and before the source of the same name.
    files = (Path(f"{each}{suffix}") for each in modules for suffix in all_suffixes())
    return Request(file, what, ("function", function, *_contents(root, files)))


def binaries_request(folder: Path, root: Path, file: str) -> tuple[Request, ...]:
    """What a `postgres_bin` asks for; nothing if it is a PostgreSQL that the system's own packages have installed."""
    real = os.path.realpath(folder)
    inside = Path(real).is_relative_to(os.path.realpath(root))
    if _SYSTEM.fullmatch(real) and not inside and _is_roots(Path(real)):
        return ()
    programs = _contents(root, (Path(real, name) for name in ("postgres", "initdb", "pg_ctl")))
    return (Request(file, f"runs the PostgreSQL in {real}", ("binaries", real, *programs)),)


def in_reading_order(requests: Iterable[Request]) -> list[Request]:
    """Return what runs and connects last: of a long list a terminal leaves the end in sight."""
    return sorted(requests, key=lambda request: not request.is_about_files)


def file_request(path: Path, content: Mapping[str, Any]) -> tuple[Request, ...]:
    """What a project file asks for that others than this user and root may have written; nothing if they cannot."""
    reason = why_foreign(path)
    if reason is None:
        return ()
    says = json.dumps(_harmless(content), sort_keys=True, default=str)
    return (Request(path.name, f"is used although {reason}", (_FILE, path.name, says)),)


def foreign_request(path: Path, root: Path, reason: str) -> Request:
    """What a migration asks for that others may have written, for this reason."""
    name = os.path.relpath(path, root)
    return Request(name, f"is used although {reason}", (_FILE, name))


def link_request(path: Path, root: Path, real: str) -> Request:
    """What a path of a project asks for that really leads out of it."""
    name = os.path.relpath(path, root)
    return Request(name, f"leads out of the project: {real} is read, and may be written", (_LINK, name, real))


def folder_request(file: str, real: str) -> Request:
    """What a migrations folder asks for that a file of the project names, and that is outside of it."""
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
    """What libpq takes for a parameter that is not named: to name it says nothing more."""
    return {option.keyword.decode(): (option.compiled or b"").decode() for option in pq.Conninfo.get_defaults()}


def _contents(root: Path, files: Iterable[Path]) -> Iterator[str]:
    """What changes with the project, of each of these files: the digest of one in it, and where a link in it leads out.

    Nothing else that is part of an identity has a null character, so that none can be taken for one of these.
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
    """Whether the folder and all above it are root's, and nobody else can change them."""
    try:
        return all(way.stat().st_uid == 0 for way in (folder, *folder.parents)) and why_foreign(folder) is None
    except OSError:
        return False


def _harmless(content: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a file without the addresses, which are asked about themselves, and without secrets."""
    left = {name: value for name, value in content.items() if name not in {"url", "DATABASE_URL", "DB_PASS"}}
    if isinstance(left.get("database"), str) and re.search(r"://|=", left["database"]):
        del left["database"]
    return {name: _harmless(value) if isinstance(value, dict) else value for name, value in left.items()}


def _without_secrets(text: str, file: str) -> str:
    """The text as it may be shown. What looks like a secret may be a part of a program, so it is said that something is hidden."""
    shown = hide_in_message(text)
    return f"{shown} (what may be a secret is hidden as {STARS}: read it in {file})" if STARS in shown else shown
