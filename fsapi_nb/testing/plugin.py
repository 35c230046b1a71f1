"""The pytest plugin: options, and the fixtures `migrated_database` and `migrator`. Off unless asked for.

pytest imports this module at every start, also in projects that never use it. So it imports neither the rest of
fsapi_nb nor the driver before a fixture or an option needs them.
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
    """Add the options and the settings; each name begins with `fsapi`."""
    group = parser.getgroup("fsapi_nb", "PostgreSQL migrations (fsapi_nb)")
    group.addoption(
        "--fsapi-database",
        metavar="URL",
        help="make the databases of migrated_database, migrator and --fsapi-roundtrip on this server (a URL, or a name "
        "in pyproject.toml; the role needs CREATEDB) instead of the embedded one; they are dropped at the end",
    )
    group.addoption(
        "--fsapi-roundtrip",
        action="store_const",
        const="lenient",
        help="add a test for each migration: up, down and up again on a real server, with equal catalogs; an "
        "irreversible migration passes, and is listed at the end",
    )
    # An option of its own, not an optional value: argparse would take the next argument for that value.
    group.addoption(
        "--fsapi-roundtrip=strict",
        action="store_const",
        const="strict",
        dest="fsapi_roundtrip",
        help="the same, but a migration fails if it is irreversible or its DOWN leaves something on purpose",
    )
    group.addoption(
        "--fsapi-nbval",
        action="store_true",
        help="with nbval: fail a cell if the kernel says that it failed, even without an error output (IPython's "
        "UsageError)",
    )
    parser.addini("fsapi_database", "the default of --fsapi-database")
    parser.addini("fsapi_directory", "the migrations folder, relative to the root folder (default: the project's)")
    parser.addini("fsapi_nbval", "whether --fsapi-nbval is always on", type="bool", default=False)


def pytest_configure(config: pytest.Config) -> None:
    """Register the hooks that the options and settings ask for."""
    strictness = config.getoption("fsapi_roundtrip")
    if strictness:
        from fsapi_nb.testing.roundtrip import RoundTrips

        config.pluginmanager.register(RoundTrips(config, strict=strictness == "strict"), "fsapi_nb_roundtrip")
    if config.getoption("fsapi_nbval") or config.getini("fsapi_nbval"):
        _watch_notebooks(config)


def _watch_notebooks(config: pytest.Config) -> None:
    """Register the hooks around nbval's cells. Raises UsageError if nbval is missing but the option asks for them."""
    nbval = config.pluginmanager.get_plugin("nbval")
    if nbval is not None:
        from fsapi_nb.testing.notebooks import Cells

        config.pluginmanager.register(Cells(nbval.IPyNbCell), "fsapi_nb_nbval")
    elif config.getoption("fsapi_nbval"):
        raise pytest.UsageError("--fsapi-nbval watches the cells of nbval, which is not installed or switched off")


@pytest.fixture
def migrated_database(pytestconfig: pytest.Config) -> Iterator[DatabaseUrl]:
    """Give the URL of a new database with all migrations of the project applied, for this test alone.

    It is a copy of a template that is migrated once for the contents of the migrations folder, and is dropped after the
    test. The URL is a string that includes the password, if there is one; its repr hides the password. PostgreSQL does
    not copy what is set *for* a database rather than in it (ALTER DATABASE ... SET, GRANT ... ON DATABASE).
    """
    from fsapi_nb.testing.opened import databases_of

    with ExitStack() as stack:
        with _failing_plainly():
            url = stack.enter_context(databases_of(pytestconfig).migrated())
        yield url


@pytest.fixture
def migrator(pytestconfig: pytest.Config) -> Iterator[Migrator]:
    """Give a `Migrator` of the project's migrations on a new, EMPTY database, for this test alone.

    Unlike in `migrated_database`, nothing is applied: migrate to a point (`migrator.migrate(to="add_phone")`), insert
    rows (`migrator.query("INSERT ...")`), migrate further, and assert what became of the rows. The database is dropped
    after the test.
    """
    from fsapi_nb.testing.opened import databases_of

    with ExitStack() as stack:
        with _failing_plainly():
            databases = databases_of(pytestconfig)
            fresh = databases.migrator(stack.enter_context(databases.empty()))
        yield fresh


@contextmanager
def _failing_plainly() -> Iterator[None]:
    """Make a fixture fail with the lines of fsapi_nb's error: a traceback through fsapi_nb would not help the reader."""
    from fsapi_nb.errors import FsapiError

    try:
        yield
    except FsapiError as error:
        failure = "\n".join(error.lines())
    else:
        return
    pytest.fail(failure, pytrace=False)
