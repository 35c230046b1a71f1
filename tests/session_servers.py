"""Where the embedded servers of a pytest session are, so that a later session can end those of one that was killed.

Each process of a session has a folder, and holds a lock in it as long as it lives. A killed process holds none.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TextIO

import pytest

from fsapi_nb.servers import embedded

FOLDER = Path(tempfile.gettempdir()) / f"fsapi_nb-tests-{os.getuid()}"
_folder = pytest.StashKey[Path]()


def folder_of(config: pytest.Config) -> Path:
    """Return the folder of this process for servers, made when it is first asked for and removed with pytest."""
    if _folder not in config.stash:
        stack = ExitStack()
        config.add_cleanup(stack.close)
        config.stash[_folder] = stack.enter_context(_made())
    return config.stash[_folder]


def also_in(config: pytest.Config, folder: Path) -> None:
    """Let later sessions look for servers of this one in another folder, too."""
    with (folder_of(config) / "also").open("a", encoding="utf-8") as places:
        places.write(f"{folder}\n")


def end_abandoned() -> None:
    """Stop and remove the servers of sessions that were killed."""
    if not FOLDER.exists():
        return
    with _alone():
        for folder in FOLDER.iterdir():
            if not folder.is_dir():
                continue
            with (folder / "lock").open("a") as lock:
                if _taken(lock):
                    _end(folder)


def _end(folder: Path) -> None:
    also = folder / "also"
    for place in [folder, *map(Path, also.read_text(encoding="utf-8").splitlines() if also.exists() else ())]:
        for record in list(place.rglob("postgres-*/server.json")):
            embedded.destroy(record.parent.parent)
    shutil.rmtree(folder)


@contextlib.contextmanager
def _made() -> Iterator[Path]:
    with ExitStack() as stack:
        with _alone():
            folder = Path(tempfile.mkdtemp(dir=FOLDER, prefix=f"{os.getpid()}-"))
            assert _taken(stack.enter_context((folder / "lock").open("a")))
        yield folder
        shutil.rmtree(folder)


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """While no other process makes a folder or looks for abandoned ones."""
    FOLDER.mkdir(mode=0o700, exist_ok=True)
    with (FOLDER / "lock").open("a") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX)
        yield


def _taken(lock: TextIO) -> bool:
    """Take the lock; return False if another process has it. A forked child does not have its parent's."""
    try:
        fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
