"""Starting anew, and what protects a database from it."""

from __future__ import annotations

import pytest
from psycopg.conninfo import conninfo_to_dict

from fsapi_nb import Migrator
from fsapi_nb.errors import ConfirmationRequired, Interrupted, Protected, QueryFailed, RefusedPlan, StatementFailed
from tests.conftest import Project
from tests.run.test_halfway import stop_at

EVERYTHING = """
CREATE TYPE mood AS ENUM ('a', 'b');
CREATE TYPE pair AS (a int, b int);
CREATE TYPE span AS RANGE (subtype = int);
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE SEQUENCE loose;
CREATE TABLE "odd ""name" (i serial PRIMARY KEY, j int GENERATED ALWAYS AS IDENTITY, m mood, p positive);
CREATE TABLE child (i int REFERENCES "odd ""name");
CREATE TABLE parted (i int) PARTITION BY RANGE (i);
CREATE TABLE part PARTITION OF parted FOR VALUES FROM (1) TO (2);
CREATE VIEW v AS SELECT * FROM child;
CREATE MATERIALIZED VIEW mv AS SELECT * FROM v;
CREATE FUNCTION f(pair, mood[]) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE PROCEDURE p() LANGUAGE sql AS 'SELECT 1';
CREATE AGGREGATE total(int) (SFUNC = int4pl, STYPE = int);
CREATE FUNCTION plus(positive, positive) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE OPERATOR <+> (LEFTARG = positive, RIGHTARG = positive, FUNCTION = plus);
CREATE COLLATION mine FROM "C";
CREATE TEXT SEARCH CONFIGURATION search (COPY = simple);
CREATE STATISTICS st ON i, j FROM "odd ""name";
CREATE EXTENSION pg_trgm;
CREATE SCHEMA extra;
CREATE TABLE extra.t (i int);
CREATE FUNCTION trigger_function() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER tr BEFORE INSERT ON child EXECUTE FUNCTION trigger_function();
"""


def protect(project: Project) -> None:
    (project.root / "pyproject.toml").write_text(
        f'[tool.fsapi_nb.databases.prod]\nurl = "{project.database}"\nprotected = true\n'
    )


def test_fresh_takes_everything_away_and_applies_anew(project: Project) -> None:
    """Tables, and types, functions, views, sequences, schemas and extensions that migrations made."""
    project.write("all", EVERYTHING)
    migrator = project.migrator()
    migrator.migrate()
    result = migrator.fresh(yes=True)
    assert len(result.done) == 1
    kinds = {drop.kind for drop in result.drops}
    assert {"table", "view", "materialized view", "sequence", "type", "function", "procedure", "aggregate"} <= kinds
    assert {"operator", "collation", "text search configuration", "schema", "extension"} <= kinds
    migrator.fresh(yes=True, migrate=False)
    left = project.rows(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind <> 'i' "
        "AND relname NOT LIKE 'migrations%' "
        "UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace "
        "UNION ALL SELECT typname FROM pg_type WHERE typnamespace = 'public'::regnamespace AND typname NOT LIKE '%migrations%' "
        "UNION ALL SELECT nspname FROM pg_namespace WHERE nspname = 'extra'"
    )
    assert left == []
    assert project.applied() == []


def test_fresh_shows_what_it_will_drop_and_needs_yes(project: Project) -> None:
    """Every object, by its name; and nothing happened yet."""
    project.write("t", "CREATE TABLE t (i int);")
    migrator = project.migrator()
    migrator.migrate()
    project.rows("CREATE TABLE by_hand (i int)")
    with pytest.raises(ConfirmationRequired, match=r"table public\.by_hand") as caught:
        migrator.fresh()
    assert caught.value.exit_code == 2
    assert project.has("by_hand")
    assert len(migrator.plan("fresh").plan.drops) == 2


def test_what_extensions_brought_and_other_schemas_hold_stays(project: Project) -> None:
    """An extension that was there before, and what is not ours."""
    project.rows("CREATE EXTENSION citext; CREATE SCHEMA other; CREATE TABLE other.t (i int)")
    project.write("e", "CREATE EXTENSION IF NOT EXISTS citext; CREATE TABLE t (c citext);")
    migrator = project.migrator()
    migrator.migrate()
    migrator.fresh(yes=True)
    assert project.has("other.t")
    assert project.has("t")


def test_what_would_go_elsewhere_is_refused(project: Project) -> None:
    """CASCADE would take a foreign key and a view of another schema with it."""
    project.write("t", "CREATE TABLE t (i int PRIMARY KEY); CREATE TYPE mood AS ENUM ('a');")
    migrator = project.migrator()
    migrator.migrate()
    project.rows("CREATE SCHEMA other; CREATE VIEW other.v AS SELECT * FROM t; CREATE TABLE other.m (i int, m mood)")
    with pytest.raises(RefusedPlan, match=r"other\.v") as caught:
        migrator.fresh(yes=True)
    assert "column other.m.m" in str(caught.value).replace("table column", "column")
    assert project.has("t")
    assert len(project.applied()) == 1


def test_managed_schemas_can_be_named(project: Project) -> None:
    """[tool.fsapi_nb] schemas: then all of them, and only they, are emptied."""
    (project.root / "pyproject.toml").write_text('[tool.fsapi_nb]\nschemas = ["public", "app"]\n')
    project.rows("CREATE SCHEMA app")
    project.write("t", "CREATE TABLE app.t (i int);")
    migrator = project.migrator()
    migrator.migrate()
    migrator.fresh(yes=True)
    assert project.has("app.t")


def test_a_fault_in_the_files_stops_fresh_before_it_drops(project: Project) -> None:
    """Nothing is taken away that could not be built again."""
    project.write("t", "CREATE TABLE t (i int);")
    project.migrator().migrate()
    project.write("bad", "SELEC 1;")
    with pytest.raises(Exception, match="SELEC"):
        project.migrator().fresh(yes=True)
    assert project.has("t")


def test_a_protected_database_shows_the_plan_and_needs_yes(project: Project) -> None:
    """For every verb that changes it, by its name or by its address."""
    protect(project)
    name = project.write("t", "CREATE TABLE t (i int);", "DROP TABLE t;")
    for migrator in (project.migrator(database="prod"), project.migrator()):
        with pytest.raises(ConfirmationRequired, match=name):
            migrator.migrate()
        with pytest.raises(ConfirmationRequired):
            migrator.baseline(name)
    project.migrator(database="prod").migrate(yes=True)
    for verb in ("rollback", "redo"):
        with pytest.raises(ConfirmationRequired, match=name):
            getattr(project.migrator(), verb)()
    assert project.has("t")


def test_fresh_of_a_protected_database_needs_its_name(project: Project) -> None:
    """`--yes` alone is not enough."""
    protect(project)
    project.write("t", "CREATE TABLE t (i int);")
    migrator = project.migrator(database="prod")
    migrator.migrate(yes=True)
    with pytest.raises(Protected, match="--confirm"):
        migrator.fresh(yes=True)
    with pytest.raises(Protected):
        migrator.fresh(yes=True, confirm="another")
    assert len(migrator.fresh(yes=True, confirm=str(project.value("SELECT current_database()"))).done) == 1


def test_a_query_only_reads_a_protected_database(project: Project) -> None:
    """Unless `yes` is said."""
    protect(project)
    migrator = project.migrator(database="prod")
    with pytest.raises(QueryFailed, match="--yes"):
        migrator.query("CREATE TABLE q (i int)")
    assert migrator.query("SELECT 1").to_frame().iloc[0, 0] == 1
    migrator.query("CREATE TABLE q (i int)", yes=True)
    assert project.has("q")


@pytest.mark.parametrize(
    "text",
    [
        "SET TRANSACTION READ WRITE; CREATE TABLE q (i int)",
        "COMMIT; CREATE TABLE q (i int)",
        "BEGIN READ WRITE; CREATE TABLE q (i int)",
        "ROLLBACK; CREATE TABLE q (i int)",
    ],
)
def test_no_text_gets_around_reading_only(project: Project, text: str) -> None:
    """Neither another access mode nor another transaction."""
    protect(project)
    with pytest.raises(QueryFailed):
        project.migrator(database="prod").query(text)
    assert not project.has("q")


def test_a_protected_database_is_recognised_through_the_environment(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PG* variables lead there without any address of ours."""
    protect(project)
    project.write("t", "CREATE TABLE t (i int);")
    names = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "dbname": "PGDATABASE", "password": "PGPASSWORD"}
    for key, value in conninfo_to_dict(project.database).items():
        if key in names and value:
            monkeypatch.setenv(names[key], str(value))
    with pytest.raises(ConfirmationRequired):
        Migrator(None, project.folder).migrate()


def test_a_name_that_is_not_this_databases_is_refused(project: Project) -> None:
    """Also where it is not protected: whoever gives a name means that one."""
    project.write("t", "CREATE TABLE t (i int);")
    project.migrator().migrate()
    with pytest.raises(Protected, match="not elsewhere"):
        project.migrator().fresh(yes=True, confirm="elsewhere")
    assert len(project.applied()) == 1


def test_what_stands_in_no_schema_goes_too(project: Project) -> None:
    """Publications, servers, event triggers; and schemas whose names need quotes."""
    project.write(
        "database",
        'CREATE SCHEMA "My S"; CREATE TABLE "My S".t (i int); CREATE TABLE keep (i int);\n'
        "CREATE PUBLICATION pub FOR TABLE keep;\nCREATE FOREIGN DATA WRAPPER fdw;\nCREATE SERVER srv FOREIGN DATA WRAPPER fdw;\n"
        "CREATE FUNCTION hook() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';\n"
        "CREATE EVENT TRIGGER watch ON ddl_command_end EXECUTE FUNCTION hook();",
    )
    migrator = project.migrator()
    migrator.migrate()
    assert len(migrator.fresh(yes=True).done) == 1


def test_a_fresh_that_fails_in_its_second_half_says_what_was_dropped(project: Project) -> None:
    """The drop is committed by then."""
    name = project.write("t", "CREATE TABLE t (i int);")
    migrator = project.migrator()
    migrator.migrate()
    project.write_text(name, "-- UP\nSELECT 1/0;\n")
    with pytest.raises(StatementFailed, match="1 object had been dropped and the history emptied, which is committed"):
        migrator.fresh(yes=True)


@pytest.mark.parametrize("again", ["migrate", "fresh"])
def test_a_fresh_that_was_cut_off_behind_its_drop_is_finished(project: Project, again: str) -> None:
    """By a migrate, or by a fresh: each ends as an undisturbed one."""
    names = [project.write(each, f"CREATE TABLE {each} (i int);", f"DROP TABLE {each};") for each in ("a", "b")]
    names.append(project.write("c", "CREATE INDEX CONCURRENTLY i ON b (i);"))
    project.migrator().migrate()
    with pytest.raises(Interrupted):
        project.migrator(observers=[stop_at(3)]).fresh(yes=True)
    assert project.applied() == names[:2]
    if again == "migrate":
        project.migrator().migrate()
    else:
        project.migrator().fresh(yes=True)
    assert project.applied() == names
    assert project.value("SELECT indisvalid FROM pg_index WHERE indexrelid = 'i'::regclass")


def test_a_procedure_that_fresh_leaves_is_known_to_commit(project: Project) -> None:
    """In a schema that is not managed: its CALL is a step outside of a transaction."""
    project.rows("CREATE SCHEMA kept")
    project.rows("CREATE PROCEDURE kept.go() LANGUAGE plpgsql AS $$ BEGIN COMMIT; END $$")
    name = project.write("calls", "CREATE TABLE t (i int);\nCALL kept.go();", "DROP TABLE t;")
    project.migrator().migrate()
    assert len(project.migrator().plan("fresh").plan.steps) == 2
    project.migrator().fresh(yes=True)
    assert project.applied() == [name]


@pytest.mark.parametrize(
    ("up", "named"),
    [
        ("CREATE TABLE kept.t (i int);", "table kept.t"),
        ("SET search_path = kept;\nCREATE VIEW v AS SELECT 1;", "view kept.v"),
        ('CREATE SEQUENCE kept."two words";', "sequence kept.two words"),
        ("CREATE MATERIALIZED VIEW kept.m AS SELECT 1;", "materialized view kept.m"),
        ("CREATE TABLE IF NOT EXISTS kept.t (i int);\nINSERT INTO kept.t VALUES (1);", "table kept.t"),
        ("CREATE TABLE IF NOT EXISTS kept.t (i int);\nALTER TABLE kept.t RENAME i TO n;", "table kept.t"),
        ("SET search_path = kept;\nCREATE TABLE IF NOT EXISTS t ();\nCREATE INDEX ON t ((1));", "table kept.t"),
    ],
)
def test_fresh_is_refused_where_what_migrations_made_would_stay(project: Project, up: str, named: str) -> None:
    """In a schema that is not managed: they would run again beside it. The plan says so, and the hint is the way on."""
    project.rows("CREATE SCHEMA kept")
    names = [project.write("a", "CREATE TABLE a ();"), project.write("b", up)]
    project.migrator().migrate()
    for verb in (lambda: project.migrator().plan("fresh"), lambda: project.migrator().fresh(yes=True)):
        with pytest.raises(RefusedPlan, match="beside what they have made") as refused:
            verb()
        assert refused.value.details == (f"  {named} of {names[1]}",)
        assert (refused.value.hint or "").count('schemas = ["public", "kept"]') == 1
    assert project.applied() == names
    (project.root / "pyproject.toml").write_text('[tool.fsapi_nb]\nschemas = ["public", "kept"]\n')
    project.migrator().fresh(yes=True)
    assert project.applied() == names


def test_fresh_leaves_alone_what_scripts_take_away_themselves(project: Project) -> None:
    """Or make only if it is not there: they can run again beside it."""
    project.rows("CREATE SCHEMA kept")
    project.write(
        "a",
        "DROP TABLE IF EXISTS kept.t;\nCREATE TABLE kept.t ();\nCREATE TABLE IF NOT EXISTS kept.u (i int UNIQUE);\n"
        "ALTER TABLE kept.u ADD COLUMN IF NOT EXISTS more int;\nINSERT INTO kept.u VALUES (1) ON CONFLICT DO NOTHING;\n"
        "GRANT SELECT ON kept.u TO PUBLIC;",
    )
    project.write("b", "DROP SCHEMA IF EXISTS other CASCADE;\nCREATE SCHEMA other;\nCREATE TABLE other.t ();")
    project.write("c", "CREATE TABLE kept.gone ();\nDROP TABLE kept.gone;")
    project.migrator().migrate()
    assert len(project.migrator().fresh(yes=True).done) == 3


@pytest.mark.parametrize(
    ("made", "name", "reset"),
    [
        ("ALTER DATABASE {database} SET search_path = app, public", "search_path", "ALTER DATABASE {database} RESET"),
        ("ALTER DATABASE {database} SET TIME ZONE 'Asia/Tokyo'", "TimeZone", "ALTER DATABASE {database} RESET"),
        (
            "ALTER ROLE {role} IN DATABASE {database} SET \"app.tenant\" = 'x'",
            "app.tenant",
            "ALTER ROLE {role} IN DATABASE {database} RESET",
        ),
        (
            "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = app, public', current_database()); END $$",
            "search_path",
            "ALTER DATABASE {database} RESET",
        ),
    ],
)
def test_settings_that_migrations_made_and_that_stay_are_named(
    project: Project, made: str, name: str, reset: str
) -> None:
    """In the plan and in both results, with what takes them back; those that nobody's file makes are not."""
    database, role = project.rows("SELECT quote_ident(current_database()), quote_ident(session_user)")[0]
    project.write("schema", "CREATE SCHEMA app;")
    file = project.write("settings", made.format(database=database, role=role) + ";")
    project.write("behind", "CREATE TABLE t (i int);")
    project.rows(f"ALTER DATABASE {database} SET work_mem = '5MB'")
    migrator = project.migrator()
    assert not any("settings" in note for note in migrator.plan("fresh").plan.notes)
    migrator.migrate()
    statement = f"{reset.format(database=database, role=role)} {name};"
    expected = (
        f"settings of new sessions that migrations make stay, so that all files run with them: {name}; to begin as on an "
        f"empty database, first run {statement}"
    )
    assert expected in migrator.plan("fresh").plan.notes
    assert expected in migrator.fresh(yes=True).notes
    (project.folder / file).unlink()  # what ran was stored
    assert expected in migrator.fresh(yes=True, migrate=False).notes
    project.rows(statement)
    assert not any("settings" in note for note in migrator.plan("fresh").plan.notes)
