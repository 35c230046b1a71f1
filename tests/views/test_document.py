"""One document a result: folded once, and written as text and HTML by what knows no results."""

from __future__ import annotations

import datetime
import re

import pytest

from fsapi_nb.model.status import State
from fsapi_nb.text.command import Advice, command
from fsapi_nb.text.fold import Fold
from fsapi_nb.views.document import (
    SHORTENED,
    STORED,
    Document,
    Item,
    Listing,
    Medium,
    Note,
    Paragraphs,
    Picture,
    Records,
    ResultTable,
    gap,
    paragraph,
)
from fsapi_nb.views.render.html import html_of
from fsapi_nb.views.render.json import json_of
from fsapi_nb.views.render.text import lines_of, stored_lines
from fsapi_nb.views.results import Result
from tests.test_architecture import files, own_imports
from tests.views.test_size import history, plan, run, status, table

WHOLE = Medium(folded=False, times=True)


@pytest.mark.parametrize(
    "value",
    [status(60, *State), plan(60), run(60, "hey"), history(60), table(60)],
    ids=lambda value: type(value).__name__,
)
def test_a_result_is_made_into_one_document(value: Result, monkeypatch: pytest.MonkeyPatch) -> None:
    """A notebook asks once for text, HTML and metadata; the whole result is never rendered to find out what is missing."""
    media: list[Medium] = []
    make = type(value).document

    def document(self: Result, medium: Medium = STORED) -> Document:
        media.append(medium)
        return make(self, medium)

    monkeypatch.setattr(type(value), "document", document)
    data, _ = value._repr_mimebundle_()
    assert media == [STORED]
    assert (data["text/plain"], data["text/html"]) == (repr(value), value.html())


@pytest.mark.parametrize(
    "value",
    [status(1_000, *State), plan(26, drops=30), plan(40, 30), run(100, *["hey"] * 20)],
    ids=lambda value: type(value).__name__,
)
def test_text_and_html_leave_out_the_same(value: Result) -> None:
    """Each gap is in both, with the same number."""
    gaps = re.compile(r"… (\d+) ")
    assert gaps.findall(repr(value))
    assert gaps.findall(repr(value)) == gaps.findall(re.sub("<[^>]*>", " ", value.html()))


def test_a_document_as_text() -> None:
    """Notes stand below the headline, sections in their order; what has a title is indented below it."""
    document = Document(
        "head",
        [
            ResultTable(["a"], [Item(["one"], [("1",)])]),
            Picture("<svg></svg>", "drawn", 9, 9),
            Paragraphs([paragraph("only in HTML"), paragraph("said", "said")]),
            Listing("UP", "SELECT 1;\nSELECT 2;", sql=True),
            ResultTable(["b"], [Item(["two"], [("2",)])], title="Attempts"),
        ],
        [Note("careful\nvery")],
    )
    lines = ["head", "  ! careful", "      very", "one", "said"]
    lines += ["", "UP", "  SELECT 1;", "  SELECT 2;", "", "Attempts", "  two"]
    assert lines_of(document) == stored_lines(document) == lines
    html = re.sub(r' style="[^"]*"', "", html_of(document))
    order = [
        "head",
        "<th",
        '<img alt="drawn" width="9" height="9" src="data:image/svg+xml,%3Csvg%3E%3C/svg%3E"',
        "careful\nvery",
        "only in HTML",
        "said",
        "<em>UP",
        ">SELECT<",
        "Attempts",
        ">2</td>",
    ]
    assert [html.index(part) for part in order] == sorted(html.index(part) for part in order)
    assert lines_of(Document("head", [Paragraphs([Item(["body"])])], headed=False)) == ["body"]


def test_what_was_left_out_is_said_once() -> None:
    """By the last line, and in HTML unless a picture or a listing shows what the text cannot."""
    left = [gap("… 9 more", "… 9 more")]
    short = Document("head", [ResultTable(["a"], left)])
    assert not short.whole
    assert stored_lines(short)[-1] == SHORTENED
    assert html_of(short, shortened=True).count(SHORTENED) == 1
    drawn = Document("head", [Paragraphs(left), Picture("<svg></svg>", "drawn", 9, 9)])
    assert stored_lines(drawn)[-1] == SHORTENED
    assert SHORTENED not in html_of(drawn, shortened=True)
    assert stored_lines(Document("x" * 1_000))[-1] == SHORTENED
    assert not Document("head", notes=[Note("… 2 more", whole=False)]).whole


def test_a_medium_decides_how_much_there_is() -> None:
    """A terminal gets all items; a notebook those that the fold keeps, and one for the others."""
    things = range(9)

    def items(medium: Medium) -> list[Item]:
        return medium.items(Fold(2, 1), things, lambda n: Item([str(n)]), lambda left: gap(f"… {len(left)} more"))

    assert [item.lines[0] for item in items(STORED)] == ["0", "1", "… 6 more", "8"]
    assert [item.lines[0] for item in items(WHOLE)] == [str(n) for n in things]
    assert [item.whole for item in items(STORED)] == [True, True, False, True]


def test_a_table_is_as_bare_as_it_may_be() -> None:
    """Columns without anything are left out, and cells that say what the row above has said."""
    rows = [Item(rows=[("a", "", 1), ("a", "", 2)]), Item(rows=[("b", None, 3)])]
    html = html_of(Document("head", [ResultTable(["x", "y", "z"], rows, sparse=True, said_once=1)]))
    assert re.findall(r"<th [^>]*>([^<]*)", html) == ["x", "z"]
    assert re.findall(r"<td[^>]*>([^<]*)", html) == ["a", "1", "", "2", "b", "3"]
    assert html_of(Document("head", [ResultTable(["x"], [])])).count("<") == 4


def test_records_are_objects_in_json() -> None:
    """With moments in ISO 8601; other facts are as they are."""
    at = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    facts = {"rows": Records(["at", "n"], [(at, 1), (None, 2)]), "notes": ("a", "b"), "plan": {"x": [1]}}
    assert json_of(facts) == {
        "rows": [{"at": "2026-01-01T00:00:00+00:00", "n": 1}, {"at": None, "n": 2}],
        "notes": ["a", "b"],
        "plan": {"x": [1]},
    }


def test_what_renders_knows_no_results() -> None:
    """Documents and their renderers could show anything."""
    for module in files():
        if module.startswith("views.render") or module == "views.document":
            assert not [other for other in own_imports(module) if other.startswith("views.results")], module


def test_commands_in_notes_and_cells_are_code() -> None:
    """What can be pasted is seen to be a command, as it is typed in a notebook; backticks in a name stay what they are."""
    advice = Advice("`a`: see ", command("show", "a<b"), " first")
    table = ResultTable(["x"], [Item(rows=[(advice,)])])
    shown = html_of(Document(Advice("run ", command("plan")), [table], [Note(advice), Note("`plain`")]))
    said = "`a`: see <code>%migrate show &#x27;a&lt;b&#x27;</code> first"
    assert f"<p>{said}</p>" in shown and f">{said}</td>" in shown
    assert "<strong>run <code>%migrate plan</code></strong>" in shown and "<p>`plain`</p>" in shown
