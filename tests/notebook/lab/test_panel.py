"""The live panel in a real JupyterLab, clicked as a user would: it shows, asks, runs once, and tells what happened."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests.notebook.lab.conftest import LabProject, OpenPage
from tests.notebook.lab.live import CELLS, LivePanel

ROUNDS = """DO $$ BEGIN FOR i IN 1..4 LOOP RAISE NOTICE 'round %', i; PERFORM pg_sleep(0.6); END LOOP; END $$;
CREATE TABLE rounds (i int);
INSERT INTO rounds SELECT 1;"""
# A fault that nobody thought of, in what a click does.
BREAK = """from fsapi_nb.notebook.panel import Panel
def broken(self, what): raise ZeroDivisionError("<b>not thought of</b>")
kept, Panel._plan = Panel._plan, broken"""
SLEEPERS = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' AND pid <> pg_backend_pid()"
OTHERS_OUT = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE pid <> pg_backend_pid() AND datname = current_database()"""


def _panel(project: LabProject, open_page: OpenPage, *more: str, name: str = "work.ipynb") -> LivePanel:
    return LivePanel(open_page(project.notebook(*CELLS, *more, name=name))).show()


def test_a_click_shows_the_plan_runs_it_and_tells_what_happened(lab_project: LabProject, open_page: OpenPage) -> None:
    """Apply next asks first; bar, notices and list follow the run; Roll back last says what is lost, and asks twice."""
    lab_project.write("rounds", ROUNDS, "DROP TABLE rounds;")
    lab_project.write("other", "CREATE TABLE other ();", "DROP TABLE other;")
    panel = _panel(lab_project, open_page)
    panel.await_states("pending", "pending")
    panel.ask("next")
    assert "_rounds.sql" in panel.text(".fsapi-proposal")
    assert lab_project.applied() == []
    panel.answer()
    panel.await_text(".fsapi-notices", "round 2")
    assert "step 1 of 1" in panel.text(".fsapi-progress-part")
    panel.await_button("next", off=True)
    panel.await_states("applied", "pending")
    panel.await_text(".fsapi-said", "_rounds.sql")
    user = lab_project.value("SELECT current_user")
    assert re.search(rf"\d{{4}}-\d\d-\d\d \d\d:\d\d\s+{user}", panel.text(".fsapi-item"))
    assert not panel.page.locator(".fsapi-twin").is_visible(), "it would only say the same again"

    panel.ask("back")
    panel.page.locator("[data-run]").dblclick()  # the second click was not meant for the second question
    panel.await_text(".fsapi-question", "rounds")
    assert lab_project.has("rounds")
    assert panel.text("[data-run]") == f"Yes, run it on {lab_project.value('SELECT current_database()')}"
    panel.answer()
    panel.await_states("pending", "pending")
    assert not lab_project.has("rounds")


def test_a_protected_database_is_marked_and_asks_twice(
    lab_project: LabProject, open_page: OpenPage, screenshots: Path
) -> None:
    """Red head, a badge, and a second question although nothing would be lost; a lost connection is told there too."""
    table = f'database = "live"\n[tool.fsapi_nb.databases.live]\nurl = "{lab_project.database}"\nprotected = true\n'
    (lab_project.root / "pyproject.toml").write_text(f"[tool.fsapi_nb]\n{table}", encoding="utf-8")
    lab_project.write("a", "CREATE TABLE a (i int);", "DROP TABLE a;")
    panel = _panel(lab_project, open_page)
    assert panel.text(".fsapi-badge") == "PROTECTED"
    assert panel.page.locator(".fsapi-head").evaluate("e => getComputedStyle(e).backgroundColor") == "rgb(179, 38, 30)"
    panel.ask("next")
    panel.answer()
    panel.await_text(".fsapi-question", "protected")
    assert lab_project.applied() == []
    panel.answer()
    panel.await_states("applied")
    panel.ask("back")
    panel.answer()
    panel.await_text(".fsapi-question", "This is taken away:\ntable a with its 0 rows")
    panel.look(screenshots, "question")
    lab_project.rows(OTHERS_OUT)
    panel.await_text(".fsapi-head", "not connected")
    panel.await_no_text(".fsapi-head", "not connected")


def test_a_run_that_a_click_started_can_be_interrupted(lab_project: LabProject, open_page: OpenPage) -> None:
    """Interrupting the kernel ends the statement on the server; the panel says what is left, and goes on working."""
    lab_project.write("done", "CREATE TABLE done ();", "DROP TABLE done;")
    slow = lab_project.write("slow", "CREATE TABLE slow (); SELECT pg_sleep(60);", "DROP TABLE slow;")
    panel = _panel(lab_project, open_page)
    panel.run("next")
    panel.await_states("applied", "pending")
    panel.ask("all")
    panel.answer()
    panel.await_text(".fsapi-progress-part", slow)
    panel.opened.command("notebook:interrupt-kernel")
    panel.await_text(".fsapi-error", "rolled back")
    assert lab_project.value(SLEEPERS) == 0
    assert not lab_project.has("slow")
    panel.await_button("all", off=False)
    lab_project.write_text(slow, "-- UP\nCREATE TABLE slow ();\n")
    panel.run("all")
    panel.await_states("applied", "applied")


def test_two_notebooks_and_others_on_one_database(lab_project: LabProject, open_page: OpenPage) -> None:
    """What anybody applies is shown by every panel, without a click; two at once apply each migration once."""
    for what in "abcdef":
        lab_project.write(what, f"CREATE TABLE {what} ();", f"DROP TABLE {what};")
    lab_project.write("slow", "SELECT pg_sleep(4);")
    one = _panel(lab_project, open_page, name="one.ipynb")
    two = _panel(lab_project, open_page, name="two.ipynb")
    one.run("next")
    two.await_states("applied", *["pending"] * 6)
    lab_project.migrator().migrate(count=1)
    for panel in (one, two):
        panel.await_states(*["applied"] * 2, *["pending"] * 5)
    name = sorted(path.name for path in lab_project.folder.iterdir())[2]
    lab_project.rows(f"INSERT INTO migrations (name) VALUES ('{name}')")  # as fsapi itself does, which notifies nobody
    for panel in (one, two):
        panel.await_states(*["applied"] * 3, *["pending"] * 4)

    one.ask("next")
    two.ask("next")
    one.answer()
    two.answer()
    for panel in (one, two):
        panel.await_states(*["applied"] * 4, *["pending"] * 3)
    assert lab_project.rows("SELECT event FROM migrations_journal WHERE migration LIKE '%_d.sql' ORDER BY id") == [
        ("up",),
        ("schema",),
    ]

    one.ask("all")
    one.answer()
    one.await_text(".fsapi-progress-part", "slow")
    two.await_button("next", off=True)
    two.await_text(".fsapi-head", "at work")
    two.await_states(*["applied"] * 7)
    two.await_button("back", off=False)
    assert lab_project.value("SELECT count(*) = count(DISTINCT name) FROM migrations") is True


def test_clicks_count_once_and_what_goes_wrong_is_said(lab_project: LabProject, open_page: OpenPage) -> None:
    """Double clicks run once; a plan that is none any more runs nothing; errors and faults of ours are shown there."""
    lab_project.write("a", "CREATE TABLE a (); SELECT pg_sleep(0.5);", "DROP TABLE a;")
    second = lab_project.write("b", "CREATE TABLE b ();", "DROP TABLE b;")
    panel = _panel(lab_project, open_page, BREAK, "Panel._plan = kept")
    panel.page.locator("[data-do=next]").dblclick()
    panel.page.wait_for_selector("[data-run]")
    assert panel.page.locator("[data-run]").count() == 1
    panel.page.locator("[data-run]").dblclick()
    panel.await_states("applied", "pending")
    panel.await_text(".fsapi-said", "a.sql")
    assert lab_project.applied() == ["2026_01_01_00_00_a.sql"]

    panel.ask("next")
    lab_project.write_text(second, "-- UP\nCREATE TABLE b (edited int);\n")
    panel.answer()
    panel.await_text(".fsapi-error", "PlanChanged")
    assert not lab_project.has("b")

    lab_project.write_text(second, "-- UP\nSELECT 1/0;\n")
    panel.run("next")
    panel.await_text(".fsapi-error", "division by zero")
    panel.page.locator(".fsapi-error [data-tell]").click()
    panel.await_no_text(".fsapi-error", "division")

    panel.opened.run(2)
    panel.await_button("next", off=False)
    panel.page.locator("[data-do=next]").click()
    panel.await_text(".fsapi-error", "ZeroDivisionError: <b>not thought of</b>")
    panel.opened.run(3)
    panel.ask("next")


def test_all_of_it_can_be_done_with_the_keyboard(lab_project: LabProject, open_page: OpenPage) -> None:
    """Focus goes to the question and back; keys of the list and the search box are not JupyterLab's as well."""
    for what in ("apple", "pear", "plum"):
        lab_project.write(what, f"CREATE TABLE {what} ();", f"DROP TABLE {what};")
    panel = _panel(lab_project, open_page)
    keys = panel.page.keyboard
    panel.await_text(".fsapi-preview", "apple.sql")
    panel.page.locator("[data-do=next]").focus()
    seen = []
    for _ in range(7):
        keys.press("Tab")
        seen.append(panel.focused())
    wanted = [
        "2026_01_01_00_00_apple.sql",
        "Apply all",
        "Roll back last",
        "Refresh",
        "Search migrations",
        "○ pending 3",
    ]
    wanted += ["Migrations"]
    assert [str(word).replace("○ ", "") for word in seen] == [word.replace("○ ", "") for word in wanted]

    panel.page.locator("[data-do=next]").focus()
    for key in ("Enter", "Space"):
        keys.press(key)
        panel.page.wait_for_selector("[data-run]")
        assert panel.focused() == "Run it"
        keys.press("Escape")
        panel.page.wait_for_selector("[data-run]", state="detached")
        assert panel.focused() == "Apply next"
    keys.down("Enter")
    panel.page.wait_for_selector("[data-run]")
    keys.down("Enter")  # still held: that is no yes
    keys.up("Enter")
    assert lab_project.applied() == []
    keys.press("Enter")
    panel.await_states("applied", "pending", "pending")
    assert panel.focused() == "Apply next"

    panel.page.locator(".fsapi-panel input").focus()
    keys.type("ddaaxxpl")
    panel.await_text(".fsapi-body", "0 of 3")
    keys.press("Control+a")
    keys.type("plum")
    panel.await_text(".fsapi-body", "1 of 3")
    keys.press("Control+a")
    keys.press("Delete")
    keys.press("ArrowDown")
    for key, name in (("End", "plum"), ("ArrowUp", "pear"), ("Home", "apple")):
        keys.press(key)
        panel.await_text('.fsapi-item[aria-selected="true"]', name)
        panel.await_text(".fsapi-detail", f"CREATE TABLE {name}")
        selected = panel.page.locator("[role=listbox]").get_attribute("aria-activedescendant")
        assert panel.page.locator(f"#{selected}").get_attribute("role") == "option"
    keys.type("ddaabii")
    assert len(panel.opened.cells()) == len(CELLS)
    unnamed = "() => [...document.querySelectorAll('.fsapi button')].filter(e => !(e.ariaLabel || e.innerText)).length"
    assert panel.page.evaluate(unnamed) == 0
    assert panel.page.locator("[role=alertdialog], .fsapi-error[role=alert]").count() == 2


def test_a_thousand_migrations_are_searched_in_the_page(lab_project: LabProject, open_page: OpenPage) -> None:
    """All are in the list, a word finds one, a filter those of a state; the saved notebook stays small."""
    for number in range(1000):
        name = f"2026_01_{1 + number // 60:02}_00_{number % 60:02}_add_{number}.sql"
        lab_project.write_text(name, f"-- UP\nSELECT {number};\n")
    lab_project.migrator().migrate(count=400)
    panel = _panel(lab_project, open_page)
    assert panel.page.locator(".fsapi-item").count() == 1000
    panel.page.locator(".fsapi-panel input").fill("add_77 applied")
    panel.await_text(".fsapi-body", "1 of 1000")
    panel.page.locator(".fsapi-panel input").fill("")
    panel.page.locator("button[data-state=pending]").click()
    panel.await_text(".fsapi-body", "600 of 1000")
    panel.opened.save()
    saved = panel.opened.cells()[1]["outputs"]
    assert len(json.dumps(saved)) < 256 * 1024
    assert (lab_project.root / "work.ipynb").stat().st_size < 256 * 1024


def test_it_can_be_read_in_both_themes(lab_project: LabProject, open_page: OpenPage, screenshots: Path) -> None:
    """Every text has a contrast of 4.5 : 1 at least, and nothing is wider than the page; people look at the pictures."""
    lab_project.write(
        "fine", "CREATE TABLE fine (i int); -- a comment\nINSERT INTO fine VALUES (1);", "DROP TABLE fine;"
    )
    lab_project.write("gone", "CREATE TABLE gone ();", "DROP TABLE gone;")
    edited = lab_project.write("edited", "CREATE TABLE edited ();", "DROP TABLE edited;")
    lab_project.migrator().migrate()
    lab_project.write("faulty", "CREATE TABEL x ();")
    lab_project.write("new", "SELECT 1/0;")
    (lab_project.folder / "2026_01_01_00_01_gone.sql").unlink()
    lab_project.write_text(edited, "-- UP\nCREATE TABLE edited (more text);\n-- DOWN\nDROP TABLE edited;\n")
    panel = _panel(lab_project, open_page)
    panel.page.locator(".fsapi-item", has_text="edited").click()
    panel.await_text(".fsapi-detail", "differs")
    for width in (800, 1280):
        panel.page.set_viewport_size({"width": width, "height": 1000})
        panel.look(screenshots, f"{width}-detail")
    panel.page.locator("[data-do=next]").click()
    panel.await_text(".fsapi-error", "2026_01_01")
    panel.look(screenshots, "error")
