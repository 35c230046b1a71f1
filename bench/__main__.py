"""The one command: `uv run --group bench python -m bench`. Measures part after part, prints tables, keeps results."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import traceback
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from bench import goals, picture, report
from bench.figures import Run
from bench.machine import describe_machine, find_versions
from bench.migrations import Course
from bench.parts import PARTS
from bench.server import run_server
from bench.tools import TOOLS, Phase

_RESULTS = Path(__file__).with_name("results") / "latest.json"
_PHASES = {"apply": Phase.APPLY, "idle": Phase.IDLE, "rollback": Phase.ROLL_BACK}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the tables and the goals, and write the results; with --show, only print what was written."""
    options = _parser().parse_args(arguments)
    if options.show:
        run = Run.from_json(json.loads(options.output.read_text(encoding="utf-8")))
    else:
        run = _measure(options)
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(json.dumps(run.to_json(), indent=1) + "\n", encoding="utf-8")
    for line in [*report.lines(run), *goals.lines(run)]:
        print(line)
    if options.picture:
        options.picture.write_text(picture.draw(run), encoding="utf-8")
    return 0


def _measure(options: argparse.Namespace) -> Run:
    wanted = options.only or [*_PHASES, *PARTS]
    with ExitStack() as stack:
        servers = {
            "durable": stack.enter_context(run_server(durable=True)),
            "not durable": stack.enter_context(run_server(durable=False)),
        }
        run = Run(describe_machine(), {}, options.rounds)
        phases = [phase for name, phase in _PHASES.items() if name in wanted]
        if phases:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench_")))
            tools = [name for name in TOOLS if not options.way or name in options.way]
            _measure_migrations(Course(run, servers, folder, options.migrations, tools, phases, _tell))
        for name in [name for name in PARTS if name in wanted]:
            _tell(name)
            try:
                PARTS[name](run, servers["durable"])
            except Exception as error:  # noqa: BLE001  the figures of the other parts are not to be lost for it
                traceback.print_exc()
                run.skipped[name] = f"{type(error).__name__}: {error}"
        run.versions.update(find_versions(servers["durable"].version()))  # last: peers may have been installed
        return run


def _measure_migrations(course: Course) -> None:
    course.prepare()
    course.count_wires()
    for number in range(course.run.rounds):
        course.time_round(number)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parts = [*_PHASES, *PARTS]
    parser.add_argument("--only", action="append", choices=parts, help="measure this part (can be repeated)")
    parser.add_argument("--way", action="append", choices=list(TOOLS), help="the migrations by this tool (the same)")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured")
    parser.add_argument("--migrations", type=int, default=1000, help="how many migrations; the goals are for 1000")
    parser.add_argument("--output", type=Path, default=_RESULTS, help="the JSON file with the results")
    parser.add_argument("--picture", type=Path, help="an SVG file to draw the results into")
    parser.add_argument("--show", action="store_true", help="measure nothing; show and draw what was written")
    return parser


def _tell(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
