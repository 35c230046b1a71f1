"""Scripts whose steps hand something on in their session: after a failure between two of them, that session is gone."""

from __future__ import annotations

import pytest

from fsapi_nb.errors import DatabaseError, PartlyApplied, StatementFailed
from tests.conftest import Project

BOUNDARY = "CREATE INDEX CONCURRENTLY i ON t (n);\nSELECT 1 / yes FROM may;"
#: What is left in the session, and what uses it behind a step boundary; run again, it would be the same.
SAFE = [
    ("CREATE TEMP VIEW v AS SELECT n FROM t;", "INSERT INTO u SELECT n FROM v;"),
    ("CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS 'SELECT 7';", "INSERT INTO u SELECT pg_temp.f();"),
    ("PREPARE p (int) AS INSERT INTO u VALUES ($1);", "EXECUTE p(7);"),
    ("CREATE TEMP TABLE x (n int);", "INSERT INTO x VALUES (7); INSERT INTO u SELECT n FROM x;"),
    ("SELECT pg_advisory_lock(7);", "INSERT INTO u SELECT 7 FROM pg_locks WHERE locktype = 'advisory' AND objid = 7;"),
    ("SET app.n = 7;", "INSERT INTO u SELECT current_setting('app.n')::int;"),
    ("SELECT set_config('app.n', '7', false);", "INSERT INTO u SELECT current_setting('app.n')::int;"),
    ("SET ROLE pg_monitor; RESET ROLE;", "INSERT INTO u VALUES (7);"),
    ("LISTEN news;", "INSERT INTO u SELECT 7 FROM pg_listening_channels();"),
]
#: The same of what cannot be made again.
LOST = [
    ("CREATE TEMP TABLE x AS SELECT n FROM t;", "INSERT INTO u SELECT n FROM x;", "temporary table x of line 2"),
    ("CREATE TEMP TABLE x (n int); INSERT INTO x VALUES (7);", "INSERT INTO u SELECT n FROM x;", "temporary table x"),
    ("SELECT n INTO TEMP x FROM t;", "DO $$ BEGIN INSERT INTO u SELECT n FROM x; END $$;", "temporary table x"),
    ("CREATE TEMP TABLE x AS SELECT n FROM t;", "DROP TABLE x; INSERT INTO u VALUES (7);", "temporary table x"),
    (
        "CREATE TEMP TABLE x AS SELECT n FROM t;\nCREATE TEMP VIEW v AS SELECT n FROM x;",
        "INSERT INTO u SELECT n FROM v;",
        "temporary view v of line 3",
    ),
    ("CREATE TEMP SEQUENCE s; SELECT nextval('s');", "INSERT INTO u SELECT nextval('s') + 5;", "temporary sequence s"),
    ("INSERT INTO k DEFAULT VALUES;", "INSERT INTO u SELECT currval('k_i_seq') + 6;", "number drawn from a sequence"),
    ("INSERT INTO k DEFAULT VALUES;", "INSERT INTO u SELECT lastval() + 6;", "number drawn from a sequence"),
    ("DECLARE c CURSOR WITH HOLD FOR SELECT 1;", "FETCH c; INSERT INTO u VALUES (7);", "cursor c of line 2"),
    (
        "DO $$ BEGIN PERFORM set_config('app.n', '7', false); END $$;",
        "INSERT INTO u SELECT current_setting('app.n')::int;",
        "setting app.n of line 2",
    ),
    (
        "DO $$ BEGIN PERFORM set_config('app.n', '7', false); END $$;",
        "INSERT INTO d DEFAULT VALUES; INSERT INTO u TABLE d;",
        "setting app.n of line 2",
    ),
    (
        "DO $$ BEGIN SET app.n = 7; END $$;",
        "COPY d (n) FROM stdin;\n\\.\nUPDATE d SET n = 8; INSERT INTO u VALUES (7);",
        "setting app.n of line 2",
    ),
    (
        "DO $$ BEGIN CREATE TEMP TABLE x AS SELECT n FROM t; END $$;",
        "INSERT INTO u SELECT n FROM x;",
        "temporary table x of line 2",
    ),
    (
        "DO $$ BEGIN EXECUTE 'create temporary table if not exists \"X\" as select n from t'; END $$;",
        'INSERT INTO u SELECT n FROM "X";',
        "temporary table X of line 2",
    ),
    (
        "DO $$ BEGIN SET search_path = app, public; END $$;",
        "INSERT INTO u VALUES (7);",
        "setting search_path of line 2",
    ),
]


def written(project: Project, before: str, after: str) -> str:
    """A migration that fails behind what leaves something and before what uses it."""
    project.rows("CREATE TABLE t (n int); INSERT INTO t VALUES (7); CREATE TABLE u (n int); CREATE TABLE k (i serial)")
    project.rows("CREATE TABLE may (yes int); INSERT INTO may VALUES (0); CREATE SCHEMA app")
    project.rows("CREATE TABLE d (n int DEFAULT current_setting('app.n', true)::int)")
    return project.write("handing_on", f"{before}\n{BOUNDARY}\n{after}")


def cut_off(project: Project) -> None:
    """It has failed, and what was in the way is gone."""
    with pytest.raises(StatementFailed, match="division by zero"):
        project.migrator().migrate()
    project.rows("UPDATE may SET yes = 1")


def warnings(project: Project) -> list[str]:
    return [note for note in project.migrator().plan().plan.notes if "is cut off in between" in note]


@pytest.mark.parametrize(("before", "after"), SAFE)
def test_what_is_safe_to_repeat_is_made_again(project: Project, before: str, after: str) -> None:
    """The next run goes on, in a session that has it; nobody needs to be warned."""
    name = written(project, before, after)
    assert not warnings(project)
    cut_off(project)
    project.migrator().migrate()
    assert project.applied() == [name]
    assert [n for (n,) in project.rows("SELECT n FROM u")] == [7]


@pytest.mark.parametrize(("before", "after", "what"), LOST)
def test_what_cannot_be_made_again_is_named_before_anything_runs(
    project: Project, before: str, after: str, what: str
) -> None:
    """In the plan, as a warning; after a failure as a refusal that says what to do."""
    written(project, before, after)
    (warning,) = warnings(project)
    assert f"needs the {what}" in warning
    cut_off(project)
    with pytest.raises(PartlyApplied, match="its first steps left in the old one is gone") as refused:
        project.migrator().migrate()
    assert f"needs the {what}" in str(refused.value)
    assert "CREATE TEMP TABLE IF NOT EXISTS" in str(refused.value)
    assert project.rows("SELECT n FROM u") == []


def test_undisturbed_they_share_a_session(project: Project) -> None:
    """All of it in one run."""
    project.rows("CREATE TABLE t (n int); INSERT INTO t VALUES (7); CREATE TABLE u (n int); CREATE TABLE k (i serial)")
    project.rows("CREATE TABLE may (yes int); INSERT INTO may VALUES (1); CREATE SCHEMA app")
    project.rows("CREATE TABLE d (n int DEFAULT current_setting('app.n', true)::int)")
    for number, (before, after, _) in enumerate(LOST):
        project.write(f"lost_{number}", f"{before}\n{BOUNDARY.replace(' i ON', f' i{number} ON')}\n{after}")
    result = project.migrator().migrate()
    assert project.value("SELECT count(*) FROM u") == len(LOST)
    assert not any("is cut off" in note for note in result.notes)


def test_the_rest_of_the_file_may_make_it_again(project: Project) -> None:
    """As the refusal says: what has not run may be changed."""
    name = written(project, "CREATE TEMP TABLE x AS SELECT n FROM t;", "INSERT INTO u SELECT n FROM x;")
    cut_off(project)
    text = (project.folder / name).read_text()
    again = "CREATE TEMP TABLE IF NOT EXISTS x AS SELECT n FROM t;\nINSERT INTO u"
    (project.folder / name).write_text(text.replace("INSERT INTO u", again))
    project.migrator().migrate()
    assert project.applied() == [name]
    assert project.value("SELECT n FROM u") == 7


def test_what_was_rolled_back_may_run_again_as_a_whole(project: Project) -> None:
    """The other way: one session for all of it."""
    project.rows(
        "CREATE TABLE t (n int); INSERT INTO t VALUES (7); CREATE TABLE may (yes int); INSERT INTO may VALUES (0)"
    )
    up = f"CREATE TABLE v (n int);\nCREATE TEMP TABLE x AS SELECT n FROM t;\n{BOUNDARY}\nINSERT INTO v SELECT n FROM x;"
    name = project.write("handing_on", up, "DROP INDEX i; DROP TABLE v;")
    with pytest.raises(StatementFailed):
        project.migrator().migrate()
    project.rows("UPDATE may SET yes = 1")
    with pytest.raises(PartlyApplied):
        project.migrator().migrate()
    project.migrator().rollback()
    project.migrator().migrate()
    assert project.applied() == [name]
    assert project.value("SELECT n FROM v") == 7


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("CREATE TEMP TABLE x ON COMMIT DROP AS SELECT 1;", "INSERT INTO u VALUES (7);"),
        ("CREATE TEMP TABLE x AS SELECT 1; DROP TABLE x;", "CREATE TABLE x (n int); INSERT INTO u VALUES (7);"),
        ("CREATE TEMP TABLE x AS SELECT 1;", "INSERT INTO u SELECT x.n FROM t AS x;"),
        ("CREATE TEMP TABLE x AS SELECT 1;", "DROP TABLE IF EXISTS x; INSERT INTO u VALUES (7);"),
        ("INSERT INTO k DEFAULT VALUES;", "INSERT INTO k DEFAULT VALUES; INSERT INTO u SELECT 5 + currval('k_i_seq');"),
        ("DO $$ BEGIN CREATE TEMP TABLE t ON COMMIT DROP AS SELECT 8 AS n; END $$;", "INSERT INTO u SELECT n FROM t;"),
        ("DO $$ BEGIN SET LOCAL search_path = app; SET lock_timeout = '3s'; END $$;", "INSERT INTO u VALUES (7);"),
        ("DO $$ BEGIN SET search_path = app; END $$; SET search_path = public;", "INSERT INTO u VALUES (7);"),
    ],
)
def test_what_nobody_needs_keeps_nothing_from_going_on(project: Project, before: str, after: str) -> None:
    """It is gone with its transaction, or dropped, or another thing of that name."""
    name = written(project, before, after)
    assert not warnings(project)
    cut_off(project)
    project.migrator().migrate()
    assert project.applied() == [name]
    assert project.value("SELECT n FROM u") == 7


def test_definitions_need_no_setting_of_ones_own(project: Project) -> None:
    """They run nothing that reads one, unless they name it."""
    before = "CREATE TABLE t (n int);\nDO $$ BEGIN SET app.n = 7; END $$;\nCREATE INDEX CONCURRENTLY i ON t (n);\n"
    project.write("plain", f"{before}CREATE TABLE x (n int); VACUUM t; COMMENT ON TABLE x IS '';")
    assert not warnings(project)
    project.write("named", f"{before}CREATE TABLE y (n int DEFAULT current_setting('app.n')::int);")
    assert len(warnings(project)) == 1


def test_what_cannot_be_set_again_says_so(project: Project) -> None:
    """With its line, what is committed, and what to do."""
    written(project, "PREPARE p AS SELECT n FROM t;", "INSERT INTO u VALUES (7); EXECUTE p;")
    cut_off(project)
    project.rows("ALTER TABLE t RENAME TO away")
    with pytest.raises(
        DatabaseError, match=r'handing_on.sql:2: what an earlier run .* relation "t" does not exist'
    ) as error:
        project.migrator().migrate()
    assert "steps 1 to 2 of 3" in str(error.value)
    project.rows("ALTER TABLE away RENAME TO t")
    project.migrator().migrate()


_USED = "CREATE TEMP TABLE x AS SELECT n FROM t;\nCREATE TABLE v (n int);"


def refused(project: Project, verb: str) -> PartlyApplied:
    with pytest.raises(PartlyApplied, match="cannot go on in a new session") as caught:
        getattr(project.migrator(), verb)()
    return caught.value


@pytest.mark.parametrize(
    ("down", "advice", "then"),
    [
        (None, "write a DOWN below its UP that drops what was made, and `sapi migrate:rollback`", "DROP TABLE v;"),
        (
            "DELETE FROM v; DROP TABLE v;",
            "let its DOWN hold plain DROPs of what was made, and `sapi migrate:rollback`",
            "DROP TABLE v;",
        ),
        ("DROP TABL v;", "let its DOWN hold plain DROPs of what was made, and `sapi migrate:rollback`", "-- by hand"),
        ("DROP TABLE v;", "`sapi migrate:rollback` undoes what was done, so that", "DROP TABLE v;"),
    ],
)
def test_the_advice_is_a_rollback_only_if_there_is_a_down_for_it(
    project: Project, down: str | None, advice: str, then: str
) -> None:
    """What is advised works."""
    name = written(project, _USED, "INSERT INTO v SELECT n FROM x;")
    up = (project.folder / name).read_text()
    project.write_text(name, up + (f"\n-- DOWN\n{down}\n" if down else ""))
    cut_off(project)
    project.rows("DROP INDEX i; CREATE INDEX i ON v (n)")  # its own index is on a table that stays
    assert advice in (refused(project, "migrate").hint or "")
    project.write_text(name, f"{up}\n-- DOWN\n{then}\n")
    if "by hand" in then:
        project.rows("DROP TABLE v")
    project.migrator().rollback()
    project.migrator().migrate()
    assert project.value("SELECT n FROM v") == 7


@pytest.mark.parametrize("verb", ["rollback", "redo"])
def test_a_down_that_cannot_go_on_is_not_advised_to_roll_back(project: Project, verb: str) -> None:
    """Its rest can be changed in the file, which is accepted then."""
    name = written(project, "CREATE TABLE v (n int);", "SELECT 1;")
    rest = "INSERT INTO u SELECT n FROM x;\nDROP TABLE v;"
    down = f"CREATE TEMP TABLE x AS SELECT n FROM t;\n{BOUNDARY.replace(' i ON', ' j ON')}\n{rest}"
    text = (project.folder / name).read_text().replace(BOUNDARY, "")
    project.write_text(name, f"{text}\n-- DOWN\n{down}\n")
    project.migrator().migrate()
    with pytest.raises(StatementFailed):
        getattr(project.migrator(), verb)()
    project.rows("UPDATE may SET yes = 1")
    hint = refused(project, verb).hint or ""
    assert hint.startswith("make what is needed again in the part of its DOWN that has not run")
    assert f"accept that with `sapi migrate:repair {name}`, and run this again" in hint
    again = f"CREATE TEMP TABLE IF NOT EXISTS x AS SELECT n FROM t;\n{rest}"
    project.write_text(name, f"{text}\n-- DOWN\n{down.replace(rest, again)}\n")
    project.migrator().repair(name)
    getattr(project.migrator(), verb)()
    assert project.value("SELECT n FROM u") == 7
    assert project.has("v") is (verb == "redo")


def test_a_part_whose_down_cannot_be_run_is_not_sent_to_resolve(project: Project) -> None:
    """Nothing of it is in doubt; a DOWN of plain DROPs, or of comments only, is recorded."""
    name = project.write("part", f"CREATE TABLE t (n int);\n{BOUNDARY}", "DELETE FROM t; DROP TABLE t;")
    with pytest.raises(StatementFailed):
        project.migrator().migrate()
    with pytest.raises(PartlyApplied, match="is not a plain DROP") as caught:
        project.migrator().rollback()
    assert "resolve" not in (caught.value.hint or "")
    project.rows("DROP TABLE t")
    project.write("part", f"CREATE TABLE t (n int);\n{BOUNDARY}", "-- undone by hand", name=name)
    project.migrator().rollback()
    assert project.migrator().status().statuses[0].state.value == "pending"
