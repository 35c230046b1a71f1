"""`drift` says what the database has that its applied migrations do not give, and the reverse; it writes nothing."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from fsapi_nb import DriftResult, HistoryError, NotUpToDate, ReplayFailed
from fsapi_nb.commands import find_verb, parser_of
from fsapi_nb.servers.scratch import Scratch
from tests.conftest import Project
from tests.verbs.on_scratch import scratch_on

ORDERS = "CREATE TABLE orders (id integer PRIMARY KEY, note text); CREATE VIEW notes AS SELECT note FROM orders;"


@pytest.fixture(autouse=True)
def scratch(server: str, project: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scratch]:
    """The tests' server as scratch server."""
    with scratch_on(server, project, monkeypatch) as found:
        yield found


def drift_of(project: Project) -> DriftResult:
    return project.migrator().drift()


def summary(found: DriftResult) -> list[str]:
    return [f"{found.where(each)}: {each.kind} {each.identity}" for each in found.changes]


def test_a_database_that_only_migrations_have_changed_has_not_drifted(project: Project) -> None:
    """Pending migrations are no drift; the history's own tables are on neither side."""
    project.write("orders", ORDERS)
    project.migrator().migrate()
    project.write("pending", "CREATE TABLE pending ();")
    found = drift_of(project)
    assert (
        found.headline() == f"No drift on {project.label}: 5 objects, the same as in the replay of 1 applied migration."
    )
    assert not found.attention
    assert found.to_frame().empty


def test_what_was_changed_beside_the_migrations_is_said_with_both_texts(project: Project) -> None:
    """First which objects, then each as a unified difference."""
    project.write("orders", ORDERS)
    project.migrator().migrate()
    project.rows("DROP VIEW notes; CREATE INDEX hot ON orders (note); ALTER TABLE orders ALTER note SET NOT NULL")
    found = drift_of(project)
    assert found.lines() == [
        (
            f"Drift on {project.label}: 3 objects differ from the replay of 1 applied migration: "
            "1 only in the migrations, 1 only in the database, 1 different"
        ),
        "  only in the migrations  view notes",
        "  only in the database    index hot on orders",
        "  different               table orders",
        "",
        "  - the replay of 1 applied migration",
        "  + the database",
        "",
        "view notes",
        "    -CREATE VIEW public.notes AS",
        *_view_lines(project),
        "    -   FROM public.orders;",
        "",
        "index hot on orders",
        "    +CREATE INDEX hot ON public.orders USING btree (note)",
        "",
        "table orders",
        "     CREATE TABLE public.orders (",
        "         id integer NOT NULL",
        "    -    note text",
        "    +    note text NOT NULL",
        "     )",
    ]
    assert list(found.to_frame()["object"]) == ["public.hot", "public.orders", "public.notes"]
    frame = found.to_frame()
    assert list(frame.columns) == ["difference", "kind", "object", "in_migrations", "in_database", "database", "server"]
    assert frame["in_database"][0] == "CREATE INDEX hot ON public.orders USING btree (note)"
    assert '<span style="color:#e0454a">-    note text</span>' in found.html()


def _view_lines(project: Project) -> list[str]:
    version = int(project.value("SELECT current_setting('server_version_num')")) // 10_000
    return ["    - SELECT note" if version >= 16 else "    - SELECT orders.note"]


def test_what_belongs_to_a_new_table_goes_with_it(project: Project) -> None:
    """One line, with the texts of all below it; the frame has a row for each."""
    project.rows(
        "CREATE TABLE log (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at date); CREATE INDEX ON log (at)"
    )
    project.rows("CREATE FUNCTION rounded(numeric, text) RETURNS numeric LANGUAGE sql AS 'SELECT $1'")
    found = drift_of(project)
    assert [line for line in found.lines() if line.startswith("  only")] == [
        "  only in the database  function rounded(numeric, text)",
        "  only in the database  table log (2 columns, 1 constraint, 1 index)",
    ]
    assert "    +CREATE INDEX log_at_idx ON public.log USING btree (at)" in found.lines()
    assert len(found.to_frame()) == 5


def test_check_ends_with_3(project: Project) -> None:
    """The error names each object."""
    project.write("orders", ORDERS)
    project.migrator().migrate()
    project.rows("CREATE TABLE planted ()")
    verb = find_verb("drift")
    options = parser_of(verb, prog="sapi drift").parse_args(["--check"])
    with pytest.raises(NotUpToDate) as caught:
        verb.run(project.migrator(), options)
    assert caught.value.exit_code == 3
    assert caught.value.details == ("  only in the database: table planted (0 columns)",)


def test_what_ran_counts_where_its_file_was_edited_or_is_gone(project: Project) -> None:
    """The stored text is replayed, and the result says so."""
    first = project.write("orders", ORDERS)
    second = project.write("more", "CREATE TABLE more ();")
    project.migrator().migrate()
    project.write("orders", "CREATE TABLE orders (other integer);", name=first)
    (project.folder / second).unlink()
    found = drift_of(project)
    assert not found.attention
    assert found.notes == (
        f"{first} was edited since: what ran is compared, not the file",
        f"{second} has no file: what ran is compared, as the history has stored it",
    )


def test_an_applied_migration_of_which_nothing_is_known_is_an_error(project: Project) -> None:
    """fsapi's own rows have no text; without a file nobody knows what they did."""
    name = project.write("orders", ORDERS)
    project.migrator().migrate()
    project.rows("DELETE FROM migrations_scripts")
    assert not drift_of(project).attention
    (project.folder / name).unlink()
    with pytest.raises(HistoryError, match=f"what {name} did is not known"):
        drift_of(project)


def test_a_migration_that_does_not_run_in_an_empty_database_is_named(project: Project) -> None:
    """It may depend on what was there before the first migration."""
    project.rows("CREATE TABLE before_all ()")
    name = project.write("orders", "ALTER TABLE before_all ADD note text;")
    project.migrator().migrate()
    with pytest.raises(ReplayFailed, match=name):
        drift_of(project)


def test_without_migrations_everything_is_drift(project: Project) -> None:
    """Nothing is written: no history is made."""
    project.rows("CREATE TABLE a ()")
    assert summary(drift_of(project)) == ["only in the database: table public.a"]
    assert not project.has("migrations")


def test_a_role_without_rights_sees_the_same(project: Project) -> None:
    """Catalogs are everybody's to read; what is not is named and not compared."""
    project.write("orders", ORDERS)
    project.migrator().migrate()
    project.rows("CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w")
    project.rows("CREATE USER MAPPING FOR CURRENT_USER SERVER s OPTIONS (user 'x')")
    project.rows("CREATE ROLE onlooker LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO onlooker")
    try:
        found = project.migrator(database=make_conninfo(project.database, options="-c role=onlooker")).drift()
        assert "only in the database: server s" in summary(found)
        assert found.notes == ("the options of user mappings are not compared: the role onlooker may not see them",)
        assert "OPTIONS" not in str([each.after for each in found.changes if each.kind == "user mapping"])
    finally:
        project.rows("DROP FOREIGN DATA WRAPPER w CASCADE; DROP OWNED BY onlooker; DROP ROLE onlooker")


def test_a_lock_on_a_table_ends_it_within_seconds(project: Project) -> None:
    """A view's definition needs a lock that another session may hold; the error says where to look."""
    from fsapi_nb import DatabaseError

    project.write("orders", ORDERS)
    project.migrator().migrate()
    with psycopg.connect(project.database) as other:
        other.execute("LOCK TABLE orders IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(DatabaseError, match="could not be read: canceling statement due to lock timeout"):
            drift_of(project)


def test_a_protected_database_is_only_read(project: Project) -> None:
    """Its session may not write, and needs no --yes."""
    project.write("orders", ORDERS)
    project.migrator().migrate()
    (project.root / "pyproject.toml").write_text(
        f'[tool.fsapi_nb.databases.prod]\nurl = "{project.database}"\nprotected = true\n'
    )
    found = project.migrator(database="prod").drift()
    assert found.identity is not None
    assert found.identity.protected
    assert not found.attention


def test_hostile_names_are_shown_in_one_line(project: Project) -> None:
    """A name cannot forge a line, nor a tag."""
    project.rows('CREATE TABLE "<b>x\n  different  table public.y" ()')
    found = drift_of(project)
    assert len([line for line in found.lines() if line.startswith("  only in")]) == 1
    assert "<b>" not in found.html()
    assert "\\n  different" in found.html()


def test_a_thousand_differences_are_stored_in_part(project: Project) -> None:
    """The frame has all of them."""
    project.rows(";".join(f"CREATE TABLE t{number} (a integer, b text)" for number in range(300)))
    found = drift_of(project)
    assert len(repr(found)) < 16_384
    assert len(found.html()) < 40_960
    assert len(found.to_frame()) == 300
