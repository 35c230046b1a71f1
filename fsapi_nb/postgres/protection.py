"""Decide whether the database that a connection has reached is one that the project protects. In doubt, it is.

It is compared by where the connection went, not by what the user typed: the environment, service files, lists of hosts
and functions can lead anywhere. Looks host names up; makes no connection.
"""

from __future__ import annotations

import os
import re
import socket
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from psycopg import ProgrammingError

from fsapi_nb.project.configuration import EMBEDDED
from fsapi_nb.project.lookup import find_addresses
from fsapi_nb.project.parts import Parts, connection_parts, own_parts
from fsapi_nb.text.secrets import Secret, Variables

if TYPE_CHECKING:
    from fsapi_nb.project.address import Address
    from fsapi_nb.project.root import Project

#: A plain URL that names its database and has no options that could change it. It is read without libpq: a project may
#: have thousands.
_PLAIN = re.compile(r"postgres(?:ql)?(?:\+\w+)?://[^/?%]*/([^?%]+)")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The server that a connection has really reached, as libpq reports it; `address` is its IP, if it has one.

    `by_function` is true if a user's function opened the connection: a socket or a port of this machine may then be the
    near end of a tunnel to anywhere.
    """

    host: str
    address: str
    port: int
    database: str
    by_function: bool = False


class AddressMatch(IntEnum):
    """The certainty with which an address leads to where a connection went."""

    NO = 0
    PERHAPS = 1
    YES = 2


def is_protected(
    project: Project,
    reached: Endpoint,
    *,
    unless_sure: bool = False,
    environment: Mapping[str, str] | None = None,
) -> bool:
    """Return whether the database that was reached is a protected one.

    With an empty name of a database in `reached`, return whether its server has a protected one.

    An entry of `pyproject.toml` whose `url_env` is not set is not compared: its address is not known on this machine.

    Args:
        project: The project, whose `pyproject.toml` lists the protected databases.
        reached: Where the connection went.
        unless_sure: Whether the answer is no in doubt: for a database whose own entry says `protected = false`.
        environment: The environment variables, by default those of the process.
    """
    environment = Variables(os.environ if environment is None else environment)
    addresses, unknown = _protected_addresses(project.databases, environment)
    needed = AddressMatch.YES if unless_sure else AddressMatch.PERHAPS
    if unknown and needed is AddressMatch.PERHAPS:
        return True
    index = _index(addresses)
    candidates = (*index.get(reached.database, ()), *index.get(None, ())) if reached.database else addresses
    return _best(candidates, reached, environment) >= needed


def may_lead_to(address: Address, reached: Endpoint, *, environment: Mapping[str, str] | None = None) -> bool:
    """Return whether a connection that went to `reached` may be one to the database of `address`.

    The embedded server is recognised by its Unix socket. For an address that is a function the answer is no.

    Args:
        address: The address to compare.
        reached: Where the connection went.
        environment: The environment variables, by default those of the process.
    """
    if address.dsn is None:
        return address.embedded and reached.host.startswith("/") and reached.database == address.database
    variables = Variables(os.environ if environment is None else environment)
    return _best((address.dsn,), reached, variables) is AddressMatch.YES


def _best(addresses: Sequence[str], reached: Endpoint, environment: Mapping[str, str]) -> AddressMatch:
    """Return the best match of several connection strings. The names of all their hosts are looked up together."""
    found = [connection_parts(address, environment) for address in addresses]
    found = [parts for parts in found if not reached.database or parts.database in ("", reached.database)]
    hosts = {reached.host, reached.address, *(host for parts in found if parts.known for host in parts.hosts)}
    places = _places(hosts)
    return max((_match(parts, places, reached) for parts in found), default=AddressMatch.NO)


def _match(parts: Parts, places: Mapping[str, frozenset[str]], reached: Endpoint) -> AddressMatch:
    """Return whether one of a connection string's hosts is where the connection went."""
    if not parts.known:
        return AddressMatch.PERHAPS
    there = places[reached.host] | places[reached.address]
    return max((_compare(places[host], port, there, reached) for host, port in _hosts(parts)), default=AddressMatch.NO)


def _compare(wanted: frozenset[str], port: int, there: frozenset[str], reached: Endpoint) -> AddressMatch:
    """Compare all names of one host, and its port, with all names of the host that was reached."""
    near = "here" in there
    if wanted & there:
        # Behind one name of another machine a second port is a pooler more often than another server.
        return (
            AddressMatch.YES
            if port == reached.port
            else AddressMatch.NO
            if near and not reached.by_function
            else AddressMatch.PERHAPS
        )
    if near:
        return AddressMatch.PERHAPS if reached.by_function else AddressMatch.NO
    known = "here" in wanted or any(map(_is_address, wanted))
    return AddressMatch.NO if known or port != reached.port else AddressMatch.PERHAPS


def _hosts(parts: Parts) -> Iterator[tuple[str, int]]:
    """Yield every host of an address with its port; its `hostaddr` if it has one, as libpq connects to that."""
    hosts = parts.hosts
    ports = parts.ports if len(parts.ports) == len(hosts) else parts.ports[:1] * len(hosts)
    for host, port in zip_longest(hosts, ports, fillvalue=""):
        yield host, int(port) if port.isdecimal() else 5432


def _places(hosts: Collection[str]) -> Mapping[str, frozenset[str]]:
    """Return all names of each host: its own, its addresses, and `here` for this machine and every Unix socket."""
    names = {host for host in hosts if host and not host.startswith(("/", "@"))}
    found = find_addresses({name for name in names if not _is_address(name)})
    local = {"localhost", "127.0.0.1", "::1", socket.gethostname().lower()}
    places = {host: frozenset({"here"}) for host in hosts}
    for name in names:
        called = {name.lower().rstrip("."), *found.get(name, ())}
        places[name] = frozenset({"here", *called} if called & local else called)
    return places


def _is_address(host: str) -> bool:
    return ":" in host or bool(re.fullmatch(r"[\d.]+", host))


def _protected_addresses(
    databases: Mapping[str, Mapping[str, Any]], environment: Mapping[str, str]
) -> tuple[tuple[Secret, ...], bool]:
    """Return the connection strings of the protected databases, and whether one may lead anywhere (a function)."""
    addresses: list[Secret] = []
    unknown = False
    for entry in databases.values():
        if not entry.get("protected"):
            continue
        address = Secret(entry.get("url") or environment.get(entry.get("url_env", ""), "").strip())
        if address and address.partition(":")[0] != EMBEDDED:
            addresses.append(address)
        unknown = unknown or ("connect" in entry and not address)
    return tuple(addresses), unknown


@lru_cache(maxsize=8)
def _index(addresses: Sequence[str]) -> Mapping[str | None, Sequence[str]]:
    """Return the addresses by the database that they name; None for those that name none themselves."""
    found: defaultdict[str | None, list[str]] = defaultdict(list)
    for address in addresses:
        plain = _PLAIN.fullmatch(address)
        found[plain[1] if plain else _own_database(address)].append(address)
    return found


def _own_database(address: str) -> str | None:
    try:
        return own_parts(address).get("dbname")
    except ProgrammingError:  # libpq cannot parse it: it may name any database
        return None
