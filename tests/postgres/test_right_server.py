"""What answers must be one PostgreSQL server, in which a lock keeps others out: found out before anything is written."""

from __future__ import annotations

import os
import sys
import tempfile
from itertools import cycle
from pathlib import Path

import psycopg
import pytest

from fsapi_nb.errors import ConfigurationError, DatabaseError, PooledConnection
from fsapi_nb.postgres.peer_process import is_direct
from fsapi_nb.postgres.product import other_product
from fsapi_nb.project.parts import leads_to_one_server
from tests.conftest import MakeDatabase, Project
from tests.faults.proxy import Proxy


@pytest.mark.parametrize(
    ("version", "name"),
    [
        ("CockroachDB CCL v25.1.0 (x86_64-pc-linux-gnu, built 2025/02/01)", "CockroachDB"),
        ("PostgreSQL 15.2-YB-2.25.0.0-b0 on x86_64-pc-linux-gnu, compiled by clang", "YugabyteDB"),
        ("PostgreSQL 12.12 (Greenplum Database 7.1.0 build 1) on x86_64-pc-linux-gnu", "Greenplum"),
        ("PostgreSQL 14.4 (Apache Cloudberry 1.6.0 build 1) on x86_64-pc-linux-gnu", "Apache Cloudberry"),
        ("PostgreSQL 8.0.2 on i686-pc-linux-gnu, compiled by GCC gcc, Redshift 1.0.63269", "Amazon Redshift"),
        ("CrateDB 5.9.0 (built abc/2025, Linux 6.1 amd64, OpenJDK)", "CrateDB"),
        ("PostgreSQL 9.5.0 on x86_64-unknown-linux-gnu (Materialize v0.130)", "Materialize"),
        ("PostgreSQL 12.3, compiled by Visual C++ build 1914, 64-bit, QuestDB", "QuestDB"),
        ("PostgreSQL 16", "a server that calls itself 'PostgreSQL 16'"),
        ("Stub 1.0 on Linux", "a server that calls itself 'Stub 1.0 on Linux'"),
    ],
)
def test_another_product_is_named(version: str, name: str) -> None:
    """By what it says of its version."""
    assert other_product(version) == name


def test_a_product_that_only_its_address_tells_is_named() -> None:
    """It calls itself PostgreSQL."""
    version = "PostgreSQL 16.4 on x86_64-pc-linux-gnu, compiled by gcc"
    assert other_product(version, "abc.dsql.us-east-1.on.aws") == "Amazon Aurora DSQL"


@pytest.mark.parametrize(
    "version",
    [
        "PostgreSQL 18.0 on x86_64-pc-linux-gnu, compiled by gcc (GCC) 12.2.0, 64-bit",
        "PostgreSQL 15.13 (Debian 15.13-0+deb12u1) on x86_64-pc-linux-gnu, compiled by gcc, 64-bit",
        "PostgreSQL 19devel on aarch64-apple-darwin24.1.0, compiled by Apple clang version 16.0.0, 64-bit",
        "PostgreSQL 18beta1 (Ubuntu 18~beta1-1.pgdg24.04+1) on x86_64-pc-linux-gnu, compiled by gcc, 64-bit",
        "PostgreSQL 16.0, compiled by Visual C++ build 1936, 64-bit",
        "PostgreSQL 16.3 (EnterpriseDB Advanced Server 16.3.0) on x86_64-pc-linux-gnu, compiled by gcc, 64-bit",
        "PostgreSQL 16.3 - Percona Distribution on x86_64-pc-linux-gnu, compiled by gcc, 64-bit",
        "PostgreSQL 17.5 (6bc9ef8) on aarch64-unknown-linux-gnu, compiled by gcc, 64-bit",
    ],
)
def test_a_distribution_of_postgresql_is_one(version: str) -> None:
    """Whatever name its packagers add."""
    assert other_product(version) is None


def test_a_server_that_names_another_product_is_refused_by_every_verb(project: Project) -> None:
    """Also by those that only read."""
    project.write("a", "CREATE TABLE a ();")
    project.rows(
        "CREATE OR REPLACE FUNCTION pg_catalog.version() RETURNS text LANGUAGE sql STABLE AS "
        "$$ SELECT 'PostgreSQL 14.4 (Apache Cloudberry 1.6.0 build 1) on x86_64' $$"
    )
    migrator = project.migrator()
    for act in (migrator.migrate, migrator.status, lambda: migrator.query("SELECT 1")):
        with pytest.raises(DatabaseError, match="this is Apache Cloudberry, not PostgreSQL"):
            act()
    assert not project.has("a")


def test_a_server_without_advisory_locks_is_refused(project: Project) -> None:
    """A stub that says yes to every lock."""
    project.write("a", "CREATE TABLE a ();")
    for name in ("pg_try_advisory_lock", "pg_try_advisory_xact_lock", "pg_advisory_unlock"):
        project.rows(
            f"CREATE OR REPLACE FUNCTION pg_catalog.{name}(bigint) RETURNS bool LANGUAGE sql AS $$ SELECT true $$"
        )
    with pytest.raises(PooledConnection, match="a second connection to this address was given the lock") as caught:
        project.migrator().migrate()
    assert caught.value.state == "unchanged."
    assert not project.has("a")
    assert not project.has("migrations")


def test_two_servers_behind_one_name_are_refused(project: Project, make_database: MakeDatabase) -> None:
    """The second connection goes to another one, where the lock is free."""
    project.write("a", "CREATE TABLE a ();")
    with make_database() as other:
        addresses = cycle([project.database, other])
        migrator = project.migrator(database=lambda: psycopg.connect(next(addresses)))
        with pytest.raises(PooledConnection, match="several servers behind one name"):
            migrator.migrate()
    assert not project.has("a")
    assert not project.has("migrations")


def test_reading_and_nothing_to_do_need_no_second_connection(project: Project) -> None:
    """Only what writes asks whether the lock keeps others out; once."""
    opened: list[int] = []

    def connector() -> psycopg.Connection:
        opened.append(1)
        return psycopg.connect(project.database)

    project.write("a", "CREATE TABLE a ();")
    migrator = project.migrator(database=connector)
    counts = []
    for act in (migrator.status, migrator.migrate, migrator.migrate, migrator.plan, lambda: migrator.query("SELECT 1")):
        opened.clear()
        act()
        counts.append(len(opened))
    assert counts == [1, 2, 1, 1, 1]


def test_a_role_that_may_have_one_connection_can_migrate(project: Project) -> None:
    """If no second connection can be had, the first one goes on as ever."""
    project.write("a", "CREATE TABLE a ();")
    addresses = iter([project.database])

    def connector() -> psycopg.Connection:
        for address in addresses:
            return psycopg.connect(address)
        raise psycopg.errors.TooManyConnections("too many connections for this role")

    assert len(project.migrator(database=connector).migrate().done) == 1


def test_a_socket_that_postgresql_itself_listens_at_is_direct(database: str) -> None:
    """The kernel says who listens there, and that is the parent of the session's process."""
    with psycopg.connect(database) as connection:
        pid, expected = connection.info.backend_pid, sys.platform == "linux" and connection.info.host.startswith("/")
        assert is_direct(connection, pid) is expected
        assert not is_direct(connection, os.getpid()), "which is no process of that server"
        assert not is_direct(connection, 2**22 + pid), "which is no process at all"


@pytest.mark.parametrize(
    ("address", "hosts", "expected"),
    [
        ("host=/run/a", "", True),
        ("host=/run/a,/run/b", "", False),
        ("dbname=a", "/run/a", True),
        ("dbname=a", "/run/a,/run/b", False),
        ("service=of_no_file", "", False),
    ],
)
def test_an_address_of_several_servers_is_seen(
    address: str, hosts: str, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second connection may go to another one, whoever listens at the first."""
    monkeypatch.setenv("PGHOST", hosts)
    assert leads_to_one_server(address) is expected


def test_whoever_stands_in_between_is_seen_by_a_second_connection(project: Project) -> None:
    """A proxy listens at a socket of this machine as well, and only starts messages tell of the connections."""
    project.write("a", "CREATE TABLE a ();")
    with tempfile.TemporaryDirectory() as folder:
        proxy = Proxy(project.database, Path(folder))
        with psycopg.connect(proxy.address) as connection:
            assert not is_direct(connection, connection.info.backend_pid)
        proxy.messages.clear()
        project.migrator(database=proxy.address).migrate()
        assert sum(message.kind == "^" for message in proxy.messages) == 2
        proxy.close()


@pytest.mark.parametrize("said", ["transaction", "", "Session"])
def test_only_session_can_be_said_of_a_pooler(project: Project, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By option, environment and project."""
    with pytest.raises(ConfigurationError, match="can only be 'session'"):
        project.migrator(pooler=said)
    monkeypatch.setenv("FSAPI_NB_POOLER", said)
    with pytest.raises(ConfigurationError, match="FSAPI_NB_POOLER can only be 'session'"):
        project.migrator()
