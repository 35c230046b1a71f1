"""The maker of databases of one pytest process: opened when it is first asked for, closed with pytest."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from fsapi_nb.testing.databases import Databases


_opened = pytest.StashKey["Databases | Exception"]()


def databases_of(config: pytest.Config) -> Databases:
    """The maker of databases of this process, opened when it is first asked for and closed with pytest.

    Raises FsapiError where there is no such server, folder or right; the same one every time, without a further try.
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
