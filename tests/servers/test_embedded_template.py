"""The template that further embedded clusters are unpacked from: whom it is trusted to, and that nothing needs it."""

from __future__ import annotations

import logging
import os
import pwd
import shutil
import struct
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fsapi_nb.servers import embedded
from fsapi_nb.servers.embedded import server
from fsapi_nb.servers.embedded.data_folder import initialise_data, template_for
from fsapi_nb.servers.embedded.identity import renew_identity
from fsapi_nb.servers.embedded.place import ServerPaths
from fsapi_nb.servers.embedded.template import Template
from tests.servers.embedded_servers import (
    INSTALLATIONS,
    ROOT,
    Homes,
    User,
    in_child,
    query,
    without_fsync,
)

as_root = pytest.mark.skipif(not ROOT, reason="only root has other accounts at hand")
BIN = INSTALLATIONS[0]
VERSION = embedded.server_version(BIN)
DATABASE = "fsapi"  # which `attach` makes where no other is asked for
IDENTIFIER = "SELECT system_identifier FROM pg_control_system()"


@pytest.fixture(scope="module")
def kept(homes: Homes) -> None:
    """Every installation has its template in the module's cache folder."""
    for bin_folder in INSTALLATIONS:
        embedded.destroy(_new(homes, bin_folder))


@pytest.fixture
def template(kept: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Template:
    """The first installation's, in a cache folder of the test's own."""
    source = file_of(found())
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    shutil.copy(source, found().folder)
    return found()


@pytest.fixture
def folder() -> Iterator[Path]:
    """An empty folder that another account could enter."""
    made = Path(tempfile.mkdtemp(prefix="fsapi_nb-test-", dir="/var/tmp"))
    yield made
    shutil.rmtree(made)


@pytest.fixture
def made_by_initdb(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The data folders that initdb has made since."""
    made: list[Path] = []

    def noted(place: ServerPaths, bin_folder: Path, template: Template | None, database: str) -> None:
        made.append(place.data)
        initialise_data(place, bin_folder, template, database)

    monkeypatch.setattr(server, "initialise_data", noted)
    return made


def found(bin_folder: Path = BIN, version: str = VERSION) -> Template:
    template = template_for(bin_folder, version, DATABASE)
    assert template
    return template


def file_of(template: Template) -> Path:
    (path,) = template.folder.glob(f"{template.name}-*.tar")
    return path


def _new(homes: Homes, bin_folder: Path = BIN) -> Path:
    """A home with a server that was started for the first time."""
    home = homes()
    without_fsync(embedded.attach(home, bin_folder=bin_folder))
    return home


# What it is for


@pytest.mark.parametrize("bin_folder", INSTALLATIONS, ids=embedded.server_version)
def test_further_cluster_is_whole_without_initdb_and_differs_in_identity(
    kept: None, homes: Homes, made_by_initdb: list[Path], bin_folder: Path
) -> None:
    """Two clusters of one template are two to PostgreSQL, to our journal and to every record; both survive a restart."""
    first, second = (_new(homes, bin_folder) for _ in range(2))
    assert made_by_initdb == []
    identifiers = set()
    for home in (first, second):
        query(embedded.attach(home, bin_folder=bin_folder), "CREATE TABLE kept AS SELECT 7 AS n")
        embedded.stop(home)
        conninfo = embedded.attach(home, bin_folder=bin_folder)
        assert query(conninfo, "SELECT n FROM kept") == 7
        identifiers.add(query(conninfo, IDENTIFIER))
        assert query(conninfo, "SHOW server_encoding") == "UTF8"
        assert query(conninfo, "SELECT count(DISTINCT datname) FROM pg_database") == 4
    assert len(identifiers) == 2
    assert all(abs(time.time() - (identifier >> 32)) < 3600 for identifier in identifiers)


def test_the_projects_database_is_in_the_template(template: Template, folder: Path) -> None:
    """To make it takes a running server as long as all else that a further cluster needs."""
    assert template.unpack(folder, None)
    assert len(list((folder / "base").iterdir())) == len(("template1", "template0", "postgres", DATABASE))


def test_cluster_that_the_template_was_made_with_is_another_too(
    homes: Homes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made_by_initdb: list[Path]
) -> None:
    """A machine's first cluster has the identifier that initdb gave it, and no copy has that."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    homes_made = [_new(homes) for _ in range(2)]
    assert len(made_by_initdb) == 1
    first, second = (query(embedded.attach(home), IDENTIFIER) for home in homes_made)
    assert first != second


def test_first_starts_at_once_leave_one_whole_template(
    homes: Homes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made_by_initdb: list[Path]
) -> None:
    """Several projects may begin in the same moment: all get a server, none waits for another's template."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    users = [User(homes()) for _ in range(3)]
    assert len({query(without_fsync(user.conninfo()), IDENTIFIER) for user in users}) == 3
    for user in users:
        user.end()
    assert not list(tmp_path.rglob("new-*"))
    _new(homes)
    assert made_by_initdb == []


@pytest.mark.skipif(not shutil.which("tar"), reason="there is no tar to take away")
def test_without_tar_and_mkdir_initdb_does(
    homes: Homes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made_by_initdb: list[Path]
) -> None:
    """A container may hold hardly any tools."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path))
    for _ in range(2):
        _new(homes)
    assert len(made_by_initdb) == 2
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


# Which one


def test_template_of_other_binaries_is_another(template: Template, folder: Path) -> None:
    """A minor version's catalog may differ; the same binaries elsewhere, in another environment, make the same."""
    for tool in ("postgres", "initdb"):
        shutil.copy(BIN / tool, folder / tool)
    assert found(folder) == template
    assert found(version="18.999") != template
    with (folder / "initdb").open("ab") as file:
        file.write(b"\n")
    assert found(folder) != template


def test_time_zone_is_that_of_the_new_cluster(
    template: Template, homes: Homes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """initdb writes down the time zone that it finds, so a template that was made in another is of no use."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    assert found() != template
    assert query(embedded.attach(_new(homes)), "SHOW timezone") == "Asia/Tokyo"


def test_templates_that_nobody_uses_go(template: Template, homes: Homes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor stays what a killed process has left; a template that is used, or being made, is left alone."""
    used, old, new = file_of(template), template.folder / "postgres-14.0-aa-bb.tar", template.folder / "new-fresh"
    draft, month = template.folder / "new-old", time.time() - 31 * 86_400
    for path in (old, draft, new):
        path.touch()
    for path in (used, old, draft):
        os.utime(path, (month, month))
    _new(homes)
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    _new(homes)
    assert {used, new, file_of(found())} <= {*template.folder.iterdir()}
    assert not old.exists()
    assert not draft.exists()


# What is wrong with it


def _cut(path: Path) -> None:
    """Where a member ends, which tar alone does not notice."""
    os.truncate(path, path.stat().st_size // 2 // 512 * 512)


def _empty(path: Path) -> None:
    os.truncate(path, 0)


def _change(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [_cut, _empty, _change])
def test_damaged_template_is_deleted(template: Template, folder: Path, damage: Callable[[Path], None]) -> None:
    """A full disk or a power cut may leave half a file under a good name."""
    damage(file_of(template))
    assert not template.unpack(folder, None)
    assert not list(folder.iterdir())
    assert not list(template.folder.glob(f"{template.name}*"))


def test_damaged_template_is_made_anew(template: Template, homes: Homes, made_by_initdb: list[Path]) -> None:
    """It costs one initdb, and the next cluster is quick again."""
    _cut(file_of(template))
    for _ in range(2):
        _new(homes)
        assert len(made_by_initdb) == 1


def test_template_that_does_not_start_is_made_anew(
    template: Template, homes: Homes, folder: Path, made_by_initdb: list[Path], caplog: pytest.LogCaptureFixture
) -> None:
    """Whole, and yet of no use here: the server starts all the same, and says so."""
    assert template.unpack(folder, None)
    with (folder / "postgresql.conf").open("a") as file:
        file.write("no_such_setting = 1\n")
    template.pack(folder, None)
    with caplog.at_level(logging.WARNING):
        home = _new(homes)
    assert query(embedded.attach(home), "SELECT 1") == 1
    assert "made anew" in caplog.text
    _new(homes)
    assert len(made_by_initdb) == 1


def _foreign(path: Path) -> None:
    os.chown(path, pwd.getpwnam("daemon").pw_uid, -1)


def _writable(path: Path) -> None:
    path.chmod(0o620)


def _linked(path: Path) -> None:
    os.link(path, path.with_name("another"))


def _symbolic(path: Path) -> None:
    path.rename(path.with_name("another"))
    path.symlink_to("another")


@pytest.mark.parametrize("made", [pytest.param(_foreign, marks=as_root), _writable, _linked, _symbolic])
def test_template_that_another_could_have_put_there_is_refused(
    template: Template, folder: Path, made: Callable[[Path], None]
) -> None:
    """What is in it would run as the server of whoever trusts it."""
    made(file_of(template))
    assert not template.unpack(folder, None)
    assert not list(folder.iterdir())


@pytest.mark.parametrize(
    "change",
    [pytest.param(_foreign, marks=as_root), lambda folder: folder.chmod(0o770), lambda folder: folder.chmod(0o701)],
)
@pytest.mark.parametrize("level", [0, 1], ids=["the folder", "above it"])
def test_cache_folder_that_others_can_change_is_no_place(
    template: Template, level: int, change: Callable[[Path], None]
) -> None:
    """Nor is one that they could replace; that others may look at those above does no harm."""
    folder = [template.folder, *template.folder.parents][level]
    change(folder)
    refused = level == 0 or folder.stat().st_uid != os.geteuid() or folder.stat().st_mode & 0o020
    assert (template_for(BIN, VERSION, DATABASE) is None) == bool(refused)


def test_cache_folder_that_cannot_be_made_is_done_without(
    homes: Homes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made_by_initdb: list[Path]
) -> None:
    """A home that is read-only, or a file."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert template_for(BIN, VERSION, DATABASE) is None
    _new(homes)
    assert len(made_by_initdb) == 1


def test_no_cache_is_kept_where_there_is_no_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Services have none; nothing is written to a place that nobody named."""
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert found().folder == tmp_path / ".cache/fsapi_nb/templates"
    for home in ("relative", "", None):
        monkeypatch.setenv("HOME", home) if home is not None else monkeypatch.delenv("HOME")
        assert template_for(BIN, VERSION, DATABASE) is None


@as_root
def test_root_with_another_users_home_leaves_that_alone(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """sudo may keep HOME: the user would find root's files in his cache, and could put his own there."""
    _foreign(folder)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(folder))
    assert template_for(BIN, VERSION, DATABASE) is None
    assert not list(folder.iterdir())


@as_root
def test_ordinary_user_has_a_template_of_his_own(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without root, the template lies in the user's own cache, which nobody else can enter."""
    _foreign(folder)
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))

    def use() -> None:
        identifiers = set()
        for name in ("one", "two"):
            identifiers.add(query(without_fsync(embedded.attach(folder / name)), IDENTIFIER))
            embedded.stop(folder / name)
        assert len(identifiers) == 2
        assert file_of(found()).stat().st_mode & 0o777 == 0o600
        assert {path.stat().st_mode & 0o777 for path in (folder / "cache").rglob("*") if path.is_dir()} == {0o700}

    in_child(use, uid=pwd.getpwnam("daemon").pw_uid)


# The identity


@pytest.fixture
def data(template: Template, tmp_path: Path) -> Path:
    """What initdb has made, unpacked."""
    (tmp_path / "data").mkdir()
    assert template.unpack(tmp_path / "data", None)
    return tmp_path / "data"


def _renewed(data: Path) -> bool:
    return renew_identity(data, (data / "PG_VERSION").stat().st_uid)


def _segment(data: Path) -> Path:
    (path,) = (data / "pg_wal").glob("0*")
    return path


def test_identity_is_renewed_in_both_places(data: Path) -> None:
    """The control file and the write-ahead log agree, and nothing else in them is touched but the checksum."""
    before = (data / "global/pg_control").read_bytes(), _segment(data).read_bytes()
    assert _renewed(data)
    after = (data / "global/pg_control").read_bytes(), _segment(data).read_bytes()
    assert before[0][:8] != after[0][:8] == after[1][24:32]
    assert before[1][:24] + before[1][32:] == after[1][:24] + after[1][32:]
    changed = [place for place in range(8, len(after[0])) if before[0][place] != after[0][place]]
    assert not changed or changed[-1] - changed[0] < 4
    assert len(before[0]) == len(after[0])


def _other_version(data: Path) -> None:
    """A control file that is not made as we know it: its checksum is another's."""
    with (data / "global/pg_control").open("r+b") as file:
        file.seek(8)
        file.write(b"\xff\xff")


def _other_segment(data: Path) -> None:
    with _segment(data).open("r+b") as file:
        file.seek(24)
        file.write(struct.pack("=Q", 1))


def _second_segment(data: Path) -> None:
    shutil.copy(_segment(data), data / "pg_wal" / "000000010000000000000002")


def _link_out(data: Path) -> None:
    (data / "global/pg_control").rename(data / "elsewhere")
    os.link(data / "elsewhere", data / "global/pg_control")


@pytest.mark.parametrize("make", [_other_version, _other_segment, _second_segment, _link_out])
def test_what_is_not_known_for_certain_is_not_changed(data: Path, make: Callable[[Path], None]) -> None:
    """A future version may keep its identifier otherwise: then there is initdb."""
    make(data)
    before = (data / "global/pg_control").read_bytes(), _segment_bytes(data)
    assert not _renewed(data)
    assert before == ((data / "global/pg_control").read_bytes(), _segment_bytes(data))


def _segment_bytes(data: Path) -> list[bytes]:
    return [path.read_bytes()[:8192] for path in sorted((data / "pg_wal").glob("0*"))]
