"""What somebody else made under the same name, between a run that was cut off and the next: it is not taken for ours."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fsapi_nb.errors import InDoubt, Interrupted, StatementFailed
from tests.conftest import Project
from tests.run.test_halfway import stop_at

TABLE = "CREATE TABLE t (i int, j int, a text, b text)"
#: What a migration builds, and what another session builds under that name.
OTHERS = [
    ("x ON t (i)", "x ON t (j)"),
    ("x ON t (i)", "x ON t (i, j)"),
    ("x ON t (i)", "x ON t (i DESC)"),
    ("x ON t (i)", "x ON t (i) INCLUDE (j)"),
    ("x ON t (i)", "x ON t (i) WITH (fillfactor = 50)"),
    ("x ON t (i)", "x ON t USING hash (i)"),
    ("x ON t (i) WHERE j > 1", "x ON t (i) WHERE j > 2"),
    ("x ON t (i)", "x ON t (i) WHERE j > 2"),
    ("x ON t (lower(a))", "x ON t (upper(a))"),
    ("x ON t (lower(a))", "x ON t (lower(b))"),
    ("x ON t (a)", "x ON t (a text_pattern_ops)"),
    ('x ON t (a COLLATE "C")', 'x ON t (a COLLATE "POSIX")'),
]
SAME = [
    ("x ON t (i)", "x ON public.t USING btree (i ASC NULLS LAST)"),
    (
        "x ON t (lower(a), (i + j)) WHERE j > 1 AND a <> ''",
        "x ON t (lower((a)::text), ((i)+(j))) WHERE ((j>1) AND (a<>''))",
    ),
    ("x ON t (i) INCLUDE (a) WITH (fillfactor = 70)", 'x ON t ("i") INCLUDE ("a") WITH (fillfactor = 70)'),
    ("ON t (a, b)", "some_name ON t (a, b)"),
]


def cut_off(project: Project, sql: str, *, at: int = 1) -> str:
    """A migration of which that statement was cut off before it was carried out."""
    name = project.write("alone", sql)
    with pytest.raises(Interrupted):
        project.migrator(observers=[stop_at(at)]).migrate()
    return name


@pytest.mark.parametrize(("ours", "theirs"), OTHERS)
def test_another_index_of_that_name_is_not_what_was_to_be_built(project: Project, ours: str, theirs: str) -> None:
    """It is not recorded as built, and it stays; once it is gone, the migration goes on."""
    project.rows(TABLE)
    name = cut_off(project, f"CREATE INDEX CONCURRENTLY {ours};")
    project.rows(f"CREATE INDEX {theirs}")
    with pytest.raises(StatementFailed, match="already exists"):
        project.migrator().migrate()
    assert (project.applied(), project.has("x")) == ([], True)
    project.rows("DROP INDEX x")
    project.migrator().migrate()
    assert project.applied() == [name]


@pytest.mark.parametrize(("ours", "theirs"), SAME)
def test_the_same_index_is_known_however_it_is_written(project: Project, ours: str, theirs: str) -> None:
    """As the server understands both: it is what the statement has made."""
    project.rows(TABLE)
    name = cut_off(project, f"CREATE INDEX CONCURRENTLY {ours};")
    project.rows(f"CREATE INDEX {theirs}")
    project.migrator().migrate()
    assert project.applied() == [name]
    assert project.value("SELECT count(*) FROM pg_index WHERE indrelid = 't'::regclass") == 1


def test_a_unique_index_is_not_the_same_as_one_that_is_not(project: Project) -> None:
    """Else a promise of the migration would be missing, unseen."""
    project.rows(TABLE)
    cut_off(project, "CREATE UNIQUE INDEX CONCURRENTLY x ON t (i);")
    project.rows("CREATE INDEX x ON t (i)")
    with pytest.raises(StatementFailed, match="already exists"):
        project.migrator().migrate()


def test_names_are_found_as_the_script_finds_them(project: Project) -> None:
    """With the search_path that an earlier step has set."""
    function = "CREATE FUNCTION {}.f(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1'"
    project.rows(f"{TABLE}; CREATE SCHEMA app; {function.format('app')}; {function.format('public')}")
    name = cut_off(
        project, "SET search_path TO app, public;\nSELECT 1;\nCREATE INDEX CONCURRENTLY x ON t (f(i));", at=3
    )
    project.rows("CREATE INDEX x ON t (app.f(i))")
    project.migrator().migrate()
    assert project.applied() == [name]


def test_an_invalid_index_of_somebody_else_is_not_dropped(project: Project) -> None:
    """It may be one that is being built at this moment."""
    project.rows(f"{TABLE}; INSERT INTO t VALUES (1, 1), (2, 1)")
    cut_off(project, "CREATE INDEX CONCURRENTLY x ON t (i);")
    with pytest.raises(Exception, match="could not create unique index"):
        project.rows("CREATE UNIQUE INDEX CONCURRENTLY x ON t (j)")
    oid = project.value("SELECT 'x'::regclass::oid")
    with pytest.raises(StatementFailed, match="already exists"):
        project.migrator().migrate()
    assert project.value("SELECT 'x'::regclass::oid") == oid


def test_an_index_that_cannot_be_compared_is_in_doubt(project: Project) -> None:
    """Nothing is guessed."""
    project.rows(TABLE)
    name = cut_off(project, "CREATE INDEX CONCURRENTLY x ON t (i, no_such_column);")
    project.rows("CREATE INDEX x ON t (i)")
    with pytest.raises(InDoubt, match=r"whether it made the index that is there: CREATE INDEX x ON public\.t"):
        project.migrator().migrate()
    project.migrator().resolve(name, done=True)
    assert project.applied() == [name]


@pytest.fixture
def extra(project: Project) -> Iterator[str]:
    """The name of another database, gone at the end."""
    name = f"{project.value('SELECT current_database()')}_extra"
    yield name
    project.rows(f"DROP DATABASE IF EXISTS {name}")


def test_a_database_that_was_dropped_and_made_again_is_not_dropped(project: Project, extra: str) -> None:
    """The one that was to be dropped is gone: the other one is somebody's."""
    project.rows(f"CREATE DATABASE {extra}")
    name = cut_off(project, f"DROP DATABASE {extra};")
    project.rows(f"DROP DATABASE {extra}")
    project.rows(f"CREATE DATABASE {extra}")
    project.migrator().migrate()
    assert project.applied() == [name]
    assert project.value(f"SELECT EXISTS (SELECT FROM pg_database WHERE datname = '{extra}')")


def test_a_database_of_another_owner_is_not_what_was_to_be_made(project: Project, extra: str) -> None:
    """PostgreSQL says that the name is taken."""
    cut_off(project, f"CREATE DATABASE {extra};")
    project.rows(f"CREATE DATABASE {extra} OWNER pg_monitor")
    with pytest.raises(StatementFailed, match="already exists"):
        project.migrator().migrate()
    assert project.applied() == []


@pytest.mark.parametrize("publications", ["b", "a, b"])
def test_a_subscription_to_something_else_is_not_what_was_to_be_made(project: Project, publications: str) -> None:
    """The same name and other publications."""
    name = project.value("SELECT current_database()")
    sql = "CREATE SUBSCRIPTION {} CONNECTION '' PUBLICATION {} WITH (connect = false)"
    cut_off(project, f"-- fsapi: transaction=off\n{sql.format(name, 'a')};")
    project.rows(sql.format(name, publications))
    try:
        with pytest.raises(StatementFailed, match="already exists"):
            project.migrator().migrate()
    finally:
        project.rows(f"ALTER SUBSCRIPTION {name} SET (slot_name = NONE)")
        project.rows(f"DROP SUBSCRIPTION {name}")


@pytest.mark.parametrize("comment", ["-- down: drop it\n", "/* down */", "\n-- CHECK: a check\n", "\n-- Up: so\n"])
def test_a_comment_inside_a_statement_that_was_cut_off_is_a_comment(project: Project, comment: str) -> None:
    """What the journal has kept is no file: nothing in it is a marker."""
    project.rows(TABLE)
    text = f"CREATE INDEX CONCURRENTLY x {comment} ON t (i);\n"
    if "CHECK" not in comment:
        text = f"-- UP\n{text}-- DOWN\nDROP INDEX x;\n"
    name = project.write_text("2026_01_01_00_00_commented.sql", text)
    with pytest.raises(Interrupted):
        project.migrator(observers=[stop_at(1)]).migrate()
    project.rows("CREATE INDEX x ON t (i)")
    project.migrator().migrate()
    assert project.applied() == [name]
