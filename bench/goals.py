"""What was promised of each work, as data, whether a run keeps it, and where the floor is. What was not measured is not met."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bench.changes import AGAIN, EXAMPLE, WITHOUT, changes_name
from bench.figures import Run
from bench.idle import BEYOND, DRIVER, EXTENSION, FILES, PROCESS, idle_name, look_name
from bench.migrations import work_name
from bench.parts import QUERY, SEED
from bench.queries import ARROW, BARE, LIMIT, OBJECTS
from bench.reading import PLACES
from bench.report import number, table
from bench.tools import MESSAGES, MESSAGES_IN_KERNEL, OURS, OURS_IN_KERNEL, PEERS, TOOLS, Phase


@dataclass(frozen=True, slots=True)
class Goal:
    """`way` of a work is at most `most` in a figure: `seconds`, `cpu` or `peak` as medians, or the `trips` on the
    wire for each of the work's things, or in cases of data types that it gives `inexact`.

    With `to`, it is a ratio to another way of the same work; with `than`, to the same way of another work. `floor` is a way
    of the same work that does nothing but what cannot be spared: where it misses the goal, nobody can meet it.
    """

    work: str
    figure: str
    most: float
    way: str = OURS
    to: str | None = None
    than: str | None = None
    floor: str | None = None

    def least(self, run: Run) -> float | None:
        """What the run says of the floor, as of ours; None where it says nothing."""
        return self.measured(run, self.floor) if self.floor else None

    def measured(self, run: Run, name: str | None = None) -> float | None:
        """What the run says of the goal's way, or of the way of that name in its place; None where it says nothing."""
        name = name or self.way
        if self.figure == "inexact":
            exact = run.exact(name)
            return len(run.exactness) - exact if exact is not None else None
        work = run.works.get(self.work)
        way = work.ways.get(name) if work else None
        if work is None or way is None or way.failed:
            return None
        if self.figure == "trips":
            return work.trips(name)
        if self.to is not None:
            return work.ratio(name, self.to, self.figure)
        if self.than is not None:
            other = run.works.get(self.than)
            median, base = way.median(self.figure), other and other.way(self.way).median(self.figure)
            return median / base if median is not None and base else None
        return way.median(self.figure)

    def __str__(self) -> str:
        figure = {"cpu": "client CPU", "peak": "peak MiB", "trips": "round trips each", "inexact": "inexact cases"}
        than = f" x {self.to}" if self.to else f" x that of {self.than}" if self.than else ""
        unit = " s" if self.figure in {"seconds", "cpu"} and not than else ""
        return f"{figure.get(self.figure, 'time')} at most {self.most:g}{than}{unit}"


def _of_many(phase: Phase) -> Iterator[Goal]:
    """The bounds of a thousand migrations applied, and rolled back; of the peers that can."""
    durable, quick = (work_name(phase, 1000, promise) for promise in ("durable", "not durable"))
    yield Goal(quick, "trips", 1.1)
    yield Goal(quick, "seconds", 1.1, to=MESSAGES)
    yield Goal(quick, "seconds", 1.1, OURS_IN_KERNEL, to=MESSAGES_IN_KERNEL)
    yield Goal(quick, "cpu", 1.0, to="dbmate", floor=MESSAGES)
    for work in (quick, durable):
        for peer in PEERS:
            if phase in TOOLS[peer].phases:
                yield Goal(work, "seconds", 1.0, to=peer)


TEXTS = ("1,000 small files", "INSERTs of a row", "INSERTs of 1,000 rows", "functions", "views")
GOALS = (
    *_of_many(Phase.APPLY),
    *_of_many(Phase.ROLL_BACK),
    Goal(work_name(Phase.IDLE, 1000, ""), "trips", 3),
    Goal(BEYOND, "seconds", 0.020),
    Goal(PROCESS, "seconds", 1.5, to=DRIVER),
    Goal(idle_name(10_000), "seconds", 3.0, than=idle_name(1000), floor=FILES),
    *(
        Goal(look_name(verb, 10_000), "seconds", 10.0, than=look_name(verb, 1000))
        for verb in ("status", "plan", "panel")
    ),
    Goal(changes_name(EXAMPLE), "seconds", 1.1, to=WITHOUT),
    Goal(changes_name(EXAMPLE), "seconds", 1.1, AGAIN, to=WITHOUT),
    Goal(changes_name(EXAMPLE, process=True), "seconds", 1.1, to=WITHOUT),
    Goal(EXTENSION, "seconds", 1.2, to=DRIVER),
    *(Goal(f"reading {text}", "cpu", 1.3, to="postgast.parse", floor=PLACES) for text in TEXTS),
    Goal("reading 1,000 small files", "cpu", 0.3),
    *(Goal(SEED, "peak", 150, verb) for verb in ("plan", "migrate", "rollback")),
    Goal("first start", "seconds", 1.3, to="initdb --no-sync, pg_ctl start"),
    Goal("later start", "seconds", 1.3, to="pg_ctl start"),
    Goal("fresh database", "seconds", 0.1),
    Goal(QUERY, "seconds", 1.3, to=LIMIT, floor=OBJECTS),
    Goal(QUERY, "peak", 400),
    Goal(QUERY, "seconds", 1.15, ARROW, to=LIMIT, floor=BARE),
    Goal("every data type", "inexact", 0),
)


def lines(run: Run) -> Iterator[str]:
    """A table of the goals whose work the run knows, and how many of all are met."""
    judged = [(goal, goal.measured(run)) for goal in GOALS]
    shown = [(goal, value) for goal, value in judged if goal.work in run.works or value is not None]
    rows = [
        [goal.work, goal.way, str(goal), number(value, 3), number(goal.least(run), 3), _verdict(goal, value)]
        for goal, value in shown
    ]
    met = sum(value is not None and value <= goal.most for goal, value in judged)
    yield from ("", "## goals", "")
    yield from table(["work", "way", "goal", "measured", "floor", "met"], rows)
    yield from ("", f"{met} of {len(judged)} goals are met; of {len(judged) - len(shown)} the work was not measured.")


def _verdict(goal: Goal, value: float | None) -> str:
    if value is None:
        return "not measured"
    return "met" if value <= goal.most else "NOT met"
