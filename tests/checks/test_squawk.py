"""squawk as a program: what it is given, what it answers, and what becomes of one that misbehaves."""

from __future__ import annotations

import importlib.metadata
import json
import sys
from pathlib import Path

import pytest

from fsapi_nb.checks import squawk
from fsapi_nb.checks.squawk import Squawk, SquawkFailed, SquawkFinding, find_squawk

FOUND = {
    "file": "script.sql",
    "line": 3,
    "column": 0,
    "level": "Warning",
    "message": "Dropping a table may break existing clients.",
    "help": None,
    "rule_name": "ban-drop-table",
}


def installed() -> Squawk:
    found = find_squawk()
    assert found
    return found


def fake(folder: Path, body: str) -> Squawk:
    """A program in Python that stands in for squawk."""
    path = folder / "squawk"
    path.write_text(f"#!{sys.executable}\nimport json, os, sys, time\n{body}\n")
    path.chmod(0o700)
    return Squawk(str(path))


def test_the_installed_program_finds_faults() -> None:
    """The extra brings a program that answers: lines and columns from zero, columns in bytes."""
    sql = "\n/* äöü */ DROP TABLE orders;\n"
    found = [each for each in installed().run(sql, in_transaction=True, version=18) if each.rule == "ban-drop-table"]
    assert found == [SquawkFinding("ban-drop-table", 1, 13, "Dropping a table may break existing clients.", None)]


def test_nothing_found_is_an_answer() -> None:
    """The program's exit code differs, and nothing failed."""
    assert installed().run("SELECT 1;", in_transaction=False, version=14) == []


def test_the_program_is_that_of_the_package_and_never_one_of_the_path(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Without the package there is none, whatever is called so elsewhere."""
    fake(tmp_path, "print('[]')")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert str(tmp_path) not in installed().path

    def missing(_name: str) -> None:
        raise importlib.metadata.PackageNotFoundError

    monkeypatch.setattr(importlib.metadata, "files", missing)
    assert find_squawk() is None


def test_a_package_without_a_program_is_like_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """An installation that lost its file does not break a plan."""
    monkeypatch.setattr(importlib.metadata, "files", lambda _name: None)
    assert find_squawk() is None


def test_it_gets_the_text_on_its_input_and_no_secret(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It runs in the root folder, with an empty configuration, and without the variables of whoever runs it."""
    monkeypatch.setenv("PGPASSWORD", "hunter2")
    monkeypatch.setenv("DATABASE_URL", "postgresql://shop:hunter2@db/shop")
    record = tmp_path / "record.json"
    body = (
        f"open({str(record)!r}, 'w').write(json.dumps([sys.argv[1:], dict(os.environ), os.getcwd(), sys.stdin.read()]))"
        "; print('[]')"
    )
    assert fake(tmp_path, body).run("SELECT 'ä';", in_transaction=True, version=16) == []
    arguments, environment, folder, text = json.loads(record.read_text())
    assert arguments == [
        *("--config", "/dev/null", "--reporter", "json", "--stdin-filepath", "script.sql"),
        *("--pg-version=16.0", "--assume-in-transaction"),
    ]
    assert not {"PGPASSWORD", "DATABASE_URL", "HOME", "PATH"} & set(environment)
    assert (folder, text) == ("/", "SELECT 'ä';")


def test_a_configuration_in_the_folder_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A project's .squawk.toml cannot switch anything off."""
    (tmp_path / ".squawk.toml").write_text('excluded_rules = ["ban-drop-table"]\n')
    monkeypatch.chdir(tmp_path)
    found = installed().run("DROP TABLE orders;", in_transaction=True, version=18)
    assert "ban-drop-table" in {each.rule for each in found}


def test_an_answer_is_read(tmp_path: Path) -> None:
    """What is found keeps its place, whatever else a newer program says."""
    answer = [{**FOUND, "more": {"of": "it"}, "help": "Keep it."}]
    (found,) = fake(tmp_path, f"print({json.dumps(answer)!r}); sys.exit(1)").run("", in_transaction=True, version=18)
    assert found == SquawkFinding("ban-drop-table", 3, 0, str(FOUND["message"]), "Keep it.")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("print('not JSON')", "its answer cannot be read"),
        ("print('{}')", "its answer cannot be read"),
        ("print('[1]')", "its answer cannot be read"),
        ("print('[' * 100000)", "its answer cannot be read"),
        ("print(json.dumps([{}]))", "its answer cannot be read"),
        (f"print({json.dumps([{**FOUND, 'line': -1}])!r})", "its answer cannot be read"),
        (f"print({json.dumps([{**FOUND, 'column': 'x'}])!r})", "its answer cannot be read"),
        (f"print({json.dumps([{**FOUND, 'rule_name': 1}])!r})", "its answer cannot be read"),
        ("os.write(1, b'\\xff\\xfe\\x00')", "its answer cannot be read"),
        ("sys.exit(101)", "it ended with code 101"),
        ("print('panicked at\\nline 2', file=sys.stderr); sys.exit(101)", "it ended with code 101: panicked at"),
        ("os.kill(os.getpid(), 9)", "it ended with code -9"),
    ],
)
def test_a_program_that_misbehaves_is_a_reason_and_no_crash(tmp_path: Path, body: str, reason: str) -> None:
    """It may crash, or print anything: the caller is told why there is no answer."""
    text = "SELECT 1;\n" * 100_000  # more than a pipe holds: the program need not read it
    with pytest.raises(SquawkFailed) as caught:
        fake(tmp_path, body).run(text, in_transaction=True, version=18)
    assert str(caught.value) == reason


def test_a_program_that_hangs_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lint takes seconds at most, whatever the program does."""
    monkeypatch.setattr(squawk, "_SECONDS", 0.2)
    record = tmp_path / "pid"
    hanging = fake(tmp_path, f"open({str(record)!r}, 'w').write(str(os.getpid())); time.sleep(60)")
    with pytest.raises(SquawkFailed, match="it took more than 0 s"):
        hanging.run("SELECT 1;", in_transaction=True, version=18)
    assert not record.exists() or not Path(f"/proc/{record.read_text()}").exists()


def test_a_program_that_cannot_run_is_a_reason(tmp_path: Path) -> None:
    """Such as one for another machine."""
    path = tmp_path / "squawk"
    path.write_bytes(b"\x7fELF no program")
    path.chmod(0o700)
    with pytest.raises(SquawkFailed, match="it cannot be run: Exec format error"):
        Squawk(str(path)).run("", in_transaction=True, version=18)
