"""Tab in a cell: what is offered on the lines of ours, by the real completer of a shell and by a kernel."""

from __future__ import annotations

import socket
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from fsapi_nb.commands import VERBS, CompletionKind, find_verb, global_arguments
from fsapi_nb.errors import UsageError
from fsapi_nb.verbs.request import PLANNED
from tests.conftest import Project
from tests.notebook.conftest import Cells
from tests.notebook.test_kernel import Kernel, opening

NAMES = ["2026_01_30_08_00_create_users.sql", "2026_01_31_09_30_add_phone.sql", "2026_02_01_10_00_add_points.sql"]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project whose database does not exist: nobody who presses Tab needs one."""
    return Project(tmp_path, "postgresql://nobody@192.0.2.1/nothing")


@pytest.fixture
def cells(shell: Any, project: Project, capsys: pytest.CaptureFixture[str]) -> Iterator[Cells]:
    """Cells on the project, in a namespace that is not emptied afterwards: that costs more than all the rest."""
    notebook = Cells(shell, capsys)
    notebook.run("%load_ext fsapi_nb")
    notebook.point(project)
    yield notebook
    notebook.run("%unload_ext fsapi_nb")


@pytest.fixture
def folder(project: Project) -> Project:
    """A project of three migrations, and some files that are none."""
    for name in [*NAMES, "notes.sql", "2026_02_01_10_00 a b.sql", "readme.md"]:
        project.write_text(name, "-- UP\nSELECT 1;\n")
    return project


def offered(cells: Cells, before: str, after: str = "") -> list[str]:
    """The last words of them."""
    return [text.split()[-1].split("=")[-1] for text in cells.offered(before, after)]


def options(verb: str, *, short: bool = False) -> list[str]:
    """The options of a verb and the global ones, as the table of verbs has them."""
    found = find_verb(verb)
    arguments = [argument for argument in (*found.arguments, *global_arguments(found)) if argument.is_option]
    return [flag for argument in arguments for flag in (argument.flags if short else argument.flags[:1])]


# -- verbs and options -------------------------------------------------------------------------------------------------


def test_verbs_and_options_stand_behind_migrate(cells: Cells, folder: Project) -> None:
    """All of the table, in its order, and nothing of Python's."""
    verbs = [verb.name for verb in VERBS]
    assert offered(cells, "%migrate ") == [*verbs, *options("migrate")]
    assert offered(cells, "%migrate st") == ["status"]
    assert offered(cells, "%migrate nothing") == []


@pytest.mark.parametrize("verb", [each for each in VERBS if options(each.name)], ids=lambda verb: verb.name)
def test_every_verb_has_its_options(cells: Cells, folder: Project, verb: Any) -> None:
    """Those of the table, short forms included where a dash is typed."""
    assert offered(cells, f"%migrate {verb.name} -") == options(verb.name, short=True)


def test_plan_offers_the_verbs_that_have_a_plan(cells: Cells, folder: Project) -> None:
    """And takes their options after them."""
    assert offered(cells, "%migrate plan ")[: len(PLANNED)] == list(PLANNED)
    assert offered(cells, "%migrate plan ro") == ["rollback"]
    assert offered(cells, "%migrate plan rollback --al") == ["--all", "--allow-unparsed"]


def test_the_verbs_that_have_a_plan_are_those(tmp_path: Path, database: str) -> None:
    """The table and what makes plans agree."""
    project = Project(tmp_path, database)
    project.write("one", "CREATE TABLE one (id int);", "DROP TABLE one;")
    migrator = project.migrator()
    migrator.migrate()
    wanted: dict[str, Any] = {"retire": {"missing": True}, "baseline": {"names": ["one"]}}
    for verb in {verb.name for verb in VERBS} | set(PLANNED):
        if verb == "rename":
            with pytest.raises(UsageError, match="takes two names"):
                migrator.plan(verb)
        elif verb in PLANNED:
            assert migrator.plan(verb, **wanted.get(verb, {})).plan.verb == verb
        else:
            with pytest.raises(UsageError, match="there is no plan"):
                migrator.plan(verb)


def test_an_option_is_offered_until_it_is_given(cells: Cells, folder: Project) -> None:
    """Its short form counts, with and without its value; only those that repeat are offered again."""
    assert "--yes" not in offered(cells, "%migrate -y --")
    assert "--to" not in offered(cells, "%migrate --to create_users --")
    assert "--to" not in offered(cells, "%migrate --to=create_users --")
    assert "--set" in offered(cells, "%migrate --set env=dev --")
    assert set(options("migrate")) - set(offered(cells, "%migrate --dir elsewhere -n 2 --")) == {"--dir", "--count"}


def test_all_magics_complete_their_options(cells: Cells, folder: Project) -> None:
    """By their own names and by ours that are always there."""
    assert "--to" in offered(cells, "%rollback --")
    assert offered(cells, "%rollback ") == options("rollback")
    assert offered(cells, "%fsapi_rollback --al") == ["--all", "--allow-unparsed"]
    assert "--max-wait" in offered(cells, "%query --")
    assert "--max-wait" in offered(cells, "%%query --", "\nSELECT 1")
    assert offered(cells, "%%migration add_x --re", "\n-- UP\n") == ["--redo"]
    assert offered(cells, "%%fsapi_migration add_x --re", "\n-- UP\n") == ["--redo"]


@pytest.mark.parametrize(
    "before",
    [
        "   %migrate st",
        "x = %migrate st",
        "x, y = %migrate st",
        "frames['a'] = %migrate st",
        "y = 2\nif y:\n    x = %migrate st",
        "\n%fsapi_migrate st",
    ],
)
def test_the_line_may_stand_anywhere(cells: Cells, folder: Project, before: str) -> None:
    """Indented, assigned, on any line of a cell, with more behind it."""
    assert cells.offered(before) == [f"{before}atus"]
    assert cells.offered(before, "\nprint(1)\n%migrate plan") == [f"{before}atus"]


@pytest.mark.parametrize(
    "before",
    [
        "%timeit st", "x = 'st", "migrate st", "x == %migrate st", "%%query\n%migrate st", "%%migration add_x\n-", "%migrate",
        "%query SELECT st", "%query --max-wait 5 SELECT -", "%migrate make add_ph", "%rollback 2 st", "%migrate --set env=de",
        "import st", "%%query --max-wait 5 SELECT st",
    ],
)  # fmt: skip
def test_nothing_of_ours_is_offered_elsewhere(cells: Cells, folder: Project, before: str) -> None:
    """Other lines complete as they do without us; SQL does not complete into options."""
    with_us = cells.offered(before)
    cells.run("%unload_ext fsapi_nb")
    assert cells.offered(before) == [text for text in with_us if text != "%migrate"]
    cells.run("%load_ext fsapi_nb")


# -- names -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "before",
    [
        "%migrate --to ", "%migrate --to=", "%migrate plan --to ", "%migrate plan rollback --to ", "%rollback --to ",
        "%migrate rollback --to ", "%migrate redo ", "%migrate baseline ", "%migrate repair ", "%migrate resolve --done ",
        "%%migration ", "%%migration --apply ", "%migrate --to '",
    ],
)  # fmt: skip
def test_migrations_are_offered_where_one_is_named(cells: Cells, folder: Project, before: str) -> None:
    """By the beginning of the file's name, or of its part after the time, else by any part; files of no sound name are not."""
    assert [text for text in offered(cells, before) if not text.startswith("-")][-3:] == [
        f"'{name}" if before.endswith("'") else name for name in NAMES
    ]
    assert [name.lstrip("'") for name in offered(cells, f"{before}add_pho")] == [NAMES[1]]
    assert [name.lstrip("'") for name in offered(cells, f"{before}2026_01_3")] == NAMES[:2]
    assert [name.lstrip("'") for name in offered(cells, f"{before}phon")] == [NAMES[1]]
    assert cells.offered(f"{before}add_pho") == [before + NAMES[1]]


def test_every_place_for_a_migration_is_known(cells: Cells, folder: Project) -> None:
    """An argument that is called NAME is a migration's, except where a new one gets its name."""
    for verb in VERBS:
        for argument in verb.arguments:
            is_new = verb.name == "make" or argument.flags == ("--adopt",)
            if argument.settings.get("metavar") == "NAME" and not is_new:
                assert argument.values is CompletionKind.MIGRATION, (verb.name, argument.flags)


def test_the_folder_of_the_line_is_looked_at(cells: Cells, folder: Project, tmp_path: Path) -> None:
    """`--dir` on the line comes before `%config`; where there is no such folder, nothing is offered."""
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "2026_03_01_00_00_else.sql").write_text("")
    assert offered(cells, f"%migrate --dir {tmp_path}/other --to e") == ["2026_03_01_00_00_else.sql"]
    assert offered(cells, f"%migrate --dir={tmp_path}/other --to e") == ["2026_03_01_00_00_else.sql"]
    assert not [text for text in offered(cells, f"%migrate --dir {tmp_path}/nowhere --to ") if ".sql" in text]


@pytest.fixture
def configured(folder: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """The project's root with named databases, as the folder where the kernel is."""
    text = '[tool.fsapi_nb.databases]\nstaging = "postgresql://a:secret@h/b"\n"on call" = "postgresql:///c"\n'
    (folder.root / "pyproject.toml").write_text(text)
    monkeypatch.chdir(folder.root)
    return folder


def test_databases_are_offered_by_name(cells: Cells, configured: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of pyproject.toml, quoted if need be, the embedded one, and JupySQL's where it is loaded; no URL."""
    cells.shell.run_line_magic("config", "MigrateMagics.directory = None")
    assert cells.offered("%migrate --database s") == ["%migrate --database staging"]
    assert cells.offered("%query --database ") == [
        f"%query --database {n}" for n in ("'on call'", "staging", "embedded")
    ]
    monkeypatch.setitem(__import__("sys").modules, "sql.connection", ModuleType("sql.connection"))
    assert "%query --database jupysql" in cells.offered("%query --database ")
    assert not [text for text in cells.offered("%query --database ") if "secret" in text]


def test_a_broken_project_offers_no_names(
    cells: Cells, configured: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    """And raises and prints nothing; verbs are still there."""
    cells.shell.run_line_magic("config", "MigrateMagics.directory = None")
    (configured.root / "pyproject.toml").write_text("[tool.fsapi_nb\n")
    capsys.readouterr()
    assert [text for text in cells.offered("%migrate --to ") if ".sql" in text] == []
    assert offered(cells, "%migrate st") == ["status"]
    assert capsys.readouterr() == ("", "")


def test_variables_are_offered_for_parameters(cells: Cells, folder: Project) -> None:
    """The notebook's own values: no modules, no functions, nothing that begins with an underscore."""
    cells.run("import math as city_maths\ncity = 'Rome'\nsince = 1\n_city = 2\ndef city_of(): ...")
    assert offered(cells, "%query --param ci") == ["city"]
    assert offered(cells, "%query --param=ci") == ["city"]
    assert offered(cells, "%%query --param city --param si", "\nSELECT $1, $2") == ["since"]
    assert "--param" in offered(cells, "%query --param city --")


# -- being there, and being away ---------------------------------------------------------------------------------------


@pytest.fixture
def no_sockets(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def refuse(*_: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    yield


@pytest.mark.usefixtures("no_sockets")
def test_completing_connects_to_nothing(cells: Cells, folder: Project) -> None:
    """Not even where the database is named on the line."""
    assert offered(cells, "%migrate --database postgresql://h/d --to add_pho") == [NAMES[1]]


def test_reloading_and_unloading(cells: Cells, folder: Project) -> None:
    """A reload leaves one of us, with the folder that was set; after an unload nothing is left."""
    cells.run("%reload_ext fsapi_nb")
    assert offered(cells, "%migrate --to add_pho") == [NAMES[1]]
    assert len(cells.shell.Completer.custom_matchers) == 1
    cells.run("%unload_ext fsapi_nb")
    assert cells.shell.Completer.custom_matchers == []
    assert offered(cells, "%migrate --to add_pho") == []
    cells.run("%load_ext fsapi_nb")


def test_another_extension_s_magic_is_left_alone(cells: Cells, folder: Project) -> None:
    """Who takes `%migrate` after us has it; ours is offered under its other name."""
    ours = cells.shell.magics_manager.magics["line"]["migrate"]
    cells.shell.register_magic_function(lambda line: None, "line", "migrate")
    try:
        assert offered(cells, "%migrate st") == []
        assert offered(cells, "%fsapi_migrate st") == ["status"]
    finally:
        cells.shell.magics_manager.magics["line"]["migrate"] = ours


def test_the_older_interface_gives_the_same(cells: Cells, folder: Project) -> None:
    """`Completer.complete`, which other tools still call."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PendingDeprecationWarning)
        _, found = cells.shell.Completer.complete(line_buffer="%migrate --to add_pho", cursor_pos=21)
    assert list(found) == [NAMES[1]]


def test_a_kernel_completes(folder: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a front end asks and gets: the matches, and the part of the cell that they take the place of."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    kernel = Kernel(tmp_path)
    try:
        kernel.run(opening(folder))
        cell = "x = 1\n%migrate plan --to add_pho"
        reply = kernel.client.complete(cell, len(cell), reply=True, timeout=30)["content"]
    finally:
        kernel.end()
    assert reply["matches"] == [NAMES[1]]
    assert cell[reply["cursor_start"] : reply["cursor_end"]] == "add_pho"
