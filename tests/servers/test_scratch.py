"""Scratch databases are made, copied, dropped, and swept after processes that were killed; nothing else is touched."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from fsapi_nb.errors import DatabaseError, FsapiError, Protected
from fsapi_nb.project.address import Address
from fsapi_nb.project.root import Project
from fsapi_nb.servers.scratch import Scratch
from fsapi_nb.servers.scratch_server import open_scratch
from fsapi_nb.text.secrets import Secret

CONTENTS = "0123456789abcdef"


@pytest.fixture
def admin(server: str) -> Iterator[psycopg.Connection]:
    """A session of the server; scratch databases and templates that a test has left are dropped after it."""
    with psycopg.connect(server, autocommit=True) as connection:
        yield connection
        for name in names(connection):
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def names(connection: psycopg.Connection, prefix: str = "fsapi_t") -> list[str]:
    """The databases whose names begin so."""
    query = "SELECT datname::text FROM pg_database WHERE starts_with(datname, %s) ORDER BY 1"
    return [name for (name,) in connection.execute(query, [prefix])]


def create(connection: psycopg.Connection, name: str) -> str:
    connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return name


def scratch_on(server: str, root: Path) -> Iterator[Scratch]:
    with open_scratch(Project(root), Address(Secret(server), "a test")) as scratch:
        yield scratch


@pytest.fixture
def scratch(server: str, admin: psycopg.Connection, tmp_path: Path) -> Iterator[Scratch]:
    """Scratch databases of a project of the test's own."""
    yield from scratch_on(server, tmp_path)


def fill(what: str) -> Callable[[str], None]:
    """What fills a template with a table of that name."""

    def run(address: str) -> None:
        with psycopg.connect(address) as connection:
            connection.execute(sql.SQL("CREATE TABLE {} ()").format(sql.Identifier(what)))

    return run


def tables(address: str) -> list[str]:
    with psycopg.connect(address) as connection:
        return [
            name
            for (name,) in connection.execute(
                "SELECT relname::text FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
            )
        ]


def test_a_template_is_filled_once_and_copied(scratch: Scratch) -> None:
    """There is none at first; each copy has what it was filled with, and is a database of its own."""
    assert scratch.copy(CONTENTS) is None
    scratch.publish(CONTENTS, fill("one"))
    scratch.publish(CONTENTS, fill("never"))
    copies = [scratch.copy(CONTENTS), scratch.copy(CONTENTS)]
    assert copies[0] != copies[1]
    assert [tables(copy) for copy in copies if copy] == [["one"], ["one"]]


def test_what_was_made_is_dropped_even_in_use(scratch: Scratch, admin: psycopg.Connection) -> None:
    """A test may leave its connections open."""
    address = scratch.make()
    with psycopg.connect(address):
        scratch.drop(address)
    assert conninfo_to_dict(address)["dbname"] not in names(admin)


def test_a_template_that_cannot_be_filled_is_not_there(scratch: Scratch, admin: psycopg.Connection) -> None:
    """Half of one is never copied; what it was filled with raises as it is."""

    def fail(address: str) -> None:
        raise ValueError(address)

    with pytest.raises(ValueError, match="fsapi_test_"):
        scratch.publish(CONTENTS, fail)
    assert scratch.copy(CONTENTS) is None
    assert names(admin) == []


def test_what_a_killed_process_has_left_is_swept(server: str, admin: psycopg.Connection, tmp_path: Path) -> None:
    """A database goes if no session holds its token. It stays if one does, and so does a database of any other name."""
    living, dead = secrets.token_hex(8), secrets.token_hex(8)
    for name in (f"fsapi_test_{living}_1", f"fsapi_test_{dead}_1", f"fsapi_test_{dead}_22"):
        create(admin, name)
    others = [create(admin, name) for name in ("fsapi_test_mine", f"fsapi_test_{dead}", f"fsapi_test_{dead}_1_copy")]
    admin.execute("SELECT pg_advisory_lock(%s)", [int.from_bytes(bytes.fromhex(living), "big", signed=True)])
    for _ in scratch_on(server, tmp_path):
        assert names(admin) == sorted([*others, f"fsapi_test_{living}_1"])
    admin.execute("SELECT pg_advisory_unlock_all()")


def test_what_is_left_but_in_use_is_not_swept(server: str, admin: psycopg.Connection, tmp_path: Path) -> None:
    """A user may look at what a killed run has left, and is not thrown out."""
    name = create(admin, f"fsapi_test_{secrets.token_hex(8)}_1")
    with psycopg.connect(make_conninfo(server, dbname=name)):
        for _ in scratch_on(server, tmp_path):
            assert names(admin) == [name]


def test_old_templates_go(scratch: Scratch, admin: psycopg.Connection) -> None:
    """Three of a project stay, those used last; other projects' stay for a week, and those without a comment of fsapi_nb for ever."""
    comment = "COMMENT ON DATABASE {} IS 'template of fsapi_nb, last used {}'"
    own = [create(admin, f"fsapi_template_{scratch.project}_{number:016}") for number in range(4)]
    for number, name in enumerate(own):
        admin.execute(comment.format(name, f"2990-01-0{number + 1} 00:00:00"))
    fresh, forgotten, foreign = (create(admin, f"fsapi_template_{number:08}_{number:016}") for number in (1, 2, 3))
    admin.execute(comment.format(fresh, "2990-01-01 00:00:00"))
    admin.execute(comment.format(forgotten, "2020-01-01 00:00:00"))
    admin.execute(f"COMMENT ON DATABASE {foreign} IS 'mine'")
    scratch.publish(CONTENTS, fill("one"))
    assert {*names(admin, "fsapi_template_")} == {*own[1:], fresh, foreign}


def test_a_template_that_is_used_stays(scratch: Scratch, admin: psycopg.Connection) -> None:
    """Each run says when it has used one."""
    scratch.publish(CONTENTS, fill("one"))
    (name,) = names(admin, "fsapi_template_")
    admin.execute(f"COMMENT ON DATABASE {name} IS 'template of fsapi_nb, last used 2020-01-01 00:00:00'")
    scratch.copy(CONTENTS)
    scratch.publish("f" * 16, fill("two"))
    assert name in names(admin)


@pytest.mark.parametrize("role", ["fsapi_nobody", "fsapi;--", 'fsapi"%s{}'])
def test_the_error_for_a_role_that_may_not_make_databases_says_what_it_needs(
    server: str, admin: psycopg.Connection, tmp_path: Path, role: str
) -> None:
    """The error says which right which role needs, as a statement that can be pasted, and how to do without."""
    quoted = sql.Identifier(role)
    admin.execute(sql.SQL("CREATE ROLE {}").format(quoted))
    try:
        with pytest.raises(DatabaseError) as caught:
            for scratch in scratch_on(make_conninfo(server, options=f"-c role={role}"), tmp_path):
                scratch.make()
    finally:
        admin.execute(sql.SQL("DROP ROLE {}").format(quoted))
    assert f"ALTER ROLE {quoted.as_string()} CREATEDB" in str(caught.value)
    assert "[42501]" in str(caught.value)


def test_a_protected_database_is_refused(server: str, tmp_path: Path) -> None:
    """By its name, and by any address that leads to it."""
    project = Project(tmp_path, {"databases": {"prod": {"url": server, "protected": True}}})
    for address in (Address(Secret(server), "a test", "prod", protected=True), Address(Secret(server), "a test")):
        with pytest.raises(Protected) as caught, open_scratch(project, address):
            pass
        assert "name another server for them" in str(caught.value)


def test_a_lost_server_is_an_error_of_fsapi_nb(scratch: Scratch, admin: psycopg.Connection) -> None:
    """It is not the driver's error."""
    admin.execute("SELECT pg_terminate_backend(%s)", [scratch.session.facts.pid])
    with pytest.raises(FsapiError, match="could not be made or dropped"):
        scratch.make()
