"""The verb `schema`: the database on one screen, and each object on a page."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from fsapi_nb import Migrator, verbs
from fsapi_nb.catalog.schema import asking
from fsapi_nb.catalog.schema.asking import plain
from fsapi_nb.errors import DatabaseError, UsageError
from fsapi_nb.views.results import ObjectResult, SchemaResult
from tests.catalog.shown import GOLDEN, SHOP
from tests.conftest import Project


@pytest.fixture
def shop(project: Project) -> Project:
    """A project on a database with a small shop in it."""
    project.rows(SHOP)
    return project


@pytest.fixture
def stranger(server: str) -> Iterator[str]:
    """A role without any right of its own."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("CREATE ROLE stranger")
        yield "stranger"
        connection.execute("DROP ROLE stranger")


def page(project: Project, name: str, *, rows: int | None = None, kind: str | None = None) -> ObjectResult:
    """The page of one object."""
    found = project.migrator().schema(name, rows=rows, kind=kind)
    assert isinstance(found, ObjectResult)
    return found


def overview(project: Project, pattern: str | None = None, *, kind: str | None = None) -> SchemaResult:
    """What there is, or what a pattern means."""
    found = project.migrator().schema(pattern, kind=kind)
    assert isinstance(found, SchemaResult)
    return found


def names(found: SchemaResult) -> list[str]:
    """The objects that are shown, as SQL writes them."""
    return [each.written for each in found.objects]


def refusal(project: Project, name: str, **options: str) -> list[str]:
    """What is said of a name that does not mean one object."""
    with pytest.raises(UsageError) as refused:
        project.migrator().schema(name, **options)  # type: ignore[arg-type]
    return [refused.value.message, str(refused.value.hint)]


# -- what is shown ------------------------------------------------------------------------------------------------------


def test_the_database_and_a_table_are_shown_as_in_the_golden_file(shop: Project) -> None:
    """As a notebook stores it, which is the same every time; `test_every_page` looks at each object."""
    golden = GOLDEN.read_text(encoding="utf-8")
    for name in (None, "orders"):
        once, again = (shop.migrator().schema(name, rows=2).bundle() for _ in range(2))
        assert once == again
        assert f"%schema {name or ''}".strip() + "\n" + once[0]["text/plain"].replace(shop.label, "DB") + "\n" in golden


def test_moments_and_scans_are_shown_only_if_they_are_asked_for(shop: Project) -> None:
    """They differ from run to run: the terminal has them, and a notebook that wants times; DataFrame and JSON always."""
    shop.rows("VACUUM ANALYZE orders")
    while shop.value("SELECT last_analyze IS NULL FROM pg_stat_user_tables WHERE relname = 'orders'"):
        time.sleep(0.05)  # PostgreSQL 14 has a process that collects statistics
    found, of_table = overview(shop), page(shop, "orders")
    (analyzed,) = (each.analyzed for each in found.objects if each.written == "orders")
    assert analyzed is not None
    day = f"{analyzed:%Y-%m-%d}"
    assert day not in repr(found) + found.html()
    assert any(day in line for line in found.lines(times=True))
    assert found.to_frame().set_index("name")["analyzed_at"]["orders"] == analyzed
    assert "scan" not in repr(of_table) + of_table.html()
    with_times = "\n".join(of_table.lines(times=True))
    assert "never scanned" in with_times and f"analyzed {day}" in with_times
    assert {index["name"]: "scans" in index for index in of_table.to_json()["indexes"]} == {
        "orders_pkey": True,
        "orders_open_idx": True,
    }


def test_to_look_at_a_table_is_no_use_of_its_indexes(shop: Project) -> None:
    """Rows are counted without an index, so that one that nobody uses is still said to be unused."""
    shop.rows_in_session("CREATE INDEX ON customers (name)", "VACUUM ANALYZE customers")
    for _ in range(2):
        overview(shop)
        page(shop, "customers")
    assert shop.value("SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = 'customers_name_idx'") == 0


def test_a_frame_has_a_row_for_each_object_and_for_each_column(shop: Project) -> None:
    """With figures as they are, so that they can be counted with."""
    frame = overview(shop).to_frame().set_index("name")
    assert frame["rows"]["orders"] == 1200 and frame["rows_exact"]["orders"]
    assert frame["bytes"]["orders"] == shop.value("SELECT pg_total_relation_size('orders')")
    columns = page(shop, "orders").to_frame().set_index("column")
    assert list(columns.index) == ["id", "customer_id", "state", "total", "tax"]
    assert columns["references"]["customer_id"] == "customers.id"
    assert columns["generated"]["tax"] == "total * 0.19"
    assert list(page(shop, "order_state").to_frame()["value"]) == ["new", "paid", "sent"]


def test_our_own_tables_are_left_out_unless_they_are_named(project: Project) -> None:
    """A database in which only the history is says so; a page of one of its tables, too."""
    project.write("one", "SELECT 1;")
    project.migrator().migrate()
    found = overview(project)
    assert repr(found).split("\n") == [
        f"Nothing in the database yet on {project.label}.",
        "  Only fsapi_nb's own history is there: migrations, migrations_journal, migrations_scripts.",
    ]
    assert page(project, "migrations").headline() == f"table migrations on {project.label}, fsapi_nb's own: 1 row"


def test_an_index_that_is_invalid_is_said_to_be(shop: Project) -> None:
    """What CREATE INDEX CONCURRENTLY leaves behind when it fails."""
    with pytest.raises(psycopg.errors.UniqueViolation):
        shop.rows("CREATE UNIQUE INDEX CONCURRENTLY once ON orders (customer_id)")
    found = page(shop, "orders")
    (line,) = (line for line in repr(found).split("\n") if line.startswith("  once "))
    assert line.split() == ["once", "unique,", "btree", "(customer_id)", "INVALID,", "not", "ready"]
    assert [str(note) for note in found.page.notes] == [
        "SQL of the index once: the index is invalid: it is written as one that is valid"
    ]


# -- what a name means --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["customers", "public.customers", '"customers"', "Customers", "PUBLIC.CUSTOMERS", 'public."customers"']
)
def test_a_name_is_one_as_it_is_as_sql_writes_it_or_in_other_letters(shop: Project, name: str) -> None:
    """With its schema and without."""
    assert page(shop, name, rows=0).page.item.written == "customers"


def test_patterns_are_those_of_psql(shop: Project) -> None:
    """Without a dot the name counts, with one the schema, too; parts are found that an overview leaves out."""
    assert names(overview(shop, "order?")) == ["orders"]
    assert names(overview(shop, "*.log*")) == ["audit.log", "audit.log_2025"]
    assert names(overview(shop, "audit.*")) == ["audit", "audit.log", "audit.log_2025"]
    assert names(overview(shop, "AUD*.LOG")) == ["audit.log"]
    assert names(overview(shop, "*", kind="view")) == ["big_orders", "names"]
    assert overview(shop, "zzz*").headline() == f"No object like zzz* on {shop.label}."


def test_a_name_that_sql_would_find_first_is_meant(project: Project) -> None:
    """As in SQL the search_path decides; a name with a star in it is no pattern if something is called so."""
    project.rows('CREATE SCHEMA other; CREATE TABLE other.t (); CREATE TABLE t (); CREATE TABLE "t*" ()')
    assert page(project, "t").page.item.qualified == "public.t"
    assert page(project, "other.t").page.item.qualified == "other.t"
    assert page(project, "t*").page.item.qualified == "public.t*"


def test_a_name_that_several_objects_have_is_refused_with_a_command_for_each(project: Project) -> None:
    """Each of the commands leads to one of them."""
    project.rows("""
        CREATE SCHEMA a; CREATE SCHEMA b; CREATE TABLE a.t (); CREATE TABLE b.t (); CREATE SCHEMA twice; CREATE TABLE twice ();
        CREATE TABLE doubled (); CREATE FUNCTION doubled(int) RETURNS int LANGUAGE sql AS 'SELECT $1 * 2';
    """)
    assert refusal(project, "t") == [
        "'t' is the name of 2 objects: table a.t, table b.t",
        "one of them: `sapi schema a.t`, `sapi schema b.t`",
    ]
    assert refusal(project, "doubled") == [
        "'doubled' is the name of 2 objects: table public.doubled, function public.doubled(integer)",
        "one of them: `sapi schema doubled --kind table`, `sapi schema 'doubled(integer)'`",
    ]
    assert refusal(project, "public.doubled")[1] == refusal(project, "doubled")[1]
    assert refusal(project, "twice") == [
        "'twice' is the name of 2 objects: schema twice, table public.twice",
        "one of them: `sapi schema 'twice.*'`, `sapi schema twice --kind table`",
    ]
    assert page(project, "doubled", kind="table").page.item.kind == "table"
    assert page(project, "doubled(integer)").page.item.kind == "function"


def test_a_name_that_nothing_has_is_refused_with_what_may_be_meant(shop: Project) -> None:
    """As commands, and how to see everything; the same of a kind."""
    assert refusal(shop, "ordrs") == [
        "there is no object 'ordrs'",
        "did you mean `sapi schema orders`? `sapi schema` shows everything that is there.",
    ]
    assert refusal(shop, "nothing at all") == [
        "there is no object 'nothing at all'",
        "`sapi schema` shows everything that is there.",
    ]
    assert refusal(shop, "orders", kind="tabel") == ["there is no kind of object 'tabel'", "did you mean table?"]


# -- rights, locks and data ---------------------------------------------------------------------------------------------


def test_rows_of_a_protected_database_are_shown_only_if_somebody_asks(shop: Project) -> None:
    """A notebook is stored and sent around. What looks is said with what shows them."""
    (shop.root / "pyproject.toml").write_text(
        f'[tool.fsapi_nb.databases.prod]\nurl = "{shop.database}"\nprotected = true\n'
    )
    migrator = Migrator("prod", shop.folder)
    quiet = migrator.schema("customers")
    assert isinstance(quiet, ObjectResult)
    assert "customer 1" not in json.dumps(quiet.to_json()) + quiet.html()
    assert [str(note) for note in quiet.page.notes] == [
        "the first rows are not shown: this database is protected; `sapi schema customers --rows 5` shows them"
    ]
    assert "customer 1" in repr(migrator.schema("customers", rows=1))


def test_rows_have_no_secrets_and_no_large_values(project: Project) -> None:
    """A column that is called as a secret is starred, a large value is only measured, a long one is cut."""
    project.rows("""
        CREATE TABLE t (id int PRIMARY KEY, api_token text, body text, line text);
        INSERT INTO t SELECT 1, 'geheim', string_agg(md5(i::text), ''), repeat('x', 50) FROM generate_series(1, 9999) i;
        INSERT INTO t VALUES (2, NULL, E'\\x1b[31m\\n<b>', '');
    """)
    sample = page(project, "t").page.rows
    assert sample is not None
    size = project.value("SELECT pg_column_size(body) FROM t WHERE id = 1")
    assert sample.rows == (
        ("1", "***", f"({size:,} bytes)", "x" * 40 + "…"),
        ("2", None, "\x1b[31m\n<b>", ""),
    )
    assert r"\x1b[31m\n<b>" in repr(page(project, "t"))
    assert page(project, "t", rows=0).page.rows is None
    project.rows("CREATE TABLE seen (url text); INSERT INTO seen VALUES ('postgres://me:geheim@host/db')")
    sample = page(project, "seen").page.rows
    assert sample is not None
    assert sample.rows == (("postgres://me:***@host/db",),)


def test_secrets_in_definitions_are_starred(project: Project) -> None:
    """Those of defaults, predicates, policies, bodies and defaults of arguments, in every form."""
    project.rows("""
        CREATE TABLE t (a int, api_token text DEFAULT 'geheim');
        CREATE INDEX ON t (a) WHERE api_token = 'geheim';
        CREATE POLICY p ON t USING (api_token = 'geheim');
        CREATE VIEW v AS SELECT a FROM t WHERE api_token = 'geheim';
        CREATE FUNCTION f(password text DEFAULT 'geheim') RETURNS void LANGUAGE plpgsql
            AS $$ BEGIN PERFORM set_config('app.secret', 'geheim', true); END $$;
        CREATE DOMAIN password AS text DEFAULT 'geheim' CHECK (VALUE <> 'postgres://me:geheim@host/db');
        CREATE TABLE parts (url text, token varchar(20)) PARTITION BY LIST (url);
        CREATE TABLE part PARTITION OF parts FOR VALUES IN ('postgres://me:geheim@host/db');
        CREATE INDEX ON parts (url) WHERE token = 'geheim';
        COMMENT ON TABLE t IS 'from postgres://me:geheim@host/db';
        COMMENT ON COLUMN t.a IS 'from postgres://me:geheim@host/db';
        COMMENT ON FUNCTION f IS 'from postgres://me:geheim@host/db';
        COMMENT ON SCHEMA public IS 'from postgres://me:geheim@host/db';
    """)
    for name in (None, "t", "v", "f", "password", "parts", "part"):
        found = project.migrator().schema(name)
        text = json.dumps(found.to_json()) + "".join(found.bundle()[0].values()) + found.to_frame().to_csv()
        assert "geheim" not in text, text


@pytest.mark.parametrize("name", ["t", "v", "s", "f"])
@pytest.mark.parametrize("after", ["look_up", "read_relation", "read_sql"])
def test_what_is_dropped_while_it_is_read_is_gone(
    project: Project, monkeypatch: pytest.MonkeyPatch, name: str, after: str
) -> None:
    """One error, or what was read by then; no traceback. A profile says the same."""
    project.rows("""
        CREATE TABLE t (a int); CREATE VIEW v AS SELECT 1 AS one; CREATE SEQUENCE s;
        CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';
    """)

    def dropping(module: Any) -> Callable[..., Any]:
        read = getattr(module, after)

        def read_and_drop(*args: Any, **options: Any) -> Any:
            found = read(*args, **options)
            project.rows("DROP TABLE IF EXISTS t; DROP VIEW IF EXISTS v; DROP SEQUENCE IF EXISTS s")
            project.rows("DROP FUNCTION IF EXISTS f")
            return found

        return read_and_drop

    monkeypatch.setattr(verbs.schema, after, dropping(verbs.schema))
    if after == "look_up":
        called = "f()" if name == "f" else name
        assert refusal(project, name) == [f"public.{called} is gone by now", "`sapi schema` shows what there is."]
        project.rows("CREATE TABLE t (a int); CREATE VIEW v AS SELECT 1 AS one")
        monkeypatch.setattr(verbs.profile, after, dropping(verbs.profile))
        if name in {"t", "v"}:
            with pytest.raises(UsageError, match=f"public.{name} is gone by now"):
                project.migrator().profile(name)
        return
    try:
        assert page(project, name).page.item.name == name
    except UsageError as error:
        assert error.message == f"public.{name} is gone by now"


def test_a_literal_is_shown_as_it_is(project: Project) -> None:
    """Schemas that need not be said are left out of names only, not of what is between quotes."""
    project.rows("""
        CREATE TABLE t (a text CHECK (a <> 'public.a' AND a <> 'it''s public.b'), "x public.y" text DEFAULT 'public.c');
        CREATE VIEW v AS SELECT a FROM t WHERE a = 'public.d';
    """)
    found = page(project, "t").page
    assert found.constraints[0].definition == ("CHECK (a <> 'public.a'::text AND a <> 'it''s public.b'::text)")
    assert found.columns[1].default == "'public.c'::text"
    assert plain("nextval('public.s'::regclass)", ["public"]) == "nextval('s'::regclass)"
    assert plain('public.a, "public.b", "x ""public.c", public."D"', ["public"]) == 'a, "public.b", "x ""public.c", "D"'
    assert plain('"My".a, x."My".b, \'"My".c\'', ["My"]) == 'a, x."My".b, \'"My".c\''


def test_nothing_that_somebody_has_written_runs_unless_rows_are_asked_for(project: Project) -> None:
    """Views and policies may call any function, and so may an index when a query is planned."""
    project.rows("""
        CREATE FUNCTION trap(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE 'trapped'; END $$;
        CREATE TABLE t (a text); CREATE INDEX ON t (trap(a)); CREATE VIEW v AS SELECT trap('now');
    """)
    assert page(project, "v").page.notes == ()
    (note,) = page(project, "t").page.notes
    assert note.startswith("the first rows are not shown: an index of it calls what somebody has written")
    assert page(project, "v", rows=1).page.notes == ("the first rows are not shown: trapped",)


def test_rows_that_are_far_away_or_in_many_tables_are_not_read_by_themselves(project: Project) -> None:
    """Another server may take long, and each partition is locked."""
    project.rows("""
        CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w;
        CREATE TABLE far (i int) PARTITION BY LIST (i); CREATE FOREIGN TABLE far_1 PARTITION OF far DEFAULT SERVER s;
        CREATE TABLE many (i int) PARTITION BY LIST (i);
        DO $$ BEGIN FOR i IN 1..101 LOOP
            EXECUTE format('CREATE TABLE many_%s PARTITION OF many FOR VALUES IN (%s)', i, i);
        END LOOP; END $$;
    """)
    assert (
        page(project, "far")
        .page.notes[0]
        .startswith("the first rows are not shown: some of them are on another server;")
    )
    many = page(project, "many")
    assert many.page.notes[0].startswith("the first rows are not shown: all of its 101 partitions would be locked;")
    assert many.page.item.partitions == 101
    assert "  … 71 more" in repr(many).split("\n")


def test_a_role_without_rights_sees_what_it_may_and_what_it_may_not(shop: Project, stranger: str) -> None:
    """The catalog is open to all; rows are not, which is said with what is missing."""
    shop.rows("REVOKE ALL ON SCHEMA public FROM PUBLIC; REVOKE ALL (name) ON customers FROM PUBLIC")
    migrator = Migrator(make_conninfo(shop.database, options=f"-crole={stranger}"), shop.folder)
    found = migrator.schema()
    assert isinstance(found, SchemaResult)
    assert "public.customers" in names(found)
    (note,) = found.overview.notes
    assert note.startswith(
        "how many rows public.customers, public.orders have is not known: no ANALYZE has counted them"
    )
    assert note.endswith(", and this role has no SELECT there")
    of_table = migrator.schema("public.customers")
    assert isinstance(of_table, ObjectResult)
    assert of_table.page.notes[-1] == "the first rows are not shown: permission denied for schema public"
    of_sequence = migrator.schema("public.invoice_numbers")
    assert isinstance(of_sequence, ObjectResult)
    assert of_sequence.page.notes == (
        "its last value is not known: this role has neither SELECT nor USAGE on public.invoice_numbers",
    )


def test_nobody_is_waited_for(shop: Project) -> None:
    """A table that another session has locked is named; its page is refused with who holds the lock."""
    with psycopg.connect(shop.database) as connection:
        connection.execute("LOCK TABLE orders IN ACCESS EXCLUSIVE MODE")
        assert overview(shop).overview.notes == (
            "another session has locked orders: the size is that of the last VACUUM or ANALYZE",
        )
        with pytest.raises(DatabaseError) as refused:
            shop.migrator().schema("orders")
    assert refused.value.message == "orders cannot be looked at now: another session has locked it"
    assert refused.value.hint == "`sapi migrate:blockers` shows who holds locks; then try again."


def test_nothing_is_written_and_no_setting_stays(shop: Project) -> None:
    """Not even the tables of the history."""
    before = shop.rows("SELECT oid, relname FROM pg_class ORDER BY 1")
    for name in (None, "orders", "add_tax", "audit"):
        shop.migrator().schema(name)
    assert shop.rows("SELECT oid, relname FROM pg_class ORDER BY 1") == before


def test_a_chosen_schema_is_all_that_is_shown(shop: Project) -> None:
    """By `--schema`; by their names, objects of `public` are found too, as they are in SQL there."""
    chosen = shop.migrator(schema="audit")
    found = chosen.schema()
    assert isinstance(found, SchemaResult)
    assert names(found)[0] == "log"
    assert {each.schema for each in found.objects} <= {"audit", None}
    of_public = chosen.schema("orders", rows=0)
    assert isinstance(of_public, ObjectResult)
    assert of_public.page.item.qualified == "public.orders"


def test_a_catalog_that_takes_too_long_has_a_hint() -> None:
    """Less of it may be read in time."""
    refused = asking.refusal(psycopg.errors.QueryCanceled(), "the database")
    assert refused is not None
    assert refused.lines() == [
        "the database cannot be looked at: the catalog took too long to answer",
        "Database: unchanged.",
        "→ try again, or look at less of it: `sapi schema NAME`.",
    ]
