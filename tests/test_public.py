"""The public face: what can be imported from `fsapi_nb`, and that nothing else is shown to users."""

from __future__ import annotations

import inspect
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import fsapi_nb
from fsapi_nb import Migrator, errors, events
from fsapi_nb.views import results

ROOT = Path(__file__).parent.parent
#: Every public name. One that is added, renamed or taken away changes what users may rely on.
PUBLIC = re.findall(
    r"\w+",
    """
    Migrator __version__

    AssertionViolated CannotConnect ConfigurationError ConfirmationRequired DatabaseError
    Drifted EmbeddedServerError FaultyMigrations FsapiError HistoryError
    InDoubt Interrupted Irreversible Locked MigrationFileError
    NotRestored NotUpToDate NothingToDo OutOfOrder PartlyApplied PlanChanged
    PooledConnection Protected QueryFailed RanBefore ReadOnlyDatabase
    RefusedPlan ReplayFailed StatementFailed TransactionEnded UnknownMigration Untrusted
    UsageError

    Event Observer LockAwaited MigrationFinished NoticeReceived
    RunFailed RunFinished RunStarted StatementStarted StatementWatched
    StepFinished StepRetried StepStarted

    BaselineResult BlockersResult CatalogListResult ChangeFileResult ChangesResult CheckResult DiagramResult DifferenceResult DownResult DriftResult FileResult
    HistoryResult LintResult MigrationResult ObjectResult PlanResult ProfileResult QueryPlanResult QueryResult
    RepairResult Result RunResult ScaledTimelineResult SchemaFileResult SchemaResult StatusResult TimelineResult
    TrustResult UnusedResult
""",
)


def test_these_members_are_exported() -> None:
    """No more and no less, each of them there, and `from fsapi_nb import *` gives them."""
    assert sorted(fsapi_nb.__all__) == sorted(PUBLIC)
    everything: dict[str, object] = {}
    exec("from fsapi_nb import *", everything)
    assert set(PUBLIC) <= everything.keys() | {"__version__"}
    assert set(PUBLIC) <= set(dir(fsapi_nb))


def test_every_error_event_and_result_of_a_verb_is_exported() -> None:
    """Who catches or observes something need not look for its module."""
    raised = {name for name, kind in vars(errors).items() if inspect.isclass(kind) and issubclass(kind, BaseException)}
    told = {name for name, kind in vars(events).items() if inspect.isclass(kind) and kind.__module__ == events.__name__}
    returned = {
        name
        for _, method in inspect.getmembers(Migrator, inspect.isfunction)
        for name in re.findall(r"results\.(\w+)", str(inspect.signature(method).return_annotation))
    }
    assert raised | (told - {"Observers"}) | returned <= set(PUBLIC)
    assert returned <= set(results.__all__)


def test_nothing_else_is_shown_to_users() -> None:
    """What the README, the docs and the notebooks import is public, from `fsapi_nb` itself."""
    shown = {(module, name) for text in texts() for module, name in imports(text)}
    assert shown
    assert {(module, name) for module, name in shown if module != "fsapi_nb" or name not in PUBLIC} == set()


def test_a_name_is_imported_when_it_is_used() -> None:
    """The errors bring neither the driver nor pandas; a name that is not public is no attribute."""
    code = (
        "import sys, fsapi_nb; fsapi_nb.QueryFailed; fsapi_nb.RunFinished\n"
        "print(sorted({'psycopg', 'pandas', 'fsapi_nb.migrator'} & set(sys.modules)), hasattr(fsapi_nb, 'Observers'))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[] False"


def test_every_method_names_its_arguments() -> None:
    """A reader of `help(Migrator)` need not guess."""
    for name, method in inspect.getmembers(Migrator, inspect.isfunction):
        if name.startswith("_"):
            continue
        doc = inspect.getdoc(method) or ""
        arguments = doc.partition("\nArgs:\n")[2].partition("\n\n")[0]
        named = {word for line in re.findall(r"^    ([\w, ]+):", arguments, re.MULTILINE) for word in line.split(", ")}
        assert named == set(inspect.signature(method).parameters) - {"self"} - UNSAID.get(name, set()), name


def test_every_method_names_its_errors() -> None:
    """Beyond those of every method that connects, which the class names; these methods have no others."""
    methods = {name: method for name, method in inspect.getmembers(Migrator, inspect.isfunction) if name[0] != "_"}
    silent = {name for name, method in methods.items() if "\nRaises:\n" not in (inspect.getdoc(method) or "")}
    assert silent == {
        "blockers", "connect", "facts", "follow", "history", "known_secrets", "may_lead_to", "names",
        "same_database", "stop",
    }  # fmt: skip
    assert "\nRaises:\n" in (inspect.getdoc(Migrator) or "")


#: The parameters that their names and types say all of.
UNSAID = {"same_database": {"other"}, "may_lead_to": {"host", "hostaddr", "port", "database"}}


def texts() -> Iterator[str]:
    for file in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        yield file.read_text(encoding="utf-8")
    for file in sorted((ROOT / "notebooks").glob("*.ipynb")):
        for cell in json.loads(file.read_text(encoding="utf-8"))["cells"]:
            yield "".join(cell["source"])


def imports(text: str) -> Iterator[tuple[str, str]]:
    """The modules of the package that a text imports, and the names from them."""
    for module, names in re.findall(r"from (fsapi_nb[\w.]*) import ([\w, ]+)", text):
        for name in names.split(","):
            yield module, name.strip()
    for module in re.findall(r"^\s*import (fsapi_nb\.[\w.]+)", text, re.MULTILINE):
        yield module, ""
