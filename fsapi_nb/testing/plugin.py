"""The plugin of pytest: options, and the fixtures `migrated_database` and `migrator`. Off unless asked for.

pytest imports this at every start, in projects that never use it as well: so nothing else is imported here, neither ours
nor the driver, before a fixture or an option needs it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from fsapi_nb import Migrator
    from fsapi_nb.project.url import DatabaseUrl


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options and the settings; each begins with `fsapi`."""
    group = parser.getgroup("fsapi_nb", "PostgreSQL migrations (fsapi_nb)")
    group.addoption(
        "--fsapi-database",
        metavar="URL",
        help="make the databases of migrated_database, migrator and --fsapi-roundtrip on this server (a URL, or a name in "
        "pyproject.toml; the role needs CREATEDB), not on the embedded one; they are dropped in the end",
    )
    group.addoption(
        "--fsapi-roundtrip",
        action="store_const",
        const="told",
        help="add a test for each migration: up, down and up again on a real server, with equal catalogs; one that is "
        "irreversible passes, and is told",
    )
    # Not an optional value: the next argument would be taken for it.
    group.addoption(
        "--fsapi-roundtrip=strict",
        action="store_const",
        const="strict",
        dest="fsapi_roundtrip",
        help="the same; a migration that is irreversible, or whose DOWN leaves something on purpose, fails",
    )
    group.addoption(
        "--fsapi-nbval",
        action="store_true",
        help="with nbval: a cell that the kernel calls failed fails, though it has no error output (IPython's UsageError)",
    )
    parser.addini("fsapi_database", "what --fsapi-database is where it is not given")
    parser.addini("fsapi_directory", "the migrations folder, seen from the root folder; else the project's")
    parser.addini("fsapi_nbval", "whether --fsapi-nbval is always on", type="bool", default=False)


def pytest_configure(config: pytest.Config) -> None:
    """Register what was asked for."""
    strictness = config.getoption("fsapi_roundtrip")
    if strictness:
        from fsapi_nb.testing.roundtrip import RoundTrips

        config.pluginmanager.register(RoundTrips(config, strict=strictness == "strict"), "fsapi_nb_roundtrip")
    if config.getoption("fsapi_nbval") or config.getini("fsapi_nbval"):
        _watch_notebooks(config)


def _watch_notebooks(config: pytest.Config) -> None:
    """Register what watches nbval's cells, if nbval is there."""
    nbval = config.pluginmanager.get_plugin("nbval")
    if nbval is not None:
        from fsapi_nb.testing.notebooks import Cells

        config.pluginmanager.register(Cells(nbval.IPyNbCell), "fsapi_nb_nbval")
    elif config.getoption("fsapi_nbval"):
        raise pytest.UsageError("--fsapi-nbval watches the cells of nbval, which is not installed or switched off")


@pytest.fixture
def migrated_database(pytestconfig: pytest.Config) -> Iterator[DatabaseUrl]:
    """The URL of a fresh database with all migrations of the project applied, for this test alone.

    It is a copy of a template that is migrated once for the contents of the migrations folder, and dropped in the end.
    The URL is a string with the password, if there is one; its repr hides that. What is set *for* a database rather
    than in it (ALTER DATABASE ... SET, GRANT ... ON DATABASE) is not copied by PostgreSQL.
    """
    from fsapi_nb.testing.opened import databases_of

    with ExitStack() as stack:
        with _told_plainly():
            url = stack.enter_context(databases_of(pytestconfig).migrated())
        yield url


@pytest.fixture
def migrator(pytestconfig: pytest.Config) -> Iterator[Migrator]:
    """A `Migrator` of the project's migrations on a fresh, EMPTY database, for this test's own ups and downs.

    Unlike in `migrated_database` nothing is applied: `migrator.migrate(to="add_phone")`, then put rows in
    (`migrator.query("INSERT ...")`), migrate on, and look at what became of them. It is dropped in the end.
    """
    from fsapi_nb.testing.opened import databases_of

    with ExitStack() as stack:
        with _told_plainly():
            databases = databases_of(pytestconfig)
            fresh = databases.migrator(stack.enter_context(databases.empty()))
        yield fresh


@contextmanager
def _told_plainly() -> Iterator[None]:
    """Let a fixture fail with our error's own lines: the way through our code tells nobody anything."""
    from fsapi_nb.errors import FsapiError

    try:
        yield
    except FsapiError as error:
        failure = "\n".join(error.lines())
    else:
        return
    pytest.fail(failure, pytrace=False)
