"""Applying migrations: what commits together, what is recorded, and what a failure leaves behind."""

from __future__ import annotations

import pytest

from fsapi_nb.errors import FaultyMigrations, StatementFailed, UnknownMigration, UsageError
from fsapi_nb.events import Event
from tests.conftest import Project


def test_all_pending_migrations_are_applied_in_the_order_of_their_names(project: Project) -> None:
    """Order is that of the file names' bytes, and each has one row in the history."""
    project.write("second", "INSERT INTO t VALUES (2);", name="2026_01_01_00_02_second.sql")
    project.write("first", "CREATE TABLE t (i int);", name="2026_01_01_00_01_first.sql")
    project.write("upper", "INSERT INTO t VALUES (3);", name="2026_01_01_00_02_Upper.sql")
    result = project.migrator().migrate()
    names = ["2026_01_01_00_01_first.sql", "2026_01_01_00_02_Upper.sql", "2026_01_01_00_02_second.sql"]
    assert [done.name for done in result.done] == names == project.applied()


def test_a_second_run_finds_nothing_to_do(project: Project) -> None:
    """Running again changes nothing and says so."""
    project.write("one", "CREATE TABLE t (i int);")
    project.migrator().migrate()
    result = project.migrator().migrate()
    assert result.done == ()
    assert str(result) == f"Nothing to do on {project.label}: everything is applied."


def test_the_history_is_fsapis_own_table(project: Project) -> None:
    """`migrations` has fsapi's four columns and nothing else, with the file's name and its duration."""
    name = project.write("one", "SELECT 1;")
    project.migrator().migrate()
    columns = project.rows(
        "SELECT column_name, data_type FROM information_schema.columns "
        "WHERE table_name = 'migrations' ORDER BY ordinal_position"
    )
    assert columns == [
        ("id", "integer"),
        ("name", "character varying"),
        ("applied_at", "timestamp without time zone"),
        ("duration_ms", "integer"),
    ]
    assert project.rows("SELECT name, applied_at IS NOT NULL, duration_ms >= 0 FROM migrations") == [(name, True, True)]


def test_reading_writes_nothing(project: Project) -> None:
    """status, pending, plan and history leave an empty database empty."""
    project.write("one", "CREATE TABLE t (i int);")
    migrator = project.migrator()
    migrator.status(), migrator.pending(), migrator.plan(), migrator.history()
    assert project.value("SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace") == 0


def test_a_failing_statement_undoes_its_migration_only(project: Project) -> None:
    """What was applied before stays, what failed leaves nothing, what comes after is not tried; the error says so."""
    first = project.write("first", "CREATE TABLE a (i int);")
    second = project.write("second", "CREATE TABLE b (i text);\n\nINSERT INTO b VALUES (1), ('é'), (nope);\n")
    project.write("third", "CREATE TABLE c (i int);")
    with pytest.raises(StatementFailed) as caught:
        project.migrator().migrate()
    error = caught.value
    assert error.applied == (first,)
    assert (error.migration, error.sqlstate) == (second, "42703")
    assert error.place is not None
    assert (error.place.line, error.place.column) == (4, 35)
    assert "INSERT INTO b VALUES (1), ('é'), (nope);" in str(error)
    assert "left nothing behind" in str(error)
    assert first in str(error)
    assert project.applied() == [first]
    assert not project.has("b")
    assert not project.has("c")


def test_the_caret_stands_under_the_fault_in_every_line(project: Project) -> None:
    """The server counts characters of the statement; we show line and column of the file."""
    project.write("x", "/* über */ SELECT 1; SELECT\n  'ä', nope\nFROM pg_class;")
    with pytest.raises(StatementFailed) as caught:
        project.migrator().migrate()
    lines = caught.value.lines()
    assert lines[1] == "  3 |   'ä', nope"
    assert lines[2].index("^") == lines[1].index("nope")


def test_a_failure_at_commit_is_a_failure(project: Project) -> None:
    """A deferred constraint fails at COMMIT: nothing stays, nothing is recorded, the error says where."""
    project.write(
        "deferred",
        "CREATE TABLE p (i int PRIMARY KEY);\n"
        "CREATE TABLE c (i int REFERENCES p DEFERRABLE INITIALLY DEFERRED);\nINSERT INTO c VALUES (1);",
    )
    with pytest.raises(StatementFailed, match="at COMMIT: insert or update") as caught:
        project.migrator().migrate()
    assert caught.value.sqlstate == "23503"
    assert project.applied() == []
    assert not project.has("p")


def test_every_fault_is_found_before_anything_runs(project: Project) -> None:
    """Files that do not parse are reported all at once, and the sound ones before them have not run."""
    project.write("good", "CREATE TABLE t (i int);")
    bad = [project.write("bad", "SELEC 1;"), project.write("worse", "SELECT 1;\n\\connect other")]
    bad.append(project.write_text("2026_02_01_00_00_binary.sql", b"-- UP\nSELECT '\x00';\n"))
    with pytest.raises(FaultyMigrations) as caught:
        project.migrator().migrate()
    assert [problem.place.file for problem in caught.value.problems] == bad
    assert "Database: unchanged." in str(caught.value)
    assert not project.has("t")


def test_a_down_that_does_not_parse_keeps_nothing_from_being_applied(project: Project) -> None:
    """Real histories are full of them: it is refused when it is to run."""
    project.write("one", "CREATE TABLE t (i int);", "DROP TABEL t;")
    project.migrator().migrate()
    with pytest.raises(FaultyMigrations, match="TABEL"):
        project.migrator().rollback()
    assert project.has("t")


def test_inline_copy_data_is_loaded(project: Project) -> None:
    """psql's COPY ... FROM stdin works, whatever stands in the data."""
    project.write(
        "copy",
        "CREATE TABLE t (a int, b text);\nCOPY t FROM stdin;\n1\tit's -- not a comment\n2\t\\N\n3\t$$;\n\\.\n"
        "INSERT INTO t VALUES (4, 'after');",
        "COPY t (b, a) FROM stdin WITH (FORMAT csv);\n-- DOWN,5\n\\.\n",
    )
    project.migrator().migrate()
    assert project.rows("SELECT * FROM t ORDER BY a") == [
        (1, "it's -- not a comment"),
        (2, None),
        (3, "$$;"),
        (4, "after"),
    ]
    project.migrator().rollback()
    assert project.value("SELECT b FROM t WHERE a = 5") == "-- DOWN"


def test_bad_copy_data_undoes_the_migration(project: Project) -> None:
    """The server's own words name the line of the data."""
    project.write("copy", "CREATE TABLE t (a int);\nCOPY t FROM stdin;\n1\nx\n\\.\n")
    with pytest.raises(StatementFailed, match="invalid input syntax for type integer") as caught:
        project.migrator().migrate()
    assert "COPY t, line 2" in str(caught.value)
    assert not project.has("t")


def test_sql_runs_byte_for_byte(project: Project) -> None:
    """Nothing is interpolated, templated or stripped: %, :name, {}, $1, comments and line ends are the user's."""
    text = "100% %s %(x)s :name {} {x} $1 \\ '' /* no */ -- no\r\n\ttab"
    project.write(
        "bytes",
        f"CREATE TABLE t AS SELECT $q${text}$q$::text AS x; /* kept */ CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 1 -- é\n$$;",
    )
    project.migrator().migrate()
    assert project.value("SELECT x FROM t") == text
    assert project.value("SELECT prosrc FROM pg_proc WHERE proname = 'f'") == " SELECT 1 -- é\n"


def test_to_and_count_say_how_far(project: Project) -> None:
    """`count` applies the next ones, `to` all up to and with a name, which may be given without its time."""
    for what in ("a", "b", "c", "d"):
        project.write(what, f"CREATE TABLE {what} (i int);")
    migrator = project.migrator()
    assert len(migrator.migrate(count=1).done) == 1
    assert [done.name[17:] for done in migrator.migrate(to="c").done] == ["b.sql", "c.sql"]
    with pytest.raises(UnknownMigration, match="'zz'"):
        migrator.migrate(to="zz")
    with pytest.raises(UsageError, match="exclude"):
        migrator.migrate(to="c", count=1)
    assert not project.has("d")


def test_a_text_that_the_parser_does_not_know_runs_if_the_user_insists(project: Project) -> None:
    """Another server's grammar, say: refused by default, one transaction with `allow_unparsed`."""
    project.write("odd", "CREATE TABLE t (i int); SELEC 1;")
    with pytest.raises(FaultyMigrations):
        project.migrator().migrate()
    with pytest.raises(StatementFailed) as caught:
        project.migrator().migrate(allow_unparsed=True)
    assert caught.value.place is not None
    assert caught.value.place.line == 2
    assert not project.has("t")


def test_a_run_tells_what_happens(project: Project) -> None:
    """The complete list of events of a run, in order."""
    project.write("one", "CREATE TABLE t (i int);\nDO $$ BEGIN RAISE NOTICE 'hello'; END $$;")
    events: list[Event] = []
    result = project.migrator(observers=[events.append]).migrate()
    assert [type(event).__name__ for event in events] == [
        "RunStarted",
        "StepStarted",
        "StatementStarted",
        "StatementStarted",
        "NoticeReceived",
        "MigrationFinished",
        "StepFinished",
        "RunFinished",
    ]
    assert result.done[0].notices == ("NOTICE: hello",)


def test_an_observer_that_raises_stops_nothing(project: Project) -> None:
    """It is dropped after its first failure."""
    project.write("one", "SELECT 1;")
    calls: list[Event] = []

    def broken(event: Event) -> None:
        calls.append(event)
        raise RuntimeError("a view failed")

    assert len(project.migrator(observers=[broken]).migrate().done) == 1
    assert len(calls) == 1


def test_two_runs_look_the_same(project: Project) -> None:
    """Text and HTML hold no time and no path, so that a stored notebook stays equal."""
    project.write("one", "SELECT pg_sleep(random() / 50);", "SELECT 1;")
    migrator = project.migrator()
    first = migrator.migrate()
    migrator.rollback()
    second = migrator.migrate()
    assert (repr(first), first.html()) == (repr(second), second.html())
    assert first.elapsed != second.elapsed
    assert str(project.root) not in repr(migrator.status()) + migrator.status().html()


def test_what_the_server_said_before_a_failure_is_in_the_error(project: Project) -> None:
    """A failed migration has no result that could show its notices; of many the last are told."""
    said = "DO $$ BEGIN FOR i IN 1..7 LOOP RAISE NOTICE 'row %', i; END LOOP; END $$;"
    project.write("fails", f"{said}\nSELECT 1/0;")
    with pytest.raises(StatementFailed) as caught:
        project.migrator().migrate()
    assert len(caught.value.notices) == 7
    lines = [line.strip() for line in caught.value.details]
    assert [line for line in lines if "row" in line] == [f"NOTICE: row {number}" for number in range(3, 8)]
    assert "… 2 notices before" in lines


def test_a_fault_in_inline_data_is_told_with_its_line(project: Project) -> None:
    """Not that of the COPY: of the row that PostgreSQL refused."""
    up = "CREATE TABLE t (i int);\nCOPY t FROM stdin;\n1\n2\nthree\n\\.\nSELECT 1;"
    name = project.write("data", up)
    with pytest.raises(StatementFailed) as caught:
        project.migrator().migrate()
    assert str(caught.value).startswith(f"{name}:6: invalid input syntax for type integer")
    assert "  6 | three" in caught.value.details
