"""What a notebook stores of one output stays small and says what matters, however many migrations there are.

The bound is `fsapi_nb.text.fold.OUTPUT`; it is measured as Jupyter writes files. Nothing is left out elsewhere.
"""

from __future__ import annotations

import datetime
import gc
import re
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsapi_nb.errors import (
    Drifted,
    FaultyMigrations,
    FsapiError,
    Interrupted,
    NotUpToDate,
    QueryFailed,
    StatementFailed,
    revise,
)
from fsapi_nb.model.history import HistoryEntry, JournalEntry
from fsapi_nb.model.migration import Direction, Migration
from fsapi_nb.model.place import Problem, SourceLocation
from fsapi_nb.model.plan import CompletedMigration, DatabaseObject, Mode, Plan, Step, StepPart
from fsapi_nb.model.result import Column, ResultSet
from fsapi_nb.model.server import Identity, ServerMessage
from fsapi_nb.model.status import Inspection, MigrationStatus, State
from fsapi_nb.script.migration import read_migration
from fsapi_nb.text.fold import HTML, LINE, OUTPUT, TEXT, WHOLE, Fold, bounded, clip, fit, shorten, stored_size
from fsapi_nb.views.results import (
    FileResult,
    HistoryResult,
    MigrationResult,
    PlanResult,
    QueryResult,
    RepairResult,
    Result,
    RunResult,
    StatusResult,
)
from tests.conftest import Project
from tests.notebook.store import execute
from tests.notebook.test_kernel import notebook, opening

AT = datetime.datetime(2026, 1, 1, 12, 0)
HERE = Identity("shop")
NAMES = [f"2026_01_{i // 1440 + 1:02}_{i // 60 % 24:02}_{i % 60:02}_add_column_{i}.sql" for i in range(10_000)]
# What takes the most room when it is written as HTML and JSON: quotes, tags, invisible characters, wide ones.
HOSTILE = ("x", "'", '"<&', "\\", "\x1b", "\U000e0001", "\u202e", "漢", "\N{GRINNING FACE}", "a\n", "\n", "$x$ ")


# -- measuring ---------------------------------------------------------------------------------------------------------


def written(**output: Any) -> int:
    """How many bytes of a notebook's file an output takes, as nbformat writes it."""
    new: Any = nbformat.v4
    cell = new.new_code_cell("x", id="cell")
    empty = len(nbformat.writes(new.new_notebook(cells=[cell])).encode(errors="backslashreplace"))  # type: ignore[no-untyped-call]
    cell.outputs.append(new.new_output(**output))
    return len(nbformat.writes(new.new_notebook(cells=[cell])).encode(errors="backslashreplace")) - empty  # type: ignore[no-untyped-call]


def output(value: Result | FsapiError | Interrupted) -> dict[str, Any]:
    """The output of a notebook's cell that ends with a result or an error."""
    if isinstance(value, Result):
        data, metadata = value._repr_mimebundle_()
        return {"output_type": "execute_result", "data": data, "metadata": metadata}
    lines = value._render_traceback_()
    return {"output_type": "error", "ename": type(value).__name__, "evalue": str(value), "traceback": lines}


def size(value: Result | FsapiError | Interrupted) -> int:
    """How many bytes of a notebook's file a result or an error takes."""
    return written(**output(value))


# -- values ------------------------------------------------------------------------------------------------------------


def entry(name: str) -> HistoryEntry:
    return HistoryEntry(1, name, AT, 5, "sha256:0")


def status(count: int, *states: State, note: str | None = None, problems: tuple[Problem, ...] = ()) -> StatusResult:
    """So many migrations, in these states by turns."""
    found = ((name, states[index % len(states)]) for index, name in enumerate(NAMES[:count]))
    return StatusResult(tuple(MigrationStatus(n, s, entry(n), note=note, problems=problems) for n, s in found), HERE)


@cache
def parsed(statements: int) -> Migration:
    """A migration of so many statements, read and parsed once for all that differ only in their names."""
    found, _ = read_migration(NAMES[0], b"CREATE TABLE t ();\n" * statements)
    assert found
    return found


def migration(name: str, statements: int = 1) -> Migration:
    return replace(parsed(statements), name=name)


def step(name: str, statements: int = 1, reason: str = "one transaction, together with its history row") -> Step:
    made = migration(name, statements)
    return Step(Mode.TRANSACTION, reason, (StepPart(made, Direction.UP, made.up.parsed.statements),))


def plan(count: int, statements: int = 1, *, drops: int = 0, marks: int = 0, notes: int = 0) -> PlanResult:
    return PlanResult(
        Plan(
            "migrate",
            tuple(step(name, statements) for name in NAMES[:count]),
            notes=tuple(f"{name} is applied, and its file is gone" for name in NAMES[:notes]),
            to_record=tuple(map(migration, NAMES[:marks])),
            drops=tuple(DatabaseObject("table", f"public.table_{number}") for number in range(drops)),
        ),
        HERE,
    )


def run(count: int, *notices: str, notes: tuple[str, ...] = ()) -> RunResult:
    return RunResult(
        "migrate", tuple(CompletedMigration(n, Direction.UP, 0.01, 1, notices) for n in NAMES[:count]), notes, 1.0
    )


def history(count: int, message: str | None = "the reason") -> HistoryResult:
    """So many events in runs of seven, of which every fiftieth failed."""
    return HistoryResult(
        tuple(
            JournalEntry(
                i, AT, f"run{i // 7}", NAMES[i], "up", "done" if i % 50 else "failed", 1, 1, 5, message=message
            )
            for i in range(count)
        ),
        tuple(map(entry, NAMES[:count])),
    )


def problems(count: int, message: str = 'syntax error at or near "TABEL"') -> tuple[Problem, ...]:
    return tuple(Problem(message, SourceLocation(n, 3, 4, "CREATE TABEL " * 20), "fix it") for n in NAMES[:count])


def table(rows: int, value: str = "x") -> QueryResult:
    columns = (Column("a", 25, "text"), Column("b", 25, "text"))
    return QueryResult((ResultSet(columns, [(value, str(row)) for row in range(rows)], f"SELECT {rows}"),))


def failed(message: str, *, context: str | None = None) -> StatementFailed:
    server = ServerMessage("P0001", message, context=context)
    return StatementFailed(
        server, migration=NAMES[0], place=SourceLocation(NAMES[0], 1, 1, "SELECT 1"), state="nothing."
    )


LONG_LIST: dict[str, Callable[[], Result | FsapiError]] = {
    **{f"1,000 {state.value}": partial(status, 1_000, state) for state in State},
    "1,000 in all states": lambda: status(1_000, *State, note="the file was edited after it was applied"),
    "10,000 pending": lambda: status(10_000, State.PENDING),
    "10,000 in all states": lambda: status(10_000, *State, note="n" * 300, problems=problems(3)),
    "40 of many problems": lambda: status(40, State.BROKEN, problems=problems(1_000, "m" * 500)),
    "1,000 steps": lambda: plan(1_000),
    "1,000 steps of 100 statements": lambda: plan(1_000, 100),
    "24 steps of 100 statements": lambda: plan(24, 100),
    "one step of 10,000 statements": lambda: plan(1, 10_000),
    "fresh with 1,000 drops": lambda: plan(1_000, 5, drops=1_000, notes=1_000),
    "1,000 marks": lambda: plan(0, marks=1_000),
    "1,000 done": lambda: run(1_000),
    "10,000 done with notices": lambda: run(10_000, *["NOTICE: index is there, skipping"] * 20, notes=("n",) * 1_000),
    "a notice of 1 MB": lambda: run(1, "x" * 1_000_000),
    "a notice of 500,000 lines": lambda: run(1, "x\n" * 500_000),
    "100,000 notices": lambda: run(1, *["NOTICE: index is there, skipping"] * 100_000),
    "10,000 events": lambda: history(10_000),
    "10,000 events with messages of 10 kB": lambda: history(10_000, "boom, " * 2_000),
    "1,000 repaired": lambda: RepairResult(tuple(NAMES[:1_000])),
    "100,000 rows": lambda: table(100_000),
    "rows of 100 kB": lambda: table(10, "x" * 100_000),
    "10,000 results": lambda: QueryResult((ResultSet((), [], "CREATE TABLE"),) * 10_000),
    "a file of 10,000 statements": lambda: FileResult(NAMES[0], "created", plan=plan(1, 10_000)),
    "a file of 1,000 steps": lambda: FileResult(NAMES[0], "created", plan=plan(1_000, 20)),
    "a file that says much": lambda: FileResult(NAMES[0], "created", run=run(1_000, *["n" * 2_000] * 20)),
    "1,000 faults": lambda: FaultyMigrations(problems(1_000)),
    "1,000 long faults": lambda: FaultyMigrations(problems(1_000, "m" * 10_000)),
    "1,000 drifted": lambda: Drifted("1000 migrations are not what was applied", details=("  -CREATE",) * 40_000),
    "a check of 1,000": lambda: NotUpToDate("found", details=tuple(status(1_000, State.PENDING).findings())),
    "a long message": lambda: failed("x" * 1_000_000),
    "a message of many lines": lambda: failed("x\n" * 500_000, context="PL/pgSQL function\n" * 10_000),
    "a failed query": lambda: QueryFailed(ServerMessage("P0001", "x\n" * 100_000), place=None, state="s" * 100_000),
}


@cache
def long(name: str) -> Result | FsapiError:
    """The long list of that name, made once for all tests."""
    return LONG_LIST[name]()


@cache
def html_of(name: str) -> str | None:
    """Its HTML, rendered once; None for an error, which has none."""
    value = long(name)
    return value.html() if isinstance(value, Result) else None


@pytest.fixture(scope="module", autouse=True)
def _forgotten() -> Iterator[None]:
    """The long lists are gone with the module: every collection of garbage goes through what is kept."""
    yield
    long.cache_clear()
    html_of.cache_clear()


# -- the bound ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", LONG_LIST)
def test_an_output_stays_below_the_bound(name: str) -> None:
    """Whatever its size; and it says that it is not everything, in the text and in the HTML."""
    html, stored = html_of(name), output(long(name))
    assert written(**stored) < OUTPUT
    text = stored["evalue"] if html is None else stored["data"]["text/plain"]
    assert text.splitlines()[-1].startswith("(shortened: ")
    if html is not None:
        assert "(shortened: " in html


@pytest.mark.parametrize("character", HOSTILE, ids=ascii)
def test_names_and_messages_of_any_characters_stay_below_it(character: str) -> None:
    """Names as long as a file's may be and long messages, of what takes most room when it is written."""
    name, text = (character * 255)[:255].replace("\n", " "), character * 8_000
    where = Identity(name)
    broken = tuple(Problem(text, SourceLocation(name, 1, 1, text), text) for _ in range(50))
    values: list[Result | FsapiError | Interrupted] = [
        StatusResult((MigrationStatus(name, State.BROKEN, problems=broken[:2], note=text[:9_000]),) * 60, where),
        PlanResult(Plan("migrate", (step(name, 100, text[:9_000]),) * 30, notes=(text,)), where),
        RunResult("migrate", (CompletedMigration(name, Direction.UP, 1.0, 1, (text,) * 5),) * 10, (text,)),
        RunResult("migrate", tuple(CompletedMigration(f"{i}{name}", Direction.UP, float(i), 1) for i in range(1_000))),
        HistoryResult((JournalEntry(1, AT, "r", name, "up", "failed", message=text),) * 60),
        FileResult(
            name, "created", run=RunResult("migrate", (CompletedMigration(name, Direction.UP, 1.0, 1, (text,)),))
        ),
        RepairResult((name,) * 50),
        FaultyMigrations(broken[:20]),
        failed(text, context=text),
        Interrupted(text, text),
    ]
    for value in values:
        assert size(value) < OUTPUT, type(value)


def test_a_result_whose_html_is_longer_is_shown_as_its_text() -> None:
    """A form that knows nothing of the bound keeps it all the same, such as a script of which each word is coloured."""
    (one,) = status(1, State.PENDING).statuses
    script = "SELECT 'a' AS b, 1 AS c, null AS d;\n" * 400
    value = MigrationResult(one, Inspection(up=script, down=script, plan=plan(1_000, 20).plan), (), HERE)
    assert stored_size(value.html()) > HTML
    stored = output(value)
    assert written(**stored) < OUTPUT
    html = stored["data"]["text/html"]
    assert html.startswith('<div class="mathjax_ignore tex2jax_ignore">')
    assert "SELECT &#x27;a&#x27; AS b" in html
    assert "(shortened: " in html
    short = MigrationResult(one, Inspection("SELECT 1;", None, plan(0).plan), (), HERE)
    assert short._repr_mimebundle_()[0]["text/html"] == short.html()


@given(st.lists(st.text() | st.text(alphabet="<'\x1b\U000e0001\n漢", min_size=500, max_size=1_000), max_size=400))
@settings(max_examples=60, deadline=None)
def test_lines_of_any_text_fit(lines: list[str]) -> None:
    """Text that nobody has thought of is cut to the bound, from the middle, and short text is left as it is."""
    kept = bounded(lines)
    assert sum(map(stored_size, kept)) <= TEXT + 200
    if sum(map(stored_size, lines)) <= TEXT and all(len(line) <= LINE for line in lines):
        assert "\n".join(kept) == "\n".join(lines)


@given(st.lists(st.text(max_size=200), max_size=30), st.integers(0, 3_000))
@settings(max_examples=100, deadline=None)
def test_what_does_not_fit_is_counted(pieces: list[str], room: int) -> None:
    """Of pieces that do not fit are kept the first and the last, and the number of the others."""
    kept = fit(pieces, room, lambda count: f"GAP {count}")
    if kept != pieces:
        (gap,) = [index for index, piece in enumerate(kept) if piece.startswith("GAP ")][:1]
        tail = kept[gap + 1 :]
        assert kept[:gap] == pieces[:gap]
        assert tail == pieces[len(pieces) - len(tail) :]
        assert int(kept[gap].removeprefix("GAP ")) == len(pieces) - len(kept) + 1


@given(st.lists(st.integers(), max_size=50), st.integers(0, 10), st.integers(0, 10))
@settings(deadline=None)
def test_a_fold_loses_nothing_but_what_it_counts(items: list[int], first: int, last: int) -> None:
    """The first, the last, and one gap for at least two; a list that fits is whole."""
    shown = Fold(first, last).apply(items, lambda item: [(item,)], tuple)
    assert [item for each in shown for item in each] == items
    assert len(shown) <= max(first + last + 1, 0)
    assert WHOLE.apply(items, lambda item: [item], lambda gap: 0) == items


def test_lines_are_clipped_in_the_middle() -> None:
    """Where a message ends, such as with its SQLSTATE, is worth as much as where it begins."""
    assert clip("x" * LINE) == "x" * LINE
    assert re.fullmatch(r"a+x+ … 610 characters … x+ \[P0001\]", clip("a" * 10 + "x" * 992 + " [P0001]"))
    assert shorten("\n".join("abcdefghijkl")) == "a\nb\nc\nd\ne\nf\n… 4 lines more\nk\nl"


@pytest.mark.parametrize("make", [status, history, run, plan], ids=lambda make: make.__name__)
def test_the_cost_grows_with_the_size_and_no_faster(make: Callable[..., Result]) -> None:
    """Twice as many need about twice the memory to be shown, and what is stored does not grow."""

    def peak(count: int) -> tuple[int, int]:
        value = make(count, State.PENDING) if make is status else make(count)
        gc.collect()
        gc.disable()  # a collection in the middle would make the peak of one of the two lower
        tracemalloc.start()
        try:
            stored = size(value)
            return tracemalloc.get_traced_memory()[1], stored
        finally:
            tracemalloc.stop()
            gc.enable()

    peak(100)  # what is imported and kept with the first
    (small, before), (large, after) = peak(2_000), peak(8_000)
    assert large < 6 * small
    assert abs(after - before) < 1_000


# -- what is kept ------------------------------------------------------------------------------------------------------


def test_what_is_not_well_stands_before_what_is() -> None:
    """In a status that is folded: in doubt, half-way, broken, drifted, missing, late, pending, and the last applied."""
    result = status(1_000, *State)
    lines = repr(result).splitlines()
    shown = [state for line in lines for state in State if re.match(rf"  {state.value}  ", line)]
    order = [State.IN_DOUBT, State.PARTLY_APPLIED, State.BROKEN, State.DRIFTED, State.MISSING, State.LATE]
    assert list(dict.fromkeys(shown)) == [*order, State.PENDING, State.APPLIED]
    assert lines[0] == result.headline()
    assert "  … 113 more drifted" in lines
    assert "  … 115 more applied" in lines
    assert lines[-2].endswith(result.statuses[992].name)
    for state in State:
        assert f"{'… 115' if state is State.APPLIED else '… 113'} more" in result.html()


def test_one_that_is_not_well_is_found_among_thousands() -> None:
    """It is the first line."""
    (drifted,) = status(1, State.DRIFTED).statuses
    result = StatusResult((*status(10_000, State.APPLIED).statuses[1:], drifted), HERE)
    assert repr(result).splitlines()[1].split() == ["drifted", drifted.name]
    assert result.html().index(drifted.name) < result.html().index(NAMES[9_999])
    assert result.findings() == [f"  drifted  {drifted.name}"]


def test_short_results_are_whole() -> None:
    """What anybody reads in full is not folded: no mark, no gap, and the order is that of the names."""
    values = [
        status(40, *State),
        plan(24, 3),
        run(40, "NOTICE: one"),
        history(40),
        RepairResult(tuple(NAMES[:31])),
        table(31),
    ]
    for value in values:
        assert repr(value) == "\n".join(value.lines())
        assert "shortened" not in value.html()


def test_a_folded_run_says_how_many_spoke() -> None:
    """Of what is left out, how many there are, and of how many the server said something."""
    speaking = {n for n in range(1_000) if n % 2}
    done = tuple(
        CompletedMigration(NAMES[n], Direction.UP, 0.0, notices=("hey",) if n in speaking else ()) for n in range(1_000)
    )
    assert "  … 961 migrations more, 480 with notices" in repr(RunResult("migrate", done)).splitlines()


def test_a_folded_history_shows_the_newest() -> None:
    """Under the numbers that the runs have in the whole journal, and says what failed before."""
    lines = repr(history(10_000)).splitlines()
    assert lines[1] == "  … 9960 earlier events (200 failed)"
    assert lines[2] == "run 1423"
    assert NAMES[9_999] in lines[-2]
    assert "9960 earlier events (200 failed)" in history(10_000).html()


def test_errors_keep_their_end() -> None:
    """What the database holds and what to do next are there however long the list before them is."""
    error = revise(FaultyMigrations(problems(1_000)), hint="correct them.")
    lines = str(error).splitlines()
    assert lines[0] == "1000 faults found before anything ran."
    assert "… 986 faults more in 986 files" in lines
    assert lines[-3:-1] == ["Database: unchanged.", "→ correct them."]
    assert error._render_traceback_()[0] == f"FaultyMigrations: {lines[0]}"


# -- where everything is -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name, make in LONG_LIST.items() if "rows" not in name])
def test_terminals_and_json_have_everything(name: str) -> None:
    """`lines(times=True)` is what the terminal prints, `to_json` what `--json` does; neither is folded, but a plan is.

    Of a plan the terminal has everything with `--full`.
    """
    value = long(name)
    if isinstance(value, FileResult) and value.plan:
        value = value.plan
    value = value.full() if isinstance(value, PlanResult) else value
    whole = value.lines(times=True) if isinstance(value, Result) else value.lines()
    assert not re.search(r"… \d+", "\n".join(whole))
    assert "shortened" not in str(value.to_json())


@pytest.mark.parametrize("name", [name for name, make in LONG_LIST.items() if isinstance(long(name), PlanResult)])
def test_a_plan_is_read_in_one_screen(name: str) -> None:
    """On a terminal, too: it says that it is not everything, and what shows that."""
    lines = long(name).lines()
    assert len(lines) <= (65 if "fresh" in name else 45)  # with what it drops, and notes of both
    assert lines[-1] == "(shortened: plan --full, to_frame() and to_json() have everything)"


def test_every_migration_is_on_the_terminal() -> None:
    """All names, all statements, all notices, all drops."""
    for result in (status(1_000, *State), plan(1_000, 20).full(), run(1_000, "hey", "you")):
        text = "\n".join(result.lines(times=True))
        assert all(name in text for name in NAMES[:1_000])
    assert "\n".join(plan(100, 20).full().lines()).count("CREATE TABLE") == 2_000
    assert "\n".join(run(100, "hey", "you").lines()).count("you") == 100
    assert len(plan(0, drops=1_000).full().lines()) == 1_001
    assert [len(r.records().rows) for r in (status(1_000, *State), plan(1_000, 5), run(1_000), history(1_000))] == [
        1_000,
        5_000,
        1_000,
        1_000,
    ]


# -- HTML --------------------------------------------------------------------------------------------------------------


def test_html_is_no_formula_and_can_be_heard() -> None:
    """MathJax leaves a name such as `$x$` alone; a screen reader knows which cells are headings."""
    for html in filter(None, map(html_of, LONG_LIST)):
        assert html.startswith('<div class="mathjax_ignore tex2jax_ignore">')
        assert html.count("<th ") == html.count('<th scope="col"')
        assert stored_size(html) <= HTML + 100
        assert html.count("<tr>") == html.count("</tr>")
        assert html.count("<div") == html.count("</div>") == 1


def test_metadata_keeps_the_slowest() -> None:
    """Of more migrations than there is room for; the whole list is in `to_frame()`."""
    done = tuple(CompletedMigration(name, Direction.UP, float(number)) for number, name in enumerate(NAMES))
    durations = RunResult("migrate", done).metadata()["durations_ms"]
    assert list(durations) == NAMES[-len(durations) :]
    assert 20 < len(durations) < 100


# -- end to end --------------------------------------------------------------------------------------------------------


def test_a_notebook_about_1_000_migrations_is_small(project: Project, tmp_path: Path) -> None:
    """Status, plan, run and history of 1,000 real files on a real database, and what went wrong in another 1,000."""
    for number in range(1_000):
        sql = f"DO $$ BEGIN RAISE NOTICE 'migration {number}'; END $$;\nSELECT {number};"
        project.write_text(NAMES[number], f"-- UP\n{sql}\n-- DOWN\nSELECT 1;\n")
    cells = ["%migrate status", "%migrate pending", "%migrate plan", "%migrate", "%migrate status", "%migrate history"]
    broken = "\n".join(
        [
            "from pathlib import Path",
            f"for name in {[name.replace('2026', '2027') for name in NAMES[:1_000]]!r}:",
            f"    Path({str(project.folder)!r}, name).write_text('-- UP\\nCREATE TABEL x;')",
        ]
    )
    document = notebook(opening(project), *cells, broken, "%migrate", failing=(8,))
    execute(document, tmp_path)
    outputs = [output for cell in document.cells for output in cell.outputs]
    assert [output.output_type for output in outputs] == ["execute_result"] * 6 + ["error"]
    assert outputs[3]["data"]["text/plain"].startswith(f"Applied 1000 migrations on {project.label}.")
    assert outputs[6]["evalue"].startswith("1000 faults found")
    sizes = [written(**output) for output in outputs]
    assert max(sizes) < OUTPUT
    assert sum(sizes) < 4 * OUTPUT
