"""`--fsapi-nbval`: cells that fail without an error output fail, and kernels end in peace. For nbval's own cells only.

IPython's UsageError (an unknown magic, say) is only printed, and nbval looks at outputs only (nbval issue #147). And it
kills its kernels: a killed process stops no embedded server.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import pytest


class Cells:
    """The hooks around nbval's cells, which are items of `kind`."""

    def __init__(self, kind: type[pytest.Item]) -> None:
        self._kind = kind

    @pytest.hookimpl(trylast=True)  # when pytest has set up the notebook, and with it the kernel
    def pytest_runtest_setup(self, item: Any) -> None:
        """Listen to the kernel's replies, and let it end in peace after the notebook's last cell."""
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
        """Fail a cell that the kernel calls failed, though it gave no error output; unless it is tagged so."""
        replies = _kernel_of(item).replies if isinstance(item, self._kind) else []
        replies.clear()
        yield  # a cell that is skipped, or fails by itself, raises here
        for reply in replies:
            if reply["status"] == "error" and not item.options["check_exception"]:
                item.raise_cell_error(f"Cell failed without an error output: {reply['ename']}: {reply['evalue']}")


def _kernel_of(item: Any) -> Any:
    return item.parent.kernel


def _keeping(receive: Callable[..., Any], replies: list[Any]) -> Callable[..., Any]:
    """The kernel's way to give a message, with its replies kept."""

    def receive_and_keep(**options: Any) -> Any:
        message = receive(**options)
        if message["msg_type"] == "execute_reply":
            replies.append(message["content"])
        return message

    return receive_and_keep


def _end(kernel: Any) -> None:
    """Ask the kernel to end, which nbval would kill."""
    kernel.kc.stop_channels()
    kernel.km.shutdown_kernel()
