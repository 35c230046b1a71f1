"""The tests' server as the scratch server of the verbs, so that no test starts one. No tests."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from fsapi_nb.project.address import Address
from fsapi_nb.project.root import find_project
from fsapi_nb.servers.scratch import Scratch
from fsapi_nb.servers.scratch_server import open_scratch
from fsapi_nb.text.secrets import Secret
from tests.conftest import Project

_USERS = ("replay", "diff", "make_diff", "prove_down", "prove_first")


@contextmanager
def scratch_on(server: str, project: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scratch]:
    """Let every verb of the project use the tests' server; drop in the end what templates a test has left there."""

    @contextmanager
    def opened(*_: Any, **__: Any) -> Iterator[Scratch]:
        yield scratch

    with open_scratch(find_project(project.root), Address(Secret(server), "a test")) as scratch:
        for name in _USERS:
            try:
                module = importlib.import_module(f"fsapi_nb.verbs.{name}")
            except ModuleNotFoundError:
                continue
            if hasattr(module, "open_scratch_server"):
                monkeypatch.setattr(module, "open_scratch_server", opened)
        yield scratch
        connection = scratch.session.connection()
        query = f"SELECT datname FROM pg_database WHERE starts_with(datname, 'fsapi_template_{scratch.project}')"
        for (name,) in connection.execute(query.encode()).fetchall():
            connection.execute(f'DROP DATABASE "{name}"'.encode())
