"""Names of schemas and history tables with what placeholders and formats are written with, and of the greatest length."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from psycopg.conninfo import make_conninfo

from fsapi_nb import Migrator
from fsapi_nb.errors import ConfigurationError, FsapiError, HistoryError
from fsapi_nb.views.results.base import Result
from tests.conftest import Project

ODD = ["a%b", "p%(x)s%%s", "d{}{0}{name}", "q\"u'o\\", "$1:x;--"]


def every_verb(project: Project, migrator: Migrator) -> Iterator[Result]:
    """Carry out every verb that reads or writes the history, and yield what each gives."""
    yield from (migrator.status(), migrator.pending(), migrator.plan())
    yield from (migrator.migrate(count=1), migrator.migrate(), migrator.status(), migrator.show("a"))
    yield from (migrator.history(), migrator.blockers(), migrator.diagram(), migrator.query("SELECT 1"))
    yield from (migrator.redo(), migrator.rollback(), migrator.baseline("b", yes=True))
    (file,) = project.folder.glob("*_b.sql")
    file = file.rename(file.with_name(file.name.replace("_b.sql", "_c.sql")))
    yield migrator.rename("b", file.name)
    file = file.rename(project.root / file.name)
    yield from (migrator.retire(["c"]), migrator.retire(["c"], undo=True), migrator.plan("rollback"))
    file.rename(project.folder / file.name)
    yield from (migrator.plan("fresh"), migrator.fresh(yes=True), migrator.status())


@pytest.mark.parametrize("name", ODD)
def test_a_schema_and_a_history_of_any_name_work_in_every_verb(project: Project, name: str) -> None:
    """Nothing in a name is a placeholder of a query or of a text, nor ends it."""
    project.write("a", "CREATE TABLE a (i int);\nCREATE INDEX CONCURRENTLY ai ON a (i);", "DROP TABLE a;")
    project.write("b", "CREATE TABLE b (i int);", "DROP TABLE b;")
    quoted = name.replace('"', '""')
    project.rows(f'CREATE SCHEMA "{quoted}"')
    set_table(project, name.replace("\\", "\\\\").replace('"', '\\"'))
    for result in every_verb(project, project.migrator(schema=name)):
        assert result.lines(times=True)
        assert result.html()
    assert project.value(f'SELECT count(*) FROM "{quoted}"."{quoted}"') == 2


def set_table(project: Project, name: str, key: str = "table") -> None:
    """Name the history's table, or its schema, in the project's settings."""
    (project.root / "pyproject.toml").write_text(f'[tool.fsapi_nb]\n{key} = "{name}"\n')


@pytest.mark.parametrize(
    "name", ["h" * 55, "é" * 27 + "h", "表" * 18 + "h"], ids=["one byte", "two bytes", "three bytes"]
)
def test_the_longest_history_that_works_is_named_where_it_is_longer(project: Project, name: str) -> None:
    """Two tables are named after it, and PostgreSQL cuts both to one name at 63 bytes, not characters."""
    project.write("a", "CREATE TABLE a (i int);", "DROP TABLE a;")
    assert len(name.encode()) == 55
    for longer in (f"{name}x", f"{name}{'é' * 4}", f"{name}{'x' * 100}"):
        set_table(project, longer)
        with pytest.raises(ConfigurationError) as raised:
            project.migrator().migrate()
        assert f'table = "{name}"' in "\n".join(raised.value.lines())
        assert project.value("SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace") == 0
    set_table(project, name)
    project.migrator().migrate()
    project.migrator().redo()
    assert [
        row for (row,) in project.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
    ] == sorted(["a", name, f"{name}_journal", f"{name}_scripts"])


def test_a_schema_that_postgresql_would_cut_is_refused(project: Project) -> None:
    """The cut name would be another schema."""
    project.write("a", "CREATE TABLE a (i int);")
    project.rows(f'CREATE SCHEMA "{"s" * 63}"')
    set_table(project, "s" * 64, "schema")
    with pytest.raises(ConfigurationError, match=r"64 bytes"):
        project.migrator().status()
    set_table(project, "s" * 63, "schema")
    project.migrator().migrate()
    assert project.value(f'SELECT count(*) FROM "{"s" * 63}".migrations') == 1


@pytest.mark.parametrize("name", ODD)
def test_an_error_about_a_name_says_it_as_it_is(project: Project, name: str) -> None:
    """A schema that is not there, and a table that is another tool's."""
    project.write("a", "CREATE TABLE a (i int);")
    with pytest.raises(FsapiError) as raised:
        project.migrator(schema=name).status()
    assert repr(name) in str(raised.value)
    quoted = name.replace('"', '""')
    assert f'CREATE SCHEMA "{quoted}"' in str(raised.value)
    project.rows(f'CREATE TABLE "{quoted}" (a int)')
    set_table(project, name.replace("\\", "\\\\").replace('"', '\\"'))
    with pytest.raises(FsapiError) as raised:
        project.migrator().migrate()
    assert f"public.{name}" in str(raised.value)


def test_the_role_that_lacks_a_right_is_named_as_sql_writes_it(project: Project) -> None:
    """Not who logged in, but whose rights count; and the statement can be pasted."""
    name = project.write("a", "CREATE TABLE a (i int);", "DROP TABLE a;")
    project.migrator().migrate()
    role = 'odd;"%s{}'
    quoted = '"odd;""%s{}"'
    project.rows_in_session(f"CREATE ROLE {quoted}", f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {quoted}")
    try:
        (project.folder / name).rename(project.folder / name.replace("_a", "_b"))
        migrator = project.migrator(database=make_conninfo(project.database, options=f"-c role={role}"))
        pasted = []
        while True:
            try:
                migrator.rename("a", "b")
                break
            except HistoryError as error:
                assert repr(role) in error.message
                hint = error.hint or ""
                assert hint.endswith(f"TO {quoted};")
                assert hint not in pasted
                pasted.append(hint)
                project.rows(hint.partition(": ")[2])
        assert pasted
    finally:
        project.rows_in_session(f"DROP OWNED BY {quoted}", f"DROP ROLE {quoted}")
