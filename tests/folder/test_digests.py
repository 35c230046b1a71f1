"""A file that is as it was is not read again; whatever has changed is, whatever its times say."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from fsapi_nb.folder import digests
from fsapi_nb.folder.read import read_folder

NAME = "2026_01_01_00_00_a.sql"
OLD, NEW = b"-- UP\nSELECT 1;\n", b"-- UP\nSELECT 2;\n"


def counting(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are read from now on."""
    found: list[str] = []
    digest = digests._digest

    def counted(name: str, descriptor: int) -> str:
        found.append(name)
        return digest(name, descriptor)

    monkeypatch.setattr(digests, "_digest", counted)
    return found


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that were read; all files count as old enough."""
    monkeypatch.setattr(digests, "_GRAIN", -(10**10))
    return counting(monkeypatch)


def rewrite(file: Path) -> None:
    """In place, with the times of before."""
    stat = file.stat()
    file.write_bytes(NEW)
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def replace(file: Path) -> None:
    """By another file, as Git and editors do, with the times of before."""
    stat = file.stat()
    (file.parent / "draft").write_bytes(NEW)
    os.utime(file.parent / "draft", ns=(stat.st_atime_ns, stat.st_mtime_ns))
    (file.parent / "draft").replace(file)


def link_elsewhere(file: Path) -> None:
    """To a file that was there before, as old as this one."""
    stat = file.stat()
    other = file.parent / "other.txt"
    other.write_bytes(NEW)
    os.utime(other, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    file.unlink()
    file.symlink_to(other)


def test_what_is_as_it_was_is_not_read_again(tmp_path: Path, reads: list[str]) -> None:
    """By however many Migrators."""
    (tmp_path / NAME).write_bytes(OLD)
    first = read_folder(tmp_path)
    assert (read_folder(tmp_path).digests, reads) == (first.digests, [NAME])


@pytest.mark.parametrize("change", [rewrite, replace, link_elsewhere])
def test_a_change_is_seen_though_size_and_time_are_the_same(
    tmp_path: Path, reads: list[str], change: Callable[[Path], None]
) -> None:
    """Programs set the time of a file's contents; that of its last change only the system sets."""
    (tmp_path / NAME).write_bytes(OLD)
    first = read_folder(tmp_path)
    change(tmp_path / NAME)
    second = read_folder(tmp_path)
    assert first.digests != second.digests
    migration = second.get(NAME)
    assert migration
    assert [statement.text for statement in migration.up.parsed.statements] == ["SELECT 2"]
    assert reads == [NAME, NAME]


def test_what_was_changed_just_now_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second change within the clock's grain would leave the same times."""
    (tmp_path / NAME).write_bytes(OLD)
    found = counting(monkeypatch)
    read_folder(tmp_path)
    read_folder(tmp_path)
    assert found == [NAME, NAME]


def test_a_file_that_may_not_be_read_any_more_is_broken(tmp_path: Path, reads: list[str]) -> None:
    """Nothing is taken from memory for it."""
    (tmp_path / NAME).write_bytes(OLD)
    assert read_folder(tmp_path).get(NAME)
    (tmp_path / NAME).unlink()
    (tmp_path / NAME).symlink_to(tmp_path / "nowhere")
    assert read_folder(tmp_path).problems(NAME)
    assert reads == [NAME]
