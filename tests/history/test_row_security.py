"""Rows of the history that row-level security hides: never taken for absent, whoever reads and whoever writes."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from fsapi_nb import Migrator
from fsapi_nb.errors import HistoryError
from fsapi_nb.history.record import JournalRow, Recorder
from fsapi_nb.model.status import State
from fsapi_nb.verbs.open import open_store
from tests.conftest import Project

STEPS = (
    "BEGIN;\nUPDATE accounts SET balance = balance + 10;\nCOMMIT;\n"
    "BEGIN;\nUPDATE accounts SET balance = balance + 1;\nCOMMIT;"
)
VERBS: dict[str, Callable[[Migrator, str], object]] = {
    "status": lambda migrator, _: migrator.status(),
    "plan": lambda migrator, _: migrator.plan(),
    "show": lambda migrator, name: migrator.show(name),
    "history": lambda migrator, _: migrator.history(),
    "changes": lambda migrator, name: migrator.changes(name),
    "migrate": lambda migrator, _: migrator.migrate(),
    "rollback": lambda migrator, _: migrator.rollback(),
    "redo": lambda migrator, _: migrator.redo(),
    "baseline": lambda migrator, name: migrator.baseline(name),
    "repair": lambda migrator, name: migrator.repair(name),
    "fresh": lambda migrator, _: migrator.fresh(yes=True),
}


@pytest.fixture
def accounts(project: Project) -> str:
    """An account of 11, which one migration of two steps has made of 0."""
    project.rows("CREATE TABLE accounts (balance int)")
    project.rows("INSERT INTO accounts VALUES (0)")
    name = project.write("pay", STEPS, "UPDATE accounts SET balance = 0;")
    project.migrator().migrate()
    return name


@pytest.fixture
def granted(project: Project) -> Iterator[str]:
    """A role that may do everything with every table, and owns none."""
    role = f"granted_{project.value('SELECT current_database()')}"
    project.rows(f"CREATE ROLE {role}; GRANT CREATE ON SCHEMA public TO {role}")
    yield role
    project.rows(f"DROP OWNED BY {role}; DROP ROLE {role}")


def as_role(project: Project, role: str) -> Migrator:
    """A migrator that acts as that role."""
    project.rows(f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}")
    project.rows(f"GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {role}")
    return project.migrator(database=make_conninfo(project.database, options=f"-c role={role}"))


@pytest.mark.parametrize("table", ["migrations", "migrations_scripts", "migrations_journal"])
def test_hidden_rows_are_not_absent_rows(project: Project, accounts: str, granted: str, table: str) -> None:
    """Whichever of the tables it is: every verb that reads it or may write is refused, and the change is made once."""
    project.rows(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    migrator, owner = as_role(project, granted), project.value("SELECT current_user")
    for verb, run in VERBS.items():
        with pytest.raises(HistoryError) as caught:
            run(migrator, accounts)
        assert str(caught.value) == (
            f"row-level security on public.{table} applies to the role '{granted}', and may hide rows from it\n"
            f"  public.{table}: row-level security is on, and the owner is {owner}\n"
            "Database: unchanged.\n"
            f"→ connect as the owner or as a role with BYPASSRLS; or let the owner ({owner}) run: "
            f"ALTER TABLE public.{table} DISABLE ROW LEVEL SECURITY;"
        ), verb
    assert project.value("SELECT balance FROM accounts") == 11


def test_a_policy_that_shows_some_rows_is_refused_as_well(project: Project, accounts: str, granted: str) -> None:
    """A part of the history is not the history."""
    project.rows(f"CREATE POLICY earlier ON migrations USING (name < '{accounts}') WITH CHECK (true)")
    project.rows("ALTER TABLE migrations ENABLE ROW LEVEL SECURITY")
    with pytest.raises(HistoryError, match="row-level security on public.migrations"):
        as_role(project, granted).migrate()
    assert project.value("SELECT balance FROM accounts") == 11


def test_row_security_that_is_forced_names_what_lifts_it(project: Project, granted: str) -> None:
    """Where the owner itself is subject to it, DISABLE would say too much."""
    project.write("a", "CREATE TABLE a (i int);")
    migrator = as_role(project, granted)
    migrator.migrate()
    project.rows("ALTER TABLE migrations ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
    with pytest.raises(HistoryError) as caught:
        migrator.status()
    assert (caught.value.hint or "").endswith("or run: ALTER TABLE public.migrations NO FORCE ROW LEVEL SECURITY;")


def test_hidden_names_outside_of_the_search_path_are_not_absent(project: Project, accounts: str, granted: str) -> None:
    """Whether a history elsewhere is this one is asked of all of its rows, or not at all."""
    project.rows("ALTER TABLE migrations ENABLE ROW LEVEL SECURITY")
    project.rows(f"CREATE SCHEMA app AUTHORIZATION {granted}")
    as_role(project, granted)
    database = make_conninfo(project.database, options=f"-c role={granted} -c search_path=app")
    with pytest.raises(HistoryError, match="row-level security on public.migrations"):
        project.migrator(database=database).migrate()
    assert project.value("SELECT balance FROM accounts") == 11
    assert not project.has("app.migrations")


def test_scripts_keep_the_row_security_that_they_are_meant_to_have(project: Project, granted: str) -> None:
    """A policy on a table of the user's goes on choosing rows for a script, for a query and for a check."""
    project.rows("CREATE TABLE notes (owner text)")
    project.rows(f"INSERT INTO notes VALUES ('{granted}'), ('other')")
    project.rows("CREATE POLICY own ON notes USING (owner = current_user)")
    project.rows("ALTER TABLE notes ENABLE ROW LEVEL SECURITY")
    migrator = as_role(project, granted)
    project.write(
        "seen", "CREATE TABLE seen AS SELECT owner FROM notes;\n-- CHECK: one\nSELECT count(*) = 1 FROM notes;"
    )
    migrator.migrate()
    assert project.rows("SELECT owner FROM seen") == [(granted,)]
    assert [len(result.rows) for result in migrator.query("TABLE notes").results] == [1]
    assert migrator.check("one", "SELECT count(*) = 1 FROM notes").passed


def test_a_commit_whose_answer_is_lost_is_not_taken_for_undone(project: Project, granted: str) -> None:
    """What asks whether the journal has it fails where its rows are hidden, rather than run it again."""
    project.write("a", "CREATE TABLE a (i int);")
    project.migrator().migrate()
    project.rows("ALTER TABLE migrations_journal ENABLE ROW LEVEL SECURITY")
    migrator = as_role(project, granted)
    with open_store(migrator._options, writing=False) as target:
        recorder = Recorder(target.session, target.tables, uuid.uuid4())
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            recorder.is_recorded(JournalRow(None, "up", "done", 1, 1))


@pytest.mark.parametrize("path", ["app, public", '"$user", public'])
def test_a_history_in_a_schema_that_may_not_be_entered_is_not_absent(project: Project, granted: str, path: str) -> None:
    """PostgreSQL passes over that schema of the search_path in silence, and would make the change again in the next."""
    schema = granted if "user" in path else "app"
    project.rows(f"CREATE SCHEMA {schema}")
    project.rows("CREATE TABLE accounts AS SELECT 0 AS balance")
    project.write("pay", "UPDATE public.accounts SET balance = balance + 1;")
    project.migrator(schema=schema).migrate()
    as_role(project, granted)
    database = make_conninfo(project.database, options=f"-c role={granted} -c search_path={path.replace(' ', '')}")
    for verb in ("status", "migrate"):
        with pytest.raises(HistoryError) as caught:
            getattr(project.migrator(database=database), verb)()
        assert f'GRANT USAGE ON SCHEMA "{schema}" TO "{granted}";' in (caught.value.hint or "")
    assert project.value("SELECT balance FROM accounts") == 1
    project.rows(
        f"GRANT USAGE ON SCHEMA {schema} TO {granted}; GRANT ALL ON ALL TABLES IN SCHEMA {schema} TO {granted}"
    )
    assert [status.state for status in project.migrator(database=database).status().statuses] == [State.APPLIED]
