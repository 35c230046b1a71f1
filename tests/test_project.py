"""The project itself: style, types, the README's commands, what is tracked."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def run(*command: str) -> None:
    done = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "command", [("ruff", "check", "."), ("ruff", "format", "--check", "."), ("mypy",)], ids=" ".join
)
def test_the_code_is_clean(command: tuple[str, ...]) -> None:
    """Ruff has nothing to say, nor mypy --strict."""
    run(*command)


def readme_commands() -> list[str]:
    """The commands of the README's first screen."""
    first = (ROOT / "README.md").read_text(encoding="utf-8").partition("\n## ")[0]
    return [command.strip() for command in re.findall(r"```sh\n(.*?)```", first, re.DOTALL)]


def test_the_readme_begins_with_the_two_commands() -> None:
    """One opens the quickstart, one runs the tests."""
    assert [command.partition("&& ")[2] for command in readme_commands()] == [
        "uv run jupyter lab notebooks/01_quickstart.ipynb",
        "uv run pytest",
    ]
    assert all(command.startswith("python3 -m pip install uv && ") for command in readme_commands())


def test_ci_ends_with_exactly_the_readmes_test_command() -> None:
    """So that what CI proves is what the README promises."""
    assert (ROOT / ".ci" / "run").read_text(encoding="utf-8").rstrip().splitlines()[-1] == readme_commands()[1]


def test_no_lock_file_and_no_paths_are_tracked() -> None:
    """uv.lock names where packages came from; nothing tracked names somebody's machine."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    files = [name for name in listed.stdout.split("\0") if name]
    assert "uv.lock" not in files
    words = re.compile("/ro" + "ot/|/wo" + "rk/|/ho" + r"me/\w+/|pypi\.o" + "rg")
    for name in files:
        path = ROOT / name
        text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
        assert not words.search(text), name


def test_the_changelog_has_the_version() -> None:
    """Or is about to have it."""
    import fsapi_nb

    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert "## Unreleased" in changelog or f"## {fsapi_nb.__version__}" in changelog
    assert f'version = "{fsapi_nb.__version__}"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_the_reference_is_that_of_the_code() -> None:
    """`uv run python -m tests.reference` writes it; every error class says what it means and what to do."""
    from tests.reference import FILE, reference

    assert FILE.read_text(encoding="utf-8") == reference()


def test_every_document_is_linked_from_a_short_readme() -> None:
    """The README leads to all else, and each link of a document leads somewhere."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(readme.splitlines()) <= 110
    for document in sorted((ROOT / "docs").glob("*.md")):
        assert f"(docs/{document.name})" in readme, document.name
    for document in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))):
        for link in re.findall(r"\]\((?!https?:)([^)#]+)[^)]*\)", document.read_text(encoding="utf-8")):
            assert (document.parent / link).exists(), f"{document.name}: {link}"
