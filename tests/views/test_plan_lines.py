"""A plan of very many statements: what is alike in a row is one line, and what differs keeps its own."""

from __future__ import annotations

import re

from tests.conftest import Project

INSERTS = "".join(f"INSERT INTO a VALUES ({number});\n" for number in range(5_000))


def lines(project: Project) -> list[str]:
    """What the plan says of the statements, without what stands beside it."""
    found = (re.fullmatch(r" {5,14}([\d(….-].*?|[a-z].*?)(   .*)?", each) for each in project.migrator().plan().lines())
    return [line[1].strip() for line in found if line]


def test_equal_neighbours_are_one_line(project: Project) -> None:
    """In a notebook and on the terminal, which has each with `--full`; as the frame and JSON do."""
    project.write("a", f"CREATE TABLE a (id int);\n{INSERTS}ANALYZE a;", "DROP TABLE a;")
    assert lines(project) == ["2  create table a", "3-5002  insert rows into a (5,000 times)", "5003  analyze a"]
    result = project.migrator().plan()
    assert "3-5002  insert rows into a (5,000 times)" in str(result)
    assert len([line for line in result.full().lines() if "INSERT INTO a" in line]) == 5_000
    frame = result.to_frame()
    assert frame is not None
    assert len(frame) == 5_002
    assert len(result.to_json()["steps"][0]["parts"][0]["statements"]) == 5_002


def test_few_of_a_kind_keep_their_lines(project: Project) -> None:
    """As do few that alternate, and many in an order that does not repeat, of which the first and the last are shown."""
    project.write("a", "CREATE TABLE a (id int);\n" + "INSERT INTO a VALUES (1);\n" * 5)
    assert lines(project)[1:] == [f"{line}  insert rows into a" for line in range(3, 8)]
    project.write("b", "INSERT INTO a VALUES (1);\nDELETE FROM a WHERE id = 1;\n" * 2)
    assert len(lines(project)) == 6 + 4
    project.rows("CREATE TABLE kept (id int)")
    once = "".join("INSERT INTO a VALUES (1);\n" * count + "DELETE FROM kept WHERE id = 1;\n" for count in range(1, 5))
    project.write("c", once)
    assert len(lines(project)) == 6 + 4 + 12
    assert "… 3 statements more (1 loses data)" in lines(project)


def test_a_few_that_repeat_in_turn_are_one_line(project: Project) -> None:
    """Up to four in turn; what is left of a turn that is not whole has its own lines."""
    create = "CREATE TABLE a (id int);\n"
    two = "INSERT INTO a VALUES (1);\nDELETE FROM a;\n"
    project.write("a", f"{create}{two * 2_000}INSERT INTO a VALUES (2);\nANALYZE a;", "DROP TABLE a;")
    assert lines(project) == [
        "2  create table a",
        "3-4002  insert rows into a",
        "delete all rows of a",
        "(in turn, 2,000 times)",
        "4003  insert rows into a",
        "4004  analyze a",
    ]
    frame = project.migrator().plan().to_frame()
    assert frame is not None
    assert len(frame) == 4_003


def test_four_in_turn_with_neighbours_alike_are_one_line(project: Project) -> None:
    """Among them two of one kind."""
    four = "INSERT INTO a VALUES (1);\nINSERT INTO a VALUES (2);\nUPDATE a SET id = 3;\nDELETE FROM a;\n"
    project.write("a", f"CREATE TABLE a (id int);\n{four * 6}")
    assert lines(project)[1:] == [
        "3-26  insert rows into a",
        "insert rows into a",
        "update all rows of a",
        "delete all rows of a",
        "(in turn, 6 times)",
    ]
    five = "INSERT INTO a VALUES (1);\nUPDATE a SET id = 3;\nDELETE FROM a WHERE id = 1;\nSELECT 1;\nANALYZE a;\n"
    project.write("b", five * 2)
    assert len(lines(project)) == 6 + 10


def test_many_in_one_line_have_that_line(project: Project) -> None:
    """There is no second number to say."""
    project.write("a", "CREATE TABLE a (id int);\n" + "INSERT INTO a VALUES (1); " * 21)
    assert lines(project)[1] == "3  insert rows into a (21 times)"
