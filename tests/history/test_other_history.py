"""A history whose `table` or `schema` was set to another name: its files do not run a second time."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from psycopg.conninfo import make_conninfo

from fsapi_nb import Migrator
from fsapi_nb.errors import HistoryError
from fsapi_nb.folder.read import parse_text
from fsapi_nb.history.other_history import knows
from fsapi_nb.model.folder import FileReading, Folder
from fsapi_nb.model.history import History, HistoryEntry
from fsapi_nb.model.status import State
from tests.conftest import Project
from tests.history.test_history import FSAPI

ADD = "INSERT INTO rates SELECT count(*) FROM rates;"
RENAMES = (
    'ALTER TABLE public.migrations RENAME TO "hist"; ALTER TABLE public.migrations_scripts RENAME TO hist_scripts; '
    "ALTER TABLE public.migrations_journal RENAME TO hist_journal;"
)


@pytest.fixture
def rates(project: Project) -> Project:
    """Two applied files; each run of the second adds a row."""
    project.write("rates", "CREATE TABLE IF NOT EXISTS rates (i int);", "DROP TABLE rates;")
    project.write("add", ADD, "DELETE FROM rates;")
    project.migrator().migrate()
    return project


def say(project: Project, **settings: str) -> None:
    """Set these in the project's `pyproject.toml`, and nothing else."""
    lines = [f'{name} = "{value}"' for name, value in settings.items()]
    (project.root / "pyproject.toml").write_text("\n".join(["[tool.fsapi_nb]", *lines]))


def another(project: Project, table: str, *files: tuple[str, str]) -> Migrator:
    """The migrator of another project with these files, on the same database, with its history in that table."""
    root = project.root / f"other_{table}"
    (root / "migrations").mkdir(parents=True)
    (root / "pyproject.toml").write_text(f'[tool.fsapi_nb]\ntable = "{table}"\n')
    for name, up in files:
        (root / "migrations" / name).write_text(f"-- UP\n{up}\n\n-- DOWN\nSELECT 1;\n")
    return Migrator(project.database, root / "migrations")


def refuse_all(migrator: Migrator) -> str:
    """Every verb that reads or changes the history refuses with the same words; return them."""
    texts = set()
    for verb in (
        migrator.status,
        migrator.pending,
        migrator.plan,
        migrator.history,
        migrator.migrate,
        migrator.rollback,
        lambda: migrator.baseline("add"),
        lambda: migrator.fresh(yes=True),
        lambda: migrator.show("add"),
    ):
        with pytest.raises(HistoryError) as caught:
            verb()
        texts.add(str(caught.value))
    (text,) = texts
    return text


def count(project: Project) -> int:
    return int(project.value("SELECT count(*) FROM rates"))


def test_a_table_that_is_named_otherwise_later_is_refused(rates: Project) -> None:
    """With both names, what is recorded where, why nothing ran, and the ways on."""
    say(rates, table="hist")
    assert refuse_all(rates.migrator()).splitlines() == [
        "the history of these files is public.migrations, and this project's is set to public.hist",
        "  recorded in public.migrations: 2 of 2 files; in public.hist: none",
        '  to go on with public.migrations: [tool.fsapi_nb] table = "migrations" in pyproject.toml',
        f"  to call it public.hist from now on: {RENAMES}",
        "  to run the files a second time, in another schema with a history of its own: --schema NAME",
        "Database: unchanged.",
        '→ go on with it: [tool.fsapi_nb] table = "migrations" in pyproject.toml.',
    ]
    assert count(rates) == 1
    assert not rates.has("hist")
    assert rates.migrator().query("SELECT 1 AS n").to_frame()["n"].tolist() == [1]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, {"table": "My History"}),
        ({"table": "hist"}, {}),
        ({"table": "hist"}, {"table": "other"}),
        ({}, {"schema": "app"}),
        ({"schema": "app"}, {"schema": "app", "table": "hist"}),
        ({"schema": "app", "table": "hist"}, {}),
        ({"schema": "app", "table": "hist"}, {"schema": "public", "table": "migrations"}),
    ],
)
def test_the_statements_that_are_named_move_the_history(
    project: Project, before: dict[str, str], after: dict[str, str]
) -> None:
    """Whichever setting was changed; pasted, they go on, and the setting of before does as well."""
    project.rows("CREATE SCHEMA app; CREATE TABLE rates (i int)")
    project.write("add", ADD, "DELETE FROM rates;")
    say(project, **before)
    project.migrator().migrate()
    say(project, **after)
    text = refuse_all(project.migrator())
    assert count(project) == 1
    (moves,) = (line.split("from now on: ")[1] for line in text.splitlines() if "from now on: " in line)
    say(project, **before)
    assert project.migrator().migrate().done == ()
    say(project, **after)
    project.rows(moves)
    assert project.migrator().migrate().done == ()
    project.migrator().rollback()
    assert count(project) == 0


def test_a_chosen_schema_has_its_own_history_under_whatever_name(rates: Project) -> None:
    """That is the way for who means it: the files run there, and a history of another schema is no matter."""
    rates.rows("CREATE SCHEMA app")
    say(rates, table="hist")
    assert len(rates.migrator(schema="app").migrate().done) == 2
    assert rates.value("SELECT count(*) FROM app.rates") == 1
    assert count(rates) == 1
    with pytest.raises(HistoryError, match=r"public\.migrations"):
        rates.migrator(schema="public").migrate()
    say(rates, table="third")
    with pytest.raises(HistoryError, match=r"app\.hist"):
        rates.migrator(schema="app").migrate()


def test_a_history_that_fsapi_made_is_known_by_its_names(project: Project) -> None:
    """What it ran is not known: the names must do."""
    name = project.write("add", ADD)
    project.rows(f"{FSAPI}; CREATE TABLE rates (i int); INSERT INTO migrations (name) VALUES ('{name}')")
    say(project, table="fsapi_nb")
    text = refuse_all(project.migrator())
    assert "to call it public.fsapi_nb from now on: ALTER TABLE public.migrations RENAME TO" in text
    assert "_journal" not in text
    assert count(project) == 0


def test_one_that_ended_half_way_counts_as_well(project: Project) -> None:
    """Its first step is committed, though no row says so."""
    project.rows("CREATE TABLE rates (i int)")
    project.write("add", f"BEGIN; {ADD} COMMIT;\nBEGIN; SELECT 1/(SELECT count(*) - 1 FROM rates); COMMIT;")
    with pytest.raises(Exception, match="division"):
        project.migrator().migrate()
    say(project, table="hist")
    refuse_all(project.migrator())
    assert count(project) == 1


def test_a_history_that_is_there_already_and_knows_other_files_is_not_enough(rates: Project) -> None:
    """Its name is taken, so that the other one cannot be given it."""
    another(rates, "hist", ("2020_01_01_00_00_theirs.sql", "SELECT 1;")).migrate()
    say(rates, table="hist")
    text = refuse_all(rates.migrator())
    assert "from now on" not in text
    assert count(rates) == 1


def test_a_history_that_knows_one_of_the_files_is_theirs(rates: Project) -> None:
    """Two that know the same files: the one that is set goes on."""
    rates.rows("CREATE TABLE hist (LIKE migrations INCLUDING ALL); INSERT INTO hist SELECT * FROM migrations LIMIT 1")
    say(rates, table="hist")
    states = [status.state for status in rates.migrator().status().statuses]
    assert states == [State.APPLIED, State.PENDING]


def test_a_history_that_rolled_everything_back_is_still_theirs(rates: Project) -> None:
    """Nothing is recorded in either then, and the journal of the one that is set knows the files."""
    rates.migrator().rollback(everything=True)
    say(rates, table="hist")
    assert len(rates.migrator().migrate().done) == 2
    rates.migrator().rollback(everything=True)
    say(rates)
    assert len(rates.migrator().migrate().done) == 2
    say(rates, table="hist")
    assert len(rates.migrator().plan().plan.steps) == 2


def test_two_projects_with_tables_of_their_own_go_on_without_a_word(rates: Project) -> None:
    """Distinct files, and one of the same name with another text."""
    name = rates.applied()[0]
    theirs = another(
        rates, "hist", ("2026_01_01_00_09_theirs.sql", "SELECT 1;"), (name, "CREATE TABLE theirs (i int);")
    )
    assert len(theirs.migrate().done) == 2
    rates.write("more", ADD)
    assert len(rates.migrator().migrate().done) == 1
    assert [status.state for status in theirs.status().statuses] == [State.APPLIED] * 2
    assert count(rates) == 2


def test_a_file_that_two_projects_share_is_told_with_the_way_for_two_projects(rates: Project) -> None:
    """It has run in this schema: under another name it may run a second time."""
    name = rates.applied()[0]
    theirs = another(rates, "hist", (name, "CREATE TABLE IF NOT EXISTS rates (i int);"))
    (theirs.directory / name).write_bytes((rates.folder / name).read_bytes())
    with pytest.raises(HistoryError) as caught:
        theirs.migrate()
    assert "recorded in public.migrations: 1 of 1 file" in str(caught.value)
    assert (
        f"  if it is another project's: give the file {name} another name, as both projects have it"
        in str(caught.value).splitlines()
    )
    (theirs.directory / name).rename(theirs.directory / "2026_01_01_00_00_their_rates.sql")
    assert len(theirs.migrate().done) == 1


@pytest.mark.parametrize(
    "table",
    [
        "CREATE TABLE migrations (id int, migration text, batch int)",
        "CREATE VIEW migrations AS SELECT 1 AS id, '{}'::text AS name, now() AS applied_at, 1 AS duration_ms",
        "CREATE TEMPORARY TABLE migrations (id int, name text, applied_at timestamp, duration_ms int)",
    ],
)
def test_a_table_of_another_tool_is_none(project: Project, table: str) -> None:
    """Another shape, a view, a table of a session."""
    name = project.write("a", "CREATE TABLE a (i int);")
    project.rows(table.replace("{}", name))
    say(project, table="hist")
    assert len(project.migrator().migrate().done) == 1


@pytest.mark.parametrize("hidden", ["rows", "table", "journal"])
def test_a_history_that_a_role_may_not_read(rates: Project, hidden: str) -> None:
    """Rows that may be hidden are not taken for none; a table without a right for it is none, as everywhere."""
    role = f"reader_{rates.value('SELECT current_database()')}"
    rates.rows(
        f"CREATE ROLE {role}; GRANT ALL ON SCHEMA public TO {role}; GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}"
    )
    rates.rows(
        {
            "rows": "ALTER TABLE migrations ENABLE ROW LEVEL SECURITY",
            "table": f"REVOKE ALL ON migrations FROM {role}",
            "journal": f"REVOKE ALL ON migrations_journal, migrations_scripts FROM {role}",
        }[hidden]
    )
    say(rates, table="hist")
    migrator = rates.migrator(database=make_conninfo(rates.database, options=f"-c role={role}"))
    try:
        if hidden == "table":
            assert {status.state for status in migrator.status().statuses} == {State.PENDING}
        else:
            with pytest.raises(
                HistoryError, match="row-level security" if hidden == "rows" else "to go on with public.migr"
            ):
                migrator.migrate()
    finally:
        rates.rows(f"DROP OWNED BY {role}; DROP ROLE {role}")


def test_an_empty_folder_and_the_idle_path_ask_nothing(rates: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """The question is for a history that knows none of the files."""
    asked: list[object] = []
    monkeypatch.setattr("fsapi_nb.history.other_history._find", asked.append)
    assert rates.migrator().migrate().done == ()
    rates.migrator().status()
    assert asked == []
    (rates.root / "empty").mkdir()
    Migrator(rates.database, rates.root / "empty").status()
    assert asked == []


FILE = parse_text("2026_01_01_00_00_a.sql", "-- UP\nSELECT 1;\n")


def ran(name: str, *, same: bool | None) -> HistoryEntry:
    """An entry of that name: of the file, of another text, or, by fsapi, of a text that is not known."""
    if same is None:
        return HistoryEntry(1, name)
    return HistoryEntry(1, name, checksum=FILE.checksum if same else FILE.checksum[:-1] + "x", digest="sha256:other")


@pytest.mark.parametrize(
    ("entries", "is_theirs"),
    [
        ([], False),
        ([ran("b", same=True)], False),
        ([ran("a", same=True)], True),
        ([ran("a", same=True), ran("b", same=False)], True),
        ([ran("a", same=None), ran("b", same=None)], True),
        ([ran("a", same=False), ran("b", same=False)], False),
        ([ran("a", same=False)], True),  # it knows no other file: the one was edited
        ([ran("broken", same=False), ran("b", same=False)], True),  # what it is cannot be compared
    ],
)
def test_which_history_knows_a_folder(entries: Sequence[HistoryEntry], is_theirs: bool) -> None:
    """By what ran, where that can be compared; in doubt it does."""
    readings = {"a": FileReading(FILE), "c": FileReading(FILE), "broken": FileReading(None)}
    folder = Folder(dict.fromkeys(readings, "sha256:this"), read=readings.__getitem__)
    assert knows(History(tuple(entries)), folder) is is_theirs
