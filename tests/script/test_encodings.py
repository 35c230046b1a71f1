"""Databases that are not in UTF-8: what does not fit is told before anything runs, and what is kept comes back whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg import sql
from psycopg.conninfo import make_conninfo

from fsapi_nb.errors import FaultyMigrations, QueryFailed, RefusedPlan, StatementFailed
from fsapi_nb.postgres.untranslatable import lacking
from fsapi_nb.script.encoding import ESCAPED, encoding_named, keep, restore
from tests.conftest import Project
from tests.script.reading import all_problems

MakeProject = Callable[[str], AbstractContextManager[Project]]
OTHERS = ["LATIN1", "WIN1251", "EUC_JP", "SQL_ASCII"]


@pytest.fixture
def in_encoding(server: str, tmp_path: Path) -> MakeProject:
    """A maker of projects on a database of that encoding."""

    @contextmanager
    def make(encoding: str) -> Iterator[Project]:
        name = sql.Identifier(f"in_{encoding.lower()}_{tmp_path.name}"[:63])
        create = sql.SQL("CREATE DATABASE {} ENCODING {} LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(create.format(name, sql.Literal(encoding)))
        try:
            yield Project(tmp_path, make_conninfo(server, dbname=name.as_string()[1:-1]))
        finally:
            with psycopg.connect(server, autocommit=True) as connection:
                connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))

    return make


@pytest.mark.parametrize("encoding", OTHERS)
def test_what_is_not_sent_may_hold_any_character(in_encoding: MakeProject, encoding: str) -> None:
    """A comment behind the last statement is kept as it was written, and so is a DOWN whose file is gone."""
    with in_encoding(encoding) as project:
        up = "CREATE TABLE t (i int);\n-- em — dash, 名, 🙂 and \\u2014\n"
        down = "DROP TABLE t;\n-- ‘gone’\n"
        name = project.write_text("2026_01_01_00_00_t.sql", f"-- UP\n{up}-- DOWN\n{down}")
        project.migrator(notebook="分析.ipynb").migrate()
        shown = project.migrator().show(name).inspection
        assert (shown.up, shown.down) == (up, down)
        assert project.migrator().history().events[-1].notebook == "分析.ipynb"
        (project.folder / name).unlink()
        project.migrator().rollback()
        assert not project.has("t")


@pytest.mark.parametrize(
    ("statement", "line", "column"),
    [
        ("-- em — dash\nCREATE TABLE t (i int);", 3, 7),
        ("CREATE TABLE t (i int);\nCOMMENT ON TABLE t IS 'a\nb—c';", 5, 2),
        ("CREATE TABLE t (i int); SELECT 'é', '—';", 3, 38),
        ("CREATE TABLE t (i int);\n-- CHECK: none —\nSELECT '—' = '';", 5, 9),
    ],
    ids=["comment", "string", "second in its line", "check"],
)
def test_a_character_that_does_not_fit_is_told_before_anything_runs(
    in_encoding: MakeProject, statement: str, line: int, column: int
) -> None:
    """With the character, its place and its caret, for every file together."""
    with in_encoding("LATIN1") as project:
        project.write("first", "CREATE TABLE first (i int);")
        name = project.write("bad", f"SELECT 1;\n{statement}")
        with pytest.raises(FaultyMigrations) as caught:
            project.migrator().migrate()
        (problem,) = caught.value.problems
        assert problem.message == "the encoding of the database, LATIN1, has no character — (U+2014)"
        assert problem.place.source is not None
        assert problem.place.source[(problem.place.column or 0) - 1] == "—"
        assert str(problem.place) == f"{name}:{line}:{column}"
        assert not project.has("first")
        (project.folder / name).write_text(
            (project.folder / name).read_text().replace("—", "-").replace("= ''", "= '-'")
        )
        project.migrator().migrate()
        assert project.has("t")


MISREAD = [
    ("SET client_encoding = 'LATIN1';\nINSERT INTO t VALUES ('é');", 2, "LATIN1"),
    ("SET NAMES 'win1252';\nINSERT INTO t VALUES ('é');", 2, "WIN1252"),
    ("SELECT 1;\nSELECT pg_catalog.set_config('client_encoding', 'LATIN1', false); SELECT 'é';", 3, "LATIN1"),
    ("SET LOCAL client_encoding TO latin9;\nCOPY t FROM stdin;\né\n\\.\n", 2, "LATIN9"),
    ("COPY t FROM stdin WITH (FORMAT csv, ENCODING 'LATIN1');\né\n\\.\n", 2, "LATIN1"),
    ("COPY t FROM stdin ENCODING 'sjis';\n" + "é\n" * 40000 + "\\.\n", 2, "SJIS"),
]


@pytest.mark.parametrize(("text", "line", "encoding"), MISREAD, ids=range(len(MISREAD)))
def test_text_that_the_server_would_misread_is_a_fault(text: str, line: int, encoding: str) -> None:
    """It would store two characters for each one: the files are UTF-8, whatever a dump says on top."""
    (problem,) = all_problems(f"-- UP\n{text}")
    assert (problem.place.line, encoding in problem.message) == (line, True)
    assert "UTF8" in (problem.hint or "")


@pytest.mark.parametrize(
    "text",
    [
        "SET client_encoding = 'LATIN1';\nSELECT 'e';",
        "SET client_encoding = 'UTF-8';\nSELECT 'é';",
        "SET NAMES 'LATIN1';\nSELECT 'e';\nRESET client_encoding;\nSELECT 'é';",
        "SELECT 'é';\nSET client_encoding TO LATIN1;",
        "SELECT 'é', current_setting('client_encoding'); -- SET client_encoding = 'LATIN1'",
        "COPY t FROM stdin (ENCODING 'UTF8');\né\n\\.\nCREATE DATABASE d ENCODING 'LATIN1';",
        "SELECT encoding, 'é' AS names FROM pg_database;",
    ],
)
def test_text_that_is_read_as_it_is_written_is_no_fault(text: str) -> None:
    """Plain ASCII, what stands before the setting, and words that only look like it."""
    assert not all_problems(f"-- UP\n{text}")


def test_a_down_that_does_not_fit_is_a_warning_until_it_is_to_run(in_encoding: MakeProject) -> None:
    """The migration is applied; the rollback is refused with the place, and works once the comment is rewritten."""
    with in_encoding("LATIN1") as project:
        name = project.write("t", "CREATE TABLE t (i int);", "-- gone — for good\nDROP TABLE t;")
        assert any("has no character — (U+2014)" in note for note in project.migrator().migrate().notes)
        with pytest.raises(FaultyMigrations) as caught:
            project.migrator().rollback()
        assert str(caught.value.problems[0].place) == f"{name}:5:9"
        (project.folder / name).write_text((project.folder / name).read_text().replace("—", "-"))
        project.migrator().rollback()
        assert not project.has("t")


def test_a_name_that_does_not_fit_is_told_before_anything_runs(in_encoding: MakeProject) -> None:
    """The history keeps names as they are, as fsapi does; reading still works beside such a file."""
    with in_encoding("LATIN1") as project:
        name = project.write("名", "CREATE TABLE t (i int);")
        fits = project.write("größe", "CREATE TABLE u (i int);")
        assert len(project.migrator().status().statuses) == 2
        assert project.migrator().show(name).inspection.refusal is not None
        told = f"{name}:1: this name does not fit into the encoding"
        with pytest.raises(FaultyMigrations, match=told):
            project.migrator().migrate()
        with pytest.raises(FaultyMigrations, match=told):
            project.migrator().baseline(fits)
        (project.folder / name).unlink()
        project.migrator().migrate()
        assert project.applied() == [fits]
        (project.folder / fits).rename(project.folder / name)
        with pytest.raises(FaultyMigrations, match="this name does not fit"):
            project.migrator().rename(fits, name)


@pytest.mark.parametrize("encoding", ["LATIN1", "EUC_JP", "WIN1251"])
@pytest.mark.parametrize(
    ("text", "parameters", "where", "place"),
    [
        ("SELECT 1;\nSELECT 'a🐘' AS b", (), "", (2, 10)),
        ('CREATE TABLE "t🐘" (i int)', (), "", (1, 16)),
        ("SELECT 1 -- 🐘", (), "", (1, 13)),
        ("SELECT U&'\\+01F418'", (), "", (1, 11)),
        ("SELECT $1::text", ("🐘",), "$1, line 1: ", None),
        ("SELECT $1::text, $2::text", ("a", "b\n🐘"), "$2, line 2: ", None),
        ("SELECT $1::text[]", (["a", "🐘"],), "$1, line 1: ", None),
        ("SELECT $1", ({"key": "🐘"},), "$1, line 1: ", None),
    ],
)
def test_a_query_names_the_character_that_does_not_fit(
    in_encoding: MakeProject,
    encoding: str,
    text: str,
    parameters: tuple[object, ...],
    where: str,
    place: tuple[int, int] | None,
) -> None:
    """And its line: in the text, or in the parameter that holds it."""
    with in_encoding(encoding) as project, pytest.raises(QueryFailed) as caught:
        project.migrator().query(text, parameters)
    assert caught.value.server.message == f"{where}the encoding {encoding} has no character 🐘 (U+1F418)"
    found = caught.value.place
    assert (found and (found.line, found.column)) == place


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ("CREATE TABLE t (a text);\nCOPY t FROM stdin;\nok\nab🐘\n\\.\n", "5"),
        ("SELECT 1;\nSELECT U&'\\+01F418';", "3:11"),
    ],
)
def test_a_character_that_only_the_server_sees_is_named(in_encoding: MakeProject, body: str, place: str) -> None:
    """In inline data and in escapes, which are read by the server alone."""
    with in_encoding("LATIN1") as project:
        name = project.write("a", body)
        with pytest.raises(StatementFailed) as caught:
            project.migrator().migrate()
    assert caught.value.message == f"{name}:{place}: the encoding LATIN1 has no character 🐘 (U+1F418) [22P05]"


def test_a_check_names_the_character_that_does_not_fit(in_encoding: MakeProject) -> None:
    """With its line, too."""
    with in_encoding("LATIN1") as project, pytest.raises(QueryFailed) as caught:
        project.migrator().check("none", "SELECT 1\nWHERE '🐘' = 'a'")
    assert caught.value.place is not None
    assert (caught.value.place.line, caught.value.place.column) == (2, 8)
    assert "has no character 🐘 (U+1F418)" in caught.value.message


def test_a_result_that_does_not_fit_the_client_names_the_character(project: Project) -> None:
    """Of a session whose own encoding was set: the text has no such character, so no line is named."""
    with pytest.raises(QueryFailed) as caught:
        project.migrator().query("SET client_encoding = 'LATIN1'; SELECT chr(128024)")
    assert caught.value.server.message == "the encoding LATIN1 has no character 🐘 (U+1F418)"
    assert caught.value.place is None


@pytest.mark.parametrize("encoding", OTHERS)
def test_a_document_may_be_a_parameter_in_any_encoding(in_encoding: MakeProject, encoding: str) -> None:
    """Its characters are sent as they are, not as escapes, which SQL_ASCII does not take."""
    character = {"WIN1251": "ж", "EUC_JP": "名"}.get(encoding, "é")
    with in_encoding(encoding) as project:
        (result,) = project.migrator().query("SELECT $1 ->> $2", [{character: character}, character]).results
        assert result.rows == [(character,)]


@pytest.mark.parametrize(
    ("message", "found"),
    [
        ('character with byte sequence 0xe2 0x82 0xac in encoding "UTF8" has no equivalent in encoding "LATIN1"', "€"),
        ("Zeichen mit Byte-Folge 0xe2 0x82 0xac in Kodierung »UTF8« hat keine Entsprechung in Kodierung »LATIN1«", "€"),
        ("le caractère dont la séquence d'octets est 0xa4 dans l'encodage « LATIN9 » n'a pas « LATIN1 »", "€"),
        ("unsupported Unicode escape sequence", None),
        ('character with byte sequence 0xff in encoding "UTF8" has no equivalent in encoding "LATIN1"', None),
        ('character with byte sequence 0xa4 in encoding "MULE_INTERNAL" has no equivalent in encoding "LATIN1"', None),
    ],
)
def test_the_character_is_read_from_the_message_in_any_language(message: str, found: str | None) -> None:
    """The bytes and the names of the encodings are the same in all."""
    assert lacking(message) == (found and (found, "LATIN1"))


def test_an_edit_is_noticed_by_what_was_kept(in_encoding: MakeProject) -> None:
    """The difference is that of the texts, not of what they are kept as; comments still make none."""
    with in_encoding("LATIN1") as project:
        name = project.write_text("2026_01_01_00_00_t.sql", "-- UP\nCREATE TABLE t (i int);\n-- em — dash\n")
        project.migrator().migrate()
        project.write_text(name, "-- UP\nCREATE TABLE t (i int);\n-- em – dash\n")
        project.migrator().migrate()
        project.write_text(name, "-- UP\nCREATE TABLE t (i bigint);\n-- em — dash\n")
        with pytest.raises(RefusedPlan) as caught:
            project.migrator().migrate()
        assert "-CREATE TABLE t (i int);" in str(caught.value)
        assert "unistr" not in str(caught.value)


def test_postgresql_itself_reads_what_was_kept(in_encoding: MakeProject, server: str) -> None:
    """`unistr()` gives the text, for whoever looks at the table."""
    with in_encoding("LATIN1") as project:
        project.write_text("2026_01_01_00_00_t.sql", "-- UP\nSELECT 1;\n-- \\ and é —\n")
        project.migrator().migrate()
        kept = project.value("SELECT substr(up, 24) FROM migrations_scripts")
    with psycopg.connect(server) as connection:
        (read,) = connection.execute("SELECT unistr(%s)", [kept]).fetchone() or ("",)
    assert read == "SELECT 1;\n-- \\ and é —\n"


@given(text=st.text(), name=st.sampled_from(["LATIN1", "LATIN2", "WIN1252", "KOI8R", "EUC_KR", "EUC_TW", "UTF8", None]))
def test_a_kept_text_comes_back(text: str, name: str | None) -> None:
    """Whatever it is, backslashes and what looks like a kept one included; and what is kept fits."""
    encoding = encoding_named(name)
    for each in (text, ESCAPED + text, keep(text, encoding)):
        kept = keep(each, encoding)
        assert restore(kept) == each
        assert encoding is None or all(map(encoding.holds, kept))
