"""The migrations folder: what is read from it, and that no file is ever lost or doubled."""

from __future__ import annotations

import datetime
import os
import re
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsapi_nb.errors import ConfigurationError, MigrationFileError, UsageError
from fsapi_nb.folder import read
from fsapi_nb.folder.read import create, parse_text, read_folder, write
from fsapi_nb.model.folder import FileReading, Folder
from fsapi_nb.model.place import Problem
from fsapi_nb.script import naming
from fsapi_nb.script.naming import TEMPLATE, bad_file_name

NOW = datetime.datetime(2026, 1, 31, 9, 30, tzinfo=datetime.UTC)
TIME = "2026_01_31_09_30_"
GOOD = f"{TIME}good.sql"


def put(path: Path, name: str, contents: bytes = b"-- UP\nSELECT 1;\n") -> None:
    (path / name).write_bytes(contents)


def names(path: Path) -> list[str]:
    return sorted(os.listdir(path))


def sound(found: Folder) -> list[str]:
    return [name for name in found.names if found.get(name)]


def broken(found: Folder) -> dict[str, tuple[Problem, ...]]:
    return {name: problems for name in found.names if (problems := found.problems(name))}


def test_files_are_ordered_by_the_bytes_of_their_names(tmp_path: Path) -> None:
    """The same on every machine, whatever its language."""
    wanted = [f"{TIME}{words}.sql" for words in ("B", "Z", "a", "a_b", "ab", "y", "é")]
    for name in reversed(wanted):
        put(tmp_path, name)
    assert sound(read_folder(tmp_path)) == wanted


def test_other_files_are_not_looked_at(tmp_path: Path) -> None:
    """Hidden ones, drafts, folders, what does not end in .sql."""
    for name in ("README.md", ".hidden.sql", f".{GOOD}.draft", "notes.sql.txt"):
        put(tmp_path, name, b"\x00")
    (tmp_path / "old.sql").mkdir()
    os.mkfifo(tmp_path / f"{TIME}pipe.sql")
    found = read_folder(tmp_path)
    assert found.names == ()


@pytest.mark.parametrize(
    ("contents", "word"),
    [
        (b"", "empty"),
        (b"\n \n", "empty"),
        (b"-- only a comment", "no SQL"),
        (b"\x7fELF\x00\x01", "NUL"),
        (b"\x80\x81", "not UTF-8"),
        ("-- UP\nSELECT 'é';".encode("cp1252"), "not UTF-8"),
        ("-- UP\nSELECT 1;".encode("utf-16"), "UTF-16"),
        (b"-- UP\nSELECT 'x", "unterminated"),
        (b"-- UP\nSELECT 1;\n-- Down\nSELECT 2;", "begins like"),
    ],
)
def test_a_file_that_cannot_be_used_is_broken_and_leaves_the_others_alone(
    tmp_path: Path, contents: bytes, word: str
) -> None:
    """Its name and what is wrong with it are told."""
    put(tmp_path, GOOD)
    put(tmp_path, f"{TIME}bad.sql", contents)
    found = read_folder(tmp_path)
    assert sound(found) == [GOOD]
    ((name, (problem, *_)),) = broken(found).items()
    assert name == problem.place.file == f"{TIME}bad.sql"
    assert word in problem.message


@pytest.mark.parametrize("contents", [b"\xef\xbb\xbf-- UP\nSELECT 1;", b"-- UP\r\nSELECT 1;\r\n-- DOWN\r\n"])
def test_what_windows_writes_is_sound(tmp_path: Path, contents: bytes) -> None:
    """A byte order mark, CRLF."""
    put(tmp_path, GOOD, contents)
    migration = read_folder(tmp_path).get(GOOD)
    assert migration
    assert not migration.up.parsed.problems
    assert [statement.text for statement in migration.up.parsed.statements] == ["SELECT 1"]


def test_a_file_that_cannot_be_read_is_broken(tmp_path: Path) -> None:
    """No right to, or a link that leads nowhere: it must not be passed over."""
    (tmp_path / f"{TIME}gone.sql").symlink_to(tmp_path / "nowhere")
    (tmp_path / f"{TIME}loop.sql").symlink_to(tmp_path / f"{TIME}loop.sql")
    put(tmp_path, f"{TIME}secret.sql")
    (tmp_path / f"{TIME}secret.sql").chmod(0)
    found = broken(read_folder(tmp_path))
    expected = {f"{TIME}gone.sql", f"{TIME}loop.sql"} | ({f"{TIME}secret.sql"} if os.geteuid() else set())
    assert set(found) == expected
    assert all("cannot be read" in problems[0].message for problems in found.values())


def test_a_link_to_a_file_is_a_file(tmp_path: Path) -> None:
    """Some projects keep migrations elsewhere; writing keeps the link."""
    (tmp_path / "elsewhere").mkdir()
    put(tmp_path / "elsewhere", "x.txt")
    (tmp_path / GOOD).symlink_to(tmp_path / "elsewhere" / "x.txt")
    assert read_folder(tmp_path).get(GOOD)
    write(tmp_path, GOOD, "-- UP\nSELECT 2;\n")
    assert (tmp_path / GOOD).is_symlink()
    assert (tmp_path / "elsewhere" / "x.txt").read_text() == "-- UP\nSELECT 2;\n"


def quoted(reading: FileReading) -> str:
    """What is said of a file where it is only looked at."""
    scripts = (reading.migration.up, reading.migration.down) if reading.migration else ()
    problems = [*reading.problems, *(problem for script in scripts if script for problem in script.parsed.problems)]
    return "\n".join(line for problem in problems for line in problem.lines())


@pytest.mark.parametrize(
    "text", ["host:5432:shop:ada:hunter2\n", "-- UP\nSELECT 1;\n\n-- DOWN\nhunter2\n", "-- UP\nSELECT 'hunter2;\n"]
)
def test_nothing_is_quoted_of_a_file_outside_of_the_project(tmp_path: Path, text: str) -> None:
    """A project of somebody else's could name any file of its reader's so, and an output would hold its lines."""
    folder = tmp_path / "project" / "migrations"
    folder.mkdir(parents=True)
    (tmp_path / "secret").write_text(text)
    (folder.parent / "inside").write_text(text)
    (folder / f"{TIME}out.sql").symlink_to(tmp_path / "secret")
    (folder / f"{TIME}in.sql").symlink_to(folder.parent / "inside")
    found = read_folder(folder)
    for name in (f"{TIME}out.sql", f"{TIME}in.sql"):
        assert ("hunter2" in quoted(found.read(name))) == (name == f"{TIME}in.sql")
    assert [problem.message for problem in found.read(f"{TIME}out.sql").problems] == [
        "what the link leads to is not a migration"
    ]


def test_bad_names_are_told_and_not_run(tmp_path: Path) -> None:
    """In a form that a terminal shows: no control characters, no broken bytes."""
    for name in ("no_time.sql", f"{TIME}a b.sql", f"{TIME}x.SQL", f"{TIME}\x1b[2J.sql"):
        put(tmp_path, name)
    (tmp_path / os.fsdecode(b"2026_01_31_09_30_\xff.sql")).write_bytes(b"")
    found = read_folder(tmp_path)
    assert sound(found) == []
    shown = {"no_time.sql", f"{TIME}a b.sql", f"{TIME}x.SQL", f"{TIME}\\x1b[2J.sql", f"{TIME}\\udcff.sql"}
    assert set(broken(found)) == shown
    assert all(problem.hint for problems in broken(found).values() for problem in problems)


@given(st.from_regex(naming._PLAIN, fullmatch=True))
def test_a_name_that_is_sound_at_a_glance_is_sound_at_a_second_look(name: str) -> None:
    """Most names are judged by one pattern, which lets nothing through that the rules refuse."""
    glance, naming._PLAIN = naming._PLAIN, re.compile("(?!)")
    try:
        assert bad_file_name(name) is None
    finally:
        naming._PLAIN = glance


def test_names_that_differ_in_case_only_are_refused(tmp_path: Path) -> None:
    """On another system they would be one file, and one would be lost."""
    for words in ("add_users", "Add_Users", "straße", "STRASSE", "other"):
        put(tmp_path, f"{TIME}{words}.sql")
    if len(names(tmp_path)) < 5:
        pytest.skip("this file system does not tell them apart")
    found = read_folder(tmp_path)
    assert sound(found) == [f"{TIME}other.sql"]
    assert f"{TIME}Add_Users.sql" in broken(found)[f"{TIME}add_users.sql"][0].message
    assert f"{TIME}straße.sql" in broken(found)[f"{TIME}STRASSE.sql"][0].message


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    """And so is one that is a file."""
    with pytest.raises(ConfigurationError, match=f"no folder '{tmp_path / 'migrations'}'"):
        read_folder(tmp_path / "migrations")
    put(tmp_path, "file")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_folder(tmp_path / "file")


# -- creating --------------------------------------------------------------------------------------------------


def test_a_new_file_holds_the_template(tmp_path: Path) -> None:
    """In a folder that is made if need be; nothing else is left there."""
    path = tmp_path / "a" / "migrations"
    assert create(path, "Add phone", now=NOW) == f"{TIME}add_phone.sql"
    assert (path / f"{TIME}add_phone.sql").read_text() == TEMPLATE
    assert names(path) == [f"{TIME}add_phone.sql"]


def test_a_new_file_sorts_after_every_other(tmp_path: Path) -> None:
    """In the same minute, in the future, with a bad name."""
    assert create(tmp_path, "b", now=NOW) == "2026_01_31_09_30_b.sql"
    assert create(tmp_path, "a", now=NOW) == "2026_01_31_09_31_a.sql"
    put(tmp_path, "2030_12_31_23_59_x.sql")
    assert create(tmp_path, "a", now=NOW) == "2031_01_01_00_00_a.sql"
    put(tmp_path, "2040_12_31_23_59_not good.sql")
    assert create(tmp_path, "a", now=NOW) == "2041_01_01_00_00_a.sql"


def test_at_the_end_of_time_there_is_no_next_minute(tmp_path: Path) -> None:
    """A name like this is a joke of somebody's, not a reason for a traceback."""
    put(tmp_path, "9999_12_31_23_59_x.sql")
    with pytest.raises(UsageError, match="9999_12_31_23_59_x"):
        create(tmp_path, "a", now=NOW)


@pytest.mark.parametrize("what", ["", "../a", "a/b", "a\x00b", "a.b", "😀"])
def test_words_that_make_no_name_make_no_file(tmp_path: Path, what: str) -> None:
    """Nothing is dropped from what was typed."""
    with pytest.raises(UsageError):
        create(tmp_path, what, now=NOW)
    assert not names(tmp_path)


@pytest.mark.parametrize("what", ["2020_01_01_00_00_users", "2020_01_01_00_00_users.sql", "2020-01-01-00-00 users"])
def test_a_new_file_is_not_given_two_times(tmp_path: Path, what: str) -> None:
    """Its own is that at which it is made; what a name in full would be called is said."""
    with pytest.raises(UsageError, match="begins with a time") as refused:
        create(tmp_path, what, now=NOW)
    assert refused.value.hint == "give the part after the time: `sapi migrate:make users`"
    assert not names(tmp_path)
    assert create(tmp_path, "2020_plan", now=NOW) == "2026_01_31_09_30_2020_plan.sql"


def test_many_at_once_never_share_a_minute(tmp_path: Path) -> None:
    """However their names differ; each file is whole, and its maker knows its name."""
    barrier = threading.Barrier(8)

    def make(number: int) -> list[str]:
        barrier.wait()
        return [create(tmp_path, f"m{number}", now=NOW) for _ in range(4)]

    with ThreadPoolExecutor(8) as pool:
        made = [name for group in pool.map(make, range(8)) for name in group]
    assert sorted(made) == names(tmp_path)
    assert len({name[:16] for name in made}) == len(made) == 32
    assert all((tmp_path / name).read_text() == TEMPLATE for name in made)


def test_a_draft_that_a_dead_process_left_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a while: the next minute is taken, and nothing is overwritten."""
    monkeypatch.setattr(read, "_PAUSE", 0)
    put(tmp_path, f".{TIME[:-1]}.draft", b"theirs")
    assert create(tmp_path, "a", now=NOW) == "2026_01_31_09_31_a.sql"
    assert (tmp_path / f".{TIME[:-1]}.draft").read_bytes() == b"theirs"


def test_what_has_the_name_but_is_no_file_is_passed_over(tmp_path: Path) -> None:
    """A folder of that name, say."""
    (tmp_path / f"{TIME}a.sql").mkdir()
    assert create(tmp_path, "a", now=NOW) == "2026_01_31_09_31_a.sql"
    assert names(tmp_path) == [f"{TIME}a.sql", "2026_01_31_09_31_a.sql"]


def test_a_file_system_without_links_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """FAT, some network folders."""

    def link(source: object, target: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", link)
    assert create(tmp_path, "a", now=NOW) == f"{TIME}a.sql"
    assert names(tmp_path) == [f"{TIME}a.sql"]


# -- writing ---------------------------------------------------------------------------------------------------


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk leaves the old file, and no draft."""
    put(tmp_path, GOOD, b"old")

    def fsync(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(ConfigurationError, match="No space left"):
        write(tmp_path, GOOD, "new")
    with pytest.raises(ConfigurationError, match="No space left"):
        create(tmp_path, "a", now=NOW)
    assert (tmp_path / GOOD).read_bytes() == b"old"
    assert names(tmp_path) == [GOOD]


def test_text_is_written_as_it_is(tmp_path: Path) -> None:
    """No line end is changed; the file keeps its rights."""
    put(tmp_path, GOOD)
    (tmp_path / GOOD).chmod(0o640)
    write(tmp_path, GOOD, "-- UP\r\nSELECT 'é\n';\r")
    assert (tmp_path / GOOD).read_bytes() == "-- UP\r\nSELECT 'é\n';\r".encode()
    assert stat.S_IMODE((tmp_path / GOOD).stat().st_mode) == 0o640


@pytest.mark.parametrize("name", ["x.sql", f"../{GOOD}", f"{TIME}../x.sql", f"{TIME}a/b.sql", f"{TIME}{'é' * 300}.sql"])
def test_a_bad_name_is_not_written(tmp_path: Path, name: str) -> None:
    """Least of all into another folder."""
    path = tmp_path / "migrations"
    with pytest.raises(UsageError):
        write(path, name, "-- UP\n")
    assert not names(tmp_path)


def test_a_long_name_that_is_good_can_be_written_where_it_fits(tmp_path: Path) -> None:
    """The history counts characters, file systems bytes: what does not fit is told."""
    name = f"{TIME}{'é' * 110}.sql"
    write(tmp_path, name, "-- UP\n")
    assert names(tmp_path) == [name]
    with pytest.raises(ConfigurationError, match="cannot be written"):
        write(tmp_path, f"{TIME}{'é' * 200}.sql", "-- UP\n")


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """A file stands where it should be."""
    put(tmp_path, "migrations")
    for act in (lambda path: create(path, "a", now=NOW), lambda path: write(path, GOOD, "-- UP\n")):
        with pytest.raises(ConfigurationError, match=f"'{tmp_path / 'migrations'}' cannot be written"):
            act(tmp_path / "migrations")


def test_text_that_is_no_text_is_told(tmp_path: Path) -> None:
    """Half of a surrogate pair, as a broken front-end may send it."""
    with pytest.raises(UsageError, match="U\\+D83D"):
        write(tmp_path, GOOD, "-- UP\n\ud83d")
    with pytest.raises(UsageError, match="U\\+D83D"):
        create(tmp_path, "a", now=NOW, text="\ud83d")
    with pytest.raises(UsageError, match="U\\+D83D"):
        parse_text(GOOD, "\ud83d")
    assert not names(tmp_path)


def test_a_text_can_be_looked_at_without_a_file() -> None:
    """As a cell's is; what cannot be used is told as it would be of a file."""
    assert parse_text(GOOD, "-- UP\nSELECT 1;").name == GOOD
    assert bad_file_name(GOOD) is None
    with pytest.raises(MigrationFileError, match="second"):
        parse_text(GOOD, "-- UP\n-- UP\n")
