"""A folder's migrations are replayed in a scratch database, as the runner applies them, and nothing of it stays."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from fsapi_nb import DatabaseError, Migrator, Protected, ReplayFailed, UnknownMigration, Untrusted
from fsapi_nb.catalog.server_needs import read_needs
from fsapi_nb.folder.read import parse_text, read_folder
from fsapi_nb.model.folder import Folder
from fsapi_nb.project.address import Address
from fsapi_nb.project.root import find_project
from fsapi_nb.project.url import as_url
from fsapi_nb.servers.needs import ServerNeeds
from fsapi_nb.servers.scratch import Scratch
from fsapi_nb.servers.scratch_server import open_scratch
from fsapi_nb.text.secrets import Secret
from fsapi_nb.verbs.options import VerbOptions
from fsapi_nb.verbs.replay import Replayed, open_replay
from fsapi_nb.verbs.scratch import open_scratch_server
from tests.conftest import Project


@pytest.fixture
def scratch(server: str, project: Project) -> Iterator[Scratch]:
    """Scratch databases of the project on the tests' server; a template that a test has left is dropped."""
    with open_scratch(find_project(project.root), Address(Secret(server), "a test")) as scratch:
        yield scratch
        for name in names(scratch, "fsapi_template_"):
            scratch.session.connection().execute(f'DROP DATABASE "{name}"'.encode())


def names(scratch: Scratch, prefix: str) -> list[str]:
    """The databases of this scratch server's project whose names begin so."""
    whose = {"fsapi_template_": scratch.project, "fsapi_test_": scratch.token}[prefix]
    query = "SELECT datname::text FROM pg_database WHERE starts_with(datname, %s) ORDER BY 1"
    return [name for (name,) in scratch.session.connection().execute(query, [prefix + whose])]


def options_of(migrator: Migrator) -> VerbOptions:
    return migrator._options


def tables(replayed: Replayed) -> list[str]:
    """The tables of the replayed schema, without those of the history."""
    return asked(
        replayed,
        "SELECT relname::text FROM pg_class WHERE relkind = 'r' AND relnamespace >= 2200 "
        "AND relname !~ '^migrations' AND relnamespace::regnamespace::text !~ '^(pg_|information_schema)' ORDER BY 1",
    )


def asked(replayed: Replayed, query: str) -> list[Any]:
    with psycopg.connect(replayed.address) as connection:
        return [value for (value,) in connection.execute(query.encode())]


def replayed_tables(project: Project, scratch: Scratch, *, until: str | None = None) -> list[str]:
    with open_replay(options_of(project.migrator()), read_folder(project.folder), until=until, scratch=scratch) as made:
        return tables(made)


def test_every_migration_is_applied_in_a_database_that_is_dropped(project: Project, scratch: Scratch) -> None:
    """The user's own database is not written to, and only the template stays on the scratch server."""
    project.write("users", "CREATE TABLE users (id int);")
    project.write("orders", "CREATE TABLE orders (id int);")
    assert replayed_tables(project, scratch) == ["orders", "users"]
    assert not project.has("users")
    assert not project.has("migrations")
    assert names(scratch, "fsapi_test_") == []
    assert len(names(scratch, "fsapi_template_")) == 1


def test_the_replay_ends_with_the_migration_that_is_named(project: Project, scratch: Scratch) -> None:
    """What comes after it does not run, even if it could not."""
    first = project.write("users", "CREATE TABLE users (id int);")
    project.write("broken", "CREATE TABLE broken (id nothing);")
    assert replayed_tables(project, scratch, until=first) == ["users"]


def test_a_name_that_the_folder_has_not_is_refused(project: Project, scratch: Scratch) -> None:
    """A replay of another part of the folder than was meant would give a wrong answer."""
    with pytest.raises(UnknownMigration, match="no migration 'users' in the folder"):
        replayed_tables(project, scratch, until="users")


def test_a_migration_that_fails_is_named_and_the_users_database_is_said_to_be_unchanged(
    project: Project, scratch: Scratch
) -> None:
    """The error of a replay is not taken for one of the user's database."""
    project.write("users", "CREATE TABLE users (id int);")
    name = project.write("broken", "ALTER TABLE users ADD mood feeling;")
    with pytest.raises(ReplayFailed) as caught:
        replayed_tables(project, scratch)
    assert caught.value.message.startswith(f"the migrations do not run in an empty scratch database: {name}:2:28: type")
    assert caught.value.state == ("unchanged; the migrations were run in a scratch database only, which is dropped.")
    assert names(scratch, "fsapi_test_") == names(scratch, "fsapi_template_") == []


def test_a_second_replay_copies_the_template_and_a_change_of_the_folder_makes_another(
    project: Project, scratch: Scratch
) -> None:
    """What a replay costs is paid once for each contents of the folder."""
    name = project.write("users", "CREATE TABLE users (id int);")
    replayed_tables(project, scratch)
    (template,) = names(scratch, "fsapi_template_")
    replayed_tables(project, scratch)
    assert names(scratch, "fsapi_template_") == [template]
    project.write_text(name, "-- UP\nCREATE TABLE people (id int);\n")
    assert replayed_tables(project, scratch) == ["people"]
    assert len(names(scratch, "fsapi_template_")) == 2


def test_migrations_that_no_file_has_are_replayed_by_their_texts(project: Project, scratch: Scratch) -> None:
    """A folder may be made of what the database has stored: two texts of one name are two templates."""
    folder = Folder().with_draft(parse_text("2026_01_01_00_00_a.sql", "-- UP\nCREATE TABLE a ();\n"))
    other = Folder().with_draft(parse_text("2026_01_01_00_00_a.sql", "-- UP\nCREATE TABLE b ();\n"))
    for each, expected in ((folder, ["a"]), (other, ["b"])):
        with open_replay(options_of(project.migrator()), each, scratch=scratch) as made:
            assert tables(made) == expected


def test_settings_and_the_chosen_schema_count_as_in_a_run(project: Project, scratch: Scratch) -> None:
    """`--set` and `--schema` change what a script does, and so what its template is."""
    project.write("tenant", "CREATE TABLE t AS SELECT current_setting('fsapi.who', true) AS who;")
    for who in ("ann", "bob"):
        migrator = project.migrator(schema="shop", settings={"who": who})
        with open_replay(options_of(migrator), read_folder(project.folder), scratch=scratch) as made:
            assert asked(made, "SELECT who FROM shop.t") == [who]


def test_data_and_steps_outside_of_a_transaction_are_replayed(project: Project, scratch: Scratch) -> None:
    """The product's own runner sends the scripts: COPY's data, and what no transaction may hold."""
    project.write("seed", "CREATE TABLE t (a int);\nCOPY t FROM stdin;\n1\n2\n\\.\n")
    project.write("index", "CREATE INDEX CONCURRENTLY i ON t (a);")
    with open_replay(options_of(project.migrator()), read_folder(project.folder), scratch=scratch) as made:
        assert asked(made, "SELECT a FROM t ORDER BY 1") == [1, 2]
        assert asked(made, "SELECT indisvalid FROM pg_index WHERE indexrelid = 'i'::regclass") == [True]


def test_further_databases_are_copies_of_the_replayed_one(project: Project, scratch: Scratch) -> None:
    """SQL can be tried on a copy while the replayed database stays as it is."""
    project.write("users", "CREATE TABLE users (id int);")
    with open_replay(options_of(project.migrator()), read_folder(project.folder), scratch=scratch) as made:
        copy = made.scratch.copy_of(made.address)
        with psycopg.connect(copy) as connection:
            connection.execute("DROP TABLE users")
        assert tables(made) == ["users"]
        made.scratch.drop(copy)


def test_an_interrupted_replay_leaves_no_database(project: Project, scratch: Scratch) -> None:
    """Ctrl-C in the block, or in a migration, drops what was made."""
    project.write("users", "CREATE TABLE users (id int);")
    with (
        pytest.raises(KeyboardInterrupt),
        open_replay(options_of(project.migrator()), read_folder(project.folder), scratch=scratch),
    ):
        raise KeyboardInterrupt
    assert names(scratch, "fsapi_test_") == []


def test_the_embedded_server_runs_only_as_long_as_it_is_used(project: Project, pytestconfig: pytest.Config) -> None:
    """A kernel that has replayed once does not keep a server; roles that the server lacks are made there."""
    project.write("users", 'CREATE TABLE users (id int);\nGRANT SELECT ON users TO reader, "Odd";')
    binaries = pytestconfig.getoption("--postgres-bin")
    options = options_of(project.migrator(postgres_bin=binaries))
    folder = read_folder(project.folder)
    with open_replay(options, folder, roles=["reader", "Odd"]) as made, open_replay(options, folder) as other:
        assert tables(made) == tables(other) == ["users"]
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(made.scratch.address)


def test_a_project_that_is_not_trusted_starts_no_server(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its scripts would run as a superuser of this machine's server, and might start programs."""
    project.write("users", "CREATE TABLE users (id int);")
    (project.root / "pyproject.toml").write_text('[tool.fsapi_nb]\npostgres_bin = "bin"\n')
    monkeypatch.chdir(project.root)
    with (
        pytest.raises(Untrusted, match="is not trusted yet"),
        open_replay(options_of(Migrator(project.database)), read_folder(project.folder)),
    ):
        pass
    assert not Path(project.root, ".fsapi_nb").exists()


def test_a_role_that_the_folder_makes_is_made_by_each_replay(project: Project, pytestconfig: pytest.Config) -> None:
    """Roles belong to the server: the one of an earlier replay would be in the way of CREATE ROLE."""
    project.write("role", "CREATE ROLE app;\nCREATE TABLE users (id int);\nGRANT SELECT ON users TO app, reader;")
    options = options_of(project.migrator(postgres_bin=pytestconfig.getoption("--postgres-bin")))
    with open_scratch_server(options) as scratch:
        for text in ("", "CREATE TABLE more (id int);"):
            if text:
                project.write("more", text)
            with open_replay(options, read_folder(project.folder), scratch=scratch, roles=["app"]) as made:
                assert asked(made, "SELECT has_table_privilege('app', 'users', 'SELECT')") == [True]


def test_an_extension_that_no_server_has_is_named_before_anything_runs(
    project: Project, pytestconfig: pytest.Config
) -> None:
    """Nobody waits for a replay that cannot end well, and the error says how to have one that can."""
    project.write("users", "CREATE TABLE users (id int);\nCREATE EXTENSION nobody_has_this;")
    options = options_of(project.migrator(postgres_bin=pytestconfig.getoption("--postgres-bin")))
    with (
        pytest.raises(DatabaseError, match="lacks the extension nobody_has_this|none of the") as caught,
        open_replay(options, read_folder(project.folder)),
    ):
        pass
    assert "--scratch URL" in str(caught.value)
    assert not Path(project.root, ".fsapi_nb", "scratch").exists()


def test_the_server_that_the_user_names_is_used(project: Project, server: str) -> None:
    """Nothing is started then, what it has is asked of itself, and no role is made there."""
    project.write("users", "CREATE TABLE users (id int);")
    options = options_of(project.migrator(scratch=server))
    with open_replay(options, read_folder(project.folder)) as made:
        assert tables(made) == ["users"]
        assert made.scratch.label.endswith(" of --scratch")
        assert not Path(project.root, ".fsapi_nb").exists()
        for name in names(made.scratch, "fsapi_template_"):
            made.scratch.session.connection().execute(f'DROP DATABASE "{name}"'.encode())
    needs = ServerNeeds(extensions={"nobody_has_this": None})
    with (
        pytest.raises(DatabaseError, match="of --scratch lacks the extension nobody_has_this"),
        open_scratch_server(options, needs),
    ):
        pass


def test_no_scratch_database_is_made_beside_a_protected_one(project: Project, server: str) -> None:
    """By the address of any database there, and by the server's own number where the address says nothing."""
    (project.root / "pyproject.toml").write_text(
        f'[tool.fsapi_nb.databases.prod]\nurl = "{as_url(server)}"\nprotected = true\n'
    )
    beside = make_conninfo(server, dbname="postgres")
    for options in (project.migrator(scratch=beside), project.migrator(scratch="prod")):
        with pytest.raises(Protected, match="protected"), open_scratch_server(options_of(options)):
            pass
    (project.root / "pyproject.toml").unlink()
    with psycopg.connect(project.database) as connection:
        needs = read_needs(connection, is_protected=True)
    with (
        pytest.raises(Protected, match="the scratch server has a protected database"),
        open_scratch_server(options_of(project.migrator(scratch=beside)), needs),
    ):
        pass
