"""A cell's file changes only with what the cell says happening: refused, failed and killed runs leave it as it was."""

from __future__ import annotations

import datetime
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from fsapi_nb import Migrator
from fsapi_nb.errors import (
    AssertionViolated,
    ConfigurationError,
    ConfirmationRequired,
    Drifted,
    FsapiError,
    Interrupted,
    Irreversible,
    Locked,
    PartlyApplied,
    PlanChanged,
    StatementFailed,
)
from fsapi_nb.events import Event, StepStarted
from fsapi_nb.folder.read import read_folder
from fsapi_nb.verbs.draft import stage
from tests.conftest import Project

NAME = "2026_02_01_10_00_a"
UP = "-- UP\nCREATE TABLE a (id int);\n"
DOWN = "-- DOWN\nDROP TABLE a;\n"


def texts(project: Project) -> dict[str, str]:
    """Every file of the folder with its text, drafts included."""
    return {file.name: file.read_text() for file in project.folder.iterdir()}


def refused(project: Project, kind: type[BaseException], text: str, name: str = NAME, **options: bool) -> str:
    """What is said of a cell that is refused; its folder is as it was."""
    before = texts(project)
    with pytest.raises(kind) as caught:
        project.migrator(max_wait=0.1, lock_timeout="100ms").write(name, text, **options)
    assert texts(project) == before
    return str(caught.value)


def is_well(project: Project) -> bool:
    """Whether nothing is pending, drifted or half-way."""
    return not project.migrator().status().attention


# -- what is refused or fails
# -------------------------------------------------------------------------------------------


def test_a_redo_that_is_refused_writes_nothing(project: Project) -> None:
    """Its UP differs and what ran has no DOWN: irreversible, and not drifted afterwards."""
    project.migrator().write(NAME, UP, apply=True)
    said = refused(project, Irreversible, f"-- UP\nCREATE TABLE a (id bigint);\n{DOWN}", redo=True)
    assert "The cell's file was not written." in said
    assert is_well(project)
    assert project.migrator().migrate().done == ()


def test_a_redo_whose_up_fails_writes_nothing(project: Project) -> None:
    """The server refuses the new text: file, table and history are those of the old one."""
    project.migrator().write(NAME, UP + DOWN, apply=True)
    said = refused(project, StatementFailed, f"-- UP\nCREATE TABLE a (id intt);\n{DOWN}", redo=True)
    assert "The cell's file was not written." in said
    assert is_well(project)


def test_an_apply_that_the_drift_of_another_file_stops_writes_nothing(project: Project) -> None:
    """Neither a new file nor a changed one, and the error says so."""
    other = project.write("other", "CREATE TABLE other (id int);")
    project.migrator().migrate()
    project.write_text(other, "-- UP\nCREATE TABLE other (id bigint);\n")
    assert "The cell's file was not written." in refused(project, Drifted, UP, apply=True)
    project.write_text(f"{NAME}.sql", "-- UP\nSELECT 1;\n")
    refused(project, Drifted, UP, apply=True)
    refused(project, Drifted, UP, apply=True, name="a")


def test_an_apply_behind_a_pending_file_that_fails_writes_nothing(project: Project) -> None:
    """What was applied before it stays applied; the cell's own migration has not begun."""
    first = project.write("first", "CREATE TABLE first (id int);")
    bad = project.write("bad", "SELECT 1 / 0;")
    refused(project, StatementFailed, UP, apply=True)
    assert project.applied() == [first]
    (project.folder / bad).unlink()
    assert project.migrator().write(NAME, UP, apply=True).action == "created"


def test_an_apply_that_another_runner_or_a_lock_stops_writes_nothing(project: Project) -> None:
    """The advisory lock is held, then a table: nothing is written either way."""
    project.migrator().write("2026_01_31_00_00_t", "-- UP\nCREATE TABLE t (id int);\n", apply=True)
    text = "-- UP\nALTER TABLE t ADD b int;\n-- DOWN\nALTER TABLE t DROP b;\n"
    held, go_on = threading.Event(), threading.Event()

    def hold(event: Event) -> None:
        if isinstance(event, StepStarted):
            held.set()
            go_on.wait(60)

    project.write("slow", "SELECT 1;", name="2026_01_31_00_01_slow.sql")
    runner = threading.Thread(target=project.migrator(observers=[hold]).migrate)
    runner.start()
    held.wait(60)
    try:
        refused(project, Locked, text, apply=True)
    finally:
        go_on.set()
        runner.join()
    with psycopg.connect(project.database) as other:
        other.execute("LOCK TABLE t IN ACCESS EXCLUSIVE MODE")
        refused(project, StatementFailed, text, apply=True)
    project.migrator().write(NAME, text, apply=True)
    assert is_well(project)


def test_a_check_that_does_not_hold_writes_nothing(project: Project) -> None:
    """The migration was undone, and so the file is not there."""
    refused(project, AssertionViolated, f"{UP}-- CHECK: it has rows\nSELECT false;\n", apply=True)
    assert not project.has("a")


def test_a_protected_database_without_a_yes_keeps_its_files(project: Project) -> None:
    """For a new file, a changed one, and a DOWN that would be recorded."""
    (project.root / "pyproject.toml").write_text(
        f'[tool.fsapi_nb.databases.prod]\nurl = "{_url(project.database)}"\nprotected = true\n'
    )
    project.migrator(database="prod").write(NAME, UP, apply=True, yes=True)
    for name, text, options in (
        ("2026_03_01_00_00_b", "-- UP\nCREATE TABLE b ();\n", {"apply": True}),
        (NAME, f"-- UP\nCREATE TABLE a (id bigint);\n{DOWN}", {"redo": True}),
        (NAME, UP + DOWN, {}),
    ):
        before = texts(project)
        with pytest.raises(ConfirmationRequired) as caught:
            project.migrator(database="prod").write(name, text, **options)
        assert caught.value.state == "unchanged; the file was not written."
        assert texts(project) == before


def _url(database: str) -> str:
    parts = conninfo_to_dict(database)
    return f"postgresql:///{parts['dbname']}?" + "&".join(
        f"{key}={value}" for key, value in parts.items() if key != "dbname"
    )


def test_an_interrupt_writes_nothing(project: Project) -> None:
    """The run is cancelled and undone, and the file is not there."""
    timer = threading.Timer(0.0, os.kill, (os.getpid(), signal.SIGINT))

    def strike(event: Event) -> None:
        if isinstance(event, StepStarted):
            timer.start()

    with pytest.raises(Interrupted) as caught:
        project.migrator(observers=[strike]).write(NAME, f"{UP}SELECT pg_sleep(60);\n", apply=True)
    assert "The cell's file was not written." in str(caught.value)
    assert texts(project) == {}


@pytest.mark.parametrize("redo", [False, True])
def test_a_killed_run_writes_nothing(project: Project, redo: bool) -> None:
    """SIGKILL in the middle of the UP: the file is as before, what runs next finds no drift, and the cell works again."""
    if redo:
        project.migrator().write(NAME, UP + DOWN, apply=True)
    before = texts(project)
    text = f"-- UP\nCREATE TABLE a (id bigint);\nSELECT pg_sleep(current_setting('fsapi.nap', true)::int);\n{DOWN}"
    _run_and_kill(project, text, redo=redo)
    assert {name: text for name, text in texts(project).items() if name.endswith(".sql")} == before
    _wait_for_end(project)
    assert not project.migrator().pending().statuses
    project.migrator(settings={"nap": "0"}).write(NAME, text, apply=not redo, redo=redo)
    assert is_well(project)
    assert (project.folder / f"{NAME}.sql").read_text() == text


@pytest.mark.parametrize("redo", [False, True])
def test_a_run_that_is_killed_behind_its_commit_is_finished_by_the_same_cell(project: Project, redo: bool) -> None:
    """The text is applied and the file does not say so yet: the cell writes it, and runs nothing twice."""
    if redo:
        project.migrator().write(NAME, UP + DOWN, apply=True)
    before = texts(project)
    text = f"-- UP\nCREATE TABLE a (id bigint);\n{DOWN}"
    code = (
        "import os, signal, sys; from fsapi_nb import Migrator; from fsapi_nb.verbs.draft import Draft\n"
        "Draft.publish = lambda draft: os.kill(os.getpid(), signal.SIGKILL)\n"
        "Migrator(*sys.argv[1:3]).write(*sys.argv[3:5], apply=sys.argv[5] == '0', redo=sys.argv[5] == '1')"
    )
    words = [project.database, str(project.folder), NAME, text, str(int(redo))]
    assert subprocess.run([sys.executable, "-c", code, *words], check=False).returncode == -signal.SIGKILL
    assert {name: text for name, text in texts(project).items() if name.endswith(".sql")} == before
    assert project.value("SELECT data_type FROM information_schema.columns WHERE table_name = 'a'") == "bigint"
    result = project.migrator().write(NAME, text, apply=not redo, redo=redo)
    assert (result.action, result.run) == ("updated" if redo else "created", None)
    assert is_well(project)


def _run_and_kill(project: Project, text: str, *, redo: bool) -> None:
    """The cell in a process of its own, which is killed in its `pg_sleep`."""
    code = (
        "import sys; from fsapi_nb import Migrator\n"
        "Migrator(sys.argv[1], sys.argv[2], settings={'nap': '60'}).write("
        "sys.argv[3], sys.argv[4], apply=sys.argv[5] == '0', redo=sys.argv[5] == '1')"
    )
    words = [project.database, str(project.folder), NAME, text, str(int(redo))]
    with subprocess.Popen([sys.executable, "-c", code, *words]) as process:
        while not _sleeps(project):
            assert process.poll() is None
            time.sleep(0.02)
        process.kill()


def _sleeps(project: Project) -> bool:
    query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()"
    return bool(project.value(query))


def _wait_for_end(project: Project) -> None:
    """End the session of a process that is gone, which sleeps on."""
    while _sleeps(project):
        project.rows(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE wait_event = 'PgSleep' AND datname = current_database()"
        )
        time.sleep(0.02)


# -- what ends half-way
# -------------------------------------------------------------------------------------------------

STEPS = f"{UP}CREATE INDEX CONCURRENTLY a_id ON a (id);\nCREATE TABLE a ();\n"


def test_a_cell_that_calls_a_procedure_is_planned_by_what_that_does(project: Project) -> None:
    """One that is in the database may commit, which is looked at while there is a connection."""
    project.rows("CREATE PROCEDURE go() LANGUAGE plpgsql AS $$ BEGIN COMMIT; END $$")
    result = project.migrator().write("a", "-- UP\nCREATE TABLE t ();\nCALL go();\n", apply=True)
    assert (result.applied, len(project.applied())) == (True, 1)


def test_a_run_that_ends_half_way_leaves_what_ran(project: Project) -> None:
    """Steps of it are committed, so that its file must be there: mended, the cell goes on from it."""
    with pytest.raises(StatementFailed) as caught:
        project.migrator().write("a", STEPS, apply=True)
    (name,) = texts(project)
    assert texts(project) == {name: STEPS}
    assert "The cell's file has its text." in str(caught.value)
    mended = STEPS.replace("TABLE a ()", "TABLE b ()")
    assert project.migrator().write("a", mended, apply=True).action == "updated"
    assert project.applied() == [name]
    assert is_well(project)


def test_an_edit_of_a_step_that_is_committed_is_not_written(project: Project) -> None:
    """The file goes on saying what ran, with and without --apply."""
    with pytest.raises(StatementFailed):
        project.migrator().write(NAME, STEPS, apply=True)
    edited = STEPS.replace("id int", "id bigint")
    assert "take the edit back" in refused(project, PartlyApplied, edited, apply=True)
    refused(project, PartlyApplied, edited)


def test_a_redo_that_rolled_back_and_failed_leaves_the_text_that_is_to_come(project: Project) -> None:
    """The old one is gone for good, so the file says what is pending now."""
    old = f"-- UP\nCREATE TABLE a (id int);\nCREATE INDEX CONCURRENTLY a_id ON a (id);\n{DOWN}"
    project.migrator().write(NAME, old, apply=True)
    new = old.replace("id int", "id intt")
    with pytest.raises(StatementFailed) as caught:
        project.migrator().write(NAME, new, redo=True)
    assert "The cell's file has its text." in str(caught.value)
    assert texts(project) == {f"{NAME}.sql": new}
    assert not project.has("a")


@pytest.mark.parametrize(
    "text",
    [
        "-- UP\nCREATE INDEX CONCURRENTLY nowhere_i ON nowhere (i);\n",
        "-- UP\nVACUUM nowhere;\n",
        "-- UP\nDROP INDEX CONCURRENTLY nowhere_i;\nCREATE TABLE t ();\n",
    ],
)
def test_a_step_outside_of_a_transaction_that_left_nothing_leaves_no_file(project: Project, text: str) -> None:
    """The server refused it at once; the same cell, once it can run, is the same migration."""
    assert "The cell's file was not written." in refused(project, StatementFailed, text, name="a", apply=True)
    project.rows("CREATE TABLE nowhere (i int)")
    project.rows("CREATE INDEX nowhere_i ON nowhere (i)" if "DROP" in text else "SELECT 1")
    assert project.migrator().write("a", text, apply=True).action == "created"
    assert is_well(project)
    assert project.value("SELECT count(DISTINCT migration) FROM migrations_journal") == 1


def test_a_step_outside_of_a_transaction_that_left_something_leaves_its_file(project: Project) -> None:
    """An invalid index is there, which the next run knows by the file."""
    project.rows_in_session("CREATE TABLE t (i int)", "INSERT INTO t VALUES (1), (1)")
    text = "-- UP\nCREATE UNIQUE INDEX CONCURRENTLY t_i ON t (i);\n"
    with pytest.raises(StatementFailed):
        project.migrator().write("a", text, apply=True)
    assert list(texts(project).values()) == [text]
    project.rows("DELETE FROM t")
    assert project.migrator().write("a", text, apply=True).action == "unchanged"
    assert is_well(project)


# -- another program at the same file
# -----------------------------------------------------------------------------------


def test_a_file_that_is_edited_while_the_cell_runs_is_not_overwritten(project: Project) -> None:
    """What ran is in the database; the editor's text stays, and what differs is drift to be looked at."""
    project.migrator().write(NAME, "-- UP\nSELECT 1;\n")

    def edit(event: Event) -> None:
        if isinstance(event, StepStarted):
            project.write_text(f"{NAME}.sql", "-- UP\nSELECT 2;\n")

    result = project.migrator(observers=[edit]).write(NAME, UP, apply=True)
    assert result.action == "kept"
    assert result.headline() == f"{NAME} is applied; its file was not written: another program changed it meanwhile."
    assert texts(project) == {f"{NAME}.sql": "-- UP\nSELECT 2;\n"}
    assert project.has("a")


@pytest.mark.parametrize("before", [None, "-- UP\nSELECT 1;\n"])
def test_a_file_that_changes_between_plan_and_writing_is_not_overwritten(project: Project, before: str | None) -> None:
    """Edited, made or deleted by an editor: the cell is refused."""
    if before:
        project.write_text(f"{NAME}.sql", before)
    planned = read_folder(project.folder)
    project.write_text(f"{NAME}.sql", "-- UP\nSELECT 2;\n")
    with pytest.raises(PlanChanged), stage(project.folder, f"{NAME}.sql", NAME, UP, planned=planned, now=_now()):
        pass
    with stage(project.folder, f"{NAME}.sql", NAME, UP, planned=read_folder(project.folder), now=_now()) as draft:
        (project.folder / f"{NAME}.sql").unlink()
        assert not draft.publish()
    assert texts(project) == {}


def test_a_published_text_is_taken_back_exactly(project: Project) -> None:
    """The file's bytes and rights are those from before; a new file is gone."""
    file = project.folder / f"{NAME}.sql"
    file.write_bytes(b"-- UP\r\nSELECT 1;\r\n")
    file.chmod(0o640)
    with stage(project.folder, file.name, NAME, UP, planned=read_folder(project.folder), now=_now()) as draft:
        assert draft.publish()
        draft.withdraw()
    assert file.read_bytes() == b"-- UP\r\nSELECT 1;\r\n"
    assert file.stat().st_mode & 0o777 == 0o640
    with stage(project.folder, None, "new", UP, planned=read_folder(project.folder), now=_now()) as draft:
        assert draft.publish()
        draft.withdraw()
    assert list(texts(project)) == [file.name]


def test_a_disk_without_room_is_found_before_anything_runs(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """The text is on the disk before the database changes."""

    def fsync(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fsync)
    refused(project, ConfigurationError, UP, apply=True)
    assert not project.has("a")


def test_a_refused_cell_makes_no_folder(project: Project, tmp_path: Path) -> None:
    """The first cell of a project fails: there is no empty folder afterwards."""
    folder = tmp_path / "elsewhere"
    with pytest.raises(StatementFailed):
        Migrator(project.database, folder).write("a", "-- UP\nSELECT 1 / 0;\n", apply=True)
    assert not folder.exists()


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


# -- a DOWN that is added
# -----------------------------------------------------------------------------------------------


def test_a_cell_adds_a_down_to_what_is_applied(project: Project) -> None:
    """Its UP is as it ran, so the DOWN is recorded and journalled, nothing is run, and it can be rolled back."""
    project.migrator().write(NAME, UP, apply=True)
    project.rows("INSERT INTO a VALUES (7)")
    result = project.migrator().write(NAME, UP + DOWN)
    assert (result.action, result.applied) == ("updated", True)
    assert result.lines() == [
        f"{NAME} was updated and is applied.",
        f"Its DOWN is recorded on {project.label}; nothing was run.",
    ]
    assert project.rows("SELECT id FROM a") == [(7,)]
    assert (
        project.value("SELECT event || ' ' || state FROM migrations_journal ORDER BY id DESC LIMIT 1") == "repair done"
    )
    assert is_well(project)
    (project.folder / f"{NAME}.sql").unlink()
    assert project.migrator().rollback().done
    assert not project.has("a")


@pytest.mark.parametrize("options", [{"apply": True}, {}])
def test_the_advice_of_an_irreversible_redo_leads_on(project: Project, options: dict[str, bool]) -> None:
    """Refused for want of a DOWN; the DOWN is added to the UP as it ran; then the redo works."""
    project.migrator().write(NAME, UP, apply=True)
    new = f"-- UP\nCREATE TABLE a (id bigint);\n{DOWN}"
    said = refused(project, Irreversible, new, redo=True)
    assert "add a DOWN below its UP, leave the UP as it ran" in said
    project.migrator().write(NAME, UP + DOWN, **options)
    assert project.migrator().write(NAME, new, redo=True).run is not None
    assert project.value("SELECT pg_typeof(id)::text FROM (SELECT 1) s LEFT JOIN a ON true") == "bigint"
    assert is_well(project)


def test_a_redo_with_a_down_that_is_new_uses_it(project: Project) -> None:
    """The UP is as it ran: the cell has all that a redo takes."""
    project.migrator().write(NAME, UP, apply=True)
    result = project.migrator().write(NAME, UP + DOWN, redo=True)
    assert result.run is not None
    assert [done.direction.value for done in result.run.done] == ["down", "up"]
    assert is_well(project)


def test_migrate_records_a_down_that_a_file_has_gained(project: Project) -> None:
    """No drift, no detour: `status` says it, `plan` shows it, `migrate` records it, and once only."""
    name = project.write("a", "CREATE TABLE a (id int);")
    project.migrator().migrate()
    project.write_text(name, UP + DOWN)
    (status,) = project.migrator().status().statuses
    assert (status.state.value, status.note) == (
        "applied",
        "its file has gained a DOWN, which the next `sapi migrate` records",
    )
    assert project.migrator().plan().headline().startswith("Plan: record 1 DOWN, running nothing on ")
    result = project.migrator().migrate()
    assert result.lines() == [
        f"Nothing to do on {project.label}: everything is applied.",
        f"  ! the file {name} has gained a DOWN: it is recorded, and nothing is run",
    ]
    assert project.migrator().migrate().notes == ()
    assert project.value("SELECT count(*) FROM migrations_journal WHERE event = 'repair'") == 1
    assert project.rows("SELECT down FROM migrations_scripts") == [("DROP TABLE a;\n",)]


@pytest.mark.parametrize("verb", ["rollback", "redo"])
def test_a_down_that_a_file_has_gained_is_used_at_once(project: Project, verb: str) -> None:
    """A rollback or redo asks for no `migrate` or `repair` before it."""
    name = project.write("a", "CREATE TABLE a (id int);")
    project.migrator().migrate()
    project.write_text(name, UP + DOWN)
    act: Callable[[], object] = getattr(project.migrator(), verb)
    act()
    assert project.has("a") is (verb == "redo")


@pytest.mark.parametrize(
    "text",
    [
        f"-- UP\nCREATE TABLE a (id bigint);\n{DOWN}",
        UP + "-- DOWN\nDROP TABEL a;\n",
        UP + "-- DOWN\n-- (the SQL that takes it back; without this section the migration is irreversible)\n",
        UP + "-- CHECK: no rows\nTABLE a;\n" + DOWN,
    ],
    ids=["its UP differs", "a broken DOWN", "the template's DOWN", "a check as well"],
)
def test_anything_else_is_drift(project: Project, text: str) -> None:
    """Only a DOWN that could run, below an UP and checks that are what ran, is taken without a word."""
    name = project.write("a", "CREATE TABLE a (id int);")
    project.migrator().migrate()
    project.write_text(name, text)
    with pytest.raises(FsapiError) as caught:
        project.migrator().migrate()
    assert isinstance(caught.value, Drifted)


def test_a_check_stays_where_it_is_when_a_down_is_added(project: Project) -> None:
    """The checks of a migration are part of what ran."""
    name = project.write("a", "CREATE TABLE a (id int);\n-- CHECK: no rows\nTABLE a;")
    project.migrator().migrate()
    project.write_text(name, f"{UP}-- CHECK: no rows\nTABLE a;\n{DOWN}")
    assert project.migrator().migrate().notes
    assert is_well(project)
