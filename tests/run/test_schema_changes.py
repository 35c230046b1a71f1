"""After a run the result says what changed in the schema, and `changes` says it later; a run never fails because of it."""

from __future__ import annotations

import datetime
import json
import os
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from fsapi_nb.catalog.listing import reading
from fsapi_nb.errors import Interrupted, StatementFailed, UnknownMigration, UsageError
from fsapi_nb.events import Event, StepFinished
from fsapi_nb.history.kept_changes import MOST, changes_in, written_changes
from fsapi_nb.model.migration import Direction
from fsapi_nb.model.plan import CompletedMigration
from fsapi_nb.model.schema_change import CREATED, SchemaChange, SchemaChanges
from fsapi_nb.run import catalog_readings, last_listing
from fsapi_nb.text.fold import OUTPUT, stored_size
from fsapi_nb.views.results import RunResult
from tests.conftest import Project
from tests.faults.proxy import Action, Proxy, Rule

_READING = "array_agg(CASE WHEN age(x.xmin)"


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a path that is short enough for a socket."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


@pytest.fixture(autouse=True)
def nothing_was_read_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """How often a run reads the catalog does not depend on tests before."""
    monkeypatch.setattr(last_listing, "_last", None)


def lines_of(done: CompletedMigration) -> list[str]:
    """What one migration changed."""
    assert done.schema_changes is not None and not done.schema_changes.unknown
    return [change.line() for change in done.schema_changes.changes]


def kept(project: Project) -> list[str]:
    """What the journal keeps of the schema: name and direction of each event."""
    rows = project.rows("SELECT migration, state FROM migrations_journal WHERE event = 'schema' ORDER BY id")
    return [f"{state} {name}" for name, state in rows]


def two(project: Project) -> tuple[str, str]:
    """A migration that makes tables and others, and one that changes them, also by code that no parser sees."""
    project.write(
        "init",
        "CREATE TABLE customers (id serial PRIMARY KEY, bio text, mail text UNIQUE);\n"
        "CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, customer int REFERENCES customers,\n"
        "  total numeric(10,2));\nCREATE INDEX ON orders (customer);\n"
        "CREATE FUNCTION total() RETURNS numeric LANGUAGE sql AS 'SELECT 1.0';",
        "DROP FUNCTION total();\nDROP TABLE orders;\nDROP TABLE customers;",
    )
    project.write(
        "change",
        "ALTER TABLE orders ADD COLUMN token text NOT NULL DEFAULT 'x';\nCREATE INDEX orders_token_idx ON orders (token);\n"
        "ALTER TABLE orders ALTER COLUMN total TYPE bigint;\nALTER TABLE customers DROP COLUMN bio;\n"
        "CREATE OR REPLACE FUNCTION total() RETURNS numeric LANGUAGE sql AS 'SELECT 2.0';\n"
        "DO $$ BEGIN EXECUTE 'ALTER TABLE customers RENAME TO buyers'; END $$;\nCREATE TEMP TABLE t (i int);",
        "ALTER TABLE buyers RENAME TO customers;\nALTER TABLE customers ADD COLUMN bio text;\n"
        "ALTER TABLE orders DROP COLUMN token;",
    )
    first, second = sorted(file.name for file in project.folder.iterdir())
    return first, second


def test_the_result_says_under_each_migration_what_changed(project: Project) -> None:
    """Objects that a DO block made too, but no temporary ones; the same text each time."""
    first, second = two(project)
    result = project.migrator().migrate()
    assert repr(result) == (
        f"Applied 2 migrations on {project.label}.\n"
        f"  ↑ {first}\n"
        "      created table customers (3 columns, primary key, 1 unique constraint)\n"
        "      created table orders (3 columns, primary key, 1 foreign key, 1 index)\n"
        "      created function total()\n"
        f"  ↑ {second}\n"
        "      buyers: renamed from customers, - column bio\n"
        "      orders: column total numeric(10,2) -> bigint, + column token text not null,\n"
        "        + index orders_token_idx\n"
        "      function total(): replaced"
    )
    back = project.migrator().rollback(2)
    assert lines_of(back.done[0]) == [
        "customers: renamed from buyers, + column bio text",
        "orders: - column token, - index orders_token_idx",
    ]
    assert lines_of(back.done[1]) == [
        "dropped table customers (3 columns, primary key, 1 unique constraint)",
        "dropped table orders (3 columns, primary key, 1 foreign key, 1 index)",
        "dropped function total()",
    ]


def test_what_is_stored_of_a_notebook_and_what_programs_get(project: Project) -> None:
    """HTML with everything escaped, JSON and a DataFrame with the same changes."""
    name = project.write("odd", 'CREATE TABLE "<b>&\n" ("$x$" int);')
    result = project.migrator().migrate()
    line = 'created table "<b>&\n" (1 column)'
    assert lines_of(result.done[0]) == [line]
    assert 'created table "<b>&\\n" (1 column)' in repr(result)
    assert "&lt;b&gt;&amp;" in result.html() and "<b>" not in result.html()
    (change,) = result.to_json()["done"][0]["schema_changes"]["changes"]
    assert change == {"action": "created", "kind": "table", "name": '"<b>&\n"', "details": ["1 column"]}
    assert list(result.to_frame()["schema_changes"]) == [line]
    found = project.migrator().changes("odd")
    assert found.to_json()["schema_changes"][0]["migrations"] == [name]
    assert list(found.to_frame()["name"]) == ['"<b>&\n"']
    assert "&lt;b&gt;&amp;" in found.html() and "<b>" not in found.html()


def test_changes_says_the_same_later(project: Project) -> None:
    """Of one migration by any part of its name, of a span, and of the last run."""
    first, second = two(project)
    migrator = project.migrator()
    applied = migrator.migrate(count=1).done + migrator.migrate().done
    assert repr(migrator.changes("init")) == (
        f"3 changes of the schema by {first} on {project.label}\n"
        f"  ↑ {first}\n"
        "      created table customers (3 columns, primary key, 1 unique constraint)\n"
        "      created table orders (3 columns, primary key, 1 foreign key, 1 index)\n"
        "      created function total()"
    )
    assert [each.changes for each in migrator.changes().kept] == [applied[1].schema_changes]
    assert [each.names for each in migrator.changes(since="init").kept] == [(second,)]
    assert [each.names for each in migrator.changes(since="2020-01-01").kept] == [(first,), (second,)]
    assert migrator.changes(since="2999-01-01T00:00:00+02:00").kept == ()
    migrator.rollback()
    assert [each.event for each in migrator.changes("change").kept] == ["up", "down"]
    assert isinstance(migrator.changes().kept[0].at, datetime.datetime)


def test_changes_of_what_is_not_there_are_refused(project: Project) -> None:
    """A name that no migration has, and two questions at once; before the first run there is nothing."""
    assert repr(project.migrator().changes()) == f"Nothing is known of the last run on {project.label}: there was none."
    two(project)
    project.migrator().migrate()
    with pytest.raises(UnknownMigration):
        project.migrator().changes("nothing_of_that_name")
    with pytest.raises(UsageError):
        project.migrator().changes("init", since="init")
    with pytest.raises(UsageError, match="'2026-13-01' is neither a migration nor a time"):
        project.migrator().changes(since="2026-13-01")


def test_a_migration_that_was_renamed_or_only_recorded(project: Project) -> None:
    """The first is known under its new name; of the other it is said that it did not run."""
    first, second = two(project)
    migrator = project.migrator()
    migrator.migrate(count=1)
    (project.folder / first).rename(project.folder / first.replace("init", "begin"))
    migrator.rename(first, first.replace("init", "begin"))
    assert [each.names for each in migrator.changes("begin").kept] == [(first.replace("init", "begin"),)]
    migrator.baseline(second)
    assert repr(migrator.changes("change")) == (
        f"Nothing is known of {second} on {project.label}: it was recorded as applied without being run here."
    )


def test_a_redo_in_one_transaction_says_what_differs(project: Project) -> None:
    """Its DOWN and its UP cannot be looked at one by one."""
    name = project.write("a", "CREATE TABLE a (i int);", "DROP TABLE a;")
    migrator = project.migrator()
    migrator.migrate()
    project.write("a", "CREATE TABLE a (i int, j int);", "DROP TABLE a;", name=name)
    result = migrator.redo()
    assert lines_of(result.done[-1]) == ["created table a (2 columns)", "dropped table a (1 column)"]
    assert "rolled back and applied again in one transaction" in repr(result)
    assert [each.event for each in migrator.changes("a").kept] == ["up", "up"]


def test_a_redo_that_changes_rows_only_says_nothing_of_the_schema(project: Project) -> None:
    """There is nothing to explain."""
    project.write("t", "CREATE TABLE t (i int);")
    project.write("a", "INSERT INTO t VALUES (1);", "DELETE FROM t;")
    migrator = project.migrator()
    migrator.migrate()
    assert "what differs" not in repr(migrator.redo())


def test_steps_outside_of_transactions_belong_to_their_migration(project: Project) -> None:
    """The catalog is read once, after the last step."""
    project.write("a", "CREATE TABLE a (i int);")
    project.write("b", "CREATE INDEX CONCURRENTLY a_i ON a (i);\nALTER TABLE a ADD COLUMN j int;")
    result = project.migrator().migrate()
    assert lines_of(result.done[1]) == ["a: + column j integer, + index a_i"]


def test_a_resumed_migration_says_that_it_is_not_all_of_it(project: Project) -> None:
    """What its first steps changed was not seen by this run."""
    name = project.write(
        "a", "BEGIN;\nCREATE TABLE a (i int);\nCOMMIT;\nBEGIN;\nCREATE TABLE b (i int);\nSELECT 1/0;\nCOMMIT;"
    )
    with pytest.raises(StatementFailed):
        project.migrator().migrate()
    text = (project.folder / name).read_text().replace("SELECT 1/0;\n", "")
    (project.folder / name).write_text(text)
    (done,) = project.migrator().migrate().done
    assert lines_of(done) == ["created table b (1 column)"]
    assert done.schema_changes and "an earlier run had done the steps before" in done.schema_changes.note


def test_a_run_of_many_migrations_says_what_they_changed_together(project: Project) -> None:
    """The catalog is read before and after it, so that migrations are sent ahead as ever."""
    names = [project.write(f"m{number}", f"CREATE TABLE t{number} (i int);") for number in range(21)]
    result = project.migrator().migrate()
    assert all(done.schema_changes is None for done in result.done)
    assert result.schema_changes is not None and len(result.schema_changes.changes) == 21
    text = repr(result)
    assert "Changed in the schema by all of them" in text and "created table t20 (1 column)" in text
    assert kept(project) == ["run None"]
    found = project.migrator().changes("m7")
    assert found.kept[0].names == tuple(names)
    whose = f"21 migrations in one run, {names[7]} among them"
    assert found.headline() == f"21 changes of the schema by {whose} on {project.label}"
    assert f"21 migrations in one run, {names[0]} to {names[20]}: what they changed together" in repr(found)


def test_in_a_large_database_only_one_migration_is_told_by_itself(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reading takes longer there: with more migrations the catalog is read before and after all of them."""
    monkeypatch.setattr(catalog_readings, "MOST_OF_EACH", 3)
    names = [project.write(name, f"CREATE TABLE {name} (i int);") for name in ("a", "b", "c")]
    migrator = project.migrator()
    (done,) = migrator.migrate(count=1).done
    assert lines_of(done) == ["created table a (1 column)"]
    result = migrator.migrate()
    assert [each.schema_changes for each in result.done] == [None, None]
    assert result.schema_changes is not None and len(result.schema_changes.changes) == 2
    assert kept(project) == [f"up {names[0]}", "run None"]


def test_migrations_of_a_long_run_are_sent_ahead(project: Project, folder: Path) -> None:
    """Ten more take no more round trips."""
    project.write("first", "SELECT 1;")
    project.migrator().migrate()
    proxy = Proxy(project.database, folder)
    waits = []
    for count in (21, 31):
        for number in range(count):
            project.write(f"m{count}_{number}", f"CREATE TABLE t{count}_{number} (i int);")
        before = sum(message.is_waited_for for message in proxy.messages)
        project.migrator(database=proxy.address).migrate()
        waits.append(sum(message.is_waited_for for message in proxy.messages) - before)
    proxy.close()
    assert waits[1] == waits[0]


def test_nothing_is_read_where_nobody_asks(project: Project, folder: Path) -> None:
    """With --no-changes no message is sent and nothing is kept, in any of the verbs that run scripts."""
    project.write("a", "CREATE TABLE a (i int);", "DROP TABLE a;")
    proxy = Proxy(project.database, folder)
    migrator = project.migrator(database=proxy.address)
    results = [migrator.migrate(changes=False), migrator.redo(changes=False), migrator.rollback(changes=False)]
    results.append(migrator.fresh(changes=False, yes=True))
    proxy.close()
    assert not any(_READING in message.text for message in proxy.messages)
    assert all(done.schema_changes is None for result in results for done in result.done)
    assert kept(project) == []
    assert "the run had --no-changes" in repr(project.migrator().changes("a"))


def test_the_catalog_is_never_read_inside_of_a_step(project: Project, folder: Path) -> None:
    """No reading stands between a BEGIN and its COMMIT, where a step's locks would be held for it."""
    two(project)
    project.write("alone", "CREATE INDEX CONCURRENTLY i ON orders (customer);\nALTER TABLE orders ADD COLUMN k int;")
    proxy = Proxy(project.database, folder)
    project.migrator(database=proxy.address).migrate()
    proxy.close()
    inside, readings = False, 0
    for message in proxy.messages:
        if message.text.startswith("BEGIN"):
            inside = True
        elif message.text.startswith("COMMIT"):
            inside = False
        if _READING in message.text:
            readings += 1
            assert not inside
    assert readings >= 4  # before the run, and after each migration


def readings_by(project: Project, proxy: Proxy, count: int | None = None) -> int:
    """How often a run of what is pending reads the catalog."""
    begun = len(proxy.messages)
    project.migrator(database=proxy.address).migrate(count=count)
    return sum(_READING in message.text for message in proxy.messages[begun:])


def test_what_cannot_have_changed_since_the_last_run_is_not_read_again(project: Project, folder: Path) -> None:
    """A run in the same process begins with what the last one found, unless anybody has written anything since."""
    proxy = Proxy(project.database, folder)
    project.write("a", "CREATE TABLE a (i int);")
    first = readings_by(project, proxy)
    for name in ("b", "b2", "b3"):  # more than one: the server's own vacuum may write in between
        project.write(name, f"CREATE TABLE {name} (i int);")
    runs = [readings_by(project, proxy, count=1) for _ in range(3)]
    assert min(runs) == 1 < first
    assert "created table b3" in repr(project.migrator().changes("b3"))
    project.write("c", "ALTER TABLE b ADD COLUMN k int;")
    project.rows("CREATE TABLE by_another (i int)")
    again = readings_by(project, proxy)
    proxy.close()
    assert again == 2
    assert "by_another" not in repr(project.migrator().changes("c"))
    assert "b: + column k integer" in repr(project.migrator().changes("c"))


@pytest.mark.parametrize("written", ["SELECT pg_current_xact_id()", "CREATE TABLE other (i int)"])
def test_a_transaction_that_was_open_during_the_last_run_has_changed_what_is_read(
    project: Project, folder: Path, written: str
) -> None:
    """It was not visible to the last reading: what it has made is not said to be made by the next run."""
    proxy = Proxy(project.database, folder)
    with psycopg.connect(project.database) as other:
        other.execute(written.encode())
        project.write("a", "CREATE TABLE a (i int);")
        readings_by(project, proxy)
        for name in ("b", "b2", "b3"):
            project.write(name, f"CREATE TABLE {name} (i int);")
        assert min(readings_by(project, proxy, count=1) for _ in range(3)) == 1
        other.commit()
    project.write("c", "CREATE TABLE c (i int);")
    assert readings_by(project, proxy) == 2
    proxy.close()
    assert "other" not in repr(project.migrator().changes("c"))


def readings_of(project: Project, folder: Path) -> list[int]:
    """The numbers of the messages that read the catalog, in a run on another database with the same files."""
    proxy = Proxy(project.database, folder)
    project.migrator(database=proxy.address).migrate()
    proxy.close()
    (folder / ".s.PGSQL.5432").unlink()
    project.rows("DROP SCHEMA public CASCADE")
    project.rows("CREATE SCHEMA public")
    last_listing._last = None
    return [number for number, message in enumerate(proxy.messages, 1) if _READING in message.text]


@pytest.mark.parametrize("action", [Action.REQUEST_LOST, Action.ANSWER_LOST])
def test_a_connection_that_is_lost_while_the_catalog_is_read_fails_no_run(
    project: Project, folder: Path, action: Action
) -> None:
    """The last migration is committed by then: the result says so, and that what it changed is not known."""
    name = project.write("a", "CREATE TABLE a (i int);")
    *_, last = readings_of(project, folder)
    proxy = Proxy(project.database, folder, Rule(last, action))
    result = project.migrator(database=proxy.address).migrate()
    proxy.close()
    assert [done.name for done in result.done] == project.applied() == [name]
    assert "what changed in the schema is not known: the catalog could not be read: the connection was lost" in (
        " ".join(repr(result).split())
    )
    assert "or ended before it could write it" in " ".join(repr(project.migrator().changes("a")).split())


@pytest.mark.parametrize("action", [Action.REQUEST_LOST, Action.ANSWER_LOST])
@pytest.mark.parametrize("which", [0, 1])
def test_a_connection_that_is_lost_while_the_catalog_is_read_between_steps(
    project: Project, folder: Path, action: Action, which: int
) -> None:
    """Before the first step, or before the last: what is committed is told, and one more run does the rest."""
    names = [project.write(name, f"CREATE TABLE {name} (i int);") for name in ("a", "b")]
    number = readings_of(project, folder)[which]
    proxy = Proxy(project.database, folder, Rule(number, action))
    with pytest.raises(StatementFailed) as caught:
        project.migrator(database=proxy.address).migrate()
    proxy.close()
    assert list(caught.value.applied) == project.applied() == names[:which]
    assert [done.name for done in project.migrator().migrate().done] == names[which:]
    assert project.applied() == names


def test_a_catalog_that_cannot_be_read_is_said(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Too many tables, or a time limit: the run goes on, and result and journal say why nothing is known."""
    monkeypatch.setattr(reading, "MOST_RELATIONS", 3)
    monkeypatch.setattr(reading, "_COUNT", reading._COUNT.replace("20001", "4"))
    reading._gate.cache_clear()
    two(project)
    result = project.migrator().migrate()
    reading._gate.cache_clear()
    assert len(result.done) == 2
    assert "too many to be read" in repr(result)
    assert "too many to be read" in " ".join(repr(project.migrator().changes("init")).split())


def test_a_time_limit_ends_a_reading_and_not_the_run(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limits are of the reading alone."""
    monkeypatch.setattr(
        catalog_readings,
        "_LIMITS",
        sql.SQL("SELECT pg_catalog.set_config('statement_timeout', '10ms', true); SELECT pg_catalog.pg_sleep(1)"),
    )
    project.write("a", "CREATE TABLE a (i int);\nSELECT pg_sleep(0.05);")
    (done,) = project.migrator().migrate().done
    assert done.schema_changes is not None
    assert done.schema_changes.unknown == "the catalog could not be read: canceling statement due to statement timeout"
    assert project.value("SHOW statement_timeout") == "0"


def test_an_interrupt_while_the_catalog_is_read_says_that_all_has_run(project: Project) -> None:
    """The run is over by then, which the error says."""
    name = project.write("a", "CREATE TABLE a (i int);")

    def hear(event: Event) -> None:
        if isinstance(event, StepFinished):
            threading.Timer(0.0, migrator.stop).start()
            blocked.wait(0.2)

    blocked = threading.Event()
    migrator = project.migrator(observers=[hear])
    with pytest.raises(Interrupted) as caught:
        migrator.migrate()
    assert caught.value.message == "stopped when everything had been run"
    assert caught.value.applied == (name,)
    assert project.applied() == [name]
    assert project.migrator().migrate().done == ()


def test_a_reading_does_not_depend_on_what_a_migration_has_set(project: Project) -> None:
    """Neither on its search_path nor on its role, encoding or time limits."""
    role = f"reader_{os.getpid()}"
    project.rows(f"CREATE ROLE {role}")
    try:
        project.write(
            "a",
            f"CREATE SCHEMA s;\nCREATE TABLE s.a (i int);\nSET search_path TO s;\nSET client_encoding TO 'LATIN1';\n"
            f"SET quote_all_identifiers TO on;\nSET statement_timeout TO '1h';\nSET ROLE {role};",
        )
        (done,) = project.migrator().migrate().done
        assert lines_of(done) == ["created schema s", "created table s.a (1 column)"]
    finally:
        project.rows(f"DROP OWNED BY {role}")
        project.rows(f"DROP ROLE {role}")


def test_partitions_are_told_as_one(project: Project) -> None:
    """However many there are, and what changes in all of them because it changes in their parent says nothing of its own."""
    project.write(
        "a", "CREATE TABLE events (at date, what int) PARTITION BY RANGE (at);\nCREATE INDEX ON events (what);"
    )
    days = "\n".join(
        f"CREATE TABLE events_{day:02} PARTITION OF events FOR VALUES FROM ('2026-01-{day:02}') TO ('2026-01-{day + 1:02}');"
        for day in range(1, 21)
    )
    project.write("b", days)
    project.write("c", "ALTER TABLE events ADD COLUMN more text;\nCREATE INDEX ON events (more);")
    result = project.migrator().migrate()
    assert lines_of(result.done[1]) == ["created 20 partitions of events (events_01 to events_20)"]
    assert lines_of(result.done[2]) == ["events: + column more text, + index events_more_idx"]


def test_only_the_schema_that_was_chosen_is_read(project: Project) -> None:
    """Others of the same database are those of other runs."""
    project.rows("CREATE SCHEMA one")
    project.write(
        "a",
        "CREATE TABLE a (i int);\nCREATE SCHEMA other;\nCREATE TABLE other.b (i int);\nCREATE TABLE public.c (i int);",
    )
    (done,) = project.migrator(schema="one").migrate().done
    assert lines_of(done) == ["created table a (1 column)", "created table public.c (1 column)"]


def test_what_is_kept_is_bounded() -> None:
    """Of very much the first is kept, and the rest is counted."""
    many = tuple(SchemaChange(CREATED, "table", f"t{number}", ("é" * 50,) * 60) for number in range(1000))
    text = written_changes(SchemaChanges(many, migrations=3))
    assert len(text.encode()) < MOST + 200
    found = changes_in(text)
    assert found.changes[0].details[-1] == "… 20 more"
    assert len(found.changes) + found.left_out == 1000
    assert found.migrations == 3
    short = SchemaChanges((SchemaChange(CREATED, "view", "v"),), note="a note", unknown="")
    assert changes_in(written_changes(short)) == short


@pytest.mark.parametrize(
    "text",
    [
        *("", "[]", "{}", "null", '{"changes": 1, "left_out": 0, "migrations": 1}', "[" * 100_000),
        '{"changes": [["created"]], "left_out": 0, "migrations": 1}',
        '{"changes": [["burnt", "table", "t"]], "left_out": 0, "migrations": 1}',
        '{"changes": [["created", "table", {}]], "left_out": 0, "migrations": 1}',
        '{"changes": [], "left_out": "many", "migrations": 1}',
        '{"changes": [], "left_out": Infinity, "migrations": 1}',
        '{"changes": [], "left_out": 1e400, "migrations": 1}',
        '{"changes": [], "left_out": -1, "migrations": 1}',
        '{"changes": [], "left_out": 0, "migrations": 10000000000}',
        None,
    ],
)
def test_what_others_wrote_into_the_journal_is_no_error(text: str | None) -> None:
    """Any role that may write the journal may have written anything."""
    assert changes_in(text).unknown == "what the journal keeps of it has another form"


def test_of_what_others_wrote_no_more_is_read_than_a_run_writes(project: Project) -> None:
    """A journal of many megabytes makes nobody wait: nothing is known of that run."""
    project.write("a", "CREATE TABLE a (i int);")
    project.migrator().migrate()
    planted = 'concat(\'{"changes": [], "left_out": 0, "migrations": 1, "note": "\', repeat(\'x\', 1000000), \'"}\')'
    project.rows(f"UPDATE migrations_journal SET witness = {planted} WHERE event = 'schema' RETURNING id")
    (kept,) = project.migrator().changes().kept
    assert kept.changes.unknown == "what the journal keeps of it has another form"


def test_the_journal_is_shown_without_what_is_kept(project: Project) -> None:
    """It is no attempt: history, status and show pass over it."""
    name = project.write("a", "CREATE TABLE a (i int);", "DROP TABLE a;")
    migrator = project.migrator()
    migrator.migrate()
    assert kept(project) == [f"up {name}"]
    assert {event.event for event in migrator.history().events} == {"up"}
    assert {event.event for event in migrator.show("a").events} == {"up"}
    witness = project.value("SELECT witness FROM migrations_journal WHERE event = 'schema'")
    assert json.loads(witness) == {"changes": [["created", "table", "a", "1 column"]], "left_out": 0, "migrations": 1}


def test_long_lists_are_folded_in_what_a_notebook_stores() -> None:
    """A terminal has them all."""
    many = tuple(SchemaChange(CREATED, "table", f"t{number}") for number in range(40))
    done = (CompletedMigration("a.sql", Direction.UP, 0.1, schema_changes=SchemaChanges(many)),)
    result = RunResult("migrate", done)
    assert "      … 21 changes more" in repr(result)
    assert len(result.lines()) == 42


def test_a_change_of_many_columns_takes_no_more_room_in_a_notebook() -> None:
    """Of many details the first and the last are stored, of many migrations too; the result says that it is not all."""
    details = tuple(f"+ column c_{number} text" for number in range(1600))
    each = SchemaChanges(tuple(SchemaChange(CREATED, "table", f"{'t' * 50}_{number}", details) for number in range(50)))
    done = tuple(CompletedMigration(f"m{number}.sql", Direction.UP, 0.1, schema_changes=each) for number in range(20))
    result = RunResult("migrate", done)
    bundle, _ = result._repr_mimebundle_()
    assert sum(stored_size(text) for text in bundle.values()) < OUTPUT
    assert "… 1589 more" in bundle["text/plain"]
    assert bundle["text/plain"].splitlines()[-1] == result.document().shortened
