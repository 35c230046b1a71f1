"""A database that is given as a function: it opens every connection of ours, and ours are like any other."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import dict_row

from fsapi_nb.errors import CannotConnect, ConfigurationError, ConfirmationRequired, FsapiError
from tests.conftest import Project

Connection = psycopg.Connection[Any]


DIES_IN_COMMIT = """
CREATE TABLE one (i int);
CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_terminate_backend(pg_backend_pid());
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER die AFTER INSERT ON one DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION die();
INSERT INTO one VALUES (1);
"""


class Connector:
    """Opens connections as users' functions do, and keeps what it has opened."""

    def __init__(self, address: str, **options: Any) -> None:
        self.opened: list[Connection] = []
        self._address, self._options = address, options

    def __call__(self) -> Connection:
        connection: Connection = psycopg.connect(self._address, **self._options)
        self.opened.append(connection)
        connection.execute("SET search_path TO nowhere")
        return connection


def test_every_verb_goes_through_it(project: Project) -> None:
    """One new connection for each, closed at the end, with our name and our settings, and nothing of what it had set."""
    project.write("one", "CREATE TABLE one AS SELECT current_setting('application_name') AS name;", "DROP TABLE one;")
    project.write("two", "CREATE TABLE two AS SELECT current_setting('search_path') AS path;")
    connector = Connector(project.database, row_factory=dict_row, application_name="theirs", prepare_threshold=0)
    migrator = project.migrator(database=connector, application="fsapi_nb:test")
    migrator.migrate()
    migrator.status()
    assert migrator.query("SELECT current_setting('idle_in_transaction_session_timeout')").last is not None
    assert project.rows("SELECT name FROM public.one") == [("fsapi_nb:test",)]
    assert project.rows("SELECT path FROM public.two") == [('"$user", public',)]
    assert len(connector.opened) >= 3
    assert all(connection.closed for connection in connector.opened)


def test_a_lost_connection_is_replaced_through_it(project: Project) -> None:
    """The runner that looks what became of its step asks for another connection the same way."""
    project.write("one", DIES_IN_COMMIT)
    connector = Connector(project.database)
    with pytest.raises(FsapiError) as failed:
        project.migrator(database=connector).migrate()
    assert not project.has("one"), failed.value
    assert len(connector.opened) >= 2
    assert all(connection.closed for connection in connector.opened)


def test_a_protected_database_is_recognised(project: Project) -> None:
    """By where the connection went."""
    (project.root / "pyproject.toml").write_text(
        f'[tool.fsapi_nb.databases.prod]\nurl = "{project.database}"\nprotected = true\n'
    )
    project.write("one", "CREATE TABLE one (i int);")
    with pytest.raises(ConfirmationRequired):
        project.migrator(database=Connector(project.database)).migrate()


@pytest.mark.parametrize("what", ["no connection", None, 7])
def test_what_is_no_connection_is_refused(project: Project, what: object) -> None:
    """With a word on what the function should return."""
    with pytest.raises(ConfigurationError, match="did not return a psycopg 3 connection"):
        project.migrator(database=lambda: what).status()


def test_what_goes_wrong_in_it_is_a_failed_connection(project: Project) -> None:
    """Whatever it raises, without a password that it says."""

    def fail() -> Connection:
        raise RuntimeError("no token from postgresql://ada:s3cret@db/shop")

    with pytest.raises(CannotConnect) as failed:
        project.migrator(database=fail).status()
    assert "no token" in str(failed.value)
    assert "s3cret" not in str(failed.value)


def test_an_error_of_its_own_names_the_function(project: Project) -> None:
    """A function that takes other arguments: whether a server is running is not the question then."""

    def needs(one: str, other: str) -> Connection:
        raise AssertionError(one, other)

    with pytest.raises(CannotConnect, match=r"needs raised TypeError(.|\n)*'other'(.|\n)*call it in Python") as failed:
        project.migrator(database=needs).status()
    assert "is the server running" not in str(failed.value)


def test_the_same_connection_for_every_call_is_refused_before_anything_runs(project: Project) -> None:
    """It would be reset while a run uses it."""
    project.write("a", "CREATE TABLE a (i int);")
    shared = psycopg.connect(project.database)
    with pytest.raises(ConfigurationError, match=r"gave the same connection again(.|\n)*a new connection at each call"):
        project.migrator(database=lambda: shared).migrate()
    assert not project.has("a")


def test_a_closed_connection_is_a_failed_one(project: Project) -> None:
    """A function that returns what it has closed, or what we have closed before."""
    shared = psycopg.connect(project.database)
    migrator = project.migrator(database=lambda: shared)
    migrator.status()
    with pytest.raises(CannotConnect):
        migrator.status()


def test_another_tool_gets_a_connection_to_the_same_database(project: Project) -> None:
    """`connect` is for it; whoever was told the same database is recognised without connecting."""
    migrator = project.migrator()
    with migrator.connect() as connection:
        assert connection.execute("SELECT current_database()").fetchone() == (connection.info.dbname,)
        assert connection.execute("SHOW default_transaction_read_only").fetchone() == ("off",)
    assert migrator.same_database(project.migrator())
    assert not migrator.same_database(project.migrator(database="embedded"))
    info = connection_info(project.database)
    assert migrator.may_lead_to(**info, database=str(conninfo_to_dict(project.database)["dbname"]))
    assert not migrator.may_lead_to(**info, database="other")


def connection_info(database: str) -> dict[str, Any]:
    with psycopg.connect(database) as connection:
        return {key: getattr(connection.info, key) for key in ("host", "hostaddr", "port")}
