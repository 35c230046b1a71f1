"""Kernels that start in a third of the time: forked by a process that has imported the libraries, and not fsapi_nb.

A front end starts a small program (`LAUNCHER`), which asks that process (`forking.py`) for a fork, passes signals on to
it, and ends as the kernel ends; if the launcher is killed, so is the kernel. Tests of kernels themselves start real
ones.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests import session_servers

_folder = pytest.StashKey[Path]()
#: Run without `site`, which takes longer than the rest.
LAUNCHER = """
import json, os, signal, socket, sys
kernel = socket.socket(socket.AF_UNIX)
kernel.connect(sys.argv[1])
asked = json.dumps([sys.argv[2:], os.getcwd(), dict(os.environ)]).encode()
socket.send_fds(kernel, [len(asked).to_bytes(4, "big")], [0, 1, 2])
kernel.sendall(asked)
pid = int.from_bytes(kernel.recv(4), "big")
for each in (signal.SIGINT, signal.SIGTERM):
    signal.signal(each, lambda number, _: os.kill(pid, number))
ended = kernel.recv(4)
os._exit(int.from_bytes(ended, "big") if ended else 1)
"""


def prepared(config: pytest.Config) -> Path:
    """Return a folder for JUPYTER_PATH whose kernel `python3` is forked; the process that forks ends with pytest."""
    if _folder not in config.stash:
        stack = ExitStack()
        config.add_cleanup(stack.close)
        config.stash[_folder] = session_servers.folder_of(config) / "prepared"
        if hasattr(os, "pidfd_open"):  # elsewhere than on Linux, the folder is empty, and the kernel is the usual one
            stack.enter_context(_started(config.stash[_folder]))
    return config.stash[_folder]


@contextmanager
def _started(folder: Path) -> Iterator[None]:
    address = folder / "kernels.socket"
    spec = folder / "kernels" / "python3"
    spec.mkdir(parents=True)
    (spec / "launcher.py").write_text(LAUNCHER, encoding="utf-8")
    command = [sys.executable, "-I", "-S", str(spec / "launcher.py"), str(address), "-f", "{connection_file}"]
    known = {"argv": command, "display_name": "Python 3 (ipykernel)", "language": "python"}
    (spec / "kernel.json").write_text(json.dumps(known), encoding="utf-8")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(address))
        listener.listen(16)
        command = [sys.executable, str(Path(__file__).with_name("forking.py")), str(listener.fileno())]
        with subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=[listener.fileno()]) as process:
            yield
            process.communicate(timeout=60)  # which closes its standard input
