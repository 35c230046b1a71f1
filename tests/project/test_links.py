"""Links and settings that lead out of a project: nothing there is read, shown or written before its user has said so."""

from __future__ import annotations

import os
import pickle
import re
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fsapi_nb import Migrator, cli
from fsapi_nb.errors import CannotConnect, ConfigurationError, FsapiError, Untrusted, UsageError
from fsapi_nb.folder.read import read_folder
from fsapi_nb.notebook.names import find_names
from fsapi_nb.project.parts import connection_parts
from fsapi_nb.testing.databases import open_databases
from fsapi_nb.verbs.draft import Draft, stage
from fsapi_nb.verbs.trust import list_trusted, trust_project
from tests.conftest import Project
from tests.project.test_trust import clone, config, give_away

__all__ = ["clone", "config"]

NOWHERE = "host=/nowhere dbname=x"
NAME = "2026_01_01_00_01_two.sql"
SECRET = "root:canary:19000:0:99999:7:::\n"
#: What reads or writes migrations, by the verb.
VERBS: dict[str, Callable[[Migrator], object]] = {
    "status": lambda m: m.status(),
    "plan": lambda m: m.plan(),
    "show": lambda m: m.show("two"),
    "history": lambda m: m.history(),
    "migrate": lambda m: m.migrate(),
    "baseline": lambda m: m.baseline("two"),
    "repair": lambda m: m.repair("two"),
    "fresh": lambda m: m.fresh(),
    "write": lambda m: m.write("two", "-- UP\nSELECT 1;"),
}


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A folder of the user's that is not in the project, with a file that is nobody's business."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "shadow").write_text(SECRET)
    return folder


def asked(look: Callable[[], object]) -> str:
    """What a command is refused for; it does not show what is behind a link."""
    with pytest.raises(Untrusted) as caught:
        look()
    assert "canary" not in str(caught.value)
    return "\n".join(caught.value.details)


def assert_asks_nothing(look: Callable[[], object]) -> None:
    """There is no such server, which is found only behind all questions."""
    with pytest.raises(CannotConnect):
        look()


def link_files(clone: Path, elsewhere: Path, way: str) -> None:
    """Make a migration that leads to the secret."""
    link, secret = clone / "migrations" / NAME, elsewhere / "shadow"
    if way == "absolute":
        link.symlink_to(secret)
    elif way == "relative":
        link.symlink_to(Path("../../elsewhere/shadow"))
    elif way == "to a link":
        (clone / "inner.sql").symlink_to(secret)
        link.symlink_to(Path("../inner.sql"))
    elif way == "through a folder":
        (clone / "shared").symlink_to(elsewhere)
        link.symlink_to(Path("../shared/shadow"))
    else:
        link.symlink_to(f"/proc/self/root{secret}")


@pytest.mark.parametrize("way", ["absolute", "relative", "to a link", "through a folder", "through the kernel"])
def test_a_migration_that_leads_out_of_the_project_is_not_read(clone: Path, elsewhere: Path, way: str) -> None:
    """However it gets there; the question names it and where it leads to."""
    link_files(clone, elsewhere, way)
    wanted = f"migrations/{NAME}: leads out of the project: {elsewhere}/shadow is read, and may be written"
    assert asked(lambda: Migrator(NOWHERE).plan()).strip() == wanted
    assert asked(lambda: Migrator(NOWHERE, clone / "migrations").plan()).strip() == wanted
    assert [entry.what for entry in trust_project(None, yes=True).entries] == [wanted]
    assert_asks_nothing(lambda: Migrator(NOWHERE).plan())


@pytest.mark.parametrize("verb", VERBS)
def test_no_verb_reads_a_link_that_leads_out(clone: Path, elsewhere: Path, verb: str) -> None:
    """Nor writes to it."""
    link_files(clone, elsewhere, "relative")
    asked(lambda: VERBS[verb](Migrator(NOWHERE)))
    assert (elsewhere / "shadow").read_text() == SECRET


def test_a_long_list_ends_with_what_runs_or_connects(clone: Path, elsewhere: Path) -> None:
    """A terminal leaves the end in sight; the hint names the file that asks for it first, and only some of the others."""
    for number in range(50):
        (clone / "migrations" / f"2026_02_01_00_{number:02}_x.sql").symlink_to(elsewhere / "shadow")
    (clone / "pyproject.toml").write_text('[tool.fsapi_nb]\ndatabase = "postgresql://example.org/x"\n')
    for look in (lambda: trust_project(str(clone), yes=False), lambda: Migrator().status()):
        with pytest.raises(FsapiError) as caught:
            look()
        details = caught.value.details
        assert ("example.org" in details[-1], "leads out" in details[0], len(details)) == (True, True, 51)
        if isinstance(caught.value, Untrusted):
            assert re.match(r"look at pyproject\.toml, .* and 41 more\. If", caught.value.hint or "")


def test_a_link_that_leads_elsewhere_now_asks_again(clone: Path, elsewhere: Path) -> None:
    """The yes was about that file."""
    link_files(clone, elsewhere, "absolute")
    trust_project(None, yes=True)
    (clone / "migrations" / NAME).unlink()
    (clone / "migrations" / NAME).symlink_to("/etc/passwd")
    assert "/etc/passwd" in asked(lambda: Migrator(NOWHERE).status())


def test_links_that_stay_in_the_project_ask_nothing(clone: Path, tmp_path: Path) -> None:
    """Relative ones, links to links, folders, a linked root, and files that a linked folder has beside itself."""
    (clone / "shared" / "old").mkdir(parents=True)
    (clone / "shared" / "two.sql").write_text("-- UP\nSELECT 2;\n")
    (clone / "again").symlink_to("shared")
    (clone / "migrations" / NAME).symlink_to("../again/two.sql")
    (clone / "migrations").rename(clone / "shared" / "sql")
    (clone / "migrations").symlink_to(clone / "shared" / "sql")
    (tmp_path / "link").symlink_to(clone)
    assert_asks_nothing(lambda: Migrator(NOWHERE).status())
    assert_asks_nothing(lambda: Migrator(NOWHERE, tmp_path / "link" / "migrations").status())
    assert trust_project(None, yes=False).entries == ()


def test_a_link_in_a_project_that_is_applied_is_a_file(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing changes for projects that share their files."""
    monkeypatch.chdir(project.root)
    (project.root / "two.sql").write_text("-- UP\nCREATE TABLE two (i int);\n")
    (project.folder / NAME).symlink_to("../two.sql")
    Migrator(project.database).migrate()
    assert project.applied() == [NAME]


@pytest.mark.parametrize("what", ["a pipe", "a link to a pipe", "a device"])
def test_what_is_no_file_is_not_waited_for(clone: Path, what: str) -> None:
    """Pipes may give nothing for ever, and devices give without an end: neither is a migration, nor written to."""
    place = clone / "migrations" / NAME
    if what == "a pipe":
        os.mkfifo(place)
    elif what == "a link to a pipe":
        os.mkfifo(clone / "pipe")
        place.symlink_to("../pipe")
    else:
        place.symlink_to("/dev/zero")
    assert_asks_nothing(lambda: Migrator(NOWHERE).status())
    assert find_names(None).migrations == ("2026_01_01_00_00_one.sql",)
    with pytest.raises(ConfigurationError, match=f"{NAME} cannot be read: "), open_stage(clone, NAME):
        pass


def open_stage(clone: Path, name: str) -> AbstractContextManager[Draft]:
    """What a cell with that migration begins with."""
    folder = clone / "migrations"
    return stage(folder, name, name, "-- UP\nSELECT 1;\n", planned=read_folder(folder), now=datetime.now(UTC))


# -- the folder itself -------------------------------------------------------------------------------------------------


def place_outside(clone: Path, elsewhere: Path, way: str) -> str:
    """Let the project have its migrations elsewhere; return what asks for that."""
    shutil.move(clone / "migrations", elsewhere / "sql")
    if way == "a link":
        (clone / "migrations").symlink_to(elsewhere / "sql")
        return f"migrations: leads out of the project: {elsewhere}/sql is read, and may be written"
    setting = {"absolute": f"{elsewhere}/sql", "relative": "../elsewhere/sql", "through a link": "shared/sql"}[way]
    if way == "through a link":
        (clone / "shared").symlink_to(elsewhere)
    (clone / "pyproject.toml").write_text(f'[tool.fsapi_nb]\nmigrations = "{setting}"\n')
    if way == "through a link":
        return f"shared/sql: leads out of the project: {elsewhere}/sql is read, and may be written"
    return f"pyproject.toml: has the migrations outside of the project: {elsewhere}/sql is read and written"


@pytest.mark.parametrize("way", ["absolute", "relative", "through a link", "a link"])
def test_migrations_elsewhere_are_neither_read_nor_written(clone: Path, elsewhere: Path, way: str) -> None:
    """One yes is for reading and writing; it is not about the files of that folder, which are the user's."""
    wanted = place_outside(clone, elsewhere, way)
    before = sorted(elsewhere.rglob("*"))
    for look in (*VERBS.values(), lambda m: m.make("three"), pickle.dumps):
        assert asked(lambda look=look: look(Migrator(NOWHERE))).strip() == wanted  # type: ignore[misc]
    assert sorted(elsewhere.rglob("*")) == before
    assert find_names(None).migrations == ()
    assert [entry.what for entry in trust_project(None, yes=True).entries] == [wanted]
    made = Migrator(NOWHERE).make("three")
    assert (elsewhere / "sql" / made.name).exists()
    assert made.name in find_names(None).migrations
    assert_asks_nothing(lambda: Migrator(NOWHERE).status())
    assert_asks_nothing(lambda: pickle.loads(pickle.dumps(Migrator(NOWHERE))).status())


def test_a_folder_that_the_user_names_asks_nothing(clone: Path, elsewhere: Path) -> None:
    """By `--dir` or as an argument; its links out of it do."""
    (elsewhere / "sql").mkdir()
    (elsewhere / "sql" / NAME).write_text("-- UP\nSELECT 1;\n")
    assert_asks_nothing(lambda: Migrator(NOWHERE, elsewhere / "sql").status())
    assert Migrator(NOWHERE, elsewhere / "sql").make("three").name
    (elsewhere / "sql" / "2026_01_01_00_02_x.sql").symlink_to(elsewhere / "shadow")
    with pytest.raises(Untrusted) as caught:
        Migrator(NOWHERE, elsewhere / "sql").status()
    assert f"`sapi trust {elsewhere}/sql`" in str(caught.value)
    trust_project(str(elsewhere / "sql"), yes=True)
    assert_asks_nothing(lambda: Migrator(NOWHERE, elsewhere / "sql").status())


def test_python_trusts_the_folder_that_it_was_given(clone: Path, elsewhere: Path) -> None:
    """By the method of the Migrator that was refused."""
    (clone / "sql").mkdir()
    (clone / "sql" / NAME).symlink_to(elsewhere / "shadow")
    migrator = Migrator(NOWHERE, clone / "sql")
    asked(migrator.status)
    migrator.trust()
    assert_asks_nothing(migrator.status)


def test_tests_of_a_project_read_no_migrations_elsewhere(clone: Path, elsewhere: Path) -> None:
    """The plugin for pytest takes the digest of each file."""
    link_files(clone, elsewhere, "relative")
    place_outside(clone, elsewhere, "a link")
    with pytest.raises(Untrusted, match=f"migrations/{NAME}"), open_databases(clone, directory=None, database=None):
        pass


# -- settings and runbooks ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "content"),
    [
        (".env", "DATABASE_URL='host=/nowhere dbname=canary'\n"),
        ("pyproject.toml", "[tool.fsapi_nb]\ndatabase = 'host=/nowhere dbname=canary'\n"),
    ],
)
def test_settings_elsewhere_are_not_used(clone: Path, elsewhere: Path, file: str, content: str) -> None:
    """They may be those of another project, whose database this one's migrations would change."""
    (elsewhere / "settings").write_text(content)
    (clone / file).symlink_to(elsewhere / "settings")
    wanted = f"{file}: leads out of the project: {elsewhere}/settings is read, and may be written"
    for look in (lambda m: m.query("SELECT 1"), VERBS["status"], lambda m: m.make("x")):
        assert asked(lambda look=look: look(Migrator())).strip() == wanted  # type: ignore[misc]
    trust_project(None, yes=True)
    assert_asks_nothing(lambda: Migrator().status())


@pytest.mark.parametrize("file", [".env", "pyproject.toml"])
@pytest.mark.parametrize("content", [SECRET, "fsapi_nb = canary\n", "big"])
def test_what_is_elsewhere_and_no_settings_is_not_shown(clone: Path, elsewhere: Path, file: str, content: str) -> None:
    """Nothing of it is quoted, and what says nothing of fsapi_nb asks nothing."""
    (elsewhere / "settings").write_text(content)
    if content == "big":
        os.truncate(elsewhere / "settings", 1 << 40)
    (clone / file).symlink_to(elsewhere / "settings")
    with pytest.raises(FsapiError) as caught:
        Migrator(NOWHERE if file == "pyproject.toml" else None, postgres_bin=clone).query("SELECT 1")
    assert "canary" not in str(caught.value)


def test_a_runbook_elsewhere_is_not_run(clone: Path, elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nor is a record written elsewhere, or a new runbook."""
    (clone / "runbooks").mkdir()
    book = clone / "runbooks" / "look.ipynb"
    book.symlink_to(elsewhere / "shadow")
    assert cli.main(["runbook:run", str(book), "--database", NOWHERE]) == 2
    said = capsys.readouterr().err
    assert f"runbooks/look.ipynb: leads out of the project: {elsewhere}/shadow" in said
    assert "canary" not in said
    assert f"`sapi trust {book}`" in said
    assert cli.main(["trust", str(book)]) == 0
    assert cli.main(["runbook:run", str(book), "--database", NOWHERE]) == 2
    assert "is not a notebook" in capsys.readouterr().err
    book.unlink()
    assert cli.main(["runbook:new", "look"]) == 0
    (clone / "runbooks" / "runs").symlink_to(elsewhere)
    assert cli.main(["runbook:run", str(book), "--database", NOWHERE]) == 2
    assert "runbooks/runs: leads out of the project" in capsys.readouterr().err
    shutil.rmtree(clone / "runbooks")
    (clone / "runbooks").symlink_to(elsewhere)
    assert cli.main(["runbook:new", "look"]) == 2
    assert f"`sapi trust {clone}`" in capsys.readouterr().err
    assert [path.name for path in elsewhere.iterdir()] == ["shadow"]
    assert cli.main(["trust"]) == 0
    assert cli.main(["runbook:new", "look"]) == 0


def test_a_runbook_that_is_a_pipe_is_not_waited_for(clone: Path) -> None:
    """It is an error."""
    os.mkfifo(clone / "look.ipynb")
    assert cli.main(["runbook:run", "look.ipynb", "--database", NOWHERE]) == 2


def test_a_service_file_that_is_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    """A protected database may name one, and is compared with every other that is connected to."""
    os.mkfifo(tmp_path / "pipe")
    assert not connection_parts("service=x", {"PGSERVICEFILE": str(tmp_path / "pipe")}).known


# -- whose migrations --------------------------------------------------------------------------------------------------


def test_migrations_of_others_in_a_folder_of_ones_own_count_only_once_allowed(clone: Path) -> None:
    """In a folder such as /tmp everybody may put one; a link to another's file as well."""
    (clone / "migrations").chmod(0o1777)
    assert_asks_nothing(lambda: Migrator(NOWHERE).status())
    theirs = clone / "migrations" / NAME
    theirs.write_text("-- UP\nSELECT 1;\n")
    give_away(theirs)
    wanted = rf"migrations/{NAME}: is used although (\S+ belongs to daemon|anybody may write to \S+)"
    assert re.fullmatch(wanted, asked(lambda: Migrator(NOWHERE).status()).strip())
    trust_project(None, yes=True)
    assert_asks_nothing(lambda: Migrator(NOWHERE).status())
    theirs.rename(clone / "theirs.sql")
    (clone / "migrations" / "2026_01_01_00_02_x.sql").symlink_to("../theirs.sql")
    assert "is used although" in asked(lambda: Migrator(NOWHERE).status())
    assert_asks_nothing(lambda: Migrator(NOWHERE, clone / "migrations").status())


def test_trust_names_what_is_not_there(clone: Path) -> None:
    """A folder or runbook that is misspelt."""
    with pytest.raises(UsageError, match="there is no folder"):
        trust_project("runbooks/nothing.ipynb", yes=True)
    assert list_trusted().entries == ()
