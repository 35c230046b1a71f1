"""`sapi completion SHELL`, in the shells themselves."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from fsapi_nb import cli

FIRST, SECOND = "2026_01_01_00_00_create_users.sql", "2026_01_01_00_01_add_phone.sql"
HOSTILE = ("2026_01_01_00_02_$(touch made).sql", "2026_01_01_00_03 blank.sql", "2026_01_01_00_04_`touch made`.sql")

_BASH = """source {script}
COMP_LINE={line}; COMP_POINT=${{#COMP_LINE}}; _sapi; printf '%s\\n' "${{COMPREPLY[@]}}" """
_ZSH = """compdef() {{ : }}; source {script}
compadd() {{ shift; for each in "$@"; do [[ $each == ${{words[CURRENT]}}* ]] && print -r -- $each; done; true }}
line={line}; words=(${{(z)line}}); [[ $line == *' ' ]] && words+=(''); CURRENT=$#words; _sapi"""
_FISH = "source {script}; complete -C {line}"
SHELLS = {"bash": (["bash", "-c"], _BASH), "zsh": (["zsh", "-fc"], _ZSH), "fish": (["fish", "-c"], _FISH)}


class Shell:
    """A shell that has read its script, in a folder below a project's root."""

    def __init__(self, name: str, folder: Path, script: Path) -> None:
        self.name, self.folder, self.script = name, folder, script

    def offers(self, line: str) -> list[str]:
        """Return what is offered behind a line; bash puts only what follows the last colon into the line."""
        command, text = SHELLS[self.name]
        source = text.format(script=self.script, line=f"'{line}'")
        environment = {**os.environ, "HOME": str(self.folder), "LC_ALL": "C.UTF-8"}
        done = subprocess.run(
            [*command, source], cwd=self.folder, env=environment, capture_output=True, text=True, timeout=60, check=True
        )
        assert done.stderr == ""
        offered = done.stdout.split("\n")[:-1] if done.stdout.strip() else []
        before = line.rpartition(" ")[2].rpartition(":")
        return [f"{before[0]}:{each}" if self.name == "bash" and before[1] else each for each in offered]


@pytest.fixture(params=["bash", "zsh", "fish"])
def shell(request: pytest.FixtureRequest, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    name = request.param
    if shutil.which(name) is None and "CI" not in os.environ:
        pytest.skip(f"{name} is not installed; .ci/run installs it")
    folder = tmp_path / "notebooks"
    folder.mkdir()
    (tmp_path / "migrations").mkdir()
    for file in (FIRST, SECOND, *HOSTILE):
        (tmp_path / "migrations" / file).write_text("")
    assert cli.main(["completion", name]) == 0
    script = tmp_path / "script"
    script.write_text(capsys.readouterr().out)
    return Shell(name, folder, script)


@pytest.mark.slow
def test_commands_options_and_names_are_offered(shell: Shell) -> None:
    """From the nearest migrations folder; a name that a shell could misread is not offered, and nothing of it runs."""
    assert shell.offers("sapi migrate:sta") == ["migrate:status"]
    assert shell.offers("sapi runbook:n") == ["runbook:new"]
    assert shell.offers("sapi migrate:status --che") == ["--check"]
    assert shell.offers("sapi migrate:status --database") == ["--database"]
    assert shell.offers("sapi query --par") == ["--param"]
    assert shell.offers("sapi migrate:show ") == [FIRST, SECOND]
    assert shell.offers("sapi migrate:show 2026_01_01_00_01") == [SECOND]
    assert shell.offers("sapi migrate --to ") == [FIRST, SECOND]
    assert not (shell.folder / "made").exists()


def test_a_shell_that_is_not_known_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """With those that are."""
    assert cli.main(["completion", "bsh"]) == 2
    assert capsys.readouterr().err == (
        "error: there is no completion for the shell 'bsh': bash, zsh and fish have one\n→ did you mean bash?\n"
    )
    assert cli.main(["completion"]) == 2
    assert "the shell is missing: bash, zsh or fish" in capsys.readouterr().err
