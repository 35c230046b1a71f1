"""Random sequences of everything that moves files and rows: no script ever runs twice, and rows and tables agree.

Each migration adds a number of its own to a table, and its DOWN takes it out. Files are moved, edited, deleted and
brought back, under their own names and under others; rows are renamed, retired, restored and squashed. What a verb
refuses changes nothing. The sequences are the same each time; `FSAPI_NB_FAULTS=all` runs ten times as many.
"""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import psycopg
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from fsapi_nb import Migrator
from fsapi_nb.errors import FsapiError
from fsapi_nb.views.results import RunResult
from tests.conftest import MakeDatabase

_EMPTY = "DROP SCHEMA public CASCADE; CREATE SCHEMA public; CREATE TABLE log (number int)"
_picks = st.integers(0, 30)
_minutes = st.integers(0, 59)


class Machine(RuleBasedStateMachine):
    """A folder and a database in which everything moves."""

    def __init__(self, address: str, folder: Path, counts: Counter[str]) -> None:
        super().__init__()
        self.address = address
        self.counts = counts
        self.made = 0
        self.folder = Path(tempfile.mkdtemp(dir=folder))
        self.away: list[str] = []
        self.admin = psycopg.connect(address, autocommit=True)
        self.admin.execute("SET client_min_messages = warning")
        self.admin.execute(_EMPTY)

    def teardown(self) -> None:
        """Nothing stays open."""
        self.admin.close()

    # -- files -------------------------------------------------------------------------------------------------

    @initialize(minutes=st.lists(_minutes, min_size=3, max_size=5))
    def begin(self, minutes: list[int]) -> None:
        """Hypothesis does without some of the rules in each sequence; that something is applied is in all of them."""
        for minute in minutes:
            self.make(minute)
        self.migrate()

    @rule(minute=_minutes)
    def make(self, minute: int) -> None:
        """A new file, somewhere between the others."""
        self.made += 1
        self._write(self._name(minute), [self.made])

    @rule(pick=_picks, minute=_minutes, comment=st.booleans())
    def move(self, pick: int, minute: int, comment: bool) -> None:
        """A file gets another name, and perhaps a comment."""
        name, new = self._pick(self.files, pick), self._name(minute)
        if name:
            text = (self.folder / name).read_text()
            (self.folder / name).unlink()
            (self.folder / new).write_text(f"{text}-- moved\n" if comment else text)

    @rule(pick=_picks)
    def take_away(self, pick: int) -> None:
        """Another branch does not have it."""
        if name := self._pick(self.files, pick):
            self.away.append((self.folder / name).read_text())
            (self.folder / name).rename(self.folder / f"{name}.away")

    @rule(pick=_picks, minute=st.none() | _minutes)
    def bring_back(self, pick: int, minute: int | None) -> None:
        """The branch is here again: under its name, or under another."""
        gone = sorted(path.name for path in self.folder.glob("*.away"))
        if name := self._pick(gone, pick):
            back = name.removesuffix(".away") if minute is None else self._name(minute)
            if not (self.folder / back).exists():
                (self.folder / name).rename(self.folder / back)

    # -- verbs -------------------------------------------------------------------------------------------------

    @rule()
    def migrate(self) -> None:
        """All that is pending."""
        self._say("migrate", lambda m: m.migrate())

    @rule(count=st.integers(1, 3))
    def rollback(self, count: int) -> None:
        """The last few."""
        self._say("rollback", lambda m: m.rollback(count))

    @rule(old=_picks, new=_picks)
    def rename(self, old: int, new: int) -> None:
        """Some row, some file: right or wrong."""
        row, file = self._pick(self.missing, old), self._pick(self.files, new)
        if row and file:
            self._say("rename", lambda m: m.rename(row, file))

    @rule(pick=_picks)
    def rename_rightly(self, pick: int) -> None:
        """The row of a moved file gets its name, as the refusal says."""
        row = self._pick(self.missing, pick)
        numbers = self._numbers_of(row) if row else set()
        files = [name for name in self.files if _numbers((self.folder / name).read_text()) == numbers]
        if row and files:
            self._say("rename", lambda m: m.rename(row, files[0]))

    @rule(pick=_picks)
    def retire(self, pick: int) -> None:
        """A row by its name; or all that are missing."""
        row = self._pick(self.missing, pick)
        self._say("retire", lambda m: m.retire([row] if row and pick % 3 else (), missing=not (row and pick % 3)))

    @rule(pick=_picks)
    def restore(self, pick: int) -> None:
        """A retired row is put back."""
        rows = (
            self._rows("SELECT DISTINCT migration FROM migrations_journal WHERE event = 'retire'")
            if self._there()
            else []
        )
        if name := self._pick([str(name) for (name,) in rows], pick):
            self._say("restore", lambda m: m.retire([name], undo=True))

    @rule(first=_picks, length=st.integers(1, 3))
    def squash(self, first: int, length: int) -> None:
        """Some rows in a row become one, whose file does what theirs did."""
        names = self.applied
        chosen = names[first % len(names) :][:length] if names else []
        files = [name for name in chosen if (self.folder / name).exists()]
        if not chosen:
            return
        numbers = sorted(number for name in chosen for number in self._numbers_of(name))
        texts = {name: (self.folder / name).read_text() for name in files}
        for name in files:
            (self.folder / name).unlink()
        squash = f"{chosen[-1].removesuffix('.sql')}_all.sql"
        self._write(squash, numbers)
        if not self._say("squash", lambda m: m.baseline(squash, replaces=chosen)):
            (self.folder / squash).unlink()
            for name, text in texts.items():
                (self.folder / name).write_text(text)

    def _say(self, verb: str, call: Callable[[Migrator], RunResult]) -> bool:
        """Run a verb; what it refuses changes nothing."""
        before = self._everything()
        try:
            call(Migrator(self.address, self.folder))
        except FsapiError as error:
            self.counts[f"{verb}: {type(error).__name__}"] += 1
            assert self._everything() == before, error
            return False
        self.counts[verb] += 1
        return True

    # -- what holds --------------------------------------------------------------------------------------------

    @invariant()
    def nothing_has_run_twice(self) -> None:
        """Each number is in the table at most once."""
        assert self._rows("SELECT number FROM log GROUP BY number HAVING count(*) > 1") == []

    @invariant()
    def what_is_applied_is_there(self) -> None:
        """Each row's script has run, and no two rows stand for one change."""
        there = {number for (number,) in self._rows("SELECT number FROM log")}
        numbers = [number for name in self.applied for number in self._numbers_of(name)]
        assert set(numbers) <= there
        assert len(numbers) == len(set(numbers))

    @property
    def files(self) -> list[str]:
        """The names of the files, in order."""
        return sorted(path.name for path in self.folder.glob("*.sql"))

    @property
    def applied(self) -> list[str]:
        """The names of the rows, in the order in which they were applied."""
        return [str(name) for (name,) in self._rows("SELECT name FROM migrations ORDER BY id")] if self._there() else []

    @property
    def missing(self) -> list[str]:
        """The rows without a file."""
        return [name for name in self.applied if not (self.folder / name).exists()]

    def _numbers_of(self, name: str) -> set[int]:
        ((up,),) = self.admin.execute("SELECT up FROM migrations_scripts WHERE name = %s", [name]).fetchall()
        return _numbers(str(up))

    def _there(self) -> bool:
        return self._rows("SELECT to_regclass('migrations') IS NOT NULL") == [(True,)]

    def _everything(self) -> object:
        queries = ("SELECT * FROM migrations ORDER BY 1", "SELECT * FROM migrations_scripts ORDER BY 1")
        return [self._rows(each) for each in queries] if self._there() else [[], []], self._rows("SELECT * FROM log")

    def _rows(self, query: str) -> list[tuple[object, ...]]:
        return self.admin.execute(query.encode()).fetchall()

    def _name(self, minute: int) -> str:
        taken = {path.name.partition(".")[0] for path in self.folder.iterdir()} | {
            n.partition(".")[0] for n in self.applied
        }
        number = next(n for n in range(1000) if f"2026_01_01_00_{minute:02}_m{n}" not in taken)
        return f"2026_01_01_00_{minute:02}_m{number}.sql"

    def _write(self, name: str, numbers: Sequence[int]) -> None:
        up = "".join(f"INSERT INTO log VALUES ({number});\n" for number in numbers)
        down = "".join(f"DELETE FROM log WHERE number = {number};\n" for number in numbers)
        (self.folder / name).write_text(f"-- UP\n{up}\n-- DOWN\n{down}")

    def _pick(self, names: Sequence[str], pick: int) -> str | None:
        return names[pick % len(names)] if names else None


def _numbers(text: str) -> set[int]:
    up = text.partition("-- DOWN")[0]
    return {int(line.partition("(")[2].partition(")")[0]) for line in up.splitlines() if line.startswith("INSERT")}


def test_whatever_moves_nothing_runs_twice(make_database: MakeDatabase, tmp_path: Path) -> None:
    """The same sequences each time; ten times as many where every fault is wanted."""
    counts: Counter[str] = Counter()
    many = 10 if os.environ.get("FSAPI_NB_FAULTS") == "all" else 1
    with make_database() as address:
        run_state_machine_as_test(
            lambda: Machine(address, tmp_path, counts),  # type: ignore[arg-type]  # whatever makes one will do
            settings=settings(
                derandomize=True,
                database=None,
                deadline=None,
                phases=[Phase.generate],
                max_examples=14 * many,
                stateful_step_count=30,
                suppress_health_check=list(HealthCheck),
            ),
        )
    print(dict(sorted(counts.items())))  # `pytest -s` shows it
    assert all(counts[verb] for verb in ("migrate", "rollback", "rename", "retire", "restore", "squash")), counts
    assert counts["migrate: RanBefore"] > 2, counts
