"""A run as text: a table for each work, the table of data types, and the versions. Computes nothing but columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bench.figures import Run, Way, Work

_NONE = "-"


def lines(run: Run) -> Iterator[str]:
    """The whole run, line by line; the goals are `goals.lines`."""
    for work in run.works.values():
        yield from ("", f"## {work.name}", "")
        yield from table(*_counted(_HEAD, [_row(work, name, way) for name, way in work.ways.items() if not way.failed]))
        yield from (f"{name} FAILED: {way.failed}" for name, way in work.ways.items() if way.failed)
    yield from _exactness(run)
    for part, why in run.skipped.items():
        yield from ("", f"{part}: not measured, {why}")
    versions = ", ".join(f"{name} {version}" for name, version in run.versions.items())
    yield from ("", f"{run.machine['cpus']} CPUs, {run.rounds} rounds; {versions}")


def _exactness(run: Run) -> Iterator[str]:
    """Each case of data types in a word for each way; what it was changed to, and which error, is in the results."""
    if run.exactness:
        ways = list(dict.fromkeys(way for _, verdicts in run.exactness for way in verdicts))
        rows = [[case, *(verdicts.get(way, _NONE).split(":")[0] for way in ways)] for case, verdicts in run.exactness]
        total = ["exact of all", *(f"{run.exact(way)} of {len(rows)}" for way in ways)]
        yield from ("", "## what each way makes of every type", "")
        yield from table(["type", *ways], [*rows, total])


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """A table in Markdown whose columns stand in line; the first is to the left, the others are to the right."""
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    for row in [head, rule, *rows]:
        first, *rest = (cell.ljust(widths[0]) if not at else cell.rjust(widths[at]) for at, cell in enumerate(row))
        yield "| " + " | ".join([first, *rest]) + " |"


_HEAD = ("way", "seconds", "ratio", "client CPU s", "ratio", "round trips", "each", "KiB to and fro", "peak MiB")


def _row(work: Work, name: str, way: Way) -> list[str]:
    trips, size = (way.wire.trips, way.wire.size) if way.wire else (None, None)
    return [
        name,
        number(way.median("seconds"), 3),
        number(work.ratio(name, work.limit), 2),
        number(way.median("cpu"), 3),
        number(work.ratio(name, work.limit, "cpu"), 2),
        number(trips),
        number(work.trips(name), 2),
        number(size and size / 1024),
        number(way.median("peak")),
    ]


def _counted(head: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[list[str], list[list[str]]]:
    """The columns in which anything was counted."""
    columns = [at for at in range(len(head)) if not at or any(row[at] != _NONE for row in rows)]
    return [head[at] for at in columns], [[row[at] for at in columns] for row in rows]


def number(value: float | None, places: int = 0) -> str:
    """A figure with so many places, or a dash where there is none."""
    return _NONE if value is None else f"{value:,.{places}f}"
