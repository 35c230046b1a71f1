"""Definitions that run code which their text does not show: nothing of what that code does to the session is relied on."""

from __future__ import annotations

import pytest

from tests.conftest import Project

_SEEN = (
    "CREATE TABLE public.{0} AS SELECT current_user::text, current_setting('search_path') AS path, "
    "current_setting('TimeZone') AS z, (SELECT count(*) FROM pg_prepared_statements) AS p;"
)
#: What code may do to its session or to new ones.
_DOES = {
    "role": "PERFORM set_config('role', 'pg_monitor', false);",
    "path": "PERFORM set_config('search_path', 'app', false);",
    "time zone": "PERFORM set_config('TimeZone', 'Asia/Tokyo', false);",
    "deallocate": "EXECUTE 'DEALLOCATE ALL';",
    "prepare": "IF NOT EXISTS (SELECT FROM pg_prepared_statements WHERE name = 'p') THEN EXECUTE 'PREPARE p AS SELECT 1'; END IF;",
}
#: Definitions that call it, by their defaults, checks, indexes and new values.
_CALLS = [
    "ALTER TABLE w ADD COLUMN c text DEFAULT public.f();",
    "ALTER TABLE w ADD CHECK (public.f() = 'x');",
    "ALTER TABLE w ADD COLUMN c checked;",
    "ALTER TABLE w ALTER i TYPE text USING public.f();",
    "ALTER TABLE kept ALTER i TYPE bigint;",
    "ALTER DOMAIN plain ADD CHECK (public.f() = 'x');",
    "CREATE TABLE part PARTITION OF parts FOR VALUES IN (public.f());",
]


def prepared(project: Project, does: str) -> None:
    """A schema whose functions do that, and tables that may call them."""
    body = f"LANGUAGE plpgsql AS $$ BEGIN {does} RETURN 'x'; END $$"
    project.rows(
        "CREATE SCHEMA app; CREATE TABLE w (i int); INSERT INTO w VALUES (1); CREATE DOMAIN plain AS text;"
        f"CREATE FUNCTION f() RETURNS text {body};"
        "CREATE TABLE kept (i int CHECK (public.f() = 'x')); CREATE TABLE held (p plain); INSERT INTO held VALUES ('x');"
        "CREATE TABLE parts (c text) PARTITION BY LIST (c); CREATE DOMAIN checked AS text DEFAULT public.f();"
    )
    project.rows("INSERT INTO kept VALUES (1)")


def run_between(project: Project, code: str) -> None:
    """A run of that definition among others, and what the session is like before and behind it."""
    project.write("before", _SEEN.format("before"))
    project.write("plain", "CREATE TABLE plain1 (i int);")
    project.write("code", code)
    project.write("plain", "CREATE TABLE plain2 (i int);")
    project.write("after", _SEEN.format("after"))
    assert len(project.migrator().migrate().done) == 5
    assert project.rows("SELECT * FROM public.before") == project.rows("SELECT * FROM public.after")
    late = project.rows("SELECT max(applied_at) - min(applied_at) < interval '1 h' FROM migrations")
    assert late == [(True,)]
    assert project.has("public.plain2")


@pytest.mark.parametrize("does", _DOES.values(), ids=_DOES)
def test_a_default_may_do_anything_to_the_session(project: Project, does: str) -> None:
    """The history is written by the role, and at the time, that it always is; the next file finds the session as it began."""
    prepared(project, does)
    run_between(project, _CALLS[0])


@pytest.mark.parametrize("code", _CALLS[1:])
def test_whatever_calls_code_may_take_a_role(project: Project, code: str) -> None:
    """Checks, domains, new values, bounds of partitions."""
    prepared(project, _DOES["role"])
    run_between(project, code)


@pytest.mark.parametrize(
    "code",
    [
        "CREATE TABLE keyed (i int) PARTITION BY LIST ((i + public.g()));",
        "CREATE TABLE made (i int, g int GENERATED ALWAYS AS (i + public.g()) STORED);",
        "CREATE AGGREGATE public.a (text) (SFUNC = public.s, STYPE = checked, INITCOND = 'x');",
    ],
)
def test_a_definition_may_compute_what_is_constant_in_it(project: Project, code: str) -> None:
    """Keys of partitions, generated columns, and the first value of an aggregate, which may be a domain's with a check."""
    prepared(project, "")
    project.rows(
        "CREATE FUNCTION g() RETURNS int IMMUTABLE LANGUAGE plpgsql AS "
        "$$ BEGIN PERFORM set_config('search_path', 'app', false); RETURN 1; END $$;"
        "CREATE FUNCTION s(checked, text) RETURNS checked LANGUAGE plpgsql AS 'BEGIN RETURN $1; END';"
        "ALTER DOMAIN checked ADD CHECK (public.g() = 1)"
    )
    run_between(project, code)


@pytest.mark.parametrize("does", [_DOES["path"], _DOES["time zone"], _DOES["deallocate"], _DOES["prepare"]])
@pytest.mark.parametrize("made", ["before the run", "in the run"])
def test_an_event_trigger_may_do_anything_to_the_session(project: Project, does: str, made: str) -> None:
    """It runs code at every definition, whether the database had it or a file of the run has just made it."""
    trigger = (
        f"CREATE FUNCTION t() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN {does} END $$;\n"
        "CREATE EVENT TRIGGER t ON ddl_command_end WHEN TAG IN ('COMMENT') EXECUTE FUNCTION t();"
    )
    project.rows("CREATE SCHEMA app; CREATE TABLE w (i int)")
    if made == "before the run":
        project.rows(trigger)
    else:
        project.write("trigger", trigger)
        for number in range(3):
            project.write("between", f"CREATE TABLE between{number} (i int);")
        project.migrator().migrate(count=1)
    project.write("comment", "COMMENT ON TABLE w IS 'x';")
    project.write("plain", "CREATE TABLE plain (i int);")
    project.write("after", _SEEN.format("after"))
    project.migrator().migrate()
    role = str(project.value("SELECT session_user"))
    assert project.rows("SELECT * FROM public.after") == [(role, '"$user", public', project.value("SHOW TimeZone"), 0)]
    assert project.has("public.plain")


def test_settings_of_the_database_that_unseen_code_changes_are_those_of_the_next_file(project: Project) -> None:
    """By a default, and by an event trigger: a run ends where two end."""
    name = project.value("SELECT current_database()")
    prepared(project, f"EXECUTE 'ALTER DATABASE {name} SET search_path = app, public';")
    project.write("code", _CALLS[0])
    project.write("plain", "CREATE TABLE t (i int);")
    project.migrator().migrate()
    assert project.has("app.t")
    project.rows(
        f"CREATE FUNCTION e() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"EXECUTE 'ALTER DATABASE {name} RESET search_path'; END $$;"
        "CREATE EVENT TRIGGER e ON sql_drop EXECUTE FUNCTION e()"
    )
    project.write("drop", "DROP TABLE w;")
    project.write("plain", "CREATE TABLE u (i int);")
    project.migrator().migrate()
    assert project.has("public.u")
