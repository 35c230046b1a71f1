"""Moments and durations in what a notebook stores: only if its user asks for them."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.conftest import Project
from tests.notebook.conftest import Cells

_TIME = re.compile(r"\b\d+ ms\b|\b\d{4}-\d\d-\d\d \d\d:\d\d\b")


@pytest.fixture
def applied(cells: Cells, project: Project) -> Cells:
    """A shell whose project has one migration, applied."""
    project.write("one", "CREATE TABLE one (id int);", "DROP TABLE one;")
    cells.run("_ = %migrate")
    return cells


def stored(cells: Cells, line: str) -> dict[str, str]:
    """Return the text and the HTML that a notebook would store of a line's value."""
    cells.run(f"value = {line}")
    shell: Any = cells.shell
    bundle, _ = shell.display_formatter.format(shell.user_ns["value"])
    return {kind: bundle[kind] for kind in ("text/plain", "text/html")}


@pytest.mark.parametrize(
    "verb",
    ["redo", "status", "history", "changes one", "show one"],
    ids=["redo", "status", "history", "changes", "show"],
)
def test_results_have_times_in_text_and_html_only_if_they_are_asked_for(applied: Cells, verb: str) -> None:
    """`%config MigrateMagics.times` counts for the outputs that come after it, in both directions."""
    line = f"%migrate {verb}"
    for wanted in (False, True, False):
        applied.run(f"%config MigrateMagics.times = {wanted}")
        found = stored(applied, line)
        assert {kind: bool(_TIME.search(text)) for kind, text in found.items()} == dict.fromkeys(found, wanted), found


def test_an_unloaded_extension_leaves_no_formatter_behind(applied: Cells) -> None:
    """A result that outlives the extension shows itself, without times."""
    applied.run("%config MigrateMagics.times = True")
    applied.run("value = %migrate status")
    applied.run("%unload_ext fsapi_nb")
    shell: Any = applied.shell
    bundle, _ = shell.display_formatter.format(shell.user_ns["value"])
    assert not _TIME.search(bundle["text/plain"] + bundle["text/html"])
    assert "fsapi_nb.views.results.base.Result" not in shell.display_formatter.mimebundle_formatter
    applied.run("%load_ext fsapi_nb")
    applied.run("%config MigrateMagics.times = False")
