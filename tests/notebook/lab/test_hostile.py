"""Names and texts that would be markup, script, formula or a terminal's control, wherever we show them: only text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo

from tests.notebook.lab.browser import wait_for
from tests.notebook.lab.conftest import LabProject, OpenPage
from tests.notebook.lab.live import LivePanel

IMAGE = "<img src=x onerror=alert(1)>"
SCRIPT = "</script><script>alert(1)</script>"
OTHERS = "**bold** [link](http://example.com) `code` $x^2$ \\(y\\) \x1b[31mred\x1b[0m \u202egnp.exe"
HOSTILE = f"{IMAGE} {SCRIPT} {OTHERS}"
LONG = "x" * 5000
# Elements of ours that only markup in a text could have made.
MADE = "() => document.querySelectorAll('.fsapi img, .fsapi script, .jp-OutputArea img[src=x], .fsapi mjx-container').length"
FORMULAS = "() => document.querySelectorAll('.jp-OutputArea mjx-container, .jp-OutputArea .MathJax').length"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def test_texts_of_others_are_text_wherever_they_are_shown(
    lab_project: LabProject, open_page: OpenPage, screenshots: Path
) -> None:
    """In panel, detail, progress, blockers, results, errors and twins: shown as written, and nothing runs or loads."""
    table = f'"{IMAGE[:30]}"'
    refused = "2026_01_01_00_02_<img src=x onerror=alert(1)> $x^2$ **b** \u202egnp.sql"
    lab_project.write_text(refused, f"-- UP\nSELECT 1; -- {HOSTILE}\n")
    first = "2026_01_01_00_00_first.sql"
    body = f'-- {HOSTILE}\nCREATE TABLE {table} ("{SCRIPT.replace("/", "")[:40]}" text);\n-- {LONG}\n'
    body += f"DO $d$ BEGIN RAISE NOTICE '%', {_quoted(HOSTILE)}; PERFORM pg_sleep(1); END $d$;\n"
    body += f"INSERT INTO {table} VALUES ({_quoted(HOSTILE)}), ('{LONG}');\nALTER TABLE {table} ADD COLUMN more int;\n"
    lab_project.write_text(first, f"-- UP\n{body}\n-- DOWN\nDROP TABLE {table};\n")
    failing = f"DO $d$ BEGIN RAISE EXCEPTION '%', {_quoted(HOSTILE)}; END $d$;"
    lab_project.write("fails", failing, name=f"2026_01_01_00_01_{'long' * 40}.sql")
    cells = ("%load_ext fsapi_nb", "%migrate panel", "%migrate blockers", f"%query SELECT * FROM {table} LIMIT 1")
    panel = LivePanel(open_page(lab_project.notebook(*cells, "%migrate")))
    page, opened = panel.page, panel.opened
    opened.run(0)
    opened.run(1)
    panel.show(again=False)
    assert "<img src=x onerror=alert(1)> $x^2$ **b** \\u202egnp.sql" in panel.text(".fsapi-name")
    page.locator(".fsapi-item").last.click()
    panel.await_text(".fsapi-detail", IMAGE)
    (lab_project.folder / refused).unlink()
    page.locator(".fsapi-item").first.click()
    panel.await_text(".fsapi-detail", SCRIPT)
    assert "\\x1b[31mred" in panel.text(".fsapi-detail")

    lab_project.rows(f'CREATE TABLE {table} ("{SCRIPT.replace("/", "")[:40]}" text)')
    body = body.replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS")
    lab_project.write_text(first, f"-- UP\n{body}\n-- DOWN\nDROP TABLE {table};\n")
    panel.await_states("pending", "pending")
    with psycopg.connect(make_conninfo(lab_project.database, application_name=IMAGE)) as holder:
        holder.execute(f"SELECT count(*), {_quoted(SCRIPT)} FROM {table}".encode())
        panel.ask("next")
        panel.answer()
        panel.await_text(".fsapi-notices", IMAGE)
        panel.await_text(".fsapi-blockers", IMAGE)
        panel.await_text(".fsapi-blockers .fsapi-below", SCRIPT)
        page.screenshot(path=screenshots / "hostile.png")
        _nothing_ran(panel)
        holder.rollback()
    panel.await_text(".fsapi-said", IMAGE)
    opened.run(2)
    panel.run("next")
    assert IMAGE in panel.text(".fsapi-error")
    opened.run(3)
    assert IMAGE in opened.rendered("c3")
    opened.run(4)
    assert IMAGE in opened.rendered("c4")
    page.screenshot(path=screenshots / "hostile-result.png")
    _nothing_ran(panel)
    wide = (
        "() => document.querySelector('.fsapi-panel').scrollWidth - document.querySelector('.fsapi-panel').clientWidth"
    )
    assert page.evaluate(wide) <= 0

    opened.save()
    page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    alone = open_page(lab_project.root / "work.ipynb", kernel=False)
    wait_for(alone.page, "text => document.body.innerText.includes(text)", arg=IMAGE)
    alone.page.locator(".fsapi-twin").scroll_into_view_if_needed()
    _nothing_ran(LivePanel(alone))


def _nothing_ran(panel: LivePanel) -> None:
    found: dict[str, Any] = {
        "dialogs": panel.opened.dialogs,
        "requests": panel.opened.outside,
        "made": panel.page.evaluate(MADE),
        "formulas": panel.page.evaluate(FORMULAS),
    }
    assert found == {"dialogs": [], "requests": [], "made": 0, "formulas": 0}
