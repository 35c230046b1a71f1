"""A plan as one script: psql leaves a database as a run by fsapi_nb does, with the same history."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from fsapi_nb.errors import InDoubt, MigrationFileError, RefusedPlan, StatementFailed, UsageError
from fsapi_nb.model.status import State
from tests import asking
from tests.conftest import ROOT, MakeDatabase, Project
from tests.run.scripts import run_script, script_of, state_of

History = list[tuple[str, str, str | None]]

_LONG = "".join(f"{number}\trow {number} of many, :USER \\\\ 'x'\n" for number in range(4000))
HISTORIES: dict[str, History] = {
    "plain": [
        (
            "orders",
            "CREATE TABLE orders (id serial PRIMARY KEY, at timestamp DEFAULT '2026-01-01 10:30');",
            "DROP TABLE orders;",
        ),
        (
            "note",
            "ALTER TABLE orders ADD COLUMN note text; -- the last comment",
            "ALTER TABLE orders DROP COLUMN note;",
        ),
        ("view", "CREATE VIEW v AS SELECT id::text || ':note' AS x FROM orders;", "DROP VIEW v;"),
        ("nothing", "SELECT 1 -- end", "-- nothing"),
        ("irreversible", "INSERT INTO orders (note) VALUES ('it''s \\ \"x\" :USER');", None),
    ],
    "copies": [
        ("t", "CREATE TABLE t (i int, s text); CREATE TABLE big (i int, s text);", "DROP TABLE t, big;"),
        (
            "data",
            (
                "COPY t FROM stdin;\n1\ta:b \\\\ 'x'\n2\t\\N\n\\.\nCOPY t (i, s) FROM stdin WITH (FORMAT csv, HEADER);\n"
                "i,s\n3,\"a\nb ; \\gexec\"\n\\.\nCOPY t FROM stdin;\n\\.\nINSERT INTO t VALUES (4, '\\.');"
            ),
            "DELETE FROM t;",
        ),
        ("large", f"COPY big FROM stdin;\n{_LONG}\\.\n", "TRUNCATE big;"),
    ],
    "concurrently": [
        ("t", "CREATE TABLE t (i int);", "DROP TABLE t;"),
        (
            "index",
            (
                "ALTER TABLE t ADD COLUMN j int;\nCREATE INDEX CONCURRENTLY t_i ON t (i);\nINSERT INTO t VALUES (1, 2);\n"
                "CREATE INDEX CONCURRENTLY IF NOT EXISTS t_j ON t (j);"
            ),
            "DROP INDEX CONCURRENTLY t_i; DROP INDEX CONCURRENTLY t_j; ALTER TABLE t DROP COLUMN j;",
        ),
        ("vacuum", "VACUUM t;", "-- nothing"),
    ],
    "enums": [
        ("mood", "CREATE TYPE mood AS ENUM ('sad');", "DROP TYPE mood;"),
        (
            "happy",
            "ALTER TYPE mood ADD VALUE 'happy';\nCREATE TABLE moods (m mood DEFAULT 'happy');\nINSERT INTO moods VALUES ('happy');",
            "DROP TABLE moods;",
        ),
    ],
    "transactions": [
        (
            "pairs",
            "BEGIN; CREATE TABLE a (i int); COMMIT;\nBEGIN ISOLATION LEVEL SERIALIZABLE; INSERT INTO a VALUES (1); COMMIT;",
            "BEGIN; DELETE FROM a; COMMIT; BEGIN; DROP TABLE a; COMMIT;",
        ),
        ("off", "-- fsapi: transaction=off\nCREATE TABLE b (i int);\nDO $$ BEGIN NULL; END $$;", "DROP TABLE b;"),
        (
            "patient",
            "-- fsapi: lock_timeout=2s\n-- fsapi: statement_timeout=1min\nCREATE TABLE c (i int);",
            "DROP TABLE c;",
        ),
        (
            "commits",
            "CREATE PROCEDURE p() LANGUAGE plpgsql AS $$ BEGIN INSERT INTO c VALUES (1); COMMIT; END $$;\nCALL p();",
            "DROP PROCEDURE p();",
        ),
    ],
    "checks": [
        (
            "promises",
            (
                "CREATE TABLE t (i int, ok bool);\nINSERT INTO t VALUES (1, true), (2, true);\n-- CHECK: it's\\ none :USER\n"
                "SELECT i FROM t WHERE i > 2;\n-- CHECK: all\nSELECT ok, ok AS ok FROM t;\n"
            ),
            "DROP TABLE t;",
        ),
    ],
    "read by psql": [
        (
            "slices",
            "CREATE TABLE t AS SELECT (ARRAY['a','b','c'])[1:2] AS s, ':USER' AS u, (ARRAY[1,2])[1 : 2] AS w;",
            "DROP TABLE t;",
        ),
        (
            "bodies",
            (
                'CREATE FUNCTION f("begin" int) RETURNS int LANGUAGE sql BEGIN ATOMIC; SELECT 1; SELECT 2; END;\n'
                "CREATE FUNCTION g(begin int) RETURNS int LANGUAGE sql AS $$ SELECT begin + 1; $$;\n"
                "CREATE RULE r AS ON INSERT TO t DO ALSO (SELECT 1; SELECT 2);\n"
                "DO $fsapi_nb$ BEGIN PERFORM $fsapi_nb1$x$fsapi_nb1$; END $fsapi_nb$;\n"
                "CREATE TABLE dollars AS SELECT (ARRAY[$fsapi_nb$x$fsapi_nb$, 'a$fsapi_nb'])[1:1] AS s;"
            ),
            "DROP TABLE dollars; DROP RULE r ON t; DROP FUNCTION g; DROP FUNCTION f;",
        ),
        (
            "commands",
            "\\set ON_ERROR_STOP on\n\\echo Don't stop\nCREATE TABLE e AS SELECT E'a\\nb\\'' AS x; /* \\gexec :'x' */",
            "DROP TABLE e;",
        ),
        (
            "old_strings",
            "SET standard_conforming_strings = off;\nSET escape_string_warning = off;\nCREATE TABLE o AS SELECT 'a\\\\b' AS x;",
            "DROP TABLE o;",
        ),
    ],
    "settings": [
        ("path", "CREATE SCHEMA app; SET search_path TO app; CREATE TABLE t (i int);", "DROP SCHEMA app CASCADE;"),
        (
            "clean",
            "CREATE TABLE u (i int); SET LOCAL work_mem TO '1MB'; SET timezone TO 'Asia/Tokyo';",
            "DROP TABLE u;",
        ),
        (
            "steps",
            (
                "SET LOCAL search_path TO app; SET my.own TO 'x';\nCREATE INDEX CONCURRENTLY u_i ON public.u (i);\n"
                "CREATE TABLE s AS SELECT current_setting('my.own') AS own;"
            ),
            "DROP TABLE s; DROP INDEX u_i;",
        ),
        ("role", "SET ROLE pg_monitor; SELECT 1;", "-- nothing"),
        ("rights", "GRANT CREATE ON SCHEMA public TO pg_monitor;", "REVOKE CREATE ON SCHEMA public FROM pg_monitor;"),
        (
            "role_of_steps",
            "SET ROLE pg_monitor;\nBEGIN; CREATE TABLE m (i int); COMMIT;\nBEGIN; CREATE TABLE n (i int); COMMIT;",
            "DROP TABLE m, n;",
        ),
    ],
    "new sessions": [
        (
            "database",
            "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path TO app, public', current_database()); END $$;\nCREATE SCHEMA app;",
            "DROP SCHEMA app; DO $$ BEGIN EXECUTE format('ALTER DATABASE %I RESET search_path', current_database()); END $$;",
        ),
        ("there", "CREATE TABLE there (i int);", "DROP TABLE app.there;"),
    ],
    "names": [
        ("größe_日本", 'CREATE TABLE "Größe :USER \'x\'" ("a\\b" int);', "DROP TABLE \"Größe :USER 'x'\";"),
        ("a-b.c", "COMMENT ON TABLE \"Größe :USER 'x'\" IS E'ein\\tText';", None),
    ],
}


@pytest.fixture
def other(make_database: MakeDatabase) -> Iterator[str]:
    """Another empty database, on which scripts run."""
    with make_database() as address:
        yield address


def write(project: Project, history: History) -> None:
    for what, up, down in history:
        project.write(what, up, down)


@pytest.mark.parametrize("history", HISTORIES)
def test_a_script_does_what_a_run_does(project: Project, other: str, history: str) -> None:
    """Catalog, rows and history are the same; then it counts as applied, nothing drifted, and rolls back in the same way."""
    write(project, HISTORIES[history])
    project.migrator().migrate()
    done = run_script(script_of(project, other), other)
    assert done.returncode == 0, done.stderr
    assert state_of(other) == state_of(project.database)
    assert {status.state for status in project.migrator(database=other).status().statuses} == {State.APPLIED}
    down = [down for _, _, down in HISTORIES[history]]
    count = len(down) if None not in down else len(down) - 1 - max(i for i, each in enumerate(down) if each is None)
    if count:
        project.migrator().rollback(count)
        undone = run_script(script_of(project, other, "rollback", count=count), other)
        assert undone.returncode == 0, undone.stderr
        assert state_of(other) == state_of(project.database)


@pytest.mark.parametrize(
    "hidden",
    [("standard_conforming_strings", "off", "a\\"), ("client_encoding", "SJIS", "\u255f")],
    ids=lambda of: of[0],
)
def test_no_string_of_a_file_becomes_a_command_of_psql(
    project: Project, other: str, tmp_path: Path, hidden: tuple[str, str, str]
) -> None:
    """Not even after code that changes where strings end, which no reading of the file shows."""
    name, value, text = hidden
    project.write(
        "a",
        f"DO $$ BEGIN PERFORM set_config('{name}', '{value}', false); END $$;\n"
        f"SELECT '{text}', '\n\\! touch {tmp_path}/ran\n';\n-- CHECK: all\nSELECT '{text}' <> '', '\n\\! touch {tmp_path}/ran\n' <> '';",
    )
    run_script(script_of(project, other), other)
    assert not (tmp_path / "ran").exists()


def applied_by_script(project: Project, database: str, verb: str = "migrate", **options: Any) -> None:
    done = run_script(script_of(project, database, verb, **options), database)
    assert done.returncode == 0, done.stderr


def test_verbs_of_the_history_are_scripts_too(project: Project, other: str) -> None:
    """Baseline, rename, retire and its undo, a squash, a redo in one transaction and in two, a DOWN that was added."""
    first = project.write("one", "CREATE TABLE one (i int);", "DROP TABLE one;")
    steps = "SELECT 1;\nCREATE INDEX CONCURRENTLY two_i ON two (i);"
    two = project.write("two", f"CREATE TABLE two (i int);\n{steps}", "DROP TABLE two;")
    three = project.write("three", "CREATE TABLE three (i int);")

    def both(verb: str, **options: Any) -> None:
        """Do it on the one database by a run, on the other by a script."""
        script = script_of(project, other, verb, **options)
        migrator = project.migrator()
        match verb:
            case "redo":
                migrator.redo()
            case "rename":
                migrator.rename(*options["names"])
            case "retire":
                migrator.retire(options["names"], undo=options.get("undo", False))
            case "baseline":
                migrator.baseline(*options["names"], replaces=options.get("replaces", ()))
            case _:
                migrator.migrate(**options)
        done = run_script(script, other)
        assert done.returncode == 0, done.stderr
        assert state_of(other) == state_of(project.database), verb

    both("baseline", names=["one"])
    project.rows("CREATE TABLE one (i int)")
    project.migrator(database=other).query("CREATE TABLE one (i int)")
    both("migrate", to=two)
    both("redo")
    both("migrate")
    project.write_text(three, "-- UP\nCREATE TABLE three (i int);\n\n-- DOWN\nDROP TABLE three;\n")
    both("migrate")
    both("redo")
    (project.folder / three).rename(project.folder / "2026_01_01_00_40_drei.sql")
    both("rename", names=[three, "drei"])
    (project.folder / first).unlink()
    both("retire", names=[first])
    both("retire", names=[first], undo=True)
    (project.folder / two).unlink()
    project.write("squash", "CREATE TABLE one (i int); CREATE TABLE two (i int);", name="2026_01_01_00_30_squash.sql")
    both("baseline", names=["squash"], replaces=[f"{first}..{two}"])


def test_a_history_that_fsapi_made_gets_its_other_tables(project: Project, other: str) -> None:
    """They are kept to their owner where default privileges would give them to others, as a run keeps them."""
    for database in (project.database, other):
        query = project.migrator(database=database).query
        query(
            "CREATE TABLE migrations (id serial primary key, name varchar(255) unique, applied_at timestamp default now(), duration_ms integer)"
        )
        query("ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO pg_monitor")
        query("ALTER DEFAULT PRIVILEGES GRANT ALL ON SEQUENCES TO PUBLIC")
    write(project, HISTORIES["plain"])
    project.migrator().migrate()
    applied_by_script(project, other)
    assert state_of(other) == state_of(project.database)
    rights = "SELECT relname, relacl::text FROM pg_class WHERE relname LIKE 'migrations%' ORDER BY 1"
    with asking.session(other) as connection:
        assert connection.execute(rights.encode()).fetchall() == project.rows(rights)


@pytest.fixture
def two(project: Project) -> Project:
    """Two migrations, the first of which is applied."""
    project.write("one", "CREATE TABLE one (i int);", "DROP TABLE one;")
    project.migrator().migrate()
    project.write("two", "CREATE TABLE two (i int);", "DROP TABLE two;")
    return project


def refused(project: Project, script: str, message: str, *options: str) -> None:
    """The script says that, and changes nothing."""
    before = state_of(project.database)
    done = run_script(script, project.database, *options)
    assert (done.returncode, message in done.stderr) == (3 if "-1" not in options else done.returncode, True), (
        done.stderr
    )
    assert state_of(project.database) == before


def test_a_script_runs_once(two: Project) -> None:
    """A second time its guard refuses, before anything has run."""
    script = script_of(two, two.database)
    applied_by_script(two, two.database)
    refused(two, script, "is not the one that this script was made for")


def test_a_script_runs_over_no_other_history(two: Project) -> None:
    """Another run since, or rows that another tool has written, are refused."""
    script = script_of(two, two.database)
    two.rows("INSERT INTO migrations (name) VALUES ('2026_01_01_00_30_other.sql')")
    refused(two, script, "another run has changed it since")
    two.rows("DELETE FROM migrations WHERE name LIKE '%other%'")
    two.migrator().rollback()
    refused(two, script, "another run has changed it since")


def test_a_script_runs_in_no_other_database(two: Project, other: str) -> None:
    """It is for the database that it was made for; nothing is made in another, not even the history."""
    done = run_script(script_of(two, two.database), other)
    assert (done.returncode, "this script was made for the database" in done.stderr) == (3, True)
    with asking.session(other) as connection:
        assert connection.execute("SELECT to_regclass('migrations')").fetchone() == (None,)


def test_a_script_is_not_run_inside_of_a_transaction(two: Project) -> None:
    """`psql -1` would make all of it one, and then COMMIT after the first step."""
    refused(two, script_of(two, two.database), "run psql without -1", "-1")


def test_a_script_waits_for_no_runner_and_no_runner_for_it(two: Project) -> None:
    """While the lock is held, it says so."""
    script = script_of(two, two.database)
    key = re.search(r"pg_try_advisory_lock\('(-?\d+)'", script)
    assert key
    with asking.session(two.database) as connection:
        connection.execute(f"SELECT pg_advisory_lock({key[1]})".encode())
        refused(two, script, "another such script, is at work on this history")
        connection.execute(b"SELECT pg_advisory_unlock_all()")
    applied_by_script(two, two.database)


def test_a_script_runs_with_the_search_path_of_its_plan(two: Project) -> None:
    """Names would mean other objects."""
    script = script_of(two, two.database)
    with asking.session(two.database) as connection:
        name = connection.info.dbname
        connection.execute(f"ALTER DATABASE {name} SET search_path TO public".encode())
        refused(two, script, "the search_path of this role is not the one")
        connection.execute(f"ALTER DATABASE {name} RESET search_path".encode())


def test_a_script_has_the_search_path_of_a_connection_that_has_its_own(project: Project, other: str) -> None:
    """As an option of the verb or of the address, which psql does not get."""
    project.rows("CREATE SCHEMA tenant")
    project.migrator(database=other).query("CREATE SCHEMA tenant")
    project.write("t", "CREATE TABLE t (i int);", "DROP TABLE t;")
    project.migrator(schema="tenant").migrate()
    done = run_script(project.migrator(database=other, schema="tenant").plan(sql=True).to_sql(), other)
    assert done.returncode == 0, done.stderr
    assert project.migrator(database=other, schema="tenant").status().statuses[0].state is State.APPLIED
    marks = b"SELECT obj_description('tenant.migrations_journal'::regclass)"
    with asking.session(other) as connection:
        assert connection.execute(marks).fetchall() == project.rows(marks.decode())


def test_values_of_set_are_given_to_psql(project: Project) -> None:
    """They are nowhere in the script; without one nothing runs."""
    project.write("t", "CREATE TABLE t AS SELECT current_setting('fsapi.env') AS env;", "DROP TABLE t;")
    made = project.migrator(settings={"env": "it's :secret"}).plan(sql=True)
    script = made.to_sql()
    assert "secret" not in script.split("\\encoding")[1]
    assert 'psql -v fsapi_env="..." -f FILE' in script
    assert made.script is not None
    assert made.script.values == ("fsapi_env",)
    without = run_script(script, project.database)
    assert (without.returncode, 'syntax error at or near ":"' in without.stderr) == (3, True)
    assert not project.has("migrations")
    done = run_script(script, project.database, "-v", "fsapi_env=it's :secret")
    assert done.returncode == 0, done.stderr
    assert project.rows("SELECT env FROM t") == [("it's :secret",)]


@pytest.mark.parametrize(
    "query", ["SELECT 1 AS no", "SELECT NULL::bool", "SELECT true, 't'", "SELECT true, to_json(true)", "SELECT"]
)
def test_a_check_that_does_not_hold_fails_the_script(project: Project, query: str) -> None:
    """With its title and the row, and nothing of its step is left; steps before it stay and are recorded."""
    project.write("before", "CREATE TABLE before (i int);", "DROP TABLE before;")
    project.write("t", f"CREATE TABLE t (i int);\n-- CHECK: it's so\n{query};", "DROP TABLE t;")
    done = run_script(script_of(project, project.database), project.database)
    assert done.returncode == 3
    assert "a check of 2026_01_01_00_01_t.sql does not hold: it's so" in done.stderr
    assert project.applied() == ["2026_01_01_00_00_before.sql"]
    assert not project.has("t")
    assert [status.state for status in project.migrator().status().statuses] == [State.APPLIED, State.PENDING]


def test_an_index_that_could_not_be_built_is_left_for_a_run_to_judge(project: Project) -> None:
    """The journal says that it was begun: it is in doubt, and the user says what became of it."""
    project.write("t", "CREATE TABLE t (i int); INSERT INTO t VALUES (1), (1);", "DROP TABLE t;")
    project.write("i", "CREATE UNIQUE INDEX CONCURRENTLY i ON t (i);", "DROP INDEX i;")
    done = run_script(script_of(project, project.database), project.database)
    assert (done.returncode, "could not create unique index" in done.stderr) == (3, True)
    project.rows("DELETE FROM t; DROP INDEX i")
    with pytest.raises(InDoubt):
        script_of(project, project.database)
    project.migrator().resolve("i", retry=True)
    project.migrator().migrate()
    assert [status.state for status in project.migrator().status().statuses] == [State.APPLIED, State.APPLIED]


def test_what_only_a_run_can_find_out_is_refused_by_name(project: Project) -> None:
    """With the command that runs it."""
    project.write("t", "CREATE TABLE t (i int);", "DROP TABLE t;")
    project.migrator().migrate()
    with pytest.raises(RefusedPlan, match="fresh cannot be written as a script") as fresh:
        script_of(project, project.database, "fresh")
    assert fresh.value.hint == "run it: `sapi migrate:fresh`"
    name = project.write("odd", "CREATE TABEL x (i int);")
    with pytest.raises(RefusedPlan, match="the parser does not know its statements") as odd:
        script_of(project, project.database, allow_unparsed=True)
    assert odd.value.hint == "run it: `sapi migrate --allow-unparsed`"
    project.write_text(name, "-- UP\nSELECT 1;\nCREATE INDEX CONCURRENTLY i ON nowhere (i);\n")
    with pytest.raises(StatementFailed):
        project.migrator().migrate()
    with pytest.raises(RefusedPlan, match="odd.sql is partly applied") as half:
        script_of(project, project.database)
    assert half.value.hint == "go on with it: `sapi migrate`"
    with pytest.raises(UsageError, match="was not made to be written"):
        project.migrator().plan("retire", missing=True).to_sql()


def test_data_that_has_changed_since_the_plan_is_not_written(project: Project) -> None:
    """The file was edited: the script would have other rows than its plan."""
    name = project.write("t", f"CREATE TABLE t (i int, s text);\nCOPY t FROM stdin;\n{_LONG}\\.\n")
    made = project.migrator().plan(sql=True)
    text = (project.folder / name).read_text()
    (project.folder / name).write_text(text.replace("row 17 ", "row 71 "))
    with pytest.raises(MigrationFileError):
        made.to_sql()


def test_nothing_to_do_is_a_script_that_says_so(two: Project) -> None:
    """Comments alone."""
    two.migrator().migrate()
    script = script_of(two, two.database)
    assert script == f"-- Plan: nothing to do on {two.label}.\n"


@pytest.mark.skipif(shutil.which("psql") is None, reason="no other psql")
def test_an_older_psql_reads_it_alike(project: Project, other: str) -> None:
    """What is on the machine, of another release than the embedded server's."""
    write(project, HISTORIES["read by psql"])
    project.write("copied", "CREATE TABLE c (i int, s text);\nCOPY c FROM stdin;\n1\ta:b \\\\ 'x'\n\\.\n")
    project.migrator().migrate()
    done = run_script(script_of(project, other), other, psql="psql")
    assert done.returncode == 0, done.stderr
    assert state_of(other) == state_of(project.database)


@pytest.mark.skipif(shutil.which("psql") is None, reason="no other psql")
def test_a_psql_that_cannot_end_data_in_csv_is_refused(project: Project) -> None:
    """One before 18 sends the end of the data as a row, which a server of 18 or newer does not take for the end."""
    project.write("t", "CREATE TABLE t (i int);\nCOPY t FROM stdin WITH (FORMAT csv);\n1\n\\.\n")
    done = run_script(script_of(project, project.database), project.database, psql="psql")
    older = "(PostgreSQL) 18" not in run_script("", project.database, "--version", psql="psql").stdout
    newer = project.value("SELECT current_setting('server_version_num')::int >= 180000")
    assert ("needs a psql of release 18 or newer" in done.stderr) == (older and newer), done.stderr
    assert (done.returncode, project.has("t")) == ((3, False) if older and newer else (0, True))


def test_the_example_project_as_a_script(project: Project, other: str) -> None:
    """All of it up, and all of it down again."""
    for file in sorted((ROOT / "migrations").glob("*.sql")):
        project.write_text(file.name, file.read_bytes())
    project.migrator().migrate()
    applied_by_script(project, other)
    assert state_of(other) == state_of(project.database)
    project.migrator().rollback(everything=True)
    applied_by_script(project, other, "rollback", everything=True)
    assert state_of(other) == state_of(project.database)


def test_a_script_is_for_the_encoding_of_its_database(project: Project, server: str) -> None:
    """Letters that the database has are kept; what the history cannot hold is stored as a run stores it."""
    project.write("latin", "CREATE TABLE \"größe\" AS SELECT 'ä'::text AS a; -- 日本", 'DROP TABLE "größe";')
    found = []
    for number in range(2):
        name = f"latin_{os.getpid()}_{number}"
        with asking.session(server) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'".encode())
        database = make_conninfo(server, dbname=name)
        try:
            if number:
                applied_by_script(project, database)
            else:
                project.migrator(database=database).migrate()
            found.append(state_of(database))
        finally:
            with asking.session(server) as connection:
                connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
    assert found[0] == found[1]


def test_another_role_may_run_a_script(project: Project, other: str) -> None:
    """What it makes is its own; the history says who it was."""
    role = f"dba_{os.getpid()}"
    write(project, HISTORIES["concurrently"])
    with asking.session(other) as connection:
        database = connection.info.dbname
        connection.execute(f"CREATE ROLE {role} LOGIN; GRANT CREATE ON SCHEMA public TO {role}".encode())
        connection.execute(f"GRANT CREATE ON DATABASE {database} TO {role}".encode())
    script = script_of(project, other)
    try:
        as_role = f"\\set ON_ERROR_STOP on\nSET SESSION AUTHORIZATION {role};\n"
        kept = script.replace("RESET SESSION AUTHORIZATION;", f"SET SESSION AUTHORIZATION {role};").replace(
            "SET LOCAL session_authorization TO DEFAULT;", ""
        )
        done = run_script(as_role + kept, other)
        assert done.returncode == 0, done.stderr
        assert {status.state for status in project.migrator(database=other).status().statuses} == {State.APPLIED}
        with asking.session(other) as connection:
            roles = connection.execute("SELECT DISTINCT role FROM migrations_journal").fetchall()
        assert roles == [(role,)]
    finally:
        with asking.session(other) as connection:
            connection.execute(f"DROP OWNED BY {role} CASCADE; DROP ROLE {role}".encode())


def test_names_mean_themselves_in_a_script(project: Project, server: str) -> None:
    """Of the database, and of the history's schema and table: blanks, quotes, dollars, what psql would make a variable of."""
    name = f"we'ird \"$fsapi_nb$ \\x :USER {os.getpid()}"
    (project.root / "pyproject.toml").write_text(
        "[tool.fsapi_nb]\ntable = 'hi  $1 :x \"s'\nschema = \"a  b$1'\"\n", encoding="utf-8"
    )
    with asking.session(server) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    database = make_conninfo(server, dbname=name)
    try:
        with asking.session(database) as connection:
            connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier("a  b$1'")))
        project.write("t", "CREATE TABLE t (i int); INSERT INTO t VALUES (1);", "DROP TABLE t;")
        applied_by_script(project, database)
        assert {status.state for status in project.migrator(database=database).status().statuses} == {State.APPLIED}
        elsewhere = run_script(script_of(project, database, "rollback"), project.database)
        assert (elsewhere.returncode, f"this script was made for the database {name}" in elsewhere.stderr) == (3, True)
        applied_by_script(project, database, "rollback")
        assert {status.state for status in project.migrator(database=database).status().statuses} == {State.PENDING}
    finally:
        with asking.session(server) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
