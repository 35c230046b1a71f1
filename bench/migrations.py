"""A thousand small migrations applied, applied again and rolled back by every tool, in turn, in several rounds."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.figures import Run, Sample, Way, Work
from bench.inputs import TABLES, make_changes
from bench.measure import Failed
from bench.server import Address, Server
from bench.tools import IN_KERNEL, MESSAGES, OURS, TOOLS, Phase, Place
from bench.wire import count_wire


def work_name(phase: Phase, size: int, promise: str) -> str:
    """What the work of a phase is called; where nothing is written, the server's promise does not matter."""
    if phase is Phase.IDLE:
        return f"nothing to do, {size:,} applied"
    return f"{phase.value} {size:,}, {promise}"


@dataclass(frozen=True, slots=True)
class Course:
    """The same migrations by several tools: which tools, how many migrations, their files' folder, and what is wanted.

    `servers` are by the name of what they promise, the quickest last. Migrations are applied even where that is not
    wanted, as nothing else can be done before.
    """

    run: Run
    servers: Mapping[str, Server]
    folder: Path
    size: int
    tools: Collection[str]
    phases: Collection[Phase]
    tell: Callable[[str], None]

    def prepare(self) -> None:
        """Begin each work, and write each tool's files into a folder of its name."""
        for phase in self.phases:
            for promise in self.servers:
                self._work(phase, promise)
        changes = make_changes(self.size)
        for name in self.tools:
            (self.folder / name).mkdir()
            TOOLS[name].write(self.folder / name, changes)

    def count_wires(self) -> None:
        """What every tool's process says on the wire, once. Warms up what a tool keeps for its next time, too."""
        promise = list(self.servers)[-1]
        for name in [name for name in self.tools if name not in IN_KERNEL]:
            self.tell(f"{name}: what it says on the wire")
            with self.servers[promise].database() as address, count_wire(address) as (counted, counter):
                for phase, outcome in self._live(name, promise, counted, self._due(name, promise)):
                    wire = counter.take()
                    for each in self.servers:
                        self._keep(name, phase, each, outcome).wire = wire

    def time_round(self, number: int) -> None:
        """Every tool once on each server; who begins changes from round to round."""
        names = list(self.tools)
        turn = number % len(names)
        for promise, server in self.servers.items():
            for name in names[turn:] + names[:turn]:
                phases = self._due(name, promise, number)
                if phases:
                    self.tell(f"round {number + 1}: {name}, {promise}")
                    with server.database() as address:
                        for phase, outcome in self._live(name, promise, address, phases):
                            way = self._keep(name, phase, promise, outcome)
                            if isinstance(outcome, Sample):
                                way.samples.append(outcome)

    def _due(self, name: str, promise: str, number: int = 0) -> list[Phase]:
        """The tool's phases that are wanted of it in this round, with what must be done before."""
        tool = TOOLS[name]
        wanted = [
            phase
            for phase in tool.phases
            if phase in self.phases
            and not (number and phase in tool.seldom)
            and not self._work(phase, promise).way(name).failed
        ]
        return list(dict.fromkeys([Phase.APPLY, *wanted])) if wanted else []

    def _live(
        self, name: str, promise: str, address: Address, phases: Collection[Phase]
    ) -> Iterator[tuple[Phase, Sample | Failed]]:
        """Do one phase after the other on a fresh database; each with what came of it. After a failure, all fail."""
        place = Place(address, self.folder / name, self.size)
        outcome: Sample | Failed | None = None
        for phase in phases:
            if not isinstance(outcome, Failed):
                try:
                    outcome = TOOLS[name].phases[phase](place)
                    self._check(phase, self.servers[promise].count_tables(address.database, TABLES))
                except Failed as error:
                    outcome = error
            yield phase, outcome

    def _check(self, phase: Phase, tables: int) -> None:
        """Whether a tool that says it is done has done it: one that does nothing would be the quickest."""
        expected = 0 if phase is Phase.ROLL_BACK else self.size
        if tables != expected:
            raise Failed(f"it left {tables} tables instead of {expected}")

    def _keep(self, name: str, phase: Phase, promise: str, outcome: Sample | Failed) -> Way:
        """The way that this was, with its failure noted; it is forgotten where it is not wanted."""
        if phase not in self.phases:
            return Way()
        way = self._work(phase, promise).way(name)
        if isinstance(outcome, Failed):
            way.failed = str(outcome)
        return way

    def _work(self, phase: Phase, promise: str) -> Work:
        name = work_name(phase, self.size, promise)
        return self.run.work(name, OURS) if phase is Phase.IDLE else self.run.work(name, MESSAGES, self.size)
