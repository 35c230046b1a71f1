"""The settings of lint: checked, so that a misspelt rule is not silently without effect."""

from __future__ import annotations

from pathlib import Path

import pytest

from fsapi_nb import ConfigurationError, Migrator
from fsapi_nb.checks.rules import MOOT, OWN_RULES, SQUAWK_RULES
from fsapi_nb.checks.settings import LintSettings, lint_settings
from fsapi_nb.model.finding import FindingLevel
from fsapi_nb.project.configuration import read_table


def table(folder: Path, text: str) -> LintSettings:
    (folder / "pyproject.toml").write_text(f"[tool.fsapi_nb.lint]\n{text}\n")
    return lint_settings(read_table(folder / "pyproject.toml") or {})


def test_the_settings_of_a_project(tmp_path: Path) -> None:
    """A rule may be off, or stop although it only warns; one that is off by default may be switched on in this way."""
    found = table(tmp_path, 'off = ["ban-drop-table"]\nstop = ["renaming-table", "require-lock-timeout"]\nsmall = 5')
    assert found.small == 5
    assert found.rule("ban-drop-table") is None
    assert found.rule("prefer-robust-stmts") is None
    assert {rule.level for name in ("renaming-table", "require-lock-timeout") if (rule := found.rule(name))} == {
        FindingLevel.STOP
    }
    renaming = LintSettings().rule("renaming-table")
    assert renaming
    assert renaming.level is FindingLevel.WARN


def test_a_rule_that_nobody_knows_gives_notes() -> None:
    """A newer squawk has newer rules: they are shown, and stop nothing."""
    found = LintSettings().rule("ban-something-new")
    assert found
    assert found.level is FindingLevel.NOTE


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('off = ["ban-drop-tabel"]', "off of [tool.fsapi_nb.lint] names 'ban-drop-tabel', which is not a rule"),
        ('stop = ["everything"]', "stop of [tool.fsapi_nb.lint] names 'everything', which is not a rule"),
        (
            'off = ["renaming-table"]\nstop = ["renaming-table"]',
            "off and stop of [tool.fsapi_nb.lint] both name renaming-table",
        ),
        ('off = "ban-drop-table"', "off of [tool.fsapi_nb.lint] in pyproject.toml must be a list of rules"),
        ("off = []", "off of [tool.fsapi_nb.lint] in pyproject.toml must be a list of rules"),
        ("small = -1", "small of [tool.fsapi_nb.lint] in pyproject.toml must be a number of rows, 0 or more"),
        ("small = true", "small of [tool.fsapi_nb.lint] in pyproject.toml must be a number of rows, 0 or more"),
        ("small = 1.5", "small of [tool.fsapi_nb.lint] in pyproject.toml must be a number of rows, 0 or more"),
        ("ignore = 1", "[tool.fsapi_nb.lint] in pyproject.toml has no setting 'ignore'"),
    ],
)
def test_a_wrong_setting_is_an_error(tmp_path: Path, text: str, message: str) -> None:
    """It names the key, and says what is right."""
    with pytest.raises(ConfigurationError) as caught:
        table(tmp_path, text)
    assert caught.value.message.startswith(message)
    assert caught.value.hint


def test_lint_must_be_a_table(tmp_path: Path) -> None:
    """A list of rules in its place is not understood, and says so."""
    (tmp_path / "pyproject.toml").write_text('[tool.fsapi_nb]\nlint = ["ban-drop-table"]\n')
    (tmp_path / "migrations").mkdir()
    with pytest.raises(ConfigurationError, match="lint of .* must be a table"):
        Migrator(directory=tmp_path / "migrations")


def test_each_rule_has_one_meaning() -> None:
    """A name is ours, squawk's alone, or moot."""
    assert not set(OWN_RULES) & set(SQUAWK_RULES)
    assert not MOOT & {*OWN_RULES, *SQUAWK_RULES}
