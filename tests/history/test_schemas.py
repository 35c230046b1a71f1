"""Many schemas of one database: each with its own history, chosen by `schema`, never guessed from file names."""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from fsapi_nb import Migrator
from fsapi_nb.cli import main
from fsapi_nb.errors import ConfigurationError, FsapiError, HistoryError, UsageError
from fsapi_nb.model.status import State
from tests.conftest import Project

NASTY = 'We "ird, x'


@pytest.fixture
def items(project: Project) -> Project:
    """A folder of two files, and the schemas t_a and t_b."""
    project.rows("CREATE SCHEMA t_a; CREATE SCHEMA t_b")
    project.write("items", "CREATE TABLE items (i int);", "DROP TABLE IF EXISTS items;")
    project.write("tags", "CREATE TABLE tags (i int);", "DROP TABLE IF EXISTS tags;")
    return project


def on_path(project: Project, path: str) -> str:
    return make_conninfo(project.database, options=f"-c search_path={path}")


def database_name(project: Project) -> str:
    return str(project.value("SELECT current_database()"))


def tables(project: Project, schema: str) -> set[str]:
    """The tables in a schema but those of the history."""
    rows = project.rows(f"SELECT tablename FROM pg_tables WHERE schemaname = '{schema}' AND tablename !~ '^migrations'")
    return {name for (name,) in rows}


# -- whose history it is -----------------------------------------------------------------------------------------


def refuse_all(migrator: Migrator, *schemas: str) -> None:
    """Every verb refuses, names these schemas, and says the option."""
    for verb in (migrator.status, migrator.plan, migrator.migrate, migrator.rollback, migrator.history):
        with pytest.raises(HistoryError) as caught:
            verb()
        text = str(caught.value)
        assert all(schema in text for schema in (*schemas, "--schema")), text
        assert "Database: unchanged." in text


def test_the_history_of_another_schema_is_not_taken(items: Project) -> None:
    """With the same files: nothing is said to be applied, and nothing of the other schema is rolled back."""
    items.migrator(database=on_path(items, "t_a")).migrate()
    refuse_all(items.migrator(database=on_path(items, "t_b")), "t_a", "t_b")
    assert items.value("SELECT count(*) FROM t_a.migrations") == 2
    assert len(items.migrator(database=on_path(items, "t_b"), schema="t_b").migrate().done) == 2
    items.migrator(database=on_path(items, "t_b")).rollback(everything=True)
    assert tables(items, "t_a") == {"items", "tags"}
    assert tables(items, "t_b") == set()


def test_the_refusal_says_what_is_there_and_what_goes_on(items: Project) -> None:
    """Both schemas, and the option for either."""
    items.migrator(database=on_path(items, "t_a")).migrate()
    with pytest.raises(HistoryError) as caught:
        items.migrator(database=on_path(items, "t_b")).migrate()
    assert str(caught.value).splitlines() == [
        "the history of these files is t_a.migrations, and this session works in the schema t_b",
        "  to go on with t_a: --schema t_a",
        "  to migrate t_b as well, with a history of its own: --schema t_b",
        '  if only the history is meant to be in t_a: [tool.fsapi_nb] schema = "t_a" in pyproject.toml',
        "Database: unchanged.",
        "→ say which schema is meant, such as --schema t_b",
    ]


@pytest.mark.parametrize("how", ["option", "path"])
def test_a_schema_that_was_chosen_is_not_worked_in_by_who_chooses_none(items: Project, how: str) -> None:
    """To forget --schema, or the options of an address, is no reason to roll back there what stands there."""
    if how == "option":
        items.migrator(schema="t_a").migrate()
    else:
        items.migrator(database=on_path(items, "t_a")).migrate()
    refuse_all(items.migrator(), "t_a", "public")
    assert items.value("SELECT count(*) FROM t_a.migrations") == 2
    assert tables(items, "t_a") == {"items", "tags"}
    assert len(items.migrator(schema="public").migrate().done) == 2


def test_a_history_that_nobody_chose_is_found_from_the_default_path(items: Project) -> None:
    """The database's search_path was another one when it was made: it is not forgotten."""
    items.rows(f"ALTER DATABASE {database_name(items)} SET search_path = t_a")
    items.migrator().migrate()
    items.rows(f"ALTER DATABASE {database_name(items)} RESET search_path")
    assert items.migrator().migrate().done == ()


@pytest.mark.parametrize("how", ["DATABASE", "ROLE"])
def test_nor_is_it_where_database_or_role_set_the_search_path(items: Project, how: str) -> None:
    """Whoever set it meant that schema."""
    items.migrator(schema="t_a").migrate()
    name = database_name(items)
    whom = f"DATABASE {name}" if how == "DATABASE" else f"ROLE CURRENT_USER IN DATABASE {name}"
    items.rows(f"ALTER {whom} SET search_path = t_b")
    refuse_all(items.migrator(), "t_a", "t_b")


def test_nor_is_it_by_a_variable_of_the_environment(items: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """PGOPTIONS sets the search_path, too; and one without any schema that exists is no reason to take another's."""
    items.migrator(schema="t_a").migrate()
    for path, works in (("t_b", "t_b"), ("nowhere", "has no schema")):
        monkeypatch.setenv("PGOPTIONS", f"-c search_path={path}")
        refuse_all(items.migrator(), "t_a", works)


def test_a_script_that_sets_the_search_path_of_another_schemas_sessions_counts_for_nothing(items: Project) -> None:
    """Only a history whose own script set the path that this session has is found from there."""
    items.write("path", f"ALTER DATABASE {database_name(items)} SET search_path TO elsewhere;")
    items.migrator(schema="t_a").migrate()
    items.rows(f"ALTER DATABASE {database_name(items)} SET search_path TO t_b")
    refuse_all(items.migrator(), "t_a", "t_b")


def test_a_projects_history_behind_another_projects_is_found(items: Project) -> None:
    """Two projects with a history each, and both schemas in the search_path: nothing runs a second time."""
    items.rows("CREATE SCHEMA app")
    items.migrator().migrate()
    items.migrator(schema="app").query(
        "CREATE TABLE migrations (id serial PRIMARY KEY, name varchar(255), applied_at timestamp, duration_ms int);"
        "INSERT INTO migrations (name) VALUES ('2020_01_01_00_00_theirs.sql')"
    )
    items.rows(f"ALTER DATABASE {database_name(items)} SET search_path = app, public")
    assert items.migrator().migrate().done == ()
    assert {status.state for status in items.migrator().status().statuses} == {State.APPLIED}
    items.migrator().rollback()
    assert items.value("SELECT count(*) FROM public.migrations") == 1
    assert items.value("SELECT count(*) FROM app.migrations") == 1


def test_an_empty_history_before_the_one_that_knows_the_files_is_a_question(items: Project) -> None:
    """It may be a new schema's, or an accident: neither is guessed."""
    items.migrator().migrate()
    items.migrator(schema="t_a").fresh(yes=True, migrate=False)
    items.rows("TRUNCATE t_a.migrations_journal")
    refuse_all(items.migrator(database=on_path(items, "t_a,public")), "t_a.migrations", "public.migrations")
    assert len(items.migrator(schema="t_a").migrate().done) == 2


def test_a_history_that_was_rolled_back_is_still_that_of_its_schema(items: Project) -> None:
    """Its journal knows the files: another schema behind it in the search_path is not taken for it."""
    items.migrator().migrate()
    items.migrator(schema="t_a").migrate()
    items.migrator(schema="t_a").rollback(everything=True)
    database = on_path(items, "t_a,public")
    assert len(items.migrator(database=database).migrate().done) == 2
    assert tables(items, "t_a") == {"items", "tags"}


def test_a_history_outside_of_the_default_path_is_not_hidden_by_another_projects(items: Project) -> None:
    """The search_path of nobody's choice has another project's history: nothing of these files runs again."""
    items.migrator(schema="t_a").migrate()
    items.rows(
        "CREATE TABLE migrations (LIKE t_a.migrations INCLUDING ALL);"
        "INSERT INTO migrations (id, name) VALUES (1, '2020_01_01_00_00_theirs.sql')"
    )
    refuse_all(items.migrator(), "public.migrations", "t_a.migrations")


# -- one folder, many schemas ------------------------------------------------------------------------------------


def test_one_folder_serves_many_schemas(items: Project) -> None:
    """Each with a history of its own: what is applied, rolled back or dropped in one is not touched in another."""
    items.rows(f"""CREATE SCHEMA {'"We ""ird, x"'}""")
    for schema in ("t_a", "t_b", NASTY):
        migrator = items.migrator(schema=schema)
        assert [status.state for status in migrator.status().statuses] == [State.PENDING] * 2
        assert len(migrator.migrate().done) == 2
        assert tables(items, schema) == {"items", "tags"}
    items.migrator(schema="t_a").rollback(everything=True)
    assert len(items.migrator(schema=NASTY).fresh(yes=True).drops) == 2
    items.migrator(schema=NASTY).rollback()
    assert [tables(items, schema) for schema in ("t_a", "t_b", NASTY, "public")] == [
        set(),
        {"items", "tags"},
        {"items"},
        set(),
    ]


def test_each_file_begins_with_the_schemas_search_path(items: Project) -> None:
    """Whatever the file before it has set, and for its DOWN as well."""
    items.write(
        "elsewhere", "SET search_path = public; CREATE TABLE here (i int); RESET ALL;", "DROP TABLE public.here;"
    )
    items.write("after", "CREATE TABLE after AS SELECT current_setting('search_path') AS path;", "DROP TABLE after;")
    items.rows(f"ALTER DATABASE {database_name(items)} SET search_path = t_b")
    items.migrator(schema="t_a").migrate()
    assert items.value("SELECT path FROM t_a.after") == '"t_a", public'
    assert tables(items, "public") == {"here"}
    items.migrator(schema="t_a").rollback(everything=True)
    assert tables(items, "t_a") == set()


def test_query_diagram_check_and_connections_are_confined(items: Project) -> None:
    """A name without a schema is that schema's, and the picture shows its tables alone."""
    for schema in ("t_a", "t_b"):
        items.migrator(schema=schema).migrate()
    migrator = items.migrator(schema="t_b")
    migrator.query("INSERT INTO items VALUES (7)")
    assert items.value("SELECT i FROM t_b.items") == 7
    assert items.value("SELECT count(*) FROM t_a.items") == 0
    assert "t_a" not in str(migrator.diagram())
    assert "items" in str(migrator.diagram())
    assert migrator.check("one", "SELECT count(*) = 1 FROM items").passed
    with migrator.connect() as connection:
        assert connection.execute("SELECT i FROM items").fetchone() == (7,)
    assert not migrator.same_database(items.migrator(schema="t_a"))


def test_fresh_of_one_schema_leaves_what_the_database_has_once(items: Project) -> None:
    """Schemas, publications and extensions serve the other schemas, too."""
    items.write(
        "shared", "CREATE SCHEMA IF NOT EXISTS shared; CREATE TABLE IF NOT EXISTS shared.x (i int);", "SELECT 1;"
    )
    for schema in ("t_a", "t_b"):
        items.migrator(schema=schema).migrate()
    items.migrator(schema="t_a").fresh(yes=True, migrate=False)
    assert items.has("shared.x")
    assert tables(items, "t_a") == set()
    assert tables(items, "t_b") == {"items", "tags"}


def test_a_schema_that_does_not_exist_is_refused_with_the_command_that_makes_it(items: Project) -> None:
    """By every verb, reading ones too: pasted, the command goes on."""
    migrator = items.migrator(schema="T new")
    for verb in (migrator.status, migrator.plan, migrator.migrate):
        with pytest.raises(HistoryError) as caught:
            verb()
        assert str(caught.value).splitlines() == [
            "there is no schema 'T new'",
            "Database: unchanged.",
            '→ create it, or look at the name: CREATE SCHEMA "T new"; (query runs it with --schema public)',
        ]
    with pytest.raises(HistoryError, match="T new"):
        migrator.query("CREATE TABLE somewhere_else (i int)")
    items.migrator(schema="public").query('CREATE SCHEMA "T new"')
    assert len(migrator.migrate().done) == 2


def test_two_schemas_do_not_wait_for_each_other(items: Project) -> None:
    """The lock is one schema's."""
    items.migrator(schema="t_a").migrate()
    with psycopg.connect(items.database) as other:
        other.execute("LOCK TABLE t_a.items")
        assert len(items.migrator(schema="t_b", max_wait=0).migrate().done) == 2


def test_what_was_cut_off_is_looked_for_in_its_own_schema(items: Project) -> None:
    """An index of that name on another schema's table, which the search_path leads to as well, is not the one."""
    items.write("index", "CREATE INDEX CONCURRENTLY items_i ON items (i);", "DROP INDEX items_i;")
    items.migrator(schema="public").migrate()
    items.migrator(schema="t_a").migrate(count=2)
    with psycopg.connect(items.database) as blocker, ThreadPoolExecutor() as threads:
        blocker.execute("LOCK TABLE t_a.items IN ACCESS EXCLUSIVE MODE")
        run = threads.submit(items.migrator(schema="t_a", lock_timeout="30s").migrate)
        killed: Sequence[object] = ()
        while not killed and not run.done():
            killed = items.rows(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE wait_event_type = 'Lock' AND query ~ 'CONCURRENTLY'"
            )
        with pytest.raises(FsapiError):
            run.result()
    assert not items.has("t_a.items_i")
    items.migrator(schema="t_a").migrate()
    assert items.value("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('t_a.items_i')") is True
    items.migrator(schema="t_a").rollback()
    assert items.has("public.items_i")


# -- where it is chosen ------------------------------------------------------------------------------------------


def test_option_variable_and_database_choose_in_this_order(items: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """The database's `schema` in pyproject.toml, before it FSAPI_NB_SCHEMA, before it the option."""
    (items.root / "pyproject.toml").write_text(
        f'[tool.fsapi_nb.databases.acme]\nurl = "{items.database}"\nschema = "t_a"\n'
    )
    items.migrator(database="acme").migrate()
    assert tables(items, "t_a") == {"items", "tags"}
    monkeypatch.setenv("FSAPI_NB_SCHEMA", "t_b")
    items.migrator(database="acme").migrate(count=1)
    assert tables(items, "t_b") == {"items"}
    items.migrator(database="acme", schema="public").migrate(count=1)
    assert tables(items, "public") == {"items"}


@pytest.mark.parametrize("name", ["", "pg_temp", "$user", "information_schema", "x" * 64, "a\x00b"])
def test_a_name_that_would_mean_another_schema_is_refused(items: Project, name: str) -> None:
    """An empty one never falls through to the schema that would be worked in without it."""
    with pytest.raises(ConfigurationError, match="--schema"):
        items.migrator(schema=name)


def test_the_dotenv_file_may_say_it_and_every_result_names_it(items: Project) -> None:
    """As the database's address may stand there."""
    (items.root / ".env").write_text("FSAPI_NB_SCHEMA=t_b\n")
    result = items.migrator().migrate()
    assert tables(items, "t_b") == {"items", "tags"}
    assert "schema t_b" in result.headline()
    assert result.to_json()["schema"] == "t_b"
    assert "schema t_a" in items.migrator(schema="t_a").status().headline()
    (items.root / ".env").write_text("FSAPI_NB_SCHEMA=\n")
    with pytest.raises(ConfigurationError, match=r"FSAPI_NB_SCHEMA in \.env is empty"):
        items.migrator()


def test_an_empty_variable_is_refused(items: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """As every setting that is set, but empty."""
    monkeypatch.setenv("FSAPI_NB_SCHEMA", "")
    with pytest.raises(ConfigurationError, match="FSAPI_NB_SCHEMA is empty"):
        items.migrator()


def test_the_terminal_takes_it_for_every_verb(items: Project, capsys: pytest.CaptureFixture[str]) -> None:
    """A diagram's own option of that name means the same: this schema."""
    options = ["--database", items.database, "--dir", str(items.folder), "--json"]
    assert main(["migrate", "--schema", "t_a", *options]) == 0
    assert main(["query", "--schema", "t_a", "SELECT count(*) FROM items", *options]) == 0
    capsys.readouterr()
    assert main(["migrate:diagram", "--schema", "t_a", *options]) == 0
    assert "t_b" not in capsys.readouterr().out
    assert main(["migrate:status", "--schema", "t_b", *options]) == 0
    states = {each["state"] for each in json.loads(capsys.readouterr().out)["migrations"]}
    assert states == {"pending"}
    with pytest.raises(UsageError, match="nowhere"):
        items.migrator().diagram(["nowhere"])
