"""A migration is written from a difference, run on a copy, and compared; a database's drift is adopted only if proven."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from fsapi_nb import (
    ConfigurationError,
    ConfirmationRequired,
    DatabaseError,
    Interrupted,
    NotUpToDate,
    PlanChanged,
    RefusedPlan,
    UsageError,
)
from fsapi_nb.catalog.change import generator
from fsapi_nb.commands import find_verb, parser_of
from fsapi_nb.folder.read import parse_text
from fsapi_nb.servers.scratch import Scratch
from fsapi_nb.verbs import make_diff, publish_applied
from fsapi_nb.verbs.change_file import ProvenScript, ScriptWriter
from fsapi_nb.verbs.script_losses import written_losses
from fsapi_nb.views.results import Result
from tests.conftest import Project
from tests.verbs.on_scratch import scratch_on

ORDERS = "CREATE TABLE orders (id integer PRIMARY KEY, note text);"


@pytest.fixture(autouse=True)
def scratch(server: str, project: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scratch]:
    """The tests' server as scratch server; the project's folder is where the commands are typed."""
    monkeypatch.chdir(project.root)
    with scratch_on(server, project, monkeypatch) as found:
        yield found


def want(project: Project, schema: str) -> None:
    """A file with the schema that is wanted."""
    (project.root / "schema.sql").write_text(schema)


def typed(project: Project, verb: str, *words: str) -> Result:
    """What a command gives as it is typed."""
    found = find_verb(verb)
    return found.run(project.migrator(), parser_of(found, prog=verb).parse_args([*words]))


def text_of(project: Project, name: str | None) -> str:
    assert name is not None
    return (project.folder / name).read_text()


def test_the_migration_leads_from_the_folder_to_a_schema(project: Project) -> None:
    """Its UP gives the schema, its DOWN takes it back; a notebook stores no time of a name."""
    project.write("orders", ORDERS)
    want(
        project, "CREATE TABLE orders (id integer PRIMARY KEY, note text NOT NULL); CREATE INDEX hot ON orders (note);"
    )
    made = project.migrator().make_from_diff("to_schema", target="schema.sql")
    assert made.headline() == (
        "to_schema was created: it leads from the folder to schema.sql, as a run on a copy has proven."
    )
    assert text_of(project, made.name) == (
        "-- UP\n"
        "-- from the folder to schema.sql, written by fsapi_nb and compared on a copy\n"
        "ALTER TABLE public.orders ALTER COLUMN note SET NOT NULL;\n"
        "CREATE INDEX hot ON public.orders USING btree (note);\n"
        "\n"
        "-- DOWN\n"
        "DROP INDEX public.hot;\n"
        "ALTER TABLE public.orders ALTER COLUMN note DROP NOT NULL;\n"
    )
    project.migrator().migrate()
    assert not project.migrator().diff("database", "schema.sql").attention
    project.migrator().rollback()
    assert not project.has("hot")


def test_nothing_is_written_without_a_difference_or_a_target(project: Project) -> None:
    """Without a schema file of the project and without --to, nothing is guessed."""
    project.write("orders", ORDERS)
    with pytest.raises(UsageError, match="it is not known what the migration is to lead to"):
        project.migrator().make_from_diff("to_schema")
    want(project, ORDERS)
    made = project.migrator().make_from_diff("to_schema", target="schema.sql")
    assert made.name is None
    assert made.headline() == "No file was written: there is no difference from the folder to schema.sql."
    assert len([*project.folder.iterdir()]) == 1


def test_the_schema_file_of_the_project_is_the_target(project: Project) -> None:
    """It is called as the project names it; one that is not there is an error with the command that writes it."""
    project.write("orders", ORDERS)
    (project.root / "pyproject.toml").write_text('[tool.fsapi_nb]\nschema_file = "schema.sql"\n')
    with pytest.raises(ConfigurationError, match=r"there is no file schema\.sql"):
        project.migrator().make_from_diff("to_schema")
    project.migrator().migrate()
    project.migrator().write_schema()
    assert project.migrator().make_from_diff("to_schema").name is None
    with (project.root / "schema.sql").open("a") as file:
        file.write("CREATE TABLE public.wanted (id integer);\n")
    made = project.migrator().make_from_diff("to_schema")
    assert made.headline().startswith("to_schema was created: it leads from the folder to schema.sql, ")


def test_what_takes_data_away_is_marked_and_a_rename_is_asked(project: Project) -> None:
    """A pair that is alike may be one; it is never taken for one."""
    project.write("orders", ORDERS)
    want(project, "CREATE TABLE orders (id integer PRIMARY KEY, remark text);")
    made = project.migrator().make_from_diff("to_schema", target="schema.sql")
    assert made.losses == ("the column public.orders.note with its values",)
    assert (
        "-- takes data away: the column public.orders.note with its values\n"
        "-- a rename? then write it again with --rename public.orders.note=remark\n"
        "ALTER TABLE public.orders DROP COLUMN note;"
    ) in text_of(project, made.name)
    again = "`sapi migrate:make to_schema --from-diff --rename public.orders.note=remark --to schema.sql`"
    assert any(again in line for line in made.lines())


def test_what_may_be_a_rename_ends_with_3(project: Project) -> None:
    """A script must not go on with a DROP of what was to be renamed; that it is none can be said."""
    project.write("orders", ORDERS)
    want(project, "CREATE TABLE orders (id integer PRIMARY KEY, remark text);")
    words = ("make", "to_schema", "--from-diff", "--to", "schema.sql")
    with pytest.raises(NotUpToDate) as caught:
        typed(project, *words)
    assert caught.value.exit_code == 3
    assert caught.value.message == (
        "to_schema was created: it leads from the folder to schema.sql, as a run on a copy has proven; "
        "it drops 1 object that may be renamed."
    )
    assert caught.value.details == ("  a rename? public.orders.note=remark",)
    assert "`sapi migrate:make to_schema --from-diff --rename public.orders.note=remark --to schema.sql`" in str(
        caught.value.hint
    )
    (made,) = (each for each in project.folder.iterdir() if "to_schema" in each.name)
    made.unlink()
    text = text_of(project, typed(project, *words, "--no-renames").to_json()["file"])
    assert "DROP COLUMN note" in text
    assert "a rename?" not in text


def test_what_may_be_a_rename_is_not_adopted(project: Project) -> None:
    """This database has kept its rows, and another one would lose them."""
    project.write("orders", ORDERS)
    project.migrator().migrate()
    project.rows("ALTER TABLE orders RENAME note TO remark")
    with pytest.raises(NotUpToDate, match="^1 object may have been renamed: nothing was written") as caught:
        typed(project, "drift", "--adopt", "hot fix")
    assert caught.value.details == ("  a rename? public.orders.note=remark",)
    assert "`sapi migrate:drift --adopt 'hot fix' --rename public.orders.note=remark`" in str(caught.value.hint)
    assert len([*project.folder.iterdir()]) == 1
    made = typed(project, "drift", "--adopt", "hot fix", "--rename", "orders.note=remark")
    assert "RENAME COLUMN note TO remark;" in text_of(project, made.to_json()["file"])
    assert not project.migrator().drift().attention


def test_a_rename_that_is_said_keeps_the_data(project: Project) -> None:
    """Of a table with all that was named after it, and of a column; both ways."""
    project.write(
        "orders", "CREATE TABLE orders (id serial PRIMARY KEY, note text); CREATE INDEX orders_note ON orders (note);"
    )
    want(
        project,
        "CREATE TABLE purchases (id serial PRIMARY KEY, remark text); CREATE INDEX purchases_note ON purchases (remark);",
    )
    project.migrator().migrate()
    project.rows("INSERT INTO orders (note) VALUES ('kept')")
    made = typed(
        project, "make", "to", "schema", "--from-diff", "--to", "schema.sql",
        "--rename", "orders.note=remark", "--rename", "orders=purchases",
    )  # fmt: skip
    text = text_of(project, made.to_json()["file"])
    assert "DROP" not in text
    assert "takes data away" not in text
    project.migrator().migrate()
    assert project.rows("SELECT remark FROM purchases") == [("kept",)]
    assert not project.migrator().diff("database", "schema.sql").attention
    project.migrator().rollback()
    assert project.rows("SELECT note FROM orders") == [("kept",)]


@pytest.mark.parametrize("rename", ["nothing=x", "orders.nothing=x", "orders", "=x"])
def test_a_rename_of_nothing_is_an_error(project: Project, rename: str) -> None:
    """No file is written."""
    project.write("orders", ORDERS)
    want(project, "CREATE TABLE purchases (id integer PRIMARY KEY);")
    with pytest.raises(UsageError, match="--rename"):
        project.migrator().make_from_diff("to_schema", target="schema.sql", renames=[rename])
    assert len([*project.folder.iterdir()]) == 1


@pytest.mark.parametrize(
    ("before", "after", "marks", "marks_down"),
    [
        ("CREATE SEQUENCE s;", "", ["takes data away: the sequence public.s with its position"], []),
        ("CREATE TABLE t (a integer);", "CREATE TABLE t (a bigint);", [], []),
        (
            "CREATE TABLE t (a numeric);",
            "CREATE TABLE t (a numeric(5, 1));",
            ["may take data away: what the new type of public.t.a cannot hold"],
            [],
        ),
        (
            "CREATE TABLE t (a text);",
            "CREATE TABLE t (a text, b text); CREATE TABLE u ();",
            [],
            [
                "takes data away: the table public.u with its rows",
                "takes data away: the column public.t.b with its values",
            ],
        ),
    ],
)
def test_what_is_lost_is_judged_as_a_plan_does(
    project: Project, before: str, after: str, marks: list[str], marks_down: list[str]
) -> None:
    """By what the statements do to the catalog, not by how they are written: a wider type loses nothing."""
    project.write("before", f"CREATE TABLE kept (); {before}")
    want(project, f"CREATE TABLE kept (); {after}")
    made = project.migrator().make_from_diff("to_schema", target="schema.sql")
    up, _, down = made.text.partition("-- DOWN")
    assert [line.removeprefix("-- ") for line in up.splitlines() if "data away" in line] == marks
    assert [line.removeprefix("-- ") for line in down.splitlines() if "data away" in line] == marks_down


def test_every_subcommand_and_object_of_a_statement_is_judged() -> None:
    """Also of those that a generator writes in one statement."""
    found = written_losses(
        [
            "ALTER TABLE t ADD c integer, DROP COLUMN a, DROP COLUMN IF EXISTS b;",
            "DROP TABLE IF EXISTS a, b;",
            "ALTER TYPE pair DROP ATTRIBUTE x CASCADE;",
            "TRUNCATE a;",
        ]
    )
    assert [[each.words for each in losses] for losses in found] == [
        ["the column t.a with its values", "the column t.b with its values"],
        ["the table a with its rows", "the table b with its rows"],
        ["the attribute pair.x with its values in tables"],
        ["all rows of a"],
    ]


@pytest.mark.parametrize(
    ("rename", "why"),
    [("orders.note=id", 'column "id" of relation "orders" already exists'), ("orders=more", 'relation "more" already')],
)
def test_a_rename_that_the_server_refuses_is_an_error(project: Project, rename: str, why: str) -> None:
    """The text would drop what its user has called renamed."""
    project.write("orders", f"{ORDERS} CREATE TABLE more ();")
    want(project, "CREATE TABLE more (id integer PRIMARY KEY, note text);")
    with pytest.raises(UsageError, match=f"--rename {rename}: the server refuses it: {why}"):
        project.migrator().make_from_diff("to_schema", target="schema.sql", renames=[rename])
    assert len([*project.folder.iterdir()]) == 1


def test_renames_may_be_said_in_any_order(project: Project) -> None:
    """A column is called by the name that its table has, and so is one that takes the name of another."""
    project.write("orders", "CREATE TABLE orders (a integer, b text);")
    want(project, "CREATE TABLE purchases (b integer, c text);")
    renames = ["orders=purchases", "orders.a=b", "orders.b=c"]
    made = project.migrator().make_from_diff("to_schema", target="schema.sql", renames=renames)
    assert not made.left
    assert not made.left_down
    assert "DROP" not in made.text


@pytest.mark.parametrize("verb", ["make", "drift", "adopt", "diff"])
def test_a_file_is_not_taken_for_a_schema(project: Project, verb: str) -> None:
    """Nothing is in a schema of that name, and that is not what the user wants."""
    project.write("orders", ORDERS)
    want(project, ORDERS)
    words = {"make": ["x", "--from-diff"], "drift": [], "adopt": ["--adopt", "x"], "diff": ["folder", "database"]}[verb]
    found = find_verb(verb if verb != "adopt" else "drift")
    with pytest.raises(UsageError, match=r"--schema schema\.sql: this is a file") as caught:
        found.run(project.migrator(schema="schema.sql"), parser_of(found, prog=verb).parse_args(words))
    meant = {"make": "make x --from-diff --to schema.sql", "diff": "diff folder schema.sql"}
    assert f"`sapi migrate:{meant.get(verb, 'diff database schema.sql')}`" in str(caught.value.hint)


def test_an_empty_target_is_refused(project: Project) -> None:
    """A mistake in what is compared must not end in a migration that drops everything, and is proven."""
    project.write("orders", ORDERS)
    want(project, "CREATE SCHEMA extra;")
    with pytest.raises(RefusedPlan, match=r"^schema\.sql has nothing: the migration would drop everything"):
        project.migrator().make_from_diff("to_schema", target="schema.sql")
    project.migrator().migrate()
    project.rows("DROP TABLE orders")
    with pytest.raises(RefusedPlan, match="^the database has nothing: "):
        project.migrator().adopt("gone")
    assert len([*project.folder.iterdir()]) == 1


def test_a_first_migration_may_lead_from_nothing(project: Project) -> None:
    """An empty folder is where a project begins."""
    want(project, ORDERS)
    made = project.migrator().make_from_diff("first", target="schema.sql")
    assert "CREATE TABLE public.orders (" in made.text


def test_no_name_ends_a_comment_of_the_file(project: Project) -> None:
    """The names of a database stand in a comment: one with a line end must not become a statement."""
    name = '"a\nDROP TABLE users; --"'
    project.write("users", f"CREATE TABLE users (); CREATE TABLE {name} (id integer, note text);")
    want(project, "CREATE TABLE users (); CREATE TABLE b (id integer, note text);")
    made = project.migrator().make_from_diff("to_schema", target="schema.sql")
    assert "-- a rename? then write it again with --rename public" in made.text
    migration = parse_text("2026_01_01_00_00_x.sql", made.text)
    assert [each.traits.kind for each in migration.up.parsed.statements] == ["DROP TABLE", "CREATE TABLE"]


def test_what_is_not_covered_stands_as_comments_and_ends_with_3(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is written; no text of a definition can end a comment in it."""
    monkeypatch.setattr(generator, "is_installed", lambda: False)
    monkeypatch.setattr("fsapi_nb.verbs.change_file.is_installed", lambda: False)
    project.write("kind", "CREATE TYPE pair AS (a integer); CREATE TABLE t (p pair);")
    want(
        project,
        'CREATE TYPE pair AS (a integer, "b\nDROP TABLE t; --" text); CREATE TABLE t (p pair); CREATE TABLE more ();',
    )
    with pytest.raises(NotUpToDate) as caught:
        typed(project, "make", "to_schema", "--from-diff", "--to", "schema.sql")
    assert caught.value.exit_code == 3
    assert "it does not cover 1 object" in caught.value.message
    assert caught.value.state == "unchanged; the file was written."
    assert "the file says what is missing as comments" in str(caught.value.hint)
    assert "  not covered: changed type public.pair" in caught.value.details
    (made,) = (each for each in project.folder.iterdir() if "to_schema" in each.name)
    up = made.read_text().partition("\n-- DOWN\n")[0].splitlines()
    assert "-- not covered: changed type public.pair" in up
    assert [line for line in up if line and not line.startswith("--")] == ["CREATE TABLE public.more ();"]


def test_the_options_belong_to_from_diff(project: Project) -> None:
    """A slip is said before a file is made."""
    with pytest.raises(UsageError, match="belong to --from-diff"):
        typed(project, "make", "x", "--to", "schema.sql")
    assert not [*project.folder.iterdir()]


def test_two_other_ends_may_be_given(project: Project) -> None:
    """Databases are read; what they have is made in a scratch database."""
    project.rows("CREATE TABLE a (id integer PRIMARY KEY); CREATE MATERIALIZED VIEW m AS SELECT id FROM a")
    want(project, ORDERS)
    made = project.migrator().make_from_diff("there", origin="schema.sql", target="database")
    assert "CREATE TABLE public.a (" in text_of(project, made.name)
    assert not made.left


def test_drift_is_adopted_if_a_replay_with_it_is_the_database(project: Project) -> None:
    """The file is recorded as applied, and the database has not drifted any more."""
    project.write("orders", ORDERS)
    project.migrator().migrate()
    project.rows("CREATE INDEX hot ON orders (note); ALTER TABLE orders ADD amount numeric NOT NULL DEFAULT 0")
    made = typed(project, "drift", "--adopt", "hot fix")
    assert made.headline() == (
        f"hot fix was created and recorded as applied on {project.label}: "
        "with it the migrations give what the database has."
    )
    name = made.to_json()["file"]
    assert name.endswith("_hot_fix.sql")
    assert project.applied()[-1] == name
    assert not project.migrator().drift().attention
    assert "ALTER TABLE public.orders DROP COLUMN amount;" in text_of(project, name).partition("-- DOWN")[2]
    again = typed(project, "drift", "--adopt", "more")
    assert again.to_json()["file"] is None


def test_what_cannot_be_adopted_whole_is_not_adopted_at_all(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is written and nothing recorded; what is left is named."""
    monkeypatch.setattr(generator, "is_installed", lambda: False)
    project.write("kind", "CREATE TYPE pair AS (a integer);")
    project.migrator().migrate()
    project.rows("ALTER TYPE pair ADD ATTRIBUTE b text; CREATE TABLE more ()")
    with pytest.raises(NotUpToDate, match="1 object would not be as in the database") as caught:
        typed(project, "drift", "--adopt", "hot_fix")
    assert "  changed type public.pair" in caught.value.details
    assert "`sapi migrate:make hot_fix_by_hand`; record it here with baseline --only" in str(caught.value.hint)
    assert len([*project.folder.iterdir()]) == 1
    assert len(project.applied()) == 1


def drifted(project: Project) -> None:
    """A database that has an index beside its one migration."""
    project.write("orders", ORDERS)
    project.migrator().migrate()
    project.rows("CREATE INDEX hot ON orders (note)")


def test_a_protected_database_is_recorded_in_only_by_yes(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """That is asked before anything runs on a scratch server; without it nothing stays."""
    drifted(project)
    (project.root / "pyproject.toml").write_text(
        f'[tool.fsapi_nb.databases.prod]\nurl = "{project.database}"\nprotected = true\n'
    )
    with monkeypatch.context() as patch, pytest.raises(ConfirmationRequired) as caught:
        patch.setattr(make_diff, "open_scratch_server", lambda *_, **__: pytest.fail("a scratch server was opened"))
        project.migrator(database="prod").adopt("hot fix")
    assert caught.value.message == "the database prod is protected: nothing was done yet"
    assert "`sapi migrate:drift --adopt 'hot fix' --yes`" in str(caught.value.hint)
    assert len([*project.folder.iterdir()]) == 1
    assert project.migrator(database="prod").adopt("hot_fix", yes=True).recorded


@pytest.mark.parametrize("error", [Interrupted("stopped", ""), DatabaseError("lost")])
def test_the_file_of_a_row_that_is_committed_stays(
    project: Project, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    """A connection may be lost in the COMMIT, and a key pressed behind it; a row without its file is worse than neither."""
    drifted(project)
    run_plan = publish_applied.run_plan  # type: ignore[attr-defined]  # replaced below

    def cut_off(*given: Any, **named: Any) -> None:
        run_plan(*given, **named)
        raise error

    monkeypatch.setattr(publish_applied, "run_plan", cut_off)
    with pytest.raises(type(error)):
        project.migrator().adopt("hot_fix")
    assert project.applied() == sorted(each.name for each in project.folder.iterdir())
    assert len(project.applied()) == 2


def test_a_file_that_was_not_recorded_goes(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that is stopped before its COMMIT leaves neither."""
    drifted(project)

    def stopped(*_: Any, **__: Any) -> None:
        raise Interrupted("stopped", "")

    monkeypatch.setattr(publish_applied, "run_plan", stopped)
    with pytest.raises(Interrupted):
        project.migrator().adopt("hot_fix")
    assert len([*project.folder.iterdir()]) == 1


def test_a_database_that_changes_meanwhile_is_not_adopted(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file would not say all that the database has."""
    drifted(project)
    write = ScriptWriter.write

    def slow(*given: Any, **named: Any) -> ProvenScript | None:
        project.rows("CREATE TABLE meanwhile ()")
        return write(*given, **named)

    monkeypatch.setattr(ScriptWriter, "write", slow)
    with pytest.raises(PlanChanged, match="the schema was changed while it was written"):
        project.migrator().adopt("hot_fix")
    assert len([*project.folder.iterdir()]) == 1
    assert len(project.applied()) == 1


def test_nothing_is_adopted_behind_what_is_pending(project: Project) -> None:
    """Another database would run the pending file first, which the new one does not know."""
    project.write("orders", ORDERS)
    project.migrator().migrate()
    project.rows("CREATE INDEX hot ON orders (note)")
    project.write("pending", "CREATE TABLE pending ();")
    with pytest.raises(RefusedPlan, match="1 pending migration would run before"):
        project.migrator().adopt("hot_fix")


def test_no_sql_is_written_for_the_tables_of_the_history(project: Project) -> None:
    """They are in a replay and not in a file, and what asks pgmig must not make a DROP of that."""
    project.write("kind", "CREATE TYPE pair AS (a integer); CREATE TABLE t (p pair);")
    want(project, "CREATE TYPE pair AS (a integer, b text); CREATE TABLE t (p pair);")
    made = project.migrator().make_from_diff("to_schema", target="schema.sql")
    assert not made.left
    text = text_of(project, made.name)
    assert "ADD ATTRIBUTE" in text
    assert "migrations" not in text


def test_only_the_schemas_of_the_project_are_changed(project: Project) -> None:
    """Neither by the definitions nor by pgmig."""
    (project.root / "pyproject.toml").write_text('[tool.fsapi_nb]\nschemas = ["public"]\n')
    project.write("kind", "CREATE SCHEMA other; CREATE TABLE other.t (); CREATE TYPE pair AS (a integer);")
    want(project, "CREATE TYPE pair AS (a integer, b text);")
    made = project.migrator().make_from_diff("to_schema", target="schema.sql")
    assert not made.left
    assert "other" not in text_of(project, made.name)


def test_secrets_are_starred_in_all_but_the_file(project: Project) -> None:
    """The result shows stars."""
    project.write("orders", ORDERS)
    project.migrator().migrate()
    project.rows("ALTER TABLE orders ADD api_token text DEFAULT 'geheim'")
    made = project.migrator().adopt("hot_fix")
    assert "'***'" in repr(made)
    assert "geheim" not in repr(made) + made.html() + str(made.to_json())
    assert "DEFAULT 'geheim'" in text_of(project, made.name)
