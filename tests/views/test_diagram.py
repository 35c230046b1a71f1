"""The verb `diagram`: the tables of a database as a picture, as Mermaid's source and as a DataFrame."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from fsapi_nb.cli import main
from fsapi_nb.errors import UsageError
from fsapi_nb.model.server import Identity
from fsapi_nb.text.fold import HTML, OUTPUT, TEXT, stored_size
from fsapi_nb.views.results import DiagramResult
from tests.conftest import ROOT, Project

HOSTILE = r"""
CREATE SCHEMA other;
CREATE TABLE "<script>alert(1)</script>" ("<img src=x onerror=alert(2)>" int PRIMARY KEY, "a ""b"" & 'c'" text);
CREATE TABLE other."one
two" ("%}; --" int REFERENCES "<script>alert(1)</script>");
CREATE TABLE other."a name that is as long as PostgreSQL lets any name be, that's it!" ();
CREATE TABLE "a.b" (id int); CREATE TABLE a_b (id int); CREATE TABLE "A.B" (id int);
"""


def draw(project: Project, *statements: str) -> DiagramResult:
    """The diagram of the project's database after these statements."""
    for statement in statements:
        project.rows(statement)
    return project.migrator().diagram()


def svg_of(html: str) -> ElementTree.Element:
    """The picture, parsed as the XML that it is."""
    found = re.search(r"<svg.*</svg>", html, re.DOTALL)
    assert found
    return ElementTree.fromstring(found[0])


def words(picture: ElementTree.Element) -> list[str]:
    """What is written in the picture, titles apart."""
    drawn = [e for e in picture.iter() if e.tag.endswith(("text", "tspan"))]
    return [element.text for element in drawn if element.text]


def test_the_example_project_is_drawn(project: Project) -> None:
    """Every table with its columns and keys; our own tables are no part of it; the same again gives the same text."""
    shutil.copytree(ROOT / "migrations", project.folder, dirs_exist_ok=True)
    project.migrator().migrate()
    result = project.migrator().diagram()
    assert result.headline() == f"17 tables, 12 foreign keys on {project.label}"
    written = words(svg_of(result.html()))
    assert {"users", "user_roles", "PK FK", "varchar(255)*", "2 partitions"} <= set(written)
    assert "migrations" not in written and "events_2025_q1" not in written
    again = project.migrator().diagram()
    assert (repr(again), again.html()) == (repr(result), result.html())


def test_cardinality_is_told(project: Project) -> None:
    """One or many, must or may, of foreign keys of one column and of several, to itself and twice to one table."""
    result = draw(
        project,
        "CREATE TABLE city (id int PRIMARY KEY, twin int REFERENCES city)",
        "CREATE TABLE flight (id int PRIMARY KEY, a int NOT NULL REFERENCES city, b int REFERENCES city)",
        "CREATE TABLE pair (x int, y int, PRIMARY KEY (x, y))",
        "CREATE TABLE detail (x int NOT NULL, y int NOT NULL, UNIQUE (y, x), FOREIGN KEY (x, y) REFERENCES pair)",
    )
    assert [line.strip() for line in result.lines() if "--" in line] == [
        'city |o--o{ city : "twin"',
        'pair ||--o| detail : "x, y"',
        'city ||--o{ flight : "a"',
        'city |o--o{ flight : "b"',
    ]
    assert "        integer b FK" in result.lines()
    picture = result.html()
    assert picture.count('stroke-dasharray="5 3"') == 2
    assert "flight_a_fkey: flight (a) → city (id)" in picture


def test_partial_and_unfinished_indexes_make_nothing_unique(project: Project) -> None:
    """Only what holds of every row is said of a column."""
    result = draw(
        project,
        "CREATE TABLE t (id int PRIMARY KEY, a int, b int UNIQUE, c int REFERENCES t)",
        "CREATE UNIQUE INDEX ON t (a) WHERE a > 0",
        "CREATE UNIQUE INDEX ON t (c, b)",
    )
    frame = result.to_frame().set_index("column")
    assert list(frame[frame["unique"]].index) == ["b"]
    assert list(frame[frame["primary_key"]].index) == ["id"]
    assert frame.loc["c", "references"] == "public.t.id"


def test_only_the_schema_and_tables_that_are_asked_for(project: Project) -> None:
    """Foreign keys that lead out of the picture are counted, names that nothing has are an error."""
    project.rows("CREATE SCHEMA other; CREATE TABLE public.a (id int PRIMARY KEY)")
    project.rows("CREATE TABLE other.b (id int PRIMARY KEY, a int REFERENCES public.a)")
    project.rows("CREATE TABLE other.c (b int REFERENCES other.b)")
    migrator = project.migrator()
    assert migrator.diagram().headline() == f"3 tables, 2 foreign keys on {project.label}"
    other = migrator.diagram(["other"])
    assert other.lines()[-2:] == [
        f"%% 2 tables, 1 foreign key on {project.label}",
        "%% 1 foreign key to tables that are not shown",
    ]
    assert migrator.diagram(None, ["a", "other.b"]).headline() == f"2 tables, 1 foreign key on {project.label}"
    with pytest.raises(UsageError, match="no table nowhere"):
        migrator.diagram(None, ["nowhere"])
    with pytest.raises(UsageError, match="no schema nowhere"):
        migrator.diagram(["nowhere"])


def test_an_empty_database_has_a_diagram(project: Project) -> None:
    """It says that there is nothing."""
    result = project.migrator().diagram()
    assert result.lines() == ["erDiagram", f"%% no tables on {project.label}"]
    assert "no tables" in result.html() and "<svg" not in result.html()
    assert result.to_frame().empty


def test_names_of_others_are_shown_and_do_nothing(project: Project) -> None:
    """Whatever a table is called: the picture is well-formed, holds no markup of theirs and no control characters."""
    result = draw(project, HOSTILE)
    html = result.html()
    assert "<script" not in html and "<img" not in html
    picture = svg_of(html)
    assert {element.tag.rpartition("}")[2] for element in picture.iter()} <= {
        *("svg", "g", "rect", "path", "text", "tspan", "title", "desc"),
    }
    assert picture.get("role") == "img"
    assert all("\n" not in word and len(word) <= 31 for word in words(picture))
    assert "http" not in html.replace("http://www.w3.org/2000/svg", "")


def test_mermaid_gets_names_that_it_knows(project: Project) -> None:
    """Entities and columns of plain characters, no two entities alike, the real name as the label, no open quote."""
    source = draw(project, HOSTILE).mermaid.splitlines()
    heads = [match for line in source if (match := re.fullmatch(r'    (\w+)(\["[^"]*"\])?( \{)?', line))]
    assert len({head[1].casefold() for head in heads}) == 6
    for line in source[1:]:
        assert re.fullmatch(
            r'    (\w+(\["[^"%\\`#;<>]+"\])?( \{)?|\}|    [A-Za-z][\w()\[\]]* \w+( [PFU]K(, [PFU]K)*)?( "[^"]*")?'
            r'|\w+ \|[|o]--o[|{] \w+ : "[^"]*")',
            line,
        ), line


def test_no_name_of_a_database_sets_how_mermaid_draws(project: Project) -> None:
    """A directive in braces counts wherever it stands, in a comment too."""
    result = replace(draw(project, "CREATE TABLE a (i int)"), identity=Identity("x %%{init: {'themeCSS': '*{}'}}%%"))
    assert result.lines()[-1].startswith("%% 1 table, 0 foreign keys on x %%_init: _'themeCSS'")
    assert "{init" not in "\n".join(result.lines())


@pytest.mark.parametrize(("count", "said"), [(35, "only the columns of keys are drawn"), (45, "only names are drawn")])
def test_a_large_database_is_drawn_with_less_detail(project: Project, count: int, said: str) -> None:
    """So much that the output stays within the bound of a notebook; text and DataFrame have everything."""
    columns = ", ".join(f"a_column_with_a_name_{number} integer" for number in range(25))
    project.rows(
        ";".join(
            f"CREATE TABLE t{n} (id int PRIMARY KEY, {columns}, p int REFERENCES t{max(n - 1, 0)})"
            for n in range(count)
        )
    )
    result = project.migrator().diagram()
    bundle, metadata = result._repr_mimebundle_()
    assert stored_size(bundle["text/html"]) <= HTML and stored_size(bundle["text/plain"]) <= TEXT + 400
    assert len(json.dumps([bundle, metadata]).encode()) <= OUTPUT
    assert said in bundle["text/html"]
    assert len(result.to_frame()) == count * 27
    assert result.mermaid.count("a_column_with_a_name_3 ") == 0 and result.mermaid.count("_name_3\n") == count


def test_a_huge_database_is_listed(project: Project) -> None:
    """Where even the names have no room, there is a table, and it is said how to see less."""
    project.rows(";".join(f"CREATE TABLE table_with_a_long_name_{number} (id int)" for number in range(300)))
    html = project.migrator().diagram().html()
    assert "choose some with --schema or --tables" in html and "<svg" not in html
    assert stored_size(html) <= HTML


def test_the_terminal_prints_mermaid(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    """`sapi migrate:diagram`, and with `--json` tables, keys and the source."""
    project.rows("CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (a int REFERENCES a)")
    common = ["--database", project.database, "--dir", str(project.folder)]
    assert main(["migrate:diagram", *common, "--tables", "a, b"]) == 0
    assert capsys.readouterr().out.splitlines()[:3] == ["erDiagram", "    a {", '        integer id PK "not null"']
    assert main(["migrate:diagram", *common, "--schema", "public", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [table["name"] for table in document["tables"]] == ["a", "b"]
    assert document["foreign_keys"][0]["references"] == "public.a"


def test_the_picture_can_be_written_to_a_file(project: Project, tmp_path: Path) -> None:
    """`.svg` is a whole document."""
    result = draw(project, "CREATE TABLE a (id int PRIMARY KEY)")
    (tmp_path / "diagram.svg").write_text(result.svg, encoding="utf-8")
    assert ElementTree.parse(tmp_path / "diagram.svg").getroot().tag == "{http://www.w3.org/2000/svg}svg"
