"""What files were parsed to: remembered by their bytes, within bounds."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsapi_nb.folder.cache import ParseCache
from fsapi_nb.model.folder import FileReading
from fsapi_nb.script.migration import read_migration

FILES, DIGESTS = ["a", "b", "c"], ["1", "2"]


def reading(text: str) -> FileReading:
    return FileReading(*read_migration("a.sql", f"SELECT '{text}';".encode()))


@settings(deadline=None)  # the first example imports the parser
@given(
    st.lists(
        st.tuples(st.sampled_from(FILES), st.sampled_from(DIGESTS), st.integers(0, 3), st.booleans()), max_size=40
    ),
    st.integers(1, 40_000),
)
def test_it_gives_what_was_put_last_or_nothing(uses: list[tuple[str, str, int, bool]], capacity: int) -> None:
    """Never another file's, never that of other bytes, whatever was forgotten for want of room."""
    parsed, said = ParseCache(capacity), dict[tuple[str, str], FileReading]()
    for file, digest, size, putting in uses:
        if putting:
            said[file, digest] = reading("x" * size * 1000)
            parsed.put(file, digest, said[file, digest])
        found = parsed.get(file, digest)
        assert found is None or found is said[file, digest]


def test_what_was_used_last_is_kept() -> None:
    """Of three small ones where there is room for two."""
    parsed = ParseCache(10_000)
    for file in FILES:
        parsed.put(file, "1", reading(file))
        assert parsed.get("a", "1")
    assert (parsed.get("b", "1"), bool(parsed.get("c", "1"))) == (None, True)


def test_what_is_larger_than_all_room_is_not_kept() -> None:
    """And leaves the room as it was."""
    parsed = ParseCache(10_000)
    parsed.put("a", "1", reading("x" * 100_000))
    assert parsed.get("a", "1") is None
    parsed.put("b", "1", reading("x"))
    assert parsed.get("b", "1")


def test_the_folder_that_was_read_last_is_held_whole() -> None:
    """However little room there is: the next run reads all of it again. That of the folder before is forgotten first."""
    parsed = ParseCache(10_000, most=100_000)
    parsed.hold("x", ("a", "b", "c"))
    for turn in range(2):
        for name in FILES:
            assert bool(parsed.get(f"x/{name}", "1")) is bool(turn)
            parsed.put(f"x/{name}", "1", reading("x" * 2000))
    parsed.hold("y", ("d",))
    parsed.put("y/d", "1", reading("x"))
    assert parsed.get("y/d", "1")
    assert not all(parsed.get(f"x/{name}", "1") for name in FILES)


def test_a_folder_that_is_too_large_is_held_in_part() -> None:
    """What was held first stays, so that a run parses only the rest again."""
    parsed = ParseCache(1, most=20_000)
    parsed.hold("x", ("a", "b", "c"))
    for _ in range(2):
        for name in FILES:
            if not parsed.get(f"x/{name}", "1"):
                parsed.put(f"x/{name}", "1", reading("x" * 500))
    assert [bool(parsed.get(f"x/{name}", "1")) for name in FILES] == [True, True, True]
    parsed.put("x/a", "1", reading("x" * 5000))
    assert [bool(parsed.get(f"x/{name}", "1")) for name in FILES] == [False, True, True]


def test_one_thread_parses_and_the_others_wait() -> None:
    """Each of eight gets the same reading."""
    parsed, calls, found = ParseCache(100_000), list[int](), list[FileReading]()
    begun, wanted = threading.Event(), FileReading(*read_migration("a.sql", b"SELECT 1;"))
    digest = wanted.migration.digest if wanted.migration else None
    assert digest

    def parse() -> FileReading:
        calls.append(1)
        begun.wait()
        return wanted

    threads = [threading.Thread(target=lambda: found.append(parsed.read("a", digest, parse))) for _ in range(8)]
    for thread in threads:
        thread.start()
    begun.set()
    for thread in threads:
        thread.join()
    assert (len(calls), len(found)) == (1, 8)
    assert all(each is wanted for each in found)


def test_a_parse_that_fails_is_tried_again() -> None:
    """By whoever waited for it; and what holds other bytes is not remembered."""
    parsed = ParseCache(100_000)

    def fail() -> FileReading:
        raise OSError

    with pytest.raises(OSError):
        parsed.read("a", "1", fail)
    assert parsed.read("a", "1", lambda: reading("x")).migration
    assert parsed.get("a", "1") is None


def test_threads_share_it() -> None:
    """None of them breaks it for another."""
    parsed = ParseCache(20_000)
    failed: list[BaseException] = []

    def use(number: int) -> None:
        try:
            for turn in range(500):
                parsed.put(FILES[turn % 3], str(number), reading("x" * (turn % 7) * 100))
                parsed.get(FILES[turn % 3], str(turn % 4))
        except BaseException as error:  # noqa: BLE001 - whatever it is, the test reports it
            failed.append(error)

    threads = [threading.Thread(target=use, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
