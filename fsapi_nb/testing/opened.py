"""The `Databases` of one pytest process: opened when first asked for, closed with pytest."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from fsapi_nb.testing.databases import Databases


_opened = pytest.StashKey["Databases | Exception"]()


def databases_of(config: pytest.Config) -> Databases:
    """Return the `Databases` of this process; the first call opens them, the end of pytest closes them.

    Args:
        config: pytest's configuration, which has the options and settings, and keeps the opened databases.

    Raises:
        FsapiError: There is no such server or folder, or the role lacks a privilege. Every further call raises the
            same error without another attempt.
    """
    from fsapi_nb.errors import FsapiError
    from fsapi_nb.testing.databases import open_databases

    if _opened not in config.stash:
        stack = ExitStack()
        config.add_cleanup(stack.close)
        database = config.getoption("fsapi_database") or config.getini("fsapi_database") or None
        directory = config.getini("fsapi_directory") or None
        try:
            config.stash[_opened] = stack.enter_context(
                open_databases(config.rootpath, directory=directory, database=database)
            )
        except FsapiError as error:
            config.stash[_opened] = error
    opened = config.stash[_opened]
    if isinstance(opened, Exception):
        raise opened.with_traceback(None)
    return opened
