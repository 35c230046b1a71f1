"""Random sequences of everything that a user and bad luck can do, against a model of what the database must hold.

Files are made, edited, deleted and brought back; every verb runs, alone and two at once, and is interrupted, cut off
and blocked at random events. After each of them history, schema, journal, `status` and locks are as the model says,
and every refusal comes exactly when the model refuses, and changes nothing.

The sequences are the same each time. `FSAPI_NB_FAULTS=all` in the environment runs ten times as many.
"""

from __future__ import annotations

import itertools
import os
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from fsapi_nb import Migrator
from fsapi_nb.errors import (
    DatabaseError,
    FsapiError,
    Interrupted,
    PartlyApplied,
    StatementFailed,
    UnknownMigration,
    UsageError,
)
from fsapi_nb.events import RunFailed, StatementStarted
from fsapi_nb.model.plan import Plan
from fsapi_nb.views.results import RepairResult, RunResult
from tests.conftest import MakeDatabase
from tests.machine.expected import Model, Part, Planned, Planner, Refused
from tests.machine.migrations import FORMS, STEPPED, TYPES, Text
from tests.machine.watch import Fault, Watch

_APPLICATION = "model"
_EMPTY = """
    DROP SCHEMA public CASCADE; CREATE SCHEMA public;
    CREATE TABLE base (i integer); INSERT INTO base VALUES (1); CREATE TYPE mood AS ENUM ('ok');
"""
#: Columns with their types, and indexes with their validity, without those of our own tables.
_HOLDS = """
    SELECT c.relname || '.' || a.attname, format_type(a.atttypid, NULL)
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND c.relname !~ '^migrations' AND a.attname <> 'm'
    UNION ALL
    SELECT x.relname, CASE WHEN i.indisvalid THEN 'valid' ELSE 'invalid' END
    FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
    WHERE x.relnamespace = 'public'::regnamespace AND x.relname !~ '^migrations'
"""
_BUSY = """
    SELECT (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database =
               (SELECT oid FROM pg_database WHERE datname = current_database())),
           (SELECT count(*) FROM pg_stat_activity
            WHERE datname = current_database() AND state LIKE 'idle in transaction%')
"""
_ACTIVE = f"""
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = '{_APPLICATION}' AND state = 'active'
"""
_TERMINATE = f"""
    SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = '{_APPLICATION}'
"""
_CHANGES = ("edit", "mend", "comment", "delete", "restore")
_WAYS_ON = ("rollback", "migrate", "rollback", "delete", "blocked rollback", "blocked migrate")
_UNDISTURBED = Fault("none", 0)
_picks = st.integers(0, 20)
_faults = st.builds(Fault, st.sampled_from(["interrupt", "terminate", "none"]), st.integers(0, 1000))

Outcome = RunResult | RepairResult | FsapiError | Interrupted


def _said(call: Callable[[], RunResult | RepairResult]) -> Outcome:
    """What a verb returns, or what it raises of ours."""
    try:
        return call()
    except (FsapiError, Interrupted) as error:
        return error


def _shape(plan: Plan) -> list[list[tuple[str, str, list[str]]]]:
    """A plan of the product as names, directions and the last line of each statement."""
    return [
        [
            (part.migration.name, part.direction.value, [each.text.splitlines()[-1] for each in part.statements])
            for part in step.parts
        ]
        for step in plan.steps
    ]


def _expected_shape(planned: Sequence[Planned]) -> list[list[tuple[str, str, list[str]]]]:
    return [
        [(part.name, part.direction, [statement.sql for statement in part.step]) for part in parts] for parts in planned
    ]


def _events(planned: Sequence[Planned]) -> int:
    """How many events an undisturbed run tells."""
    return 2 + sum(2 + sum(len(part.step) + part.last for part in parts) for parts in planned)


def _completed(planned: Sequence[Planned]) -> list[tuple[str, str]]:
    """The migrations that these steps complete."""
    return [(part.name, part.direction) for parts in planned for part in parts if part.last]


def _done(outcome: Outcome) -> list[tuple[str, str]]:
    assert isinstance(outcome, RunResult), outcome
    return [(done.name, done.direction.value) for done in outcome.done]


class Machine(RuleBasedStateMachine):
    """A folder and a database that go through everything, and the model that goes with them."""

    def __init__(self, address: str, folder: Path, counts: Counter[str]) -> None:
        super().__init__()
        self.address = address
        self.counts = counts
        self.model = Model()
        self.deleted: dict[str, Text] = {}
        self.journal: list[tuple[Any, ...]] = []
        self.made = 0
        self.redo_was_cut = (
            False  # the next one goes on with it: that is for tests/plan/test_redo.py, the model knows of none
        )
        self.folder = Path(tempfile.mkdtemp(dir=folder))
        self.admin = psycopg.connect(address, autocommit=True)
        self.admin.execute("SET client_min_messages = warning")
        self.admin.execute(_EMPTY)

    def teardown(self) -> None:
        """Nothing stays open."""
        self.admin.close()

    # -- files -------------------------------------------------------------------------------------------------

    @initialize(
        forms=st.lists(st.sampled_from(FORMS), max_size=2),
        stepped=st.sampled_from(STEPPED),
        fault=_faults,
        how=st.sampled_from(_WAYS_ON),
        again=_faults,
    )
    def begin(self, forms: list[str], stepped: str, fault: Fault, how: str, again: Fault) -> None:
        """A project has some files, most of them are applied, and perhaps one is half and was gone on with.

        Hypothesis does without some of the rules in each sequence; this is in all of them.
        """
        for form in forms:
            self.make(form, late=False, failing=3)
        self.migrate(_UNDISTURBED)
        self.begin_steps(stepped, fault)
        if self.model.halves:
            self.go_on(how, again)

    @rule(form=st.sampled_from(FORMS), late=st.sampled_from([False, False, True]), failing=st.integers(0, 6))
    def make(self, form: str, late: bool, failing: int) -> None:
        """A new file, newer than all or older than some; perhaps with a step that fails."""
        self.made += 1
        text = Text(form, self.made)
        if failing < 3:
            text = text.edited(failing, "nope")
        self._write(f"2026_01_01_{11 if late else 12}_{self.made:02}_m.sql", text)

    @rule(what=st.sampled_from(_CHANGES), pick=_picks, step=st.integers(0, 2), type_=st.sampled_from(TYPES))
    def change(self, what: str, pick: int, step: int, type_: str) -> None:
        """Somebody edits some file, applied or not; or another branch is checked out, and back again."""
        files = self.model.files
        failing = [name for name, text in files.items() if "nope" in text.types]
        name = self._pick({"mend": failing, "restore": self.deleted}.get(what, files), pick)
        if name is None:
            return
        if what == "restore":
            self._write(name, self.deleted.pop(name))
        elif what == "delete":
            self.deleted[name] = files.pop(name)
            (self.folder / name).unlink()
        elif what == "edit":
            self._write(name, files[name].edited(step, type_))
        elif what == "mend":
            self._write(name, files[name].mended())
        else:
            self._write(name, replace(files[name], comment=not files[name].comment))

    def _write(self, name: str, text: Text) -> None:
        self.model.files[name] = text
        (self.folder / name).write_text(text.written())

    def _pick(self, names: Iterable[str], pick: int) -> str | None:
        known = sorted(names)
        return known[pick % len(known)] if known else None

    # -- verbs -------------------------------------------------------------------------------------------------

    @rule(fault=_faults)
    def migrate(self, fault: Fault) -> None:
        """All that is pending."""
        self._run(self.model.migrate, Migrator.migrate, fault=fault)

    @rule(count=st.integers(0, 3), fault=_faults)
    def migrate_some(self, count: int, fault: Fault) -> None:
        """The next few; none is no number."""
        self._run(lambda: self.model.migrate(count=count), lambda each: each.migrate(count=count), fault=fault)

    @rule(pick=_picks, fault=_faults)
    def migrate_to(self, pick: int, fault: Fault) -> None:
        """Up to one that may be applied, missing or nowhere."""
        to = self._pick([*self.model.names, *self.deleted], pick) or "nowhere.sql"
        self._run(lambda: self.model.migrate(to=to), lambda each: each.migrate(to=to), fault=fault)

    @precondition(lambda self: self.model.applied or self.model.halves)
    @rule(fault=_faults)
    def rollback(self, fault: Fault) -> None:
        """The last, or what is half."""
        self._run(self.model.rollback, Migrator.rollback, fault=fault)

    @precondition(lambda self: self.model.applied or self.model.halves)
    @rule(count=st.integers(0, 3), fault=_faults)
    def rollback_some(self, count: int, fault: Fault) -> None:
        """The last few; more than there are is refused."""
        self._run(lambda: self.model.rollback(count), lambda each: each.rollback(count), fault=fault)

    @precondition(lambda self: self.model.applied or self.model.halves)
    @rule(pick=_picks, fault=_faults)
    def rollback_to(self, pick: int, fault: Fault) -> None:
        """Everything after one."""
        to = self._pick(self.model.applied, pick) or "nowhere.sql"
        self._run(lambda: self.model.rollback(to=to), lambda each: each.rollback(to=to), fault=fault)

    @precondition(lambda self: self.model.applied or self.model.halves)
    @rule(fault=_faults)
    def rollback_all(self, fault: Fault) -> None:
        """Everything."""
        self._run(
            lambda: self.model.rollback(everything=True), lambda each: each.rollback(everything=True), fault=fault
        )

    @precondition(lambda self: self.model.applied or self.model.halves)
    @rule(fault=_faults)
    def redo(self, fault: Fault) -> None:
        """The last one anew."""
        self._redo(None, fault)

    @precondition(lambda self: self.model.applied or self.model.halves)
    @rule(pick=_picks, fault=_faults)
    def redo_one(self, pick: int, fault: Fault) -> None:
        """One by its name, which must be the last."""
        name = self._pick(self.model.applied, pick)
        if name:
            self._redo(name, fault)

    def _redo(self, name: str | None, fault: Fault) -> None:
        if not self.redo_was_cut:
            outcome = self._run(lambda: self.model.redo(name), lambda each: each.redo(name), fault=fault)
            self.redo_was_cut = isinstance(outcome, StatementFailed | DatabaseError | Interrupted)

    @rule(back=st.booleans())
    def blocked(self, back: bool) -> None:
        """Somebody uses the table `base`, for longer than anyone wants to wait."""
        if any(half.sent for half in self.model.unfinished.values()):
            return  # what was left would be dropped first, which is blocked as well
        self.nobody_is_at_work()  # nobody waits for the runner's lock here, either
        planner, verb = (self.model.rollback, Migrator.rollback) if back else (self.model.migrate, Migrator.migrate)
        self._run(planner, verb, blocked=True)

    @rule(form=st.sampled_from(STEPPED), fault=_faults)
    def begin_steps(self, form: str, fault: Fault) -> None:
        """One of several steps is made and begun, and perhaps not ended."""
        self.make(form, late=False, failing=3)
        self.migrate(fault)

    @precondition(lambda self: self.model.halves)
    @rule(how=st.sampled_from(_WAYS_ON), fault=_faults)
    def go_on(self, how: str, fault: Fault) -> None:
        """What is half is finished or undone, or that fails as well; or its file is gone."""
        if how.startswith("blocked"):
            self.blocked(back=how == "blocked rollback")
        elif how == "migrate":
            self.migrate(fault)
        elif how == "delete":
            self.change("delete", len(self.model.files) - 1, 0, "")
            self.migrate(fault)
        else:
            self.rollback(fault)

    @rule(pick=_picks)
    def baseline(self, pick: int) -> None:
        """What a file says was done by hand, and is only recorded."""
        name = self._pick(self.model.names, pick)
        if name is None or any(half.sent for half in self.model.unfinished.values()):
            return
        try:
            chosen = self.model.baseline(name)
        except Refused as refused:
            assert type(_said(lambda: self._migrator().baseline(name))) is refused.error
            return
        texts = [(each, self.model.files[each]) for each in chosen]
        if any("nope" in text.types for _, text in texts):
            return
        for each, text in texts:
            for step in text.scripts.up:
                for statement in step:
                    self.admin.execute(statement.sql.encode())
                    self.model.holds.update(statement.makes)
            self.model.applied[each] = text
        assert [each for each, _ in _done(_said(lambda: self._migrator().baseline(name)))] == chosen

    @rule(pick=_picks)
    def repair(self, pick: int) -> None:
        """An applied file is accepted as it is now."""
        name = self._pick(self.model.applied, pick) or "nowhere.sql"
        outcome = _said(lambda: self._migrator().repair(name))
        if name not in self.model.applied or name not in self.model.files:
            assert type(outcome) is UnknownMigration, outcome
            return
        assert isinstance(outcome, RepairResult), outcome
        self.model.applied[name] = self.model.files[name]

    @rule(pick=_picks)
    def resolve(self, pick: int) -> None:
        """The user has looked: what is in doubt did not happen."""
        doubtful = [name for name, half in self.model.halves.items() if half.in_flight]
        name = self._pick(doubtful or self.model.names, pick)
        if name is None:
            return
        outcome = _said(lambda: self._migrator().resolve(name, retry=True))
        if not doubtful:
            assert type(outcome) is UsageError, outcome
            return
        assert isinstance(outcome, RepairResult), outcome
        self.model.unfinished[name] = replace(self.model.unfinished[name], in_flight=False)

    @rule()
    def together(self) -> None:
        """Two runners at once do what one would do after the other."""
        expected = [self._foreseen(), self._foreseen()]
        outcomes: list[Outcome] = []
        runners = [threading.Thread(target=lambda: outcomes.append(_said(self._migrator().migrate))) for _ in range(2)]
        for runner in runners:
            runner.start()
        for runner in runners:
            runner.join(60)
        found = [type(each) if isinstance(each, BaseException) else _done(each) for each in outcomes]
        assert sorted(map(str, found)) == sorted(map(str, expected))

    def _foreseen(self) -> object:
        """How an undisturbed `migrate` will end, after which the model goes on from there."""
        planned, error = self._planned(self.model.migrate)
        if error:
            return error
        stop = self.model.failing(planned, blocked=False)
        done = planned if stop is None else planned[: stop[0]]
        for each in done:
            self.model.commit(each)
        if stop is None:
            return self.model.settled + _completed(planned)
        self.model.failed(stop[1], blocked=False)
        return StatementFailed

    # -- a run -------------------------------------------------------------------------------------------------

    def _await_calm(self) -> None:
        """Until the server is at work on nothing of ours."""
        deadline = time.monotonic() + 20
        while self.admin.execute(_ACTIVE).fetchone() != (0,):
            assert time.monotonic() < deadline
            time.sleep(0.001)

    def _planned(self, planner: Planner) -> tuple[list[Planned], type[FsapiError] | None]:
        """What is to run in the end: planned, settled under the lock, and planned again."""
        self.model.settled.clear()
        try:
            if not planner():
                return [], None
        except Refused as refused:
            if not issubclass(refused.error, PartlyApplied):
                return [], refused.error
        self.model.settle()
        try:
            return planner(), None
        except Refused as refused:
            return [], refused.error

    def _run(
        self,
        planner: Planner,
        verb: Callable[[Migrator], RunResult],
        *,
        fault: Fault = _UNDISTURBED,
        blocked: bool = False,
    ) -> Outcome:
        """Run a verb, disturbed or not, and compare what it says with the model, which goes on from there."""
        planned, refusal = self._planned(planner)
        fault = replace(fault, number=fault.number % _events(planned))
        watch = Watch(fault, lambda: self.admin.execute(_TERMINATE), self._await_calm)
        with self._blocker() if blocked else nullcontext():
            outcome = _said(lambda: verb(self._migrator(watch, blocked=blocked)))
        self._count(outcome, watch)
        if refusal:
            assert type(outcome) is refusal, outcome
            assert watch.plan is None
        elif not planned:
            assert _done(outcome) == self.model.settled
        else:
            assert watch.plan, outcome
            assert _shape(watch.plan) == _expected_shape(planned)
            self._compare(planned, watch, outcome, blocked=blocked)
        return outcome

    def _compare(self, planned: list[Planned], watch: Watch, outcome: Outcome, *, blocked: bool) -> None:
        stop = self.model.failing(planned, blocked=blocked)
        for each in planned[: watch.committed]:
            self.model.commit(each)
        if stop and (watch.struck is None or isinstance(watch.struck, RunFailed)):
            assert watch.committed == stop[0], outcome
            assert isinstance(outcome, Interrupted | StatementFailed), outcome
            self.model.failed(stop[1], blocked=blocked)
        elif watch.committed < len(planned):
            assert watch.struck, outcome
            assert not isinstance(outcome, RunResult), outcome
            self._struck(planned[watch.committed][0], watch)
        elif not self._interrupted(watch):
            assert _done(outcome) == self.model.settled + _completed(planned)
        if self._interrupted(watch):
            assert isinstance(outcome, Interrupted), outcome
        elif isinstance(outcome, FsapiError):
            assert isinstance(outcome, StatementFailed | DatabaseError), outcome

    def _interrupted(self, watch: Watch) -> bool:
        return bool(watch.struck and watch.fault.kind == "interrupt")

    def _struck(self, part: Part, watch: Watch) -> None:
        """What a fault at that event has made of the step that it struck; one that travels with its COMMIT may be done."""
        if not isinstance(watch.struck, StatementStarted) or watch.struck_step != watch.committed:
            return
        if part.alone:
            self.model.sent(part)

    def _migrator(self, *observers: Watch, blocked: bool = False) -> Migrator:
        return Migrator(
            self.address,
            self.folder,
            application=_APPLICATION,
            observers=observers,
            lock_timeout="10ms" if blocked else "5s",
            max_wait=0.02 if blocked else 20,
        )

    @contextmanager
    def _blocker(self) -> Iterator[None]:
        """Somebody else's transaction that uses `base`."""
        with psycopg.connect(self.address) as connection:
            connection.execute("LOCK TABLE base IN ROW EXCLUSIVE MODE")
            yield
            connection.rollback()

    def _count(self, outcome: Outcome, watch: Watch) -> None:
        self.counts["runs"] += 1
        self.counts["disturbed"] += watch.struck is not None
        self.counts[type(outcome).__name__] += 1
        if watch.struck:
            self.counts[f"{watch.fault.kind} at {type(watch.struck).__name__}"] += 1

    def stop_and_go_on(self, form: str, fault: Fault, way: str) -> None:
        """One migration that is stopped; a rollback that is blocked; then one way, and at last it is applied."""
        self.begin_steps(form, fault)
        self._look()
        for how in ("blocked rollback", way, "migrate"):
            if self.model.halves:
                self.go_on(how, _UNDISTURBED)
                self._look()
        if not self.model.halves:
            self.migrate(_UNDISTURBED)
            self._look()

    def _look(self) -> None:
        self.nobody_is_at_work()
        self.the_schema_is_as_foreseen()
        self.the_history_is_as_foreseen()
        self.status_says_so()

    # -- what holds after each ---------------------------------------------------------------------------------

    @invariant()
    def nobody_is_at_work(self) -> None:
        """No lock is left, no transaction open; a connection that was closed may take a moment to end."""
        deadline = time.monotonic() + 60
        while (busy := self.admin.execute(_BUSY).fetchone()) != (0, 0):
            assert time.monotonic() < deadline, f"advisory locks, idle in transaction: {busy}"
            time.sleep(0.005)

    @invariant()
    def the_schema_is_as_foreseen(self) -> None:
        """Every table, column and index, and no other."""
        assert dict(self._rows(_HOLDS)) == self.model.holds

    @invariant()
    def the_history_is_as_foreseen(self) -> None:
        """What is applied, in its order; and the journal has only grown."""
        if not self._has_tables():
            assert not self.model.applied
            assert not self.model.unfinished
            return
        names = [name for (name,) in self._rows("SELECT name FROM migrations ORDER BY id")]
        assert names == list(self.model.applied)
        journal = self._rows("SELECT * FROM migrations_journal ORDER BY id")
        assert journal[: len(self.journal)] == self.journal
        self.journal = journal

    @invariant()
    def status_says_so(self) -> None:
        """Each name with its state."""
        self.counts["steps"] += 1
        found = {status.name: status.state.value for status in self._migrator().status().statuses}
        assert found == {name: self.model.state(name) for name in self.model.names}

    def _has_tables(self) -> bool:
        return self._rows("SELECT to_regclass('migrations') IS NOT NULL") == [(True,)]

    def _rows(self, query: str) -> list[tuple[Any, ...]]:
        return self.admin.execute(query.encode()).fetchall()


def _every_fault() -> bool:
    return os.environ.get("FSAPI_NB_FAULTS") == "all"


def test_what_was_stopped_at_any_event_goes_on_either_way(make_database: MakeDatabase, tmp_path: Path) -> None:
    """Each form of several steps, stopped at each of its events: blocked, undone or finished, and the other way then."""
    kinds, ways = ("interrupt", "terminate"), ("rollback", "migrate")
    with make_database() as address:
        for form in STEPPED:
            events = 2 + sum(2 + len(step) for step in Text(form, 1).scripts.up) + 1
            for number in range(events):
                some = [(kinds[number % 2], ways[number // 2 % 2])]
                for kind, way in itertools.product(kinds, ways) if _every_fault() else some:
                    machine = Machine(address, tmp_path, Counter())
                    machine.stop_and_go_on(form, Fault(kind, number), way)
                    machine.teardown()


def test_whatever_happens_the_database_is_as_foreseen(make_database: MakeDatabase, tmp_path: Path) -> None:
    """The same sequences each time; ten times as many where every fault is wanted."""
    counts: Counter[str] = Counter()
    many = 10 if _every_fault() else 1
    with make_database() as address:
        run_state_machine_as_test(
            lambda: Machine(address, tmp_path, counts),  # type: ignore[arg-type]  # whatever makes one will do
            settings=settings(
                derandomize=True,
                database=None,
                deadline=None,
                phases=[Phase.generate],  # to shrink a failure takes minutes
                max_examples=25 * many,
                stateful_step_count=15,
                suppress_health_check=list(HealthCheck),
            ),
        )
    print(dict(sorted(counts.items())))  # `pytest -s` shows it
    assert counts["disturbed"] > 10, counts
