"""The schema of a database becomes its first migration: proven, recorded, and written only then."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from fsapi_nb import BaselineResult, ConfirmationRequired, Locked, PlanChanged, RefusedPlan, UsageError
from fsapi_nb.history.store import open_target
from fsapi_nb.model.folder import Folder
from fsapi_nb.servers.needs import ServerNeeds
from fsapi_nb.servers.scratch import Scratch
from fsapi_nb.verbs import first_migration, prove_first
from tests.catalog.knotty_schema import KNOTTY
from tests.catalog.nasty_schema import NASTY
from tests.conftest import Project
from tests.faults.test_stopped import Call
from tests.postgres.test_session import wait_for
from tests.verbs.on_scratch import scratch_on

SHOP = """
CREATE TYPE mood AS ENUM ('ok', 'bad');
CREATE TABLE customers (id serial PRIMARY KEY, email text UNIQUE NOT NULL, m mood DEFAULT 'ok');
CREATE TABLE orders (id int PRIMARY KEY, customer int REFERENCES customers, total numeric CHECK (total > 0));
CREATE INDEX ON orders (customer);
CREATE VIEW spent AS SELECT customer, sum(total) FROM orders GROUP BY 1;
INSERT INTO customers (email) VALUES ('a@b.c');
"""
WRITTEN = """\
-- UP
-- The schema of the database at the time when its migrations began, written by fsapi_nb from its catalog.
-- It holds no data: an empty database that is migrated with it has no rows, and its sequences begin at their start.

SET LOCAL search_path TO '';
SET LOCAL check_function_bodies TO off;

CREATE TYPE public.mood AS ENUM (
    'ok',
    'bad'
);

CREATE SEQUENCE public.customers_id_seq AS integer;

CREATE TABLE public.customers (
    id integer DEFAULT nextval('public.customers_id_seq'::regclass) NOT NULL,
    email text NOT NULL,
    m public.mood DEFAULT 'ok'::public.mood,
    CONSTRAINT customers_pkey PRIMARY KEY (id),
    CONSTRAINT customers_email_key UNIQUE (email)
);
ALTER SEQUENCE public.customers_id_seq OWNED BY public.customers.id;

CREATE TABLE public.orders (
    id integer NOT NULL,
    customer integer,
    total numeric,
    CONSTRAINT orders_pkey PRIMARY KEY (id),
    CONSTRAINT orders_total_check CHECK ((total > (0)::numeric))
);
ALTER TABLE public.orders ADD CONSTRAINT orders_customer_fkey FOREIGN KEY (customer) REFERENCES public.customers(id);
CREATE INDEX orders_customer_idx ON public.orders USING btree (customer);

CREATE VIEW public.spent AS
 SELECT customer,
    sum(total) AS sum
   FROM public.orders
  GROUP BY customer;

-- DOWN
-- Drops all of it, with the data that is in it by then.

SET LOCAL search_path TO '';
SET LOCAL check_function_bodies TO off;

DROP VIEW public.spent;
DROP TABLE public.orders;
DROP TABLE public.customers;
DROP TYPE public.mood;
"""
ROLES = ("reader", "writer")


@pytest.fixture(autouse=True)
def scratch(server: str, project: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scratch]:
    """The tests' server for scratch databases."""
    with scratch_on(server, project, monkeypatch) as scratch:
        yield scratch


@pytest.fixture
def roles(server: str, project: Project) -> Iterator[None]:
    """Roles that rights are given to; gone when the project's database is emptied."""
    with psycopg.connect(server, autocommit=True) as connection:
        for role in ROLES:
            with contextlib.suppress(psycopg.errors.DuplicateObject):
                connection.execute(f"CREATE ROLE {role}".encode())
        yield
        with psycopg.connect(project.database, autocommit=True) as here:
            here.execute(f"DROP OWNED BY {', '.join(ROLES)} CASCADE".encode())
        for role in ROLES:
            connection.execute(f"DROP ROLE {role}".encode())


def written(project: Project, *, yes: bool = False) -> tuple[BaselineResult, str]:
    """What the verb says, and what its file says."""
    result = project.migrator().baseline_from_database("init", yes=yes)
    (file,) = project.folder.glob("*.sql")
    return result, file.read_text()


def test_the_schema_is_written_proven_and_recorded(project: Project) -> None:
    """As somebody would write it, in an order in which it runs; rows are not written, and the database is as it was."""
    project.rows(SHOP)
    result, text = written(project)
    name = Path(result.path).name
    assert (
        text.replace(" SELECT orders.customer,\n    sum(orders.total)", " SELECT customer,\n    sum(total)").replace(
            "GROUP BY orders.customer", "GROUP BY customer"
        )
        == WRITTEN
    )  # before 16, PostgreSQL names the table of each column
    assert project.applied() == [name]
    assert project.value("SELECT count(*) FROM customers") == 1
    assert project.migrator().pending().lines()[0].startswith("Nothing")
    assert project.migrator().drift().changes == ()
    assert result.lines()[:4] == [
        f"{result.path} was created and is recorded as applied on {project.label}.",
        "  ! nothing was run in the database; its data is not in the file",
        "It creates 2 tables, 1 view, 1 type, 1 index, 1 sequence, 5 table constraints.",
        (
            f"Proven on {result.server}: an empty database migrated with it has the same schema, and its DOWN leaves that "
            f"empty again."
        ),
    ]


def test_the_folder_is_made_if_there_is_none(project: Project) -> None:
    """A project may begin with this; a refusal makes none."""
    project.rows(SHOP)
    project.folder.rmdir()
    project.migrator().baseline_from_database("init")
    assert [file.name[16:] for file in project.folder.glob("*.sql")] == ["_init.sql"]


def test_something_of_every_kind_is_written(project: Project, roles: None) -> None:
    """What cannot be written is listed before, asked about, and stands in the file as a comment."""
    project.rows(NASTY)
    with pytest.raises(ConfirmationRequired) as caught:
        written(project)
    line = "not written: user mapping reader on server far: options that may be secret are left out: password"
    assert caught.value.lines() == [
        "1 object cannot be written whole: nothing was done yet",
        f"  {line}",
        "Database: unchanged; no file was written.",
        (
            "→ to write the rest, with a comment for what is left out, and record it: "
            "`sapi migrate:baseline init --from-database --yes`"
        ),
    ]
    assert not [*project.folder.glob("*")]
    result, text = written(project, yes=True)
    assert f"-- {line}\n" in text
    assert "\n-- DOWN\n" in text
    assert result.notes == ()
    assert [each.kind for each in result.unwritten] == ["user mapping"]


def test_cycles_and_trees_are_written(project: Project, roles: None) -> None:
    """With a DOWN that takes them apart again."""
    project.rows(KNOTTY)
    result, text = written(project)
    assert result.notes == ()
    assert "\n-- DOWN\n" in text


def test_sixty_tables_that_refer_to_each_other_are_one_cell(project: Project) -> None:
    """Foreign keys in a circle, and names that look like parts of a file."""
    tables = "".join(
        f"CREATE TABLE \"t{number} -- DOWN\" (id int PRIMARY KEY, other int, note text DEFAULT E'\\n-- DOWN\\n');"
        for number in range(60)
    )
    keys = "".join(
        f'ALTER TABLE "t{number} -- DOWN" ADD FOREIGN KEY (other) REFERENCES "t{(number + 1) % 60} -- DOWN";'
        for number in range(60)
    )
    project.rows(tables + keys)
    result, _ = written(project)
    assert result.lines()[2] == "It creates 60 tables, 120 table constraints."
    assert result.notes == ()


@pytest.mark.parametrize("before", ["-- UP\nSELECT 1;\n", "nothing that can be read"])
def test_a_folder_with_files_is_refused(project: Project, before: str) -> None:
    """What is there may say already what the database has."""
    name = project.write_text("2026_01_01_00_00_a.sql", before)
    with pytest.raises(RefusedPlan) as caught:
        project.migrator().baseline_from_database("init")
    assert caught.value.message == "the folder has 1 file already, so the schema is not written as the first one"
    assert name in str(caught.value.hint)


def test_a_history_is_refused(project: Project) -> None:
    """Its migrations have made the schema, and their files are elsewhere."""
    name = project.write("a", "CREATE TABLE a ();")
    project.migrator().migrate()
    (project.folder / name).unlink()
    with pytest.raises(RefusedPlan, match=f"has a history already: 1 migration, the last is {name}"):
        project.migrator().baseline_from_database("init")
    assert not [*project.folder.glob("*")]


def test_a_history_of_another_tool_of_ours_is_refused(project: Project) -> None:
    """fsapi keeps the same table, and no journal beside it."""
    project.rows(
        "CREATE TABLE migrations (id bigserial PRIMARY KEY, name text UNIQUE, up text, down text, "
        "applied_at timestamptz DEFAULT now()); INSERT INTO migrations (name) VALUES ('2020_01_01_00_00_a.sql')"
    )
    with pytest.raises(Exception, match="history|migrations"):
        project.migrator().baseline_from_database("init")
    assert not [*project.folder.glob("*")]


def test_a_protected_database_asks_first(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even though nothing but the history's row is written there."""
    project.rows(SHOP)
    (project.root / "pyproject.toml").write_text(
        f'[tool.fsapi_nb.databases.prod]\nurl = "{project.database}"\nprotected = true\n'
    )
    migrator = project.migrator(database="prod")
    with pytest.raises(ConfirmationRequired, match="the database prod is protected: nothing was done yet"):
        migrator.baseline_from_database("init")
    assert not project.has("migrations")
    migrator.baseline_from_database("init", yes=True)
    assert len(project.applied()) == 1


def test_what_does_not_give_the_same_schema_is_not_recorded(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """The writer is not trusted; the comparison is. The error has both texts, and nothing is left."""
    project.rows("CREATE TABLE a (b int)")
    sabotaged(monkeypatch, lambda text: text.replace("b integer", "b bigint"))
    with pytest.raises(RefusedPlan) as caught:
        written(project)
    assert caught.value.message.startswith("an empty database does not get the same schema: 1 object of ")
    assert caught.value.details == (
        "  changed table public.a",
        "     CREATE TABLE public.a (",
        "    -    b bigint",
        "    +    b integer",
        "     )",
        *caught.value.details[5:],
    )
    assert not [*project.folder.glob("*")]
    assert not project.has("migrations")


def test_what_does_not_run_is_not_recorded(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """The place in what was written is named."""
    project.rows("CREATE TABLE a (b int)")
    sabotaged(monkeypatch, lambda text: text.replace("b integer", "b nothing"))
    with pytest.raises(RefusedPlan, match="does not run in an empty database: .*nothing"):
        written(project)
    assert not [*project.folder.glob("*")]


def test_a_scratch_server_of_another_version_is_named_where_it_may_be_the_reason(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A newer server writes and knows more than an older one, which had to do."""
    project.rows("CREATE TABLE a (b int)")
    sabotaged(monkeypatch, lambda text: text.replace("b integer", "b nothing"))
    monkeypatch.setattr(first_migration, "read_needs", lambda *_, **__: ServerNeeds(99))
    with pytest.raises(RefusedPlan) as caught:
        written(project)
    assert "and the database is of PostgreSQL 99: with one of that version here" in str(caught.value.hint)


def test_a_down_that_does_not_empty_a_database_is_left_out(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A migration without a DOWN is irreversible, which is known; one with a wrong DOWN is not."""
    project.rows("CREATE TABLE a (b int)")
    sabotaged(monkeypatch, lambda text: text.replace("DROP TABLE public.a;", "SELECT 1;"))
    result, text = written(project)
    assert result.notes == ("the file has no DOWN: what was written for it does not restore added table public.a",)
    assert "-- DOWN" not in text


def sabotaged(monkeypatch: pytest.MonkeyPatch, change: Callable[[str], str]) -> None:
    """Let the writer make a mistake."""
    right = prove_first.first_migration  # type: ignore[attr-defined]  # which it imports

    def wrong(*arguments: Any, **options: Any) -> str:
        return change(right(*arguments, **options))

    monkeypatch.setattr(prove_first, "first_migration", wrong)


def test_a_schema_that_changes_meanwhile_is_not_recorded(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """The proof takes seconds, and another session may do anything."""
    project.rows("CREATE TABLE a (b int)")
    right = first_migration.prove  # type: ignore[attr-defined]  # which it imports

    def slow(*arguments: Any) -> Any:
        project.rows("CREATE TABLE more ()")
        return right(*arguments)

    monkeypatch.setattr(first_migration, "prove", slow)
    with pytest.raises(PlanChanged, match="the schema was changed while it was written"):
        written(project)
    assert not [*project.folder.glob("*")]


def test_a_file_that_is_not_recorded_is_removed_again(project: Project) -> None:
    """It would be a pending migration that cannot run here."""
    project.rows("CREATE TABLE a (b int)")
    with psycopg.connect(project.database) as other:
        with open_target(project.migrator()._options.access, writing=False, folder=Folder()) as store:
            lock = store.key
        other.execute("SELECT pg_advisory_lock(%s)", [lock])
        with pytest.raises(Locked):
            project.migrator(max_wait=0).baseline_from_database("init")
    assert not [*project.folder.glob("*")]


def test_a_proof_that_is_stopped_leaves_nothing(
    project: Project, scratch: Scratch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a file, nor a row, nor a scratch database; what is said is about the user's database."""
    project.rows("CREATE TABLE a (b int)")
    sabotaged(monkeypatch, lambda text: text.replace("CREATE TABLE", "SELECT pg_sleep(60); CREATE TABLE"))
    migrator = project.migrator()
    call = Call(lambda: migrator.baseline_from_database("init"))
    wait_for(project, "SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'")
    error = call.stopped(migrator)
    assert error.message == "stopped while the schema was proven in a scratch database"
    assert error.state.startswith("unchanged; no file was written and nothing was recorded.")
    assert not [*project.folder.glob("*")]
    left = "SELECT count(*) FROM pg_database WHERE starts_with(datname, %s)"
    assert scratch.session.connection().execute(left, [f"fsapi_test_{scratch.token}"]).fetchone() == (0,)


def test_a_schema_of_the_history_is_there_before(project: Project) -> None:
    """With --schema, or `schema` in the settings, the file does not fail where its history is."""
    project.rows("CREATE SCHEMA shop; CREATE TABLE shop.a (b int)")
    migrator = project.migrator(schema="shop")
    result = migrator.baseline_from_database("init")
    text = (project.folder / Path(result.path).name).read_text()
    assert "CREATE SCHEMA IF NOT EXISTS shop;" in text
    assert "DROP SCHEMA" not in text
    assert result.notes == ()


def test_the_name_is_checked_first(project: Project) -> None:
    """As that of any new file."""
    with pytest.raises(UsageError, match="cannot be a migration's name"):
        project.migrator().baseline_from_database("../a")
