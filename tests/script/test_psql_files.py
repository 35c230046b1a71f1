r"""Files that were written for psql: what means nothing here is passed over, and a dump of pg_dump is a migration."""

from __future__ import annotations

import re
import subprocess

import psycopg
import pytest

from fsapi_nb.errors import FaultyMigrations, FsapiError
from fsapi_nb.servers.embedded.installation import default_bin_folder
from tests.catalog.nasty_schema import NASTY
from tests.conftest import MakeDatabase, Project
from tests.script.reading import all_problems, read

KEY = "tXk2s4IYjMVBxhwVTFHrlFNngLBYyoqx5tyMGDpugo3VHxitSbQcYfzPiel0S05"
DUMP = rf"""--
-- PostgreSQL database dump
--

\restrict {KEY}

-- Dumped from database version 15.18 (Debian 15.18-0+deb12u1)
-- Dumped by pg_dump version 15.18 (Debian 15.18-0+deb12u1)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: customers; Type: TABLE; Schema: public; Owner: postgres
--

CREATE TABLE public.customers (
    id integer NOT NULL,
    name character varying(50) DEFAULT 'nobody'::character varying NOT NULL
);


--
-- Data for Name: customers; Type: TABLE DATA; Schema: public; Owner: postgres
--

COPY public.customers (id, name) FROM stdin;
1	it's
2	a\\b
\.


--
-- Name: customers customers_pkey; Type: CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.customers
    ADD CONSTRAINT customers_pkey PRIMARY KEY (id);


--
-- PostgreSQL database dump complete
--

\unrestrict {KEY}

"""


@pytest.mark.parametrize(
    "line",
    [
        r"\set ON_ERROR_STOP on",
        r"\set ON_ERROR_STOP 1",
        r"\set ON_ERROR_STOP",
        r"\set AUTOCOMMIT on",
        r"\set ON_ERROR_ROLLBACK off",
        r"\set QUIET 1",
        r"\set VERBOSITY terse",
        r"\echo Don't stop; DROP TABLE a;",
        r"\echo 'C:\temp' /* $$",
        r"\qecho it's done",
        r"\warn it's done",
        r"\timing",
        r"\timing on",
        r"\pset pager off",
        r"\x auto",
        r"\encoding UTF8",
        r"\encoding 'utf-8'",
        r"\o /dev/null",
        r"\pset format unaligned \t on",
        f"\\restrict {KEY}\n\\unrestrict {KEY}",
        "\\restrict a\n\\unrestrict a\n\\restrict b\n\\unrestrict b",
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_what_means_nothing_here_is_a_comment(line: str, end: str) -> None:
    """Before the marker, between statements, in the middle of one, and at the end of the file."""
    text = f"{line}\n-- UP\n{line}\nSELECT 1;\n{line}\nSELECT 2 +\n{line}\n3;\n-- DOWN\n{line}\nSELECT 4;\n{line}"
    migration = read(text.replace("\n", end))
    assert not all_problems(text.replace("\n", end))
    one, two = migration.up.parsed.statements
    assert (one.text, two.text.split()) == ("SELECT 1", ["SELECT", "2", "+", "3"])
    assert migration.checksum == read("-- UP\nSELECT 1; SELECT 2 + 3;\n-- DOWN\nSELECT 4;").checksum
    assert migration.down
    assert [statement.text for statement in migration.down.parsed.statements] == ["SELECT 4"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (r"\unset ON_ERROR_STOP", "psql's variables have no effect here"),
        (r"\set ON_ERROR_STOP off", "an error ends the migration here"),
        (r"\set AUTOCOMMIT off", "one transaction already"),
        (r"\set env 'it''s dev'", "--set name=value"),
        (r"\i don't.sql", "copy the other file's SQL"),
        (r"\connect shop", "one database"),
        (r"\copy t FROM 'it''s.csv' CSV", "COPY ... FROM stdin"),
        (r"\if :x", "DO block with IF"),
        (r"\encoding LATIN1", "UTF-8"),
        (r"\o it's.txt", "writes no files"),
        (r"\d users", "only shows"),
        (r"\! echo don't", "outside of the migration"),
        (r"\q", "below it"),
        (r"\echo hi \i other.sql", "copy the other file's SQL"),
        (r"\echo hi \\ DROP TABLE t;", "on its own line"),
        (f"\\restrict {KEY}", "\\unrestrict line with the same key is missing"),
        (f"\\restrict {KEY}\n\\unrestrict other", "with the same key is missing"),
    ],
)
def test_what_would_change_the_run_is_one_fault_each(line: str, words: str) -> None:
    """The rest of its line is not SQL, so that there is no second fault."""
    problems = all_problems(f"-- UP\n{line}\nSELECT 1;\n-- DOWN\nSELECT 2;")
    assert len(problems) == len(line.splitlines())
    assert words in (problems[0].hint or "")


@pytest.mark.parametrize(
    ("ending", "words"),
    [
        (r"\g", "semicolon"),
        (r"\gx", "semicolon"),
        (r"\gexec", "EXECUTE"),
        (r"\gset", "INTO"),
        (r"\; SELECT 2;", "without a backslash"),
        (r"\watch 5", "once"),
        (r"\bind 1 \g", "into the statement"),
    ],
)
def test_what_ends_a_statement_in_psql_only_is_a_fault(ending: str, words: str) -> None:
    """With what to write instead."""
    (problem,) = all_problems(f"SELECT 1 {ending}\n")
    assert words in (problem.hint or "")
    assert problem.place.column == 10


def test_a_command_in_a_check_is_a_fault() -> None:
    """As anywhere else."""
    (problem,) = all_problems("-- UP\nSELECT 1;\n-- CHECK: one\n\\i other.sql\nSELECT true;")
    assert "\\i" in problem.message


def test_a_file_of_psql_runs(project: Project) -> None:
    r"""Data below an \\echo with an apostrophe is data."""
    project.write_text(
        "2026_01_01_00_00_a.sql",
        "\\set ON_ERROR_STOP on\n\\echo Don't stop\nBEGIN;\nCREATE TABLE a (t text);\n\\echo it's filled\n"
        "COPY a FROM stdin;\nit's\n\\\\set\n\\.\n\\timing off\nCOMMIT;\n\\echo done\n",
    )
    project.migrator().migrate()
    assert project.rows("SELECT t FROM a") == [("it's",), ("\\set",)]
    assert not [status for status in project.migrator().status().statuses if status.state.value != "applied"]


def test_a_recorded_dump_is_a_migration(project: Project) -> None:
    r"""pg_dump has written \\restrict since August 2025, in every version."""
    project.write_text("2026_01_01_00_00_dump.sql", DUMP)
    project.migrator().migrate()
    assert project.rows("SELECT name FROM public.customers ORDER BY id") == [("it's",), ("a\\b",)]
    project.write("next", "ALTER TABLE customers ADD COLUMN phone text;")
    project.migrator().migrate()
    with pytest.raises(FsapiError):
        project.migrator().rollback(everything=True)


def test_a_whole_dump_is_applied(project: Project, make_database: MakeDatabase) -> None:
    """What the server's own pg_dump writes of a schema with something of every kind."""
    tool = default_bin_folder() / "pg_dump"
    with make_database() as source:
        with psycopg.connect(source, autocommit=True) as connection:
            connection.execute(re.sub(r"(TO|FOR) (writer, )?(reader|writer)", r"\1 PUBLIC", NASTY).encode())
            if connection.info.server_version // 10000 != 18:
                pytest.skip("this pg_dump is of PostgreSQL 18")
        done = subprocess.run([tool, "--schema-only", source], capture_output=True, check=False)
        assert not done.returncode, done.stderr
    assert b"\\restrict" in done.stdout
    project.write_text("2026_01_01_00_00_dump.sql", done.stdout)
    project.migrator().migrate()
    assert project.has("shop.orders")


@pytest.mark.parametrize(
    "text",
    [
        "SET standard_conforming_strings = off;\nINSERT INTO t VALUES ('It\\'s');",
        "SET LOCAL standard_conforming_strings TO 'off';\nINSERT INTO t VALUES ('It\\'s'), ('that\\'s');",
        "SELECT set_config('standard_conforming_strings', 'off', false);\nSELECT 'a', 'b\\\\', 'c\\';",
    ],
)
def test_a_quote_that_a_setting_escapes_is_named(project: Project, text: str) -> None:
    """Instead of an error wherever the rest of the file falls apart; nothing is run."""
    project.write("a", text, "SELECT 1;")
    with pytest.raises(FaultyMigrations) as caught:
        project.migrator().migrate()
    (problem,) = caught.value.problems
    assert "standard_conforming_strings = off" in problem.message
    assert problem.place.line == 3
    assert "E'...'" in (problem.hint or "")


@pytest.mark.parametrize(
    "text",
    [
        "SET standard_conforming_strings = off;\nSELECT 'a\\\\b', '\\\\', E'\\'', 'it''s';",
        "SET standard_conforming_strings = on;\nSELECT 'a\\';",
        "SET standard_conforming_strings = off;\nSET standard_conforming_strings = on;\nSELECT 'a\\';",
        "SELECT 'a\\'; -- standard_conforming_strings = off",
    ],
)
def test_strings_that_both_settings_read_alike_are_no_fault(text: str) -> None:
    """Such a dump was made by an old server, and is sound."""
    assert not all_problems(text)
