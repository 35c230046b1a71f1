"""The house rules that a reader relies on (docs/architecture.md): which room may import which, and what imports cost."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import Counter, defaultdict
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "fsapi_nb"

#: Each room imports only from itself and from the rooms above it: data flows downwards.
ROOMS = (
    "text",
    "model",
    "events",
    "errors",
    "stop",
    "project",
    "script",
    "actions",
    "folder",
    "plan",
    "postgres",
    "servers",
    "history",
    "catalog",
    "derive",
    "checks",
    "query",
    "run",
    "views",
    "verbs",
    "migrator",
    "commands",
    "streams",
    "runbook",
    "cli",
    "notebook",
    "testing",
    "__main__",
)
#: Third parties that only one place may know, or two.
ONLY: dict[str, str | tuple[str, ...]] = {
    "postgast": "script/parser.py",
    "pgmig": "catalog/change/generator.py",
    "IPython": "notebook/",
    "numpy": ("query/values/", "views/frames.py", "views/arrow/"),
    "pyarrow": ("views/arrow/", "views/results/query.py"),
    "polars": ("views/arrow/", "views/results/query.py"),
    "anywidget": "notebook/widgets/",
    "nbclient": "runbook/kernel.py",
    "nbformat": "runbook/notebook.py",
    "nh3": "runbook/sanitise.py",
    "pytest": "testing/",
    "pygments": "views/highlight.py",
    "rich": ("text/width.py", "views/terminal.py"),
}
HEAVY = {"numpy", "pandas", "polars", "pyarrow", "sqlalchemy", "ipywidgets", "rich", "sql"}


@cache
def files() -> dict[str, Path]:
    """Each module of the package, by its dotted name below it."""
    found = {}
    for file in sorted(PACKAGE.rglob("*.py")):
        parts = file.relative_to(PACKAGE).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


@cache
def parsed(module: str) -> ast.Module:
    return ast.parse(files()[module].read_text(encoding="utf-8"))


@cache
def imports(module: str, *, lazy: bool = True) -> frozenset[str]:
    """The modules that a module imports, those under TYPE_CHECKING too; without `lazy`, only where it is imported itself."""
    hidden: set[ast.AST] = set()
    if not lazy:
        for node in ast.walk(parsed(module)):
            checking = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
            if checking or isinstance(node, ast.FunctionDef):
                hidden.update(ast.walk(node))
    found: set[str] = set()
    for node in ast.walk(parsed(module)):
        if node in hidden:
            continue
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return frozenset(found)


@cache
def own_imports(module: str) -> frozenset[str]:
    """The modules of the package that a module imports, by their dotted names below it."""
    found = set()
    for name in imports(module):
        if name.startswith("fsapi_nb."):
            below = name.removeprefix("fsapi_nb.")
            found.add(below if below in files() else below.rpartition(".")[0])
    return frozenset(found - {""})  # the version, which the package itself has


def room_of(module: str) -> str:
    return module.partition(".")[0]


def in_room(room: str) -> list[str]:
    return [module for module in files() if room_of(module) == room]


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_from_the_rooms_above_it(room: str) -> None:
    """Nothing depends on what comes after it in the flow of data, not even for the types."""
    above = ROOMS[: ROOMS.index(room) + 1]
    pairs = {
        (module, other) for module in in_room(room) for other in own_imports(module) if room_of(other) not in above
    }
    assert pairs == set()


@pytest.mark.parametrize("face", ["commands", "cli", "notebook", "runbook", "testing"])
def test_no_face_carries_out_a_verb_by_itself(face: str) -> None:
    """A verb does the same wherever it is typed: faces call the Migrator, or a function of verbs/."""
    inner = {"plan", "postgres", "history", "query", "run"}
    around = {(module, other) for module in in_room(face) for other in own_imports(module) if room_of(other) in inner}
    assert around == set()


def test_every_module_is_in_a_room() -> None:
    """A module that belongs nowhere would escape the rule above."""
    assert {module for module in files() if module and room_of(module) not in ROOMS} == set()


@pytest.mark.parametrize("library", sorted(ONLY))
def test_a_library_is_known_in_one_place(library: str) -> None:
    """The parser, the shell and the frames can each be changed in one place."""
    users = {
        str(files()[module].relative_to(PACKAGE))
        for module in files()
        if module and library in {name.split(".")[0] for name in imports(module)}
    }
    assert {user for user in users if not user.startswith(ONLY[library])} == set()


PRIVATE = {
    "psycopg.generators": {"postgres.conversation"},
    "psycopg.waiting": {"postgres.conversation"},
    "postgast.native": {"script.parser"},
    "postgast.errors": {"script.parser"},
    "_connect_gen": {"postgres.conversation"},
    "_connection": {"notebook.jupysql"},  # JupySQL's
}
#: What begins with an underscore and is public: of named tuples, of IPython's protocol, of the operating system.
PUBLIC = {"_replace", "_asdict", "_make", "_repr_html_", "_repr_mimebundle_", "_render_traceback_", "_exit"}


@pytest.mark.parametrize("part", sorted(PRIVATE))
def test_private_parts_of_others_are_each_in_one_module(part: str) -> None:
    """Which says what they are for. libpq itself (`psycopg.pq`, `psycopg.abc`) is documented, and used where it is needed."""
    users = {
        module
        for module in files()
        if any(f"{name}.".startswith(f"{part}.") for name in imports(module)) or part in private_attributes(module)
    }
    assert users == PRIVATE[part]


def test_no_other_private_attribute_is_touched() -> None:
    """A module has its own private attributes, those of its classes' other objects too, and none of anybody else's."""
    assert {name for module in files() for name in private_attributes(module)} - PUBLIC - PRIVATE.keys() == set()


@cache
def private_attributes(module: str) -> frozenset[str]:
    """The private attributes of other objects that a module touches and does not define itself."""
    touched, inherited, own = set[str](), set[str](), set[str]()
    for node in ast.walk(parsed(module)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            own.add(node.name)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            own.add(node.target.id)
        elif isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.endswith("__"):
            of = ast.unparse(node.value)
            (own if of in {"self", "cls"} else inherited if of == "super()" else touched).add(node.attr)
    return frozenset(touched - own | inherited)


@pytest.mark.parametrize("module", in_room("views"))
def test_views_do_no_input_or_output(module: str) -> None:
    """Views take values: they know no driver, no files and no processes."""
    forbidden = {"psycopg", "os", "pathlib", "socket", "subprocess", "io", "shutil", "tempfile"}
    assert not {name.split(".")[0] for name in imports(module)} & forbidden


@pytest.mark.parametrize("room", ROOMS)
def test_heavy_libraries_are_imported_where_they_are_used(room: str) -> None:
    """No module needs numpy, pandas, SQLAlchemy or ipywidgets to be imported."""
    for module in in_room(room):
        assert not {name.split(".")[0] for name in imports(module, lazy=False)} & HEAVY, module


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


def test_no_imports_go_in_a_circle() -> None:
    """Whoever reads a module reads what it imports first, and never comes back to where he was."""
    assert {module for module in files() if module in reached(module)} == set()


@cache
def reached(module: str) -> frozenset[str]:
    """All that a module imports, and what that imports, and so on."""
    found: set[str] = set()
    waiting = list(own_imports(module))
    while waiting:
        other = waiting.pop()
        if other not in found:
            found.add(other)
            waiting += own_imports(other)
    return frozenset(found)


def test_no_room_is_above_a_sixth_of_the_package() -> None:
    """A room that holds everything shows nothing."""
    lines = Counter(dict.fromkeys(ROOMS, 0))
    for module, file in files().items():
        lines[room_of(module)] += len(file.read_text(encoding="utf-8").splitlines())
    assert {room for room, count in lines.items() if count > lines.total() / 6} == set()


def test_a_class_has_a_name_of_its_own() -> None:
    """A name in a stack trace or an annotation means one class."""
    places = defaultdict(list)
    for module in files():
        for node in ast.walk(parsed(module)):
            if isinstance(node, ast.ClassDef):
                places[node.name.lstrip("_")].append(module)
    assert {name: modules for name, modules in places.items() if len(modules) > 1} == {}


#: What talks to a server, a file or another program, by the name under which it is called.
ACTS = {
    "execute",
    "exchange",
    "commit",
    "receive",
    "send",
    "connection",
    "ask",
    "ask_together",
    "_settle",
    "open",
    "read_text",
}
ACTS |= {
    "is_tidy",
    "is_lost",
    "status",
    "rollback",
    "clean",
    "run",
    "communicate",
    "stat",
    "lstat",
    "exists",
    "read_bytes",
}


def test_a_property_does_no_input_or_output() -> None:
    """Whoever reads an attribute expects a value, not a wait, and no error of the network."""
    acting = []
    for module in files():
        for node in ast.walk(parsed(module)):
            if isinstance(node, ast.FunctionDef) and any(
                "property" in ast.unparse(each) for each in node.decorator_list
            ):
                called = {each.func for each in ast.walk(node) if isinstance(each, ast.Call)}
                names = {each.attr if isinstance(each, ast.Attribute) else ast.unparse(each) for each in called}
                acting += [f"{module}.{node.name}: {name}" for name in sorted(names & ACTS)]
    assert acting == []


PAGE = PACKAGE.parent / "docs" / "architecture.md"


def test_the_page_about_the_rooms_has_them_in_order() -> None:
    """Who reads it first sees the rooms as they are."""
    shown = re.findall(r"^ (\w+)  +\S", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert tuple(shown) == tuple(room for room in ROOMS if room != "__main__")


def test_the_page_about_the_rooms_names_what_is_there() -> None:
    """`module.py: name` is a module of the package, and a class, method or function in it."""
    text = re.sub(r"\s+", " ", PAGE.read_text(encoding="utf-8"))
    named = re.findall(r"`(?:fsapi_nb/)?((?!tests/)[\w/]+\.py)(?:: ([\w.]+))?`", text)
    assert len(named) > 40
    assert [f"{file}: {name}" for file, name in named if not is_there(file, name)] == []


def is_there(file: str, name: str) -> bool:
    """Return whether the package has that module, and in it that function, or a class with that method."""
    module = file.removesuffix(".py").replace("/", ".").removesuffix("__init__").removesuffix(".")
    if module not in files():
        return False
    body: list[ast.stmt] = parsed(module).body
    for part in name.split(".") if name else ():
        found = [each for each in body if isinstance(each, ast.FunctionDef | ast.ClassDef) and each.name == part]
        if not found:
            return False
        body = found[0].body
    return True


#: Modules of one room and one name: their folders tell them apart.
TOLD_APART = {
    ("notebook.panel", "notebook.widgets.panel"),
}


def test_a_module_has_a_name_of_its_own_in_its_room() -> None:
    """Who looks for it by its name finds one."""
    modules = defaultdict(list)
    for module, file in files().items():
        if file.stem != "__init__":
            modules[room_of(module), file.stem].append(module)
    twice = {tuple(sorted(each)) for each in modules.values() if len(each) > 1}
    assert twice == TOLD_APART
