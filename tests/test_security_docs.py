"""What the security documents say about the whole program, compared with its source."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from fsapi_nb.verbs import QUERY, VERBS
from tests.conftest import ROOT

PACKAGE = ROOT / "fsapi_nb"
DOCUMENTS = [ROOT / "SECURITY.md", ROOT / "docs" / "security.md"]
#: The programs that docs/security.md lists: of the embedded server, a password_command, and git for a report.
STARTING = {
    "database/embedded/command.py",
    "database/embedded/data_folder.py",
    "database/embedded/template.py",
    "database/password.py",
    "database/programs.py",
    "runbook/provenance.py",
}
#: A socket of the embedded server, the options of a connection that libpq has opened, and the name of this machine.
SOCKETS = {"database/embedded/socket_folder.py", "database/keepalive.py", "origin.py", "runbook/provenance.py"}
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


def importing(names: set[str]) -> set[str]:
    """The modules of the package that import one of these."""
    found = set()
    for file in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                modules += [f"{node.module}.{alias.name}" for alias in node.names]
            if any(f"{module}.".startswith(f"{name}.") for module in modules for name in names):
                found.add(str(file.relative_to(PACKAGE)))
    return found


def test_only_the_listed_modules_start_programs() -> None:
    """Whoever adds one says in docs/security.md what it runs, and when."""
    assert importing({"subprocess"}) == STARTING
    calls = re.compile(r"\bos\.(system|popen|exec\w+|spawn\w+|posix_spawn\w*)\(|shell=True")
    assert not [file for file in PACKAGE.rglob("*.py") if calls.search(file.read_text())]


def test_nothing_speaks_to_another_host_but_libpq() -> None:
    """No client of HTTP or the like, and no socket but those that are listed; the panels load nothing from elsewhere."""
    assert importing(CLIENTS) == set()
    assert importing({"socket"}) <= SOCKETS
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
