"""Runs notebooks and stores them with their outputs: `uv run python -m tests.notebook.store [NOTEBOOK ...]`.

What differs from run to run or from machine to machine is left out: times, durations, the kernel, the versions,
widgets' state. So a notebook that was stored again without a change is the same file.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nbformat
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbval.kernel import CURRENT_ENV_KERNEL_NAME, NbvalKernelspecManager

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
_METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
#: What a front end sets for its kernels, and would make a notebook behave as in that front end.
_FRONT_END = "JPY_SESSION_NAME"


def execute(notebook: Any, folder: Path, *, allow_errors: bool = False) -> None:
    """Run the notebook in `folder`, in a kernel of this very Python. Raises nbclient's CellExecutionError."""
    specs = NbvalKernelspecManager()
    runner = NotebookClient(
        notebook,
        km=AsyncKernelManager(kernel_name=CURRENT_ENV_KERNEL_NAME, kernel_spec_manager=specs),
        resources={"metadata": {"path": str(folder)}},
        allow_errors=allow_errors,
        record_timing=False,
        store_widget_state=False,
    )
    runner.execute(cleanup_kc=True)  # otherwise it keeps a kernel that is not its own manager's


def run(path: Path) -> Any:
    """The notebook with the outputs of a run, and nothing that belongs to this run alone."""
    notebook: Any = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    execute(notebook, path.parent)
    return clean(notebook)


def clean(notebook: Any) -> Any:
    """Take out what differs from run to run; tags are the only metadata of cells that stay."""
    notebook.metadata = nbformat.from_dict(_METADATA)  # type: ignore[no-untyped-call]
    for cell in notebook.cells:
        cell.metadata = {key: value for key, value in cell.metadata.items() if key == "tags"}
        for output in cell.get("outputs", ()):
            if "metadata" in output:
                output.metadata = {}
    return notebook


def main(arguments: Sequence[str]) -> None:
    """Run and store the notebooks that are named, or all."""
    os.environ.pop(_FRONT_END, None)
    for path in [Path(argument) for argument in arguments] or sorted(NOTEBOOKS.glob("*.ipynb")):
        nbformat.write(run(path), path)  # type: ignore[no-untyped-call]
        print(f"stored {path}")


if __name__ == "__main__":
    main(sys.argv[1:])
