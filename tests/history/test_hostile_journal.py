"""A journal into which somebody else has written: nothing of it is believed unchecked, and none of its text is run."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from fsapi_nb.errors import HistoryError, InDoubt, UnknownMigration
from fsapi_nb.history.retired_row import RetiredRow, row_of
from fsapi_nb.model.status import State
from tests.conftest import Project

KEPT = {
    "id": 1,
    "applied_at": "2026-01-01T10:00:00.25",
    "duration_ms": 7,
    "checksum": "tokens:1",
    "up": "CREATE TABLE a (i int);",
    "down": "SELECT 1;",
    "redacted": False,
    "digest": None,
    "down_fault": None,
}


def kept(**changes: object) -> str:
    """What the journal keeps of a retired row, with these changes; None takes a key out."""
    return json.dumps(
        {key: value for key, value in {**KEPT, **changes}.items() if key not in changes or value is not None}
    )


#: What a planted row may hold, and what is wrong with it.
HOSTILE = {
    "no json": ("SELECT evil()", "it is not a JSON document"),
    "nothing": (None, "it is not a JSON document"),
    "deep": ("[" * 20000, "it is not a JSON document"),
    "list": ("[1]", "it is not a JSON object"),
    "null": ("null", "it is not a JSON object"),
    "empty": ("{}", "its id is not a number that such a row can have"),
    "text id": (kept(id="1"), "its id is not"),
    "truth id": (kept(id=True), "its id is not"),
    "huge id": (kept(id=1 << 63), "its id is not"),
    "negative id": (kept(id=-1), "its id is not"),
    "word": (kept(applied_at="now"), "its applied_at is not a time of the years 1 to 9999"),
    "infinity": (kept(applied_at="infinity"), "its applied_at is not"),
    "long ago": (kept(applied_at="0044-03-15T00:00:00 BC"), "its applied_at is not"),
    "number": (kept(applied_at=7), "its applied_at is not"),
    "duration": (kept(duration_ms="1 ms"), "its duration_ms is not"),
    "checksum": (kept(checksum={"a": 1}), "its checksum is not a text that PostgreSQL can hold"),
    "no script": (kept(up=None), "it has a checksum, but not the script that it belongs to"),
    "not redacted": (kept(redacted=None), "it has a checksum, but not the script"),
    "down": (kept(down=["DROP TABLE rates"]), "its down is not"),
    "zero": (kept(up="\x00"), "its up is not"),
    "half a character": (kept(digest="\ud800"), "its digest is not"),
}


@pytest.fixture
def retired(project: Project) -> tuple[Project, str]:
    """A migration whose file is gone and whose row was retired, and one that is applied."""
    name = project.write("a", "CREATE TABLE a (i int);", "DROP TABLE a;")
    project.write("b", "CREATE TABLE b (i int);", "DROP TABLE b;")
    project.migrator().migrate()
    (project.folder / name).rename(project.root / name)
    project.migrator().retire([name])
    return project, name


def plant(project: Project, name: str, text: str | None) -> int:
    """Put an event into the journal as if the row had been retired with that text; return its id."""
    quoted = "NULL" if text is None else "'" + text.replace("'", "''") + "'"
    return int(
        project.value(
            "INSERT INTO migrations_journal (run_id, migration, event, state, script) "
            f"VALUES (gen_random_uuid(), '{name}', 'retire', 'done', {quoted}) RETURNING id"
        )
    )


def remembered(project: Project) -> list[object]:
    return [project.rows(f"SELECT * FROM {table} ORDER BY id") for table in ("migrations", "migrations_scripts")]


@pytest.mark.parametrize("what", list(HOSTILE))
def test_a_retired_row_of_another_form_is_not_restored(retired: tuple[Project, str], what: str) -> None:
    """With the event, what is wrong with it, and the statement that takes it out; then the row before it counts."""
    project, name = retired
    text, why = HOSTILE[what]
    number = plant(project, name, text)
    before = remembered(project)
    with pytest.raises(HistoryError) as caught:
        project.migrator().retire([name], undo=True)
    lines, event = str(caught.value).splitlines(), f"FROM public.migrations_journal WHERE id = {number}"
    assert lines[0].startswith(f"the row of {name} cannot be restored from public.migrations_journal: {why}")
    assert lines[1:] == [
        f"  it is kept in the column script of the event with the id {number}",
        "Database: unchanged.",
        f"→ look at it: SELECT * {event}; if fsapi_nb did not write it, take it out: DELETE {event};",
    ]
    assert remembered(project) == before
    project.rows(lines[-1].rsplit(": ", 1)[1])
    project.migrator().retire([name], undo=True)
    assert project.applied()[0] == name


@pytest.mark.parametrize(("number", "detail"), [(2, "already exists"), (1 << 40, "out of range")])
def test_nor_is_one_whose_place_is_taken_or_is_none(retired: tuple[Project, str], number: int, detail: str) -> None:
    """What PostgreSQL refuses is said as a refusal of the history's."""
    project, name = retired
    plant(project, name, kept(id=number))
    before = remembered(project)
    with pytest.raises(HistoryError, match=r"cannot be put back into public\.migrations") as caught:
        project.migrator().retire([name], undo=True)
    assert detail in str(caught.value)
    assert remembered(project) == before


@pytest.mark.parametrize(
    "name", ["../../etc/passwd.sql", "'; DROP TABLE b; --.sql", "2026_01_01_00_07_\x1b[2Jx.sql", "x" * 250 + ".sql"]
)
def test_a_name_that_is_no_files_is_only_a_name(retired: tuple[Project, str], name: str) -> None:
    """It is restored as a row without a file if somebody says it, and reads and runs nothing."""
    project, _ = retired
    plant(project, name.replace("'", "''"), kept(id=9))
    assert project.migrator().retire([name], undo=True)
    assert project.has("b")
    statuses = {status.name: status.state for status in project.migrator().status().statuses}
    assert statuses[name] is State.MISSING
    assert "\x1b" not in str(project.migrator().status())


def test_a_row_that_was_not_retired_is_unknown(retired: tuple[Project, str]) -> None:
    """Whatever another event of that name holds."""
    project, _ = retired
    project.rows(
        "INSERT INTO migrations_journal (run_id, migration, event, state, script) "
        f"VALUES (gen_random_uuid(), 'new.sql', 'baseline', 'done', '{kept()}')"
    )
    with pytest.raises(UnknownMigration):
        project.migrator().retire(["new.sql"], undo=True)


@pytest.fixture(params=["INSERT", "UPDATE", "UPDATE (script)"])
def writer(retired: tuple[Project, str], request: pytest.FixtureRequest) -> Iterator[str]:
    """A role that may write into the journal, or change it, and nothing else."""
    project, _ = retired
    role = f"writer_{project.value('SELECT current_database()')}"
    project.rows(f"CREATE ROLE {role}; GRANT {request.param} ON migrations_journal TO {role}")
    yield role
    project.rows(f"DROP OWNED BY {role}; DROP ROLE {role}")


def test_a_script_that_a_writer_of_the_journal_may_have_planted_is_not_restored(
    retired: tuple[Project, str], writer: str
) -> None:
    """A rollback would run it with the rights of who rolls back."""
    project, name = retired
    number = plant(project, name, kept(down="ALTER ROLE CURRENT_USER SUPERUSER;"))
    before = remembered(project)
    with pytest.raises(HistoryError) as caught:
        project.migrator().retire([name], undo=True)
    journal = "public.migrations_journal"
    revoke = f'REVOKE INSERT, UPDATE ON {journal} FROM "{writer}";'
    assert str(caught.value).splitlines() == [
        f"the script of {name} in public.migrations_journal may have been written by a role that may not write scripts",
        f"  {writer} may write the journal only",
        "Database: unchanged.",
        f"→ look at it: SELECT script FROM {journal} WHERE id = {number}; if it is what ran: {revoke} and restore then.",
    ]
    assert remembered(project) == before


def test_a_row_without_a_script_and_one_among_equals_are(retired: tuple[Project, str], writer: str) -> None:
    """A row alone runs nothing; and who may write the scripts as well needs no detour."""
    project, name = retired
    plant(project, name, kept(checksum=None))
    project.migrator().retire([name], undo=True)
    assert project.value(f"SELECT count(*) FROM migrations_scripts WHERE name = '{name}'") == 0
    project.migrator().retire([name])
    project.rows(f"GRANT INSERT ON migrations_scripts TO {writer}")
    plant(project, name, kept())
    project.migrator().retire([name], undo=True)
    assert project.value(f"SELECT down FROM migrations_scripts WHERE name = '{name}'") == "SELECT 1;"


def test_a_sound_row_is_read_as_it_was() -> None:
    """Every value in its place; without a checksum nothing of a script."""
    time = "2026-01-01 10:00:00.250000"
    assert row_of(kept()) == RetiredRow(1, time, 7, "tokens:1", KEPT["up"], "SELECT 1;", False)  # type: ignore[arg-type]
    assert row_of(kept(checksum=None, applied_at=None, duration_ms=None)) == RetiredRow(1, None, None)


# -- events of another form --------------------------------------------------------------------------------------

#: What a planted event says, and what is wrong with it.
EVENTS: dict[str, tuple[dict[str, object], str]] = {
    "no migration": ({"migration": None, "event": "retire"}, "it names no migration"),
    "no migration of a step": ({"migration": None, "event": "up", "step": 1, "steps": 2}, "it names no migration"),
    "no step": ({"event": "up", "state": "started", "steps": 2}, "its step number is missing or below 1"),
    "no steps": ({"event": "down", "step": 1}, "its step number is missing or below 1"),
    "a step before the first": ({"event": "up", "step": -5, "steps": 2}, "its step number is missing or below 1"),
    "no doubt": ({"event": "up", "state": "in doubt", "step": 1, "steps": 2}, "it does not say what is in doubt"),
    "no names": ({"event": "rollback"}, "its message is not a list of names"),
    "no json": ({"event": "rollback", "message": "{"}, "its message is not a list of names"),
    "lists": ({"event": "rollback", "message": "[[1]]"}, "its message is not a list of names"),
    "deep": ({"event": "rollback", "message": "[" * 20000}, "its message is not a list of names"),
}


def plant_event(project: Project, **values: object) -> int:
    """Put an event into the journal; return its id."""
    whole = {"migration": "x.sql", "state": "done", **values}
    texts = ["NULL" if each is None else "'" + str(each).replace("'", "''") + "'" for each in whole.values()]
    columns = ", ".join(["run_id", *whole])
    query = f"INSERT INTO migrations_journal ({columns}) VALUES (gen_random_uuid(), {', '.join(texts)}) RETURNING id"
    return int(project.value(query))


@pytest.mark.parametrize("what", list(EVENTS))
def test_an_event_that_no_verb_writes_is_named_by_every_verb(retired: tuple[Project, str], what: str) -> None:
    """It is not passed over: it could hide that something has run. Taken out, all goes on."""
    project, _ = retired
    values, fault = EVENTS[what]
    number = plant_event(project, **values)
    event = f"FROM public.migrations_journal WHERE id = {number}"
    migrator = project.migrator()
    for verb in (migrator.status, migrator.plan, migrator.history, migrator.migrate, migrator.rollback):
        with pytest.raises(HistoryError) as caught:
            verb()
        assert str(caught.value).splitlines() == [
            f"the event {number} of public.migrations_journal is not one that fsapi_nb writes: {fault}",
            "Database: unchanged.",
            f"→ look at it: SELECT * {event}; if something else wrote it, take it out: DELETE {event};",
        ]
    project.rows(f"DELETE {event}")
    assert not project.migrator().status().attention


@pytest.mark.parametrize(
    ("script", "witness"),
    [
        ("CREATE INDEX CONCURRENTLY i ON b (i)", "x"),
        ("CREATE INDEX CONCURRENTLY i ON b (i)", "[1]"),
        ("CREATE INDEX CONCURRENTLY i ON b (i)", '{"indexes": [1]}'),
        ("CREATE INDEX CONCURRENTLY i ON b (i)", '{"indexes": [], "relation": "b"}'),
        ("DROP INDEX CONCURRENTLY i", '{"there": "yes"}'),
        ("DROP INDEX CONCURRENTLY i", '{"there": true, "index": {}}'),
        ("REINDEX TABLE CONCURRENTLY b", "[" * 20000),
        ("SELECT evil()", '{"there": true}'),
    ],
)
def test_a_step_whose_witness_cannot_be_read_is_in_doubt(
    retired: tuple[Project, str], script: str, witness: str
) -> None:
    """With the ways on that every step in doubt has; nothing of the text is run."""
    project, _ = retired
    name = project.write("c", "CREATE INDEX CONCURRENTLY i ON b (i);")
    plant_event(
        project,
        migration=name,
        event="up",
        state="started",
        step=1,
        steps=1,
        in_transaction=False,
        script=script,
        witness=witness,
    )
    with pytest.raises(InDoubt):
        project.migrator().migrate()
    assert not project.has("i")
    project.migrator().resolve(name, retry=True)
    project.migrator().migrate()
    assert project.has("i")


@pytest.mark.parametrize(("table", "column"), [("migrations", "applied_at"), ("migrations_journal", "at")])
@pytest.mark.parametrize("moment", ["infinity", "-infinity", "0044-03-15 BC", "10000-01-01"])
def test_a_time_that_cannot_be_read_is_found_by_the_query_that_is_named(
    retired: tuple[Project, str], table: str, column: str, moment: str
) -> None:
    """With its table and column; pasted, the query gives its row."""
    project, _ = retired
    (number,) = project.rows(f"SELECT max(id) FROM {table}")[0]
    project.rows(f"UPDATE {table} SET {column} = '{moment}' WHERE id = {number}")
    with pytest.raises(HistoryError, match="a time in the history is out of range") as caught:
        project.migrator().history()
    assert f"  it is in the column {column} of public.{table}" in str(caught.value).splitlines()
    query = (caught.value.hint or "").partition("set it right: ")[2]
    assert [row[0] for row in project.rows(query.replace("*", "id"))] == [number]


def test_a_step_behind_the_last_stops_no_reading(retired: tuple[Project, str]) -> None:
    """It is a step of a migration without a file, which ended half-way."""
    project, _ = retired
    plant_event(project, event="up", state="done", step=3, steps=2)
    states = {status.name: status.state for status in project.migrator().status().statuses}
    assert states["x.sql"] is State.PARTLY_APPLIED
