"""The peers that npm has: installed once into a cache folder, and found there. Without npm they are not measured."""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
from pathlib import Path

from bench.measure import Failed

_PACKAGES = ("node-pg-migrate", "graphile-migrate", "pg")


@functools.cache
def _install() -> None:
    """Install what is missing. Raises Failed where that cannot be done."""
    if all(_described(package).exists() for package in _PACKAGES):
        return
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        raise Failed("npm and node are not here")
    _folder().mkdir(parents=True, exist_ok=True)
    command = [npm, "install", "--no-audit", "--no-fund", "--prefix", str(_folder()), *_PACKAGES]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise Failed(f"npm install failed: {lines[-1] if lines else 'it said nothing'}")


def npm_program(package: str) -> list[str | Path]:
    """The command that runs a package's program of the same name, installed where it is missing.

    It is run by node itself, without npm's own start-up. Raises Failed where it cannot be installed.
    """
    _install()
    described = _described(package)
    programs = json.loads(described.read_text(encoding="utf-8"))["bin"]
    return ["node", described.parent / (programs if isinstance(programs, str) else programs[package])]


def npm_version(package: str) -> str | None:
    """The version that is installed, None where it is not."""
    described = _described(package)
    return str(json.loads(described.read_text(encoding="utf-8"))["version"]) if described.exists() else None


def _described(package: str) -> Path:
    return _folder() / "node_modules" / package / "package.json"


def _folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "fsapi_nb", "bench", "npm")
