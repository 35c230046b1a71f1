"""A fresh clone of the project, as far as notebooks need it: nbval runs the notebooks there and not where they are stored.

So nbval's own run is the first of the two that each notebook must pass, see `tests/test_notebooks.py`.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbval.plugin
import pytest
from nbval.kernel import RunningKernel
from nbval.plugin import IPyNbFile

from fsapi_nb.servers import embedded
from tests import session_servers
from tests.notebook.prepared import prepared
from tests.notebook.store import NOTEBOOKS

ROOT = NOTEBOOKS.parent
#: By its name, the kernel is a prepared one; nbval's `--nbval-current-env` would start another.
KERNEL = "python3"
#: Settings of whoever runs the tests, which a notebook must not see or must not heed.
_MISLEADING = {"DATABASE_URL": "postgresql://nobody@192.0.2.1/wrong"}
_clone = pytest.StashKey["Clone"]()


@dataclass(slots=True)
class Clone:
    """The folder of the clone, the files as Git would see them, and the names of the notebooks that nbval has run."""

    root: Path
    kernels: Path
    before: dict[str, bytes]
    ran: list[str] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        """The environment of kernels and processes that run notebooks."""
        own = {"IPYTHONDIR": str(self.root / ".fsapi_nb"), "JUPYTER_PATH": str(self.kernels)}
        return os.environ | _MISLEADING | own

    def files(self) -> dict[str, bytes]:
        """Return the files that Git would see."""
        return {
            str(path.relative_to(self.root)): path.read_bytes()
            for path in sorted(self.root.rglob("*"))
            if path.is_file() and not {".fsapi_nb", "__pycache__"} & set(path.relative_to(self.root).parts)
        }


def clone_of(config: pytest.Config) -> Clone:
    """Return the clone of this process, made when it is first asked for and removed with pytest."""
    if _clone not in config.stash:
        config.stash[_clone] = _make(session_servers.folder_of(config) / "clone", prepared(config))
        config.add_cleanup(lambda: _remove(config.stash[_clone]))
    return config.stash[_clone]


def install(config: pytest.Config) -> None:
    """Let nbval start the kernels of the project's notebooks in the clone."""
    set_up = IPyNbFile.setup

    def set_up_in_clone(file: Any) -> None:
        if not file.path.is_relative_to(NOTEBOOKS):
            set_up(file)
            return
        clone = clone_of(config)
        with pytest.MonkeyPatch.context() as patch:
            for name, value in clone.environment.items():
                patch.setenv(name, value)
            patch.setattr(nbval.plugin, "RunningKernel", lambda name, cwd, **options: _kernel(clone, **options))
            set_up(file)
        clone.ran.append(file.path.name)

    IPyNbFile.setup = set_up_in_clone


def _kernel(clone: Clone, **options: Any) -> RunningKernel:
    return RunningKernel(KERNEL, cwd=str(clone.root / "notebooks"), **options)


def _make(root: Path, kernels: Path) -> Clone:
    for name in ("notebooks", "migrations"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    shutil.copy(ROOT / "pyproject.toml", root)
    clone = Clone(root, kernels, {})
    clone.before = clone.files()
    return clone


def _remove(clone: Clone) -> None:
    embedded.destroy(clone.root / ".fsapi_nb" / "tests")
    embedded.destroy(clone.root / ".fsapi_nb")
    shutil.rmtree(clone.root)
