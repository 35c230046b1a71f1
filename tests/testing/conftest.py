"""Fixtures: a small project of somebody who uses the plugin, and pytest run in it on the tests' own server."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pandas  # noqa: F401 - a pytest within this one forgets what it imports, and numpy cannot be imported twice
import psycopg
import pytest
from psycopg import sql

from fsapi_nb.project.url import as_url


class Team:
    """A project with `migrations/`, and pytest in it."""

    def __init__(self, pytester: pytest.Pytester, server: str) -> None:
        self.pytester = pytester
        self.server = as_url(server)
        self.folder = pytester.mkdir("migrations")
        self._minutes = itertools.count()

    def write(self, what: str, up: str, down: str | None = None) -> str:
        """A migration file, a minute after the last; return its name."""
        text = f"-- UP\n{up}\n" + (f"\n-- DOWN\n{down}\n" if down is not None else "")
        name = f"2026_01_01_00_{next(self._minutes):02}_{what}.sql"
        (self.folder / name).write_text(text, encoding="utf-8")
        return name

    def test(self, source: str) -> None:
        """A file of tests."""
        self.pytester.makepyfile(test_shop=source)

    def run(self, *arguments: str) -> pytest.RunResult:
        """pytest with the plugin as it is installed, on this server; nothing of our own settings is seen."""
        database = () if "--fsapi-database" in arguments else ("--fsapi-database", str(self.server))
        return self.pytester.runpytest_inprocess("-p", "no:cacheprovider", *database, *arguments)

    def databases(self) -> list[str]:
        """What there is of the plugin's on the server."""
        with psycopg.connect(self.server, autocommit=True) as connection:
            query = "SELECT datname::text FROM pg_database WHERE datname ~ '^fsapi_(test|template)_' ORDER BY 1"
            return [name for (name,) in connection.execute(query)]


@pytest.fixture
def team(pytester: pytest.Pytester, server: str) -> Iterator[Team]:
    """A project without migrations; the templates that it makes are dropped."""
    team = Team(pytester, server)
    before = {*team.databases()}
    yield team
    with psycopg.connect(server, autocommit=True) as connection:
        for name in {*team.databases()} - before:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
