"""What files were parsed to: remembered by their bytes, within bounds."""

from __future__ import annotations

import threading

from hypothesis import given
from hypothesis import strategies as st

from fsapi_nb.model import Reading
from fsapi_nb.parsed import Parsed
from fsapi_nb.script.migration import read_migration

FILES, DIGESTS = ["a", "b", "c"], ["1", "2"]


def reading(text: str) -> Reading:
    return Reading(*read_migration("a.sql", f"SELECT '{text}';".encode()))


@given(
    st.lists(
        st.tuples(st.sampled_from(FILES), st.sampled_from(DIGESTS), st.integers(0, 3), st.booleans()), max_size=40
    ),
    st.integers(1, 40_000),
)
def test_it_gives_what_was_put_last_or_nothing(uses: list[tuple[str, str, int, bool]], capacity: int) -> None:
    """Never another file's, never that of other bytes, whatever was forgotten for want of room."""
    parsed, said = Parsed(capacity), dict[tuple[str, str], Reading]()
    for file, digest, size, putting in uses:
        if putting:
            said[file, digest] = reading("x" * size * 1000)
            parsed.put(file, digest, said[file, digest])
        found = parsed.get(file, digest)
        assert found is None or found is said[file, digest]


def test_what_was_used_last_is_kept() -> None:
    """Of three small ones where there is room for two."""
    parsed = Parsed(10_000)
    for file in FILES:
        parsed.put(file, "1", reading(file))
        assert parsed.get("a", "1")
    assert (parsed.get("b", "1"), bool(parsed.get("c", "1"))) == (None, True)


def test_what_is_larger_than_all_room_is_not_kept() -> None:
    """And leaves the room as it was."""
    parsed = Parsed(10_000)
    parsed.put("a", "1", reading("x" * 100_000))
    assert parsed.get("a", "1") is None
    parsed.put("b", "1", reading("x"))
    assert parsed.get("b", "1")


def test_threads_share_it() -> None:
    """None of them breaks it for another."""
    parsed = Parsed(20_000)
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
