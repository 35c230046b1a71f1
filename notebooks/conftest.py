"""What nbval leaves undone: cells that fail without an error output, and a server that nobody stops.

pytest collects the notebooks by itself (`--nbval --nbval-current-env` in pyproject.toml), each in a kernel of its own.
"""

from __future__ import annotations

from typing import Any

import pytest


@pytest.hookimpl(trylast=True)  # when pytest has set up the notebook, and with it the kernel
def pytest_runtest_setup(item: Any) -> None:
    """Listen to the kernel's replies, and let it end in peace after the notebook's last cell."""
    kernel = item.parent.kernel
    if not hasattr(kernel, "replies"):
        kernel.replies = []
        kernel.kc.get_shell_msg = _keeping(kernel.kc.get_shell_msg, kernel.replies)
        item.parent.addfinalizer(lambda: _end(kernel))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: Any) -> Any:
    """Fail a cell that the kernel calls failed, though it gave no error output.

    IPython's UsageError (an unknown magic, say) is only printed, and nbval looks at outputs only (nbval issue #147).
    """
    result = yield  # a cell that is skipped, or fails by itself, raises here
    reply = item.parent.kernel.replies[-1]
    if reply["status"] == "error" and not item.options["check_exception"]:
        item.raise_cell_error(f"Cell failed without an error output: {reply['ename']}: {reply['evalue']}")
    return result


def _keeping(receive: Any, replies: list[Any]) -> Any:
    def receive_and_keep(**options: Any) -> Any:
        message = receive(**options)
        if message["msg_type"] == "execute_reply":
            replies.append(message["content"])
        return message

    return receive_and_keep


def _end(kernel: Any) -> None:
    """Ask the kernel to end; nbval would kill it, and a killed process stops no embedded server."""
    kernel.kc.stop_channels()
    kernel.km.shutdown_kernel()
