"""Large inline data: a seed streams from its file to the server, whatever its size, and is what was read when planned."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsapi_nb.errors import Drifted, Irreversible, MigrationFileError, StatementFailed
from fsapi_nb.events import Event, StepStarted
from fsapi_nb.model.migration import ByteSource, Migration
from fsapi_nb.script import lexer
from fsapi_nb.script.contents import MemoryContents, read_copy_data
from fsapi_nb.script.lexer import LARGEST_KEPT
from fsapi_nb.script.migration import read_contents, read_migration
from fsapi_nb.script.parser import tokenize
from fsapi_nb.script.stored_text import stored_migration, to_store
from fsapi_nb.script.tokens import COMMENTS
from tests.conftest import Project
from tests.script.reading import DATA, NAME, File, all_problems, files, quick

SIZE = 50 << 20
LIMIT = 150  # MiB: of which Python with psycopg takes some 40
TABLE = "CREATE TABLE seed (id int, name text);"

CHILD = """
import sys
from fsapi_nb import Migrator
verb, url, folder = sys.argv[1:]
str(getattr(Migrator(url, folder), verb)())
# Not ru_maxrss: Linux begins that with what the process had that started this one.
with open("/proc/self/status") as status:
    print(next(line.split()[1] for line in status if line.startswith("VmHWM:")))
"""


def lines(size: int) -> Iterator[bytes]:
    """Rows of `seed` with characters of two bytes, in pieces of a thousand, about `size` bytes."""
    number = 0
    while size > 0:
        piece = "".join(f"{each}\tThing é {each}\n" for each in range(number, number + 1000)).encode()
        yield piece
        number, size = number + 1000, size - len(piece)


def write_seed(project: Project, size: int, down: str = "DROP TABLE seed;") -> tuple[Path, int]:
    """A migration with so much data in two COPYs; its file, and how many rows it has."""
    file = project.folder / "2026_01_01_00_00_seed.sql"
    rows = 0
    with file.open("wb") as written:
        written.write(f"-- UP\n{TABLE}\n".encode())
        for _ in range(2):
            written.write(b"COPY seed (id, name) FROM stdin;\n")
            for piece in lines(size // 2):
                written.write(piece)
                rows += 1000
            written.write(b"\\.\n")
        written.write(f"\n-- DOWN\n{down}\n".encode())
    return file, rows


def peak(verb: str, project: Project) -> float:
    """The most memory that a process took for that verb, in MiB."""
    command = [sys.executable, "-c", CHILD, verb, project.database, str(project.folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(done.stdout.splitlines()[-1]) / 1024


def test_a_seed_takes_no_more_memory_than_its_sql(project: Project) -> None:
    """Planned, applied, looked at and rolled back; and every row arrives."""
    file, rows = write_seed(project, SIZE)
    assert file.stat().st_size > SIZE
    assert peak("plan", project) < LIMIT
    assert peak("migrate", project) < LIMIT
    assert project.value("SELECT count(*) FROM seed") == rows
    assert peak("status", project) < LIMIT
    assert peak("rollback", project) < LIMIT
    assert not project.has("seed")


def test_the_database_keeps_how_much_there_was(project: Project) -> None:
    """Not the data itself: its size and its SHA-256. `show` and the difference of an edited file say no more."""
    file, _ = write_seed(project, 4 * LARGEST_KEPT)
    project.migrator().migrate()
    stored = project.value("SELECT up FROM migrations_scripts")
    assert len(stored) < 1000
    assert stored.count("are left out here, sha256:") == 2
    assert project.migrator().show("seed").inspection.up == stored
    file.write_bytes(file.read_bytes().replace(b"0\tThing", b"0\tthing", 1))
    with pytest.raises(Drifted) as drifted:
        project.migrator().migrate()
    assert len(drifted.value.details) < 20
    project.migrator().repair("seed")
    project.migrator().rollback()
    assert project.applied() == []


@pytest.mark.parametrize("edit", ["another row", "shorter", "gone"])
def test_a_file_that_was_edited_after_the_plan_leaves_nothing(project: Project, edit: str) -> None:
    """What is sent is what was read when the plan was made; else the transaction is undone, and the error says why."""
    file, _ = write_seed(project, 4 * LARGEST_KEPT)
    name = file.name

    def tamper(event: Event) -> None:
        if not isinstance(event, StepStarted) or not file.exists():
            return
        if edit == "gone":
            file.unlink()
        else:
            new = b"1\tother 2" if edit == "another row" else b""
            file.write_bytes(file.read_bytes().replace(b"1\tThing \xc3\xa9 1", new, 1))

    with pytest.raises(MigrationFileError) as changed:
        project.migrator(observers=[tamper]).migrate()
    assert changed.value.problem.place.file == name
    assert changed.value.state
    assert not project.has("seed")
    assert project.applied() == []


def test_an_error_in_the_data_names_its_line(project: Project) -> None:
    """Though the data is not kept: PostgreSQL counts its lines, and so do we."""
    file, rows = write_seed(project, 4 * LARGEST_KEPT)
    whole = file.read_bytes()
    bad = f"\n{rows // 2 - 1}\t".encode()
    file.write_bytes(whole.replace(bad, b"\nnope\t", 1))
    with pytest.raises(StatementFailed) as failed:
        project.migrator().migrate()
    assert failed.value.place
    assert failed.value.place.line == whole.count(b"\n", 0, whole.index(bad) + 1) + 1


def test_a_down_with_large_data_needs_its_file(project: Project) -> None:
    """With the file as it ran, it is rolled back; without it, that is refused before anything runs."""
    data = b"".join(lines(2 * LARGEST_KEPT)).decode()
    down = f"TRUNCATE seed;\nCOPY seed FROM stdin;\n{data}\\.\n"
    name = project.write("seed", TABLE, down)
    whole = (project.folder / name).read_bytes()
    project.migrator().migrate()
    (project.folder / name).unlink()
    with pytest.raises(Irreversible):
        project.migrator().rollback()
    assert project.applied() == [name]
    (project.folder / name).write_bytes(whole)
    project.migrator().rollback()
    assert project.value("SELECT count(*) FROM seed") == data.count("\n")


# -- reading in pieces -------------------------------------------------------------------------------------------------


class Pieces:
    """A file that is read a few bytes at a time."""

    def __init__(self, raw: bytes, size: int) -> None:
        self.raw = raw
        self.size = size
        self.name = NAME

    def chunks(self, start: int = 0, size: int | None = None) -> Iterator[bytes]:
        end = len(self.raw) if size is None else start + size
        for position in range(start, end, self.size):
            yield self.raw[position : min(position + self.size, end)]


def read_in(contents: ByteSource) -> Migration:
    migration, problems = read_contents(contents)
    assert migration, problems
    return migration


def reference(sections: list[tuple[bytes, list[bytes]] | None]) -> str:
    """The checksum as it is defined: SHA-256 over the tokens and the data, each with a NUL behind it."""
    digest = hashlib.sha256()
    for section in sections:
        digest.update(b"-\x01" if section is None else b"+\x01")
        text, data = section or (b"", [])
        tokens, problem = tokenize(text)
        assert problem is None
        left = list(data)
        for start, end, sort in zip(tokens.starts, tokens.ends, tokens.sorts, strict=True):
            if sort in COMMENTS:
                continue
            digest.update(text[start:end].replace(b"\r\n", b"\n") + b"\x00")
            if text[start:end] == b";" and text[:start].upper().endswith(b"FROM STDIN"):
                digest.update(left.pop(0).replace(b"\r\n", b"\n") + b"\x00")
        assert not left
    return f"tokens-sha256:{digest.hexdigest()}"


def section(file: File, *, down: bool) -> tuple[bytes, list[bytes]] | None:
    """A section without its data, and the data."""
    written = file.down if down else file.up
    if written is None:
        return None
    text = "".join(f"{each.gap}{each.core};\n" for each in written)
    return text.encode(), [each.data.encode() for each in written if each.data is not None]


@quick
@given(files(), st.integers(1, 40), st.sampled_from((0, 3, 1 << 16)))
def test_a_file_says_the_same_however_it_is_read(file: File, size: int, largest: int) -> None:
    """In pieces of any size, characters and line ends cut in two, its data kept or not: only the text shows less."""
    raw = file.text.encode()
    whole, _ = read_migration(NAME, raw)
    assert whole
    with mock.patch.dict(lexer.lex.__kwdefaults__, largest=largest):
        pieces = read_in(Pieces(raw, size))
    assert pieces.checksum == whole.checksum == reference([section(file, down=False), section(file, down=True)])
    assert pieces.digest == whole.digest == f"sha256:{hashlib.sha256(raw).hexdigest()}"
    assert pieces.up.parsed.statements == whole.up.parsed.statements
    assert [b"".join(read_copy_data(s.copy)) for s in pieces.up.parsed.statements if s.copy] == [
        b"".join(read_copy_data(s.copy)) for s in whole.up.parsed.statements if s.copy
    ]
    assert pieces.up.written.source.count("\n") == whole.up.written.source.count("\n")
    if largest >= max(map(len, DATA)):
        assert pieces == whole


@quick
@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode), st.integers(1, 7))
def test_bytes_that_are_no_text_are_found_in_pieces_too(raw: bytes, size: int) -> None:
    """With the same words, and at the same place."""
    assert list(read_contents(Pieces(raw, size))[1]) == list(read_migration(NAME, raw)[1])


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "x"])
@pytest.mark.parametrize("mark", ["\\.", "\\.\n", "\\.\r\n", "\\.\r", "\\.x\n\\.\n", " \\.\n"])
def test_the_end_of_large_data_is_found_wherever_a_piece_ends(mark: str, end: str) -> None:
    r"""The line `\.`, at the end of the file too; what merely begins like it is data."""
    raw = f"COPY t FROM stdin;\n{'é' * 5}\r\n{mark}{end}".encode()
    for size in range(1, len(raw) + 1):
        assert str(read_contents(Pieces(raw, size))) == str(read_migration(NAME, raw))


def test_large_data_is_left_out_of_what_is_stored_and_the_rest_is_not() -> None:
    """A script made again of it has the same statements; a DOWN of which something is missing is not run."""
    large, small = "x\n" * LARGEST_KEPT, "1\tit's\n"
    up = f"COPY a FROM stdin;\n{small}\\.\nCOPY b FROM stdin;\n{large}\\.\nSELECT 1;\n"
    whole, _ = read_migration(NAME, f"-- UP\n{up}-- DOWN\n{up}".encode())
    assert whole
    assert not all_problems(f"-- UP\n{up}")
    stored = to_store(whole)
    assert stored.redacted
    assert stored.up
    assert small in stored.up
    assert f"({2 * LARGEST_KEPT} bytes in {LARGEST_KEPT} lines are left out here" in stored.up
    again = stored_migration(NAME, stored)
    assert again
    assert [each.text for each in again.up.parsed.statements] == [each.text for each in whole.up.parsed.statements]
    assert not to_store(read_migration(NAME, f"-- UP\n{up}-- DOWN\nSELECT 1;".encode())[0] or whole).redacted


def test_data_in_memory_is_sent_in_pieces() -> None:
    """That of a notebook's cell, say."""
    data = b"x\n" * (2 << 20)
    migration = read_in(MemoryContents(NAME, b"COPY t FROM stdin;\n" + data + b"\\.\n"))
    (statement,) = migration.up.parsed.statements
    assert statement.copy
    pieces = list(read_copy_data(statement.copy))
    assert max(map(len, pieces)) <= 1 << 20
    assert b"".join(pieces) == data
