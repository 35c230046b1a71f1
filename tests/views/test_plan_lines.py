"""A plan of very many statements: what is alike in a row is one line, and what differs keeps its own."""

from __future__ import annotations

from tests.conftest import Project

INSERTS = "".join(f"INSERT INTO a VALUES ({number});\n" for number in range(5_000))


def lines(project: Project) -> list[str]:
    return [line.strip() for line in project.migrator().plan().lines() if line.strip().startswith("line")]


def test_equal_neighbours_are_one_line(project: Project) -> None:
    """On the terminal; the frame and JSON have each statement."""
    project.write("a", f"CREATE TABLE a (id int);\n{INSERTS}ANALYZE a;", "DROP TABLE a;")
    assert lines(project) == ["line 2    CREATE TABLE", "lines 3-5002 INSERT (5000 in a row)", "line 5003 ANALYZE"]
    result = project.migrator().plan()
    assert "… 4990 statements more" in str(result)
    frame = result.to_frame()
    assert frame is not None
    assert len(frame) == 5_002
    assert len(result.to_json()["steps"][0]["parts"][0]["statements"]) == 5_002


def test_few_of_a_kind_keep_their_lines(project: Project) -> None:
    """As do few that alternate, and many in an order that does not repeat."""
    project.write("a", "CREATE TABLE a (id int);\n" + "INSERT INTO a VALUES (1);\n" * 20)
    assert lines(project)[1:] == [f"line {line:<4} INSERT" for line in range(3, 23)]
    project.write("b", "INSERT INTO a VALUES (1);\nDELETE FROM a;\n" * 10)
    assert len(lines(project)) == 21 + 20
    once = "".join("INSERT INTO a VALUES (1);\n" * count + "DELETE FROM a;\n" for count in range(1, 7))
    project.write("c", once)
    assert len(lines(project)) == 21 + 20 + 27


def test_a_few_that_repeat_in_turn_are_one_line(project: Project) -> None:
    """Up to four in turn; what is left of a turn that is not whole has its own lines."""
    create = "CREATE TABLE a (id int);\n"
    two = "INSERT INTO a VALUES (1);\nDELETE FROM a;\n"
    project.write("a", f"{create}{two * 2_000}INSERT INTO a VALUES (2);\nANALYZE a;", "DROP TABLE a;")
    assert lines(project) == [
        "line 2    CREATE TABLE",
        "lines 3-4002 INSERT, DELETE (2000 times in a row)",
        "line 4003 INSERT",
        "line 4004 ANALYZE",
    ]
    frame = project.migrator().plan().to_frame()
    assert frame is not None
    assert len(frame) == 4_003


def test_four_in_turn_with_neighbours_alike_are_one_line(project: Project) -> None:
    """Among them two of one kind."""
    four = "INSERT INTO a VALUES (1);\nINSERT INTO a VALUES (2);\nUPDATE a SET id = 3;\nDELETE FROM a;\n"
    project.write("a", f"CREATE TABLE a (id int);\n{four * 6}")
    assert lines(project)[1:] == ["lines 3-26 INSERT, INSERT, UPDATE, DELETE (6 times in a row)"]
    five = "INSERT INTO a VALUES (1);\nUPDATE a SET id = 3;\nDELETE FROM a;\nSELECT 1;\nANALYZE a;\n"
    project.write("b", five * 6)
    assert len(lines(project)) == 2 + 30


def test_many_in_one_line_have_that_line(project: Project) -> None:
    """There is no second number to say."""
    project.write("a", "CREATE TABLE a (id int);\n" + "INSERT INTO a VALUES (1); " * 21)
    assert lines(project)[1] == "line 3    INSERT (21 in a row)"
