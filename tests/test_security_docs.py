"""What the security documents say about the whole program, compared with its source."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from fsapi_nb.commands import QUERY, VERBS
from tests.conftest import ROOT

PACKAGE = ROOT / "fsapi_nb"
DOCUMENTS = [ROOT / "SECURITY.md", ROOT / "docs" / "security.md"]
#: The programs that docs/security.md lists: of the embedded server, a password_command, git for a report and for a file of a commit, and squawk.
STARTING = {
    "servers/embedded/command.py",
    "project/password.py",
    "project/programs.py",
    "runbook/provenance.py",
    "verbs/sides.py",
    "checks/squawk.py",
}
#: The embedded server's socket, connections that libpq has opened, the name of this machine, and the addresses of a
#: host.
SOCKETS = {
    "postgres/peer_process.py",
    "servers/embedded/socket_folder.py",
    "postgres/keepalive.py",
    "project/lookup.py",
    "postgres/protection.py",
    "history/record.py",
    "postgres/wait.py",
    "runbook/provenance.py",
}
CLIENTS = {
    "http",
    "urllib.request",
    "ftplib",
    "smtplib",
    "requests",
    "httpx",
    "aiohttp",
    "socketserver",
    "xmlrpc",
    "telnetlib",
}


@cache
def imported() -> dict[str, set[str]]:
    """What each module of the package imports."""
    found: dict[str, set[str]] = {}
    for file in PACKAGE.rglob("*.py"):
        names = found.setdefault(str(file.relative_to(PACKAGE)), set())
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def importing(libraries: set[str]) -> set[str]:
    """The modules of the package that import one of these."""
    return {
        file
        for file, names in imported().items()
        if any(f"{name}.".startswith(f"{library}.") for name in names for library in libraries)
    }


def test_only_the_listed_modules_start_programs() -> None:
    """Whoever adds one says in docs/security.md what it runs, and when."""
    assert importing({"subprocess"}) == STARTING
    calls = re.compile(r"\bos\.(system|popen|exec\w+|spawn\w+|posix_spawn\w*)\(|shell=True")
    assert not [file for file in PACKAGE.rglob("*.py") if calls.search(file.read_text())]


def test_nothing_speaks_to_another_host_but_libpq() -> None:
    """No client of HTTP or the like, and no socket but those that are listed; the panels load nothing from elsewhere."""
    assert importing(CLIENTS) == set()
    assert importing({"socket"}) == SOCKETS
    pages = [*PACKAGE.rglob("*.js"), *PACKAGE.rglob("*.css")]
    assert pages
    outside = re.compile(
        r"(https?:)?//[a-z0-9-]+\.[a-z]|import\s*\(|@import|url\(|\bfetch\(|XMLHttpRequest|WebSocket", re.IGNORECASE
    )
    assert not [file for file in pages if outside.search(file.read_text())]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_and_commands_of_the_documents_exist(document: Path) -> None:
    """Each is linked from the README, and names only files and commands that there are."""
    text = document.read_text()
    assert f"({document.relative_to(ROOT)})" in (ROOT / "README.md").read_text()
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", text)
    assert all((document.parent / link).exists() for link in links)
    names = {verb.name for verb in (*VERBS, QUERY)}
    assert set(re.findall(r"`sapi (?:migrate:)?([a-z]+)", text)) <= names
