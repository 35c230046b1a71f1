"""What initdb has made, packed in one file of the user's cache folder: a further cluster is unpacked from it.

    $XDG_CACHE_HOME/fsapi_nb/templates/       0700; ~/.cache, where that is not set
      postgres-18.6-<key>-<checksum>.tar      the key is of all that initdb's result depends on

Whoever could change a template would have his code run by every server made of it. So it is used only where nobody
else could have put it there, and it is handed on as an open file, never by its name. The checksum is for what a full
disk, a kill or a power cut leave. Where we are root, it is packed and unpacked by the account that servers run as, and
as much to be trusted as their data. Nothing needs a template: without one, initdb is run. It has the identifier of
the cluster that it was made with; giving each copy its own is for the caller.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
import tempfile
import time
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from fsapi_nb.errors import EmbeddedServerError
from fsapi_nb.servers.embedded.account import Account
from fsapi_nb.servers.embedded.command import run
from fsapi_nb.servers.embedded.permissions import is_anchored, is_own_file, is_private

_SECONDS = 60  # to pack or unpack
_FORGOTTEN = 30 * 86_400  # seconds, after which one that nobody has used goes
_ABANDONED = 3_600  # seconds, after which a draft's process is taken for dead
_PIECE_BYTES = 1 << 20
_LOCAL = ("TZ", "TZDIR", "LOCPATH", "LOCALE_ARCHIVE")  # variables that decide which time zone and locales there are


@dataclass(frozen=True, slots=True)
class Template:
    """The packed data folder of one initdb, there or not: `folder` is the cache, `name` all but the checksum."""

    folder: Path
    name: str

    def is_there(self) -> bool:
        """Whether there is one, whatever it is worth."""
        return bool(self._files())

    def unpack(self, into: Path, account: Account | None, *, passed: tuple[int, ...] = ()) -> bool:
        """Unpack it into an empty folder, as `account`; False where there is none, or that failed half-way.

        `passed` are the descriptors that the tool gets which does it.
        """
        for path in self._files():
            with contextlib.suppress(OSError), open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
                if is_own_file(file.fileno(), os.geteuid()) and path.name == self._name_with(_checksum(file.fileno())):
                    os.utime(file.fileno())
                    return _tar(["-x"], into, account, source=file.fileno(), passed=passed)
            path.unlink(missing_ok=True)  # damaged, or another could have put it there
        return False

    def pack(self, data: Path, account: Account | None) -> None:
        """Make it of a data folder that no server has run in; what keeps it from being made is passed over."""
        with contextlib.suppress(OSError):
            descriptor, draft = tempfile.mkstemp(prefix="new-", dir=self.folder)
            try:
                if _tar(["-c", "."], data, account, sink=descriptor):
                    self.forget()
                    os.replace(draft, self.folder / self._name_with(_checksum(descriptor)))
            finally:
                os.close(descriptor)
                Path(draft).unlink(missing_ok=True)
            self._sweep()

    def forget(self) -> None:
        """Delete it, if it is there."""
        for path in self._files():
            path.unlink(missing_ok=True)

    def _files(self) -> list[Path]:
        """It; where two processes have made it at once, both of theirs."""
        return sorted(self.folder.glob(f"{self.name}-*.tar"))

    def _name_with(self, checksum: int) -> str:
        return f"{self.name}-{checksum:08x}.tar"

    def _sweep(self) -> None:
        """Delete templates that were not used for long, and what killed processes have left."""
        now = time.time()
        for pattern, age in (("postgres-*.tar", _FORGOTTEN), ("new-*", _ABANDONED)):
            for path in self.folder.glob(pattern):
                if now - path.lstat().st_mtime > age:
                    path.unlink(missing_ok=True)


def find_template(bin_folder: Path, version: str, arguments: Iterable[str]) -> Template | None:
    """The template of these binaries and arguments of initdb; None where there is no cache folder, or no safe one."""
    folder = _cache_folder()
    with contextlib.suppress(OSError):  # binaries may be for running only, not for reading
        return Template(folder, f"postgres-{version}-{_key(bin_folder, arguments)}") if folder else None
    return None


def _cache_folder() -> Path | None:
    """The user's cache folder for us, made (0700) where absent; None where others could change what it holds."""
    caches = [Path(os.environ.get("XDG_CACHE_HOME", "")), Path(os.environ.get("HOME", ""), ".cache")]
    base = next((cache for cache in caches if cache.is_absolute()), None)
    if base is None:
        return None
    try:
        folder = (base / "fsapi_nb" / "templates").resolve()
        missing = [way for way in (folder, *folder.parents) if not way.exists()]
        # Root may have got another user's HOME, who should not find files of root's in his cache.
        if missing and is_anchored(missing[-1].parent, os.geteuid()):
            for way in reversed(missing):
                way.mkdir(mode=0o700, exist_ok=True)
        return folder if is_private(folder, os.geteuid()) and is_anchored(folder, os.geteuid()) else None
    except (OSError, RuntimeError):  # the latter is a loop of links
        return None


def _key(bin_folder: Path, arguments: Iterable[str]) -> str:
    """What initdb's result depends on, as 16 hexadecimal digits: the binaries' contents, what they are told, the time zone.

    Not where the binaries are: the same wheel in another virtual environment makes the same.
    """
    digest = hashlib.sha256("\0".join(arguments).encode())
    for tool in ("postgres", "initdb"):
        with (bin_folder / tool).open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    # initdb writes the time zone and locales that it finds into postgresql.conf.
    digest.update(repr([os.environ.get(name) for name in _LOCAL]).encode())
    localtime = Path("/etc/localtime")
    digest.update(os.fsencode(localtime.resolve()))
    with contextlib.suppress(OSError):
        digest.update(localtime.read_bytes())
    return digest.hexdigest()[:16]


def _checksum(descriptor: int) -> int:
    """The CRC-32 of an open file, whose position stays as it is. Raises OSError."""
    checksum, offset = 0, 0
    while piece := os.pread(descriptor, _PIECE_BYTES, offset):
        checksum, offset = zlib.crc32(piece, checksum), offset + len(piece)
    return checksum


def _tar(
    arguments: list[str],
    folder: Path,
    account: Account | None,
    *,
    source: int = subprocess.DEVNULL,
    sink: int = subprocess.PIPE,
    passed: tuple[int, ...] = (),
) -> bool:
    """Run tar in a folder; whether all went well. Where there is no tar, nothing does."""
    try:
        completed = run(
            ["tar", "-f", "-", *arguments],
            folder=folder,
            account=account,
            seconds=_SECONDS,
            passed=passed,
            source=source,
            sink=sink,
        )
    except EmbeddedServerError:
        return False
    return completed.returncode == 0
