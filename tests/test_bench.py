"""The benchmark measures what it says: each way really done, each wire counted, each failure shown, no goal bent."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree

import psycopg
import pytest

from bench import goals, picture, report
from bench.__main__ import main
from bench.figures import Run, Sample, Work
from bench.inputs import write_messages
from bench.measure import Failed, run_process
from bench.migrations import Course
from bench.server import Server, run_server
from bench.tools import IN_KERNEL, MESSAGES, OURS, OURS_IN_KERNEL, PSQL, TOOLS, Phase, Tool
from bench.wire import count_wire

NEED_NO_PEER = [OURS, OURS_IN_KERNEL, MESSAGES, PSQL]


@pytest.fixture(scope="module")
def bench_server() -> Iterator[Server]:
    with run_server(durable=False) as server:
        yield server


def run_of(*works: Work) -> Run:
    return Run({"cpus": 2}, {"PostgreSQL": "18.0"}, 1, {work.name: work for work in works})


def work_of(name: str, seconds: Mapping[str, Sequence[float]]) -> Work:
    """A work whose ways took these seconds, the limit first."""
    work = Work(name, next(iter(seconds)))
    for way, values in seconds.items():
        work.way(way).samples.extend(Sample(value) for value in values)
    return work


def test_one_command_prints_keeps_and_draws_what_it_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On two servers of its own; what was kept can be shown again."""
    output = ["--output", str(tmp_path / "kept.json"), "--picture", str(tmp_path / "drawn.svg")]
    assert main(["--only", "apply", "--way", PSQL, "--rounds", "1", "--migrations", "3", *output]) == 0
    run = Run.from_json(json.loads((tmp_path / "kept.json").read_text()))
    assert [*run.works] == ["apply 3, durable", "apply 3, not durable"]
    assert {work.ways[PSQL].failed for work in run.works.values()} == {None}
    printed = capsys.readouterr().out
    assert f"| {PSQL} " in printed
    assert f"PostgreSQL {run.versions['PostgreSQL']}" in printed
    assert main(["--show", *output]) == 0
    assert capsys.readouterr().out == printed


def test_each_way_is_measured_and_its_wire_counted(bench_server: Server, tmp_path: Path) -> None:
    """Ours and the limits apply, find nothing to do and roll back, and nobody fails."""
    run = run_of()
    course = Course(run, {"quick": bench_server}, tmp_path, 10, NEED_NO_PEER, list(Phase), lambda _: None)
    course.prepare()
    course.count_wires()
    course.time_round(0)
    assert [*run.works] == ["apply 10, quick", "nothing to do, 10 applied", "roll back 10, quick"]
    for work in run.works.values():
        assert set(work.ways) == ({OURS} if work.name.startswith("nothing") else set(NEED_NO_PEER))
        for name, way in work.ways.items():
            assert way.failed is None, f"{name} of {work.name}"
            (sample,) = way.samples
            assert all(value is not None and value > 0 for value in (sample.seconds, sample.cpu, sample.peak))
            assert (way.wire is None) == (name in IN_KERNEL)
    applied = {name: way.wire.trips for name, way in run.works["apply 10, quick"].ways.items() if way.wire}
    assert applied[MESSAGES] == 1 + 1 + 10  # the start, the history, and each migration
    assert applied[PSQL] == 1 + 1 + 10 * 5


def test_a_round_trip_is_a_burst_that_is_answered(bench_server: Server) -> None:
    """A start, a query and a message of many statements are one each; so is a whole pipeline."""
    with bench_server.database() as address, count_wire(address) as (counted, counter):
        with psycopg.connect(counted.conninfo(), autocommit=True) as connection:
            assert counter.take().trips == 1
            connection.execute("SELECT 1")
            connection.execute("BEGIN; SELECT 1; COMMIT")
            assert counter.take().trips == 2
            with connection.pipeline():
                for _ in range(5):
                    connection.execute("SELECT %s", [1])
            assert counter.take().trips == 1
        wire = counter.take()
        assert (wire.trips, wire.received) == (0, 0)


def test_a_tool_that_does_nothing_is_not_the_quickest(
    bench_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a tool says it did is looked for in the database; a failure is shown, and not tried again."""
    tried = []

    def pretend(_: object) -> Sample:
        tried.append(1)
        return Sample(0.001)

    monkeypatch.setitem(TOOLS, "idler", Tool(write_messages, {Phase.APPLY: pretend, Phase.ROLL_BACK: pretend}))
    run = run_of()
    phases = [Phase.APPLY, Phase.ROLL_BACK]
    course = Course(run, {"not durable": bench_server}, tmp_path, 3, ["idler"], phases, lambda _: None)
    course.prepare()
    course.time_round(0)
    course.time_round(1)
    assert len(tried) == 1
    for work in run.works.values():
        assert work.ways["idler"].failed == "it left 0 tables instead of 3"
        assert not work.ways["idler"].samples
    assert "idler FAILED: it left 0 tables instead of 3" in list(report.lines(run))


def test_what_is_wanted_alone_is_kept_alone(bench_server: Server, tmp_path: Path) -> None:
    """To roll back, a tool must apply first: that is done, and not shown."""
    run = run_of()
    course = Course(run, {"quick": bench_server}, tmp_path, 3, [PSQL], [Phase.ROLL_BACK], lambda _: None)
    course.prepare()
    course.time_round(0)
    assert [(name, list(work.ways)) for name, work in run.works.items()] == [("roll back 3, quick", [PSQL])]


def test_a_command_that_fails_says_what_was_wrong(tmp_path: Path) -> None:
    """The last line that names an error, else the last line; not its exit code alone, and not nothing."""
    with pytest.raises(Failed, match="^what was wrong$"):
        run_process(["sh", "-c", "echo begun; echo what was wrong >&2; exit 3"], folder=tmp_path)
    with pytest.raises(Failed, match="^DriverError: what was wrong$"):
        run_process(["sh", "-c", "echo 'DriverError: what was wrong'; echo 'see our site'; exit 3"], folder=tmp_path)
    with pytest.raises(Failed):
        run_process(["no-such-program"], folder=tmp_path)


def test_memory_and_cpu_are_those_of_the_command(tmp_path: Path) -> None:
    """A small program is seen as small, however big whoever measures it is; what it waits for counts with it."""
    ballast = bytearray(200 << 20)
    small = run_process(["sh", "-c", "true"], folder=tmp_path)
    assert ballast is not None
    assert small.peak is not None
    assert small.peak < 60
    busy = "import time\nwhile time.process_time() < 0.3: pass"
    nested = run_process(["sh", "-c", f"python3 -c '{busy}'; true"], folder=tmp_path)
    assert nested.cpu is not None
    assert nested.cpu >= 0.3


def test_ratios_are_taken_round_by_round() -> None:
    """A round in which everything was slow changes no ratio."""
    work = work_of("w", {"limit": [1, 10, 2], "way": [2, 20, 4]})
    assert work.ratio("way", "limit") == 2
    assert work.ratio("way", "absent") is None


def test_a_goal_that_was_not_measured_is_not_met() -> None:
    """Neither where the work is absent, nor where the way failed; and a goal that is missed says so."""
    goal = goals.Goal("w", "seconds", 1.1, to="limit")
    assert goal.measured(run_of()) is None
    work = work_of("w", {"limit": [1.0], OURS: [1.2]})
    assert goal.measured(run_of(work)) == pytest.approx(1.2)
    work.way(OURS).failed = "broken"
    assert goal.measured(run_of(work)) is None
    work = work_of("apply 1,000, not durable", {MESSAGES: [1.0], OURS: [1.2]})
    *rows, _, told = goals.lines(run_of(work))
    assert next(row.split() for row in rows if "1.200" in row)[-3:] == ["NOT", "met", "|"]
    assert any(row.endswith("| not measured |") for row in rows)
    assert told.startswith(f"0 of {len(goals.GOALS)} goals are met")


def test_a_goal_can_hold_one_work_against_another() -> None:
    """Ten thousand against a thousand, by medians."""
    goal = goals.Goal("many", "seconds", 3.0, than="few")
    assert goal.measured(run_of(work_of("many", {OURS: [5, 6, 7]}), work_of("few", {OURS: [2]}))) == 3


def test_types_that_are_not_exact_are_counted() -> None:
    """In the table, and as a goal of ours."""
    run = run_of()
    goal = goals.Goal("every data type", "inexact", 0)
    assert goal.measured(run) is None
    run.exactness = [("int4", {OURS: "exact", "peer": "exact"}), ("money", {OURS: "exact", "peer": "error: Oh: no"})]
    assert goal.measured(run) == 0
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in report.lines(run)]
    assert ["money", "exact", "error"] in rows
    assert ["exact of all", "2 of 2", "1 of 2"] in rows


def test_the_picture_is_made_of_the_results_alone() -> None:
    """It is well-formed, the same each time, and has a bar for each way that was measured."""
    work = work_of("apply 1,000, not durable", {MESSAGES: [1.0], OURS: [1.2], "a < b": [2.0]})
    drawn = picture.draw(run_of(work))
    assert drawn == picture.draw(run_of(work))
    texts = [element.text for element in ElementTree.fromstring(drawn).iter() if element.tag.endswith("text")]
    assert {OURS, MESSAGES, "a < b", "2.00 x"} <= set(texts)
