"""Server folders that came with a project, in an archive, as a copy or by a link, are not started."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fsapi_nb import Migrator
from fsapi_nb.errors import EmbeddedServerError, Untrusted, UsageError
from fsapi_nb.servers import embedded
from fsapi_nb.servers.embedded import registry, root_folder
from fsapi_nb.servers.embedded.record import Record
from fsapi_nb.servers.embedded.registry import register
from fsapi_nb.servers.embedded.server_folder import make_server_folder
from fsapi_nb.servers.project_server import start_embedded
from fsapi_nb.verbs.trust import accept, revoke, trust_project
from tests.conftest import Project
from tests.servers.embedded_servers import ROOT, data_of, in_child, query, server_folder_of, without_fsync

_HOSTILE = "\nrestore_command = 'touch {ran}; false'\narchive_command = 'touch {ran}; true'\n"

as_root = pytest.mark.skipif(
    not ROOT, reason="only root has other accounts at hand, and folders that it alone can make"
)


@pytest.fixture
def workshop(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of an ordinary user's, whose home it is: root's servers have their data elsewhere."""
    folder = Path(tempfile.mkdtemp(prefix="fsapi_nb-test-", dir="/var/tmp"))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(folder))
    if ROOT:
        os.chown(folder, pwd.getpwnam("daemon").pw_uid, -1)
    yield folder
    shutil.rmtree(folder)


def as_user(function: Callable[[], None]) -> None:
    """Run it as an ordinary user, who has no folder that only root can make."""
    in_child(function, uid=pwd.getpwnam("daemon").pw_uid if ROOT else None)


def made(project: Path) -> Path:
    """The home of a project with a server that ran, and whose data would run a program at the next start."""
    project.mkdir()
    home = project / ".fsapi_nb"
    without_fsync(embedded.attach(home))
    embedded.stop(home)
    return home


def booby_trap(home: Path) -> None:
    """Let the next start of the data run a program."""
    data = data_of(home)
    with (data / "postgresql.conf").open("a") as settings:
        settings.write(_HOSTILE.format(ran=home.parent / "ran"))
    (data / "recovery.signal").touch()


def copied(home: Path, project: Path) -> Path:
    subprocess.run(["cp", "-a", str(home.parent), str(project)], check=True)
    return project / home.name


def packed(home: Path, project: Path) -> Path:
    project.mkdir()
    archive = project.with_suffix(".tar")
    subprocess.run(["tar", "-C", str(home.parent), "-cf", str(archive), "."], check=True)
    subprocess.run(["tar", "-C", str(project), "-xpf", str(archive)], check=True)
    return project / home.name


def put_back(home: Path, project: Path) -> Path:
    """An archive of the user's own project, changed by somebody else and unpacked where it was."""
    packed(home, project)
    shutil.rmtree(home.parent)
    project.rename(home.parent)
    return home


def pulled(home: Path, files: dict[str, str]) -> None:
    """Let the project's repository take files over `.fsapi_nb`: what git ignores, it replaces without a word."""
    project = home.parent

    def git(*words: str) -> None:
        who = ("-c", "user.name=Somebody", "-c", "user.email=somebody@example.com")
        subprocess.run(["git", *who, "-C", str(project), *words], check=True, capture_output=True)

    git("init", "--quiet")
    git("commit", "--quiet", "--allow-empty", "--message", "theirs")
    git("worktree", "add", "--quiet", "../theirs", "HEAD", "--detach")
    for name, text in files.items():
        file = project.parent / "theirs" / ".fsapi_nb" / server_folder_of(home).name / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if text.startswith("/"):
            file.symlink_to(text)
        else:
            file.write_text(text)
    git("-C", "../theirs", "add", "--force", ".")
    git("-C", "../theirs", "commit", "--quiet", "--message", "a server")
    git("-C", "../theirs", "branch", "brought")
    git("merge", "--quiet", "--ff-only", "brought")


def test_what_is_pulled_over_an_own_server_is_not_used(workshop: Path) -> None:
    """Neither settings nor files of data, nor a link by the name of the log: the server keeps what it had."""

    def use() -> None:
        home = made(workshop / "one")
        query(embedded.attach(home), "CREATE TABLE kept AS SELECT 7 AS n")
        embedded.stop(home)
        hostile = _HOSTILE.format(ran=workshop / "ran")
        mine = workshop / "mine"
        mine.write_text("mine")
        pulled(
            home,
            {
                "data/postgresql.auto.conf": hostile,
                "data/recovery.signal": "",
                "data/PG_VERSION": "18",
                "postgres.log": str(mine),
                "pg_hba.conf": "local all all trust",
            },
        )
        assert (server_folder_of(home) / "data/postgresql.auto.conf").read_text() == hostile
        assert query(embedded.attach(home), "SELECT n FROM kept") == 7
        assert not (workshop / "ran").exists()
        assert mine.read_text() == "mine"
        embedded.destroy(home)

    as_user(use)


def test_data_of_an_earlier_version_is_kept(workshop: Path) -> None:
    """It was called the same in every project; the next start gives it a name of its own."""

    def use() -> None:
        home = made(workshop / "one")
        query(embedded.attach(home), "CREATE TABLE kept AS SELECT 7 AS n")
        embedded.stop(home)
        server_folder = server_folder_of(home)
        data_of(home).rename(server_folder / "data")
        (record,) = (workshop / ".local/state/fsapi_nb/servers").iterdir()
        record.write_text(record.read_text().replace("named\n", ""))
        for _ in range(2):
            assert query(embedded.attach(home), "SELECT n FROM kept") == 7
            assert data_of(home).name != "data"
            embedded.stop(home)
        embedded.destroy(home)

    as_user(use)


@pytest.mark.parametrize("brought", [copied, packed, put_back])
def test_data_that_came_with_a_project_is_not_started(workshop: Path, brought: Callable[[Path, Path], Path]) -> None:
    """Its settings run programs; the note by which an own folder is known came with it, and is worth nothing."""

    def use() -> None:
        foreign = brought(made(workshop / "one"), workshop / "two")
        booby_trap(foreign)
        for _ in range(2):
            with pytest.raises(EmbeddedServerError, match="was not made here by fsapi_nb") as caught:
                embedded.attach(foreign)
        assert f"rm -r {server_folder_of(foreign)}" in str(caught.value)
        assert "not started" in str(caught.value)
        assert not (foreign.parent / "ran").exists()
        embedded.stop(foreign)
        shutil.rmtree(server_folder_of(foreign))
        assert query(without_fsync(embedded.attach(foreign)), "SELECT 1") == 1
        embedded.destroy(foreign)

    as_user(use)


def test_data_that_its_user_has_allowed_is_started(
    workshop: Path, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An own copy is worth a question, and none after that; what changes meanwhile is not what was allowed."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(workshop / "config"))
    # Whatever the user needs is imported here: Python itself may lie in root's home.
    project.migrator().query("SELECT 1")
    trust_project(str(project.root), yes=True)
    monkeypatch.chdir("/")

    def use() -> None:
        home = made(workshop / "one")
        query(embedded.attach(home), "CREATE TABLE kept AS SELECT 7 AS n")
        embedded.stop(home)
        copied(home, workshop / "two")
        (workshop / "two" / "migrations").mkdir()
        migrator = Migrator("embedded", workshop / "two" / "migrations")
        with pytest.raises(Untrusted, match="starts a server on data that was not made here") as caught:
            migrator.query("SELECT n FROM kept")
        assert f"rm -r {workshop / 'two' / '.fsapi_nb' / server_folder_of(home).name}" in str(caught.value)
        (workshop / "two" / ".fsapi_nb" / server_folder_of(home).name / "planted").touch()
        accept(caught.value)
        with pytest.raises(Untrusted):
            migrator.query("SELECT n FROM kept")
        assert len(trust_project(str(workshop / "two"), yes=True).entries) == 1
        for _ in range(2):
            assert migrator.query("SELECT n FROM kept").last.rows[0][0] == 7  # type: ignore[union-attr]
            embedded.stop(workshop / "two" / ".fsapi_nb")
        revoke(str(workshop / "two"))
        with pytest.raises(Untrusted, match="starts a server on data that was not made here"):
            migrator.query("SELECT n FROM kept")
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("FSAPI_NB_TRUST", "1")
            migrator.query("SELECT n FROM kept")
        revoke(str(workshop / "two"))
        with pytest.raises(UsageError, match="is not trusted"):
            revoke(str(workshop / "one"))
        assert query(embedded.attach(home), "SELECT 1") == 1
        with pytest.raises(Untrusted):
            migrator.query("SELECT n FROM kept")
        trust_project(str(workshop / "two"), yes=True)
        migrator.query("SELECT n FROM kept")
        for each in ("one", "two"):
            embedded.destroy(workshop / each / ".fsapi_nb")

    as_user(use)


def test_a_project_that_was_moved_keeps_its_data(workshop: Path) -> None:
    """Its own folder is known by its note wherever it lies, in another process, too."""

    def make() -> None:
        home = made(workshop / "one")
        query(embedded.attach(home), "CREATE TABLE kept AS SELECT 7 AS n")

    def use() -> None:
        (workshop / "one").rename(workshop / "two")
        home = workshop / "two" / ".fsapi_nb"
        assert query(embedded.attach(home), "SELECT n FROM kept") == 7
        embedded.destroy(home)
        assert list((workshop / ".local/state/fsapi_nb/servers").iterdir()) == []

    as_user(make)
    as_user(use)


def test_an_account_without_a_home_knows_its_folders_too(workshop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The notes are kept where only this account can write."""
    monkeypatch.setenv("HOME", "/nonexistent")
    monkeypatch.setattr(registry, "_SHARED", workshop)

    def make() -> None:
        made(workshop / "one")

    def use() -> None:
        home = workshop / "one" / ".fsapi_nb"
        assert query(embedded.attach(home), "SELECT 1") == 1
        assert list((workshop / f"fsapi_nb-{os.geteuid()}" / "servers").iterdir())
        embedded.destroy(home)

    as_user(make)
    as_user(use)


@pytest.mark.parametrize("files", [[], ["start.lock"], ["start.lock", ".made.17"], ["start.lock", "made"]])
def test_a_folder_that_another_process_is_making_is_not_a_foreign_one(workshop: Path, files: list[str]) -> None:
    """Several processes may begin in the same moment; their user is not asked about that."""

    def look() -> None:
        server_folder = workshop / "one/.fsapi_nb/postgres-18"
        server_folder.mkdir(parents=True)
        for name in files:
            (server_folder / name).touch()
        assert embedded.foreign_folders(server_folder.parent) == []
        (server_folder / "postgresql.conf").touch()
        assert embedded.foreign_folders(server_folder.parent) == [server_folder]

    as_user(look)


@pytest.mark.parametrize("link", [".fsapi_nb", ".fsapi_nb/postgres-18", ".fsapi_nb/tests"])
def test_a_link_is_not_followed(tmp_path: Path, link: str) -> None:
    """What it leads to keeps its mode and gets no file, by whichever verb."""
    target = tmp_path / "private"
    target.mkdir(mode=0o755)
    target.chmod(0o755)
    at = tmp_path / "clone" / link.replace("18", embedded.server_version(embedded.default_bin_folder()).split(".")[0])
    at.parent.mkdir(parents=True)
    at.symlink_to(target)
    home = tmp_path / "clone/.fsapi_nb"
    verbs = (embedded.attach,) if "postgres" in link else (embedded.attach, embedded.stop, embedded.destroy)
    for verb in verbs:
        with pytest.raises(EmbeddedServerError, match="is a link") as caught:
            verb(home / "tests" if link.endswith("tests") else home)
        assert f"rm {at}" in str(caught.value)
    assert target.stat().st_mode & 0o777 == 0o755
    assert list(target.iterdir()) == []


def test_the_parent_of_a_private_folder_may_be_reached_by_a_link(tmp_path: Path) -> None:
    """Home folders often are: only what a project could have brought is refused."""
    (tmp_path / "really").mkdir()
    (tmp_path / "home").symlink_to(tmp_path / "really")
    embedded.stop(tmp_path / "home" / ".fsapi_nb")


@as_root
@pytest.mark.parametrize("owner", ["root", "daemon"])
def test_the_place_of_a_record_is_not_believed(tmp_path: Path, owner: str) -> None:
    """Root writes nothing, and starts nothing, where a record says that came with a project."""
    trap = tmp_path / "trap"
    (trap / "server/data").mkdir(parents=True)
    if owner == "daemon":
        os.chown(trap, pwd.getpwnam("daemon").pw_uid, -1)
    server_folder = server_folder_of(tmp_path / "clone/.fsapi_nb")
    server_folder.mkdir(parents=True)
    (server_folder / "server.json").write_text(json.dumps({"bin_folder": "", "socket": "", "place": str(trap)}))
    before = sorted(trap.rglob("*"))
    address = without_fsync(embedded.attach(server_folder.parent))
    try:
        assert query(address, "SELECT 1") == 1
        assert Path(json.loads((server_folder / "server.json").read_text())["place"]).parent in root_folder.ROOT_BASES
        assert sorted(trap.rglob("*")) == before
    finally:
        embedded.destroy(server_folder.parent)


@pytest.mark.parametrize("kind", ["link", "pipe", "other name"])
def test_a_record_of_any_kind_does_no_harm(tmp_path: Path, kind: str) -> None:
    """A link is not read, a pipe is not waited for, and a private folder of the user's is not tidied up."""
    server_folder = server_folder_of(tmp_path / "clone/.fsapi_nb")
    server_folder.mkdir(parents=True)
    mine = tmp_path / "mine"
    mine.mkdir(mode=0o700)
    text = json.dumps({"bin_folder": "", "socket": str(mine), "place": ""})
    if kind == "pipe":
        os.mkfifo(server_folder / "server.json")
    elif kind == "link":
        (tmp_path / "elsewhere").write_text(text)
        (server_folder / "server.json").symlink_to(tmp_path / "elsewhere")
    else:
        (server_folder / "server.json").write_text(text)
    embedded.destroy(server_folder.parent)
    assert mine.is_dir()


@pytest.mark.parametrize("versions", [(-1,), (1,), (-3, -2)], ids=["older", "newer", "two"])
def test_another_version_does_not_begin_empty_beside_the_data(tmp_path: Path, versions: tuple[int, ...]) -> None:
    """A wheel that was upgraded would apply everything on an empty server, and the data would seem to be gone."""
    home = tmp_path / ".fsapi_nb"
    installed = int(embedded.server_version(embedded.default_bin_folder()).partition(".")[0])
    for version in versions:
        server_folder = make_server_folder(home, installed + version)
        register(server_folder)
        Record().write(server_folder)
    with pytest.raises(EmbeddedServerError, match=rf"of PostgreSQL {installed + versions[-1]}, which") as caught:
        start_embedded(tmp_path, home, (), bin_folder=None, database="shop")
    assert "--postgres-bin FOLDER" in (caught.value.hint or "")
    assert sorted(home.glob("postgres-*")) == sorted(home / f"postgres-{installed + each}" for each in versions)
    Record().write(make_server_folder(home, installed))
    assert embedded.folders_of_other_versions(home) == []
