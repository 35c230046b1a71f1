"""A plan of very many statements: what is alike in a row is one line, and what differs keeps its own."""

from __future__ import annotations

import re

from tests.conftest import Project

INSERTS = "".join(f"INSERT INTO a VALUES ({number});\n" for number in range(5_000))


def lines(project: Project) -> list[tuple[str, str]]:
    """The lines of the file, and what they do."""
    found = (re.fullmatch(r" +([\d-]+)  (.*?)(   .*)?", line) for line in project.migrator().plan().lines())
    return [(line[1], line[2]) for line in found if line]


def test_equal_neighbours_are_one_line(project: Project) -> None:
    """In a notebook and on the terminal, which has each with `--full`; as the frame and JSON do."""
    project.write("a", f"CREATE TABLE a (id int);\n{INSERTS}ANALYZE a;", "DROP TABLE a;")
    assert lines(project) == [("2", "CREATE TABLE"), ("3-5002", "INSERT (5,000 times)"), ("5003", "ANALYZE")]
    result = project.migrator().plan()
    assert "3-5002  INSERT (5,000 times)" in str(result)
    assert len(result.full().lines()) == 5_004
    frame = result.to_frame()
    assert frame is not None
    assert len(frame) == 5_002
    assert len(result.to_json()["steps"][0]["parts"][0]["statements"]) == 5_002


def test_few_of_a_kind_keep_their_lines(project: Project) -> None:
    """As do few that alternate, and many in an order that does not repeat, of which the first and the last are shown."""
    project.write("a", "CREATE TABLE a (id int);\n" + "INSERT INTO a VALUES (1);\n" * 5)
    assert lines(project)[1:] == [(f"{line}", "INSERT") for line in range(3, 8)]
    project.write("b", "INSERT INTO a VALUES (1);\nDELETE FROM a;\n" * 2)
    assert len(lines(project)) == 6 + 4
    once = "".join("INSERT INTO a VALUES (1);\n" * count + "DELETE FROM a;\n" for count in range(1, 5))
    project.write("c", once)
    assert len(lines(project)) == 6 + 4 + 11
    assert "         … 3 statements more" in project.migrator().plan().lines()


def test_a_few_that_repeat_in_turn_are_one_line(project: Project) -> None:
    """Up to four in turn; what is left of a turn that is not whole has its own lines."""
    create = "CREATE TABLE a (id int);\n"
    two = "INSERT INTO a VALUES (1);\nDELETE FROM a;\n"
    project.write("a", f"{create}{two * 2_000}INSERT INTO a VALUES (2);\nANALYZE a;", "DROP TABLE a;")
    assert lines(project) == [
        ("2", "CREATE TABLE"),
        ("3-4002", "INSERT, DELETE (2,000 times in turn)"),
        ("4003", "INSERT"),
        ("4004", "ANALYZE"),
    ]
    frame = project.migrator().plan().to_frame()
    assert frame is not None
    assert len(frame) == 4_003


def test_four_in_turn_with_neighbours_alike_are_one_line(project: Project) -> None:
    """Among them two of one kind."""
    four = "INSERT INTO a VALUES (1);\nINSERT INTO a VALUES (2);\nUPDATE a SET id = 3;\nDELETE FROM a;\n"
    project.write("a", f"CREATE TABLE a (id int);\n{four * 6}")
    assert lines(project)[1:] == [("3-26", "INSERT, INSERT, UPDATE, DELETE (6 times in turn)")]
    five = "INSERT INTO a VALUES (1);\nUPDATE a SET id = 3;\nDELETE FROM a;\nSELECT 1;\nANALYZE a;\n"
    project.write("b", five * 2)
    assert len(lines(project)) == 2 + 10


def test_many_in_one_line_have_that_line(project: Project) -> None:
    """There is no second number to say."""
    project.write("a", "CREATE TABLE a (id int);\n" + "INSERT INTO a VALUES (1); " * 21)
    assert lines(project)[1] == ("3", "INSERT (21 times)")
