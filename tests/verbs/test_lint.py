"""`lint` as a verb: which files it looks at, and what it learns from the database."""

from __future__ import annotations

import json

import pytest

from fsapi_nb import ConfigurationError, UnknownMigration
from fsapi_nb.cli import main
from fsapi_nb.model.folder import FileReading, Folder
from fsapi_nb.text.fold import HTML, TEXT
from fsapi_nb.verbs import lint as verb
from fsapi_nb.views.results import LintResult
from tests.checks.scripts import migration
from tests.checks.written import of_folder
from tests.conftest import Project

NOWHERE = "postgresql://127.0.0.1:1/nothing"


def rules(found: LintResult, *, folded: bool = False) -> list[tuple[str, str]]:
    """Migration and rule of each finding that is a warning or worse, without the times of the files."""
    findings = found.lint.findings if folded else found.lint.shown
    return [(each.place.file[17:-4], each.rule) for each in findings if each.level.value != "note"]


def applied(project: Project, *scripts: str) -> None:
    """Apply migrations of these scripts."""
    for number, script in enumerate(scripts):
        project.write(f"before_{number}", script)
    project.migrator().migrate()


def test_lint_looks_at_what_is_pending(project: Project) -> None:
    """Applied files are history; a name or `everything` shows them as well. Nothing is written."""
    project.write("old", "CREATE TABLE a (x text); DROP TABLE a;")
    project.migrator().migrate()
    project.write("drop", "DROP TABLE IF EXISTS a;")
    project.write("rename", "ALTER TABLE b RENAME TO c;")
    migrator = project.migrator()
    before = project.applied()
    assert rules(migrator.lint()) == [("drop", "ban-drop-table"), ("rename", "renaming-table")]
    assert rules(migrator.lint("rename")) == [("rename", "renaming-table")]
    assert rules(migrator.lint("old")) == []
    assert rules(migrator.lint("old"), folded=True) == [("old", "ban-drop-table")]
    assert [name[17:-4] for name in migrator.lint(everything=True).lint.names] == ["old", "drop", "rename"]
    assert project.applied() == before
    with pytest.raises(UnknownMigration, match="there is no migration 'nothing'"):
        migrator.lint("nothing")


def test_lint_of_an_empty_database_makes_nothing(project: Project) -> None:
    """Not even the tables of the history."""
    project.write("a", "CREATE TABLE a (x int);")
    project.migrator().lint()
    assert not project.has("migrations")


def test_a_folder_without_a_file_is_nothing_to_be_sure_of(project: Project) -> None:
    """`--check` fails: somebody has misspelt the folder, and nothing was looked at."""
    assert project.migrator().lint().headline() == f"Lint: no migration files in {project.folder}."
    assert main(["migrate:lint", "--check", "--database", project.database, "--dir", str(project.folder)]) == 3
    assert main(["migrate:lint", "--check", "--database", NOWHERE, "--dir", str(project.folder)]) == 3


def test_a_small_table_is_folded_away_and_a_large_one_has_its_size(project: Project) -> None:
    """Nobody waits for ten rows. What is lost is lost in ten rows, too."""
    (project.root / "pyproject.toml").write_text("[tool.fsapi_nb.lint]\nsmall = 100\n")
    applied(
        project,
        "CREATE TABLE small (x int); INSERT INTO small SELECT generate_series(1, 100);",
        "CREATE TABLE large (x int); INSERT INTO large SELECT generate_series(1, 101);",
    )
    project.write("small", "CREATE INDEX ON small (x); UPDATE small SET x = 1; ALTER TABLE small DROP COLUMN x;")
    project.write("large", "CREATE INDEX ON public.large (x);")
    found = project.migrator().lint()
    assert rules(found) == [("small", "ban-drop-column"), ("large", "require-concurrent-index-creation")]
    (index,) = [each for each in found.lint.stops if each.place.file.endswith("_large.sql")]
    assert index.size
    assert (index.table, index.size.rows) == ("large", 101)
    assert set(rules(found, folded=True)) - set(rules(found)) == {
        ("small", "require-concurrent-index-creation"),
        ("small", "update-without-where"),
    }
    assert any("findings are not shown (2 on small tables)" in line for line in found.lines())
    one = project.migrator().lint(found.lint.names[0])
    assert f"`sapi migrate:lint {found.lint.names[0]} --all` shows all" in "".join(one.lines())
    everything = project.migrator().lint(everything=True)
    assert any("small.sql:2:1  stop: require-concurrent-index-creation" in line for line in everything.lines())


TYPES = {
    "varchar(50) to text": ("varchar(50)", "text", False),
    "varchar(50) to varchar(80)": ("varchar(50)", "varchar(80)", False),
    "varchar(50) to varchar": ("varchar(50)", "varchar", False),
    "varchar(50) to varchar(20)": ("varchar(50)", "varchar(20)", True),
    "text to varchar(20)": ("text", "varchar(20)", True),
    "numeric(8,2) to numeric(12,2)": ("numeric(8,2)", "numeric(12,2)", False),
    "numeric(8,2) to numeric": ("numeric(8,2)", "numeric", False),
    "numeric(8,2) to numeric(12,3)": ("numeric(8,2)", "numeric(12,3)", True),
    "timestamp(3) to timestamp": ("timestamp(3)", "timestamp", False),
    "timestamp to timestamp(3)": ("timestamp", "timestamp(3)", True),
    "cidr to inet": ("cidr", "inet", False),
    "int to bigint": ("int", "bigint", True),
    "char(3) to text": ("char(3)", "text", True),
    "the same": ("int", "int", False),
}


def test_a_type_that_keeps_its_values_is_no_finding(project: Project) -> None:
    """What lint says of a change of type is what the server does: it writes the table again, or does not."""
    columns = ", ".join(f"c{number} {old}" for number, (old, _, _) in enumerate(TYPES.values()))
    applied(project, f"CREATE TABLE t ({columns}); INSERT INTO t SELECT FROM generate_series(1, 20000);")
    project.rows("ALTER TABLE t SET (autovacuum_enabled = off)")
    found: dict[str, bool] = {}
    for number, (title, (_, new, rewrites)) in enumerate(TYPES.items()):
        change = f"ALTER TABLE t ALTER COLUMN c{number} TYPE {new}"
        name = project.write(f"type_{number}", change)
        linted = project.migrator(settings={}).lint(name)
        found[title] = [rule for _, rule in rules(linted)] == ["changing-column-type"]
        before = project.value("SELECT relfilenode FROM pg_class WHERE relname = 't'")
        project.rows(change)
        after = project.value("SELECT relfilenode FROM pg_class WHERE relname = 't'")
        assert (before != after) is rewrites, title
    assert found == {title: rewrites for title, (_, _, rewrites) in TYPES.items()}


def test_a_check_an_index_or_the_time_zone_may_make_it_a_finding(project: Project) -> None:
    """The values stay, but a CHECK is checked again, and an index of an expression is built again."""
    applied(
        project,
        "CREATE TABLE t (at timestamp, name varchar(10) CHECK (name <> ''), code varchar(10) UNIQUE);"
        "CREATE INDEX ON t (at); INSERT INTO t SELECT FROM generate_series(1, 20000)",
    )
    moment = project.write("at", "ALTER TABLE t ALTER COLUMN at TYPE timestamptz;")
    name = project.write("name", "ALTER TABLE t ALTER COLUMN name TYPE text;")
    code = project.write("code", "ALTER TABLE t ALTER COLUMN code TYPE text;")
    migrator = project.migrator()
    said = [(each.level.value, each.message) for each in migrator.lint(moment).lint.shown]
    assert said == [
        ("warn", "t is written again unless the session's time zone is UTC, and no program can use the table meanwhile")
    ]
    assert rules(migrator.lint(name)) == [("name", "changing-column-type")]
    (warning,) = migrator.lint(code).lint.shown
    assert (warning.rule, warning.level.value) == ("changing-column-type", "warn")


def test_a_table_made_if_not_there_is_new_unless_it_is_there(project: Project) -> None:
    """The catalog knows; without one, the file is taken to make it."""
    applied(project, "CREATE TABLE old (x int); INSERT INTO old SELECT generate_series(1, 20000);")
    for table in ("old", "new"):
        project.write(table, f"CREATE TABLE IF NOT EXISTS {table} (x int); CREATE INDEX ON {table} (x);")
    assert rules(project.migrator().lint()) == [("old", "require-concurrent-index-creation")]
    project.write("truncate", "CREATE TABLE IF NOT EXISTS t (x int); TRUNCATE t;")
    assert rules(project.migrator(database=NOWHERE).lint("truncate")) == []


def test_not_null_is_no_finding_behind_a_valid_check(project: Project) -> None:
    """PostgreSQL trusts a CHECK that is valid, and looks at no row; one that is not validated proves nothing."""
    applied(
        project,
        """CREATE TABLE t (a int CHECK (a IS NOT NULL), b int, c int NOT NULL, "d e" int);
        INSERT INTO t SELECT g, g, g, g FROM generate_series(1, 20000) AS g;
        ALTER TABLE t ADD CHECK (b IS NOT NULL) NOT VALID;
        ALTER TABLE t ADD CHECK ("d e" IS NOT NULL);""",
    )
    found = {}
    for column in ("a", "b", "c", '"d e"'):
        name = project.write("null", f"ALTER TABLE t ALTER COLUMN {column} SET NOT NULL;")
        found[column] = [rule for _, rule in rules(project.migrator().lint(name))]
    assert found == {"a": [], "b": ["adding-not-nullable-field"], "c": [], '"d e"': []}


def test_a_table_that_refers_to_others_locks_them_when_it_goes(project: Project) -> None:
    """DROP TABLE takes ACCESS EXCLUSIVE on the tables of its foreign keys, which its text does not name."""
    applied(
        project,
        "CREATE TABLE parent (id int PRIMARY KEY); CREATE TABLE child (parent int REFERENCES parent);"
        "INSERT INTO parent SELECT generate_series(1, 20000);",
    )
    project.write("drop", "DROP TABLE child;")
    found = project.migrator().lint()
    assert rules(found) == [("drop", "ban-drop-table"), ("drop", "dropping-locks-other-tables")]
    (others,) = [each for each in found.lint.shown if each.rule == "dropping-locks-other-tables"]
    assert (others.table, others.message) == (
        "parent",
        "no program can use parent until the transaction ends: they belong to it by foreign keys",
    )


def test_lint_works_without_a_database(project: Project) -> None:
    """It says so, and looks at every file: nobody knows which are pending."""
    project.write("old", "CREATE TABLE a (x text);")
    project.migrator().migrate()
    project.write("drop", "DROP TABLE a;")
    found = project.migrator(database=NOWHERE).lint()
    assert [name[17:-4] for name in found.lint.names] == ["old", "drop"]
    assert rules(found) == [("drop", "ban-drop-table")]
    assert found.identity is None
    offline = "no database was asked (no connection to the database): the sizes of tables are not known"
    assert found.lint.notes == (f"{offline}, and every migration is looked at",)
    one = project.migrator(database=NOWHERE).lint("drop")
    assert one.lint.notes == (offline,)


def test_without_the_extra_a_note_says_how_to_get_it(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """What fsapi_nb knows itself is found all the same."""
    monkeypatch.setattr(verb, "find_squawk", lambda: None)
    project.write("drop", "DROP VIEW v; DROP TABLE a;")
    found = project.migrator().lint()
    assert rules(found) == [("drop", "ban-drop-table")]
    assert found.lint.notes == (
        'only fsapi_nb\'s own rules were used; to use those of squawk as well: pip install "fsapi_nb[lint]"',
    )


def test_a_file_that_cannot_run_is_a_finding(project: Project) -> None:
    """Each fault has its place, beside what is found in the other files."""
    project.write("broken", "DROP TABLE;")
    project.write_text("2026_01_01_01_00_empty.sql", "")
    project.write("drop", "DROP TABLE a;")
    found = project.migrator().lint()
    assert rules(found) == [("broken", "faulty-script"), ("drop", "ban-drop-table"), ("empty", "faulty-script")]
    assert found.lint.stops[0].message == 'syntax error at or near ";"'


def test_tables_of_a_migration_that_is_pending_as_well_are_known(project: Project) -> None:
    """A table that an earlier pending file makes is empty when the next one runs."""
    project.write("make", "CREATE TABLE a (x text);")
    project.write("index", "CREATE INDEX ON a (x); ALTER TABLE a ALTER COLUMN x SET NOT NULL;")
    assert rules(project.migrator().lint()) == []


def test_check_fails_for_what_is_to_stop_at(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 3 and the findings on stderr; a warning is shown, and is none."""
    options = ["--database", project.database, "--dir", str(project.folder)]
    project.write("rename", "ALTER TABLE a RENAME TO b;")
    assert main(["migrate:lint", "--check", *options]) == 0
    assert "warn: renaming-table" in capsys.readouterr().out
    project.write("drop", "-- squawk-ignore ban-drop-table\nDROP TABLE a;")
    assert main(["migrate:lint", "--check", *options]) == 0
    name = project.write("column", "ALTER TABLE a\n    DROP COLUMN b;")
    capsys.readouterr()
    assert main(["migrate:lint", "--check", *options]) == 3
    assert capsys.readouterr().err == (
        f"error: Lint: 1 finding to stop at, 1 warning in 3 migrations with the tables of {project.label}\n"
        f"  {name}:3:5  stop: ban-drop-column\n"
        "    3 |     DROP COLUMN b;\n"
        "      |     ^\n"
        "    the column a.b is lost with its values, and programs that use it fail\n"
        "    → let programs stop using it first, and keep the values elsewhere if they may be needed.\n"
    )


def test_the_result_as_json_and_as_a_frame(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    """Each finding with all that is known of it, folded ones too."""
    name = project.write("drop", "CREATE TABLE a (x text); DROP TABLE a; DROP TABLE b;")
    options = ["--database", project.database, "--dir", str(project.folder)]
    assert main(["migrate:lint", "--json", *options]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["migrations"] == [name]
    assert said["notes"] == []
    assert said["findings"][0] == {
        "migration": name,
        "line": 2,
        "column": 26,
        "level": "stop",
        "rule": "ban-drop-table",
        "statement": "DROP TABLE",
        "message": "the table a is lost with its rows, and programs that use it fail",
        "help": "let programs stop using it first, and keep the rows elsewhere if they may be needed.",
        "table": "a",
        "rows": None,
        "folded": "on what the same file makes",
    }
    frame = project.migrator().lint().to_frame()
    assert frame[["line", "column", "rule"]].values.tolist() == [[2, 26, "ban-drop-table"], [2, 40, "ban-drop-table"]]
    assert frame["folded"].isna().tolist() == [False, True]


def test_what_a_notebook_stores_is_bounded() -> None:
    """However many findings there are, text and HTML are short, escaped, and say that there is more."""
    script = '-- UP\nDROP TABLE "</td>7";\nCREATE TABLE a (x int REFERENCES b);\n'
    names = [f"2026_01_01_{number // 60:02}_{number % 60:02}_x.sql" for number in range(400)]
    folder = Folder(dict.fromkeys(names, ""), read=lambda name: FileReading(migration(script, name)))
    found = LintResult(of_folder(folder))
    text, html = repr(found), found.html()
    assert found.headline() == "Lint: 400 findings to stop at, 400 notes in 400 migrations"
    assert "372 findings more" in text
    assert "396 files more" in text
    assert len(text.encode()) < TEXT
    assert "</td>7" not in html
    assert len(html) < HTML


def test_a_plan_has_what_lint_finds(project: Project) -> None:
    """With the sizes of the tables, and the settings of the project; nothing of it in the plan that runs."""
    (project.root / "pyproject.toml").write_text("[tool.fsapi_nb.lint]\nsmall = 100\n")
    applied(project, "CREATE TABLE large (x int); INSERT INTO large SELECT generate_series(1, 101);")
    project.write("index", "CREATE INDEX ON large (x);")
    planned = project.migrator().plan()
    assert [(each.rule, each.table) for each in planned.lint.stops] == [("require-concurrent-index-creation", "large")]
    assert project.migrator().migrate(planned=planned.plan).done


def test_a_plan_without_squawk_says_nothing_of_it(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has what fsapi_nb knows; who wants more finds it at `lint`."""
    monkeypatch.setattr(verb, "find_squawk", lambda: None)
    project.write("drop", "DROP VIEW v; DROP TABLE IF EXISTS a;")
    planned = project.migrator().plan()
    assert [each.rule for each in planned.lint.findings] == ["ban-drop-table"]
    assert planned.lint.notes == ()


def test_a_cell_has_what_lint_finds(project: Project) -> None:
    """Unless it is applied at once."""
    written = project.migrator().write("drop", "-- UP\nDROP TABLE IF EXISTS a;\n-- DOWN\n")
    assert written.plan
    assert [each.rule for each in written.plan.lint.stops] == ["ban-drop-table"]


def test_a_wrong_setting_is_an_error_of_the_plan_too(project: Project) -> None:
    """A misspelt rule must not go unseen until somebody types `lint`."""
    (project.root / "pyproject.toml").write_text('[tool.fsapi_nb.lint]\nstop = ["ban-drop"]\n')
    project.write("a", "CREATE TABLE a (x int);")
    with pytest.raises(ConfigurationError, match="names 'ban-drop', which is not a rule"):
        project.migrator().plan()
