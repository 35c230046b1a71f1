"""Histories that have moved: applied files that were renamed, are gone for good, or were squashed into one."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from fsapi_nb.cli import main
from fsapi_nb.errors import (
    ConfirmationRequired,
    DatabaseError,
    FaultyMigrations,
    FsapiError,
    HistoryError,
    PlanChanged,
    RanBefore,
    RefusedPlan,
    UnknownMigration,
    UsageError,
)
from fsapi_nb.model.status import State
from fsapi_nb.script.naming import TEMPLATE
from fsapi_nb.views.results import Result
from tests.conftest import Project
from tests.history.test_history import FSAPI, states

RATES = "INSERT INTO rates SELECT coalesce(max(i), 0) + 1 FROM rates;"


@pytest.fixture
def rates(project: Project) -> Project:
    """A table that is applied; each run of RATES adds a row to it."""
    project.write("rates", "CREATE TABLE rates (i int);", "DROP TABLE rates;")
    return project


def move(project: Project, old: str, new: str) -> str:
    (project.folder / old).rename(project.folder / new)
    return new


def count(project: Project) -> int:
    return int(project.value("SELECT count(*) FROM rates"))


def where(project: Project) -> str:
    """The database, as results name it."""
    identity = project.migrator().status().identity
    return identity.label


def table_of(result: Result) -> tuple[list[str], list[list[str]]]:
    """The headings and the cells of a result's table in HTML."""
    html = ElementTree.fromstring(result.html())
    rows = [[cell.text or "" for cell in row] for row in html.iter("tr")]
    return rows[0], rows[1:]


def journalled(project: Project) -> list[tuple[str, str]]:
    return [
        (name, event) for name, event in project.rows("SELECT migration, event FROM migrations_journal ORDER BY id")
    ]


# -- renamed files -----------------------------------------------------------------------------------------------


def test_a_renamed_applied_file_does_not_run_a_second_time(rates: Project) -> None:
    """It is refused, with the verb that renames the row; then all is as before, and it rolls back."""
    old = rates.write("add", RATES, "DELETE FROM rates;")
    rates.migrator().migrate()
    new = move(rates, old, "2026_01_01_00_30_add.sql")
    with pytest.raises(RanBefore) as caught:
        rates.migrator().migrate()
    assert str(caught.value).splitlines() == [
        "1 pending migration seems to have run already, under another name",
        f"  {new}",
        f"    {old}, whose file is missing, ran the same script",
        "  (one that is meant to run a second time must differ in more than comments)",
        "Database: unchanged.",
        f"→ if the file was renamed, rename its row: `sapi migrate:rename {old} {new}`",
    ]
    assert count(rates) == 1
    notes = {status.name: status.note for status in rates.migrator().status().statuses}
    assert notes[new] == f"it is what ran as {old}, which is missing: was it renamed?"
    result = rates.migrator().rename(old, new)
    assert str(result).splitlines() == [
        f"Renamed 1 migration in the history on {where(rates)}, running nothing.",
        f"  rename  {old} to {new}",
    ]
    assert set(states(rates).values()) == {State.APPLIED}
    assert not rates.migrator().status().attention
    assert rates.migrator().migrate().done == ()
    assert journalled(rates)[-1] == (new, "rename")
    rates.migrator().rollback()
    assert count(rates) == 0


@pytest.mark.parametrize(
    "text",
    [
        f"-- UP\n/* moved */ {RATES}\n-- DOWN\nDELETE FROM rates;\n",
        f"-- UP\n{RATES}\n",
        f"-- UP\n{RATES}\n-- DOWN\nDELETE FROM rates; SELECT 'and more';\n",
    ],
)
def test_nor_does_one_whose_comments_or_down_were_edited(rates: Project, text: str) -> None:
    """What ran is its UP: whatever else was changed when it was moved."""
    old = rates.write("add", RATES, "DELETE FROM rates;")
    rates.migrator().migrate()
    (rates.folder / old).unlink()
    new = rates.write_text("2026_01_02_00_00_other_words.sql", text)
    with pytest.raises(RanBefore, match=old):
        rates.migrator().migrate()
    with pytest.raises(RanBefore, match=old):
        rates.migrator().baseline(new)
    assert count(rates) == 1


def test_a_script_with_another_password_is_another_script(rates: Project) -> None:
    """Passwords are not stored: what only differs there is not taken for what ran."""
    role = f"r_{rates.value('SELECT current_database()')}"
    rates.write("role", f"CREATE ROLE {role};", f"DROP ROLE {role};")
    old = rates.write("first", f"ALTER ROLE {role} PASSWORD 'one';", "SELECT 1;")
    rates.migrator().migrate()
    try:
        (rates.folder / old).unlink()
        rates.write("second", f"ALTER ROLE {role} PASSWORD 'two';", "SELECT 1;")
        assert len(rates.migrator().migrate().done) == 1
        third = rates.write("third", f"ALTER ROLE {role} PASSWORD 'one';", "SELECT 1;")
        with pytest.raises(RanBefore, match=third):
            rates.migrator().migrate()
    finally:
        rates.rows(f"DROP ROLE {role}")


def test_several_files_that_were_renamed_are_told_together(rates: Project) -> None:
    """Each is paired with one row: the same script twice is two rows."""
    pairs = [(rates.write(what, RATES), f"2026_02_01_00_0{number}_{what}.sql") for number, what in enumerate("ab")]
    rates.migrator().migrate()
    for old, new in pairs:
        move(rates, old, new)
    with pytest.raises(RanBefore, match="2 pending migrations seem to have run already"):
        rates.migrator().migrate()
    for old, new in pairs:
        rates.migrator().rename(old, new)
    assert rates.migrator().migrate().done == ()
    assert count(rates) == 2


def test_a_row_of_fsapis_is_known_by_its_name(rates: Project) -> None:
    """Of what fsapi applied the script is not known: the name after the time must do."""
    rates.rows(
        FSAPI + "; INSERT INTO migrations (name) VALUES ('2025_01_01_00_00_rates.sql'); CREATE TABLE rates (i int)"
    )
    with pytest.raises(RanBefore, match="what it ran is not known"):
        rates.migrator().migrate()
    result = rates.migrator().rename("2025_01_01_00_00_rates", "2026_01_01_00_00_rates")
    assert "is not known" in str(result)
    assert rates.migrator().migrate().done == ()
    rates.migrator().rollback()
    assert not rates.has("rates")


def test_another_script_of_the_same_name_still_runs(rates: Project) -> None:
    """A missing file of another branch stops nothing; but it may be the same file, so status and plan ask."""
    old = rates.write("add", RATES)
    rates.migrator().migrate()
    (rates.folder / old).unlink()
    new = rates.write("add", RATES + " SELECT 1;", name="2026_02_01_00_00_add.sql")
    other = rates.write("add_more", RATES + " SELECT 2;", name="2026_02_01_00_01_add_more.sql")
    notes = {status.name: status.note or "" for status in rates.migrator().status().statuses}
    assert notes[new] == f"{old}, which is missing, had another script: was it renamed and edited?"
    assert notes[other] == ""
    (warning,) = [note for note in rates.migrator().plan().plan.notes if "renamed and edited" in note]
    assert warning.startswith(f"{new} has another script than {old} had")
    assert len(rates.migrator().migrate().done) == 2


def test_a_rename_is_taken_back_by_another(rates: Project) -> None:
    """The journal has both; the one who applied it, its attempts and its scripts stay with it."""
    old = rates.write("add", RATES, "DELETE FROM rates;")
    rates.migrator().migrate()
    new = move(rates, old, "2026_01_01_00_30_add.sql")
    rates.migrator().rename("add", "add")
    shown = rates.migrator().show(new)
    assert [event.event for event in shown.events] == ["up", "rename"]
    by = {status.name: status.by for status in rates.migrator().status().statuses}
    assert len(set(by.values())) == 1
    move(rates, new, old)
    rates.migrator().rename(new, old)
    assert set(states(rates).values()) == {State.APPLIED}
    (rates.folder / old).unlink()
    rates.migrator().rollback()
    assert count(rates) == 0


def test_a_rename_is_refused_where_a_script_would_run_twice(rates: Project) -> None:
    """The old file is still there; the new name is applied itself; another file is the one that ran; it is the template."""
    a, b = rates.write("a", RATES), rates.write("b", RATES + "SELECT 2;")
    rates.migrator().migrate()
    with pytest.raises(RefusedPlan, match="is applied itself"):
        (rates.folder / a).rename(rates.root / a)
        rates.migrator().rename(a, b)
    (rates.root / a).rename(rates.folder / a)
    c = rates.write("c", "SELECT 3;")
    with pytest.raises(RefusedPlan, match="run a second time"):
        rates.migrator().rename(a, c)
    d = move(rates, a, "2026_03_01_00_00_d.sql")
    with pytest.raises(RanBefore) as caught:
        rates.migrator().rename(a, c)
    assert str(caught.value).endswith(f"→ its row belongs to that file: `sapi migrate:rename {a} {d}`")
    empty = rates.write_text("2026_03_01_00_01_e.sql", TEMPLATE)
    (rates.folder / b).unlink()
    with pytest.raises(FaultyMigrations, match="template"):
        rates.migrator().rename(b, empty)
    with pytest.raises(UnknownMigration):
        rates.migrator().rename("nowhere", d)
    with pytest.raises(UnknownMigration):
        rates.migrator().rename(a, "nowhere")
    assert count(rates) == 2


def test_a_rename_to_another_script_says_so_and_is_drift(rates: Project) -> None:
    """Nothing runs, and nothing is hidden: the file counts as edited until it is accepted."""
    old = rates.write("add", RATES)
    rates.migrator().migrate()
    (rates.folder / old).unlink()
    new = rates.write("add", "SELECT 'something else';")
    assert "is not what ran" in str(rates.migrator().rename(old, new))
    assert states(rates)[new] is State.DRIFTED
    rates.migrator().repair(new)
    assert not rates.migrator().status().attention


# -- files that are gone for good --------------------------------------------------------------------------------


def test_missing_rows_are_retired_and_restored(rates: Project) -> None:
    """`status --check` is content afterwards; the journal keeps the rows with their scripts, and puts them back."""
    gone = [rates.write(what, f"CREATE TABLE {what} (i int);", f"DROP TABLE {what};") for what in ("a", "b")]
    kept = rates.write("kept", RATES, "SELECT 1;")
    rates.migrator().migrate()
    before = (
        rates.rows("SELECT * FROM migrations ORDER BY id"),
        rates.rows("SELECT * FROM migrations_scripts ORDER BY id"),
    )
    for name in gone:
        (rates.folder / name).unlink()
    result = rates.migrator().retire(missing=True)
    assert str(result).splitlines() == [
        f"Retired 2 migrations on {where(rates)}, running nothing.",
        f"  ! what was made stays, and no rollback will undo it; the journal keeps the rows (`%migrate retire {gone[0]} {gone[1]} --undo` puts them back)",
        f"  retire  {gone[0]}",
        f"  retire  {gone[1]}",
    ]
    assert not rates.migrator().status().attention
    assert rates.applied()[-1] == kept
    assert rates.migrator().retire(gone).changes == ()
    rates.migrator().retire(["a", gone[1]], undo=True)
    after = (
        rates.rows("SELECT * FROM migrations ORDER BY id"),
        rates.rows("SELECT * FROM migrations_scripts ORDER BY id"),
    )
    assert after == before
    rates.migrator().rollback(everything=True)
    assert not any(rates.has(table) for table in ("a", "b", "rates"))


def test_a_retired_script_that_comes_back_does_not_run_again(rates: Project) -> None:
    """Another branch is checked out: its file would be pending. Once its row is restored, all goes on."""
    name = rates.write("add", RATES, "DELETE FROM rates;")
    rates.migrator().migrate()
    (rates.folder / name).rename(rates.root / name)
    rates.migrator().retire([name])
    (rates.root / name).rename(rates.folder / name)
    assert "its row was retired" in str(rates.migrator().status())
    with pytest.raises(RanBefore) as caught:
        rates.migrator().migrate()
    assert f"retire {name} --undo" in str(caught.value)
    assert count(rates) == 1
    rates.migrator().retire([name], undo=True)
    assert rates.migrator().migrate().done == ()
    rates.migrator().rollback()
    assert len(rates.migrator().migrate().done) == 1


def test_nor_does_it_under_another_name(rates: Project) -> None:
    """Its row was retired, and its file comes back as another: restored first, its row is renamed then."""
    name = rates.write("add", RATES, "DELETE FROM rates;")
    rates.migrator().migrate()
    new = "2026_04_01_00_00_again.sql"
    (rates.folder / name).rename(rates.root / new)
    rates.migrator().retire([name])
    (rates.root / new).rename(rates.folder / new)
    with pytest.raises(RanBefore) as caught:
        rates.migrator().migrate()
    assert f"  {new}, under the name {name}" in str(caught.value).splitlines()
    rates.migrator().retire([name], undo=True)
    rates.migrator().rename(name, new)
    assert rates.migrator().migrate().done == ()
    assert count(rates) == 1


def test_after_fresh_nothing_is_retired(rates: Project) -> None:
    """All that they made was dropped: the file that comes back is to run."""
    name = rates.write("add", RATES)
    rates.migrator().migrate()
    (rates.folder / name).rename(rates.root / name)
    rates.migrator().retire([name])
    rates.migrator().fresh(yes=True)
    (rates.root / name).rename(rates.folder / name)
    assert len(rates.migrator().migrate().done) == 1
    with pytest.raises(UnknownMigration):
        rates.migrator().retire(["nowhere"], undo=True)


def test_retiring_is_refused_where_a_script_would_run_twice(rates: Project) -> None:
    """Its file is there, or a pending one is the same script."""
    name = rates.write("add", RATES)
    rates.migrator().migrate()
    with pytest.raises(RefusedPlan, match="run a second time"):
        rates.migrator().retire([name])
    new = move(rates, name, "2026_03_01_00_00_moved.sql")
    for options in ({"names": [name]}, {"missing": True}):
        with pytest.raises(RanBefore, match=f"rename {name} {new}"):
            rates.migrator().retire(**options)
    for names, missing in (((), False), ((name,), True)):
        with pytest.raises(UsageError):
            rates.migrator().retire(names, missing=missing)
    with pytest.raises(UsageError):
        rates.migrator().retire([name], missing=True, undo=True)
    assert len(rates.applied()) == 2


def test_a_missing_migration_that_is_named_goes_whatever_seems_to_do_its_work(rates: Project) -> None:
    """Tables of the same name are evidence, not proof: who names the row is believed, who says --missing is asked."""
    rates.migrator().migrate()
    (rates.folder / rates.applied()[0]).unlink()
    rates.write("rates_again", "CREATE TABLE IF NOT EXISTS rates (i int);")
    with pytest.raises(RanBefore, match="made the same tables"):
        rates.migrator().migrate()
    with pytest.raises(RanBefore):
        rates.migrator().retire(missing=True)
    rates.migrator().retire(["rates"])
    assert len(rates.migrator().migrate().done) == 1


# -- squashes ----------------------------------------------------------------------------------------------------


@pytest.fixture
def squashed(project: Project) -> tuple[Project, list[str], str]:
    """Three applied files, then one that was built on them; the three are squashed into one file."""
    names = [
        project.write(what, f"CREATE TABLE {what} (i int PRIMARY KEY);", f"DROP TABLE {what};")
        for what in ("a", "b", "c")
    ]
    project.write("d", "CREATE TABLE d (i int REFERENCES c);", "DROP TABLE d;")
    project.migrator().migrate()
    for name in names:
        (project.folder / name).unlink()
    squash = project.write(
        "base",
        "CREATE TABLE IF NOT EXISTS a (i int PRIMARY KEY); CREATE TABLE b (i int PRIMARY KEY); "
        "CREATE TABLE c (i int PRIMARY KEY);",
        "DROP TABLE a, b, c;",
        name="2026_01_01_00_02_base.sql",
    )
    return project, names, squash


def test_a_squash_is_recorded_in_the_place_of_what_it_stands_for(squashed: tuple[Project, list[str], str]) -> None:
    """In one transaction; status is content, and a rollback of everything leaves neither rows nor tables."""
    project, names, squash = squashed
    plan = project.migrator().plan("baseline", ["base"], replaces=["a..c"])
    # It runs nothing: no step, no line, no statement.
    assert table_of(plan)[0] == ["", "what"]
    assert [row[1].rpartition(" ")[2] for row in table_of(plan)[1]] == [*names, squash]
    result = project.migrator().baseline("base", replaces=["a..c"])
    assert str(result).splitlines() == [
        f"Recorded 1 migration as applied in the place of 3 that are retired on {where(project)}, running nothing.",
        *(f"  retire  {name}" for name in names),
        f"  record  {squash}",
    ]
    assert table_of(result) == (
        ["migration", "direction"],
        [*([name, "retire"] for name in names), [squash, "record"]],
    )
    assert not project.migrator().status().attention
    assert project.migrator().migrate().done == ()
    assert project.applied() == [squash, "2026_01_01_00_03_d.sql"]
    done = project.migrator().rollback(everything=True).done
    assert [each.name for each in done] == ["2026_01_01_00_03_d.sql", squash]
    assert project.applied() == []
    assert not any(project.has(table) for table in "abcd")
    assert len(project.migrator().migrate().done) == 2


def test_a_squash_that_was_not_recorded_does_not_run(squashed: tuple[Project, list[str], str]) -> None:
    """Neither by migrate nor by a plain baseline, which would leave two rows for one work; the way on can be pasted."""
    project, names, squash = squashed
    for verb, values in (("migrate", ()), ("baseline", ("base",))):
        with pytest.raises(RanBefore) as caught:
            getattr(project.migrator(), verb)(*values)
        assert str(caught.value).endswith(f"`sapi migrate:baseline {squash} --replaces {' '.join(names)}`")
    project.migrator().baseline(squash, replaces=names)
    assert not project.migrator().status().attention


def test_what_was_squashed_does_not_run_again_until_the_squash_is_rolled_back(
    squashed: tuple[Project, list[str], str],
) -> None:
    """The old branch is checked out: refused; after the squash's own DOWN the old files are as good as new."""
    project, names, squash = squashed
    project.migrator().baseline(squash, replaces=names)
    (project.folder / squash).rename(project.root / squash)
    project.write("a", "CREATE TABLE a (i int PRIMARY KEY);", "DROP TABLE a;", name=names[0])
    with pytest.raises(RanBefore, match="its row was retired"):
        project.migrator().migrate()
    (project.root / squash).rename(project.folder / squash)
    project.migrator().rollback(everything=True)
    (project.folder / squash).unlink()
    (project.folder / "2026_01_01_00_03_d.sql").unlink()
    assert [each.name for each in project.migrator().migrate().done] == [names[0]]


def test_a_squash_is_taken_back_by_what_the_journal_knows(squashed: tuple[Project, list[str], str]) -> None:
    """The new file goes, its row is retired, the old rows are restored in their places."""
    project, names, squash = squashed
    before = project.rows("SELECT * FROM migrations ORDER BY id")
    project.migrator().baseline(squash, replaces=names)
    with pytest.raises(RefusedPlan, match=f"retire {squash}"):
        project.migrator().retire(names, undo=True)
    (project.folder / squash).unlink()
    project.migrator().retire([squash])
    project.migrator().retire(names, undo=True)
    assert project.rows("SELECT * FROM migrations ORDER BY id") == before
    project.migrator().rollback(everything=True)
    assert not any(project.has(table) for table in "abcd")


def test_what_a_squash_of_a_squash_stands_for_is_not_restored_beside_it(
    squashed: tuple[Project, list[str], str],
) -> None:
    """Whatever the squashes were renamed to meanwhile: no change is recorded twice."""
    project, names, squash = squashed
    project.migrator().baseline(squash, replaces=names)
    renamed = move(project, squash, "2026_01_01_00_02_first.sql")
    project.migrator().rename(squash, renamed)
    (project.folder / renamed).unlink()
    (project.folder / "2026_01_01_00_03_d.sql").unlink()
    whole = project.write("whole", "SELECT 'a to d';", "DROP TABLE d, c, b, a;", name="2026_01_01_00_03_whole.sql")
    project.migrator().baseline(whole, replaces=["first..d"])
    for restored in ([names[0]], [renamed]):
        with pytest.raises(RefusedPlan, match=f"{whole} is recorded in the place of"):
            project.migrator().retire(restored, undo=True)
    (project.folder / whole).unlink()
    project.migrator().retire([whole])
    with pytest.raises(RefusedPlan, match="which is recorded itself"):
        project.migrator().retire([names[0], renamed], undo=True)
    project.migrator().retire([names[0]], undo=True)
    for again in (renamed, whole):
        with pytest.raises(RefusedPlan, match=f"in the place of {names[0]}, which is recorded itself"):
            project.migrator().retire([again], undo=True)


def test_a_baseline_does_not_record_what_was_retired(rates: Project) -> None:
    """Its row is put back instead, with the scripts that ran."""
    name = rates.write("add", RATES)
    rates.migrator().migrate()
    (rates.folder / name).rename(rates.root / name)
    rates.migrator().retire([name])
    (rates.root / name).rename(rates.folder / name)
    for options in ({"name": name}, {"only": [name]}):
        with pytest.raises(RanBefore, match="retire .* --undo"):
            rates.migrator().baseline(**options)


def test_a_squash_is_refused_where_it_could_not_be_undone_or_would_run_twice(
    squashed: tuple[Project, list[str], str],
) -> None:
    """Files that are still there, rows in between, a range that stands the other way round, what is applied already."""
    project, names, squash = squashed
    for replaces in ([names[0], names[2]], ["c..a"], ["nowhere"], ["a..nowhere"], ["d"], [names[0], "d"]):
        with pytest.raises(FsapiError) as caught:
            project.migrator().baseline(squash, replaces=replaces)
        assert isinstance(caught.value, RefusedPlan | UsageError), replaces
    with pytest.raises(UsageError):
        project.migrator().baseline(only=[squash], replaces=names)
    assert len(project.applied()) == 4
    moved = project.write("moved", "CREATE TABLE b (i int PRIMARY KEY);", "DROP TABLE b;")
    with pytest.raises(RanBefore, match=f"rename {names[1]} {moved}"):
        project.migrator().baseline(squash, replaces=names)
    (project.folder / moved).unlink()
    project.migrator().baseline(squash, replaces=names)
    with pytest.raises(RefusedPlan, match="applied already"):
        project.migrator().baseline(squash, replaces=names)


def test_a_squash_that_sorts_behind_what_is_built_on_it_is_told(squashed: tuple[Project, list[str], str]) -> None:
    """A new database would run it last."""
    project, names, squash = squashed
    late = move(project, squash, "2026_05_01_00_00_base.sql")
    result = project.migrator().baseline(late, replaces=names)
    assert any("a new database runs 2026_01_01_00_03_d.sql before" in note for note in result.notes)


# -- baselines ---------------------------------------------------------------------------------------------------


def test_a_baseline_records_a_set(project: Project) -> None:
    """An old tool has applied 1, 2 and 4: 3 stays pending."""
    names = [project.write(f"t{n}", f"CREATE TABLE t{n} (i int);", f"DROP TABLE t{n};") for n in (1, 2, 3, 4)]
    project.rows("CREATE TABLE t1 (i int); CREATE TABLE t2 (i int); CREATE TABLE t4 (i int)")
    result = project.migrator().baseline(only=["t1", "t2", names[3]])
    assert [each.name for each in result.done] == [names[0], names[1], names[3]]
    assert project.migrator().baseline(only=["t1"]).done == ()
    assert states(project)[names[2]] is State.LATE
    assert [each.name for each in project.migrator().migrate().done] == [names[2]]


def test_a_baseline_says_what_it_records_that_was_not_named(project: Project) -> None:
    """Before it is done, too."""
    names = [project.write(f"t{n}", f"CREATE TABLE t{n} (i int);") for n in range(8)]
    note = f"recorded as well, although not named: {', '.join(names[:5])} and 2 more (--only records what it names)"
    assert project.migrator().plan("baseline", [names[7]]).plan.notes == (note,)
    assert project.migrator().baseline("t1").notes == (
        f"recorded as well, although not named: {names[0]} (--only records what it names)",
    )


@pytest.mark.parametrize("text", [TEMPLATE, TEMPLATE.replace("\n", "\r\n"), TEMPLATE.partition("-- DOWN")[0]])
def test_the_untouched_template_is_never_recorded(project: Project, text: str) -> None:
    """Neither by a baseline of any form, nor where an edited file is accepted."""
    name = project.write_text("2026_01_01_00_00_a.sql", text)
    b = project.write("b", "SELECT 1;")
    for options in ({"name": b}, {"name": name}, {"only": [name]}):
        with pytest.raises(FaultyMigrations, match="template"):
            project.migrator().baseline(**options)
    assert project.applied() == []
    project.write_text(name, "-- UP\nSELECT 2;\n")
    project.migrator().migrate()
    project.write_text(name, text)
    with pytest.raises(FaultyMigrations, match="template"):
        project.migrator().repair(name)


# -- all of them -------------------------------------------------------------------------------------------------


def test_they_show_what_they_would_do_and_do_that(rates: Project) -> None:
    """The plan is the one that runs; nothing was written by looking at it."""
    old = rates.write("add", RATES)
    rates.migrator().migrate()
    new = move(rates, old, "2026_01_01_00_30_add.sql")
    before = journalled(rates)
    plan = rates.migrator().plan("rename", [old, new])
    assert plan.lines() == [
        f"Plan: rename 1 migration on {where(rates)}",
        f"  rename  {old} to {new}",
    ]
    assert journalled(rates) == before
    rates.migrator().rename(old, new, planned=plan.plan)
    with pytest.raises((PlanChanged, FsapiError)):
        rates.migrator().rename(old, new, planned=plan.plan)
    for verb, names in (("rename", [old]), ("migrate", [old]), ("redo", [new])):
        with pytest.raises(UsageError):
            rates.migrator().plan(verb, names)


def test_a_protected_database_wants_yes(rates: Project) -> None:
    """As for every verb that changes what it remembers."""
    (rates.root / "pyproject.toml").write_text(
        f'[tool.fsapi_nb.databases.prod]\nurl = "{rates.database}"\nprotected = true\n'
    )
    name = rates.write("add", RATES)
    migrator = rates.migrator(database="prod")
    migrator.migrate(yes=True)
    (rates.folder / name).unlink()
    with pytest.raises(ConfirmationRequired, match=f"retire  {name}"):
        migrator.retire([name])
    assert len(rates.applied()) == 2
    migrator.retire([name], yes=True)
    assert len(rates.applied()) == 1


def test_the_terminal_has_them(rates: Project, capsys: pytest.CaptureFixture[str]) -> None:
    """With plans, and JSON."""
    name = rates.write("add", RATES)
    options = ["--database", rates.database, "--dir", str(rates.folder), "--json"]
    assert main(["migrate", *options]) == 0
    new = move(rates, name, "2026_01_01_00_30_add.sql")
    assert main(["migrate:plan", "rename", name, new, *options]) == 0
    assert main(["migrate:rename", name, new, *options]) == 0
    (rates.folder / new).unlink()
    assert main(["migrate:status", "--check", *options]) == 3
    capsys.readouterr()
    assert main(["migrate:retire", "--missing", *options]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["changes"] == [{"kind": "retire", "name": new, "other": None}]
    assert main(["migrate:status", "--check", *options]) == 0
    assert main(["migrate:retire", "--undo", new, *options]) == 0


def test_a_row_that_somebody_else_changed_is_not_changed(rates: Project) -> None:
    """The server refuses it, with its journal row."""
    name = rates.write("add", RATES)
    rates.migrator().migrate()
    new = move(rates, name, "2026_01_01_00_30_add.sql")
    rates.rows(
        "CREATE FUNCTION gone() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
        "CREATE TRIGGER gone BEFORE UPDATE OR DELETE ON migrations FOR EACH ROW EXECUTE FUNCTION gone()"
    )
    before = journalled(rates)
    with pytest.raises(DatabaseError):
        rates.migrator().rename(name, new)
    (rates.folder / new).unlink()
    with pytest.raises(DatabaseError):
        rates.migrator().retire([name])
    assert journalled(rates) == before
    assert rates.applied()[-1] == name


def test_a_role_that_may_not_rename_rows_is_told_so(rates: Project) -> None:
    """The rights to migrate are not those to change a row."""
    name = rates.write("add", RATES)
    rates.migrator().migrate()
    new = move(rates, name, "2026_01_01_00_30_add.sql")
    role = f"writer_{rates.value('SELECT current_database()')}"
    rates.rows(
        f"CREATE ROLE {role} LOGIN; GRANT SELECT, INSERT, DELETE ON migrations, migrations_journal TO {role};"
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON migrations_scripts TO {role};"
        f"GRANT USAGE ON SEQUENCE migrations_id_seq TO {role}"
    )
    try:
        database = make_conninfo(rates.database, options=f"-c role={role}")
        with pytest.raises(HistoryError, match="GRANT UPDATE") as caught:
            rates.migrator(database=database).rename(name, new)
        assert "permission denied for table migrations" in str(caught.value)
    finally:
        rates.rows(f"DROP OWNED BY {role}; DROP ROLE {role}")
    with psycopg.connect(rates.database) as connection:
        assert connection.execute("SELECT count(*) FROM migrations WHERE name = %s", [name]).fetchone() == (1,)
