"""Every result says which database it is about: in its text, its HTML, its JSON and its DataFrame."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from fsapi_nb import Migrator
from fsapi_nb.model.server import Identity
from fsapi_nb.views.results import Result
from tests.conftest import Project

CELL = "-- UP\nCREATE TABLE two (id int);\n\n-- DOWN\nDROP TABLE two;\n"

#: Each verb that asks a database, in an order in which each has something to do.
VERBS: dict[str, Callable[[Migrator], Result]] = {
    "status": lambda m: m.status(),
    "pending": lambda m: m.pending(),
    "plan": lambda m: m.plan(),
    "plan fresh": lambda m: m.plan("fresh"),
    "migrate": lambda m: m.migrate(),
    "migrate, nothing to do": lambda m: m.migrate(),
    "a cell's draft": lambda m: m.write("two", CELL),
    "a cell, applied": lambda m: m.write("two", CELL, apply=True),
    "a cell, said again": lambda m: m.write("two", CELL),
    "redo": lambda m: m.redo(),
    "show": lambda m: m.show("one"),
    "history": lambda m: m.history(),
    "timeline": lambda m: m.history().timeline(),
    "timeline to scale": lambda m: m.history().timeline().to_scale(),
    "query": lambda m: m.query("SELECT 1 AS one"),
    "query of commands": lambda m: m.query("CREATE TABLE three (); DROP TABLE three"),
    "check": lambda m: m.check("nobody", "SELECT FROM one"),
    "check that fails": lambda m: m.check("somebody", "SELECT false AS held"),
    "blockers": lambda m: m.blockers(),
    "diagram": lambda m: m.diagram(),
    "rollback": lambda m: m.rollback(),
    "baseline": lambda m: m.baseline("two"),
    "fresh": lambda m: m.fresh(yes=True),
    "repair, nothing to do": lambda m: m.repair("one"),
}


def test_every_result_names_its_database(project: Project) -> None:
    """With the server, so that two databases of one name can be told apart; a password is nowhere."""
    project.write("one", "CREATE TABLE one (id int);", "DROP TABLE one;")
    migrator = project.migrator()
    port = project.value("SHOW port")
    name = project.value("SELECT current_database()")
    for verb, run in VERBS.items():
        result = run(migrator)
        data, _ = result._repr_mimebundle_()
        for form in ("\n".join(result.lines()), data["text/plain"], data["text/html"]):
            assert f"{name} (socket, port {port})" in form, verb
        document = json.loads(json.dumps(result.to_json(), default=str))
        assert (document["database"], document["server"]) == (name, f"socket, port {port}"), verb
        assert document["protected"] is False
        frame = result.to_frame()
        assert frame.attrs["fsapi"] == {"database": name, "server": f"socket, port {port}", "protected": False}, verb
        if not verb.startswith(("query", "check")):  # whose columns are the user's own
            assert set(frame["database"]) <= {name}, verb
            assert list(frame.columns[-2:]) == ["database", "server"], verb


def test_a_run_says_its_id(project: Project) -> None:
    """As the journal has it, in JSON, frame and metadata; not in what a notebook stores as text."""
    project.write("one", "CREATE TABLE one (id int);", "DROP TABLE one;")
    migrator = project.migrator()
    result = migrator.migrate()
    (run_id,) = {str(each) for (each,) in project.rows("SELECT run_id FROM public.migrations_journal")}
    assert result.run_id == result.to_json()["run_id"] == result.metadata()["run_id"] == run_id
    assert list(result.to_frame()["run_id"]) == [run_id]
    data, _ = result._repr_mimebundle_()
    assert run_id not in data["text/plain"] + data["text/html"]
    assert migrator.migrate().run_id is None  # nothing was to be done, so nothing is in the journal


def test_two_runs_of_one_process_may_belong_to_two_runbooks(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is given wins over the environment."""
    monkeypatch.setenv("FSAPI_NB_RUNBOOK", "from-the-environment")
    for name, runbook in (("one", "a"), ("two", "b"), ("three", None)):
        project.write(name, f"CREATE TABLE {name} (id int);")
        project.migrator(runbook=runbook).migrate()
    rows = project.rows("SELECT DISTINCT runbook, migration FROM public.migrations_journal")
    assert sorted((runbook, name[17:-4]) for runbook, name in rows) == [
        ("a", "one"),
        ("b", "two"),
        ("from-the-environment", "three"),
    ]


@pytest.mark.parametrize(
    ("identity", "label"),
    [
        (Identity("shop", server="db.example:5432"), "shop at db.example:5432"),
        (Identity("shop", server="[::1]:5433", protected=True), "shop at [::1]:5433 (protected)"),
        (Identity("fsapi", server="embedded"), "fsapi (embedded)"),
        (Identity("fsapi", server="embedded", protected=True), "fsapi (embedded, protected)"),
        (Identity("shop", server="socket, port 5432"), "shop (socket, port 5432)"),
    ],
)
def test_a_database_has_one_short_name(identity: Identity, label: str) -> None:
    """The same for each run, so that a stored notebook stays equal: a socket's folder is not in it."""
    assert identity.label == label
