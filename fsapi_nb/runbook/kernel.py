"""A fresh kernel of this Python, and cells run in it one by one. Knows neither databases nor reports.

nbclient sees to the messages and outputs. The id of a cell travels with its request, as JupyterLab sends it.
Whoever interrupts is heard at once: the kernel is told, and the cell ends by itself.
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
#: So long a cell may take to end once it was interrupted; the kernel is killed then.
_GRACE = 20.0
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class End(Enum):
    """How a cell ended."""

    DONE = "done"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    KERNEL_DIED = "the kernel died"


@dataclass(frozen=True, slots=True)
class CellOutcome:
    """How a cell ended; of an error its name and text, as the kernel tells them."""

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
        """Whether somebody has asked for the end."""
        return self._interrupts > 0

    def interrupt(self) -> None:
        """Tell the kernel; at the second time, or before it can hear, kill it."""
        self._interrupts += 1
        self._stopping()
        self._later(self._interrupt() if self._ready and self._interrupts == 1 else self._kill())

    def _later(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _interrupt(self) -> None:
        with contextlib.suppress(RuntimeError):  # it has ended meanwhile
            await self._manager.interrupt_kernel()
        await asyncio.sleep(_GRACE)
        await self._kill()

    async def _kill(self) -> None:
        with contextlib.suppress(RuntimeError):
            await self._manager.shutdown_kernel(now=True)

    async def start(self, folder: Path, environment: Mapping[str, str]) -> None:
        """Start it. Raises ConfigurationError where it does not, Interrupted where it was stopped meanwhile."""
        try:
            await self._client.async_start_new_kernel(cwd=str(folder), env=dict(environment))
            await self._client.async_start_new_kernel_client()
        except (OSError, RuntimeError) as error:
            if self.interrupted:
                raise Interrupted("stopped before the first cell", UNCHANGED) from None
            raise ConfigurationError(f"no kernel of this Python started: {error}", state=UNCHANGED) from None
        self._ready = True

    async def run(self, cell: Any, number: int) -> CellOutcome:
        """Run a cell; its outputs are put below it as they come."""
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

    async def tell(self, source: str) -> None:
        """Run something that is no cell: it is in no history, and gives no outputs."""
        if source:
            request = self._client.kc.execute(source, silent=True, store_history=False)
            await self._client.async_wait_for_reply(request)

    async def close(self) -> None:
        """End the kernel, whatever it does."""
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
    """A kernel in that folder, with that environment; gone at the end. `stopping` is called when it is interrupted.

    Raises what `Kernel.start` does.
    """
    with tempfile.TemporaryDirectory(prefix="fsapi_nb-") as private:
        client, manager = _client_and_manager(document, private)
        kernel = Kernel(client, manager, stopping)
        with _heard(kernel.interrupt):
            try:
                await kernel.start(folder, environment)
                yield kernel
            finally:
                await kernel.close()


def _client_and_manager(document: Any, private: str) -> tuple[Any, Any]:
    try:
        from ipykernel.kernelspec import get_kernel_dict
        from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
        from jupyter_client.manager import AsyncKernelManager
        from jupyter_client.session import Session
        from nbclient import NotebookClient
    except ImportError as error:
        hint = "install what it needs: pip install 'fsapi_nb[runbook]'."
        raise ConfigurationError(f"{error.name} is not installed, and runbooks need it", hint=hint) from None

    class ThisPython(KernelSpecManager):
        """Knows one kernel, whatever is installed: that of the Python that runs us."""

        def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
            found: dict[str, Any] = get_kernel_dict()
            return KernelSpec(resource_dir="", **found | {"argv": [sys.executable, *found["argv"][1:]]})

    class TellingSession(Session):
        """Sends the id of the cell with each request to run it."""

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

    manager = AsyncKernelManager(
        kernel_spec_manager=ThisPython(),
        session=TellingSession(),
        transport="ipc",  # sockets in a folder that is ours alone: nobody on the machine's network hears a secret
        connection_file=f"{private}/kernel.json",
    )
    client = NotebookClient(
        document, km=manager, timeout=None, startup_timeout=_START_SECONDS, record_timing=True, coalesce_streams=True
    )
    client.log.disabled = True  # a dead kernel is told in our words
    return client, manager


@contextlib.contextmanager
def _heard(interrupted: Callable[[], None]) -> Iterator[None]:
    """Have the signals that ask for the end heard by the event loop; afterwards as before."""
    loop = asyncio.get_running_loop()
    before = {each: signal.getsignal(each) for each in _SIGNALS}
    try:
        for each in _SIGNALS:
            loop.add_signal_handler(each, interrupted)
    except (RuntimeError, ValueError):  # not the main thread: whoever runs us there has signals of its own
        yield
        return
    try:
        yield
    finally:
        for each, handler in before.items():
            loop.remove_signal_handler(each)
            signal.signal(each, handler)
