"""`--fsapi-nbval`: fail cells that fail without an error output, and let kernels shut down. For nbval's own cells only.

IPython only prints its UsageError (for an unknown magic, for example), and nbval compares outputs only (nbval issue
#147). And nbval kills its kernels: a killed process does not stop its embedded server.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import pytest


class Cells:
    """The pytest hooks around nbval's cells, which are items of `kind`."""

    def __init__(self, kind: type[pytest.Item]) -> None:
        self._kind = kind

    @pytest.hookimpl(trylast=True)  # after pytest has set up the notebook, and with it the kernel
    def pytest_runtest_setup(self, item: Any) -> None:
        """Keep the kernel's replies, and shut it down after the notebook's last cell."""
        if not isinstance(item, self._kind):
            return
        kernel = _kernel_of(item)
        if not hasattr(kernel, "replies"):
            kernel.replies = []
            kernel.kc.get_shell_msg = _keeping(kernel.kc.get_shell_msg, kernel.replies)
            notebook: Any = item.parent
            notebook.addfinalizer(lambda: _end(kernel))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: Any) -> Generator[None, None, None]:
        """Fail a cell if the kernel's reply says so, even without an error output; unless its tags expect an error."""
        replies = _kernel_of(item).replies if isinstance(item, self._kind) else []
        replies.clear()
        yield  # a cell that is skipped or that nbval fails raises here
        for reply in replies:
            if reply["status"] == "error" and not item.options["check_exception"]:
                item.raise_cell_error(f"Cell failed without an error output: {reply['ename']}: {reply['evalue']}")


def _kernel_of(item: Any) -> Any:
    return item.parent.kernel


def _keeping(receive: Callable[..., Any], replies: list[Any]) -> Callable[..., Any]:
    """Return `receive` as a function that also appends each reply to `replies`."""

    def receive_and_keep(**options: Any) -> Any:
        message = receive(**options)
        if message["msg_type"] == "execute_reply":
            replies.append(message["content"])
        return message

    return receive_and_keep


def _end(kernel: Any) -> None:
    """Shut the kernel down before nbval kills it, so that it stops its embedded server."""
    kernel.kc.stop_channels()
    kernel.km.shutdown_kernel()
