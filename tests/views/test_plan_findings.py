"""What lint found, beside the statements of a plan: in text, HTML, Markdown and JSON."""

from __future__ import annotations

from dataclasses import replace

from fsapi_nb.checks.lint import Reading, ScriptReader, lint
from fsapi_nb.checks.settings import LintSettings
from fsapi_nb.views.results import FileResult, PlanResult
from tests.views.planned import CHANGE, planned

SQL = """\
-- UP
ALTER TABLE orders ADD COLUMN state text;
CREATE INDEX ON orders (token);
UPDATE orders SET state = 'new';
-- DOWN
ALTER TABLE orders DROP COLUMN state;
"""
ADVICE = "lint: CREATE INDEX CONCURRENTLY lets writes go on; it runs in a step of its own (require-concurrent-index-creation)"


def linted(files: dict[str, str], most: int | None = None) -> PlanResult:
    """A plan with what lint finds in it, without squawk."""
    plan = planned(files)
    reading = Reading(plan.plan, plan.expected)
    return replace(plan, lint=lint([reading], LintSettings(), ScriptReader(None, 18), most))


def test_what_to_do_instead_stands_below_the_statement() -> None:
    """Of what is to stop at; the others are counted, with the verb that shows them."""
    lines = linted({CHANGE: SQL}).lines()
    below = lines.index(next(line for line in lines if "create index on orders" in line)) + 1
    said = " ".join(line.strip() for line in lines[below:])
    assert said.startswith(f"{ADVICE} 4  update all rows of orders")
    assert "  ! lint: 1 finding to stop at, 2 warnings: `sapi migrate:lint` shows each" in lines
    assert "%migrate lint" in repr(linted({CHANGE: SQL}))


def test_html_and_markdown_say_the_same() -> None:
    """In the cell of what the statement does."""
    result = linted({CHANGE: SQL})
    assert f"create index on orders (token)\n{ADVICE}" in result.html()
    assert f"create index on orders (token)<br>{ADVICE}" in result.to_markdown()
    assert "2 warnings: `sapi migrate:lint` shows each" in result.to_markdown()


def test_a_full_plan_has_it_above_the_sql() -> None:
    """Each statement with its SQL, and what to do instead before it."""
    lines = [line.strip() for line in linted({CHANGE: SQL}).full().lines()]
    assert lines.index("CREATE INDEX ON orders (token)") - lines.index(ADVICE[: ADVICE.rindex(" (")]) == 2


def test_a_cell_says_it_too() -> None:
    """What `%%migration` shows of its plan."""
    shown = FileResult(CHANGE, "created", plan=linted({CHANGE: SQL})).lines()
    assert any(line.strip().startswith("lint: CREATE INDEX CONCURRENTLY") for line in shown)
    assert "  ! lint: 1 finding to stop at, 2 warnings: `sapi migrate:lint` shows each" in shown


def test_json_has_every_finding() -> None:
    """Folded ones and notes, too."""
    found = linted(
        {CHANGE: f"{SQL}".replace("-- UP", "-- UP\nCREATE TABLE n (x int REFERENCES orders); DROP TABLE n;")}
    )
    said = [(each["level"], each["rule"], each["folded"]) for each in found.to_json()["findings"]]
    assert ("stop", "ban-drop-table", "on what the same file makes") in said
    assert ("note", "foreign-key-without-index", None) in said


def test_the_down_of_a_file_is_not_looked_at() -> None:
    """It drops what UP has made: a plan says what is lost."""
    found = linted({CHANGE: "-- UP\nALTER TABLE orders ADD COLUMN state text;\n-- DOWN\nDROP TABLE orders;\n"})
    assert found.lint.findings == ()


def test_a_long_plan_says_what_was_not_looked_at() -> None:
    """It takes no longer than a short one, and names the verb that looks at all."""
    found = linted({f"2026_01_02_00_0{number}_x.sql": SQL for number in range(5)}, most=3)
    assert len(found.lint.names) == 3
    assert any("lint has not looked at 2 more migrations: `sapi migrate:lint`" in line for line in found.lines())


def test_hostile_rules_and_names_stay_in_their_place() -> None:
    """What a linter says is text of others."""
    found = linted({CHANGE: "-- UP\nCREATE INDEX ON orders (token);\n"})
    stop = replace(found.lint.findings[0], help="</td><script>\x1b[2J", rule="a|b`")
    shown = replace(found, lint=replace(found.lint, findings=(stop,)))
    assert "\x1b" not in "".join(shown.lines())
    assert "<script>" not in shown.html()
    assert "\x1b" not in shown.to_markdown()
