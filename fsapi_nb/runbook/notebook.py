"""Notebooks as files: read one to be executed, write one that was. The original is never written to."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fsapi_nb.errors import UNCHANGED, ConfigurationError, UsageError
from fsapi_nb.project.regular_file import read_regular
from fsapi_nb.runbook.parameters import INJECTED, TAG


@dataclass(frozen=True, slots=True)
class Original:
    """A notebook as it was found: its file, the digest of its bytes, and its document."""

    path: Path
    digest: str
    document: Any

    @property
    def name(self) -> str:
        """The file's name."""
        return self.path.name


def read(path: Path) -> Original:
    """A notebook without outputs, each cell with an id. Raises UsageError where there is none that can be run."""
    nbformat = _nbformat()
    try:
        content = read_regular(path)
        document = nbformat.reads(content.decode(), as_version=4)
    except OSError as error:
        what = "there is no notebook" if isinstance(error, FileNotFoundError) else "the notebook cannot be read:"
        raise UsageError(f"{what} {path.name}", details=(f"  {path}: {error.strerror}",), state=UNCHANGED) from None
    except Exception as error:  # noqa: BLE001 - nbformat raises what its parsers raise
        hint = "is it an .ipynb file, and saved?"
        raise UsageError(f"{path.name} is no notebook: {_first_line(error)}", state=UNCHANGED, hint=hint) from None
    language = document.metadata.get("kernelspec", {}).get("language") or "python"
    if str(language).lower() != "python":
        raise UsageError(f"{path.name} is a notebook of {language}, not of Python", state=UNCHANGED)
    return Original(path.absolute(), hashlib.sha256(content).hexdigest(), _prepared(document))


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _prepared(document: Any) -> Any:
    """The document as it is before a run: what stands below its cells is of another one."""
    document.metadata.pop("widgets", None)
    if (document.nbformat, document.nbformat_minor) < (4, 5):
        document.nbformat_minor = 5
    for number, cell in enumerate(document.cells, start=1):
        cell.setdefault("id", f"cell-{number}")
        if cell.cell_type == "code":
            cell.outputs = []
            cell.execution_count = None
            cell.metadata.pop("execution", None)
    return document


def parameters_cell(document: Any) -> Any | None:
    """The first cell that is tagged so."""
    return next((cell for cell in document.cells if cell.cell_type == "code" and _has(cell, TAG)), None)


def inject(document: Any, source: str) -> Any:
    """Put a cell of that source where papermill puts it: for the injected one before, else behind the parameters."""
    new: Any = _nbformat().v4
    cell = new.new_code_cell(source, id=INJECTED, metadata={"tags": [INJECTED]})
    document.cells = [each for each in document.cells if not _has(each, INJECTED) and each.id != INJECTED]
    after = parameters_cell(document)
    document.cells.insert(0 if after is None else document.cells.index(after) + 1, cell)
    return cell


def as_code(document: Any, number: int) -> Any:
    """Make the cell of that number one of code, if it is raw; the cell."""
    cell = document.cells[number]
    if cell.cell_type != "code":
        new: Any = _nbformat().v4
        cell = document.cells[number] = new.new_code_cell(cell.source, id=cell.id, metadata=cell.metadata)
    return cell


def save(document: dict[str, Any], path: Path) -> None:
    """Write a notebook, whole or not at all."""
    nbformat = _nbformat()
    write(path, nbformat.writes(nbformat.from_dict(document)) + "\n")


def write(path: Path, text: str) -> None:
    """Write a file, whole or not at all; who may read it is for its folder to say."""
    unfinished = path.with_name(f".{path.name}.unfinished")
    unfinished.write_text(text, encoding="utf-8", errors="backslashreplace")
    os.replace(unfinished, path)


def _has(cell: Any, tag: str) -> bool:
    return tag in cell.metadata.get("tags", [])


def _nbformat() -> Any:
    try:
        import nbformat
    except ImportError:
        hint = "install what it needs: pip install 'fsapi_nb[runbook]'."
        raise ConfigurationError("nbformat is not installed, and runbooks need it", hint=hint) from None
    return nbformat
