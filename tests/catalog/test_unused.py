"""`schema --unused`: what a database may do without or lacks, each with its reason, and nothing that only seems so."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator

import psycopg
import pytest

from fsapi_nb.catalog.spare.findings import SpareFindings, SpareQuestion
from fsapi_nb.views.results import UnusedResult
from tests.conftest import Project

SHOP = """
CREATE TABLE customers (id int PRIMARY KEY, name text, mail text UNIQUE, born date);
CREATE TABLE orders (
    id serial PRIMARY KEY, customer int REFERENCES customers, other int REFERENCES customers, amount numeric, note text,
    during tstzrange, EXCLUDE USING gist (during WITH &&)
);
CREATE INDEX orders_customer ON orders (customer);
CREATE INDEX orders_amount ON orders (amount);
CREATE INDEX orders_amount_again ON orders (amount);
CREATE INDEX orders_amount_down ON orders (amount DESC);
CREATE INDEX orders_amount_some ON orders (amount) WHERE note IS NULL;
CREATE INDEX orders_amount_note ON orders (amount, note);
CREATE INDEX orders_note_hash ON orders USING hash (note);
CREATE INDEX customers_mail ON customers (mail);
CREATE UNIQUE INDEX customers_name_born ON customers (name, born);
CREATE INDEX customers_lower ON customers (lower(name));
CREATE INDEX customers_lower_born ON customers (lower(name), born);
CREATE TABLE log (at date, what text) PARTITION BY RANGE (at);
CREATE TABLE log_1 PARTITION OF log FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE INDEX log_what ON log (what);
CREATE TABLE keyed (k int NOT NULL, v int);
CREATE UNIQUE INDEX keyed_k ON keyed (k);
CREATE TABLE "odd ""name; --" (a int);
CREATE INDEX "odd ""index; --" ON "odd ""name; --" (a);
ALTER TABLE keyed REPLICA IDENTITY USING INDEX keyed_k;
SELECT setval('orders_id_seq', 2000000000);
CREATE SEQUENCE round AS smallint CYCLE;
SELECT setval('round', 32767);
"""
FOUND = """\
14 findings
indexes that were never scanned:
  public."odd ""index; --" on public."odd ""name; --": no scan was counted
    DROP INDEX CONCURRENTLY public."odd ""index; --";
  public.customers_lower_born on public.customers: no scan was counted; ANALYZE keeps statistics of its expressions, which \
plans may use without scanning it; keep it if public.customers_lower is dropped, for which it stands in
  public.log_what on public.log: no scan was counted
    DROP INDEX public.log_what;
  public.orders_amount_down on public.orders: no scan was counted
    DROP INDEX CONCURRENTLY public.orders_amount_down;
"""


@pytest.fixture
def shop(project: Project) -> Project:
    """A project with indexes of every kind."""
    with psycopg.connect(project.database, autocommit=True) as connection:
        connection.execute(SHOP)
    return project


def names(result: UnusedResult, question: SpareQuestion) -> list[str]:
    """The objects that a question found."""
    return [each.name.removeprefix("public.") for each in result.found.of(question)]


def reason(result: UnusedResult, name: str) -> str:
    """Why an object was found."""
    (found,) = (each for each in result.found.findings if each.name == f"public.{name}")
    return found.reason


def test_indexes_without_scans_are_found(shop: Project) -> None:
    """None that keeps rows unique or apart, or that replication goes by."""
    result = shop.migrator().unused()
    assert names(result, SpareQuestion.UNUSED) == [
        '"odd ""index; --"', "customers_lower_born", "log_what", "orders_amount_down", "orders_amount_note",
        "orders_amount_some", "orders_customer", "orders_note_hash",
    ]  # fmt: skip
    assert reason(result, "orders_customer").endswith(
        "keep it: without it a DELETE in public.customers reads all of public.orders, for orders_customer_fkey"
    )
    assert "statistics of its expressions" in reason(result, "customers_lower_born")


def test_an_index_that_was_scanned_is_used(shop: Project) -> None:
    """Scans of a partition's index count for that of the table."""
    shop.rows_in_session(
        "SET enable_seqscan = off",
        "SELECT count(*) FROM orders WHERE note = 'x'",
        "SELECT count(*) FROM log_1 WHERE what = 'x'",
        "SELECT pg_stat_force_next_flush()"
        if shop.value("SHOW server_version_num") >= "150000"
        else "SELECT pg_sleep(1)",
    )
    found = names(shop.migrator().unused(), SpareQuestion.UNUSED)
    assert not {"orders_note_hash", "log_what"} & set(found)
    assert "orders_amount_down" in found


def test_superfluous_indexes_are_found(shop: Project) -> None:
    """The same, or the first columns of another; not with another order, another predicate or another method."""
    result = shop.migrator().unused()
    assert names(result, SpareQuestion.DUPLICATE) == [
        "customers_lower", "customers_mail", "orders_amount", "orders_amount_again",
    ]  # fmt: skip
    assert reason(result, "customers_mail") == "the same as public.customers_mail_key"
    assert reason(result, "orders_amount") == "its columns are the first ones of public.orders_amount_note"
    assert reason(result, "customers_lower") == "its columns are the first ones of public.customers_lower_born"


def test_of_two_alike_one_is_kept(project: Project) -> None:
    """Dropping all that is said to be superfluous leaves an index of each kind."""
    project.rows_in_session(
        "CREATE TABLE t (a int, b int)",
        *(f"CREATE INDEX t_{number} ON t (a, b)" for number in range(3)),
        "CREATE UNIQUE INDEX t_unique ON t (a, b)",
        "CREATE INDEX t_a ON t (a)",
    )
    while found := project.migrator().unused().found.of(SpareQuestion.DUPLICATE):
        for each in found:
            project.rows(each.statement)
    assert project.rows("SELECT indexname::text FROM pg_indexes WHERE tablename = 't'") == [("t_unique",)]


def test_an_index_that_a_foreign_key_refers_to_stays(project: Project) -> None:
    """PostgreSQL would refuse to drop it, though the primary key has the same columns."""
    project.rows_in_session(
        "CREATE TABLE a (id int NOT NULL)",
        "CREATE UNIQUE INDEX a_unique ON a (id)",
        "CREATE TABLE b (id int PRIMARY KEY REFERENCES a (id))",
        "ALTER TABLE a ADD PRIMARY KEY (id)",
    )
    assert project.migrator().unused().found.findings == ()


def test_invalid_indexes_are_found(shop: Project) -> None:
    """With how they are built again; that of a partitioned table says what it lacks."""
    shop.rows("INSERT INTO customers (id, born) VALUES (1, '2000-01-01'), (2, '2000-01-01')")
    with pytest.raises(psycopg.errors.UniqueViolation):
        shop.rows("CREATE UNIQUE INDEX CONCURRENTLY broken ON customers (born)")
    shop.rows("CREATE INDEX log_at ON ONLY log (at)")
    result = shop.migrator().unused()
    statements = {each.name: each.statement for each in result.found.of(SpareQuestion.INVALID)}
    assert statements == {"public.broken": "REINDEX INDEX CONCURRENTLY public.broken;", "public.log_at": ""}
    assert reason(result, "log_at") == "not every partition has such an index, so it is not used"


def test_foreign_keys_without_an_index_are_found(shop: Project) -> None:
    """On the side that refers; with the index that would serve."""
    result = shop.migrator().unused()
    assert [(each.name, each.statement) for each in result.found.of(SpareQuestion.FOREIGN_KEY)] == [
        ("orders_other_fkey", "CREATE INDEX CONCURRENTLY ON public.orders (other);")
    ]
    shop.rows("CREATE INDEX ON orders (other) WHERE other > 0")
    assert names(shop.migrator().unused(), SpareQuestion.FOREIGN_KEY) == ["orders_other_fkey"]
    shop.rows("CREATE INDEX ON orders (other, id)")
    assert names(shop.migrator().unused(), SpareQuestion.FOREIGN_KEY) == []


def test_a_sequence_near_its_end_is_found(shop: Project) -> None:
    """By what its column holds; one that begins again has no end."""
    result = shop.migrator().unused()
    assert names(result, SpareQuestion.SEQUENCE) == ["orders_id_seq"]
    assert reason(result, "orders_id_seq") == ("93 % of 2,147,483,647 are used, 147,483,647 are left (id is integer)")
    shop.rows("ALTER SEQUENCE orders_id_seq AS bigint")  # its column is still an integer
    assert names(shop.migrator().unused(), SpareQuestion.SEQUENCE) == ["orders_id_seq"]


def test_tables_without_a_primary_key_are_found(shop: Project) -> None:
    """A unique index without NULL is offered as one."""
    result = shop.migrator().unused()
    assert [(each.name, each.statement) for each in result.found.of(SpareQuestion.NO_KEY)] == [
        ('public."odd ""name; --"', ""),
        ("public.keyed", "ALTER TABLE public.keyed ADD PRIMARY KEY USING INDEX keyed_k;"),
        ("public.log", ""),
    ]


def test_each_statement_is_one_that_postgresql_takes(shop: Project) -> None:
    """Names of any kind are quoted; each does what it says."""
    while found := [
        each
        for each in shop.migrator().unused().found.findings
        if each.statement.startswith(("DROP", "ALTER", "CREATE"))
    ]:
        for each in found:
            shop.rows(each.statement)
    left = shop.migrator().unused()
    assert names(left, SpareQuestion.DUPLICATE) == names(left, SpareQuestion.FOREIGN_KEY) == []
    assert not shop.has('"odd ""index; --"')


def test_the_text_says_what_and_why(shop: Project) -> None:
    """By question, with the SQL below each finding; then what found nothing, and what the answers rest on."""
    result = shop.migrator().unused()
    text = "\n".join(result.lines()).replace(f" on {result.identity.label if result.identity else ''}", "")
    count = len(result.found.findings)
    assert text.startswith(FOUND.replace("14 findings", f"{count} findings"))
    assert "\n  none: invalid indexes\n" in text
    assert "an index may serve what runs once a year" in text
    assert text.endswith("\n  none of this SQL was run")
    assert [row["sql"] for row in result.to_json()["findings"]].count(None) == sum(
        not each.statement for each in result.found.findings
    )


def test_a_stored_result_says_no_time(shop: Project) -> None:
    """Since when is counted differs from server to server; a terminal and JSON say it."""
    shop.rows("SELECT pg_stat_reset()")
    result = shop.migrator().unused()
    assert result.found.since is not None
    year = str(datetime.datetime.now(tz=datetime.UTC).year)
    assert not re.search(rf"\b{year}-", repr(result) + result.html())
    assert any(f"since the statistics were last reset ({year}-" in line for line in result.lines(times=True))


def test_what_belongs_to_others_is_left_out(project: Project) -> None:
    """fsapi_nb's own tables, those of extensions, and an empty database has nothing."""
    project.write("one", "CREATE TABLE one (id int PRIMARY KEY);")
    project.migrator().migrate()
    result = project.migrator().unused()
    assert result.found.findings == ()
    assert result.headline().startswith("Nothing is spare or lacking")


@pytest.fixture
def reader(shop: Project) -> Iterator[str]:
    """The address of a role without rights."""
    with psycopg.connect(shop.database, autocommit=True) as connection:
        connection.execute("CREATE ROLE unused_reader")
    yield shop.database + " options='-c role=unused_reader'"
    with psycopg.connect(shop.database, autocommit=True) as connection:
        connection.execute("DROP ROLE unused_reader")


def test_a_reader_is_told_what_it_may_not_see(shop: Project, reader: str) -> None:
    """The catalog is everybody's; sequences are not."""
    result = shop.migrator(database=reader).unused()
    assert names(result, SpareQuestion.DUPLICATE) == names(shop.migrator().unused(), SpareQuestion.DUPLICATE)
    assert names(result, SpareQuestion.SEQUENCE) == []
    assert "this role may not read 1 sequence: USAGE or SELECT on them is missing" in repr(result)


def test_a_replica_is_said_to_count_only_its_own() -> None:
    """And a server with replicas, that they count theirs."""
    assert "this server is a replica" in repr(UnusedResult(SpareFindings(is_replica=True)))
    for replicas, words in ((1, "1 replica of this server counts its scans itself: ask it, too"),
                            (2, "2 replicas of this server count their scans themselves: ask them, too")):  # fmt: skip
        assert words in repr(UnusedResult(SpareFindings(replicas=replicas)))
