"""What was measured, as plain values: samples of ways, ways of works, all works of a run. No I/O, no judgement."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Sample:
    """One run: wall-clock seconds, the client's user and system CPU seconds, its peak MiB; each where counted."""

    seconds: float | None = None
    cpu: float | None = None
    peak: float | None = None


@dataclass(frozen=True, slots=True)
class Wire:
    """What crossed the wire in one run: round trips, and bytes to and from the server, start-up included."""

    trips: int
    sent: int
    received: int

    @property
    def size(self) -> int:
        """All bytes."""
        return self.sent + self.received


@dataclass(slots=True)
class Way:
    """One way to do a work: its samples, one for each round; what it said on the wire; why it failed."""

    samples: list[Sample] = field(default_factory=list)
    wire: Wire | None = None
    failed: str | None = None

    def median(self, figure: str) -> float | None:
        """The median of `seconds`, `cpu` or `peak` over the rounds; None where it was not counted."""
        values = self.values(figure)
        return statistics.median(values) if values else None

    def values(self, figure: str) -> list[float]:
        """That figure of each round, in order."""
        found = (getattr(sample, figure) for sample in self.samples)
        return [value for value in found if value is not None]


@dataclass(slots=True)
class Work:
    """What was done in several ways: `size` says how many things at once, `limit` is the way that the others' time is
    held against."""

    name: str
    limit: str
    size: int = 1
    ways: dict[str, Way] = field(default_factory=dict)

    def way(self, name: str) -> Way:
        """That way, begun where it is new."""
        return self.ways.setdefault(name, Way())

    def ratio(self, way: str, to: str, figure: str = "seconds") -> float | None:
        """How many times as much of a figure one way takes as another: the median over rounds that both have.

        Round by round, because a machine that others use is slow for all ways of a round alike.
        """
        pairs = zip(self._values(way, figure), self._values(to, figure), strict=False)
        ratios = [mine / theirs for mine, theirs in pairs if theirs]
        return statistics.median(ratios) if ratios else None

    def trips(self, way: str) -> float | None:
        """How many round trips a way takes for each thing; None where they were not counted."""
        wire = self.ways[way].wire
        return wire.trips / self.size if wire else None

    def _values(self, way: str, figure: str) -> list[float]:
        return self.ways[way].values(figure) if way in self.ways else []


@dataclass(slots=True)
class Run:
    """All of one run of the benchmark: where, of what, and each work by its name."""

    machine: dict[str, Any]
    versions: dict[str, str]
    rounds: int
    works: dict[str, Work] = field(default_factory=dict)
    exactness: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)

    def work(self, name: str, limit: str, size: int = 1) -> Work:
        """That work, begun where it is new."""
        return self.works.setdefault(name, Work(name, limit, size))

    def add(self, figure: str, measured: Iterable[tuple[str, Mapping[str, Iterable[float]]]]) -> None:
        """Works of which only one figure of a sample was taken: by work and way, in each round; the limit first."""
        for name, ways in measured:
            work = self.work(name, next(iter(ways)))
            for way, values in ways.items():
                work.way(way).samples.extend(Sample(**{figure: value}) for value in values)

    def exact(self, way: str) -> int | None:
        """How many cases of data types a way gives exactly; None where it was not asked."""
        verdicts = [verdicts[way] for _, verdicts in self.exactness if way in verdicts]
        return verdicts.count("exact") if verdicts else None

    def to_json(self) -> dict[str, Any]:
        """The run as values that JSON knows."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Run:
        """The run that `to_json` made this of."""
        works = {name: _read_work(work) for name, work in document["works"].items()}
        exactness = [(case, dict(verdicts)) for case, verdicts in document["exactness"]]
        return cls(**{**document, "works": works, "exactness": exactness})


def _read_work(document: dict[str, Any]) -> Work:
    ways = {
        name: Way(
            [Sample(**sample) for sample in way["samples"]], Wire(**way["wire"]) if way["wire"] else None, way["failed"]
        )
        for name, way in document["ways"].items()
    }
    return Work(**{**document, "ways": ways})
