"""The rules of design.md section 6 that a reader relies on: which package may import which, and what imports cost."""

from __future__ import annotations

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "fsapi_nb"

# What each part may import of ours: data flows from left to right, and what is left never imports what is right.
ALLOWED = {
    "visible": set(),
    "folding": set(),
    "wrapping": set(),
    "commands": set(),
    "origin": set(),
    "text": {"text"},
    "errors": {"commands", "folding", "visible", "wrapping"},
    "once": set(),
    "digests": set(),
    "model": {"errors", "once"},
    "events": {"model"},
    "stopping": {"errors", "text"},
    "contents": set(),
    "regular": set(),
    "subfolders": set(),
    "script": {"text", "contents", "errors", "model", "script"},
    "parsed": {"model"},
    "folder": {"contents", "digests", "errors", "model", "parsed", "script", "subfolders"},
    "draft": {"errors", "events", "folder", "model", "regular", "script"},
    "plan": {"errors", "model", "script", "plan"},
    "schema": {"errors", "model", "schema"},
    "database": {
        "text",
        "stopping",
        "errors",
        "model",
        "events",
        "script",
        "plan",
        "database",
        "schema",
        "origin",
        "regular",
    },
    "views": {"errors", "model", "events", "folding", "views", "visible", "schema", "wrapping", "commands"},
    "migrator": {
        "text",
        "stopping",
        "errors",
        "model",
        "events",
        "script",
        "folder",
        "draft",
        "plan",
        "database",
        "views",
        "schema",
        "origin",
        "trust",
    },
    "known": {"folder", "script", "database"},
    "trust": {"errors", "database", "views"},
    "verbs": {"errors", "migrator", "trust", "views"},
    "notebook": {
        "text",
        "commands",
        "errors",
        "events",
        "known",
        "model",
        "script",
        "migrator",
        "verbs",
        "views",
        "notebook",
        "origin",
    },
    "runbook": {
        "text",
        "errors",
        "migrator",
        "model",
        "origin",
        "regular",
        "runbook",
        "trust",
        "verbs",
        "views",
        "visible",
    },
    "cli": {
        "stopping",
        "errors",
        "events",
        "migrator",
        "runbook",
        "streams",
        "trust",
        "verbs",
        "views",
        "visible",
        "wrapping",
        "commands",
    },
    "streams": set(),
    "__main__": {"cli"},
    "testing": {
        "text",
        "errors",
        "events",
        "model",
        "folder",
        "plan",
        "regular",
        "schema",
        "database",
        "migrator",
        "testing",
    },
    "__init__": {"migrator", "notebook"},
}
# Third parties that only one place may know, or two.
ONLY: dict[str, str | tuple[str, ...]] = {
    "postgast": "script/parser.py",
    "psycopg": "database/",
    "IPython": "notebook/",
    "pandas": "views/",
    "numpy": ("database/values/", "views/frames.py"),
    "anywidget": "views/widgets/",
    "nbclient": "runbook/kernel.py",
    "nbformat": "runbook/notebook.py",
    "pytest": "testing/",
    "pygments": "views/highlight.py",
    "rich": "views/terminal.py",
}


@cache
def imports(file: Path, *, lazy: bool = True) -> frozenset[str]:
    """The modules that a file imports; without `lazy`, only where it is itself imported (not for type checking)."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    hidden: set[ast.AST] = set()
    for node in ast.walk(tree):
        checking = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        if checking or (not lazy and isinstance(node, ast.FunctionDef)):
            hidden.update(ast.walk(node))
    found: set[str] = set()
    for node in ast.walk(tree):
        if node in hidden:
            continue
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return frozenset(found)


@cache
def files() -> tuple[Path, ...]:
    return tuple(sorted(PACKAGE.rglob("*.py")))


def part_of(file: Path) -> str:
    return file.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("file", files(), ids=lambda file: str(file.relative_to(PACKAGE)))
def test_nothing_imports_what_is_right_of_it(file: Path) -> None:
    """Each part imports only what is left of it in the flow of data."""
    ours = {name.split(".")[1] for name in imports(file) if name.startswith("fsapi_nb.")}
    assert ours & {part_of(each) for each in files()} <= ALLOWED[part_of(file)]


@pytest.mark.parametrize("library", sorted(ONLY))
def test_a_library_is_known_in_one_place(library: str) -> None:
    """The parser, the driver, the shell and the frames can each be changed in one place."""
    users = {str(file.relative_to(PACKAGE)) for file in files() if library in {n.split(".")[0] for n in imports(file)}}
    assert {user for user in users if not user.startswith(ONLY[library])} == set()


def test_views_do_no_input_or_output() -> None:
    """Views take values: they know no driver, no files and no processes."""
    forbidden = {"psycopg", "os", "pathlib", "socket", "subprocess", "io", "shutil", "tempfile"}
    for file in (PACKAGE / "views").glob("*.py"):
        assert not {name.split(".")[0] for name in imports(file)} & forbidden, file.name


def test_heavy_libraries_are_imported_where_they_are_used() -> None:
    """No module needs numpy, pandas, SQLAlchemy or ipywidgets to be imported."""
    for file in files():
        heavy = {name.split(".")[0] for name in imports(file, lazy=False)} & {
            "numpy",
            "pandas",
            "sqlalchemy",
            "ipywidgets",
            "rich",
            "sql",
        }
        assert not heavy, file.name


def test_importing_opens_nothing() -> None:
    """`import fsapi_nb` imports neither pandas nor SQLAlchemy nor the driver, and opens no socket."""
    code = (
        "import sys; opened = []\n"
        "sys.addaudithook(lambda event, _: opened.append(event) if event.startswith(('socket.', 'subprocess.')) else None)\n"
        "import fsapi_nb\n"
        "print(sorted({'numpy', 'pandas', 'sqlalchemy', 'psycopg', 'ipywidgets', 'IPython'} & set(sys.modules)), opened)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[] []"


def test_no_module_is_a_rummage_drawer() -> None:
    """Names that mean nothing invite everything."""
    names = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "handler"}
    assert not [file for file in PACKAGE.rglob("*") if file.stem in names]
