"""The verb `diagram`: the tables of a database as a picture, as Mermaid's source and as a DataFrame."""

from __future__ import annotations

import json
import random
import re
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from fsapi_nb.catalog.diagram import Diagram, ForeignKey, Table, TableColumn, TableName
from fsapi_nb.cli import main
from fsapi_nb.errors import UsageError
from fsapi_nb.model.server import Identity
from fsapi_nb.text.fold import HTML, OUTPUT, TEXT, stored_size
from fsapi_nb.views.results import DiagramResult
from tests.conftest import ROOT, Project
from tests.pictures import drawn_in, picture_in, without_picture

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
    written = words(picture_in(result.html()))
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
    dashed, solid = (
        [
            e
            for e in picture_in(result.html()).iter()
            if e.get("class") == "l" and bool(e.get("stroke-dasharray")) is is_so
        ]
        for is_so in (True, False)
    )
    assert len(dashed) == 1 and len(solid) == 2
    assert "flight_a_fkey: flight (a) → city (id)" in result.svg


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
    assert [line for line in migrator.diagram().lines() if line.endswith("{")] == [
        '    other__b["other.b"] {',
        '    other__c["other.c"] {',
        "    a {",  # nobody writes the schema public
    ]
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
    assert "no tables" in result.html() and "<img" not in result.html()
    assert result.to_frame().empty


def test_names_of_others_are_shown_and_do_nothing(project: Project) -> None:
    """Whatever a table is called: the picture is well-formed, holds no markup of theirs and no control characters."""
    result = draw(project, HOSTILE)
    html = result.html()
    assert "<script" not in html and "<img" not in without_picture(html)
    for picture in (picture_in(html), ElementTree.fromstring(result.svg)):
        assert {element.tag.rpartition("}")[2] for element in picture.iter()} <= {
            *("svg", "style", "rect", "path", "text", "tspan", "title", "desc"),
        }
        assert picture.get("role") == "img"
        assert all("\n" not in word and len(word) <= 31 for word in words(picture))
    assert "http" not in without_picture(html) and drawn_in(html).count("http") == 1


def test_a_name_that_xml_has_no_character_for_spoils_no_picture(project: Project) -> None:
    """Two characters are none of XML's, and PostgreSQL takes them."""
    result = draw(project, 'CREATE TABLE U&"\\FFFEodd\\FFFF" (U&"\\FFFE" int PRIMARY KEY)')
    for picture in (picture_in(result.html()), ElementTree.fromstring(result.svg)):
        assert {"\\ufffeodd\\uffff", "\\ufffe"} <= set(words(picture))


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


def test_the_picture_is_an_image_with_words_for_who_does_not_see_it(project: Project) -> None:
    """Its address is its data, its colours are its own: a notebook that is not trusted shows it, on any page."""
    html = draw(project, "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (a int REFERENCES a)").html()
    found = re.search(r'<img alt="([^"]*)" width="(\d+)"', html)
    assert found and found[1] == f"2 tables, 1 foreign key on {project.label}: b refers to a"
    picture = picture_in(html)
    assert picture.get("width") == found[2]
    (style,) = [element.text or "" for element in picture.iter() if element.tag.endswith("style")]
    assert "@media(prefers-color-scheme:dark)" in style and "currentColor" not in drawn_in(html)
    assert next(e.get("class") for e in picture.iter() if e.tag.endswith("rect")) == "p"


@pytest.mark.parametrize(("count", "said"), [(35, "only the columns of keys are drawn"), (95, "only names are drawn")])
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


def made_up(count: int, *, keys: int = 3) -> Diagram:
    """A database of so many tables, each of which refers to a few of those before it, some to none."""
    names = [TableName("public", f"table_{number}_of_many") for number in range(count)]
    order = random.Random(count)
    pairs = [
        (names[number], names[int(order.random() ** 3 * number)])
        for number in range(1, count)
        for _ in range(order.randrange(keys + 1))
    ]
    found = tuple(
        ForeignKey(f"fk_{number}", table, ("other",), target, ("id",), mandatory=number % 3 == 0)
        for number, (table, target) in enumerate(sorted(set(pairs)))
    )
    columns = (TableColumn("id", "bigint", primary=True), TableColumn("other", "bigint", references=("x",)))
    return Diagram(tuple(Table(name, columns) for name in sorted(names)), found)


@pytest.mark.parametrize("count", [60, 165])
def test_a_picture_of_many_tables_can_be_read(count: int) -> None:
    """Every table is there, and the picture is not much higher than wide, nor wider than high."""
    result = DiagramResult(made_up(count))
    picture = picture_in(result.html())
    assert sum(word.endswith("_of_many") for word in words(picture)) == count
    width, height = int(picture.get("width", "")), int(picture.get("height", ""))
    assert 0.8 < width / height < 2.5
    assert width < 3_000
    assert stored_size(result.html()) <= HTML


def test_of_a_huge_database_the_tables_that_most_refer_to_are_drawn() -> None:
    """As many names as there is room for; how many are left out is said, and how to see others."""
    diagram = made_up(600)
    html = DiagramResult(diagram).html()
    assert stored_size(html) <= HTML
    found = re.search(r"only the names of the (\d+) tables with the most foreign keys are drawn, of 600: choose", html)
    assert found and int(found[1]) > 100
    drawn = set(words(picture_in(html)))
    keys = Counter(str(name.name) for key in diagram.foreign_keys for name in {key.table, key.target})
    assert {name for name, _ in keys.most_common(80)} <= drawn and len(drawn) == int(found[1])


def test_the_tables_around_one_are_shown(project: Project) -> None:
    """Those that it refers to and those that refer to it, and no others; a slip is named."""
    project.rows(
        "CREATE TABLE city (id int PRIMARY KEY); CREATE TABLE person (id int PRIMARY KEY, city int REFERENCES city)"
    )
    project.rows("CREATE TABLE pet (id int PRIMARY KEY, person int REFERENCES person)")
    project.rows("CREATE TABLE toy (pet int REFERENCES pet); CREATE TABLE alone (i int)")
    migrator = project.migrator()
    assert migrator.diagram(around=["pet"]).headline() == f"3 tables, 2 foreign keys around pet on {project.label}"
    assert [t.name.name for t in migrator.diagram(around=["person"]).diagram.tables] == ["city", "person", "pet"]
    assert [t.name.name for t in migrator.diagram(around=["public.alone", "toy"]).diagram.tables] == [
        "alone",
        "pet",
        "toy",
    ]
    with pytest.raises(UsageError, match="no table persn") as caught:
        migrator.diagram(around=["persn"])
    assert caught.value.hint == "did you mean person?"
    with pytest.raises(UsageError, match="exclude each other"):
        migrator.diagram(None, ["pet"], around=["pet"])


def test_what_a_migration_changed_is_marked(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    """New, changed and dropped tables and columns have a sign, in the picture, the text, the DataFrame and JSON."""
    project.write(
        "first", 'CREATE TABLE city (id int PRIMARY KEY, "old one" int, size int); CREATE TABLE gone (i int);'
    )
    project.migrator().migrate()
    project.write(
        "second",
        "CREATE TABLE person (id int PRIMARY KEY, city int REFERENCES city);"
        'ALTER TABLE city DROP COLUMN "old one", ADD COLUMN name text; ALTER TABLE city ALTER size TYPE bigint;'
        "DROP TABLE gone; CREATE TABLE later (i int);",
    )
    project.migrator().migrate()
    project.rows("ALTER TABLE later RENAME TO since")
    result = project.migrator().diagram(changes="second")
    assert (
        result.headline().startswith("3 tables, 1 foreign key, with what ")
        and "second.sql changed" in result.headline()
    )
    lines = [line for line in result.lines() if line.startswith("%%")]
    assert lines[1:] == [
        "%% ~ city: ~ size, + name, − old one",
        "%% − gone",
        "%% + person",
        "%% renamed or dropped since: later",
    ]
    html = result.html()
    assert {"~ city", "− gone", "+ person", "since", "+", "−", "~"} <= set(words(picture_in(html)))
    assert "+ new · ~ changed · − dropped" in html and "renamed or dropped since: later" in html
    frame = result.to_frame().fillna("")
    assert [tuple(row) for row in frame[["table", "column", "change"]].itertuples(index=False) if row[2]] == [
        ("city", "size", "changed"),
        ("city", "name", "created"),
        ("city", "old one", "dropped"),
        ("person", "id", "created"),
        ("person", "city", "created"),
        ("gone", "", "dropped"),
    ]
    common = ["--database", project.database, "--dir", str(project.folder), "--json"]
    assert main(["migrate:diagram", *common, "--changes", "second"]) == 0
    tables = {table["name"]: table for table in json.loads(capsys.readouterr().out)["tables"]}
    assert [tables[name].get("change") for name in ("city", "gone", "person", "since")] == [
        *("changed", "dropped", "created", None)
    ]
    assert tables["city"]["columns"][-1]["change"] == "dropped"


def test_a_migration_that_changed_no_table_or_is_not_known_marks_nothing(project: Project) -> None:
    """It is said why; the tables are drawn as they are."""
    project.write("first", "CREATE TABLE city (id int PRIMARY KEY);")
    project.write("second", "CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1';")
    project.migrator().migrate(count=1, changes=False)
    project.migrator().migrate()
    assert "it changed no table" in project.migrator().diagram(changes="second").html()
    first = project.migrator().diagram(changes="first")
    assert "what it changed is not known: nothing was kept" in first.html()
    assert "city" in words(picture_in(first.html()))


def test_of_many_tables_only_those_around_a_change_are_shown(project: Project) -> None:
    """The others are counted; asked for by name, they are shown."""
    project.write("first", ";".join(f"CREATE TABLE t{n} (id int PRIMARY KEY)" for n in range(30)) + ";")
    project.migrator().migrate()
    project.write("second", "ALTER TABLE t1 ADD COLUMN other int REFERENCES t2;")
    project.migrator().migrate()
    result = project.migrator().diagram(changes="second")
    assert [table.name.name for table in result.diagram.tables] == ["t1", "t2"]
    assert "28 tables that it did not touch: not shown" in result.html()
    assert len(project.migrator().diagram(None, ["t1", "t3"], changes="second").diagram.tables) == 2


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
