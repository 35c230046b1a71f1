"""SQL from the difference of two databases covers it, or what it does not cover is named; a run on a copy says which."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from fsapi_nb.catalog.change import generator
from fsapi_nb.catalog.change.write_change import ChangeWriter, WrittenChange
from fsapi_nb.project.address import Address
from fsapi_nb.project.root import find_project
from fsapi_nb.servers.scratch import Scratch
from fsapi_nb.servers.scratch_server import open_scratch
from fsapi_nb.text.secrets import Secret
from tests.catalog.change_cases import BASE, COVERED, UNCOVERED


@pytest.fixture(scope="module")
def scratch(server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scratch]:
    """Scratch databases on the tests' server."""
    root: Path = tmp_path_factory.mktemp("project")
    (root / "migrations").mkdir()
    with open_scratch(find_project(root), Address(Secret(server), "a test")) as found:
        yield found


@pytest.fixture(scope="module")
def base(scratch: Scratch) -> Iterator[str]:
    """A database with the schema that is changed."""
    address = scratch.make()
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(BASE.encode())
    yield address
    scratch.drop(address)


@pytest.fixture
def changed(scratch: Scratch, base: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """A copy with a change."""
    address = scratch.copy_of(base)
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(request.param.encode())
    yield address
    scratch.drop(address)


def lead(scratch: Scratch, source: str, target: str) -> tuple[WrittenChange, WrittenChange]:
    """The change there, and the one back."""
    writer = ChangeWriter(scratch, "test")
    up = writer.write(source, target)
    down = writer.write(up.end, source)
    for each in (up, down):
        scratch.drop(each.end)
    return up, down


@pytest.mark.parametrize("changed", COVERED.values(), ids=COVERED.keys(), indirect=True)
def test_a_change_is_led_to_and_back(scratch: Scratch, base: str, changed: str) -> None:
    """Nothing differs then."""
    up, down = lead(scratch, base, changed)
    assert [each.title() for each in (*up.left, *down.left)] == []
    assert up.statements
    assert down.statements


@pytest.mark.parametrize(("changed", "left"), UNCOVERED.values(), ids=UNCOVERED.keys(), indirect=["changed"])
def test_what_is_not_covered_is_named(scratch: Scratch, base: str, changed: str, left: str) -> None:
    """Nothing is silently another one."""
    writer = ChangeWriter(scratch, "test")
    found = writer.write(base, changed)
    scratch.drop(found.end)
    assert left in [each.title() for each in found.left]


WITHOUT_PGMIG = (
    "a new table with keys",
    "another type below two views",
    "hostile names",
    "parents and storage",
    "rights",
)


@pytest.mark.parametrize("changed", [COVERED[name] for name in WITHOUT_PGMIG], ids=WITHOUT_PGMIG, indirect=True)
def test_most_needs_no_pgmig(scratch: Scratch, base: str, changed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra is for what the definitions do not say how to change where it is."""
    monkeypatch.setattr(generator, "is_installed", lambda: False)
    up, down = lead(scratch, base, changed)
    assert [each.title() for each in (*up.left, *down.left)] == []
