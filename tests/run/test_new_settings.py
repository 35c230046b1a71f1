"""A migration that changes what new sessions begin with: the next one runs in such a session, however the run is cut."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import psycopg
import pytest

from fsapi_nb.errors import CannotConnect, PartlyApplied, StatementFailed
from fsapi_nb.events import Event, MigrationFinished
from fsapi_nb.model.status import State
from tests.conftest import Project

_PATH = "CREATE SCHEMA app;\n{};"
_DATABASE = "ALTER DATABASE {database} SET search_path = app, public"

_FUNCTION = """CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS
    $$ BEGIN ALTER DATABASE {database} SET search_path = app, public; END $$;
    SELECT f()"""
_TRIGGER = """CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN ALTER DATABASE {database} SET search_path = app, public; RETURN NEW; END $$;
    CREATE TABLE w (i int);
    CREATE TRIGGER f BEFORE INSERT ON w FOR EACH ROW EXECUTE FUNCTION f();
    INSERT INTO w VALUES (1)"""


@pytest.fixture
def role(project: Project) -> Iterator[str]:
    """The role that the tests connect as; what was set for it in the project's database is reset at the end."""
    role = str(project.value("SELECT quote_ident(session_user)"))
    yield role
    project.rows(f"ALTER ROLE {role} IN DATABASE {project.value('SELECT current_database()')} RESET ALL")


def written(project: Project, text: str, role: str = "") -> str:
    """The statement about this database and this role."""
    return text.format(database=project.value("SELECT quote_ident(current_database())"), role=role)


def schema_of_t(project: Project) -> object:
    return project.value("SELECT relnamespace::regnamespace::text FROM pg_class WHERE relname = 't'")


@pytest.mark.parametrize("cut", ["one run", "two runs"])
@pytest.mark.parametrize(
    "change",
    [
        _DATABASE,
        "ALTER ROLE {role} IN DATABASE {database} SET search_path = app, public",
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = app, public', current_database()); END $$",
        _FUNCTION,
        _TRIGGER,
        _DATABASE + ";\nVACUUM pg_am",
    ],
    ids=["database", "role", "code", "function", "trigger", "steps"],
)
def test_the_next_migration_has_the_new_settings(project: Project, role: str, change: str, cut: str) -> None:
    """One run of both files ends in what two runs end in."""
    project.write("a", written(project, _PATH.format(change), role))
    project.write("b", "CREATE TABLE t (id int);")
    if cut == "two runs":
        project.migrator().migrate(count=1)
    project.migrator().migrate()
    assert schema_of_t(project) == "app"


def test_the_new_session_gets_the_lock_whatever_the_timeouts_of_the_run_are(project: Project) -> None:
    """It stands in the queue for longer than that."""
    project.write("a", written(project, _PATH.format(_DATABASE)))
    project.write("b", "CREATE TABLE t (id int);")
    project.migrator(lock_timeout="1ms", statement_timeout="2s").migrate()
    assert schema_of_t(project) == "app"


@pytest.mark.parametrize("behind", ["CREATE TABLE n{0} (i int)", "SELECT {0}", "VACUUM pg_am"])
def test_whatever_follows_runs_once_and_in_order(project: Project, behind: str) -> None:
    """What was sent ahead of the change is run in the new session, and the history says so."""
    names = [project.write("first", "CREATE SEQUENCE s;")]
    names.append(project.write("change", written(project, _PATH.format(_DATABASE))))
    names += [project.write(f"m{number}", f"SELECT nextval('s');\n{behind.format(number)};") for number in range(6)]
    names.append(project.write("last", "CREATE TABLE t (id int);"))
    heard: list[str] = []

    def hear(event: Event) -> None:
        if isinstance(event, MigrationFinished):
            heard.append(event.migration)

    done = project.migrator(observers=[hear]).migrate().done
    assert [each.name for each in done] == heard == names == project.applied()
    assert project.value("SELECT last_value FROM s") == 6
    assert schema_of_t(project) == "app"


def test_a_time_zone_of_the_database_reads_the_next_literal(project: Project) -> None:
    """The same instant in one run as in two."""
    project.write("a", written(project, "ALTER DATABASE {database} SET timezone = 'Asia/Tokyo';"))
    project.write("b", "CREATE TABLE t AS SELECT timestamptz '2026-01-01 09:00' AS at;")
    project.migrator().migrate()
    assert project.value("SELECT at = '2026-01-01 00:00+00' FROM t") is True


def test_a_setting_that_is_taken_back_is_gone_for_the_next_migration(project: Project) -> None:
    """RESET is a change like any other, whatever it was set to by the file before."""
    project.write("a", written(project, _PATH.format(_DATABASE)))
    project.write("b", written(project, "ALTER DATABASE {database} RESET search_path;"))
    project.write("c", "CREATE TABLE t (id int);")
    project.migrator().migrate()
    assert schema_of_t(project) == "public"


def test_the_settings_of_the_run_win_over_those_of_the_database(project: Project) -> None:
    """As they do for a session that connects: lock_timeout, --set values, and the encoding."""
    project.write(
        "a",
        written(
            project,
            "ALTER DATABASE {database} SET lock_timeout = '1min';\nALTER DATABASE {database} SET fsapi.env = 'theirs';\n"
            "ALTER DATABASE {database} SET client_encoding = 'LATIN1';",
        ),
    )
    project.write(
        "b",
        "CREATE TABLE t AS SELECT current_setting('lock_timeout') AS l, current_setting('fsapi.env') AS e, "
        "current_setting('client_encoding') AS c;",
    )
    project.migrator(settings={"env": "ours"}, lock_timeout="3s").migrate()
    assert project.rows("SELECT l, e, c FROM t") == [("3s", "ours", "UTF8")]


def test_a_rollback_that_changes_them_is_heeded_too(project: Project) -> None:
    """The DOWN of the file before runs in a session that has the settings from before."""
    project.write("a", "SELECT 1;", "CREATE TABLE t (id int);")
    project.write(
        "b", written(project, _PATH.format(_DATABASE)), written(project, "ALTER DATABASE {database} RESET ALL;")
    )
    project.migrator().migrate()
    project.migrator().rollback(everything=True)
    assert schema_of_t(project) == "public"


def test_a_runner_that_waited_begins_with_what_the_one_before_it_has_set(project: Project) -> None:
    """Its session was there before the other runner changed the settings."""
    project.write("a", written(project, _PATH.format(_DATABASE)) + "\nSELECT pg_sleep(0.5);")
    project.write("b", "CREATE TABLE t (id int);")
    one = threading.Thread(target=lambda: project.migrator().migrate(count=1))
    waited = threading.Event()

    def hear(event: Event) -> None:
        waited.set()

    one.start()
    while not project.value(
        "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(0.5)%' AND pid <> pg_backend_pid()"
    ):
        pass
    project.migrator(observers=[hear]).migrate()
    one.join()
    assert waited.is_set()
    assert schema_of_t(project) == "app"


def test_no_other_runner_gets_in_between_the_two_sessions(project: Project) -> None:
    """The lock goes from the one session to the other: who waits for it gets it when the run is over."""
    names = [project.write("a", written(project, _PATH.format(_DATABASE)))]
    names += [project.write(f"m{number}", "SELECT 1;") for number in range(3)]
    runs = [threading.Thread(target=lambda: project.migrator().migrate()) for _ in range(4)]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert project.applied() == names
    assert project.value("SELECT count(DISTINCT run_id) FROM migrations_journal") == 1


def test_a_trigger_on_login_counts_as_a_setting(project: Project) -> None:
    """What it does to new sessions it does to that of the next migration."""
    if project.value("SELECT current_setting('server_version_num')::int < 170000"):
        pytest.skip("PostgreSQL 17 and newer have triggers on login")
    project.write(
        "a",
        _PATH.format(
            "CREATE FUNCTION f() RETURNS event_trigger LANGUAGE plpgsql AS "
            "$$ BEGIN PERFORM set_config('search_path', 'app', false); END $$;\n"
            "CREATE EVENT TRIGGER f ON login EXECUTE FUNCTION f()"
        ),
    )
    project.write("b", "CREATE TABLE t (id int);")
    project.migrator().migrate()
    assert schema_of_t(project) == "app"


def test_a_new_session_that_cannot_be_had_ends_the_run_and_the_next_one_goes_on(project: Project) -> None:
    """The error says what is committed."""
    name = project.write("a", written(project, _PATH.format(_DATABASE)))
    project.write("b", "CREATE TABLE t (id int);")
    addresses = iter([project.database] * 2)

    def connector() -> psycopg.Connection:
        for address in addresses:
            return psycopg.connect(address)
        raise psycopg.errors.TooManyConnections("too many connections for this role")

    with pytest.raises(CannotConnect) as caught:
        project.migrator(database=connector).migrate()
    assert caught.value.state == f"this was between two migrations. Done before in this run: {name}."
    assert project.applied() == [name]
    project.migrator().migrate()
    assert schema_of_t(project) == "app"


@pytest.mark.parametrize(
    "reset",
    [
        "ALTER DATABASE {database} RESET timezone",
        "ALTER ROLE {role} IN DATABASE {database} RESET timezone; ALTER DATABASE {database} RESET timezone",
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I RESET timezone', current_database()); END $$",
    ],
    ids=["database", "role", "code"],
)
def test_a_redo_ends_where_a_rollback_and_a_run_end(project: Project, role: str, reset: str) -> None:
    """Its DOWN takes back what its UP had set: the UP runs as it ran the first time."""
    up = (
        "CREATE TABLE t AS SELECT timestamptz '2026-01-01 00:00' AS at;\n"
        "ALTER DATABASE {database} SET timezone = 'Asia/Tokyo';"
    )
    project.write("a", written(project, up), f"DROP TABLE t;\n{written(project, reset, role)};")
    project.migrator().migrate()
    first = project.value("SELECT extract(epoch FROM at) FROM t")
    project.migrator().redo()
    assert project.value("SELECT extract(epoch FROM at) FROM t") == first


@pytest.mark.parametrize("direction", ["up", "down"])
@pytest.mark.parametrize(
    ("before", "change", "name"),
    [
        ("SELECT 1", _DATABASE, "search_path"),
        (_DATABASE, "ALTER DATABASE {database} RESET search_path", "search_path"),
        (_DATABASE, "ALTER DATABASE {database} SET search_path = public, app", "search_path"),
        ("SELECT 1", "ALTER ROLE {role} IN DATABASE {database} SET search_path = app, public", "search_path"),
        ("SELECT 1", _FUNCTION, "search_path"),
        ("SELECT 1", "ALTER DATABASE {database} SET timezone = 'Asia/Tokyo'", "TimeZone"),
    ],
    ids=["set", "reset", "changed", "role", "function", "time zone"],
)
def test_a_migration_does_not_go_on_with_other_settings_than_its_first_steps_had(
    project: Project, role: str, before: str, change: str, name: str, direction: str
) -> None:
    """The refusal says what to put in front of the rest: then it ends where an undisturbed run ends."""
    project.rows("CREATE SCHEMA app; CREATE TABLE may (yes int); INSERT INTO may VALUES (0); CREATE TABLE u (id int)")
    project.rows(written(project, before, role))
    first, zone = str(project.value(f"SHOW {name}")), project.value("SHOW timezone")
    rest = "SELECT 1 / yes FROM public.may;\nCREATE TABLE t AS SELECT timestamptz '2026-01-01 09:00' AS at;"
    steps = f"{written(project, change, role)};\nCREATE INDEX CONCURRENTLY i ON public.u (id);\n{rest}"
    verb = "migrate" if direction == "up" else "rollback"
    up, down = (steps, None) if direction == "up" else ("SELECT 1;", steps)
    file = project.write("a", up, down)
    migrator = project.migrator()
    if direction == "down":
        migrator.migrate()
    with pytest.raises(StatementFailed):
        getattr(migrator, verb)()
    project.rows("UPDATE public.may SET yes = 1")
    with pytest.raises(PartlyApplied) as caught:
        migrator.plan(verb)
    with pytest.raises(PartlyApplied):
        getattr(migrator, verb)()
    (detail,) = caught.value.details
    assert f"{name} was {first}, and is " in detail
    advice = str(caught.value.hint).rpartition("run again: ")[2]
    assert advice.startswith(f"SELECT set_config('{name}', ")
    project.write(
        "a", up.replace(rest, f"{advice}\n{rest}"), down and down.replace(rest, f"{advice}\n{rest}"), name=file
    )
    if direction == "down":
        migrator.repair(file)
    getattr(migrator, verb)()
    schema = "app" if before is _DATABASE else "public"
    assert schema_of_t(project) == schema
    assert project.value(f"SELECT at = timestamp '2026-01-01 09:00' AT TIME ZONE '{zone}' FROM {schema}.t") is True


@pytest.mark.parametrize("earlier", [True, False], ids=["behind another", "the first"])
@pytest.mark.parametrize(
    ("before", "change"),
    [
        ("SELECT 1", "ALTER DATABASE {database} SET search_path = app"),
        ("SELECT 1", "ALTER ROLE {role} IN DATABASE {database} SET search_path = app, elsewhere"),
        (_DATABASE, "ALTER DATABASE {database} RESET search_path"),
    ],
    ids=["set", "role", "reset"],
)
def test_a_run_that_goes_on_finds_the_history_that_its_first_steps_have_left_the_path_of(
    project: Project, role: str, before: str, change: str, *, earlier: bool
) -> None:
    """A new history elsewhere would begin the migration again."""
    project.rows("CREATE SCHEMA app; CREATE TABLE may (yes int); INSERT INTO may VALUES (0); CREATE TABLE u (id int)")
    project.rows(written(project, before, role))
    if earlier:
        project.write("first", "SELECT 1;")
    up = (
        f"INSERT INTO public.u VALUES (1);\n{written(project, change, role)};\nVACUUM public.u;\n"
        "SELECT 1 / yes FROM public.may;"
    )
    name = project.write("a", up)
    with pytest.raises(StatementFailed):
        project.migrator().migrate()
    assert project.migrator().status().statuses[-1].state is State.PARTLY_APPLIED
    project.rows("UPDATE public.may SET yes = 1")
    with pytest.raises(PartlyApplied) as caught:
        project.migrator().migrate()
    advice = str(caught.value.hint).rpartition("run again: ")[2]
    project.write("a", up.replace("SELECT 1 / yes", f"{advice} SELECT 1 / yes"), name=name)
    project.migrator().migrate()
    assert project.value("SELECT count(*) FROM public.u") == 1
    assert project.value("SELECT count(*) FROM pg_class WHERE relname = 'migrations'") == 1
    assert project.migrator().migrate().done == ()


def test_a_migration_goes_on_with_the_settings_that_its_file_makes_itself(project: Project) -> None:
    """Those that the database had before, and that the file sets for itself."""
    project.rows(written(project, "CREATE SCHEMA app; CREATE TABLE may (yes int); INSERT INTO may VALUES (0)"))
    project.rows(written(project, "ALTER DATABASE {database} SET timezone = 'Asia/Tokyo'"))
    change = written(project, _DATABASE)
    project.write(
        "a",
        f"SET search_path = app;\n{change};\nCREATE TABLE u (id int);\nCREATE INDEX CONCURRENTLY i ON u (id);\n"
        "SELECT 1 / yes FROM public.may;\nCREATE TABLE t (id int);",
    )
    with pytest.raises(StatementFailed):
        project.migrator().migrate()
    project.rows("UPDATE public.may SET yes = 1")
    assert project.migrator().plan().plan.notes == ()
    project.migrator().migrate()
    assert schema_of_t(project) == "app"


def test_the_plan_warns_of_settings_that_a_later_step_would_see_only_after_a_failure(project: Project) -> None:
    """The steps of a file share a session; one that would go on after a failure would have the new settings."""
    change = written(project, "ALTER DATABASE {database} SET timezone = 'Asia/Tokyo'")
    rest = "CREATE INDEX CONCURRENTLY i ON t (id);"
    name = project.write("a", f"CREATE TABLE t (id int);\n{change};\n{rest}")
    project.write("b", f"CREATE TABLE u (id int);\nCREATE INDEX CONCURRENTLY j ON u (id);\n{change};")
    assert project.migrator().plan().plan.notes == (
        (
            f"{name}: line 3 (ALTER DATABASE) may change the settings of new sessions: the steps behind it run without them, "
            "and do not go on by themselves if the run is cut off in between; put it into a migration of its own"
        ),
    )
    assert not project.migrator().migrate().notes
