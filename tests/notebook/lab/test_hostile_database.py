"""A database, a folder and a journal full of markup, in the outputs of every verb and in a runbook's report: only text."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from fsapi_nb.model.history import JournalEntry
from fsapi_nb.model.server import DatabaseFacts, Identity
from fsapi_nb.runbook.provenance import Provenance
from fsapi_nb.runbook.record import CellRecord, Failure, ParameterRecord, RunbookState, RunRecord
from fsapi_nb.runbook.report.page import report
from tests.notebook.lab.browser import Page
from tests.notebook.lab.conftest import LabProject, OpenPage

IMAGE = "<img src=x onerror=alert(1)>"
#: Each fits a name; what a browser, Markdown, MathJax, Mermaid or a style would make something of.
NAMES = (
    IMAGE,
    '"><script>alert(2)</script>',
    "<a href='javascript:alert(3)'>x</a> [y](javascript:alert(4))",
    "<style>*{background:url(http://192.0.2.1/)}</style>",
    "$x^2$ \\(y\\) **b** `c` \\[z\\] $$w$$",
    "$\\href{javascript:alert(7)}{x}$",
    "&lt;img src=x onerror=alert(5)&gt; \u202egnp.exe \x1b[31m",
    '%% "] } click <svg onload=alert(6)> ::: ;',
    "<div style='position:fixed;inset:0;z-index:9;background:red'>",
    "</td></table></div></svg><iframe src='http://192.0.2.1/'>",
)
TEXT = " ".join((*NAMES, "w" * 3000, "http://192.0.2.1/"))
#: In what is drawn of us and of frames: elements and attributes that only a text could have made; pandas has one style,
#: a diagram is one image.
MADE = """selector => [...document.querySelectorAll(selector)].flatMap(root => [root, ...root.querySelectorAll('*')])
  .filter(each => !(each.matches('img[alt][src^="data:image/svg+xml,%3Csvg%20xmlns="]') && each.attributes.length === 5))
  .filter(each => !(each.matches('style[scoped]') && /^\\s*[.]dataframe tbody/.test(each.textContent)))
  .filter(each => /^(img|script|iframe|style|form|object|embed|link|a|base|meta|input|mjx-container)$/i.test(each.tagName)
    || [...each.attributes].some(({ name, value }) => /^on/i.test(name) || /javascript:|url\\(\\s*["']?http/i.test(value))
    || /fixed|sticky/.test(getComputedStyle(each).position))
  .map(each => each.outerHTML.slice(0, 200))"""
DRAWN = ".jp-OutputArea .jp-RenderedHTMLCommon, .jp-OutputArea .jp-RenderedSVG"
# What lies over other parts of the page: an output is cut off or scrolls in its own box.
WIDER = "() => document.querySelector('.jp-Notebook').scrollWidth - document.querySelector('.jp-Notebook').clientWidth"


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


@pytest.fixture
def hostile(lab_project: LabProject) -> Iterator[LabProject]:
    """A project on a database of such a name, which a few of its tables, types, comments and notices have, too."""
    with psycopg.connect(lab_project.database, autocommit=True) as own:
        own.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(NAMES[0])))
        address = make_conninfo(lab_project.database, dbname=NAMES[0])
        settings = f"[tool.fsapi_nb]\ndatabase = {json.dumps(address)}\n"
        (lab_project.root / "pyproject.toml").write_text(settings, encoding="utf-8")
        there, lab_project.database = lab_project.database, address
        _fill(lab_project)
        yield lab_project
        lab_project.database = there
        own.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(NAMES[0])))


def _fill(project: LabProject) -> None:
    tables = "".join(
        f"CREATE TABLE {_identifier(name)} ({_identifier(name)} text PRIMARY KEY, other text CONSTRAINT {_identifier(f'k{name}'[:60])} "
        f"REFERENCES {_identifier(NAMES[0])}, d {_identifier(f'd{NAMES[1]}')});\n"
        f"COMMENT ON TABLE {_identifier(name)} IS {_literal(TEXT)};\n"
        for name in NAMES
    )
    up = f"-- {TEXT}\nCREATE DOMAIN {_identifier(f'd{NAMES[1]}')} AS text;\n{tables}"
    up += f"DO $d$ BEGIN RAISE NOTICE USING MESSAGE = {_literal(TEXT)}, HINT = {_literal(TEXT)}; END $d$;\n"
    up += f"INSERT INTO {_identifier(NAMES[0])} VALUES {', '.join(f'({_literal(each)})' for each in (*NAMES, TEXT))};"
    project.write_text("2026_01_01_00_00_first.sql", f"-- UP\n{up}\n\n-- DOWN\nSELECT {_literal(TEXT)};\n")
    project.migrator().migrate()
    words = ("role", "host", "application", "notebook", "cell", "runbook", "message")
    project.rows(
        "UPDATE migrations_journal SET "
        + ", ".join(f"{word} = {_literal(TEXT[:5000])}" for word in words).replace("%", "%%")
    )
    project.rows(f"INSERT INTO migrations (name) VALUES ({_literal(f'2025_01_01_00_00_{NAMES[3]}.sql')})")
    dropped = f"SELECT {_literal(TEXT)};\nDROP TABLE {_identifier(NAMES[7])} CASCADE;"
    project.write_text("2026_01_01_00_02_second.sql", f"-- UP\n{dropped}\n")


def _edit(project: LabProject) -> None:
    """One of its files is not what ran any more, and one has a name that none may have."""
    project.write_text("2026_01_01_00_00_first.sql", f"-- UP\nSELECT {_literal(TEXT)};\n")
    project.write_text(f"2026_01_01_00_03_{NAMES[6]}.sql", f"-- UP\nSELECT {_literal(TEXT)}\n")


def test_no_text_of_a_database_is_more_than_text(hostile: LabProject, open_page: OpenPage, screenshots: Path) -> None:
    """In what each verb and magic shows; then the same outputs, and worse ones, in the report of a runbook."""
    sources = (
        "%load_ext fsapi_nb",
        "%migrate status",
        "%migrate plan",
        "%migrate plan rollback",
        "%migrate show first",
        "%migrate history",
        "%migrate diagram",
        f"%query SELECT * FROM {_identifier(NAMES[0])}",
        f"%%query\nDO $d$ BEGIN RAISE NOTICE '%', {_literal(TEXT)}; END $d$; SELECT {_literal(TEXT)} AS {_identifier(NAMES[5])}",
        f"%%check {NAMES[0]} $x^2$\nSELECT 1 WHERE false",
        f"%%migration preview\n-- UP\nCREATE VIEW v AS SELECT {_literal(TEXT)} AS {_identifier(NAMES[1])};",
        "%migrate show second",
        "%migrate status",
        "%migrate plan",
        "%migrate show first",
        "(lambda status: status.to_frame())(get_ipython().run_line_magic('migrate', 'status'))",
        "get_ipython().run_line_magic('migrate', 'diagram').to_frame()",
        f"%query SELECT {_identifier(NAMES[2])} FROM {_identifier(NAMES[0])}",
        f"%migrate show {NAMES[0]}",
    )  # fmt: skip
    opened = open_page(hostile.notebook(*sources))
    for number in range(len(sources)):
        if sources[number] == "%migrate show second":
            _edit(hostile)
        opened.run(number)
        opened.rendered(f"c{number}")
        if number in {1, 3, 6, 8, 14, 18}:
            opened.page.screenshot(path=screenshots / f"hostile-database-{number}.png")
    _is_text(opened)
    assert opened.page.evaluate(WIDER) <= 0
    shown = "\n".join(opened.rendered(f"c{number}") for number in range(1, len(sources)))
    assert shown.count(IMAGE) >= len(sources)
    assert "\u202e" not in "".join(opened.rendered(f"c{number}") for number in (1, 2, 3, 4, 5, 6))

    page = hostile.root / "report.html"
    page.write_text(report(_record(opened.cells(), sources)), encoding="utf-8")
    _look_at_report(opened, page.as_uri(), screenshots)


def _look_at_report(opened: Page, address: str, screenshots: Path) -> None:
    page = opened.page.context.new_page()
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))

    def refuse(dialog: Any) -> None:
        requests.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", refuse)
    page.goto(address)
    page.screenshot(path=screenshots / "hostile-report.png")
    elsewhere = "here => [...document.links].filter(each => !each.href.startsWith(`${here}#`)).map(each => each.href)"
    found = {
        "requests": requests,
        "elsewhere": page.evaluate(elsewhere, address),
        "made": [each for each in page.evaluate(MADE, "main") if not each.startswith('<a href="#')],
        "wider": max(0, page.evaluate("() => document.documentElement.scrollWidth - innerWidth")),
    }
    page.close()
    assert found == {"requests": [address], "elsewhere": [], "made": [], "wider": 0}


def _is_text(opened: Page) -> None:
    found: dict[str, Any] = {
        "dialogs": opened.dialogs,
        "requests": opened.outside,
        "made": opened.page.evaluate(MADE, DRAWN),
    }
    assert found == {"dialogs": [], "requests": [], "made": []}


def _record(cells: list[dict[str, Any]], sources: tuple[str, ...]) -> RunRecord:
    """A run of these cells, and of some whose outputs are what a cell can make of them."""
    forged = f'<div class="mathjax_ignore tex2jax_ignore">{TEXT}</div>'
    worse = [
        {"output_type": "display_data", "data": {"text/html": html}, "metadata": metadata}
        for html in (
            forged,
            f"<svg>{TEXT}",
            f'<table class="dataframe"><td>{TEXT}',
            f"<title>{TEXT}</title>{TEXT}",
            f"<!--{TEXT}--!>{TEXT}",
        )
        for metadata in ({}, {"fsapi": {"check": {"passed": True, "title": TEXT}}})
    ]
    worse += [
        {"output_type": "display_data", "data": {kind: TEXT}, "metadata": {}}
        for kind in ("image/svg+xml", "image/png", "text/markdown", "text/latex", "application/javascript")
    ]
    done = [*(each["outputs"] for each in cells), worse, [{"output_type": "stream", "name": TEXT, "text": TEXT}]]
    records = [
        CellRecord(number, TEXT, "code", TEXT, source, RunbookState.DONE, 1.0, outputs)
        for number, (outputs, source) in enumerate(zip(done, (*sources, TEXT, TEXT), strict=True), 1)
    ]
    records.append(CellRecord(len(records) + 1, TEXT, "markdown", TEXT, TEXT))
    moment = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    event = JournalEntry(1, moment, TEXT, TEXT, TEXT, TEXT, message=TEXT, cell=TEXT)
    return RunRecord(
        TEXT, TEXT, TEXT, TEXT, RunbookState.FAILED, moment, 1.0,
        DatabaseFacts(Identity(TEXT, TEXT, protected=True), TEXT, TEXT, TEXT, TEXT), Provenance(TEXT, TEXT, TEXT, TEXT, TEXT),
        parameters=(ParameterRecord(TEXT, TEXT, given=True, secret=False),), cells=tuple(records),
        failure=Failure(records[0], TEXT, (TEXT,)), events=(event,),
    )  # fmt: skip
