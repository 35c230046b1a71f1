"""What fsapi_nb reads and writes for itself does not depend on the settings of role, database, environment or script."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from fsapi_nb.errors import RefusedPlan, StatementFailed
from fsapi_nb.run.refusal import copied_line
from tests.conftest import MakeDatabase, Project

#: All that changes how PostgreSQL writes values, reads literals, or begins transactions.
HOSTILE = {
    "DateStyle": "SQL, DMY",
    "IntervalStyle": "iso_8601",
    "TimeZone": "'Asia/Kolkata'",
    "bytea_output": "escape",
    "extra_float_digits": "-15",
    "quote_all_identifiers": "on",
    "array_nulls": "off",
    "xmlbinary": "hex",
    "client_encoding": "LATIN1",
    "standard_conforming_strings": "off",
    "transform_null_equals": "on",
    "default_transaction_isolation": "serializable",
    "default_transaction_deferrable": "on",
    "default_transaction_read_only": "on",
    "row_security": "off",
    "escape_string_warning": "off",
}
#: Those that libpq has a variable for.
VARIABLES = {
    "PGDATESTYLE": "German",
    "PGTZ": "America/St_Johns",
    "PGCLIENTENCODING": "SQL_ASCII",
    "PGOPTIONS": "-c intervalstyle=sql_standard -c bytea_output=escape -c extra_float_digits=-15",
}


@pytest.fixture
def written(project: Project) -> Project:
    """A history with every kind of row: in one step and in two, failed, half-applied, edited, missing."""
    project.write("a", "CREATE TABLE a (i int PRIMARY KEY, \"Mixed\" text DEFAULT 'x');", "DROP TABLE a;")
    project.write("b", "BEGIN;\nCREATE TABLE b (i int REFERENCES a);\nCOMMIT;\nCREATE INDEX CONCURRENTLY b_i ON b (i);")
    gone = project.write("gone", "CREATE TABLE gone (é text);", "DROP TABLE gone;")
    edited = project.write("edited", "SELECT 'before';", "SELECT 'é';")
    project.migrator().migrate()
    (project.folder / gone).unlink()
    (project.folder / edited).write_text("-- UP\nSELECT 'after';\n-- DOWN\nSELECT 1;\n")
    project.migrator().repair("edited")
    (project.folder / edited).write_text("-- UP\nSELECT 'again';\n-- DOWN\nSELECT 1;\n")
    project.rows("CREATE TABLE values_of_types (d date, t timestamptz, i interval, b bytea, f float8, é text)")
    project.rows(
        "INSERT INTO values_of_types VALUES ('2026-01-31', '2026-01-31 12:00+00', '1 day 2:03', '\\xff', 0.1, 'é')"
    )
    return project


def answers(project: Project) -> dict[str, str]:
    """What every verb that reads shows, as text, as JSON and as frames; a refusal, with the difference, is one as well."""
    migrator = project.migrator()
    verbs: dict[str, Callable[[], Any]] = {
        "status": migrator.status,
        "pending": migrator.pending,
        "plan": migrator.plan,
        "plan rollback": lambda: migrator.plan("rollback", to="b"),
        "plan fresh": lambda: migrator.plan("fresh"),
        "show": lambda: migrator.show("edited"),
        "show missing": lambda: migrator.show("gone"),
        "history": migrator.history,
        "diagram": migrator.diagram,
        "schema": migrator.schema,
        "schema of all": lambda: migrator.schema("public.*"),
        "a table": lambda: migrator.schema("public.a", rows=0),  # each look at rows counts as a use of its key
        "values": lambda: migrator.schema("values_of_types", rows=3),
        "facts": migrator.facts,
    }
    shown = {}
    for name, verb in verbs.items():
        try:
            result = verb()
        except RefusedPlan as error:
            shown[name] = str(error)
        else:
            shown[name] = f"{result}\n{result.to_json() if hasattr(result, 'to_json') else ''}"
    frames = {"status frame": migrator.status().to_frame(), "history frame": migrator.history().to_frame()}
    return shown | {name: frame.to_csv() for name, frame in frames.items()}


def set_all(project: Project, whose: str, *but: str) -> None:
    """Let every new session on the database begin with them, some excepted."""
    name = project.value("SELECT current_database()")
    whom = {"database": f"DATABASE {name}", "role": f"ROLE CURRENT_USER IN DATABASE {name}"}[whose]
    project.rows_in_session(
        *(f"ALTER {whom} SET {setting} TO {value}" for setting, value in HOSTILE.items() if setting not in but)
    )


@pytest.mark.parametrize("whose", ["database", "role", "environment"])
def test_no_answer_depends_on_settings(written: Project, monkeypatch: pytest.MonkeyPatch, whose: str) -> None:
    """However values are written in such a session, every verb shows the same."""
    plain = answers(written)
    if whose == "environment":
        for name, value in VARIABLES.items():
            monkeypatch.setenv(name, value)
    else:
        set_all(written, whose)
    shown = answers(written)
    assert {name: shown[name] for name in plain if shown[name] != plain[name]} == {}


def test_who_blocks_whom_depends_on_no_setting(project: Project) -> None:
    """Names and times are those of the lock, quoted and rounded for nobody."""
    project.rows("CREATE TABLE orders (i int)")
    set_all(project, "database")
    with psycopg.connect(project.database) as holder, psycopg.connect(project.database) as waiter:
        holder.execute("LOCK TABLE orders IN ACCESS SHARE MODE")
        thread = threading.Thread(target=waiter.execute, args=["LOCK TABLE orders IN ACCESS EXCLUSIVE MODE"])
        thread.start()
        while len((found := project.migrator().blockers().blockage).sessions) < 2:
            pass
        holder.rollback()
        thread.join()
    assert {each.lock for each in found.sessions} == {"table public.orders"}
    assert [0 < (each.transaction_age or 0) < 60 for each in found.sessions] == [True, True]


def run_all(project: Project) -> list[tuple[Any, ...]]:
    """Apply, fail, roll back and apply again: what the journal and the history hold of it, times aside."""
    project.write("a", "CREATE TABLE a (i int);\nINSERT INTO a VALUES (1);", "DROP TABLE a;")
    project.write("b", "CREATE INDEX CONCURRENTLY a_i ON a (i);\nSELECT 'é';", "DROP INDEX CONCURRENTLY a_i;")
    bad = project.write("bad", "SELECT 1/0;")
    with pytest.raises(StatementFailed):
        project.migrator().migrate()
    (project.folder / bad).unlink()
    project.migrator().rollback(2)
    project.migrator().migrate()
    return [
        *project.rows(
            "SELECT migration, event, state, step, steps, checksum, script, message FROM migrations_journal ORDER BY id"
        ),
        *project.rows("SELECT id, name, checksum, up, down FROM migrations_scripts ORDER BY id"),
        *project.rows(
            "SELECT id, name, abs(extract(epoch FROM applied_at - localtimestamp)) < 300 FROM migrations ORDER BY id"
        ),
    ]


def test_a_run_depends_on_no_setting(
    project: Project, tmp_path_factory: pytest.TempPathFactory, make_database: MakeDatabase
) -> None:
    """Steps outside of a transaction, failures and rollbacks are recorded the same, with hostile defaults and without."""
    plain = run_all(project)
    with make_database() as address:
        other = Project(tmp_path_factory.mktemp("other"), address)
        set_all(other, "database", "default_transaction_read_only")
        assert run_all(other) == plain


@pytest.mark.parametrize("script", ["SET TIME ZONE 'Pacific/Kiritimati'", "SET LOCAL TimeZone = 'Etc/GMT+12'"])
def test_a_script_does_not_set_the_clock_of_the_history(project: Project, script: str) -> None:
    """`applied_at` is the server's local time, as fsapi writes it, whatever zone a script works in."""
    project.write("zone", f"{script};\nCREATE TABLE t AS SELECT current_setting('TimeZone') AS zone;")
    project.migrator().migrate()
    assert project.value("SELECT zone FROM t") in script
    assert project.value("SELECT abs(extract(epoch FROM applied_at - localtimestamp)) < 300 FROM migrations")


@pytest.mark.parametrize(
    "setting",
    ["quote_all_identifiers = on", "default_transaction_isolation = 'serializable'", "DateStyle = 'German'"],
)
def test_a_script_s_settings_stop_none_of_its_records(project: Project, setting: str) -> None:
    """What it sets for its session holds for its later steps, and not for what is written and read between them."""
    project.write(
        "a", f"CREATE TABLE a (i int);\nSET {setting};\nCREATE INDEX CONCURRENTLY a_i ON a (i);", "DROP TABLE a;"
    )
    project.migrator().migrate()
    assert [(event.event, event.state) for event in project.migrator().history().events] == [
        ("up", "done"),
        ("up", "started"),
        ("up", "done"),
    ]
    project.migrator().rollback()
    assert not project.has("a")


@pytest.mark.parametrize(
    "context",
    [
        'COPY t2, line 3, column i: "x"',
        "COPY t2, Zeile 3, Spalte i: »x«",
        "COPY t2, ligne 3, colonne i : « x »",
        'COPY t2, строка 3, столбец i: "x"',
        't2のCOPY、行 3、列 i: "x"',
        't2 복사, 3번째 줄, i 열: "x"',
    ],
)
def test_the_line_of_data_is_found_in_every_language(context: str) -> None:
    """`lc_messages` decides in which one a server says where a COPY failed."""
    assert copied_line(f"PL/pgSQL function f() line 7\n{context}") == 3
