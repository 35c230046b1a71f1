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
    """As do those that alternate."""
    project.write("a", "CREATE TABLE a (id int);\n" + "INSERT INTO a VALUES (1);\n" * 20)
    assert lines(project)[1:] == [f"line {line:<4} INSERT" for line in range(3, 23)]
    project.write("b", "INSERT INTO a VALUES (1);\nDELETE FROM a;\n" * 30)
    assert len(lines(project)) == 21 + 60


def test_many_in_one_line_have_that_line(project: Project) -> None:
    """There is no second number to say."""
    project.write("a", "CREATE TABLE a (id int);\n" + "INSERT INTO a VALUES (1); " * 21)
    assert lines(project)[1] == "line 3    INSERT (21 in a row)"
