"""The panel without a browser: what it says before a click, what it asks, and which links it makes of texts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fsapi_nb.events import Observer
from fsapi_nb.migrator import Migrator
from fsapi_nb.model.status import MigrationStatus, State
from fsapi_nb.notebook.panel import Panel
from fsapi_nb.notebook.previews import MOST
from fsapi_nb.notebook.widgets.links import Links
from fsapi_nb.views.results import PlanResult
from tests.conftest import Project

TABLES = "CREATE TABLE a (i int);\nCREATE TABLE empty ();\nINSERT INTO a SELECT generate_series(1, 1000);"
DROPS = "DROP TABLE a;\nDROP TABLE empty;"


def _panel(project: Project) -> Panel:
    def make(observers: tuple[Observer, ...]) -> Migrator:
        return project.migrator(observers=observers)

    return Panel(make, live=True)


def _looked_at(project: Project) -> Any:
    """The state of a panel whose user has pressed Refresh."""
    panel = _panel(project)
    _press(panel, do="refresh")
    return panel._widget


def _proposal(panel: Panel) -> dict[str, Any]:
    found: dict[str, Any] = panel._widget.proposal
    return found


def _press(panel: Panel, **message: Any) -> None:
    panel._clicked(None, message, None)


def _words(pieces: list[Any]) -> str:
    return "".join(piece if isinstance(piece, str) else piece["text"] for piece in pieces)


def _said(preview: dict[str, Any]) -> list[str]:
    """A preview as one reads it, a danger a line."""
    does = [preview["does"]] if preview["does"] else []
    dangers = [f"{each['label']}: {'; '.join(map(_words, each['texts']))}" for each in preview["dangers"]]
    return [_words(preview["says"]), *does, *dangers, *([preview["calm"]] if preview["calm"] else [])]


def _row(row: dict[str, Any]) -> dict[str, str]:
    """What each column of a statement's row says; what lint says below is for its own tests."""
    return {cell["column"]: _words(cell["text"]).split("\nlint: ")[0] for cell in row["cells"]}


# -- before a click ----------------------------------------------------------------------------------------------------


def test_each_button_says_what_it_would_do(project: Project) -> None:
    """The next one, all of them, and the rows that go with a rollback; a button without anything to do says nothing."""
    name = project.write("tables", TABLES, DROPS)
    made = "create table a; create table empty; insert rows into a"
    assert _said(_looked_at(project).previews["next"]) == [name, made, "loses nothing, blocks nothing"]
    project.migrator().migrate()
    widget = _looked_at(project)
    assert widget.possible == list(widget.previews) == ["back"]
    assert _said(widget.previews["back"])[:3] == [
        name,
        "drop table a; drop table empty",
        "Lost for good: table a with its 1,000 rows (line 7)",
    ]

    second = project.write("drops", "DROP TABLE a;")
    widget = _looked_at(project)
    assert widget.possible == list(widget.previews) == ["next", "all", "back"]
    following = _said(widget.previews["next"])
    assert (following[:3], following[-1]) == (
        [second, "drop table a", "Lost for good: table a with its 1,000 rows (line 2)"],
        "Irreversible: it has no DOWN",
    )
    assert widget.previews["all"] == widget.previews["next"]

    project.write("more", "CREATE TABLE more ();", "DROP TABLE more;")
    every = _said(_looked_at(project).previews["all"])
    assert (every[:2], every[-1]) == (
        ["2 migrations", f"Lost for good: table a with its 1,000 rows ({second}:2)"],
        "Irreversible: 1 has no DOWN",
    )


def test_a_button_that_would_be_refused_says_why(project: Project) -> None:
    """Before the click, as the click would."""
    name = project.write("one", "CREATE TABLE one ();")
    project.migrator().migrate()
    fault = project.write("two", "CREATE TABEL two ();")
    previews = _looked_at(project).previews
    assert _said(previews["back"]) == [f"is refused: 1 migration is irreversible: {name}: it has no DOWN"]
    why = f'is refused: 1 fault found before anything ran: {fault}:2:8: syntax error at or near "TABEL"'
    assert _said(previews["next"]) == _said(previews["all"]) == [why]
    assert previews["next"]["says"][1] == {"text": f"{fault}:2:8", "name": fault, "line": 2}


def test_of_very_many_migrations_no_plan_is_made_unasked(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only of the next one: of all of them their number is said."""
    for number in range(MOST + 1):
        project.write_text(f"2026_01_{1 + number // 60:02}_00_{number % 60:02}_n.sql", "-- UP\nSELECT 1;\n")
    made: list[str] = []
    plan = Panel._plan

    def counted(panel: Panel, what: str) -> PlanResult:
        made.append(what)
        return plan(panel, what)

    monkeypatch.setattr(Panel, "_plan", counted)
    previews = _looked_at(project).previews
    assert made == ["next"]
    assert _said(previews["all"]) == [f"{MOST + 1} migrations", "the button shows their plan"]


def test_what_was_said_before_goes_when_the_migrations_stand_elsewhere(project: Project) -> None:
    """No reader sees for a moment that the next one is one that is applied."""
    name = project.write("one", "CREATE TABLE one ();", "DROP TABLE one;")
    panel = _panel(project)
    _press(panel, do="refresh")
    assert set(panel._widget.previews) == {"next", "all"}
    _press(panel, do="propose", what="next")
    _press(panel, do="run", token=_proposal(panel)["token"], sure=False)
    assert project.applied() == [name]
    assert panel._widget.previews == {}
    panel._changed(None)  # as the thread does that follows the database
    assert set(panel._widget.previews) == {"back"}


def test_nothing_is_said_while_another_runner_is_at_work(project: Project) -> None:
    """Its end is followed by a look at what is left; until then a plan would be about what is half done."""
    project.write("one", "CREATE TABLE one ();", "DROP TABLE one;")
    panel = _panel(project)
    panel.status = replace(panel.status, runner="another")
    panel._foresee()
    assert panel._widget.previews == {}


# -- the plan to confirm -----------------------------------------------------------------------------------------------


def test_a_plan_shows_each_statement_and_its_sql(project: Project) -> None:
    """What it does, loses and blocks, with its line as a link; a migration's details show it in the same way."""
    project.write("tables", TABLES, DROPS)
    project.migrator().migrate()
    name = project.write("drops", "CREATE TABLE b ();\nDROP TABLE a;")
    panel = _panel(project)
    _press(panel, do="propose", what="next")
    plan = _proposal(panel)["plan"]
    heading, create, drop = plan["rows"]
    assert {"text": name, "name": name, "line": 0} in heading["heading"]
    assert _row(create) == {"line": "2", "what it does": "create table b"}
    assert _row(drop) == {
        "line": "3",
        "what it does": "drop table a",
        "loses": "its 1,000 rows",
        "blocks": "reads and writes of a",
    }
    assert drop["cells"][0]["text"] == [{"text": "3", "name": name, "line": 3}]
    assert "".join(text for _, text in drop["cells"][1]["sql"]) == "DROP TABLE a"
    panel._widget.selected = name
    detail = panel._widget.detail
    assert (detail["plan"]["rows"][0], detail["plan"]["alerts"]) == (heading, plan["alerts"])
    assert [_row(row) for row in detail["plan"]["rows"][1:]] == [_row(create), _row(drop)]


def test_the_second_question_names_what_is_lost_and_its_rows(project: Project) -> None:
    """Of a rollback, too; nothing runs without the second answer."""
    project.write("tables", TABLES, DROPS)
    project.migrator().migrate()
    panel = _panel(project)
    _press(panel, do="propose", what="back")
    proposal = _proposal(panel)
    assert proposal["ask"] == ["This is lost for good:"]
    assert proposal["losses"] == ["table a with its 1,000 rows", "table empty with its 0 rows"]
    _press(panel, do="run", token=proposal["token"], sure=False)
    assert project.has("a")
    assert panel._widget.proposal is None
    _press(panel, do="propose", what="back")
    _press(panel, do="run", token=_proposal(panel)["token"], sure=True)
    assert not project.has("a")


def test_the_second_question_says_where_data_is_kept(project: Project) -> None:
    """What is copied first is not lost, and is asked about; what the script has made itself as well."""
    project.rows("CREATE TABLE a (i int); INSERT INTO a VALUES (1)")
    project.write("moves", "CREATE TABLE b AS SELECT * FROM a;\nDROP TABLE a;")
    project.write("makes", "CREATE TABLE c ();\nDROP TABLE c;")
    panel = _panel(project)
    _press(panel, do="propose", what="next")
    proposal = _proposal(panel)
    assert (proposal["ask"], proposal["losses"]) == (
        ["This is taken away:"],
        ["the table a with its rows: kept in b"],
    )
    _press(panel, do="run", token=proposal["token"], sure=True)
    _press(panel, do="propose", what="next")
    proposal = _proposal(panel)
    assert (proposal["ask"], proposal["losses"]) == (
        ["This removes data that it has made itself or copied elsewhere before."],
        [],
    )


def test_a_page_can_ask_for_nothing_but_the_clicks(project: Project) -> None:
    """Names of no migration, plans of no button and tokens of no plan do nothing."""
    project.write("one", "CREATE TABLE one ();", "DROP TABLE one;")
    panel = _panel(project)
    for message in (
        {"do": "show", "name": "../../etc/passwd"},
        {"do": "propose", "what": "fresh"},
        {"do": "propose", "what": ["next"]},
        {"do": "run", "token": "guessed", "sure": True},
        {"do": "run", "token": None},
    ):
        _press(panel, **message)
        assert (panel._widget.proposal, panel._widget.error) == (None, [])
    panel._widget.selected = "../../etc/passwd"
    assert panel._widget.detail is None
    assert project.applied() == []


# -- links -------------------------------------------------------------------------------------------------------------


def test_an_error_links_to_the_line_and_to_each_migration_that_it_names(project: Project) -> None:
    """The line that the link leads to is the one that has failed, in the script that is shown."""
    first = project.write("first", "CREATE TABLE first ();", "DROP TABLE first;")
    failing = project.write("fails", "\n\n-- why\nSELECT 1;\nSELECT 1 / 0;", "SELECT 2;")
    panel = _panel(project)
    _press(panel, do="propose", what="all")
    _press(panel, do="run", token=_proposal(panel)["token"])
    links = [piece for piece in panel._widget.error if not isinstance(piece, str)]
    assert links == [
        {"text": f"{failing}:6", "name": failing, "line": 6},
        {"text": failing, "name": failing, "line": 0},
        {"text": first, "name": first, "line": 0},
    ]
    assert "Database: " in _words(panel._widget.error)
    panel._widget.selected = failing
    up, down = panel._widget.detail["scripts"]
    shown = _words([text for _, text in up["pieces"]]).split("\n")
    assert shown[6 - up["line"]] == "SELECT 1 / 0;"
    assert (up["line"], down["line"]) == (4, 9)


def test_what_is_stored_and_what_lacks_data_have_lines_as_far_as_they_are_known(project: Project) -> None:
    """A migration without a file is counted as its errors count it; behind data that is left out no line is known."""
    name = project.write("gone", "CREATE TABLE gone ();\nSELECT 1;", "SELECT 2;\nDROP TABLE gone;")
    seed = project.write("seed", "COPY gone FROM stdin;\n" + "\n" * 200_000 + "\\.\nSELECT 1;", "SELECT 3;")
    project.migrator().migrate()
    (project.folder / name).unlink()
    panel = _panel(project)
    panel._widget.selected = name
    detail = panel._widget.detail
    up, down = detail["scripts"]
    number = detail["plan"]["rows"][-1]["cells"][0]["text"][0]["line"]
    assert up["line"] == 2
    assert _words([text for _, text in down["pieces"]]).split("\n")[number - down["line"]] == "DROP TABLE gone;"
    panel._widget.selected = seed
    assert [script["line"] is None for script in panel._widget.detail["scripts"]] == [True, False]


def _links(*names: str, state: State = State.PENDING) -> Links:
    return Links(MigrationStatus(name, state) for name in names)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("in a.sql:3:7: wrong", [("a.sql:3:7", "a.sql", 3)]),
        ("a.sql, aa.sql.", [("a.sql", "a.sql", 0), ("aa.sql", "aa.sql", 0)]),
        ("a.sqlx xa.sql b-a.sql a.sql-b", []),
        ("migrations/a.sql a.sql:0 a.sql:x", [("a.sql", "a.sql", 0)] * 3),
        ("A.sql b.sql <a.sql>", [("a.sql", "a.sql", 0)]),
        ("\x1b[31ma.sql\n", []),
        ("no name: line 3", []),
        ("", []),
    ],
)
def test_only_whole_names_of_known_migrations_are_links(text: str, found: list[tuple[str, str, int]]) -> None:
    """With the line behind them; every other character stays as it is, controls written out."""
    pieces = _links("a.sql", "aa.sql").pieces(text)
    assert [(p["text"], p["name"], p["line"]) for p in pieces if not isinstance(p, str)] == found
    assert _words(pieces) == text.replace("\x1b", "\\x1b")


def test_a_line_alone_is_one_of_the_migration_that_a_text_is_about() -> None:
    """That of an edited file leads to no line: what runs of it is what was stored."""
    text = "table line 7 and its 2 rows (line 3)"
    pieces = _links("a.sql").pieces(text, of="a.sql")
    assert [(p["name"], p["line"]) for p in pieces if not isinstance(p, str)] == [("a.sql", 7), ("a.sql", 3)]
    edited = _links("a.sql", state=State.DRIFTED)
    assert edited.pieces(text, of="a.sql") == [text]
    assert edited.line("3-9", "a.sql") == ["3-9"]
    assert edited.pieces("a.sql:3") == [{"text": "a.sql:3", "name": "a.sql", "line": 0}]
