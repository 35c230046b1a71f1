"""The live progress of a cell in a real JupyterLab: it shows whom a run waits for, can be stopped, and leaves no trace."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo

from tests.notebook.lab.browser import Page, wait_for
from tests.notebook.lab.conftest import LabProject, OpenPage
from tests.notebook.lab.live import LivePanel

SLEEPERS = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' AND pid <> pg_backend_pid()"
WAITERS = "SELECT count(*) FROM pg_locks WHERE NOT granted AND pid = {}"


@contextmanager
def _holding(address: str, query: str, application: str) -> Iterator[psycopg.Connection]:
    """Another session that holds what the query locks, in an open transaction."""
    with psycopg.connect(make_conninfo(address, application_name=application)) as connection:
        connection.execute(query.encode())
        yield connection
        connection.rollback()


@contextmanager
def _waiting(address: str, query: str, application: str) -> Iterator[int]:
    """A session that waits for what the query wants; its pid."""
    with closing(psycopg.connect(make_conninfo(address, application_name=application))) as connection:
        connection.pgconn.send_query(query.encode())
        yield connection.info.backend_pid


def _texts(page: Page, cell: int) -> list[str]:
    outputs = page.cells()[cell]["outputs"]
    return ["".join(output["data"].get("text/plain", "")) for output in outputs if "data" in output]


def test_blockers_are_shown_while_they_block_in_a_cell_and_in_the_panel(
    lab_project: LabProject, open_page: OpenPage, screenshots: Path
) -> None:
    """Pid, application, lock and query of who holds it, and who queues behind; gone when it lets go. Retries count."""
    lab_project.rows("CREATE TABLE busy (i int)")
    lab_project.write("busy", "ALTER TABLE busy ADD COLUMN a int; SELECT pg_sleep(2);")
    lab_project.write("again", "ALTER TABLE busy ADD COLUMN b int;", "ALTER TABLE busy DROP COLUMN b;")
    # The lock is waited for in several attempts; the session behind is let through by each of them.
    cells = ("%load_ext fsapi_nb", "%migrate --to busy --lock-timeout 3s", "%migrate panel --lock-timeout 20s")
    panel = LivePanel(open_page(lab_project.notebook(*cells)))
    panel.opened.run(0)
    with _holding(lab_project.database, "SELECT count(*) FROM busy", "reporting tool") as holder:
        panel.opened.run(1, wait=False)
        for text in (str(holder.info.backend_pid), "reporting tool", "ACCESS SHARE", "public.busy", "SELECT count(*)"):
            panel.await_text(".fsapi-blockers .fsapi-blocks", text)
        with _waiting(lab_project.database, "SELECT * FROM busy", "behind us") as pid:
            panel.await_text(".fsapi-blockers .fsapi-waits", "behind us")
            assert str(pid) in panel.text(".fsapi-waits")
            panel.page.set_viewport_size({"width": 800, "height": 900})
            for theme in ("Dark", "Light"):
                panel.opened.use_theme(f"JupyterLab {theme}")
                panel.page.screenshot(path=screenshots / f"{theme.lower()}-progress.png")
            # The pictures may have taken longer than the first attempts.
            panel.await_match(".fsapi-progress", r"tried (1 time|[2-9] times) so far")
    panel.await_no_text(".fsapi-blockers", "reporting tool")
    panel.page.wait_for_selector(".fsapi-progress", state="detached")
    panel.await_text(".jp-OutputArea-output", "Applied 1 migration")  # it goes before the result comes
    (text,) = [text for text in _texts(panel.opened, 1) if text]
    assert text.startswith("Applied 1 migration")
    assert "reporting tool" not in json.dumps(panel.opened.cells()[1]["outputs"])

    panel.opened.run(2)
    panel.show(again=False)
    with _holding(lab_project.database, "SELECT count(*) FROM busy", "reporting tool"):
        panel.ask("next")
        panel.answer()
        panel.await_text(".fsapi-panel .fsapi-blocks", "reporting tool")
    panel.await_text(".fsapi-said", "again.sql")


def test_a_lock_timeout_names_the_blocker(lab_project: LabProject, open_page: OpenPage) -> None:
    """In the error of the cell; `%migrate blockers` shows the queue as a table, and the panel's error has it too."""
    lab_project.rows("CREATE TABLE busy (i int)")
    lab_project.write("busy", "ALTER TABLE busy ADD COLUMN a int;")
    short = "--lock-timeout 3s --max-wait 1"
    page = open_page(
        lab_project.notebook("%load_ext fsapi_nb", f"%migrate {short}", "%migrate blockers", f"%migrate panel {short}")
    )
    page.run(0)
    with _holding(lab_project.database, "LOCK busy", "reporting tool"):
        page.run(1)
        (error,) = [output for output in page.cells()[1]["outputs"] if output["output_type"] == "error"]
        assert "reporting tool" in error["evalue"] + "".join(error["traceback"])
        with _waiting(lab_project.database, "SELECT * FROM busy", "behind us") as pid:
            while not lab_project.value(WAITERS.format(pid)):
                pass
            page.run(2)
        (table,) = page.cells()[2]["outputs"]
        assert "reporting tool" in "".join(table["data"]["text/html"])
        assert "<table" in "".join(table["data"]["text/html"])
        page.run(3)
        panel = LivePanel(page).show(again=False)
        panel.run("next")
        assert "reporting tool" in panel.text(".fsapi-error")
        assert "pid" in panel.text(".fsapi-error")


def test_a_cell_can_be_interrupted_and_run_again(lab_project: LabProject, open_page: OpenPage) -> None:
    """The statement is gone from the server, the cell says what was rolled back, and only that is kept in it."""
    slow = lab_project.write("slow", "CREATE TABLE slow (); SELECT pg_sleep(60);")
    page = open_page(lab_project.notebook("%load_ext fsapi_nb", "%migrate"))
    page.run(0)
    page.run(1, wait=False)
    page.page.wait_for_selector(".fsapi-progress:has-text('pg_sleep'), .fsapi-progress:has-text('SELECT')")
    page.command("notebook:interrupt-kernel")
    page.page.wait_for_selector(".fsapi-progress", state="detached")
    wait_for(page.page, "() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.status === 'idle'")
    (error,) = [output for output in page.cells()[1]["outputs"] if output["output_type"] == "error"]
    assert "rolled back" in error["evalue"] + "".join(error["traceback"])
    assert lab_project.value(SLEEPERS) == 0
    lab_project.write_text(slow, "-- UP\nCREATE TABLE slow ();\n")
    page.run(1)
    assert [text for text in _texts(page, 1) if text] == [
        f"Applied 1 migration on {lab_project.label}.\n  ↑ 2026_01_01_00_00_slow.sql\n      created table slow (0 columns)"
    ]
    assert {kind for output in page.cells()[1]["outputs"] for kind in output["data"]} == {"text/plain", "text/html"}
