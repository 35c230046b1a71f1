"""What nothing to do costs: wire round trips, files that are parsed, libraries that are imported. Never time."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest
from psycopg.conninfo import make_conninfo

from fsapi_nb import Migrator
from fsapi_nb.errors import DatabaseError, Drifted
from fsapi_nb.folder import read as folders
from fsapi_nb.folder.cache import ParseCache
from fsapi_nb.folder.read import read_folder
from fsapi_nb.model.status import State
from fsapi_nb.postgres import connect
from fsapi_nb.script import migration as migration_module
from fsapi_nb.script.checksum import checksum
from tests.conftest import Project
from tests.faults.proxy import Proxy


@pytest.fixture
def proxy(project: Project) -> Iterator[Proxy]:
    """A way to the project's database that counts the messages."""
    with tempfile.TemporaryDirectory() as folder:
        proxy = Proxy(project.database, Path(folder))
        yield proxy
        proxy.close()


def trips(proxy: Proxy, act: Callable[[], object]) -> int:
    """How often the client waits for the server, its start included."""
    before = sum(message.is_waited_for for message in proxy.messages)
    act()
    return sum(message.is_waited_for for message in proxy.messages) - before


def through(proxy: Proxy, project: Project) -> Migrator:
    return project.migrator(database=proxy.address)


def fill(project: Project, count: int = 5) -> list[str]:
    return [project.write(f"m{n}", f"CREATE TABLE m{n} (i int);", f"DROP TABLE m{n};") for n in range(count)]


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are parsed from now on; nothing is remembered of the time before."""
    names: list[str] = []
    parse = folders._parse

    def note(file: str, name: str) -> object:
        names.append(name)
        return parse(file, name)

    monkeypatch.setattr(folders, "_parse", note)
    monkeypatch.setattr(folders, "_parsed", ParseCache(1 << 20))
    return names


def test_nothing_to_do_is_a_start_and_two_round_trips(project: Project, proxy: Proxy) -> None:
    """One learns where we are and which tables there are, one what is applied; no lock is taken."""
    fill(project)
    through(proxy, project).migrate()
    assert trips(proxy, through(proxy, project).migrate) == 3
    assert trips(proxy, through(proxy, project).plan) == 3


def test_nothing_to_do_without_files_or_tables_is_no_more(project: Project, proxy: Proxy) -> None:
    """A database without our tables is asked nothing about them; and still nothing is written."""
    assert trips(proxy, through(proxy, project).migrate) == 2
    assert project.value("SELECT to_regclass('migrations') IS NULL")


def test_status_asks_for_the_runner_at_work_besides(project: Project, proxy: Proxy) -> None:
    """However many migrations there are."""
    fill(project, 12)
    migrator = through(proxy, project)
    migrator.migrate(count=1)
    few = trips(proxy, migrator.status)
    migrator.migrate()
    assert trips(proxy, migrator.status) == few == 4


def test_files_that_are_as_they_were_applied_are_not_parsed(project: Project, parsed: list[str]) -> None:
    """Not even by a process that never saw them: the database knows the digest of their bytes."""
    names = fill(project)
    project.migrator().migrate()
    parsed.clear()
    folders._parsed = ParseCache(1 << 20)
    migrator = project.migrator()
    assert migrator.migrate().done == ()
    assert {status.state for status in migrator.status().statuses} == {State.APPLIED}
    assert parsed == []
    new = project.write("new", "CREATE TABLE new (i int);")
    migrator.migrate()
    assert parsed == [new]
    assert project.applied() == [*names, new]


def test_a_file_that_says_the_same_in_other_bytes_is_parsed_once(project: Project, parsed: list[str]) -> None:
    """A comment changes the digest, not the checksum: it is applied; what it was parsed to is remembered."""
    first, *_ = fill(project)
    project.migrator().migrate()
    parsed.clear()
    text = (project.folder / first).read_text() + "-- a comment\n"
    project.write_text(first, text)
    for _ in range(2):
        assert project.migrator().migrate().done == ()
    assert parsed == [first]


def test_a_rollback_of_files_that_are_as_they_were_applied_is_planned_without_a_hash(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their tokens are hashed only where the bytes have changed: the same bytes say the same."""
    names = fill(project)
    project.migrator().migrate()
    project.write_text(names[0], (project.folder / names[0]).read_text() + "-- a comment\n")
    hashed: list[str] = []

    def note(sections: Iterable[Iterable[bytes] | None]) -> str:
        hashed.append(checksum(sections))
        return hashed[-1]

    monkeypatch.setattr(migration_module, "checksum", note)
    monkeypatch.setattr(folders, "_parsed", ParseCache(1 << 20))
    plan = project.migrator().plan("rollback", everything=True)
    assert [step.parts[0].migration.name for step in plan.plan.steps] == names[::-1]
    assert len(hashed) == 1


def test_an_edit_is_found_whatever_the_time_and_the_size_of_the_file_say(project: Project) -> None:
    """The bytes are read at each call; a cache is never believed before them."""
    name = project.write("a", "CREATE TABLE a (i int4);", "DROP TABLE a;")
    file = project.folder / name
    migrator = project.migrator()
    migrator.migrate()
    before = file.stat()
    file.write_text(file.read_text().replace("int4", "int8"))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert file.stat().st_size == before.st_size
    with pytest.raises(Drifted):
        migrator.migrate()
    file.write_text(file.read_text().replace("int8", "int4"))
    assert migrator.migrate().done == ()


def test_a_file_that_changes_between_two_looks_is_not_run(project: Project) -> None:
    """What is planned is what was read: the digest of what is parsed is compared with it."""
    name = project.write("a", "CREATE TABLE a (i int);")
    found = read_folder(project.folder)
    project.write_text(name, "-- UP\nCREATE TABLE b (i int);\n")
    assert found.get(name) is None
    assert "changed while it was being read" in found.problems(name)[0].message
    assert read_folder(project.folder).get(name)


def test_the_digest_is_kept_and_repaired_with_the_checksum(project: Project, parsed: list[str]) -> None:
    """Of baselines, too; an edited file that was accepted is not parsed again."""
    a, b = fill(project, 2)
    project.migrator().migrate(to=a)
    project.migrator().baseline(b)
    project.write_text(a, "-- UP\nCREATE TABLE m0 (i int8);\n")
    project.migrator().repair(a)
    folders._parsed = ParseCache(1 << 20)
    parsed.clear()
    assert project.migrator().migrate().done == ()
    assert parsed == []


def test_tables_of_an_earlier_build_are_read_as_they_are_and_completed_by_who_writes(project: Project) -> None:
    """Without the column the files are parsed, as ever; the next run that has something to do adds it, once."""
    names = fill(project, 2)
    project.migrator().migrate()
    project.rows("ALTER TABLE migrations_scripts DROP COLUMN digest")
    assert project.migrator().migrate().done == ()
    has = "SELECT count(*) FROM pg_attribute WHERE attrelid = 'migrations_scripts'::regclass AND attname = 'digest'"
    assert project.value(has) == 0
    assert {status.state for status in project.migrator().status().statuses} == {State.APPLIED}
    new = project.write("new", "CREATE TABLE new (i int);")
    project.migrator().migrate()
    assert project.value(has) == 1
    known = project.rows("SELECT name FROM migrations_scripts WHERE digest LIKE 'sha256:%'")
    assert known == [(new,)]
    assert project.migrator().migrate().done == ()
    assert project.applied() == [*names, new]


def test_a_pool_of_sessions_gets_none_of_our_settings(project: Project) -> None:
    """What is set is set where our own server process answers, and nowhere else."""
    with connect.connect(project.database, "x") as ours:
        query = connect._set_all_here(ours, {"lock_timeout": "77s"}).as_string(ours)
        ours.execute(query.replace(str(ours.info.backend_pid), "1").encode())
        assert ours.execute("SHOW lock_timeout").fetchone() == ("0",)
        ours.execute(query.encode())
        assert ours.execute("SHOW lock_timeout").fetchone() == ("77s",)


def test_a_setting_that_the_platform_refuses_is_left_out(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """And only that one; a duration that the server refuses is still an error."""
    monkeypatch.setattr(connect, "SETTINGS", {**connect.SETTINGS, connect._CONNECTION_CHECK: "-1"})
    with connect.open_session(project.database, application="x", settings={"lock_timeout": "3s"}) as session:
        assert connect._CONNECTION_CHECK not in session.settings
        assert session.connection().execute("SHOW lock_timeout").fetchone() == ("3s",)
    with pytest.raises(DatabaseError, match="lock_timeout"):
        project.migrator(lock_timeout="9999999d").status()


LAZY = {"postgast", "google.protobuf", "pandas", "sqlalchemy", "ipywidgets", "anywidget", "rich", "pygments", "IPython"}


def imported(code: str, *arguments: str) -> set[str]:
    """Which of the libraries that take long a fresh process has imported in the end."""
    tell = f"import sys\n{code}\nprint(*({LAZY!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", tell, *arguments], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


def test_a_terminal_with_nothing_to_do_imports_the_driver_and_no_other_library(project: Project) -> None:
    """No parser, no frames, no widgets, no colours."""
    fill(project)
    project.migrator().migrate()
    code = "from fsapi_nb.cli import main; main(sys.argv[1:])"
    assert imported(code, "migrate", "--database", project.database, "--dir", str(project.folder)) == set()


def test_the_first_migrate_of_a_terminal_imports_the_parser_and_no_frames(project: Project) -> None:
    """Nor widgets, nor colours where no bar is drawn."""
    fill(project)
    code = "from fsapi_nb.cli import main; main(sys.argv[1:])"
    arguments = ("migrate", "--database", project.database, "--dir", str(project.folder))
    assert imported(code, *arguments) == {"postgast", "google.protobuf"}


def test_loading_the_extension_imports_neither_the_driver_nor_the_parser() -> None:
    """What a magic needs is imported when it is used."""
    code = (
        "from IPython.core.interactiveshell import InteractiveShell\n"
        "InteractiveShell.instance().run_line_magic('load_ext', 'fsapi_nb')\n"
        "assert not {'psycopg', 'fsapi_nb.model.migration'} & set(sys.modules)"
    )
    assert imported(code) == {"IPython", "pygments"}  # which IPython's shell brings


def test_reading_needs_no_more_than_the_right_to_read(project: Project) -> None:
    """Of a role that may look, and do nothing else."""
    fill(project, 1)
    project.migrator().migrate()
    role = f"looker_{project.value('SELECT current_database()')}"
    project.rows(f"CREATE ROLE {role}; GRANT SELECT ON migrations, migrations_scripts, migrations_journal TO {role}")
    try:
        address = make_conninfo(project.database, options=f"-c role={role}")
        assert project.migrator(database=address).migrate().done == ()
    finally:
        project.rows(f"DROP OWNED BY {role}; DROP ROLE {role}")
