"""Private files of the user's own: where they lie, who may have written them, and how they are replaced."""

from __future__ import annotations

import os
import pwd
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from fsapi_nb.project.private_files import (
    ForeignFile,
    make_private_folder,
    read_private,
    replace_file,
    user_folders,
)

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has other accounts at hand")


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def umask() -> Iterator[None]:
    """Files are made as open as anybody could want them."""
    before = os.umask(0)
    yield
    os.umask(before)


def test_folders_are_those_of_the_specification(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The variable's comes first, the home folder's next; a relative path does not count."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", "/state")
    assert user_folders("XDG_STATE_HOME", ".local/state") == [
        Path("/state/fsapi_nb"),
        tmp_path / ".local/state/fsapi_nb",
    ]
    monkeypatch.setenv("XDG_STATE_HOME", "state")
    assert user_folders("XDG_STATE_HOME", ".local/state") == [tmp_path / ".local/state/fsapi_nb"]
    monkeypatch.setenv("HOME", "relative")
    assert user_folders("XDG_STATE_HOME", ".local/state") == []


def test_what_is_written_is_private(tmp_path: Path, umask: None) -> None:
    """Every folder that is made, and the file, whatever the umask is; what is there already is closed."""
    make_private_folder(tmp_path / "a/b")
    replace_file(tmp_path / "a/b/file", "text")
    assert [mode_of(tmp_path / name) for name in ("a", "a/b", "a/b/file")] == [0o700, 0o700, 0o600]
    assert read_private(tmp_path / "a/b/file") == b"text"
    (tmp_path / "a/b").chmod(0o755)
    make_private_folder(tmp_path / "a/b")
    assert mode_of(tmp_path / "a/b") == 0o700
    (tmp_path / "a/b").chmod(0o500)
    make_private_folder(tmp_path / "a/b")
    assert mode_of(tmp_path / "a/b") == 0o500, "a folder that its user has locked stays locked"


def test_a_missing_file_is_none(tmp_path: Path) -> None:
    """Nobody has to make one."""
    assert read_private(tmp_path / "missing") is None


def _open(path: Path) -> None:
    path.chmod(path.stat().st_mode | 0o002)


def _give_away(path: Path) -> None:
    os.chown(path, pwd.getpwnam("daemon").pw_uid, -1)


@pytest.mark.parametrize("how", [_open, pytest.param(_give_away, marks=as_root)])
@pytest.mark.parametrize("what", ["a/file", "a", "."])
def test_what_others_may_have_written_does_not_count(tmp_path: Path, how: object, what: str) -> None:
    """Nor does a file in a folder that they may write to, however far above."""
    make_private_folder(tmp_path / "a")
    replace_file(tmp_path / "a/file", "text")
    assert callable(how)
    how(tmp_path / what)
    with pytest.raises(ForeignFile) as caught:
        read_private(tmp_path / "a/file")
    assert str(tmp_path / what) in caught.value.reason
    if what != "a/file":
        with pytest.raises(ForeignFile):
            make_private_folder(tmp_path / "a")


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    """It is not a file."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="not a file"):
        read_private(tmp_path / "pipe")


def test_a_link_of_the_users_own_is_read_and_replaced(tmp_path: Path) -> None:
    """Keepers of dotfiles make links. A writer that wants to keep one names what it leads to."""
    (tmp_path / "kept").write_text("kept")
    (tmp_path / "link").symlink_to("kept")
    assert read_private(tmp_path / "link") == b"kept"
    replace_file(tmp_path / "link", "new")
    assert not (tmp_path / "link").is_symlink()
    assert (tmp_path / "kept").read_text() == "kept"


def test_what_a_killed_writer_has_left_is_not_followed(tmp_path: Path) -> None:
    """Nor is a link by the name of its draft."""
    (tmp_path / "kept").write_text("kept")
    (tmp_path / f".file.{os.getpid()}").symlink_to("kept")
    with pytest.raises(OSError, match="symbolic link"):
        replace_file(tmp_path / "file", "new")
    assert (tmp_path / "kept").read_text() == "kept"


@as_root
def test_root_with_another_users_home_leaves_nothing_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """sudo may keep HOME: the user would find root's files there, and could put files of their own in their place."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        _give_away(Path(folder))
        monkeypatch.delenv("XDG_STATE_HOME", raising=False)
        monkeypatch.setenv("HOME", folder)
        for each in user_folders("XDG_STATE_HOME", ".local/state"):
            with pytest.raises(ForeignFile):
                make_private_folder(each)
        assert not list(Path(folder).iterdir())
