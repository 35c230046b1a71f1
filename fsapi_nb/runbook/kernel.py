"""A new kernel of this Python, in which cells run one by one. Does not depend on databases or reports.

nbclient exchanges the messages and collects the outputs. The id of a cell is sent with its request, as JupyterLab does.
An interrupt is passed on to the kernel at once: the cell cancels its statement on the server and ends by itself. Only if
that takes too long, or at a second interrupt, the kernel is killed.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from fsapi_nb.errors import UNCHANGED, ConfigurationError, Interrupted

_START_SECONDS = 120
_GRACE = 20.0  # seconds that an interrupted cell has to end before the kernel is killed
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class End(Enum):
    """How a cell ended."""

    DONE = "done"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    KERNEL_DIED = "the kernel died"


@dataclass(frozen=True, slots=True)
class CellOutcome:
    """How a cell ended; after an error also its name and text, as the kernel reports them."""

    end: End
    name: str = ""
    text: str = ""


class Kernel:
    """A kernel that runs the cells of one notebook."""

    def __init__(self, client: Any, manager: Any, stopping: Callable[[], None]) -> None:
        self._client = client
        self._stopping = stopping
        self._manager = manager
        self._interrupts = 0
        self._ready = False
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def interrupted(self) -> bool:
        """Whether the run was interrupted."""
        return self._interrupts > 0

    def interrupt(self) -> None:
        """Interrupt the kernel; kill it at the second call, or if it has not started yet."""
        self._interrupts += 1
        self._stopping()
        self._later(self._interrupt() if self._ready and self._interrupts == 1 else self._kill())

    def _later(self, work: Any) -> None:
        # asyncio itself keeps no reference to a task: it could be collected before it has run.
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _interrupt(self) -> None:
        with contextlib.suppress(RuntimeError):  # the kernel has ended meanwhile
            await self._manager.interrupt_kernel()
        await asyncio.sleep(_GRACE)
        await self._kill()

    async def _kill(self) -> None:
        with contextlib.suppress(RuntimeError):
            await self._manager.shutdown_kernel(now=True)

    async def start(self, folder: Path, environment: Mapping[str, str]) -> None:
        """Start the kernel in that folder. Raises ConfigurationError if that fails, Interrupted if it was stopped."""
        try:
            await self._client.async_start_new_kernel(cwd=str(folder), env=dict(environment))
            await self._client.async_start_new_kernel_client()
        except (OSError, RuntimeError) as error:
            if self.interrupted:
                raise Interrupted("stopped before the first cell", UNCHANGED) from None
            raise ConfigurationError(f"no kernel of this Python started: {error}", state=UNCHANGED) from None
        self._ready = True

    async def run(self, cell: Any, number: int) -> CellOutcome:
        """Run a cell and return how it ended. Its outputs are added to `cell` as they arrive."""
        from nbclient.exceptions import CellExecutionError, DeadKernelError

        self._client.kc.session.cell = cell.id  # a clone of the manager's
        try:
            await self._client.async_execute_cell(cell, number)
        except CellExecutionError as error:
            end = End.INTERRUPTED if self.interrupted else End.FAILED
            return CellOutcome(end, str(error.ename), str(error.evalue))
        except DeadKernelError:
            return CellOutcome(End.INTERRUPTED if self.interrupted else End.KERNEL_DIED)
        return CellOutcome(End.INTERRUPTED if self.interrupted else End.DONE)

    async def run_silently(self, source: str) -> None:
        """Run code that is not a cell: it leaves no outputs and is not in the kernel's history."""
        if source:
            request = self._client.kc.execute(source, silent=True, store_history=False)
            await self._client.async_wait_for_reply(request)

    async def close(self) -> None:
        """Shut the kernel down; kill it if the run was interrupted."""
        for task in self._tasks:
            task.cancel()
        try:
            if await self._manager.is_alive():
                await self._manager.shutdown_kernel(now=self.interrupted)
        finally:
            await self._manager.cleanup_resources()
            if self._client.kc is not None:
                self._client.kc.stop_channels()


@asynccontextmanager
async def started(
    document: Any, folder: Path, environment: Mapping[str, str], stopping: Callable[[], None]
) -> AsyncIterator[Kernel]:
    """Start a kernel, and shut it down after the block.

    SIGINT, SIGTERM and SIGHUP interrupt the kernel while the block runs, if this is the main thread.

    Args:
        document: The notebook whose cells it runs.
        folder: Its working folder.
        environment: All its environment variables.
        stopping: Called at each interrupt.

    Raises:
        ConfigurationError: A library is missing, or the kernel does not start.
        Interrupted: The start was interrupted.
    """
    with tempfile.TemporaryDirectory(prefix="fsapi_nb-") as private:
        client, manager = _client_and_manager(document, private)
        kernel = Kernel(client, manager, stopping)
        with _signals_handled(kernel.interrupt):  # before the start, which may take long and can be interrupted, too
            try:
                await kernel.start(folder, environment)
                yield kernel
            finally:
                await kernel.close()


def _client_and_manager(document: Any, private: str) -> tuple[Any, Any]:
    """Return nbclient's client and Jupyter's manager of a kernel that is not started yet. Raises ConfigurationError."""
    try:
        from nbclient import NotebookClient

        manager = _manager(private)
    except ImportError as error:
        hint = "install what it needs: pip install 'fsapi_nb[runbook]'."
        raise ConfigurationError(f"{error.name} is not installed, and runbooks need it", hint=hint) from None
    client = NotebookClient(
        document, km=manager, timeout=None, startup_timeout=_START_SECONDS, record_timing=True, coalesce_streams=True
    )
    client.log.disabled = True  # a dead kernel is reported by the runbook
    return client, manager


def _manager(private: str) -> Any:
    """Return the manager of a kernel whose sockets are in a private folder. Raises ImportError."""
    from ipykernel.kernelspec import get_kernel_dict
    from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
    from jupyter_client.manager import AsyncKernelManager
    from jupyter_client.session import Session

    # The classes are made here because their bases are imported only when a runbook is run.
    class ThisPython(KernelSpecManager):
        """The only kernel that can be chosen, whatever is installed: that of the Python that runs fsapi_nb."""

        def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
            found: dict[str, Any] = get_kernel_dict()
            return KernelSpec(resource_dir="", **found | {"argv": [sys.executable, *found["argv"][1:]]})

    class CellSession(Session):
        """A session that sends the id of the cell with each request to run it, as JupyterLab does."""

        cell = ""

        def msg(
            self,
            msg_type: str,
            content: Any = None,
            parent: Any = None,
            header: Any = None,
            metadata: Any = None,
        ) -> dict[str, Any]:
            if msg_type == "execute_request" and not (content or {}).get("silent"):
                metadata = {**(metadata or {}), "cellId": self.cell}
            return super().msg(msg_type, content, parent, header, metadata)

    return AsyncKernelManager(
        kernel_spec_manager=ThisPython(),
        session=CellSession(),
        transport="ipc",  # TCP ports on localhost are open to every account of the machine
        connection_file=f"{private}/kernel.json",
    )


@contextlib.contextmanager
def _signals_handled(interrupted: Callable[[], None]) -> Iterator[None]:
    """Let the event loop handle the signals that ask a process to end; restore their handlers after the block."""
    loop = asyncio.get_running_loop()
    before = {each: signal.getsignal(each) for each in _SIGNALS}
    try:
        for each in _SIGNALS:
            loop.add_signal_handler(each, interrupted)
    except (RuntimeError, ValueError):  # not the main thread: signals belong to the program that called fsapi_nb
        yield
        return
    try:
        yield
    finally:
        for each, handler in before.items():
            loop.remove_signal_handler(each)
            signal.signal(each, handler)
