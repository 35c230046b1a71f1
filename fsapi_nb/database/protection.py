"""Whether the place that a connection has reached is a database that the project protects. In doubt, it is.

Compared by where the connection went, not by what was typed: the environment, service files, lists of hosts and
functions can lead anywhere. Looks names up; connects to nothing.
"""

from __future__ import annotations

import os
import re
import socket
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from fsapi_nb.database.configuration import EMBEDDED
from fsapi_nb.database.parts import Parts, connection_parts, own_parts

if TYPE_CHECKING:
    from fsapi_nb.database.settings import Address, Project

_FRESH = 60.0  # seconds

#: A plain URL with a database in it and nothing that could change that: read without libpq, as there may be thousands.
_PLAIN = re.compile(r"postgres(?:ql)?(?:\+\w+)?://[^/?%]*/([^?%]+)")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The place that a connection has really reached, as libpq tells it; `address` is an IP where there is one.

    `by_function` is true if a function opened the connection: a socket or a port of this machine may then be the near
    end of a tunnel to anywhere.
    """

    host: str
    address: str
    port: int
    database: str
    by_function: bool = False


class Match(IntEnum):
    """Whether an address leads to where a connection went."""

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
    """Return whether what was connected to is one of the databases that are protected.

    In doubt it is, with `unless_sure` it is not: for a database that its own entry calls `protected = false`. An
    entry whose `url_env` is not set is not compared: then its address is not known on this machine.
    """
    environment = os.environ if environment is None else environment
    addresses, unknown = _protected_addresses(project.databases, environment)
    needed = Match.YES if unless_sure else Match.PERHAPS
    if unknown and needed is Match.PERHAPS:
        return True
    index = _index(addresses)
    candidates = (*index.get(reached.database, ()), *index.get(None, ()))
    return any(leads_to(address, reached, environment) >= needed for address in candidates)


def may_lead_to(address: Address, reached: Endpoint, *, environment: Mapping[str, str] | None = None) -> bool:
    """Return whether a connection that went there is to the database of that address, as far as an address tells.

    The embedded server is behind a socket; where a function connects to is not known before.
    """
    if address.dsn is None:
        return address.embedded and reached.host.startswith("/") and reached.database == address.database
    return leads_to(address.dsn, reached, os.environ if environment is None else environment) is Match.YES


def leads_to(address: str, reached: Endpoint, environment: Mapping[str, str]) -> Match:
    """Return whether one of a connection string's hosts is where that connection went."""
    parts = connection_parts(address, environment)
    if parts.database and parts.database != reached.database:
        return Match.NO
    if not parts.known:
        return Match.PERHAPS
    places = places_of(reached.host) | places_of(reached.address)
    return max((_compare(host, port, places, reached) for host, port in _hosts(parts)), default=Match.NO)


def _compare(host: str, port: int, places: set[str], reached: Endpoint) -> Match:
    """One host of an address beside the place that was reached, in a database of the same name."""
    near = "here" in places
    wanted = places_of(host)
    if wanted & places:
        # Behind one name of another machine a second port is a pooler more often than another server.
        return Match.YES if port == reached.port else Match.NO if near and not reached.by_function else Match.PERHAPS
    if near:
        return Match.PERHAPS if reached.by_function else Match.NO
    known = len(wanted) > 1 or "here" in wanted or _is_address(host)
    return Match.NO if known or port != reached.port else Match.PERHAPS


def _hosts(parts: Parts) -> Iterator[tuple[str, int]]:
    """Every host of an address with its port: where `hostaddr` is given, that is where libpq goes."""
    hosts = parts.hosts
    ports = parts.ports if len(parts.ports) == len(hosts) else parts.ports[:1] * len(hosts)
    for host, port in zip_longest(hosts, ports, fillvalue=""):
        yield host, int(port) if port.isdigit() else 5432


def places_of(host: str) -> set[str]:
    """Return what a host may be called: itself, its addresses; every name of this machine and every socket is `here`."""
    if not host or host.startswith(("/", "@")):
        return {"here"}
    found = {host.lower().rstrip("."), *_addresses(host, int(time.monotonic() / _FRESH))}
    local = {"localhost", "127.0.0.1", "::1", socket.gethostname().lower()}
    return {"here", *found} if found & local else found


@lru_cache(maxsize=4096)
def _addresses(host: str, _moment: int) -> frozenset[str]:
    """What the system says that a name means, asked once in a while: a project may name a thousand hosts."""
    try:
        return frozenset(str(info[4][0]) for info in socket.getaddrinfo(host, None))
    except (OSError, UnicodeError):
        return frozenset()


def _is_address(host: str) -> bool:
    return ":" in host or bool(re.fullmatch(r"[\d.]+", host))


def _protected_addresses(
    databases: Mapping[str, Mapping[str, Any]], environment: Mapping[str, str]
) -> tuple[tuple[str, ...], bool]:
    """The connection strings of the protected databases, and whether one of them may lead anywhere."""
    addresses: list[str] = []
    unknown = False
    for entry in databases.values():
        if not entry.get("protected"):
            continue
        address = entry.get("url") or environment.get(str(entry.get("url_env", "")), "").strip()
        if address and address.partition(":")[0] != EMBEDDED:
            addresses.append(address)
        unknown = unknown or ("connect" in entry and not address)
    return tuple(addresses), unknown


@lru_cache(maxsize=8)
def _index(addresses: Sequence[str]) -> Mapping[str | None, Sequence[str]]:
    """The addresses by the database that each names itself; None for those that leave it to something else."""
    found: defaultdict[str | None, list[str]] = defaultdict(list)
    for address in addresses:
        plain = _PLAIN.fullmatch(address)
        found[plain[1] if plain else own_parts(address).get("dbname")].append(address)
    return found
