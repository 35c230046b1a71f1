"""A property that is computed once, however many threads read it at the same time."""

from __future__ import annotations

import pickle
import threading

import pytest

from fsapi_nb.script.migration import read_migration
from fsapi_nb.text.once import once


class Counted:
    """Something that says how often it was computed."""

    def __init__(self, *, failures: int = 0) -> None:
        self.calls = 0
        self.failures = failures
        self.go = threading.Event()

    @once
    def value(self) -> object:
        """What is computed."""
        self.calls += 1
        self.go.wait()
        if self.calls <= self.failures:
            raise ValueError
        return object()


def test_threads_get_the_same_value() -> None:
    """The first computes it, the others wait."""
    counted, found = Counted(), list[object]()
    threads = [threading.Thread(target=lambda: found.append(counted.value)) for _ in range(8)]
    for thread in threads:
        thread.start()
    counted.go.set()
    for thread in threads:
        thread.join()
    assert counted.calls == 1
    assert len(set(map(id, found))) == 1


def test_an_error_is_not_kept() -> None:
    """The next one tries again."""
    counted = Counted(failures=1)
    counted.go.set()
    with pytest.raises(ValueError):
        _ = counted.value
    assert counted.value is counted.value
    assert counted.calls == 2


def test_a_script_that_was_parsed_travels() -> None:
    """No lock stays in it."""
    migration, _ = read_migration("a.sql", b"-- UP\nSELECT 1;")
    assert migration
    assert migration.up.parsed.statements
    assert migration.checksum
    assert pickle.loads(pickle.dumps(migration)) == migration
