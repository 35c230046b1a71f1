"""`schema NAME --profile`: what is known of the values of a table, by the server's estimates or by reading it."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

import psycopg
import pytest

from fsapi_nb import Migrator
from fsapi_nb.catalog.profile import scan
from fsapi_nb.errors import ConfirmationRequired, DatabaseError, UsageError
from fsapi_nb.views.results import ProfileResult, SchemaResult
from fsapi_nb.views.results.profile import percent
from tests.catalog.nasty_schema import NASTY
from tests.conftest import Project

PEOPLE = """
CREATE TYPE mood AS ENUM ('sad', 'glad');
CREATE DOMAIN plus AS numeric(8, 2) CHECK (VALUE >= 0);
CREATE TABLE people (
    id int PRIMARY KEY, name varchar(20), city text, seen timestamptz, mood mood, paid plus, member bool, tags int[],
    raw json, place point, doc xml, api_token text, "odd ""name" text, file bytea, address inet, span int4range
);
INSERT INTO people
    SELECT i, 'n' || i, CASE WHEN i % 10 < 6 THEN 'Rome' WHEN i % 10 < 9 THEN 'Oslo' END,
           timestamptz '2020-01-01 00:00+00' + i * interval '1 hour', CASE WHEN i % 4 = 0 THEN 'sad' ELSE 'glad' END::mood,
           i * 1.5, i % 2 = 0, ARRAY[i % 3, 7], '{"a": 1}', point(i, i), NULL, 'tok' || i, 'x', '\\xff', '10.0.0.1',
           int4range(i, i + 2)
    FROM generate_series(1, 200) AS i;
"""
EXACT = """\
table people: 16 columns, 200 rows, all read
  column     type                       null  distinct  min                     max                     most frequent
  id         integer                     0 %       200  1                       200
  name       character varying(20)       0 %       200  n1                      n99
  city       text                       10 %         2  Oslo                    Rome                    Rome 60 %, Oslo 30 %
  seen       timestamp with time zone    0 %       200  2020-01-01 01:00:00+00  2020-01-09 08:00:00+00
  mood       mood                        0 %         2  sad                     glad                    glad 75 %, sad 25 %
  paid       plus                        0 %       200  1.50                    300.00
  member     boolean                     0 %         2  false                   true                    false 50 %, true 50 %
  tags       integer[]                   0 %         3  {0,7}                   {2,7}                   {1,7} 34 %, {2,7} 34 %, {0,7} 33 %
  raw        json                        0 %                                                            (its type has no order)
  place      point                       0 %                                                            (its type has no order)
  doc        xml                       100 %                                                            (its type has no order)
  api_token  text                        0 %       200  ***                     ***
  odd "name  text                        0 %         1  x                       x                       x 100 %
  file       bytea                       0 %         1  \\xff                    \\xff                    \\xff 100 %
  address    inet                        0 %         1  10.0.0.1/32             10.0.0.1/32             10.0.0.1/32 100 %
  span       int4range                   0 %       200  [1,3)                   [200,202)"""


@pytest.fixture
def people(project: Project) -> Project:
    """A project with a table of two hundred people, one column for each kind of type."""
    with psycopg.connect(project.database, autocommit=True) as connection:
        connection.execute(PEOPLE)
    return project


@pytest.fixture
def reader(people: Project) -> Iterator[Migrator]:
    """A role that may read two columns of the table and nothing else."""
    with psycopg.connect(people.database, autocommit=True) as connection:
        connection.execute("CREATE ROLE profile_reader; GRANT SELECT (id, city) ON people TO profile_reader")
    yield people.migrator(database=people.database + " options='-c role=profile_reader'")
    with psycopg.connect(people.database, autocommit=True) as connection:
        connection.execute("DROP OWNED BY profile_reader; DROP ROLE profile_reader")


def text_of(result: ProfileResult) -> str:
    """The text without the database's name, which differs."""
    return "\n".join(result.lines()).replace(f" on {result.identity.label if result.identity else ''}", "")


def analyze(project: Project) -> None:
    with psycopg.connect(project.database, autocommit=True) as connection:
        connection.execute("ANALYZE people")


def test_an_exact_profile_reads_every_kind_of_column(people: Project) -> None:
    """Ordered by their types, stars for a secret, and a word where a type has no order."""
    assert text_of(people.migrator().profile("people", exact=True)) == EXACT


def test_an_exact_profile_agrees_with_sql(people: Project) -> None:
    """Each figure is the one that a query gives."""
    result = people.migrator().profile("people", exact=True)
    for each in result.profile.columns:
        column = '"' + each.name.replace('"', '""') + '"'
        nulls = people.value(f"SELECT avg(({column} IS NULL)::int) FROM people")
        assert each.nulls == pytest.approx(float(nulls))
        if each.distinct is not None:
            assert each.distinct == people.value(f"SELECT count(DISTINCT {column}) FROM people")
            least = people.value(
                f"SELECT ({column})::text FROM people WHERE {column} IS NOT NULL ORDER BY people.{column} LIMIT 1"
            )
            greatest = people.value(
                f"SELECT ({column})::text FROM people WHERE {column} IS NOT NULL ORDER BY people.{column} DESC LIMIT 1"
            )
            if each.name not in ("api_token", "seen"):
                assert (each.minimum, each.maximum) == (least, greatest)


def test_estimates_are_there_after_analyze(people: Project) -> None:
    """They are said to be estimates; of a small table they are those of every row."""
    analyze(people)
    result = people.migrator().profile("people")
    columns = {each.name: each for each in result.profile.columns}
    assert result.headline().startswith("table people: 16 columns, about 200 rows; estimates of the last ANALYZE")
    assert (columns["id"].minimum, columns["id"].maximum, columns["id"].distinct) == ("1", "200", 200)
    assert (columns["paid"].minimum, columns["paid"].maximum) == ("1.50", "300.00")
    assert [(value, round(share, 6)) for value, share in columns["city"].frequent] == [("Rome", 0.6), ("Oslo", 0.3)]
    assert (columns["member"].minimum, columns["member"].frequent[0][0]) == ("false", "false")
    assert columns["mood"].minimum == "sad"  # the order of an enum is that of its making
    assert columns["api_token"].minimum == "***"
    assert "tok1" not in f"{result!r}{result.html()}{result.to_json()}{result.to_frame()}"
    assert "ANALYZE reads a sample of the rows; `%schema people --profile --exact` reads the table." in repr(result)


def test_a_stored_profile_holds_no_time(people: Project) -> None:
    """When the table was analyzed differs from run to run; a terminal and JSON say it."""
    analyze(people)
    result = people.migrator().profile("people")
    year = str(datetime.datetime.now(tz=datetime.UTC).year)
    assert f"analyzed {year}" not in repr(result) + result.html()
    assert any(f"analyzed {year}" in line for line in result.lines(times=True))
    assert str(result.to_json()["analyzed_at"]).startswith(year)


def test_a_table_that_was_never_analyzed_says_so(people: Project) -> None:
    """With the command that changes it, and the one that reads the table."""
    text = text_of(people.migrator().profile("people"))
    assert text == (
        "table people: 16 columns, nothing is known of its values\n"
        "  it was never analyzed: ANALYZE people; or `sapi schema people --profile --exact` reads the table."
    )


def test_a_view_has_no_statistics_and_can_be_read(people: Project) -> None:
    """Its query runs for an exact profile only."""
    people.rows("CREATE VIEW romans AS SELECT id, city FROM people WHERE city = 'Rome'")
    assert "PostgreSQL keeps no statistics of it" in text_of(people.migrator().profile("romans"))
    result = people.migrator().profile("romans", exact=True)
    assert result.headline().startswith("view romans: 2 columns, 120 rows, all read")


def test_of_a_large_table_a_sample_is_read(people: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said to be one, with its size and its share; the same one each time."""
    people.rows("INSERT INTO people (id) SELECT i FROM generate_series(1000, 20000) i")
    analyze(people)
    monkeypatch.setattr(scan, "MOST_ROWS", 2_000)
    result = people.migrator().profile("people", exact=True)
    assert result.profile.share is not None
    assert 0 < (result.profile.rows or 0) < 19_201
    assert f"{result.profile.rows:,} rows read, a sample of about 10 % of the table" in result.headline()
    assert people.migrator().profile("people", exact=True).profile == result.profile


def test_partitions_count_as_their_table(project: Project) -> None:
    """Rows and values of all of them."""
    project.rows_in_session(
        "CREATE TABLE days (at date NOT NULL, n int) PARTITION BY RANGE (at)",
        "CREATE TABLE days_1 PARTITION OF days FOR VALUES FROM ('2025-01-01') TO ('2025-07-01')",
        "CREATE TABLE days_2 PARTITION OF days FOR VALUES FROM ('2025-07-01') TO ('2026-01-01')",
        "INSERT INTO days SELECT date '2025-01-01' + i, i FROM generate_series(0, 364) i",
        "ANALYZE days",
    )
    for exact in (False, True):
        first = project.migrator().profile("days", exact=exact).profile.columns[0]
        assert (first.minimum, first.maximum, first.distinct) == ("2025-01-01", "2025-12-31", 365)


def test_a_reader_sees_what_it_may_and_is_told_the_rest(people: Project, reader: Migrator) -> None:
    """Columns without the right to SELECT are named; the others are profiled."""
    analyze(people)
    for exact in (False, True):
        result = reader.profile("people", exact=exact)
        columns = {each.name: each for each in result.profile.columns}
        assert columns["city"].frequent[0][0] == "Rome"
        assert columns["name"].why == "this role may not select name"
        assert columns["name"].nulls is None
        assert "this role has no right to SELECT name, seen, mood" in repr(result)


def test_row_level_security_is_told(people: Project, reader: Migrator) -> None:
    """PostgreSQL shows no statistics then, and an exact profile is of the rows that the role sees."""
    analyze(people)
    people.rows_in_session(
        "ALTER TABLE people ENABLE ROW LEVEL SECURITY",
        "CREATE POLICY first_ones ON people FOR SELECT USING (id <= 20)",
    )
    assert "hides rows of this table from this role, so PostgreSQL shows it no statistics" in repr(
        reader.profile("people")
    )
    exact = reader.profile("people", exact=True)
    assert exact.profile.rows == 20
    assert "the figures are of those that it sees" in repr(exact)


def test_a_protected_database_is_read_only_when_its_cost_was_said(
    people: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Estimates are shown without a question; reading the table wants `--yes`."""
    analyze(people)
    text = f'[tool.fsapi_nb.databases.prod]\nurl = "{people.database}"\nprotected = true\n'
    (people.root / "pyproject.toml").write_text(text)
    monkeypatch.setenv("FSAPI_NB_TRUST", "1")
    prod = people.migrator(database="prod")
    assert prod.profile("people").profile.columns[0].distinct == 200
    with pytest.raises(ConfirmationRequired) as refused:
        prod.profile("people", exact=True)
    assert refused.value.message == "the database prod is protected: nothing of people was read yet"
    assert (refused.value.hint or "").startswith("to read it: `sapi schema people --profile --exact --yes`; ")
    assert refused.value.details[0] == "  a sequential scan reads all of people (about 200 rows), and sorts each column"
    assert prod.profile("people", exact=True, yes=True).profile.rows == 200


def test_reading_does_not_wait_for_a_locked_table(people: Project) -> None:
    """The error says who holds it; nothing is held meanwhile."""
    with psycopg.connect(people.database) as other:
        other.execute("LOCK TABLE people IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(DatabaseError, match="another session has locked it"):
            people.migrator().profile("people", exact=True)


def test_reading_ends_when_its_time_is_over(people: Project) -> None:
    """The error says how to give it more."""
    people.rows("CREATE VIEW slow AS SELECT pg_sleep(5)::text AS x")
    with pytest.raises(DatabaseError, match="reading it took too long") as failed:
        people.migrator(statement_timeout="200ms").profile("slow", exact=True)
    again = "`sapi schema slow --profile --exact --statement-timeout 10min`"
    assert failed.value.hint == f"give it more time: {again}; without --exact nothing of it is read."


def test_what_has_no_columns_is_refused(people: Project) -> None:
    """A function, a type, and what is not there."""
    people.rows("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'")
    with pytest.raises(UsageError, match="is a function, and has no columns to profile"):
        people.migrator().profile("f")
    with pytest.raises(UsageError, match="there is no object 'nothing'"):
        people.migrator().profile("nothing")


def test_every_relation_of_a_nasty_schema_has_a_profile(project: Project) -> None:
    """Whatever it is called, and of whatever types its columns are."""
    with psycopg.connect(project.database, autocommit=True) as connection:
        connection.execute("CREATE ROLE reader; CREATE ROLE writer")
        connection.execute(NASTY)
        connection.execute("ANALYZE")
    try:
        everything = project.migrator().schema()
        assert isinstance(everything, SchemaResult)
        relations = everything.overview.objects
        names = [
            each.qualified for each in relations if each.columns is not None and each.name not in ("afar", "counts")
        ]
        assert 'odd "name.strange.table; -- ' in names
        for name in names:
            for exact in (False, True):
                assert repr(project.migrator().profile(name, exact=exact))
    finally:
        with psycopg.connect(project.database, autocommit=True) as connection:
            connection.execute("DROP SCHEMA shop CASCADE; DROP FOREIGN DATA WRAPPER wrapper CASCADE")
            connection.execute("DROP OWNED BY reader, writer; DROP ROLE reader; DROP ROLE writer")


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (0.0, "0 %"),
        (0.0004, "<0.1 %"),
        (0.012, "1.2 %"),
        (0.305, "30 %"),
        (0.995, "99.5 %"),
        (0.9999, ">99.9 %"),
        (1.0, "100 %"),
    ],
)
def test_a_share_has_the_digits_that_are_of_use(share: float, words: str) -> None:
    """Nothing is rounded to none, and not all to all."""
    assert percent(share) == words
