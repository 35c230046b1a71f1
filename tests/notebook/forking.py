"""The process that forks prepared kernels, see `prepared.py`. It imports nothing of fsapi_nb: each kernel does that itself."""

from __future__ import annotations

import builtins
import contextlib
import json
import os
import selectors
import signal
import socket
import sys
from types import SimpleNamespace
from typing import Any, NoReturn

_IMPORTED = (
    "ipykernel.kernelapp",
    "ipykernel.ipkernel",
    "ipykernel.zmqshell",
    "pandas",
    "psycopg",
    "anywidget",
    "rich",
)


def _serve(listener: socket.socket) -> None:
    """Fork a kernel for each connection, until standard input ends."""
    waiting = selectors.DefaultSelector()
    waiting.register(sys.stdin, selectors.EVENT_READ)
    waiting.register(listener, selectors.EVENT_READ)
    kernels: dict[int, tuple[int, socket.socket]] = {}  # by their process's descriptor
    while True:
        for key, _ in waiting.select():
            if key.fileobj is sys.stdin:
                for pid, _ in kernels.values():
                    os.killpg(pid, signal.SIGKILL)
                return
            if key.fileobj is listener:
                launcher, _ = listener.accept()
                pid = _fork(launcher)
                process = os.pidfd_open(pid)
                kernels[process] = (pid, launcher)
                waiting.register(process, selectors.EVENT_READ)
                waiting.register(launcher, selectors.EVENT_READ, pid)
                launcher.sendall(pid.to_bytes(4, "big"))
            elif key.fd in kernels:
                pid, launcher = kernels.pop(key.fd)
                _, status = os.waitpid(pid, 0)
                waiting.unregister(key.fd)
                os.close(key.fd)
                with contextlib.suppress(KeyError, ValueError, OSError):  # the launcher was killed
                    waiting.unregister(launcher)
                    launcher.sendall(abs(os.waitstatus_to_exitcode(status)).to_bytes(4, "big"))
                launcher.close()
            else:  # a launcher that was killed
                with contextlib.suppress(KeyError, ValueError):  # the kernel has ended in the same moment
                    waiting.unregister(key.fileobj)
                    os.killpg(key.data, signal.SIGKILL)


def _fork(launcher: socket.socket) -> int:  # noqa: RET503 - the child never returns
    """Fork a kernel that is what the launcher would be; return its pid."""
    head, descriptors, _, _ = socket.recv_fds(launcher, 4, 3)
    size, asked = int.from_bytes(head, "big"), b""
    while len(asked) < size:
        asked += launcher.recv(size - len(asked))
    pid = os.fork()
    if pid:
        for each in descriptors:
            os.close(each)
        return pid
    _become(descriptors, *json.loads(asked))


def _become(descriptors: list[int], arguments: list[str], folder: str, environment: dict[str, str]) -> NoReturn:
    os.setsid()
    for number, each in enumerate(descriptors):
        os.dup2(each, number)
    os.closerange(3, 1024)  # what this process holds for other kernels
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    os.environ.pop("JPY_PARENT_PID", None)  # the launcher's parent
    # Without a parent, the kernel would say how to connect to it.
    sys.argv = ["ipykernel_launcher.py", *arguments, f"--IPKernelApp.parent_handle={os.getppid()}"]
    sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w", buffering=1), open(2, "w", buffering=1)  # noqa: SIM115
    sys.__stdin__, sys.__stdout__, sys.__stderr__ = sys.stdin, sys.stdout, sys.stderr  # type: ignore[misc]
    main: Any = sys.modules["__main__"]
    main.__file__ = None
    from ipykernel import kernelapp

    kernelapp.launch_new_instance()
    sys.exit()  # with what is to be done at exit, such as to stop a server


if __name__ == "__main__":
    sys.path.pop(0)  # this folder
    builtins.get_ipython = lambda: SimpleNamespace(kernel=None)  # type: ignore[attr-defined]  # pandas asks for it
    for name in _IMPORTED:
        __import__(name)
    del builtins.get_ipython  # type: ignore[attr-defined]
    _serve(socket.socket(fileno=int(sys.argv[1])))
