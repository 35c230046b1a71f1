"""What lint says of scripts without a database, as text for a golden file: `python -m tests.checks.written` writes it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from fsapi_nb.actions.forecast import forecast, read_plan
from fsapi_nb.checks.files import plan_of
from fsapi_nb.checks.lint import Reading, ScriptReader, lint
from fsapi_nb.checks.settings import LintSettings
from fsapi_nb.checks.squawk import Squawk, find_squawk
from fsapi_nb.model.finding import Finding, Lint
from fsapi_nb.model.folder import FileReading, Folder
from fsapi_nb.model.table_facts import TableFacts
from tests.checks.scripts import migration

GOLDEN = Path(__file__).parent / "golden"
NAME = "2026_01_01_00_00_x.sql"
_CASE = "-- case: "


def linted(text: str, squawk: Squawk | None, settings: LintSettings | None = None) -> Lint:
    """What lint finds in a file of this text, without a database."""
    folder = Folder({NAME: ""}, read=lambda _name: FileReading(migration(text, NAME)))
    return of_folder(folder, squawk, settings)


def of_folder(folder: Folder, squawk: Squawk | None = None, settings: LintSettings | None = None) -> Lint:
    """What lint finds in the files of a folder, each looked at alone."""
    readings = []
    for name in folder.names:
        plan, faults = plan_of([name], folder)
        assert not faults, faults
        readings.append(Reading(plan, forecast(plan, read_plan(plan, 18), TableFacts())))
    return lint(readings, settings or LintSettings(), ScriptReader(squawk, 18))


def cases() -> Iterator[tuple[str, str]]:
    """Yield each case of the file: its title, and its script."""
    text = (GOLDEN / "scripts.sql").read_text(encoding="utf-8")
    for each in text.split(_CASE)[1:]:
        title, _, script = each.partition("\n")
        yield title, f"-- UP\n{script}"


def lines_of(finding: Finding) -> Iterator[str]:
    """Yield a finding in lines: its place and rule, then what it means and what to do."""
    place = finding.place
    folded = f", {finding.folded.value}" if finding.folded else ""
    table = f" [{finding.table}]" if finding.table else ""
    yield f"{place.line}:{place.column} {finding.level.value} {finding.rule}{table}{folded}"
    yield f"    {finding.message}"
    if finding.help:
        yield f"    → {finding.help}"


def findings() -> str:
    """What lint finds in each case, with squawk."""
    squawk = find_squawk()
    parts = []
    for title, script in cases():
        found = [line for finding in linted(script, squawk).findings for line in lines_of(finding)]
        parts.append("\n".join([f"{_CASE}{title}", *(found or ["nothing"])]))
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    (GOLDEN / "findings.txt").write_text(findings(), encoding="utf-8")
